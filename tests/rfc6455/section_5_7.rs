//! §5.7, Examples: to the byte, in both directions.

use crate::kit::*;
use rfc6455::Role;

const UNMASKED_HELLO: [u8; 7] = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
const MASKED_HELLO: [u8; 11] = [
    0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
];

#[test]
fn a_single_frame_unmasked_text_message() {
    assert_eq!(
        first_seen(Role::Client, &UNMASKED_HELLO),
        Seen::text("Hello")
    );
    let (mut server, sent) = open(Role::Server, []);
    server.send("Hello").unwrap();
    assert_eq!(sent.take(), UNMASKED_HELLO);
}

#[test]
fn a_single_frame_masked_text_message() {
    assert_eq!(first_seen(Role::Server, &MASKED_HELLO), Seen::text("Hello"));
    let (mut client, sent) = open(Role::Client, []);
    client.send("Hello").unwrap();
    assert_eq!(sent.take(), MASKED_HELLO);
}

#[test]
fn a_fragmented_unmasked_text_message() {
    let input = [
        &[0x01, 0x03, 0x48, 0x65, 0x6c][..],
        &[0x80, 0x02, 0x6c, 0x6f],
    ]
    .concat();
    assert_eq!(first_seen(Role::Client, &input), Seen::text("Hello"));
}

#[test]
fn an_unmasked_ping_request_and_its_masked_ping_response() {
    let ping = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    let pong = [
        0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    let (_, sent) = conversation(Role::Client, &ping, vec![]);
    assert_eq!(sent, pong);
    let (mut server, sent) = open(Role::Server, []);
    server.ping(b"Hello").unwrap();
    assert_eq!(sent.take(), ping);
}

#[test]
fn binary_messages_of_256_bytes_and_of_64_kib() {
    for (header, length) in [
        (&[0x82, 0x7E, 0x01, 0x00][..], 256),
        (&[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0], 65536),
    ] {
        let payload = vec![0xAB; length];
        let input = [header, &payload].concat();
        assert_eq!(first_seen(Role::Client, &input), Seen::binary(&payload));
        let (mut server, sent) = open(Role::Server, []);
        server.send(&payload).unwrap();
        assert_eq!(sent.take(), input);
    }
}

#[test]
fn the_examples_pass_in_one_conversation_cut_anywhere() {
    let input = [
        &UNMASKED_HELLO[..],
        &[0x01, 0x03, 0x48, 0x65, 0x6c],
        &[0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f],
        &[0x80, 0x02, 0x6c, 0x6f],
    ]
    .concat();
    let whole = conversation(Role::Client, &input, vec![]);
    assert_eq!(whole.0[..2], [Seen::text("Hello"), Seen::text("Hello")]);
    for cut in 1..input.len() {
        assert_eq!(
            conversation(Role::Client, &input, vec![cut]),
            whole,
            "cut at {cut}"
        );
    }
    let everywhere = (1..input.len()).collect();
    assert_eq!(conversation(Role::Client, &input, everywhere), whole);
}
