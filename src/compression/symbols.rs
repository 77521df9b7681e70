//! RFC 1951 §3.2.5 to §3.2.7: the three alphabets of a DEFLATE stream.
//!
//! - Literals and lengths: 0 to 255 are bytes, 256 ends a block, 257 to 285 are lengths of matches.
//! - Distances: 0 to 29.
//! - Code lengths: 0 to 18. They describe the other two codes in a dynamic block.
//!
//! Behind the symbol of a length or a distance stand extra bits, which are added to its base.

/// The symbol that ends a block.
pub(super) const END_OF_BLOCK: u16 = 256;
/// The first symbol of a length.
pub(super) const FIRST_LENGTH: u16 = 257;
/// How many symbols of literals and lengths a block can use.
pub(super) const LITERALS: usize = 286;
/// How many symbols of distances a block can use.
pub(super) const DISTANCES: usize = 30;
/// How many symbols describe code lengths.
pub(super) const CODE_LENGTHS: usize = 19;
/// The shortest match, and the longest.
pub(super) const MIN_MATCH: usize = 3;
pub(super) const MAX_MATCH: usize = 258;
/// The longest Huffman code of literals and distances, and that of code lengths, in bits.
pub(super) const MAX_BITS: usize = 15;
pub(super) const MAX_CODE_LENGTH_BITS: usize = 7;

/// The code lengths that repeat: the length before, 3 to 6 times; 0, 3 to 10 times; 0, 11 to 138
/// times.
pub(super) const REPEAT_LAST: u16 = 16;
pub(super) const REPEAT_ZERO: u16 = 17;
pub(super) const REPEAT_ZERO_LONG: u16 = 18;

/// §3.2.7: the order in which a dynamic block gives the lengths of its code-length code. The rare
/// ones are last, so that they can be left out.
pub(super) const CODE_LENGTH_ORDER: [usize; CODE_LENGTHS] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

/// A range of values that one symbol stands for: the base, and the number of extra bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extra {
    pub(super) base: u16,
    pub(super) bits: u8,
}

/// §3.2.5: what the symbols from 257 on mean.
pub(super) const LENGTHS: [Extra; LITERALS - FIRST_LENGTH as usize] = lengths();
/// §3.2.5: what the symbols of distances mean.
pub(super) const DISTANCE: [Extra; DISTANCES] = distances();

/// The first eight have no extra bits; then each four have one more than the four before. The last
/// symbol is 258 alone.
const fn lengths() -> [Extra; LITERALS - FIRST_LENGTH as usize] {
    let mut table = [Extra { base: 0, bits: 0 }; LITERALS - FIRST_LENGTH as usize];
    let (mut symbol, mut base) = (0, MIN_MATCH as u16);
    while symbol < table.len() - 1 {
        let bits = if symbol < 8 { 0 } else { symbol as u8 / 4 - 1 };
        table[symbol] = Extra { base, bits };
        base += 1 << bits;
        symbol += 1;
    }
    table[symbol].base = MAX_MATCH as u16;
    table
}

/// The first four have no extra bits; then each two have one more than the two before.
const fn distances() -> [Extra; DISTANCES] {
    let mut table = [Extra { base: 0, bits: 0 }; DISTANCES];
    let (mut symbol, mut base) = (0, 1);
    while symbol < DISTANCES {
        let bits = if symbol < 4 { 0 } else { symbol as u8 / 2 - 1 };
        table[symbol] = Extra { base, bits };
        base += 1 << bits;
        symbol += 1;
    }
    table
}

/// The symbol of each length from 3 on, counted from [`FIRST_LENGTH`].
const LENGTH_SYMBOLS: [u8; MAX_MATCH - MIN_MATCH + 1] = length_symbols();

const fn length_symbols() -> [u8; MAX_MATCH - MIN_MATCH + 1] {
    let mut symbols = [0; MAX_MATCH - MIN_MATCH + 1];
    let (mut length, mut symbol) = (0, 0);
    while length < symbols.len() {
        if symbol + 1 < LENGTHS.len() && LENGTHS[symbol + 1].base as usize == length + MIN_MATCH {
            symbol += 1;
        }
        symbols[length] = symbol as u8;
        length += 1;
    }
    symbols
}

/// The index in [`LENGTHS`] of a match of `length` bytes.
#[inline]
pub(super) fn length_index(length: usize) -> usize {
    usize::from(LENGTH_SYMBOLS[length - MIN_MATCH])
}

/// The symbol of a distance, which is also its index in [`DISTANCE`].
#[inline]
pub(super) fn distance_symbol(distance: usize) -> usize {
    let before = distance - 1;
    if before < 4 {
        return before;
    }
    // The two highest bits choose the symbol, the others are its extra bits.
    let highest = before.ilog2() as usize;
    2 * highest + (before >> (highest - 1) & 1)
}

/// §3.2.6: the code lengths of a fixed block. The last two symbols of each alphabet never occur,
/// but they take part in the construction of the code.
pub(super) const FIXED_LITERALS: [u8; 288] = {
    let mut lengths = [8; 288];
    let mut symbol = 144;
    while symbol < 280 {
        lengths[symbol] = if symbol < 256 { 9 } else { 7 };
        symbol += 1;
    }
    lengths
};
pub(super) const FIXED_DISTANCES: [u8; 32] = [5; 32];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_those_of_section_3_2_5() {
        let of = |symbol: u16| LENGTHS[usize::from(symbol - FIRST_LENGTH)];
        assert_eq!(of(257), Extra { base: 3, bits: 0 });
        assert_eq!(of(264), Extra { base: 10, bits: 0 });
        assert_eq!(of(265), Extra { base: 11, bits: 1 });
        assert_eq!(of(280), Extra { base: 115, bits: 4 });
        assert_eq!(of(284), Extra { base: 227, bits: 5 });
        assert_eq!(of(285), Extra { base: 258, bits: 0 });
        assert_eq!(DISTANCE[3], Extra { base: 4, bits: 0 });
        assert_eq!(DISTANCE[4], Extra { base: 5, bits: 1 });
        assert_eq!(
            DISTANCE[29],
            Extra {
                base: 24577,
                bits: 13
            }
        );
    }

    #[test]
    fn each_length_and_each_distance_has_the_symbol_that_means_it() {
        for length in MIN_MATCH..=MAX_MATCH {
            let Extra { base, bits } = LENGTHS[length_index(length)];
            let extra = length - usize::from(base);
            assert!(extra < 1 << bits, "length {length}");
        }
        for distance in 1..=32768 {
            let Extra { base, bits } = DISTANCE[distance_symbol(distance)];
            let extra = distance - usize::from(base);
            assert!(extra < 1 << bits, "distance {distance}");
        }
    }
}
