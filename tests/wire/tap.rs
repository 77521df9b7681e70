//! `wire tap`: it passes on every byte unchanged, shows what it passes on, and never makes a
//! connection wait.

use crate::chromium::Chromium;
use crate::kit::*;
use crate::programs::*;
use crate::support::*;
use serde_json::json;
use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

/// The tap in front of a server, and the port it got.
fn tap(target: &str) -> (Program, u16) {
    let program = Program::start(WIRE, &["tap", "127.0.0.1:0", target]);
    let line = program.line();
    let port = line.split([':', ',']).nth(1).unwrap();
    let port = port.parse().unwrap_or_else(|_| panic!("{line}"));
    (program, port)
}

#[test]
fn the_tap_passes_on_every_byte_whatever_it_means() {
    let request = opening_handshake("/").into_bytes();
    let response = RESPONSE.replace('\n', "\r\n").into_bytes();
    let valid = [
        frame(FIN | TEXT, None, b"Hello"),
        frame(FIN | BINARY, None, &[7; 70_000]),
    ];
    let mut numbers = Numbers(7);
    for (to_server, to_client) in [
        (vec![], vec![]),
        (numbers.bytes(1 << 20), numbers.bytes(1 << 20)),
        (
            [&request[..], &numbers.bytes(100_000)].concat(),
            [&response[..], &valid.concat()].concat(),
        ),
        (
            [&request[..], &[0xFF; 9]].concat(),
            [&response[..], &numbers.bytes(100_000)].concat(),
        ),
        (vec![b'x'; 200_000], b"\n\n\n".to_vec()),
    ] {
        let (listener, target) = listener();
        let (program, port) = tap(&target);
        let mut client = connect(port);
        let (mut server, _) = listener.accept().unwrap();
        let send = |mut stream: TcpStream, bytes: Vec<u8>| {
            thread::spawn(move || {
                stream.write_all(&bytes).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
            })
        };
        let sends = [
            send(client.try_clone().unwrap(), to_server.clone()),
            send(server.try_clone().unwrap(), to_client.clone()),
        ];
        let back = thread::spawn(move || rest(&mut client));
        assert!(rest(&mut server) == to_server);
        assert!(back.join().unwrap() == to_client);
        sends.into_iter().for_each(|send| send.join().unwrap());
        // Where no WebSocket was asked for, there are no states.
        wait_for_line(&program, " ended TCP");
        wait_for_line(&program, " ended TCP");
    }
}

#[test]
fn the_tap_passes_on_the_end_of_one_direction_and_leaves_the_other_open() {
    let (listener, target) = listener();
    let (_program, port) = tap(&target);
    let mut client = connect(port);
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(b"no more").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut server), b"no more");
    for piece in [b"still ", b"coming"] {
        server.write_all(piece).unwrap();
        expect(&mut client, piece);
    }
    drop(server);
    assert_eq!(rest(&mut client), b"");
}

#[test]
fn the_tap_ends_both_sides_when_one_breaks_off() {
    let (listener, target) = listener();
    let (program, port) = tap(&target);
    let client = connect(port);
    let (mut server, _) = listener.accept().unwrap();
    server.write_all(b"unread").unwrap();
    client.peek(&mut [0]).unwrap();
    // Closing with unread bytes resets the connection.
    drop(client);
    assert_eq!(rest(&mut server), b"");
    wait_for_line(&program, "the client reset TCP");
}

#[test]
fn the_tap_waits_for_nobody_who_looks() {
    let (listener, target) = listener();
    let mut process = Command::new(WIRE)
        .args(["tap", "127.0.0.1:0", &target])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The first line, and then nothing is read any more.
    let mut line = Vec::new();
    let mut out = process.stdout.take().unwrap();
    while !line.ends_with(b"\n") {
        let mut byte = [0];
        out.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    let line = String::from_utf8(line).unwrap();
    let mut client = connect(line.split([':', ',']).nth(1).unwrap().parse().unwrap());
    let (mut server, _) = listener.accept().unwrap();
    let bytes = Numbers(3).bytes(1 << 16);
    // More than a pipe holds, and more than may wait to be shown.
    for _ in 0..1100 {
        client.write_all(&bytes).unwrap();
        expect(&mut server, &bytes);
    }
    process.kill().unwrap();
    process.wait().unwrap();
}

/// Passes bytes on and keeps them: those of the client, those of the server.
fn recorder(target: u16) -> (u16, thread::JoinHandle<[Vec<u8>; 2]>) {
    let (listener, address) = listener();
    let recorded = thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let server = connect(target);
        let keep = |mut from: TcpStream, mut to: TcpStream| {
            thread::spawn(move || {
                let mut kept = Vec::new();
                let mut room = [0; 1000];
                while let Ok(count @ 1..) = from.read(&mut room) {
                    kept.extend(&room[..count]);
                    let _ = to.write_all(&room[..count]);
                }
                let _ = to.shutdown(Shutdown::Write);
                kept
            })
        };
        let there = keep(client.try_clone().unwrap(), server.try_clone().unwrap());
        let back = keep(server, client);
        [there.join().unwrap(), back.join().unwrap()]
    });
    (
        address.rsplit_once(':').unwrap().1.parse().unwrap(),
        recorded,
    )
}

/// A tap in front of a server, between two recorders.
struct Recorded {
    tap: Program,
    /// Where a client connects.
    port: u16,
    client_side: thread::JoinHandle<[Vec<u8>; 2]>,
    server_side: thread::JoinHandle<[Vec<u8>; 2]>,
}

impl Recorded {
    fn start(server: &ServerProgram) -> Recorded {
        let (behind, server_side) = recorder(server.port);
        let (tap, port) = tap(&format!("127.0.0.1:{behind}"));
        let (port, client_side) = recorder(port);
        Recorded {
            tap,
            port,
            client_side,
            server_side,
        }
    }

    /// The same bytes on both sides, so many at least each way, and these lines shown.
    fn assert_unchanged(self, least: usize, shown: &[&str]) {
        let client_side = self.client_side.join().unwrap();
        let server_side = self.server_side.join().unwrap();
        assert!(client_side == server_side);
        assert!(client_side[0].len() > least && client_side[1].len() > least);
        for says in shown {
            wait_for_line(&self.tap, says);
        }
    }
}

#[test]
fn the_programs_notice_nothing_of_a_tap() {
    let server = ServerProgram::start(&[]);
    let recorded = Recorded::start(&server);
    let before = recorded.port;
    let (client, mut pipe) = client_with_pipe(&[&format!("ws://127.0.0.1:{before}/echo")]);
    for i in 0..300 {
        writeln!(pipe, "{i} {}", "x".repeat(i)).unwrap();
    }
    drop(pipe);
    let (code, lines, errors) = client.finish();
    assert_eq!((code, lines.len()), (Some(0), 300));
    assert_eq!(errors, ["client: closed by us with 1000 (normal closure)"]);
    let shown = [
        "#1 client -> server  opening handshake",
        "#1 client <- server  opening handshake",
        "#1 client -> server  Text, 2 bytes, message 1 ",
        "#1 client -> server  Close",
        "#1 client <- server  Close",
        "#1 state CLOSED",
    ];
    recorded.assert_unchanged(40_000, &shown);
}

#[test]
#[ignore = "needs Chromium (apt-get install chromium)"]
fn a_browser_notices_nothing_of_a_tap() {
    let server = ServerProgram::start(&[]);
    let recorded = Recorded::start(&server);
    let before = recorded.port;
    // The page is not what is looked at.
    let page = format!("http://127.0.0.1:{}/", server.port);
    let mut chromium = Chromium::open(&page, 800, 600);
    let seen = chromium.evaluate(&format!(
        "new Promise(done => {{
            const socket = new WebSocket('ws://127.0.0.1:{before}/echo');
            socket.binaryType = 'arraybuffer';
            const sizes = [0, 1, 125, 126, 65535, 65536, 300000];
            let answers = [];
            socket.onopen = () => sizes.forEach(size => {{
                socket.send('é'.repeat(size));
                socket.send(new Uint8Array(size).fill(7));
            }});
            socket.onmessage = event => {{
                answers.push(event.data.length ?? event.data.byteLength);
                if (answers.length === 2 * sizes.length) socket.close(4001, 'enough');
            }};
            socket.onclose = event => done([answers, event.code, event.reason, event.wasClean]);
        }})"
    ));
    let lengths = [0, 1, 125, 126, 65535, 65536, 300_000].map(|size| [size, size]);
    assert_eq!(seen, json!([lengths.concat(), 4001, "enough", true]));
    let shown = [
        "#1 client -> server  opening handshake",
        "#1 client <- server  opening handshake",
        "#1 client -> server  Binary, 126 bytes, message 8 ",
        "#1 client -> server  Close",
        "#1 state CLOSED",
    ];
    recorded.assert_unchanged(1_000_000, &shown);
}

#[test]
fn the_tap_takes_many_connections_and_gives_each_a_label() {
    let server = ServerProgram::start(&["--interval", "10", "--close-chance", "0.2"]);
    let (program, port) = tap(&format!("localhost:{}", server.port));
    let url = format!("ws://127.0.0.1:{port}/ws");
    let clients: Vec<Program> = (0..20).map(|_| client(&[&url])).collect();
    for client in clients {
        let (code, lines, _) = client.finish();
        assert_eq!(
            (code, &lines.last().unwrap()[..]),
            (Some(0), "random closing")
        );
    }
    let mut open: HashSet<String> = (1..=20).map(|number| format!("#{number}")).collect();
    while !open.is_empty() {
        let line = wait_for_line(&program, "state CLOSED");
        open.remove(line.split(' ').nth(1).unwrap());
    }
}

#[test]
fn a_target_that_does_not_answer_is_told() {
    let target = listener().1;
    let (program, port) = tap(&target);
    for _ in 0..2 {
        assert_eq!(rest(&mut connect(port)), b"");
        // The line is broken where the terminal ends.
        let note = program.line() + " " + &program.line();
        let says = format!("is turned away: cannot reach {target}: Connection refused");
        assert!(note.contains(&says), "{note}");
    }
}

#[test]
fn a_taken_port_is_one_clear_line_and_exit_code_1() {
    let (_taken, address) = listener();
    let (code, lines, errors) = Program::start(WIRE, &["tap", &address, "localhost:1"]).finish();
    assert_eq!((code, lines.len(), errors.len()), (Some(1), 0, 1));
    assert!(
        errors[0].contains(&format!("cannot listen on {address}")),
        "{errors:?}"
    );
}
