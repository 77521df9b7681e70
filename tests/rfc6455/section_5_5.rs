//! §5.5, Control Frames: §5.5.1 Close, §5.5.2 Ping, §5.5.3 Pong.

use crate::kit::*;
use rfc6455::{
    CloseCode, Config, Error, Role, Side, State, TcpEnd, Unsendable, Violation, WebSocket,
};
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

/// Proves 5.5-1.
#[test]
fn a_control_frame_of_over_125_bytes_fails_the_connection_and_cannot_be_sent() {
    for role in ROLES {
        for opcode in [CLOSE, PING, PONG] {
            for length in [126, 127, 65536] {
                let input = frame_for(role, FIN | opcode, &vec![b'x'; length]);
                assert_fails(role, &input, Violation::LongControl(opcode));
            }
        }
        let (mut socket, sent) = open(role, []);
        for (result, length) in [
            (socket.ping(&[0; 126]), 126),
            (socket.pong(&[0; 127]), 127),
            (socket.sender().ping(&[0; 128]), 128),
            (socket.sender().pong(&[0; 1000]), 1000),
        ] {
            match result {
                Err(Error::Unsendable(Unsendable::LongControl(seen))) => assert_eq!(seen, length),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(sent.take(), []);
        socket.ping(&[0; 125]).unwrap();
        assert_eq!(sent.take(), frame_from(role, FIN | PING, &[0; 125]));
    }
}

#[test]
fn a_close_reason_has_room_for_123_bytes() {
    for role in ROLES {
        let (mut socket, sent) = open(role, []);
        let long = "x".repeat(124);
        assert!(matches!(
            socket.close(CloseCode::NORMAL, &long),
            Err(Error::Unsendable(_))
        ));
        assert_eq!((sent.take(), socket.state()), (vec![], State::Open));
        socket.start_close(CloseCode::NORMAL, &long[1..]).unwrap();
        let body = close_body(1000, &long[1..]);
        assert_eq!(sent.take(), frame_from(role, FIN | CLOSE, &body));
        // And so much is received.
        let (seen, _) = conversation(role, &frame_for(role, FIN | CLOSE, &body), vec![]);
        assert!(matches!(&seen[0], Seen::Closed(closed) if closed.reason() == &long[1..]));
    }
}

/// Proves 5.5.1-1.
#[test]
fn the_body_of_a_close_begins_with_a_code_of_two_bytes() {
    for role in ROLES {
        let (mut socket, sent) = open(role, []);
        socket.start_close(CloseCode(4660), "why").unwrap();
        assert_eq!(sent.take(), frame_from(role, FIN | CLOSE, b"\x12\x34why"));

        let input = frame_for(role, FIN | CLOSE, &[3]);
        assert_fails(
            role,
            &input,
            Violation::InvalidClose(rfc6455::InvalidClose::OneByte),
        );

        let input = frame_for(role, FIN | CLOSE, b"\x12\x34why");
        match first_seen(role, &input) {
            Seen::Closed(closed) => {
                assert_eq!((closed.code(), closed.reason()), (CloseCode(4660), "why"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_close_reason_that_is_not_utf8_fails_the_connection_with_1007() {
    for role in ROLES {
        let input = frame_for(role, FIN | CLOSE, b"\x03\xE8\xFF");
        let violation = Violation::InvalidClose(rfc6455::InvalidClose::NotUtf8 { at: 2 });
        assert_eq!(violation.close_code(), CloseCode::INVALID_PAYLOAD);
        assert_fails(role, &input, violation);
    }
}

/// Proves 5.5.1-3, 6.1-2, 6.1-3.
#[test]
fn nothing_is_sent_after_a_close() {
    for role in ROLES {
        let (mut socket, sent) = open(role, []);
        socket.start_close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(socket.state(), State::Closing);
        assert_eq!(
            sent.take(),
            frame_from(role, FIN | CLOSE, &close_body(1000, ""))
        );
        for result in [
            socket.send("x"),
            socket.write("x"),
            socket.ping(b""),
            socket.pong(b""),
            socket.start_close(CloseCode::NORMAL, ""),
            socket.send_fragmented::<str>().finish(),
            socket.sender().send("x"),
            socket.sender().pong(b""),
            socket.sender().close(CloseCode::NORMAL, ""),
        ] {
            assert!(matches!(result, Err(Error::Closing)), "{result:?}");
        }
        // The same calls, once TCP has ended: now they say how it ended.
        assert!(matches!(socket.read(), Err(Error::Closed(_))));
        assert_eq!(socket.state(), State::Closed);
        for result in [
            socket.send("x"),
            socket.write("x"),
            socket.ping(b""),
            socket.pong(b""),
            socket.start_close(CloseCode::NORMAL, ""),
            socket.close(CloseCode::NORMAL, ""),
            socket.send_fragmented::<str>().finish(),
            socket.sender().send("x"),
            socket.sender().pong(b""),
            socket.sender().close(CloseCode::NORMAL, ""),
        ] {
            match result {
                Err(Error::Closed(closed)) => assert_eq!(Some(closed), socket.closed()),
                other => panic!("{other:?}"),
            }
        }
        drop(socket);
        assert_eq!(sent.take(), []);
    }
}

#[test]
fn what_was_written_leaves_before_the_close() {
    let (mut socket, sent) = open(Role::Server, []);
    socket.write("last words").unwrap();
    assert_eq!(sent.take(), []);
    socket.start_close(CloseCode::NORMAL, "").unwrap();
    let close = frame(FIN | CLOSE, None, &close_body(1000, ""));
    assert_eq!(
        sent.take(),
        [frame(FIN | TEXT, None, b"last words"), close].concat()
    );
}

/// Proves 5.5.1-4, 5.5.1-5.
#[test]
fn a_close_is_answered_at_once_with_its_code_and_reason() {
    for role in ROLES {
        for body in [
            vec![],
            close_body(1000, ""),
            close_body(4999, "so long"),
            close_body(1001, "é"),
        ] {
            let close = frame_for(role, FIN | CLOSE, &body);
            // What comes behind it is not looked at.
            let input = [close, frame_for(role, FIN | TEXT, b"too late"), vec![0xFF]].concat();
            let (seen, sent) = conversation(role, &input, vec![]);
            assert_eq!(sent, frame_from(role, FIN | CLOSE, &body));
            let [Seen::Closed(closed)] = &seen[..] else {
                panic!("{seen:?}");
            };
            assert_eq!(closed.sent, closed.received);
            assert_eq!(closed.started_by, Side::Peer);
            assert!(closed.was_clean());
        }
    }
}

#[test]
fn a_close_that_answers_ours_is_not_answered() {
    for role in ROLES {
        let body = close_body(1000, "answer");
        let (mut socket, sent) = open(role, frame_for(role, FIN | CLOSE, &body));
        socket.close(CloseCode::GOING_AWAY, "bye").unwrap();
        assert_eq!(
            sent.take(),
            frame_from(role, FIN | CLOSE, &close_body(1001, "bye"))
        );
        let closed = socket.closed().unwrap();
        assert_eq!((closed.started_by, closed.was_clean()), (Side::Us, true));
        assert_eq!(closed.sent.unwrap().text(), "bye");
        assert_eq!(closed.received.unwrap().text(), "answer");
    }
}

/// Proves 5.5.1-6, 5.5.1-7, 7.1.1-2, 7.1.1-3, 7.1.2-2.
#[test]
fn after_both_closes_the_server_ends_tcp_at_once_and_the_client_waits_for_it() {
    let body = close_body(1000, "");
    // A server that was asked: its end of TCP comes without any from us.
    let (mut server, mut peer) = tcp(Role::Server, &config());
    peer.write_all(&frame(FIN | CLOSE, Some(KEY), &body))
        .unwrap();
    let serving = thread::spawn(move || {
        assert_eq!(server.read().unwrap(), None);
        server.closed().unwrap()
    });
    assert_eq!(rest(&mut peer), frame(FIN | CLOSE, None, &body));
    drop(peer);
    assert_eq!(
        serving.join().unwrap().tcp,
        Some(TcpEnd::ClosedBy(Side::Us))
    );

    // A server that asked.
    let (mut server, mut peer) = tcp(Role::Server, &config());
    let serving = thread::spawn(move || server.close(CloseCode::NORMAL, ""));
    expect(&mut peer, &frame(FIN | CLOSE, None, &body));
    peer.write_all(&frame(FIN | CLOSE, Some(KEY), &body))
        .unwrap();
    assert_eq!(rest(&mut peer), []);
    drop(peer);
    serving.join().unwrap().unwrap();

    // A client waits for the server's end.
    let (mut client, mut peer) = tcp(Role::Client, &config());
    peer.write_all(&frame(FIN | CLOSE, None, &body)).unwrap();
    let listening = thread::spawn(move || {
        assert_eq!(client.read().unwrap(), None);
        assert_eq!(client.state(), State::Closing);
        assert!(client.close(CloseCode::NORMAL, "").is_err());
        assert_eq!(client.state(), State::Closed);
        client.closed().unwrap()
    });
    expect(&mut peer, &frame(FIN | CLOSE, Some(KEY), &body));
    thread::sleep(Duration::from_millis(50));
    assert!(
        !listening.is_finished(),
        "the client did not wait for the server's end of TCP"
    );
    drop(peer);
    assert_eq!(
        listening.join().unwrap().tcp,
        Some(TcpEnd::ClosedBy(Side::Peer))
    );
}

#[test]
fn the_client_does_not_wait_for_ever_for_the_servers_end_of_tcp() {
    let config = rfc6455::Config {
        close_timeout: Duration::from_millis(50),
        ..config()
    };
    let (mut client, mut peer) = tcp(Role::Client, &config);
    peer.write_all(&frame(FIN | CLOSE, None, &close_body(1000, "")))
        .unwrap();
    assert_eq!(client.read().unwrap(), None);
    assert_eq!(client.closed().unwrap().tcp, None);
    assert!(client.close(CloseCode::NORMAL, "").is_err());
    let closed = client.closed().unwrap();
    let how = "the peer did not end TCP in time".to_owned();
    assert_eq!(closed.tcp, Some(TcpEnd::Broken(how)));
    assert!(closed.was_clean());
}

#[test]
fn a_peer_that_does_not_answer_our_close_is_not_waited_for_for_ever() {
    for role in ROLES {
        let config = rfc6455::Config {
            close_timeout: Duration::from_millis(50),
            ..config()
        };
        let (mut socket, mut peer) = tcp(role, &config);
        // It goes on talking instead.
        let talking = thread::spawn(move || {
            let started = Instant::now();
            while started.elapsed() < Duration::from_secs(30)
                && peer
                    .write_all(&frame_for(role, FIN | TEXT, b"and another thing"))
                    .is_ok()
            {
                thread::sleep(Duration::from_millis(5));
            }
        });
        match socket.close(CloseCode::NORMAL, "") {
            Err(Error::Closed(closed)) => {
                assert_eq!(
                    (closed.code(), closed.was_clean()),
                    (CloseCode::ABNORMAL, false)
                );
                assert!(closed.sent.is_some());
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(socket.state(), State::Closed);
        drop(socket);
        talking.join().unwrap();
    }
}

#[test]
fn both_sides_may_close_at_once() {
    let (mut server, peer) = tcp(Role::Server, &config());
    let mut client =
        rfc6455::WebSocket::after_handshake(rfc6455::Tcp::from(peer), Role::Client, &[], &config())
            .unwrap();
    // Both Close frames are under way before either side reads.
    server.start_close(CloseCode::NORMAL, "server").unwrap();
    client.start_close(CloseCode::GOING_AWAY, "client").unwrap();
    let serving = thread::spawn(move || {
        assert_eq!(server.read().unwrap(), None);
        server.closed().unwrap()
    });
    assert_eq!(client.read().unwrap(), None);
    let (client, server) = (client.closed().unwrap(), serving.join().unwrap());
    assert!(client.was_clean() && server.was_clean());
    assert_eq!((client.started_by, server.started_by), (Side::Us, Side::Us));
    assert_eq!((client.reason(), server.reason()), ("server", "client"));
    assert_eq!(client.code(), CloseCode::NORMAL);
    assert_eq!(server.code(), CloseCode::GOING_AWAY);
}

/// Proves 5.5.2-1, 5.5.2-2.
#[test]
fn a_ping_is_answered_with_a_pong_of_the_same_payload_before_the_next_wait() {
    for role in ROLES {
        for payload in [&b""[..], b"Hello", &[0xFF; 125]] {
            let (_, sent) = conversation(role, &frame_for(role, FIN | PING, payload), vec![]);
            assert_eq!(sent, frame_from(role, FIN | PONG, payload));
        }
        // Several are answered in their order, the latest included.
        let pings: Vec<u8> = (0..10)
            .flat_map(|i| frame_for(role, FIN | PING, &[i]))
            .collect();
        let pongs: Vec<u8> = (0..10)
            .flat_map(|i| frame_from(role, FIN | PONG, &[i]))
            .collect();
        assert_eq!(conversation(role, &pings, vec![]).1, pongs);
    }
}

#[test]
fn pongs_that_are_more_than_is_collected_leave_in_the_order_of_their_pings() {
    for role in ROLES {
        let frames = |frame: &dyn Fn(&[u8]) -> Vec<u8>| -> Vec<u8> {
            (0..10).flat_map(|i| frame(&[i; 125])).collect()
        };
        let (stream, sent) = Script::new(frames(&|payload| frame_for(role, FIN | PING, payload)));
        let config = Config {
            write_buffer: 100,
            ..config()
        };
        let mut socket = WebSocket::after_handshake(stream, role, &[], &config).unwrap();
        assert!(socket.read().is_err());
        let pongs = frames(&|payload| frame_from(role, FIN | PONG, payload));
        assert_eq!(sent.take(), pongs);
    }
}

#[test]
fn a_ping_after_our_close_is_not_answered_and_one_behind_the_peers_is_not_looked_at() {
    for role in ROLES {
        let close = close_body(1000, "");
        let input = [
            frame_for(role, FIN | PING, b"late"),
            frame_for(role, FIN | CLOSE, &close),
            frame_for(role, FIN | PING, b"later"),
        ]
        .concat();
        let (mut socket, sent) = open(role, input);
        socket.close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(sent.take(), frame_from(role, FIN | CLOSE, &close));
    }
}

#[test]
fn a_pong_that_nobody_asked_for_is_taken_without_an_answer() {
    for role in ROLES {
        let input = [
            frame_for(role, FIN | PONG, b"alive"),
            frame_for(role, FIN | TEXT, b"x"),
        ];
        let (seen, sent) = conversation(role, &input.concat(), vec![]);
        assert_eq!((seen[0].clone(), sent), (Seen::text("x"), vec![]));
        let (mut socket, sent) = open(role, []);
        socket.pong(b"alive").unwrap();
        assert_eq!(sent.take(), frame_from(role, FIN | PONG, b"alive"));
    }
}
