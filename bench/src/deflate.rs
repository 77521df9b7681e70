//! DEFLATE for messages: ours beside flate2's default backend (miniz_oxide) and zlib-rs.
//!
//! Each message is compressed as permessage-deflate needs it: a sync flush at the end. Alone: every
//! message begins with an empty window, and the compressor is reset. With takeover: the window goes
//! on, over different messages of one kind.

use crate::table::{Report, median, number, ratio, row};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use rfc6455::Window;
use rfc6455::compression::{Deflater, Inflater, TAIL};
use std::hint::black_box;
use std::time::{Duration, Instant};
use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush};

const LEVEL: u8 = 6;

/// How long one measurement takes, about.
const ROUND: Duration = Duration::from_millis(10);

/// Messages of one kind. Each has the same length, and they differ.
struct Load {
    name: &'static str,
    messages: Vec<Vec<u8>>,
}

/// Compresses messages, or inflates them.
trait Codec {
    fn deflate(&mut self, message: &[u8], takeover: bool, out: &mut Vec<u8>);
    fn inflate(&mut self, compressed: &[u8], takeover: bool, out: &mut Vec<u8>);
}

struct Ours {
    deflater: [Deflater; 2],
    inflater: [Inflater; 2],
}

impl Ours {
    fn new() -> Ours {
        let windows = [Window::LARGEST.without_takeover(), Window::LARGEST];
        Ours {
            deflater: windows.map(|window| Deflater::new(window, LEVEL)),
            inflater: windows.map(Inflater::new),
        }
    }
}

impl Codec for Ours {
    fn deflate(&mut self, message: &[u8], takeover: bool, out: &mut Vec<u8>) {
        self.deflater[usize::from(takeover)].deflate(message, out);
    }

    fn inflate(&mut self, compressed: &[u8], takeover: bool, out: &mut Vec<u8>) {
        let inflater = &mut self.inflater[usize::from(takeover)];
        for mut input in [compressed, &TAIL] {
            loop {
                match inflater.inflate(&mut input).expect("it was deflated") {
                    [] => break,
                    piece => out.extend_from_slice(piece),
                }
            }
        }
        inflater.end_message().expect("it was deflated");
    }
}

/// flate2 with its default backend.
struct Flate2(Compress, Decompress);

impl Codec for Flate2 {
    fn deflate(&mut self, message: &[u8], takeover: bool, out: &mut Vec<u8>) {
        if !takeover {
            self.0.reset();
        }
        out.reserve(message.len() + message.len() / 100 + 100);
        self.0
            .compress_vec(message, out, FlushCompress::Sync)
            .expect("there is room");
        assert!(out.ends_with(&TAIL));
        out.truncate(out.len() - TAIL.len());
    }

    fn inflate(&mut self, compressed: &[u8], takeover: bool, out: &mut Vec<u8>) {
        if !takeover {
            self.1.reset(false);
        }
        for mut input in [compressed, &TAIL[..]] {
            while !input.is_empty() {
                out.reserve(out.len().max(1 << 12));
                let before = self.1.total_in();
                self.1
                    .decompress_vec(input, out, FlushDecompress::Sync)
                    .expect("it was deflated");
                input = &input[(self.1.total_in() - before) as usize..];
            }
        }
    }
}

/// zlib-rs.
struct ZlibRs(Deflate, Inflate);

impl Codec for ZlibRs {
    fn deflate(&mut self, message: &[u8], takeover: bool, out: &mut Vec<u8>) {
        if !takeover {
            self.0.reset();
        }
        out.resize(message.len() + message.len() / 100 + 100, 0);
        let before = self.0.total_out();
        self.0
            .compress(message, out, DeflateFlush::SyncFlush)
            .expect("there is room");
        out.truncate((self.0.total_out() - before) as usize);
        assert!(out.ends_with(&TAIL));
        out.truncate(out.len() - TAIL.len());
    }

    fn inflate(&mut self, compressed: &[u8], takeover: bool, out: &mut Vec<u8>) {
        if !takeover {
            self.1.reset(false);
        }
        for mut input in [compressed, &TAIL[..]] {
            while !input.is_empty() {
                let start = out.len();
                out.resize(start + start.max(1 << 12), 0);
                let before = (self.1.total_in(), self.1.total_out());
                self.1
                    .decompress(input, &mut out[start..], InflateFlush::SyncFlush)
                    .expect("it was deflated");
                out.truncate(start + (self.1.total_out() - before.1) as usize);
                input = &input[(self.1.total_in() - before.0) as usize..];
            }
        }
    }
}

fn codecs() -> [Box<dyn Codec>; 3] {
    [
        Box::new(Ours::new()),
        Box::new(Flate2(
            Compress::new(Compression::new(LEVEL.into()), false),
            Decompress::new(false),
        )),
        Box::new(ZlibRs(
            Deflate::new(LEVEL.into(), false, 15),
            Inflate::new(false, 15),
        )),
    ]
}

pub fn run(report: &mut Report, quick: bool) {
    let rounds = if quick { 3 } else { 15 };
    for takeover in [false, true] {
        let how = if takeover { "with takeover" } else { "alone" };
        report.heading(&format!(
            "deflate: messages {how}, level {LEVEL}, MB/s of message, median of {rounds} rounds"
        ));
        let mut rows = vec![row(
            "",
            [
                "deflate", "/flate2", "/zlib-rs", "inflate", "/flate2", "/zlib-rs", "size",
                "/flate2", "/zlib-rs", "\u{b5}s",
            ]
            .map(str::to_owned),
        )];
        for load in loads() {
            rows.push(measure(&load, takeover, rounds));
        }
        report.table(&rows);
    }
}

/// One load: the three codecs take turns.
fn measure(load: &Load, takeover: bool, rounds: usize) -> Vec<String> {
    let mut speeds = [
        [Vec::new(), Vec::new()],
        [Vec::new(), Vec::new()],
        [Vec::new(), Vec::new()],
    ];
    let mut sizes = [0.0; 3];
    for _ in 0..rounds {
        for (i, codec) in codecs().iter_mut().enumerate() {
            let compressed = compress_all(codec.as_mut(), load, takeover);
            sizes[i] = compressed.iter().map(Vec::len).sum::<usize>() as f64;
            sizes[i] /= load.messages.len() as f64;
            speeds[i][0].push(speed(load, |out| {
                for message in &load.messages {
                    out.clear();
                    codec.deflate(message, takeover, out);
                    black_box(&out);
                }
            }));
            // From here on the windows fit the first round of messages only.
            let mut fresh = codecs();
            let inflate_once = |out: &mut Vec<u8>, codec: &mut dyn Codec| {
                for message in &compressed {
                    out.clear();
                    codec.inflate(message, takeover, out);
                    black_box(&out);
                }
            };
            let codec = fresh[i].as_mut();
            speeds[i][1].push(speed(load, |out| inflate_once(out, codec)));
        }
    }
    let [ours, flate2, zlib] = speeds.map(|both| both.map(median));
    let length = load.messages[0].len() as f64;
    row(
        load.name,
        [
            number(ours[0]),
            ratio(ours[0], flate2[0]),
            ratio(ours[0], zlib[0]),
            number(ours[1]),
            ratio(ours[1], flate2[1]),
            ratio(ours[1], zlib[1]),
            number(sizes[0]),
            ratio(sizes[0], sizes[1]),
            ratio(sizes[0], sizes[2]),
            number(length / ours[0]),
        ],
    )
}

/// All messages, compressed by a codec that has seen nothing before; and again, because a window
/// that goes on is a different one in the second round.
fn compress_all(codec: &mut dyn Codec, load: &Load, takeover: bool) -> Vec<Vec<u8>> {
    let compress = |message: &Vec<u8>| {
        let mut out = Vec::new();
        codec.deflate(message, takeover, &mut out);
        out
    };
    load.messages.iter().map(compress).collect()
}

/// MB/s of one pass over all messages, repeated for a while.
fn speed(load: &Load, mut pass: impl FnMut(&mut Vec<u8>)) -> f64 {
    let mut out = Vec::new();
    let bytes: usize = load.messages.iter().map(Vec::len).sum();
    let began = Instant::now();
    let mut passes = 0;
    while began.elapsed() < ROUND {
        pass(&mut out);
        passes += 1;
    }
    (bytes * passes) as f64 / began.elapsed().as_secs_f64() / 1e6
}

fn loads() -> Vec<Load> {
    let text = include_str!("../../docs/conversation.md").to_owned()
        + include_str!("../../README.md")
        + include_str!("../../CONTRIBUTING.md")
        + include_str!("../../CHANGELOG.md");
    let text = text.as_bytes();
    let json = |size: usize| (0..16).map(|i| json(i, size)).collect();
    vec![
        Load {
            name: "JSON 100 B",
            messages: json(100),
        },
        Load {
            name: "JSON 300 B",
            messages: json(300),
        },
        Load {
            name: "JSON 2 KiB",
            messages: json(2 << 10),
        },
        Load {
            name: "JSON 64 KiB",
            messages: json(64 << 10),
        },
        Load {
            name: "English 64 KiB",
            messages: (0..4)
                .map(|i| {
                    text.iter()
                        .cycle()
                        .skip(i * 9999)
                        .take(64 << 10)
                        .copied()
                        .collect()
                })
                .collect(),
        },
        Load {
            name: "random 64 KiB",
            messages: (0..4).map(|i| noise(i, 64 << 10)).collect(),
        },
    ]
}

/// Records as a service sends them.
pub fn json(seed: usize, size: usize) -> Vec<u8> {
    let mut text = String::from("[");
    let mut n = seed * 7919 + 17;
    while text.len() < size {
        n = n
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let (id, value, flag) = (n >> 40, (n >> 20) % 10000, n >> 60 & 1 == 1);
        text += &format!(
            "{{\"id\":{id},\"sensor\":\"room-{}\",\"value\":{}.{:02},\"ok\":{flag}}},",
            id % 100,
            value / 100,
            value % 100
        );
    }
    text.truncate(size);
    text.into_bytes()
}

fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15 ^ (seed + 1);
    (0..size)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}
