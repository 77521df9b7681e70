//! §4.2.1, Reading the Client's Opening Handshake.

use crate::kit::*;
use rfc6455::opening::{accept_for, is_key};
use rfc6455::{Config, HandshakeError, Request};

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
        let clause = match field {
            "Host" => "§4.2.1, RFC 9112 §3.2",
            _ => "§4.2.1",
        };
        assert_eq!(why, HandshakeError::Missing { field, clause });
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

// The request is one of HTTP (RFC 9110, RFC 9112).

/// §4.1 writes this key for the bytes 1 to 16. Four bits of its last character have no meaning, and
/// one of them is set.
#[test]
fn the_unused_bits_of_a_key_may_be_anything() {
    for key in [
        "AQIDBAUGBwgJCgsMDQ4PEC==",
        "AQIDBAUGBwgJCgsMDQ4PEA==",
        "AQIDBAUGBwgJCgsMDQ4PEP==",
        "/////////////////////z==",
    ] {
        assert!(is_key(key), "{key}");
        let request = with(PROPER_REQUEST, "dGhlIHNhbXBsZSBub25jZQ==", key);
        let (socket, answer) = server_against(&config(), &request);
        assert!(socket.is_ok(), "{answer}");
        let accept = format!("\r\nSec-WebSocket-Accept: {}\r\n", accept_for(key));
        assert!(answer.contains(&accept), "{answer}");
    }
    // 15 and 17 bytes, one `=` too few, the other alphabet of RFC 4648.
    for key in [
        "AQIDBAUGBwgJCgsMDQ4P",
        "AQIDBAUGBwgJCgsMDQ4PEBF=",
        "AQIDBAUGBwgJCgsMDQ4PEC=",
        "AQIDBAUGBwgJCgsMDQ4PEC",
        "_____________________w==",
    ] {
        assert!(!is_key(key), "{key}");
    }
}

#[test]
fn empty_lines_before_the_request_are_ignored() {
    for before in ["\r\n", "\r\n\r\n", &"\r\n".repeat(100)] {
        let request = format!("{before}{PROPER_REQUEST}");
        for cut in 0..before.len().min(5) + 2 {
            let (stream, sent) = Script::cut(&request[..], vec![cut.max(1)]);
            let socket = Request::read(stream, &config()).unwrap().upgrade();
            assert!(socket.is_ok(), "{before:?} {cut}");
            assert!(sent.take().starts_with(b"HTTP/1.1 101 "));
        }
    }
    for (bytes, why) in [
        ("\r", None),
        ("\r\n", None),
        ("\r\n\r", None),
        ("\n", Some("it begins with the byte 0x0a")),
        ("\r\r\n", Some("it begins with the byte 0x0d")),
        ("\rGET", Some("it begins with the byte 0x0d")),
        ("\r\n\u{16}\u{3}\u{1}", Some("it begins like TLS")),
        (
            "\r\n GET / HTTP/1.1\r\n",
            Some("it begins with the byte 0x20"),
        ),
    ] {
        let (result, answer) = server_against(&config(), bytes);
        let error = result.map(drop).unwrap_err().to_string();
        match why {
            None => assert!(error.contains("TCP ended"), "{bytes:?} {error}"),
            Some(why) => {
                assert!(error.contains(why), "{bytes:?} {error}");
                assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
            }
        }
    }
    // They count as bytes of the head.
    let (_, answer) = server_against(&config(), &"\r\n".repeat(20_000));
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

/// The body would be read as frames: it is the frame of a text.
#[test]
fn a_request_with_a_body_opens_nothing() {
    const FRAME: &str = "\u{1}\u{2}hi";
    for (fields, why) in [
        ("Content-Length: 4", "a request with a body"),
        ("Content-Length: 4, 4", "a request with a body"),
        (
            "Content-Length: 18446744073709551615",
            "a request with a body",
        ),
        ("Transfer-Encoding: chunked", "a request with a body"),
        ("Transfer-Encoding: gzip, chunked", "a request with a body"),
        (
            "Content-Length: 4\r\nExpect: 100-continue",
            "a request with a body",
        ),
        ("Transfer-Encoding: gzip", "a coding that is not chunked"),
        (
            "Content-Length: 4\r\nTransfer-Encoding: chunked",
            "both Transfer-Encoding and",
        ),
        (
            "Content-Length: 4\r\nContent-Length: 5",
            "two different values",
        ),
        ("Content-Length: -1", "Content-Length: -1"),
        ("Content-Length: ", "Content-Length: "),
    ] {
        let request = and(PROPER_REQUEST, fields) + FRAME;
        let refused = server_refuses(&request);
        assert_eq!(refused.status(), 400, "{fields}");
        assert!(refused.to_string().contains(why), "{refused}");
    }
    for fields in ["Content-Length: 0", "Content-Length: 0, 0"] {
        let (socket, answer) = server_against(&config(), &and(PROPER_REQUEST, fields));
        assert!(socket.is_ok(), "{answer}");
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    }
}

/// RFC 9110 §7.8: "If a server receives both an Upgrade and an Expect header field with the
/// "100-continue" expectation [...], the server MUST send a 100 (Continue) response before sending a
/// 101".
#[test]
fn a_client_that_expects_100_gets_it_before_the_101() {
    for (fields, first) in [
        (
            "Expect: 100-continue",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 ",
        ),
        (
            "expect: 100-CONTINUE",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 ",
        ),
        ("Expect: something", "HTTP/1.1 101 "),
    ] {
        let (socket, answer) = server_against(&config(), &and(PROPER_REQUEST, fields));
        assert!(socket.is_ok(), "{answer}");
        assert!(answer.starts_with(first), "{answer}");
    }
    // A refusal is final: the client does not send its body.
    let request = and(PROPER_REQUEST, "Content-Length: 9\r\nExpect: 100-continue");
    let (_, answer) = server_against(&config(), &request);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(!answer.contains(" 100 "), "{answer}");
}

/// RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1
/// request message that lacks a Host header field and to any request message that contains more
/// than one".
#[test]
fn every_request_has_one_host() {
    let page = "GET / HTTP/1.1\r\nHost: server.example.com\r\n\r\n";
    for (from, to, status) in [
        ("GET", "GET", 200),
        ("GET", "HEAD", 200),
        ("Host: server.example.com\r\n", "", 400),
        ("HTTP/1.1\r\nHost: server.example.com", "HTTP/1.0", 200),
        ("Host:", "Host: server.example.com\r\nhost:", 400),
        ("Host: server.example.com", "Host: a b", 400),
        ("Host: server.example.com", "Host:", 400),
        ("HTTP/1.1\r\nHost:", "HTTP/1.0\r\nHost: b\r\nHost:", 400),
        ("Host: server.example.com", "Host: [::1]:5050", 200),
        ("\r\n\r\n", "\r\nContent-Length: x\r\n\r\n", 400),
        ("\r\n\r\n", "\r\nContent-Length: 3\r\n\r\nabc", 200),
    ] {
        let (stream, sent) = Script::new(with(page, from, to));
        let result = Request::read(stream, &config())
            .and_then(|request| request.respond(200, "text/plain", "page"));
        assert_eq!(result.is_ok(), status == 200, "{to:?}");
        let answer = String::from_utf8(sent.take()).unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{to:?} {answer}"
        );
    }
}

/// RFC 9110 §9.3.2: the answer to HEAD has no body, also if it is a refusal.
#[test]
fn a_refusal_of_head_has_no_body() {
    let (_, answer) = server_against(&config(), "HEAD / HTTP/1.1\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

/// A browser sends all cookies of a site. One has 4 KiB at most, and there may be many.
#[test]
fn a_head_may_have_16_kib_of_cookies() {
    let cookies = format!("Cookie: {}", "a=bcdef; ".repeat((16 << 10) / 9));
    let (socket, answer) = server_against(&config(), &and(PROPER_REQUEST, &cookies));
    assert!(socket.is_ok(), "{answer}");
    let four = format!("X: y\r\nCookie: {}", "a".repeat(4 << 10));
    let (socket, answer) = server_against(&config(), &and(PROPER_REQUEST, &four));
    assert!(socket.is_ok(), "{answer}");
}

#[test]
fn two_origins_are_refused() {
    for second in ["http://server.example.com", "http://evil.net", "null"] {
        let request = and(PROPER_REQUEST, &format!("Origin: {second}"));
        let config = Config {
            origins: rfc6455::Origins::Any,
            ..config()
        };
        let (result, answer) = server_against(&config, &request);
        assert!(result.is_err());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains("it may be there only once"), "{answer}");
    }
}
