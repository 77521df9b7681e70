//! `wire tap`: stands between clients and a server, and shows what passes.
//!
//! This file passes the bytes on. `tap/display.rs` shows them.

mod display;

use crate::arguments::{Argument, Arguments};
use crate::{Trouble, addresses};
use display::{Display, Seen, TappedConnection};
use rfc6455::{Role, server};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

pub const HELP: &str = "\
Stands between any client and any server, and shows on standard output what passes. It passes every
byte on unchanged, even if it breaks a rule.

Usage: wire tap LISTEN TARGET

  LISTEN  HOST:PORT where clients connect instead of the server; port 0 takes a free port
  TARGET  HOST:PORT of the server
  --help  show this text

  wire tap localhost:5051 localhost:5050
";

/// One read takes at most this many bytes.
const ROOM: usize = 64 << 10;
/// How long a connection to the server may take to open.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long to wait if a connection cannot be accepted, for example because too many files are
/// open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub fn run(mut arguments: Arguments) -> Result<ExitCode, Trouble> {
    let mut given = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Argument::Other(address) if given.len() < 2 => given.push(address),
            argument => return Err(argument.unexpected().into()),
        }
    }
    let [listen, target] = &given[..] else {
        return Err(Trouble::wrong("LISTEN and TARGET are missing"));
    };
    let (host, _) = check(listen)?;
    check(target)?;

    let cannot = |error: io::Error| Trouble::Failed(format!("cannot listen on {listen}: {error}"));
    let listeners = addresses::resolve(listen)
        .and_then(|addresses| server::listen(&addresses[..]))
        .map_err(cannot)?;
    let address = listeners[0].local_addr().map_err(cannot)?;
    let reached = addresses::reachable(address, Some(host));
    let line = format!("listening on {reached}, passing on to {target}");
    let _ = writeln!(io::stdout(), "{line}");

    let (display, shown) = Display::new();
    for listener in listeners {
        let (display, target) = (display.clone(), target.clone());
        thread::spawn(move || accept(&listener, &target, &display));
    }
    display.show(&shown);
    Ok(ExitCode::SUCCESS)
}

fn check(address: &str) -> Result<(&str, u16), Trouble> {
    let parts = addresses::split(address);
    parts.ok_or_else(|| Trouble::wrong(format!("{address} is not HOST:PORT")))
}

/// Accepts connections, for ever.
fn accept(listener: &TcpListener, target: &str, display: &Display) {
    static CONNECTIONS: AtomicU64 = AtomicU64::new(1);
    loop {
        let Ok((client, peer)) = listener.accept() else {
            thread::sleep(ACCEPT_PAUSE);
            continue;
        };
        let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        let connection = TappedConnection::new(number, display.clone());
        let target = target.to_owned();
        let pass = move || pass(client, peer, &target, &connection);
        // If no thread can be started, the connection is closed.
        let _ = thread::Builder::new().spawn(pass);
    }
}

/// Passes one connection on with two threads. This one takes what the client sends.
fn pass(client: TcpStream, peer: SocketAddr, target: &str, connection: &TappedConnection) {
    match connect(target) {
        Ok(server) => {
            connection.tell(Seen::Note(format!("{peer} connects to {target}")));
            pass_both_ways(&client, &server, connection);
        }
        Err(error) => {
            let note = format!("{peer} is turned away: cannot reach {target}: {error}");
            connection.tell(Seen::Note(note));
        }
    }
    connection.tell(Seen::Gone);
}

fn pass_both_ways(client: &TcpStream, server: &TcpStream, connection: &TappedConnection) {
    // If the system refuses this, bytes only leave later.
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    thread::scope(|scope| {
        let back = || pump(server, client, Role::Server, connection);
        // If no thread can be started, the connection is closed.
        if thread::Builder::new().spawn_scoped(scope, back).is_ok() {
            pump(client, server, Role::Client, connection);
        }
    });
}

/// Connects to the server, at the first of its addresses that accepts.
fn connect(target: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in target.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_LIMIT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Passes on what one side sends. When that side ends its direction of TCP, the other side sees
/// that too.
fn pump(mut from: &TcpStream, mut to: &TcpStream, role: Role, connection: &TappedConnection) {
    let mut room = vec![0; ROOM];
    loop {
        match from.read(&mut room) {
            Ok(0) => {
                connection.tell(Seen::Eof(role));
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(count) => {
                // The display is told first. So no answer is shown before its question.
                connection.tell(Seen::Bytes(role, room[..count].to_vec()));
                if to.write_all(&room[..count]).is_err() {
                    // The receiver is gone. The other thread sees why.
                    let _ = from.shutdown(Shutdown::Read);
                    return;
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                connection.tell(Seen::Reset(role, error));
                let _ = to.shutdown(Shutdown::Both);
                let _ = from.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}
