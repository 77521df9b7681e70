//! RFC 6455 §5.5.1 and §7: the closing handshake, and how a connection fails.

use super::bits::{CLOSE, CONTINUATION, PONG, close, frame, ping, text};
use super::case::{Case, Weight};
use super::conversation::Conversation;
use super::script::{Judged, Step, code_of, cut, send, send_close};
use crate::framing::Role;
use Weight::{Hygiene, Must, Should};

/// Codes that may be sent (§7.4.1, §7.4.2).
const GOOD: [u16; 13] = [
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
];

/// Codes that are never sent (§7.4.1), or that have no meaning (§7.4.2).
const BAD: [u16; 12] = [
    0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
];

/// Cases that are for servers only: a server ends TCP, a client waits for that (§7.1.1).
const FOR_SERVERS: [&str; 3] = ["5.5.1-tcp-end", "7.1.7-tcp-end", "7.2.1-vanished"];

pub(super) fn cases(endpoint: Role) -> Vec<Case> {
    let mut cases = Vec::new();
    for code in GOOD {
        let rule = format!("A Close with the code {code} is answered with a Close.");
        cases.push(Case::open(
            &format!("5.5.1-code-{code}"),
            "§5.5.1",
            Must,
            &rule,
            vec![send_close(code), Step::Closes(is_lawful)],
        ));
    }
    for code in BAD {
        let rule = format!(
            "The code {code} may not be in a Close. It is not answered with the same code."
        );
        let weight = if matches!(code, 1005 | 1006 | 1015) {
            Must
        } else {
            Hygiene
        };
        cases.push(Case::open(
            &format!("7.4-code-{code}"),
            "§7.4",
            weight,
            &rule,
            vec![send_close(code), Step::Fails, Step::Look(not_the_same)],
        ));
    }
    let answered = |id: &str, rule: &str, frame: super::bits::Bits| {
        Case::open(
            id,
            "§5.5.1",
            Must,
            rule,
            vec![send(&[frame]), Step::Closes(is_lawful)],
        )
    };
    cases.extend([
        answered(
            "5.5.1-empty",
            "A Close without a body is answered with a Close.",
            frame(CLOSE, ""),
        ),
        answered(
            "5.5.1-reason",
            "A Close with a reason is answered with a Close.",
            close(1000, "goodbye"),
        ),
        answered(
            "5.5.1-long-reason",
            "A reason may have 123 bytes.",
            close(1000, &"x".repeat(123)),
        ),
        answered(
            "5.5.1-utf8-reason",
            "A reason is UTF-8 of any language.",
            close(1000, "\u{3b1}\u{3bd}\u{3c4}\u{3af}\u{3bf} \u{1f44b}"),
        ),
        Case::open(
            "5.5.1-echo",
            "§5.5.1",
            Should,
            "The answer to a Close has the same code.",
            vec![
                send_close(4321),
                Step::Closes(|body| match code_of(body) {
                    Some(4321) => Ok(()),
                    Some(code) => Err(format!("the code {code} to a Close with 4321")),
                    None => Err("no code to a Close with 4321".to_owned()),
                }),
            ],
        ),
        Case::open(
            "7.4.1-not-sent",
            "§7.4.1",
            Must,
            "A Close without a code is not answered with 1005: that code is never on the wire.",
            vec![
                send(&[frame(CLOSE, "")]),
                Step::Closes(|body| match code_of(body) {
                    Some(code @ (1005 | 1006 | 1015)) => Err(format!("the code {code}")),
                    _ => Ok(()),
                }),
            ],
        ),
        Case::open(
            "5.5.1-one-byte",
            "§5.5.1",
            Must,
            "The body of a Close begins with two bytes of code. One byte is not sent back.",
            vec![
                send(&[frame(CLOSE, [3])]),
                Step::Fails,
                Step::Look(|seen| match closes(seen).any(|body| body == [3]) {
                    true => Err("a Close with the same body of one byte".to_owned()),
                    false => Ok(()),
                }),
            ],
        ),
        Case::open(
            "5.5.1-one-byte-code",
            "§7.4.1",
            Hygiene,
            "A Close with a body of one byte is a protocol error: 1002.",
            vec![send(&[frame(CLOSE, [3])]), Step::FailsWith(&[1002, 1007])],
        ),
        Case::open(
            "5.5.1-tcp-end",
            "§7.1.1",
            Must,
            "After both Closes, the server ends TCP at once.",
            vec![send_close(1000), Step::Closes(|_| Ok(())), Step::Ends],
        ),
        Case::open(
            "5.5.1-once",
            "§5.5.1",
            Must,
            "There is one Close from each side, and nothing behind it.",
            vec![
                send_close(1000),
                Step::Closes(|_| Ok(())),
                Step::MayRefuse,
                Step::Look(nothing_behind),
            ],
        ),
        Case::open(
            "5.5.1-data-after",
            "§5.5.1",
            Must,
            "What comes behind a Close is not answered.",
            vec![
                send(&[close(1000, ""), text("too late"), ping("too late")]),
                Step::MayRefuse,
                Step::Look(|seen| {
                    match seen.frames.iter().any(|frame| frame.payload == b"too late") {
                        true => Err("an answer to what came behind the Close".to_owned()),
                        false => Ok(()),
                    }
                }),
            ],
        ),
        Case::open(
            "5.5.1-in-a-message",
            "§5.5.1",
            Must,
            "A Close may come between fragments. It is answered; the message is lost.",
            vec![
                send(&[text("Hel").unfinished(), close(1000, "")]),
                Step::Closes(is_lawful),
            ],
        ),
        Case::open(
            "5.5.1-cut",
            "§5.5.1",
            Must,
            "A Close may come byte by byte.",
            vec![cut(close(1000, "bye")), Step::Closes(is_lawful)],
        ),
        Case::open(
            "7.1.7-close",
            "§7.1.7",
            Should,
            "An endpoint that fails the connection sends a Close first.",
            vec![send(&[text("Hello").rsv(2)]), Step::FailsWith(&GOOD)],
        ),
        Case::open(
            "7.4.1-1002",
            "§7.4.1",
            Should,
            "The code after a broken rule of the protocol is 1002.",
            vec![send(&[frame(3, "Hello")]), Step::FailsWith(&[1002])],
        ),
        Case::open(
            "7.1.7-tcp-end",
            "§7.1.7",
            Must,
            "An endpoint that fails the connection ends TCP.",
            vec![send(&[text("Hello").rsv(2)]), Step::Fails, Step::Ends],
        ),
        Case::open(
            "7.1.7-nothing-behind",
            "§7.1.7",
            Must,
            "After its Close, an endpoint that fails the connection sends nothing.",
            vec![
                send(&[frame(CONTINUATION, "lo"), text("behind"), ping("behind")]),
                Step::Fails,
                Step::MayRefuse,
                Step::Look(nothing_behind),
            ],
        ),
        Case::open(
            "7.1.7-not-processed",
            "§7.1.7",
            Must,
            "What comes behind a broken rule is not answered.",
            vec![
                send(&[frame(3, "Hello"), text("behind"), ping("behind")]),
                Step::MayRefuse,
                Step::Look(|seen| {
                    match seen
                        .frames
                        .iter()
                        .any(|frame| frame.payload == b"behind" && frame.opcode() != CLOSE)
                    {
                        true => Err("an answer to what came behind the broken rule".to_owned()),
                        false => Ok(()),
                    }
                }),
            ],
        ),
        Case::open(
            "7.2.1-vanished",
            "§7.2.1",
            Must,
            "A client may go without a word. The next one is served.",
            vec![send(&[text("Hel").unfinished(), frame(PONG, "")])],
        ),
    ]);
    cases.retain(|case| endpoint == Role::Server || !FOR_SERVERS.contains(&&case.id[..]));
    cases
}

/// The bodies of the Closes that came.
fn closes(seen: &Conversation) -> impl Iterator<Item = &[u8]> {
    let closes = seen.frames.iter().filter(|frame| frame.opcode() == CLOSE);
    closes.map(|frame| &frame.payload[..])
}

/// The body of a Close that may be sent: nothing, or a code that may be sent and UTF-8.
fn is_lawful(body: &[u8]) -> Judged {
    match (code_of(body), body) {
        (None, []) => Ok(()),
        (None, _) => Err("a Close with a body of one byte".to_owned()),
        (Some(code), _) if BAD.contains(&code) => Err(format!("a Close with the code {code}")),
        (Some(_), _) if std::str::from_utf8(&body[2..]).is_err() => {
            Err("a Close with a reason that is not UTF-8".to_owned())
        }
        _ => Ok(()),
    }
}

/// A code that may not be sent was not sent back.
fn not_the_same(seen: &Conversation) -> Judged {
    match closes(seen).find_map(|body| code_of(body).filter(|code| BAD.contains(code))) {
        Some(code) => Err(format!("a Close with the code {code}")),
        None => Ok(()),
    }
}

fn nothing_behind(seen: &Conversation) -> Judged {
    match seen.frames_to_close {
        Some(count) if count < seen.frames.len() => {
            let opcode = seen.frames[count].opcode();
            Err(match opcode {
                CLOSE => "a second Close".to_owned(),
                _ => format!("a frame with the opcode {opcode:X} behind the Close"),
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::bits::close_body;
    use super::*;

    #[test]
    fn a_body_is_judged_by_its_code_and_its_reason() {
        assert!(is_lawful(&[]).is_ok() && is_lawful(&close_body(1000, "bye")).is_ok());
        assert!(is_lawful(&[3]).is_err() && is_lawful(&close_body(1005, "")).is_err());
        assert!(is_lawful(&[3, 0xE8, 0xFF]).is_err());
    }
}
