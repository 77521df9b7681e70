//! RFC 6455 §4.2, Server-Side Requirements: the opening handshake.

use super::case::{Case, Weight};
use super::request::{ACCEPT, KEY, Request};
use super::script::{Answer, Cuts, Judged, has_token};
use crate::opening::{Head, StatusLine, name};
use Weight::{Hygiene, Must, Should};

/// What is asked of an answer.
type Asked = fn(&Answer) -> Judged;

/// Keys beside that of §1.3, with the accept values that §4.2.2 asks for.
const KEYS: [(&str, &str, Asked); 4] = [
    ("zeros", "AAAAAAAAAAAAAAAAAAAAAA==", |answer| {
        accepts(answer, "ICX+Yqv66kxgM0FcWaLWlFLwTAI=")
    }),
    ("ones", "/////////////////////w==", |answer| {
        accepts(answer, "XXpj4jYzLM2yUE0C7TIgMwTQh2g=")
    }),
    ("plus", "+++++++++++++++++++++w==", |answer| {
        accepts(answer, "ixakkuXOmA6rnL940yFjkr2/Yxs=")
    }),
    ("letters", "x3JJHMbDL1EzLkh9GBhXDw==", |answer| {
        accepts(answer, "HSmrc0sMlYUkAGmm5OPpG2HaGWk=")
    }),
];

pub(super) fn cases() -> Vec<Case> {
    let lawful = Request::lawful;
    let refuses = |id, clause, weight, rule, request| {
        Case::opening(id, clause, weight, rule, request, refused)
    };
    let opens = |id, clause, weight, rule, request| {
        Case::opening(id, clause, weight, rule, request, opened)
    };
    let mut cases = vec![
        opens(
            "4.2.2-101",
            "§4.2.2",
            Must,
            "The answer to a lawful opening handshake has the status 101.",
            lawful(),
        ),
        Case::opening(
            "4.2.2-accept",
            "§4.2.2",
            Must,
            "Sec-WebSocket-Accept is the hash of the key, as §1.3 works it out.",
            lawful(),
            |answer| accepts(answer, ACCEPT),
        ),
        Case::opening(
            "4.2.2-upgrade",
            "§4.2.2",
            Must,
            "The answer has \"Upgrade: websocket\".",
            lawful(),
            |answer| has_token(&head(answer)?.fields, name::UPGRADE, "websocket"),
        ),
        Case::opening(
            "4.2.2-connection",
            "§4.2.2",
            Must,
            "The answer has \"Connection: Upgrade\".",
            lawful(),
            |answer| has_token(&head(answer)?.fields, name::CONNECTION, "upgrade"),
        ),
        Case::opening(
            "4.2.2-http-1.1",
            "§4.2.2",
            Must,
            "The status line begins with HTTP/1.1.",
            lawful(),
            |answer| {
                head(answer).and_then(|head| match head.start.version {
                    (1, 1) => Ok(()),
                    _ => Err(answer.words()),
                })
            },
        ),
        Case::opening(
            "4.2.2-no-body",
            "RFC 9110 §8.6",
            Hygiene,
            "A 101 has no Content-Length and no Transfer-Encoding.",
            lawful(),
            |answer| {
                head(answer).and_then(|head| {
                    match ["Content-Length", "Transfer-Encoding"]
                        .iter()
                        .find(|name| head.fields.get(name).is_some())
                    {
                        Some(name) => Err(format!("the field {name}")),
                        None => Ok(()),
                    }
                })
            },
        ),
        refuses(
            "4.2.1-method",
            "§4.2.1",
            Must,
            "The method is GET.",
            lawful()
                .line("POST {resource} HTTP/1.1")
                .add("Content-Length", "0"),
        ),
        refuses(
            "4.2.1-http-1.0",
            "§4.2.1",
            Must,
            "The version of HTTP is 1.1 or higher.",
            lawful().line("GET {resource} HTTP/1.0"),
        ),
        refuses(
            "4.2.1-host",
            "§4.2.1",
            Must,
            "A request has the field Host.",
            lawful().without("Host"),
        ),
        refuses(
            "4.2.1-two-hosts",
            "RFC 9112 §3.2",
            Hygiene,
            "A request with two fields Host is refused.",
            lawful().add("Host", "other.example"),
        ),
        refuses(
            "4.2.1-no-upgrade",
            "§4.2.1",
            Must,
            "A request has the field Upgrade.",
            lawful().without("Upgrade"),
        ),
        refuses(
            "4.2.1-other-upgrade",
            "§4.2.1",
            Must,
            "The field Upgrade contains \"websocket\".",
            lawful().set("Upgrade", "h2c"),
        ),
        refuses(
            "4.2.1-part-of-upgrade",
            "§4.2.1",
            Must,
            "\"websockets\" is not \"websocket\".",
            lawful().set("Upgrade", "websockets"),
        ),
        opens(
            "4.2.1-upgrade-case",
            "§4.2.1",
            Must,
            "\"WebSocket\" is \"websocket\": the case of letters does not matter.",
            lawful().set("Upgrade", "WebSocket"),
        ),
        opens(
            "4.2.1-upgrade-list",
            "§4.2.1",
            Should,
            "Upgrade is a list: \"other/1, websocket\" contains \"websocket\".",
            lawful().set("Upgrade", "other/1, websocket"),
        ),
        refuses(
            "4.2.1-no-connection",
            "§4.2.1",
            Must,
            "A request has the field Connection.",
            lawful().without("Connection"),
        ),
        refuses(
            "4.2.1-other-connection",
            "§4.2.1",
            Must,
            "The field Connection contains \"Upgrade\".",
            lawful().set("Connection", "keep-alive"),
        ),
        opens(
            "4.2.1-connection-list",
            "§4.2.1",
            Must,
            "Connection is a list: \"keep-alive, Upgrade\" contains \"Upgrade\". Firefox sends that.",
            lawful().set("Connection", "keep-alive, Upgrade"),
        ),
        opens(
            "4.2.1-connection-case",
            "§4.2.1",
            Must,
            "\"uPGRADE\" is \"Upgrade\": the case of letters does not matter.",
            lawful().set("Connection", "uPGRADE"),
        ),
        refuses(
            "4.2.1-no-key",
            "§4.2.1",
            Must,
            "A request has the field Sec-WebSocket-Key.",
            lawful().without("Sec-WebSocket-Key"),
        ),
        refuses(
            "4.2.1-empty-key",
            "§4.2.1",
            Hygiene,
            "An empty key is refused.",
            lawful().set("Sec-WebSocket-Key", ""),
        ),
        refuses(
            "4.2.1-short-key",
            "§4.2.1",
            Hygiene,
            "A key of 15 bytes is refused: it has 16.",
            lawful().set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j"),
        ),
        refuses(
            "4.2.1-long-key",
            "§4.2.1",
            Hygiene,
            "A key of 17 bytes is refused: it has 16.",
            lawful().set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZSE="),
        ),
        refuses(
            "4.2.1-bad-key",
            "§4.2.1",
            Hygiene,
            "A key that is not base64 is refused.",
            lawful().set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j*Q=="),
        ),
        refuses(
            "4.2.1-two-keys",
            "§11.3.1",
            Hygiene,
            "A request with two different keys is refused.",
            lawful().add("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ),
        refuses(
            "4.2.1-no-version",
            "§4.2.1",
            Must,
            "A request has the field Sec-WebSocket-Version.",
            lawful().without("Sec-WebSocket-Version"),
        ),
        refuses(
            "4.2.2-version-99",
            "§4.2.2",
            Must,
            "The version 99 does not exist, so it is refused.",
            lawful().set("Sec-WebSocket-Version", "99"),
        ),
        Case::opening(
            "4.2.2-versions",
            "§4.2.2",
            Must,
            "The refusal of a version has the field Sec-WebSocket-Version, with 13.",
            lawful().set("Sec-WebSocket-Version", "99"),
            versions,
        ),
        refuses(
            "4.2.1-no-number",
            "§4.2.1",
            Must,
            "A version that is not a number is refused.",
            lawful().set("Sec-WebSocket-Version", "thirteen"),
        ),
        opens(
            "4.2.1-names-lower",
            "RFC 9110 §5.1",
            Must,
            "The names of fields may be in lower case. Some clients send them so.",
            lawful().names(str::to_lowercase),
        ),
        opens(
            "4.2.1-names-upper",
            "RFC 9110 §5.1",
            Must,
            "The names of fields may be in upper case.",
            lawful().names(str::to_uppercase),
        ),
        opens(
            "4.2.1-order",
            "§4.1",
            Must,
            "The fields may come in any order.",
            lawful().reversed(),
        ),
        opens(
            "4.2.1-unknown-field",
            "§4.1",
            Must,
            "A field that the server does not know changes nothing.",
            lawful().add("X-Judge", "yes").add("Accept-Language", "eo"),
        ),
        opens(
            "4.2.1-spaces",
            "RFC 9110 §5.5",
            Must,
            "Spaces around the value of a field do not belong to it.",
            lawful().set("Upgrade", "  websocket \t"),
        ),
        Case::opening(
            "4.2.2-key-spaces",
            "RFC 9110 §5.5",
            Must,
            "Spaces around the key do not belong to it.",
            lawful().set("Sec-WebSocket-Key", &format!(" {KEY} ")),
            |answer| accepts(answer, ACCEPT),
        ),
        Case::opening(
            "4.2.2-no-subprotocol",
            "§4.2.2",
            Must,
            "If the client names no subprotocol, the answer names none.",
            lawful(),
            |answer| lacks(answer, name::PROTOCOL),
        ),
        Case::opening(
            "4.2.2-subprotocol",
            "§4.2.2",
            Must,
            "The answer names at most one subprotocol, and one that the client named.",
            lawful().add("Sec-WebSocket-Protocol", "x-judge-1, x-judge-2"),
            subprotocol,
        ),
        opens(
            "4.2.2-unknown-subprotocols",
            "§4.2.2",
            Hygiene,
            "If the server knows none of the subprotocols, it opens without one.",
            lawful().add("Sec-WebSocket-Protocol", "x-judge-1, x-judge-2"),
        ),
        Case::opening(
            "4.2.2-no-extension",
            "§9.1",
            Must,
            "If the client offers no extension, the answer names none.",
            lawful(),
            |answer| lacks(answer, name::EXTENSIONS),
        ),
        Case::opening(
            "4.2.2-unknown-extension",
            "§9.1",
            Must,
            "An extension that the server cannot know is not accepted.",
            lawful().add("Sec-WebSocket-Extensions", "x-judge; level=1"),
            |answer| {
                head(answer).and_then(|head| {
                    match head
                        .fields
                        .all(name::EXTENSIONS)
                        .find(|value| value.contains("x-judge"))
                    {
                        Some(value) => Err(format!("Sec-WebSocket-Extensions: {value}")),
                        None => Ok(()),
                    }
                })
            },
        ),
        opens(
            "4.2.2-declined-extension",
            "§9.1",
            Must,
            "An extension that the server does not know is declined; the connection opens.",
            lawful().add("Sec-WebSocket-Extensions", "x-judge; level=1"),
        ),
        opens(
            "4.2.1-cut",
            "§4.2.1",
            Must,
            "TCP has no messages: the head may come byte by byte.",
            lawful(),
        )
        .cut(Cuts::Everywhere),
    ];
    for (count, id) in [
        (1, "4.2.1-cut-1"),
        (2, "4.2.1-cut-2"),
        (3, "4.2.1-cut-3"),
        (4, "4.2.1-cut-4"),
    ] {
        let rule = format!(
            "The head may come in two pieces, with {count} of the last four bytes in the second."
        );
        let case = Case::opening(id, "§4.2.1", Must, &rule, lawful(), opened);
        cases.push(case.cut(Cuts::BeforeLast(count)));
    }
    for (id, key, asked) in KEYS {
        let (id, rule) = (
            format!("4.2.2-accept-{id}"),
            format!("The accept value of the key {key} is its own."),
        );
        cases.push(Case::opening(
            &id,
            "§4.2.2",
            Must,
            &rule,
            lawful().set("Sec-WebSocket-Key", key),
            asked,
        ));
    }
    cases
}

fn head(answer: &Answer) -> Result<&Head<StatusLine>, String> {
    match answer {
        Answer::Head(head) if head.start.opens_websocket() => Ok(head),
        answer => Err(answer.words()),
    }
}

fn opened(answer: &Answer) -> Judged {
    head(answer).map(drop)
}

/// §4.2.1: the server "MUST stop processing the client's handshake". How it says so is left open
/// here: with a status, or with the end of TCP.
fn refused(answer: &Answer) -> Judged {
    match answer {
        Answer::Head(head) if head.start.opens_websocket() => Err(answer.words()),
        Answer::Nothing => Err(answer.words()),
        _ => Ok(()),
    }
}

fn accepts(answer: &Answer, accept: &str) -> Judged {
    let head = head(answer)?;
    match head.fields.get(name::ACCEPT) {
        Some(value) if value == accept => Ok(()),
        Some(value) => Err(format!("Sec-WebSocket-Accept: {value}; asked was {accept}")),
        None => Err("no field Sec-WebSocket-Accept".to_owned()),
    }
}

fn lacks(answer: &Answer, name: &str) -> Judged {
    match head(answer)?.fields.get(name) {
        Some(value) => Err(format!("{name}: {value}")),
        None => Ok(()),
    }
}

/// §4.2.2: "a |Sec-WebSocket-Version| header field indicating the version(s)".
fn versions(answer: &Answer) -> Judged {
    match answer {
        Answer::Head(head) if head.start.opens_websocket() => Err(answer.words()),
        Answer::Head(head) => match head
            .fields
            .list(name::VERSION)
            .any(|version| version == "13")
        {
            true => Ok(()),
            false => Err(format!(
                "{}, without 13 in Sec-WebSocket-Version",
                answer.words()
            )),
        },
        answer => Err(answer.words()),
    }
}

fn subprotocol(answer: &Answer) -> Judged {
    // To refuse is the server's own business.
    let Ok(head) = head(answer) else {
        return Ok(());
    };
    let named: Vec<&str> = head.fields.all(name::PROTOCOL).collect();
    match named[..] {
        [] | ["x-judge-1" | "x-judge-2"] => Ok(()),
        _ => Err(format!("Sec-WebSocket-Protocol: {}", named.join(", "))),
    }
}
