//! RFC 1951 §3.2.3, Details of block format: literals and matches to the bits of a block.
//!
//! The block is stored, fixed or dynamic, whichever has the fewest bits. All three are counted.

use super::bits::BitWriter;
use super::huffman::codes;
use super::lengths::lengths;
use super::matches::Match;
use super::symbols::*;
use std::sync::LazyLock;

/// A block has at most this many literals and matches. Then its codes still fit what is in it.
const MOST_TOKENS: usize = 1 << 14;

/// The longest stored block, in bytes.
const LONGEST_STORED: usize = 0xFFFF;

/// A literal, or a match.
#[derive(Clone, Copy, Debug)]
enum Token {
    Literal(u8),
    Match { length: u16, distance: u16 },
}

/// A block that is being put together.
#[derive(Debug)]
pub(super) struct Block {
    tokens: Vec<Token>,
    /// How often each symbol occurs.
    literals: [u32; LITERALS],
    distances: [u32; DISTANCES],
}

/// The codes of one alphabet: the bits, and how many.
#[derive(Debug)]
struct Codes<const N: usize> {
    lengths: [u8; N],
    bits: [u16; N],
}

impl<const N: usize> Codes<N> {
    /// The codes with these lengths. The alphabet of a fixed block has symbols that never occur
    /// (§3.2.6), so the lengths can be more than the symbols.
    fn of(lengths: &[u8]) -> Codes<N> {
        let mut of = Codes {
            lengths: [0; N],
            bits: [0; N],
        };
        codes(lengths, |symbol, length, code| {
            if symbol < N {
                of.lengths[symbol] = length;
                of.bits[symbol] = code;
            }
        });
        of
    }
}

/// How many bits the symbols take with codes of these lengths.
fn cost(occurrences: &[u32], lengths: &[u8]) -> usize {
    let each = occurrences.iter().zip(lengths);
    let bits: u32 = each
        .map(|(&count, &length)| count * u32::from(length))
        .sum();
    bits as usize
}

/// The codes of every fixed block.
static FIXED: LazyLock<(Codes<LITERALS>, Codes<DISTANCES>)> =
    LazyLock::new(|| (Codes::of(&FIXED_LITERALS), Codes::of(&FIXED_DISTANCES)));

impl Block {
    /// An empty block for this many bytes.
    pub(super) fn new(bytes: usize) -> Block {
        Block {
            tokens: Vec::with_capacity(bytes.min(MOST_TOKENS)),
            literals: [0; LITERALS],
            distances: [0; DISTANCES],
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.tokens.len() >= MOST_TOKENS
    }

    #[inline]
    pub(super) fn push_literal(&mut self, byte: u8) {
        self.literals[usize::from(byte)] += 1;
        self.tokens.push(Token::Literal(byte));
    }

    #[inline]
    pub(super) fn push_match(&mut self, Match { length, distance }: Match) {
        self.literals[usize::from(FIRST_LENGTH) + length_index(length)] += 1;
        self.distances[distance_symbol(distance)] += 1;
        self.tokens.push(Token::Match {
            length: length as u16,
            distance: distance as u16,
        });
    }

    /// Writes the block, which stands for `bytes`, and empties it. It is never the last one of its
    /// stream (BFINAL 0).
    pub(super) fn write(&mut self, bytes: &[u8], writer: &mut BitWriter, out: &mut Vec<u8>) {
        self.literals[usize::from(END_OF_BLOCK)] = 1;
        let literals = lengths(&self.literals, MAX_BITS);
        let distances = lengths(&self.distances, MAX_BITS);
        let description = Description::of(&literals, &distances);
        let cost = |literals: &[u8], distances: &[u8]| {
            let symbols = cost(&self.literals, literals) + cost(&self.distances, distances);
            3 + symbols + self.extra_bits()
        };
        let fixed_cost = cost(&FIXED_LITERALS, &FIXED_DISTANCES);
        let dynamic_cost = cost(&literals, &distances) + description.cost();
        let stored_cost = stored_cost(bytes.len(), writer.pending());
        if stored_cost < fixed_cost.min(dynamic_cost) {
            write_stored(bytes, writer, out);
        } else if fixed_cost <= dynamic_cost {
            writer.put(0b01 << 1, 3, out);
            self.write_symbols(&FIXED.0, &FIXED.1, writer, out);
        } else {
            writer.put(0b10 << 1, 3, out);
            description.write(writer, out);
            self.write_symbols(&Codes::of(&literals), &Codes::of(&distances), writer, out);
        }
        self.tokens.clear();
        self.literals.fill(0);
        self.distances.fill(0);
    }

    /// How many extra bits stand behind the symbols of lengths and distances.
    fn extra_bits(&self) -> usize {
        let lengths = self.literals[usize::from(FIRST_LENGTH)..]
            .iter()
            .zip(LENGTHS);
        let distances = self.distances.iter().zip(DISTANCE);
        let all = lengths.chain(distances);
        all.map(|(&count, extra)| count as usize * usize::from(extra.bits))
            .sum()
    }

    /// §3.2.5: the literals and matches, and the end of the block.
    fn write_symbols(
        &self,
        literals: &Codes<LITERALS>,
        distances: &Codes<DISTANCES>,
        writer: &mut BitWriter,
        out: &mut Vec<u8>,
    ) {
        let mut put = |code: u16, length: u8, extra: usize, bits: u8| {
            let value = u32::from(code) | (extra as u32) << length;
            writer.put(value, u32::from(length + bits), out);
        };
        for token in &self.tokens {
            match *token {
                Token::Literal(byte) => {
                    let symbol = usize::from(byte);
                    put(literals.bits[symbol], literals.lengths[symbol], 0, 0);
                }
                Token::Match { length, distance } => {
                    let (length, distance) = (usize::from(length), usize::from(distance));
                    let index = length_index(length);
                    let symbol = usize::from(FIRST_LENGTH) + index;
                    let Extra { base, bits } = LENGTHS[index];
                    let extra = length - usize::from(base);
                    put(literals.bits[symbol], literals.lengths[symbol], extra, bits);
                    let symbol = distance_symbol(distance);
                    let Extra { base, bits } = DISTANCE[symbol];
                    let extra = distance - usize::from(base);
                    put(
                        distances.bits[symbol],
                        distances.lengths[symbol],
                        extra,
                        bits,
                    );
                }
            }
        }
        let end = usize::from(END_OF_BLOCK);
        put(literals.bits[end], literals.lengths[end], 0, 0);
    }
}

/// The front of a dynamic block (§3.2.7): the lengths of its codes, themselves compressed.
#[derive(Debug)]
struct Description {
    literals: usize,
    distances: usize,
    /// Symbols of code lengths; for those that repeat, the extra bits.
    symbols: Vec<(u8, u8)>,
    occurrences: [u32; CODE_LENGTHS],
    lengths: [u8; CODE_LENGTHS],
}

impl Description {
    fn of(literals: &[u8; LITERALS], distances: &[u8; DISTANCES]) -> Description {
        let used = |lengths: &[u8]| lengths.iter().rposition(|&length| length > 0);
        let literals = &literals[..used(literals).map_or(0, |last| last + 1).max(257)];
        let distances = &distances[..used(distances).map_or(0, |last| last + 1).max(1)];
        let mut all = [0; LITERALS + DISTANCES];
        all[..literals.len()].copy_from_slice(literals);
        let count = literals.len() + distances.len();
        all[literals.len()..count].copy_from_slice(distances);
        let symbols = repeats(&all[..count]);
        let mut occurrences = [0; CODE_LENGTHS];
        for (symbol, _) in &symbols {
            occurrences[usize::from(*symbol)] += 1;
        }
        Description {
            literals: literals.len(),
            distances: distances.len(),
            symbols,
            lengths: lengths(&occurrences, MAX_CODE_LENGTH_BITS),
            occurrences,
        }
    }

    /// How many lengths of the code-length code are given; the others are 0.
    fn code_lengths(&self) -> usize {
        let is_used = |&symbol: &usize| self.lengths[symbol] > 0;
        let last = CODE_LENGTH_ORDER.iter().rposition(is_used);
        last.map_or(0, |last| last + 1).max(4)
    }

    /// How many bits it has.
    fn cost(&self) -> usize {
        let each = self.occurrences.iter().enumerate();
        let extra: usize = each
            .map(|(symbol, &count)| count as usize * usize::from(repeat_bits(symbol as u8)))
            .sum();
        5 + 5 + 4 + 3 * self.code_lengths() + cost(&self.occurrences, &self.lengths) + extra
    }

    fn write(&self, writer: &mut BitWriter, out: &mut Vec<u8>) {
        let code_lengths = self.code_lengths();
        writer.put((self.literals - 257) as u32, 5, out);
        writer.put((self.distances - 1) as u32, 5, out);
        writer.put((code_lengths - 4) as u32, 4, out);
        for symbol in &CODE_LENGTH_ORDER[..code_lengths] {
            writer.put(self.lengths[*symbol].into(), 3, out);
        }
        let codes = Codes::<CODE_LENGTHS>::of(&self.lengths);
        for &(symbol, extra) in &self.symbols {
            let index = usize::from(symbol);
            writer.put(codes.bits[index].into(), codes.lengths[index].into(), out);
            writer.put(extra.into(), repeat_bits(symbol).into(), out);
        }
    }
}

/// How many extra bits stand behind a symbol of code lengths.
fn repeat_bits(symbol: u8) -> u8 {
    match u16::from(symbol) {
        REPEAT_LAST => 2,
        REPEAT_ZERO => 3,
        REPEAT_ZERO_LONG => 7,
        _ => 0,
    }
}

/// Code lengths as symbols: the same length several times is one symbol.
fn repeats(lengths: &[u8]) -> Vec<(u8, u8)> {
    let mut symbols = Vec::with_capacity(lengths.len());
    for run in lengths.chunk_by(|a, b| a == b) {
        let (length, mut left) = (run[0], run.len());
        if length != 0 {
            symbols.push((length, 0));
            left -= 1;
        }
        while left >= 3 {
            let (symbol, least, most) = match (length, left) {
                (0, 11..) => (REPEAT_ZERO_LONG, 11, 138),
                (0, _) => (REPEAT_ZERO, 3, 10),
                _ => (REPEAT_LAST, 3, 6),
            };
            let times = left.min(most);
            symbols.push((symbol as u8, (times - least) as u8));
            left -= times;
        }
        symbols.extend(std::iter::repeat_n((length, 0), left));
    }
    symbols
}

/// How many bits stored blocks have, behind this many bits of a byte.
fn stored_cost(bytes: usize, pending: u32) -> usize {
    let blocks = bytes.div_ceil(LONGEST_STORED);
    let padding = (8 - (pending as usize + 3) % 8) % 8;
    // Each block behind the first begins at a byte: three bits, and five of padding.
    3 + padding + 8 * (bytes + 4 * blocks + blocks.saturating_sub(1))
}

/// §3.2.4: bytes as they are.
fn write_stored(bytes: &[u8], writer: &mut BitWriter, out: &mut Vec<u8>) {
    for bytes in bytes.chunks(LONGEST_STORED) {
        writer.put(0b00 << 1, 3, out);
        writer.pad(out);
        let length = bytes.len() as u16;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(bytes);
    }
}
