//! Optional: a message that owns its payload.

use super::message::Message;
use std::fmt;

impl Message<'_> {
    /// A copy that owns its payload.
    #[must_use]
    pub fn to_owned(&self) -> OwnedMessage {
        match self {
            Message::Text(text) => OwnedMessage::Text((*text).to_owned()),
            Message::Binary(bytes) => OwnedMessage::Binary(bytes.to_vec()),
        }
    }
}

/// A whole message that owns its payload: [`Message::to_owned`] makes it. It can be kept, and sent
/// to another thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnedMessage {
    /// Text.
    Text(String),
    /// Bytes whose meaning the application knows.
    Binary(Vec<u8>),
}

impl OwnedMessage {
    /// The same message, lent.
    #[must_use]
    pub fn as_message(&self) -> Message<'_> {
        match self {
            OwnedMessage::Text(text) => Message::Text(text),
            OwnedMessage::Binary(bytes) => Message::Binary(bytes),
        }
    }
}

impl<'a> From<&'a OwnedMessage> for Message<'a> {
    fn from(message: &'a OwnedMessage) -> Message<'a> {
        message.as_message()
    }
}

impl From<Message<'_>> for OwnedMessage {
    fn from(message: Message<'_>) -> OwnedMessage {
        message.to_owned()
    }
}

impl fmt::Display for OwnedMessage {
    /// As [`Message`] is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_message().fmt(f)
    }
}
