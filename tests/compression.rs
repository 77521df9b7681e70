//! RFC 1951 by hand, beside zlib.

use flate2::{Compress, Compression as Level, Decompress, FlushCompress, FlushDecompress};
use rfc6455::Window;
use rfc6455::compression::{
    Alphabet, BlockKind, DeflateRule, Deflater, Element, Inflater, InvalidDeflate, WINDOW_BITS,
    Watch,
};
use std::ops::Range;

/// What RFC 7692 §7.2.1 takes away.
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

const TEXT: &[u8] = include_bytes!("rfc6455/requirements.tsv");

/// Bytes that do not shrink; the same each time.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..count).map(|_| next()).collect()
}

fn json(items: usize) -> Vec<u8> {
    let item = |i: usize| {
        format!(
            "{{\"id\":{i},\"name\":\"item {}\",\"ok\":true}}",
            i * 7919 % 1000
        )
    };
    let items: Vec<String> = (0..items).map(item).collect();
    format!("[{}]", items.join(",")).into_bytes()
}

/// Repeats itself at exactly this distance, and nowhere else.
fn at_distance(distance: usize) -> Vec<u8> {
    // Letters: as they are, they would have more bits.
    let letters = noise(distance).into_iter().map(|byte| b'a' + byte % 16);
    let noise: Vec<u8> = letters.collect();
    [&noise[..], &noise[..distance.min(40)]].concat()
}

fn payloads() -> Vec<Vec<u8>> {
    let mut payloads = vec![
        vec![],
        b"a".to_vec(),
        b"ab".to_vec(),
        b"abc".to_vec(),
        b"Hello".to_vec(),
        vec![b'x'; 258],
        vec![b'x'; 259 + 3],
        vec![0; 100_000],
        json(3),
        json(2000),
        TEXT.to_vec(),
        noise(1000),
        noise(70_000),
        b"abcabcabcabcabcabc".repeat(3),
        [noise(40_000), TEXT.to_vec(), vec![7; 30_000], noise(300)].concat(),
    ];
    for bits in WINDOW_BITS {
        payloads.extend([at_distance(1 << bits), at_distance((1 << bits) + 1)]);
    }
    payloads
}

/// Inflates one message, given in pieces of this many bytes.
fn inflate_message(
    inflater: &mut Inflater,
    compressed: &[u8],
    cut: usize,
) -> Result<Vec<u8>, InvalidDeflate> {
    let mut message = Vec::new();
    for piece in compressed.chunks(cut.max(1)).chain([&TAIL[..]]) {
        let mut input = piece;
        loop {
            let out = inflater.inflate(&mut input)?;
            assert!(out.len() <= 64 << 10);
            if out.is_empty() {
                break;
            }
            message.extend_from_slice(out);
        }
        assert!(input.is_empty());
    }
    inflater.end_message()?;
    Ok(message)
}

fn inflate(compressed: &[u8]) -> Result<Vec<u8>, InvalidDeflate> {
    inflate_message(&mut Inflater::new(Window::LARGEST), compressed, usize::MAX)
}

/// Inflates raw bytes, with no end of a message.
fn inflate_raw(mut input: &[u8]) -> Result<Vec<u8>, InvalidDeflate> {
    let mut inflater = Inflater::new(Window::LARGEST);
    let mut message = Vec::new();
    loop {
        match inflater.inflate(&mut input)? {
            [] => return Ok(message),
            piece => message.extend_from_slice(piece),
        }
    }
}

/// zlib's inflater on one message.
fn zlib_message(zlib: &mut Decompress, compressed: &[u8], length: usize) -> Vec<u8> {
    let input = [compressed, &TAIL[..]].concat();
    let mut message = Vec::with_capacity(length + 100);
    let before = zlib.total_in();
    zlib.decompress_vec(&input, &mut message, FlushDecompress::Sync)
        .unwrap();
    assert_eq!(
        zlib.total_in() - before,
        input.len() as u64,
        "not all was taken"
    );
    message
}

/// zlib's compressor on one message.
fn zlib_compressed(message: &[u8], level: u32, flush: FlushCompress) -> Vec<u8> {
    let mut zlib = Compress::new(Level::new(level), false);
    let mut out = Vec::with_capacity(message.len() + message.len() / 10 + 1000);
    zlib.compress_vec(message, &mut out, flush).unwrap();
    out
}

fn windows() -> impl Iterator<Item = Window> {
    let all = WINDOW_BITS.flat_map(|bits| {
        let window = Window::new(bits).unwrap();
        [window, window.without_takeover()]
    });
    all.collect::<Vec<_>>().into_iter()
}

#[test]
fn every_inflater_gives_back_what_was_deflated_at_every_level_and_window() {
    let payloads = payloads();
    for window in windows() {
        for level in 1..=9 {
            let mut deflater = Deflater::new(window, level);
            let mut inflater = Inflater::new(window);
            let zlib_bits = window.bits().max(9);
            let mut zlib = Decompress::new_with_window_bits(false, zlib_bits);
            for (i, payload) in payloads.iter().enumerate() {
                let mut compressed = Vec::new();
                deflater.deflate(payload, &mut compressed);
                let ours = inflate_message(&mut inflater, &compressed, usize::MAX);
                let what = format!("payload {i}, level {level}, {window:?}");
                assert!(ours.as_deref() == Ok(payload), "{what}: {:?}", ours.err());
                let zlibs = zlib_message(&mut zlib, &compressed, payload.len());
                assert!(&zlibs == payload, "{what}, with zlib");
                let blocks = payload.len() / 0xFFFF + payload.len() / (1 << 14) + 1;
                let most = payload.len() + 5 * blocks + 1;
                assert!(compressed.len() <= most, "{what}: {}", compressed.len());
            }
        }
    }
}

#[test]
fn a_message_that_was_taken_back_is_not_repeated_later() {
    for window in windows() {
        let mut deflater = Deflater::new(window, 6);
        let mut inflater = Inflater::new(window);
        for (i, payload) in payloads().iter().enumerate() {
            let mut compressed = Vec::new();
            deflater.deflate(payload, &mut compressed);
            match i % 3 {
                0 => deflater.forget_last_message(),
                1 if i % 2 == 0 => {
                    deflater.forget_window();
                    let inflated = inflate_message(&mut inflater, &compressed, 100);
                    assert!(inflated.as_ref() == Ok(payload));
                }
                _ => {
                    let inflated = inflate_message(&mut inflater, &compressed, 100);
                    assert!(
                        inflated.as_ref() == Ok(payload),
                        "{i}, {window:?}: {:?}",
                        inflated.err()
                    );
                }
            }
        }
    }
}

#[test]
fn context_takeover_makes_similar_messages_shorter_and_no_takeover_keeps_no_memory() {
    let sizes = |window| {
        let mut deflater = Deflater::new(window, 6);
        let mut sizes = Vec::new();
        for i in 0..4 {
            let mut out = Vec::new();
            deflater.deflate(
                format!("{{\"temperature\":{i},\"unit\":\"celsius\"}}").as_bytes(),
                &mut out,
            );
            sizes.push(out.len());
        }
        deflater.release();
        (sizes, deflater.memory())
    };
    let (with, kept) = sizes(Window::LARGEST);
    let (without, none) = sizes(Window::LARGEST.without_takeover());
    assert!(with[3] * 3 < without[3], "{with:?} {without:?}");
    assert!(kept > 0);
    assert_eq!(none, 0);
    // What `docs/compression.md` says of an idle connection.
    let mut deflater = Deflater::new(Window::LARGEST, 6);
    let mut inflater = Inflater::new(Window::LARGEST);
    for _ in 0..3 {
        let mut out = Vec::new();
        deflater.deflate(&json(30_000), &mut out);
        inflate_message(&mut inflater, &out, 1000).unwrap();
    }
    deflater.release();
    inflater.release();
    let kept = (deflater.memory() + inflater.memory()) >> 10;
    assert!((300..340).contains(&kept), "{kept} KiB");

    let mut inflater = Inflater::new(Window::LARGEST.without_takeover());
    let mut out = Vec::new();
    Deflater::new(Window::LARGEST, 6).deflate(TEXT, &mut out);
    inflate_message(&mut inflater, &out, 1000).unwrap();
    inflater.release();
    assert_eq!(inflater.memory(), 0);
}

#[test]
fn what_zlib_makes_is_inflated_wherever_it_is_cut() {
    for (i, payload) in payloads().iter().enumerate() {
        for level in [0, 1, 6, 9] {
            let compressed = zlib_compressed(payload, level, FlushCompress::Sync);
            // zlib flushes nothing where nothing was given.
            let message = compressed.strip_suffix(&TAIL).unwrap_or(&[0]);
            for cut in [1, 2, 3, 7, 100, 70_000] {
                let mut inflater = Inflater::new(Window::LARGEST);
                let inflated = inflate_message(&mut inflater, message, cut);
                assert!(
                    inflated.as_ref() == Ok(payload),
                    "payload {i}, level {level}, cut {cut}"
                );
            }
            // A stream that ends (BFINAL), and the next one behind it.
            let finished = zlib_compressed(payload, level, FlushCompress::Finish);
            let twice = [&finished[..], &finished, &[0]].concat();
            let inflated = inflate(&twice);
            assert!(
                inflated == Ok(payload.repeat(2)),
                "payload {i}, level {level}, finished"
            );
        }
    }
    // Every cut into two.
    let compressed = zlib_compressed(&json(30), 6, FlushCompress::Sync);
    for at in 0..compressed.len() {
        let mut inflater = Inflater::new(Window::LARGEST);
        let mut message = Vec::new();
        for mut piece in [&compressed[..at], &compressed[at..]] {
            loop {
                match inflater.inflate(&mut piece).unwrap() {
                    [] => break,
                    out => message.extend_from_slice(out),
                }
            }
        }
        inflater.end_message().unwrap();
        assert!(message == json(30), "cut at {at}");
    }
}

/// Bits as RFC 1951 writes them, the first bit first; spaces do not count.
fn bits(text: &str) -> Vec<u8> {
    let bits: Vec<u8> = text
        .bytes()
        .filter(|b| *b != b' ')
        .map(|b| b - b'0')
        .collect();
    bits.chunks(8)
        .map(|byte| {
            byte.iter().rev().fold(0, |value, bit| value << 1 | bit) << (8 - byte.len())
                >> (8 - byte.len())
        })
        .collect()
}

/// `value` in `count` bits, the lowest bit first.
fn low(value: usize, count: usize) -> String {
    (0..count)
        .map(|i| char::from(b'0' + (value >> i & 1) as u8))
        .collect()
}

/// The front of a dynamic block up to the code-length code, whose lengths are given by symbol.
fn dynamic(literals: usize, distances: usize, lengths: &[(usize, usize)]) -> String {
    const ORDER: [usize; 19] = [
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
    ];
    let mut text = format!(
        "0 01 {} {} {}",
        low(literals - 257, 5),
        low(distances - 1, 5),
        low(15, 4)
    );
    for symbol in ORDER {
        let length = lengths
            .iter()
            .find(|(s, _)| *s == symbol)
            .map_or(0, |(_, l)| *l);
        text += &low(length, 3);
    }
    text
}

#[test]
fn every_rule_of_the_format_is_checked() {
    use DeflateRule as Rule;
    // The code of code lengths: 0 is "0", 1 is "10", 16, 17 and 18 are "110", "1110", "1111".
    let code: &[(usize, usize)] = &[(0, 1), (1, 2), (16, 3), (17, 4), (18, 4)];
    let zeros = |count: usize| format!("1111 {}", low(count - 11, 7));
    let reserved = bits("0 11");
    let stored = vec![0x00, 5, 0, 5, 0];
    let hlit = bits(&format!("0 01 {} {} 0000", low(30, 5), low(0, 5)));
    let hdist = bits(&format!("0 01 {} {} 0000", low(0, 5), low(30, 5)));
    let over_cl = bits(&dynamic(257, 1, &[(0, 1), (1, 1), (2, 1)]));
    let under_cl = bits(&dynamic(257, 1, &[(0, 1)]));
    let nothing = bits(&(dynamic(257, 1, code) + "110 00"));
    let too_long = bits(&(dynamic(257, 1, code) + &zeros(138) + &zeros(138)));
    let no_end = bits(&(dynamic(257, 1, code) + "10 10" + &zeros(138) + &zeros(118)));
    let over = bits(&(dynamic(257, 1, code) + "10 10" + &zeros(138) + &zeros(116) + "10 0"));
    // Literal 0 alone would have one code; with the end of block both have one bit: complete.
    let far = bits("0 10 00110000 0000001 00001");
    let no_distance =
        bits(&(dynamic(258, 1, code) + &zeros(138) + &zeros(118) + "10 10 0" + "1 0"));
    let undefined_length = bits("0 10 11000110");
    let undefined_distance = bits("0 10 00110000 0000001 11110");
    let incomplete = bits(&(dynamic(257, 3, code) + "10" + &zeros(138) + &zeros(117) + "10 0 0 0"));
    let incomplete_distances = bits(
        &(dynamic(257, 2, &[(0, 1), (1, 2), (2, 3), (18, 3)])
            + "10"
            + "111"
            + &low(138 - 11, 7)
            + "111"
            + &low(117 - 11, 7)
            + "10 110 0"),
    );
    for (name, stream, rule, at) in [
        ("type 3", reserved, Rule::BlockType, 0),
        (
            "stored",
            stored,
            Rule::StoredLength {
                length: 5,
                complement: 5,
            },
            5,
        ),
        ("hlit", hlit, Rule::TooManyCodes(Alphabet::Literals, 287), 2),
        (
            "hdist",
            hdist,
            Rule::TooManyCodes(Alphabet::Distances, 31),
            2,
        ),
        (
            "over code lengths",
            over_cl,
            Rule::OverSubscribed(Alphabet::CodeLengths),
            9,
        ),
        (
            "under code lengths",
            under_cl,
            Rule::Incomplete(Alphabet::CodeLengths),
            9,
        ),
        ("nothing to repeat", nothing, Rule::NothingToRepeat, 9),
        ("too long", too_long, Rule::RepeatTooLong, 12),
        ("no end", no_end, Rule::NoEndOfBlock, 12),
        (
            "over literals",
            over,
            Rule::OverSubscribed(Alphabet::Literals),
            12,
        ),
        (
            "far",
            far,
            Rule::DistanceTooFar {
                distance: 2,
                window: 1,
            },
            1,
        ),
        (
            "no distance",
            no_distance,
            Rule::UnusedCode(Alphabet::Distances),
            12,
        ),
        (
            "length 286",
            undefined_length,
            Rule::UndefinedSymbol(Alphabet::Literals, 286),
            0,
        ),
        (
            "distance 30",
            undefined_distance,
            Rule::UndefinedSymbol(Alphabet::Distances, 30),
            1,
        ),
        (
            "distances",
            incomplete_distances,
            Rule::Incomplete(Alphabet::Distances),
            12,
        ),
    ] {
        let stream = [&stream[..], &[0; 8]].concat();
        let error = inflate_raw(&stream).expect_err(name);
        assert_eq!(error.rule, rule, "{name}");
        assert_eq!(error.at, at, "{name}");
        // zlib refuses all of them, too.
        let mut zlib = Decompress::new(false);
        let refused = zlib.decompress(&stream, &mut [0; 600], FlushDecompress::Sync);
        assert!(refused.is_err(), "{name}: zlib accepts it");
        let text = error.to_string();
        assert!(text.contains("RFC ") && text.contains("byte "), "{text}");
    }
    // Two literals of one bit each and no distance: complete, and accepted by both.
    assert!(inflate_raw(&incomplete).is_ok());
}

#[test]
fn a_code_of_one_distance_has_one_bit_and_the_other_bit_means_nothing() {
    // Literals: 0 and the end have two bits, the length 257 has one. One distance, of one bit.
    let code: &[(usize, usize)] = &[(0, 2), (1, 2), (2, 2), (18, 2)];
    let lengths = format!(
        "10 11 {} 11 {} 10 01 01",
        low(138 - 11, 7),
        low(117 - 11, 7)
    );
    let front = dynamic(258, 1, code) + &lengths;
    // 257 is "0", the literal 0 is "10", the end is "11". The distance 1 is "0".
    let right = bits(&(front.clone() + "10 0 0 11 000"));
    assert_eq!(inflate_raw(&right), Ok(vec![0; 4]));
    let wrong = bits(&(front + "10 0 1 11 000 0000 0000 0000 0000"));
    let error = inflate_raw(&wrong).unwrap_err();
    assert_eq!(error.rule, DeflateRule::UnusedCode(Alphabet::Distances));
}

#[test]
fn a_match_may_reach_to_the_beginning_of_the_window_and_no_farther() {
    for bits in WINDOW_BITS {
        let size = 1usize << bits;
        for (distance, is_allowed) in [(size, true), (size + 1, false)] {
            let mut compressed = Vec::new();
            // A larger window makes matches that a smaller one does not allow.
            Deflater::new(Window::LARGEST, 9).deflate(&at_distance(distance), &mut compressed);
            let mut inflater = Inflater::new(Window::new(bits).unwrap());
            let result = inflate_message(&mut inflater, &compressed, usize::MAX);
            let is_literal = distance > 1 << 15;
            assert_eq!(result.is_ok(), is_allowed || is_literal, "{distance}");
        }
    }
}

#[test]
fn a_message_ends_between_two_blocks() {
    let hello = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    for end in 0..hello.len() {
        let error = inflate(&hello[..end]).unwrap_err();
        // Behind a cut, the added bytes are taken for something else.
        assert!(!error.to_string().is_empty(), "{end}");
    }
    assert_eq!(inflate(&[]).unwrap_err().rule, DeflateRule::Unfinished);
    // The tail was not taken away.
    let whole = [&hello[..], &TAIL].concat();
    assert_eq!(inflate(&whole).unwrap_err().rule, DeflateRule::Unfinished);
}

#[test]
fn a_bomb_comes_out_in_pieces_and_empty_blocks_come_to_an_end() {
    let mut bomb = Vec::new();
    Deflater::new(Window::LARGEST, 9).deflate(&vec![0; 10 << 20], &mut bomb);
    assert!(bomb.len() * 800 < 10 << 20, "{}", bomb.len());
    let mut inflater = Inflater::new(Window::LARGEST);
    let mut input = &bomb[..];
    let mut length = 0;
    loop {
        let piece = inflater.inflate(&mut input).unwrap().len();
        assert!(piece <= 64 << 10);
        assert!(inflater.memory() <= 128 << 10, "{}", inflater.memory());
        length += piece;
        if piece == 0 {
            break;
        }
    }
    assert_eq!(length, 10 << 20);
    assert_eq!(
        inflate(&[0, 0, 0, 0xFF, 0xFF].repeat(1000))
            .unwrap_err()
            .rule,
        DeflateRule::Unfinished
    );
    let empty = [&[0, 0, 0, 0xFF, 0xFF].repeat(1000)[..], &[0]].concat();
    assert_eq!(inflate(&empty), Ok(vec![]));
}

/// Everything that a stream says, in order.
#[derive(Default)]
struct Said(Vec<(Range<u64>, Element)>);

impl Watch for Said {
    fn element(&mut self, bits: Range<u64>, element: Element) {
        self.0.push((bits, element));
    }
}

#[test]
fn a_watcher_learns_what_each_bit_is() {
    for (level, kind) in [
        (0, BlockKind::Stored),
        (1, BlockKind::Fixed),
        (9, BlockKind::Dynamic),
    ] {
        let message = match kind {
            BlockKind::Dynamic => json(100),
            _ => b"Hello, hello, hello".to_vec(),
        };
        let compressed = zlib_compressed(&message, level, FlushCompress::Finish);
        for cut in [1, 5, usize::MAX] {
            let mut said = Said::default();
            let mut inflater = Inflater::new(Window::LARGEST);
            let mut out = Vec::new();
            for mut piece in compressed.chunks(cut) {
                loop {
                    match inflater.inflate_watched(&mut piece, &mut said).unwrap() {
                        [] => break,
                        bytes => out.extend_from_slice(bytes),
                    }
                }
            }
            assert!(out == message);
            let mut next = 0;
            let mut told = Vec::new();
            for (bits, element) in &said.0 {
                assert_eq!(bits.start, next, "{element:?}");
                next = bits.end;
                match *element {
                    Element::Literal(byte) | Element::Stored(byte) => told.push(byte),
                    Element::Match {
                        length, distance, ..
                    } => {
                        for _ in 0..length {
                            told.push(told[told.len() - usize::from(distance)]);
                        }
                    }
                    _ => {}
                }
            }
            assert_eq!(next, 8 * compressed.len() as u64);
            assert!(told == message);
            let is_kind = |e: &&(Range<u64>, Element)| matches!(e.1, Element::Block { kind: k, .. } if k == kind);
            assert!(said.0.iter().find(is_kind).is_some(), "no block {kind:?}");
        }
    }
}

/// Each element of a message as a line: the place of its first bit, its bits, what they mean. `before`
/// is what the window has.
fn account(inflater: &mut Inflater, before: &[u8], compressed: &[u8]) -> String {
    let whole = [compressed, &TAIL].concat();
    let mut said = Said::default();
    let mut input = &whole[..];
    while !inflater
        .inflate_watched(&mut input, &mut said)
        .unwrap()
        .is_empty()
    {}
    inflater.end_message().unwrap();
    let bit = |at: u64| whole[at as usize / 8] >> (at % 8) & 1;
    let mut window = before.to_vec();
    let mut lines = String::new();
    for (range, element) in said.0 {
        let what = match element {
            Element::Block { last, kind } => format!(
                "a block: BFINAL {}, {}",
                u8::from(last),
                match kind {
                    BlockKind::Stored => "BTYPE 00 (stored)",
                    BlockKind::Fixed => "BTYPE 01 (fixed codes)",
                    BlockKind::Dynamic => "BTYPE 10 (its own codes)",
                }
            ),
            Element::Literal(byte) => {
                window.push(byte);
                format!("the literal {}", char::from(byte))
            }
            Element::Match {
                length, distance, ..
            } => {
                let from = window.len() - usize::from(distance);
                for i in 0..usize::from(length) {
                    window.push(window[from + i]);
                }
                let text = String::from_utf8_lossy(&window[window.len() - usize::from(length)..]);
                format!("{length} bytes from {distance} back: {text}")
            }
            Element::EndOfBlock => "the end of the block".to_owned(),
            Element::Padding => "padding, up to the next byte".to_owned(),
            Element::StoredLength(length) => {
                format!("{length} bytes follow; the complement of that")
            }
            other => format!("{other:?}"),
        };
        let bits: String = range.clone().map(|at| char::from(b'0' + bit(at))).collect();
        lines += format!("{:>3}  {bits:<32}  {what}", range.start).trim_end();
        lines += "\n";
    }
    lines
}

#[test]
fn the_document_has_a_message_worked_out_to_the_bit() {
    let document = include_str!("../docs/compression.md");
    let mut deflater = Deflater::new(Window::LARGEST, 6);
    let mut inflater = Inflater::new(Window::LARGEST);
    let mut before = Vec::new();
    for (bytes, _) in [("f2 48 cd c9 c9 07 00", 1), ("f2 00 11 00 00", 2)] {
        let mut compressed = Vec::new();
        deflater.deflate(b"Hello", &mut compressed);
        let hex: Vec<String> = compressed
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(hex.join(" "), bytes);
        assert!(document.contains(bytes));
        let lines = account(&mut inflater, &before, &compressed);
        assert!(document.contains(&lines), "{lines}");
        before.extend(b"Hello");
    }
}
