//! Promises under pressure: a second sender, a peer that reads slowly or not at all, input that
//! nobody has read, and memory.

#[path = "kit/mod.rs"]
mod kit;

use kit::*;
use rfc6455::{Budget, CloseCode, Config, Error, Role, Server, Side, State, TcpEnd, WebSocket};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than what the system takes at once, so that its sender waits for the peer.
const LONG: usize = 32 << 20;

/// A limit that is short beside a minute, and long beside the pauses of a slow machine.
const LIMIT: Duration = Duration::from_millis(400);

/// Much longer than every limit here, and much shorter than waiting for a blocked sender.
const SOON: Duration = Duration::from_secs(20);

/// A header that says how long its payload is, in the 64-bit form.
fn long_header(first: u8, length: u64) -> Vec<u8> {
    [&[first, 127][..], &length.to_be_bytes()].concat()
}

/// Reads a little now and then: a message of [`LONG`] takes at least ten seconds, and there is
/// always progress.
fn read_slowly(mut peer: TcpStream) {
    let mut room = vec![0; 1 << 16];
    while matches!(peer.read(&mut room), Ok(1..)) {
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_reader_reads_on_while_another_sender_waits_for_the_peer() {
    let (mut socket, mut peer) = tcp(Role::Server, &config());
    let sender = socket.sender();
    thread::scope(|scope| {
        scope.spawn(|| sender.send(&vec![7; LONG]).unwrap());
        // The sender is inside its message now.
        peer.peek(&mut [0]).unwrap();
        thread::sleep(Duration::from_millis(100));
        let reading = scope.spawn(move || {
            let is_text = socket.read().unwrap().unwrap().as_text() == Some("read me");
            (is_text, socket)
        });
        // One after the other, so that the reader wants to flush its Pong before it waits.
        for number in [b"1", b"2"] {
            let ping = frame(FIN | PING, Some(KEY), number);
            peer.write_all(&ping).unwrap();
            thread::sleep(Duration::from_millis(200));
        }
        let text = frame(FIN | TEXT, Some(KEY), b"read me");
        peer.write_all(&text).unwrap();
        let began = Instant::now();
        while !reading.is_finished() {
            assert!(began.elapsed() < SOON, "the reader waits for the sender");
            thread::sleep(Duration::from_millis(10));
        }
        let (is_text, mut socket) = reading.join().unwrap();
        assert!(is_text);

        // Then the message of the sender, whole, and the Pongs behind it.
        let reading = scope.spawn(move || socket.read_timeout(SOON).map(|_| ()));
        expect(&mut peer, &long_header(FIN | BINARY, LONG as u64));
        let mut payload = vec![0; LONG];
        peer.read_exact(&mut payload).unwrap();
        assert!(payload.iter().all(|&byte| byte == 7));
        expect(&mut peer, &frame(FIN | PONG, None, b"1"));
        expect(&mut peer, &frame(FIN | PONG, None, b"2"));
        peer.write_all(&frame(FIN | TEXT, Some(KEY), b"done"))
            .unwrap();
        reading.join().unwrap().unwrap();
    });
}

#[test]
fn every_call_keeps_its_own_limit_while_another_sender_is_blocked() {
    let limit = Duration::from_secs(1);
    let config = Config {
        write_timeout: limit,
        close_timeout: limit,
        ..config()
    };
    let (mut socket, peer) = tcp(Role::Server, &config);
    let (blocked, sender) = (socket.sender(), socket.sender());
    // Not scoped: a failed assertion must end this test, and closing TCP then ends the threads.
    thread::spawn(move || blocked.send(&vec![7; LONG]));
    peer.peek(&mut [0]).unwrap();
    thread::spawn(move || read_slowly(peer));
    thread::sleep(Duration::from_millis(100));

    let began = Instant::now();
    assert_eq!(socket.state(), State::Open);
    let result = sender.send("never");
    assert!(matches!(result, Err(Error::TimedOut)), "{result:?}");
    let result = socket.read_timeout(limit).map(|_| ());
    assert!(matches!(result, Err(Error::TimedOut)), "{result:?}");
    let result = socket.send("never");
    assert!(matches!(result, Err(Error::TimedOut)), "{result:?}");
    assert!(sender.close(CloseCode::NORMAL, "").is_err());
    assert_eq!(socket.state(), State::Closed);
    assert!(began.elapsed() < SOON, "took {:?}", began.elapsed());
}

#[test]
fn a_peer_that_never_reads_is_left_after_the_write_timeout_and_a_quarter() {
    let limit = Duration::from_secs(2);
    let config = Config {
        write_timeout: limit,
        ..config()
    };
    let (mut socket, _peer) = tcp(Role::Server, &config);
    let began = Instant::now();
    let Err(Error::Closed(closed)) = socket.send(&vec![7; LONG]) else {
        panic!("the peer reads nothing");
    };
    let took = began.elapsed();
    assert!(matches!(closed.tcp, Some(TcpEnd::Broken(how)) if how.contains("did not read")));
    // A quarter of the limit, and the pauses of a slow machine.
    assert!(limit <= took && took < limit + limit * 3 / 4, "{took:?}");
}

#[test]
fn a_ping_in_two_reads_does_not_start_the_clock_of_a_message() {
    let config = Config {
        message_timeout: LIMIT,
        ..config()
    };
    let (mut socket, mut peer) = tcp(Role::Server, &config);
    let writing = thread::spawn(move || {
        let pause = || thread::sleep(LIMIT / 8);
        let mut send = |bytes: &[u8]| {
            peer.write_all(bytes).unwrap();
            pause();
        };
        let ping = frame(FIN | PING, Some(KEY), b"are you there?");
        let text = frame(FIN | TEXT, Some(KEY), b"an honest message");
        send(&ping[..9]);
        send(&ping[9..]);
        thread::sleep(2 * LIMIT);
        send(&text[..9]);
        send(&text[9..]);
        peer
    });
    let message = socket.read().unwrap().unwrap();
    assert_eq!(message.as_text(), Some("an honest message"));
    writing.join().unwrap();
}

#[test]
fn a_handler_that_returns_with_unread_input_loses_nothing_that_it_sent() {
    const SENT: usize = 200_000;
    for _ in 0..50 {
        let (mut socket, mut peer) = tcp(Role::Server, &config());
        let handler = thread::spawn(move || {
            socket.send(&vec![7; SENT]).unwrap();
        });
        // Input that the handler never reads.
        peer.write_all(&frame(FIN | BINARY, Some(KEY), &[1; 60_000]))
            .unwrap();
        thread::sleep(Duration::from_millis(5));
        expect(&mut peer, &long_header(FIN | BINARY, SENT as u64));
        let rest = rest(&mut peer);
        assert_eq!(rest.len(), SENT + 4, "the message and a Close");
        assert_eq!(
            rest[SENT..],
            frame(FIN | CLOSE, None, &close_body(1001, ""))
        );
        drop(peer);
        handler.join().unwrap();
    }
}

#[test]
fn an_answered_close_is_told_at_once_even_if_tcp_stays_open() {
    let config = Config {
        close_timeout: SOON,
        ..config()
    };
    // From the reader's side.
    let (mut socket, mut peer) = tcp(Role::Client, &config);
    let began = Instant::now();
    peer.write_all(&frame(FIN | CLOSE, None, &close_body(1000, "bye")))
        .unwrap();
    assert!(socket.read().unwrap().is_none());
    let closed = socket.closed().expect("the Close has come");
    assert_eq!((closed.reason(), &closed.tcp), ("bye", &None));
    // From a sender's side.
    let (mut reader, mut other) = tcp(Role::Client, &config);
    let sender = reader.sender();
    let closing = thread::spawn(move || sender.close(CloseCode::NORMAL, ""));
    let reading = thread::spawn(move || reader.read().map(|message| message.is_none()));
    expect(
        &mut other,
        &frame(FIN | CLOSE, Some(KEY), &close_body(1000, "")),
    );
    other
        .write_all(&frame(FIN | CLOSE, None, &close_body(1000, "")))
        .unwrap();
    closing.join().unwrap().unwrap();
    assert!(reading.join().unwrap().unwrap());
    assert!(began.elapsed() < SOON, "waited for the end of TCP");
}

#[test]
fn a_peer_that_answers_a_close_and_keeps_tcp_is_reported_as_that() {
    let config = Config {
        close_timeout: LIMIT,
        ..config()
    };
    let (mut socket, mut peer) = tcp(Role::Client, &config);
    peer.write_all(&frame(FIN | CLOSE, None, &close_body(1000, "")))
        .unwrap();
    socket.close(CloseCode::NORMAL, "").unwrap();
    let closed = socket.closed().unwrap();
    assert!(closed.was_clean());
    assert_eq!(closed.started_by, Side::Us);
    assert!(
        matches!(&closed.tcp, Some(TcpEnd::Broken(how)) if how.contains("did not end TCP in time")),
        "{closed:?}"
    );
}

/// Fills a message up to its last byte but one, in two fragments.
fn almost_a_message(peer: &mut TcpStream, length: usize) {
    peer.write_all(&frame(BINARY, Some(KEY), &vec![7; length / 2]))
        .unwrap();
    let second = frame(FIN, Some(KEY), &vec![7; length / 2]);
    peer.write_all(&second[..second.len() - 1]).unwrap();
}

/// Waits until this is true.
fn wait_for(what: &str, is_true: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_true() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_idle_connection_gives_back_what_its_messages_took() {
    let budget = Budget::new(1 << 30);
    let config = Config {
        budget: budget.clone(),
        ..config()
    };
    let (mut socket, mut peer) = tcp(Role::Server, &config);
    let reading = thread::spawn(move || {
        let length = socket.read().unwrap().unwrap().as_bytes().len();
        (length, socket.read().unwrap().is_none())
    });
    let length = 16 << 20;
    almost_a_message(&mut peer, length);
    wait_for("the message is counted", || budget.held() > length / 2);
    peer.write_all(&[7 ^ KEY[(length / 2 - 1) % 4]]).unwrap();
    wait_for("an idle connection holds nothing", || budget.held() == 0);
    peer.write_all(&frame(FIN | CLOSE, Some(KEY), b"")).unwrap();
    assert_eq!(reading.join().unwrap(), (length, true));
}

#[test]
fn past_the_budget_the_connection_that_asks_is_closed_with_1013_and_the_others_go_on() {
    let budget = Budget::new(8 << 20);
    let config = Config {
        budget: budget.clone(),
        ..config()
    };
    let server = Server::bind("127.0.0.1:0").unwrap().config(config);
    let address = server.addresses().unwrap()[0];
    let handle = server.handle().unwrap();
    let running = thread::spawn(move || {
        server.run(|request| {
            let mut socket = request.upgrade()?;
            while let Some((message, writer)) = socket.read_with_writer()? {
                writer.write(message)?;
            }
            Ok(())
        })
    });
    let connect = || {
        let mut peer = TcpStream::connect(address).unwrap();
        peer.set_read_timeout(Some(SOON)).unwrap();
        let (key, _) = test_key();
        let request = format!(
            "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        peer.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            peer.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        peer
    };
    let mut honest = connect();
    let mut greedy: Vec<TcpStream> = Vec::new();
    let mut refused = 0;
    for _ in 0..6 {
        let mut peer = connect();
        // It may be refused while it still sends.
        let length = 4 << 20;
        let first = frame(BINARY, Some(KEY), &vec![7; length]);
        let _ = peer.write_all(&first);
        thread::sleep(Duration::from_millis(100));
        peer.set_nonblocking(true).unwrap();
        if peer.peek(&mut [0]).is_ok_and(|count| count > 0) {
            peer.set_nonblocking(false).unwrap();
            let mut close = [0; 4];
            peer.read_exact(&mut close).unwrap();
            assert_eq!(
                (close[0], &close[2..]),
                (FIN | CLOSE, &1013_u16.to_be_bytes()[..])
            );
            refused += 1;
        } else {
            peer.set_nonblocking(false).unwrap();
            greedy.push(peer);
        }
        assert!(budget.held() <= budget.limit());
    }
    assert!(refused >= 3, "only {refused} of 6 were refused");
    honest
        .write_all(&frame(FIN | TEXT, Some(KEY), b"hello"))
        .unwrap();
    expect(&mut honest, &frame(FIN | TEXT, None, b"hello"));
    for peer in greedy {
        peer.shutdown(Shutdown::Both).unwrap();
    }
    wait_for("everything is given back", || budget.held() == 0);
    handle.stop();
    running.join().unwrap().unwrap();
}

/// A connection is something that other threads can be given.
#[allow(dead_code)]
fn a_connection_is_send(socket: WebSocket) -> impl Send {
    socket
}
