//! §5.2, Base Framing Protocol: the header of a frame.

use crate::kit::*;
use rfc6455::framing::{Decoded, Frame, Header, Missing, NO_EXTENSION};
use rfc6455::{OpCode, Role, Violation};

/// Every header that the RFC allows, near every boundary of its fields.
fn headers() -> Vec<Header> {
    let mut headers = Vec::new();
    for opcode in [0x0, 0x1, 0x2, 0x8, 0x9, 0xA] {
        let opcode = OpCode::decode(opcode).unwrap();
        for length in LENGTHS {
            for fin in [false, true] {
                for mask in [None, Some(KEY), Some([0; 4])] {
                    if opcode.is_control() && (length > 125 || !fin) {
                        continue;
                    }
                    headers.push(Header {
                        fin,
                        rsv1: false,
                        opcode,
                        mask,
                        length,
                    });
                }
            }
        }
    }
    headers
}

const LENGTHS: [u64; 14] = [
    0,
    1,
    124,
    125,
    126,
    127,
    128,
    65534,
    65535,
    65536,
    65537,
    1 << 32,
    (1 << 63) - 2,
    (1 << 63) - 1,
];

#[test]
fn a_header_decodes_to_what_was_encoded() {
    for header in headers() {
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        assert_eq!(decoded(&bytes), Some((header, bytes.len())));
        // The payload behind it is not the header's business.
        let size = bytes.len();
        bytes.extend([0xFF; 20]);
        assert_eq!(decoded(&bytes), Some((header, size)));
    }
}

/// The bytes that a frame needs, as the header's bytes say it so far.
fn missing_after(header: &Header, bytes: &[u8], end: usize) -> Missing {
    let length_ends = match bytes.get(1).map(|second| second & 0x7F) {
        Some(126) => 4,
        Some(127) => 10,
        _ => 2,
    };
    match end {
        // The smallest frame has two bytes.
        0 => Missing::AtLeast(2),
        1 => Missing::AtLeast(1),
        // The rest of the header is known to come, the length of the payload is not known.
        end if end < length_ends => Missing::AtLeast((bytes.len() - end) as u64),
        // Only the key is missing, and the payload.
        end => Missing::Exactly((bytes.len() - end) as u64 + header.length),
    }
}

#[test]
fn every_prefix_of_a_header_says_how_many_bytes_are_missing() {
    for header in headers() {
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        for end in 0..bytes.len() {
            assert_eq!(
                Header::decode(&bytes[..end], NO_EXTENSION),
                Ok(Decoded::Incomplete(missing_after(&header, &bytes, end))),
                "{header:?} cut at {end}"
            );
        }
    }
}

#[test]
fn the_missing_bytes_make_the_frame_complete() {
    // Short enough that the payload can be there.
    for header in headers().iter().filter(|header| header.length < 70_000) {
        let frame = Frame {
            fin: header.fin,
            rsv1: header.rsv1,
            opcode: header.opcode,
            mask: header.mask,
            payload: &vec![b'x'; header.length as usize],
        };
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        for end in 0..bytes.len().min(14) {
            match Header::decode(&bytes[..end], NO_EXTENSION) {
                Ok(Decoded::Incomplete(Missing::Exactly(count))) => {
                    assert_eq!(end as u64 + count, bytes.len() as u64);
                }
                Ok(Decoded::Incomplete(Missing::AtLeast(count))) => {
                    assert!(count > 0 && end as u64 + count <= bytes.len() as u64);
                }
                Ok(Decoded::Header(whole, size)) => {
                    assert_eq!(
                        (whole, whole.length),
                        (*header, (bytes.len() - size) as u64)
                    );
                }
                Err(violation) => panic!("{violation}"),
            }
        }
    }
}

#[test]
fn a_reserved_bit_that_an_extension_defines_is_accepted_and_the_others_are_not() {
    const RSV1: u8 = 0b0100_0000;
    let header = Header {
        fin: true,
        rsv1: true,
        opcode: OpCode::Text,
        mask: None,
        length: 7,
    };
    let mut bytes = Vec::new();
    header.encode(&mut bytes);
    assert_eq!(bytes, [FIN | RSV1 | TEXT, 7]);
    assert_eq!(
        Header::decode(&bytes, RSV1),
        Ok(Decoded::Header(header, bytes.len()))
    );
    assert_eq!(
        Header::decode(&bytes, NO_EXTENSION),
        Err(Violation::ReservedBits(0b100))
    );
    assert_eq!(
        Header::decode(&[FIN | RSV1 | 0b0010_0000 | TEXT, 7], RSV1),
        Err(Violation::ReservedBits(0b110))
    );
}

/// Proves 5.2-7.
#[test]
fn the_fields_stand_where_the_diagram_has_them() {
    let header = |bytes: &[u8]| decoded(bytes).unwrap().0;
    assert!(header(&[0b1000_0001, 0]).fin);
    assert!(!header(&[0b0000_0001, 0]).fin);
    assert_eq!(header(&[0b1000_0010, 0]).opcode, OpCode::Binary);
    assert_eq!(
        header(&[0x81, 0b1000_0000, 1, 2, 3, 4]).mask,
        Some([1, 2, 3, 4])
    );
    assert_eq!(header(&[0x81, 0b0111_1101]).length, 125);
    assert_eq!(header(&[0x81, 126, 0x12, 0x34]).length, 0x1234);
    assert_eq!(
        header(&[0x81, 127, 0, 1, 2, 3, 4, 5, 6, 7]).length,
        0x0001_0203_0405_0607
    );
}

/// Proves 5.2-1, 5.2-2.
#[test]
fn a_reserved_bit_fails_the_connection() {
    for role in ROLES {
        for bits in 1..8 {
            let input = frame_for(role, FIN | bits << 4 | TEXT, b"Hello");
            assert_fails(role, &input, Violation::ReservedBits(bits));
        }
    }
}

/// Proves 5.2-3.
#[test]
fn an_unknown_opcode_fails_the_connection() {
    for role in ROLES {
        for opcode in [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF] {
            let input = frame_for(role, FIN | opcode, b"");
            assert_fails(role, &input, Violation::ReservedOpcode(opcode));
        }
    }
}

/// Proves 5.2-4.
#[test]
fn a_64_bit_length_with_the_most_significant_bit_fails_the_connection() {
    for length in [1 << 63, u64::MAX] {
        let input = [&[0x82, 127][..], &length.to_be_bytes()].concat();
        assert_fails(Role::Client, &input, Violation::LengthTopBit(length));
        let input = [&[0x82, 0x80 | 127][..], &length.to_be_bytes(), &KEY].concat();
        assert_fails(Role::Server, &input, Violation::LengthTopBit(length));
    }
}

/// Proves 5.2-5.
#[test]
fn a_length_that_a_shorter_form_could_hold_fails_the_connection() {
    for role in ROLES {
        let (mask, key) = match role {
            Role::Server => (0x80, &KEY[..]),
            Role::Client => (0, &[][..]),
        };
        for length in [0u16, 1, 124, 125] {
            let input = [&[0x82, mask | 126][..], &length.to_be_bytes(), key].concat();
            let length = u64::from(length);
            assert_fails(
                role,
                &input,
                Violation::LengthNotMinimal { bits: 16, length },
            );
        }
        for length in [0u64, 125, 126, 65535] {
            let input = [&[0x82, mask | 127][..], &length.to_be_bytes(), key].concat();
            assert_fails(
                role,
                &input,
                Violation::LengthNotMinimal { bits: 64, length },
            );
        }
    }
}

#[test]
fn what_is_refused_is_refused_at_the_first_byte_that_breaks_the_rule() {
    for (bytes, violation) in [
        (&[0xC1][..], Violation::ReservedBits(0b100)),
        (&[0x83], Violation::ReservedOpcode(3)),
        (&[0x09], Violation::FragmentedControl(9)),
        (&[0x89, 126], Violation::LongControl(9)),
        (
            &[0x82, 126, 0, 125],
            Violation::LengthNotMinimal {
                bits: 16,
                length: 125,
            },
        ),
    ] {
        assert_eq!(Header::decode(bytes, NO_EXTENSION), Err(violation));
        assert_eq!(decoded(&bytes[..bytes.len() - 1]), None);
    }
}

#[test]
fn payloads_at_every_boundary_of_the_length_pass_in_both_directions() {
    for role in ROLES {
        for length in [0, 1, 124, 125, 126, 127, 65534, 65535, 65536, 65537] {
            let payload: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let input = frame_for(role, FIN | BINARY, &payload);
            assert_eq!(first_seen(role, &input), Seen::binary(&payload));

            let (mut socket, sent) = open(role, []);
            socket.send(&payload).unwrap();
            assert_eq!(sent.take(), frame_from(role, FIN | BINARY, &payload));
        }
    }
}
