//! The two loops that touch every byte of a text, beside a copy of the same number of bytes.

use crate::table::{Report, median, number, row};
use std::hint::black_box;
use std::time::{Duration, Instant};

const SIZES: [(&str, usize); 4] = [
    ("16 B", 16),
    ("1 KiB", 1 << 10),
    ("64 KiB", 1 << 16),
    ("1 MiB", 1 << 20),
];

/// How far behind the boundary of a page the bytes begin, and their place in the payload.
const OFFSETS: [(usize, u64); 5] = [(0, 0), (1, 0), (3, 0), (0, 1), (3, 3)];

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub fn run(report: &mut Report, quick: bool) {
    let (rounds, time) = if quick { (3, 2) } else { (15, 5) };
    let time = Duration::from_millis(time);
    report.heading(&format!(
        "mask: the loops over every byte, median of {rounds} rounds"
    ));
    let mut ratios = vec![row("time / that of a copy", SIZES.map(|(name, _)| name))];
    let mut speeds = vec![row("GiB/s", SIZES.map(|(name, _)| name))];
    for (start, offset) in OFFSETS {
        let at = format!("{start} bytes into a buffer");
        let times = SIZES.map(|(_, size)| Times::measure(size, start, offset, time, rounds));
        let [copy, mask, check] = [
            times.clone().map(|t| t.copy),
            times.clone().map(|t| t.mask),
            times.map(|t| t.check),
        ];
        let mut add = |name: String, ours: &[f64; 4]| {
            let ratio = [0, 1, 2, 3].map(|size| format!("{:.2}", ours[size] / copy[size]));
            let speed = |size: usize| SIZES[size].1 as f64 / ours[size] * 1e9 / f64::powi(2.0, 30);
            ratios.push(row(&name, ratio));
            speeds.push(row(name, [0, 1, 2, 3].map(speed).map(number)));
        };
        if offset == 0 {
            add(format!("copy_from_slice, {at}"), &copy);
            add(format!("str::from_utf8 (ASCII), {at}"), &check);
        }
        add(
            format!("rfc6455::framing::mask, {at}, {offset} into the key"),
            &mask,
        );
    }
    report.table(&ratios);
    report.line("");
    report.table(&speeds);
}

/// Nanoseconds that each loop takes for the same bytes.
#[derive(Clone)]
struct Times {
    copy: f64,
    mask: f64,
    check: f64,
}

impl Times {
    fn measure(size: usize, start: usize, offset: u64, time: Duration, rounds: usize) -> Times {
        let mut memory = Page::new(size + start);
        let part = &mut memory.bytes()[start..][..size];
        part.fill(b'x');
        let text = part.to_vec();
        let mut all = [const { Vec::new() }; 3];
        for _ in 0..rounds {
            all[0].push(nanoseconds(time, || {
                black_box(&mut *part).copy_from_slice(black_box(&text));
            }));
            all[1].push(nanoseconds(time, || {
                rfc6455::framing::mask(black_box(KEY), black_box(offset), black_box(&mut *part));
            }));
            // After an odd number of rounds the bytes are masked.
            part.fill(b'x');
            all[2].push(nanoseconds(time, || {
                let _ = black_box(std::str::from_utf8(black_box(&*part)));
            }));
        }
        let [copy, mask, check] = all.map(median);
        Times { copy, mask, check }
    }
}

/// Bytes that begin at a boundary of 4 KiB.
struct Page {
    memory: Vec<u8>,
    start: usize,
}

impl Page {
    fn new(size: usize) -> Page {
        let memory = vec![0; size + 4096];
        let start = memory.as_ptr().align_offset(4096);
        Page { memory, start }
    }

    fn bytes(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..]
    }
}

/// The mean time of a call. It calls again and again until the time is over.
fn nanoseconds(time: Duration, mut call: impl FnMut()) -> f64 {
    let mut calls = 1;
    loop {
        let start = Instant::now();
        for _ in 0..calls {
            call();
        }
        let taken = start.elapsed();
        if taken >= time {
            return taken.as_nanos() as f64 / f64::from(calls);
        }
        calls *= 2;
    }
}
