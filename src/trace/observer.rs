//! An observer of a conversation between any client and any server. It is given the bytes that
//! pass, and says what they are, one [`Event`] after another.
//!
//! - It uses the rules of `framing/` and `opening/`: the same header codec, sequence rules and
//!   UTF-8 check as the endpoint.
//! - It does not use the endpoint's decoder, which keeps a whole message. The observer keeps the
//!   first bytes of a payload, however long the message is.
//! - It can skip frames ([`SkipFrames`]), for a reader of its events that is too slow for them.
//! - It has no message limits. Limits are the endpoints' own business.
//! - It knows no sockets and prints nothing. `render.rs` makes text of the events.

use super::event::{
    BrokenRule, Event, FrameHeader, FramePayload, KEPT, SHOWN, Unfinished, Uninterpreted,
};
use super::skip::{SkipFrames, Skipped};
use crate::connection::state::State;
use crate::framing::{
    Buffer, CloseReason, Decoded, Header, Location, MessageKind, Missing, NO_EXTENSION, OpCode,
    Role, Sequence, Utf8, Violation, mask,
};
use crate::opening::{
    HandshakeError, Head, HeadReader, RequestLine, StatusLine, accept_in, check_request,
    check_response,
};
use std::collections::VecDeque;
use std::ops::Range;

/// The longest head that the observer reads, in bytes, and the most fields of a head.
const MAX_HEAD: usize = 1 << 16;
const MAX_FIELDS: usize = 1000;

/// What passes on one connection, in both directions.
///
/// ```
/// use rfc6455::Role;
/// use rfc6455::trace::{Event, Observer};
///
/// let mut observer = Observer::frames_only();
/// observer.feed(Role::Server, b"\x81\x05Hello");
/// while let Some(event) = observer.next_event() {
///     if let Event::Payload(payload) = event {
///         assert_eq!(payload.unmasked, b"Hello");
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Observer {
    client: Direction,
    server: Direction,
    state: Option<State>,
    /// The key and the subprotocols of the client's request, to check the answer with.
    key: Option<String>,
    offered: Vec<String>,
    /// Who has ended its direction of TCP.
    ended: Option<Role>,
    /// Events that are found and not taken. One step finds a few at most.
    found: VecDeque<Event>,
    skip: SkipFrames,
}

/// What one side sends.
#[derive(Debug)]
struct Direction {
    from: Role,
    phase: Phase,
    buffer: Buffer,
    sequence: Sequence,
    text: Utf8,
    messages: u64,
    fragments: u64,
    /// The bytes of the unfinished message's finished fragments.
    before: u64,
}

/// What is expected next.
#[derive(Debug)]
enum Phase {
    Request(HeadReader<RequestLine>),
    Response(HeadReader<StatusLine>),
    Header,
    Payload(ArrivingPayload),
    Opaque(Uninterpreted),
}

#[derive(Debug)]
struct ArrivingPayload {
    header: Header,
    /// No event tells of this frame.
    skipped: bool,
    arrived: u64,
    /// The first [`KEPT`] bytes.
    sent: Vec<u8>,
    unmasked: Vec<u8>,
}

impl Observer {
    /// An observer from the opening handshake on.
    #[must_use]
    pub fn new() -> Observer {
        let request = Phase::Request(HeadReader::new(MAX_HEAD, MAX_FIELDS));
        let response = Phase::response();
        Observer {
            client: Direction::new(Role::Client, request),
            server: Direction::new(Role::Server, response),
            state: None,
            key: None,
            offered: Vec::new(),
            ended: None,
            found: VecDeque::new(),
            skip: SkipFrames::default(),
        }
    }

    /// An observer of a connection that is open already: it expects frames.
    #[must_use]
    pub fn frames_only() -> Observer {
        Observer {
            client: Direction::new(Role::Client, Phase::Header),
            server: Direction::new(Role::Server, Phase::Header),
            state: Some(State::Open),
            ..Observer::new()
        }
    }

    /// While the switch is on, frames make no events and are counted.
    #[must_use]
    pub fn skip_when(mut self, skip: SkipFrames) -> Observer {
        self.skip = skip;
        self
    }

    /// These bytes passed. [`next_event`](Self::next_event) says what they are: take every event
    /// before the next call, so that the events of both directions stay in order.
    pub fn feed(&mut self, from: Role, bytes: &[u8]) {
        if self.state.is_none() {
            self.enter(State::Connecting);
        }
        self.direction_mut(from).buffer.append(bytes);
    }

    /// This side ended its direction of TCP.
    pub fn feed_eof(&mut self, from: Role) {
        while self.step(from) {}
        if self.ended == Some(from) || self.state == Some(State::Closed) {
            return;
        }
        let unfinished = self.unfinished(from);
        self.show_unfinished_payload(from);
        self.found.push_back(Event::Eof { from, unfinished });
        match self.ended {
            Some(_) => self.enter(State::Closed),
            None => self.ended = Some(from),
        }
    }

    /// This side, or the path to it, reset TCP.
    pub fn feed_reset(&mut self, from: Role) {
        while self.step(Role::Client) || self.step(Role::Server) {}
        if self.state != Some(State::Closed) {
            self.show_unfinished_payload(Role::Client);
            self.show_unfinished_payload(Role::Server);
            self.found.push_back(Event::Reset { from });
            self.enter(State::Closed);
        }
    }

    /// The next event in the bytes so far. `None`: more bytes are needed.
    pub fn next_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.found.pop_front() {
                return Some(event);
            }
            if !self.step(Role::Client) && !self.step(Role::Server) {
                return None;
            }
        }
    }

    /// What this side has begun and not finished.
    #[must_use]
    pub fn unfinished(&self, from: Role) -> Unfinished {
        let direction = match from {
            Role::Client => &self.client,
            Role::Server => &self.server,
        };
        let unread = direction.buffer.unread();
        match &direction.phase {
            Phase::Payload(payload) => {
                let missing = payload.header.length - payload.arrived;
                Unfinished::Frame(Missing::Exactly(missing))
            }
            _ if unread.is_empty() => Unfinished::Nothing,
            Phase::Request(_) | Phase::Response(_) => Unfinished::Head,
            Phase::Header => match Header::decode(unread, NO_EXTENSION) {
                Ok(Decoded::Incomplete(missing)) => Unfinished::Frame(missing),
                Ok(Decoded::Header(..)) | Err(_) => Unfinished::Nothing,
            },
            Phase::Opaque(_) => Unfinished::Nothing,
        }
    }

    fn direction_mut(&mut self, from: Role) -> &mut Direction {
        match from {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        }
    }

    fn enter(&mut self, state: State) {
        if self.state != Some(state) {
            self.state = Some(state);
            self.found.push_back(Event::State(state));
        }
    }

    /// Interprets what comes next in one direction. Returns `false` if more bytes are needed.
    fn step(&mut self, from: Role) -> bool {
        let direction = match from {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        };
        match &mut direction.phase {
            Phase::Request(reader) => match reader.read(direction.buffer.unread()) {
                Ok(None) => false,
                Ok(Some((head, size))) => {
                    direction.buffer.consume(size);
                    direction.phase = Phase::Header;
                    self.request(head);
                    true
                }
                Err(error) => self.not_http(from, error),
            },
            Phase::Response(reader) => match reader.read(direction.buffer.unread()) {
                Ok(None) => false,
                Ok(Some((head, size))) => {
                    direction.buffer.consume(size);
                    direction.phase = match &head.start {
                        line if line.opens_websocket() => Phase::Header,
                        // The final response follows.
                        line if line.is_interim() => Phase::response(),
                        _ => Phase::Opaque(Uninterpreted::NoWebSocket),
                    };
                    self.response(head);
                    true
                }
                Err(error) => self.not_http(from, error),
            },
            Phase::Header => direction.header(&mut self.found, &self.skip),
            Phase::Payload(_) => match direction.payload(&mut self.found) {
                Progress::Waiting => false,
                Progress::Done => true,
                Progress::ClosePassed => {
                    direction.phase = Phase::Opaque(Uninterpreted::AfterClose);
                    self.enter(State::Closing);
                    true
                }
            },
            Phase::Opaque(why) => {
                let (why, count) = (*why, direction.buffer.unread().len());
                if count > 0 && self.skip.is_on() {
                    direction.buffer.consume(count);
                    self.skip.count(Skipped::bytes(count));
                } else if count > 0 {
                    let bytes = direction.buffer.unread().to_vec();
                    direction.buffer.consume(count);
                    self.found.push_back(Event::Bytes { from, bytes, why });
                }
                count > 0
            }
        }
    }

    fn not_http(&mut self, from: Role, error: HandshakeError) -> bool {
        self.found.push_back(Event::NotHttp { from, error });
        self.direction_mut(from).phase = Phase::Opaque(Uninterpreted::NoWebSocket);
        true
    }

    fn request(&mut self, head: Head<RequestLine>) {
        let checked = check_request(&head);
        if let Ok(opening) = &checked {
            let offered = opening.subprotocols.iter();
            self.key = Some(opening.key.to_owned());
            self.offered = offered.map(|&name| name.to_owned()).collect();
        }
        let error = checked.err();
        self.found.push_back(Event::Request { head, error });
    }

    fn response(&mut self, head: Head<StatusLine>) {
        let (opens, is_interim) = (head.start.opens_websocket(), head.start.is_interim());
        let key = self.key.clone();
        let error = match &key {
            Some(key) if opens => check_response(&head, key, &self.offered).err(),
            // The key is not known, so the accept value cannot be compared.
            None if opens => accept_in(&head).err(),
            _ => None,
        };
        self.found.push_back(Event::Response { head, key, error });
        match opens {
            true => self.enter(State::Open),
            false if is_interim => {}
            // No WebSocket was opened, so what the client sends next is not a frame either.
            false => self.client.phase = Phase::Opaque(Uninterpreted::NoWebSocket),
        }
    }

    fn show_unfinished_payload(&mut self, from: Role) {
        let payload = self.direction_mut(from).take_payload();
        self.found.extend(payload);
    }
}

impl Default for Observer {
    fn default() -> Observer {
        Observer::new()
    }
}

/// What became of a payload in one step.
enum Progress {
    /// More bytes are needed.
    Waiting,
    /// It is complete, or it broke a rule.
    Done,
    /// It is complete, and it was a Close.
    ClosePassed,
}

impl Phase {
    /// Before a response.
    fn response() -> Phase {
        Phase::Response(HeadReader::new(MAX_HEAD, MAX_FIELDS))
    }
}

impl Direction {
    fn new(from: Role, phase: Phase) -> Direction {
        Direction {
            from,
            phase,
            buffer: Buffer::new(),
            sequence: Sequence::default(),
            text: Utf8::default(),
            messages: 0,
            fragments: 0,
            before: 0,
        }
    }

    /// Decodes a header, and tells of it. Returns `false` if more bytes are needed.
    fn header(&mut self, found: &mut VecDeque<Event>, skip: &SkipFrames) -> bool {
        if skip.is_on() {
            let frames = self.skip_whole_frames();
            skip.count(Skipped { frames, bytes: 0 });
        }
        let unread = self.buffer.unread();
        match Header::decode(unread, NO_EXTENSION) {
            Ok(Decoded::Incomplete(_)) => false,
            Ok(Decoded::Header(header, size)) => {
                let at = self.buffer.consume(size);
                self.frame(header, at, found, skip);
                true
            }
            Err(violation) => {
                let shown = unread.len().min(Header::MAX_SIZE);
                let bytes = unread[..shown].to_vec();
                self.buffer.consume(shown);
                found.push_back(self.violation(violation, bytes, 0, true));
                true
            }
        }
    }

    /// Skips the whole frames that are here, up to the first one that must be told: a Close, or a
    /// frame that breaks a rule. This loop makes a flood of small frames cheap. Returns how many
    /// were skipped.
    fn skip_whole_frames(&mut self) -> u64 {
        let mut count = 0;
        while let Ok(Decoded::Header(header, size)) =
            Header::decode(self.buffer.unread(), NO_EXTENSION)
        {
            let behind = self.buffer.unread().len() - size;
            let mut sequence = self.sequence;
            if header.length > behind as u64
                || header.opcode == OpCode::Close
                || header.check_received_by(self.from.peer()).is_err()
                || sequence.begin_frame(&header).is_err()
            {
                break;
            }
            let length = header.length as usize;
            let is_text = sequence.unfinished() == Some(MessageKind::Text);
            if is_text && !header.opcode.is_control() {
                let payload = &mut self.buffer.unread_mut()[size..size + length];
                let mut text = match header.opcode {
                    OpCode::Text => Utf8::default(),
                    _ => self.text,
                };
                let key = header.mask.unwrap_or_default();
                mask(key, 0, payload);
                if text.push(payload).is_err() || (header.fin && text.finish().is_err()) {
                    mask(key, 0, payload); // As it was, for the account of the violation.
                    break;
                }
                self.number(&header);
                self.text = text;
            } else {
                self.number(&header);
            }
            self.buffer.consume(size + length);
            if !header.opcode.is_control() {
                self.before += header.length;
                sequence.end_frame(&header);
            }
            self.sequence = sequence;
            count += 1;
        }
        count
    }

    /// A header is decoded: checks it, and tells of it or skips it.
    fn frame(
        &mut self,
        header: Header,
        at: Range<usize>,
        found: &mut VecDeque<Event>,
        skip: &SkipFrames,
    ) {
        let (message, fragment) = self.number(&header);
        let checked = header
            .check_received_by(self.from.peer())
            .and_then(|()| self.sequence.begin_frame(&header));
        let skipped = skip.is_on() && checked.is_ok() && header.opcode != OpCode::Close;
        if skipped {
            skip.count(Skipped::FRAME);
        } else {
            found.push_back(Event::Header(FrameHeader {
                from: self.from,
                header,
                bytes: self.buffer.consumed(at.clone()).to_vec(),
                message,
                fragment,
            }));
        }
        self.phase = Phase::Payload(ArrivingPayload {
            header,
            skipped,
            arrived: 0,
            sent: Vec::new(),
            unmasked: Vec::new(),
        });
        if let Err(violation) = checked {
            let bytes = self.buffer.consumed(at).to_vec();
            found.push_back(self.violation(violation, bytes, 0, false));
        }
    }

    /// Counts messages, and fragments within them.
    fn number(&mut self, header: &Header) -> (u64, u64) {
        match header.opcode {
            OpCode::Text | OpCode::Binary => {
                self.messages += 1;
                self.fragments = 1;
                self.before = 0;
                self.text = Utf8::default();
            }
            OpCode::Continuation => self.fragments += 1,
            OpCode::Close | OpCode::Ping | OpCode::Pong => return (0, 0),
        }
        (self.messages, self.fragments)
    }

    /// Takes the part of the payload that is here.
    fn payload(&mut self, found: &mut VecDeque<Event>) -> Progress {
        let Phase::Payload(payload) = &mut self.phase else {
            return Progress::Waiting;
        };
        let header = payload.header;
        let missing = header.length - payload.arrived;
        let unread = self.buffer.unread_mut();
        let here = usize::try_from(missing).map_or(unread.len(), |count| count.min(unread.len()));
        if here == 0 && missing > 0 {
            return Progress::Waiting;
        }
        let start = payload.arrived;
        // What is neither shown nor checked is not unmasked either.
        let is_text = self.sequence.unfinished() == Some(MessageKind::Text);
        match payload.skipped && (header.opcode.is_control() || !is_text) {
            true => payload.arrived += here as u64,
            false => payload.take(&mut unread[..here]),
        }
        let part = self.buffer.consume(here);
        let complete = payload.arrived == header.length;

        if let Err(violation) = self.check_payload(&header, part.clone(), complete) {
            let bytes = match header.opcode {
                OpCode::Close => self.close_body().to_vec(),
                _ => self.buffer.consumed(part).to_vec(),
            };
            found.extend(self.take_payload());
            found.push_back(self.violation(violation, bytes, self.before + start, false));
            return Progress::Done;
        }
        if !complete {
            return Progress::Waiting;
        }
        found.extend(self.take_payload());
        if header.opcode == OpCode::Close {
            return Progress::ClosePassed;
        }
        if !header.opcode.is_control() {
            self.before += header.length;
            self.sequence.end_frame(&header);
        }
        Progress::Done
    }

    /// The rules about payloads: text is UTF-8 (§8.1), a Close has a proper body (§5.5.1).
    fn check_payload(
        &mut self,
        header: &Header,
        part: Range<usize>,
        complete: bool,
    ) -> Result<(), Violation> {
        match header.opcode {
            OpCode::Close if complete => {
                CloseReason::decode(self.close_body())?;
            }
            OpCode::Close | OpCode::Ping | OpCode::Pong => {}
            OpCode::Text | OpCode::Binary | OpCode::Continuation => {
                if self.sequence.unfinished() == Some(MessageKind::Text) {
                    self.text.push(self.buffer.consumed(part))?;
                    if complete && header.fin {
                        self.text.finish()?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The payload of a control frame so far.
    fn close_body(&self) -> &[u8] {
        match &self.phase {
            Phase::Payload(payload) => &payload.unmasked,
            _ => &[],
        }
    }

    /// The event of the payload as far as it has come, if one was arriving and is told. The next
    /// thing is a header.
    fn take_payload(&mut self) -> Option<Event> {
        if !matches!(self.phase, Phase::Payload(_)) {
            return None;
        }
        let Phase::Payload(mut payload) = std::mem::replace(&mut self.phase, Phase::Header) else {
            return None;
        };
        if payload.skipped {
            return None;
        }
        if !payload.header.opcode.is_control() {
            payload.sent.truncate(SHOWN);
            payload.unmasked.truncate(SHOWN);
        }
        let opcode = match (payload.header.opcode, self.sequence.unfinished()) {
            (OpCode::Continuation, Some(kind)) => kind.opcode(),
            (opcode, _) => opcode,
        };
        Some(Event::Payload(FramePayload {
            from: self.from,
            header: payload.header,
            opcode,
            sent: payload.sent,
            unmasked: payload.unmasked,
        }))
    }

    /// The event of a broken rule. `before`: this many bytes of the message come before `bytes`.
    fn violation(
        &mut self,
        violation: Violation,
        bytes: Vec<u8>,
        before: u64,
        undecoded: bool,
    ) -> Event {
        let at = match violation.location() {
            Location::InHeader(range) | Location::InPayload(range) => range,
            Location::InMessage(at) => {
                // The character may have begun before these bytes.
                let start = usize::try_from(at.saturating_sub(before)).unwrap_or(usize::MAX);
                start..start.saturating_add(1)
            }
        };
        let at = at.start.min(bytes.len())..at.end.min(bytes.len());
        self.phase = Phase::Opaque(Uninterpreted::AfterViolation);
        Event::Violation(BrokenRule {
            from: self.from,
            violation,
            bytes,
            at,
            undecoded,
        })
    }
}

impl ArrivingPayload {
    /// Takes the next bytes, and unmasks them where they are.
    fn take(&mut self, bytes: &mut [u8]) {
        let kept = match self.skipped {
            true => 0,
            false => bytes.len().min(KEPT - self.sent.len()),
        };
        self.sent.extend_from_slice(&bytes[..kept]);
        if let Some(key) = self.header.mask {
            mask(key, self.arrived, bytes);
        }
        self.unmasked.extend_from_slice(&bytes[..kept]);
        self.arrived += bytes.len() as u64;
    }
}
