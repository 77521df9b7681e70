//! RFC 6455 as an observer sees it: one event for each thing that passes on the wire.

use crate::connection::state::State;
use crate::framing::{Header, MAX_CONTROL, Missing, OpCode, Role, Violation};
use crate::opening::{HandshakeError, Head, RequestLine, StatusLine};
use std::ops::Range;

/// An event holds this many bytes of a message's frame, to be shown.
pub const SHOWN: usize = 48;

/// An event holds the whole payload of a control frame, which is not longer than this (§5.5).
pub(super) const KEPT: usize = MAX_CONTROL;

/// One thing that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The client's opening handshake, or another request.
    Request {
        /// What it says.
        head: Head<RequestLine>,
        /// The rule that it breaks as an opening handshake.
        error: Option<HandshakeError>,
    },
    /// The server's answer.
    Response {
        /// What it says.
        head: Head<StatusLine>,
        /// The client's key that it answers.
        key: Option<String>,
        /// The rule that it breaks.
        error: Option<HandshakeError>,
    },
    /// Bytes that are not an HTTP head, where a head must come.
    NotHttp {
        /// Who sent them.
        from: Role,
        /// Why they are not a head.
        error: HandshakeError,
    },
    /// The header of a frame is complete.
    Header(FrameHeader),
    /// The payload of a frame is complete, or as much of it as came.
    Payload(FramePayload),
    /// A rule was broken. What the sender sends after that is not interpreted.
    Violation(BrokenRule),
    /// Bytes that are not interpreted.
    Bytes {
        /// Who sent them.
        from: Role,
        /// The bytes.
        bytes: Vec<u8>,
        /// Why they are not interpreted.
        why: Uninterpreted,
    },
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

/// Why bytes are not interpreted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uninterpreted {
    /// The opening handshake opened no WebSocket. The bytes may be the body of a refusal.
    NoWebSocket,
    /// A rule was broken before. Where the next frame begins is not known.
    AfterViolation,
    /// They come behind the sender's Close, which is its last frame (§5.5.1).
    AfterClose,
}

/// What one side has begun and not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// Nothing: its last head or frame is complete.
    Nothing,
    /// A head. Its empty line is missing.
    Head,
    /// A frame. These bytes are missing.
    Frame(Missing),
}

/// A frame's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Who sent it.
    pub from: Role,
    /// What it says.
    pub header: Header,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The number of the message that a data frame belongs to: this sender's first message is 1.
    /// A control frame has 0.
    pub message: u64,
    /// The number of the fragment in its message; the first is 1. A control frame has 0.
    pub fragment: u64,
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
    /// The bytes on the wire.
    pub sent: Vec<u8>,
    /// The same bytes without the mask.
    pub unmasked: Vec<u8>,
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
}
