//! RFC 1951 §3.2.1, Huffman's algorithm: how long the code of each symbol should be.
//!
//! The format limits the lengths (§3.2.7: 15 bits, and 7 for code lengths), so the longest codes may
//! have to become shorter, at the expense of others. The codes use every sequence of bits.

use super::symbols::MAX_BITS;

/// The largest alphabet.
const MOST: usize = 286;
/// A symbol has this many bits.
const SYMBOL_BITS: u32 = 9;

/// Gives each symbol that occurs the length of its code, at most `most` bits. `lengths` has one
/// place for each symbol.
///
/// A code has two symbols or more. So symbols that do not occur get a code if fewer than two occur.
pub(super) fn set_lengths(occurrences: &[u32], most: usize, lengths: &mut [u8]) {
    lengths.fill(0);
    // The symbols that occur, the rarest first: how often, and below that which one.
    let mut symbols = [0u32; MOST];
    let mut used = 0;
    for (symbol, &count) in occurrences.iter().enumerate() {
        if count > 0 {
            symbols[used] = count << SYMBOL_BITS | symbol as u32;
            used += 1;
        }
    }
    for (symbol, &count) in occurrences.iter().enumerate().take(2) {
        if used < 2 && count == 0 {
            symbols[used] = symbol as u32;
            used += 1;
        }
    }
    let symbols = &mut symbols[..used];
    symbols.sort_unstable();

    let mut counts = depths(symbols, most);
    shorten(&mut counts, most);
    // The rarest symbols have the longest codes.
    let mut rest = symbols.iter();
    for length in (1..=most).rev() {
        for symbol in rest.by_ref().take(usize::from(counts[length])) {
            lengths[*symbol as usize % (1 << SYMBOL_BITS)] = length as u8;
        }
    }
}

/// How many codes Huffman's algorithm makes of each length. Those that are longer than `most` count
/// as that long.
fn depths(symbols: &[u32], most: usize) -> [u16; MAX_BITS + 1] {
    let leaves = symbols.len();
    let nodes = 2 * leaves - 1;
    // The leaves, and behind them the inner nodes. Both are in the order of their weights.
    let mut weights = [0u32; 2 * MOST];
    let mut parents = [0u16; 2 * MOST];
    for (weight, symbol) in weights.iter_mut().zip(symbols) {
        *weight = symbol >> SYMBOL_BITS;
    }
    let (mut leaf, mut inner) = (0, leaves);
    for new in leaves..nodes {
        for _ in 0..2 {
            let is_leaf = leaf < leaves && (inner == new || weights[leaf] <= weights[inner]);
            let lightest = if is_leaf { &mut leaf } else { &mut inner };
            weights[new] += weights[*lightest];
            parents[*lightest] = new as u16;
            *lightest += 1;
        }
    }
    let mut depths = [0u16; 2 * MOST];
    let mut counts = [0; MAX_BITS + 1];
    for node in (0..nodes - 1).rev() {
        depths[node] = depths[usize::from(parents[node])] + 1;
        if node < leaves {
            counts[usize::from(depths[node]).min(most)] += 1;
        }
    }
    counts
}

/// Repairs a code in which too many codes have the longest length: each step takes one of them, and
/// puts it beside a shorter code, which becomes longer by a bit.
fn shorten(counts: &mut [u16; MAX_BITS + 1], most: usize) {
    // How many sequences of `most` bits the codes use.
    let mut used: u32 = 0;
    for (length, &count) in counts.iter().enumerate().take(most + 1).skip(1) {
        used += u32::from(count) << (most - length);
    }
    while used > 1 << most {
        let shorter = (1..most).rev().find(|&length| counts[length] > 0);
        let shorter = shorter.expect("more codes than bits would be needed");
        counts[most] -= 1;
        counts[shorter] -= 1;
        counts[shorter + 1] += 2;
        used -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum that is 1 for a code that uses every sequence of bits once.
    fn kraft(lengths: &[u8]) -> f64 {
        let used = lengths.iter().filter(|&&length| length > 0);
        used.map(|&length| 0.5f64.powi(length.into())).sum()
    }

    #[test]
    fn codes_are_complete_and_within_the_limit() {
        let mut fibonacci = vec![1u32, 1];
        while fibonacci.len() < 40 {
            fibonacci.push(fibonacci[fibonacci.len() - 1] + fibonacci[fibonacci.len() - 2]);
        }
        let cases: [Vec<u32>; 6] = [
            vec![0; 19],
            vec![0, 0, 7, 0],
            vec![5, 0, 0],
            fibonacci[..19].to_vec(),
            fibonacci,
            (0..286).collect(),
        ];
        for occurrences in cases {
            for most in [7, 15] {
                if occurrences.len() > 1 << most {
                    continue;
                }
                let mut lengths = vec![9; occurrences.len()];
                set_lengths(&occurrences, most, &mut lengths);
                assert_eq!(kraft(&lengths), 1.0, "{occurrences:?}");
                assert!(lengths.iter().all(|&length| usize::from(length) <= most));
                for (count, length) in occurrences.iter().zip(&lengths) {
                    assert!(*count == 0 || *length > 0);
                }
            }
        }
    }

    #[test]
    fn a_symbol_that_occurs_more_often_never_has_a_longer_code() {
        let occurrences = [9, 1, 30, 2, 2, 0, 100];
        let mut lengths = [0; 7];
        set_lengths(&occurrences, 15, &mut lengths);
        assert_eq!(lengths, [3, 5, 2, 5, 4, 0, 1]);
    }
}
