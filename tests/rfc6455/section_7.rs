//! §7, Closing the Connection.

use crate::kit::*;
use rfc6455::framing::Location;
use rfc6455::{
    Backoff, CloseCode, CloseReason, Closed, Config, Entropy, Error, InvalidClose, Role, Side,
    State, TcpEnd, Unsendable, Violation,
};
use std::io::Write;
use std::thread;
use std::time::Duration;

/// Proves 7.1.1-1.
#[test]
fn tcp_is_closed_cleanly_although_bytes_are_unread() {
    // With unread bytes a plain close would reset the connection, and the Close could be lost.
    for role in ROLES {
        let (mut socket, mut peer) = tcp(role, &config());
        peer.write_all(&frame_for(role, FIN | 3, b"")).unwrap();
        peer.write_all(&vec![0; 100_000]).unwrap();
        let reading = thread::spawn(move || matches!(socket.read(), Err(Error::Violation(_))));
        thread::sleep(Duration::from_millis(20));
        let got = rest(&mut peer);
        assert_eq!(got[0], FIN | CLOSE);
        drop(peer);
        assert!(reading.join().unwrap());
    }
}

/// Proves 7.1.2-1.
#[test]
fn the_closing_handshake_starts_with_a_close_of_the_given_code_and_reason() {
    for role in ROLES {
        let (mut socket, sent) = open(role, []);
        socket
            .start_close(CloseCode::POLICY_VIOLATION, "not here")
            .unwrap();
        let close = frame_from(role, FIN | CLOSE, &close_body(1008, "not here"));
        assert_eq!(sent.take(), close);
        assert_eq!(socket.state(), State::Closing);
        assert!(socket.read().is_err()); // The stream has ended.
        assert_eq!(socket.closed().unwrap().started_by, Side::Us);
    }
}

#[test]
fn what_became_of_a_connection_is_known_when_the_peers_close_has_come_or_tcp_has_ended() {
    for role in ROLES {
        // We close.
        let body = close_body(1000, "");
        let (mut socket, _) = open(role, frame_for(role, FIN | CLOSE, &body));
        assert_eq!((socket.state(), socket.closed()), (State::Open, None));
        socket.start_close(CloseCode::NORMAL, "").unwrap();
        assert_eq!((socket.state(), socket.closed()), (State::Closing, None));
        assert_eq!(socket.read().unwrap(), None);
        assert!(socket.closed().unwrap().was_clean());
        // A server ends TCP at once. A client waits for that.
        let state = match role {
            Role::Server => State::Closed,
            Role::Client => State::Closing,
        };
        assert_eq!(socket.state(), state);

        // The peer closes.
        let (mut socket, _) = open(role, frame_for(role, FIN | CLOSE, &body));
        assert_eq!(socket.read().unwrap(), None);
        assert_eq!(socket.closed().unwrap().started_by, Side::Peer);

        // Nobody closes: TCP is lost.
        let (mut socket, _) = open(role, []);
        assert!(socket.read().is_err());
        assert_eq!(socket.state(), State::Closed);
        assert_eq!(socket.closed().unwrap().code(), CloseCode::ABNORMAL);
    }
}

#[test]
fn a_state_has_the_name_of_the_javascript_api_and_the_section_that_begins_it() {
    for (state, name, clause) in [
        (State::Connecting, "CONNECTING", "§4.1"),
        (State::Open, "OPEN", "§4.1"),
        (State::Closing, "CLOSING", "§7.1.3"),
        (State::Closed, "CLOSED", "§7.1.4"),
    ] {
        assert_eq!((state.name(), state.clause()), (name, clause));
    }
}

#[test]
fn a_message_on_its_way_when_we_close_can_still_be_read() {
    let input = [
        frame(FIN | TEXT, None, b"on its way"),
        frame(FIN | CLOSE, None, &close_body(1000, "")),
    ]
    .concat();
    let (mut socket, _) = open(Role::Client, input);
    socket.start_close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(socket.read().unwrap().unwrap().to_string(), "on its way");
    assert_eq!(socket.read().unwrap(), None);
    assert_eq!(socket.read().unwrap(), None);
}

/// Proves 7.1.7-1, 7.1.7-2, 7.1.7-3, 10.7-1, 10.7-2.
#[test]
fn failing_sends_a_close_with_the_code_and_the_rule_and_closes_the_connection() {
    for role in ROLES {
        for (input, code, says) in [
            (frame_for(role, FIN | 0x40 | TEXT, b"x"), 1002, "(§5.2)"),
            (frame_for(role, FIN | TEXT, b"\xFF"), 1007, "(§8.1)"),
            (frame_for(role, FIN | CONTINUATION, b"x"), 1002, "(§5.4)"),
        ] {
            let (mut socket, mut peer) = tcp(role, &config());
            peer.write_all(&input).unwrap();
            let reading = thread::spawn(move || {
                let error = socket.read().unwrap_err();
                (error.to_string(), socket.closed().unwrap())
            });
            let sent = frames(&rest(&mut peer));
            drop(peer);
            let (error, closed) = reading.join().unwrap();
            // The user is told, the peer is told, TCP has ended.
            assert!(error.contains(says), "{error}");
            let [close] = &sent[..] else {
                panic!("{sent:?}")
            };
            let reason = CloseReason::decode(&close.payload).unwrap();
            assert_eq!(reason.code(), Some(CloseCode(code)));
            assert_eq!(closed.sent, Some(reason));
            assert_eq!(closed.received, None);
            assert_eq!(closed.tcp, Some(TcpEnd::ClosedBy(Side::Us)));
        }
    }
}

/// A length in the 64-bit form, whatever it is, in a frame without a mask.
fn long_form(length: u64) -> Vec<u8> {
    [&[FIN | BINARY, 127][..], &length.to_be_bytes()].concat()
}

#[test]
fn each_violation_says_which_bytes_break_the_rule() {
    /// What a client receives, at which byte the wrong frame begins, the place in that frame, and
    /// what is there.
    type Case = (Vec<u8>, usize, Location, &'static [u8]);
    use Location::{InHeader, InMessage, InPayload};
    let close = |body: &[u8]| frame(FIN | CLOSE, None, body);
    let ping = |length: usize| frame(FIN | PING, None, &vec![0; length]);
    let unfinished = frame(TEXT, None, b"123");
    let cases: Vec<Case> = vec![
        (vec![0xC1, 0], 0, InHeader(0..1), &[0xC1]),
        (vec![0x83, 0], 0, InHeader(0..1), &[0x83]),
        (vec![0x09, 0], 0, InHeader(0..1), &[0x09]),
        (ping(126), 0, InHeader(1..2), &[126]),
        (ping(1 << 16), 0, InHeader(1..2), &[127]),
        (vec![0x82, 126, 0, 5], 0, InHeader(2..4), &[0, 5]),
        (long_form(5), 0, InHeader(2..10), &[0, 0, 0, 0, 0, 0, 0, 5]),
        (
            long_form(1 << 63),
            0,
            InHeader(2..10),
            &[0x80, 0, 0, 0, 0, 0, 0, 0],
        ),
        (vec![0x80, 0], 0, InHeader(0..1), &[0x80]),
        (
            [&unfinished[..], &[0x81, 0]].concat(),
            5,
            InHeader(0..1),
            &[0x81],
        ),
        (close(b"\x03"), 0, InPayload(0..1), &[3]),
        (
            close(&close_body(1005, "why")),
            0,
            InPayload(0..2),
            &[3, 237],
        ),
        (close(b"\x03\xE8why\xFF?"), 0, InPayload(5..6), &[0xFF]),
        // A place in a message is in no single frame, so no bytes are compared.
        (
            [&unfinished[..], &frame(FIN, None, b"45\xFF")].concat(),
            0,
            InMessage(5),
            &[],
        ),
    ];
    for (input, start, place, bytes) in cases {
        let (seen, _) = conversation(Role::Client, &input, vec![]);
        let Some(Seen::Violation(violation)) = seen.last() else {
            panic!("{input:02x?}: {seen:?}");
        };
        assert_eq!(violation.location(), place, "{violation}");
        let wrong = &input[start..];
        // Where the payload is the place, the header has two bytes.
        match place {
            InHeader(range) => assert_eq!(&wrong[range], bytes, "{violation}"),
            InPayload(range) => assert_eq!(&wrong[2..][range], bytes, "{violation}"),
            InMessage(_) => {}
        }
    }
}

#[test]
fn the_violations_of_a_limit_have_their_places_too() {
    let too_big = Violation::TooBig {
        length: 17,
        limit: 16,
    };
    // The length announces it.
    assert_eq!(too_big.location(), Location::InHeader(1..2));
    // Time is in no byte.
    assert_eq!(
        Violation::TooSlow { limit: 300 }.location(),
        Location::InHeader(0..0)
    );
    // Only a sender can meet it: a received reason of this length is in a control frame that is too
    // long.
    let too_long = CloseReason::new(CloseCode::NORMAL, &"x".repeat(124)).unwrap_err();
    assert_eq!(too_long, InvalidClose::TooLong(124));
    assert_eq!(
        Violation::from(too_long).location(),
        Location::InHeader(1..2)
    );
}

/// Proves 7.1.7-4.
#[test]
fn after_failing_not_even_a_close_is_processed() {
    for role in ROLES {
        let close = frame_for(role, FIN | CLOSE, &close_body(1000, "mine"));
        let input = [frame_for(role, FIN | 3, b""), close].concat();
        let (mut socket, _) = open(role, input);
        assert!(matches!(socket.read(), Err(Error::Violation(_))));
        match socket.read() {
            Err(Error::Closed(closed)) => assert_eq!(closed.received, None),
            other => panic!("{other:?}"),
        }
    }
}

/// Proves 7.1.7-5, 7.2.1-3, 7.3-1.
#[test]
fn nobody_closes_without_being_told_to() {
    for role in ROLES {
        let input: Vec<u8> = (0..1000)
            .flat_map(|i| frame_for(role, FIN | TEXT, &[b'0' + i as u8 % 10]))
            .collect();
        let (mut socket, sent) = open(role, input);
        for _ in 0..1000 {
            socket.read().unwrap().unwrap();
        }
        assert_eq!((sent.take(), socket.state()), (vec![], State::Open));
    }
}

/// Proves 7.2.1-2.
#[test]
fn a_transport_that_is_lost_fails_the_connection() {
    for role in ROLES {
        for input in [
            vec![],
            frame_for(role, FIN | TEXT, b"x")[..2].to_vec(),
            frame_for(role, TEXT, b"x"),
        ] {
            let (seen, sent) = conversation(role, &input, vec![]);
            let lost = Closed {
                sent: None,
                received: None,
                started_by: Side::Peer,
                tcp: Some(TcpEnd::ClosedBy(Side::Peer)),
            };
            assert_eq!(seen, [Seen::Lost(lost.clone())]);
            assert_eq!(sent, []);
            assert_eq!(
                (lost.code(), lost.reason(), lost.was_clean()),
                (CloseCode::ABNORMAL, "", false)
            );
        }
    }
}

/// Proves 7.2.1-1.
#[test]
fn a_client_that_meets_a_failing_condition_fails_the_connection() {
    let (mut client, _) = open(Role::Client, frame(FIN | TEXT, None, b"\xFF"));
    assert!(matches!(
        client.read(),
        Err(Error::Violation(Violation::NotUtf8 { at: 0 }))
    ));
    assert_eq!(client.state(), State::Closed);
}

/// Proves 7.2.2-1.
#[test]
fn a_server_that_gives_up_simply_closes_the_connection() {
    let (server, mut peer) = tcp(Role::Server, &config());
    drop(server);
    assert_eq!(
        rest(&mut peer),
        frame(FIN | CLOSE, None, &close_body(1001, ""))
    );

    let (server, mut peer) = tcp(Role::Server, &config());
    thread::spawn(move || {
        let _server = server;
        std::panic::resume_unwind(Box::new("a handler that panics"));
    });
    assert_eq!(
        rest(&mut peer),
        frame(FIN | CLOSE, None, &close_body(1011, ""))
    );
}

fn delays(count: usize) -> Vec<Duration> {
    let mut backoff = Backoff::new(Entropy::from_system());
    (0..count).map(|_| backoff.next_delay()).collect()
}

/// Proves 7.2.3-1, 7.2.3-2.
#[test]
fn the_first_reconnection_is_delayed_by_a_random_time() {
    let first: Vec<Duration> = (0..200).map(|_| delays(1)[0]).collect();
    assert!(first.iter().all(|&delay| delay <= Duration::from_secs(5)));
    let (shortest, longest) = (first.iter().min().unwrap(), first.iter().max().unwrap());
    assert!(*shortest < Duration::from_secs(1), "{shortest:?}");
    assert!(*longest > Duration::from_secs(4), "{longest:?}");
}

/// Proves 7.2.3-3.
#[test]
fn later_reconnections_are_delayed_longer_and_longer_up_to_a_limit() {
    for _ in 0..100 {
        let delays = delays(40);
        for (i, delay) in delays.iter().enumerate().skip(1) {
            let longest = Duration::from_secs(60.min(5 << i.min(10)));
            assert!(*delay >= longest / 2 && *delay <= longest, "{i}: {delay:?}");
        }
    }
    let mut backoff = Backoff::new(Entropy::from_system());
    for _ in 0..1000 {
        backoff.next_delay();
    }
    backoff.reset();
    assert!(backoff.next_delay() <= Duration::from_secs(5));
}

/// Proves 7.4.1-1, 7.4.1-2, 7.4.1-4.
#[test]
fn codes_that_may_not_be_sent_are_refused_when_sending_and_when_receiving() {
    let refused = [
        0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
    ];
    for role in ROLES {
        for code in refused {
            let (mut socket, sent) = open(role, []);
            for result in [
                socket.close(CloseCode(code), ""),
                socket.start_close(CloseCode(code), ""),
                socket.sender().close(CloseCode(code), ""),
            ] {
                match result {
                    Err(Error::Unsendable(Unsendable::Close(InvalidClose::Code(refused)))) => {
                        assert_eq!(refused, CloseCode(code));
                    }
                    other => panic!("{code}: {other:?}"),
                }
            }
            assert_eq!((sent.take(), socket.state()), (vec![], State::Open));

            let input = frame_for(role, FIN | CLOSE, &close_body(code, ""));
            let violation = Violation::InvalidClose(InvalidClose::Code(CloseCode(code)));
            assert_eq!(violation.close_code(), CloseCode::PROTOCOL_ERROR);
            assert_fails(role, &input, violation);
        }
        let valid = (1000..=1003)
            .chain(1007..=1014)
            .chain([3000, 3999, 4000, 4999]);
        for code in valid {
            let input = frame_for(role, FIN | CLOSE, &close_body(code, ""));
            let (mut socket, sent) = open(role, input);
            assert_eq!(socket.read().unwrap(), None, "{code}");
            assert_eq!(socket.closed().unwrap().code(), CloseCode(code));
            assert_eq!(
                sent.take(),
                frame_from(role, FIN | CLOSE, &close_body(code, ""))
            );
        }
    }
}

#[test]
fn a_close_without_a_code_is_1005_to_the_user_and_never_on_the_wire() {
    for role in ROLES {
        let (mut socket, sent) = open(role, frame_for(role, FIN | CLOSE, b""));
        assert_eq!(socket.read().unwrap(), None);
        let closed = socket.closed().unwrap();
        assert_eq!((closed.code(), closed.reason()), (CloseCode::NO_STATUS, ""));
        assert_eq!(closed.received, Some(CloseReason::EMPTY));
        assert_eq!(sent.take(), frame_from(role, FIN | CLOSE, b""));
    }
}

#[test]
fn what_was_sent_what_was_received_and_how_tcp_ended_are_kept_apart() {
    let config = Config {
        close_timeout: Duration::from_millis(50),
        ..config()
    };
    // We close, the peer answers with another code.
    let (mut client, mut peer) = tcp(Role::Client, &config);
    let answering = thread::spawn(move || {
        expect(
            &mut peer,
            &frame(FIN | CLOSE, Some(KEY), &close_body(4001, "mine")),
        );
        peer.write_all(&frame(FIN | CLOSE, None, &close_body(4002, "theirs")))
            .unwrap();
    });
    client.close(CloseCode(4001), "mine").unwrap();
    answering.join().unwrap();
    let closed = client.closed().unwrap();
    assert_eq!(
        closed.sent.as_ref().unwrap().to_string(),
        "4001 (private code): mine"
    );
    assert_eq!(
        closed.received.as_ref().unwrap().to_string(),
        "4002 (private code): theirs"
    );
    assert_eq!(
        (closed.started_by, closed.code()),
        (Side::Us, CloseCode(4002))
    );
    assert_eq!(
        closed.to_string(),
        "closed by us with 4001 (private code): mine; the peer answered 4002 (private code): theirs"
    );

    // We close, and the peer ends TCP without an answer.
    let (mut client, peer) = tcp(Role::Client, &config);
    client.start_close(CloseCode(4001), "mine").unwrap();
    drop(peer);
    assert!(client.read().is_err());
    let closed = client.closed().unwrap();
    assert!(closed.sent.is_some() && closed.received.is_none() && !closed.was_clean());
    assert_eq!(
        (closed.started_by, closed.code()),
        (Side::Us, CloseCode::ABNORMAL)
    );
}

#[test]
fn the_last_words_of_a_peer_that_is_gone_are_heard_before_its_end() {
    // The peer closes and is gone at once; what we write meets a closed door, but what it had
    // said is still in the pipe.
    for _ in 0..20 {
        let (mut client, mut peer) = tcp(Role::Client, &config());
        peer.write_all(&frame(FIN | TEXT, None, b"last words"))
            .unwrap();
        peer.write_all(&frame(FIN | CLOSE, None, &close_body(1001, "gone")))
            .unwrap();
        drop(peer);
        thread::sleep(Duration::from_millis(1));
        let _ = client.send("anyone there?");
        thread::sleep(Duration::from_millis(1));
        let _ = client.write("hello?");
        assert_eq!(client.read().unwrap().unwrap().to_string(), "last words");
        assert_eq!(client.read().unwrap(), None);
        assert_eq!(client.closed().unwrap().reason(), "gone");
    }
}
