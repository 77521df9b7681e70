//! The observer, which judges a connection from outside: it finds the violations that the library
//! finds, it tells a reset from an end, and it counts the bytes that are missing.

use crate::kit::*;
use crate::support::*;
use rfc6455::framing::Missing;
use rfc6455::trace::{Event, Observer, Renderer, Traced, Unfinished, hex};
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
        let mut observer = Observer::frames_only();
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
    stream.watch(Observer::frames_only(), move |event| {
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
        let mut observer = Observer::frames_only();
        observer.feed(from, bytes);
        while observer.next_event().is_some() {}
        assert_eq!(observer.unfinished(from), unfinished, "{bytes:02x?}");
    }
}
