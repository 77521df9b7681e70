//! RFC 6455 §5.6, Data Frames: messages, lent and owned.

use super::frame::OpCode;
use super::sequence::MessageKind;
use std::fmt;

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

impl fmt::Display for Message<'_> {
    /// A text unchanged. A binary message as its length and its bytes, so that nobody takes it for
    /// a text: `[3 bytes: 01 02 ff]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Text(text) => f.write_str(text),
            Message::Binary(bytes) => {
                let plural = if bytes.len() == 1 { "" } else { "s" };
                write!(f, "[{} byte{plural}", bytes.len())?;
                for (i, byte) in bytes.iter().enumerate() {
                    write!(f, "{} {byte:02x}", if i == 0 { ":" } else { "" })?;
                }
                f.write_str("]")
            }
        }
    }
}

impl<'a> From<&'a str> for Message<'a> {
    fn from(text: &'a str) -> Message<'a> {
        Message::Text(text)
    }
}

impl<'a> From<&'a String> for Message<'a> {
    fn from(text: &'a String) -> Message<'a> {
        Message::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Message<'a> {
    fn from(bytes: &'a [u8]) -> Message<'a> {
        Message::Binary(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Message<'a> {
    fn from(bytes: &'a [u8; N]) -> Message<'a> {
        Message::Binary(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Message<'a> {
    fn from(bytes: &'a Vec<u8>) -> Message<'a> {
        Message::Binary(bytes)
    }
}
