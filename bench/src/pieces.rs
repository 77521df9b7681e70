//! Text that arrives in several reads, in two ways. (a) One check and one copy: each piece is read
//! to a small buffer, checked, and copied to a `String` that grows. (b) Two checks: each piece is
//! read to where the text is lent from and checked there, and at the end `str::from_utf8` checks
//! the whole once more, to lend it. Without `unsafe` there is no third way.
//!
//! The mask is not here: it costs both the same.

use crate::table::{Report, median, number, ratio, row};
use std::hint::black_box;
use std::time::Instant;

const SIZES: [(&str, usize); 3] = [
    ("64 KiB", 64 << 10),
    ("1 MiB", 1 << 20),
    ("16 MiB", 16 << 20),
];

const PIECES: [(&str, usize); 2] = [("16 KiB", 16 << 10), ("256 KiB", 256 << 10)];

const TEXTS: [(&str, &str); 2] = [
    ("ASCII", "The quick brown fox jumps over the lazy dog. "),
    (
        "Cyrillic",
        "Съешь же ещё этих мягких французских булок, да выпей чаю. ",
    ),
];

pub fn run(report: &mut Report, quick: bool) {
    let rounds = if quick { 3 } else { 15 };
    for (kind, text) in TEXTS {
        report.heading(&format!(
            "pieces: {kind} that arrives in several reads, µs a text, median of {rounds} rounds"
        ));
        let columns = PIECES.iter().flat_map(|(piece, bytes)| {
            // A text in one piece is not a text in pieces.
            let sizes = SIZES.iter().filter(move |(_, size)| size > bytes);
            sizes.map(move |(name, size)| (format!("{name} by {piece}"), *size, *bytes))
        });
        let columns: Vec<(String, usize, usize)> = columns.collect();
        let names = columns.iter().map(|(name, ..)| name);
        let times = columns.iter().map(|(_, size, piece)| {
            let text: String = text.chars().cycle().take(*size).collect();
            measure(&text.as_bytes()[..*size], *piece, rounds)
        });
        let times: Vec<[f64; 3]> = times.collect();
        let cells = |way: usize| times.iter().map(move |times| number(times[way] / 1e3));
        report.table(&[
            row("", names),
            row("(a) / (b)", times.iter().map(|t| ratio(t[0], t[1]))),
            Vec::new(),
            row("(a) one check, one copy", cells(0)),
            row("(b) two checks", cells(1)),
            row("the reads alone", cells(2)),
        ]);
    }
}

/// Nanoseconds: (a), (b), and what both pay for reading. All keep their buffers from round to
/// round. The text may be cut inside its last character, as any piece may.
fn measure(text: &[u8], piece: usize, rounds: usize) -> [f64; 3] {
    let calls = ((4 << 20) / text.len()).max(1);
    let mut string = String::with_capacity(text.len());
    let mut small = vec![0; piece + CUT];
    let mut whole = vec![0; text.len()];
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..=rounds {
        let mut time = |way: usize, call: &mut dyn FnMut()| {
            let start = Instant::now();
            for _ in 0..calls {
                call();
            }
            times[way].push(start.elapsed().as_nanos() as f64 / calls as f64);
        };
        time(0, &mut || {
            one_check(black_box(text), piece, &mut small, &mut string)
        });
        time(1, &mut || two_checks(black_box(text), piece, &mut whole));
        time(2, &mut || {
            for (room, piece) in whole.chunks_mut(piece).zip(black_box(text).chunks(piece)) {
                room.copy_from_slice(piece);
            }
            black_box(&mut whole);
        });
    }
    times.map(median)
}

/// The beginning of a character that the end of a piece cut has this many bytes, at most.
const CUT: usize = 3;

/// (a). What the end of a piece cut stays at the beginning of the small buffer, before the next
/// piece.
fn one_check(text: &[u8], piece: usize, small: &mut [u8], string: &mut String) {
    string.clear();
    let mut kept = 0;
    for read in text.chunks(piece) {
        small[kept..][..read.len()].copy_from_slice(read);
        let filled = kept + read.len();
        // Cut before the check. The error of a check would say where, but it lends no text.
        let whole = filled - cut_at_the_end(&small[..filled]);
        string.push_str(std::str::from_utf8(&small[..whole]).expect("it is text"));
        small.copy_within(whole..filled, 0);
        kept = filled - whole;
    }
    black_box(string.as_str());
}

/// How many bytes at the end begin a character that is not complete.
fn cut_at_the_end(bytes: &[u8]) -> usize {
    let last = bytes.iter().rev().take(CUT).enumerate();
    let begins = |byte: u8| byte & 0xc0 != 0x80;
    let beginning = last.into_iter().find(|(_, byte)| begins(**byte));
    beginning.map_or(0, |(behind, byte)| {
        let length = match byte.leading_ones() {
            0 => 1,
            ones => ones as usize,
        };
        if length > behind + 1 { behind + 1 } else { 0 }
    })
}

/// (b), piece by piece as `src/framing/utf8.rs` does it.
fn two_checks(text: &[u8], piece: usize, whole: &mut [u8]) {
    let mut filled = 0;
    let mut checked = 0;
    for read in text.chunks(piece) {
        whole[filled..][..read.len()].copy_from_slice(read);
        filled += read.len();
        checked += characters_in(&whole[checked..filled]);
    }
    black_box(std::str::from_utf8(&whole[..checked]).expect("it was checked"));
}

/// How many bytes are complete characters.
fn characters_in(bytes: &[u8]) -> usize {
    if bytes.is_ascii() {
        return bytes.len();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.len(),
        Err(error) => {
            assert!(error.error_len().is_none(), "it is text");
            error.valid_up_to()
        }
    }
}
