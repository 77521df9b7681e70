//! RFC 1951, from bytes to compressed bytes; made for messages (RFC 7692 §7.2.1).
//!
//! - A message is compressed as a whole. It ends at a byte boundary with an empty stored block whose
//!   last four bytes, 00 00 ff ff, are left out.
//! - With takeover, the window goes on to the next message.
//! - Long messages are compressed piece by piece. So the memory, apart from the output, has a limit.

use super::bits::BitWriter;
use super::block::Block;
use super::matches::Matches;
use super::symbols::MIN_MATCH;
use super::window::Window;

/// A message is compressed in pieces of this many bytes.
const PIECE: usize = 64 << 10;

/// Before positions reach this number, everything is forgotten and they begin again.
const LAST_POSITION: u32 = 1 << 31;

/// RFC 7692 §7.2.1: the four bytes that every compressed message ends with, and that are not sent.
pub const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// The sending half: it compresses the messages of one direction.
#[derive(Debug)]
pub struct Deflater {
    window: Window,
    /// The bytes before the next message that a match can repeat.
    history: Vec<u8>,
    /// The position of the first of them; see `matches.rs`.
    first: u32,
    matches: Matches,
    /// How much history there was before the last message, if all of that is still there.
    before_last: Option<usize>,
}

impl Deflater {
    /// A compressor that keeps to `window`: no match reaches farther back. `level` is from 1 (fast)
    /// to 9 (small); what is outside counts as the nearest of these.
    #[must_use]
    pub fn new(window: Window, level: u8) -> Deflater {
        Deflater {
            window,
            history: Vec::new(),
            first: 0,
            matches: Matches::new(window.size(), level),
            before_last: None,
        }
    }

    /// Compresses a message, and appends it to `out`. An empty message is the byte 00.
    pub fn deflate(&mut self, message: &[u8], out: &mut Vec<u8>) {
        let mut writer = BitWriter::default();
        let mut block = Block::new(message.len());
        self.slide();
        self.before_last = Some(self.history.len());
        for piece in message.chunks(PIECE) {
            if self.history.len() > self.window.size() + PIECE {
                self.slide();
            }
            let start = self.history.len();
            self.history.extend_from_slice(piece);
            self.matches.make_room(self.history.len(), self.first);
            self.piece(start, &mut block, &mut writer, out);
        }
        // The empty stored block: three bits, and what fills the byte.
        writer.put(0, 3, out);
        writer.pad(out);
        if !self.window.takeover() {
            self.forget_window();
        }
    }

    /// Compresses what follows `start` in the history.
    fn piece(
        &mut self,
        start: usize,
        block: &mut Block,
        writer: &mut BitWriter,
        out: &mut Vec<u8>,
    ) {
        let bytes = &self.history[..];
        let matches = &mut self.matches;
        let lazy = matches.effort.lazy;
        let (mut at, mut block_start) = (start, start);
        let mut found = None;
        while at < bytes.len() {
            let here = found
                .take()
                .or_else(|| matches.find(bytes, self.first, at, MIN_MATCH - 1));
            // A match that begins one byte later may be longer.
            if let Some(here) = here
                && here.length < lazy
            {
                found = matches.find(bytes, self.first, at + 1, here.length);
            }
            match here {
                Some(here) if found.is_none() => {
                    block.push_match(here);
                    at += here.length;
                }
                _ => {
                    block.push_literal(bytes[at]);
                    at += 1;
                }
            }
            if block.is_full() {
                block.write(&bytes[block_start..at], writer, out);
                block_start = at;
            }
        }
        if !block.is_empty() {
            block.write(&bytes[block_start..], writer, out);
        }
    }

    /// What is out of reach leaves the history.
    fn slide(&mut self) {
        let excess = self.history.len().saturating_sub(self.window.size());
        if excess == 0 {
            return;
        }
        self.before_last = None;
        self.history.drain(..excess);
        self.first += excess as u32;
        if self.first > LAST_POSITION {
            self.forget_window();
        }
    }

    /// The next message begins with an empty window. The memory is kept; nothing has to be cleared,
    /// because positions go on.
    pub fn forget_window(&mut self) {
        self.first += self.history.len() as u32;
        self.history.clear();
        self.before_last = None;
        if self.first > LAST_POSITION {
            self.matches.forget();
            self.first = 0;
        }
    }

    /// Gives back the memory that holds no window. Between messages without takeover that is all of
    /// it.
    pub fn release(&mut self) {
        self.slide();
        self.history.shrink_to_fit();
        if self.history.is_empty() {
            self.matches.forget();
            self.first = 0;
        }
    }

    /// The last message was not sent compressed, so the peer's window does not have it (RFC 7692
    /// §7.2.2). If that message has pushed others out of the window, the window is forgotten.
    pub fn forget_last_message(&mut self) {
        match self.before_last {
            Some(length) => {
                self.history.truncate(length);
                self.matches.take_back(self.first + length as u32);
            }
            None => self.forget_window(),
        }
    }

    /// The memory that it holds, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.history.capacity() + self.matches.memory()
    }
}
