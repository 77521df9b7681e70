//! One connection, several threads; one message, many connections.

#[path = "kit/mod.rs"]
mod kit;
#[path = "kit/own_server.rs"]
mod own_server;
#[path = "kit/programs.rs"]
mod programs;

use kit::*;
use own_server::{OwnServer, wait_until};
use programs::Program;
use rfc6455::{
    CloseCode, Config, Error, Message, OpCode, PreparedMessage, Role, Sender, Side, State, Stream,
    TcpEnd, Unsendable, WebSocket,
};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Barrier, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

#[test]
#[ignore = "is started by the other tests"]
fn server_process() {
    own_server::serve();
}

#[test]
fn limits_without_end_limit_nothing() {
    let never = Duration::MAX;
    let config = Config {
        handshake_timeout: never,
        close_timeout: never,
        write_timeout: never,
        keepalive: Some(never),
        message_timeout: never,
        max_head: usize::MAX,
        max_fields: usize::MAX,
        max_message: usize::MAX,
        write_buffer: usize::MAX,
        max_connections: usize::MAX,
        ..config()
    };
    let server = rfc6455::Server::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", server.addresses().unwrap()[0]);
    let handle = server.handle().unwrap();
    let server = server.config(config.clone());
    let served = thread::spawn(move || {
        let echo = |request: rfc6455::Request| {
            let mut socket = request.upgrade()?;
            while let Some((message, writer)) = socket.read_with_writer()? {
                writer.write(message)?;
            }
            Ok(())
        };
        server.run(echo).unwrap();
    });
    let client = rfc6455::Client::new(&url).unwrap().config(config);
    let mut socket = client.connect().unwrap();
    let sender = socket.sender();
    // Longer than what the system takes at once, so that somebody has to wait.
    let long = vec![7; 20 << 20];
    thread::scope(|scope| {
        scope.spawn(|| sender.send(&long).unwrap());
        let deadline = Instant::now() + Duration::from_secs(60);
        let answer = socket.read_deadline(deadline).unwrap().unwrap();
        assert!(answer.as_bytes() == long);
    });
    socket.close(CloseCode::NORMAL, "").unwrap();
    handle.stop();
    served.join().unwrap();
}

#[test]
fn a_peer_that_fell_silent_is_what_the_reader_is_told() {
    let config = Config {
        keepalive: Some(Duration::from_millis(100)),
        ..config()
    };
    for role in ROLES {
        let (mut socket, mut peer) = tcp(role, &config);
        let Err(Error::Closed(closed)) = socket.read() else {
            panic!("nothing was to be read");
        };
        assert_eq!(
            (closed.code(), closed.was_clean()),
            (CloseCode::ABNORMAL, false)
        );
        let sent = closed.sent.clone().expect("§7.1.7 asks for a Close");
        assert_eq!(sent.code(), Some(CloseCode::INTERNAL_ERROR));
        assert_eq!(closed.received, None);
        let Some(TcpEnd::Broken(how)) = closed.tcp else {
            panic!("{closed:?}");
        };
        assert!(how.contains("not even an answer to our Ping"), "{how}");
        expect(&mut peer, &frame_from(role, FIN | PING, b""));
        let mut close = Vec::new();
        sent.encode(&mut close);
        assert_eq!(rest(&mut peer), frame_from(role, FIN | CLOSE, &close));
    }
    // A deadline of the caller's own is kept, and the Ping is sent all the same.
    let (mut socket, mut peer) = tcp(Role::Server, &config);
    let deadline = std::time::Instant::now() + Duration::from_millis(150);
    assert!(matches!(
        socket.read_deadline(deadline),
        Err(Error::TimedOut)
    ));
    expect(&mut peer, &frame(FIN | PING, None, b""));
}

/// A sender can be given to any thread, and shared by many.
#[allow(dead_code)]
fn a_sender_is_clone_send_and_sync(sender: Sender) -> impl Clone + Send + Sync {
    sender
}

/// Reads one frame of any length that a server sent.
fn read_frame(peer: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut header = [0; 2];
    peer.read_exact(&mut header).unwrap();
    let length = match header[1] {
        126 => {
            let mut length = [0; 2];
            peer.read_exact(&mut length).unwrap();
            u16::from_be_bytes(length).into()
        }
        length => usize::from(length),
    };
    let mut payload = vec![0; length];
    peer.read_exact(&mut payload).unwrap();
    (header[0], payload)
}

#[test]
fn a_sender_sends_while_another_thread_sits_in_read() {
    for role in ROLES {
        let (mut socket, mut peer) = tcp(role, &config());
        let sender = socket.sender();
        let reading = thread::spawn(move || {
            let message = socket.read().unwrap().map(|message| message.to_string());
            (message, socket)
        });
        // The peer sends nothing, and the reader has had time to sit down.
        thread::sleep(Duration::from_millis(50));
        sender.send("from another thread").unwrap();
        expect(
            &mut peer,
            &frame_from(role, FIN | TEXT, b"from another thread"),
        );
        sender.ping(b"?").unwrap();
        expect(&mut peer, &frame_from(role, FIN | PING, b"?"));
        sender.pong(b"here").unwrap();
        expect(&mut peer, &frame_from(role, FIN | PONG, b"here"));
        assert!(!reading.is_finished());
        peer.write_all(&frame_for(role, FIN | TEXT, b"at last"))
            .unwrap();
        assert_eq!(reading.join().unwrap().0.as_deref(), Some("at last"));
    }
}

#[test]
fn frames_of_several_senders_never_interleave() {
    const SENDERS: usize = 8;
    const MESSAGES: usize = 300;
    let (mut socket, mut peer) = tcp(Role::Server, &config());
    let senders: Vec<_> = (0..SENDERS)
        .map(|i| {
            let sender = socket.sender();
            thread::spawn(move || {
                for j in 0..MESSAGES {
                    let text = format!("{i} {j} {}", "x".repeat(i * 997));
                    sender.send(&text).unwrap();
                }
            })
        })
        .collect();
    let pieces = thread::spawn(move || {
        for j in 0..MESSAGES {
            let mut message = socket.send_fragmented::<str>();
            message.send(&format!("{SENDERS} {j} ")).unwrap();
            message.send("and more").unwrap();
            message.finish().unwrap();
        }
        socket
    });
    // Each message is whole, and those of one sender are in their order.
    let mut next = [0; SENDERS + 1];
    let mut begun: Option<Vec<u8>> = None;
    while next != [MESSAGES; SENDERS + 1] {
        let (first, payload) = read_frame(&mut peer);
        let message = match (begun.take(), first) {
            (None, 0x81) => payload,
            (None, 0x01) => {
                begun = Some(payload);
                continue;
            }
            (Some(so_far), 0x00) => {
                begun = Some([so_far, payload].concat());
                continue;
            }
            (Some(so_far), 0x80) => so_far,
            other => panic!("a frame of another message within a message: {other:?}"),
        };
        let text = String::from_utf8(message).unwrap();
        let mut words = text.split(' ');
        let sender: usize = words.next().unwrap().parse().unwrap();
        assert_eq!(words.next().unwrap().parse(), Ok(next[sender]), "{text}");
        next[sender] += 1;
    }
    for sender in senders {
        sender.join().unwrap();
    }
    drop(pieces.join().unwrap());
}

#[test]
fn a_message_waits_for_one_in_pieces_and_a_ping_does_not() {
    let (mut socket, mut peer) = tcp(Role::Server, &config());
    let (message, ping) = (socket.sender(), socket.sender());
    let mut pieces = socket.send_fragmented::<str>();
    pieces.send("one").unwrap();
    expect(&mut peer, &frame(TEXT, None, b"one"));
    let sending = thread::spawn(move || message.send("two"));
    thread::sleep(Duration::from_millis(50));
    ping.ping(b"").unwrap();
    expect(&mut peer, &frame(FIN | PING, None, b""));
    assert!(!sending.is_finished());
    pieces.finish().unwrap();
    expect(&mut peer, &frame(FIN | CONTINUATION, None, b""));
    expect(&mut peer, &frame(FIN | TEXT, None, b"two"));
    sending.join().unwrap().unwrap();
}

#[test]
fn no_message_comes_between_an_abandoned_message_and_the_close_behind_it() {
    for round in 0..200 {
        let (mut socket, mut peer) = tcp(Role::Server, &config());
        let together = Arc::new(Barrier::new(4));
        let senders: Vec<_> = (0..3)
            .map(|_| {
                let (sender, together) = (socket.sender(), Arc::clone(&together));
                thread::spawn(move || {
                    together.wait();
                    let mut sent = 0;
                    while sender.send("whole").is_ok() {
                        sent += 1;
                    }
                    sent
                })
            })
            .collect();
        let reading = thread::spawn(move || {
            let mut whole = 0;
            while let (first @ (0x81 | 0x01), payload) = read_frame(&mut peer) {
                if first == TEXT {
                    assert_eq!(payload, b"half of");
                    // The next frame is the Close, and nothing comes behind it.
                    let close = close_body(1011, "a message was abandoned");
                    assert_eq!(rest(&mut peer), frame(FIN | CLOSE, None, &close));
                    return whole;
                }
                assert_eq!(payload, b"whole");
                whole += 1;
            }
            panic!("the abandoned message did not come");
        });
        together.wait();
        // Now and then the others have a head start.
        thread::sleep(Duration::from_micros(round % 7 * 30));
        let mut abandoned = socket.send_fragmented::<str>();
        abandoned.send("half of").unwrap();
        drop(abandoned);
        let sent: usize = senders
            .into_iter()
            .map(|sender| sender.join().unwrap())
            .sum();
        drop(socket);
        assert_eq!(reading.join().unwrap(), sent, "round {round}");
    }
}

#[test]
fn a_close_from_another_thread_wakes_the_reader() {
    for role in ROLES {
        let (mut socket, mut peer) = tcp(role, &config());
        let sender = socket.sender();
        let reading = thread::spawn(move || {
            assert_eq!(socket.read().unwrap(), None);
            socket.closed().unwrap()
        });
        let closing = thread::spawn(move || sender.close(CloseCode::NORMAL, "enough"));
        let body = close_body(1000, "enough");
        expect(&mut peer, &frame_from(role, FIN | CLOSE, &body));
        peer.write_all(&frame_for(role, FIN | CLOSE, &body))
            .unwrap();
        drop(peer);
        closing.join().unwrap().unwrap();
        let closed = reading.join().unwrap();
        assert_eq!((closed.started_by, closed.was_clean()), (Side::Us, true));
    }
}

/// A peer that answers a Close before the write of it has returned.
#[derive(Clone, Default)]
struct QuickPeer(Arc<(Mutex<Step>, Condvar)>);

#[derive(Default, PartialEq, PartialOrd)]
enum Step {
    #[default]
    Open,
    CloseWritten,
    AnswerRead,
}

impl QuickPeer {
    fn wait_for(&self, step: &Step) {
        let (state, changed) = &*self.0;
        let state = state.lock().unwrap();
        drop(changed.wait_while(state, |now| *now < *step).unwrap());
    }

    fn is_at(&self, step: Step) {
        *self.0.0.lock().unwrap() = step;
        self.0.1.notify_all();
    }
}

impl Read for QuickPeer {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.wait_for(&Step::CloseWritten);
        self.is_at(Step::AnswerRead);
        (&[FIN | CLOSE, 2, 3, 232][..]).read(room)
    }
}

impl Write for QuickPeer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.is_at(Step::CloseWritten);
        self.wait_for(&Step::AnswerRead);
        // The reader takes the answer as the peer's Close meanwhile.
        thread::sleep(Duration::from_millis(100));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for QuickPeer {}

#[test]
fn a_close_that_is_answered_before_its_write_returns_was_started_by_us() {
    let mut socket =
        WebSocket::after_handshake(QuickPeer::default(), Role::Client, &[], &Config::default())
            .unwrap();
    let sender = socket.sender();
    let closing = thread::spawn(move || sender.close(CloseCode::NORMAL, ""));
    assert!(socket.read().unwrap().is_none());
    let _ = closing.join().unwrap();
    assert_eq!(socket.closed().unwrap().started_by, Side::Us);
}

#[test]
fn a_close_that_is_not_answered_wakes_the_reader_too() {
    for role in ROLES {
        let config = Config {
            close_timeout: Duration::from_millis(100),
            ..config()
        };
        let (mut socket, peer) = tcp(role, &config);
        let sender = socket.sender();
        let reading = thread::spawn(move || match socket.read() {
            Err(Error::Closed(closed)) => closed,
            other => panic!("{other:?}"),
        });
        thread::sleep(Duration::from_millis(20));
        for result in [sender.close(CloseCode::NORMAL, ""), sender.send("more")] {
            let Err(Error::Closed(closed)) = result else {
                panic!("{result:?}");
            };
            assert!(closed.sent.is_some() && closed.received.is_none());
        }
        let closed = reading.join().unwrap();
        assert_eq!(closed.started_by, Side::Us);
        assert!(matches!(closed.tcp, Some(TcpEnd::Broken(how)) if how.contains("did not answer")));
        drop(peer);
    }
}

#[test]
fn two_threads_closing_at_once_send_one_close() {
    for _ in 0..50 {
        let (mut socket, mut peer) = tcp(Role::Server, &config());
        let together = Arc::new(Barrier::new(2));
        let closing: Vec<_> = [4001, 4002]
            .map(|code| {
                let (sender, together) = (socket.sender(), Arc::clone(&together));
                thread::spawn(move || {
                    together.wait();
                    sender.close(CloseCode(code), "")
                })
            })
            .into();
        let reading = thread::spawn(move || socket.read().map(|message| message.is_none()));
        let (first, body) = read_frame(&mut peer);
        assert_eq!(first, FIN | CLOSE);
        peer.write_all(&frame(FIN | CLOSE, Some(KEY), &body))
            .unwrap();
        assert_eq!(rest(&mut peer), []);
        drop(peer);
        let results = closing.into_iter().map(|thread| thread.join().unwrap());
        assert_eq!(results.filter(Result::is_ok).count(), 1);
        assert!(reading.join().unwrap().unwrap());
    }
}

#[test]
fn after_the_end_a_send_is_an_error_that_says_how_it_ended() {
    let (mut socket, mut peer) = tcp(Role::Client, &config());
    let sender = socket.sender();
    peer.write_all(&frame(FIN | CLOSE, None, &close_body(4321, "that was it")))
        .unwrap();
    drop(peer);
    assert_eq!(socket.read().unwrap(), None);
    let errors = [
        sender.send("x"),
        sender.ping(b""),
        sender.close(CloseCode::NORMAL, ""),
    ];
    for error in errors {
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("closed by the peer with 4321 (private code): that was it"),
            "{error}"
        );
    }
}

#[test]
fn senders_and_the_connection_may_be_dropped_in_every_order() {
    for order in 0..6 {
        let (socket, mut peer) = tcp(Role::Server, &config());
        let (one, two) = (socket.sender(), socket.sender());
        one.send("1").unwrap();
        two.send("2").unwrap();
        let (mut socket, mut one, mut two) = (Some(socket), Some(one), Some(two));
        for i in 0..3 {
            match (order + i * (1 + order / 3)) % 3 {
                0 => {
                    socket = None;
                    // Senders that are left know that it is over.
                    for sender in [&one, &two].into_iter().flatten() {
                        assert!(matches!(sender.send("x"), Err(Error::Closed(_))));
                    }
                }
                1 => one = None,
                _ => two = None,
            }
            if let Some(socket) = &mut socket {
                socket.send("still open").unwrap();
            }
        }
        let sent = rest(&mut peer);
        assert!(
            sent.ends_with(&frame(FIN | CLOSE, None, &close_body(1001, ""))),
            "{sent:02x?}"
        );
        assert!(one.is_none() && two.is_none());
    }
}

#[test]
fn a_connection_with_senders_has_one_descriptor() {
    let server = OwnServer::start("");
    let (threads, descriptors) = server.at_rest();
    let mut streams: Vec<_> = (0..20).map(|_| server.open("/tick")).collect();
    for stream in &mut streams {
        expect(stream, &frame(FIN | TEXT, None, b"tick"));
    }
    assert_eq!(server.descriptors(), descriptors + 20);
    drop(streams);
    server.wait_for_quiet(threads, descriptors);
}

#[test]
fn a_message_to_many_is_encoded_once_and_the_same_to_all() {
    let message = PreparedMessage::from("to all of you");
    let mut peers = Vec::new();
    for _ in 0..10 {
        let (socket, peer) = tcp(Role::Server, &config());
        socket.sender().send_prepared(&message).unwrap();
        peers.push((socket, peer));
    }
    for (_, peer) in &mut peers {
        expect(peer, &frame(FIN | TEXT, None, b"to all of you"));
    }
    // A client has to mask each frame with a key of its own.
    let (client, _peer) = tcp(Role::Client, &config());
    assert!(matches!(
        client.sender().send_prepared(&message),
        Err(Error::Unsendable(Unsendable::Unmasked))
    ));
    assert_eq!(client.state(), State::Open);
}

/// The example `chat`, and its port.
fn chat() -> (Program, u16) {
    let program = programs::example("chat", &["localhost:0"]);
    let page = program.line();
    let port = page
        .trim_end_matches('/')
        .rsplit_once(':')
        .unwrap()
        .1
        .parse()
        .unwrap();
    (program, port)
}

fn join(port: u16, name: &str) -> WebSocket {
    let mut socket = rfc6455::connect(&format!("ws://127.0.0.1:{port}/chat")).unwrap();
    socket.send(name).unwrap();
    socket
}

fn next(socket: &mut WebSocket) -> String {
    socket
        .read()
        .unwrap()
        .expect("the room goes on")
        .to_string()
}

#[test]
fn the_chat_tells_everybody_who_comes_what_is_said_and_who_goes() {
    let (_program, port) = chat();
    let mut anna = join(port, "Anna");
    assert_eq!(next(&mut anna), "Anna joined");
    let mut bert = join(port, "Bert");
    for socket in [&mut anna, &mut bert] {
        assert_eq!(next(socket), "Bert joined");
    }
    anna.send("hello").unwrap();
    for socket in [&mut anna, &mut bert] {
        assert_eq!(next(socket), "Anna: hello");
    }
    for (name, reason) in [
        ("Anna", "that name is taken"),
        ("", "a name has 1 to 30 characters"),
    ] {
        let mut refused = join(port, name);
        assert_eq!(refused.read().unwrap(), None);
        assert_eq!(
            (
                refused.closed().unwrap().code(),
                refused.closed().unwrap().reason()
            ),
            (CloseCode::POLICY_VIOLATION, reason)
        );
    }
    anna.close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(next(&mut bert), "Anna left");
}

#[test]
fn in_the_chat_a_slow_reader_delays_nobody_else() {
    let (_program, port) = chat();
    let mut anna = join(port, "Anna");
    assert_eq!(next(&mut anna), "Anna joined");
    let _slow = join(port, "Slow"); // It never reads again.
    assert_eq!(next(&mut anna), "Slow joined");
    // Far more than the kernel's buffers and the queue hold: each comes back at once, or within
    // ten seconds this would have stood still and Anna with it.
    let long = "x".repeat(990);
    let (done, finished) = mpsc::channel();
    let talking = thread::spawn(move || {
        for i in 0..20_000 {
            let said = format!("{i} {long}");
            anna.send(&said).unwrap();
            loop {
                match next(&mut anna) {
                    heard if heard == format!("Anna: {said}") => break,
                    // When its time is up, the slow one leaves.
                    heard => assert_eq!(heard, "Slow left"),
                }
            }
        }
        done.send(()).unwrap();
    });
    finished
        .recv_timeout(programs::PATIENCE)
        .expect("the room stood still");
    talking.join().unwrap();
}

#[test]
fn a_ping_is_answered_although_a_handler_only_sends() {
    // The handler of /tick sends from a second thread; the first sits in `read` and answers.
    let server = OwnServer::start("");
    let mut stream = server.open("/tick");
    stream
        .write_all(&frame(FIN | PING, Some(KEY), b"and?"))
        .unwrap();
    wait_until("the Pong is among the ticks", || {
        let (first, payload) = read_frame(&mut stream);
        assert!(first == FIN | TEXT || payload == b"and?");
        OpCode::decode(first & 0xF) == Ok(OpCode::Pong)
    });
}

#[test]
fn a_read_with_a_time_limit_loses_no_byte_of_a_conversation() {
    // Every kind of thing that can be half here when the time runs out.
    let (mut server, mut peer) = tcp(Role::Server, &config());
    let input = [
        frame(FIN | PING, Some(KEY), b"ping"),
        frame(TEXT, Some(KEY), b"frag"),
        frame(FIN | PING, Some(KEY), b""),
        frame(FIN | CONTINUATION, Some(KEY), "m\u{e9}nt".as_bytes()),
        frame(FIN | BINARY, Some(KEY), &[7; 300]),
        frame(FIN | CLOSE, Some(KEY), &close_body(1000, "bye")),
    ]
    .concat();
    let sending = thread::spawn(move || {
        for byte in input {
            peer.write_all(&[byte]).unwrap();
            thread::sleep(Duration::from_micros(1500));
        }
        rest(&mut peer)
    });
    let mut timeouts = 0;
    let mut seen = Vec::new();
    loop {
        match server.read_deadline(std::time::Instant::now() + Duration::from_millis(1)) {
            Ok(Some(Message::Text(text))) => seen.push(text.to_owned()),
            Ok(Some(Message::Binary(bytes))) => seen.push(format!("{bytes:?}")),
            Ok(None) => break,
            Err(Error::TimedOut) => timeouts += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(
        seen,
        ["fragm\u{e9}nt".to_owned(), format!("{:?}", [7; 300])]
    );
    assert!(timeouts > 10, "only {timeouts} time limits ran out");
    let pongs = [
        frame(FIN | PONG, None, b"ping"),
        frame(FIN | PONG, None, b""),
    ]
    .concat();
    let close = frame(FIN | CLOSE, None, &close_body(1000, "bye"));
    drop(server);
    assert_eq!(sending.join().unwrap(), [pongs, close].concat());
}
