//! RFC 6455 §5.4, Fragmentation.

use super::bits::{BINARY, CONTINUATION, PING, PONG, TEXT, binary, fragments, frame, ping, text};
use super::case::{Case, Weight};
use super::script::{Step, comes, send};
use Weight::Must;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let hundred: Vec<String> = (0..100).map(|i| format!("{}", i % 10)).collect();
    let hundred: Vec<&str> = hundred.iter().map(String::as_str).collect();
    let together: [(&str, &str, &[&str]); 9] = [
        (
            "two",
            "A message in two fragments is one message.",
            &["Hel", "lo"],
        ),
        (
            "three",
            "A message in three fragments is one message.",
            &["He", "ll", "o"],
        ),
        (
            "empty-first",
            "The first fragment may be empty.",
            &["", "Hello"],
        ),
        (
            "empty-middle",
            "A fragment in the middle may be empty.",
            &["Hel", "", "lo"],
        ),
        (
            "empty-last",
            "The last fragment may be empty.",
            &["Hello", ""],
        ),
        (
            "all-empty",
            "Empty fragments are an empty message.",
            &["", "", ""],
        ),
        (
            "hundred",
            "A message may have a hundred fragments.",
            &hundred,
        ),
        (
            "character",
            "A fragment may end in the middle of a character.",
            &["\u{3ba}\u{1f44b}"],
        ),
        (
            "lengths",
            "The lengths of fragments may differ in form.",
            &[],
        ),
    ];
    for (id, rule, parts) in together {
        let long = "*".repeat(70_000);
        let parts: Vec<&[u8]> = match id {
            // Each byte of the two characters alone.
            "character" => parts[0].as_bytes().chunks(1).collect(),
            "lengths" => vec![b"a", &long.as_bytes()[..200], long.as_bytes()],
            _ => parts.iter().map(|part| part.as_bytes()).collect(),
        };
        let whole = parts.concat();
        for (kind, opcode) in [("", TEXT), ("-binary", BINARY)] {
            let steps = vec![
                send(&fragments(opcode, &parts)),
                Step::Message(opcode, whole.clone()),
            ];
            cases.push(Case::open(&format!("5.4-{id}{kind}"), "§5.4", Must, rule, steps).echo());
        }
    }
    let [first, last] = [text("Hel").unfinished(), frame(CONTINUATION, "lo")];
    cases.push(
        Case::open(
            "5.4-one-by-one",
            "§5.4",
            Must,
            "Fragments may come one by one, in reads of their own.",
            {
                let frames = fragments(TEXT, &["He", "l", "lo"]);
                vec![Step::Cut(frames, usize::MAX), comes("Hello")]
            },
        )
        .echo(),
    );
    cases.push(
        Case::open(
            "5.4-ping-between",
            "§5.4",
            Must,
            "A control frame may come between fragments. It is answered, and the message goes on.",
            vec![
                send(&[first.clone(), ping("between")]),
                Step::Pong(b"between".to_vec()),
                send(&[frame(CONTINUATION, "lo")]),
                comes("Hello"),
            ],
        )
        .echo(),
    );
    cases.push(Case::open(
        "5.4-ping-between-pong",
        "§5.4",
        Must,
        "A Ping between fragments is answered before the message is complete.",
        vec![
            send(&[first.clone(), ping("between")]),
            Step::Pong(b"between".to_vec()),
        ],
    ));
    cases.push(
        Case::open(
            "5.4-pong-between",
            "§5.4",
            Must,
            "A Pong may come between fragments. It changes nothing.",
            vec![
                send(&[first.clone(), frame(PONG, "between"), last.clone()]),
                comes("Hello"),
            ],
        )
        .echo(),
    );
    cases.push(
        Case::open(
            "5.4-many-pings-between",
            "§5.4",
            Must,
            "Many control frames may come between fragments.",
            vec![
                send(&[
                    first.clone(),
                    ping("1"),
                    ping("2"),
                    frame(CONTINUATION, "l").unfinished(),
                    ping("3"),
                    frame(CONTINUATION, "o"),
                ]),
                comes("Hello"),
            ],
        )
        .echo(),
    );
    let interleaved =
        "Fragments of two messages are not mixed: a message begins after the last one.";
    let nothing = "A Continuation frame continues a message. Without one it is refused.";
    for (id, rule, frames) in [
        (
            "text-in-text",
            interleaved,
            vec![first.clone(), text("other")],
        ),
        (
            "binary-in-text",
            interleaved,
            vec![first.clone(), binary("other")],
        ),
        (
            "fragment-in-text",
            interleaved,
            vec![first.clone(), text("oth").unfinished()],
        ),
        (
            "text-in-binary",
            interleaved,
            vec![binary("Hel").unfinished(), text("other")],
        ),
        ("nothing", nothing, vec![frame(CONTINUATION, "lo")]),
        (
            "nothing-unfinished",
            nothing,
            vec![frame(CONTINUATION, "lo").unfinished()],
        ),
        ("nothing-empty", nothing, vec![frame(CONTINUATION, "")]),
    ] {
        cases.push(Case::open(
            &format!("5.4-{id}"),
            "§5.4",
            Must,
            rule,
            vec![send(&frames), Step::Fails],
        ));
    }
    cases.push(
        Case::open(
            "5.4-after-the-end",
            "§5.4",
            Must,
            "After the last fragment a message is over. A Continuation frame behind it is refused.",
            vec![
                send(&[first.clone(), last.clone()]),
                comes("Hello"),
                send(&[frame(CONTINUATION, "!")]),
                Step::Fails,
            ],
        )
        .echo(),
    );
    for (opcode, name) in [
        (PING, "Ping"),
        (PONG, "Pong"),
        (super::bits::CLOSE, "Close"),
    ] {
        let rule = format!("A {name} is not fragmented: FIN is 1 in a control frame.");
        let id = format!("5.5-fin-{}", name.to_lowercase());
        let payload = if name == "Close" {
            "\u{3}\u{e8}".as_bytes()
        } else {
            b"Hel"
        };
        let payload = if name == "Close" { &[3, 0xE8] } else { payload };
        cases.push(Case::open(
            &id,
            "§5.5",
            Must,
            &rule,
            vec![send(&[frame(opcode, payload).unfinished()]), Step::Fails],
        ));
    }
    cases
}
