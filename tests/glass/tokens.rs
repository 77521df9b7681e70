//! Tokens: a token ties a report to one connection, works once, and lets no other visitor look.

use crate::programs::{ServerProgram, opening_handshake};
use crate::support::*;
use rfc6455::Error;
use std::io::{BufRead, BufReader, Write};
use std::time::{Duration, Instant};

#[test]
fn what_is_no_token_and_what_no_report_waits_for_is_refused_with_400() {
    let server = server();
    for path in [
        "/glass/report",
        "/glass/report?token=",
        "/glass/report?token=0123",
        "/glass/report?token=00112233445566778899AABBCCDDEEFF",
        "/glass/report?token=00112233445566778899aabbccddeeff0",
        "/glass/report?token=00112233445566778899aabbccddeefg",
        "/ws?glass=",
        "/echo?glass=0123",
        "/fault/drop?glass=zz",
        &format!("/ws?glass={TOKEN}"),
        &format!("/echo?glass={TOKEN}"),
        &format!("/fault/drop?glass={TOKEN}"),
    ] {
        assert_eq!(status(&server, path), "HTTP/1.1 400 Bad Request", "{path}");
    }
}

#[test]
fn a_report_is_for_pages_of_this_server_and_waits_ten_seconds_for_its_connection() {
    let server = server();
    let from = |origin: &str| {
        let path = format!("/glass/report?token={TOKEN}");
        let request = opening_handshake(&path);
        let request = request.replace("\r\n\r\n", &format!("\r\nOrigin: {origin}\r\n\r\n"));
        let answer = server.exchange(request.as_bytes());
        answer.lines().next().unwrap().to_owned()
    };
    for origin in ["http://evil.example", "null", "file://"] {
        assert_eq!(from(origin), "HTTP/1.1 403 Forbidden", "{origin}");
    }
    let mut alone = report(&server, OTHER);
    assert_eq!(note(&mut alone), None);
    assert_eq!(
        alone.socket.closed().unwrap().code(),
        rfc6455::CloseCode::POLICY_VIOLATION
    );
    let late = format!("/echo?glass={OTHER}");
    assert_eq!(status(&server, &late), "HTTP/1.1 400 Bad Request");
}

/// DNS rebinding: the page of a stranger has given its own name the address of this server. Its
/// Origin and its Host are the same.
#[test]
fn a_report_is_for_the_names_of_this_server() {
    let server = ServerProgram::start(&["--host", "lecture.example.com"]);
    for (i, (host, status)) in [
        ("evil.example:5050", "421 Misdirected Request"),
        ("lecture.example.com", "101 Switching Protocols"),
        ("teacher:5050", "101 Switching Protocols"),
        ("192.0.2.1:5050", "101 Switching Protocols"),
    ]
    .into_iter()
    .enumerate()
    {
        let request = opening_handshake(&format!("/glass/report?token={i:032x}"));
        let (before, rest) = request.split_once("Host: ").unwrap();
        let rest = rest.split_once("\r\n").unwrap().1;
        let request = format!("{before}Host: {host}\r\nOrigin: http://{host}\r\n{rest}");
        let mut stream = server.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(&mut stream).read_line(&mut line).unwrap();
        assert_eq!(line, format!("HTTP/1.1 {status}\r\n"), "{host}");
    }
}

#[test]
fn a_token_works_once() {
    let server = server();
    let mut first = report(&server, TOKEN);
    let again = format!("/glass/report?token={TOKEN}");
    assert_eq!(status(&server, &again), "HTTP/1.1 400 Bad Request");
    let path = format!("/echo?glass={TOKEN}");
    let mut echo = connect(&server, &path);
    assert_eq!(status(&server, &path), "HTTP/1.1 400 Bad Request");
    assert_eq!(
        status(&server, &format!("/ws?glass={TOKEN}")),
        "HTTP/1.1 400 Bad Request"
    );
    echo.close(rfc6455::CloseCode::NORMAL, "").unwrap();
    notes_to_the_end(&mut first);
    assert_eq!(
        first.socket.closed().unwrap().reason(),
        "that was the whole connection"
    );
}

#[test]
#[ignore = "needs Chromium (apt-get install chromium)"]
fn another_visitor_sees_nothing_of_the_first() {
    let server = server();
    let mut first = open(&server, 900, 700);
    let mut second = open(&server, 900, 700);
    go(&mut first, "/echo");
    go(&mut second, "/echo");
    let mut guess = report(&server, TOKEN);
    set(&mut first, "#what", "for my eyes only");
    first.click("#send button[type=submit]");
    frames(&mut first, 2);
    second.click("#send button[type=submit]");
    assert_eq!(frames(&mut second, 2)[0], "server → client Text Hello");
    assert!(!second.text("body").contains("my eyes"));
    first.click("#close button[type=submit]");
    first.wait("the end", |page| {
        page.text("#said").starts_with("Closed.").then_some(())
    });
    assert_eq!(frames(&mut second, 2).len(), 2);
    let silence = guess
        .socket
        .read_deadline(Instant::now() + Duration::from_millis(300));
    assert!(matches!(silence, Err(Error::TimedOut)), "{silence:?}");
}
