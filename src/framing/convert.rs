//! What becomes a message, and how a message is shown.

use super::message::Message;
use std::fmt;

impl fmt::Display for Message<'_> {
    /// A text unchanged. A binary message as its length and its bytes, so that it cannot be taken
    /// for a text: `[3 bytes: 01 02 ff]`.
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
