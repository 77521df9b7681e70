//! Golden traces: the text that `--trace` shows of a whole conversation, compared with a file in
//! `tests/golden/`.
//!
//! `UPDATE_GOLDEN=1 cargo test --test wire` writes the files anew.

use crate::kit::*;
use crate::support::*;
use rfc6455::trace::{Observer, Renderer, Traced, Transcript, columns};
use rfc6455::{Client, CloseCode, Config, Entropy, Error, Role, Tcp, WebSocket};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::{fs, thread};

/// What an onlooker at the client tells of a conversation with a server that is written by hand.
/// The nonce and the masking keys are those of the RFC's examples.
fn trace_of(
    server: impl FnOnce(TcpStream) + Send + 'static,
    client: impl FnOnce(Result<WebSocket<Traced<Tcp>>, Error>),
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = thread::spawn(move || server(listener.accept().unwrap().0));
    let text = Arc::new(Mutex::new(String::new()));
    let mut stream = Traced::new(Tcp::from(tcp), Role::Client);
    let mut transcript = Transcript::new(Renderer { colour: false });
    let told = Arc::clone(&text);
    stream.watch(Observer::new(), move |event| {
        told.lock()
            .unwrap()
            .push_str(&transcript.add("", "", &event));
    });
    let config = Config {
        entropy: || Entropy::scripted(b"the sample nonce\x37\xfa\x21\x3d"),
        ..Config::default()
    };
    let endpoint = Client::new("ws://server.example.com/ws").unwrap();
    client(endpoint.config(config).handshake(stream));
    server.join().unwrap();
    Arc::into_inner(text).unwrap().into_inner().unwrap()
}

/// Compares with a file of `tests/golden/`, or writes it.
fn assert_golden(name: &str, text: &str) {
    for line in text.lines() {
        assert!(columns(line) <= 80, "{name}: {line}");
    }
    assert!(!text.contains('\x1b'), "{name}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return fs::write(file, text).unwrap();
    }
    let golden = fs::read_to_string(&file).unwrap_or_default();
    let differs = text
        .lines()
        .zip(golden.lines())
        .find(|(now, was)| now != was);
    assert!(
        text == golden,
        "{}: {differs:?} (UPDATE_GOLDEN=1 writes it anew)\n{text}",
        file.display()
    );
}

/// Reads the request, sends the response of §1.3 and these frames behind it.
fn answer(tcp: &mut TcpStream, frames: &[u8]) {
    read_head(tcp);
    let response = "HTTP/1.1 101 Switching Protocols\r\n\
                    Upgrade: websocket\r\n\
                    Connection: Upgrade\r\n\
                    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    tcp.write_all(response.as_bytes()).unwrap();
    tcp.write_all(frames).unwrap();
}

/// Reads one short frame of a client.
fn read_masked(tcp: &mut TcpStream) -> Vec<u8> {
    let mut frame = vec![0; 2];
    tcp.read_exact(&mut frame).unwrap();
    let mut rest = vec![0; 4 + usize::from(frame[1] & 0x7F)];
    tcp.read_exact(&mut rest).unwrap();
    [frame, rest].concat()
}

fn end(mut tcp: TcpStream) {
    tcp.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut tcp), b"");
}

#[test]
fn the_conversation_of_the_tutorial_is_shown() {
    let text = trace_of(
        |mut tcp| {
            let close = frame(FIN | CLOSE, None, &close_body(1000, "random closing"));
            let time = frame(FIN | TEXT, None, b"10/28/2022 2:57:48 PM UTC");
            answer(&mut tcp, &[time, close].concat());
            read_masked(&mut tcp);
            end(tcp);
        },
        |socket| {
            let mut socket = socket.unwrap();
            while socket.read().unwrap().is_some() {}
        },
    );
    assert_golden("tutorial", &text);
}

#[test]
fn fragments_with_a_ping_between_are_shown() {
    let text = trace_of(
        |mut tcp| {
            let frames = [
                frame(TEXT, None, b"Hel"),
                frame(FIN | PING, None, b"awake?"),
                frame(FIN | CONTINUATION, None, b"lo"),
                frame(FIN | BINARY, None, &[0x5A; 300]),
            ];
            answer(&mut tcp, &frames.concat());
            assert_eq!(read_masked(&mut tcp)[0], FIN | PONG);
            assert_eq!(read_masked(&mut tcp)[0], FIN | CLOSE);
            tcp.write_all(&frame(FIN | CLOSE, None, &close_body(1000, "")))
                .unwrap();
            end(tcp);
        },
        |socket| {
            let mut socket = socket.unwrap();
            assert_eq!(socket.read().unwrap().unwrap().to_string(), "Hello");
            assert_eq!(socket.read().unwrap().unwrap().as_bytes(), [0x5A; 300]);
            socket.close(CloseCode::NORMAL, "seen enough").unwrap();
        },
    );
    assert_golden("fragments", &text);
}

#[test]
fn violations_are_shown() {
    for (name, frames) in [
        ("violation-mask", frame(FIN | TEXT, Some(KEY), b"Hello")),
        ("violation-utf8", {
            let text = frame(TEXT, None, "h\u{e4}".as_bytes());
            [text, frame(FIN | CONTINUATION, None, b"ll\xFFo")].concat()
        }),
    ] {
        let text = trace_of(
            move |mut tcp| {
                answer(&mut tcp, &frames);
                read_masked(&mut tcp);
                end(tcp);
            },
            |socket| assert!(matches!(socket.unwrap().read(), Err(Error::Violation(_)))),
        );
        assert_golden(name, &text);
    }
}

#[test]
fn a_refused_handshake_is_shown() {
    let text = trace_of(
        |mut tcp| {
            read_head(&mut tcp);
            let refusal = "HTTP/1.1 403 Forbidden\r\n\
                           Content-Type: text/plain\r\n\
                           Content-Length: 15\r\n\r\n\
                           not from there\n";
            tcp.write_all(refusal.as_bytes()).unwrap();
            end(tcp);
        },
        |socket| assert!(matches!(socket, Err(Error::Handshake(_)))),
    );
    assert_golden("refused", &text);
}
