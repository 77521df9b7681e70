//! Bad inputs that have brought implementations down, one test each, named after what it tries.
//! The server is in a process of its own, so that its memory, threads and descriptors can be
//! counted.

#[path = "kit/mod.rs"]
mod kit;
#[path = "kit/own_server.rs"]
mod own_server;
#[path = "kit/programs.rs"]
mod programs;

use kit::*;
use own_server::*;
use programs::opening_handshake;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// A server that is not to be started alone; see `kit/own_server.rs`.
#[test]
#[ignore = "is started by the other tests"]
fn server_process() {
    own_server::serve();
}

/// Reads to the end; a reset counts as one.
fn drain(stream: &mut TcpStream) -> Vec<u8> {
    let mut got = Vec::new();
    let _ = stream.read_to_end(&mut got);
    got
}

/// What a server sends before it ends a connection that it fails: one Close; its code.
fn close_code(sent: &[u8]) -> u16 {
    let frames = frames(sent);
    let last = frames.last().expect("a Close was sent");
    assert_eq!(last.header.opcode, rfc6455::OpCode::Close);
    u16::from_be_bytes([last.payload[0], last.payload[1]])
}

fn assert_status(answer: &[u8], status: u16) {
    let answer = String::from_utf8_lossy(answer);
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")),
        "{answer:.200}"
    );
}

/// A request whose head does not end by itself.
fn endless_head(length: usize) -> Vec<u8> {
    let mut head = b"GET /echo HTTP/1.1\r\nX: ".to_vec();
    head.resize(length, b'x');
    head
}

#[test]
fn a_head_without_end_in_one_piece() {
    let server = OwnServer::start("");
    let before = server.memory();
    for _ in 0..20 {
        assert_status(&server.exchange(&endless_head(1 << 20)), 431);
    }
    assert!(
        server.memory() < before + 4096,
        "{} KiB after {before}",
        server.memory()
    );
    server.assert_serves();
}

#[test]
fn a_head_without_end_a_byte_at_a_time() {
    let server = OwnServer::start("");
    let mut stream = server.connect();
    stream.set_nodelay(true).unwrap();
    for byte in endless_head((32 << 10) + 1) {
        stream.write_all(&[byte]).unwrap();
    }
    assert_status(&drain(&mut stream), 431);
    // Were the head searched from its beginning for each byte, this would be 500 million steps
    // and more; a byte at a time through the kernel is a fraction of a second in any case.
    assert!(server.cpu() < Duration::from_secs(5), "{:?}", server.cpu());
}

#[test]
fn a_head_that_trickles_past_the_deadline() {
    let server = OwnServer::start("handshake_timeout=300");
    let mut stream = server.connect();
    let mut answer = stream.try_clone().unwrap();
    let trickle = thread::spawn(move || {
        for byte in endless_head(3000) {
            if stream.write_all(&[byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("30 s passed");
    });
    assert_status(&drain(&mut answer), 408);
    let _ = answer.shutdown(Shutdown::Both);
    trickle.join().unwrap();
}

#[test]
fn thousands_of_fields_with_upgrade_last() {
    let server = OwnServer::start("max_head=1000000");
    let many = "X: y\r\n".repeat(10_000);
    let request = opening_handshake("/echo")
        .replace("Upgrade: websocket", &format!("{many}Upgrade: websocket"));
    assert_status(&server.exchange(request.as_bytes()), 431);
    server.assert_serves();
}

#[test]
fn list_fields_built_to_backtrack() {
    let server = OwnServer::start("max_head=1000000");
    let spaces = " ".repeat(32_000);
    let quotes = "\\\"".repeat(16_000);
    for (field, value) in [
        ("Connection", format!("a{spaces}b")),
        ("Connection", format!("{}Upgrade", " ,".repeat(16_000))),
        ("Sec-WebSocket-Extensions", format!("a{spaces}b")),
        ("Sec-WebSocket-Extensions", format!("a; b=\"{quotes}")),
        (
            "Sec-WebSocket-Extensions",
            format!("a; b=\"{}", "\\".repeat(32_000)),
        ),
        (
            "Sec-WebSocket-Extensions",
            format!("a{}", ";a=\"".repeat(8_000)),
        ),
        ("Sec-WebSocket-Protocol", "a,".repeat(16_000)),
    ] {
        let request =
            opening_handshake("/echo").replace("Host:", &format!("{field}: {value}\r\nHost:"));
        let answer = server.exchange(request.as_bytes());
        // Whether the whole is a proper request or not: the answer comes.
        assert!(answer.starts_with(b"HTTP/1.1 "), "{field}");
    }
    assert!(server.cpu() < Duration::from_secs(5), "{:?}", server.cpu());
}

#[test]
fn an_origin_that_only_contains_the_right_host() {
    let server = OwnServer::start("");
    for (origin, status) in [
        ("http://localhost", 101),
        ("http://localhost.evil.net", 403),
        ("http://evil.net/localhost", 403),
        ("http://evil.net?localhost", 403),
        ("http://localhost@evil.net", 403),
        ("http://evil.net#http://localhost", 403),
        ("xhttp://evil.netlocalhost", 403),
    ] {
        let request =
            opening_handshake("/echo").replace("Host:", &format!("Origin: {origin}\r\nHost:"));
        let mut stream = server.connect();
        stream.write_all(request.as_bytes()).unwrap();
        assert!(
            read_head(&mut stream).starts_with(&format!("HTTP/1.1 {status} ")),
            "{origin}"
        );
    }
}

#[test]
fn a_header_that_promises_more_than_there_is_memory() {
    let server = OwnServer::start("");
    let before = server.memory();
    let mut streams = Vec::new();
    for (length, code) in [
        (1u64 << 40, 1009),
        (1 << 63, 1002),
        (u64::MAX, 1002),
        ((1 << 63) - 1, 1009),
    ] {
        for _ in 0..20 {
            let mut stream = server.open("/echo");
            let header = [&[0x82, 0xFF][..], &length.to_be_bytes(), &KEY].concat();
            stream.write_all(&header).unwrap();
            assert_eq!(close_code(&drain(&mut stream)), code, "{length}");
            streams.push(stream);
        }
    }
    // Within the limit a promise costs nothing either: 100 times 16 MiB are announced.
    for _ in 0..100 {
        let mut stream = server.open("/echo");
        let header = [
            &[0x82, 0xFF][..],
            &(16u64 << 20).to_be_bytes(),
            &KEY,
            b"a few bytes",
        ]
        .concat();
        stream.write_all(&header).unwrap();
        streams.push(stream);
    }
    server.assert_serves();
    assert!(
        server.memory() < before + 8192,
        "{} KiB after {before}",
        server.memory()
    );
}

#[test]
fn fragments_that_add_up_past_the_limit() {
    let server = OwnServer::start("max_message=100000");
    let mut stream = server.open("/echo");
    stream
        .write_all(&frame(BINARY, Some(KEY), &[0; 60_000]))
        .unwrap();
    let _ = stream.write_all(&frame(CONTINUATION, Some(KEY), &[0; 60_000]));
    assert_eq!(close_code(&drain(&mut stream)), 1009);
}

#[test]
fn a_message_of_131_000_one_byte_fragments() {
    let server = OwnServer::start("");
    let mut stream = server.open("/echo");
    let mut input = frame(TEXT, Some(KEY), b"x");
    for _ in 0..130_998 {
        input.extend(frame(CONTINUATION, Some(KEY), b"x"));
    }
    input.extend(frame(FIN | CONTINUATION, Some(KEY), b"x"));
    stream.write_all(&input).unwrap();
    let expected = frame(FIN | TEXT, None, &vec![b'x'; 131_000]);
    let mut got = vec![0; expected.len()];
    stream.read_exact(&mut got).unwrap();
    assert!(got == expected);
    assert!(server.cpu() < Duration::from_secs(10), "{:?}", server.cpu());
}

#[test]
fn empty_fragments_without_end() {
    let server = OwnServer::start("message_timeout=3000");
    let mut stream = server.open("/echo");
    stream.write_all(&frame(TEXT, Some(KEY), b"")).unwrap();
    let before = server.memory();
    let many: Vec<u8> = frame(CONTINUATION, Some(KEY), b"").repeat(10_000);
    // Until the time that a message may take has passed.
    let mut count = 0u64;
    while stream.write_all(&many).is_ok() {
        count += 10_000;
        assert!(count < 10_000_000_000, "nothing stops it");
    }
    assert!(count > 100_000, "only {count}");
    assert!(
        server.memory() < before + 4096,
        "{} KiB after {before}",
        server.memory()
    );
    server.assert_serves();
}

#[test]
fn every_truncated_prefix_of_a_conversation_and_then_the_end() {
    let server = OwnServer::start("");
    let conversation = [
        opening_handshake("/echo").as_bytes(),
        &frame(FIN | TEXT, Some(KEY), b"text"),
        &frame(TEXT, Some(KEY), b"frag"),
        &frame(FIN | PING, Some(KEY), b"ping"),
        &frame(FIN | CONTINUATION, Some(KEY), b"ment"),
        &frame(FIN | BINARY, Some(KEY), &[0; 130]),
        &frame(FIN | CLOSE, Some(KEY), &close_body(1000, "bye")),
    ]
    .concat();
    let (threads, descriptors) = server.at_rest();
    for end in 0..=conversation.len() {
        let mut stream = server.connect();
        stream.write_all(&conversation[..end]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        drain(&mut stream);
    }
    server.wait_for_quiet(threads, descriptors);
    // No loop spins on what is over.
    let before = server.cpu();
    thread::sleep(Duration::from_millis(300));
    assert!(server.cpu() - before < Duration::from_millis(200));
}

#[test]
fn a_flood_of_pings_from_a_peer_that_does_not_read() {
    let server = OwnServer::start("write_timeout=300");
    let (threads, descriptors) = server.at_rest();
    let before = server.memory();
    let mut stream = server.open("/echo");
    let pings = frame(FIN | PING, Some(KEY), &[b'x'; 125]).repeat(1000);
    let started = Instant::now();
    while stream.write_all(&pings).is_ok() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "nothing stops it"
        );
    }
    assert!(
        server.memory() < before + 4096,
        "{} KiB after {before}",
        server.memory()
    );
    drop(stream);
    server.wait_for_quiet(threads, descriptors);
}

#[test]
fn a_peer_that_never_reads_what_it_is_sent() {
    let server = OwnServer::start("write_timeout=300");
    let (threads, descriptors) = server.at_rest();
    let before = server.memory();
    let streams: Vec<_> = (0..10).map(|_| server.open("/talk")).collect();
    // The server gives up by itself; the peers are still there.
    server.wait_for_quiet(threads, descriptors);
    assert!(
        server.memory() < before + 4096,
        "{} KiB after {before}",
        server.memory()
    );
    drop(streams);
}

#[test]
fn a_peer_that_reads_a_little_now_and_then() {
    let server = OwnServer::start("write_timeout=10000 message_timeout=500");
    let (threads, _) = server.at_rest();
    let mut stream = server.open("/big");
    let mut some = vec![0; 100_000];
    let mut received = 0;
    // Every write of the server makes some progress, so that only the limit of the whole ends it.
    loop {
        thread::sleep(Duration::from_millis(20));
        match stream.read(&mut some) {
            Ok(0) | Err(_) => break,
            Ok(count) => received += count,
        }
    }
    assert!(received < BIG, "it was sent to the end");
    server.wait_for_quiet(threads, usize::MAX);
}

#[test]
fn a_message_that_trickles() {
    let server = OwnServer::start("message_timeout=300 keepalive=200");
    let mut stream = server.open("/echo");
    let mut sent = stream.try_clone().unwrap();
    let trickle = thread::spawn(move || {
        for byte in frame(FIN | BINARY, Some(KEY), &[0; 60_000]) {
            if sent.write_all(&[byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    });
    assert_eq!(close_code(&drain(&mut stream)), 1008);
    let _ = stream.shutdown(Shutdown::Both);
    trickle.join().unwrap();
}

#[test]
fn a_peer_that_never_answers_a_close() {
    let server = OwnServer::start("close_timeout=200");
    let (threads, descriptors) = server.at_rest();
    let mut streams: Vec<_> = (0..10).map(|_| server.open("/close")).collect();
    for stream in &mut streams {
        expect(
            stream,
            &frame(FIN | CLOSE, None, &close_body(1000, "at once")),
        );
    }
    server.wait_for_quiet(threads, descriptors);
    // One that talks instead of answering gains nothing.
    let mut stream = server.open("/close");
    let chatter = frame(FIN | TEXT, Some(KEY), b"but").repeat(1000);
    let started = Instant::now();
    while stream.write_all(&chatter).is_ok() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "nothing stops it"
        );
    }
    drop((stream, streams));
    server.wait_for_quiet(threads, descriptors);
}

#[test]
fn a_peer_that_vanishes_without_a_word() {
    let server = OwnServer::start("keepalive=200");
    let (threads, _) = server.at_rest();
    // It neither answers nor ends TCP, which is what a pulled plug looks like.
    let mut silent = server.open("/echo");
    expect(&mut silent, &frame(FIN | PING, None, b""));
    wait_until("the connection is failed", || server.threads() <= threads);
    // If it is not gone after all, it learns why.
    let close = drain(&mut silent);
    assert_eq!(
        close[..4],
        [
            &[FIN | CLOSE, close.len() as u8 - 2],
            &1011_u16.to_be_bytes()[..]
        ]
        .concat()
    );
    // One that answers its Pings stays.
    let mut alive = server.open("/echo");
    for _ in 0..5 {
        expect(&mut alive, &frame(FIN | PING, None, b""));
        alive.write_all(&frame(FIN | PONG, Some(KEY), b"")).unwrap();
    }
    alive
        .write_all(&frame(FIN | TEXT, Some(KEY), b"here"))
        .unwrap();
    expect(&mut alive, &frame(FIN | TEXT, None, b"here"));
}

#[test]
fn two_thousand_half_open_sockets() {
    let server = OwnServer::start("handshake_timeout=3000");
    let (threads, descriptors) = server.at_rest();
    let mut streams = Vec::new();
    for i in 0..2000 {
        let mut stream = server.connect();
        if i % 2 == 0 {
            stream
                .write_all(&opening_handshake("/echo").as_bytes()[..60])
                .unwrap();
        }
        streams.push(stream);
        if i % 500 == 0 {
            server.assert_serves(); // Others are served meanwhile.
        }
    }
    server.wait_for_quiet(threads, descriptors);
    drop(streams);
    server.assert_serves();
}

#[test]
fn a_first_frame_in_the_same_segment_as_the_request() {
    let server = OwnServer::start("");
    let mut stream = server.connect();
    let both = [
        opening_handshake("/echo").as_bytes(),
        &frame(FIN | TEXT, Some(KEY), b"early"),
        &frame(FIN | CLOSE, Some(KEY), b""),
    ]
    .concat();
    stream.write_all(&both).unwrap();
    read_head(&mut stream);
    let expected = [
        frame(FIN | TEXT, None, b"early"),
        frame(FIN | CLOSE, None, b""),
    ]
    .concat();
    assert_eq!(drain(&mut stream), expected);
}

#[test]
fn bytes_after_a_close() {
    let server = OwnServer::start("");
    let mut stream = server.open("/echo");
    let input = [
        frame(FIN | CLOSE, Some(KEY), &close_body(1000, "")),
        frame(FIN | TEXT, Some(KEY), b"not for anybody"),
        vec![0xFF; 100_000],
    ]
    .concat();
    let _ = stream.write_all(&input);
    assert_eq!(
        drain(&mut stream),
        frame(FIN | CLOSE, None, &close_body(1000, ""))
    );
    server.assert_serves();
}

#[test]
fn data_after_failing() {
    let server = OwnServer::start("");
    let mut stream = server.open("/echo");
    let input = [
        frame(FIN | 3, Some(KEY), b""),
        frame(FIN | TEXT, Some(KEY), b"not for anybody").repeat(1000),
    ]
    .concat();
    let _ = stream.write_all(&input);
    let sent = drain(&mut stream);
    assert_eq!((frames(&sent).len(), close_code(&sent)), (1, 1002));
}

#[test]
fn compressed_frames_though_nothing_was_negotiated() {
    let server = OwnServer::start("");
    let request = opening_handshake("/echo").replace(
        "Host:",
        "Sec-WebSocket-Extensions: permessage-deflate\r\nHost:",
    );
    let mut stream = server.connect();
    stream.write_all(request.as_bytes()).unwrap();
    assert!(!read_head(&mut stream).contains("Sec-WebSocket-Extensions"));
    stream
        .write_all(&frame(
            FIN | 0x40 | TEXT,
            Some(KEY),
            b"\xf2\x48\xcd\xc9\xc9\x07\x00",
        ))
        .unwrap();
    assert_eq!(close_code(&drain(&mut stream)), 1002);
}

#[test]
fn a_handler_that_panics() {
    let server = OwnServer::start("");
    let (threads, descriptors) = server.at_rest();
    for _ in 0..20 {
        let mut stream = server.open("/panic");
        assert_eq!(
            drain(&mut stream),
            frame(FIN | CLOSE, None, &close_body(1011, ""))
        );
    }
    server.wait_for_quiet(threads, descriptors);
    server.assert_serves();
}

#[test]
fn more_connections_than_there_may_be() {
    let server = OwnServer::start("max_connections=10");
    let streams: Vec<_> = (0..10).map(|_| server.open("/echo")).collect();
    for _ in 0..5 {
        let answer = server.exchange(opening_handshake("/echo").as_bytes());
        assert_status(&answer, 503);
        assert!(String::from_utf8_lossy(&answer).contains("\r\nRetry-After: 30\r\n"));
    }
    drop(streams);
    wait_until("there is room again", || {
        let mut stream = server.connect();
        stream
            .write_all(opening_handshake("/echo").as_bytes())
            .unwrap();
        read_head(&mut stream).starts_with("HTTP/1.1 101 ")
    });
}

#[test]
fn more_connections_than_there_are_descriptors() {
    let server = OwnServer::start_under("ulimit -n 40", "");
    let mut streams: Vec<_> = (0..20).map(|_| server.open("/echo")).collect();
    // These wait in the kernel, or are refused; the accept loop does not spin over them.
    streams.extend((0..100).map(|_| server.connect()));
    let before = server.cpu();
    thread::sleep(Duration::from_millis(1000));
    assert!(
        server.cpu() - before < Duration::from_millis(500),
        "the accept loop spins"
    );
    // Those that were there first are served.
    streams[0]
        .write_all(&frame(FIN | TEXT, Some(KEY), b"still"))
        .unwrap();
    expect(&mut streams[0], &frame(FIN | TEXT, None, b"still"));
    drop(streams);
    server.assert_serves();
}

#[test]
fn more_connections_than_there_is_room_for_threads() {
    // Stacks of 256 MiB in an address space of 3 GB: a dozen threads, and no more.
    let server = OwnServer::start_under("ulimit -v 3000000", "stack_size=268435456");
    let mut served = Vec::new();
    let mut refused = 0;
    for _ in 0..30 {
        let mut stream = server.connect();
        let _ = stream.write_all(opening_handshake("/echo").as_bytes());
        let mut first = [0; 9];
        match stream.read_exact(&mut first) {
            Ok(()) => served.push(stream),
            Err(_) => refused += 1,
        }
    }
    assert!(
        refused > 0 && !served.is_empty(),
        "{refused} refused, {} served",
        served.len()
    );
    drop(served);
    wait_until("there is room again", || {
        let mut stream = server.connect();
        let _ = stream.write_all(opening_handshake("/echo").as_bytes());
        stream.read_exact(&mut [0; 9]).is_ok()
    });
}

#[test]
fn a_stop_while_peers_answer_do_not_answer_do_not_read_and_have_not_asked() {
    let mut server = OwnServer::start("close_timeout=500");
    let mut polite: Vec<_> = (0..10).map(|_| server.open("/echo")).collect();
    let _silent = server.open("/echo");
    let _deaf = server.open("/talk");
    let mut unasked = server.connect();
    unasked.write_all(b"GET /ec").unwrap();
    server.stop();
    for stream in &mut polite {
        expect(stream, &frame(FIN | CLOSE, None, &close_body(1001, "")));
        stream
            .write_all(&frame(FIN | CLOSE, Some(KEY), &close_body(1001, "")))
            .unwrap();
        assert_eq!(rest(stream), []);
    }
    assert_eq!(drain(&mut unasked), []);
    let (code, lines, _) = server.program.finish();
    assert_eq!(code, Some(0));
    assert!(lines.iter().any(|line| line == "stopped"), "{lines:?}");
    assert!(
        TcpStream::connect(("127.0.0.1", server.port)).is_err(),
        "the listener is closed"
    );
}

#[test]
fn the_defaults_are_fit_for_an_open_port() {
    let config = rfc6455::Config::default();
    assert_eq!(config.handshake_timeout, Duration::from_secs(10));
    assert_eq!(config.close_timeout, Duration::from_secs(5));
    assert_eq!(config.write_timeout, Duration::from_secs(10));
    assert_eq!(config.keepalive, Some(Duration::from_secs(20)));
    assert_eq!(config.message_timeout, Duration::from_secs(300));
    assert_eq!(config.max_head, 32 << 10);
    assert_eq!(config.max_fields, 100);
    assert_eq!(config.max_message, 16 << 20);
    assert_eq!(config.write_buffer, 64 << 10);
    assert_eq!(config.min_response_rate, 1024);
    assert_eq!(config.response_grace, Duration::from_secs(10));
    assert_eq!(config.max_connections, 10_000);
    assert_eq!(config.max_connections_per_address, usize::MAX);
    assert_eq!(config.stack_size, 256 << 10);
    assert_eq!(config.origins, rfc6455::Origins::SameHost);
    assert_eq!(config.hosts, rfc6455::Hosts::Any);
}
