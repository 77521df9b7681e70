//! `wire talk`: what each typed line sends, what it shows of each answer, and how a conversation
//! ends.

use crate::kit::*;
use crate::programs::*;
use crate::support::*;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::process::{ChildStdin, Command, Stdio};
use std::thread;

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
        ("/binary x", "'x' is not a hex digit"),
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
            "* close 1007 (invalid payload data): a text that is not UTF-8; its first wrong byte is byte 0, counted from 0 (§8.1)",
        ),
    ] {
        let (program, mut pipe) = talk(&[&server.url("/echo")]);
        program.line();
        writeln!(pipe, "first\n/raw {raw}").unwrap();
        assert_eq!(program.line(), "< first");
        assert_eq!(program.line(), answer);
        let (code, lines, _) = program.finish();
        let end = answer.replace("* close", "* closed by the peer with");
        // The server failed the connection. So the conversation is a failure, too.
        assert_eq!((code, lines), (Some(1), vec![end]));
    }
}

#[test]
fn what_a_server_does_wrong_is_shown_with_its_clause() {
    let (listener, address) = listener();
    let server = thread::spawn(move || {
        let (mut tcp, _) = listener.accept().unwrap();
        let head = read_head(&mut tcp);
        let key = head.split("Sec-WebSocket-Key: ").nth(1).unwrap();
        let accept = rfc6455::opening::accept_for(key.lines().next().unwrap());
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
        "--field",
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

/// `wire talk` on a terminal, in these commands of a shell; `$T` starts it. Its keys are the pipe.
fn on_a_terminal(url: &str, commands: &str) -> (Program, ChildStdin) {
    let command = format!("T='{WIRE} talk {url}'; {commands}");
    let args = ["-qec", &command, "/dev/null"];
    let mut terminal = Program::start_with("script", &args, Stdio::piped());
    let input = terminal.process.stdin.take().unwrap();
    (terminal, input)
}

#[test]
fn keys_edit_the_line_and_none_types_what_it_is_not() {
    let server = ServerProgram::start(&[]);
    let (terminal, mut input) = on_a_terminal(&server.url("/echo"), "$T; stty -a");
    wait_for_line(&terminal, "* open");
    for (keys, answer) in [
        // F1 of the Linux console and of xterm, F5, Page Up.
        (&b"\x1b[[A\x1bOP\x1b[15~\x1b[5~one\r"[..], "< one"),
        (b"a\tb\r", "< a\tb"),
        (b"\xe9bcd\r", "< \u{fffd}bcd"),
        (b"\x1b[A\x1b[A\x1b[A!\r", "< one!"),
        (b"\x10\x0e\x1b[Bnew\r", "< new"),
        (b"bc\x1b[D\x1b[D\x01a\x05d\r", "< abcd"),
        (b"ab\x1b[H\x1b[3~\r", "< b"),
        (b"one two\x17three\x1b[1;5D\x0b\r", "< one "),
        (b"one two\x1bb\x15\r", "< two"),
        (
            "n\u{e4}\u{4f60}\u{1f600}\x1b[D\x7f\r".as_bytes(),
            "< n\u{e4}\u{1f600}",
        ),
        (b"\x1b[200~one\rtwo\x03\x1b[201~\r", r"< one\ntwo\u{3}"),
    ] {
        input.write_all(keys).unwrap();
        let line = wait_for_line(&terminal, "< ");
        assert!(line.ends_with(answer), "{line:?} {answer:?}");
    }
    input.write_all(b"\x04").unwrap();
    wait_for_line(&terminal, " icanon");
}

#[test]
fn a_long_paste_is_not_drawn_for_each_character() {
    let server = ServerProgram::start(&[]);
    let (terminal, mut input) = on_a_terminal(&server.url("/echo"), "$T");
    wait_for_line(&terminal, "* open");
    let pasted = "x".repeat(50_000);
    write!(input, "\x1b[200~{pasted}\x1b[201~\r").unwrap();
    let drawn = wait_for_line(&terminal, "> xxx");
    // Once as a whole, and a line of the screen for each part that was read.
    assert!(drawn.len() < 10 * pasted.len(), "{} bytes", drawn.len());
    let answer = wait_for_line(&terminal, "< xxx");
    assert!(answer.contains(&pasted));
    write!(input, "/quit\r").unwrap();
    assert_eq!(terminal.finish().0, Some(0));
}

#[test]
fn ctrl_z_and_fg_find_the_terminal_and_the_line_whole() {
    let server = ServerProgram::start(&[]);
    let commands = "set -m; $T; stty -a; echo \"now \"\"fg\"; fg; stty -a";
    let (terminal, mut input) = on_a_terminal(&server.url("/echo"), commands);
    wait_for_line(&terminal, "* open");
    input.write_all(b"half\x1a").unwrap();
    wait_for_line(&terminal, " icanon");
    wait_for_line(&terminal, "now fg");
    input.write_all(b" whole\r").unwrap();
    let line = wait_for_line(&terminal, "< ");
    assert!(line.trim_end().ends_with("< half whole"), "{line:?}");
    input.write_all(b"\x04").unwrap();
    wait_for_line(&terminal, " icanon");
}

#[test]
fn a_signal_that_ends_it_leaves_the_terminal_restored() {
    let server = ServerProgram::start(&[]);
    // The shell is asked again and again, because the watcher waits for a second first.
    let commands = "sh -c \"echo pid \\$\\$; exec $T\"; \
                    until stty -a | grep -q ' icanon'; do sleep 0.1; done; echo re\"\"stored";
    for signal in ["-TERM", "-KILL"] {
        let (terminal, mut input) = on_a_terminal(&server.url("/echo"), commands);
        let pid = wait_for_line(&terminal, "pid ");
        let pid = pid.trim_start_matches("pid ");
        // An answer comes only when the terminal hands over each key.
        wait_for_line(&terminal, "* open");
        write!(input, "here\r").unwrap();
        wait_for_line(&terminal, "< here");
        let killed = Command::new("kill").args([signal, pid]).status().unwrap();
        assert!(killed.success());
        wait_for_line(&terminal, "restored");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_long_binary_message_takes_no_multiple_of_its_size() {
    const SIZE: usize = 16 << 20;
    let (listener, address) = listener();
    let server = thread::spawn(move || {
        let (mut tcp, _) = listener.accept().unwrap();
        let head = read_head(&mut tcp);
        let key = head.split("Sec-WebSocket-Key: ").nth(1).unwrap();
        let accept = rfc6455::opening::accept_for(key.lines().next().unwrap());
        let answer = with_accept(&accept, "").into_bytes();
        let message = frame(FIN | BINARY, None, &vec![0xAB; SIZE]);
        let text = frame(FIN | TEXT, None, b"behind it");
        tcp.write_all(&[answer, message, text].concat()).unwrap();
        let _ = tcp.read_to_end(&mut Vec::new());
    });
    let (mut program, pipe) = talk(&[&format!("ws://{address}/")]);
    program.line();
    let shown = program.line();
    assert_eq!(shown.len(), "* binary".len() + 3 * SIZE);
    assert_eq!(program.line(), "< behind it");
    let status = format!("/proc/{}/status", program.process.id());
    let status = std::fs::read_to_string(status).unwrap();
    let peak = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let peak: usize = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(peak < (6 * SIZE) >> 10, "{peak} KiB");
    program.kill();
    drop(pipe);
    server.join().unwrap();
}
