//! RFC 6455 §5.4, Fragmentation: what has arrived of a fragmented message.
//!
//! - Bytes of a fragment leave the buffer as they arrive, and are added to those before them.
//! - A text is checked while it is collected (§8.1). That is one check for each byte, while it is near
//!   the processor. A wrong byte is refused as soon as it is here.

use super::buffer::free;
use super::message::Message;
use super::sequence::MessageKind;
use super::utf8::Utf8;
use super::violation::Violation;

/// The payloads of the fragments, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    binary: Vec<u8>,
    /// The whole characters of a text.
    text: String,
    /// The check of a text, with the character that the last piece cut.
    check: Utf8,
}

impl Collected {
    /// Adds a piece. The memory doubles when it is full, but the message will not be longer than
    /// `most` bytes.
    ///
    /// # Errors
    /// [`Violation::NotUtf8`]: no text begins like this.
    pub(super) fn push(
        &mut self,
        kind: MessageKind,
        piece: &[u8],
        most: usize,
    ) -> Result<(), Violation> {
        match kind {
            MessageKind::Binary => {
                let length = self.binary.len();
                let capacity = grown(length, self.binary.capacity(), piece.len(), most);
                self.binary.reserve_exact(capacity - length);
                self.binary.extend_from_slice(piece);
            }
            MessageKind::Text => {
                let length = self.text.len();
                let more = self.check.cut().len() + piece.len();
                let capacity = grown(length, self.text.capacity(), more, most);
                self.text.reserve_exact(capacity - length);
                let (completed, whole) = self.check.push(piece)?;
                self.text.extend(completed);
                self.text.push_str(whole);
            }
        }
        Ok(())
    }

    /// How many bytes have arrived.
    #[inline]
    pub(super) fn length(&self) -> usize {
        self.binary.len() + self.text.len() + self.check.cut().len()
    }

    /// Lends the message when all of it has arrived.
    ///
    /// # Errors
    /// [`Violation::NotUtf8`]: the text ends inside a character.
    pub(super) fn message(&self, kind: MessageKind) -> Result<Message<'_>, Violation> {
        match kind {
            MessageKind::Binary => Ok(Message::Binary(&self.binary)),
            MessageKind::Text => {
                self.check.finish()?;
                Ok(Message::Text(&self.text))
            }
        }
    }

    /// All bytes that have arrived.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        [&self.binary, self.text.as_bytes(), self.check.cut()].concat()
    }

    /// A new message begins. The memory is kept.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.binary.clear();
        self.text.clear();
        self.check = Utf8::default();
    }

    /// Frees everything.
    pub(super) fn forget(&mut self) {
        free(&mut self.binary);
        free(&mut std::mem::take(&mut self.text).into_bytes());
        self.check = Utf8::default();
    }

    /// The memory that it holds, in bytes.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        self.binary.capacity() + self.text.capacity()
    }

    /// The memory that it holds after a piece of `more` bytes, at most.
    pub(super) fn memory_with(&self, kind: MessageKind, more: usize, most: usize) -> usize {
        let capacity = match kind {
            MessageKind::Binary => self.binary.capacity(),
            MessageKind::Text => self.text.capacity(),
        };
        let grown = grown(self.length(), capacity, more, most);
        self.memory() - capacity + grown
    }
}

/// The capacity that holds `more` bytes behind `length` others.
fn grown(length: usize, capacity: usize, more: usize, most: usize) -> usize {
    let needed = length + more;
    match needed > capacity {
        true => needed.max(2 * capacity).min(most.max(needed)),
        false => capacity,
    }
}
