//! RFC 6455 §5.1 to §5.3 and §6: headers, lengths, masks.

use super::bits::{BINARY, Bits, CONTINUATION, binary, frame, ping, text};
use super::case::{Case, Needs, Weight};
use super::conversation::Conversation;
use super::script::{Judged, Step, comes, cut, send};
use crate::framing::Role;
use Weight::{Hygiene, Must};

/// The opcodes that have no meaning (§11.8).
const RESERVED: [u8; 10] = [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF];

pub(super) fn cases(endpoint: Role) -> Vec<Case> {
    let mut cases = reserved();
    cases.extend(lengths());
    cases.extend(match endpoint {
        Role::Client => masks_of_clients(),
        Role::Server => masks_of_servers(),
    });
    cases
}

fn fails(id: &str, clause: &'static str, weight: Weight, rule: &str, frames: Vec<Bits>) -> Case {
    Case::open(
        id,
        clause,
        weight,
        rule,
        vec![Step::Send(frames), Step::Fails],
    )
}

/// §5.2: bits and opcodes that mean nothing.
fn reserved() -> Vec<Case> {
    let mut cases = Vec::new();
    for (bit, name) in [(4, "rsv1"), (2, "rsv2"), (1, "rsv3")] {
        let upper = name.to_uppercase();
        for (kind, frame) in [
            ("", text("Hello")),
            ("-ping", ping("Hello")),
            ("-fin", frame(CONTINUATION, "lo")),
        ] {
            let rule = match kind {
                "" => format!("{upper} is 0, unless a negotiated extension gives it a meaning."),
                "-ping" => format!("{upper} is 0 in a control frame, too."),
                _ => format!("{upper} is 0 in a Continuation frame, too."),
            };
            let mut frames = Vec::new();
            if kind == "-fin" {
                frames.push(text("Hel").unfinished());
            }
            frames.push(frame.rsv(bit));
            cases.push(fails(
                &format!("5.2-{name}{kind}"),
                "§5.2",
                Must,
                &rule,
                frames,
            ));
        }
    }
    for opcode in RESERVED {
        let kind = if opcode < 8 { "data" } else { "control" };
        let rule =
            format!("The opcode {opcode:X} is reserved for a later {kind} frame. It is refused.");
        let id = format!("5.2-opcode-{opcode:x}");
        cases.push(fails(
            &id,
            "§5.2",
            Must,
            &rule,
            vec![frame(opcode, "Hello")],
        ));
    }
    cases.push(fails(
        "5.2-opcode-3-empty",
        "§5.2",
        Must,
        "A frame with a reserved opcode breaks the rule without a payload, too.",
        vec![frame(3, "")],
    ));
    cases.push(Case::open(
        "5.2-rsv-sent",
        "§5.2",
        Must,
        "The endpoint sets no reserved bit.",
        answers(
            |seen| match seen.frames.iter().find(|frame| frame.rsv() != 0) {
                Some(frame) => Err(format!(
                    "a frame with the reserved bits {:03b}",
                    frame.rsv()
                )),
                None => Ok(()),
            },
        ),
    ));
    cases.push(Case::open(
        "5.2-opcode-sent",
        "§5.2",
        Must,
        "The endpoint uses only opcodes that have a meaning.",
        answers(|seen| {
            match seen
                .frames
                .iter()
                .find(|frame| RESERVED.contains(&frame.opcode()))
            {
                Some(frame) => Err(format!("a frame with the opcode {:X}", frame.opcode())),
                None => Ok(()),
            }
        }),
    ));
    cases
}

/// A text and a Ping, and a look at the frames that come back. It needs no echo.
fn answers(check: fn(&Conversation) -> Judged) -> Vec<Step> {
    vec![
        send(&[text("Hello"), ping("Hello")]),
        Step::MayRefuse,
        Step::Look(check),
    ]
}

/// §5.2: the length of the payload.
fn lengths() -> Vec<Case> {
    let mut cases = Vec::new();
    for length in [0, 1, 124, 125, 126, 127, 128, 65534, 65535, 65536, 65537] {
        let payload = "*".repeat(length);
        let rule = format!("A text of {length} bytes comes back.");
        cases.push(
            Case::open(
                &format!("5.2-text-{length}"),
                "§5.2",
                Must,
                &rule,
                vec![send(&[text(&payload)]), comes(&payload)],
            )
            .echo(),
        );
        let bytes: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        let rule = format!("A binary message of {length} bytes comes back.");
        cases.push(
            Case::open(
                &format!("5.2-binary-{length}"),
                "§5.2",
                Must,
                &rule,
                vec![send(&[binary(&bytes)]), Step::Message(BINARY, bytes)],
            )
            .echo(),
        );
    }
    for (name, length, heavy) in [("1-mib", 1 << 20, false), ("16-mib", 16 << 20, true)] {
        let bytes: Vec<u8> = (0..length).map(|i| (i % 253) as u8).collect();
        let rule = format!("A binary message of {} MiB comes back.", length >> 20);
        let case = Case::open(
            &format!("6.2-{name}"),
            "§6.2",
            Must,
            &rule,
            vec![send(&[binary(&bytes)]), Step::Message(BINARY, bytes)],
        );
        cases.push(if heavy {
            case.needs(Needs::HeavyEcho)
        } else {
            case.echo()
        });
    }
    cases.push(
        Case::open(
            "5.2-minimal-sent",
            "§5.2",
            Must,
            "The endpoint writes each length in as few bytes as it fits in.",
            {
                let payloads = [1, 125, 126, 127, 65535, 65536].map(|length| "+".repeat(length));
                let mut steps = Vec::new();
                for payload in &payloads {
                    steps.extend([send(&[text(payload)]), comes(payload)]);
                }
                steps.push(Step::Look(|seen| {
                    match seen.frames.iter().find(|frame| !frame.is_minimal()) {
                        Some(frame) => Err(format!(
                            "the length {} in {} bytes",
                            frame.length,
                            frame.header.len() - 2
                        )),
                        None => Ok(()),
                    }
                }));
                steps
            },
        )
        .echo(),
    );
    let rule =
        "A length is written in as few bytes as it fits in. A longer form should be refused.";
    for (id, frame) in [
        ("5.2-long-form-0", text("").in_two()),
        ("5.2-long-form-125", text(&"*".repeat(125)).in_two()),
        ("5.2-long-form-5-in-8", text("Hello").in_eight()),
        ("5.2-long-form-126-in-8", text(&"*".repeat(126)).in_eight()),
        (
            "5.2-long-form-65535-in-8",
            text(&"*".repeat(65535)).in_eight(),
        ),
    ] {
        cases.push(fails(id, "§5.2", Hygiene, rule, vec![frame]));
    }
    cases.push(fails(
        "5.2-top-bit",
        "§5.2",
        Hygiene,
        "The top bit of a length of eight bytes is 0. A set bit should be refused at once.",
        vec![binary("").promises(1 << 63)],
    ));
    cases.push(Case::open(
        "5.2-promise",
        "§10.4",
        Must,
        "A frame may promise 2^63 - 1 bytes. The endpoint refuses it or waits. It does not break.",
        vec![
            send(&[binary("").promises(i64::MAX as u64)]),
            Step::MayRefuse,
        ],
    ));
    for (id, frame, message) in [
        (
            "5.2-cut-short",
            text("Hello, each byte alone"),
            "Hello, each byte alone".to_owned(),
        ),
        ("5.2-cut-126", text(&"*".repeat(200)), "*".repeat(200)),
    ] {
        cases.push(
            Case::open(
                id,
                "§5.2",
                Must,
                "TCP has no messages: a frame may come byte by byte.",
                vec![cut(frame), comes(&message)],
            )
            .echo(),
        );
    }
    cases.push(
        Case::open(
            "5.2-cut-127",
            "§5.2",
            Must,
            "A header of fourteen bytes may come byte by byte.",
            {
                let long = "*".repeat(65536);
                vec![Step::Cut(vec![text(&long)], 20), comes(&long)]
            },
        )
        .echo(),
    );
    cases.push(
        Case::open(
            "6.2-burst",
            "§6.2",
            Must,
            "Several messages may come in one read. Each of them comes back, in their order.",
            {
                let texts: Vec<String> = (0..20).map(|i| format!("message {i}")).collect();
                let frames: Vec<_> = texts.iter().map(|message| text(message)).collect();
                std::iter::once(send(&frames))
                    .chain(texts.iter().map(|message| comes(message)))
                    .collect()
            },
        )
        .echo(),
    );
    cases.push(
        Case::open(
            "6.2-type",
            "§6.2",
            Must,
            "A text comes back as a text, and a binary message as a binary one.",
            vec![
                send(&[text("one")]),
                comes("one"),
                send(&[binary("two")]),
                Step::Message(BINARY, b"two".to_vec()),
            ],
        )
        .echo(),
    );
    cases
}

/// §5.1 and §5.3: a client masks each frame, with a new key.
fn masks_of_clients() -> Vec<Case> {
    let rule = "A server does not mask. A frame with a mask is refused.";
    vec![
        fails(
            "5.1-masked",
            "§5.1",
            Must,
            rule,
            vec![text("Hello").masked()],
        ),
        fails(
            "5.1-masked-empty",
            "§5.1",
            Must,
            rule,
            vec![text("").masked()],
        ),
        fails(
            "5.1-masked-ping",
            "§5.1",
            Must,
            rule,
            vec![ping("Hello").masked()],
        ),
        Case::open(
            "5.1-mask-sent",
            "§5.1",
            Must,
            "A client masks each frame, a Pong and a Close, too.",
            answers(
                |seen| match seen.frames.iter().all(|frame| frame.is_masked()) {
                    true => Ok(()),
                    false => Err("a frame without a mask".to_owned()),
                },
            ),
        ),
        Case::open(
            "5.3-keys-sent",
            "§5.3",
            Must,
            "Keys cannot be foreseen: no constant, no counter, no key twice in a hundred.",
            {
                // Some endpoints end a connection that sends many Pings at once.
                let mut steps = Vec::new();
                for round in 0..10 {
                    let pings: Vec<_> = (0..10).map(|i| ping([round, i])).collect();
                    steps.extend([send(&pings), Step::Pong(vec![round, 9])]);
                }
                steps.push(Step::Look(keys));
                steps
            },
        ),
    ]
}

/// Whether masking keys look random. (Not every Ping has to be answered, so there may be fewer keys
/// than Pings.)
fn keys(seen: &Conversation) -> Judged {
    let masked = seen.frames.iter().filter(|frame| frame.is_masked());
    let keys = masked.filter_map(|frame| frame.header.last_chunk::<4>());
    let keys: Vec<u32> = keys.map(|key| u32::from_be_bytes(*key)).collect();
    let mut steps = keys.windows(2).map(|two| two[1].wrapping_sub(two[0]));
    let step = steps.next();
    if keys.len() > 2 && steps.all(|other| Some(other) == step) {
        return Err(match step {
            Some(0) => format!("the same key in each frame: {:08x}", keys[0]),
            _ => "keys that are counted".to_owned(),
        });
    }
    // Among a hundred random keys, two are the same once in 870 000 times.
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    match sorted.windows(2).find(|two| two[0] == two[1]) {
        Some(two) => Err(format!("the key {:08x} twice", two[0])),
        None => Ok(()),
    }
}

/// §5.1 and §5.3: what a server makes of masks.
fn masks_of_servers() -> Vec<Case> {
    let rule = "A client masks each frame. A frame without a mask is refused.";
    let mut cases = vec![
        fails(
            "5.1-unmasked",
            "§5.1",
            Must,
            rule,
            vec![text("Hello").unmasked()],
        ),
        fails(
            "5.1-unmasked-empty",
            "§5.1",
            Must,
            "A frame without a payload has a mask, too.",
            vec![text("").unmasked()],
        ),
        fails(
            "5.1-unmasked-binary",
            "§5.1",
            Must,
            rule,
            vec![binary("Hello").unmasked()],
        ),
        fails(
            "5.1-unmasked-ping",
            "§5.1",
            Must,
            "A control frame of a client has a mask, too.",
            vec![ping("Hello").unmasked()],
        ),
        fails(
            "5.1-unmasked-fragment",
            "§5.1",
            Must,
            "Each fragment has a mask, not only the first.",
            vec![
                text("Hel").unfinished(),
                frame(CONTINUATION, "lo").unmasked(),
            ],
        ),
        Case::open(
            "5.1-masked-sent",
            "§5.1",
            Must,
            "A server does not mask.",
            answers(
                |seen| match seen.frames.iter().any(|frame| frame.is_masked()) {
                    true => Err("a frame with a mask".to_owned()),
                    false => Ok(()),
                },
            ),
        ),
    ];
    for (id, key) in [
        ("5.3-key-zero", [0; 4]),
        ("5.3-key-ones", [0xFF; 4]),
        ("5.3-key-0001", [0, 0, 0, 1]),
        ("5.3-key-8000", [0x80, 0, 0, 0]),
    ] {
        cases.push(
            Case::open(
                id,
                "§5.3",
                Must,
                "Every masking key is good.",
                vec![
                    send(&[text("Hello, masks").key(key)]),
                    comes("Hello, masks"),
                ],
            )
            .echo(),
        );
    }
    cases.push(
        Case::open("5.3-keys", "§5.3", Must, "Each frame has its own key.", {
            let mut steps = Vec::new();
            for (i, word) in ["one", "two", "three", "four"].into_iter().enumerate() {
                let key = [i as u8, 0x55, 0xAA, 7 * i as u8];
                steps.extend([send(&[text(word).key(key)]), comes(word)]);
            }
            steps
        })
        .echo(),
    );
    for length in 1..=9 {
        let word = &"unmasked!"[..length];
        let rule = format!(
            "A payload of {length} bytes is unmasked, even if it is not a multiple of four."
        );
        cases.push(
            Case::open(
                &format!("5.3-length-{length}"),
                "§5.3",
                Must,
                &rule,
                vec![send(&[text(word)]), comes(word)],
            )
            .echo(),
        );
    }
    cases.push(
        Case::open(
            "5.3-cut",
            "§5.3",
            Must,
            "The key begins with the payload, not with a read: a payload may come byte by byte.",
            {
                let words = "the key goes on over reads";
                vec![cut(text(words).key([1, 2, 4, 8])), comes(words)]
            },
        )
        .echo(),
    );
    cases
}
