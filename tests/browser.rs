//! The page in a real browser.
//!
//! Needs Chromium: `apt-get install chromium`, then `cargo test -- --include-ignored`.

#[path = "kit/chromium.rs"]
mod chromium;
#[path = "kit/programs.rs"]
mod programs;

use chromium::Chromium;
use programs::ServerProgram;
use std::collections::BTreeSet;

#[test]
#[ignore = "needs Chromium (apt-get install chromium)"]
fn start_shows_date_times_and_then_the_reason() {
    let server = ServerProgram::start(&["--interval", "1100", "--close-chance", "0.25"]);
    let page = format!("http://localhost:{}/", server.port);
    let mut chromium = Chromium::open(&page, 800, 600);
    assert_eq!(chromium.text("#state"), "CLOSED");
    assert_eq!(chromium.text("#output"), "");

    chromium.click("#start");
    let mut times = BTreeSet::new();
    let mut states = BTreeSet::from([chromium.text("#state")]);
    let reason = chromium.wait("the reason", |page| {
        let text = page.text("#output");
        states.insert(page.text("#state"));
        if text.ends_with(" UTC") {
            if times.insert(text) && times.len() == 1 {
                page.screenshot("browser-open.png");
                // Start while connected opens no second connection.
                page.click("#start");
            }
            return None;
        }
        (!text.is_empty()).then_some(text)
    });
    assert_eq!(reason, "random closing");
    assert!(!times.is_empty());
    assert!(states.contains("OPEN"), "{states:?}");
    assert_eq!(chromium.text("#state"), "CLOSED");
    chromium.screenshot("browser-closed.png");

    // One connection was made, and its end is the next thing the server has to say.
    let log = [server.program.error_line(), server.program.error_line()];
    assert!(log[0].ends_with(" /ws opened"), "{log:?}");
    assert!(log[1].contains("random closing"), "{log:?}");

    // And once it is closed, Start opens the next one.
    chromium.click("#start");
    assert!(server.program.error_line().ends_with(" /ws opened"));
}

#[test]
#[ignore = "needs Chromium (apt-get install chromium)"]
fn each_date_time_replaces_the_last() {
    let server = ServerProgram::start(&["--interval", "1100", "--close-chance", "0"]);
    let page = format!("http://127.0.0.1:{}/", server.port);
    let mut chromium = Chromium::open(&page, 360, 640);
    chromium.click("#start");
    let mut times = BTreeSet::new();
    chromium.wait("three date-times", |page| {
        let text = page.text("#output");
        if !text.is_empty() {
            assert_eq!(text.matches("UTC").count(), 1, "{text}");
            times.insert(text);
        }
        (times.len() == 3).then_some(())
    });
    assert_eq!(chromium.text("#state"), "OPEN");
    chromium.screenshot("browser-narrow.png");
}

#[test]
#[ignore = "needs Chromium (apt-get install chromium)"]
fn opened_from_disk_the_page_works_and_says_when_there_is_no_server() {
    let page = concat!("file://", env!("CARGO_MANIFEST_DIR"), "/html/index.html");
    let mut chromium = Chromium::open(page, 800, 600);
    assert_eq!(chromium.evaluate("url"), "ws://localhost:5050/ws");
    // The port of its default may be taken or not: first one without a server stands in for it,
    // then one with.
    let server = ServerProgram::start(&["--interval", "10", "--close-chance", "0.5"]);
    for (port, last) in [(9, "no connection (1006)"), (server.port, "random closing")] {
        chromium.evaluate(&format!(
            "window.Real ??= WebSocket; window.WebSocket = class extends Real {{ \
             constructor(url) {{ super(url.replace(5050, {port})); }} }}; 0"
        ));
        chromium.click("#start");
        chromium.wait(last, |page| (page.text("#output") == last).then_some(()));
        assert_eq!(chromium.text("#state"), "CLOSED");
    }
}
