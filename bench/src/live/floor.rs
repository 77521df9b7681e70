//! What the kernel and a thread a connection cost: for each read one write of as many bytes as the
//! answers to the frames received so far have. Nothing is looked at.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

pub fn serve(listener: &TcpListener) -> Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        thread::spawn(move || {
            // An error is the end of the connection.
            let _ = echo(stream);
        });
    }
}

fn echo(mut stream: TcpStream) -> Result<()> {
    let frame = shake_hands(&mut stream)?;
    // A masked frame is a key longer than its answer.
    let answer = frame - 4;
    // Large messages come in large pieces.
    let mut buffer = vec![0; if frame < 1 << 16 { 1 << 16 } else { 1 << 18 }];
    let (mut received, mut sent) = (0, 0);
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => received += count,
        }
        let mut due = received / frame * answer - sent;
        sent += due;
        while due > 0 {
            let now = due.min(buffer.len());
            stream.write_all(&buffer[..now])?;
            due -= now;
        }
    }
}

/// Says yes to anybody. Returns the size of a frame, which the path tells.
fn shake_hands(stream: &mut TcpStream) -> Result<usize> {
    let mut head = Vec::new();
    let mut room = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut room)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => head.extend(&room[..count]),
        }
    }
    let accept = "HTTP/1.1 101 Switching Protocols\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        \r\n";
    stream.write_all(accept.as_bytes())?;
    let head = String::from_utf8_lossy(&head);
    let frame = head.split_once("frame=").and_then(|(_, rest)| {
        let digits = rest.split_whitespace().next()?;
        digits.parse().ok()
    });
    frame.ok_or(ErrorKind::InvalidInput.into())
}
