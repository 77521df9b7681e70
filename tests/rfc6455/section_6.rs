//! §6, Sending and Receiving Data.

use crate::kit::*;
use rand::Rng;
use rand::rngs::StdRng;
use rfc6455::{Config, Error, OwnedMessage, Role, Untimed, Violation, WebSocket};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// Proves 6.1-1, 6.1-4, 6.1-8.
#[test]
fn a_message_is_sent_as_a_frame_once_it_is_flushed() {
    for role in ROLES {
        let (mut socket, sent) = open(role, []);
        socket.write("a").unwrap();
        socket.write(&[1u8, 2]).unwrap();
        assert_eq!(sent.take(), [], "write only gathers");
        socket.flush().unwrap();
        let both = [
            frame_from(role, FIN | TEXT, b"a"),
            frame_from(role, FIN | BINARY, &[1, 2]),
        ];
        assert_eq!(sent.take(), both.concat());
        socket.send("b").unwrap();
        assert_eq!(sent.take(), frame_from(role, FIN | TEXT, b"b"));
    }
}

#[test]
fn what_was_written_leaves_before_a_read_waits() {
    let (mut socket, sent) = open(Role::Server, []);
    socket.write("question").unwrap();
    assert!(socket.read().is_err());
    assert_eq!(sent.take(), frame(FIN | TEXT, None, b"question"));
}

#[test]
fn writing_gathers_no_more_than_its_bound() {
    let (stream, sent) = Script::new([]);
    let config = Config {
        write_buffer: 1000,
        ..config()
    };
    let mut socket = WebSocket::after_handshake(stream, Role::Server, &[], &config).unwrap();
    for _ in 0..100 {
        socket.write(&[0u8; 98]).unwrap();
    }
    assert_eq!(sent.take().len(), 100 * 100);
}

#[test]
fn a_long_payload_leaves_behind_what_was_written_before_it() {
    let (stream, sent) = Script::new([]);
    let config = Config {
        write_buffer: 1 << 20,
        ..config()
    };
    let mut socket = WebSocket::after_handshake(stream, Role::Server, &[], &config).unwrap();
    let mut expected = Vec::new();
    // Longer together than what is given to the stream at once.
    for number in 0..50u8 {
        socket.write(&vec![number; 10_000]).unwrap();
        expected.extend(frame(FIN | BINARY, None, &vec![number; 10_000]));
    }
    socket.write(&vec![b'x'; 300_000]).unwrap();
    expected.extend(frame(FIN | BINARY, None, &vec![b'x'; 300_000]));
    assert!(sent.take() == expected, "all of it, in order");
}

/// Proves 6.2-1, 6.2-3, 6.2-4.
#[test]
fn frames_are_parsed_into_messages_of_the_type_of_their_opcode() {
    for role in ROLES {
        let input = [
            frame_for(role, FIN | TEXT, b"text"),
            frame_for(role, FIN | BINARY, b"binary"),
            frame_for(role, BINARY, b"bi"),
            frame_for(role, FIN | CONTINUATION, b"nary"),
            frame_for(role, FIN | TEXT, b""),
        ]
        .concat();
        let (seen, _) = conversation(role, &input, vec![]);
        let binary = Seen::binary(b"binary");
        assert_eq!(
            seen[..4],
            [Seen::text("text"), binary.clone(), binary, Seen::text("")]
        );
    }
}

/// Proves 6.2-2.
#[test]
fn control_frames_are_handled_on_the_way_to_the_next_message() {
    for role in ROLES {
        let input = [
            frame_for(role, FIN | PING, b"1"),
            frame_for(role, FIN | PONG, b"2"),
            frame_for(role, FIN | TEXT, b"3"),
            frame_for(role, FIN | CLOSE, b""),
        ]
        .concat();
        let (seen, sent) = conversation(role, &input, vec![]);
        assert!(matches!(&seen[..], [three, Seen::Closed(_)] if *three == Seen::text("3")));
        let answers = [
            frame_from(role, FIN | PONG, b"1"),
            frame_from(role, FIN | CLOSE, b""),
        ];
        assert_eq!(sent, answers.concat());
    }
}

/// Proves 6.2-5.
#[test]
fn a_server_removes_the_mask_whatever_the_key_and_the_length() {
    for key in [KEY, [0; 4], [0xFF; 4], [1, 2, 3, 4]] {
        for length in [0, 1, 3, 4, 5, 7, 8, 9, 125, 126, 1000, 65536] {
            let payload: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let input = frame(FIN | BINARY, Some(key), &payload);
            // Cut into pieces, the key goes on where it stopped.
            for cuts in [vec![], (1..input.len()).step_by(7).collect()] {
                let (seen, _) = conversation(Role::Server, &input, cuts);
                assert_eq!(seen[0], Seen::binary(&payload));
            }
        }
    }
}

/// A conversation with everything in it: any cut of it is the same conversation.
#[test]
fn a_conversation_is_the_same_in_whatever_pieces_it_arrives() {
    for role in ROLES {
        for (end, name) in [
            (
                frame_for(role, FIN | CLOSE, &close_body(1000, "bye")),
                "a Close",
            ),
            (frame_for(role, FIN | TEXT, b"\xF0\x9F\x98x"), "bad UTF-8"),
            (frame_for(role, FIN | 5, b""), "a bad opcode"),
            (vec![], "nothing"),
        ] {
            let input = [
                frame_for(role, FIN | TEXT, "héllo".as_bytes()),
                frame_for(role, TEXT, b"\xF0\x9F"),
                frame_for(role, FIN | PING, b"between"),
                frame_for(role, CONTINUATION, b"\x98"),
                frame_for(role, CONTINUATION, b""),
                frame_for(role, FIN | CONTINUATION, b"\x80!"),
                frame_for(role, FIN | BINARY, &[7; 130]),
                frame_for(role, FIN | PONG, b""),
                end,
            ]
            .concat();
            let whole = conversation(role, &input, vec![]);
            assert_eq!(whole.0.len(), 4, "{:?}", whole.0);
            for cut in 1..input.len() {
                assert_eq!(
                    conversation(role, &input, vec![cut]),
                    whole,
                    "{name} cut at {cut}"
                );
            }
            for _ in 0..200 {
                let mut cuts: Vec<usize> = (1..input.len()).collect();
                let mut random: StdRng = rand::make_rng();
                cuts.retain(|_| random.next_u32().is_multiple_of(8));
                assert_eq!(
                    conversation(role, &input, cuts.clone()),
                    whole,
                    "{name} at {cuts:?}"
                );
            }
            for step in [1, 2, 3, 5, 64] {
                let cuts = (1..input.len()).step_by(step).collect();
                assert_eq!(conversation(role, &input, cuts), whole, "{name} by {step}");
            }
        }
    }
}

#[test]
fn a_read_with_a_time_limit_loses_no_byte() {
    let input = [
        frame(TEXT, Some(KEY), "fragment \u{e9}".as_bytes()),
        frame(FIN | CONTINUATION, Some(KEY), &[b'x'; 200]),
    ]
    .concat();
    let (mut server, mut peer) = tcp(Role::Server, &config());
    for &byte in &input[..input.len() - 1] {
        peer.write_all(&[byte]).unwrap();
        let result = server.read_deadline(Instant::now() + Duration::from_millis(1));
        assert!(matches!(result, Err(Error::TimedOut)), "{result:?}");
    }
    peer.write_all(&input[input.len() - 1..]).unwrap();
    let expected = format!("fragment \u{e9}{}", "x".repeat(200));
    assert_eq!(server.read().unwrap().unwrap().to_string(), expected);
}

#[test]
fn a_read_ends_at_its_time_limit_whichever_way_it_is_given() {
    const SHORT: Duration = Duration::from_millis(20);
    for role in ROLES {
        let (mut socket, mut peer) = tcp(role, &config());
        let started = Instant::now();
        assert!(matches!(socket.read_timeout(SHORT), Err(Error::TimedOut)));
        let deadline = Instant::now() + SHORT;
        assert!(matches!(
            socket.read_deadline(deadline),
            Err(Error::TimedOut)
        ));
        let deadline = Instant::now() + SHORT;
        assert!(matches!(
            socket.read_with_writer_deadline(deadline),
            Err(Error::TimedOut)
        ));
        assert!(started.elapsed() >= 3 * SHORT);
        // A limit that has passed already takes what is here, and does not wait.
        assert!(matches!(
            socket.read_timeout(Duration::ZERO),
            Err(Error::TimedOut)
        ));

        // Time limits change nothing about the messages.
        for text in ["one", "two", "three"] {
            peer.write_all(&frame_for(role, FIN | TEXT, text.as_bytes()))
                .unwrap();
        }
        let long = Duration::from_secs(60);
        let one = socket.read_timeout(long).unwrap();
        assert_eq!(one.unwrap().as_text(), Some("one"));
        let two = socket.read_deadline(Instant::now() + long).unwrap();
        assert_eq!(two.unwrap().as_text(), Some("two"));
        let three = socket.read_with_writer_deadline(Instant::now() + long);
        let (three, writer) = three.unwrap().unwrap();
        writer.send(three).unwrap();
        expect(&mut peer, &frame_from(role, FIN | TEXT, b"three"));
    }
}

#[test]
fn bytes_that_arrived_behind_the_handshake_are_the_first_frame() {
    for role in ROLES {
        let text = frame_for(role, FIN | TEXT, b"early bird");
        let input = [text, frame_for(role, FIN | PING, b"?")].concat();
        for cut in 0..=input.len() {
            let (received, later) = input.split_at(cut);
            let (stream, sent) = Script::new(later);
            let mut socket = WebSocket::after_handshake(stream, role, received, &config()).unwrap();
            let first = socket.read().unwrap().unwrap();
            assert_eq!(first.as_text(), Some("early bird"), "cut at {cut}");
            assert!(socket.read().is_err());
            assert_eq!(sent.take(), frame_from(role, FIN | PONG, b"?"));
        }
    }
}

#[test]
fn the_stream_and_the_bytes_that_nobody_read_can_be_taken_back() {
    for role in ROLES {
        let unread = [
            frame_for(role, FIN | TEXT, b"second"),
            frame_for(role, FIN | BINARY, b"third")[..3].to_vec(),
        ]
        .concat();
        let input = [frame_for(role, FIN | TEXT, b"first"), unread.clone()].concat();
        let (mut socket, sent) = open(role, input);
        assert_eq!(socket.read().unwrap().unwrap().as_text(), Some("first"));
        socket.write("what was written leaves").unwrap();
        let (_stream, rest) = socket.into_inner().unwrap();
        assert_eq!(rest, unread);
        // And no Close behind it: the connection goes on.
        assert_eq!(
            sent.take(),
            frame_from(role, FIN | TEXT, b"what was written leaves")
        );
    }
}

#[test]
fn a_connection_that_was_taken_apart_goes_on_where_it_stopped() {
    for role in ROLES {
        let input = [
            frame_for(role, FIN | TEXT, b"before"),
            frame_for(role, TEXT, b"one "),
            frame_for(role, CONTINUATION, "mess\u{e4}".as_bytes()),
            frame_for(role, FIN | PING, b"?"),
            frame_for(role, FIN | CONTINUATION, b"ge"),
            frame_for(role, FIN | BINARY, &[7; 130]),
        ]
        .concat();
        for cut in 0..=input.len() {
            let (mut socket, mut peer) = tcp(role, &config());
            peer.write_all(&input[..cut]).unwrap();
            let mut seen = Vec::new();
            let mut read_on = |socket: &mut WebSocket, limit| {
                while let Ok(Some(message)) = socket.read_timeout(limit) {
                    seen.push(message.to_owned());
                }
            };
            read_on(&mut socket, Duration::from_millis(1));
            let (stream, unread) = socket.into_inner().unwrap();
            let mut socket = WebSocket::after_handshake(stream, role, &unread, &config()).unwrap();
            peer.write_all(&input[cut..]).unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
            read_on(&mut socket, Duration::from_secs(60));
            let expected = [
                OwnedMessage::Text("before".to_owned()),
                OwnedMessage::Text("one mess\u{e4}ge".to_owned()),
                OwnedMessage::Binary(vec![7; 130]),
            ];
            assert_eq!(seen, expected, "{role:?}, taken apart at byte {cut}");
            drop(socket);
            assert!(rest(&mut peer).starts_with(&frame_from(role, FIN | PONG, b"?")));
        }
    }
}

#[test]
fn nothing_is_read_after_failing() {
    for role in ROLES {
        for bad in [
            frame_for(role, FIN | TEXT, b"\xFF"),
            frame_for(role, FIN | 3, b""),
        ] {
            let (mut socket, sent) = open(role, [bad, frame_for(role, FIN | TEXT, b"x")].concat());
            assert!(matches!(socket.read(), Err(Error::Violation(_))));
            sent.take();
            for _ in 0..3 {
                assert!(matches!(socket.read(), Err(Error::Closed(_))));
                assert!(matches!(socket.send("x"), Err(Error::Closed(_))));
            }
            drop(socket);
            assert_eq!(sent.take(), []);
        }
    }
}

/// Proves 10.4-1, 10.4-2.
#[test]
fn a_message_over_the_limit_is_refused_before_its_bytes_are_there() {
    let config = Config {
        max_message: 1000,
        ..config()
    };
    for role in ROLES {
        let attempt = |input: &[u8]| {
            let (stream, sent) = Script::new(input);
            let mut socket = WebSocket::after_handshake(stream, role, &[], &config).unwrap();
            match socket
                .read()
                .map(|message| message.map(|message| message.as_bytes().len()))
            {
                Ok(length) => Ok(length.unwrap()),
                Err(Error::Violation(violation)) => {
                    assert_eq!(violation.close_code().0, 1009);
                    assert!(!sent.take().is_empty());
                    Err(violation)
                }
                Err(error) => panic!("{error}"),
            }
        };
        let whole = |length| frame_for(role, FIN | BINARY, &vec![0; length]);
        let header = |length| whole(length)[..whole(length).len() - length].to_vec();
        assert_eq!(attempt(&whole(1000)), Ok(1000));
        let too_big = Err(Violation::TooBig {
            length: 1001,
            limit: 1000,
        });
        assert_eq!(attempt(&header(1001)), too_big);

        let first = frame_for(role, BINARY, &[0; 600]);
        let mut last = frame_for(role, FIN | CONTINUATION, &[0; 400]);
        assert_eq!(attempt(&[&first[..], &last].concat()), Ok(1000));
        last = frame_for(role, FIN | CONTINUATION, &[0; 401]);
        assert_eq!(
            attempt(&[&first[..], &last[..last.len() - 401]].concat()),
            too_big
        );
    }
}

/// The bytes of a peer, and where each read of them ended.
struct Reads<'a> {
    bytes: &'a [u8],
    at: usize,
    ends: Vec<usize>,
}

impl Read for Reads<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = (&self.bytes[self.at..]).read(room)?;
        self.at += count;
        self.ends.push(self.at);
        Ok(count)
    }
}

impl Write for Reads<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// So nothing that follows has to be moved to the front of the buffer.
#[test]
fn a_long_frame_is_read_to_its_end_and_a_burst_of_short_ones_at_once() {
    for opcode in [TEXT, BINARY] {
        let long = frame_from(Role::Client, FIN | opcode, &[b'a'; 100_000]);
        let short = frame_from(Role::Client, FIN | opcode, &[b'a'; 100]);
        let bytes = [long.repeat(5), short.repeat(2000)].concat();
        let stream = Untimed(Reads {
            bytes: &bytes,
            at: 0,
            ends: Vec::new(),
        });
        let mut socket =
            WebSocket::after_handshake(stream, Role::Server, &[], &Config::default()).unwrap();
        for _ in 0..2005 {
            assert!(socket.read().unwrap().is_some());
        }
        let ends = &socket.stream().0.ends;
        for number in 1..=5 {
            assert!(ends.contains(&(number * long.len())), "{ends:?}");
        }
        let behind = ends.iter().filter(|end| **end > 5 * long.len()).count();
        assert!(behind < 12, "2000 short frames took {behind} reads");
    }
}
