//! RFC 1951: the rules that a stream can break.
//!
//! Each rule is checked in `huffman.rs` or `inflate.rs`. What was seen, what the format asks, and
//! the clause are here.

use std::fmt;

/// Bytes that are not a DEFLATE stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidDeflate {
    /// What is wrong.
    pub rule: DeflateRule,
    /// Where: in this byte of the message's compressed bytes, counted from 0. The bits at which the
    /// decoder stopped begin there.
    pub at: u64,
}

/// A rule of RFC 1951 that a stream breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeflateRule {
    /// A block of the reserved type 11.
    BlockType,
    /// A stored block whose length and its complement disagree.
    StoredLength {
        /// The length.
        length: u16,
        /// What should be its complement.
        complement: u16,
    },
    /// A dynamic block that gives the lengths of more codes than the alphabet has symbols.
    TooManyCodes(Alphabet, u16),
    /// Code lengths of which two codes begin with the same bits.
    OverSubscribed(Alphabet),
    /// Code lengths that leave some bits without a symbol.
    Incomplete(Alphabet),
    /// The symbol 16, which repeats the length before, as the first one.
    NothingToRepeat,
    /// A repeated length that goes on behind the last code.
    RepeatTooLong,
    /// A dynamic block without a code for the end of the block.
    NoEndOfBlock,
    /// Bits that are not the code of a symbol.
    UnusedCode(Alphabet),
    /// A symbol that the format does not define: the literal/length symbols 286 and 287, the
    /// distance symbols 30 and 31.
    UndefinedSymbol(Alphabet, u16),
    /// A match that reaches back before the window.
    DistanceTooFar {
        /// How far back it reaches, in bytes.
        distance: u16,
        /// How many bytes the window has there.
        window: u16,
    },
    /// The stream does not end where the message ends.
    Unfinished,
}

/// The three alphabets of a DEFLATE stream (RFC 1951 §3.2.5, §3.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// Literal bytes, the end of a block, and lengths of matches.
    Literals,
    /// Distances of matches.
    Distances,
    /// The lengths of the other two codes.
    CodeLengths,
}

impl DeflateRule {
    /// The clause that was broken.
    #[must_use]
    pub fn clause(self) -> &'static str {
        match self {
            DeflateRule::BlockType => "RFC 1951 §3.2.3",
            DeflateRule::StoredLength { .. } => "RFC 1951 §3.2.4",
            DeflateRule::OverSubscribed(_) => "RFC 1951 §3.2.2",
            DeflateRule::Incomplete(_) => "RFC 1951 §3.2.2",
            DeflateRule::UnusedCode(_) => "RFC 1951 §3.2.2",
            DeflateRule::TooManyCodes(..) => "RFC 1951 §3.2.7",
            DeflateRule::NothingToRepeat => "RFC 1951 §3.2.7",
            DeflateRule::RepeatTooLong => "RFC 1951 §3.2.7",
            DeflateRule::NoEndOfBlock => "RFC 1951 §3.2.7",
            DeflateRule::UndefinedSymbol(..) => "RFC 1951 §3.2.6",
            DeflateRule::DistanceTooFar { .. } => "RFC 7692 §7.2.1",
            DeflateRule::Unfinished => "RFC 7692 §7.2.2",
        }
    }
}

impl fmt::Display for Alphabet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Alphabet::Literals => "literals and lengths",
            Alphabet::Distances => "distances",
            Alphabet::CodeLengths => "code lengths",
        })
    }
}

impl fmt::Display for DeflateRule {
    /// What was seen; what the format asks. The clause is not in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeflateRule::BlockType => {
                f.write_str("a block of type 3; only 0 (stored), 1 (fixed) and 2 (dynamic) are defined")
            }
            DeflateRule::StoredLength { length, complement } => write!(
                f,
                "a stored block with the length {length:#06x} and its complement {complement:#06x}; each bit of the second must be the opposite of the first"
            ),
            DeflateRule::TooManyCodes(alphabet, count) => write!(
                f,
                "a dynamic block with {count} codes of {alphabet}; {} is the most",
                match alphabet {
                    Alphabet::Literals => 286,
                    Alphabet::Distances => 30,
                    Alphabet::CodeLengths => 19,
                }
            ),
            DeflateRule::OverSubscribed(alphabet) => write!(
                f,
                "a code of {alphabet} that is over-subscribed: it has more codes than its lengths leave room for"
            ),
            DeflateRule::Incomplete(alphabet) => write!(
                f,
                "a code of {alphabet} that is incomplete: some sequences of bits mean nothing"
            ),
            DeflateRule::NothingToRepeat => {
                f.write_str("a code length that repeats the one before (symbol 16), and none is before it")
            }
            DeflateRule::RepeatTooLong => {
                f.write_str("a repeated code length that goes on behind the last code of the block")
            }
            DeflateRule::NoEndOfBlock => f.write_str(
                "a dynamic block without a code for the symbol 256; each block ends with that symbol",
            ),
            DeflateRule::UnusedCode(alphabet) => {
                write!(f, "bits that are not a code of {alphabet} in this block")
            }
            DeflateRule::UndefinedSymbol(alphabet, symbol) => {
                write!(f, "the symbol {symbol} of {alphabet}; it never occurs in a stream")
            }
            DeflateRule::DistanceTooFar { distance, window } => write!(
                f,
                "a match that begins {distance} bytes back; the window has {window} bytes there"
            ),
            DeflateRule::Unfinished => {
                f.write_str("compressed bytes that end inside a block; a message ends between two blocks")
            }
        }
    }
}

impl fmt::Display for InvalidDeflate {
    /// What was seen, where, and the clause.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InvalidDeflate { rule, at } = self;
        let clause = rule.clause();
        write!(
            f,
            "{rule}; at byte {at} of the compressed message, counted from 0 ({clause})"
        )
    }
}

impl std::error::Error for InvalidDeflate {}
