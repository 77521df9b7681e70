//! The client in a pipe against the servers that people have, at their defaults.
//!
//! Also a server that sends 103 (Early Hints) first, a chunked 503, and a name whose first address
//! is dead.
//!
//! Needs packages of Python and of Node.js: `python3 -m venv target/peers`,
//! `target/peers/bin/pip install websockets uvicorn hypercorn aiohttp`,
//! `npm install --prefix target/peers ws`; then `cargo test -- --include-ignored`.

#[path = "kit/peers.rs"]
mod kit;
#[path = "kit/programs.rs"]
mod programs;

use kit::*;
use std::io::{Read, Write};
use std::net::{TcpListener, ToSocketAddrs};
use std::process::{Command, Stdio};
use std::thread;

/// The client with these lines in a pipe: its exit code, its output, its errors.
fn client(url: &str, lines: &str) -> (Option<i32>, Vec<String>, Vec<String>) {
    let (program, mut pipe) = programs::client_with_pipe(&[url]);
    let lines = lines.to_owned();
    let writer = thread::spawn(move || {
        let _ = pipe.write_all(lines.as_bytes());
    });
    let seen = program.finish();
    writer.join().unwrap();
    seen
}

/// Every line comes back, and the exit code is 0.
fn converse(name: &str, port: u16) {
    let mut lines: Vec<String> = (1..=300).map(|number| format!("line {number}")).collect();
    lines.push("\u{e4}\u{4f8b}".repeat(40_000));
    let url = format!("ws://127.0.0.1:{port}/");
    let input = format!("{}\n", lines.join("\n"));
    let (code, stdout, stderr) = client(&url, &input);
    println!("{name}: {} answers, exit code {code:?}", stdout.len());
    assert_eq!(code, Some(0), "{name}: {stderr:?}");
    assert!(stdout == lines, "{name}: {:?}", stdout.first());
}

#[test]
#[ignore = "needs websockets (target/peers/bin/pip install websockets)"]
fn every_answer_of_python_websockets_arrives() {
    let (_server, port) = python("websockets_echo.py", WEBSOCKETS);
    converse("websockets", port);
}

#[test]
#[ignore = "needs aiohttp (target/peers/bin/pip install aiohttp)"]
fn every_answer_of_aiohttp_arrives() {
    let (_server, port) = python("aiohttp_echo.py", AIOHTTP);
    converse("aiohttp", port);
}

#[test]
#[ignore = "needs uvicorn (target/peers/bin/pip install websockets uvicorn)"]
fn every_answer_of_uvicorn_arrives() {
    let (_server, port) = asgi(&[
        "-m",
        "uvicorn",
        "--app-dir",
        "FOLDER",
        "--port",
        "PORT",
        "app:app",
    ]);
    converse("uvicorn", port);
}

#[test]
#[ignore = "needs hypercorn (target/peers/bin/pip install hypercorn)"]
fn every_answer_of_hypercorn_arrives() {
    let (_server, port) = asgi(&[
        "-m",
        "hypercorn",
        "--bind",
        "127.0.0.1:PORT",
        "FOLDER/app.py:app",
    ]);
    converse("hypercorn", port);
}

#[test]
#[ignore = "needs ws (npm install --prefix target/peers ws)"]
fn every_answer_of_ws_of_node_arrives() {
    let (_server, port) = peer("node", &[&file("ws_echo.js", NODE), "PORT"]);
    converse("ws", port);
}

/// A server that reads a request and gives this answer, for each connection. `KEY` in the answer is
/// what belongs to the key of the request. The frames follow.
fn server_that_answers(listener: TcpListener, answer: &'static str, frames: &'static [u8]) {
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
                request.push(byte[0]);
            }
            let request = String::from_utf8(request).unwrap();
            let key = request
                .split("Sec-WebSocket-Key: ")
                .nth(1)
                .unwrap_or_default();
            let key = key.lines().next().unwrap_or_default();
            let accept = rfc6455::opening::accept_for(key);
            let head = answer.replace("KEY", &accept);
            stream
                .write_all(&[head.as_bytes(), frames].concat())
                .unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
}

/// An opening behind an interim response.
const OPENS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n\
    HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: KEY\r\n\r\n";

/// The message "hi", and a Close with 1000 and "bye".
const HI: &[u8] = b"\x81\x02hi\x88\x05\x03\xe8bye";

#[test]
fn the_client_skips_early_hints() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    server_that_answers(listener, OPENS, HI);
    let (code, stdout, stderr) = client(&format!("ws://127.0.0.1:{port}/"), "");
    assert_eq!(code, Some(0), "{stderr:?}");
    assert_eq!(stdout, ["hi", "bye"]);
}

#[test]
fn the_client_shows_what_a_chunked_503_says() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    server_that_answers(
        listener,
        "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n\
         1f\r\nthe server is full, come later\n\r\n0\r\n\r\n",
        b"",
    );
    let (code, stdout, stderr) = client(&format!("ws://127.0.0.1:{port}/"), "");
    assert_eq!((code, &stdout[..]), (Some(1), &[][..]));
    let says = "503 Service Unavailable: the server is full, come later;";
    assert!(stderr.concat().contains(says), "{stderr:?}");
}

/// Runs in name spaces of its own: a hosts file in which the first address of a name is dead. It
/// stands on a link without a neighbour, so no answer comes, not even a refusal.
const DUAL_STACK: &str = r#"
set -e
ip link set lo up
ip link add dead type veth peer name other
ip link set dead up
ip link set other up
ip -6 addr add 2001:db8::1/64 dev dead nodad
printf '2001:db8::2 dual.example\n127.0.0.1 dual.example\n' >"$1"
mount --bind "$1" /etc/hosts
exec "$2" --exact inside_the_name_space --ignored --nocapture
"#;

/// The command that starts a program in a network and a mount name space: as root, or else with a
/// user name space. `None`: this machine refuses both.
fn unshare() -> Option<Command> {
    for user in [&[][..], &["--user", "--map-root-user"]] {
        let command = || {
            let mut command = Command::new("unshare");
            command.args(user).args(["--net", "--mount"]);
            command
        };
        let status = command().arg("true").stderr(Stdio::null()).status();
        let status = status.expect("unshare (apt-get install util-linux)");
        if status.success() {
            return Some(command());
        }
    }
    None
}

#[test]
#[ignore = "needs name spaces (unshare, ip: apt-get install util-linux iproute2)"]
fn a_name_whose_first_address_is_dead_is_reached_at_its_second_one() {
    let Some(mut unshare) = unshare() else {
        // The harness hides what a test prints that passes, but not what it writes here.
        let line = b"NOT TESTED: a dead first address; this machine refuses `unshare`\n";
        return std::io::stderr().write_all(line).unwrap();
    };
    let hosts = file("hosts", "");
    let this = std::env::current_exe().unwrap();
    let status = unshare
        .args(["sh", "-c", DUAL_STACK, "sh", &hosts])
        .arg(this)
        .env("IN_NAME_SPACE", "1")
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
#[ignore = "needs a_name_whose_first_address_is_dead_is_reached_at_its_second_one, which runs it"]
fn inside_the_name_space() {
    if std::env::var_os("IN_NAME_SPACE").is_none() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    server_that_answers(listener, OPENS, HI);
    let addresses: Vec<_> = ("dual.example", port).to_socket_addrs().unwrap().collect();
    assert!(
        addresses[0].is_ipv6() && addresses[1].is_ipv4(),
        "{addresses:?}"
    );
    let (code, stdout, stderr) = client(&format!("ws://dual.example:{port}/"), "");
    assert_eq!(code, Some(0), "{stderr:?}");
    assert_eq!(stdout, ["hi", "bye"]);
    println!("dual.example: reached at 127.0.0.1 behind 2001:db8::2");
}
