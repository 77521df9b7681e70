//! Controls: the orders that a page may give to the server, and every button and field of the page.

use crate::chromium::Chromium;
use crate::support::*;
use serde_json::Value;
use std::thread;

#[test]
fn orders_are_carried_out_on_the_connection_and_impossible_ones_refused() {
    let server = server();
    let mut report = report(&server, TOKEN);
    let mut clock = connect(&server, &format!("/ws?glass={TOKEN}"));
    clock.read().unwrap().unwrap();
    for bad in ["dance", "close 1005", "fragments 1 x"] {
        report.socket.send(bad).unwrap();
    }
    report.socket.send("fragments 3 Once upon a time").unwrap();
    assert_eq!(
        clock.read().unwrap().unwrap().to_string(),
        "Once upon a time"
    );
    report.socket.send("ping still there?").unwrap();
    let client = thread::spawn(move || {
        assert!(clock.read().unwrap().is_none());
        clock.closed().unwrap()
    });
    let mut notes = Vec::new();
    while notes
        .last()
        .is_none_or(|note: &Value| note["name"] != "Pong")
    {
        notes.push(note(&mut report).unwrap());
    }
    report.socket.send("close 1012 so the page asked").unwrap();
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
    assert_eq!(bytes_under(&mut page, 0, "payload"), [0, 0xff, 0x7f]);
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
