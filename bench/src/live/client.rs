//! Opening handshakes as a small client makes them, many at a time.

use super::server::COMPRESSED;
use std::io::{Error, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

/// What is offered for a path that asks for compression, and what the servers answer. Each message
/// begins with an empty window, so that the same message is compressed in the same way each time.
pub const EXTENSION: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// So many are under way at once: fewer than a listener's queue holds.
const AT_ONCE: usize = 64;

/// Connections that are open and have nothing in their buffers.
pub fn connect(address: SocketAddr, path: &str, count: usize) -> Result<Vec<TcpStream>> {
    let mut open = Vec::with_capacity(count);
    while open.len() < count {
        let batch = AT_ONCE.min(count - open.len());
        open.extend(connect_batch(address, path, batch)?);
    }
    Ok(open)
}

fn connect_batch(address: SocketAddr, path: &str, count: usize) -> Result<Vec<TcpStream>> {
    let extension = match path.ends_with(COMPRESSED) {
        true => format!("Sec-WebSocket-Extensions: {EXTENSION}\r\n"),
        false => String::new(),
    };
    let request = format!(
        "GET {path} HTTP/1.1\r\n\
         Host: {address}\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n\
         {extension}\
         \r\n"
    );
    let asked: Result<Vec<TcpStream>> = (0..count).map(|_| ask(address, &request)).collect();
    asked?
        .into_iter()
        .map(|stream| match read_answer(&stream) {
            Ok(()) => Ok(stream),
            // The places of those that have just gone may not be free yet.
            Err(_) => ask_again(address, &request),
        })
        .collect()
}

fn ask(address: SocketAddr, request: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

fn ask_again(address: SocketAddr, request: &str) -> Result<TcpStream> {
    let mut result = Err(Error::other("not asked"));
    for _ in 0..50 {
        thread::sleep(Duration::from_millis(100));
        let stream = ask(address, request)?;
        result = read_answer(&stream).map(|()| stream);
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Nothing comes behind the head: servers that echo do not speak first.
fn read_answer(mut stream: &TcpStream) -> Result<()> {
    let mut head = Vec::new();
    let mut room = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut room)? {
            0 => return Err(Error::other("the server hung up in the handshake")),
            count => head.extend(&room[..count]),
        }
    }
    match head.starts_with(b"HTTP/1.1 101") {
        true => Ok(()),
        false => Err(Error::other(String::from_utf8_lossy(&head).into_owned())),
    }
}
