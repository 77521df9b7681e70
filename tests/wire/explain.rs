//! `wire explain`: it reads bytes in many notations, explains heads and frames, and marks the bytes
//! that break a rule.

use crate::programs::*;
use crate::support::*;
use rfc6455::trace::{columns, hex};
use std::process::Command;

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
                "payload  Hel",
                "Continuation, 2 bytes, message 1, fragment 2",
                "payload  lo",
            ],
        ),
        ("89 05 48 65 6c 6c 6f", &["Ping, 5 bytes", "payload  Hello"]),
        (
            "8a 85 37 fa 21 3d 7f 9f 4d 51 58",
            &["Pong, 5 bytes", "unmasked Hello"],
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
            lines
                .last()
                .unwrap()
                .contains("The receiver closes with 100"),
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

/// RFC 7692 §7.2.3.1 to §7.2.3.6, each with what must be said of it.
#[test]
fn the_examples_of_rfc_7692_are_explained_bit_by_bit() {
    const HELLO: &str = "c1 07 f2 48 cd c9 c9 07 00";
    for (bytes, says) in [
        (
            HELLO.to_owned(),
            &[
                "0.0    010               a block: BFINAL 0, BTYPE 01 (fixed codes)",
                "0.3    01111000          the byte \"H\"",
                "5.3    0000000           the end of the block",
                "6.5    000               padding",
                "+7.0   32 bits           the length 0 bytes, and its complement",
            ][..],
        ),
        (
            "41 03 f2 48 cd 80 04 c9 c9 07 00".to_owned(),
            &[
                "fragment 2",
                "its stream, 7 bytes",
                "the byte \"H\"",
                "the byte \"o\"",
            ],
        ),
        (
            format!("{HELLO} 89 00 c1 05 f2 00 11 00 00"),
            &["4 bytes from 5 back: \"ello\"", "text     \"Hello\""],
        ),
        (
            "c1 0b 00 05 00 fa ff 48 65 6c 6c 6f 00".to_owned(),
            &[
                "BTYPE 00 (stored)",
                "the length 5 bytes",
                "5 bytes as they are: \"Hello\"",
            ],
        ),
        (
            "c1 08 f3 48 cd c9 c9 07 00 00".to_owned(),
            &[
                "110               a block: BFINAL 1",
                "6.2    000000            padding",
            ],
        ),
        (
            "c1 0d f2 48 05 00 00 00 ff ff ca c9 c9 07 00".to_owned(),
            &[
                "the byte \"e\"",
                "3.2    000               a block: BFINAL 0, BTYPE 00",
            ],
        ),
        (
            "c1 01 00".to_owned(),
            &[
                "text     \"\"",
                "its stream, 1 byte;",
                "0.3    00000             padding",
            ],
        ),
    ] {
        let (code, out) = explain(&["--deflate", &bytes]);
        assert_eq!(code, Some(0), "{bytes}\n{out}");
        for says in says {
            assert!(out.contains(says), "{bytes}: {says}\n{out}");
        }
        let extension = explain(&["--extension", "permessage-deflate", &bytes]).1;
        assert!(!extension.contains("its stream"), "{extension}");
    }
}

#[test]
fn a_stream_with_its_own_codes_and_one_that_is_wrong_are_explained() {
    let mut compressed = Vec::new();
    let text: String = include_str!("../../README.md").chars().take(1500).collect();
    let window = rfc6455::Window::LARGEST;
    rfc6455::compression::Deflater::new(window, 9).deflate(text.as_bytes(), &mut compressed);
    let frame = crate::kit::frame(0xc1, Some([1, 2, 3, 4]), &compressed);
    let (code, out) = explain(&["--deflate", &hex(&frame)]);
    assert_eq!(code, Some(0), "{out}");
    for says in [
        "BTYPE 10 (its own codes)",
        "length codes",
        "\"e\": a code of ",
        "the end of a block: a code of",
        "no code",
        "distance ",
        " back: \"",
    ] {
        assert!(out.contains(says), "{says}\n{out}");
    }

    let (code, out) = explain(&["--deflate", "c1 03 f2 48 07"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(
        out.contains("VIOLATION") && out.contains("It cannot be read on"),
        "{out}"
    );
    // The window of a message before is missing.
    let (code, out) = explain(&["--deflate", "c1 05 f2 00 11 00 00"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("the window is not known"), "{out}");
    assert!(out.contains("a match that begins 5 bytes back"), "{out}");
}
