//! The trace, and the instrument that shows it: whole conversations as they are in `tests/golden/`,
//! and the program `wire` as its users see it.
//!
//! `UPDATE_GOLDEN=1 cargo test --test wire` writes the files anew.

#[path = "kit/chromium.rs"]
mod chromium;
#[path = "kit/mod.rs"]
mod kit;
#[path = "kit/programs.rs"]
mod programs;

use chromium::Chromium;
use kit::*;
use programs::*;
use rfc6455::observe::{Missing, Observer, Sight};
use rfc6455::render::{Renderer, Transcript, columns, hex};
use rfc6455::{Client, CloseCode, Config, Entropy, Error, Role, Tcp, Traced, WebSocket};
use serde_json::json;
use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::{fs, thread};

const WIRE: &str = env!("CARGO_BIN_EXE_wire");

// Whole conversations.

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
    stream.watch(Observer::new(), move |sight| {
        told.lock()
            .unwrap()
            .push_str(&transcript.add("", "", &sight));
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

fn read_head(tcp: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tcp.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
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

// The onlooker.

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % limit
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }
}

/// Frames that are right and wrong in turn: fragments, cut characters, control frames.
fn some_frames(numbers: &mut Numbers, sender: Role) -> Vec<u8> {
    let payloads: [&[u8]; 9] = [
        b"",
        b"text",
        b"\xC3",
        b"\xA4",
        b"\xE2\x82",
        b"\xAC",
        b"\xFF",
        b"\x03\xE8",
        b"\x03\xED",
    ];
    let firsts = [
        0x00, 0x80, 0x80, 0x01, 0x81, 0x81, 0x82, 0x02, 0x89, 0x8A, 0x88, 0x83, 0x91, 0x09,
    ];
    let mut bytes = Vec::new();
    for _ in 0..=numbers.below(8) {
        let first = firsts[numbers.below(firsts.len())];
        let payload = payloads[numbers.below(payloads.len())];
        let masked = (sender == Role::Client) != (numbers.below(30) == 0);
        bytes.extend(frame(first, masked.then_some(KEY), payload));
        // What is behind a Close is not for the library to judge.
        if first == FIN | CLOSE {
            break;
        }
    }
    bytes
}

#[test]
fn the_onlooker_and_the_library_see_the_same_violations() {
    let mut numbers = Numbers(6455);
    let mut violations = HashSet::new();
    for _ in 0..20_000 {
        let receiver = ROLES[numbers.below(2)];
        let sender = ROLES[usize::from(receiver == ROLES[0])];
        let bytes = some_frames(&mut numbers, sender);
        let cut = numbers.below(bytes.len() + 1);
        let (seen, _) = conversation(receiver, &bytes, vec![cut]);
        let library = seen.iter().find_map(|seen| match seen {
            Seen::Violation(violation) => Some(*violation),
            _ => None,
        });
        let mut observer = Observer::of_frames();
        let mut sights = observer.bytes(sender, &bytes[..cut]);
        sights.extend(observer.bytes(sender, &bytes[cut..]));
        let onlooker = sights.iter().find_map(|sight| match sight {
            Sight::Violation(seen) => Some(seen.violation),
            _ => None,
        });
        assert_eq!(onlooker, library, "{receiver:?} {cut} {}", hex(&bytes));
        violations.extend(onlooker.map(|violation| violation.clause()));
    }
    assert!(violations.len() >= 6, "{violations:?}");
}

#[test]
fn a_connection_that_is_broken_off_is_shown_as_that() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let mut stream = Traced::new(Tcp::from(stream), Role::Server);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    stream.watch(Observer::of_frames(), move |sight| {
        kept.lock().unwrap().push(sight);
    });
    let mut socket = WebSocket::after_handshake(stream, Role::Server, &Config::default()).unwrap();
    socket.send("never read").unwrap();
    peer.peek(&mut [0]).unwrap();
    // With unread bytes the system does not end TCP but resets it.
    drop(peer);
    assert!(matches!(socket.read(), Err(Error::Closed(_))));
    drop(socket);
    let seen = seen.lock().unwrap();
    assert_eq!(
        seen[2..],
        [
            Sight::Broken(Role::Client),
            Sight::State(rfc6455::observe::SeenState::Closed)
        ]
    );
    let text = Renderer { colour: false }.render("", &seen[2]);
    assert!(text.starts_with("the client broke off TCP "), "{text}");
}

#[test]
fn pictures_take_two_columns() {
    for text in ["⌚⭐✅🪐🫠🥰", "日本語日本語", "🙂🚀🧠🀄🆗㍿"] {
        assert_eq!(columns(text), 12, "{text}");
    }
    assert_eq!(columns("é→…“x”"), 6);
}

#[test]
fn a_headline_without_room_goes_on_in_the_next_line() {
    let mut observer = Observer::of_frames();
    let sights = observer.bytes(Role::Server, &[0x01, 0, 0x80, 0]);
    let mut transcript = Transcript::new(Renderer { colour: false });
    let text: String = sights
        .iter()
        .map(|sight| transcript.add("12:34:56.789", " 127.0.0.1:65000", sight))
        .collect();
    assert!(text.contains("message 1,"), "{text}");
    assert!(text.contains("\n   fragment 1\n"), "{text}");
    assert!(text.contains(" fragment 2\n"), "{text}");
    assert!(text.lines().all(|line| columns(line) <= 80), "{text}");
}

#[test]
fn the_onlooker_says_what_is_missing() {
    for (bytes, missing) in [
        (&[][..], Missing::Nothing),
        (&[0x81], Missing::AtLeast(1)),
        (&[0x81, 0x85, 0x37], Missing::Bytes(8)),
        (&[0x81, 0xFE, 0x01], Missing::AtLeast(5)),
        (&[0x82, 0x7E, 0x01, 0x00], Missing::Bytes(256)),
        (&[0x82, 0x7F, 0x00], Missing::AtLeast(7)),
        (&[0x81, 0x02, b'a'], Missing::Bytes(1)),
        (&[0x81, 0x01, b'a'], Missing::Nothing),
    ] {
        let mut observer = Observer::of_frames();
        observer.bytes(Role::Client, bytes);
        // Without a mask that is wrong from a client, and nothing is missing from what is wrong.
        let masked = bytes.get(1).is_none_or(|second| second & 0x80 != 0);
        let from = if masked { Role::Client } else { Role::Server };
        observer.bytes(from, if masked { &[] } else { bytes });
        assert_eq!(observer.missing(from), missing, "{bytes:02x?}");
    }
}

#[test]
fn a_payload_below_another_connections_frame_has_a_headline_of_its_own() {
    let mut transcript = Transcript::new(Renderer { colour: false });
    let mut text = String::new();
    let mut connections = [("#1", Observer::of_frames()), ("#2", Observer::of_frames())];
    for piece in [&[0x81, 3, b'a'][..], b"bc"] {
        for (label, observer) in &mut connections {
            for sight in observer.bytes(Role::Server, piece) {
                text += &transcript.add("", label, &sight);
            }
        }
    }
    let headlines = text.lines().filter(|line| line.starts_with('#'));
    let headlines: Vec<&str> = headlines
        .map(|line| line.split("  ").nth(1).unwrap())
        .collect();
    let header = "Text, 3 bytes, message 1";
    let payload = "the payload of the Text, 3 bytes";
    assert_eq!(headlines, [header, header, payload, payload], "{text}");
}

// `wire explain`.

/// The exit code, and what was printed.
fn wire(args: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut process = Command::new(WIRE)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that reads no input may have ended.
    let _ = process.stdin.take().unwrap().write_all(input);
    let output = process.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn explain(args: &[&str]) -> (Option<i32>, String) {
    let (code, out, errors) = wire(&[&["explain"], args].concat(), b"");
    assert_eq!(errors, "", "{args:?}");
    for line in out.lines() {
        assert!(columns(line) <= 80 && !line.contains('\x1b'), "{line}");
    }
    (code, out)
}

#[test]
fn the_examples_of_section_5_7_are_explained() {
    for (bytes, says) in [
        (
            "81 05 48 65 6c 6c 6f",
            &["client <- server  Text, 5 bytes", "text     \"Hello\""][..],
        ),
        (
            "81 85 37 fa 21 3d 7f 9f 4d 51 58",
            &[
                "client -> server  Text, 5 bytes",
                "37 fa 21 3d",
                "text     \"Hello\"",
            ],
        ),
        (
            "01 03 48 65 6c 80 02 6c 6f",
            &[
                "message 1, fragment 1",
                "meant    Hel",
                "Continuation, 2 bytes, message 1, fragment 2",
                "meant    lo",
            ],
        ),
        ("89 05 48 65 6c 6c 6f", &["Ping, 5 bytes", "meant    Hello"]),
        (
            "8a 85 37 fa 21 3d 7f 9f 4d 51 58",
            &["Pong, 5 bytes", "meant    Hello"],
        ),
    ] {
        let (code, out) = explain(&[bytes]);
        assert_eq!(code, Some(0), "{bytes}");
        for says in says {
            assert!(out.contains(says), "{bytes}: {says}\n{out}");
        }
    }
    for (header, length) in [
        ("82 7E 01 00", 256),
        ("82 7F 00 00 00 00 00 01 00 00", 65536),
    ] {
        let whole = format!("{header} {}", "2a".repeat(length));
        let (code, out, _) = wire(&["explain"], whole.as_bytes());
        assert_eq!(code, Some(0));
        assert!(out.contains(&format!("Binary, {length} bytes")), "{out}");
        assert!(!out.contains("Incomplete"), "{out}");
        let (code, out) = explain(&[header]);
        assert_eq!(code, Some(0));
        assert!(
            out.contains(&format!("{length} bytes are missing")),
            "{out}"
        );
    }
}

#[test]
fn bytes_can_be_written_in_many_ways() {
    let plain = explain(&["8105 48656c6c6f"]);
    for args in [
        &["81", "05", "48656c6c", "6f"][..],
        &["0x81, 0x5, 0x48, 0x65, 0x6c, 0x6c, 0x6f"],
        &["81:05:48:65:6C:6C:6F"],
        &["\\x81\\x05\\x48\\x65\\x6c\\x6c\\x6f"],
        &["81 05\n48 65 6c\n6c 6f\n"],
        &["--from", "server", "8105", "48656c6c6f"],
    ] {
        assert_eq!(explain(args), plain, "{args:?}");
    }
    for args in [&["explain"][..], &["explain", "-"]] {
        for input in [&b"8105\n48 65 6c 6c 6f\n"[..], b"\x81\x05Hello"] {
            let (code, out, errors) = wire(args, input);
            assert_eq!((code, out, &errors[..]), (plain.0, plain.1.clone(), ""));
        }
    }
    for bad in ["8", "81 0g", "0x", "hello", ""] {
        let (code, out, errors) = wire(&["explain", bad], b"");
        assert_ne!(code, Some(0), "{bad}");
        assert_eq!((&out[..], errors.lines().count()), ("", 1), "{bad}");
    }
}

const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\n\
                        Upgrade: websocket\n\
                        Connection: Upgrade\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n\n";

#[test]
fn heads_are_explained_and_the_frames_behind_them() {
    let request = opening_handshake("/chat");
    let in_hex = hex(format!("{}{}", request, RESPONSE.replace('\n', "\r\n")).as_bytes()) + "8105";
    let indented = format!("{request}{RESPONSE}").replace('\n', "\n   ");
    for input in [
        format!("{request}{RESPONSE}81 05").into_bytes(),
        [request.as_bytes(), RESPONSE.as_bytes(), b"\x81\x05"].concat(),
        format!("   {}81 05", indented.replace("\n   \r\n", "\n\r\n")).into_bytes(),
        in_hex.into_bytes(),
    ] {
        let (code, out, errors) = wire(&["explain"], &input);
        assert_eq!((code, &errors[..]), (Some(0), ""), "{out}");
        for says in [
            "client -> server  opening handshake",
            "client <- server  opening handshake",
            "   SHA-1    b3 7a 4f 2c c0 62 4f 16 90 f6 46 06 cf 38 59 45 b2 be c4 ea",
            "client <- server  Text, 5 bytes",
            "5 bytes are missing",
        ] {
            assert!(out.contains(says), "{says}\n{out}");
        }
    }
    // The empty line is easily lost in copying.
    let (code, out) = explain(&[request.trim_end()]);
    assert_eq!(code, Some(0));
    assert!(
        out.contains("opening handshake") && out.contains("Incomplete"),
        "{out}"
    );

    let (code, out) = explain(&[&request.replace("websocket", "h2c")]);
    assert_eq!(code, Some(1));
    assert!(
        out.contains("VIOLATION") && out.contains("(§4.2.1)"),
        "{out}"
    );
    let (code, out) = explain(&[&format!("{request}{}", RESPONSE.replace("s3p", "x3p"))]);
    assert_eq!(code, Some(1));
    assert!(out.contains("VIOLATION") && out.contains("(§4.1)"), "{out}");
    let (code, out) = explain(&["HTTP/1.1 404 Not Found\r\n\r\nno such page"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("   no such page"), "{out}");
}

#[test]
fn a_violation_is_marked_and_ends_it_with_exit_code_1() {
    for (args, bytes, marks, clause) in [
        (
            &["81 00 91 00 81 00"][..],
            "   91 00 81 00",
            "   ^^",
            "§5.2",
        ),
        (
            &["--from", "client", "81 00"],
            "   81 00",
            "      ^^",
            "§5.1",
        ),
        (
            &["--from=server", "81 80 00 00 00 00"],
            "   81 80 00 00 00 00",
            "      ^^",
            "§5.1",
        ),
        (&["81 7e 00 05"], "   81 7e 00 05", "         ^^^^^", "§5.2"),
        (
            &["81 05 48 65 ff 6c 6f"],
            "   48 65 ff 6c 6f",
            "         ^^",
            "§8.1",
        ),
        (&["80 00"], "   80 00", "   ^^", "§5.4"),
        (&["88 02 03 ed"], "   03 ed", "   ^^^^^", "§7.4"),
        (
            &["88 04 03 e8 61 ff"],
            "   03 e8 61 ff",
            "            ^^",
            "§5.5.1",
        ),
    ] {
        let (code, out) = explain(args);
        assert_eq!(code, Some(1), "{args:?}");
        let lines: Vec<&str> = out.lines().collect();
        let at = lines
            .iter()
            .position(|line| line.contains("VIOLATION"))
            .unwrap();
        assert!(lines[at].ends_with(clause), "{args:?}\n{out}");
        // Of a header that nobody could read, its bits stand first.
        let are_bits = |line: &&&str| line.get(5..16).is_some_and(|gap| gap.trim().is_empty());
        let place = at + 1 + lines[at + 1..].iter().take_while(are_bits).count();
        assert_eq!(lines[place..place + 2], [bytes, marks], "{args:?}\n{out}");
        assert!(
            lines.last().unwrap().contains("It earns a Close with 100"),
            "{out}"
        );
    }
}

#[test]
fn what_follows_a_close_is_a_violation_and_so_is_an_answer_without_its_fields() {
    let (code, out) = explain(&["88 02 03 e8 81 05 48 65 6c 6c 6f"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("7 bytes behind the Close"), "{out}");
    assert!(out.contains("A Close is the last frame"), "{out}");

    let head = |fields: &str| format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n");
    let (code, out, _) = wire(&["explain"], head("Upgrade: websocket\r\n").as_bytes());
    assert_eq!(code, Some(1));
    assert!(
        out.contains("VIOLATION: ") && out.contains("Connection"),
        "{out}"
    );
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    let (code, out, _) = wire(&["explain"], head(upgrade).as_bytes());
    assert_eq!(code, Some(1));
    assert!(out.contains("Sec-WebSocket-Accept"), "{out}");
    let accept = format!("{upgrade}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
    let (code, out, _) = wire(&["explain"], head(&accept).as_bytes());
    assert_eq!(code, Some(0), "{out}");
}

#[test]
fn a_wrong_command_line_is_explained() {
    for args in [
        &[][..],
        &["look"],
        &["explain", "--form", "client", "81"],
        &["explain", "--from"],
        &["explain", "--from", "me", "81"],
        &["tap"],
        &["tap", "localhost:0"],
        &["tap", "localhost", "localhost:1"],
        &["tap", "localhost:0", "localhost:x"],
        &["talk"],
        &["talk", "http://localhost/"],
        &["talk", "--header", "none", "ws://localhost/"],
        &["talk", "--subprotocol", "a b", "ws://localhost/"],
    ] {
        let (code, out, errors) = wire(args, b"");
        assert_eq!(
            (code, &out[..], errors.lines().count()),
            (Some(2), "", 1),
            "{args:?} {errors}"
        );
    }
    for args in [
        &["--help"][..],
        &["explain", "--help"],
        &["tap", "--help"],
        &["talk", "--help"],
    ] {
        let (code, out, errors) = wire(args, b"");
        assert_eq!((code, &errors[..]), (Some(0), ""), "{args:?}");
        assert!(out.contains("Usage: wire"), "{out}");
    }
}

#[test]
fn colours_are_for_terminals_without_no_color() {
    let coloured = |setting: &str| {
        let command = format!("{setting} {WIRE} explain 8100");
        let output = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .output();
        let output = String::from_utf8(output.unwrap().stdout).unwrap();
        assert!(output.contains("1000 0001"), "{output}");
        output.contains('\x1b')
    };
    assert!(coloured("NO_COLOR= "));
    assert!(!coloured("NO_COLOR=1"));
    let (_, out) = explain(&["8100"]);
    assert!(!out.contains('\x1b'));
}

// `wire tap`.

/// The tap in front of a server, and the port it got.
fn tap(target: &str) -> (Program, u16) {
    let program = Program::start(WIRE, &["tap", "127.0.0.1:0", target]);
    let line = program.line();
    let port = line.split([':', ',']).nth(1).unwrap();
    let port = port.parse().unwrap_or_else(|_| panic!("{line}"));
    (program, port)
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// Waits for a line that contains this.
fn wait_for_line(program: &Program, says: &str) -> String {
    loop {
        let line = program.line();
        if line.contains(says) {
            return line;
        }
    }
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
        wait_for_line(&program, "state CLOSED");
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
    wait_for_line(&program, "the client broke off TCP");
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
    assert_eq!((code, lines.len(), errors), (Some(0), 301, vec![]));
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

// `wire talk`.

fn talk(args: &[&str]) -> (Program, ChildStdin) {
    let args = [&["talk"], args].concat();
    let mut program = Program::start_with(WIRE, &args, Stdio::piped());
    let pipe = program.process.stdin.take().unwrap();
    (program, pipe)
}

#[test]
fn each_line_of_a_conversation_is_done_and_each_answer_shown() {
    let server = ServerProgram::start(&[]);
    let (program, mut pipe) = talk(&[&server.url("/echo")]);
    assert_eq!(program.line(), "* open; /help lists the commands");
    for (line, shown) in [
        ("hello", "< hello"),
        ("", "< "),
        ("//slash", "< /slash"),
        ("/binary ca fe", "* binary ca fe"),
        ("/binary", "* binary, no bytes"),
        ("/ping are you there", "* pong \"are you there\""),
        ("/ping", "* pong \"\""),
        ("/pong\n/fragment 3 h\u{e4}llo", "< h\u{e4}llo"),
        ("/raw 89 80 00 00 00 00", "* pong \"\""),
        (
            "/raw 01 81 00 00 00 00 61\n/raw 0x80, 0x81, 0x0, 0x0, 0x0, 0x0, 0x62",
            "< ab",
        ),
    ] {
        writeln!(pipe, "{line}").unwrap();
        assert_eq!(program.line(), shown, "{line}");
    }
    writeln!(pipe, "/help").unwrap();
    assert!(wait_for_line(&program, "/quit").contains("Ctrl-D"));
    for (line, complaint) in [
        ("/nope", "there is no /nope"),
        ("/binary x", "'x' is no hex digit"),
        ("/fragment x", "/fragment takes a number"),
        ("/close x", "/close takes a code"),
        ("/close 1005", "this may not be sent"),
    ] {
        writeln!(pipe, "{line}").unwrap();
        let error = program.error_line();
        assert!(
            error.starts_with("wire talk: ") && error.contains(complaint),
            "{error}"
        );
    }
    writeln!(pipe, "last").unwrap();
    drop(pipe);
    let (code, lines, errors) = program.finish();
    assert_eq!((code, errors), (Some(0), vec![]));
    let end = [
        "< last",
        "* close 1000 (normal closure)",
        "* closed by us with 1000 (normal closure)",
    ];
    assert_eq!(lines, end);
}

#[test]
fn fragments_are_as_even_as_can_be() {
    let server = ServerProgram::start(&[]);
    let (program, mut pipe) = talk(&["--trace", &server.url("/echo")]);
    writeln!(pipe, "/fragment 3 h\u{e4}llo!!").unwrap();
    writeln!(pipe, "/close 4000 so long").unwrap();
    let (code, lines, errors) = program.finish();
    assert_eq!(code, Some(0));
    assert!(lines.contains(&"* closed by us with 4000 (private code): so long".to_owned()));
    let headlines: Vec<&str> = errors
        .iter()
        .filter_map(|line| line.split_once("client -> server  ")?.1.split("§").next())
        .map(str::trim_end)
        .collect();
    let fragments = [
        "opening handshake",
        "Text, 3 bytes, message 1, fragment 1",
        "Continuation, 2 bytes, message 1, fragment 2",
        "Continuation, 3 bytes, message 1, fragment 3",
        "Close, 9 bytes",
    ];
    assert_eq!(headlines, fragments);
}

#[test]
fn a_rule_that_is_broken_on_purpose_has_its_answer_shown() {
    let server = ServerProgram::start(&[]);
    for (raw, answer) in [
        (
            "81 05 48 65 6c 6c 6f",
            "* close 1002 (protocol error): a frame from a client without a mask; a client masks every frame (§5.1)",
        ),
        (
            "83 80 00 00 00 00",
            "* close 1002 (protocol error): a frame with the opcode 0x3; only 0, 1, 2, 8, 9 and A are defined (§5.2)",
        ),
        (
            "81 81 00 00 00 00 ff",
            "* close 1007 (invalid payload data): a text that is not UTF-8 from byte 0 of the message on; text is UTF-8 (§8.1)",
        ),
    ] {
        let (program, mut pipe) = talk(&[&server.url("/echo")]);
        program.line();
        writeln!(pipe, "first\n/raw {raw}").unwrap();
        assert_eq!(program.line(), "< first");
        assert_eq!(program.line(), answer);
        let (code, lines, _) = program.finish();
        let end = answer.replace("* close", "* closed by the peer with");
        assert_eq!((code, lines), (Some(0), vec![end]));
    }
}

#[test]
fn what_a_server_does_wrong_is_shown_with_its_clause() {
    let (listener, address) = listener();
    let server = thread::spawn(move || {
        let (mut tcp, _) = listener.accept().unwrap();
        let head = read_head(&mut tcp);
        let key = head.split("Sec-WebSocket-Key: ").nth(1).unwrap();
        let accept = rfc6455::handshake::accept_for(key.lines().next().unwrap());
        let head_of_answer = with_accept(&accept, "Sec-WebSocket-Protocol: b\r\n");
        let frames = [
            frame(FIN | TEXT, None, b"one"),
            frame(FIN | PING, None, b"two"),
            frame(FIN | TEXT, None, b"three\x1b[2J"),
            frame(FIN | TEXT, Some(KEY), b"masked"),
        ];
        tcp.write_all(&[head_of_answer.into_bytes(), frames.concat()].concat())
            .unwrap();
        let _ = tcp.shutdown(Shutdown::Write);
        let _ = tcp.read_to_end(&mut Vec::new());
        head
    });
    let url = format!("ws://{address}/");
    let (program, _pipe) = talk(&[
        "--header",
        "X-Lesson: 5",
        "--origin=http://example.com",
        "--subprotocol",
        "a",
        "--subprotocol",
        "b",
        &url,
    ]);
    let (code, lines, errors) = program.finish();
    let shown = [
        "* open, subprotocol b; /help lists the commands",
        "< one",
        "* ping \"two\", which is answered",
        r"< three\u{1b}[2J",
    ];
    assert_eq!((code, &lines[..]), (Some(1), &shown.map(str::to_owned)[..]));
    assert!(errors[0].contains("(§5.1)"), "{errors:?}");
    let head = server.join().unwrap();
    for field in [
        "X-Lesson: 5",
        "Origin: http://example.com",
        "Sec-WebSocket-Protocol: a, b",
    ] {
        assert!(head.contains(&format!("\r\n{field}\r\n")), "{head}");
    }
}

fn with_accept(accept: &str, more: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         {more}Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

#[test]
fn an_empty_pipe_only_listens() {
    let server = ServerProgram::start(&["--interval", "10", "--close-chance", "0.5"]);
    let (code, out, errors) = wire(&["talk", &server.url("/ws")], b"");
    assert_eq!((code, &errors[..]), (Some(0), ""));
    let closed = "* closed by the peer with 1000 (normal closure): random closing";
    assert!(out.ends_with(&format!("{closed}\n")), "{out}");
}

#[test]
fn a_server_that_is_not_there_is_one_clear_line_and_exit_code_1() {
    let url = format!("ws://{}/", listener().1);
    for url in [&url[..], "wss://localhost/"] {
        let (code, out, errors) = wire(&["talk", url], b"");
        assert_eq!(
            (code, &out[..], errors.lines().count()),
            (Some(1), "", 1),
            "{errors}"
        );
        assert!(errors.starts_with("wire talk: "), "{errors}");
    }
}

#[test]
fn on_a_terminal_the_line_that_is_typed_stays_whole_and_the_terminal_is_restored() {
    let server = ServerProgram::start(&["--interval", "100", "--close-chance", "0"]);
    for keys in ["\x04", "\x03", "/quit\r"] {
        let command = format!(
            "{WIRE} talk {}; echo \"code $?\"; stty -a",
            server.url("/ws")
        );
        let args = ["-qec", &command, "/dev/null"];
        let mut terminal = Program::start_with("script", &args, Stdio::piped());
        let mut input = terminal.process.stdin.take().unwrap();
        wait_for_line(&terminal, "* open");
        write!(input, "half a l\u{ef}x\x7f").unwrap();
        let line = wait_for_line(&terminal, "UTC");
        let line = if line.contains("half") {
            line
        } else {
            wait_for_line(&terminal, "half a l\u{ef}")
        };
        assert!(line.contains("> half a l\u{ef}"), "{line:?}");
        write!(input, "\x15{keys}").unwrap();
        let code = wait_for_line(&terminal, "code ");
        let expected = if keys == "\x03" { "code 130" } else { "code 0" };
        assert!(code.contains(expected), "{code:?}");
        assert!(wait_for_line(&terminal, "icanon").contains(" icanon"));
    }
}
