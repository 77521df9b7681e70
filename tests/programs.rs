//! The programs under pressure: outputs that are gone, full or not read; pipes that end; terminals
//! that belong to somebody else.

#[path = "kit/mod.rs"]
mod kit;
#[path = "kit/programs.rs"]
mod programs;

use kit::*;
use programs::*;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const CLIENT: &str = env!("CARGO_BIN_EXE_client");
const SERVER: &str = env!("CARGO_BIN_EXE_server");
const WIRE: &str = env!("CARGO_BIN_EXE_wire");

/// The two programs that send lines of a pipe.
const TALKERS: [&[&str]; 2] = [&[CLIENT], &[WIRE, "talk"]];

/// How a conversation ends when the server has no reason. `client` says so on standard error.
const CLOSED: &str = "1000 (normal closure)\n";

/// Runs a program with this input. It reads the output, too.
fn run(program: &[&str], args: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut process = Command::new(program[0])
        .args(&program[1..])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = process.stdin.take().unwrap();
    let input = input.to_vec();
    // A program may end before it has read everything.
    let feeding = thread::spawn(move || drop(pipe.write_all(&input)));
    let output = process.wait_with_output().unwrap();
    feeding.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn full_disk() -> Stdio {
    File::options()
        .write(true)
        .open("/dev/full")
        .unwrap()
        .into()
}

fn broken_pipe() -> Stdio {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    writer.into()
}

// The log.

/// A server program with this standard error, and its port.
fn server_with_log(args: &[&str], log: Stdio) -> (Program, u16) {
    let mut process = Command::new(SERVER)
        .args(["--addr", "localhost:0"])
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut page = String::new();
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    stdout.read_line(&mut page).unwrap();
    let port = page.trim_end().trim_end_matches('/').rsplit_once(':');
    let port = port.unwrap().1.parse().unwrap();
    (Program::of(process), port)
}

/// A connection to the echo, with the opening handshake done.
fn open_echo(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
        .write_all(opening_handshake("/echo").as_bytes())
        .unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream
            .read_exact(&mut byte)
            .expect("the server does not serve");
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    stream
}

/// A conversation from its opening handshake to the end of TCP.
fn converse(port: u16) {
    let mut stream = open_echo(port);
    stream
        .write_all(&frame(FIN | TEXT, Some(KEY), b"still there?"))
        .unwrap();
    expect(&mut stream, &frame(FIN | TEXT, None, b"still there?"));
    let close = close_body(1000, "");
    stream
        .write_all(&frame(FIN | CLOSE, Some(KEY), &close))
        .unwrap();
    assert_eq!(rest(&mut stream), frame(FIN | CLOSE, None, &close));
    // This goes to the log of the library.
    let mut refused = TcpStream::connect(("127.0.0.1", port)).unwrap();
    refused.set_read_timeout(Some(PATIENCE)).unwrap();
    refused.write_all(b"nonsense\r\n\r\n").unwrap();
    assert!(rest(&mut refused).starts_with(b"HTTP/1.1 400 "));
}

#[test]
fn a_server_whose_log_is_gone_or_full_serves_on() {
    for log in [broken_pipe, full_disk] {
        for args in [&[][..], &["--trace"]] {
            let (_server, port) = server_with_log(args, log());
            for _ in 0..20 {
                converse(port);
            }
        }
    }
}

#[test]
fn a_server_whose_log_nobody_reads_serves_on_and_says_later_what_is_missing() {
    let (reader, writer) = io::pipe().unwrap();
    let (_server, port) = server_with_log(&["--trace"], writer.into());
    // A pipe takes 64 KiB, the queue 1 MiB. The trace of these is longer.
    let mut stream = open_echo(port);
    let burst = frame(FIN | TEXT, Some(KEY), b"noise").repeat(100);
    let answer = frame(FIN | TEXT, None, b"noise").repeat(100);
    for _ in 0..40 {
        stream.write_all(&burst).unwrap();
        expect(&mut stream, &answer);
    }
    for _ in 0..20 {
        converse(port);
    }
    let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
    let notice = lines.find(|line| line.contains("missing")).unwrap();
    assert!(
        notice.ends_with(" lines are missing here: the log could not be written)"),
        "{notice}"
    );
    // What is logged now comes through.
    let newcomer = open_echo(port);
    let port = newcomer.local_addr().unwrap().port();
    let opened = format!("127.0.0.1:{port} /echo opened");
    assert!(lines.any(|line| line.ends_with(&opened)));
}

#[test]
fn a_server_whose_standard_output_is_full_says_its_address_in_the_log() {
    let mut process = Command::new(SERVER)
        .args(["--addr", "localhost:0"])
        .stdin(Stdio::null())
        .stdout(full_disk())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut log = BufReader::new(process.stderr.take().unwrap());
    let _server = Program::of(process);
    log.read_line(&mut line).unwrap();
    let (page, _) = line.split_once("/: standard output: ").unwrap();
    converse(page.rsplit_once(':').unwrap().1.parse().unwrap());
}

// Outputs that cannot take a line.

fn output(args: &[&str], stdout: Stdio, stderr: Stdio) -> Output {
    let mut command = Command::new(args[0]);
    command.args(&args[1..]).stdin(Stdio::null());
    let process = command.stdout(stdout).stderr(stderr).spawn().unwrap();
    process.wait_with_output().unwrap()
}

#[test]
fn a_program_that_cannot_print_its_help_says_so() {
    for program in [
        &[CLIENT][..],
        &[SERVER],
        &[WIRE],
        &[WIRE, "talk"],
        &[WIRE, "tap"],
    ] {
        let args = [program, &["--help"]].concat();
        let full = output(&args, full_disk(), Stdio::piped());
        let errors = String::from_utf8(full.stderr).unwrap();
        assert_eq!(full.status.code(), Some(1), "{args:?} {errors}");
        assert_eq!(errors.lines().count(), 1, "{args:?} {errors}");
        assert!(errors.contains(": standard output: "), "{errors}");
        // Whoever closes a pipe wants no more. That is no failure.
        let closed = output(&args, broken_pipe(), Stdio::piped());
        assert_eq!(
            (closed.status.code(), closed.stderr),
            (Some(0), vec![]),
            "{args:?}"
        );
    }
    let full = output(&[WIRE, "explain", "8100"], full_disk(), Stdio::piped());
    assert_eq!(full.status.code(), Some(1));
}

#[test]
fn a_program_whose_standard_error_is_gone_keeps_its_exit_code() {
    for stderr in [full_disk, broken_pipe] {
        for (args, code) in [
            (&[CLIENT, "nonsense"][..], 2),
            (&[CLIENT, "wss://localhost/"], 1),
            (&[SERVER, "--nonsense"], 2),
            (&[SERVER, "--addr", "203.0.113.1:1"], 1),
            (&[WIRE, "nonsense"], 2),
            (&[WIRE, "talk", "wss://localhost/"], 1),
        ] {
            let output = output(args, Stdio::null(), stderr());
            assert_eq!(output.status.code(), Some(code), "{args:?}");
        }
    }
}

#[test]
fn a_conversation_that_cannot_be_printed_is_a_failure_unless_the_reader_has_gone() {
    let server = ServerProgram::start(&["--interval", "10", "--close-chance", "0"]);
    let url = server.url("/ws");
    for program in TALKERS {
        let args = [program, &[&url]].concat();
        let full = output(&args, full_disk(), Stdio::piped());
        let errors = String::from_utf8(full.stderr).unwrap();
        assert_eq!(full.status.code(), Some(1), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(errors.contains(": standard output: "), "{errors}");
        let closed = output(&args, broken_pipe(), Stdio::piped());
        assert_eq!((closed.status.code(), closed.stderr), (Some(0), vec![]));
    }
}

#[test]
fn a_wrong_url_is_a_wrong_command_line() {
    for program in TALKERS {
        for url in ["foo", "http://localhost/", "ws://"] {
            let (code, out, errors) = run(program, &[url], b"");
            assert_eq!((code, &out[..]), (Some(2), ""), "{errors}");
            assert!(errors.ends_with(" (see --help)\n"), "{errors}");
        }
    }
}

#[test]
fn a_standard_input_that_is_the_listener_is_not_read() {
    let server = [env!("CARGO_BIN_EXE_server")];
    let (code, out, errors) = run(&server, &["--listen-stdin", "--stop-on-eof"], b"");
    assert_eq!((code, &out[..]), (Some(2), ""), "{errors}");
    assert!(errors.contains("cannot read it (see --help)"), "{errors}");
}

// The end of a pipe.

/// One connection of a server that speaks by hand, after its opening handshake.
fn serve_one(serve: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let key = head.split("Sec-WebSocket-Key: ").nth(1).unwrap();
        let accept = rfc6455::opening::accept_for(key.lines().next().unwrap());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).unwrap();
        serve(stream);
    });
    url
}

/// The first byte and the payload of a short frame from a client.
fn read_masked_frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut header = [0; 6];
    stream.read_exact(&mut header).unwrap();
    let mut payload = vec![0; (header[1] & 0x7f).into()];
    stream.read_exact(&mut payload).unwrap();
    for (i, byte) in payload.iter_mut().enumerate() {
        *byte ^= header[2 + i % 4];
    }
    (header[0], payload)
}

/// A server that works for a while on what it got, and stops sending as soon as a Close is here, as
/// most servers do.
fn slow_server(lines: usize, work: Duration) -> String {
    serve_one(move |mut stream| {
        let got: Vec<_> = (0..lines)
            .map(|_| read_masked_frame(&mut stream).1)
            .collect();
        stream.set_read_timeout(Some(work)).unwrap();
        if stream.peek(&mut [0]).is_err() {
            for line in got {
                stream.write_all(&frame(FIN | TEXT, None, &line)).unwrap();
            }
        }
        stream.set_read_timeout(None).unwrap();
        assert_eq!(read_masked_frame(&mut stream).0, FIN | CLOSE);
        let close = frame(FIN | CLOSE, None, &close_body(1000, ""));
        stream.write_all(&close).unwrap();
    })
}

#[test]
fn the_answers_to_the_last_lines_of_a_pipe_are_not_lost() {
    thread::scope(|scope| {
        for (program, mark) in TALKERS.into_iter().zip(["", "< "]) {
            scope.spawn(move || {
                // A busy machine may need longer than usual: so the silence here is long.
                let url = slow_server(3, Duration::from_millis(200));
                let (code, out, errors) = run(program, &["--silence", "3", &url], b"1\n2\n3");
                assert_eq!(code, Some(0), "{out} {errors}");
                let answers = format!("{mark}1\n{mark}2\n{mark}3\n");
                assert!(out.contains(&answers), "{program:?} {out}");
            });
        }
    });
}

#[test]
fn a_server_that_is_never_silent_is_left_after_the_longest_wait() {
    let server = ServerProgram::start(&["--interval", "50", "--close-chance", "0"]);
    for program in TALKERS {
        let args = ["--silence=60", "--max-wait", "0.5", &server.url("/ws")];
        let start = Instant::now();
        let (code, out, errors) = run(program, &args, b"hello\n");
        let said = out + &errors;
        assert_eq!(code, Some(0), "{said}");
        assert!(said.trim_end().ends_with("1000 (normal closure)"), "{said}");
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(500), "{took:?}");
        assert!(took < Duration::from_secs(50), "{took:?}");
    }
}

#[test]
fn a_wait_is_a_number_of_seconds() {
    for program in TALKERS {
        for option in ["--silence", "--max-wait"] {
            for value in ["x", "-1", "NaN", "inf", "1e300", "1s", ""] {
                let args = [&format!("{option}={value}")[..], "ws://localhost/"];
                let (code, _, errors) = run(program, &args, b"");
                assert_eq!(code, Some(2), "{args:?} {errors}");
                assert!(errors.contains(" takes seconds"), "{errors}");
            }
        }
        let (_, help, _) = run(program, &["--help"], b"");
        for says in ["--silence SECONDS", "--max-wait SECONDS", "/dev/null"] {
            assert!(help.contains(says), "{help}");
        }
    }
}

#[test]
fn a_request_has_the_fields_of_the_command_line() {
    for program in TALKERS {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            String::from_utf8(head).unwrap()
        });
        let args = [
            "--field",
            "X-Lesson: 5: b",
            "--field=Authorization:Bearer x",
            "--origin=http://example.com",
            "--subprotocol",
            "a",
            "--subprotocol=b",
            &url,
        ];
        let (code, _, _) = run(program, &args, b"");
        assert_eq!(code, Some(1));
        let head = server.join().unwrap();
        for field in [
            "X-Lesson: 5: b",
            "Authorization: Bearer x",
            "Origin: http://example.com",
            "Sec-WebSocket-Protocol: a, b",
        ] {
            assert!(head.contains(&format!("\r\n{field}\r\n")), "{head}");
        }
        for wrong in [
            "--field=none",
            "--field=: x",
            "--field=X y: z",
            "--subprotocol=a b",
            "--origin=\u{e9}",
        ] {
            let (code, out, errors) = run(program, &[wrong, &url], b"");
            assert_eq!((code, &out[..]), (Some(2), ""), "{wrong} {errors}");
            assert!(errors.ends_with(" (see --help)\n"), "{wrong} {errors}");
        }
    }
}

#[test]
fn the_help_texts_and_the_readme_have_one_table_of_exit_codes() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let readme = include_str!("../README.md");
    let rows = readme.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let code = cells.next()?.parse::<u8>().ok()?;
        Some(format!("{code} {}", cells.next()?))
    });
    let rows = rows.collect::<Vec<_>>().join(" ");
    assert!(rows.contains("130 Ctrl-C"), "{rows}");
    for program in [
        &[CLIENT][..],
        &[SERVER],
        &[WIRE],
        &[WIRE, "explain"],
        &[WIRE, "tap"],
        &[WIRE, "talk"],
    ] {
        let (code, help, _) = run(program, &["--help"], b"");
        assert_eq!(code, Some(0));
        let (_, table) = help.split_once("Exit codes:").unwrap();
        let (table, _) = table.split_once("If a signal").unwrap();
        assert_eq!(words(table), words(&rows), "{program:?}");
    }
}

#[test]
fn a_line_that_is_not_utf_8_is_named_and_never_a_hang_or_a_success() {
    let server = ServerProgram::start(&[]);
    let url = server.url("/echo");
    for (program, mark) in TALKERS.into_iter().zip(["", "< "]) {
        for (input, line, answers) in [
            (&b"a\xff\n"[..], 1, 0),
            (b"one\n\xff\nthree\n", 2, 1),
            (b"one\ntwo\nthr\xc3", 3, 2),
        ] {
            let (code, out, errors) = run(program, &["--silence", "0.5", &url], input);
            assert_eq!(code, Some(1), "{out} {errors}");
            let says = format!(": standard input, line {line}: it is not UTF-8 from byte ");
            assert!(errors.contains(&says), "{errors}");
            let wanted = ["one", "two"];
            for (i, answer) in wanted.iter().enumerate() {
                let shown = out.lines().any(|line| line == format!("{mark}{answer}"));
                assert_eq!(shown, i < answers, "{out}");
            }
            assert!(!out.contains("three"), "{out}");
            assert!(out.contains(CLOSED) || errors.contains(CLOSED), "{errors}");
        }
    }
}

#[test]
fn lines_that_the_server_did_not_want_are_a_failure_that_names_them() {
    let server = ServerProgram::start(&["--interval", "1", "--close-chance", "1"]);
    for program in TALKERS {
        // More than TCP takes without being read.
        let input = "a line of many\n".repeat(1_000_000);
        let (code, out, errors) = run(program, &[&server.url("/ws")], input.as_bytes());
        assert_eq!(code, Some(1), "{out} {errors}");
        assert!(
            errors.contains(" and what is behind it were not sent: closed by the peer with 1000"),
            "{errors}"
        );
    }
}

#[test]
fn a_conversation_that_the_server_failed_is_a_failure_that_says_who_closed() {
    for program in TALKERS {
        for (last, says) in [
            (
                frame(FIN | CLOSE, None, &close_body(1011, "broken")),
                "closed by the peer with 1011 (internal error): broken",
            ),
            (vec![], "the peer ended TCP"),
        ] {
            let url = serve_one(move |mut stream| {
                read_masked_frame(&mut stream);
                stream.write_all(&last).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                let _ = stream.read_to_end(&mut Vec::new());
            });
            let (code, out, errors) = run(program, &[&url], b"hello\n");
            assert_eq!(code, Some(1), "{out} {errors}");
            assert!(format!("{out}{errors}").contains(says), "{out} {errors}");
        }
    }
}

// Terminals.

/// A shell on a terminal of its own, whose keys are a pipe. It runs these commands with job
/// control.
fn shell(commands: &str) -> Program {
    let command = format!("set -m; S='{SERVER} --addr localhost:0 --interval 10000'; {commands}");
    let args = ["-qec", &command, "/dev/null"];
    Program::start_with("script", &args, Stdio::piped())
}

/// Waits for a line of the terminal that contains this.
fn wait_for(terminal: &Program, says: &str) -> String {
    loop {
        let line = terminal.line().trim_end().to_owned();
        if line.contains(says) {
            return line;
        }
    }
}

/// A client of the server that printed its page.
fn client_of(page: &str) -> Program {
    let page = &page[page.find("http://").unwrap()..];
    let client = client(&[&(page.replacen("http", "ws", 1) + "ws")]);
    assert!(client.line().ends_with(" UTC"));
    client
}

/// Waits for the goodbye of the server.
fn expect_goodbye(client: Program) {
    let (code, lines, errors) = client.finish();
    assert_eq!((code, lines), (Some(0), vec![]));
    assert_eq!(
        errors,
        ["client: closed by the peer with 1001 (going away)"]
    );
}

#[test]
fn a_server_in_the_background_serves_and_enter_is_for_the_shell_until_it_comes_back() {
    let mut terminal = shell("$S & read line; echo \"got $line\"; fg");
    let mut keys = terminal.process.stdin.take().unwrap();
    let page = wait_for(&terminal, "http://");
    // The system stops a job that reads from the terminal in the background.
    thread::sleep(Duration::from_millis(500));
    let client = client_of(&page);
    writeln!(keys, "for the shell").unwrap();
    wait_for(&terminal, "got for the shell");
    wait_for(&terminal, "Enter stops the server.");
    writeln!(keys).unwrap();
    expect_goodbye(client);
    assert_eq!(terminal.finish().0, Some(0));
}

#[test]
fn a_server_that_ctrl_z_and_bg_bring_to_the_background_goes_on() {
    let mut terminal = shell("$S; bg; echo in the \"\"background; read line; echo got \"\"it; fg");
    let mut keys = terminal.process.stdin.take().unwrap();
    let page = wait_for(&terminal, "http://");
    wait_for(&terminal, "Enter stops the server.");
    write!(keys, "\x1a").unwrap();
    wait_for(&terminal, "in the background");
    thread::sleep(Duration::from_millis(500));
    let client = client_of(&page);
    writeln!(keys).unwrap();
    // It is in the foreground again.
    wait_for(&terminal, "got it");
    thread::sleep(Duration::from_millis(500));
    writeln!(keys).unwrap();
    expect_goodbye(client);
}

#[test]
fn the_end_of_standard_input_stops_a_server_that_was_told_so() {
    let args = [
        "--addr",
        "localhost:0",
        "--interval",
        "10000",
        "--stop-on-eof",
    ];
    let mut server = Program::start_with(SERVER, &args, Stdio::piped());
    let mut pipe = server.process.stdin.take().unwrap();
    let page = server.line();
    let clients = [client_of(&page), client_of(&page)];
    // A line is not the end.
    writeln!(pipe, "\n").unwrap();
    let third = client_of(&page);
    drop(pipe);
    for client in clients.into_iter().chain([third]) {
        expect_goodbye(client);
    }
    assert_eq!(server.finish().0, Some(0));
}
