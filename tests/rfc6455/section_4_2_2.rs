//! §4.2.2, Sending the Server's Opening Handshake, §4.3 and §4.4.

use crate::kit::*;
use rfc6455::opening::{Fields, InvalidField};
use rfc6455::{Config, Error, HandshakeError, Hosts, Origins, Request, Unsendable};

/// The answer of a server that speaks these subprotocols.
fn answer(request: &str, spoken: &[&str]) -> String {
    let (stream, sent) = Script::new(request);
    let request = Request::read(stream, &config()).unwrap();
    let socket = request.subprotocols(spoken).upgrade().unwrap();
    let answer = String::from_utf8(sent.take()).unwrap();
    let chosen = answer.split("Sec-WebSocket-Protocol: ").nth(1);
    assert_eq!(
        socket.subprotocol(),
        chosen.map(|rest| rest.lines().next().unwrap())
    );
    answer
}

/// Proves 4.2.2-1, 4.2.2-10.
#[test]
fn the_servers_opening_handshake_is_a_valid_response_with_every_required_field() {
    assert_eq!(
        answer(PROPER_REQUEST, &[]),
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    );
}

/// Proves 4.2.2-6.
#[test]
fn a_subprotocol_is_chosen_from_those_the_client_offers_in_the_clients_order() {
    let request = and(PROPER_REQUEST, "Sec-WebSocket-Protocol: chat, superchat");
    for (spoken, chosen) in [
        (&["chat"][..], "chat"),
        (&["superchat"], "superchat"),
        (&["superchat", "chat"], "chat"),
        (&["x", "superchat"], "superchat"),
    ] {
        let answer = answer(&request, spoken);
        assert!(
            answer.contains(&format!("\r\nSec-WebSocket-Protocol: {chosen}\r\n")),
            "{answer}"
        );
    }
    let request = and(
        PROPER_REQUEST,
        "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: ,b",
    );
    assert!(answer(&request, &["b"]).contains("\r\nSec-WebSocket-Protocol: b\r\n"));
}

/// Proves 4.2.2-7.
#[test]
fn without_a_subprotocol_that_both_speak_the_field_is_absent() {
    let request = and(PROPER_REQUEST, "Sec-WebSocket-Protocol: chat, superchat");
    for (request, spoken) in [
        (&request[..], &[][..]),
        (&request, &["Chat", "other"]),
        (PROPER_REQUEST, &["chat"]),
    ] {
        assert!(!answer(request, spoken).contains("Sec-WebSocket-Protocol"));
    }
}

/// Proves 4.2.2-9, 9-1, 5.8-1.
#[test]
fn no_extension_is_accepted_whatever_the_client_offers() {
    let request = and(
        PROPER_REQUEST,
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-other",
    );
    assert!(!answer(&request, &[]).contains("Sec-WebSocket-Extensions"));
}

/// Proves 4.2.2-4, 4.4-1.
#[test]
fn an_unsupported_version_gets_426_and_the_version_that_is_spoken() {
    for version in ["12", "8", "14", "013", "7, 8, 13", "thirteen", ""] {
        let version = format!("Version: {version}");
        let request = with(PROPER_REQUEST, "Version: 13", &version);
        let why = server_refuses(&request);
        assert!(matches!(why, HandshakeError::Version(_)), "{version}");
        let (_, answer) = server_against(&config(), &request);
        assert!(
            answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"),
            "{answer}"
        );
        assert!(
            answer.contains("\r\nSec-WebSocket-Version: 13\r\n"),
            "{answer}"
        );
    }
}

/// Proves 4.2.2-3, 10.2-1, 10.2-2.
#[test]
fn a_page_whose_origin_is_not_accepted_gets_403() {
    let host = "server.example.com";
    let list = Origins::List(vec![
        "https://example.com".into(),
        "http://localhost:8080".into(),
    ]);
    for (origins, origin, accepted) in [
        (Origins::Any, "http://evil.net", true),
        (Origins::Any, "null", true),
        (Origins::SameHost, "http://server.example.com", true),
        (Origins::SameHost, "https://SERVER.example.com:443", true),
        (Origins::SameHost, "http://server.example.com:8080", false),
        (
            Origins::SameHost,
            "http://server.example.com.evil.net",
            false,
        ),
        (
            Origins::SameHost,
            "http://evil.net/server.example.com",
            false,
        ),
        (Origins::SameHost, "http://evil-server.example.com", false),
        (Origins::SameHost, "http://user@server.example.com", false),
        (Origins::SameHost, "server.example.com", false),
        (Origins::SameHost, "null", false),
        (Origins::SameHost, "", false),
        (list.clone(), "https://example.com", true),
        (list.clone(), "HTTPS://EXAMPLE.COM", true),
        (list.clone(), "http://localhost:8080", true),
        (list.clone(), "http://example.com", false),
        (list.clone(), "https://example.com.evil.net", false),
        (list.clone(), "https://example.com:444", false),
        (list.clone(), "null", false),
        (Origins::List(vec![]), "http://server.example.com", false),
    ] {
        assert_eq!(
            origins.allow(Some(origin), host),
            accepted,
            "{origins:?} {origin}"
        );
        let line = format!("Origin: {origin}");
        let request = with(PROPER_REQUEST, "Origin: http://server.example.com", &line);
        let config = Config {
            origins,
            ..config()
        };
        let (result, answer) = server_against(&config, &request);
        assert_eq!(result.is_ok(), accepted);
        let status = if accepted {
            "HTTP/1.1 101 "
        } else {
            "HTTP/1.1 403 Forbidden"
        };
        assert!(answer.starts_with(status), "{answer}");
    }
}

/// Each scheme has its own default port. The server does not know the scheme of the page's request.
#[test]
fn an_origin_at_the_same_host_has_its_port_too() {
    for (origin, host, same) in [
        ("http://h", "h", true),
        ("https://h", "h", true),
        ("http://h:80", "h", true),
        ("https://h:443", "h", true),
        ("https://h:80", "h", false),
        ("http://h:443", "h", false),
        ("http://h", "h:80", true),
        ("https://h", "h:443", true),
        ("https://h", "h:80", false),
        ("http://h", "h:443", false),
        ("http://h:5050", "h:5050", true),
        ("https://h:5050", "H:5050", true),
        ("http://h:5050", "h", false),
        ("http://h", "h:5050", false),
        ("http://h:5050", "h:5051", false),
        ("http://[::1]:5050", "[::1]:5050", true),
        ("http://[::1]", "[::1]", true),
        ("http://[::1]:5050", "[::2]:5050", false),
        ("http://h/", "h", false),
        ("http://h:x", "h", false),
        ("ftp://h", "h", false),
        ("chrome-extension://h", "h", false),
        ("ws://h", "h", false),
        ("http://", "", false),
    ] {
        let allowed = Origins::SameHost.allow(Some(origin), host);
        assert_eq!(allowed, same, "{origin} {host}");
    }
}

/// DNS rebinding: the page of a stranger gives its own name the address of this server.
#[test]
fn a_server_of_a_local_network_has_only_its_own_names() {
    let names = vec!["lecture.example.com".to_owned()];
    let rebound = "http://evil.example:5050";
    assert!(Origins::SameHost.allow(Some(rebound), "evil.example:5050"));
    for (host, allowed) in [
        ("localhost", true),
        ("localhost:5050", true),
        ("LOCALHOST.:5050", true),
        ("app.localhost:5050", true),
        ("127.0.0.1:5050", true),
        ("192.0.2.7", true),
        ("[::1]:5050", true),
        ("teacher:5050", true),
        ("teacher.local:5050", true),
        ("Lecture.Example.com", true),
        ("evil.example:5050", false),
        ("localhost.evil.example", false),
        ("evil-localhost.example", false),
        ("notlocal.evil", false),
        ("127.0.0.1.evil.example", false),
        ("lecture.example.com.evil.example", false),
        ("evil.xlocal", false),
        ("a b", false),
        ("", false),
    ] {
        let hosts = Hosts::Local(names.clone());
        assert_eq!(hosts.allow(host), allowed, "{host}");
        assert!(Hosts::Any.allow(host));
        if host.is_empty() || host.contains(' ') {
            continue; // HTTP refuses it before.
        }
        let request = with(
            PROPER_REQUEST,
            "Host: server.example.com",
            &format!("Host: {host}"),
        );
        let config = Config {
            hosts,
            origins: Origins::Any,
            ..config()
        };
        let (result, answer) = server_against(&config, &request);
        assert_eq!(result.is_ok(), allowed, "{answer}");
        let status = if allowed {
            "101 "
        } else {
            "421 Misdirected Request\r\n"
        };
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
    }
}

#[test]
fn the_default_policy_is_the_same_host() {
    assert_eq!(Config::default().origins, Origins::SameHost);
}

/// Proves 4.2.2-5.
#[test]
fn a_service_that_is_not_available_is_refused_with_an_http_error() {
    let (stream, sent) = Script::new(PROPER_REQUEST);
    let request = Request::read(stream, &config()).unwrap();
    assert_eq!(request.path(), "/chat");
    request
        .respond(404, "text/plain", "no such service\n")
        .unwrap();
    assert_eq!(
        String::from_utf8(sent.take()).unwrap(),
        "HTTP/1.1 404 Not Found\r\n\
         Content-Type: text/plain\r\n\
         Content-Length: 16\r\n\
         Connection: close\r\n\r\n\
         no such service\n"
    );
}

#[test]
fn fields_of_the_application_are_in_the_response() {
    let (stream, sent) = Script::new(PROPER_REQUEST);
    let request = Request::read(stream, &config()).unwrap();
    let request = request.field("Set-Cookie", "a=b");
    assert!(matches!(request.upgrade(), Ok(_socket)));
    assert!(String::from_utf8_lossy(&sent.take()).contains("\r\nSet-Cookie: a=b\r\n"));
}

#[test]
fn the_first_field_that_cannot_be_sent_is_reported_and_the_client_gets_500() {
    let (stream, sent) = Script::new(PROPER_REQUEST);
    let request = Request::read(stream, &config()).unwrap();
    let request = request
        .field("Set-Cookie", "a=b")
        .field("Set-Cookie", "a\r\nb")
        .field("bad name", "x");
    match request.upgrade() {
        Err(Error::Unsendable(what)) => assert_eq!(
            what,
            Unsendable::Field(InvalidField {
                name: "Set-Cookie".to_owned(),
                value: "a\r\nb".to_owned(),
            })
        ),
        other => panic!("{other:?}"),
    }
    let answer = String::from_utf8(sent.take()).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 500 Internal Server Error\r\n"),
        "{answer}"
    );
    assert!(!answer.contains("Set-Cookie"), "{answer}");
}

#[test]
fn a_field_of_the_handshake_itself_is_refused_and_the_client_gets_500() {
    for name in [
        "Upgrade",
        "CONNECTION",
        "Sec-WebSocket-Accept",
        "sec-websocket-protocol",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Version",
        "Content-Length",
        "Transfer-Encoding",
        "Trailer",
    ] {
        let (stream, sent) = Script::new(PROPER_REQUEST);
        let request = Request::read(stream, &config()).unwrap();
        match request.field(name, "x").upgrade() {
            Err(Error::Unsendable(Unsendable::Refused(field))) => {
                assert_eq!(field.name, name);
                assert!(field.to_string().ends_with(" (§4.2.2)"), "{field}");
            }
            other => panic!("{name} {other:?}"),
        }
        let answer = String::from_utf8(sent.take()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    }
}

/// What an application answers with `respond_with`: the result, and what was sent.
fn respond(status: u16, fields: &[(&str, &str)], body: &str) -> (Result<(), Error>, String) {
    let (stream, sent) = Script::new(PROPER_REQUEST);
    let request = Request::read(stream, &config()).unwrap();
    let mut more = Fields::default();
    for (name, value) in fields {
        more.push(name, value);
    }
    let result = request.respond_with(status, more, body);
    (result, String::from_utf8(sent.take()).unwrap())
}

#[test]
fn a_field_of_a_page_does_not_break_out_of_its_line() {
    for (name, value) in [
        ("X", "a\r\nSet-Cookie: stolen"),
        ("X", "a\nSet-Cookie: stolen"),
        ("X", "a\rb"),
        ("X", "a\0b"),
        ("X", "\u{e9}"),
        ("X\r\nSet-Cookie", "stolen"),
        ("X Y", "a"),
        ("", "a"),
        ("Content-Length", "3"),
        ("content-length", "4"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "keep-alive"),
    ] {
        let (result, answer) = respond(200, &[("A", "b"), (name, value)], "body");
        match result {
            Err(Error::Unsendable(Unsendable::Field(_) | Unsendable::Refused(_))) => {}
            other => panic!("{name:?} {value:?} {other:?}"),
        }
        assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
        assert!(!answer.contains("stolen"), "{answer}");
        assert_eq!(answer.matches("Content-Length").count(), 1, "{answer}");
    }
    let (result, answer) = respond(200, &[("Vary", "Origin"), ("Link", "</>; rel=\"x\"")], "");
    result.unwrap();
    assert!(
        answer.contains("\r\nVary: Origin\r\nLink: </>; rel=\"x\"\r\n"),
        "{answer}"
    );

    // The type of a page is such a field, too.
    let (stream, sent) = Script::new(PROPER_REQUEST);
    let request = Request::read(stream, &config()).unwrap();
    let result = request.respond(200, "text/html\r\nSet-Cookie: stolen", "x");
    assert!(matches!(
        result,
        Err(Error::Unsendable(Unsendable::Field(_)))
    ));
    assert!(!String::from_utf8(sent.take()).unwrap().contains("stolen"));
}

/// RFC 9110 §15: "Values outside the range 100..599 are invalid." Those below 200 are not final.
#[test]
fn a_page_has_a_final_status() {
    for status in [0, 7, 99, 100, 101, 103, 199, 600, 1000, u16::MAX] {
        let (result, answer) = respond(status, &[], "body");
        match result {
            Err(Error::Unsendable(Unsendable::Status(seen))) => assert_eq!(seen, status),
            other => panic!("{status} {other:?}"),
        }
        assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    }
    for status in [200, 299, 404, 418, 599] {
        let (result, answer) = respond(status, &[], "body");
        result.unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(answer.ends_with("\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"));
    }
}

#[test]
fn a_status_without_a_body_has_none() {
    for (status, length) in [(204, ""), (304, ""), (205, "Content-Length: 0\r\n")] {
        for body in ["", "body"] {
            let (result, answer) = respond(status, &[("ETag", "\"x\"")], body);
            result.unwrap();
            let rest = answer.split_once("\r\n").unwrap().1;
            let expected = format!("ETag: \"x\"\r\n{length}Connection: close\r\n\r\n");
            assert_eq!(rest, expected, "{status}");
        }
    }
}

#[test]
fn the_path_and_the_query_are_those_of_the_request_target() {
    for (target, path, query) in [
        ("/", "/", ""),
        ("/chat?room=1&x=?", "/chat", "room=1&x=?"),
        ("http://server.example.com/chat?q", "/chat", "q"),
        ("http://server.example.com", "/", ""),
        ("/a?b=http://c/d", "/a", "b=http://c/d"),
        ("*", "*", ""),
    ] {
        let request = with(PROPER_REQUEST, "/chat", target);
        let (stream, _) = Script::new(request);
        let request = Request::read(stream, &config()).unwrap();
        assert_eq!((request.path(), request.query()), (path, query), "{target}");
    }
}
