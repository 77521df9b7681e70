//! The page itself: the files that the server sends for it, and its layout in windows of every
//! size, light and dark, with screenshots.

use crate::support::*;
use serde_json::json;
use std::thread;
use std::time::Duration;

#[test]
fn the_pages_are_served_with_their_types() {
    let server = server();
    for (path, kind, body) in [
        ("/glass", "text/html", include_str!("../../html/glass.html")),
        (
            "/glass.css",
            "text/css",
            include_str!("../../html/glass.css"),
        ),
        (
            "/glass.js",
            "text/javascript",
            include_str!("../../html/glass.js"),
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
        include_str!("../../html/glass.html"),
        include_str!("../../html/glass.css"),
    ] {
        assert!(!page.contains("http:") && !page.contains("https:"));
    }
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
