//! Read first: RFC 6455 §5.2 with its diagram, and §1.3. Then `frame.rs` and `handshake.rs`.
//!
//! An onlooker: it is told the bytes that pass between a client and a server, whoever they are, and
//! says what they are, one [`Sight`] after the other. It reads heads, headers and Close frames with
//! the library's own code. `message.rs` it cannot use, which keeps a message until it is whole: an
//! onlooker keeps next to nothing, however long the messages. So it has the rules about frames in
//! sequence again, and a test compares its verdicts with the library's. It knows no sockets and
//! prints nothing: `render.rs` makes text of what it sees.

use crate::close::{CloseReason, InvalidClose};
use crate::config::Config;
use crate::error::{HandshakeError, Violation};
use crate::frame::{Header, LENGTH, MASK, MAX_CONTROL, OpCode, Role};
use crate::handshake;
use crate::http::{Head, HeadReader, RequestLine, StatusLine};
use crate::mask::mask;
use std::ops::Range;
use std::str;

/// So many bytes of a message's frame are kept to be shown.
pub const SHOWN: usize = 48;
/// A control frame's payload, which is no longer than this (§5.5), is kept whole.
const KEPT: usize = MAX_CONTROL;

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
    /// Bytes that are not interpreted.
    Bytes(Role, Vec<u8>, Uninterpreted),
    /// The connection goes over to another state.
    State(SeenState),
    /// One side ended its direction of TCP, and what was missing then.
    End(Role, Missing),
    /// One side, or the way to it, broke off TCP: that ends both directions at once.
    Broken(Role),
}

/// Why bytes are not interpreted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uninterpreted {
    /// No WebSocket came of the opening handshake: the body of a refusal, for example.
    NoWebSocket,
    /// A rule was broken before, and where the next frame would begin is anybody's guess.
    AfterViolation,
    /// Their sender's Close came before: a Close is the last frame (§5.5.1).
    AfterClose,
}

/// What is missing at the end of that which one side has sent so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Nothing: the last head or frame is whole.
    Nothing,
    /// The rest of a head, up to its empty line.
    EndOfHead,
    /// So many bytes of a frame at least: the header itself is not whole.
    AtLeast(u64),
    /// So many bytes of a frame.
    Bytes(u64),
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

/// A frame's payload: the first [`SHOWN`] bytes, of a control frame all.
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
    /// Whether they are a header of which no [`Sight::Header`] told, since it cannot be read.
    pub unread: bool,
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
    judge: Judge,
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
    Opaque(Uninterpreted),
}

#[derive(Debug)]
struct Progress {
    header: Header,
    arrived: u64,
    /// The first [`KEPT`] bytes.
    sent: Vec<u8>,
    meant: Vec<u8>,
}

/// What one frame after the other may be (§5.4), and text that comes in pieces (§8.1).
#[derive(Debug)]
struct Judge {
    receiver: Role,
    /// Text or Binary, from the first frame of a message to its last.
    message: Option<OpCode>,
    /// The bytes of its text before this one were whole characters.
    at: u64,
    /// The beginning of a character whose end has not come.
    cut: Vec<u8>,
}

impl Observer {
    /// An onlooker from the opening handshake on.
    #[must_use]
    pub fn new() -> Observer {
        // The limits are the endpoints' own business, as long as they have any.
        let config = Config {
            max_head: 1 << 16,
            max_fields: 1000,
            ..Config::default()
        };
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
            let missing = self.missing(by);
            self.direction(by).show_unfinished(&mut sights);
            sights.push(Sight::End(by, missing));
            match self.ended {
                Some(_) => self.enter(SeenState::Closed, &mut sights),
                None => self.ended = Some(by),
            }
        }
        sights
    }

    /// `by` broke off TCP.
    pub fn broken(&mut self, by: Role) -> Vec<Sight> {
        let mut sights = Vec::new();
        if self.state != Some(SeenState::Closed) {
            self.client.show_unfinished(&mut sights);
            self.server.show_unfinished(&mut sights);
            sights.push(Sight::Broken(by));
            self.enter(SeenState::Closed, &mut sights);
        }
        sights
    }

    /// What is missing, if nothing more comes from this side.
    #[must_use]
    pub fn missing(&self, from: Role) -> Missing {
        let direction = match from {
            Role::Client => &self.client,
            Role::Server => &self.server,
        };
        match &direction.phase {
            _ if direction.pending.is_empty() && !direction.is_amid_payload() => Missing::Nothing,
            Phase::Request(_) | Phase::Response(_) => Missing::EndOfHead,
            Phase::Header => missing_of_frame(&direction.pending),
            Phase::Payload(progress) => Missing::Bytes(progress.header.length - progress.arrived),
            Phase::Opaque(_) => Missing::Nothing,
        }
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
                        _ => Phase::Opaque(Uninterpreted::NoWebSocket),
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
                    direction.phase = Phase::Opaque(Uninterpreted::AfterClose);
                    self.enter(SeenState::Closing, sights);
                }
                is_close.is_some()
            }
            Phase::Opaque(why) => {
                let bytes = std::mem::take(&mut direction.pending);
                if !bytes.is_empty() {
                    sights.push(Sight::Bytes(from, bytes, *why));
                }
                false
            }
        }
    }

    fn no_head(&mut self, from: Role, why: HandshakeError, sights: &mut Vec<Sight>) -> bool {
        sights.push(Sight::NoHead(from, why));
        self.direction(from).phase = Phase::Opaque(Uninterpreted::NoWebSocket);
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
            // Nobody knows which key it answers.
            None if head.start.status == 101 => handshake::accept_in(&head).err(),
            _ => None,
        };
        let opens = head.start.status == 101;
        sights.push(Sight::Response(head, key, verdict));
        match opens {
            true => self.enter(SeenState::Open, sights),
            // No WebSocket comes of it, so what the client sends next is no frame either.
            false => self.client.phase = Phase::Opaque(Uninterpreted::NoWebSocket),
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
        Direction {
            from,
            phase,
            pending: Vec::new(),
            judge: Judge::new(from),
            messages: 0,
            fragments: 0,
            kind: OpCode::Continuation,
            before: 0,
        }
    }

    fn is_amid_payload(&self) -> bool {
        matches!(self.phase, Phase::Payload(_))
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
                if let Err(violation) = self.judge.header(&header) {
                    self.violation(violation, bytes, 0, false, sights);
                }
                true
            }
            Err(violation) => {
                let shown = self.pending.len().min(14);
                let bytes = self.pending.drain(..shown).collect();
                self.violation(violation, bytes, 0, true, sights);
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
        let room = KEPT - progress.sent.len();
        progress.sent.extend(sent.iter().take(room));
        progress.meant.extend(meant.iter().take(room));
        progress.arrived += here as u64;
        let header = progress.header;
        let whole = progress.arrived == header.length;
        let start = progress.arrived - here as u64;

        let verdict = match header.opcode {
            OpCode::Close if whole => {
                meant.clone_from(&progress.meant);
                check_close(&meant)
            }
            OpCode::Close | OpCode::Ping | OpCode::Pong => Ok(()),
            _ => self.judge.data(&meant, whole && header.fin),
        };
        if whole || verdict.is_err() {
            self.show_unfinished(sights);
        }
        if let Err(violation) = verdict {
            self.violation(violation, meant, self.before + start, false, sights);
            return Some(false);
        }
        if whole && !header.opcode.is_control() {
            self.before += header.length;
        }
        Some(whole && header.opcode == OpCode::Close)
    }

    /// Tells of the payload as far as it has come, and is done with it.
    fn show_unfinished(&mut self, sights: &mut Vec<Sight>) {
        if !self.is_amid_payload() {
            return;
        }
        if let Phase::Payload(mut progress) = std::mem::replace(&mut self.phase, Phase::Header) {
            if !progress.header.opcode.is_control() {
                progress.sent.truncate(SHOWN);
                progress.meant.truncate(SHOWN);
            }
            sights.push(Sight::Payload(SeenPayload {
                from: self.from,
                header: progress.header,
                kind: match progress.header.opcode {
                    OpCode::Continuation => self.kind,
                    opcode => opcode,
                },
                sent: progress.sent,
                meant: progress.meant,
            }));
        }
    }

    /// `before`: how many bytes of the message were before these, which are of its text.
    fn violation(
        &mut self,
        violation: Violation,
        bytes: Vec<u8>,
        before: u64,
        unread: bool,
        sights: &mut Vec<Sight>,
    ) {
        let at = place_of(violation, before, &bytes);
        sights.push(Sight::Violation(SeenViolation {
            from: self.from,
            violation,
            bytes,
            at,
            unread,
        }));
        self.phase = Phase::Opaque(Uninterpreted::AfterViolation);
    }
}

impl Judge {
    fn new(sender: Role) -> Judge {
        Judge {
            receiver: match sender {
                Role::Client => Role::Server,
                Role::Server => Role::Client,
            },
            message: None,
            at: 0,
            cut: Vec::new(),
        }
    }

    /// Who masks (§5.1), and which frame may follow which (§5.4).
    fn header(&mut self, header: &Header) -> Result<(), Violation> {
        header.check_received_by(self.receiver)?;
        match (self.message, header.opcode) {
            (None, OpCode::Continuation) => Err(Violation::NothingToContinue),
            (Some(_), OpCode::Text | OpCode::Binary) => {
                Err(Violation::UnfinishedMessage(header.opcode.encode()))
            }
            (None, OpCode::Text | OpCode::Binary) => {
                self.message = Some(header.opcode);
                self.at = 0;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Bytes of a message's payload, `last` if they are the last: text is UTF-8 (§8.1).
    fn data(&mut self, piece: &[u8], last: bool) -> Result<(), Violation> {
        if self.message == Some(OpCode::Text) {
            self.cut.extend_from_slice(piece);
            let (whole, wrong) = match str::from_utf8(&self.cut) {
                Ok(text) => (text.len(), false),
                Err(error) => (error.valid_up_to(), last || error.error_len().is_some()),
            };
            self.cut.drain(..whole);
            self.at += whole as u64;
            if wrong {
                return Err(Violation::NotUtf8 { at: self.at });
            }
        }
        if last {
            self.message = None;
        }
        Ok(())
    }
}

fn check_close(body: &[u8]) -> Result<(), Violation> {
    CloseReason::decode(body)?;
    Ok(())
}

/// What a frame lacks of which these bytes are here, the header not being whole.
fn missing_of_frame(header: &[u8]) -> Missing {
    let here = header.len() as u64;
    let Some(&second) = header.get(1) else {
        return Missing::AtLeast(2 - here);
    };
    let mask = if second & MASK == 0 { 0 } else { 4 };
    let length = match second & LENGTH {
        126 => header[2..]
            .first_chunk()
            .map(|&bytes| (2, u64::from(u16::from_be_bytes(bytes)))),
        127 => header[2..]
            .first_chunk()
            .map(|&bytes| (8, u64::from_be_bytes(bytes))),
        short => Some((0, u64::from(short))),
    };
    match (length, second & LENGTH) {
        (Some((extended, length)), _) => Missing::Bytes(2 + extended + mask + length - here),
        (None, 126) => Missing::AtLeast(2 + 2 + mask - here),
        (None, _) => Missing::AtLeast(2 + 8 + mask - here),
    }
}

/// Which of the bytes around it break a rule: of a header, or of a payload.
fn place_of(violation: Violation, before: u64, bytes: &[u8]) -> Range<usize> {
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
        Violation::InvalidClose(InvalidClose::NotUtf8) => {
            let reason = bytes.get(2..).unwrap_or_default();
            let valid = str::from_utf8(reason).map_or_else(|error| error.valid_up_to(), str::len);
            2 + valid..3 + valid
        }
        Violation::InvalidClose(_) => 0..2,
    };
    let length = bytes.len();
    place.start.min(length)..place.end.min(length)
}
