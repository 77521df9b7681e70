//! What holds for the frame parser whatever it is fed. The fuzzer looks for an input for which it
//! does not; `cargo test` replays the corpus.

use rfc6455::{Header, Violation};

/// Checks all properties for one input.
pub fn check(input: &[u8]) {
    let answer = Header::decode(input);
    let longest_header = 14;
    for end in 0..input.len().min(longest_header) {
        match Header::decode(&input[..end]) {
            // More bytes, please.
            Ok(None) => {}
            // What has been said is never taken back.
            prefix => assert_eq!(prefix, answer, "of {end} bytes"),
        }
    }
    match answer {
        Ok(None) => assert!(input.len() < longest_header),
        Ok(Some((header, size))) => decoded(&header, &input[..size]),
        Err(violation) => refused(violation, input),
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
