//! §4.2.1, Reading the Client's Opening Handshake.

use crate::kit::*;
use rfc6455::{Config, HandshakeError};

#[test]
fn a_proper_request_opens_the_connection() {
    let (socket, _) = server_against(&config(), PROPER_REQUEST);
    socket.unwrap();
}

#[test]
fn names_and_tokens_of_the_request_are_compared_as_http_does() {
    for (from, to) in [
        ("Upgrade: websocket", "uPGRADE:WEBSOCKET"),
        ("Upgrade: websocket", "Upgrade: h2c, websocket"),
        ("Upgrade: websocket", "Upgrade: h2c\r\nUpgrade: websocket"),
        ("Connection: Upgrade", "connection: keep-alive, upgrade"),
        ("Connection: Upgrade", "Connection: ,, ,Upgrade ,"),
        (
            "Connection: Upgrade",
            "Connection: keep-alive\r\nConnection: Upgrade",
        ),
        ("Sec-WebSocket-Version: 13", "sec-websocket-version:\t13\t "),
        ("GET /chat HTTP/1.1", "GET /chat HTTP/1.9"),
        (
            "GET /chat HTTP/1.1",
            "GET http://server.example.com/chat HTTP/1.1",
        ),
        (
            "Host: server.example.com",
            "X-Unknown: \u{e9}\r\nHost: server.example.com:80",
        ),
    ] {
        let (socket, answer) = server_against(&config(), &with(PROPER_REQUEST, from, to));
        assert!(socket.is_ok(), "{to}\n{answer}");
    }
}

/// Proves 4.2.1-1, 10.7-3.
#[test]
fn a_request_that_does_not_match_the_description_gets_an_error_code() {
    for field in [
        "Host",
        "Upgrade",
        "Connection",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
    ] {
        let why = server_refuses(&without(PROPER_REQUEST, field));
        assert_eq!(
            why,
            HandshakeError::Missing {
                field,
                clause: "§4.2.1"
            }
        );
        assert_eq!(why.status(), 400);
    }
    for (from, to, status) in [
        ("GET", "PUT", 405),
        ("GET", "get", 405),
        ("HTTP/1.1", "HTTP/1.0", 400),
        ("HTTP/1.1", "HTTP/2.0", 505),
        ("GET /chat", "GET  /chat", 400),
        ("GET /chat", "GET /a b", 400),
        ("Host: server", "Host: other\r\nHost: server", 400),
        ("server.example.com", "ser/ver", 400),
        ("server.example.com", "", 400),
        ("server.example.com", "server:http", 400),
        ("server.example.com", "server:99999", 400),
        ("server.example.com", "server:0", 400),
        ("server.example.com", "[::1]:x", 400),
        ("Upgrade: websocket", "Upgrade: websocketx", 400),
        ("Upgrade: websocket", "Upgrade: web socket", 400),
        ("Connection: Upgrade", "Connection: close", 400),
        ("Connection: Upgrade", "Connection: \"Upgrade\"", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZWU=", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==", "!!hlIHNhbXBsZSBub25jZQ==", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==", "", 400),
        (
            "Sec-WebSocket-Key: ",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: ",
            400,
        ),
        (
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13",
            400,
        ),
        ("Origin", "Sec-WebSocket-Protocol: a, b, a\r\nOrigin", 400),
        ("Origin", "Sec-WebSocket-Protocol: a b\r\nOrigin", 400),
        ("Origin", "Sec-WebSocket-Protocol: ,\r\nOrigin", 400),
        ("Origin", "Sec-WebSocket-Extensions: ;\r\nOrigin", 400),
        ("Origin", "Ori gin", 400),
        ("Origin", "Name", 101),
    ] {
        let request = with(PROPER_REQUEST, from, to);
        match status {
            101 => assert!(server_against(&config(), &request).0.is_ok()),
            status => assert_eq!(server_refuses(&request).status(), status, "{to}"),
        }
    }
}

/// Proves 4.2.1-2.
#[test]
fn a_request_without_an_origin_comes_from_no_browser_and_no_policy_about_pages_refuses_it() {
    let request = without(PROPER_REQUEST, "Origin");
    let config = Config {
        origins: rfc6455::Origins::List(vec![]),
        ..config()
    };
    assert!(server_against(&config, &request).0.is_ok());
    assert!(server_against(&config, PROPER_REQUEST).0.is_err());
}

#[test]
fn a_head_is_the_same_however_it_arrives() {
    let whole = server_against(&config(), PROPER_REQUEST).1;
    for cut in 1..PROPER_REQUEST.len() {
        let (stream, sent) = Script::cut(PROPER_REQUEST, vec![cut]);
        let request = rfc6455::Request::read(stream, &config()).unwrap();
        let socket = request.upgrade().unwrap();
        assert_eq!(String::from_utf8(sent.take()).unwrap(), whole);
        drop(socket);
    }
}

#[test]
fn every_prefix_of_a_request_waits_for_more() {
    for end in 0..PROPER_REQUEST.len() {
        let why = match server_against(&config(), &PROPER_REQUEST[..end]).0 {
            Err(rfc6455::Error::Handshake(why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why, HandshakeError::Ended);
    }
}
