//! RFC 6455 §5.1 to §5.3 and §6: headers, lengths, masks.

use super::bits::{BINARY, CONTINUATION, TEXT, binary, frame, ping, text};
use super::case::{Case, Needs, Weight};
use super::conversation::Conversation;
use super::script::{Judged, Step, comes, send};
use Weight::{Hygiene, Must};

/// The opcodes that have no meaning (§11.8).
const RESERVED: [u8; 10] = [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = reserved();
    cases.extend(lengths());
    cases.extend(masks());
    cases
}

fn fails(id: &str, clause: &'static str, weight: Weight, rule: &str, bytes: Vec<u8>) -> Case {
    Case::open(
        id,
        clause,
        weight,
        rule,
        vec![Step::Send(bytes), Step::Fails],
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
                "" => format!(
                    "{upper} is 0, unless an extension was negotiated that gives it a meaning."
                ),
                "-ping" => format!("{upper} is 0 in a control frame, too."),
                _ => format!("{upper} is 0 in a Continuation frame, too."),
            };
            let mut bytes = Vec::new();
            if kind == "-fin" {
                bytes.extend(text("Hel").unfinished().bytes());
            }
            bytes.extend(frame.rsv(bit).bytes());
            cases.push(fails(
                &format!("5.2-{name}{kind}"),
                "§5.2",
                Must,
                &rule,
                bytes,
            ));
        }
    }
    for opcode in RESERVED {
        let kind = if opcode < 8 { "data" } else { "control" };
        let rule =
            format!("The opcode {opcode:X} is reserved for a {kind} frame. Nobody may use it yet.");
        let id = format!("5.2-opcode-{opcode:x}");
        cases.push(fails(
            &id,
            "§5.2",
            Must,
            &rule,
            frame(opcode, "Hello").bytes(),
        ));
    }
    cases.push(fails(
        "5.2-opcode-3-empty",
        "§5.2",
        Must,
        "A frame with a reserved opcode breaks the rule without a payload, too.",
        frame(3, "").bytes(),
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
        cases.push(fails(id, "§5.2", Hygiene, rule, frame.bytes()));
    }
    cases.push(fails(
        "5.2-top-bit",
        "§5.2",
        Hygiene,
        "The top bit of a length of eight bytes is 0. A set bit should be refused at once.",
        binary("").promises(1 << 63).bytes(),
    ));
    cases.push(Case::open(
        "5.2-promise",
        "§10.4",
        Must,
        "A frame may promise 2^63 - 1 bytes. The endpoint refuses it or waits. It does not break.",
        vec![
            Step::Send(binary("").promises(i64::MAX as u64).bytes()),
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
                vec![Step::Cut(frame.bytes()), comes(&message)],
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
                let bytes = text(&"*".repeat(65536)).bytes();
                let (header, payload) = bytes.split_at(20);
                vec![
                    Step::Cut(header.to_vec()),
                    Step::Send(payload.to_vec()),
                    comes(&"*".repeat(65536)),
                ]
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

/// §5.1 and §5.3: masks.
fn masks() -> Vec<Case> {
    let rule = "A client masks each frame. A frame without a mask is refused.";
    let mut cases = vec![
        fails(
            "5.1-unmasked",
            "§5.1",
            Must,
            rule,
            text("Hello").unmasked().bytes(),
        ),
        fails(
            "5.1-unmasked-empty",
            "§5.1",
            Must,
            "A frame without a payload has a mask, too.",
            text("").unmasked().bytes(),
        ),
        fails(
            "5.1-unmasked-binary",
            "§5.1",
            Must,
            rule,
            binary("Hello").unmasked().bytes(),
        ),
        fails(
            "5.1-unmasked-ping",
            "§5.1",
            Must,
            "A control frame of a client has a mask, too.",
            ping("Hello").unmasked().bytes(),
        ),
        fails(
            "5.1-unmasked-fragment",
            "§5.1",
            Must,
            "Each fragment has a mask, not only the first.",
            [
                text("Hel").unfinished().bytes(),
                frame(CONTINUATION, "lo").unmasked().bytes(),
            ]
            .concat(),
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
        let rule =
            format!("A payload of {length} bytes is unmasked, also if it is no multiple of four.");
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
                let bytes = frame(TEXT, "the key goes on over reads")
                    .key([1, 2, 4, 8])
                    .bytes();
                let (header, payload) = bytes.split_at(6);
                vec![
                    Step::Send(header.to_vec()),
                    Step::Cut(payload.to_vec()),
                    comes("the key goes on over reads"),
                ]
            },
        )
        .echo(),
    );
    cases
}
