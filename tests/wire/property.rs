//! A property: the observer's account of a conversation is what its two ends did, whatever they do
//! and however the bytes are cut on their way.
//!
//! A conversation is made at random: requests with and without bodies, interim responses, HEAD, then
//! perhaps a WebSocket with or without an extension, and its frames. Each step notes what it does.

use crate::kit::*;
use crate::support::Numbers;
use rfc6455::Window;
use rfc6455::compression::Deflater;
use rfc6455::opening::accept_for;
use rfc6455::trace::{Answer, Event, Observer};
use rfc6455::{Role, State};

/// What both ends did, and what they sent.
#[derive(Default)]
struct Conversation {
    did: Vec<String>,
    sent: Vec<(Role, Vec<u8>)>,
}

impl Conversation {
    fn step(&mut self, from: Role, did: String, bytes: impl Into<Vec<u8>>) {
        self.did.push(did);
        self.sent.push((from, bytes.into()));
    }

    /// A body of this many bytes: the field that announces it, and its bytes.
    fn body(numbers: &mut Numbers, length: usize) -> (String, Vec<u8>) {
        // Bytes that look like something else.
        let content: Vec<u8> = (0..length)
            .map(|_| b"\r\n\r\nGET / HTTP/1.1\x81\x05\x00\xff"[numbers.below(22)])
            .collect();
        if numbers.below(2) == 0 {
            return (format!("Content-Length: {length}\r\n"), content);
        }
        let mut chunks = Vec::new();
        let mut rest = &content[..];
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(1 + numbers.below(rest.len()));
            chunks.extend(format!("{:x};a=b\r\n", chunk.len()).bytes());
            chunks.extend(chunk);
            chunks.extend(b"\r\n");
            rest = behind;
        }
        chunks.extend(b"0\r\nTrailer: x\r\n\r\n");
        ("Transfer-Encoding: chunked\r\n".to_owned(), chunks)
    }

    /// A request that opens no WebSocket, and its response.
    fn exchange(&mut self, numbers: &mut Numbers) {
        let method = ["GET", "POST", "HEAD", "PUT", "OPTIONS"][numbers.below(5)];
        let length = [0, 1, 40, 300][numbers.below(4)];
        let (field, body) = match length {
            0 => (String::new(), Vec::new()),
            length => Conversation::body(numbers, length),
        };
        let empty_lines = "\r\n".repeat(numbers.below(2));
        let head = format!("{empty_lines}{method} /x HTTP/1.1\r\nHost: h\r\n{field}\r\n");
        self.step(Role::Client, format!("request {method}"), head);
        if length > 0 {
            self.step(Role::Client, format!("body {length}"), body);
        }
        for _ in 0..numbers.below(3) {
            let status = [100, 102, 103][numbers.below(3)];
            let head = format!("HTTP/1.1 {status} x\r\nLink: y\r\n\r\n");
            self.step(Role::Server, format!("interim {status}"), head);
        }
        let status = [200, 204, 304, 401, 404, 503][numbers.below(6)];
        let length = [0, 1, 40, 300][numbers.below(4)];
        let (field, body) = match length {
            0 => ("Content-Length: 0\r\n".to_owned(), Vec::new()),
            length => Conversation::body(numbers, length),
        };
        let head = format!("HTTP/1.1 {status} x\r\n{field}\r\n");
        self.step(Role::Server, format!("response {status}"), head);
        // These have no body, whatever their fields say.
        if length > 0 && method != "HEAD" && !matches!(status, 204 | 304) {
            self.step(Role::Server, format!("body {length}"), body);
        }
    }

    /// An opening handshake, and frames in both directions.
    fn websocket(&mut self, numbers: &mut Numbers) {
        const NONCE: &str = "dGhlIHNhbXBsZSBub25jZQ==";
        let extension = ["", "permessage-deflate", "permessage-bzip2"][numbers.below(3)];
        let field = match extension {
            "" => String::new(),
            name => format!("Sec-WebSocket-Extensions: {name}\r\n"),
        };
        self.step(
            Role::Client,
            "opening".to_owned(),
            format!(
                "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Key: {NONCE}\r\nSec-WebSocket-Version: 13\r\n{field}\r\n"
            ),
        );
        let accept = accept_for(NONCE);
        self.step(
            Role::Server,
            "open".to_owned(),
            format!(
                "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: {accept}\r\n{field}\r\n"
            ),
        );
        let mut inside = [Inside::Nothing; 2];
        let mut deflaters = [Window::LARGEST; 2].map(|window| Deflater::new(window, 6));
        for _ in 0..numbers.below(12) {
            let from = [Role::Client, Role::Server][numbers.below(2)];
            let side = usize::from(from == Role::Server);
            let deflater = (extension == "permessage-deflate").then_some(&mut deflaters[side]);
            self.frame(numbers, from, &mut inside[side], extension, deflater);
        }
    }

    fn frame(
        &mut self,
        numbers: &mut Numbers,
        from: Role,
        inside: &mut Inside,
        extension: &str,
        deflater: Option<&mut Deflater>,
    ) {
        let control = numbers.below(4) == 0;
        let fin = control || numbers.below(2) == 0;
        let begins = *inside == Inside::Nothing;
        let opcode = match (control, begins) {
            (true, _) => [PING, PONG][numbers.below(2)],
            (false, false) => CONTINUATION,
            (false, true) => [TEXT, BINARY][numbers.below(2)],
        };
        let rsv1 = !extension.is_empty() && !control && begins && numbers.below(2) == 0;
        let message = match *inside {
            Inside::Nothing if rsv1 || extension == "permessage-bzip2" => Inside::OfExtension,
            Inside::Nothing => Inside::Plain,
            same => same,
        };
        if !control {
            *inside = if fin { Inside::Nothing } else { message };
        }
        let length = [0, 1, 5, 125, 126, 300][numbers.below(if control { 4 } else { 6 })];
        let payload = match (message, deflater) {
            (Inside::OfExtension, Some(deflater)) if !control => {
                let word = [b'x', b'y', b'z'][numbers.below(3)];
                let mut compressed = Vec::new();
                deflater.deflate(&vec![word; length], &mut compressed);
                if !fin {
                    compressed.extend([0, 0, 0xff, 0xff]);
                }
                compressed
            }
            // What belongs to another extension need not be UTF-8.
            (Inside::OfExtension, None) if !control => vec![0xff; length],
            _ => vec![b'x'; length],
        };
        let length = payload.len();
        let first = opcode | if fin { FIN } else { 0 } | if rsv1 { 0x40 } else { 0 };
        let key = (from == Role::Client).then_some(KEY);
        let did = format!("frame {first:02x} {length}");
        self.step(from, did, frame(first, key, &payload));
    }
}

/// The message that one side has begun.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Nothing,
    Plain,
    OfExtension,
}

/// What the observer says that the ends did.
fn account(sent: &[(Role, Vec<u8>)], numbers: &mut Numbers) -> Vec<String> {
    let mut observer = Observer::new();
    let mut account = Vec::new();
    for (from, bytes) in sent {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(1 + numbers.below(rest.len()));
            observer.feed(*from, piece);
            rest = behind;
            while let Some(event) = observer.next_event() {
                account.extend(said(event));
            }
        }
    }
    account
}

fn said(event: Event) -> Option<String> {
    Some(match event {
        Event::Request { head, error: None } => match head.fields.get("Upgrade") {
            Some(_) => "opening".to_owned(),
            None => format!("request {}", head.start.method),
        },
        Event::Response {
            head,
            answer,
            error: None,
            ..
        } => match answer {
            Answer::Final => format!("response {}", head.start.status),
            Answer::Interim => format!("interim {}", head.start.status),
            Answer::WebSocket => "open".to_owned(),
            other => panic!("{other:?}"),
        },
        Event::Body(body) => format!("body {}", body.length),
        Event::Header(frame) => {
            format!("frame {:02x} {}", frame.bytes()[0], frame.header.length)
        }
        Event::Payload(_) | Event::State(State::Connecting | State::Open) => return None,
        other => panic!("nobody did that: {other:?}"),
    })
}

#[test]
fn the_account_of_a_conversation_is_what_its_ends_did() {
    let mut numbers = Numbers(7);
    for _ in 0..3000 {
        let mut conversation = Conversation::default();
        for _ in 0..numbers.below(4) {
            conversation.exchange(&mut numbers);
        }
        if numbers.below(3) > 0 {
            conversation.websocket(&mut numbers);
        }
        let account = account(&conversation.sent, &mut numbers);
        assert_eq!(account, conversation.did, "{:?}", conversation.sent);
    }
}
