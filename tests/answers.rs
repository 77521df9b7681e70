//! What a client makes of an HTTP answer: interim responses, folded fields, what a refusal says,
//! redirects, and servers that do not speak HTTP/1.1. And which of them are worth another attempt.

mod kit;

use kit::*;
use rfc6455::{
    Backoff, Client, CloseCode, CloseReason, Closed, Entropy, Error, HandshakeError, Side, TcpEnd,
    Untimed,
};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// What the error says, without the words before the answer.
fn says(response: &str) -> String {
    client_refuses(response).to_string()
}

/// The body that the error shows.
fn body_of(response: &str) -> String {
    match client_refuses(response) {
        HandshakeError::Status { body, .. } => body,
        other => panic!("{other}"),
    }
}

#[test]
fn interim_responses_before_the_answer_are_skipped() {
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
    for interim in [
        early,
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 199 \r\n\r\n",
        &early.repeat(5),
    ] {
        let opened = format!("{interim}{}", proper_response());
        let client = Client::new("ws://x/").unwrap();
        client_against(&client, &opened).0.unwrap();
        let refused = format!("{interim}HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
        assert!(says(&refused).contains("the status 403 No;"));
    }
}

#[test]
fn interim_responses_have_a_bound() {
    let response = "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000) + &proper_response();
    let why = says(&response);
    assert!(why.contains("interim responses"), "{why}");
    assert!(why.contains("(§4.1"), "{why}");
}

#[test]
fn a_folded_field_of_an_answer_is_one_line() {
    let folded = with(
        &proper_response(),
        "Connection: Upgrade",
        "X: a\r\n  b\r\n\t \r\nConnection:\r\n keep-alive,\r\n\tUpgrade",
    );
    let client = Client::new("ws://x/").unwrap();
    client_against(&client, &folded).0.unwrap();

    let refused = "HTTP/1.1 302 Found\r\nLocation: \r\n \t ws://elsewhere/ \r\n\r\n";
    assert!(
        says(refused).contains(" ws://elsewhere/"),
        "{}",
        says(refused)
    );
    // A fold with no field before it.
    let first = "HTTP/1.1 101 Switching Protocols\r\n folded: line\r\n\r\n";
    assert!(says(first).contains("not HTTP"), "{}", says(first));
    // The line of a fold counts in the limit of the head.
    let long = with(
        &proper_response(),
        "\r\n\r\n",
        &format!("\r\nX: y{}\r\n\r\n", "\r\n y".repeat(10_000)),
    );
    assert!(
        says(&long).contains("a head of more than"),
        "{}",
        says(&long)
    );
}

#[test]
fn the_body_of_a_refusal_is_read_as_http_says_where_it_ends() {
    for (framing, body, shown) in [
        ("Content-Length: 4", "fullHTTP/1.1 200 OK", "full"),
        ("Content-Length: 9", "\n\nfull\nno", "full"),
        ("Content-Length: 0", "HTTP/1.1 200 OK", ""),
        (
            "Transfer-Encoding: chunked",
            "1f\r\nthe server is full, come later\n\r\n0\r\n\r\n",
            "the server is full, come later",
        ),
        (
            "Transfer-Encoding: chunked",
            "3;x=y\r\nful\r\n1\r\nl\r\n0\r\nA: b\r\n\r\nmore",
            "full",
        ),
        ("Transfer-Encoding: chunked", "4\r\nfull\r\nzz", "full"),
        ("Transfer-Encoding: chunked", "zz", ""),
        ("Content-Length: 4\r\nContent-Length: 5", "full", "full"),
        ("X: y", "full\nmore", "full"),
        (
            "Content-Type: application/json",
            "{\n  \"error\": \"full\"\n}\n",
            "\"error\": \"full\"",
        ),
        (
            "Content-Encoding: gzip\r\nContent-Length: 5",
            "\u{1f}abcd",
            "",
        ),
    ] {
        let response = format!("HTTP/1.1 503 Service Unavailable\r\n{framing}\r\n\r\n{body}");
        assert_eq!(body_of(&response), shown, "{response}");
    }
    assert_eq!(
        body_of("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK"),
        ""
    );
}

#[test]
fn a_page_of_html_is_shown_as_its_text() {
    let nginx = "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n</body></html>";
    for (page, shown) in [
        (nginx, "400 The plain HTTP request was sent to HTTPS port"),
        (
            "<!DOCTYPE html><p>You are <b>not</b>\n allowed &amp; &quot;out&quot;</p>",
            "You are not allowed & \"out\"",
        ),
        (
            "<!-- a > b --><style>p { x }</style><SCRIPT>if (a < b) {}</SCRIPT ><p>no",
            "no",
        ),
        // What repeats the status line says nothing.
        ("<title>503 Full</title><h1>Full</h1><hr>nginx", "nginx"),
        ("<title>503 Full</title>", ""),
        ("<p>1 < 2", "1 < 2"),
        (
            "<p>it&#39;s &#8230; it&#x27;S&nbsp;&amp;lt;",
            "it's \u{2026} it'S &lt;",
        ),
        (
            "<p>a&#10;b&#x110000;&#;&what; & c&",
            "a b&#x110000;&#;&what; & c&",
        ),
        ("<p", ""),
        ("<script>never ends", ""),
        ("", ""),
    ] {
        for framing in ["Content-Type: text/html; charset=utf-8\r\n", ""] {
            let length = page.len();
            let response =
                format!("HTTP/1.1 503 Full\r\n{framing}Content-Length: {length}\r\n\r\n{page}");
            assert_eq!(body_of(&response), shown, "{response}");
        }
    }
    // Text that is not a page keeps what looks like tags.
    assert_eq!(
        body_of("HTTP/1.1 400 No\r\nContent-Type: text/plain\r\n\r\n<a> is not a key\n"),
        "<a> is not a key"
    );
}

/// A server that gives each connection the next of these answers, and keeps TCP open. The count of
/// its connections comes through the channel.
fn server(answers: &'static [&'static str]) -> (String, mpsc::Receiver<Instant>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let (sender, accepted) = mpsc::channel();
    thread::spawn(move || {
        let mut open = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = sender.send(Instant::now());
            let _ = stream.read(&mut [0; 1024]);
            stream.write_all(answer.as_bytes()).unwrap();
            open.push(stream);
        }
        thread::sleep(Duration::from_secs(600));
    });
    (url, accepted)
}

/// A server that keeps TCP open behind its answer. A read behind the answer would wait.
#[derive(Debug)]
struct KeptOpen {
    answer: &'static [u8],
    waits: Arc<AtomicUsize>,
}

impl Read for KeptOpen {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.answer.is_empty() {
            self.waits.fetch_add(1, Ordering::Relaxed);
            return Err(ErrorKind::TimedOut.into());
        }
        self.answer.read(room)
    }
}

impl Write for KeptOpen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_body_that_is_complete_is_not_waited_for() {
    for (answer, must_wait) in [
        ("HTTP/1.1 503 Full\r\nContent-Length: 4\r\n\r\nfull", false),
        ("HTTP/1.1 503 Full\r\nContent-Length: 5\r\n\r\nfull", true),
        ("HTTP/1.1 503 Full\r\nContent-Length: 0\r\n\r\n", false),
        (
            "HTTP/1.1 503 Full\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfull\r\n0\r\n\r\n",
            false,
        ),
        (
            "HTTP/1.1 503 Full\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfull\r\n",
            true,
        ),
        ("HTTP/1.1 204 Nothing\r\n\r\n", false),
        ("HTTP/1.1 304 Same\r\nContent-Length: 100\r\n\r\n", false),
        ("HTTP/1.1 403 No\r\n\r\na whole line\n", false),
        ("HTTP/1.1 403 No\r\n\r\nhalf -> of a line", true),
        (
            "HTTP/1.1 403 No\r\nContent-Type: text/html\r\n\r\n<p>a line</p>",
            false,
        ),
        (
            "HTTP/1.1 403 No\r\nContent-Type: text/html\r\n\r\n<p>a <b>line</b",
            true,
        ),
    ] {
        let waits = Arc::default();
        let stream = KeptOpen {
            answer: answer.as_bytes(),
            waits: Arc::clone(&waits),
        };
        let client = Client::new("ws://x/").unwrap();
        client.handshake(Untimed(stream)).unwrap_err();
        assert_eq!(waits.load(Ordering::Relaxed) > 0, must_wait, "{answer}");
    }
}

#[test]
fn a_redirect_names_its_location_and_says_how_to_follow_it() {
    for (location, follow) in [
        ("ws://elsewhere:81/a?b", "ws://elsewhere:81/a?b"),
        ("https://elsewhere/a#top", "wss://elsewhere/a"),
        ("HTTP://elsewhere", "ws://elsewhere/"),
        ("//elsewhere/a", "ws://elsewhere/a"),
        ("/a", "ws://server.example.com/a"),
        ("/a/./b/../c/", "ws://server.example.com/a/c/"),
        ("a?b", "ws://server.example.com/a?b"),
        ("../../a", "ws://server.example.com/a"),
        ("?b", "ws://server.example.com/chat?b"),
        ("/a b|c", "ws://server.example.com/a%20b%7Cc"),
        ("https://elsewhere/a%20b?c d", "wss://elsewhere/a%20b?c%20d"),
    ] {
        let why = says(&format!(
            "HTTP/1.1 301 Moved Permanently\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        ));
        assert!(why.contains(&format!("Location: {location}")), "{why}");
        assert!(why.contains(&format!("connect to {follow} ")), "{why}");
    }
    // A Location whose bytes are UTF-8.
    let why = says("HTTP/1.1 303 x\r\nLocation: /\u{e4}\r\nContent-Length: 0\r\n\r\n");
    let follow = "connect to ws://server.example.com/%C3%A4 ";
    assert!(why.contains(follow), "{why}");
    for elsewhere in [
        "http://\u{e4}.example/",
        "http://a b/",
        "mailto:a@example.com",
        "http://",
        "",
        "ws://[::1",
        "http://a@b/",
    ] {
        let why = says(&format!(
            "HTTP/1.1 307 Moved\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n"
        ));
        assert!(why.contains("the status 307 Moved"), "{why}");
        assert!(!why.contains("connect to"), "{why}");
    }
}

#[test]
fn an_answer_in_another_protocol_is_named() {
    for (answer, name) in [
        ("\u{15}\u{3}\u{3}\0\u{2}\u{2}\n", "TLS alert"),
        ("\u{15}", "TLS alert"),
        ("\u{16}\u{3}\u{1}\0", "TLS"),
        ("\0\0\u{12}\u{4}\0\0\0\0\0", "HTTP/2"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2"),
        ("HTTP/2.0 200 OK\r\n\r\n", "HTTP/2.0"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"),
        (
            "220 mail.example.com ESMTP\r\n",
            "220 mail.example.com ESMTP",
        ),
    ] {
        let why = says(answer);
        assert!(why.contains(name), "{why}");
        assert!(why.contains("(§4.1") && !why.contains("§4.2"), "{why}");
    }
}

#[test]
fn a_client_cites_the_section_for_clients() {
    for answer in [
        "",
        "nonsense\r\n\r\n",
        "HTTP/1.1 101 Switching",
        "HTTP/1.1 1O1 Switching\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nA B: c\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\n\n",
        "HTTP/3.0 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\n\r\n",
        "\u{1}",
    ] {
        let why = says(answer);
        assert!(!why.contains("§4.2"), "{why}");
        assert!(why.contains("(§4"), "{why}");
    }
}

fn is_transient(answer: &str) -> bool {
    Error::from(client_refuses(answer)).is_transient()
}

#[test]
fn an_answer_that_a_later_attempt_would_meet_again_is_not_worth_one() {
    for (status, again) in [
        (400, false),
        (401, false),
        (403, false),
        (404, false),
        (408, true),
        (426, false),
        (429, true),
        (500, true),
        (501, false),
        (502, true),
        (503, true),
        (504, true),
        (505, false),
        (302, false),
        (200, false),
    ] {
        let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(is_transient(&answer), again, "{status}");
    }
}

#[test]
fn a_close_that_asks_to_come_back_is_worth_another_attempt() {
    for (code, again) in [
        (1000, false),
        (1001, true),
        (1002, false),
        (1008, false),
        (1011, false),
        (1012, true),
        (1013, true),
        (1014, true),
        (3000, false),
    ] {
        let closed = Closed {
            sent: None,
            received: Some(CloseReason::new(CloseCode(code), "").unwrap()),
            started_by: Side::Peer,
            tcp: Some(TcpEnd::ClosedBy(Side::Peer)),
        };
        assert_eq!(Error::Closed(closed).is_transient(), again, "{code}");
    }
}

/// Each delay is its shortest one: the first one is 0, the next ones are the half of their longest.
fn shortest() -> Backoff {
    Backoff::new(Entropy::scripted(&[0; 64]))
}

#[test]
fn delays_start_anew_only_after_a_connection_that_lasted() {
    let seconds = |backoff: &mut Backoff| backoff.next_delay().as_secs();
    let mut backoff = shortest();
    let delays: Vec<_> = (0..6).map(|_| seconds(&mut backoff)).collect();
    assert_eq!(delays, [0, 5, 10, 20, 30, 30]);
    backoff.connection_lasted(Duration::ZERO);
    backoff.connection_lasted(Backoff::LASTING - Duration::from_millis(1));
    assert_eq!(seconds(&mut backoff), 30);
    backoff.connection_lasted(Backoff::LASTING);
    assert_eq!([seconds(&mut backoff), seconds(&mut backoff)], [0, 5]);
}

fn refusal(status: u16, retry_after: &str) -> Error {
    Error::from(client_refuses(&format!(
        "HTTP/1.1 {status} x\r\nRetry-After: {retry_after}\r\nContent-Length: 0\r\n\r\n"
    )))
}

#[test]
fn a_server_that_asks_to_wait_is_left_alone_for_that_time() {
    for (status, asked, first, second) in [
        (429, "7", 7, 7),
        (503, "3", 3, 5),
        (503, "soon", 0, 5),
        (429, "0", 0, 5),
        (429, "99999999999999999999", 3600, 3600),
    ] {
        let mut backoff = shortest();
        let error = refusal(status, asked);
        let delays = [(); 2].map(|()| backoff.delay_after(&error).as_secs());
        assert_eq!(delays, [first, second], "{status} {asked}");
    }
    let why = refusal(429, "7").to_string();
    assert!(why.contains("wait for 7 s"), "{why}");

    let (url, attempts) = server(&[
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 6\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 505 x\r\nContent-Length: 0\r\n\r\n",
    ]);
    let client = Client::new(&url).unwrap();
    let error = client.reconnect(&mut shortest()).unwrap_err();
    assert!(error.to_string().contains("the status 505"), "{error}");
    let (first, second) = (attempts.recv().unwrap(), attempts.recv().unwrap());
    // The delay of the backoff would be 5 s.
    assert!(second - first >= Duration::from_secs(6));
}

#[test]
fn a_429_speaks_for_all_addresses_and_a_503_does_not() {
    let one = "127.6.5.1";
    let other = "127.6.5.2";
    for (answer, attempts) in [
        ("HTTP/1.1 429 x\r\nContent-Length: 0\r\n\r\n", 1),
        ("HTTP/1.1 501 x\r\nContent-Length: 0\r\n\r\n", 1),
        ("HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", 2),
    ] {
        let first = TcpListener::bind((one, 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        let second = TcpListener::bind((other, port)).unwrap();
        let (sender, asked) = mpsc::channel();
        for listener in [first, second] {
            let sender = sender.clone();
            thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                // The loser of a race sends nothing.
                if stream.read(&mut [0; 1024]).is_ok_and(|size| size > 0) {
                    sender.send(()).unwrap();
                    stream.write_all(answer.as_bytes()).unwrap();
                    let _ = stream.read(&mut [0; 1024]);
                }
            });
        }
        let client = Client::new(&format!("ws://several.example:{port}/")).unwrap();
        let client = client.resolver(move |_, port| {
            let address = |ip: &str| (ip.parse::<std::net::IpAddr>().unwrap(), port).into();
            Ok(vec![address(one), address(other)])
        });
        client.connect().unwrap_err();
        assert_eq!(asked.try_iter().count(), attempts, "{answer}");
    }
}
