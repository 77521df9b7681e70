//! What a DEFLATE stream is made of, for a watcher who looks on while it is inflated.
//!
//! An endpoint does not need it: it inflates without a watcher.

use super::error::Alphabet;
use super::symbols::{DISTANCE, FIRST_LENGTH, LENGTHS};
use std::ops::{Range, RangeInclusive};

/// A piece of a stream that means one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Element {
    /// The three bits at the front of a block (RFC 1951 §3.2.3).
    Block {
        /// BFINAL: the last block of its stream.
        last: bool,
        /// BTYPE: how the block is compressed.
        kind: BlockKind,
    },
    /// Bits without a meaning, up to the next byte.
    Padding,
    /// The length of a stored block, and its complement (§3.2.4).
    StoredLength(u16),
    /// One byte of a stored block.
    Stored(u8),
    /// How many code lengths of each alphabet follow (§3.2.7: HLIT, HDIST, HCLEN).
    Counts {
        /// Of literals and lengths.
        literals: u16,
        /// Of distances.
        distances: u16,
        /// Of code lengths.
        code_lengths: u16,
    },
    /// The length of one symbol's code. 0: the symbol has no code in this block.
    CodeLength {
        /// The alphabet of the symbol.
        alphabet: Alphabet,
        /// The symbol.
        symbol: u16,
        /// The length of its code, in bits.
        length: u8,
    },
    /// The same length for several symbols.
    RepeatedLength {
        /// The alphabet of the first of them. The symbols can go on in the next alphabet.
        alphabet: Alphabet,
        /// The first of them.
        symbol: u16,
        /// The length of their codes, in bits.
        length: u8,
        /// How many symbols.
        times: u8,
    },
    /// One byte (§3.2.5).
    Literal(u8),
    /// Bytes that are repeated from the window (§3.2.5).
    Match {
        /// How many bytes, from 3 to 258.
        length: u16,
        /// How far back they begin, in bytes.
        distance: u16,
        /// The bits of the length: those of its code, and the extra bits. The others are the
        /// distance's.
        length_bits: u8,
    },
    /// The end of a block (§3.2.5).
    EndOfBlock,
}

/// How a block is compressed (RFC 1951 §3.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// BTYPE 00: its bytes are not compressed (§3.2.4).
    Stored,
    /// BTYPE 01: the code is the one of §3.2.6.
    Fixed,
    /// BTYPE 10: the block begins with its code (§3.2.7).
    Dynamic,
}

/// The lengths or the distances that a symbol stands for (RFC 1951 §3.2.5). `None`: it stands
/// for something else.
#[must_use]
pub fn values(alphabet: Alphabet, symbol: u16) -> Option<RangeInclusive<u16>> {
    let extra = match alphabet {
        Alphabet::Literals => LENGTHS.get(usize::from(symbol.checked_sub(FIRST_LENGTH)?)),
        Alphabet::Distances => DISTANCE.get(usize::from(symbol)),
        Alphabet::CodeLengths => None,
    }?;
    Some(extra.base..=extra.base + ((1 << extra.bits) - 1))
}

/// A watcher who looks on while a stream is inflated.
pub trait Watch {
    /// This element stands in these bits. They are counted from the first bit of the message.
    fn element(&mut self, bits: Range<u64>, element: Element);
}

/// No watcher.
impl Watch for () {
    #[inline(always)]
    fn element(&mut self, _: Range<u64>, _: Element) {}
}
