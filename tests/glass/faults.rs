//! `/fault`, the broken servers: what this library's client and Chromium make of each.

use crate::programs::ServerProgram;
use crate::support::*;
use rfc6455::Error;
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};

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
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\"; it is not the answer to the key that was sent, ",
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
    // The report of a connection may come later than its end.
    page.wait("what the server saw of each", |page| {
        let seen = "[...document.querySelectorAll('[data-fault]')].every(fault => \
                    /(ended|reset) TCP/.test(fault.querySelector('ol').textContent))";
        (page.evaluate(seen) == true).then_some(())
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
        (
            "half",
            "server ended TCP, 2 bytes before the end of a frame",
        ),
        ("drop", "browser message event, \"Hello\""),
        ("mute", "client sent Close 1000 (normal closure)"),
    ]) {
        assert_eq!(
            (&result[0], &result[1]),
            (&json!(name), &json!("1006,false,"))
        );
        // Chromium resets TCP if it ends the connection before it has read everything.
        let steps = result[2].as_str().unwrap();
        let steps = &steps.replace("client reset TCP", "client ended TCP");
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
