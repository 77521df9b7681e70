//! The bytes that have arrived and are not yet read: one buffer a connection, from the first byte
//! of the handshake to the last frame. Bytes that arrive behind the handshake are therefore where
//! the first frame is looked for.
//!
//! What it promises: memory follows bytes received, never bytes promised; and the work is linear,
//! since taking bytes from the front moves an index and nothing else.

use std::io;
use std::ops::Range;

/// The room offered to one read: where it starts, and where it stops growing. It doubles when a
/// read fills it and halves when a read leaves three quarters of it empty, so an idle connection
/// costs half a kibibyte and a busy one answers a whole burst with one system call.
const SMALLEST_READ: usize = 1 << 9;
const LARGEST_READ: usize = 1 << 18;

/// A queue of bytes in one piece of memory: filled at the end by reads, consumed at the front.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// All of it initialised; `unread` says which part means something.
    bytes: Vec<u8>,
    unread: Range<usize>,
    next_read: usize,
}

impl Buffer {
    pub(crate) fn new() -> Buffer {
        Buffer {
            bytes: Vec::new(),
            unread: 0..0,
            next_read: SMALLEST_READ,
        }
    }

    /// The bytes that have arrived and were not consumed.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.unread.clone()]
    }

    /// The same, to unmask them where they are.
    pub(crate) fn unread_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.unread.clone()]
    }

    /// Takes `count` bytes from the front and says where they lie. They stay there until the next
    /// `fill`.
    pub(crate) fn consume(&mut self, count: usize) -> Range<usize> {
        assert!(count <= self.unread.len());
        let consumed = self.unread.start..self.unread.start + count;
        self.unread.start = consumed.end;
        consumed
    }

    /// Bytes consumed since the last `fill`.
    pub(crate) fn consumed(&self, place: Range<usize>) -> &[u8] {
        &self.bytes[place]
    }

    /// All that has arrived since the buffer was last empty, consumed or not.
    pub(crate) fn all(&self) -> &[u8] {
        &self.bytes[..self.unread.end]
    }

    /// Offers the free space at the end to one `read` and keeps what it put there. Returns how
    /// much that was; an error leaves the buffer as it was.
    pub(crate) fn fill(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.make_room();
        let room = &mut self.bytes[self.unread.end..];
        let offered = room.len();
        let count = read(room)?;
        assert!(
            count <= offered,
            "a reader cannot read more than it was given room for"
        );
        self.unread.end += count;
        if count == offered {
            self.next_read = (self.next_read * 2).min(LARGEST_READ);
        } else if count < self.next_read / 4 {
            self.next_read = (self.next_read / 2).max(SMALLEST_READ);
        }
        Ok(count)
    }

    fn make_room(&mut self) {
        if self.unread.is_empty() {
            self.unread = 0..0;
            if self.bytes.len() > 4 * self.next_read {
                self.bytes.truncate(self.next_read);
                self.bytes.shrink_to_fit();
            }
        }
        if self.bytes.len() - self.unread.end >= self.next_read {
            return;
        }
        // Moving the unread bytes to the front is paid for by at least as many that were consumed.
        if self.unread.start >= self.unread.len() {
            self.bytes.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        // Doubling keeps the sum of all copies below twice the bytes received.
        let wanted = self.unread.end + self.next_read;
        if self.bytes.len() < wanted {
            self.bytes.resize(wanted.max(2 * self.unread.len()), 0);
        }
    }
}
