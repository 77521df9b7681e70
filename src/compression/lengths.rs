//! RFC 1951 §3.2.1, Huffman's algorithm: how long the code of each symbol should be.
//!
//! The format limits the lengths (§3.2.7: 15 bits, and 7 for code lengths), so the longest codes may
//! have to become shorter, at the expense of others. The codes use every sequence of bits.

use super::symbols::MAX_BITS;

/// A symbol has this many bits.
const SYMBOL_BITS: u32 = 9;

/// The length of the code of each symbol that occurs, at most `most` bits; 0 for the others.
///
/// A code has two symbols or more. So symbols that do not occur get a code if fewer than two occur.
pub(super) fn lengths<const N: usize>(occurrences: &[u32; N], most: usize) -> [u8; N] {
    // The symbols that occur, the rarest first: how often, and below that which one.
    let mut symbols = [0u32; N];
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
    symbols[..used].sort_unstable();

    let mut counts = depths(&symbols, used, most);
    shorten(&mut counts, most);
    // The rarest symbols have the longest codes.
    let mut lengths = [0; N];
    let mut rest = symbols[..used].iter();
    for length in (1..=most).rev() {
        for symbol in rest.by_ref().take(usize::from(counts[length])) {
            lengths[*symbol as usize % (1 << SYMBOL_BITS)] = length as u8;
        }
    }
    lengths
}

/// How many codes Huffman's algorithm makes of each length, for the first `used` symbols. Those that
/// are longer than `most` count as that long.
///
/// The algorithm puts the two lightest nodes of the tree below a new node, again and again. The
/// symbols are its leaves. The inner nodes come in the order of their weights; the last is the root.
fn depths<const N: usize>(symbols: &[u32; N], used: usize, most: usize) -> [u16; MAX_BITS + 1] {
    let mut leaves = symbols[..used]
        .iter()
        .map(|leaf| leaf >> SYMBOL_BITS)
        .peekable();
    let mut weights = [0u32; N];
    let mut parents = [0u16; N];
    let root = used - 2;
    let mut lightest = 0;
    for new in 0..=root {
        for _ in 0..2 {
            let is_leaf = |&leaf: &u32| lightest == new || leaf <= weights[lightest];
            weights[new] += leaves.next_if(is_leaf).unwrap_or_else(|| {
                parents[lightest] = new as u16;
                lightest += 1;
                weights[lightest - 1]
            });
        }
    }
    // From the root downwards, each parent becomes a depth. Each inner node has two nodes
    // below it. Only leaves have codes, so an inner node is taken off again.
    let mut depths = [0u16; N];
    let mut counts = [0; MAX_BITS + 1];
    counts[1] = 2;
    for node in (0..root).rev() {
        let depth = usize::from(depths[usize::from(parents[node])]) + 1;
        depths[node] = depth as u16;
        counts[depth.min(most)] -= 1;
        counts[(depth + 1).min(most)] += 2;
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
        for case in cases {
            for most in [7, 15] {
                if case.len() > 1 << most {
                    continue;
                }
                let mut occurrences = [0; 286];
                occurrences[..case.len()].copy_from_slice(&case);
                let lengths = lengths(&occurrences, most);
                assert_eq!(kraft(&lengths), 1.0, "{case:?}");
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
        assert_eq!(lengths(&occurrences, 15), [3, 5, 2, 5, 4, 0, 1]);
    }
}
