//! RFC 7692, Compression Extensions for WebSocket: permessage-deflate, if the endpoint takes it.

use super::bits::{BINARY, CONTINUATION, PING, TEXT, frame, ping, text};
use super::case::{Case, Weight};
use super::request::Request;
use super::script::{Answer, Judged, Step, comes, cut, send};
use crate::framing::Role;
use crate::opening::{DEFLATE, Deflate, name, parse_extensions};
use Weight::Must;

/// What browsers offer.
pub(super) const OFFER: &str = "permessage-deflate; client_max_window_bits";
/// Each message begins with an empty window.
const ALONE: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// §7.2.3.1: "Hello" in a block with fixed codes.
const HELLO: [u8; 7] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
/// §7.2.3.2: the same again, with the window of the message before.
const HELLO_AGAIN: [u8; 5] = [0xF2, 0x00, 0x11, 0x00, 0x00];
/// §7.2.3.3: "Hello" in a stored block.
const HELLO_STORED: [u8; 11] = [
    0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00,
];
/// §7.2.3.4: "Hello" in a block with BFINAL.
const HELLO_FINAL: [u8; 8] = [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00];
/// §7.2.3.5: "Hello" in two blocks.
const HELLO_TWO_BLOCKS: [u8; 13] = [
    0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00,
];

/// A compressed text: RSV1 is set.
fn compressed(payload: &[u8]) -> super::bits::Bits {
    frame(TEXT, payload).rsv(4)
}

pub(super) fn cases(endpoint: Role) -> Vec<Case> {
    let mut cases = Vec::new();
    for (id, rule, payload) in [
        (
            "fixed",
            "A text in a block with fixed codes is inflated (§7.2.3.1).",
            &HELLO[..],
        ),
        (
            "stored",
            "A text in a stored block is inflated (§7.2.3.3).",
            &HELLO_STORED,
        ),
        (
            "final",
            "A block with BFINAL ends nothing (§7.2.3.4).",
            &HELLO_FINAL,
        ),
        (
            "two-blocks",
            "A message may have several blocks (§7.2.3.5).",
            &HELLO_TWO_BLOCKS,
        ),
    ] {
        cases.push(Case::compressed(
            &format!("7692-7.2.3-{id}"),
            "RFC 7692 §7.2.2",
            rule,
            OFFER,
            vec![send(&[compressed(payload)]), comes("Hello")],
        ));
    }
    cases.extend([
        Case::compressed(
            "7692-7.2.3-takeover",
            "RFC 7692 §7.2.3.2",
            "The window goes on: a message may repeat the one before.",
            OFFER,
            vec![
                send(&[compressed(&HELLO)]),
                comes("Hello"),
                send(&[compressed(&HELLO_AGAIN)]),
                comes("Hello"),
            ],
        ),
        Case::compressed(
            "7692-6.1-plain",
            "RFC 7692 §6",
            "A message may go as it is, with RSV1 0.",
            OFFER,
            vec![
                send(&[text("plain")]),
                comes("plain"),
                send(&[compressed(&HELLO)]),
                comes("Hello"),
            ],
        ),
        Case::compressed(
            "7692-6.1-plain-between",
            "RFC 7692 §7.2.2",
            "A message that goes as it is does not enter the window.",
            OFFER,
            vec![
                send(&[compressed(&HELLO)]),
                comes("Hello"),
                send(&[text("between")]),
                comes("between"),
                send(&[compressed(&HELLO_AGAIN)]),
                comes("Hello"),
            ],
        ),
        Case::compressed(
            "7692-7.2.3-empty",
            "RFC 7692 §7.2.3.6",
            "An empty message is the byte 00.",
            OFFER,
            vec![send(&[compressed(&[0])]), comes("")],
        ),
        Case::compressed(
            "7692-6.1-fragments",
            "RFC 7692 §6.1",
            "A compressed message may come in fragments. RSV1 is set on the first.",
            OFFER,
            vec![
                send(&[
                    compressed(&HELLO[..3]).unfinished(),
                    frame(CONTINUATION, &HELLO[3..]),
                ]),
                comes("Hello"),
            ],
        ),
        Case::compressed(
            "7692-6.1-control-between",
            "RFC 7692 §6.1",
            "A control frame between the fragments is not compressed.",
            OFFER,
            vec![
                send(&[
                    compressed(&HELLO[..3]).unfinished(),
                    ping("between"),
                    frame(CONTINUATION, &HELLO[3..]),
                ]),
                comes("Hello"),
            ],
        ),
        Case::compressed(
            "7692-6.1-bytes",
            "RFC 7692 §6.1",
            "A compressed message may come byte by byte.",
            OFFER,
            vec![cut(compressed(&HELLO)), comes("Hello")],
        ),
        Case::compressed(
            "7692-6.1-binary",
            "RFC 7692 §6",
            "A binary message is compressed in the same way.",
            OFFER,
            vec![
                send(&[frame(BINARY, HELLO).rsv(4)]),
                Step::Message(BINARY, b"Hello".to_vec()),
            ],
        ),
        Case::compressed(
            "7692-7.1.1-alone",
            "RFC 7692 §7.1.1.1",
            "With server_no_context_takeover, each message begins with an empty window.",
            ALONE,
            {
                let long = "the same words again, the same words again, the same words again";
                vec![
                    send(&[text(long)]),
                    comes(long),
                    send(&[text(long)]),
                    comes(long),
                ]
            },
        ),
        Case::compressed(
            "7692-6.1-rsv1-ping",
            "RFC 7692 §6.1",
            "RSV1 is not set on a control frame.",
            OFFER,
            vec![send(&[frame(PING, "").rsv(4)]), Step::Fails],
        ),
        Case::compressed(
            "7692-6.1-rsv1-continuation",
            "RFC 7692 §6.1",
            "RSV1 is set on the first fragment only.",
            OFFER,
            vec![
                send(&[
                    compressed(&HELLO[..3]).unfinished(),
                    frame(CONTINUATION, &HELLO[3..]).rsv(4),
                ]),
                Step::Fails,
            ],
        ),
        Case::compressed(
            "7692-6.1-rsv2",
            "§5.2",
            "The extension gives RSV1 a meaning, and not RSV2.",
            OFFER,
            vec![send(&[text("Hello").rsv(2)]), Step::Fails],
        ),
        Case::compressed(
            "7692-7.2.2-not-deflate",
            "RFC 7692 §7.2.2",
            "A message that is not DEFLATE fails the connection: a block of the type 3.",
            OFFER,
            vec![send(&[compressed(&[0x07, 0xFF])]), Step::Fails],
        ),
        Case::compressed(
            "7692-7.2.2-distance",
            "RFC 1951 §3.2.5",
            "A match that reaches back before the first byte fails the connection.",
            ALONE,
            vec![send(&[compressed(&HELLO_AGAIN)]), Step::Fails],
        ),
        Case::compressed(
            "7692-7.2.2-stored-length",
            "RFC 1951 §3.2.4",
            "A stored block whose length and complement do not agree fails the connection.",
            OFFER,
            vec![
                send(&[compressed(&[0x00, 0x05, 0x00, 0x05, 0x00, b'H'])]),
                Step::Fails,
            ],
        ),
        Case::compressed(
            "7692-8.1-text",
            "§8.1",
            "A compressed text is UTF-8 after it is inflated.",
            OFFER,
            vec![
                send(&[compressed(&[0x00, 0x01, 0x00, 0xFE, 0xFF, 0xFF, 0x00])]),
                Step::Fails,
            ],
        ),
    ]);
    if endpoint == Role::Server {
        cases.extend(answers());
    }
    cases
}

/// What a server answers to an offer.
fn answers() -> Vec<Case> {
    let answer = |id, clause, rule, offer, asked| {
        let request = Request::lawful().add("Sec-WebSocket-Extensions", offer);
        Case::opening(id, clause, Must, rule, request, asked)
    };
    vec![
        answer(
            "7692-7.1-answer",
            "RFC 7692 §7.1",
            "An answer has only parameters that are defined, once, with good values.",
            OFFER,
            lawful_answer,
        ),
        answer(
            "7692-7.1-plain-offer",
            "RFC 7692 §7.1.2.2",
            "An answer has client_max_window_bits only if the offer has it.",
            "permessage-deflate",
            |answer| {
                lawful_answer(answer)?;
                lacks(answer, "client_max_window_bits")
            },
        ),
        answer(
            "7692-7.1.1-accepted",
            "RFC 7692 §7.1.1.1",
            "An offer with server_no_context_takeover is accepted with it, or declined.",
            ALONE,
            |answer| has_if_accepted(answer, "server_no_context_takeover"),
        ),
        answer(
            "7692-7.1.2-accepted",
            "RFC 7692 §7.1.2.1",
            "An offer with server_max_window_bits is accepted with it, or declined.",
            "permessage-deflate; server_max_window_bits=10",
            |answer| {
                lawful_answer(answer)?;
                has_if_accepted(answer, "server_max_window_bits")
            },
        ),
        answer(
            "7692-7.1-unknown",
            "RFC 7692 §7.1",
            "An offer with an unknown parameter is declined.",
            "permessage-deflate; x-judge",
            declines,
        ),
        answer(
            "7692-7.1-value",
            "RFC 7692 §7.1.2.1",
            "An offer with a window of 16 bits is declined.",
            "permessage-deflate; server_max_window_bits=16",
            declines,
        ),
        answer(
            "7692-7.1-twice",
            "RFC 7692 §7.1",
            "An offer with the same parameter twice is declined.",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            declines,
        ),
        answer(
            "7692-5-second-offer",
            "RFC 7692 §5",
            "If the first offer is declined, the next one is looked at; only one is accepted.",
            "permessage-deflate; x-judge, permessage-deflate",
            |answer| {
                let Some(values) = accepted(answer) else {
                    return Ok(());
                };
                match values.len() {
                    1 => lawful_answer(answer),
                    count => Err(format!("{count} answers")),
                }
            },
        ),
    ]
}

/// The answers about permessage-deflate. `None`: the connection did not open, or without it.
fn accepted(answer: &Answer) -> Option<Vec<crate::opening::Extension>> {
    let Answer::Head(head) = answer else {
        return None;
    };
    let mut extensions = parse_extensions(&head.fields).unwrap_or_default();
    extensions.retain(|extension| extension.name == DEFLATE);
    let is_open = head.start.opens_websocket();
    (is_open && !extensions.is_empty()).then_some(extensions)
}

fn lawful_answer(answer: &Answer) -> Judged {
    for extension in accepted(answer).unwrap_or_default() {
        Deflate::in_answer(&extension).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn lacks(answer: &Answer, parameter: &str) -> Judged {
    match has(answer, parameter) {
        Some(true) => Err(format!("an answer with {parameter}")),
        _ => Ok(()),
    }
}

fn has_if_accepted(answer: &Answer, parameter: &str) -> Judged {
    match has(answer, parameter) {
        Some(false) => Err(format!("an answer without {parameter}")),
        _ => Ok(()),
    }
}

/// `None`: compression was not accepted.
fn has(answer: &Answer, parameter: &str) -> Option<bool> {
    let answers = accepted(answer)?;
    let mut parameters = answers.iter().flat_map(|one| &one.parameters);
    Some(parameters.any(|(name, _)| name == parameter))
}

fn declines(answer: &Answer) -> Judged {
    let Some(_) = accepted(answer) else {
        return Ok(());
    };
    let Answer::Head(head) = answer else {
        return Ok(());
    };
    let value: Vec<&str> = head.fields.all(name::EXTENSIONS).collect();
    Err(format!("Sec-WebSocket-Extensions: {}", value.join(", ")))
}
