//! RFC 7692 §7.2.1, Compression: what this end sends, compressed.
//!
//! - One thread sends: the window goes on from message to message, if that was agreed.
//! - Several threads send: each message begins with an empty window, because messages leave in
//!   another order than they were compressed in. [`Order`] says which of the two it is.
//! - A message that would not shrink goes as it is (§6: the sender may choose that for each
//!   message). It does not enter the window.

use super::compression::Compression;
use crate::compression::{Deflater, TAIL, Window};
use std::sync::atomic::{AtomicBool, Ordering};

/// What the threads that send on one connection know of each other.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Other threads send, too. It never becomes false again.
    several: AtomicBool,
    /// The connection's own writer has messages that are not sent, and that need the window. A
    /// compressed message of another thread, sent before them, would change it.
    unsent: AtomicBool,
}

impl Order {
    /// Another thread is about to send.
    pub(super) fn note_sender(&self) {
        self.several.store(true, Ordering::Release);
    }

    /// The writer has messages that need the window, or has sent them.
    pub(super) fn note_unsent(&self, unsent: bool) {
        self.unsent.store(unsent, Ordering::Release);
    }

    /// Whether another thread may send a compressed message now. Once it may, it always may: the
    /// writer does not use the window any more.
    pub(super) fn allows_compressed(&self) -> bool {
        !self.unsent.load(Ordering::Acquire)
    }

    fn has_several(&self) -> bool {
        self.several.load(Ordering::Acquire)
    }
}

/// How this end compresses on one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compressing {
    pub(super) window: Window,
    level: u8,
    threshold: usize,
}

impl Compressing {
    /// `agreed` is the window that the two sides agreed on for this direction.
    pub(super) fn new(agreed: Window, wanted: Compression) -> Compressing {
        Compressing {
            window: agreed.at_most(wanted.sending),
            level: wanted.level,
            threshold: wanted.threshold,
        }
    }

    /// Whether a message of this length goes compressed, if it shrinks to that one.
    fn is_worth(&self, length: usize, compressed: usize) -> bool {
        self.threshold == 0 || compressed < length
    }

    /// Compresses a message from an empty window. `None`: it goes as it is.
    pub(super) fn alone(&self, message: &[u8]) -> Option<Vec<u8>> {
        if message.len() < self.threshold {
            return None;
        }
        let mut compressed = Vec::new();
        let window = self.window.without_takeover();
        Deflater::new(window, self.level).deflate(message, &mut compressed);
        self.is_worth(message.len(), compressed.len())
            .then_some(compressed)
    }
}

/// The compressor of the connection's own writer.
#[derive(Debug)]
pub(super) struct Compressor {
    pub(super) how: Compressing,
    deflater: Deflater,
    /// The message that was compressed last.
    compressed: Vec<u8>,
}

impl Compressor {
    pub(super) fn new(how: Compressing) -> Compressor {
        Compressor {
            how,
            deflater: Deflater::new(how.window, how.level),
            compressed: Vec::new(),
        }
    }

    /// Compresses a message. `None`: it goes as it is.
    pub(super) fn message(&mut self, message: &[u8], order: &Order) -> Option<&[u8]> {
        if message.len() < self.how.threshold {
            return None;
        }
        self.deflate(message, order);
        if !self.how.is_worth(message.len(), self.compressed.len()) {
            self.deflater.forget_last_message();
            return None;
        }
        Some(&self.compressed)
    }

    /// Compresses a fragment, which ends at a byte like a message. Only the last one goes without
    /// its last four bytes.
    pub(super) fn fragment(&mut self, fragment: &[u8], fin: bool, order: &Order) -> &[u8] {
        self.deflate(fragment, order);
        if !fin {
            self.compressed.extend(TAIL);
        }
        &self.compressed
    }

    fn deflate(&mut self, bytes: &[u8], order: &Order) {
        if self.uses_window() && order.has_several() {
            self.how.window = self.how.window.without_takeover();
            self.deflater = Deflater::new(self.how.window, self.how.level);
        }
        if self.uses_window() {
            order.note_unsent(true);
        }
        self.compressed.clear();
        self.deflater.deflate(bytes, &mut self.compressed);
    }

    fn uses_window(&self) -> bool {
        self.how.window.takeover()
    }

    /// The memory that it holds, in bytes.
    pub(super) fn memory(&self) -> usize {
        size_of::<Compressor>() + self.deflater.memory() + self.compressed.capacity()
    }

    /// Gives back the memory that holds no window.
    pub(super) fn release(&mut self) {
        self.deflater.release();
        self.compressed = Vec::new();
    }
}
