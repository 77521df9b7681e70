//! The load: one thread that keeps so many messages in flight on each of many connections. It
//! sends frames made beforehand and counts the bytes that come back, so that it costs as little as
//! it can beside the server.

use super::client;
use super::server::{COMPRESSED, Kind, Server};
use crate::deflate::json;
use crate::wire::{COMPRESSED_BIT, WHOLE_TEXT, masked_frame, plain_text};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rfc6455::Window;
use rfc6455::compression::Deflater;
use rfc6455::framing::{Decoded, Header};
use std::io::{ErrorKind, Read, Result, Write};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// What is asked of a server.
pub struct Load {
    pub connections: usize,
    pub payload: usize,
    pub in_flight: usize,
    pub time: Duration,
}

/// What it did.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub per_second: f64,
    /// Nanoseconds of the server's processor time a message.
    pub cpu: f64,
}

/// Runs a load in a process of its own.
pub fn spawn(server: &Server, load: &Load) -> Outcome {
    let arguments = [
        server.address.to_string(),
        server.kind.path(load.payload),
        server.process.id().to_string(),
        load.connections.to_string(),
        load.payload.to_string(),
        load.in_flight.to_string(),
        load.time.as_millis().to_string(),
    ];
    let child = super::server::again("load", &arguments)
        .stdout(Stdio::piped())
        .spawn()
        .and_then(|child| child.wait_with_output())
        .expect("the load can be started");
    let line = String::from_utf8_lossy(&child.stdout);
    let mut numbers = line
        .split_whitespace()
        .map(|n| n.parse().unwrap_or(f64::NAN));
    let mut number = || numbers.next().unwrap_or(f64::NAN);
    Outcome {
        per_second: number(),
        cpu: number(),
    }
}

/// The other end of `spawn`: prints messages a second and the server's nanoseconds a message.
pub fn main(arguments: &[String]) -> Result<()> {
    let [address, path, process, numbers @ ..] = arguments else {
        panic!("address, path, process, connections, payload, in flight, milliseconds");
    };
    let numbers: Vec<usize> = numbers.iter().map(|n| n.parse().unwrap()).collect();
    let [connections, payload, in_flight, time] = numbers[..] else {
        panic!("connections, payload, in flight, milliseconds");
    };
    let time = Duration::from_millis(time as u64);
    let mut driver = Driver::connect(
        address.parse().unwrap(),
        path,
        connections,
        payload,
        in_flight,
    )?;

    // The first moments are not counted: threads start, buffers find their sizes.
    driver.run(time / 8)?;
    let cpu_before = super::server::processor_time(process);
    let start = Instant::now();
    let messages = driver.run(time)?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = super::server::processor_time(process) - cpu_before;
    println!(
        "{} {}",
        messages / seconds,
        cpu.as_nanos() as f64 / messages
    );
    Ok(())
}

struct Driver {
    poll: Poll,
    connections: Vec<Connection>,
    /// Frames behind each other, enough for whatever is to be sent at once.
    frames: Vec<u8>,
    frame: usize,
    answer: usize,
    in_flight: usize,
}

struct Connection {
    stream: TcpStream,
    /// Bytes.
    sent: usize,
    received: usize,
}

impl Driver {
    fn connect(
        address: SocketAddr,
        path: &str,
        count: usize,
        payload: usize,
        in_flight: usize,
    ) -> Result<Driver> {
        let text = "x".repeat(payload);
        let mut frame = masked_frame(WHOLE_TEXT, text.as_bytes());
        let mut answer = plain_text(text.as_bytes());
        if path.ends_with(COMPRESSED) {
            let text = json(0, payload);
            frame = masked_frame(WHOLE_TEXT | COMPRESSED_BIT, &deflate(&text));
            // Each server compresses in its own way, but always in the same.
            answer = compressed_answer(address, path, &frame, &text)?;
        }
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(count);
        for mut stream in client::connect(address, path, count)? {
            if connections.is_empty() && path != Kind::Floor.path(payload) {
                check(&mut stream, &frame, &answer)?;
            }
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let token = Token(connections.len());
            let interests = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, token, interests)?;
            connections.push(Connection {
                stream,
                sent: 0,
                received: 0,
            });
        }
        Ok(Driver {
            poll,
            connections,
            frames: frame.repeat(in_flight + 1),
            frame: frame.len(),
            answer: answer.len(),
            in_flight,
        })
    }

    /// Drives the connections for this time. Returns how many answers came, and which part of
    /// one more: an answer of 16 MiB takes a good part of the time.
    fn run(&mut self, time: Duration) -> Result<f64> {
        let mut events = Events::with_capacity(1024);
        let mut room = vec![0; 1 << 18];
        let before = self.received();
        let end = Instant::now() + time;
        for connection in 0..self.connections.len() {
            self.send(connection)?;
        }
        while Instant::now() < end {
            self.poll
                .poll(&mut events, Some(Duration::from_millis(50)))?;
            for event in &events {
                let Token(connection) = event.token();
                self.receive(connection, &mut room)?;
                self.send(connection)?;
            }
        }
        Ok((self.received() - before) as f64 / self.answer as f64)
    }

    /// Bytes, on all connections.
    fn received(&self) -> usize {
        self.connections.iter().map(|c| c.received).sum()
    }

    /// Counts what is there. A read that leaves room has emptied the socket, and the next bytes
    /// will be told of: so says epoll(7).
    fn receive(&mut self, connection: usize, room: &mut [u8]) -> Result<()> {
        let connection = &mut self.connections[connection];
        loop {
            match connection.stream.read(room) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    connection.received += count;
                    if count < room.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends a frame for each answer that has come, all in one write.
    fn send(&mut self, connection: usize) -> Result<()> {
        let connection = &mut self.connections[connection];
        let answers = connection.received / self.answer;
        let due = (answers + self.in_flight) * self.frame;
        while connection.sent < due {
            let from = connection.sent % self.frame;
            let bytes = &self.frames[from..from + due - connection.sent];
            match connection.stream.write(bytes) {
                Ok(count) => connection.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn deflate(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Deflater::new(Window::LARGEST.without_takeover(), 6).deflate(message, &mut out);
    out
}

/// The frame that the server echoes, if that is this text in one compressed frame.
fn compressed_answer(
    address: SocketAddr,
    path: &str,
    frame: &[u8],
    text: &[u8],
) -> Result<Vec<u8>> {
    let mut stream = client::connect(address, path, 1)?.remove(0);
    stream.write_all(frame)?;
    let mut answer = Vec::new();
    let mut room = [0; 1 << 16];
    let (header, size) = loop {
        let count = stream.read(&mut room)?;
        assert!(count > 0, "the server does not answer");
        answer.extend(&room[..count]);
        if let Ok(Decoded::Header(header, size)) = Header::decode(&answer, 0x40)
            && answer.len() as u64 >= size as u64 + header.length
        {
            break (header, size);
        }
    };
    assert!(header.rsv1 && header.fin, "the answer is not compressed");
    let mut inflated = vec![0; text.len() + 1];
    let mut inflate = zlib_rs::Inflate::new(false, 15);
    let _ = inflate.decompress(
        &answer[size..],
        &mut inflated,
        zlib_rs::InflateFlush::SyncFlush,
    );
    assert!(&inflated[..text.len()] == text, "the server does not echo");
    Ok(answer)
}

/// Nobody is quick by answering something else.
fn check(stream: &mut std::net::TcpStream, frame: &[u8], expected: &[u8]) -> Result<()> {
    let mut answer = vec![0; expected.len()];
    stream.write_all(frame)?;
    stream.read_exact(&mut answer)?;
    assert!(answer == expected, "the server does not echo");
    Ok(())
}
