//! §5.2, Base Framing Protocol: the header of a frame.

use crate::kit::*;
use rfc6455::{Header, OpCode, Role, Violation};

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
        assert_eq!(Header::decode(&bytes), Ok(Some((header, bytes.len()))));
        // The payload behind it is not the header's business.
        let size = bytes.len();
        bytes.extend([0xFF; 20]);
        assert_eq!(Header::decode(&bytes), Ok(Some((header, size))));
    }
}

#[test]
fn every_prefix_of_a_header_asks_for_more_bytes() {
    for header in headers() {
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        for end in 0..bytes.len() {
            assert_eq!(
                Header::decode(&bytes[..end]),
                Ok(None),
                "{header:?} cut at {end}"
            );
        }
    }
}

/// Proves 5.2-7.
#[test]
fn the_fields_stand_where_the_diagram_has_them() {
    let header = |bytes: &[u8]| Header::decode(bytes).unwrap().unwrap().0;
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
        assert_eq!(Header::decode(bytes), Err(violation));
        assert_eq!(Header::decode(&bytes[..bytes.len() - 1]), Ok(None));
    }
}

#[test]
fn payloads_at_every_boundary_of_the_length_pass_in_both_directions() {
    for role in ROLES {
        for length in [0, 1, 124, 125, 126, 127, 65534, 65535, 65536, 65537] {
            let payload: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let input = frame_for(role, FIN | BINARY, &payload);
            assert_eq!(first_seen(role, &input), Seen::Binary(payload.clone()));

            let (mut socket, sent) = open(role, []);
            socket.send(&payload).unwrap();
            assert_eq!(sent.take(), frame_from(role, FIN | BINARY, &payload));
        }
    }
}
