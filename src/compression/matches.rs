//! RFC 1951 §4, Compression algorithm details: bytes that were there before.
//!
//! - Positions with the same hash of three bytes form a chain, the newest first. A search follows
//!   the chain, and compares.
//! - A position counts all bytes that ever came. So when bytes leave the window, nothing has to be
//!   cleared: their positions are too small from then on. What a chain says is only a hint; the bytes
//!   decide.
//! - The tables are as large as what is compressed. A short message does not pay for a long one.

use super::symbols::{MAX_MATCH, MIN_MATCH};

/// Bytes that are repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) length: usize,
    pub(super) distance: usize,
}

/// How much work a search may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// How many places of a chain are compared.
    chain: usize,
    /// A match of this length is good: the search for a better one, one byte later, compares a
    /// quarter of the places.
    good: usize,
    /// A match of this length is good enough to stop at it.
    nice: usize,
    /// After a match that is shorter than this, one byte later is tried, too.
    pub(super) lazy: usize,
}

/// The efforts of the levels from 1 to 9.
const EFFORTS: [Effort; 9] = [
    effort(4, 4, 8, 0),
    effort(6, 4, 16, 0),
    effort(12, 4, 32, 0),
    effort(16, 4, 32, 4),
    effort(24, 8, 64, 16),
    effort(64, 8, 128, 32),
    effort(128, 8, 128, 64),
    effort(512, 32, MAX_MATCH, 128),
    effort(4096, 32, MAX_MATCH, MAX_MATCH),
];

const fn effort(chain: usize, good: usize, nice: usize, lazy: usize) -> Effort {
    Effort {
        chain,
        good,
        nice,
        lazy,
    }
}

/// A match of three bytes that begins farther back than this costs more bits than three literals.
const FAR: usize = 4096;

/// The smallest tables.
const SMALLEST: usize = 1 << 8;

/// The chains.
#[derive(Clone, Debug)]
pub(super) struct Matches {
    pub(super) effort: Effort,
    window: usize,
    /// For each hash, the newest position with it. 0: there is none.
    newest: Vec<u32>,
    /// For each position, the one before it with the same hash. The index is its lowest bits.
    before: Vec<u32>,
    /// The first position that is not in a chain.
    next: u32,
}

impl Matches {
    pub(super) fn new(window: usize, level: u8) -> Matches {
        let level = level.clamp(1, EFFORTS.len() as u8);
        Matches {
            effort: EFFORTS[usize::from(level - 1)],
            window,
            newest: Vec::new(),
            before: Vec::new(),
            next: 0,
        }
    }

    /// Makes tables for this many bytes. Larger tables begin empty; the positions from `first` on
    /// enter them again.
    pub(super) fn make_room(&mut self, bytes: usize, first: u32) {
        let size = bytes.next_power_of_two().clamp(SMALLEST, self.window);
        if self.newest.len() < size {
            self.newest = vec![0; size];
            self.before = vec![0; size];
            self.next = first;
        }
    }

    /// Forgets everything, and frees the memory.
    pub(super) fn forget(&mut self) {
        self.newest = Vec::new();
        self.before = Vec::new();
        self.next = 0;
    }

    /// The bytes from this position on were taken back.
    pub(super) fn take_back(&mut self, position: u32) {
        self.next = self.next.min(position);
    }

    pub(super) fn memory(&self) -> usize {
        (self.newest.capacity() + self.before.capacity()) * size_of::<u32>()
    }

    /// The longest match for the bytes at `at`, of those longer than `shorter`, which is 2 or more.
    /// `first` is the
    /// position of `bytes[0]`. Each call is for a place behind that of the call before.
    #[inline]
    pub(super) fn find(
        &mut self,
        bytes: &[u8],
        first: u32,
        at: usize,
        shorter: usize,
    ) -> Option<Match> {
        let ahead = &bytes[at..];
        if ahead.len() < MIN_MATCH {
            return None;
        }
        let mut candidate = self.enter(bytes, first, at);
        let position = first + at as u32;
        // The position 0 is never found, as in zlib; RFC 7692 §7.2.3.2 shows it.
        let oldest = position
            .saturating_sub(self.window as u32)
            .max(first)
            .max(1);
        let most = ahead.len().min(MAX_MATCH);
        if candidate < oldest || shorter >= most {
            return None;
        }
        let mut best = Match {
            length: shorter,
            distance: 0,
        };
        let mut chain = match best.length >= self.effort.good {
            true => self.effort.chain / 4,
            false => self.effort.chain,
        };
        let mut newer = position;
        // A candidate that is not older than the one before it is left over from other bytes.
        while candidate < newer && candidate >= oldest && chain > 0 {
            let place = (candidate - first) as usize;
            // Most candidates fail at the byte that would make the match longer.
            if bytes[place + best.length] == ahead[best.length] {
                let length = common(&bytes[place..], ahead, most);
                if length > best.length {
                    best = Match {
                        length,
                        distance: at - place,
                    };
                    if length >= self.effort.nice.min(most) {
                        break;
                    }
                }
            }
            newer = candidate;
            candidate = self.before[candidate as usize & (self.before.len() - 1)];
            chain -= 1;
        }
        let is_dear = best.length == MIN_MATCH && best.distance > FAR;
        (best.distance > 0 && !is_dear).then_some(best)
    }

    /// Enters all places up to `at` into their chains. Returns the newest position that has the
    /// same hash as `at`.
    #[inline]
    fn enter(&mut self, bytes: &[u8], first: u32, at: usize) -> u32 {
        let shift = 32 - self.newest.len().ilog2();
        let mask = self.before.len() - 1;
        let mut last = 0;
        let from = (self.next.max(first) - first) as usize;
        let positions = first + from as u32..;
        for (position, bytes) in positions.zip(bytes[from..at + MIN_MATCH].windows(MIN_MATCH)) {
            let value = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
            // Knuth's multiplicative hash.
            let hash = (value.wrapping_mul(0x9E37_79B1) >> shift) as usize;
            last = self.newest[hash];
            self.before[position as usize & mask] = last;
            self.newest[hash] = position;
        }
        self.next = first + at as u32 + 1;
        last
    }
}

/// How many bytes the two have in common at the front, at most `most`.
#[inline]
fn common(a: &[u8], b: &[u8], most: usize) -> usize {
    let mut length = 0;
    while length + 8 <= most
        && let (Some(x), Some(y)) = (
            a[length..].first_chunk::<8>(),
            b[length..].first_chunk::<8>(),
        )
    {
        let different = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if different != 0 {
            return length + different.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    while length < most && a[length] == b[length] {
        length += 1;
    }
    length
}
