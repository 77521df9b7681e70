//! What the tests are made with: a stream in memory, frames written without the library's help,
//! and a record of what a connection makes of what it reads.

#![allow(dead_code)] // No test uses all of it.

use rfc6455::framing::{Decoded, Header, NO_EXTENSION};
use rfc6455::{
    Client, Closed, Config, Entropy, Error, HandshakeError, OwnedMessage, Request, Role, Tcp,
    Untimed, Violation, WebSocket, opening,
};
use std::io::{self, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

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
/// written is kept. (A clone writes to the same place, which is all that a sender needs.)
#[derive(Clone, Debug)]
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
    pub fn new(input: impl Into<Vec<u8>>) -> (Untimed<Script>, Sent) {
        Script::cut(input, vec![])
    }

    pub fn cut(input: impl Into<Vec<u8>>, cuts: Vec<usize>) -> (Untimed<Script>, Sent) {
        let sent = Sent::default();
        let script = Script {
            input: input.into(),
            at: 0,
            cuts,
            sent: sent.clone(),
        };
        (Untimed(script), sent)
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

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        pieces.iter().map(|piece| self.write(piece)).sum()
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An open connection that will read `input`, and then the end of the stream.
pub fn open(role: Role, input: impl Into<Vec<u8>>) -> (WebSocket<Untimed<Script>>, Sent) {
    let (stream, sent) = Script::new(input);
    let socket = WebSocket::after_handshake(stream, role, &[], &config()).unwrap();
    (socket, sent)
}

/// One thing that a connection gave its user.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Message(OwnedMessage),
    /// `read` returned `None`.
    Closed(Closed),
    /// `read` failed: the peer broke a rule.
    Violation(Violation),
    /// `read` failed: no Close came.
    Lost(Closed),
}

impl Seen {
    /// A text message.
    pub fn text(text: &str) -> Seen {
        Seen::Message(OwnedMessage::Text(text.to_owned()))
    }

    /// A binary message.
    pub fn binary(bytes: &[u8]) -> Seen {
        Seen::Message(OwnedMessage::Binary(bytes.to_vec()))
    }
}

/// Everything a connection makes of `input`, arriving in pieces that end at `cuts`: what its user
/// sees, and what it sends.
pub fn conversation(role: Role, input: &[u8], cuts: Vec<usize>) -> (Vec<Seen>, Vec<u8>) {
    let (stream, sent) = Script::cut(input, cuts);
    let mut socket = WebSocket::after_handshake(stream, role, &[], &config()).unwrap();
    let mut seen = Vec::new();
    loop {
        seen.push(match socket.read() {
            Ok(Some(message)) => Seen::Message(message.to_owned()),
            Ok(None) => Seen::Closed(socket.closed().unwrap()),
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

/// Two ends of a TCP connection on loopback: a WebSocket in this role, and its peer in raw bytes.
pub fn tcp(role: Role, config: &Config) -> (WebSocket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (ours, _) = listener.accept().unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let socket = WebSocket::after_handshake(Tcp::from(ours), role, &[], config).unwrap();
    (socket, peer)
}

/// Reads exactly these bytes, or fails.
pub fn expect(peer: &mut TcpStream, bytes: &[u8]) {
    let mut got = vec![0; bytes.len()];
    peer.read_exact(&mut got).unwrap();
    assert_eq!(got, bytes, "{got:02x?} instead of {bytes:02x?}");
}

/// Reads until the other end ends TCP; what came before that.
pub fn rest(peer: &mut TcpStream) -> Vec<u8> {
    let mut got = Vec::new();
    peer.read_to_end(&mut got).unwrap();
    got
}

/// The key that the tests' source of nonces makes, and the accept that belongs to it.
pub fn test_key() -> (String, String) {
    let key = opening::key_for(std::array::from_fn(|i| KEY[i % 4]));
    let accept = opening::accept_for(&key);
    (key, accept)
}

/// The response of a proper server to the tests' key, ready for changes.
pub fn proper_response() -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        test_key().1
    )
}

/// The request of §1.2 without its subprotocols, ready for changes.
pub const PROPER_REQUEST: &str = "GET /chat HTTP/1.1\r\n\
    Host: server.example.com\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Origin: http://server.example.com\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// A head without the line that begins so.
pub fn without(head: &str, line: &str) -> String {
    assert!(head.contains(line), "{line}");
    let lines = head.split_inclusive("\r\n");
    lines.filter(|each| !each.starts_with(line)).collect()
}

/// A head with something else in it.
pub fn with(head: &str, from: &str, to: &str) -> String {
    assert!(head.contains(from), "{from}");
    head.replacen(from, to, 1)
}

/// A head with one more line.
pub fn and(head: &str, line: &str) -> String {
    with(head, "\r\n\r\n", &format!("\r\n{line}\r\n\r\n"))
}

/// What a client makes of a server's response (and of what comes behind it), and what it sent.
pub fn client_against(
    client: &Client,
    response: &str,
) -> (Result<WebSocket<Untimed<Script>>, Error>, String) {
    let (stream, sent) = Script::new(response);
    let result = client.clone().config(config()).handshake(stream);
    (result, String::from_utf8(sent.take()).unwrap())
}

/// Why a client that asks for nothing special refuses a response.
pub fn client_refuses(response: &str) -> HandshakeError {
    let client = Client::new("ws://server.example.com/chat").unwrap();
    match client_against(&client, response).0 {
        Err(Error::Handshake(why)) => why,
        other => panic!("{response}\n{other:?}"),
    }
}

/// What a server makes of a request, and what it answers.
pub fn server_against(
    config: &Config,
    request: &str,
) -> (Result<WebSocket<Untimed<Script>>, Error>, String) {
    let (stream, sent) = Script::new(request);
    let result = Request::read(stream, config).and_then(Request::upgrade);
    // A connection that is dropped says so; that is not what is asked here.
    let answer = String::from_utf8_lossy(&sent.take()).into_owned();
    (result, answer)
}

/// Why a server with the defaults refuses a request; the answer has the status that fits and says
/// the same to the client.
pub fn server_refuses(request: &str) -> HandshakeError {
    let (result, answer) = server_against(&config(), request);
    let Err(Error::Handshake(why)) = result else {
        panic!("{request}\n{answer}");
    };
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {} ", why.status())),
        "{answer}"
    );
    assert!(answer.ends_with(&format!("\r\n\r\n{why}\n")), "{answer}");
    why
}

/// The header at the front of bytes that break no rule, and its size. `None`: more bytes are
/// needed.
pub fn decoded(bytes: &[u8]) -> Option<(Header, usize)> {
    match Header::decode(bytes, NO_EXTENSION) {
        Ok(Decoded::Header(header, size)) => Some((header, size)),
        Ok(Decoded::Incomplete(_)) => None,
        Err(violation) => panic!("{violation}"),
    }
}

/// One frame that was sent.
#[derive(Debug)]
pub struct SentFrame {
    pub header: Header,
    /// Unmasked.
    pub payload: Vec<u8>,
}

/// Takes bytes that were sent apart into frames; there is nothing else in them.
pub fn frames(mut bytes: &[u8]) -> Vec<SentFrame> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let (header, size) = decoded(bytes).expect("a whole header");
        let (payload, rest) = bytes[size..].split_at(header.length as usize);
        let key = header.mask.unwrap_or([0; 4]);
        let payload = payload
            .iter()
            .enumerate()
            .map(|(i, byte)| byte ^ key[i % 4])
            .collect();
        frames.push(SentFrame { header, payload });
        bytes = rest;
    }
    frames
}
