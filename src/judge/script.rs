//! What is played to test a rule: a head and its answer, or the steps on an open connection.

use super::bits::{Bits, CLOSE, close_body, frame};
use super::conversation::{Came, Conversation};
use super::request::Request;
use crate::opening::{Fields, Head, RequestLine, StatusLine};
use crate::printable::Printable;

/// What is played.
#[derive(Clone, Debug)]
pub(super) enum Script {
    /// A head is sent, in pieces that end at these places. The answer is judged.
    Opening {
        request: Box<Request>,
        cuts: Cuts,
        asked: fn(&Answer) -> Judged,
    },
    /// The request of a client is judged.
    Request(fn(&Visit) -> Judged),
    /// A client gets this answer to its key, which breaks a rule. It fails the connection.
    BadAnswer(fn(&str) -> String),
    /// A client gets this answer, which is lawful HTTP and opens nothing. It may use TCP again.
    Refusal(fn(&str) -> String),
    /// A lawful opening, then these steps.
    Open(Vec<Step>),
    /// A lawful opening with an offer of permessage-deflate, then these steps.
    Compressed(&'static str, Vec<Step>),
}

/// How a head is cut into writes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cuts {
    /// One write.
    None,
    /// A write for each byte.
    Everywhere,
    /// Two writes: the second has so many bytes.
    BeforeLast(usize),
}

/// One step on an open connection.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// One write for these frames.
    Send(Vec<Bits>),
    /// The first bytes of these frames, each in a write of its own; then the rest in one.
    Cut(Vec<Bits>, usize),
    /// One write for these frames, without their last bytes. They are held back.
    Hold(Vec<Bits>, usize),
    /// The next message is this one. Pongs that come before it are kept for later steps.
    Message(u8, Vec<u8>),
    /// A Pong with this payload comes. Messages that come before it are kept for later steps.
    Pong(Vec<u8>),
    /// The same, or the endpoint ends a connection that asks too much of it.
    PongOrLimit(Vec<u8>),
    /// The connection is still open, and answers.
    Alive,
    /// The endpoint fails the connection (§7.1.7): a Close, or the end of TCP.
    Fails,
    /// The endpoint fails the connection with a Close that has one of these codes.
    FailsWith(&'static [u16]),
    /// The endpoint fails the connection now. If it does so only after the bytes that were held
    /// back, it is late.
    FailsBeforeRest,
    /// A Close comes whose body is good, by this check.
    Closes(fn(&[u8]) -> Judged),
    /// The endpoint ends TCP.
    Ends,
    /// What was seen so far is good, by this check.
    Look(fn(&Conversation) -> Judged),
    /// The endpoint may refuse what was sent, or wait for more of it. It must not break.
    MayRefuse,
}

/// `Err`: what was seen in place of what was asked.
pub(super) type Judged = Result<(), String>;

/// A client that has connected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit<'a> {
    /// Its request.
    pub(super) head: &'a Head<RequestLine>,
    /// The keys of its earlier connections.
    pub(super) earlier: &'a [String],
}

/// The answer to a head.
pub(super) type Answer = Came<StatusLine>;

impl Answer {
    pub(super) fn words(&self) -> String {
        match self {
            Answer::Head(head) => format!("the answer \"{}\"", Printable(&head.start.to_string())),
            Answer::NotHttp(why) => format!("an answer that is not HTTP: {why}"),
            Answer::Ended => "the end of TCP, without an answer".to_owned(),
            Answer::Nothing => "no answer in time".to_owned(),
        }
    }
}

/// A field that is a list contains a token.
pub(super) fn has_token(fields: &Fields, name: &str, token: &str) -> Judged {
    match (fields.has_token(name, token), fields.get(name)) {
        (true, _) => Ok(()),
        (false, Some(value)) => Err(format!("{name}: {value}")),
        (false, None) => Err(format!("no field {name}")),
    }
}

/// One write for these frames.
pub(super) fn send(frames: &[Bits]) -> Step {
    Step::Send(frames.to_vec())
}

/// A write for each byte of this frame.
pub(super) fn cut(frame: Bits) -> Step {
    Step::Cut(vec![frame], usize::MAX)
}

/// A Close with this code and no reason.
pub(super) fn send_close(code: u16) -> Step {
    Step::Send(vec![frame(CLOSE, close_body(code, ""))])
}

/// The next message is this text.
pub(super) fn comes(text: &str) -> Step {
    Step::Message(super::bits::TEXT, text.as_bytes().to_vec())
}

/// The code in the body of a Close.
pub(super) fn code_of(body: &[u8]) -> Option<u16> {
    body.first_chunk::<2>()
        .map(|code| u16::from_be_bytes(*code))
}
