//! `/glass`, where a page sees the frames of its own connection, and `/fault`, the broken servers:
//! first with this library's client, then in a real browser.

#[path = "kit/chromium.rs"]
mod chromium;
#[path = "kit/programs.rs"]
mod programs;

use chromium::Chromium;
use programs::{PATIENCE, ServerProgram, opening_handshake};
use rfc6455::{Error, Message, WebSocket};
use serde_json::{Value, json};
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

const TOKEN: &str = "00112233445566778899aabbccddeeff";
const OTHER: &str = "ffeeddccbbaa99887766554433221100";

/// A server whose clock keeps still.
fn server() -> ServerProgram {
    ServerProgram::start(&["--interval", "600000", "--close-chance", "0"])
}

fn connect(server: &ServerProgram, path: &str) -> WebSocket {
    rfc6455::connect(&server.url(path)).unwrap()
}

fn report(server: &ServerProgram, token: &str) -> WebSocket {
    connect(server, &format!("/glass/report?token={token}"))
}

/// The next note of a report; `None` at its end.
fn note(report: &mut WebSocket) -> Option<Value> {
    match report.read_before(Instant::now() + PATIENCE).unwrap() {
        Some(Message::Text(text)) => Some(serde_json::from_str(text).unwrap()),
        None => None,
        other => panic!("{other:?}"),
    }
}

fn notes_to_the_end(report: &mut WebSocket) -> Vec<Value> {
    std::iter::from_fn(|| note(report)).collect()
}

/// The answer to an opening handshake for a path: its status line.
fn status(server: &ServerProgram, path: &str) -> String {
    let answer = server.exchange(opening_handshake(path).as_bytes());
    answer.lines().next().unwrap().to_owned()
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

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
    assert_eq!(alone.closed().code(), rfc6455::CloseCode::POLICY_VIOLATION);
    let late = format!("/echo?glass={OTHER}");
    assert_eq!(status(&server, &late), "HTTP/1.1 400 Bad Request");
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
    assert_eq!(first.closed().reason(), "that was the whole connection");
}

#[test]
fn a_report_shows_its_own_connection_from_the_request_to_the_end_of_tcp_and_no_other() {
    let server = server();
    let mut reports = [report(&server, TOKEN), report(&server, OTHER)];
    let mut first = connect(&server, &format!("/echo?glass={TOKEN}"));
    let mut second = connect(&server, &format!("/echo?glass={OTHER}"));
    let mut third = connect(&server, "/echo");
    for (socket, text) in [
        (&mut first, "the first's"),
        (&mut second, "the second's"),
        (&mut third, "the third's"),
    ] {
        socket.send(text).unwrap();
        assert_eq!(socket.read().unwrap().unwrap().to_string(), text);
        socket
            .close(rfc6455::CloseCode(4001), &format!("{text} end"))
            .unwrap();
    }
    let notes = reports.each_mut().map(notes_to_the_end);
    for (notes, own) in notes.iter().zip(["the first's", "the second's"]) {
        let kinds: Vec<&str> = notes.iter().map(|n| n["is"].as_str().unwrap()).collect();
        assert_eq!(
            kinds,
            [
                "state", "request", "response", "state", "frame", "frame", "frame", "state",
                "frame", "end", "end", "state"
            ]
        );
        assert_eq!(
            notes[1]["line"].as_str().unwrap()[..17],
            *"GET /echo?glass=0".replace('0', if own == "the first's" { "0" } else { "f" })
        );
        assert_eq!(
            notes[2]["accept"],
            rfc6455::handshake::accept_for(notes[2]["key"].as_str().unwrap())
        );
        let hex = rfc6455::render::hex(own.as_bytes());
        for (note, from) in [(&notes[4], "client"), (&notes[5], "server")] {
            assert_eq!((&note["from"], &note["meant"]), (&json!(from), &json!(hex)));
            assert_eq!(
                (&note["name"], &note["length"]),
                (&json!("Text"), &json!(own.len()))
            );
        }
        assert_eq!(notes[5]["header"], format!("81 {:02x}", own.len()));
        assert_eq!(notes[6]["close"], format!("4001 (private code): {own} end"));
        assert_eq!(
            notes[9]["from"], "server",
            "the server ends TCP first (§7.1.1)"
        );
    }
}

#[test]
fn orders_are_carried_out_on_the_connection_and_impossible_ones_refused() {
    let server = server();
    let mut report = report(&server, TOKEN);
    let mut clock = connect(&server, &format!("/ws?glass={TOKEN}"));
    clock.read().unwrap().unwrap();
    for bad in ["dance", "close 1005", "fragments 1 x"] {
        report.send(bad).unwrap();
    }
    report.send("fragments 3 Once upon a time").unwrap();
    assert_eq!(
        clock.read().unwrap().unwrap().to_string(),
        "Once upon a time"
    );
    report.send("ping still there?").unwrap();
    let client = thread::spawn(move || {
        assert!(clock.read().unwrap().is_none());
        clock.closed()
    });
    let mut notes = Vec::new();
    while notes
        .last()
        .is_none_or(|note: &Value| note["name"] != "Pong")
    {
        notes.push(note(&mut report).unwrap());
    }
    report.send("close 1012 so the page asked").unwrap();
    notes.extend(notes_to_the_end(&mut report));
    let closed = client.join().unwrap();
    assert_eq!(closed.code(), rfc6455::CloseCode(1012));
    assert_eq!(closed.reason(), "so the page asked");

    let refused = notes.iter().filter(|note| note["is"] == "refused").count();
    assert_eq!(refused, 3);
    let frames: Vec<String> = notes
        .iter()
        .filter(|note| note["is"] == "frame")
        .skip(1)
        .map(|note| {
            let (name, fin) = (
                note["name"].as_str().unwrap(),
                &note["header"].as_str().unwrap()[..1],
            );
            format!(
                "{name} {fin} {} {}",
                note["from"].as_str().unwrap(),
                note["fragment"]
            )
        })
        .collect();
    assert_eq!(
        frames,
        [
            "Text 0 server 1",
            "Continuation 0 server 2",
            "Continuation 8 server 3",
            "Ping 8 server 0",
            "Pong 8 client 0",
            "Close 8 server 0",
            "Close 8 client 0",
        ]
    );
}

#[test]
fn a_report_that_nobody_reads_delays_nothing_and_owns_up_to_what_it_did_not_show() {
    const MESSAGES: u64 = 40_000;
    let server = server();
    let mut report = report(&server, TOKEN);
    let mut echo = connect(&server, &format!("/echo?glass={TOKEN}"));
    let mut slowest = Duration::ZERO;
    for _ in 0..MESSAGES / 100 {
        let start = Instant::now();
        for _ in 0..100 {
            echo.write("a text of some length, so that its report has one, too")
                .unwrap();
        }
        echo.flush().unwrap();
        for _ in 0..100 {
            echo.read().unwrap().unwrap();
        }
        slowest = slowest.max(start.elapsed());
    }
    // Had it waited for the report, it would have waited for `Config::write_timeout`, 10 s.
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    echo.close(rfc6455::CloseCode::NORMAL, "").unwrap();

    let (mut shown, mut missed) = (0, 0);
    while let Some(note) = note(&mut report) {
        match note["is"].as_str().unwrap() {
            "frame" => shown += 1,
            "missed" => missed += note["frames"].as_u64().unwrap(),
            _ => {}
        }
    }
    assert!(missed > 0, "{shown} frames all found room");
    assert_eq!(shown + missed, 2 * MESSAGES + 2);
}

#[test]
fn reports_are_bounded_in_number_and_nothing_of_them_is_left_over() {
    let server = server();
    let threads = || {
        let status = fs::read_to_string(format!("/proc/{}/status", server.program.process.id()));
        let status = status.unwrap();
        let line = status.lines().find(|line| line.starts_with("Threads:"));
        line.unwrap()["Threads:".len()..]
            .trim()
            .parse::<u32>()
            .unwrap()
    };
    // Its own threads have started once it answers, and that of the answer has ended soon after.
    server.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    thread::sleep(Duration::from_millis(300));
    let before = threads();
    for round in 0..2 {
        let token = |i: u32| format!("{i:032x}");
        let reports: Vec<_> = (0..512).map(|i| report(&server, &token(i))).collect();
        let path = format!("/glass/report?token={}", token(512));
        assert_eq!(status(&server, &path), "HTTP/1.1 503 Service Unavailable");
        // Some are used, and of these, some reports end first, some connections.
        let connections: Vec<_> = (0..8)
            .map(|i| connect(&server, &format!("/echo?glass={}", token(i))))
            .collect();
        if round == 0 {
            drop(reports);
            wait_for("the reports' threads", || threads() == before + 8);
            // A connection whose report is gone goes on.
            for mut socket in connections {
                socket.send("alone").unwrap();
                assert_eq!(socket.read().unwrap().unwrap().to_string(), "alone");
            }
        } else {
            drop(connections);
            drop(reports);
        }
        wait_for("all threads", || threads() == before);
        assert_eq!(
            status(&server, &format!("/echo?glass={}", token(0))),
            "HTTP/1.1 400 Bad Request"
        );
        wait_for("all threads", || threads() == before);
    }
}

#[test]
fn a_report_and_a_trace_see_the_same_connection_once_each() {
    let server = ServerProgram::start(&["--trace"]);
    let mut report = report(&server, TOKEN);
    let mut echo = connect(&server, &format!("/echo?glass={TOKEN}"));
    echo.send("both see this").unwrap();
    echo.read().unwrap().unwrap();
    echo.close(rfc6455::CloseCode::NORMAL, "").unwrap();
    let notes = notes_to_the_end(&mut report);
    assert_eq!(notes.iter().filter(|note| note["is"] == "frame").count(), 4);

    let mut program = server.program;
    program.kill();
    let (_, _, trace) = program.finish();
    let count = |what: &str| trace.iter().filter(|line| line.contains(what)).count();
    assert_eq!(count(&format!("GET /echo?glass={TOKEN}")), 1);
    assert_eq!(count("\"both see this\""), 2);
}

#[test]
fn the_pages_are_served_with_their_types() {
    let server = server();
    for (path, kind, body) in [
        ("/glass", "text/html", include_str!("../html/glass.html")),
        ("/glass.css", "text/css", include_str!("../html/glass.css")),
        (
            "/glass.js",
            "text/javascript",
            include_str!("../html/glass.js"),
        ),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        let answer = server.exchange(request.as_bytes());
        let (head, got) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("Content-Type: {kind}; charset=utf-8")),
            "{head}"
        );
        assert_eq!(got, body);
        let request = format!("POST {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(
            server
                .exchange(request.as_bytes())
                .starts_with("HTTP/1.1 405 ")
        );
    }
    // Nothing from elsewhere.
    for page in [
        include_str!("../html/glass.html"),
        include_str!("../html/glass.css"),
    ] {
        assert!(!page.contains("http:") && !page.contains("https:"));
    }
}

#[test]
fn this_librarys_client_names_the_rule_that_each_fault_breaks() {
    let server = server();
    let answer = server.exchange(b"GET /fault HTTP/1.1\r\nHost: x\r\n\r\n");
    let (head, shelf) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Content-Type: application/json"), "{head}");
    let shelf: Vec<Value> = serde_json::from_str(shelf).unwrap();
    let expected = [
        ("masked", "(§5.1)"),
        (
            "accept",
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\"; it is not the answer to the key that was sent (§4.1)",
        ),
        ("opcode", "(§5.2)"),
        ("rsv1", "(§5.2)"),
        ("length", "(§5.2)"),
        ("ping", "(§5.5)"),
        ("utf8", "(§8.1)"),
        ("close1005", "(§7.4)"),
        ("half", "1006 (§7.1.5)"),
        ("drop", "1006 (§7.1.5)"),
        ("mute", "1006 (§7.1.5)"),
    ];
    let names: Vec<&str> = shelf
        .iter()
        .map(|fault| fault["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, expected.map(|(name, _)| name));
    thread::scope(|scope| {
        for (name, says) in expected {
            let server = &server;
            scope.spawn(move || {
                let start = Instant::now();
                let error = meet(server, name).unwrap_err().to_string();
                assert!(error.contains(says), "{name}: {error}");
                assert!(start.elapsed() < Duration::from_secs(15), "{name}");
            });
        }
    });
    // The handshake is checked as everywhere.
    let answer = server.exchange(b"GET /fault/masked HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(status(&server, "/fault/none"), "HTTP/1.1 404 Not Found");
}

/// Reads from a broken server until it is found out; the mute one is asked to close.
fn meet(server: &ServerProgram, name: &str) -> Result<(), Error> {
    let mut socket = rfc6455::connect(&server.url(&format!("/fault/{name}")))?;
    if name == "mute" {
        return socket.close(rfc6455::CloseCode::NORMAL, "");
    }
    while socket.read()?.is_some() {}
    Ok(())
}

// In the browser.

/// The page in a window of exactly this size.
fn open(server: &ServerProgram, width: u32, height: u32) -> Chromium {
    let page = format!("http://localhost:{}/glass", server.port);
    let mut chromium = Chromium::open(&page, width.max(500), height);
    resize(&mut chromium, width, height);
    chromium
}

fn resize(page: &mut Chromium, width: u32, height: u32) {
    page.command(
        "Emulation.setDeviceMetricsOverride",
        json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }),
    );
}

fn set(page: &mut Chromium, selector: &str, value: &str) {
    page.evaluate(&format!(
        "{{ const e = document.querySelector({selector:?}); e.value = {value:?}; \
         e.dispatchEvent(new Event('change', {{ bubbles: true }})); }} 0"
    ));
}

/// Connects to a path and waits until the connection is open.
fn go(page: &mut Chromium, path: &str) {
    page.click(&format!("[name=path][value={path:?}]"));
    page.click("#connect button");
    page.wait("the open connection", |page| {
        (page.text("#ready") == "OPEN" && number(page, "frames") >= u64::from(path == "/ws"))
            .then_some(())
    });
}

fn number(page: &mut Chromium, expression: &str) -> u64 {
    page.evaluate(expression).as_u64().unwrap()
}

/// Waits for so many frames; the newest one first: who sent it, its name, its text.
fn frames(page: &mut Chromium, count: u64) -> Vec<String> {
    page.wait("frames", |page| {
        (number(page, "frames") >= count).then_some(())
    });
    let all = page.evaluate(
        "[...document.querySelectorAll('#frames .frame')].map(f => \
         f.querySelector('.who').textContent + ' ' + f.dataset.name + ' ' + \
         [...f.querySelectorAll('.said')].pop().textContent)",
    );
    let all = all.as_array().unwrap();
    assert_eq!(all.len() as u64, count, "{all:?}");
    all.iter()
        .map(|one| one.as_str().unwrap().to_owned())
        .collect()
}

/// The bits of a field in the diagram of the newest frame but `n`, over all its rows.
fn field(page: &mut Chromium, n: usize, name: &str) -> String {
    let bits = page.evaluate(&format!(
        "[...document.querySelectorAll('#frames .frame')[{n}].querySelectorAll('[data-field={name:?}] .bits')]\
         .map(bits => bits.textContent).join('')"
    ));
    bits.as_str().unwrap().to_owned()
}

/// The bytes that stand under a heading beside the newest frame but `n`.
fn bytes_under(page: &mut Chromium, n: usize, heading: &str) -> Vec<u8> {
    let hex = page.evaluate(&format!(
        "[...document.querySelectorAll('#frames .frame')[{n}].querySelectorAll('.views > div')]\
         .find(view => view.textContent.startsWith({heading:?})).querySelector('.hex').textContent"
    ));
    let hex = hex.as_str().unwrap().replace("nothing", "");
    hex.split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

#[test]
#[ignore = "needs Chromium (apt-get install chromium)"]
fn a_frame_is_drawn_with_its_bits_whatever_the_form_of_its_length() {
    let server = server();
    let mut page = open(&server, 1280, 900);
    go(&mut page, "/echo");
    for (i, (size, short, extended)) in [
        (0, 0, String::new()),
        (125, 125, String::new()),
        (126, 126, format!("{:016b}", 126)),
        (65_535, 126, format!("{:016b}", 65_535)),
        (65_536, 127, format!("{:064b}", 65_536)),
    ]
    .into_iter()
    .enumerate()
    {
        page.click(&format!("[data-size=\"{size}\"]"));
        frames(&mut page, 2 * (i as u64 + 1));
        // The echo is the newest, the message the one before.
        for (n, mask) in [(0, "0"), (1, "1")] {
            assert_eq!(field(&mut page, n, "FIN"), "1");
            for reserved in ["RSV1", "RSV2", "RSV3"] {
                assert_eq!(field(&mut page, n, reserved), "0");
            }
            assert_eq!(field(&mut page, n, "opcode"), "0001");
            assert_eq!(field(&mut page, n, "MASK"), mask);
            assert_eq!(field(&mut page, n, "length"), format!("{short:07b}"));
            assert_eq!(field(&mut page, n, "extended length"), extended);
            let shown = vec![b'x'; size.min(48)];
            assert_eq!(bytes_under(&mut page, n, "as meant"), shown);
            let key = field(&mut page, n, "masking key");
            if mask == "0" {
                assert_eq!(key, "");
                continue;
            }
            assert_eq!(key.len(), 32);
            let key = u32::from_str_radix(&key, 2).unwrap().to_be_bytes();
            if size > 0 {
                let mut sent = bytes_under(&mut page, n, "as sent");
                let bits: String = sent.iter().map(|byte| format!("{byte:08b}")).collect();
                let drawn = field(&mut page, n, "payload");
                assert!(drawn.len() >= 12 * 8 && bits.starts_with(&drawn), "{drawn}");
                rfc6455::mask(key, 0, &mut sent);
                assert_eq!(sent, shown);
            }
        }
    }
}

#[test]
#[ignore = "needs Chromium (apt-get install chromium)"]
fn every_control_does_what_it_says() {
    let server = server();
    let mut page = open(&server, 1280, 900);
    assert_eq!(
        page.evaluate("document.querySelectorAll('fieldset.plain:disabled').length"),
        4
    );

    go(&mut page, "/echo");
    let heads = page.text("#opening");
    for part in [
        "GET /echo?glass=",
        "Sec-WebSocket-Key: ",
        "101 Switching Protocols",
        "258EAFA5",
        "Sec-WebSocket-Accept: ",
    ] {
        assert!(heads.contains(part), "{part}: {heads}");
    }
    set(&mut page, "#what", "grüß <b>Gott</b>");
    page.click("#send button[type=submit]");
    let all = frames(&mut page, 2);
    assert_eq!(all[0], "server → client Text grüß <b>Gott</b>");
    assert_eq!(all[1], "client → server Text grüß <b>Gott</b>");

    set(&mut page, "#kind", "hex");
    set(&mut page, "#what", "00 ff:7F");
    page.click("#send button[type=submit]");
    let all = frames(&mut page, 4);
    assert_eq!(all[0], "server → client Binary (bytes)");
    assert_eq!(bytes_under(&mut page, 0, "as meant"), [0, 0xff, 0x7f]);
    set(&mut page, "#what", "0");
    page.click("#send button[type=submit]");
    assert_eq!(
        page.text("#said"),
        "Bytes are pairs of hexadecimal digits, please."
    );

    set(&mut page, "#kind", "count");
    set(&mut page, "#what", "3");
    page.click("#send button[type=submit]");
    assert_eq!(frames(&mut page, 6)[0], "server → client Text xxx");

    page.click("#ping button");
    let all = frames(&mut page, 8);
    assert_eq!(all[1], "server → client Ping are you there?");
    assert_eq!(all[0], "client → server Pong are you there?");

    // Held still, the list waits; then it goes on where it was.
    page.click("#hold");
    page.click("#fragments button");
    page.wait("three frames held", |page| {
        (page.evaluate("held.length") == 3).then_some(())
    });
    assert_eq!(
        page.evaluate("document.querySelectorAll('#frames .frame').length"),
        8
    );
    page.click("#hold");
    let all = frames(&mut page, 11);
    assert_eq!(all[2], "server → client Text Once upo");
    assert_eq!(all[1], "server → client Continuation n a time");
    assert_eq!(all[0], "server → client Continuation ");
    assert_eq!(
        (field(&mut page, 2, "FIN"), field(&mut page, 0, "FIN")),
        ("0".into(), "1".into())
    );

    // A page may not close with 1002, a server may.
    set(&mut page, "#close-code", "1002");
    page.click("#close button[type=submit]");
    assert!(
        page.text("#said").contains("1002"),
        "{}",
        page.text("#said")
    );
    page.click("#server-close");
    page.wait("the end", |page| {
        page.text("#said").starts_with("Closed.").then_some(())
    });
    assert!(
        page.text("#said")
            .contains("code 1002, reason \"that is all\", wasClean true")
    );
    closed_by(&mut page, "server", "client");
    assert_eq!(
        page.evaluate("document.querySelectorAll('fieldset.plain:disabled').length"),
        4
    );

    // And the next connection, to the clock, closed from here.
    go(&mut page, "/ws");
    assert!(frames(&mut page, 1)[0].ends_with(" UTC"));
    set(&mut page, "#close-code", "4000");
    page.click("#close button[type=submit]");
    page.wait("the end", |page| {
        page.text("#said").starts_with("Closed.").then_some(())
    });
    assert!(
        page.text("#said")
            .contains("code 4000, reason \"that is all\", wasClean true")
    );
    closed_by(&mut page, "client", "server");
}

/// The timeline of the closing handshake, whose end is the state CLOSED.
fn closed_by(page: &mut Chromium, first: &str, second: &str) {
    page.wait("CLOSED", |page| {
        (page.evaluate("document.querySelector('#states [aria-current]')?.dataset.state")
            == "CLOSED")
            .then_some(())
    });
    let lines =
        page.evaluate("[...document.querySelectorAll('#closing li')].map(li => li.textContent)");
    let find = |what: &str| {
        let lines = lines.as_array().unwrap();
        let at = lines
            .iter()
            .position(|line| line.as_str().unwrap().contains(what));
        at.unwrap_or_else(|| panic!("{what}: {lines:?}"))
    };
    let opens = find(&format!("the {first} sent Close"));
    let answers = find(&format!("the {second} sent Close"));
    let ends = find("the server ended TCP");
    assert!(opens < answers && answers < ends);
    assert_eq!(opens, find("it begins the closing handshake"));
    assert_eq!(answers, find(": the answer"));
    // The effect stands behind its causes, whichever the page heard of first.
    let last = find("the client ended TCP").max(ends);
    assert!(last < find("the browser tells its page: close event"));
}

#[test]
#[ignore = "needs Chromium (apt-get install chromium)"]
fn the_keyboard_reaches_every_field_of_a_frame_and_the_clause_is_told() {
    let server = server();
    let mut page = open(&server, 1280, 900);
    go(&mut page, "/echo");
    page.evaluate("document.querySelector('#what').focus(); 0");
    key(&mut page, "Enter", 13);
    frames(&mut page, 2);
    // One stop a frame for Tab, arrows within.
    assert_eq!(
        page.evaluate("document.querySelectorAll('#frames button[tabindex=\"0\"]').length"),
        2
    );
    page.evaluate(
        "document.querySelectorAll('#frames .frame')[1].querySelector('button').focus(); 0",
    );
    let mut told = Vec::new();
    for _ in 0..9 {
        let why = page.evaluate("document.querySelectorAll('#frames .why')[1].textContent");
        told.push(why.as_str().unwrap().to_owned());
        key(&mut page, "ArrowRight", 39);
    }
    for (text, (name, clause)) in told.iter().zip([
        ("FIN", "§5.4"),
        ("RSV1", "§5.2"),
        ("RSV2", "§5.2"),
        ("RSV3", "§5.2"),
        ("opcode", "§5.6"),
        ("MASK", "§5.1"),
        ("length", "§5.2"),
        ("masking key", "§5.3"),
        ("payload", "§5.2"),
    ]) {
        assert!(text.starts_with(name) && text.ends_with(clause), "{text}");
    }
    // Every control has a name for those who do not see it.
    let unnamed = page.evaluate(
        "[...document.querySelectorAll('input, select, button')].filter(e => \
         !(e.labels?.length || e.textContent.trim() || e.ariaLabel)).map(e => e.outerHTML)",
    );
    assert_eq!(unnamed, json!([]));
}

fn key(page: &mut Chromium, name: &str, code: u32) {
    let text = if name == "Enter" { "\r" } else { "" };
    for kind in ["keyDown", "keyUp"] {
        page.command(
            "Input.dispatchKeyEvent",
            json!({ "type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code, "text": text }),
        );
    }
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
    let silence = guess.read_before(Instant::now() + Duration::from_millis(300));
    assert!(matches!(silence, Err(Error::TimedOut)), "{silence:?}");
}

#[test]
#[ignore = "needs Chromium (apt-get install chromium)"]
fn what_chromium_makes_of_each_fault() {
    let server = server();
    let mut page = open(&server, 1280, 900);
    page.wait("the shelf", |page| {
        (page.evaluate("document.querySelectorAll('[data-fault]').length") == 11).then_some(())
    });
    page.click("#run-all");
    page.wait("all of them", |page| {
        (page.evaluate("document.querySelectorAll('[data-fault][data-code]').length") == 11)
            .then_some(())
    });
    let results = page.evaluate(
        "[...document.querySelectorAll('[data-fault]')].map(f => [f.dataset.fault, \
         [f.dataset.code, f.dataset.clean, f.dataset.reason].join(), \
         [...f.querySelectorAll('ol li')].map(li => li.textContent).join('\\n')])",
    );
    // To its page Chromium says 1006 of them all; to the server it says what it thinks.
    for (result, (name, said)) in results.as_array().unwrap().iter().zip([
        (
            "masked",
            "client sent Close 1002 (protocol error): Masked frame from server",
        ),
        ("accept", "client ended TCP"),
        (
            "opcode",
            "client sent Close 1002 (protocol error): Unknown opcode",
        ),
        (
            "rsv1",
            "client sent Close 1002 (protocol error): Invalid reserved bit",
        ),
        (
            "length",
            "client sent Close 1002 (protocol error): WebSocket Protocol Error",
        ),
        (
            "ping",
            "client sent Close 1002 (protocol error): WebSocket Protocol Error",
        ),
        (
            "utf8",
            "client sent Close 1002 (protocol error): Invalid UTF-8 in text frame",
        ),
        ("close1005", "client sent Close 1002 (protocol error)"),
        ("half", "server ended TCP, 2 bytes short of a frame"),
        ("drop", "browser message event, \"Hello\""),
        ("mute", "client sent Close 1000 (normal closure)"),
    ]) {
        assert_eq!(
            (&result[0], &result[1]),
            (&json!(name), &json!("1006,false,"))
        );
        let steps = result[2].as_str().unwrap();
        assert!(steps.contains(said), "{name}: {steps}");
        assert_eq!(
            steps.contains("browser open event"),
            name != "accept",
            "{name}: {steps}"
        );
        assert_eq!(
            steps.contains("message event"),
            ["drop", "mute"].contains(&name),
            "{name}: {steps}"
        );
        let broken = !["half", "drop", "mute"].contains(&name);
        assert_eq!(steps.contains("broke a rule"), broken, "{name}: {steps}");
    }
    resize(&mut page, 1600, 3200);
    page.screenshot("glass-faults.png");
}

#[test]
#[ignore = "needs Chromium (apt-get install chromium)"]
fn the_page_fits_every_window_light_and_dark() {
    let server = server();
    let mut page = open(&server, 1600, 1000);
    go(&mut page, "/echo");
    page.click("[data-size=\"126\"]");
    frames(&mut page, 2);
    page.click("#send button[type=submit]");
    frames(&mut page, 4);
    page.click("#ping button");
    frames(&mut page, 6);
    page.evaluate("document.querySelectorAll('#frames .frame')[1].querySelector('[data-field=opcode]').focus(); 0");
    for (name, width, height) in [
        ("wide", 1600, 1000),
        ("narrow", 360, 740),
        ("projector", 1920, 1080),
        ("tablet", 800, 1000),
    ] {
        for scheme in ["light", "dark"] {
            resize(&mut page, width, height);
            page.command(
                "Emulation.setEmulatedMedia",
                json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }),
            );
            let over = page.evaluate("document.documentElement.scrollWidth - innerWidth");
            assert!(
                over.as_i64().unwrap() <= 0,
                "{name}: {over} pixels too wide"
            );
            page.evaluate("document.querySelector('#desk').scrollTop = 0; scrollTo(0, 0); 0");
            thread::sleep(Duration::from_millis(400)); // for colours that change gradually
            page.screenshot(&format!("glass-{name}-{scheme}.png"));
            let hidden = page.evaluate(
                "[...document.querySelectorAll('button:enabled')].filter(e => { \
                 e.scrollIntoView({ block: 'center' }); const r = e.getBoundingClientRect(); \
                 return !e.contains(document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2)) && !e.closest('.scroller'); \
                 }).map(e => e.textContent)",
            );
            assert_eq!(hidden, json!([]), "{name}: hidden by something else");
            page.evaluate("document.querySelector('#frames-title').scrollIntoView(); 0");
            page.screenshot(&format!("glass-{name}-{scheme}-frames.png"));
        }
    }
}
