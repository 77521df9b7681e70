//! RFC 1951, from compressed bytes to bytes.
//!
//! - [`Inflater::inflate`] takes bytes in, cut anywhere, and lends what comes out, piece by piece. A
//!   piece is never longer than a window and [`ROOM`], however much the input stands for. So a
//!   caller can stop at its limit.
//! - Each step looks at the bits, and takes them only if the whole step is here.
//! - After the last block of a stream (BFINAL) the next stream begins at the next byte, as RFC 7692
//!   §7.2.3.4 has it. zlib stops there.
//! - The window is a part of the output: the last bytes stay in the buffer as long as a match can
//!   reach them.

use super::bits::BitReader;
use super::element::{BlockKind, Element, Watch};
use super::error::{Alphabet, DeflateRule, InvalidDeflate};
use super::huffman::Decoder;
use super::symbols::*;
use super::window::Window;
use std::sync::LazyLock;

/// How many bytes the buffer holds behind the window, at most.
const ROOM: usize = 32 * 1024;
/// Matches are copied in words of this many bytes.
const WORD: usize = 16;
/// The most bytes that the copy of a match writes.
const LONGEST_REPEAT: usize = MAX_MATCH + WORD;
/// How many it holds at first. It doubles when it is full.
const FIRST_ROOM: usize = 1024;

/// The receiving half: it inflates the messages of one direction.
#[derive(Debug)]
pub struct Inflater {
    window: Window,
    bits: BitReader,
    state: State,
    output: Output,
    /// The codes of a dynamic block. `None`: no such block has come yet.
    dynamic: Option<Box<Dynamic>>,
}

/// What the next bits are.
#[derive(Clone, Copy, Debug)]
enum State {
    /// The three bits of a block.
    Block,
    /// The length of a stored block.
    StoredLength { last: bool },
    /// The bytes of a stored block.
    Stored { left: u16, last: bool },
    /// The numbers of code lengths.
    Counts { last: bool },
    /// The lengths of the code-length code; this many are here.
    CodeLengthLengths { here: usize, last: bool },
    /// The lengths of the two other codes; this many are here.
    CodeLengths { here: usize, last: bool },
    /// Literals and matches.
    Symbols { fixed: bool, last: bool },
}

/// A dynamic block's codes, and what they are made from (§3.2.7).
#[derive(Debug)]
struct Dynamic {
    /// How many code lengths there are of each alphabet.
    literals: usize,
    distances: usize,
    code_lengths: usize,
    lengths: [u8; LITERALS + DISTANCES],
    code_length_code: Decoder<128>,
    codes: Codes,
}

/// The two codes of a block.
#[derive(Debug)]
struct Codes {
    literals: Decoder<1024>,
    distances: Decoder<256>,
}

impl Codes {
    fn new() -> Codes {
        Codes {
            literals: Decoder::new(Alphabet::Literals),
            distances: Decoder::new(Alphabet::Distances),
        }
    }
}

/// §3.2.6: the codes of every fixed block.
static FIXED: LazyLock<Box<Codes>> = LazyLock::new(|| {
    let mut codes = Box::new(Codes::new());
    let literals = codes.literals.set(&FIXED_LITERALS);
    let distances = codes.distances.set(&FIXED_DISTANCES);
    debug_assert!(literals.is_ok() && distances.is_ok(), "§3.2.6");
    codes
});

/// Whether a step was taken.
enum Step {
    Taken,
    /// The input has too few bits for it.
    NeedsInput,
    /// The buffer has too little room for it.
    NeedsRoom,
}

impl Inflater {
    /// An inflater that keeps to `window`: it refuses a match that reaches farther back.
    #[must_use]
    pub fn new(window: Window) -> Inflater {
        Inflater {
            window,
            bits: BitReader::default(),
            state: State::Block,
            output: Output::default(),
            dynamic: None,
        }
    }

    /// Takes bytes from the front of `input`, and lends the next bytes that come out. An empty
    /// piece means that all of the input is taken, and that more is needed.
    ///
    /// # Errors
    /// The bytes break a rule of RFC 1951, or a match reaches back before the window. The inflater
    /// is of no use after that.
    pub fn inflate(&mut self, input: &mut &[u8]) -> Result<&[u8], InvalidDeflate> {
        self.inflate_watched(input, &mut ())
    }

    /// The same, and `watch` is told what the bits are.
    ///
    /// # Errors
    /// As [`inflate`](Self::inflate).
    pub fn inflate_watched(
        &mut self,
        input: &mut &[u8],
        watch: &mut impl Watch,
    ) -> Result<&[u8], InvalidDeflate> {
        self.output.slide(self.window.size());
        let start = self.output.end;
        loop {
            match self.step(input, watch) {
                Ok(Step::Taken) => {}
                Ok(Step::NeedsInput) => break,
                Ok(Step::NeedsRoom) if self.output.grow(self.window.size()) => {}
                Ok(Step::NeedsRoom) => break,
                Err(rule) => {
                    let at = self.bits.position() / 8;
                    return Err(InvalidDeflate { rule, at });
                }
            }
        }
        Ok(&self.output.bytes[start..self.output.end])
    }

    /// Notes that all bytes of a message have been given, with the four that RFC 7692 §7.2.2 adds.
    ///
    /// # Errors
    /// The stream does not end here.
    pub fn end_message(&mut self) -> Result<(), InvalidDeflate> {
        let at = self.bits.position().div_ceil(8);
        if !matches!(self.state, State::Block) || self.bits.count() != 0 {
            let rule = DeflateRule::Unfinished;
            return Err(InvalidDeflate { rule, at });
        }
        self.bits.restart();
        if !self.window.takeover() {
            self.output.end = 0;
        }
        Ok(())
    }

    /// Gives back the memory that holds no window. Between messages without takeover that is all of
    /// it.
    pub fn release(&mut self) {
        self.output.shrink(self.window.size());
        if matches!(self.state, State::Block) {
            self.dynamic = None;
        }
    }

    /// The memory that it holds, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let dynamic = self
            .dynamic
            .as_ref()
            .map_or(0, |codes| size_of_val(&**codes));
        self.output.bytes.capacity() + dynamic
    }

    fn step(&mut self, input: &mut &[u8], watch: &mut impl Watch) -> Result<Step, DeflateRule> {
        match self.state {
            State::Symbols { fixed, last } => self.symbols(fixed, last, input, watch),
            State::Stored { left, last } => Ok(self.stored(left, last, input, watch)),
            State::Block | State::StoredLength { .. } => {
                self.bits.refill(input);
                self.block_header(watch)
            }
            State::Counts { .. } | State::CodeLengthLengths { .. } | State::CodeLengths { .. } => {
                self.bits.refill(input);
                self.block_codes(watch)
            }
        }
    }

    /// Takes `count` bits, if they are here.
    fn bits(&mut self, count: u32) -> Option<u64> {
        let value = self.bits.peek() & ((1 << count) - 1);
        (self.bits.count() >= count).then(|| {
            self.bits.take(count);
            value
        })
    }

    /// §3.2.3: what stands before the data of a block.
    fn block_header(&mut self, watch: &mut impl Watch) -> Result<Step, DeflateRule> {
        let from = self.bits.position();
        self.state = match self.state {
            State::Block => {
                let Some(bits) = self.bits(3) else {
                    return Ok(Step::NeedsInput);
                };
                let last = bits & 1 != 0;
                let (kind, next) = match bits >> 1 {
                    0 => (BlockKind::Stored, State::StoredLength { last }),
                    1 => (BlockKind::Fixed, State::Symbols { fixed: true, last }),
                    2 => (BlockKind::Dynamic, State::Counts { last }),
                    _ => return Err(DeflateRule::BlockType),
                };
                watch.element(from..from + 3, Element::Block { last, kind });
                next
            }
            State::StoredLength { last } => {
                let padding = self.bits.padding();
                let Some(bits) = self.bits(padding + 32) else {
                    return Ok(Step::NeedsInput);
                };
                let bits = (bits >> padding) as u32;
                let (length, complement) = (bits as u16, (bits >> 16) as u16);
                if length != !complement {
                    return Err(DeflateRule::StoredLength { length, complement });
                }
                let from = self.padded(from, watch);
                watch.element(from..from + 32, Element::StoredLength(length));
                match length {
                    0 => self.after_block(last, watch),
                    left => State::Stored { left, last },
                }
            }
            _ => unreachable!("`step` has the others"),
        };
        Ok(Step::Taken)
    }

    /// §3.2.7: the codes of a dynamic block.
    fn block_codes(&mut self, watch: &mut impl Watch) -> Result<Step, DeflateRule> {
        let from = self.bits.position();
        self.state = match self.state {
            State::Counts { last } => {
                let Some(bits) = self.bits(14) else {
                    return Ok(Step::NeedsInput);
                };
                let dynamic = self.dynamic.get_or_insert_with(Dynamic::boxed);
                dynamic.set_counts(bits)?;
                watch.element(from..from + 14, dynamic.counts());
                State::CodeLengthLengths { here: 0, last }
            }
            State::CodeLengthLengths { here, last } => {
                let Some(length) = self.bits(3) else {
                    return Ok(Step::NeedsInput);
                };
                let symbol = CODE_LENGTH_ORDER[here];
                let element = Element::CodeLength {
                    alphabet: Alphabet::CodeLengths,
                    symbol: symbol as u16,
                    length: length as u8,
                };
                watch.element(from..from + 3, element);
                let dynamic = self.dynamic.get_or_insert_with(Dynamic::boxed);
                match dynamic.set_code_length_length(here, length as u8)? {
                    true => State::CodeLengths { here: 0, last },
                    false => State::CodeLengthLengths {
                        here: here + 1,
                        last,
                    },
                }
            }
            State::CodeLengths { here, last } => {
                let dynamic = self.dynamic.get_or_insert_with(Dynamic::boxed);
                let (peek, count) = (self.bits.peek(), self.bits.count());
                let Some((bits, times, length)) = dynamic.code_length(here, peek, count)? else {
                    return Ok(Step::NeedsInput);
                };
                watch.element(
                    from..from + u64::from(bits),
                    dynamic.said(here, times, length),
                );
                self.bits.take(bits);
                match dynamic.set_code_lengths(here, times, length)? {
                    true => State::Symbols { fixed: false, last },
                    false => State::CodeLengths {
                        here: here + times,
                        last,
                    },
                }
            }
            _ => unreachable!("`step` has the others"),
        };
        Ok(Step::Taken)
    }

    /// What follows a block. After the last one of a stream, the next begins at the next byte.
    fn after_block(&mut self, last: bool, watch: &mut impl Watch) -> State {
        if last {
            let from = self.bits.position();
            let padding = self.bits.padding();
            self.bits.take(padding);
            self.padded(from, watch);
        }
        State::Block
    }

    /// Says that the bits from here to the next byte are padding. Returns where that byte begins.
    fn padded(&self, from: u64, watch: &mut impl Watch) -> u64 {
        let to = from.next_multiple_of(8);
        if from != to {
            watch.element(from..to, Element::Padding);
        }
        to
    }

    /// §3.2.4: the bytes of a stored block.
    fn stored(&mut self, left: u16, last: bool, input: &mut &[u8], watch: &mut impl Watch) -> Step {
        let room = self.output.room();
        if room == 0 {
            return Step::NeedsRoom;
        }
        let from = self.bits.position();
        // The first bytes may be among the bits already, the others are copied.
        let count = if let Some(byte) = self.bits.take_byte() {
            self.output.push(byte);
            1
        } else {
            let count = room.min(usize::from(left)).min(input.len());
            let (bytes, rest) = input.split_at(count);
            self.output.extend(bytes);
            self.bits.skipped(count);
            *input = rest;
            count
        };
        if count == 0 {
            return Step::NeedsInput;
        }
        for (bits, byte) in (from..).step_by(8).zip(self.output.last(count)) {
            watch.element(bits..bits + 8, Element::Stored(*byte));
        }
        self.state = match left - count as u16 {
            0 => self.after_block(last, watch),
            left => State::Stored { left, last },
        };
        Step::Taken
    }

    /// §3.2.5: literals and matches, up to the end of the block. This is where the time goes.
    fn symbols(
        &mut self,
        fixed: bool,
        last: bool,
        input: &mut &[u8],
        watch: &mut impl Watch,
    ) -> Result<Step, DeflateRule> {
        let codes = match (fixed, &self.dynamic) {
            (false, Some(dynamic)) => &dynamic.codes,
            _ => &**FIXED,
        };
        let window = self.window.size();
        // Copies, so that the processor has them in registers.
        let mut bits = self.bits.clone();
        let output = &mut self.output;
        let step = loop {
            if output.room() < LONGEST_REPEAT {
                break Ok(Step::NeedsRoom);
            }
            // A match has 48 bits at most: two codes of 15, and 5 and 13 extra bits.
            bits.refill(input);
            let from = bits.position();
            let (symbol, used) = match codes.literals.decode(bits.peek(), bits.count()) {
                Ok(Some(decoded)) => decoded,
                Ok(None) => break Ok(Step::NeedsInput),
                Err(rule) => break Err(rule),
            };
            if symbol < END_OF_BLOCK {
                bits.take(used);
                output.push(symbol as u8);
                watch.element(from..from + u64::from(used), Element::Literal(symbol as u8));
                continue;
            }
            if symbol == END_OF_BLOCK {
                bits.take(used);
                watch.element(from..from + u64::from(used), Element::EndOfBlock);
                break Ok(Step::Taken);
            }
            let found = match codes.repeat(symbol, used, bits.peek(), bits.count()) {
                Ok(Some(found)) => found,
                Ok(None) => break Ok(Step::NeedsInput),
                Err(rule) => break Err(rule),
            };
            let reach = window.min(output.end);
            if found.distance > reach {
                break Err(DeflateRule::DistanceTooFar {
                    distance: found.distance as u16,
                    window: reach as u16,
                });
            }
            bits.take(found.bits);
            output.repeat(found.distance, found.length);
            watch.element(from..from + u64::from(found.bits), found.element());
        };
        self.bits = bits;
        if let Ok(Step::Taken) = step {
            self.state = self.after_block(last, watch);
        }
        step
    }
}

/// A match, with the number of its bits.
struct Found {
    length: usize,
    distance: usize,
    length_bits: u32,
    bits: u32,
}

impl Found {
    fn element(&self) -> Element {
        Element::Match {
            length: self.length as u16,
            distance: self.distance as u16,
            length_bits: self.length_bits as u8,
        }
    }
}

impl Codes {
    /// §3.2.5: a match, whose length has this symbol. `bits` begin with that symbol; this many of
    /// them are here. `None`: more are needed.
    #[inline(always)]
    fn repeat(
        &self,
        symbol: u16,
        used: u32,
        bits: u64,
        here: u32,
    ) -> Result<Option<Found>, DeflateRule> {
        let Some(&extra) = LENGTHS.get(usize::from(symbol - FIRST_LENGTH)) else {
            return Err(DeflateRule::UndefinedSymbol(Alphabet::Literals, symbol));
        };
        let bits = bits >> used;
        let length = usize::from(extra.base) + low_bits(bits, extra.bits);
        let length_bits = used + u32::from(extra.bits);
        if length_bits > here {
            return Ok(None);
        }
        let bits = bits >> extra.bits;
        let Some((symbol, used)) = self.distances.decode(bits, here - length_bits)? else {
            return Ok(None);
        };
        let Some(&extra) = DISTANCE.get(usize::from(symbol)) else {
            return Err(DeflateRule::UndefinedSymbol(Alphabet::Distances, symbol));
        };
        let bits = bits >> used;
        let distance = usize::from(extra.base) + low_bits(bits, extra.bits);
        let bits = length_bits + used + u32::from(extra.bits);
        Ok((bits <= here).then_some(Found {
            length,
            distance,
            length_bits,
            bits,
        }))
    }
}

#[inline(always)]
fn low_bits(bits: u64, count: u8) -> usize {
    (bits & ((1 << count) - 1)) as usize
}

impl Dynamic {
    fn boxed() -> Box<Dynamic> {
        Box::new(Dynamic {
            literals: 0,
            distances: 0,
            code_lengths: 0,
            lengths: [0; LITERALS + DISTANCES],
            code_length_code: Decoder::new(Alphabet::CodeLengths),
            codes: Codes::new(),
        })
    }

    /// HLIT, HDIST and HCLEN. The format has 286 and 30 symbols; zlib refuses more, and so does
    /// this.
    fn set_counts(&mut self, bits: u64) -> Result<(), DeflateRule> {
        self.literals = 257 + low_bits(bits, 5);
        self.distances = 1 + low_bits(bits >> 5, 5);
        self.code_lengths = 4 + low_bits(bits >> 10, 4);
        self.lengths = [0; LITERALS + DISTANCES];
        let too_many = |alphabet, count| Err(DeflateRule::TooManyCodes(alphabet, count as u16));
        match (self.literals, self.distances) {
            (literals, _) if literals > LITERALS => too_many(Alphabet::Literals, literals),
            (_, distances) if distances > DISTANCES => too_many(Alphabet::Distances, distances),
            _ => Ok(()),
        }
    }

    fn counts(&self) -> Element {
        Element::Counts {
            literals: self.literals as u16,
            distances: self.distances as u16,
            code_lengths: self.code_lengths as u16,
        }
    }

    /// Notes the length of one code of the code-length code. Returns whether it was the last one.
    fn set_code_length_length(&mut self, here: usize, length: u8) -> Result<bool, DeflateRule> {
        self.lengths[CODE_LENGTH_ORDER[here]] = length;
        let is_last = here + 1 == self.code_lengths;
        if is_last {
            let lengths = &self.lengths[..CODE_LENGTHS];
            self.code_length_code.set(lengths)?;
            self.lengths = [0; LITERALS + DISTANCES];
        }
        Ok(is_last)
    }

    /// The next symbol of the code-length code: its bits, how many code lengths it gives, and which.
    /// `None`: more bits are needed.
    fn code_length(
        &self,
        here: usize,
        bits: u64,
        count: u32,
    ) -> Result<Option<(u32, usize, u8)>, DeflateRule> {
        let code = &self.code_length_code;
        let Some((symbol, used)) = code.decode(bits, count)? else {
            return Ok(None);
        };
        let bits = bits >> used;
        let (extra, times, length) = match symbol {
            REPEAT_LAST => match here.checked_sub(1) {
                Some(before) => (2, 3 + low_bits(bits, 2), self.lengths[before]),
                None => return Err(DeflateRule::NothingToRepeat),
            },
            REPEAT_ZERO => (3, 3 + low_bits(bits, 3), 0),
            REPEAT_ZERO_LONG => (7, 11 + low_bits(bits, 7), 0),
            length => (0, 1, length as u8),
        };
        Ok((used + extra <= count).then_some((used + extra, times, length)))
    }

    /// The words for what [`code_length`](Self::code_length) found.
    fn said(&self, here: usize, times: usize, length: u8) -> Element {
        let (alphabet, symbol) = match here.checked_sub(self.literals) {
            None => (Alphabet::Literals, here as u16),
            Some(symbol) => (Alphabet::Distances, symbol as u16),
        };
        match times {
            1 => Element::CodeLength {
                alphabet,
                symbol,
                length,
            },
            _ => Element::RepeatedLength {
                alphabet,
                symbol,
                length,
                times: times as u8,
            },
        }
    }

    /// Notes code lengths of the two codes. Returns whether they were the last, so that the codes
    /// are ready.
    fn set_code_lengths(
        &mut self,
        here: usize,
        times: usize,
        length: u8,
    ) -> Result<bool, DeflateRule> {
        let all = self.literals + self.distances;
        if here + times > all {
            return Err(DeflateRule::RepeatTooLong);
        }
        self.lengths[here..here + times].fill(length);
        let is_last = here + times == all;
        if is_last {
            let (literals, distances) = self.lengths[..all].split_at(self.literals);
            if literals[usize::from(END_OF_BLOCK)] == 0 {
                return Err(DeflateRule::NoEndOfBlock);
            }
            self.codes.literals.set(literals)?;
            self.codes.distances.set(distances)?;
        }
        Ok(is_last)
    }
}

/// What came out: the window, and behind it the next piece.
#[derive(Debug, Default)]
struct Output {
    bytes: Vec<u8>,
    /// This many bytes have come out.
    end: usize,
}

impl Output {
    #[inline(always)]
    fn room(&self) -> usize {
        self.bytes.len() - self.end
    }

    /// Makes room: what is out of reach leaves the buffer.
    fn slide(&mut self, window: usize) {
        if self.end > window && self.room() < ROOM / 2 {
            self.bytes.copy_within(self.end - window..self.end, 0);
            self.end = window;
        }
    }

    /// Gives back the room, and what is out of reach.
    fn shrink(&mut self, window: usize) {
        let start = self.end.saturating_sub(window);
        self.bytes.copy_within(start..self.end, 0);
        self.end -= start;
        self.bytes.truncate(self.end);
        self.bytes.shrink_to_fit();
    }

    /// Grows, if it may.
    fn grow(&mut self, window: usize) -> bool {
        let length = self.bytes.len();
        let grown = (2 * length).clamp(FIRST_ROOM, window + ROOM);
        self.bytes.resize(grown, 0);
        grown > length
    }

    #[inline(always)]
    fn push(&mut self, byte: u8) {
        self.bytes[self.end] = byte;
        self.end += 1;
    }

    fn extend(&mut self, bytes: &[u8]) {
        self.bytes[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    fn last(&self, count: usize) -> &[u8] {
        &self.bytes[self.end - count..self.end]
    }

    /// §3.2.3: copies a match. It may repeat bytes that it has just written.
    #[inline(always)]
    fn repeat(&mut self, distance: usize, length: usize) {
        let (mut from, mut to) = (self.end - distance, self.end);
        self.end += length;
        if distance >= WORD {
            // Whole words, also beyond the end: the next bytes go over them.
            while to < self.end {
                let word = self.bytes[from..].first_chunk::<WORD>().copied();
                if let (Some(word), Some(place)) = (word, self.bytes[to..].first_chunk_mut()) {
                    *place = word;
                }
                from += WORD;
                to += WORD;
            }
        } else {
            for place in to..self.end {
                self.bytes[place] = self.bytes[place - distance];
            }
        }
    }
}
