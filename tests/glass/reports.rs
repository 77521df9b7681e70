//! Reports: what the server tells a page about its connection, and what that costs the server.

use crate::programs::{PATIENCE, ServerProgram};
use crate::support::*;
use serde_json::{Value, json};
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        thread::sleep(Duration::from_millis(20));
    }
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
        let step = |i: usize| notes[2]["accept"]["steps"][i]["value"].as_str().unwrap();
        assert_eq!(step(3), rfc6455::opening::accept_for(step(0)));
        let hex = rfc6455::trace::hex(own.as_bytes());
        for (note, from) in [(&notes[4], "client"), (&notes[5], "server")] {
            assert_eq!(
                (&note["from"], &note["unmasked"]),
                (&json!(from), &json!(hex))
            );
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
fn a_report_escapes_what_a_peer_wrote() {
    let server = server();
    let mut report = report(&server, TOKEN);
    let mut echo = connect(&server, &format!("/echo?glass={TOKEN}"));
    for text in ["exe.\u{202e}fdp", "\\n\n", "[2 bytes: ca fe]"] {
        echo.send(text).unwrap();
        echo.read().unwrap().unwrap();
    }
    echo.send(&[0xCA, 0xFE]).unwrap();
    echo.read().unwrap().unwrap();
    echo.close(rfc6455::CloseCode::NORMAL, "\u{200b}").unwrap();
    let notes = notes_to_the_end(&mut report);
    let member = |name: &str| -> Vec<String> {
        let texts = notes.iter().filter_map(|note| note[name].as_str());
        texts.map(str::to_owned).collect()
    };
    let shown = [r"exe.\u{202e}fdp", r"\\n\n", "[2 bytes: ca fe]", "(bytes)"];
    let twice = shown.iter().flat_map(|text| [*text, *text]);
    assert_eq!(member("text"), twice.collect::<Vec<_>>());
    let close = r"1000 (normal closure): \u{200b}";
    assert_eq!(member("close"), [close, close]);
}

#[test]
fn a_report_brings_the_words_about_the_protocol_and_the_page_has_none() {
    let server = server();
    let mut report = report(&server, TOKEN);
    let mut echo = connect(&server, &format!("/echo?glass={TOKEN}"));
    echo.send(&vec![7; 300]).unwrap();
    echo.read().unwrap().unwrap();
    echo.close(rfc6455::CloseCode::NORMAL, "").unwrap();
    let notes = notes_to_the_end(&mut report);

    let request = &notes[1];
    assert_eq!(request["clause"], "§4.1");
    let fields = request["fields"].as_array().unwrap();
    let key = fields.iter().find(|f| f["name"] == "Sec-WebSocket-Key");
    assert_eq!(key.unwrap()["clause"], "§4.1");
    assert!(key.unwrap()["meaning"].as_str().unwrap().contains("random"));

    let frame = &notes[4];
    let fields = frame["fields"].as_array().unwrap();
    let seen: Vec<_> = fields
        .iter()
        .map(|f| ["name", "colour", "clause"].map(|member| f[member].as_str().unwrap()))
        .collect();
    assert_eq!(
        seen,
        [
            ["FIN", "fin", "§5.4"],
            ["RSV1", "rsv", "§5.2"],
            ["RSV2", "rsv", "§5.2"],
            ["RSV3", "rsv", "§5.2"],
            ["opcode", "opcode", "§5.6"],
            ["MASK", "mask", "§5.1"],
            ["length", "length", "§5.2"],
            ["extended length", "length", "§5.2"],
            ["masking key", "mask", "§5.3"],
        ]
    );
    let bits: String = fields.iter().map(|f| f["bits"].as_str().unwrap()).collect();
    let header: String = frame["header"]
        .as_str()
        .unwrap()
        .split(' ')
        .map(|byte| format!("{:08b}", u8::from_str_radix(byte, 16).unwrap()))
        .collect();
    assert_eq!(bits, header);
    let meanings = fields.iter().chain([&frame["payload"]]);
    for meaning in meanings.map(|f| f["meaning"].as_str().unwrap()) {
        assert!(!meaning.is_empty());
    }
    assert_eq!(frame["payload"]["meaning"], "300 bytes, masked");
    let steps: Vec<_> = notes
        .iter()
        .filter(|note| note["name"] == "Close")
        .collect();
    assert_eq!(steps[0]["step"]["clause"], "§7.1.3");
    assert_eq!(steps[1]["step"]["clause"], "§5.5.1");

    let answer = server.exchange(b"GET /glass/words HTTP/1.1\r\nHost: x\r\n\r\n");
    let (_, words) = answer.split_once("\r\n\r\n").unwrap();
    let words: Value = serde_json::from_str(words).unwrap();
    let states = words["states"].as_array().unwrap();
    let names: Vec<_> = states.iter().map(|state| state["name"].clone()).collect();
    assert_eq!(names, ["CONNECTING", "OPEN", "CLOSING", "CLOSED"]);

    let script = include_str!("../../html/glass.js");
    let with_clause = script.lines().filter(|line| line.contains('§'));
    assert_eq!(with_clause.count(), 1, "only the pattern of a clause");
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
        // A report waits for its connection for ten seconds only, so they are opened together: as
        // many at a time as the listener's queue has room for.
        let paths: Vec<String> = (0..512)
            .map(|i| format!("/glass/report?token={}", token(i)))
            .collect();
        let together = paths.chunks(64).map(|paths| server.open_all_by_hand(paths));
        let reports: Vec<_> = together.flatten().collect();
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
