//! `--deflate`: the DEFLATE stream of each compressed message, bit by bit (RFC 1951).

use rfc6455::compression::{Alphabet, BlockKind, Element, Inflater, TAIL, Watch, values};
use rfc6455::framing::{Decoded, Header, mask};
use rfc6455::trace::{hex, words::plural};
use rfc6455::{Printable, Window};
use std::fmt::Write;
use std::ops::Range;

/// The reserved bit of compressed messages, at its place in byte 0.
const RSV1: u8 = 0b0100_0000;

/// The columns of a line.
const WIDTH: usize = 80;

/// The compressed messages of one side.
pub struct Streams {
    inflater: Inflater,
    /// What came out of the messages before, as far as a match can reach, and of this one.
    window: Vec<u8>,
    /// The unfinished message, if it is compressed.
    message: Option<Vec<u8>>,
}

impl Streams {
    pub fn new() -> Streams {
        Streams {
            inflater: Inflater::new(Window::LARGEST),
            window: Vec::new(),
            message: None,
        }
    }

    /// Takes the first frame of these bytes. Returns how many bytes it has, and the account of the
    /// message that it finishes. `None`: these bytes do not begin with a whole frame.
    pub fn frame(&mut self, bytes: &[u8]) -> Option<(usize, Option<String>)> {
        let Ok(Decoded::Header(header, size)) = Header::decode(bytes, RSV1) else {
            return None;
        };
        let end = usize::try_from(header.length).ok()?.checked_add(size)?;
        let mut payload = bytes.get(size..end)?.to_vec();
        if let Some(key) = header.mask {
            mask(key, 0, &mut payload);
        }
        if header.opcode.is_control() {
            return Some((end, None));
        }
        if header.rsv1 {
            self.message = Some(Vec::new());
        }
        let Some(message) = &mut self.message else {
            return Some((end, None));
        };
        message.extend(payload);
        if !header.fin {
            return Some((end, None));
        }
        let message = self.message.take().unwrap_or_default();
        Some((end, Some(self.account(message))))
    }

    /// Every element of a message.
    fn account(&mut self, mut message: Vec<u8>) -> String {
        let length = message.len();
        message.extend(TAIL);
        let size = bytes_in_words(length);
        let mut account = Account {
            bytes: &message,
            sent: 8 * length as u64,
            window: &mut self.window,
            stored: None,
            text: aligned(
                &format!("   its stream, {size}; + marks what is not sent"),
                "RFC 7692 §7.2.2, RFC 1951",
            ),
        };
        let mut input = &message[..];
        let result = loop {
            match self.inflater.inflate_watched(&mut input, &mut account) {
                Ok([]) => break self.inflater.end_message(),
                Ok(_) => {}
                Err(invalid) => break Err(invalid),
            }
        };
        account.flush();
        let mut text = account.text;
        let out_of_reach = self.window.len().saturating_sub(Window::LARGEST.size());
        self.window.drain(..out_of_reach);
        if let Err(invalid) = result {
            let why = invalid.rule.to_string().replace("; ", ";\n   ");
            let _ = writeln!(text, "   It cannot be read on:\n   {why}.");
        }
        text
    }
}

/// A line with a clause at its right end. What has no room is left out.
fn aligned(line: &str, clause: &str) -> String {
    let room = WIDTH - 1 - clause.chars().count();
    let line: String = match line.chars().count() > room {
        true => line.chars().take(room - 3).chain("...".chars()).collect(),
        false => line.to_owned(),
    };
    format!("{line:<room$} {clause}\n")
}

/// Writes a line for each element.
struct Account<'a> {
    bytes: &'a [u8],
    /// This many bits were sent; the others are added.
    sent: u64,
    window: &'a mut Vec<u8>,
    /// Bytes of a stored block that have no line yet: where they begin, and how many.
    stored: Option<(u64, usize)>,
    text: String,
}

impl Account<'_> {
    fn line(&mut self, bits: Range<u64>, words: &str, clause: &str) {
        let bit = |at: u64| match self.bytes[at as usize / 8] >> (at % 8) & 1 {
            0 => '0',
            _ => '1',
        };
        let added = if bits.start >= self.sent { "+" } else { "" };
        let place = format!("{added}{}.{}", bits.start / 8, bits.start % 8);
        let text: String = match bits.end - bits.start {
            0..=24 => bits.map(bit).collect(),
            count => format!("{count} bits"),
        };
        let line = format!("   {place:<7}{text:<17} {words}");
        self.text += &aligned(&line, clause);
    }

    /// The line of the stored bytes so far.
    fn flush(&mut self) {
        if let Some((start, count)) = self.stored.take() {
            let bytes = shown(&self.window[self.window.len() - count..]);
            let words = format!("{} as they are: {bytes}", bytes_in_words(count));
            let bits = start..start + 8 * count as u64;
            self.line(bits, &words, "§3.2.4");
        }
    }
}

impl Watch for Account<'_> {
    fn element(&mut self, bits: Range<u64>, element: Element) {
        if let Element::Stored(byte) = element {
            self.window.push(byte);
            let (start, count) = self.stored.unwrap_or((bits.start, 0));
            self.stored = Some((start, count + 1));
            return;
        }
        self.flush();
        let (words, clause) = match element {
            Element::Block { last, kind } => (
                format!(
                    "a block: BFINAL {}, BTYPE {}",
                    u8::from(last),
                    match kind {
                        BlockKind::Stored => "00 (stored)",
                        BlockKind::Fixed => "01 (fixed codes)",
                        BlockKind::Dynamic => "10 (its own codes)",
                    }
                ),
                "§3.2.3",
            ),
            Element::Padding => ("padding, up to the next byte".to_owned(), "§3.2.4"),
            Element::StoredLength(length) => {
                let follow = bytes_in_words(length.into());
                (format!("the length {follow}, and its complement"), "§3.2.4")
            }
            Element::Literal(byte) => {
                self.window.push(byte);
                (format!("the byte {}", shown(&[byte])), "§3.2.5")
            }
            Element::Match {
                length, distance, ..
            } => {
                let (length, distance) = (usize::from(length), usize::from(distance));
                let start = self.window.len() - distance;
                for i in start..start + length {
                    self.window.push(self.window[i]);
                }
                let bytes = shown(&self.window[self.window.len() - length..]);
                (
                    format!("{length} bytes from {distance} back: {bytes}"),
                    "§3.2.5",
                )
            }
            Element::EndOfBlock => ("the end of the block".to_owned(), "§3.2.5"),
            codes => (words_of_codes(codes), "§3.2.7"),
        };
        self.line(bits, &words, clause);
    }
}

/// The codes of a dynamic block, in words.
fn words_of_codes(element: Element) -> String {
    match element {
        Element::Counts {
            literals,
            distances,
            code_lengths,
        } => format!("{literals} literal, {distances} distance, {code_lengths} length codes"),
        Element::CodeLength {
            alphabet,
            symbol,
            length,
        } => {
            let code = match length {
                0 => "no code".to_owned(),
                1 => "a code of 1 bit".to_owned(),
                _ => format!("a code of {length} bits"),
            };
            format!("{}: {code}", name(alphabet, symbol))
        }
        Element::RepeatedLength {
            alphabet,
            symbol,
            length,
            times,
        } => {
            let code = match length {
                0 => "no code".to_owned(),
                _ => format!("the same, {length}"),
            };
            let first = name(alphabet, symbol);
            format!("{times} symbols from {first} on: {code}")
        }
        _ => String::new(),
    }
}

/// What a symbol stands for.
fn name(alphabet: Alphabet, symbol: u16) -> String {
    let range = |what: &str| match values(alphabet, symbol) {
        Some(range) if range.start() == range.end() => format!("{what} {}", range.start()),
        Some(range) => format!("{what} {} to {}", range.start(), range.end()),
        None => format!("symbol {symbol}"),
    };
    match (alphabet, symbol) {
        (Alphabet::Literals, 0..=255) => shown(&[symbol as u8]),
        (Alphabet::Literals, 256) => "the end of a block".to_owned(),
        (Alphabet::Literals, _) => range("length"),
        (Alphabet::Distances, _) => range("distance"),
        (Alphabet::CodeLengths, 0..=15) => format!("code length {symbol}"),
        (Alphabet::CodeLengths, 16) => "\"repeat the last length\"".to_owned(),
        (Alphabet::CodeLengths, _) => format!("\"repeat 0\" ({symbol})"),
    }
}

fn bytes_in_words(count: usize) -> String {
    format!("{count} byte{}", plural(count as u64))
}

/// Text in quotation marks, or hexadecimal digits; 24 bytes at most.
fn shown(bytes: &[u8]) -> String {
    let (start, more) = match bytes.len() > 24 {
        true => (&bytes[..24], "..."),
        false => (bytes, ""),
    };
    let is_text = |byte: &u8| (b' '..=b'~').contains(byte);
    match start.iter().all(is_text) {
        true => format!("\"{}\"{more}", Printable(&String::from_utf8_lossy(start))),
        false => hex(start) + more,
    }
}
