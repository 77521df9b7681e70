//! A connection as an observer sees it: one event for each thing that passes on the wire.

use super::agreement::Agreement;
use crate::connection::state::State;
use crate::framing::{Header, MAX_CONTROL, Missing, OpCode, Role, Violation, mask};
use crate::opening::{HandshakeError, Head, RequestLine, StatusLine};
use std::ops::Range;
use std::sync::Arc;

/// An event holds this many bytes of a message's frame, to be shown.
pub const SHOWN: usize = 48;

/// An event holds the whole payload of a control frame, which is not longer than this (§5.5).
pub(super) const KEPT: usize = MAX_CONTROL;

/// An event holds this many bytes of a body in HTTP, and of bytes that are not interpreted.
pub(super) const SHOWN_OF_BODY: usize = 200;

/// One thing that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request, such as the client's opening handshake.
    Request {
        /// What it says.
        head: Box<Head<RequestLine>>,
        /// The rule that it breaks. Only an opening handshake can break one.
        error: Option<Box<HandshakeError>>,
    },
    /// A response.
    Response {
        /// What it says.
        head: Box<Head<StatusLine>>,
        /// What it is to the request that it answers.
        answer: Answer,
        /// The key of that request, if that is an opening handshake.
        key: Option<String>,
        /// The rule that it breaks. Only an answer to an opening handshake can break one.
        error: Option<Box<HandshakeError>>,
    },
    /// The body of a request or of a response is complete.
    Body(Body),
    /// Bytes that are not HTTP, where a head or a body must come.
    NotHttp {
        /// Who sent them.
        from: Role,
        /// Why they are not HTTP.
        why: String,
    },
    /// From here on, one side speaks a protocol that is not read here.
    OtherProtocol {
        /// Which side.
        from: Role,
        /// What it speaks.
        protocol: Protocol,
    },
    /// The header of a frame is complete.
    Header(FrameHeader),
    /// The payload of a frame is complete, or as much of it as came.
    Payload(FramePayload),
    /// A rule was broken. Reading goes on if it is known where the next frame begins.
    Violation(Box<BrokenRule>),
    /// Bytes that are not interpreted.
    Bytes {
        /// Who sent them.
        from: Role,
        /// The bytes.
        bytes: Vec<u8>,
        /// Why they are not interpreted.
        why: Uninterpreted,
    },
    /// One side has begun something and not finished it. It is silent, or it has ended TCP.
    Begun(Box<Begun>),
    /// The connection enters another state.
    State(State),
    /// One side ended its direction of TCP.
    Eof {
        /// Who ended it.
        from: Role,
        /// What that side had begun and not finished.
        unfinished: Unfinished,
    },
    /// One side, or the path to it, reset TCP. That ends both directions.
    Reset {
        /// Whose bytes can no longer come.
        from: Role,
    },
}

/// What a response is to its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The last response to a request for something else than a WebSocket.
    Final,
    /// A response before the last one (RFC 9110 §15.2).
    Interim,
    /// It opens a WebSocket, or would if it broke no rule. Frames follow.
    WebSocket,
    /// It refuses to open a WebSocket. The connection may go on with another request.
    Refusal,
    /// A proxy has connected to another host. Whatever the two say follows (RFC 9110 §9.3.6).
    Tunnel,
    /// It changes to another protocol.
    Upgrade(Protocol),
}

/// A protocol that is not read here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TLS. Only its two ends can read what passes.
    Tls,
    /// HTTP/2 (RFC 9113).
    Http2,
    /// The name in an Upgrade field.
    Named(String),
}

/// A body, or the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Who sent it.
    pub from: Role,
    /// The bytes of content so far.
    pub length: u64,
    /// The first of them.
    pub start: Vec<u8>,
}

/// Why bytes are not interpreted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uninterpreted {
    /// HTTP must come, and they are not HTTP.
    NotHttp,
    /// The client sent them before the answer came. The answer says what they are, and it has not
    /// come, or they are too many to wait for it.
    BeforeAnswer,
    /// A rule was broken before. Where the next frame begins is not known.
    AfterViolation,
    /// They come behind the sender's Close, which is its last frame (§5.5.1).
    AfterClose,
    /// The header of a frame whose opcode RFC 6455 reserves. An extension in use may define it.
    OfExtension,
}

/// What one side has begun and not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// Nothing: its last head, body or frame is complete.
    Nothing,
    /// A head. Its empty line is missing.
    Head,
    /// A body. This many bytes are missing, if that is known.
    Body(Option<u64>),
    /// A frame. These bytes are missing.
    Frame(Missing),
}

/// Something that is not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Who has begun it.
    pub from: Role,
    /// What is here.
    pub part: Part,
    /// What is missing.
    pub unfinished: Unfinished,
    /// TCP has ended, so the rest does not come. If not, the side is silent, and it may come.
    pub ended: bool,
}

/// The part that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first bytes of a head.
    Head(Vec<u8>),
    /// A body so far.
    Body(Body),
    /// The first bytes of a frame's header.
    Header {
        /// The bytes.
        bytes: Vec<u8>,
        /// The extensions in use.
        agreement: Arc<Agreement>,
    },
    /// A payload so far.
    Payload(FramePayload),
}

/// A frame's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Who sent it.
    pub from: Role,
    /// What it says.
    pub header: Header,
    /// Its first bytes. [`bytes`](Self::bytes) are those that belong to it.
    pub(super) front: [u8; Header::MAX_SIZE],
    /// The extensions in use.
    pub agreement: Arc<Agreement>,
    /// The number of the message that a data frame belongs to: this sender's first message is 1.
    /// A control frame has 0, and so has a fragment of an unknown message.
    pub message: u64,
    /// The number of the fragment in its message; the first is 1. It is 0 if `message` is 0.
    pub fragment: u64,
}

impl FrameHeader {
    /// Its bytes on the wire.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.front[..Header::size(self.front[1])]
    }

    /// Whether its message has more than this frame.
    #[must_use]
    pub fn is_fragment(&self) -> bool {
        self.message > 0 && !(self.header.fin && self.fragment == 1)
    }
}

/// A frame's payload: the first [`SHOWN`] bytes; all bytes of a control frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FramePayload {
    /// Who sent it.
    pub from: Role,
    /// The header in front of it.
    pub header: Header,
    /// What the payload is. For a continuation that is the opcode of the message's first frame.
    pub opcode: OpCode,
    /// Who knows what the bytes mean.
    pub meaning: PayloadMeaning,
    /// How many bytes have come.
    pub arrived: u64,
    /// The bytes on the wire.
    pub sent: Vec<u8>,
    /// What comes out of these bytes, if [`PayloadMeaning::Compressed`].
    pub inflated: Option<Box<InflatedPart>>,
}

/// What comes out of a part of a compressed message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InflatedPart {
    /// The first [`SHOWN`] bytes.
    pub start: Vec<u8>,
    /// How many bytes there are.
    pub length: u64,
    /// The window is not known, because an earlier message was not seen whole or is wrong. Then what
    /// is here may be incomplete.
    pub lost: bool,
}

impl FramePayload {
    /// The bytes without the mask.
    #[must_use]
    pub fn unmasked(&self) -> Vec<u8> {
        let mut bytes = self.sent.clone();
        if let Some(key) = self.header.mask {
            mask(key, 0, &mut bytes);
        }
        bytes
    }
}

/// Who knows what a payload means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadMeaning {
    /// RFC 6455: it is text, bytes, or the body of a control frame.
    Plain,
    /// It is a part of a message that permessage-deflate has compressed (RFC 7692 §6).
    Compressed,
    /// An extension of which only the name is known may have changed it.
    OfExtension,
    /// Nobody: its header breaks a rule.
    NotKnown,
}

/// A rule that was broken, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenRule {
    /// Who broke it.
    pub from: Role,
    /// The rule.
    pub violation: Violation,
    /// Bytes of the frame around the place, without the mask.
    pub bytes: Vec<u8>,
    /// Which of these bytes break the rule.
    pub at: Range<usize>,
    /// The bytes are a header that cannot be decoded, so no [`Event::Header`] came before.
    pub undecoded: bool,
    /// The extensions in use.
    pub agreement: Arc<Agreement>,
}
