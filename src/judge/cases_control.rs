//! RFC 6455 §5.5, Control Frames: Ping and Pong. Close has its own file.

use super::bits::{CLOSE, PING, PONG, close_body, frame, ping, text};
use super::case::{Case, Needs, Weight};
use super::script::{Step, comes, cut, send};
use Weight::Must;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let every: Vec<u8> = (0..=124).map(|i| i * 2 + 1).collect();
    for (id, rule, payload) in [
        (
            "empty",
            "An empty Ping is answered with an empty Pong.",
            &b""[..],
        ),
        (
            "one",
            "A Ping is answered with a Pong of the same payload.",
            b"x",
        ),
        (
            "bytes",
            "The payload of a Ping is bytes: it need not be a text.",
            &[0, 0xFF, 0xFE, 0xC0, 0x80],
        ),
        (
            "125",
            "A Ping of 125 bytes is answered with all of them.",
            &every,
        ),
    ] {
        cases.push(Case::open(
            &format!("5.5.2-{id}"),
            "§5.5.2",
            Must,
            rule,
            vec![send(&[ping(payload)]), Step::Pong(payload.to_vec())],
        ));
    }
    for (opcode, name, payload) in [
        (PING, "Ping", vec![b'x'; 126]),
        (PONG, "Pong", vec![b'x'; 126]),
        (CLOSE, "Close", close_body(1000, &"x".repeat(124))),
    ] {
        let rule = format!("A {name} has 125 bytes of payload at most.");
        let id = format!("5.5-long-{}", name.to_lowercase());
        cases.push(Case::open(
            &id,
            "§5.5",
            Must,
            &rule,
            vec![send(&[frame(opcode, payload)]), Step::Fails],
        ));
    }
    cases.push(Case::open(
        "5.5-huge-ping",
        "§5.5",
        Must,
        "A Ping of 70 000 bytes is refused.",
        vec![send(&[ping(vec![b'x'; 70_000])]), Step::Fails],
    ));
    cases.push(Case::open(
        "5.5.2-cut",
        "§5.5.2",
        Must,
        "A Ping may come byte by byte.",
        vec![cut(ping("bytes")), Step::Pong(b"bytes".to_vec())],
    ));
    cases.push(Case::open(
        "5.5.3-latest",
        "§5.5.3",
        Must,
        "If several Pings come, the last of them is answered at least.",
        {
            let pings: Vec<_> = (0..10).map(|i| ping([b'0' + i])).collect();
            vec![send(&pings), Step::Pong(b"9".to_vec())]
        },
    ));
    cases.push(
        Case::open(
            "5.5.3-flood",
            "§5.5.3",
            Must,
            "Of ten thousand Pings, the last is answered at least.",
            {
                let mut pings: Vec<_> = (0..9_999).map(|_| ping("flood")).collect();
                pings.push(ping("the last"));
                vec![send(&pings), Step::PongOrLimit(b"the last".to_vec())]
            },
        )
        .needs(Needs::HeavyEcho),
    );
    for (id, payload) in [("empty", ""), ("text", "alive")] {
        let rule = "An unsolicited Pong is allowed, and is not answered. The connection goes on.";
        cases.push(Case::open(
            &format!("5.5.3-unsolicited-{id}"),
            "§5.5.3",
            Must,
            rule,
            vec![send(&[frame(PONG, payload)]), Step::Alive],
        ));
    }
    cases.push(Case::open(
        "5.5.3-no-answer",
        "§5.5.3",
        Must,
        "A Pong is not answered with a Pong.",
        vec![
            send(&[frame(PONG, "judge-1")]),
            Step::MayRefuse,
            Step::Look(
                |seen| match seen.frames.iter().any(|frame| frame.opcode() == PONG) {
                    true => Err("a Pong".to_owned()),
                    false => Ok(()),
                },
            ),
        ],
    ));
    cases.push(
        Case::open(
            "5.5.2-before-the-message",
            "§5.5.2",
            Must,
            "A Ping behind a message is answered, and the message comes back.",
            vec![
                send(&[text("Hello"), ping("behind")]),
                comes("Hello"),
                Step::Pong(b"behind".to_vec()),
            ],
        )
        .echo(),
    );
    cases
}
