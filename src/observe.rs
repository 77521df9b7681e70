//! Read first: RFC 6455 §5.2 with its diagram, and §1.3. Then `frame.rs` and `handshake.rs`.
//!
//! An onlooker: it is told the bytes that pass between a client and a server, whoever they are, and
//! says what they are, one [`Sight`] after the other. It reads with the library's own code, so it
//! sees what the library sees; what is a violation is judged by the library, too. It knows no
//! sockets and prints nothing: `render.rs` makes text of what it sees.

use crate::buffer::Buffer;
use crate::config::Config;
use crate::error::{HandshakeError, Violation};
use crate::frame::{Header, OpCode, Role};
use crate::handshake;
use crate::http::{Head, HeadReader, RequestLine, StatusLine};
use crate::mask::mask;
use crate::message::{Event, Incoming};
use std::ops::Range;

/// So many bytes of a payload are kept to be shown.
pub const SHOWN: usize = 48;

/// One thing that was seen, and who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The client's opening handshake, or another request; and what is wrong with it.
    Request(Head<RequestLine>, Option<HandshakeError>),
    /// The server's answer, the key it answers, and what is wrong with it.
    Response(Head<StatusLine>, Option<String>, Option<HandshakeError>),
    /// What is no head, and why.
    NoHead(Role, HandshakeError),
    /// The header of a frame, at the moment it is whole.
    Header(SeenHeader),
    /// A payload, at the moment it is whole.
    Payload(SeenPayload),
    /// A rule was broken. What the sender sends from here on is not interpreted.
    Violation(SeenViolation),
    /// Bytes that are not interpreted: the body of a refusal, or what comes after a violation.
    Bytes(Role, Vec<u8>),
    /// The connection goes over to another state.
    State(SeenState),
    /// One side ended its direction of TCP; so many bytes of a frame were still missing.
    End(Role, u64),
}

/// A frame's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenHeader {
    /// Who sent it.
    pub from: Role,
    /// What it says.
    pub header: Header,
    /// The bytes that say it.
    pub bytes: Vec<u8>,
    /// Of a data frame: which message of this sender it belongs to, and which fragment of it it
    /// is, from 1; of a control frame: 0 and 0.
    pub message: u64,
    /// See `message`.
    pub fragment: u64,
}

/// A frame's payload, its first [`SHOWN`] bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPayload {
    /// Who sent it.
    pub from: Role,
    /// The header it belongs to.
    pub header: Header,
    /// Text or Binary also for a continuation of one.
    pub kind: OpCode,
    /// As it was sent.
    pub sent: Vec<u8>,
    /// As it is meant: without the mask.
    pub meant: Vec<u8>,
}

/// A broken rule, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenViolation {
    /// Who broke it.
    pub from: Role,
    /// The rule.
    pub violation: Violation,
    /// Bytes of the frame around the place, as they are meant.
    pub bytes: Vec<u8>,
    /// Which of these break it.
    pub at: Range<usize>,
}

/// The states of §4.1 and §7.1 by their names in the JavaScript API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenState {
    /// From the request on.
    Connecting,
    /// From the 101 on.
    Open,
    /// From the first Close on.
    Closing,
    /// From the end of TCP on.
    Closed,
}

/// What passes on one connection, both ways.
#[derive(Debug)]
pub struct Observer {
    client: Direction,
    server: Direction,
    state: Option<SeenState>,
    /// Of the client's handshake, for the answer.
    key: Option<String>,
    offered: Vec<String>,
    ended: Option<Role>,
}

/// What one side sends.
#[derive(Debug)]
struct Direction {
    from: Role,
    phase: Phase,
    /// Arrived, and not taken by the phase.
    pending: Vec<u8>,
    /// The library's own receiver: what it refuses is a violation.
    judge: Incoming,
    messages: u64,
    fragments: u64,
    /// Of the message whose fragments pass: its type, and the bytes of its finished fragments.
    kind: OpCode,
    before: u64,
}

#[derive(Debug)]
enum Phase {
    Request(HeadReader<RequestLine>),
    Response(HeadReader<StatusLine>),
    Header,
    Payload(Progress),
    /// Not interpreted.
    Opaque,
}

#[derive(Debug)]
struct Progress {
    header: Header,
    arrived: u64,
    sent: Vec<u8>,
    meant: Vec<u8>,
}

impl Observer {
    /// An onlooker from the opening handshake on.
    #[must_use]
    pub fn new() -> Observer {
        let config = Config::default();
        let request = Phase::Request(HeadReader::new(&config));
        let response = Phase::Response(HeadReader::new(&config));
        Observer {
            client: Direction::new(Role::Client, request),
            server: Direction::new(Role::Server, response),
            state: None,
            key: None,
            offered: Vec::new(),
            ended: None,
        }
    }

    /// One that comes when the connection is open already: frames only.
    #[must_use]
    pub fn of_frames() -> Observer {
        Observer {
            client: Direction::new(Role::Client, Phase::Header),
            server: Direction::new(Role::Server, Phase::Header),
            state: Some(SeenState::Open),
            ..Observer::new()
        }
    }

    /// These bytes passed, sent by `from`.
    pub fn bytes(&mut self, from: Role, bytes: &[u8]) -> Vec<Sight> {
        let mut sights = Vec::new();
        if self.state.is_none() {
            self.enter(SeenState::Connecting, &mut sights);
        }
        self.direction(from).pending.extend_from_slice(bytes);
        while self.step(from, &mut sights) {}
        sights
    }

    /// `by` ended its direction of TCP.
    pub fn end(&mut self, by: Role) -> Vec<Sight> {
        let mut sights = Vec::new();
        if self.ended != Some(by) && self.state != Some(SeenState::Closed) {
            let missing = match &self.direction(by).phase {
                Phase::Payload(progress) => progress.header.length - progress.arrived,
                _ => 0,
            };
            sights.push(Sight::End(by, missing));
            match self.ended {
                Some(_) => self.enter(SeenState::Closed, &mut sights),
                None => self.ended = Some(by),
            }
        }
        sights
    }

    fn direction(&mut self, from: Role) -> &mut Direction {
        match from {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        }
    }

    fn enter(&mut self, state: SeenState, sights: &mut Vec<Sight>) {
        if self.state != Some(state) {
            self.state = Some(state);
            sights.push(Sight::State(state));
        }
    }

    /// Takes something from what is pending, if it is enough for something.
    fn step(&mut self, from: Role, sights: &mut Vec<Sight>) -> bool {
        let direction = self.direction(from);
        match &mut direction.phase {
            Phase::Request(reader) => match reader.read(&direction.pending) {
                Ok(None) => false,
                Ok(Some((head, size))) => {
                    direction.pending.drain(..size);
                    direction.phase = Phase::Header;
                    self.request(head, sights);
                    true
                }
                Err(why) => self.no_head(from, why, sights),
            },
            Phase::Response(reader) => match reader.read(&direction.pending) {
                Ok(None) => false,
                Ok(Some((head, size))) => {
                    direction.pending.drain(..size);
                    direction.phase = match head.start.status {
                        101 => Phase::Header,
                        _ => Phase::Opaque,
                    };
                    self.response(head, sights);
                    true
                }
                Err(why) => self.no_head(from, why, sights),
            },
            Phase::Header => direction.header(sights),
            Phase::Payload(_) => {
                let is_close = direction.payload(sights);
                if is_close == Some(true) {
                    self.enter(SeenState::Closing, sights);
                }
                is_close.is_some()
            }
            Phase::Opaque => {
                let bytes = std::mem::take(&mut direction.pending);
                if !bytes.is_empty() {
                    sights.push(Sight::Bytes(from, bytes));
                }
                false
            }
        }
    }

    fn no_head(&mut self, from: Role, why: HandshakeError, sights: &mut Vec<Sight>) -> bool {
        sights.push(Sight::NoHead(from, why));
        self.direction(from).phase = Phase::Opaque;
        true
    }

    fn request(&mut self, head: Head<RequestLine>, sights: &mut Vec<Sight>) {
        let verdict = handshake::check_request(&head);
        if let Ok(opening) = &verdict {
            self.key = Some(opening.key.to_owned());
            self.offered = opening
                .subprotocols
                .iter()
                .map(|&name| name.to_owned())
                .collect();
        }
        let verdict = verdict.err();
        sights.push(Sight::Request(head, verdict));
    }

    fn response(&mut self, head: Head<StatusLine>, sights: &mut Vec<Sight>) {
        let key = self.key.clone();
        let verdict = match &key {
            Some(key) if head.start.status == 101 => {
                handshake::check_response(&head, key, &self.offered).err()
            }
            _ => None,
        };
        let opens = head.start.status == 101;
        sights.push(Sight::Response(head, key, verdict));
        if opens {
            self.enter(SeenState::Open, sights);
        }
    }
}

impl Default for Observer {
    fn default() -> Observer {
        Observer::new()
    }
}

impl Direction {
    fn new(from: Role, phase: Phase) -> Direction {
        let receiver = match from {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        Direction {
            from,
            phase,
            pending: Vec::new(),
            // The limits are the endpoints' own business.
            judge: Incoming::new(receiver, usize::MAX, Buffer::new()),
            messages: 0,
            fragments: 0,
            kind: OpCode::Continuation,
            before: 0,
        }
    }

    fn header(&mut self, sights: &mut Vec<Sight>) -> bool {
        match Header::decode(&self.pending) {
            Ok(None) => false,
            Ok(Some((header, size))) => {
                let bytes: Vec<u8> = self.pending.drain(..size).collect();
                let (message, fragment) = self.number(&header);
                sights.push(Sight::Header(SeenHeader {
                    from: self.from,
                    header,
                    bytes: bytes.clone(),
                    message,
                    fragment,
                }));
                self.phase = Phase::Payload(Progress {
                    header,
                    arrived: 0,
                    sent: Vec::new(),
                    meant: Vec::new(),
                });
                if let Err(violation) = self.judge(&bytes) {
                    self.violation(violation, bytes, 0, sights);
                }
                true
            }
            Err(violation) => {
                let shown = self.pending.len().min(14);
                let bytes = self.pending.drain(..shown).collect();
                self.violation(violation, bytes, 0, sights);
                true
            }
        }
    }

    /// Counts messages, and fragments within them.
    fn number(&mut self, header: &Header) -> (u64, u64) {
        match header.opcode {
            OpCode::Text | OpCode::Binary => {
                self.kind = header.opcode;
                self.messages += 1;
                self.fragments = 1;
                self.before = 0;
            }
            OpCode::Continuation => self.fragments += 1,
            OpCode::Close | OpCode::Ping | OpCode::Pong => return (0, 0),
        }
        (self.messages, self.fragments)
    }

    /// Takes what is here of the payload; says, when it is whole, whether it is a Close's.
    fn payload(&mut self, sights: &mut Vec<Sight>) -> Option<bool> {
        let Phase::Payload(progress) = &mut self.phase else {
            return None;
        };
        let missing = progress.header.length - progress.arrived;
        let here =
            usize::try_from(missing).map_or(self.pending.len(), |m| m.min(self.pending.len()));
        if here == 0 && missing > 0 {
            return None;
        }
        let sent: Vec<u8> = self.pending.drain(..here).collect();
        let mut meant = sent.clone();
        if let Some(key) = progress.header.mask {
            mask(key, progress.arrived, &mut meant);
        }
        let room = SHOWN - progress.sent.len();
        progress.sent.extend(sent.iter().take(room));
        progress.meant.extend(meant.iter().take(room));
        progress.arrived += here as u64;
        let header = progress.header;
        let whole = progress.arrived == header.length;
        let start = progress.arrived - here as u64;

        let verdict = self.judge(&sent);
        if whole || verdict.is_err() {
            let Phase::Payload(progress) = std::mem::replace(&mut self.phase, Phase::Header) else {
                return None;
            };
            sights.push(Sight::Payload(SeenPayload {
                from: self.from,
                header,
                kind: match header.opcode {
                    OpCode::Continuation => self.kind,
                    opcode => opcode,
                },
                sent: progress.sent,
                meant: progress.meant,
            }));
        }
        if let Err(violation) = verdict {
            self.violation(violation, meant, self.before + start, sights);
            return Some(false);
        }
        if whole && !header.opcode.is_control() {
            self.before += header.length;
        }
        Some(whole && header.opcode == OpCode::Close)
    }

    /// What the library says to these bytes.
    fn judge(&mut self, mut bytes: &[u8]) -> Result<(), Violation> {
        loop {
            match self.judge.next_event()? {
                // Only when it is lent is a text that came at once looked at.
                Some(Event::Message(kind, place)) => _ = self.judge.message(kind, place)?,
                Some(_) => {}
                None if bytes.is_empty() => return Ok(()),
                None => {
                    let filled = self.judge.fill(|room| {
                        let count = room.len().min(bytes.len());
                        room[..count].copy_from_slice(&bytes[..count]);
                        Ok(count)
                    });
                    bytes = &bytes[filled.unwrap_or(bytes.len())..];
                }
            }
        }
    }

    /// `before`: how many bytes of the message were before these, which are of its text.
    fn violation(
        &mut self,
        violation: Violation,
        bytes: Vec<u8>,
        before: u64,
        sights: &mut Vec<Sight>,
    ) {
        let at = place_of(violation, before, bytes.len());
        sights.push(Sight::Violation(SeenViolation {
            from: self.from,
            violation,
            bytes,
            at,
        }));
        self.phase = Phase::Opaque;
    }
}

/// Which of the bytes around it break a rule: of a header, or of a payload.
fn place_of(violation: Violation, before: u64, length: usize) -> Range<usize> {
    let place = match violation {
        Violation::ReservedBits(_)
        | Violation::ReservedOpcode(_)
        | Violation::FragmentedControl(_)
        | Violation::NothingToContinue
        | Violation::UnfinishedMessage(_) => 0..1,
        Violation::LongControl(_) | Violation::Unmasked | Violation::Masked => 1..2,
        Violation::LengthNotMinimal { bits: 16, .. } => 2..4,
        Violation::LengthNotMinimal { .. }
        | Violation::LengthTopBit(_)
        | Violation::TooBig { .. }
        | Violation::TooSlow { .. } => 2..10,
        // The character may have begun before.
        Violation::NotUtf8 { at } => {
            let start = at.saturating_sub(before) as usize;
            start..start + 1
        }
        Violation::InvalidClose(_) => 0..2,
    };
    place.start.min(length)..place.end.min(length)
}
