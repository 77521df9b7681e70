//! What is true of the frame parser for every input. The fuzzer looks for an input for which it is
//! not true. `cargo test` replays the corpus.

use rfc6455::Violation;
use rfc6455::framing::{Decoded, Header, Location, Missing, NO_EXTENSION};

/// Checks all properties for one input.
pub fn check(input: &[u8]) {
    let answer = Header::decode(input, NO_EXTENSION);
    let longest_header = 14;
    for end in 0..input.len().min(longest_header) {
        match Header::decode(&input[..end], NO_EXTENSION) {
            // More bytes are needed.
            Ok(Decoded::Incomplete(missing)) => needed(missing, end, &answer),
            // An answer never changes when more bytes arrive.
            prefix => assert_eq!(prefix, answer, "of {end} bytes"),
        }
    }
    match answer {
        Ok(Decoded::Incomplete(_)) => assert!(input.len() < longest_header),
        Ok(Decoded::Header(header, size)) => decoded(&header, &input[..size]),
        Err(violation) => refused(violation, input),
    }
    // What extensions may use changes an answer only if a reserved bit is set.
    if input.first().is_none_or(|first| first & 0b0111_0000 == 0) {
        assert_eq!(Header::decode(input, 0b0111_0000), answer);
    }
}

/// The number of missing bytes, said after `end` bytes, fits what the whole input says.
fn needed(missing: Missing, end: usize, answer: &Result<Decoded, Violation>) {
    let Ok(Decoded::Header(header, size)) = answer else {
        return;
    };
    let left = (size - end) as u64 + header.length;
    match missing {
        Missing::Exactly(count) => assert_eq!(count, left, "after {end} bytes"),
        Missing::AtLeast(count) => {
            assert!((1..=left).contains(&count), "after {end} bytes: {count}");
        }
    }
}

/// A header that was accepted gives back its bytes: there is one way to write it.
fn decoded(header: &Header, bytes: &[u8]) {
    let mut again = Vec::new();
    header.encode(&mut again);
    assert_eq!(again, bytes);
    assert!(header.length >> 63 == 0);
    assert!(!header.opcode.is_control() || (header.fin && header.length <= 125));
}

/// A refusal is for a reason that can be seen in the bytes.
fn refused(violation: Violation, input: &[u8]) {
    // The bytes that break the rule are here already.
    let Location::InHeader(place) = violation.location() else {
        panic!("{violation:?} is in no header");
    };
    assert!(!place.is_empty() && place.end <= input.len());
    let opcode = input[0] & 0x0F;
    match violation {
        Violation::ReservedBits(bits) => assert_eq!(bits, input[0] >> 4 & 7),
        Violation::ReservedOpcode(seen) => {
            assert_eq!(seen, opcode);
            assert!(![0x0, 0x1, 0x2, 0x8, 0x9, 0xA].contains(&opcode));
        }
        Violation::FragmentedControl(seen) => {
            assert_eq!(seen, opcode);
            assert!(opcode >= 8 && input[0] < 0x80);
        }
        Violation::LongControl(seen) => {
            assert_eq!(seen, opcode);
            assert!(opcode >= 8 && input[1] & 0x7F > 125);
        }
        Violation::LengthNotMinimal { bits: 16, length } => assert!(length <= 125),
        Violation::LengthNotMinimal { bits: 64, length } => assert!(length <= 65535),
        Violation::LengthTopBit(length) => assert!(length >= 1 << 63),
        other => panic!("a header cannot break {other:?}"),
    }
}
