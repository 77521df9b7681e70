//! RFC 1951 §3.2.2, Use of Huffman coding: a code is given by the lengths of its codes alone.
//!
//! - [`codes`] gives each symbol its code: shorter codes come first, and codes of one length follow
//!   the order of the symbols.
//! - [`Decoder`] goes back from bits to symbols.

use super::error::{Alphabet, DeflateRule};
use super::symbols::MAX_BITS;

/// How many codes there are of each length.
fn counts(lengths: &[u8]) -> [u16; MAX_BITS + 1] {
    let mut counts = [0; MAX_BITS + 1];
    for &length in lengths.iter().filter(|&&length| length != 0) {
        counts[usize::from(length)] += 1;
    }
    counts
}

/// The code of each symbol (§3.2.2). The bits stand as they are written, the first one lowest
/// (§3.1.1), so each is turned round here. A symbol with the length 0 has no code.
pub(super) fn codes(lengths: &[u8], mut each: impl FnMut(usize, u8, u16)) {
    let counts = counts(lengths);
    let mut next = [0u16; MAX_BITS + 1];
    for bits in 1..=MAX_BITS {
        next[bits] = (next[bits - 1] + counts[bits - 1]) << 1;
    }
    for (symbol, &length) in lengths.iter().enumerate() {
        if length != 0 {
            let code = &mut next[usize::from(length)];
            each(symbol, length, code.reverse_bits() >> (16 - length));
            *code = code.wrapping_add(1);
        }
    }
}

/// From bits to symbols. The table finds codes of up to log2 `SIZE` bits in one step.
#[derive(Clone, Debug)]
pub(super) struct Decoder<const SIZE: usize> {
    /// For each value of the next bits: the symbol, and the length of its code. Length 0: the code
    /// is longer than the table, or it does not exist.
    table: [Entry; SIZE],
    /// For the codes that are longer than the table: how many there are of each length, and all
    /// symbols in the order of their codes.
    counts: [u16; MAX_BITS + 1],
    symbols: [u16; 288],
    alphabet: Alphabet,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    symbol: u16,
    length: u8,
}

/// A symbol, and the length of its code in bits.
pub(super) type Decoded = (u16, u32);

impl<const SIZE: usize> Decoder<SIZE> {
    /// A decoder for no code at all.
    pub(super) fn new(alphabet: Alphabet) -> Decoder<SIZE> {
        Decoder {
            table: [Entry::default(); SIZE],
            counts: [0; MAX_BITS + 1],
            symbols: [0; 288],
            alphabet,
        }
    }

    /// Makes the decoder of the code with these lengths.
    ///
    /// A code must use every sequence of bits: not twice (over-subscribed) and not never
    /// (incomplete). zlib knows two exceptions, and so does this: no code at all, and one code of
    /// one bit (§3.2.7 has it for distances). The code of code lengths has no exception.
    ///
    /// # Errors
    /// The code is over-subscribed or incomplete.
    pub(super) fn set(&mut self, lengths: &[u8]) -> Result<(), DeflateRule> {
        let alphabet = self.alphabet;
        self.counts = counts(lengths);
        // How many sequences of 15 bits are not used yet.
        let mut left: i32 = 1 << MAX_BITS;
        for bits in 1..=MAX_BITS {
            left -= i32::from(self.counts[bits]) << (MAX_BITS - bits);
        }
        if left < 0 {
            return Err(DeflateRule::OverSubscribed(alphabet));
        }
        let used: u16 = self.counts.iter().sum();
        let is_exception = used == 0 || (used == 1 && self.counts[1] == 1);
        if left > 0 && (!is_exception || alphabet == Alphabet::CodeLengths) {
            return Err(DeflateRule::Incomplete(alphabet));
        }

        let mut place = [0; MAX_BITS + 2];
        for bits in 1..=MAX_BITS {
            place[bits + 1] = place[bits] + self.counts[bits];
        }
        self.table.fill(Entry::default());
        codes(lengths, |symbol, length, code| {
            let place = &mut place[usize::from(length)];
            self.symbols[usize::from(*place)] = symbol as u16;
            *place += 1;
            if 1 << length > SIZE {
                return;
            }
            // Every value whose lowest bits are the code.
            for value in (usize::from(code)..SIZE).step_by(1 << length) {
                self.table[value] = Entry {
                    symbol: symbol as u16,
                    length,
                };
            }
        });
        Ok(())
    }

    /// The symbol at the front of `bits`, of which `count` are here. `Ok(None)`: more are needed.
    ///
    /// # Errors
    /// No code begins with these bits. Only a code with one symbol or none has such bits.
    #[inline(always)]
    pub(super) fn decode(&self, bits: u64, count: u32) -> Result<Option<Decoded>, DeflateRule> {
        let entry = self.table[bits as usize % SIZE];
        let length = u32::from(entry.length);
        match length {
            0 => self.decode_long(bits, count),
            _ if length <= count => Ok(Some((entry.symbol, length))),
            _ => Ok(None),
        }
    }

    /// The same, one bit after the other: of each length, the codes stand in one run.
    #[cold]
    fn decode_long(&self, mut bits: u64, count: u32) -> Result<Option<Decoded>, DeflateRule> {
        // The code so far; the first code of this length; the place of its symbol.
        let (mut code, mut first, mut place) = (0, 0, 0);
        for length in 1..=MAX_BITS as u32 {
            if length > count {
                return Ok(None);
            }
            code |= (bits & 1) as u16;
            bits >>= 1;
            let here = self.counts[length as usize];
            if code - first < here {
                return Ok(Some((
                    self.symbols[usize::from(place + code - first)],
                    length,
                )));
            }
            place += here;
            first = (first + here) << 1;
            code <<= 1;
        }
        Err(DeflateRule::UnusedCode(self.alphabet))
    }
}
