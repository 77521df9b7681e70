//! Text that is not ASCII: an echo through memory beside what a check of the same bytes by
//! `str::from_utf8` and one copy of them cost. There is no faster check in `std`.

use crate::memory::{Echo, Input, PEERS, echo, take_turns};
use crate::table::{Report, number, ratio, row};
use crate::wire::{WHOLE_TEXT, header, masked_frame, plain_text};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Characters of one byte, of two, of three, of four.
const TEXTS: [(&str, &str); 4] = [
    ("ASCII", "The quick brown fox jumps over the lazy dog. "),
    (
        "Cyrillic",
        "Съешь же ещё этих мягких французских булок, да выпей чаю. ",
    ),
    (
        "Chinese",
        "天地玄黃，宇宙洪荒。日月盈昃，辰宿列張。寒來暑往，秋收冬藏。",
    ),
    ("emoji", "😀🚀🎉🌍🧪🐙🍀🎻"),
];

const SIZES: [(&str, usize); 2] = [("1 KiB", 1 << 10), ("64 KiB", 64 << 10)];

const CHECKED_COPY: &str = "str::from_utf8 and a copy";

pub fn run(report: &mut Report, quick: bool) {
    let rounds = if quick { 3 } else { 31 };
    report.heading(&format!(
        "text: one text echoed through memory, µs a message, median of {rounds} rounds"
    ));
    let columns = SIZES.iter().flat_map(|(name, size)| {
        TEXTS.map(|(kind, text)| (format!("{kind} {name}"), of_size(text, *size)))
    });
    let (names, texts): (Vec<String>, Vec<String>) = columns.unzip();
    let times: Vec<Vec<f64>> = texts.iter().map(|text| measure(text, rounds)).collect();
    print(report, &names, &times);
}

/// The text again and again, until it has this many bytes. Spaces fill the end.
fn of_size(text: &str, size: usize) -> String {
    let mut whole = String::with_capacity(size);
    for character in text.chars().cycle() {
        if whole.len() + character.len_utf8() > size {
            break;
        }
        whole.push(character);
    }
    let rest = size - whole.len();
    whole + &" ".repeat(rest)
}

/// Nanoseconds for a message: of each peer, and of `CHECKED_COPY`.
fn measure(text: &str, rounds: usize) -> Vec<f64> {
    let input = Input {
        x: text.len() as f64,
        count: (4 << 20) / text.len(),
        message: masked_frame(WHOLE_TEXT, text.as_bytes()),
        answer: plain_text(text.as_bytes()),
    };
    let wire = input.message.repeat(input.count);
    let plain = input.answer.repeat(input.count);
    let checked_copy = |output: &mut Vec<u8>| checked_copy(&plain, text.len(), output);
    let echoes: Vec<_> = PEERS.iter().map(|peer| echo(peer, &wire, &input)).collect();
    let mut echoes: Vec<Echo> = echoes.iter().map(|echo| echo as Echo).collect();
    echoes.push(&checked_copy);
    let times = take_turns(&echoes, rounds).into_iter();
    times.map(|time| time / input.count as f64).collect()
}

/// What no echo that uses `std` can save. The texts lie one behind another, as in an echo.
fn checked_copy(frames: &[u8], size: usize, output: &mut Vec<u8>) -> Duration {
    let header = header(WHOLE_TEXT, 0, size).len();
    let start = Instant::now();
    for frame in frames.chunks_exact(header + size) {
        let text = std::str::from_utf8(black_box(&frame[header..]));
        output.extend_from_slice(black_box(text.expect("it is text").as_bytes()));
    }
    start.elapsed()
}

fn print(report: &mut Report, names: &[String], times: &[Vec<f64>]) {
    let mut rows = vec![row("", names)];
    let beside_copy = times.iter().map(|times| match &times[..] {
        [ours, .., copy] => ratio(*ours, *copy),
        _ => unreachable!("ours, the others, the copy"),
    });
    rows.push(row(format!("rfc6455 / ({CHECKED_COPY})"), beside_copy));
    let best = times.iter().map(|times| match &times[..] {
        [ours, peers @ .., _floor, _copy] => {
            ratio(*ours, peers.iter().copied().fold(f64::INFINITY, f64::min))
        }
        _ => unreachable!("ours, the peers, the floor, the copy"),
    });
    rows.push(row("rfc6455 / best peer", best));
    rows.push(Vec::new());
    let names = PEERS.iter().map(|peer| peer.name).chain([CHECKED_COPY]);
    for (contender, name) in names.enumerate() {
        let cells = times.iter().map(|times| number(times[contender] / 1e3));
        rows.push(row(name, cells));
    }
    report.table(&rows);
}
