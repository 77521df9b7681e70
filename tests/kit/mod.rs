//! What the tests are made with: a stream in memory, frames written without the library's help,
//! and a record of what a connection makes of what it reads.

#![allow(dead_code)] // No test uses all of it.

use rfc6455::{Any, Closed, Config, Entropy, Error, Message, Role, Violation, WebSocket};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

/// The masking key of the examples in §5.7.
pub const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub const FIN: u8 = 0x80;
pub const CONTINUATION: u8 = 0x0;
pub const TEXT: u8 = 0x1;
pub const BINARY: u8 = 0x2;
pub const CLOSE: u8 = 0x8;
pub const PING: u8 = 0x9;
pub const PONG: u8 = 0xA;

/// A frame as the RFC draws it: `first` is the first byte, the length form the shortest.
pub fn frame(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mask = if key.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(mask + length as u8),
        length @ 126..=65535 => {
            bytes.push(mask + 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(mask + 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    match key {
        None => bytes.extend(payload),
        Some(key) => {
            bytes.extend(key);
            bytes.extend(
                payload
                    .iter()
                    .enumerate()
                    .map(|(i, byte)| byte ^ key[i % 4]),
            );
        }
    }
    bytes
}

/// A frame that the peer of this role sends: masked if that is a client.
pub fn frame_for(receiver: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    match receiver {
        Role::Server => frame(first, Some(KEY), payload),
        Role::Client => frame(first, None, payload),
    }
}

/// A frame that this role sends, with the key that the tests' source of keys gives.
pub fn frame_from(sender: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    match sender {
        Role::Client => frame(first, Some(KEY), payload),
        Role::Server => frame(first, None, payload),
    }
}

/// The body of a Close frame.
pub fn close_body(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

/// The defaults, with the keys of the RFC's examples.
pub fn config() -> Config {
    Config {
        entropy: || Entropy::scripted(&KEY),
        ..Config::default()
    }
}

/// A stream in memory. What is read was scripted and comes in pieces; then it ends. What is
/// written is kept.
#[derive(Debug)]
pub struct Script {
    input: Vec<u8>,
    at: usize,
    /// Where reads stop, in ascending order.
    cuts: Vec<usize>,
    sent: Sent,
}

/// What was written to a [`Script`].
#[derive(Clone, Debug, Default)]
pub struct Sent(Arc<Mutex<Vec<u8>>>);

impl Sent {
    /// What has been written since the last call.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Script {
    pub fn new(input: impl Into<Vec<u8>>) -> (Any<Script>, Sent) {
        Script::cut(input, vec![])
    }

    pub fn cut(input: impl Into<Vec<u8>>, cuts: Vec<usize>) -> (Any<Script>, Sent) {
        let sent = Sent::default();
        let script = Script {
            input: input.into(),
            at: 0,
            cuts,
            sent: sent.clone(),
        };
        (Any(script), sent)
    }
}

impl Read for Script {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let cut = self.cuts.iter().find(|&&cut| cut > self.at);
        let end = cut.map_or(self.input.len(), |&cut| cut.min(self.input.len()));
        let mut piece = &self.input[self.at..end];
        let count = piece.read(room)?;
        self.at += count;
        Ok(count)
    }
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sent.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An open connection that will read `input`, and then the end of the stream.
pub fn open(role: Role, input: impl Into<Vec<u8>>) -> (WebSocket<Any<Script>>, Sent) {
    let (stream, sent) = Script::new(input);
    let socket = WebSocket::after_handshake(stream, role, &config()).unwrap();
    (socket, sent)
}

/// One thing that a connection gave its user.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Text(String),
    Binary(Vec<u8>),
    /// `read` returned `None`.
    Closed(Closed),
    /// `read` failed: the peer broke a rule.
    Violation(Violation),
    /// `read` failed: no Close came.
    Lost(Closed),
}

/// Everything a connection makes of `input`, arriving in pieces that end at `cuts`: what its user
/// sees, and what it sends.
pub fn conversation(role: Role, input: &[u8], cuts: Vec<usize>) -> (Vec<Seen>, Vec<u8>) {
    let (stream, sent) = Script::cut(input, cuts);
    let mut socket = WebSocket::after_handshake(stream, role, &config()).unwrap();
    let mut seen = Vec::new();
    loop {
        seen.push(match socket.read() {
            Ok(Some(Message::Text(text))) => Seen::Text(text.to_owned()),
            Ok(Some(Message::Binary(bytes))) => Seen::Binary(bytes.to_vec()),
            Ok(None) => Seen::Closed(socket.closed()),
            Err(Error::Violation(violation)) => Seen::Violation(violation),
            Err(Error::Closed(closed)) => Seen::Lost(closed),
            Err(error) => panic!("{error}"),
        });
        if matches!(
            seen.last(),
            Some(Seen::Closed(_) | Seen::Violation(_) | Seen::Lost(_))
        ) {
            return (seen, sent.take());
        }
    }
}

/// The first thing a connection makes of `input`.
pub fn first_seen(role: Role, input: &[u8]) -> Seen {
    conversation(role, input, vec![]).0.swap_remove(0)
}

/// What a connection that is failed with `violation` sends: one Close, with its code.
pub fn assert_fails(role: Role, input: &[u8], violation: Violation) {
    let (seen, sent) = conversation(role, input, vec![]);
    assert_eq!(
        seen.last(),
        Some(&Seen::Violation(violation)),
        "{input:02x?}"
    );
    let reason = &violation.to_string();
    let reason = &reason[..reason.floor_char_boundary(123)];
    let close = close_body(violation.close_code().0, reason);
    assert!(
        sent.ends_with(&frame_from(role, FIN | CLOSE, &close)),
        "the Close for {violation} was not sent: {sent:02x?}"
    );
}

/// Both roles, for the twins of a rule.
pub const ROLES: [Role; 2] = [Role::Client, Role::Server];
