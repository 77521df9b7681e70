//! Ten thousand connections; and a minute of load with the bad inputs beside it.

#[path = "kit/mod.rs"]
mod kit;
#[path = "kit/own_server.rs"]
mod own_server;
#[path = "kit/programs.rs"]
mod programs;

use kit::*;
use own_server::OwnServer;
use programs::opening_handshake;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[test]
#[ignore = "is started by the other tests"]
fn server_process() {
    own_server::serve();
}

/// Resident memory that an idle connection may cost, in KiB. A thread that does nothing but sit in
/// a read costs 13.6.
const KIB_EACH: f64 = 16.0;

#[test]
#[ignore = "needs 10 100 file descriptors (ulimit -n 20000)"]
fn ten_thousand_idle_connections_are_small_and_alive_and_closed_with_1001_at_a_stop() {
    const COUNT: usize = 10_000;
    // Not so short a limit that a busy machine misses it, with 10 000 closes to be answered.
    let mut server = OwnServer::start("close_timeout=60000 keepalive=600000");
    let (threads, _) = server.at_rest();
    let memory = server.memory();
    let mut streams: Vec<_> = (0..COUNT).map(|_| server.open("/echo")).collect();
    assert!(server.threads() >= threads + COUNT as u64);
    let each = (server.memory() - memory) as f64 / COUNT as f64;
    println!("{each:.2} KiB of resident memory for each of {COUNT} idle connections");
    assert!(each <= KIB_EACH, "{each:.2} KiB each");

    for stream in &mut streams {
        stream
            .write_all(&frame(FIN | PING, Some(KEY), b"still there?"))
            .unwrap();
    }
    for stream in &mut streams {
        expect(stream, &frame(FIN | PONG, None, b"still there?"));
    }
    let each = (server.memory() - memory) as f64 / COUNT as f64;
    println!("{each:.2} KiB each after a Ping");

    server.stop();
    for stream in &mut streams {
        expect(stream, &frame(FIN | CLOSE, None, &close_body(1001, "")));
        stream
            .write_all(&frame(FIN | CLOSE, Some(KEY), &close_body(1001, "")))
            .unwrap();
    }
    for stream in &mut streams {
        assert_eq!(rest(stream), []);
    }
    drop(streams);
    let (code, lines, _) = server.program.finish();
    assert_eq!(code, Some(0));
    assert!(lines.iter().any(|line| line == "stopped"), "{lines:?}");
}

/// How long the load lasts.
const LOAD: Duration = Duration::from_secs(60);
const CONNECTIONS: usize = 200;

#[test]
#[ignore = "takes a minute"]
fn under_load_and_attack_no_message_is_lost_reordered_or_altered_and_nothing_is_left_over() {
    // Time limits short enough that the attacks end within the minute, long enough for the honest
    // ones, who share two processors with all of them.
    let server = Arc::new(OwnServer::start(
        "handshake_timeout=5000 close_timeout=1000 write_timeout=5000 message_timeout=30000",
    ));
    let (threads, descriptors) = server.at_rest();
    let over = Arc::new(AtomicBool::new(false));
    let echoed = Arc::new(AtomicU64::new(0));
    let honest: Vec<_> = (0..CONNECTIONS)
        .map(|id| {
            let (server, over, echoed) = (server.clone(), over.clone(), echoed.clone());
            thread::spawn(move || echo_load(&server, id, &over, &echoed))
        })
        .collect();
    let attackers: Vec<_> = ATTACKS
        .iter()
        .map(|attack| {
            let (server, over) = (server.clone(), over.clone());
            thread::spawn(move || {
                let mut attacks = 0;
                while !over.load(Ordering::Relaxed) {
                    attack(&server);
                    attacks += 1;
                }
                attacks
            })
        })
        .collect();
    thread::sleep(LOAD);
    over.store(true, Ordering::Relaxed);
    for thread in honest {
        thread
            .join()
            .expect("a message was lost, reordered or altered");
    }
    let attacks: Vec<u32> = attackers
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    println!(
        "{} messages echoed, {attacks:?} attacks",
        echoed.load(Ordering::Relaxed)
    );
    assert!(attacks.iter().all(|&count| count > 0), "{attacks:?}");
    server.wait_for_quiet(threads, descriptors);
    server.assert_serves();
}

/// Messages of many sizes and both types, several at a time under way; each comes back as it went,
/// in its order.
fn echo_load(server: &OwnServer, id: usize, over: &AtomicBool, echoed: &AtomicU64) {
    let mut stream = server.open("/echo");
    let mut number = 0u64;
    while !over.load(Ordering::Relaxed) {
        let (mut burst, mut expected) = (Vec::new(), Vec::new());
        for _ in 0..1 + number % 7 {
            let length = [0, 1, 20, 125, 126, 1000, 5000][(number % 7) as usize];
            let mut payload = format!("{id} {number} ").into_bytes();
            payload.resize(payload.len() + length, b'a' + (number % 26) as u8);
            let first = FIN
                | if number.is_multiple_of(3) {
                    BINARY
                } else {
                    TEXT
                };
            burst.extend(frame(first, Some((number as u32).to_be_bytes()), &payload));
            expected.extend(frame(first, None, &payload));
            number += 1;
        }
        stream.write_all(&burst).unwrap();
        let mut got = vec![0; expected.len()];
        stream.read_exact(&mut got).unwrap();
        assert!(got == expected, "connection {id}, about message {number}");
    }
    echoed.fetch_add(number, Ordering::Relaxed);
    stream
        .write_all(&frame(FIN | CLOSE, Some(KEY), &close_body(1000, "")))
        .unwrap();
    assert_eq!(
        rest(&mut stream),
        frame(FIN | CLOSE, None, &close_body(1000, ""))
    );
}

/// Sends bytes on an open connection until they are all sent or the server has had enough, and
/// reads what is left; how that ends does not matter here.
fn send_at(server: &OwnServer, bytes: &[u8]) {
    let mut stream = server.open("/echo");
    let _ = stream.set_write_timeout(Some(Duration::from_secs(1)));
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}

/// The bad inputs, short versions; each runs again and again.
const ATTACKS: [fn(&OwnServer); 11] = [
    // A head without end.
    |server| {
        drop(server.exchange(&[b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 1 << 16]].concat()))
    },
    // A head that is none.
    |server| drop(server.exchange(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")),
    // Half a head, and the end.
    |server| drop(server.exchange(&opening_handshake("/echo").as_bytes()[..70])),
    // Half-open sockets, a hundred at a time, left until the server ends them or half a second.
    |server| {
        let streams: Vec<_> = (0..100).map(|_| server.connect()).collect();
        thread::sleep(Duration::from_millis(500));
        drop(streams);
    },
    // Lengths beyond all memory.
    |server| {
        for length in [1u64 << 40, 1 << 63, u64::MAX] {
            send_at(
                server,
                &[&[0x82, 0xFF][..], &length.to_be_bytes(), &KEY].concat(),
            );
        }
    },
    // Fragments without end, empty and of one byte.
    |server| {
        send_at(
            server,
            &[
                frame(TEXT, Some(KEY), b""),
                frame(CONTINUATION, Some(KEY), b"").repeat(5000),
            ]
            .concat(),
        )
    },
    |server| {
        send_at(
            server,
            &[
                frame(TEXT, Some(KEY), b""),
                frame(CONTINUATION, Some(KEY), b"x").repeat(5000),
            ]
            .concat(),
        )
    },
    // A flood of Pings from one that does not read, for as long as the pipe takes it.
    |server| {
        let mut stream = server.open("/echo");
        let pings = frame(FIN | PING, Some(KEY), &[b'x'; 125]).repeat(100);
        let _ = stream.set_write_timeout(Some(Duration::from_millis(200)));
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(1) && stream.write_all(&pings).is_ok() {}
    },
    // One that never reads what it is sent.
    |server| {
        let stream = server.open("/talk");
        thread::sleep(Duration::from_secs(2));
        drop(stream);
    },
    // Violations, and data after them.
    |server| {
        for bad in [
            frame(FIN | 0x70 | TEXT, Some(KEY), b"x"),
            frame(FIN | TEXT, None, b"x"),
            frame(FIN | TEXT, Some(KEY), b"\xFF"),
            frame(FIN | CLOSE, Some(KEY), b"\x03"),
        ] {
            send_at(
                server,
                &[bad, frame(FIN | TEXT, Some(KEY), b"more").repeat(100)].concat(),
            );
        }
    },
    // A handler that panics.
    |server| {
        let mut stream = server.open("/panic");
        let _ = stream.read_to_end(&mut Vec::new());
    },
];
