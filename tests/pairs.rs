//! Real clients and real servers at their defaults, through `wire tap`.
//!
//! All of them agree on permessage-deflate, also with this library's server and client. The tap
//! passes every byte on, reads every message, shows both Closes, and accuses nobody.
//!
//! Needs the packages of `kit/peers.rs`; then `cargo test -- --include-ignored`.

#[path = "kit/chromium.rs"]
mod chromium;
#[path = "kit/peers.rs"]
mod peers;
#[path = "kit/programs.rs"]
mod programs;

use chromium::Chromium;
use peers::*;
use programs::{Program, ServerProgram, client_with_pipe};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Clients. Each sends texts and compares what comes back; `ok` at the end.
const WEBSOCKETS_CLIENT: &str = r#"
import asyncio, sys
from websockets.asyncio.client import connect
TEXTS = ["", "hello", "caf\u00e9 " * 50, "[1, 2, 3], " * 9000, "hello"]
async def main():
    async with connect(sys.argv[1]) as socket:
        for text in TEXTS:
            await socket.send(text)
            assert await socket.recv() == text
        await socket.send(["in ", "three ", "fragments"])
        assert await socket.recv() == "in three fragments"
        await (await socket.ping("awake?"))
    print("ok")
asyncio.run(main())
"#;

const AIOHTTP_CLIENT: &str = r#"
import asyncio, sys, aiohttp
TEXTS = ["", "hello", "caf\u00e9 " * 50, "[1, 2, 3], " * 9000, "hello"]
async def main():
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(sys.argv[1], compress=15) as socket:
            for text in TEXTS:
                await socket.send_str(text)
                assert await socket.receive_str() == text
    print("ok")
asyncio.run(main())
"#;

const TORNADO_CLIENT: &str = r#"
import asyncio, sys
from tornado.websocket import websocket_connect
TEXTS = ["", "hello", "caf\u00e9 " * 50, "[1, 2, 3], " * 9000, "hello"]
async def main():
    socket = await websocket_connect(sys.argv[1], compression_options={})
    for text in TEXTS:
        await socket.write_message(text)
        assert await socket.read_message() == text
    socket.close(1000, "enough")
    assert await socket.read_message() is None
    print("ok")
asyncio.run(main())
"#;

const NODE_CLIENT: &str = r#"
const { WebSocket } = require("ws");
const texts = ["", "hello", "caf\u00e9 ".repeat(50), "[1, 2, 3], ".repeat(9000), "hello"];
const socket = new WebSocket(process.argv[2]);
let next = 0;
const send = () => next < texts.length ? socket.send(texts[next]) : socket.close(1000, "enough");
socket.on("open", send);
socket.on("message", data => {
    if (String(data) !== texts[next]) process.exit(3);
    next += 1;
    send();
});
socket.on("close", () => console.log("ok"));
"#;

const TORNADO: &str = r#"
import asyncio, sys
from tornado.web import Application
from tornado.websocket import WebSocketHandler
class Echo(WebSocketHandler):
    def get_compression_options(self):
        return {}
    def on_message(self, message):
        self.write_message(message)
async def main():
    Application([("/", Echo)]).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()
asyncio.run(main())
"#;

const UNDICI_CLIENT: &str = r#"
const { WebSocket } = require("undici");
const texts = ["", "hello", "caf\u00e9 ".repeat(50), "[1, 2, 3], ".repeat(9000), "hello"];
const socket = new WebSocket(process.argv[2]);
let next = 0;
const send = () => next < texts.length ? socket.send(texts[next]) : socket.close(1000, "enough");
socket.onopen = send;
socket.onmessage = event => {
    if (event.data !== texts[next]) process.exit(3);
    next += 1;
    send();
};
socket.onclose = () => console.log("ok");
"#;

/// The program `wscat` sends one text and prints what comes back. It ends when its input does.
const WSCAT_CLIENT: &str = r#"
const { execFile } = require("child_process");
const { dirname } = require("path");
const wscat = dirname(require.resolve("wscat/package.json")) + "/bin/wscat";
const text = "caf\u00e9 ".repeat(50);
const args = [wscat, "-c", process.argv[2], "-x", text, "-w", "1"];
execFile("node", args, (error, printed) => console.log(printed.includes(text) ? "ok" : printed));
"#;

/// `ws` agrees on compression only if it is told to. Its page has a conversation of its own.
const NODE_DEFLATE: &str = r#"
const http = require("http");
const { WebSocketServer } = require("ws");
const page = http.createServer((request, response) => {
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.end(`<title>page</title><script>
const socket = new WebSocket("ws://" + location.host + "/");
const texts = ["hello", "caf\u00e9 ".repeat(50), "[1, 2, 3], ".repeat(9000)];
let right = 0;
socket.onopen = () => texts.forEach(text => socket.send(text));
socket.onmessage = event => {
    right += event.data === texts[right];
    if (right === texts.length) socket.close(4001, right + " right");
};
</script>`);
});
new WebSocketServer({ server: page, perMessageDeflate: true }).on("connection", socket =>
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })));
page.listen(Number(process.argv[2]), "127.0.0.1");
"#;

/// Starts the servers, each with its name.
fn servers() -> Vec<(&'static str, (Peer, u16))> {
    let uvicorn = [
        "-m",
        "uvicorn",
        "--app-dir",
        "FOLDER",
        "--port",
        "PORT",
        "app:app",
    ];
    vec![
        ("websockets", python("websockets_echo.py", WEBSOCKETS)),
        ("aiohttp", python("aiohttp_echo.py", AIOHTTP)),
        ("tornado", python("tornado_echo.py", TORNADO)),
        ("uvicorn", asgi(&uvicorn)),
        ("ws", node_deflate()),
    ]
}

fn node_deflate() -> (Peer, u16) {
    peer("node", &[&file("deflate.js", NODE_DEFLATE), "PORT"])
}

/// The tap in front of a server, and its port.
fn tap(target: u16) -> (Program, u16) {
    let target = format!("127.0.0.1:{target}");
    let wire = env!("CARGO_BIN_EXE_wire");
    let program = Program::start(wire, &["tap", "127.0.0.1:0", &target]);
    let line = program.line();
    let port = line.split([':', ',']).nth(1).unwrap().parse().unwrap();
    (program, port)
}

/// What the tap showed up to the end of its first WebSocket.
fn account(tap: &Program) -> String {
    let mut account = String::new();
    while !account.contains("state CLOSED") {
        account += &tap.line();
        account.push('\n');
    }
    account
}

fn assert_true(name: &str, account: &str) {
    assert!(!account.contains("VIOLATION"), "{name}\n{account}");
    assert!(!account.contains("not frames"), "{name}\n{account}");
    assert!(!account.contains("is not known"), "{name}\n{account}");
    let texts = ["text     \"hello\"", "text     \"caf\u{e9} "];
    let is_read = texts.iter().any(|text| account.contains(text));
    assert!(
        is_read && account.contains("  inflated"),
        "{name}\n{account}"
    );
    for what in ["permessage-deflate", "RSV1: compressed", "state OPEN"] {
        assert!(account.contains(what), "{name}: no {what}\n{account}");
    }
    for closes in ["client -> server  Close", "client <- server  Close"] {
        assert_eq!(account.matches(closes).count(), 1, "{name}\n{account}");
    }
}

/// Every client talks to this path of a server, through a tap.
fn meet_every_client(server: &str, target: u16, path: &str) {
    let python = packages().join("bin/python");
    let python = python.to_str().unwrap();
    let clients = [
        ("websockets", python, file("c1.py", WEBSOCKETS_CLIENT)),
        ("aiohttp", python, file("c2.py", AIOHTTP_CLIENT)),
        ("tornado", python, file("c3.py", TORNADO_CLIENT)),
        ("ws", "node", file("c4.js", NODE_CLIENT)),
        ("undici", "node", file("c5.js", UNDICI_CLIENT)),
        ("wscat", "node", file("c6.js", WSCAT_CLIENT)),
    ];
    for (client, program, script) in &clients {
        let name = format!("{client} -> {server}");
        let (tap, port) = tap(target);
        let output = Command::new(program)
            .args([script, &format!("ws://127.0.0.1:{port}{path}")])
            .env("NODE_PATH", packages().join("node_modules"))
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.stdout, b"ok\n", "{name}: {errors}");
        let account = account(&tap);
        assert_true(&name, &account);
        println!("{name}: {} lines, no violation", account.lines().count());
    }
}

#[test]
#[ignore = "needs packages of Python and Node.js (see tests/kit/peers.rs)"]
fn the_tap_accuses_no_pair_and_shows_each_close() {
    for (server, (_running, port)) in servers() {
        meet_every_client(server, port, "/");
    }
}

#[test]
#[ignore = "needs packages of Python and Node.js (see tests/kit/peers.rs)"]
fn this_server_and_every_client_agree_on_compression() {
    let server = ServerProgram::start(&[]);
    meet_every_client("rfc6455", server.port, "/echo?deflate");
}

#[test]
#[ignore = "needs packages of Python and Node.js (see tests/kit/peers.rs)"]
fn this_client_and_every_server_agree_on_compression() {
    let mut lines: Vec<String> = (1..=300).map(|number| format!("line {number}")).collect();
    lines.extend([
        "hello".to_owned(),
        "caf\u{e9} ".repeat(20_000),
        "hello".to_owned(),
    ]);
    for (server, (_running, port)) in servers() {
        let name = format!("rfc6455 -> {server}");
        let (tap, port) = tap(port);
        let url = format!("ws://127.0.0.1:{port}/");
        let (client, mut pipe) = client_with_pipe(&["--deflate", &url]);
        pipe.write_all(format!("{}\n", lines.join("\n")).as_bytes())
            .unwrap();
        drop(pipe);
        let (code, answers, errors) = client.finish();
        assert_eq!(code, Some(0), "{name}: {errors:?}");
        assert!(answers == lines, "{name}: {} answers", answers.len());
        let account = account(&tap);
        assert_true(&name, &account);
        println!("{name}: {} lines, no violation", account.lines().count());
    }
}

fn assert_the_page(name: &str, account: &str) {
    assert!(account.contains("<title>page</title>"), "{account}");
    assert!(account.contains("3 right"), "{account}");
    assert_true(name, account);
}

#[test]
#[ignore = "needs Chromium and ws (see tests/kit/peers.rs)"]
fn the_tap_does_not_accuse_chromium() {
    let (_server, port) = node_deflate();
    let (tap, port) = tap(port);
    let _chromium = Chromium::open(&format!("http://127.0.0.1:{port}/"), 800, 600);
    assert_the_page("Chromium -> ws", &account(&tap));
}

#[test]
#[ignore = "needs Firefox and ws (see tests/kit/peers.rs)"]
fn the_tap_does_not_accuse_firefox() {
    let (_server, port) = node_deflate();
    let (tap, port) = tap(port);
    let _firefox = firefox(&format!("http://127.0.0.1:{port}/"));
    assert_the_page("Firefox -> ws", &account(&tap));
}

/// Firefox with a new profile. It ends with the value.
fn firefox(page: &str) -> Program {
    let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join("firefox");
    let _ = fs::remove_dir_all(&profile);
    fs::create_dir_all(&profile).unwrap();
    let process = Command::new("firefox-esr")
        .args(["--headless", "--no-remote", "--profile"])
        .args([profile.as_os_str(), page.as_ref()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("firefox-esr");
    Program::of(process)
}
