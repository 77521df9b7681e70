//! What the modules of this test share: the server, reports read by this library's client, and the
//! page in a real browser.

use crate::chromium::Chromium;
use crate::programs::{PATIENCE, ServerProgram, opening_handshake};
use rfc6455::{Message, WebSocket};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Instant;

pub const TOKEN: &str = "00112233445566778899aabbccddeeff";
pub const OTHER: &str = "ffeeddccbbaa99887766554433221100";

/// A server whose clock keeps still.
pub fn server() -> ServerProgram {
    ServerProgram::start(&["--interval", "600000", "--close-chance", "0"])
}

pub fn connect(server: &ServerProgram, path: &str) -> WebSocket {
    rfc6455::connect(&server.url(path)).unwrap()
}

/// A report, as this library's client reads it.
pub struct Report {
    pub socket: WebSocket,
    /// Notes that came in the same message as the last one.
    notes: VecDeque<Value>,
}

pub fn report(server: &ServerProgram, token: &str) -> Report {
    Report {
        socket: connect(server, &format!("/glass/report?token={token}")),
        notes: VecDeque::new(),
    }
}

/// The next note of a report; `None` at its end.
pub fn note(report: &mut Report) -> Option<Value> {
    if report.notes.is_empty() {
        match report
            .socket
            .read_deadline(Instant::now() + PATIENCE)
            .unwrap()
        {
            Some(Message::Text(text)) => {
                let notes = text.lines().map(|line| serde_json::from_str(line).unwrap());
                report.notes.extend(notes);
            }
            None => {}
            other => panic!("{other:?}"),
        }
    }
    report.notes.pop_front()
}

pub fn notes_to_the_end(report: &mut Report) -> Vec<Value> {
    std::iter::from_fn(|| note(report)).collect()
}

/// The answer to an opening handshake for a path: its status line.
pub fn status(server: &ServerProgram, path: &str) -> String {
    let answer = server.exchange(opening_handshake(path).as_bytes());
    answer.lines().next().unwrap().to_owned()
}

/// The page in a window of exactly this size.
pub fn open(server: &ServerProgram, width: u32, height: u32) -> Chromium {
    let page = format!("http://localhost:{}/glass", server.port);
    let mut chromium = Chromium::open(&page, width.max(500), height);
    resize(&mut chromium, width, height);
    chromium
}

pub fn resize(page: &mut Chromium, width: u32, height: u32) {
    page.command(
        "Emulation.setDeviceMetricsOverride",
        json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }),
    );
}

pub fn set(page: &mut Chromium, selector: &str, value: &str) {
    page.evaluate(&format!(
        "{{ const e = document.querySelector({selector:?}); e.value = {value:?}; \
         e.dispatchEvent(new Event('change', {{ bubbles: true }})); }} 0"
    ));
}

/// Connects to a path and waits until the connection is open.
pub fn go(page: &mut Chromium, path: &str) {
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
pub fn frames(page: &mut Chromium, count: u64) -> Vec<String> {
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
pub fn field(page: &mut Chromium, n: usize, name: &str) -> String {
    let bits = page.evaluate(&format!(
        "[...document.querySelectorAll('#frames .frame')[{n}].querySelectorAll('[data-field={name:?}] .bits')]\
         .map(bits => bits.textContent).join('')"
    ));
    bits.as_str().unwrap().to_owned()
}

/// The bytes that stand under a heading beside the newest frame but `n`.
pub fn bytes_under(page: &mut Chromium, n: usize, heading: &str) -> Vec<u8> {
    let hex = page.evaluate(&format!(
        "[...document.querySelectorAll('#frames .frame')[{n}].querySelectorAll('.views > div')]\
         .find(view => view.textContent.startsWith({heading:?})).querySelector('.hex').textContent"
    ));
    let hex = hex.as_str().unwrap().replace("nothing", "");
    hex.split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}
