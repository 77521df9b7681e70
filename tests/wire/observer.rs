//! The observer, which judges a connection from outside: it finds the violations that the library
//! finds, it tells a reset from an end, and it counts the bytes that are missing.

use crate::kit::*;
use crate::support::*;
use rfc6455::observe::{Missing, Observer, Sight};
use rfc6455::render::{Renderer, hex};
use rfc6455::{Config, Error, Role, Tcp, Traced, WebSocket};
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
fn the_onlooker_and_the_library_see_the_same_violations() {
    let mut numbers = Numbers(6455);
    let mut violations = HashSet::new();
    for _ in 0..20_000 {
        let receiver = ROLES[numbers.below(2)];
        let sender = ROLES[usize::from(receiver == ROLES[0])];
        let bytes = some_frames(&mut numbers, sender);
        let cut = numbers.below(bytes.len() + 1);
        let (seen, _) = conversation(receiver, &bytes, vec![cut]);
        let library = seen.iter().find_map(|seen| match seen {
            Seen::Violation(violation) => Some(*violation),
            _ => None,
        });
        let mut observer = Observer::of_frames();
        let mut sights = observer.bytes(sender, &bytes[..cut]);
        sights.extend(observer.bytes(sender, &bytes[cut..]));
        let onlooker = sights.iter().find_map(|sight| match sight {
            Sight::Violation(seen) => Some(seen.violation),
            _ => None,
        });
        assert_eq!(onlooker, library, "{receiver:?} {cut} {}", hex(&bytes));
        violations.extend(onlooker.map(|violation| violation.clause()));
    }
    assert!(violations.len() >= 6, "{violations:?}");
}

#[test]
fn a_connection_that_is_broken_off_is_shown_as_that() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let mut stream = Traced::new(Tcp::from(stream), Role::Server);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    stream.watch(Observer::of_frames(), move |sight| {
        kept.lock().unwrap().push(sight);
    });
    let mut socket = WebSocket::after_handshake(stream, Role::Server, &Config::default()).unwrap();
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
            Sight::Broken(Role::Client),
            Sight::State(rfc6455::observe::SeenState::Closed)
        ]
    );
    let text = Renderer { colour: false }.render("", &seen[2]);
    assert!(text.starts_with("the client broke off TCP "), "{text}");
}

#[test]
fn the_onlooker_says_what_is_missing() {
    for (bytes, missing) in [
        (&[][..], Missing::Nothing),
        (&[0x81], Missing::AtLeast(1)),
        (&[0x81, 0x85, 0x37], Missing::Bytes(8)),
        (&[0x81, 0xFE, 0x01], Missing::AtLeast(5)),
        (&[0x82, 0x7E, 0x01, 0x00], Missing::Bytes(256)),
        (&[0x82, 0x7F, 0x00], Missing::AtLeast(7)),
        (&[0x81, 0x02, b'a'], Missing::Bytes(1)),
        (&[0x81, 0x01, b'a'], Missing::Nothing),
    ] {
        let mut observer = Observer::of_frames();
        observer.bytes(Role::Client, bytes);
        // Without a mask that is wrong from a client, and nothing is missing from what is wrong.
        let masked = bytes.get(1).is_none_or(|second| second & 0x80 != 0);
        let from = if masked { Role::Client } else { Role::Server };
        observer.bytes(from, if masked { &[] } else { bytes });
        assert_eq!(observer.missing(from), missing, "{bytes:02x?}");
    }
}
