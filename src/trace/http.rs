//! The conversation in HTTP/1.1 on one connection, before any frames.
//!
//! - Requests and responses are paired in order. Bodies are skipped (RFC 9112 §6). Responses before
//!   the last one (1xx) end nothing.
//! - What the client sends behind a request for another protocol waits for the answer, because the
//!   answer says what it is. No more than [`MOST_HELD`] bytes wait.
//! - A tunnel (CONNECT and its 2xx) begins a conversation anew.
//! - Only a 101 to a request for a WebSocket begins frames. Another protocol is named, and is not
//!   read.

use super::account::Account;
use super::agreement::Agreement;
use super::event::{
    Answer, Begun, Body, Event, Part, Protocol, SHOWN_OF_BODY, Unfinished, Uninterpreted,
};
use super::frames::tell_bytes;
use crate::connection::state::State;
use crate::framing::{Buffer, Role};
use crate::opening::{
    BodyLength, BodyReader, Extension, HandshakeError, Head, HeadReader, InvalidBody, RequestLine,
    StartLine, StatusLine, accept_in, check_request, check_response, is_opening, name,
    parse_extensions,
};
use std::collections::VecDeque;

/// The longest head that is read, in bytes, and the most fields of a head.
const MAX_HEAD: usize = 1 << 16;
const MAX_FIELDS: usize = 1000;

/// So many bytes of the client wait for an answer, at most.
const MOST_HELD: usize = 1 << 16;

/// So many requests wait for their responses, at most. The client's next one waits until one of
/// them has its response.
const MOST_ASKED: usize = 1000;

/// The beginning of HTTP/2 by a client that knows that the server speaks it (RFC 9113 §3.4).
const HTTP_2: &[u8] = b"PRI * HTTP/2.0\r\n";

/// The requests and responses of one connection.
#[derive(Debug)]
pub(super) struct Http {
    client: Phase<RequestLine>,
    server: Phase<StatusLine>,
    /// The requests whose last response has not come, the oldest first.
    asked: VecDeque<Asked>,
    /// The protocol of the client, if it is not HTTP/1.1.
    client_speaks: Option<Protocol>,
    /// Bytes of the client were too many to wait for an answer.
    dropped: bool,
}

/// What one side sends next.
#[derive(Debug)]
enum Phase<L> {
    Head(HeadReader<L>),
    /// With its length, if that is known.
    Body(BodyReader, Option<u64>, Body),
    /// The client's bytes wait for an answer.
    Held,
    /// Another protocol. Its bytes are not shown.
    Other,
    NotHttp,
}

/// What is known of a request when its response comes.
#[derive(Debug)]
struct Asked {
    method: String,
    /// The protocols that it wants to change to, as its Upgrade field has them.
    upgrade: Option<String>,
    /// It is an opening handshake. What it breaks, if it breaks a rule.
    opening: Option<Result<Offer, HandshakeError>>,
}

/// What an opening handshake offers.
#[derive(Clone, Debug)]
struct Offer {
    key: String,
    subprotocols: Vec<String>,
    extensions: Vec<Extension>,
}

/// What one step found.
#[derive(Debug)]
pub(super) enum Step {
    /// More bytes are needed.
    Waiting,
    /// There may be more.
    Done,
    /// From here on there are frames, in both directions.
    Frames(Agreement),
}

impl<L: StartLine> Phase<L> {
    fn head() -> Phase<L> {
        Phase::Head(HeadReader::new(MAX_HEAD, MAX_FIELDS))
    }

    /// A body of this length, and then the next head.
    fn body(from: Role, length: BodyLength) -> Phase<L> {
        match length {
            BodyLength::Exactly(0) => Phase::head(),
            length => {
                let body = Body {
                    from,
                    length: 0,
                    start: Vec::new(),
                };
                let whole = match length {
                    BodyLength::Exactly(whole) => Some(whole),
                    BodyLength::Chunked | BodyLength::UntilClose => None,
                };
                Phase::Body(BodyReader::new(length), whole, body)
            }
        }
    }

    /// Skips the part of a body that is here. When it is complete, `next` comes.
    fn skip_body(
        &mut self,
        buffer: &mut Buffer,
        account: &mut Account,
        next: Phase<L>,
    ) -> Result<Step, InvalidBody> {
        let Phase::Body(reader, _, body) = self else {
            return Ok(Step::Waiting);
        };
        let part = reader.read(buffer.unread())?;
        let content = &buffer.unread()[part.content];
        let room = SHOWN_OF_BODY - body.start.len();
        body.start.extend(&content[..content.len().min(room)]);
        body.length += content.len() as u64;
        buffer.consume(part.size);
        if reader.is_complete() {
            account.add(Event::Body(body.clone()));
            *self = next;
            return Ok(Step::Done);
        }
        Ok(match part.size {
            0 => Step::Waiting,
            _ => Step::Done,
        })
    }

    fn unfinished(&self, unread: &[u8]) -> Unfinished {
        match self {
            Phase::Head(_) if !unread.is_empty() => Unfinished::Head,
            Phase::Body(reader, whole, body) if !reader.may_end() => {
                Unfinished::Body(whole.map(|whole| whole - body.length))
            }
            _ => Unfinished::Nothing,
        }
    }

    fn part(&self, unread: &[u8]) -> Option<Part> {
        match self {
            Phase::Head(_) => Some(Part::Head(unread.to_vec())),
            Phase::Body(_, _, body) => Some(Part::Body(body.clone())),
            _ => None,
        }
    }
}

impl Http {
    pub(super) fn new() -> Http {
        Http {
            client: Phase::head(),
            server: Phase::head(),
            asked: VecDeque::new(),
            client_speaks: None,
            dropped: false,
        }
    }

    /// Whether some of the client's bytes were too many to wait. Then its frames cannot be found.
    pub(super) fn has_dropped(&self) -> bool {
        self.dropped
    }

    /// What this side has begun and not finished.
    pub(super) fn unfinished(&self, from: Role, unread: &[u8]) -> Unfinished {
        match from {
            Role::Client => self.client.unfinished(unread),
            Role::Server => self.server.unfinished(unread),
        }
    }

    /// The same, with what is here. `None`: everything is finished.
    pub(super) fn begun(&self, from: Role, unread: &[u8], ended: bool) -> Option<Begun> {
        let unfinished = self.unfinished(from, unread);
        if unfinished == Unfinished::Nothing {
            return None;
        }
        let part = match from {
            Role::Client => self.client.part(unread),
            Role::Server => self.server.part(unread),
        }?;
        Some(Begun {
            from,
            part,
            unfinished,
            ended,
        })
    }

    /// This side has ended TCP. A body may end with that.
    pub(super) fn end(&mut self, from: Role, buffer: &mut Buffer, account: &mut Account) {
        if let (Role::Server, Phase::Body(reader, _, body)) = (from, &self.server)
            && reader.may_end()
        {
            account.add(Event::Body(body.clone()));
            self.server = Phase::head();
        }
        if let (Role::Client, Phase::Held) = (from, &self.client) {
            tell_bytes(from, Uninterpreted::BeforeAnswer, buffer, account);
        }
    }

    /// Interprets what comes next from the client.
    pub(super) fn step_client(&mut self, buffer: &mut Buffer, account: &mut Account) -> Step {
        let must_wait = self.must_wait();
        let result = match &mut self.client {
            Phase::Head(_) if must_wait => {
                self.client = Phase::Held;
                return Step::Done;
            }
            Phase::Head(reader) => {
                // RFC 9112 §2.2: a server should ignore an empty line before a request.
                if buffer.unread().starts_with(b"\r\n") {
                    buffer.consume(2);
                    return Step::Done;
                }
                if buffer.unread() == b"\r" {
                    return Step::Waiting;
                }
                reader.read(buffer.unread())
            }
            Phase::Body(..) => {
                let skipped = self.client.skip_body(buffer, account, Phase::head());
                return skipped.unwrap_or_else(|error| self.not_http(Role::Client, error, account));
            }
            Phase::Held => return self.hold(buffer, account),
            Phase::Other => return skip_all(buffer),
            Phase::NotHttp => {
                return told(tell_bytes(
                    Role::Client,
                    Uninterpreted::NotHttp,
                    buffer,
                    account,
                ));
            }
        };
        match result {
            Ok(None) => Step::Waiting,
            Ok(Some((head, size))) => {
                buffer.consume(size);
                self.request(head, account);
                Step::Done
            }
            Err(error) => {
                match protocol_of(buffer.unread()) {
                    Some(protocol) => self.client_speaks(protocol, account),
                    None => _ = self.not_http(Role::Client, error, account),
                }
                Step::Done
            }
        }
    }

    /// Interprets what comes next from the server.
    pub(super) fn step_server(&mut self, buffer: &mut Buffer, account: &mut Account) -> Step {
        let result = match &mut self.server {
            Phase::Head(reader) => {
                // A server that speaks HTTP/1.1 may refuse another protocol in HTTP/1.1.
                let speaks_http = matches!(buffer.unread().first(), Some(b'H') | None);
                if let Some(protocol) = self.client_speaks.clone().filter(|_| !speaks_http) {
                    self.server = Phase::Other;
                    let from = Role::Server;
                    account.add(Event::OtherProtocol { from, protocol });
                    return Step::Done;
                }
                reader.read(buffer.unread())
            }
            Phase::Body(..) => {
                let skipped = self.server.skip_body(buffer, account, Phase::head());
                return skipped.unwrap_or_else(|error| self.not_http(Role::Server, error, account));
            }
            Phase::Other | Phase::Held => return skip_all(buffer),
            Phase::NotHttp => {
                return told(tell_bytes(
                    Role::Server,
                    Uninterpreted::NotHttp,
                    buffer,
                    account,
                ));
            }
        };
        match result {
            Ok(None) => Step::Waiting,
            Ok(Some((head, size))) => {
                buffer.consume(size);
                self.response(head, account)
            }
            Err(error) => self.not_http(Role::Server, error, account),
        }
    }

    /// Whether the client's next bytes wait for an answer.
    fn must_wait(&self) -> bool {
        let changes = |asked: &Asked| asked.upgrade.is_some() || asked.method == "CONNECT";
        self.asked.back().is_some_and(changes) || self.asked.len() >= MOST_ASKED
    }

    /// Keeps the client's bytes until the answer is here.
    fn hold(&mut self, buffer: &mut Buffer, account: &mut Account) -> Step {
        if !self.dropped && buffer.unread().len() <= MOST_HELD {
            return Step::Waiting;
        }
        self.dropped = true;
        told(tell_bytes(
            Role::Client,
            Uninterpreted::BeforeAnswer,
            buffer,
            account,
        ))
    }

    fn not_http(&mut self, from: Role, error: impl ToString, account: &mut Account) -> Step {
        let why = error.to_string();
        account.add(Event::NotHttp { from, why });
        match from {
            Role::Client => self.client = Phase::NotHttp,
            Role::Server => self.server = Phase::NotHttp,
        }
        Step::Done
    }

    fn client_speaks(&mut self, protocol: Protocol, account: &mut Account) {
        self.client = Phase::Other;
        self.client_speaks = Some(protocol.clone());
        let from = Role::Client;
        account.add(Event::OtherProtocol { from, protocol });
    }

    fn request(&mut self, head: Head<RequestLine>, account: &mut Account) {
        let asked = Asked::new(&head);
        let error = match &asked.opening {
            Some(opening) => {
                account.enter(State::Connecting);
                opening.clone().err().map(Box::new)
            }
            None => None,
        };
        let length = BodyLength::of_request(&head);
        let head = Box::new(head);
        account.add(Event::Request { head, error });
        self.asked.push_back(asked);
        match length {
            Ok(length) => self.client = Phase::body(Role::Client, length),
            Err(error) => _ = self.not_http(Role::Client, error, account),
        }
    }

    fn response(&mut self, head: Head<StatusLine>, account: &mut Account) -> Step {
        let asked = self.asked.front();
        let answer = answer_to(asked, &head);
        let offer = asked.and_then(|asked| asked.opening.as_ref()?.as_ref().ok());
        let error = match answer {
            Answer::WebSocket => check_answer(asked, offer, &head).err().map(Box::new),
            _ => None,
        };
        let key = offer.map(|offer| offer.key.clone());
        let method = asked.map_or("", |asked| &asked.method[..]);
        let length = BodyLength::of_response(&head, method);
        let agreement = Agreement::in_answer(&head.fields);
        let is_right = error.is_none();
        account.add(Event::Response {
            head: Box::new(head),
            answer: answer.clone(),
            key,
            error,
        });
        if answer != Answer::Interim {
            self.asked.pop_front();
        }
        self.after(answer, length, agreement, is_right, account)
    }

    /// What follows an answer.
    fn after(
        &mut self,
        answer: Answer,
        length: Result<BodyLength, InvalidBody>,
        agreement: Agreement,
        is_right: bool,
        account: &mut Account,
    ) -> Step {
        match answer {
            Answer::WebSocket => {
                if is_right {
                    account.enter(State::Open);
                }
                return Step::Frames(agreement);
            }
            Answer::Tunnel => *self = Http::new(),
            Answer::Upgrade(protocol) => {
                self.client = Phase::Other;
                self.server = Phase::Other;
                for from in [Role::Client, Role::Server] {
                    let protocol = protocol.clone();
                    account.add(Event::OtherProtocol { from, protocol });
                }
            }
            Answer::Interim => self.server = Phase::head(),
            Answer::Final | Answer::Refusal => {
                match length {
                    Ok(length) => self.server = Phase::body(Role::Server, length),
                    Err(error) => _ = self.not_http(Role::Server, error, account),
                }
                if matches!(self.client, Phase::Held) && !self.dropped {
                    self.client = Phase::head();
                }
            }
        }
        Step::Done
    }
}

impl Asked {
    fn new(head: &Head<RequestLine>) -> Asked {
        let offer = |opening: crate::opening::Opening<'_>| Offer {
            key: opening.key.to_owned(),
            subprotocols: opening
                .subprotocols
                .iter()
                .map(|&one| one.to_owned())
                .collect(),
            extensions: parse_extensions(&head.fields).unwrap_or_default(),
        };
        Asked {
            method: head.start.method.clone(),
            upgrade: head.fields.get(name::UPGRADE).map(str::to_owned),
            opening: is_opening(head).then(|| check_request(head).map(offer)),
        }
    }
}

/// What a response is. `asked` is the request that it answers, if that passed.
fn answer_to(asked: Option<&Asked>, head: &Head<StatusLine>) -> Answer {
    let is_opening = asked.is_some_and(|asked| asked.opening.is_some());
    match head.start.status {
        101 => {
            let protocol = head.fields.list(name::UPGRADE).next().map(str::to_owned);
            match protocol.or_else(|| asked?.upgrade.clone()) {
                _ if is_opening && !has_other_upgrade(head) => Answer::WebSocket,
                Some(name) if name.eq_ignore_ascii_case("websocket") => Answer::WebSocket,
                Some(name) if name.eq_ignore_ascii_case("h2c") => Answer::Upgrade(Protocol::Http2),
                Some(name) => Answer::Upgrade(Protocol::Named(name)),
                // Nothing says what it changes to.
                None => Answer::WebSocket,
            }
        }
        100..=199 => Answer::Interim,
        200..=299 if asked.is_some_and(|asked| asked.method == "CONNECT") => Answer::Tunnel,
        _ if is_opening => Answer::Refusal,
        _ => Answer::Final,
    }
}

/// Whether the Upgrade field names a protocol that is known and is not WebSocket.
fn has_other_upgrade(head: &Head<StatusLine>) -> bool {
    head.fields.has_token(name::UPGRADE, "h2c")
}

/// Checks a 101 against the opening handshake that it answers (§4.1).
fn check_answer(
    asked: Option<&Asked>,
    offer: Option<&Offer>,
    head: &Head<StatusLine>,
) -> Result<(), HandshakeError> {
    match (asked, offer) {
        (_, Some(offer)) => {
            check_response(head, &offer.key, &offer.subprotocols, &offer.extensions)?;
            Ok(())
        }
        (Some(asked), None) if asked.opening.is_none() => Err(HandshakeError::NotOffered {
            field: name::UPGRADE,
            value: head
                .fields
                .get(name::UPGRADE)
                .unwrap_or_default()
                .to_owned(),
        }),
        // The key is not known, so the accept value cannot be compared.
        _ => accept_in(head).map(|_| ()),
    }
}

/// The protocol that begins with these bytes, if it is known.
fn protocol_of(bytes: &[u8]) -> Option<Protocol> {
    match bytes {
        // RFC 8446 §5.1: a record of the handshake.
        [0x16, ..] => Some(Protocol::Tls),
        bytes if bytes.starts_with(HTTP_2) => Some(Protocol::Http2),
        _ => None,
    }
}

fn skip_all(buffer: &mut Buffer) -> Step {
    let count = buffer.unread().len();
    buffer.consume(count);
    Step::Waiting
}

fn told(any: bool) -> Step {
    match any {
        true => Step::Done,
        false => Step::Waiting,
    }
}
