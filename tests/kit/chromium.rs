//! Headless Chromium, driven over the DevTools Protocol, which is itself a WebSocket: this
//! library's own client is the driver, so a server that nobody here wrote tests it, too.

#![allow(dead_code)] // No test uses all of it.

use crate::programs::{PATIENCE, Program};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rfc6455::{Client, Config, Message, WebSocket};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, process, thread};

/// A browser with one page.
pub struct Chromium {
    socket: WebSocket,
    /// The page's session; every command goes to it.
    session: String,
    next_id: u64,
    _program: Program,
    profile: PathBuf,
}

impl Chromium {
    /// Starts a browser in a window of this size and opens `url`.
    pub fn open(url: &str, width: u32, height: u32) -> Chromium {
        let profile = std::env::temp_dir().join(format!(
            "chromium-{}-{:?}",
            process::id(),
            thread::current().id()
        ));
        let _ = fs::remove_dir_all(&profile);
        fs::create_dir_all(&profile).unwrap();
        let program = Program::start(
            "chromium",
            &[
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--remote-debugging-port=0",
                &format!("--window-size={width},{height}"),
                &format!("--user-data-dir={}", profile.display()),
                "about:blank",
            ],
        );
        let address = wait_for("DevToolsActivePort", || {
            let text = fs::read_to_string(profile.join("DevToolsActivePort")).ok()?;
            let (port, path) = text.split_once('\n')?;
            Some(format!("ws://127.0.0.1:{port}{path}"))
        });
        // A screenshot is one long message.
        let config = Config {
            max_message: 64 << 20,
            ..Config::default()
        };
        let socket = Client::new(&address)
            .unwrap()
            .config(config)
            .connect()
            .unwrap();
        let mut chromium = Chromium {
            socket,
            session: String::new(),
            next_id: 1,
            _program: program,
            profile,
        };
        let target = chromium.command("Target.createTarget", json!({ "url": "about:blank" }));
        let attached = chromium.command(
            "Target.attachToTarget",
            json!({ "targetId": target["targetId"], "flatten": true }),
        );
        chromium.session = attached["sessionId"].as_str().unwrap().to_owned();
        chromium.command("Page.navigate", json!({ "url": url }));
        let loaded = "location.href !== 'about:blank' && document.readyState === 'complete'";
        wait_for("the page", || {
            (chromium.evaluate(loaded) == true).then_some(())
        });
        chromium
    }

    /// One command and its result.
    pub fn command(&mut self, method: &str, params: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        let mut command = json!({ "id": id, "method": method, "params": params });
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        self.socket.send(&command.to_string()).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let message = self.socket.read_deadline(deadline).unwrap();
            let Some(Message::Text(text)) = message else {
                panic!("{method}: {message:?}");
            };
            let mut answer: Value = serde_json::from_str(text).unwrap();
            // Everything else is an event.
            if answer["id"] == id {
                assert_eq!(answer["error"], Value::Null, "{method}");
                return answer["result"].take();
            }
        }
    }

    /// The value of a JavaScript expression in the page; a promise is awaited.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let mut result = self.command(
            "Runtime.evaluate",
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true }),
        );
        assert_eq!(result["exceptionDetails"], Value::Null, "{expression}");
        result["result"]["value"].take()
    }

    /// The text of the element that a CSS selector finds.
    pub fn text(&mut self, selector: &str) -> String {
        let text = self.evaluate(&format!("document.querySelector({selector:?}).textContent"));
        text.as_str().unwrap().to_owned()
    }

    /// Clicks where the element is, as a mouse does.
    pub fn click(&mut self, selector: &str) {
        let place = self.evaluate(&format!(
            "(() => {{ const e = document.querySelector({selector:?}); e.scrollIntoView({{block: 'center'}}); \
             const r = e.getBoundingClientRect(); \
             return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            self.command(
                "Input.dispatchMouseEvent",
                json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 }),
            );
        }
    }

    /// Waits until `done` makes something of the page.
    pub fn wait<T>(&mut self, what: &str, mut done: impl FnMut(&mut Chromium) -> Option<T>) -> T {
        wait_for(what, || done(self))
    }

    /// Leaves a picture of the window in `target/`.
    pub fn screenshot(&mut self, name: &str) {
        let result = self.command("Page.captureScreenshot", json!({ "format": "png" }));
        let png = BASE64.decode(result["data"].as_str().unwrap()).unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        fs::write(folder.join(name), png).unwrap();
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.profile);
    }
}

fn wait_for<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
