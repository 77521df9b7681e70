//! §5.4, Fragmentation.

use crate::kit::*;
use rfc6455::{CloseCode, Error, Role, Violation};
use std::io::{self, Read, Write};

/// Proves 5.4-5, 5.4-2.
#[test]
fn fragmented_and_unfragmented_messages_are_received_with_their_fragments_in_order() {
    for role in ROLES {
        let message: Vec<u8> = (0..200).collect();
        for count in [1, 2, 3, 7, 200] {
            let mut input = Vec::new();
            let pieces: Vec<&[u8]> = message.chunks(message.len().div_ceil(count)).collect();
            for (i, piece) in pieces.iter().enumerate() {
                let fin = if i + 1 == pieces.len() { FIN } else { 0 };
                let opcode = if i == 0 { BINARY } else { CONTINUATION };
                input.extend(frame_for(role, fin | opcode, piece));
            }
            assert_eq!(first_seen(role, &input), Seen::binary(&message));
        }
    }
}

#[test]
fn fragments_may_be_empty_anywhere() {
    for role in ROLES {
        let input = [
            frame_for(role, TEXT, b""),
            frame_for(role, CONTINUATION, b""),
            frame_for(role, CONTINUATION, b"x"),
            frame_for(role, FIN | CONTINUATION, b""),
            frame_for(role, TEXT, b""),
            frame_for(role, FIN | CONTINUATION, b""),
        ]
        .concat();
        let (seen, _) = conversation(role, &input, vec![]);
        assert_eq!(seen[..2], [Seen::text("x"), Seen::text("")]);
    }
}

/// Proves 5.4-1.
#[test]
fn a_fragmented_control_frame_fails_the_connection() {
    for role in ROLES {
        for opcode in [CLOSE, PING, PONG] {
            let input = frame_for(role, opcode, b"");
            assert_fails(role, &input, Violation::FragmentedControl(opcode));
        }
    }
}

/// Proves 5.4-3.
#[test]
fn a_message_inside_an_unfinished_message_fails_the_connection() {
    for role in ROLES {
        for opcode in [TEXT, BINARY] {
            let input = [
                frame_for(role, TEXT, b"a"),
                frame_for(role, FIN | opcode, b"b"),
            ]
            .concat();
            assert_fails(role, &input, Violation::UnfinishedMessage(opcode));
        }
    }
}

#[test]
fn a_continuation_of_nothing_fails_the_connection() {
    for role in ROLES {
        for first in [CONTINUATION, FIN | CONTINUATION] {
            let input = frame_for(role, first, b"x");
            assert_fails(role, &input, Violation::NothingToContinue);
            // Nor after a message that is finished, or a control frame.
            for before in [FIN | TEXT, FIN | PING] {
                let input = [frame_for(role, before, b"x"), input.clone()].concat();
                assert_fails(role, &input, Violation::NothingToContinue);
            }
        }
    }
}

/// Proves 5.4-4.
#[test]
fn control_frames_in_the_middle_of_a_message_are_handled_at_once() {
    for role in ROLES {
        let input = [
            frame_for(role, TEXT, b"one "),
            frame_for(role, FIN | PING, b"1"),
            frame_for(role, FIN | PONG, b""),
            frame_for(role, CONTINUATION, b"message"),
            frame_for(role, FIN | PING, b"2"),
        ]
        .concat();
        // Both Pings are answered although the message is not finished.
        let (_, sent) = conversation(role, &input, vec![]);
        let pongs = [
            frame_from(role, FIN | PONG, b"1"),
            frame_from(role, FIN | PONG, b"2"),
        ];
        assert_eq!(sent, pongs.concat());

        let input = [input, frame_for(role, FIN | CONTINUATION, b".")].concat();
        assert_eq!(first_seen(role, &input), Seen::text("one message."));

        let body = close_body(1000, "");
        let input = [
            frame_for(role, TEXT, b"never finished"),
            frame_for(role, FIN | CLOSE, &body),
        ];
        let (seen, sent) = conversation(role, &input.concat(), vec![]);
        assert!(matches!(&seen[..], [Seen::Closed(closed)] if closed.was_clean()));
        assert_eq!(sent, frame_from(role, FIN | CLOSE, &body));
    }
}

/// Proves 5.4-10, 6.1-5, 6.1-6.
#[test]
fn a_message_is_sent_whole_or_piece_by_piece_with_the_opcode_first_and_fin_last() {
    for role in ROLES {
        let (mut socket, sent) = open(role, []);
        socket.send("whole").unwrap();
        assert_eq!(sent.take(), frame_from(role, FIN | TEXT, b"whole"));

        let mut pieces = socket.send_fragmented::<str>();
        pieces.send("one").unwrap();
        assert_eq!(sent.take(), frame_from(role, TEXT, b"one"));
        pieces.send("two").unwrap();
        assert_eq!(sent.take(), frame_from(role, CONTINUATION, b"two"));
        pieces.finish().unwrap();
        assert_eq!(sent.take(), frame_from(role, FIN | CONTINUATION, b""));

        socket.send_fragmented::<[u8]>().finish().unwrap();
        assert_eq!(sent.take(), frame_from(role, FIN | BINARY, b""));
    }
}

#[test]
fn bytes_of_unknown_length_are_copied_from_a_reader() {
    let (mut server, sent) = open(Role::Server, []);
    let mut pieces = server.send_fragmented::<[u8]>();
    let copied = io::copy(&mut io::repeat(7).take(100_000), &mut pieces).unwrap();
    pieces.flush().unwrap();
    pieces.finish().unwrap();
    assert_eq!(copied, 100_000);
    let frames = frames(&sent.take());
    assert!(frames.len() > 2);
    let payload: Vec<u8> = frames.into_iter().flat_map(|frame| frame.payload).collect();
    assert_eq!(payload, [7; 100_000]);
}

#[test]
fn a_message_that_is_abandoned_is_not_taken_for_a_whole_one() {
    for role in ROLES {
        let (mut socket, sent) = open(role, []);
        let mut pieces = socket.send_fragmented::<str>();
        pieces.send("half of").unwrap();
        drop(pieces);
        let close = close_body(CloseCode::INTERNAL_ERROR.0, "a message was abandoned");
        let expected = [
            frame_from(role, TEXT, b"half of"),
            frame_from(role, FIN | CLOSE, &close),
        ];
        assert_eq!(sent.take(), expected.concat());
        assert!(matches!(socket.send("more"), Err(Error::Closing)));
    }
    // One that was not begun leaves nothing behind.
    let (mut socket, sent) = open(Role::Server, []);
    drop(socket.send_fragmented::<str>());
    socket.send("fine").unwrap();
    assert_eq!(sent.take(), frame(FIN | TEXT, None, b"fine"));
}
