//! RFC 6455 §4.1, Client Requirements: the request of a client, and what it makes of an answer that
//! breaks a rule.

use super::case::{Case, Weight};
use super::script::{Judged, Visit, has_token};
use crate::opening::{Head, RequestLine, accept_for, is_key, name};
use Weight::{Hygiene, Must, Should};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = requests();
    cases.extend(answers());
    cases
}

/// What the request has to be.
fn requests() -> Vec<Case> {
    let asks = |id, clause, weight, rule, asked: fn(&Visit) -> Judged| {
        Case::request(id, clause, weight, rule, asked)
    };
    vec![
        asks("4.1-method", "§4.1", Must, "The method is GET.", |visit| {
            is(visit.head.start.is_get(), &visit.head.start)
        }),
        asks(
            "4.1-http-1.1",
            "§4.1",
            Must,
            "The version of HTTP is 1.1 or higher.",
            |visit| is(visit.head.start.is_http_1_1(), &visit.head.start),
        ),
        asks(
            "4.1-host",
            "§4.1",
            Must,
            "The request has one field Host.",
            |visit| once(visit.head, name::HOST),
        ),
        asks(
            "4.1-upgrade",
            "§4.1",
            Must,
            "The field Upgrade contains \"websocket\".",
            |visit| has_token(&visit.head.fields, name::UPGRADE, "websocket"),
        ),
        asks(
            "4.1-connection",
            "§4.1",
            Must,
            "The field Connection contains \"Upgrade\".",
            |visit| has_token(&visit.head.fields, name::CONNECTION, "upgrade"),
        ),
        asks(
            "4.1-version",
            "§4.1",
            Must,
            "The field Sec-WebSocket-Version is 13.",
            |visit| {
                once(visit.head, name::VERSION)?;
                value_is(visit.head, name::VERSION, |value| value == "13")
            },
        ),
        asks(
            "4.1-one-key",
            "§4.1",
            Must,
            "The request has one field Sec-WebSocket-Key.",
            |visit| once(visit.head, name::KEY),
        ),
        asks(
            "4.1-key",
            "§4.1",
            Must,
            "The key is base64 of 16 bytes.",
            |visit| value_is(visit.head, name::KEY, is_key),
        ),
        asks(
            "4.1-new-key",
            "§4.1",
            Must,
            "Each connection has a new key.",
            |visit| {
                value_is(visit.head, name::KEY, |key| {
                    !visit.earlier.iter().any(|one| one == key)
                })
            },
        ),
        asks(
            "4.1-random-key",
            "§4.1",
            Must,
            "The key is random: it is not the one of the RFC's examples, and not all zeros.",
            |visit| {
                value_is(visit.head, name::KEY, |key| {
                    key != "dGhlIHNhbXBsZSBub25jZQ==" && key != "AAAAAAAAAAAAAAAAAAAAAA=="
                })
            },
        ),
        asks(
            "4.1-one-extensions",
            "§11.3.2",
            Hygiene,
            "All offers of extensions can be read.",
            |visit| {
                crate::opening::parse_extensions(&visit.head.fields)
                    .map(drop)
                    .map_err(|value| format!("Sec-WebSocket-Extensions: {value}"))
            },
        ),
    ]
}

/// Answers that break a rule. The client must fail the connection: it sends nothing, and ends TCP.
fn answers() -> Vec<Case> {
    let answer = |id, clause, weight, rule, answer: fn(&str) -> String| {
        Case::answer(id, clause, weight, rule, answer)
    };
    vec![
        Case::refusal(
            "4.1-status-200",
            "A status that is not 101 opens nothing, even if the fields look lawful.",
            |key| refusal(key, "200 OK"),
        ),
        Case::refusal(
            "4.1-status-404",
            "A refusal opens nothing, even if its fields look lawful.",
            |key| refusal(key, "404 Not Found"),
        ),
        answer(
            "4.1-no-upgrade",
            "§4.1",
            Must,
            "An answer without the field Upgrade fails the connection.",
            |key| lawful(key).replace("Upgrade: websocket\r\n", ""),
        ),
        answer(
            "4.1-other-upgrade",
            "§4.1",
            Must,
            "An answer whose Upgrade is not \"websocket\" fails the connection.",
            |key| lawful(key).replace("Upgrade: websocket", "Upgrade: websockets"),
        ),
        answer(
            "4.1-no-connection",
            "§4.1",
            Must,
            "An answer without the field Connection fails the connection.",
            |key| lawful(key).replace("Connection: Upgrade\r\n", ""),
        ),
        answer(
            "4.1-other-connection",
            "§4.1",
            Must,
            "An answer whose Connection does not contain \"Upgrade\" fails the connection.",
            |key| lawful(key).replace("Connection: Upgrade", "Connection: close"),
        ),
        answer(
            "4.1-no-accept",
            "§4.1",
            Must,
            "An answer without Sec-WebSocket-Accept fails the connection.",
            |key| {
                let accept = accept_for(key);
                lawful(key).replace(&format!("Sec-WebSocket-Accept: {accept}\r\n"), "")
            },
        ),
        answer(
            "4.1-other-accept",
            "§4.1",
            Must,
            "The accept value of another key fails the connection.",
            |key| lawful(key).replace(&accept_for(key), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ),
        answer(
            "4.1-accept-case",
            "§4.1",
            Must,
            "The case of letters in the accept value matters.",
            |key| {
                let accept = accept_for(key);
                let other: String = accept.chars().map(swap_case).collect();
                lawful(key).replace(&accept, &other)
            },
        ),
        answer(
            "4.1-key-for-accept",
            "§4.1",
            Must,
            "The key itself is not an accept value.",
            |key| lawful(key).replace(&accept_for(key), key),
        ),
        answer(
            "4.1-extension",
            "§4.1",
            Must,
            "An extension that the client did not offer fails the connection.",
            |key| with(key, "Sec-WebSocket-Extensions: x-judge"),
        ),
        answer(
            "4.1-subprotocol",
            "§4.1",
            Must,
            "A subprotocol that the client did not name fails the connection.",
            |key| with(key, "Sec-WebSocket-Protocol: x-judge"),
        ),
        answer(
            "4.1-not-http",
            "RFC 9112 §4",
            Should,
            "An answer that is not HTTP opens nothing.",
            |_| "220 mail.example ESMTP\r\n\r\n".to_owned(),
        ),
    ]
}

/// The lawful answer to this key.
pub(super) fn lawful(key: &str) -> String {
    let accept = accept_for(key);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

/// The lawful answer with one more field.
pub(super) fn with(key: &str, field: &str) -> String {
    let head = lawful(key);
    format!(
        "{}{field}\r\n\r\n",
        head.trim_end_matches("\r\n").to_owned() + "\r\n"
    )
}

/// An answer that looks lawful, but for its status. It has no body, and TCP ends behind it.
fn refusal(key: &str, status: &str) -> String {
    let head = with(key, "Content-Length: 0").replace("101 Switching Protocols", status);
    head.replace("Connection: Upgrade", "Connection: Upgrade, close")
}

fn swap_case(letter: char) -> char {
    match letter.is_ascii_lowercase() {
        true => letter.to_ascii_uppercase(),
        false => letter.to_ascii_lowercase(),
    }
}

fn is(good: bool, line: &RequestLine) -> Judged {
    match good {
        true => Ok(()),
        false => Err(format!("the request \"{line}\"")),
    }
}

fn once(head: &Head<RequestLine>, name: &str) -> Judged {
    match head.fields.all(name).count() {
        1 => Ok(()),
        0 => Err(format!("no field {name}")),
        count => Err(format!("{count} fields {name}")),
    }
}

fn value_is(head: &Head<RequestLine>, name: &str, is_good: impl Fn(&str) -> bool) -> Judged {
    match head.fields.get(name) {
        Some(value) if is_good(value) => Ok(()),
        Some(value) => Err(format!("{name}: {value}")),
        None => Err(format!("no field {name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_added_before_the_empty_line() {
        let head = with("dGhlIHNhbXBsZSBub25jZQ==", "X: y");
        assert!(head.ends_with("xOo=\r\nX: y\r\n\r\n"), "{head:?}");
    }
}
