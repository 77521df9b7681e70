//! §5.1, Overview, and §5.3, Client-to-Server Masking.

use crate::kit::*;
use rfc6455::framing::{Location, mask};
use rfc6455::{Config, Role, Violation, WebSocket};
use std::collections::HashSet;

/// Proves 5.1-1, 5.3-1, 6.1-7.
#[test]
fn a_client_masks_every_frame_that_it_sends() {
    let (mut client, sent) = open(Role::Client, frame(FIN | PING, None, b"?"));
    client.send("text").unwrap();
    client.send(&[0u8; 200]).unwrap();
    client.ping(b"").unwrap();
    client.pong(b"").unwrap();
    let mut pieces = client.send_fragmented::<str>();
    pieces.send("a").unwrap();
    pieces.finish().unwrap();
    assert!(client.read().is_err()); // after answering the Ping
    drop(client);
    let frames = frames(&sent.take());
    assert_eq!(frames.len(), 7);
    assert!(frames.iter().all(|frame| frame.header.mask == Some(KEY)));
}

/// Proves 5.1-2.
#[test]
fn a_server_closes_the_connection_on_a_frame_without_a_mask() {
    for first in [FIN | TEXT, BINARY, FIN | PING, FIN | CLOSE] {
        assert_fails(Role::Server, &frame(first, None, b""), Violation::Unmasked);
    }
}

/// Proves 5.1-3.
#[test]
fn a_server_masks_no_frame_that_it_sends() {
    let (mut server, sent) = open(Role::Server, frame(FIN | PING, Some(KEY), b"?"));
    server.send("text").unwrap();
    server.ping(b"").unwrap();
    server.send_fragmented::<[u8]>().finish().unwrap();
    assert!(server.read().is_err());
    drop(server);
    let frames = frames(&sent.take());
    assert_eq!(frames.len(), 4);
    assert!(frames.iter().all(|frame| frame.header.mask.is_none()));
}

/// Proves 5.1-4.
#[test]
fn a_client_closes_the_connection_on_a_frame_with_a_mask() {
    for first in [FIN | TEXT, BINARY, FIN | PING, FIN | CLOSE] {
        assert_fails(
            Role::Client,
            &frame(first, Some(KEY), b""),
            Violation::Masked,
        );
    }
}

#[test]
fn a_wrong_mask_is_refused_on_the_header_alone() {
    let long = [0x82, 126, 0xFF, 0xFF];
    assert_fails(Role::Server, &long, Violation::Unmasked);
    let long = [&[0x82, 0x80 | 126, 0xFF, 0xFF][..], &KEY].concat();
    assert_fails(Role::Client, &long, Violation::Masked);
}

#[test]
fn the_mask_bit_is_the_place_of_a_wrong_mask() {
    for violation in [Violation::Unmasked, Violation::Masked] {
        assert_eq!(violation.location(), Location::InHeader(1..2));
    }
}

/// Proves 5.3-2, 5.3-3, 10.3-1.
#[test]
fn every_frame_has_a_fresh_key_that_nobody_can_predict() {
    let mut keys = HashSet::new();
    for _ in 0..10 {
        let (stream, sent) = Script::new([]);
        // The real source of keys.
        let mut client =
            WebSocket::after_handshake(stream, Role::Client, &[], &Config::default()).unwrap();
        for _ in 0..100 {
            client.send("the same").unwrap();
        }
        for frame in frames(&sent.take()) {
            keys.insert(frame.header.mask.unwrap());
        }
    }
    // Of 1000 random 32-bit numbers two are the same once in 8000 runs, three or more never.
    assert!(keys.len() >= 998, "{}", keys.len());
    // No relation between one and the next that a counter or a weak generator would have: each
    // bit is set about half of the time.
    for bit in 0..32 {
        let set = keys
            .iter()
            .filter(|&&key| u32::from_be_bytes(key) >> bit & 1 == 1);
        assert!((350..650).contains(&set.count()), "bit {bit} is not random");
    }
}

#[test]
fn byte_i_is_combined_with_byte_i_modulo_4_of_the_key_wherever_a_piece_begins() {
    for length in (0..70).chain([127, 128, 1000]) {
        let payload: Vec<u8> = (0..length).map(|i| (i * 7) as u8).collect();
        let expected: Vec<u8> = (0..length).map(|i| payload[i] ^ KEY[i % 4]).collect();
        for cut in 0..=length.min(40) {
            let mut masked = payload.clone();
            let (before, after) = masked.split_at_mut(cut);
            mask(KEY, 0, before);
            mask(KEY, cut as u64, after);
            assert_eq!(masked, expected, "{length} bytes cut at {cut}");
        }
    }
}
