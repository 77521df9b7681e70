//! RFC 7692, permessage-deflate. The ids are those of `rfc7692.tsv`.

use crate::kit::*;
use rfc6455::compression::{DeflateRule, Deflater, Inflater};
use rfc6455::framing::{Decoded, Header};
use rfc6455::opening::{DEFLATE, Deflate, Extension, Fields, name, parse_extensions};
use rfc6455::{
    Client, CloseCode, Compression, Config, Entropy, Error, HandshakeError, Message,
    PreparedMessage, Role, Untimed, Violation, WebSocket, Window,
};

const RSV1: u8 = 0x40;
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];
const HELLO: [u8; 7] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];

/// The largest windows, which go on.
const AGREED: Deflate = Deflate {
    client: Window::LARGEST,
    server: Window::LARGEST,
};

/// Compresses every message.
fn always() -> Config {
    Config {
        compression: Some(Compression {
            threshold: 0,
            ..Compression::default()
        }),
        ..config()
    }
}

fn open_with(
    role: Role,
    deflate: Option<Deflate>,
    config: &Config,
    input: &[u8],
) -> (WebSocket<Untimed<Script>>, Sent) {
    let (stream, sent) = Script::new(input);
    let socket = WebSocket::after_handshake_with(stream, role, &[], deflate, config).unwrap();
    (socket, sent)
}

/// What a connection that agreed on compression makes of these bytes, wherever they are cut.
fn seen(role: Role, deflate: Deflate, config: &Config, input: &[u8]) -> Vec<Seen> {
    let whole = seen_cut(role, deflate, config, input, vec![]);
    if input.len() < 200 {
        for at in 1..input.len() {
            let cut = seen_cut(role, deflate, config, input, vec![at]);
            assert!(cut == whole, "cut at {at}");
        }
        let each = (1..input.len()).collect();
        assert!(
            seen_cut(role, deflate, config, input, each) == whole,
            "byte by byte"
        );
    }
    whole
}

fn seen_cut(
    role: Role,
    deflate: Deflate,
    config: &Config,
    input: &[u8],
    cuts: Vec<usize>,
) -> Vec<Seen> {
    let (stream, _) = Script::cut(input, cuts);
    let socket = WebSocket::after_handshake_with(stream, role, &[], Some(deflate), config);
    let mut socket = socket.unwrap();
    let mut seen = Vec::new();
    loop {
        let result = match socket.read() {
            Ok(Some(message)) => Seen::Message(message.to_owned()),
            Ok(None) => Seen::Closed(socket.closed().unwrap()),
            Err(Error::Violation(violation)) => Seen::Violation(violation),
            // How TCP ended is not asked here.
            Err(Error::Closed(_)) => return seen,
            Err(error) => panic!("{error}"),
        };
        let is_message = matches!(result, Seen::Message(_));
        seen.push(result);
        if !is_message {
            return seen;
        }
    }
}

/// The frames that were sent, with RSV1.
fn sent_frames(mut bytes: &[u8]) -> Vec<(Header, Vec<u8>)> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let Ok(Decoded::Header(header, size)) = Header::decode(bytes, RSV1) else {
            panic!("no header");
        };
        let (payload, rest) = bytes[size..].split_at(header.length as usize);
        let mut payload = payload.to_vec();
        rfc6455::framing::mask(header.mask.unwrap_or_default(), 0, &mut payload);
        frames.push((header, payload));
        bytes = rest;
    }
    frames
}

/// Inflates what was sent, as a peer does. A frame that is not compressed stays as it is.
fn read_by_peer(window: Window, sent: &[u8]) -> Vec<Vec<u8>> {
    let mut inflater = Inflater::new(window);
    let mut messages = Vec::new();
    let (mut payload, mut is_compressed) = (Vec::new(), false);
    for (header, part) in sent_frames(sent) {
        if header.opcode.is_control() {
            continue;
        }
        if payload.is_empty() {
            is_compressed = header.rsv1;
        }
        payload.extend(part);
        if header.fin {
            let bytes = std::mem::take(&mut payload);
            messages.push(match is_compressed {
                true => inflated(&mut inflater, &bytes),
                false => bytes,
            });
        }
    }
    messages
}

fn inflated(inflater: &mut Inflater, payload: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    for mut input in [payload, &TAIL] {
        loop {
            match inflater.inflate(&mut input).expect("DEFLATE") {
                [] => break,
                piece => message.extend_from_slice(piece),
            }
        }
    }
    inflater.end_message().expect("the end of a message");
    message
}

fn deflated(deflater: &mut Deflater, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    deflater.deflate(message, &mut out);
    out
}

fn list(value: &str) -> Vec<Extension> {
    let mut fields = Fields::default();
    fields.push(name::EXTENSIONS, value);
    parse_extensions(&fields).unwrap()
}

/// What a server with these windows answers.
fn answer_to(offers: &str, sending: Window, receiving: Window) -> Option<String> {
    let accepted = Deflate::accept(&list(offers), sending, receiving);
    accepted.map(|(_, answer)| answer.to_string())
}

fn answer(offers: &str) -> Option<String> {
    answer_to(offers, Window::LARGEST, Window::LARGEST)
}

/// What a client that offered this makes of an answer.
fn checked(offer: &str, answer: &str) -> Result<Option<Deflate>, String> {
    let result = Deflate::check_answer(&list(offer), &list(answer));
    result.map_err(|error| error.to_string())
}

fn window(bits: u8) -> Window {
    Window::new(bits).unwrap()
}

/// Proves 7692/5-1, 7692/7.1.3-1.
#[test]
fn a_server_answers_with_one_offer_the_first_that_it_can_accept() {
    assert_eq!(answer(DEFLATE).as_deref(), Some(DEFLATE));
    assert_eq!(
        answer("permessage-deflate; client_max_window_bits").as_deref(),
        Some(DEFLATE)
    );
    let two = "permessage-deflate; client_max_window_bits; server_max_window_bits=10, \
               permessage-deflate; client_max_window_bits";
    let first = "permessage-deflate; server_max_window_bits=10";
    assert_eq!(answer(two).as_deref(), Some(first));
    let second = "x-other; a, permessage-deflate; server_max_window_bits=7, permessage-deflate";
    assert_eq!(answer(second).as_deref(), Some(DEFLATE));
    assert_eq!(answer("x-other"), None);

    let request = and(PROPER_REQUEST, &format!("Sec-WebSocket-Extensions: {two}"));
    let (socket, answer) = server_against(&always(), &request);
    assert!(
        answer.contains(&format!("\r\nSec-WebSocket-Extensions: {first}\r\n")),
        "{answer}"
    );
    assert_eq!(answer.matches("Sec-WebSocket-Extensions").count(), 1);
    let agreed = socket.unwrap().compression().unwrap();
    assert_eq!(
        (agreed.server, agreed.client),
        (window(10), Window::LARGEST)
    );
}

/// Proves 7692/5-3, 9.1-5.
#[test]
fn without_an_agreement_no_frame_has_rsv1() {
    // The client offers nothing, or the server does not want it.
    let offering = and(
        PROPER_REQUEST,
        "Sec-WebSocket-Extensions: permessage-deflate",
    );
    for (config, request) in [(always(), PROPER_REQUEST.to_owned()), (config(), offering)] {
        let (socket, answer) = server_against(&config, &request);
        assert!(!answer.contains("Extensions"), "{answer}");
        assert_eq!(socket.unwrap().compression(), None);
    }
    for role in ROLES {
        let (mut socket, sent) = open_with(role, None, &always(), &[]);
        socket.send(&"a".repeat(1000)).unwrap();
        assert!(!sent_frames(&sent.take())[0].0.rsv1);
        let input = frame_for(role, FIN | RSV1 | TEXT, &HELLO);
        assert_fails(role, &input, Violation::ReservedBits(0b100));
    }
}

/// Proves 7692/5-2.
#[test]
fn a_client_fails_at_an_answer_that_it_did_not_ask_for() {
    let client = Client::new("ws://server.example.com/chat").unwrap();
    let response = and(
        &proper_response(),
        "Sec-WebSocket-Extensions: permessage-deflate",
    );
    let (result, request) = client_against(&client, &response);
    assert!(!request.contains("Extensions"));
    assert!(matches!(
        result,
        Err(Error::Handshake(HandshakeError::NotOffered { .. }))
    ));
    let text = checked("x-other", DEFLATE).unwrap_err();
    assert!(text.contains("was not offered"), "{text}");
    let twice = checked(DEFLATE, "permessage-deflate, permessage-deflate").unwrap_err();
    assert!(twice.contains("RFC 7692 §5"), "{twice}");
    assert_eq!(checked(DEFLATE, "x-other"), Ok(None));
}

#[test]
fn a_client_offers_what_it_wants_and_opens_with_what_was_agreed() {
    for (sending, receiving, offer) in [
        (15, 15, "permessage-deflate; client_max_window_bits"),
        (
            15,
            10,
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits",
        ),
        (9, 15, "permessage-deflate; client_max_window_bits=9"),
    ] {
        assert_eq!(
            Deflate::offer(window(sending), window(receiving)).to_string(),
            offer
        );
    }
    let none = Deflate::offer(window(15).without_takeover(), window(15).without_takeover());
    assert_eq!(
        none.to_string(),
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
         client_max_window_bits"
    );
    let client = Client::new("ws://server.example.com/chat").unwrap();
    let (stream, sent) = Script::new(and(
        &proper_response(),
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=12",
    ));
    let socket = client.config(always()).handshake(stream).unwrap();
    let request = String::from_utf8(sent.take()).unwrap();
    assert!(
        request.contains(
            "\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
        )
    );
    assert_eq!(socket.compression().unwrap().client, window(12));
}

/// Proves 7692/7.1-1, 7692/7.1-2, 7692/7.1-3, 7692/7.1.1.1-1, 7692/7.1.1.2-1.
#[test]
fn a_server_declines_an_offer_that_breaks_a_rule_and_looks_at_the_next() {
    for parameters in [
        "unknown",
        "server_no_context_takeover=1",
        "client_no_context_takeover=1",
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=08",
        "server_max_window_bits=x",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=+9",
        "client_max_window_bits; client_max_window_bits",
        "client_max_window_bits; client_max_window_bits=10",
        "server_no_context_takeover; server_no_context_takeover",
        "Server_no_context_takeover",
    ] {
        let offer = format!("permessage-deflate; {parameters}");
        assert_eq!(answer(&offer), None, "{offer}");
        let with_next = format!("{offer}, permessage-deflate; server_no_context_takeover");
        let next = "permessage-deflate; server_no_context_takeover";
        assert_eq!(answer(&with_next).as_deref(), Some(next), "{offer}");
        // The connection opens without compression.
        let request = and(
            PROPER_REQUEST,
            &format!("Sec-WebSocket-Extensions: {offer}"),
        );
        let (socket, answer) = server_against(&always(), &request);
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        assert_eq!(socket.unwrap().compression(), None);
    }
}

/// Proves 7692/7.1.2.1-1, 7692/7.1.2.2-1.
#[test]
fn the_size_of_a_window_is_a_number_from_8_to_15() {
    for side in ["client", "server"] {
        for bits in 0..=99 {
            let offer = format!("permessage-deflate; {side}_max_window_bits={bits}");
            let accepted = (8..=15).contains(&bits).then(|| offer.clone());
            assert_eq!(answer(&offer), accepted);
            let all = format!("{DEFLATE}; client_max_window_bits");
            assert_eq!(checked(&all, &offer).is_ok(), accepted.is_some());
        }
        for value in ["08", "+8", "9.0", "\"\"", "0x9"] {
            let offer = format!("permessage-deflate; {side}_max_window_bits={value}");
            let mut fields = Fields::default();
            fields.push(name::EXTENSIONS, &offer);
            let offers = parse_extensions(&fields).unwrap_or_default();
            let accepted = Deflate::accept(&offers, Window::LARGEST, Window::LARGEST);
            assert_eq!(accepted, None, "{offer}");
        }
    }
    // Without a value, only the client's size may be offered.
    assert!(answer("permessage-deflate; client_max_window_bits").is_some());
    assert!(answer("permessage-deflate; server_max_window_bits").is_none());
    assert!(checked(DEFLATE, "permessage-deflate; client_max_window_bits").is_err());
}

/// Proves 7692/7.1-4, 7692/7.1.2.2-2, 7692/7.1.2.2-4.
#[test]
fn a_server_that_wants_a_smaller_window_declines_an_offer_that_does_not_allow_it() {
    let answer = |offers| answer_to(offers, Window::LARGEST, window(10));
    assert_eq!(answer(DEFLATE), None);
    let second = "permessage-deflate, permessage-deflate; client_max_window_bits";
    let limited = "permessage-deflate; client_max_window_bits=10";
    assert_eq!(answer(second).as_deref(), Some(limited));
    let smaller = "permessage-deflate; client_max_window_bits=9";
    assert_eq!(answer(smaller).as_deref(), Some(smaller));
    // Without the parameter in the answer, the server is ready for the largest window.
    let (agreed, _) = Deflate::accept(&list(DEFLATE), window(9), Window::LARGEST).unwrap();
    assert_eq!(agreed.client, Window::LARGEST);
    let mut far = vec![0; 1 << 15];
    far.splice(..20, *b"a beginning of a win");
    far.extend(b"a beginning of a win");
    let compressed = deflated(&mut Deflater::new(Window::LARGEST, 9), &far);
    let input = frame_for(Role::Server, FIN | RSV1 | BINARY, &compressed);
    assert!(seen(Role::Server, agreed, &always(), &input) == [Seen::binary(&far)]);
}

/// Proves 7692/7.1.1.1-2, 7692/7.1.1.2-4.
#[test]
fn a_server_that_accepts_no_takeover_begins_each_message_with_an_empty_window() {
    let offer = "permessage-deflate; server_no_context_takeover";
    assert_eq!(answer(offer).as_deref(), Some(offer));
    // The hint of the client is taken.
    let hint = "permessage-deflate; client_no_context_takeover";
    assert_eq!(answer(hint).as_deref(), Some(hint));

    let request = and(
        PROPER_REQUEST,
        &format!("Sec-WebSocket-Extensions: {offer}"),
    );
    let (stream, sent) = Script::new(request);
    let mut socket = rfc6455::Request::read(stream, &always())
        .unwrap()
        .upgrade()
        .unwrap();
    sent.take();
    socket.send("Hello").unwrap();
    socket.send("Hello").unwrap();
    let hello = frame(FIN | RSV1 | TEXT, None, &HELLO);
    assert_eq!(sent.take(), [hello.clone(), hello].concat());
}

/// Proves 7692/7.1.1.2-2, 7692/7.1.1.2-3, 7692/7.1.1.1-3, 7692/7.1.2.1-3.
#[test]
fn a_client_keeps_to_what_the_answer_says_though_it_did_not_offer_it() {
    let offer = "permessage-deflate; client_max_window_bits";
    let agreed = checked(offer, "permessage-deflate; client_no_context_takeover").unwrap();
    let agreed = agreed.unwrap();
    assert_eq!(agreed.client, Window::LARGEST.without_takeover());
    let (mut socket, sent) = open_with(Role::Client, Some(agreed), &always(), &[]);
    socket.send("Hello").unwrap();
    socket.send("Hello").unwrap();
    for (header, payload) in sent_frames(&sent.take()) {
        assert!(header.rsv1 && payload == HELLO);
    }
    let answer = "permessage-deflate; server_no_context_takeover; server_max_window_bits=10";
    let agreed = checked(offer, answer).unwrap().unwrap();
    assert_eq!(agreed.server, window(10).without_takeover());
}

/// Proves 9-2, 9.1-4, 7692/7.1-5, 7692/7.1-6, 7692/7.1-7, 7692/7.1-8, 7692/7.1.2.1-4.
#[test]
fn a_client_fails_at_an_answer_that_breaks_a_rule() {
    let offer = "permessage-deflate; server_no_context_takeover; server_max_window_bits=10; \
                 client_max_window_bits=12";
    let right = "server_no_context_takeover; server_max_window_bits=10";
    assert!(checked(offer, &format!("{DEFLATE}; {right}")).is_ok());
    for (parameters, seen) in [
        (format!("{right}; unknown"), "unknown"),
        (
            format!("{right}; client_max_window_bits"),
            "client_max_window_bits",
        ),
        (
            format!("{right}; client_max_window_bits=16"),
            "client_max_window_bits=16",
        ),
        (
            format!("{right}; client_max_window_bits=13"),
            "client_max_window_bits=13",
        ),
        (
            format!("{right}; server_no_context_takeover"),
            "server_no_context_takeover",
        ),
        (
            "server_no_context_takeover; server_max_window_bits=11".into(),
            "=11",
        ),
        (
            "server_no_context_takeover; server_max_window_bits=010".into(),
            "=010",
        ),
        (
            "server_no_context_takeover".into(),
            "server_max_window_bits",
        ),
        (
            "server_max_window_bits=9".into(),
            "server_no_context_takeover",
        ),
    ] {
        let error = checked(offer, &format!("{DEFLATE}; {parameters}")).unwrap_err();
        assert!(
            error.contains(seen) && error.contains("RFC 7692 §"),
            "{parameters}: {error}"
        );
    }
    // And so does the connection.
    let client = Client::new("ws://server.example.com/chat").unwrap();
    let wrong = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7";
    let (stream, _) = Script::new(and(&proper_response(), wrong));
    let error = client.config(always()).handshake(stream).unwrap_err();
    assert!(
        error.to_string().contains("server_max_window_bits=7"),
        "{error}"
    );
}

/// Proves 7692/7.1.2.1-2, 7692/7.1.2.2-3, 7692/7.2.1-4.
#[test]
fn no_match_reaches_back_before_the_agreed_window() {
    for bits in 8..=15 {
        let offer = format!("permessage-deflate; server_max_window_bits={bits}");
        assert_eq!(answer(&offer), Some(offer));
        assert!(
            checked(
                "permessage-deflate; client_max_window_bits=9",
                "permessage-deflate; client_max_window_bits=10"
            )
            .is_err()
        );
        for role in ROLES {
            let agreed = Deflate {
                client: window(bits),
                server: window(bits),
            };
            let (mut socket, sent) = open_with(role, Some(agreed), &always(), &[]);
            let mut messages = Vec::new();
            for i in 0..40u32 {
                let text = format!(
                    "{} {}",
                    i * 7919 % 100,
                    "some words ".repeat(1 + i as usize * 5)
                );
                socket.send(&text).unwrap();
                messages.push(text.into_bytes());
            }
            assert!(
                read_by_peer(window(bits), &sent.take()) == messages,
                "{bits}"
            );
        }
    }
    // A peer that does it is refused.
    let far = [
        vec![b'x'; 300],
        b"abcdefgh".to_vec(),
        vec![b'x'; 300],
        b"abcdefgh".to_vec(),
    ]
    .concat();
    let compressed = deflated(&mut Deflater::new(Window::LARGEST, 9), &far);
    let agreed = Deflate {
        client: window(8),
        server: window(8),
    };
    let input = frame_for(Role::Server, FIN | RSV1 | BINARY, &compressed);
    let seen = seen(Role::Server, agreed, &always(), &input);
    let [Seen::Violation(Violation::Deflate(invalid))] = seen[..] else {
        panic!("{}", seen.len());
    };
    let rule = DeflateRule::DistanceTooFar {
        distance: 266,
        window: 256,
    };
    assert_eq!(invalid.rule, rule);
}

/// Proves 7692/6-1, 7692/6-3, 7692/7.2.1-1, 7692/7.2.2-1, 7692/7.2.3.1.
#[test]
fn rsv1_of_the_first_frame_says_that_a_message_is_compressed() {
    for role in ROLES {
        let (mut socket, sent) = open_with(role, Some(AGREED), &always(), &[]);
        socket.send("Hello").unwrap();
        assert_eq!(sent.take(), frame_from(role, FIN | RSV1 | TEXT, &HELLO));
        let input = [
            frame_for(role, FIN | RSV1 | TEXT, &HELLO),
            frame_for(role, FIN | TEXT, b"plain"),
            frame_for(role, RSV1 | TEXT, &HELLO[..3]),
            frame_for(role, FIN | CONTINUATION, &HELLO[3..]),
        ]
        .concat();
        let all = seen(role, AGREED, &always(), &input);
        assert_eq!(
            all,
            [
                Seen::text("Hello"),
                Seen::text("plain"),
                Seen::text("Hello")
            ]
        );

        // Short, or it would not shrink: plain.
        let noise: Vec<u8> = (0..200u32)
            .map(|i| (i.wrapping_mul(i).wrapping_mul(2654435761) >> 13) as u8)
            .collect();
        let some = Config {
            compression: Some(Compression::default()),
            ..config()
        };
        let (mut socket, sent) = open_with(role, Some(AGREED), &some, &[]);
        let long = "a".repeat(100);
        for message in [Message::from("short"), (&noise).into(), (&long).into()] {
            socket.send(message).unwrap();
        }
        let sent = sent.take();
        let rsv1: Vec<bool> = sent_frames(&sent)
            .iter()
            .map(|(header, _)| header.rsv1)
            .collect();
        assert_eq!(rsv1, [false, false, true]);
        assert!(read_by_peer(Window::LARGEST, &sent) == [b"short".to_vec(), noise, long.into()]);
    }
}

/// Proves 7692/6-2.
#[test]
fn rsv1_on_a_control_frame_or_a_continuation_fails_the_connection() {
    for role in ROLES {
        for first in [FIN | PING, FIN | PONG, FIN | CLOSE] {
            let input = frame_for(role, RSV1 | first, b"");
            let all = seen(role, AGREED, &always(), &input);
            assert_eq!(all, [Seen::Violation(Violation::ReservedBits(0b100))]);
        }
        let input = [
            frame_for(role, RSV1 | TEXT, &HELLO[..3]),
            frame_for(role, FIN | RSV1 | CONTINUATION, &HELLO[3..]),
        ]
        .concat();
        let violation = Violation::ReservedBits(0b100);
        assert_eq!(
            seen(role, AGREED, &always(), &input),
            [Seen::Violation(violation)]
        );
        assert_eq!(violation.close_code(), CloseCode::PROTOCOL_ERROR);
        for bits in [0x20, 0x10, 0x60] {
            let input = frame_for(role, FIN | bits | TEXT, &HELLO);
            let all = seen(role, AGREED, &always(), &input);
            assert!(matches!(
                all[..],
                [Seen::Violation(Violation::ReservedBits(_))]
            ));
        }
    }
}

/// Proves 7692/6-4, 7692/6-6, 7692/7.2.3.6, 7692/8-1.
#[test]
fn a_compressed_message_may_be_cut_anywhere_with_control_frames_in_between() {
    for role in ROLES {
        for at in 0..=HELLO.len() {
            let input = [
                frame_for(role, RSV1 | TEXT, &HELLO[..at]),
                frame_for(role, FIN | PING, b"?"),
                frame_for(role, CONTINUATION, b""),
                frame_for(role, FIN | CONTINUATION, &HELLO[at..]),
                // The byte 00 is an empty message.
                frame_for(role, FIN | RSV1 | TEXT, &[0]),
            ]
            .concat();
            let all = seen(role, AGREED, &always(), &input);
            assert_eq!(all, [Seen::text("Hello"), Seen::text("")], "{at}");
        }
        let input = [
            frame_for(role, RSV1 | TEXT, &HELLO[..3]),
            frame_for(role, FIN | RSV1 | TEXT, &HELLO),
        ]
        .concat();
        let all = seen(role, AGREED, &always(), &input);
        assert_eq!(all, [Seen::Violation(Violation::UnfinishedMessage(TEXT))]);
    }
}

/// Proves 7692/6-5.
#[test]
fn text_is_checked_as_it_comes_out_and_as_early_as_the_bytes_allow() {
    for role in ROLES {
        let letters: Vec<u8> = (0..500u32)
            .map(|i| b'a' + (i.wrapping_mul(i).wrapping_mul(2654435761) >> 13) as u8 % 26)
            .collect();
        let text = [
            &b"Hello \xCE\xBA\xE1\xBD\xB9"[..],
            b"\xED\xA0\x80",
            &letters[..],
        ]
        .concat();
        let compressed = deflated(&mut Deflater::new(Window::LARGEST, 6), &text);
        // The frame is cut in the middle; the rest never comes.
        let whole = frame_for(role, FIN | RSV1 | TEXT, &compressed);
        let all = seen(role, AGREED, &always(), &whole[..whole.len() - 8]);
        let violation = Violation::NotUtf8 { at: 11 };
        assert_eq!(all, [Seen::Violation(violation)]);
        assert_eq!(violation.close_code(), CloseCode::INVALID_PAYLOAD);
        // A character may be cut by a fragment. The end of the message may not cut it.
        let cut = deflated(&mut Deflater::new(Window::LARGEST, 6), b"\xCE");
        let input = frame_for(role, FIN | RSV1 | TEXT, &cut);
        let all = seen(role, AGREED, &always(), &input);
        assert_eq!(all, [Seen::Violation(Violation::NotUtf8 { at: 0 })]);
    }
}

/// Proves 7692/7.2.1-2.
#[test]
fn an_empty_message_is_the_byte_00() {
    for role in ROLES {
        let (mut socket, sent) = open_with(role, Some(AGREED), &always(), &[]);
        socket.send("").unwrap();
        assert_eq!(sent.take(), frame_from(role, FIN | RSV1 | TEXT, &[0]));
        for payload in [&[0][..], &[2, 0]] {
            let input = frame_for(role, FIN | RSV1 | TEXT, payload);
            assert_eq!(seen(role, AGREED, &always(), &input), [Seen::text("")]);
        }
    }
}

/// Proves 7692/7.2.1-3, 7692/7.2.3.3, 7692/7.2.3.4, 7692/7.2.3.5.
#[test]
fn a_message_may_have_any_blocks() {
    const STORED: &[u8] = &[0, 5, 0, 0xFA, 0xFF, b'H', b'e', b'l', b'l', b'o', 0];
    const LAST: &[u8] = &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00];
    const TWO: &[u8] = &[
        0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00,
    ];
    for role in ROLES {
        for payload in [STORED, LAST, TWO] {
            // The window goes on behind each of them.
            let input = [
                frame_for(role, FIN | RSV1 | TEXT, payload),
                frame_for(role, FIN | RSV1 | TEXT, &[0xF2, 0x00, 0x11, 0x00, 0x00]),
            ]
            .concat();
            let all = seen(role, AGREED, &always(), &input);
            assert_eq!(
                all,
                [Seen::text("Hello"), Seen::text("Hello")],
                "{payload:02x?}"
            );
        }
    }
}

/// Proves 7692/7.2.2-2, 7692/7.2.3.2.
#[test]
fn the_window_goes_on_to_the_next_compressed_message() {
    const AGAIN: [u8; 5] = [0xF2, 0x00, 0x11, 0x00, 0x00];
    for role in ROLES {
        let (mut socket, sent) = open_with(role, Some(AGREED), &always(), &[]);
        socket.send("Hello").unwrap();
        socket.send("Hello").unwrap();
        assert_eq!(sent_frames(&sent.take())[1].1, AGAIN);
        // A plain message between the two does not enter the window.
        let input = [
            frame_for(role, FIN | RSV1 | TEXT, &HELLO),
            frame_for(role, FIN | TEXT, b"something else"),
            frame_for(role, FIN | RSV1 | TEXT, &AGAIN),
        ]
        .concat();
        let all = seen(role, AGREED, &always(), &input);
        assert_eq!(all[2], Seen::text("Hello"));
        // Without takeover there is nothing to repeat.
        let alone = Window::LARGEST.without_takeover();
        let agreed = Deflate {
            client: alone,
            server: alone,
        };
        let all = seen(role, agreed, &always(), &input);
        assert!(matches!(all[2], Seen::Violation(Violation::Deflate(_))));
    }
}

/// Proves 7692/7.2.2-3, 7692/7.2.2-4.
#[test]
fn what_does_not_inflate_fails_the_connection_with_1007_and_says_where() {
    for role in ROLES {
        for (payload, rule) in [
            (&[][..], DeflateRule::Unfinished),
            (&HELLO[..6], DeflateRule::Unfinished),
            (&[0x06], DeflateRule::BlockType),
            (
                &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0, 0, 0xFF, 0xFF],
                DeflateRule::Unfinished,
            ),
        ] {
            let input = [
                frame_for(role, FIN | RSV1 | TEXT, payload),
                frame_for(role, FIN | RSV1 | TEXT, &HELLO),
            ]
            .concat();
            let all = seen(role, AGREED, &always(), &input);
            let [Seen::Violation(violation @ Violation::Deflate(invalid))] = all[..] else {
                panic!("{payload:02x?}: {all:?}");
            };
            assert_eq!(invalid.rule, rule, "{payload:02x?}");
            assert_eq!(violation.close_code(), CloseCode::INVALID_PAYLOAD);
            assert!(violation.to_string().contains("byte "), "{violation}");
        }
    }
}

/// Proves 7692/9-1.
#[test]
fn a_bomb_stops_at_the_limit_and_many_empty_blocks_at_another() {
    let limited = Config {
        max_message: 100_000,
        ..always()
    };
    for role in ROLES {
        for length in [100_000, 100_001, 50_000_000] {
            let bomb = deflated(&mut Deflater::new(Window::LARGEST, 9), &vec![0; length]);
            let input = frame_for(role, FIN | RSV1 | BINARY, &bomb);
            let all = seen_cut(role, AGREED, &limited, &input, vec![]);
            match (length, &all[..]) {
                (100_000, [Seen::Message(message)]) => {
                    assert_eq!(message.as_message().as_bytes().len(), length);
                }
                (_, [Seen::Violation(violation @ Violation::TooBig { limit: 100_000, .. })]) => {
                    assert_eq!(violation.close_code(), CloseCode::TOO_BIG);
                }
                _ => panic!("{length}: {} things", all.len()),
            }
        }
        // Empty blocks inflate to nothing; so what arrives has a limit, too.
        let empty = [0, 0, 0, 0xFF, 0xFF].repeat(1000);
        let small = Config {
            max_message: 4000,
            ..always()
        };
        let first = frame_for(role, RSV1 | BINARY, &empty[..4000]);
        let more = frame_for(role, FIN | CONTINUATION, &[&empty[4000..], &[0]].concat());
        let all = seen_cut(role, AGREED, &small, &[first, more].concat(), vec![]);
        let limit = 4000 + 4 + 64;
        let violation = Violation::TooBig {
            length: 5001,
            limit,
        };
        assert_eq!(all, [Seen::Violation(violation)]);
        let fits = Config {
            max_message: 5000,
            ..always()
        };
        let whole = frame_for(role, FIN | RSV1 | BINARY, &[&empty[..], &[0]].concat());
        assert_eq!(
            seen_cut(role, AGREED, &fits, &whole, vec![]),
            [Seen::binary(b"")]
        );
    }
}

#[test]
fn once_other_threads_send_every_message_begins_with_an_empty_window() {
    for role in ROLES {
        let (mut socket, sent) = open_with(role, Some(AGREED), &always(), &[]);
        socket.write("Hello, hello, hello").unwrap();
        socket.write("Hello, hello, hello").unwrap();
        let sender = socket.sender();
        // The two messages of the writer need the window and are not sent: this one goes plain.
        sender.send("Hello, hello, hello").unwrap();
        assert!(!sent_frames(&sent.take())[0].0.rsv1);
        socket.flush().unwrap();
        sender.send("Hello, hello, hello").unwrap();
        socket.send("Hello, hello, hello").unwrap();
        sender.send("Hello, hello, hello").unwrap();
        let sent = sent.take();
        let payloads: Vec<Vec<u8>> = sent_frames(&sent).into_iter().map(|(_, p)| p).collect();
        assert!(payloads[1].len() < payloads[0].len());
        assert_eq!(payloads[2], payloads[0]);
        assert_eq!(payloads[3], payloads[0]);
        assert_eq!(payloads[4], payloads[0]);
        assert!(read_by_peer(Window::LARGEST, &sent) == vec![b"Hello, hello, hello".to_vec(); 5]);
    }
}

#[test]
fn a_message_that_left_at_once_leaves_nothing_for_other_threads_to_wait_for() {
    for role in ROLES {
        let (mut socket, sent) = open_with(role, Some(AGREED), &always(), &[]);
        // Too long to be collected: it leaves with its write.
        let mut noise = Entropy::from_system();
        let noise: Vec<u8> = (0..25_000).flat_map(|_| noise.masking_key()).collect();
        socket.write(&noise).unwrap();
        assert!(sent.take().len() > 1 << 10);
        socket.sender().send("Hello, hello, hello").unwrap();
        assert!(sent_frames(&sent.take())[0].0.rsv1);
    }
}

#[test]
fn a_prepared_message_is_compressed_for_those_who_agreed_and_plain_for_the_others() {
    let text = "the same for all, the same for all, the same for all, the same for all";
    let prepared = PreparedMessage::from(text);
    for bits in [None, Some(8), Some(15), Some(8)] {
        let agreed = bits.map(|bits| Deflate {
            client: window(bits),
            server: window(bits),
        });
        let (mut socket, sent) = open_with(Role::Server, agreed, &always(), &[]);
        socket.send(text).unwrap();
        socket.sender().send_prepared(&prepared).unwrap();
        socket.send(text).unwrap();
        let sent = sent.take();
        let largest = window(bits.unwrap_or(15));
        assert!(read_by_peer(largest, &sent) == vec![text.as_bytes().to_vec(); 3]);
        for (header, payload) in sent_frames(&sent) {
            assert_eq!(header.rsv1, bits.is_some());
            assert!(bits.is_none() || payload.len() < 40);
        }
    }
}

#[test]
fn a_prepared_message_keeps_to_the_window_of_each_peer() {
    let noise: Vec<u8> = Entropy::from_system().nonce().repeat(20);
    let far = [&noise[..16], &[b'-'; 700], &noise[..16]].concat();
    let prepared = PreparedMessage::from(&far);
    // The largest first: what was compressed for it is not for the smallest.
    for bits in [15, 8, 15, 9] {
        let agreed = Deflate {
            client: window(bits),
            server: window(bits),
        };
        let (socket, sent) = open_with(Role::Server, Some(agreed), &always(), &[]);
        socket.sender().send_prepared(&prepared).unwrap();
        assert!(read_by_peer(window(bits), &sent.take()) == [&far[..]]);
    }
}

#[test]
fn a_message_that_is_shorter_than_the_threshold_goes_as_it_is() {
    let config = Config {
        compression: Some(Compression {
            threshold: 50,
            ..Compression::default()
        }),
        ..config()
    };
    for role in ROLES {
        let (mut socket, sent) = open_with(role, Some(AGREED), &config, &[]);
        for length in [49, 50] {
            socket.send(&"a".repeat(length)).unwrap();
            assert_eq!(sent_frames(&sent.take())[0].0.rsv1, length == 50);
        }
    }
}

#[test]
fn a_message_in_fragments_is_compressed_as_one_message() {
    for role in ROLES {
        let (mut socket, sent) = open_with(role, Some(AGREED), &always(), &[]);
        socket.send("Once upon a time").unwrap();
        let mut story = socket.send_fragmented::<str>();
        for part in ["Once upon ", "", "a time, once upon a time."] {
            story.send(part).unwrap();
        }
        story.finish().unwrap();
        socket.send("Once upon a time").unwrap();
        let sent = sent.take();
        let rsv1: Vec<bool> = sent_frames(&sent)
            .iter()
            .map(|(header, _)| header.rsv1)
            .collect();
        assert_eq!(rsv1, [true, true, false, false, false, true]);
        let all = read_by_peer(Window::LARGEST, &sent);
        let story = b"Once upon a time, once upon a time.".to_vec();
        assert!(
            all == [
                b"Once upon a time".to_vec(),
                story,
                b"Once upon a time".to_vec()
            ]
        );
    }
}

#[test]
fn a_compressed_connection_is_not_given_away_open() {
    let (socket, _) = open_with(Role::Server, Some(AGREED), &always(), &[]);
    let error = socket.into_inner().unwrap_err();
    assert!(error.to_string().contains("windows"), "{error}");
    let (socket, _) = open_with(Role::Server, None, &always(), &[]);
    assert!(socket.into_inner().is_ok());
}

#[test]
fn a_level_that_does_not_exist_is_refused() {
    for level in [0, 10] {
        let compression = Some(Compression {
            level,
            ..Compression::default()
        });
        let config = Config {
            compression,
            ..config()
        };
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("1 to 9"), "{error}");
        let (stream, sent) = Script::new(PROPER_REQUEST);
        let plain = rfc6455::Request::read(stream, &self::config()).unwrap();
        assert!(matches!(
            plain.compression(compression).upgrade(),
            Err(Error::Config(_))
        ));
        assert!(sent.take().starts_with(b"HTTP/1.1 500 "));
    }
}
