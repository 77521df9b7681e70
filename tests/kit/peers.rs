//! Servers that people have, started at their defaults.
//!
//! They need packages of Python and of Node.js: `python3 -m venv target/peers`,
//! `target/peers/bin/pip install websockets uvicorn hypercorn aiohttp tornado`,
//! `npm install --prefix target/peers ws undici@6 wscat`.
#![allow(dead_code)]

use crate::programs::{self, Program};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{fs, thread};

/// Echo servers. The port is their first argument, or stands for PORT.
pub const WEBSOCKETS: &str = r#"
import asyncio, sys
from websockets.asyncio.server import serve
async def echo(socket):
    async for message in socket:
        await socket.send(message)
async def main():
    async with serve(echo, "127.0.0.1", int(sys.argv[1])):
        await asyncio.get_running_loop().create_future()
asyncio.run(main())
"#;

pub const AIOHTTP: &str = r#"
import sys
from aiohttp import web
async def echo(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket
app = web.Application()
app.add_routes([web.get("/", echo)])
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]))
"#;

pub const ASGI: &str = r#"
async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    while True:
        event = await receive()
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif event["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"]})
        else:
            return
"#;

pub const NODE: &str = r#"
const { WebSocketServer } = require("ws");
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]) });
server.on("connection", socket =>
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })));
"#;

pub fn packages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers")
}

/// Writes a program; its path.
pub fn file(name: &str, text: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

pub fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

/// A running server. At its end it gets SIGTERM, because hypercorn has worker processes, and ends
/// them itself.
pub struct Peer(pub Program);

impl Drop for Peer {
    fn drop(&mut self) {
        let process = &mut self.0.process;
        let _ = Command::new("kill").arg(process.id().to_string()).status();
        let deadline = Instant::now() + programs::PATIENCE;
        while matches!(process.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(programs::PATIENCE / 1000);
        }
    }
}

/// Starts a server and waits until it accepts. PORT in its arguments is a free port.
pub fn peer(program: &str, args: &[&str]) -> (Peer, u16) {
    let port = free_port();
    let args: Vec<_> = args
        .iter()
        .map(|arg| arg.replace("PORT", &port.to_string()))
        .collect();
    let process = Command::new(program)
        .args(args)
        .env("NODE_PATH", packages().join("node_modules"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; see the first lines of this file"));
    let mut server = Program::of(process);
    let deadline = Instant::now() + programs::PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if server.process.try_wait().unwrap().is_some() {
            let (_, _, stderr) = server.finish();
            panic!("{program} ends: {stderr:?}");
        }
        assert!(Instant::now() < deadline, "{program} does not start");
        thread::sleep(programs::PATIENCE / 1000);
    }
    (Peer(server), port)
}

/// A server in Python.
pub fn python(name: &str, text: &str) -> (Peer, u16) {
    let python = packages().join("bin/python");
    peer(python.to_str().unwrap(), &[&file(name, text), "PORT"])
}

/// A server that takes an ASGI application.
pub fn asgi(args: &[&str]) -> (Peer, u16) {
    let app = file("app.py", ASGI);
    let folder = Path::new(&app).parent().unwrap().to_str().unwrap();
    let python = packages().join("bin/python");
    let args: Vec<_> = args
        .iter()
        .map(|arg| arg.replace("FOLDER", folder))
        .collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    peer(python.to_str().unwrap(), &args)
}
