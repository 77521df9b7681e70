//! RFC 6455 §5.6, Data Frames: messages, lent and owned.

use super::frame::OpCode;
use super::sequence::MessageKind;

/// A whole message (§5.6), lent. A received message is lent by the connection's buffer, a message
/// to be sent by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Text. It is UTF-8 on the wire, and it is checked before a caller sees it.
    Text(&'a str),
    /// Bytes whose meaning the application knows.
    Binary(&'a [u8]),
}

impl<'a> Message<'a> {
    /// The payload of either kind.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        match self {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
        }
    }

    /// The text, or `None` for a binary message.
    #[must_use]
    pub fn as_text(&self) -> Option<&'a str> {
        match self {
            Message::Text(text) => Some(text),
            Message::Binary(_) => None,
        }
    }

    /// Text or binary.
    #[must_use]
    pub fn kind(&self) -> MessageKind {
        match self {
            Message::Text(_) => MessageKind::Text,
            Message::Binary(_) => MessageKind::Binary,
        }
    }

    /// The opcode of the first frame that carries it.
    #[must_use]
    #[inline]
    pub fn opcode(&self) -> OpCode {
        self.kind().opcode()
    }
}
