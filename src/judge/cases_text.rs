//! RFC 6455 §8.1, Handling Errors in UTF-8-Encoded Data, and §5.6: texts.

use super::bits::{BINARY, TEXT, binary, close_body, fragments, frame, text};
use super::case::{Case, Weight};
use super::script::{Step, comes, send};
use Weight::{Must, Should};

/// Texts with characters at the boundaries of UTF-8 (RFC 3629 §3, §4).
const GOOD: [(&str, &str, &str); 8] = [
    ("nul", "U+0000", "\0"),
    (
        "ascii",
        "the first and the last character of one byte",
        "\u{1}\u{7f}",
    ),
    (
        "two",
        "the first and the last character of two bytes",
        "\u{80}\u{7ff}",
    ),
    (
        "three",
        "the first and the last character of three bytes",
        "\u{800}\u{ffff}",
    ),
    (
        "four",
        "the first and the last character of four bytes",
        "\u{10000}\u{10ffff}",
    ),
    (
        "surrogates",
        "the characters beside the surrogates",
        "\u{d7ff}\u{e000}",
    ),
    ("greek", "Greek", "\u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}"),
    (
        "noncharacters",
        "noncharacters, which are lawful",
        "\u{fffe}\u{fdd0}\u{1fffe}",
    ),
];

/// Sequences that are not UTF-8 (RFC 3629 §3).
const BAD: [(&str, &str, &[u8]); 20] = [
    (
        "continuation-first",
        "a continuation byte without a character, 80",
        &[0x80],
    ),
    (
        "continuation-last",
        "a continuation byte without a character, BF",
        &[0xBF],
    ),
    (
        "continuations",
        "one continuation byte too many",
        &[0xC3, 0xA9, 0x80],
    ),
    (
        "overlong-c0",
        "the overlong form C0 80 of U+0000",
        &[0xC0, 0x80],
    ),
    (
        "overlong-slash",
        "the overlong form C0 AF of \"/\"",
        &[0xC0, 0xAF],
    ),
    ("overlong-c1", "the overlong form C1 BF", &[0xC1, 0xBF]),
    (
        "overlong-e0",
        "the overlong form E0 80 AF",
        &[0xE0, 0x80, 0xAF],
    ),
    (
        "overlong-e0-9f",
        "the overlong form E0 9F BF",
        &[0xE0, 0x9F, 0xBF],
    ),
    (
        "overlong-f0",
        "the overlong form F0 80 80 AF",
        &[0xF0, 0x80, 0x80, 0xAF],
    ),
    (
        "overlong-f0-8f",
        "the overlong form F0 8F BF BF",
        &[0xF0, 0x8F, 0xBF, 0xBF],
    ),
    (
        "surrogate-first",
        "the surrogate U+D800, ED A0 80",
        &[0xED, 0xA0, 0x80],
    ),
    (
        "surrogate-last",
        "the surrogate U+DFFF, ED BF BF",
        &[0xED, 0xBF, 0xBF],
    ),
    (
        "surrogate-pair",
        "a pair of surrogates, as CESU-8 has it",
        &[0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80],
    ),
    (
        "over-10ffff",
        "U+110000, F4 90 80 80",
        &[0xF4, 0x90, 0x80, 0x80],
    ),
    ("f5", "the byte F5", &[0xF5, 0x80, 0x80, 0x80]),
    (
        "five-bytes",
        "a sequence of five bytes",
        &[0xF8, 0x88, 0x80, 0x80, 0x80],
    ),
    ("fe", "the byte FE", &[0xFE]),
    ("ff", "the byte FF", &[0xFF]),
    (
        "no-continuation",
        "E2 82 and then a letter",
        &[0xE2, 0x82, b'a'],
    ),
    ("latin1", "a text in Latin-1", b"caf\xE9 noir"),
];

/// Sequences that end too early.
const CUT_OFF: [(&str, &str, &[u8]); 3] = [
    ("cut-two", "the first byte of a character of two", &[0xC3]),
    (
        "cut-three",
        "two bytes of a character of three",
        &[0xE2, 0x82],
    ),
    (
        "cut-four",
        "three bytes of a character of four",
        &[0xF0, 0x9F, 0x91],
    ),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (id, what, good) in GOOD {
        let rule = format!("A text is any UTF-8: {what}.");
        cases.push(
            Case::open(
                &format!("5.6-{id}"),
                "§5.6",
                Must,
                &rule,
                vec![send(&[text(good)]), comes(good)],
            )
            .echo(),
        );
        let rule = format!("A fragment may end anywhere in a text: {what}, cut at each byte.");
        let parts: Vec<&[u8]> = good.as_bytes().chunks(1).collect();
        let steps = vec![send(&fragments(TEXT, &parts)), comes(good)];
        cases.push(Case::open(&format!("5.6-{id}-fragments"), "§5.6", Must, &rule, steps).echo());
    }
    for (id, what, bad) in BAD.into_iter().chain(CUT_OFF) {
        let rule = format!("A text that is not UTF-8 fails the connection: {what}.");
        let bytes = [b"Hello ", bad].concat();
        let steps = vec![send(&[frame(TEXT, &bytes)]), Step::Fails];
        cases.push(Case::open(&format!("8.1-{id}"), "§8.1", Must, &rule, steps));
        if bad.len() > 1 {
            let rule = format!("The same in fragments, cut at each byte: {what}.");
            let parts: Vec<&[u8]> = bytes.chunks(1).collect();
            let steps = vec![send(&fragments(TEXT, &parts)), Step::Fails];
            cases.push(Case::open(
                &format!("8.1-{id}-fragments"),
                "§8.1",
                Must,
                &rule,
                steps,
            ));
        }
    }
    // The first bad byte is here, and the message is not complete.
    let bad = [b"Hello \xED\xA0\x80" as &[u8], b"and more"];
    cases.push(Case::open(
        "8.1-early-fragment",
        "§8.1",
        Should,
        "Bad UTF-8 is noticed in the fragment that has it, not only when the message is complete.",
        vec![
            Step::Hold(fragments(TEXT, &bad), bad[1].len()),
            Step::FailsBeforeRest,
        ],
    ));
    cases.push(Case::open(
        "8.1-early-frame",
        "§8.1",
        Should,
        "Bad UTF-8 is noticed when it comes, not only when the frame is complete.",
        vec![
            Step::Hold(vec![frame(TEXT, bad.concat())], 4),
            Step::FailsBeforeRest,
        ],
    ));
    cases.push(Case::open(
        "8.1-1007",
        "§7.4.1",
        Should,
        "The Close that follows bad UTF-8 has the code 1007.",
        vec![send(&[frame(TEXT, [0xFF])]), Step::FailsWith(&[1007])],
    ));
    cases.push(
        Case::open(
            "8.1-binary",
            "§5.6",
            Must,
            "A binary message is bytes: it need not be UTF-8.",
            vec![
                send(&[binary([0xFF, 0xC0, 0x80, 0xED, 0xA0, 0x80])]),
                Step::Message(BINARY, vec![0xFF, 0xC0, 0x80, 0xED, 0xA0, 0x80]),
            ],
        )
        .echo(),
    );
    cases.push(Case::open(
        "8.1-close-reason",
        "§5.5.1",
        Must,
        "The reason in a Close is UTF-8. If not, it is not answered with the same body.",
        vec![
            send(&[frame(
                super::bits::CLOSE,
                [&close_body(1000, "")[..], &[0xFF, 0xFE]].concat(),
            )]),
            Step::Fails,
            Step::Look(|seen| {
                let mut frames = seen.frames.iter();
                match frames.any(|frame| frame.payload.ends_with(&[0xFF, 0xFE])) {
                    true => Err("a Close with the same reason, which is not UTF-8".to_owned()),
                    false => Ok(()),
                }
            }),
        ],
    ));
    cases
}
