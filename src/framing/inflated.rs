//! RFC 7692 §7.2.2, Decompression: what comes out of a compressed message.
//!
//! - Compressed bytes leave the buffer as they arrive. What comes out of them is collected, as the
//!   fragments of a message are. So a text is checked while it comes out (§8.1).
//! - A few bytes can stand for many. So what comes out is limited, not only what comes in (§10.4):
//!   [`Inflated::collect`] stops after [`STEP`] bytes, and the connection can ask its budget.
//! - Only a connection that agreed on the extension has an [`Inflated`].

use super::buffer::Buffer;
use super::collected::Collected;
use super::sequence::MessageKind;
use super::violation::Violation;
use crate::compression::{Inflater, InvalidDeflate, TAIL, Window};
use std::ops::Range;

/// After this many bytes, in one piece or several, inflating stops and can go on later.
pub(super) const STEP: usize = 64 << 10;

/// The receiving half of permessage-deflate for one connection.
#[derive(Debug)]
pub(super) struct Inflated {
    inflater: Inflater,
    max_message: usize,
    /// How many compressed bytes of this message have left the buffer.
    arrived: u64,
    /// Those of them that are not inflated yet. They stay where they are until the next read.
    waiting: Range<usize>,
    /// Inflating has stopped after a step. The next step comes before the next read.
    stopped: bool,
}

impl Inflated {
    /// `window` is that of the peer's compressor.
    pub(super) fn new(window: Window, max_message: usize) -> Inflated {
        Inflated {
            inflater: Inflater::new(window),
            max_message,
            arrived: 0,
            waiting: 0..0,
            stopped: false,
        }
    }

    /// How many compressed bytes a message may have. What does not shrink is a little longer than
    /// the message. More than that are blocks with nothing in them.
    pub(super) fn limit(&self) -> u64 {
        let longest = self.max_message as u64;
        longest.saturating_add(longest / 1000).saturating_add(64)
    }

    /// How many compressed bytes of this message have arrived.
    pub(super) fn arrived(&self) -> u64 {
        self.arrived
    }

    /// Whether more can be inflated of what has arrived. No read may come before it is.
    #[inline]
    pub(super) fn has_more(&self) -> bool {
        self.stopped
    }

    /// Takes bytes of the message that have left the buffer, and inflates them into `collected`.
    /// `is_end`: the message has no more. Returns whether all is inflated. If not, it goes on at the
    /// next call, with no bytes.
    ///
    /// # Errors
    /// Not DEFLATE; longer than the limit; not UTF-8; the compressed bytes do not end here.
    pub(super) fn collect(
        &mut self,
        buffer: &Buffer,
        consumed: Range<usize>,
        is_end: bool,
        collected: &mut Collected,
        kind: MessageKind,
    ) -> Result<bool, Violation> {
        if !consumed.is_empty() {
            debug_assert!(self.waiting.is_empty());
            self.arrived += consumed.len() as u64;
            self.waiting = consumed;
        }
        let is_all = self.inflate(buffer, collected, kind)?;
        if is_all && is_end {
            self.end_message(collected, kind)?;
        }
        Ok(is_all)
    }

    /// Inflates what has arrived, [`STEP`] bytes of message at most or a piece more. Returns whether
    /// all of it is inflated.
    fn inflate(
        &mut self,
        buffer: &Buffer,
        collected: &mut Collected,
        kind: MessageKind,
    ) -> Result<bool, Violation> {
        let mut input = buffer.consumed(self.waiting.clone());
        let start = collected.length();
        self.stopped = false;
        while !self.piece(&mut input, collected, kind)? {
            if collected.length() - start >= STEP {
                self.stopped = true;
                break;
            }
        }
        self.waiting.start = self.waiting.end - input.len();
        Ok(!self.stopped)
    }

    /// All of the message has arrived and is inflated: adds the bytes that are not sent.
    fn end_message(
        &mut self,
        collected: &mut Collected,
        kind: MessageKind,
    ) -> Result<(), Violation> {
        let mut input = &TAIL[..];
        while !self.piece(&mut input, collected, kind)? {}
        self.arrived = 0;
        Ok(self.inflater.end_message()?)
    }

    /// Collects the next piece. Returns whether the input has no more.
    fn piece(
        &mut self,
        input: &mut &[u8],
        collected: &mut Collected,
        kind: MessageKind,
    ) -> Result<bool, Violation> {
        let piece = self.inflater.inflate(input)?;
        let length = (collected.length() + piece.len()) as u64;
        let limit = self.max_message as u64;
        if length > limit {
            return Err(Violation::TooBig { length, limit });
        }
        collected.push(kind, piece, self.max_message)?;
        Ok(piece.is_empty())
    }

    /// Gives back the memory that holds nothing but room.
    pub(super) fn release(&mut self) {
        self.inflater.release();
    }

    /// The memory that it holds, in bytes.
    pub(super) fn memory(&self) -> usize {
        size_of::<Inflated>() + self.inflater.memory()
    }
}

impl From<InvalidDeflate> for Violation {
    fn from(invalid: InvalidDeflate) -> Violation {
        Violation::Deflate(invalid)
    }
}
