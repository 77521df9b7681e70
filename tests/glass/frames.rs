//! Frames: how the page draws them, bit by bit, and how the keyboard reaches each of their fields.

use crate::chromium::Chromium;
use crate::support::*;
use serde_json::json;

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
            // A payload that the mask does not change is shown once.
            let title = match mask == "0" || size == 0 {
                true => "payload",
                false => "unmasked",
            };
            assert_eq!(bytes_under(&mut page, n, title), shown);
            let key = field(&mut page, n, "masking key");
            if mask == "0" {
                assert_eq!(key, "");
                continue;
            }
            assert_eq!(key.len(), 32);
            let key = u32::from_str_radix(&key, 2).unwrap().to_be_bytes();
            if size > 0 {
                let mut sent = bytes_under(&mut page, n, "masked");
                let bits: String = sent.iter().map(|byte| format!("{byte:08b}")).collect();
                let drawn = field(&mut page, n, "payload");
                assert!(drawn.len() >= 12 * 8 && bits.starts_with(&drawn), "{drawn}");
                rfc6455::framing::mask(key, 0, &mut sent);
                assert_eq!(sent, shown);
            }
        }
    }
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
fn a_compressed_message_is_shown_as_sent_unmasked_and_inflated() {
    let server = server();
    let mut page = open(&server, 1280, 900);
    page.click("#deflate");
    go(&mut page, "/echo");
    for _ in 0..2 {
        set(&mut page, "#what", "Hello, hello, hello");
        page.click("#send button[type=submit]");
    }
    let all = frames(&mut page, 4);
    assert!(
        all.iter()
            .all(|frame| frame.ends_with("Text Hello, hello, hello")),
        "{all:?}"
    );
    for n in 0..4 {
        assert_eq!(field(&mut page, n, "RSV1"), "1");
        assert_eq!(
            bytes_under(&mut page, n, "inflated, 19 bytes from "),
            b"Hello, hello, hello"
        );
    }
    // The browser's, and the browser's first one.
    let again = bytes_under(&mut page, 1, "unmasked");
    let first = bytes_under(&mut page, 3, "unmasked");
    assert!(
        again.len() < first.len() && first.len() < 19,
        "{first:02x?} {again:02x?}"
    );
    assert_eq!(bytes_under(&mut page, 3, "masked").len(), first.len());

    // Without the switch nothing is compressed.
    page.click("#close button[type=submit]");
    page.wait("the end", |page| {
        (page.text("#ready") == "CLOSED").then_some(())
    });
    page.click("#deflate");
    go(&mut page, "/echo");
    page.click("#send button[type=submit]");
    frames(&mut page, 2);
    assert_eq!(field(&mut page, 0, "RSV1"), "0");
}
