//! The observer, which judges a connection from outside: it finds the violations that the library
//! finds, it tells a reset from an end, and it counts the bytes that are missing.

use crate::kit::*;
use crate::support::*;
use rfc6455::framing::Missing;
use rfc6455::trace::{
    Agreement, Event, Observer, Renderer, SkipFrames, Skipped, Traced, Unfinished, hex,
};
use rfc6455::{Config, Error, Role, State, Tcp, WebSocket};
use std::collections::HashSet;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Frames that are right and wrong in turn: fragments, cut characters, control frames.
fn some_frames(numbers: &mut Numbers, sender: Role) -> Vec<u8> {
    let payloads: [&[u8]; 9] = [
        b"",
        b"text",
        b"\xC3",
        b"\xA4",
        b"\xE2\x82",
        b"\xAC",
        b"\xFF",
        b"\x03\xE8",
        b"\x03\xED",
    ];
    let firsts = [
        0x00, 0x80, 0x80, 0x01, 0x81, 0x81, 0x82, 0x02, 0x89, 0x8A, 0x88, 0x83, 0x91, 0x09,
    ];
    let mut bytes = Vec::new();
    for _ in 0..=numbers.below(8) {
        let first = firsts[numbers.below(firsts.len())];
        let payload = payloads[numbers.below(payloads.len())];
        let masked = (sender == Role::Client) != (numbers.below(30) == 0);
        bytes.extend(frame(first, masked.then_some(KEY), payload));
        // What is behind a Close is not for the library to judge.
        if first == FIN | CLOSE {
            break;
        }
    }
    bytes
}

/// The events of these bytes in these parts.
fn events_of(mut observer: Observer, sender: Role, parts: [&[u8]; 2]) -> Vec<Event> {
    let mut events = Vec::new();
    for part in parts {
        observer.feed(sender, part);
        events.extend(std::iter::from_fn(|| observer.next_event()));
    }
    events
}

#[test]
fn an_observer_that_skips_frames_counts_them_and_tells_of_each_violation_and_close() {
    let mut numbers = Numbers(13);
    let mut skipped_frames = 0;
    for _ in 0..20_000 {
        let sender = ROLES[numbers.below(2)];
        let bytes = some_frames(&mut numbers, sender);
        let cut = numbers.below(bytes.len() + 1);
        let parts = [&bytes[..cut], &bytes[cut..]];
        let all = events_of(Observer::frames_only(Agreement::NotKnown), sender, parts);
        let skip = SkipFrames::default();
        skip.turn_on();
        let observer = Observer::frames_only(Agreement::NotKnown).skip_when(skip.clone());
        let told = events_of(observer, sender, parts);
        let skipped = skip.take();

        let headers = |events: &[Event]| {
            let is_header = |event: &&Event| matches!(event, Event::Header(_));
            events.iter().filter(is_header).count() as u64
        };
        assert_eq!(headers(&told) + skipped.frames, headers(&all));
        skipped_frames += skipped.frames;
        // The rest is the same, with the place of each violation in its frame.
        let rest = |events: Vec<Event>| -> Vec<Event> {
            let is_rest = |event: &Event| {
                !matches!(
                    event,
                    Event::Header(_) | Event::Payload(_) | Event::Bytes { .. }
                )
            };
            events.into_iter().filter(is_rest).collect()
        };
        assert_eq!(
            rest(told),
            rest(all),
            "{} | {}",
            hex(parts[0]),
            hex(parts[1])
        );
    }
    assert!(skipped_frames > 10_000, "{skipped_frames}");
}

#[test]
fn an_observer_that_skips_frames_tells_of_the_next_ones_when_it_is_told_to() {
    let skip = SkipFrames::default();
    let mut observer = Observer::frames_only(Agreement::NotKnown).skip_when(skip.clone());
    let mut frames = |skip_now| {
        match skip_now {
            true => skip.turn_on(),
            false => skip.turn_off(),
        }
        // The second frame is cut. It is skipped or told as its header was.
        observer.feed(Role::Server, b"\x01\x01a\x00\x02b");
        let first = std::iter::from_fn(|| observer.next_event()).count();
        skip.turn_off();
        observer.feed(Role::Server, b"c\x80\x00");
        (first, std::iter::from_fn(|| observer.next_event()).count())
    };
    assert_eq!(frames(false), (3, 3));
    assert_eq!(frames(true), (0, 2));
    assert_eq!(
        skip.take(),
        Skipped {
            frames: 2,
            bytes: 0
        }
    );
}

#[test]
fn the_observer_and_the_library_see_the_same_violations() {
    let mut numbers = Numbers(6455);
    let mut violations = HashSet::new();
    for _ in 0..20_000 {
        let receiver = ROLES[numbers.below(2)];
        let sender = receiver.peer();
        let bytes = some_frames(&mut numbers, sender);
        let cut = numbers.below(bytes.len() + 1);
        let (seen, _) = conversation(receiver, &bytes, vec![cut]);
        let library = seen.iter().find_map(|seen| match seen {
            Seen::Violation(violation) => Some(*violation),
            _ => None,
        });
        let mut observer = Observer::frames_only(Agreement::NotKnown);
        let mut found = None;
        for part in [&bytes[..cut], &bytes[cut..]] {
            observer.feed(sender, part);
            while let Some(event) = observer.next_event() {
                if let Event::Violation(broken) = event {
                    found = found.or(Some(broken.violation));
                }
            }
        }
        assert_eq!(found, library, "{receiver:?} {cut} {}", hex(&bytes));
        violations.extend(found.map(|violation| violation.clause()));
    }
    assert!(violations.len() >= 6, "{violations:?}");
}

#[test]
fn a_reset_is_shown_as_a_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let mut stream = Traced::new(Tcp::from(stream), Role::Server);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    stream.watch(Observer::frames_only(Agreement::NotKnown), move |event| {
        kept.lock().unwrap().push(event);
    });
    let mut socket =
        WebSocket::after_handshake(stream, Role::Server, &[], &Config::default()).unwrap();
    socket.send("never read").unwrap();
    peer.peek(&mut [0]).unwrap();
    // With unread bytes the system does not end TCP but resets it.
    drop(peer);
    assert!(matches!(socket.read(), Err(Error::Closed(_))));
    drop(socket);
    let seen = seen.lock().unwrap();
    assert_eq!(
        seen[2..],
        [
            Event::Reset { from: Role::Client },
            Event::State(State::Closed)
        ]
    );
    let text = Renderer { colour: false }.render("", &seen[2]);
    assert!(text.starts_with("the client reset TCP "), "{text}");
}

#[test]
fn the_observer_says_what_is_missing() {
    for (bytes, unfinished) in [
        (&[][..], Unfinished::Nothing),
        (&[0x81], Unfinished::Frame(Missing::AtLeast(1))),
        (&[0x81, 0x85, 0x37], Unfinished::Frame(Missing::Exactly(8))),
        (&[0x81, 0xFE, 0x01], Unfinished::Frame(Missing::AtLeast(5))),
        (
            &[0x82, 0x7E, 0x01, 0x00],
            Unfinished::Frame(Missing::Exactly(256)),
        ),
        (&[0x82, 0x7F, 0x00], Unfinished::Frame(Missing::AtLeast(7))),
        (&[0x81, 0x02, b'a'], Unfinished::Frame(Missing::Exactly(1))),
        (&[0x81, 0x01, b'a'], Unfinished::Nothing),
    ] {
        // A client's frame without a mask is a violation, and nothing is missing from that.
        let masked = bytes.get(1).is_none_or(|second| second & 0x80 != 0);
        let from = if masked { Role::Client } else { Role::Server };
        let mut observer = Observer::frames_only(Agreement::NotKnown);
        observer.feed(from, bytes);
        while observer.next_event().is_some() {}
        assert_eq!(observer.unfinished(from), unfinished, "{bytes:02x?}");
    }
}

#[test]
fn an_interim_response_is_not_the_answer_and_empty_lines_belong_to_the_request() {
    for interim in ["100 Continue", "103 Early Hints", "102 x"] {
        let mut observer = Observer::new();
        let request = format!("\r\n\r\n{PROPER_REQUEST}");
        observer.feed(Role::Client, request.as_bytes());
        let twice = format!("HTTP/1.1 {interim}\r\nLink: x\r\n\r\n").repeat(2);
        observer.feed(Role::Server, twice.as_bytes());
        observer.feed(Role::Server, RESPONSE.replace('\n', "\r\n").as_bytes());
        observer.feed(Role::Server, b"\x81\0");
        observer.feed(Role::Client, b"\x81\x80\0\0\0\0");
        let mut texts = String::new();
        while let Some(event) = observer.next_event() {
            assert!(
                !matches!(event, Event::Bytes { .. } | Event::NotHttp { .. }),
                "{event:?}"
            );
            let renderer = Renderer { colour: false };
            texts += &renderer.render("", &event);
        }
        assert_eq!(texts.matches("interim response").count(), 2, "{texts}");
        assert_eq!(texts.matches("message 1").count(), 2, "{texts}");
        assert!(!texts.contains("refusal"), "{texts}");
    }
}

// What the two agreed on, and what they did not.

const ANSWER: &str = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// The account of an opening handshake that offers and accepts these extensions, and of frames of
/// the server behind it.
fn account_with(offer: &str, answer: &str, frames: &[u8]) -> String {
    let field = |value: &str| match value {
        "" => String::new(),
        value => format!("Sec-WebSocket-Extensions: {value}"),
    };
    let head = |head: &str, value: &str| match value {
        "" => head.to_owned(),
        value => and(head, &field(value)),
    };
    let mut observer = Observer::new();
    observer.feed(Role::Client, head(PROPER_REQUEST, offer).as_bytes());
    observer.feed(Role::Server, head(ANSWER, answer).as_bytes());
    observer.feed(Role::Server, frames);
    account_of(&mut observer)
}

fn account_of(observer: &mut Observer) -> String {
    let renderer = Renderer { colour: false };
    let events = std::iter::from_fn(|| observer.next_event());
    events.map(|event| renderer.render("", &event)).collect()
}

#[test]
fn the_bits_and_payloads_of_an_agreed_extension_are_not_judged() {
    // RSV1. As it is, it is not UTF-8.
    let compressed = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    // No DEFLATE: another extension may have made it.
    let unknown = b"\xc1\x02\xff\x00";
    for (offer, answer, frames) in [
        ("permessage-deflate", "permessage-deflate", &compressed[..]),
        (
            "permessage-deflate; client_max_window_bits, x",
            "permessage-deflate; server_max_window_bits=9",
            compressed,
        ),
        ("permessage-bzip2", "permessage-bzip2; level=3", unknown),
        ("a, b, c", "b", unknown),
        ("permessage-deflate, b", "permessage-deflate, b", unknown),
    ] {
        let account = account_with(offer, answer, frames);
        assert!(!account.contains("VIOLATION"), "{account}");
        assert!(!account.contains("No extension"), "{account}");
        assert!(!account.contains("no extension is in use"), "{account}");
        let is_read = account.contains("text     \"Hello\"");
        assert_eq!(is_read, frames == compressed, "{account}");
        for parameter in answer.split(&[';', ',']).map(str::trim) {
            assert!(account.contains(parameter), "{account}");
        }
    }
    let account = account_with("permessage-deflate", "", compressed);
    assert!(account.contains("VIOLATION"), "{account}");
    let account = account_with("", "permessage-deflate", compressed);
    assert!(account.contains("client did not offer that"), "{account}");
    assert!(!account.contains("state OPEN"), "{account}");
}

/// The window of the first message, and again with it (RFC 7692 §7.2.3.2).
const HELLO: &[u8] = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
const AGAIN: &[u8] = b"\xc1\x05\xf2\x00\x11\x00\x00";

#[test]
fn compressed_messages_are_read_with_the_window_of_those_before() {
    let fragments = b"\x41\x03\xf2\x48\xcd\x89\x01?\x80\x04\xc9\xc9\x07\x00";
    let frames = [HELLO, AGAIN, b"\x81\x05plain", AGAIN, fragments, AGAIN].concat();
    let account = account_with("permessage-deflate", "permessage-deflate", &frames);
    assert_eq!(
        account.matches("text     \"Hello\"").count(),
        4,
        "{account}"
    );
    assert!(account.contains("text     \"plain\""), "{account}");
    assert_eq!(account.matches("5 bytes from 5").count(), 3, "{account}");
    assert!(!account.contains("VIOLATION"), "{account}");
}

#[test]
fn a_compressed_message_that_is_wrong_is_a_violation_once_and_what_needs_it_is_not_known() {
    let text = b"\xc1\x03\xfa\x0f\x00"; // One byte, ff.
    for (wrong, why) in [
        (&b"\xc1\x01\x07"[..], "type 3"),
        (b"\xc1\x02\xf2\x48", "end inside a block"),
        (b"\xc1\x00", "end inside a block"),
        (text, "not UTF-8"),
    ] {
        let frames = [HELLO, wrong, AGAIN, b"\x81\x05plain"].concat();
        let account = account_with("permessage-deflate", "permessage-deflate", &frames);
        assert_eq!(account.matches("VIOLATION").count(), 1, "{account}");
        assert!(account.contains(why), "{why}: {account}");
        assert!(account.contains("1007"), "{account}");
        assert!(account.contains("the window is not known"), "{account}");
        assert!(account.contains("text     \"plain\""), "{account}");
        // Without takeover the next message can be read again.
        let answer = "permessage-deflate; server_no_context_takeover";
        let frames = [HELLO, wrong, HELLO].concat();
        let account = account_with("permessage-deflate", answer, &frames);
        assert_eq!(
            account.matches("text     \"Hello\"").count(),
            2,
            "{account}"
        );
    }
}

#[test]
fn an_observer_that_came_late_does_not_know_the_window_and_accuses_nobody() {
    let agreement = Agreement::parse("permessage-deflate").unwrap();
    let mut observer = Observer::frames_only(agreement);
    observer.feed(Role::Server, AGAIN);
    observer.feed(Role::Server, HELLO);
    let account = account_of(&mut observer);
    assert!(!account.contains("VIOLATION"), "{account}");
    assert_eq!(
        account.matches("the window is not known").count(),
        2,
        "{account}"
    );
}

#[test]
fn a_bomb_that_passes_is_not_held() {
    let mut bomb = Vec::new();
    let window = rfc6455::Window::LARGEST;
    rfc6455::compression::Deflater::new(window, 9).deflate(&vec![b'0'; 100 << 20], &mut bomb);
    let frames = [frame(0xc2, None, &bomb), HELLO.to_vec()].concat();
    let account = account_with("permessage-deflate", "permessage-deflate", &frames);
    assert!(!account.contains("VIOLATION"), "{account}");
    assert_eq!(
        account.matches("the window is not known").count(),
        2,
        "{account}"
    );
}

#[test]
fn with_an_extension_the_other_rules_still_hold() {
    for (frames, why) in [
        (&b"\xc9\x00"[..], "RSV1 on a Ping"),
        (b"\x41\x01x\xc0\x01y", "RSV1 on a continuation"),
        (b"\xa1\x01x", "RSV2"),
        (b"\x91\x01x", "RSV3"),
        (b"\xc3\x01x", "opcode 3"),
        (b"\xc1\x81\0\0\0\0x", "a mask of a server"),
        (b"\xc1\x7e\x00\x05xxxxx", "a length that is not minimal"),
        (b"\xc0\x01x", "a continuation of nothing"),
        (b"\xc1\x01x\x41\x01x\xc1\x01x", "a message inside a message"),
        (b"\x88\x02\x03\xed", "1005 in a Close"),
        (
            b"\x81\x01\xff",
            "text that is not compressed, and not UTF-8",
        ),
    ] {
        let account = account_with("permessage-deflate", "permessage-deflate", frames);
        assert_eq!(account.matches("VIOLATION").count(), 1, "{why}\n{account}");
    }
}

#[test]
fn after_a_broken_rule_the_next_frame_is_read_where_its_beginning_is_known() {
    let account = account_with(
        "",
        "",
        b"\x83\x02xx\x81\x05Hello\x81\x85\0\0\0\0Hello\x81\x01!",
    );
    assert_eq!(account.matches("VIOLATION").count(), 2, "{account}");
    assert_eq!(
        account.matches("text     \"Hello\"").count(),
        1,
        "{account}"
    );
    assert!(account.contains("text     \"!\""), "{account}");
    // A length of 2^63 and more has no end that could be known.
    let account = account_with(
        "",
        "",
        b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff\x81\x05Hello",
    );
    assert_eq!(account.matches("VIOLATION").count(), 1, "{account}");
    assert!(!account.contains("text     \"Hello\""), "{account}");
}

#[test]
fn a_wrong_accept_opens_nothing_and_the_right_one_stands_beside_it() {
    let mut observer = Observer::new();
    observer.feed(Role::Client, PROPER_REQUEST.as_bytes());
    observer.feed(Role::Server, ANSWER.replace("s3pP", "AAAA").as_bytes());
    let account = account_of(&mut observer);
    assert!(!account.contains("state OPEN"), "{account}");
    assert!(
        account.contains("base64   s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        "{account}"
    );
    assert!(
        account.contains("came     AAAALMBiTxaQ9kYGzzhZRbK+xOo="),
        "{account}"
    );
    assert_eq!(account.matches("VIOLATION").count(), 1, "{account}");
}

#[test]
fn other_protocols_are_named_and_not_accused() {
    let h2c = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    let to_h2c = "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    let hello = &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..];
    let preface = &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"[..];
    let settings = &b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"[..];
    let page = "GET / HTTP/1.1\r\nHost: h\r\n\r\n".as_bytes();
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage".as_bytes();
    for (client, server, named) in [
        (hello, &b"\x16\x03\x03\x00\x7a\x02"[..], "TLS"),
        (preface, settings, "HTTP/2"),
        (
            h2c.as_bytes(),
            &[to_h2c.as_bytes(), settings].concat()[..],
            "h2c",
        ),
        (page, answer, "page"),
    ] {
        let mut observer = Observer::new();
        observer.feed(Role::Client, client);
        observer.feed(Role::Server, server);
        observer.feed_eof(Role::Client);
        observer.feed_eof(Role::Server);
        let account = account_of(&mut observer);
        for accusation in ["VIOLATION", "not HTTP", "state "] {
            assert!(!account.contains(accusation), "{account}");
        }
        assert!(account.contains(named), "{account}");
    }
}

#[test]
fn what_hangs_is_shown_with_what_it_waits_for() {
    for (bytes, shown) in [
        (
            &b"\x81"[..],
            "part of a header, waiting for at least 1 more byte",
        ),
        (
            b"\x81\x7e\x01",
            "part of a header, waiting for at least 1 more byte",
        ),
        (
            b"\x81\x05He",
            "Text, 2 of 5 bytes, waiting for 3 more bytes",
        ),
        (b"\x89\x05", "waiting for 5 more bytes"),
    ] {
        let mut observer = Observer::new();
        observer.feed(Role::Client, PROPER_REQUEST.as_bytes());
        observer.feed(Role::Server, ANSWER.as_bytes());
        observer.feed(Role::Server, bytes);
        let before = account_of(&mut observer);
        assert!(!before.contains("waiting"), "{before}");
        observer.moment_passed();
        observer.moment_passed();
        let account = account_of(&mut observer);
        assert!(account.contains(shown), "{shown}\n{account}");
        // It is said once.
        observer.moment_passed();
        assert_eq!(account_of(&mut observer), "");
    }
}
