//! The bytes that have arrived and are not processed yet.
//!
//! - Each direction of a connection has one buffer, from the first byte of the handshake to the
//!   last frame. So bytes that arrive behind the handshake are already where the first frame is
//!   looked for.
//! - Reading takes two steps: [`Buffer::room`] lends free space, [`Buffer::filled`] says how much
//!   of it was used.
//! - Memory follows the bytes received, never a length that a peer promises. It is kept while bytes
//!   keep coming, so a busy connection never pays for clearing it; [`Buffer::release`] gives it
//!   back.
//! - The work is linear: taking bytes from the front moves an index and nothing else.

use std::ops::Range;

/// The bytes begin here in the memory. Behind the 16 bytes that an allocator keeps at the beginning
/// of a page, this is a cache line. In front of it, some processors copy at half the speed from page
/// to page (`rep movsb`), and so the system copies what is read.
const START: usize = 48;

/// The room for the first read. It doubles when a read fills it, so a busy connection takes a whole
/// burst with one system call. An idle connection costs half a kibibyte.
const SMALLEST_READ: usize = (1 << 9) - START;

/// A frame that needs more bytes than this is long. One read takes the rest of it and nothing more, so
/// what follows need not be moved to the front. Then the next header is read with little room.
const LONG: usize = 1 << 14;

/// A queue of bytes in one piece of memory: reads fill it at the end, `consume` takes from the
/// front.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// All of it is initialised. `unread` says which part holds received bytes.
    bytes: Vec<u8>,
    unread: Range<usize>,
    next_read: usize,
}

impl Buffer {
    /// The most bytes that one read takes, except for a long frame.
    pub(crate) const LARGEST_READ: usize = 1 << 16;

    pub(crate) fn new() -> Buffer {
        Buffer {
            bytes: Vec::new(),
            unread: 0..0,
            next_read: SMALLEST_READ,
        }
    }

    /// The bytes that have arrived and are not consumed.
    #[inline]
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.unread.clone()]
    }

    /// The same bytes, to unmask them in place.
    #[inline]
    pub(crate) fn unread_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.unread.clone()]
    }

    /// Takes `count` bytes from the front and says where they are. They stay there until the next
    /// call of [`room`](Self::room).
    #[inline]
    pub(crate) fn consume(&mut self, count: usize) -> Range<usize> {
        assert!(count <= self.unread.len());
        let consumed = self.unread.start..self.unread.start + count;
        self.unread.start = consumed.end;
        consumed
    }

    /// Bytes that were consumed since the last call of [`room`](Self::room).
    #[inline]
    pub(crate) fn consumed(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// All bytes that have arrived since the buffer was last empty, consumed or not.
    pub(crate) fn received(&self) -> &[u8] {
        self.bytes.get(START..self.unread.end).unwrap_or(&[])
    }

    /// Free space at the end, for one read. It is never empty.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.room_for(0)
    }

    /// Free space for one read of a frame that needs this many more bytes. A long frame gets room
    /// for itself and no more, and the buffer at most doubles for it.
    pub(crate) fn room_for(&mut self, missing: usize) -> &mut [u8] {
        self.begin_if_empty();
        self.make_room(self.wanted(missing));
        let is_long = missing > LONG;
        let most = if is_long { missing } else { self.next_read };
        if is_long {
            self.next_read = self.next_read.min(LONG / 2);
        }
        let end = self.bytes.len().min(self.unread.end + most);
        &mut self.bytes[self.unread.end..end]
    }

    /// Notes that a read put `count` bytes into the [`room`](Self::room).
    pub(crate) fn filled(&mut self, count: usize) {
        self.unread.end += count;
        assert!(
            self.unread.end <= self.bytes.len(),
            "a reader cannot read more than it was given room for"
        );
        if count >= self.next_read {
            self.next_read = (self.next_read * 2).min(Self::LARGEST_READ);
        }
    }

    /// Appends bytes that somebody else has read.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.begin_if_empty();
        self.make_room(bytes.len().max(self.unread.len()));
        let start = self.unread.end;
        self.unread.end += bytes.len();
        self.bytes[start..self.unread.end].copy_from_slice(bytes);
    }

    /// The memory that it holds, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.len()
    }

    /// The memory that it holds after [`room_for`](Self::room_for) with the same `missing`, at most.
    pub(crate) fn memory_with_room(&self, missing: usize) -> usize {
        let needed = self.unread.end.max(START) + self.wanted(missing);
        self.bytes.len().max(needed)
    }

    /// How many free bytes a read wants.
    fn wanted(&self, missing: usize) -> usize {
        match missing > LONG {
            true => missing.min(self.unread.len().max(LONG)),
            false => self.next_read,
        }
    }

    /// Frees everything.
    pub(crate) fn forget(&mut self) {
        free(&mut self.bytes);
        *self = Buffer::new();
    }

    /// Gives back the memory that holds no unread bytes.
    pub(crate) fn release(&mut self) {
        if self.unread.is_empty() {
            return self.forget();
        }
        self.bytes.truncate(self.unread.end);
        self.bytes.drain(START..self.unread.start);
        self.bytes.shrink_to_fit();
        self.unread = START..self.bytes.len();
        self.next_read = SMALLEST_READ;
    }

    /// An empty buffer begins again at the front.
    fn begin_if_empty(&mut self) {
        if self.unread.is_empty() {
            self.unread = START..START;
        }
    }

    /// Makes sure that `wanted` bytes are free behind the unread ones.
    fn make_room(&mut self, wanted: usize) {
        let needed = self.unread.end + wanted;
        if self.bytes.len() >= needed {
            return;
        }
        // More bytes were consumed than are moved to the front here. So all moves together cost less
        // than the bytes received.
        if self.unread.start > START + self.unread.len() {
            self.bytes.copy_within(self.unread.clone(), START);
            self.unread = START..START + self.unread.len();
        }
        let needed = self.unread.end + wanted;
        if self.bytes.len() < needed {
            self.bytes.reserve_exact(needed - self.bytes.len());
            self.bytes.resize(needed, 0);
        }
    }
}

/// Frees the memory of these bytes. Shrinking before freeing makes the allocator of glibc let go of
/// it: from each large block that a program frees whole, it learns to keep such blocks, for each of
/// its arenas (`mallopt(3)`, `M_MMAP_THRESHOLD`).
pub(crate) fn free(bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.shrink_to(SMALLEST_READ);
    *bytes = Vec::new();
}
