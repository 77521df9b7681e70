//! The tutorial's system as its users see it: the real programs, on free ports, and raw bytes.

#[path = "kit/mod.rs"]
mod kit;
#[path = "kit/programs.rs"]
mod programs;

use kit::*;
use programs::*;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

/// An interval long enough that whatever comes within it was not sent by the clock.
const LONG: &[&str] = &["--interval", "10000"];

/// Whether a line is a date and time like `10/28/2022 2:57:48 PM UTC`: no leading zero in month,
/// day and hour, two digits in minute and second.
fn is_date_time(line: &str) -> bool {
    let number = |text: &str, range: std::ops::RangeInclusive<u32>, width: usize| {
        text.parse().is_ok_and(|number| range.contains(&number))
            && text.len() >= width
            && (width == 2 || !text.starts_with('0'))
    };
    let [date, time, half, "UTC"] = line.split(' ').collect::<Vec<_>>()[..] else {
        return false;
    };
    let [month, day, year] = date.split('/').collect::<Vec<_>>()[..] else {
        return false;
    };
    let [hour, minute, second] = time.split(':').collect::<Vec<_>>()[..] else {
        return false;
    };
    number(month, 1..=12, 1)
        && number(day, 1..=31, 1)
        && number(year, 2022..=9999, 4)
        && number(hour, 1..=12, 1)
        && number(minute, 0..=59, 2)
        && number(second, 0..=59, 2)
        && ["AM", "PM"].contains(&half)
}

#[test]
fn the_form_of_the_date_is_told_from_others() {
    assert!(is_date_time("10/28/2022 2:57:48 PM UTC"));
    assert!(!is_date_time("10/28/2026 02:57:48 PM UTC"));
    assert!(!is_date_time("1/02/2026 2:57:48 PM UTC"));
    assert!(!is_date_time("10/28/2026 2:7:48 PM UTC"));
    assert!(!is_date_time("10/28/2026 14:57:48 PM UTC"));
    assert!(!is_date_time("10/28/2026 2:57:48 PM"));
}

#[test]
fn the_client_prints_date_times_and_then_the_reason() {
    let server = ServerProgram::start(&["--interval", "10", "--close-chance", "0.2"]);
    let (code, mut lines, errors) = client(&[&server.url("/ws")]).finish();
    assert_eq!(lines.pop().as_deref(), Some("random closing"));
    assert!(!lines.is_empty());
    for line in &lines {
        assert!(is_date_time(line), "{line}");
    }
    assert_eq!((code, errors), (Some(0), vec![]));

    let opened = server.program.error_line();
    assert!(opened.ends_with(" /ws opened"), "{opened}");
    let ended = server.program.error_line();
    assert!(
        ended.contains(" /ws closed by us with 1000 (normal closure): random closing (open for "),
        "{ended}"
    );
}

#[test]
fn two_clients_at_once_each_have_their_own_clock() {
    let server = ServerProgram::start(LONG);
    let clients = [client(&[&server.url("/ws")]), client(&[&server.url("/ws")])];
    for client in &clients {
        assert!(is_date_time(&client.line()));
    }
}

#[test]
fn both_loopback_addresses_are_served_at_one_port() {
    let server = ServerProgram::start(LONG);
    for host in ["127.0.0.1", "[::1]"] {
        let client = client(&[&format!("ws://{host}:{}/ws?a=query", server.port)]);
        assert!(is_date_time(&client.line()), "{host}");
    }
}

#[test]
fn every_request_that_is_no_opening_handshake_gets_its_http_error() {
    let server = ServerProgram::start(LONG);
    let handshake = opening_handshake("/ws");
    let without = |field: &str| {
        let lines = handshake.split_inclusive("\r\n");
        lines
            .filter(|line| !line.starts_with(field))
            .collect::<String>()
    };
    let with = |from: &str, to: &str| {
        assert!(handshake.contains(from));
        handshake.replace(from, to)
    };
    let long = format!("X-Long: {}\r\nHost:", "x".repeat(32 << 10));
    let many = format!("{}Host:", "X: y\r\n".repeat(100));
    for (request, status, fields, body) in [
        (
            without("Host"),
            400,
            "",
            "no Host field; it is required (§4.2.1, RFC 9112 §3.2)\n",
        ),
        (
            without("Upgrade"),
            400,
            "",
            "no Upgrade field; it is required (§4.2.1)\n",
        ),
        (
            without("Connection"),
            400,
            "",
            "no Connection field; it is required (§4.2.1)\n",
        ),
        (
            without("Sec-WebSocket-Key"),
            400,
            "",
            "no Sec-WebSocket-Key field; it is required (§4.2.1)\n",
        ),
        (
            without("Sec-WebSocket-Version"),
            400,
            "",
            "no Sec-WebSocket-Version field; it is required (§4.2.1)\n",
        ),
        (
            with("websocket", "h2c"),
            400,
            "",
            "the field \"Upgrade: h2c\"; ",
        ),
        (
            with("dGhl", ""),
            400,
            "",
            "the field \"Sec-WebSocket-Key: IHNhbXBsZSBub25jZQ==\"; a key is 16 bytes in base64 (§4.2.1)\n",
        ),
        (with("HTTP/1.1", "HTTP/1.0"), 400, "", "HTTP version: 1.0"),
        (
            with("Version: 13", "Version: 8"),
            426,
            "Sec-WebSocket-Version: 13\r\n",
            "Sec-WebSocket-Version: 8; ",
        ),
        (
            with("GET", "POST"),
            405,
            "Allow: GET\r\n",
            "the method POST; ",
        ),
        (with("/ws", "/elsewhere"), 404, "", "no such page"),
        (with("/ws", "/wsx"), 404, "", "no such page"),
        (
            with("Host:", &long),
            431,
            "",
            "a head of more than 32768 bytes",
        ),
        (
            with("Host:", &many),
            431,
            "",
            "a head of more than 100 fields",
        ),
        (
            with("HTTP/1.1", "HTTP/2.0"),
            505,
            "",
            "the HTTP version HTTP/2.0",
        ),
        (
            with("HTTP/1.1", "ICY"),
            400,
            "",
            "a start line without an HTTP version",
        ),
        (
            with("Host:", "Host :"),
            400,
            "",
            "a field name that is not a token",
        ),
        (
            with("Host:", "no colon\r\nHost:"),
            400,
            "",
            "a field line without a colon",
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
            405,
            "Allow: GET, HEAD\r\n",
            "POST",
        ),
        ("\u{16}\u{3}\u{1}".to_owned(), 400, "", "it begins like TLS"),
    ] {
        let answer = server.exchange(request.as_bytes());
        let (head, got) = answer.split_once("\r\n\r\n").unwrap();
        let head = format!("{head}\r\n");
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}{answer}"
        );
        assert!(
            head.contains(&format!("\r\nContent-Length: {}\r\n", got.len())),
            "{answer}"
        );
        assert!(
            head.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"),
            "{answer}"
        );
        assert!(head.contains("\r\nConnection: close\r\n"), "{answer}");
        assert!(head.contains(fields), "{request}{answer}");
        assert!(got.contains(body), "{request}{answer}");
    }
    // And the server still stands.
    server.open_by_hand("/ws");
}

#[test]
fn the_page_is_served() {
    let server = ServerProgram::start(LONG);
    let answer = server.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())),
        "{head}"
    );
    assert_eq!(body, include_str!("../html/index.html"));

    let answer = server.exchange(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(answer, format!("{head}\r\n\r\n"));
    // Neither has the refusal of one (RFC 9110 §9.3.2).
    let answer = server.exchange(b"HEAD /ws HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(
        answer.starts_with("HTTP/1.1 405 ") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
}

/// Runs `step` on a fresh connection until it took under 100 ms: on a busy machine the first try
/// may be late, but only a server that sleeps is late every time.
fn within_100_ms(server: &ServerProgram, mut step: impl FnMut(std::net::TcpStream)) {
    let mut times = Vec::new();
    for _ in 0..20 {
        let mut stream = server.open_by_hand("/ws");
        read_short_frame(&mut stream);
        let start = Instant::now();
        step(stream);
        times.push(start.elapsed());
        if start.elapsed() < Duration::from_millis(100) {
            return;
        }
    }
    panic!("never within 100 ms: {times:?}");
}

#[test]
fn a_ping_is_answered_while_the_server_waits_for_the_next_tick() {
    let server = ServerProgram::start(LONG);
    within_100_ms(&server, |mut stream| {
        stream
            .write_all(&frame(FIN | PING, Some(KEY), b"awake?"))
            .unwrap();
        assert_eq!(
            read_short_frame(&mut stream),
            (FIN | PONG, b"awake?".to_vec())
        );
    });
}

#[test]
fn a_close_is_answered_and_tcp_ended_while_the_server_waits_for_the_next_tick() {
    let server = ServerProgram::start(LONG);
    within_100_ms(&server, |mut stream| {
        let body = close_body(4000, "enough");
        stream
            .write_all(&frame(FIN | CLOSE, Some(KEY), &body))
            .unwrap();
        assert_eq!(read_short_frame(&mut stream), (FIN | CLOSE, body));
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn a_vanished_peer_is_noticed_while_the_server_waits_for_the_next_tick() {
    let server = ServerProgram::start(LONG);
    let mut stream = server.open_by_hand("/ws");
    read_short_frame(&mut stream);
    assert!(server.program.error_line().ends_with("opened"));
    let start = Instant::now();
    drop(stream);
    let line = server.program.error_line();
    assert!(line.contains("ended without a Close frame, 1006"), "{line}");
    assert!(line.contains("the peer ended TCP"), "{line}");
    assert!(
        start.elapsed() < Duration::from_secs(9),
        "noticed at the next tick only"
    );
}

#[test]
fn a_peer_that_breaks_the_protocol_is_told_how_and_the_server_lives() {
    let server = ServerProgram::start(LONG);
    let mut stream = server.open_by_hand("/ws");
    read_short_frame(&mut stream);
    stream
        .write_all(&frame(FIN | TEXT, None, b"no mask"))
        .unwrap();
    let (first, body) = read_short_frame(&mut stream);
    assert_eq!(
        (first, &body[..2]),
        (FIN | CLOSE, &1002u16.to_be_bytes()[..])
    );
    assert!(body.ends_with("(§5.1)".as_bytes()));
    server.open_by_hand("/ws");
}

#[test]
fn a_killed_server_gives_the_client_1006_and_exit_code_1() {
    let mut server = ServerProgram::start(LONG);
    let client = client(&[&server.url("/ws")]);
    assert!(is_date_time(&client.line()));
    server.program.kill();
    let (code, lines, errors) = client.finish();
    assert_eq!((code, lines), (Some(1), vec![]));
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("1006 (§7.1.5)"), "{errors:?}");
}

#[test]
fn a_taken_port_is_one_clear_line_and_exit_code_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let second = Program::start(env!("CARGO_BIN_EXE_server"), &["--addr", &address]);
    let (code, lines, errors) = second.finish();
    assert_eq!((code, lines), (Some(1), vec![]));
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].starts_with(&format!(
            "server: cannot listen on {address}: Address already in use"
        )),
        "{errors:?}"
    );
}

#[test]
fn a_wrong_command_line_is_explained() {
    for args in [
        &["--port", "1"][..],
        &["--addr"],
        &["--addr", "x"],
        &["--interval", "1s"],
        &["--close-chance", "7"],
        &["--trace=1"],
        &["page"],
    ] {
        let (code, _, errors) = Program::start(env!("CARGO_BIN_EXE_server"), args).finish();
        assert_eq!((code, errors.len()), (Some(2), 1), "{args:?} {errors:?}");
    }
    let (code, lines, _) = Program::start(env!("CARGO_BIN_EXE_server"), &["--help"]).finish();
    assert_eq!(code, Some(0));
    for option in ["--addr", "--interval", "--close-chance", "--help"] {
        assert!(
            lines.iter().any(|line| line.trim().starts_with(option)),
            "{option}"
        );
    }
}

#[test]
#[cfg(unix)]
fn an_argument_that_is_not_utf_8_is_an_error_line() {
    use std::os::unix::ffi::OsStrExt;
    let argument = std::ffi::OsStr::from_bytes(b"--\xff");
    for program in [
        env!("CARGO_BIN_EXE_server"),
        env!("CARGO_BIN_EXE_client"),
        env!("CARGO_BIN_EXE_wire"),
    ] {
        let output = std::process::Command::new(program).arg(argument).output();
        let output = output.unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(errors.contains("is not UTF-8"), "{errors}");
    }
}

/// A server for one connection that answers every request with `answer`; the URL to reach it.
fn server_that_answers(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(answer);
    });
    format!("ws://127.0.0.1:{port}/")
}

#[test]
fn the_client_says_in_one_line_what_is_wrong_with_a_url() {
    for (url, says) in [
        ("http://localhost/", "is not a WebSocket URL"),
        ("ws://localhost/#x", "write # as %23 (§3)"),
        ("ws://", "is not a host name"),
        ("ws://localhost:99999/", "is not a port"),
    ] {
        let (code, lines, errors) = client(&[url]).finish();
        assert_eq!((code, lines), (Some(2), vec![]), "{url}");
        assert_eq!(errors.len(), 1, "{url}: {errors:?}");
        assert!(
            errors[0].starts_with("client: ") && errors[0].contains(says),
            "{url}: {errors:?}"
        );
    }
}

#[test]
fn the_client_says_in_one_line_why_it_cannot_connect() {
    // It is dropped when the others have their ports. Else one of them might get its port.
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = format!("ws://{}/", refusing.local_addr().unwrap());
    let cases = [
        (refused, "Connection refused"),
        ("ws://nobody.invalid/".to_owned(), "cannot connect to nobody.invalid: "),
        ("wss://localhost/".to_owned(), "needs TLS, and this library speaks none"),
        (server_that_answers(b"HTTP/1.1 404 Not Found\r\nContent-Length: 18\r\n\r\nnothing here\nmore\n"), "404 Not Found: nothing here; a WebSocket server answers 101 (§4.1)"),
        (server_that_answers(b"SSH-2.0-OpenSSH_9.2\r\n"), "a head that is not HTTP"),
        (server_that_answers(b""), "TCP ended before the opening handshake did (§4)"),
        (server_that_answers(b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"), "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\"; it is not the answer to the key that was sent, "),
        (server_that_answers(b"HTTP/1.1 101 OK\r\nConnection: Upgrade\r\n\r\n"), "no Upgrade field; it is required (§4.1)"),
    ];
    drop(refusing);
    for (url, says) in cases {
        let (code, lines, errors) = client(&[&url]).finish();
        assert_eq!((code, lines), (Some(1), vec![]), "{url}");
        assert_eq!(errors.len(), 1, "{url}: {errors:?}");
        assert!(
            errors[0].starts_with("client: ") && errors[0].contains(says),
            "{url}: {errors:?}"
        );
    }
}

/// A WebSocket server for one connection that sends `frames` after the handshake and then reads
/// until the client ends TCP.
fn server_that_sends(frames: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let size = stream.read(&mut request).unwrap();
        let request = String::from_utf8_lossy(&request[..size]).into_owned();
        let key = request.split("Sec-WebSocket-Key: ").nth(1).unwrap();
        let accept = rfc6455::opening::accept_for(key.lines().next().unwrap());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        // The first frames in the same segment as the handshake.
        stream
            .write_all(&[answer.as_bytes(), &frames].concat())
            .unwrap();
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    });
    format!("ws://127.0.0.1:{port}/")
}

#[test]
fn the_client_says_what_a_peer_that_breaks_the_protocol_did() {
    for (frames, says) in [
        (
            frame(FIN | TEXT, Some(KEY), b"masked"),
            "a server never masks (§5.1)",
        ),
        (frame(FIN | 3, None, b""), "the opcode 0x3"),
        (
            frame(FIN | TEXT, None, b"\xFF"),
            "its first wrong byte is byte 0",
        ),
    ] {
        let (code, lines, errors) = client(&[&server_that_sends(frames)]).finish();
        assert_eq!(
            (code, lines, errors.len()),
            (Some(1), vec![], 1),
            "{errors:?}"
        );
        assert!(errors[0].contains(says), "{errors:?}");
    }
}

#[test]
fn a_close_that_says_what_went_wrong_is_a_failure_of_the_client() {
    for (code, exit) in [
        (1000, 0),
        (1001, 0),
        (4000, 0),
        (1009, 1),
        (1011, 1),
        (1013, 1),
    ] {
        let close = frame(FIN | CLOSE, None, &close_body(code, "the reason"));
        let (got, lines, errors) = client(&[&server_that_sends(close)]).finish();
        assert_eq!(got, Some(exit), "{code} {lines:?} {errors:?}");
        let said = if exit == 0 { &lines } else { &errors };
        assert!(said.last().unwrap().ends_with("the reason"), "{said:?}");
        assert_eq!(lines.len() + errors.len(), 1, "{lines:?} {errors:?}");
    }
}

/// A text that wants to control the terminal, a text that looks like a binary message, and more.
fn tricky_frames(close: &[u8]) -> Vec<u8> {
    [
        frame(FIN | TEXT, None, b"in the segment of the handshake"),
        frame(FIN | BINARY, None, &[0xCA, 0xFE]),
        frame(FIN | TEXT, None, b"[2 bytes: ca fe]"),
        frame(FIN | TEXT, None, b"{\n  \"a\": \"\\n\"\n}"),
        frame(
            FIN | TEXT,
            None,
            "\x1b[2J\u{202e}\u{2028}\\u{202e}".as_bytes(),
        ),
        frame(FIN | CLOSE, None, close),
    ]
    .concat()
}

#[test]
fn in_a_pipe_the_client_prints_messages_unchanged_and_then_the_reason() {
    for (close, reason, notice) in [
        (close_body(1000, "good\u{202e}bye"), "good\u{202e}bye\n", ""),
        (
            close_body(1000, ""),
            "",
            "client: closed by the peer with 1000 (normal closure)\n",
        ),
        (vec![], "", "client: closed by the peer with no code\n"),
    ] {
        let url = server_that_sends(tricky_frames(&close));
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_client"))
            .arg(url)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let messages: [&[u8]; 5] = [
            b"in the segment of the handshake\n",
            b"\xca\xfe\n",
            b"[2 bytes: ca fe]\n",
            b"{\n  \"a\": \"\\n\"\n}\n",
            "\x1b[2J\u{202e}\u{2028}\\u{202e}\n".as_bytes(),
        ];
        let wanted = [&messages.concat()[..], reason.as_bytes()].concat();
        assert_eq!(output.stdout, wanted, "{output:?}");
        let binary = "client: the next message is binary, 2 bytes\n";
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(errors, format!("{binary}{notice}"));
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn on_a_terminal_the_client_obeys_no_message_and_tells_binary_from_text() {
    let url = server_that_sends(tricky_frames(&close_body(1000, "good\u{202e}bye")));
    let command = format!("{} {url}", env!("CARGO_BIN_EXE_client"));
    let terminal = Program::start("script", &["-qec", &command, "/dev/null"]);
    let (code, lines, _) = terminal.finish();
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    let shown = [
        "in the segment of the handshake",
        r"\[2 bytes: ca fe]",
        "[2 bytes: ca fe]",
        r#"{\n  "a": "\\n"\n}"#,
        r"\u{1b}[2J\u{202e}\u{2028}\\u{202e}",
        r"good\u{202e}bye",
    ];
    assert_eq!((code, &lines[..]), (Some(0), &shown[..]));
}

#[test]
fn a_server_at_all_addresses_prints_one_that_can_be_opened() {
    for (address, host) in [("0.0.0.0:0", "127.0.0.1"), ("[::]:0", "[::1]")] {
        let args = ["--addr", address];
        let server = Program::start(env!("CARGO_BIN_EXE_server"), &args);
        let page = server.line();
        assert!(page.starts_with(&format!("http://{host}:")), "{page}");
        let client = client(&[&(page.replacen("http", "ws", 1) + "ws")]);
        assert!(is_date_time(&client.line()));
    }
}

#[test]
fn trace_and_log_name_a_connection_by_the_address_of_its_peer() {
    let server = ServerProgram::start(&["--trace", "--interval", "10000"]);
    let stream = server.open_by_hand("/ws");
    let peer = stream.local_addr().unwrap().to_string();
    let mut named = [false; 2];
    while named != [true; 2] {
        let line = server.program.error_line();
        named[0] |= line.contains(&format!(" {peer} client -> server  opening handshake"));
        named[1] |= line == format!("{peer} /ws opened");
    }
}

#[test]
fn the_echo_sends_every_text_and_binary_message_back_as_it_came() {
    let server = ServerProgram::start(&[]);
    let mut stream = server.open_by_hand("/echo");
    for (first, payload) in [(TEXT, &b"text"[..]), (BINARY, &[0, 255]), (TEXT, b"")] {
        stream
            .write_all(&frame(FIN | first, Some(KEY), payload))
            .unwrap();
        assert_eq!(
            read_short_frame(&mut stream),
            (FIN | first, payload.to_vec())
        );
    }
    // In fragments, the message is the same.
    stream.write_all(&frame(TEXT, Some(KEY), b"frag")).unwrap();
    stream
        .write_all(&frame(FIN | CONTINUATION, Some(KEY), b"ments"))
        .unwrap();
    assert_eq!(
        read_short_frame(&mut stream),
        (FIN | TEXT, b"fragments".to_vec())
    );
}

#[test]
fn the_client_sends_each_line_of_a_pipe_and_prints_each_answer() {
    let server = ServerProgram::start(&[]);
    let (client, mut pipe) = client_with_pipe(&[&server.url("/echo")]);
    // As in a conversation: a line, its answer, the next line.
    for line in ["one", "zwei \u{e4}\u{f6}\u{fc}", ""] {
        writeln!(pipe, "{line}").unwrap();
        assert_eq!(client.line(), line);
    }
    // And a flood: every answer comes before the close.
    for i in 0..10_000 {
        writeln!(pipe, "{i}").unwrap();
    }
    drop(pipe);
    let (code, lines, errors) = client.finish();
    assert_eq!(code, Some(0));
    assert_eq!(errors, ["client: closed by us with 1000 (normal closure)"]);
    assert_eq!(lines.len(), 10_000);
    for (i, line) in lines[..10_000].iter().enumerate() {
        assert_eq!(*line, i.to_string());
    }
}

#[test]
fn a_client_that_reconnects_survives_its_server() {
    let mut server = ServerProgram::start(LONG);
    let url = server.url("/ws");
    let client = client(&["--reconnect", &url]);
    assert!(is_date_time(&client.line()));
    server.program.kill();
    let told = client.error_line();
    assert!(
        told.contains("1006") && told.contains("; connecting again in "),
        "{told}"
    );
    let _second = ServerProgram::start_at(&format!("localhost:{}", server.port), LONG);
    assert!(is_date_time(&client.line()));
}

#[test]
fn a_client_that_reconnects_waits_as_long_as_the_refusal_of_its_first_attempt_asks() {
    for (answer, waits) in [
        (&b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 600\r\n\r\n"[..], "in 600.0 s"),
        (b"HTTP/1.1 503 Full\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n\r\n", "in 30.0 s"),
        (b"HTTP/1.1 503 Full\r\nRetry-After: 999999\r\n\r\n", "in 3600.0 s"),
    ] {
        let client = client(&["--reconnect", &server_that_answers(answer)]);
        let told = client.error_line();
        assert!(told.ends_with(&format!("; connecting again {waits}")), "{told}");
    }
}

#[test]
fn a_client_that_reconnects_stops_for_a_reason_that_will_not_pass() {
    let server = ServerProgram::start(&["--interval", "1", "--close-chance", "1"]);
    let (code, lines, _) = client(&["--reconnect", &server.url("/ws")]).finish();
    assert_eq!(
        (code, lines.last().map(|line| &line[..])),
        (Some(0), Some("random closing"))
    );
    let (code, _, errors) = client(&["--reconnect", &server.url("/nowhere")]).finish();
    assert_eq!((code, errors.len()), (Some(1), 1));
}

#[test]
fn enter_on_a_terminal_stops_the_server_with_a_goodbye_to_everybody() {
    // `script` gives the server a terminal whose keys are our pipe.
    let command = format!(
        "{} --addr localhost:0 --interval 10000",
        env!("CARGO_BIN_EXE_server")
    );
    let args = ["-qec", &command, "/dev/null"];
    let mut terminal = Program::start_with("script", &args, Stdio::piped());
    let mut keys = terminal.process.stdin.take().unwrap();
    // A terminal shows standard output and standard error alike.
    let shown = [terminal.line(), terminal.line()].map(|line| line.trim_end().to_owned());
    let page = shown
        .iter()
        .find(|line| line.starts_with("http://"))
        .unwrap();
    assert!(
        shown.contains(&"Enter stops the server.".to_owned()),
        "{shown:?}"
    );
    let url = page.replace("http", "ws") + "ws";
    let clients = [client(&[&url]), client(&[&url])];
    for client in &clients {
        assert!(is_date_time(&client.line()));
    }
    writeln!(keys).unwrap();
    for client in clients {
        let (code, lines, errors) = client.finish();
        assert_eq!((code, lines), (Some(0), vec![]));
        assert_eq!(
            errors,
            ["client: closed by the peer with 1001 (going away)"]
        );
    }
    assert_eq!(terminal.finish().0, Some(0));
}

#[test]
fn the_end_of_a_pipe_stops_no_server() {
    let mut program = Program::start_with(
        env!("CARGO_BIN_EXE_server"),
        &["--addr", "localhost:0"],
        Stdio::piped(),
    );
    let mut pipe = program.process.stdin.take().unwrap();
    writeln!(pipe).unwrap();
    drop(pipe);
    let page = program.line();
    let client = client(&[&(page.replace("http", "ws") + "ws")]);
    assert!(is_date_time(&client.line()));
}
