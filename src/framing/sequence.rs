//! RFC 6455 §5.4, Fragmentation: which frame may follow which.
//!
//! The endpoint and the observer both use these rules.

use super::frame::{Header, OpCode};
use super::violation::Violation;

/// The two types of a message (§5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// UTF-8 text.
    Text,
    /// Bytes whose meaning the application knows.
    Binary,
}

impl MessageKind {
    /// The opcode of the first frame of such a message.
    #[must_use]
    pub fn opcode(self) -> OpCode {
        match self {
            MessageKind::Text => OpCode::Text,
            MessageKind::Binary => OpCode::Binary,
        }
    }
}

/// The place in the sequence of frames that one side sends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sequence {
    /// The message that has begun and is not finished. A message in one frame begins and ends with
    /// that frame.
    message: Option<MessageKind>,
    /// RFC 7692 §6: "Per-Message Compressed" is said by RSV1 of the first frame, for the whole
    /// message.
    compressed: bool,
}

impl Sequence {
    /// Checks that a frame with this header may come next. If it may, and if it begins a message,
    /// that message is now unfinished.
    ///
    /// # Errors
    /// A Continuation frame outside a message; a Text or Binary frame inside one.
    #[inline]
    pub(crate) fn begin_frame(&mut self, header: &Header) -> Result<(), Violation> {
        match (self.message, header.opcode) {
            (_, OpCode::Close | OpCode::Ping | OpCode::Pong) => {}
            (Some(_), OpCode::Continuation) => {}
            (None, OpCode::Text) => self.message = Some(MessageKind::Text),
            (None, OpCode::Binary) => self.message = Some(MessageKind::Binary),
            (None, OpCode::Continuation) => return Err(Violation::NothingToContinue),
            (Some(_), OpCode::Text | OpCode::Binary) => {
                return Err(Violation::UnfinishedMessage(header.opcode.encode()));
            }
        }
        if matches!(header.opcode, OpCode::Text | OpCode::Binary) {
            self.compressed = header.rsv1;
        }
        Ok(())
    }

    /// Whether the message that has begun last is compressed.
    #[inline]
    pub(crate) fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// Notes that the payload of this frame is complete. Returns the kind of the message that it
    /// finishes, if it does.
    #[inline]
    pub(crate) fn end_frame(&mut self, header: &Header) -> Option<MessageKind> {
        match header.fin && !header.opcode.is_control() {
            true => self.message.take(),
            false => None,
        }
    }

    /// The kind of the unfinished message, if there is one.
    #[inline]
    pub(crate) fn unfinished(&self) -> Option<MessageKind> {
        self.message
    }
}
