//! RFC 1951 §2, Compressed representation overview: how far back a match may reach.

use std::ops::RangeInclusive;

/// The sizes of a window, as powers of two: from 256 bytes to 32 KiB.
pub const WINDOW_BITS: RangeInclusive<u8> = 8..=15;

/// The window of one direction: the bytes before the current one that a match may repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    bits: u8,
    takeover: bool,
}

impl Window {
    /// The largest window, which goes on from message to message. Both sides use it if they agree
    /// on nothing else (RFC 7692 §7.1).
    pub const LARGEST: Window = Window {
        bits: *WINDOW_BITS.end(),
        takeover: true,
    };

    /// A window of 2 to the power of `bits` bytes, which goes on from message to message. `None`:
    /// `bits` is not in [`WINDOW_BITS`].
    #[must_use]
    pub fn new(bits: u8) -> Option<Window> {
        let takeover = true;
        WINDOW_BITS
            .contains(&bits)
            .then_some(Window { bits, takeover })
    }

    /// The same size. Without takeover, each message begins with an empty window.
    #[must_use]
    pub const fn with_takeover(self, takeover: bool) -> Window {
        Window { takeover, ..self }
    }

    /// The same size, but each message begins with an empty window (no context takeover).
    #[must_use]
    pub const fn without_takeover(self) -> Window {
        self.with_takeover(false)
    }

    /// The size as a power of two, from 8 to 15.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.bits
    }

    /// The size in bytes, from 256 to 32 768.
    #[must_use]
    pub const fn size(self) -> usize {
        1 << self.bits
    }

    /// Whether the window goes on from one message to the next (context takeover).
    #[must_use]
    pub const fn takeover(self) -> bool {
        self.takeover
    }

    /// The window that keeps to both: the smaller size, and takeover only if both have it.
    #[must_use]
    pub fn at_most(self, other: Window) -> Window {
        Window {
            bits: self.bits.min(other.bits),
            takeover: self.takeover && other.takeover,
        }
    }
}
