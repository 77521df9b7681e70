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
