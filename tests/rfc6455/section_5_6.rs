//! §5.6, Data Frames, and §8.1, Handling Errors in UTF-8-Encoded Data.

use crate::kit::*;
use rfc6455::{Message, MessageKind, OwnedMessage, Role, Violation};

/// Texts that end in the middle of nothing.
const VALID: [&str; 9] = [
    "",
    "a",
    "Hello-µ@ßöäüàá-UTF-8!!",
    "κόσμε",
    "\u{0}\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}",
    "\u{d7ff}\u{e000}\u{fffd}\u{fffe}",
    "日本語",
    "😀😀",
    "e\u{301}",
];

/// Texts that are none, and where they stop being one: the offset of the offending sequence, and
/// how many bytes it takes to know that nothing can save it.
const INVALID: [(&[u8], u64, usize); 14] = [
    (b"\x80", 0, 1),
    (b"ab\xBF", 2, 3),
    (b"\xC0\x80", 0, 1),
    (b"\xC1\xBF", 0, 1),
    (b"\xC3\x28", 0, 2),
    (b"\xE0\x9F\xBF", 0, 2),
    (b"\xED\xA0\x80", 0, 2),
    (b"\xE2\x82\x28", 0, 3),
    (b"\xF0\x8F\xBF\xBF", 0, 2),
    (b"\xF4\x90\x80\x80", 0, 2),
    (b"\xF5\x80\x80\x80", 0, 1),
    (b"\xFF", 0, 1),
    (
        b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80edited",
        11,
        13,
    ),
    (b"\xF0\x9F\x98x", 0, 4),
];

/// Proves 5.6-1.
#[test]
fn a_text_may_be_cut_anywhere_and_must_be_utf8_as_a_whole() {
    for role in ROLES {
        for text in VALID {
            let bytes = text.as_bytes();
            assert_eq!(
                first_seen(role, &frame_for(role, FIN | TEXT, bytes)),
                Seen::text(text)
            );
            for cut in 0..=bytes.len() {
                let (first, last) = bytes.split_at(cut);
                let input = [
                    frame_for(role, TEXT, first),
                    frame_for(role, FIN | CONTINUATION, last),
                ];
                assert_eq!(first_seen(role, &input.concat()), Seen::text(text));
                // What is lacking at the end never comes.
                if !text.is_char_boundary(cut) {
                    let at = (0..cut)
                        .rev()
                        .find(|&at| text.is_char_boundary(at))
                        .unwrap() as u64;
                    let whole = frame_for(role, FIN | TEXT, first);
                    assert_fails(role, &whole, Violation::NotUtf8 { at });
                    let pieces = [
                        frame_for(role, TEXT, first),
                        frame_for(role, FIN | CONTINUATION, b""),
                    ];
                    assert_fails(role, &pieces.concat(), Violation::NotUtf8 { at });
                }
            }
        }
    }
}

/// Proves 8.1-1.
#[test]
fn a_text_that_is_not_utf8_fails_the_connection_with_1007() {
    for role in ROLES {
        for (bytes, at, _) in INVALID {
            let violation = Violation::NotUtf8 { at };
            assert_eq!(violation.close_code().0, 1007);
            assert_fails(role, &frame_for(role, FIN | TEXT, bytes), violation);
            for cut in 0..=bytes.len() {
                let (first, last) = bytes.split_at(cut);
                let input = [
                    frame_for(role, TEXT, first),
                    frame_for(role, FIN | CONTINUATION, last),
                ];
                assert_fails(role, &input.concat(), violation);
            }
        }
    }
}

#[test]
fn a_text_that_can_no_longer_become_utf8_fails_the_connection_at_that_byte() {
    for role in ROLES {
        for (bytes, at, known) in INVALID {
            // The frame announces more, and the stream stops where it can be known.
            let whole = [bytes, &[b' '; 100]].concat();
            let header = frame_for(role, FIN | TEXT, &whole).len() - whole.len();
            for first in [TEXT, FIN | TEXT] {
                let input = frame_for(role, first, &whole);
                assert_fails(role, &input[..header + known], Violation::NotUtf8 { at });
                // And not a byte earlier.
                let (seen, _) = conversation(role, &input[..header + known - 1], vec![]);
                assert!(matches!(seen[..], [Seen::Lost(_)]), "{seen:?}");
            }
        }
    }
}

#[test]
fn binary_is_not_interpreted() {
    for role in ROLES {
        for (bytes, _, _) in INVALID {
            let input = frame_for(role, FIN | BINARY, bytes);
            assert_eq!(first_seen(role, &input), Seen::binary(bytes));
        }
    }
}

#[test]
fn the_place_of_the_error_counts_from_the_beginning_of_the_message() {
    let input = [
        frame(TEXT, None, "12€".as_bytes()),
        frame(CONTINUATION, None, b"\xE2\x82"),
        frame(CONTINUATION, None, b"\xAC"),
        frame(FIN | CONTINUATION, None, b"8\xFF"),
    ]
    .concat();
    assert_fails(Role::Client, &input, Violation::NotUtf8 { at: 9 });
}

#[test]
fn a_message_that_owns_its_payload_is_the_same_message() {
    for message in [
        Message::from("text \u{e9}"),
        Message::from(""),
        Message::from(b"\x00\xFF\n"),
        Message::from(&[]),
    ] {
        let owned = message.to_owned();
        assert_eq!(owned.as_message(), message);
        assert_eq!(Message::from(&owned), message);
        assert_eq!(OwnedMessage::from(message), owned);
        assert_eq!(owned.to_string(), message.to_string());
        // It can be sent like any other, and arrives as what it was.
        for role in ROLES {
            let (mut socket, sent) = open(role, []);
            socket.send(&owned).unwrap();
            let first = FIN | message.opcode().encode();
            assert_eq!(sent.take(), frame_from(role, first, message.as_bytes()));
            let input = frame_for(role, first, message.as_bytes());
            assert_eq!(first_seen(role, &input), Seen::Message(owned.clone()));
        }
    }
}

#[test]
fn a_message_is_text_or_binary_and_shows_which() {
    let (text, binary) = (Message::from("caf\u{e9}"), Message::from(b"\x01\x02\xff"));
    assert_eq!(
        (text.kind(), text.as_text()),
        (MessageKind::Text, Some("caf\u{e9}"))
    );
    assert_eq!(
        (binary.kind(), binary.as_text()),
        (MessageKind::Binary, None)
    );
    assert_eq!(text.to_string(), "caf\u{e9}");
    assert_eq!(binary.to_string(), "[3 bytes: 01 02 ff]");
    assert_eq!(Message::from(b"!").to_string(), "[1 byte: 21]");
    assert_eq!(Message::from(&[]).to_string(), "[0 bytes]");
}
