//! §4.1, Client Requirements.

use crate::kit::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rfc6455::opening::{InvalidField, InvalidSubprotocols};
use rfc6455::{Client, Config, Error, HandshakeError, State, Tcp, Unsendable};
use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

fn client(url: &str) -> Client {
    Client::new(url).unwrap()
}

/// The request that a client sends, line by line.
fn request(client: &Client) -> Vec<String> {
    let (_, sent) = client_against(client, "");
    assert!(sent.ends_with("\r\n\r\n"), "{sent}");
    sent.trim_end().split("\r\n").map(str::to_owned).collect()
}

/// Proves 4.1-1, 4.1-16, 4.1-17, 4.1-18, 4.1-19, 4.1-20, 4.1-21, 4.1-22, 4.1-23, 4.1-27, 4.1-28.
#[test]
fn the_clients_opening_handshake_is_a_valid_request_with_every_required_field() {
    let (key, _) = test_key();
    let more = client("ws://server.example.com:8080/chat?room=1").field("Cookie", "a=b");
    assert_eq!(
        request(&more),
        [
            "GET /chat?room=1 HTTP/1.1",
            "Host: server.example.com:8080",
            "Upgrade: websocket",
            "Connection: Upgrade",
            &format!("Sec-WebSocket-Key: {key}"),
            "Sec-WebSocket-Version: 13",
            "Cookie: a=b",
        ]
    );
}

#[test]
fn the_host_field_has_the_port_only_when_it_is_not_the_default() {
    for (url, host) in [
        ("ws://example.com/", "example.com"),
        ("ws://example.com:80/", "example.com"),
        ("ws://example.com:81/", "example.com:81"),
        ("ws://[::1]/", "[::1]"),
        ("ws://[::1]:81/", "[::1]:81"),
    ] {
        assert_eq!(request(&client(url))[1], format!("Host: {host}"));
    }
}

/// Proves 4.1-24, 4.1-25.
#[test]
fn the_key_is_a_fresh_random_nonce_of_16_bytes() {
    let mut keys = HashSet::new();
    for _ in 0..100 {
        let (stream, sent) = Script::new("");
        let _ = client("ws://x/").handshake(stream);
        let sent = String::from_utf8(sent.take()).unwrap();
        let key = sent.split("Sec-WebSocket-Key: ").nth(1).unwrap();
        let key = key.lines().next().unwrap().to_owned();
        assert_eq!(BASE64.decode(&key).unwrap().len(), 16);
        keys.insert(key);
    }
    assert_eq!(keys.len(), 100, "a nonce came twice");
}

/// Proves 4.1-29.
#[test]
fn only_different_tokens_can_be_offered_as_subprotocols() {
    let offer = client("ws://x/").subprotocols(&["chat", "superchat"]);
    let lines = request(&offer);
    assert!(
        lines.contains(&"Sec-WebSocket-Protocol: chat, superchat".to_owned()),
        "{lines:?}"
    );

    for wrong in [
        &[""][..],
        &["a b"],
        &["a,b"],
        &["\u{e9}"],
        &["a", "b", "a"],
        &["x;y"],
    ] {
        let names = wrong.iter().map(|&name| name.to_owned()).collect();
        let expected = Unsendable::Subprotocols(InvalidSubprotocols(names));
        assert_eq!(cannot_ask(&client("ws://x/").subprotocols(wrong)), expected);
    }
}

/// What a client cannot send. It reports that before it sends anything.
fn cannot_ask(client: &Client) -> Unsendable {
    let (result, sent) = client_against(client, &proper_response());
    assert_eq!(sent, "");
    match result {
        Err(Error::Unsendable(what)) => what,
        other => panic!("{other:?}"),
    }
}

fn invalid_field(name: &str, value: &str) -> Unsendable {
    Unsendable::Field(InvalidField {
        name: name.to_owned(),
        value: value.to_owned(),
    })
}

#[test]
fn a_field_that_would_break_the_request_is_not_sent() {
    for (name, value) in [
        ("", "x"),
        ("a b", "x"),
        ("A:", "x"),
        ("A", "x\r\nB: y"),
        ("A", "\0"),
    ] {
        assert_eq!(
            cannot_ask(&client("ws://x/").field(name, value)),
            invalid_field(name, value)
        );
    }
}

#[test]
fn a_field_of_an_application_never_comes_twice_and_promises_no_body() {
    for (name, value, instead) in [
        ("Connection", "keep-alive", "has its own"),
        ("UPGRADE", "h2c", "has its own"),
        (
            "Sec-WebSocket-Key",
            "dGhlIHNhbXBsZSBub25jZQ==",
            "has its own",
        ),
        ("sec-websocket-version", "8", "has its own"),
        ("Sec-WebSocket-Extensions", "x-mine", "has its own"),
        ("Sec-WebSocket-Anything", "x", "has its own"),
        ("Sec-WebSocket-Protocol", "chat", "Client::subprotocols"),
        ("Content-Length", "0", "no body"),
        ("Transfer-Encoding", "chunked", "no body"),
        ("trailer", "x", "no body"),
        ("Expect", "100-continue", "no body"),
        ("Host", "", "a host"),
        ("Host", "a b", "a host"),
        ("host", "a:x", "a host"),
        ("Host", "http://a/", "a host"),
    ] {
        let why = cannot_ask(&client("ws://x/").field(name, value)).to_string();
        assert!(
            why.contains(name) && why.contains(instead) && why.ends_with("(§4.1)"),
            "{why}"
        );
    }
}

#[test]
fn a_host_field_of_an_application_takes_the_place_of_ours() {
    let other = client("ws://127.0.0.1:8080/")
        .field("host", "first.example")
        .field("X", "y");
    let lines = request(&other.field("HOST", "virtual.example:81"));
    assert_eq!(lines[1], "Host: virtual.example:81");
    let hosts = lines
        .iter()
        .filter(|line| line.to_ascii_lowercase().starts_with("host:"));
    assert_eq!(hosts.count(), 1, "{lines:?}");
    assert!(lines.contains(&"X: y".to_owned()));
}

#[test]
fn a_client_reports_the_first_thing_that_it_cannot_send_and_does_not_connect() {
    // An address that would accept, so that only the field can be the reason.
    let listener = TcpListener::bind("127.6.4.57:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let first_a_field = client(&url)
        .field("Good", "1")
        .field("bad name", "2")
        .subprotocols(&["a", "a"])
        .field("Bad", "\r\n");
    let first_a_list = client(&url).subprotocols(&["a", "a"]).field("", "");
    for (client, first) in [
        (first_a_field, invalid_field("bad name", "2")),
        (
            first_a_list,
            Unsendable::Subprotocols(InvalidSubprotocols(vec!["a".into(), "a".into()])),
        ),
    ] {
        match client.connect() {
            Err(Error::Unsendable(what)) => assert_eq!(what, first),
            other => panic!("{other:?}"),
        }
        assert_eq!(cannot_ask(&client), first);
    }
    let accepted = listener.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(accepted, Err(ErrorKind::WouldBlock));
}

/// Proves 4.1-30.
#[test]
fn the_client_sends_nothing_but_the_handshake_before_the_response() {
    let (result, sent) = client_against(&client("ws://x/"), "HTTP/1.1 101 Switching");
    assert!(matches!(
        result,
        Err(Error::Handshake(HandshakeError::Ended))
    ));
    assert_eq!(sent.matches("\r\n\r\n").count(), 1);
    assert!(sent.ends_with("\r\n\r\n"));
}

/// Proves 4.1-31.
#[test]
fn a_proper_response_opens_the_connection_and_bytes_behind_it_are_frames() {
    let response = proper_response() + "\u{1}\u{2}He" + "\0\u{2}ll";
    let response = [response.as_bytes(), &[0x80, 1], b"o"].concat();
    let (stream, _) = Script::new(response);
    let mut socket = client("ws://x/")
        .config(config())
        .handshake(stream)
        .unwrap();
    assert_eq!(socket.state(), State::Open);
    assert_eq!(socket.subprotocol(), None);
    assert_eq!(socket.read().unwrap().unwrap().to_string(), "Hello");
}

#[test]
fn names_and_tokens_of_the_response_are_compared_without_case() {
    let response = with(
        &proper_response(),
        "Upgrade: websocket",
        "uPGRADE: WebSocket",
    );
    let response = with(
        &response,
        "Connection: Upgrade",
        "CONNECTION: keep-alive, , upGrade",
    );
    let response = with(
        &response,
        "Sec-WebSocket-Accept: ",
        "sec-websocket-accept:  \t",
    );
    assert!(client_against(&client("ws://x/"), &response).0.is_ok());
}

/// Proves 4.1-32.
#[test]
fn a_response_without_upgrade_websocket_fails() {
    let response = without(&proper_response(), "Upgrade");
    assert_eq!(
        client_refuses(&response),
        HandshakeError::Missing {
            field: "Upgrade",
            clause: "§4.1"
        }
    );
    // In a request, a list is fine. A response says which one protocol comes now.
    for other in [
        "Upgrade: h2c",
        "Upgrade: h2c, websocket",
        "Upgrade: websocket, h2c",
        "Upgrade: websocket\r\nUpgrade: h2c",
        "Upgrade: h2c\r\nUpgrade: websocket",
        "Upgrade: websocket/13",
        "Upgrade: websocket,",
        "Upgrade: ",
    ] {
        let response = with(&proper_response(), "Upgrade: websocket", other);
        let why = client_refuses(&response);
        assert!(
            matches!(
                why,
                HandshakeError::Wrong {
                    field: "Upgrade",
                    clause: "§4.1",
                    ..
                }
            ),
            "{why}"
        );
    }
}

/// Proves 4.1-33.
#[test]
fn a_response_without_connection_upgrade_fails() {
    let response = without(&proper_response(), "Connection");
    assert_eq!(
        client_refuses(&response),
        HandshakeError::Missing {
            field: "Connection",
            clause: "§4.1"
        }
    );
    for other in ["close", "Upgraded", "keep-alive Upgrade", ""] {
        let other = format!("Connection: {other}");
        let response = with(&proper_response(), "Connection: Upgrade", &other);
        assert!(matches!(
            client_refuses(&response),
            HandshakeError::Wrong {
                field: "Connection",
                ..
            }
        ));
    }
}

/// Proves 4.1-34.
#[test]
fn a_response_with_another_accept_than_the_keys_fails() {
    let (_, accept) = test_key();
    let response = without(&proper_response(), "Sec-WebSocket-Accept");
    assert_eq!(
        client_refuses(&response),
        HandshakeError::Missing {
            field: "Sec-WebSocket-Accept",
            clause: "§4.1"
        }
    );
    // Another's, its own in other case, cut, doubled.
    for other in [
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        &accept.to_ascii_lowercase(),
        &accept[..27],
        "",
    ] {
        let response = with(&proper_response(), &accept, other);
        let why = client_refuses(&response);
        assert!(
            matches!(
                why,
                HandshakeError::Wrong {
                    field: "Sec-WebSocket-Accept",
                    ..
                }
            ),
            "{why}"
        );
        // Both values, the one that came and the one that was expected.
        let why = why.to_string();
        assert!(
            why.contains(&format!("Accept: {other}\"")) && why.contains(&accept),
            "{why}"
        );
    }
    let response = and(
        &proper_response(),
        &format!("Sec-WebSocket-Accept: {accept}"),
    );
    assert!(matches!(
        client_refuses(&response),
        HandshakeError::Wrong {
            field: "Sec-WebSocket-Accept",
            ..
        }
    ));
}

/// Proves 4.1-35.
#[test]
fn a_response_with_an_extension_that_was_not_requested_fails() {
    let response = and(
        &proper_response(),
        "Sec-WebSocket-Extensions: permessage-deflate; x=1",
    );
    assert_eq!(
        client_refuses(&response),
        HandshakeError::NotOffered {
            field: "Sec-WebSocket-Extensions",
            value: "permessage-deflate".into()
        }
    );
}

/// Proves 4.1-36.
#[test]
fn a_response_with_a_subprotocol_that_was_not_requested_fails() {
    let response = |chosen: &str| {
        and(
            &proper_response(),
            &format!("Sec-WebSocket-Protocol: {chosen}"),
        )
    };
    let not_offered = |chosen: &str| HandshakeError::NotOffered {
        field: "Sec-WebSocket-Protocol",
        value: chosen.to_owned(),
    };
    assert_eq!(client_refuses(&response("chat")), not_offered("chat"));

    let offer = client("ws://x/").subprotocols(&["chat", "superchat"]);
    for chosen in ["chat", "superchat"] {
        let socket = client_against(&offer, &response(chosen)).0.unwrap();
        assert_eq!(socket.subprotocol(), Some(chosen));
    }
    // A subprotocol is compared as it is, and is one, not a list.
    for chosen in ["Chat", "chat, superchat", "other", ""] {
        match client_against(&offer, &response(chosen)).0 {
            Err(Error::Handshake(why)) => assert_eq!(why, not_offered(chosen)),
            other => panic!("{other:?}"),
        }
    }
    // To choose none is the server's right.
    assert_eq!(
        client_against(&offer, &proper_response())
            .0
            .unwrap()
            .subprotocol(),
        None
    );
}

/// Proves 4.1-37.
#[test]
fn a_response_that_is_no_servers_handshake_fails() {
    for response in [
        "",
        "\r\n\r\n",
        "HTTP/1.1 101",
        "HTTP/1.1 1O1 Switching\r\n\r\n",
        "HTTP/1.1 +99 x\r\n\r\n",
        "HTTP/2.0 101 Switching Protocols\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\n\n",
    ] {
        client_refuses(response);
    }
    assert!(matches!(
        client_refuses(&and(&proper_response(), "a line without a colon")),
        HandshakeError::MalformedResponse(_)
    ));
    assert!(matches!(
        client_refuses(&and(
            &proper_response(),
            &format!("X: {}", "y".repeat(33_000))
        )),
        HandshakeError::HeadTooBig {
            unit: "bytes",
            limit: 32768
        }
    ));
}

#[test]
fn another_status_is_reported_with_what_the_server_says_about_it() {
    let response = "HTTP/1.1 302 Found\r\nLocation: ws://elsewhere/\r\nContent-Length: 9\r\n\r\ngo there\nmore";
    assert_eq!(
        client_refuses(response),
        HandshakeError::Status {
            status: 302,
            reason: "Found".into(),
            location: Some("ws://elsewhere/".into()),
            follow: Some(Box::new("ws://elsewhere/".parse().unwrap())),
            retry_after: None,
            body: "go there".into(),
        }
    );
}

/// Proves 4.1-9.
#[test]
fn a_client_opens_a_direct_tcp_connection_to_the_host_and_the_port() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let size = stream.read(&mut request).unwrap();
        stream.write_all(proper_response().as_bytes()).unwrap();
        String::from_utf8(request[..size].to_vec()).unwrap()
    });
    let client = client(&format!("ws://localhost:{port}/")).config(config());
    client.connect().unwrap();
    assert!(
        server
            .join()
            .unwrap()
            .starts_with(&format!("GET / HTTP/1.1\r\nHost: localhost:{port}\r\n"))
    );
}

/// Proves 4.1-11.
#[test]
fn a_connection_that_cannot_be_opened_fails() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    match client(&format!("ws://127.0.0.1:{port}/")).connect() {
        Err(Error::Connect { to, source }) => {
            assert_eq!(to, format!("127.0.0.1:{port}"));
            assert_eq!(source.kind(), ErrorKind::ConnectionRefused);
        }
        other => panic!("{other:?}"),
    }
}

/// Proves 4.1-4, 4.1-5, 4.1-6.
#[test]
fn attempts_to_one_ip_address_are_made_one_after_the_other() {
    // An address of its own, so that no other test waits in the same line.
    let listener = TcpListener::bind("127.6.4.55:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (attempt, attempts) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            attempt.send(stream.unwrap()).unwrap();
        }
    });
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let client = client(&format!("ws://{address}/")).config(patient());
            thread::spawn(move || client.connect().map(drop))
        })
        .collect();
    for _ in 0..3 {
        let mut stream = attempts.recv().unwrap();
        // While this attempt has no response, no other is made.
        let another = attempts.recv_timeout(Duration::from_millis(100));
        assert!(another.is_err(), "two connections in the CONNECTING state");
        stream.write_all(proper_response().as_bytes()).unwrap();
        // The stream may stay open: what counts is the opening handshake.
        thread::spawn(move || rest(&mut stream));
    }
    for client in clients {
        client.join().unwrap().unwrap();
    }
}

#[test]
fn the_handshake_has_one_deadline_however_the_bytes_trickle() {
    let listener = TcpListener::bind("127.6.4.56:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // A head that does not end. Its limit in bytes is minutes away.
        stream.write_all(b"HTTP/1.1 101 Switching\r\nX: ").unwrap();
        while stream.write_all(b"y").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let config = Config {
        handshake_timeout: Duration::from_millis(200),
        ..config()
    };
    // TCP is there already, so that only the handshake can take the time.
    let stream = Tcp::from(TcpStream::connect(address).unwrap());
    match client("ws://x/").config(config).handshake(stream) {
        Err(Error::Handshake(why)) => assert_eq!(why, HandshakeError::TimedOut),
        other => panic!("{other:?}"),
    }
}

/// No test waits so long.
const PATIENCE: Duration = Duration::from_secs(600);

/// Limits that end no test on a slow machine.
fn patient() -> Config {
    within(PATIENCE)
}

fn within(limit: Duration) -> Config {
    Config {
        handshake_timeout: limit,
        ..config()
    }
}

/// A client for a host that has these IP addresses, at this port.
fn client_of(ips: &'static [&'static str], port: u16) -> Client {
    client(&format!("ws://several.example:{port}/")).resolver(|host, port| {
        assert_eq!(host, "several.example");
        let address = |ip: &&str| (ip.parse::<IpAddr>().unwrap(), port).into();
        Ok(ips.iter().map(address).collect())
    })
}

/// A server at this IP address. It opens a WebSocket for each connection.
fn good(ip: &str) -> u16 {
    let listener = TcpListener::bind((ip, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // The loser of a race sends nothing.
            if stream.read(&mut [0; 1024]).is_ok_and(|size| size > 0) {
                stream.write_all(proper_response().as_bytes()).unwrap();
                thread::spawn(move || rest(&mut stream));
            }
        }
    });
    port
}

/// An address that answers no SYN, because nobody accepts and the queue is full.
#[cfg(target_os = "linux")]
fn black_hole(ip: &str, port: u16) -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind((ip, port)).unwrap();
    let address = listener.local_addr().unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok();
    let queue: Vec<_> = std::iter::from_fn(connect).take(10_000).collect();
    assert!(connect().is_none(), "the queue never fills");
    (listener, queue)
}

#[test]
#[cfg(target_os = "linux")]
fn a_host_is_reached_although_its_first_address_is_dead() {
    let port = good("127.6.4.61");
    let _dead = black_hole("127.6.4.60", port);
    let client = client_of(&["127.6.4.60", "127.6.4.61"], port).config(patient());
    let start = Instant::now();
    client.connect().unwrap();
    client.connect_through(Ok).unwrap();
    // 250 ms each, and no share of the limit.
    assert!(start.elapsed() < PATIENCE / 4);
}

#[test]
fn a_host_is_reached_at_its_second_address_when_the_first_one_refuses_or_breaks_off() {
    let port = good("127.6.4.63");
    // Nobody listens there.
    let client = client_of(&["127.6.4.62", "127.6.4.63"], port).config(patient());
    client.connect().unwrap();
    client.connect_through(Ok).unwrap();
    // It accepts and ends TCP.
    let listener = TcpListener::bind(("127.6.4.62", port)).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().read(&mut [0; 1024]);
        }
    });
    client.connect().unwrap();
}

#[test]
fn a_first_address_that_accepts_and_is_mute_gets_half_of_the_time() {
    let port = good("127.6.4.65");
    let mute = TcpListener::bind(("127.6.4.64", port)).unwrap();
    let client = client_of(&["127.6.4.64", "127.6.4.65"], port);
    let limit = Duration::from_secs(10);
    let start = Instant::now();
    client.config(within(limit)).connect().unwrap();
    assert!(start.elapsed() >= limit / 2);
    drop(mute);
}

#[test]
fn a_server_that_refuses_with_a_status_of_4xx_speaks_for_all_addresses() {
    let port = good("127.6.4.67");
    let listener = TcpListener::bind(("127.6.4.66", port)).unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        stream.write_all(b"HTTP/1.1 403 No\r\n\r\n\n").unwrap();
    });
    // Only a slow machine would start the second one before the first one has accepted.
    let client = client_of(&["127.6.4.66", "127.6.4.67"], port).config(patient());
    match client.connect() {
        Err(Error::Handshake(HandshakeError::Status { status, .. })) => assert_eq!(status, 403),
        Ok(_) => println!("the second address was faster"),
        other => panic!("{other:?}"),
    }
    let _ = TcpStream::connect(("127.6.4.66", port));
    server.join().unwrap();
}

#[test]
fn a_host_whose_addresses_are_all_dead_is_an_error() {
    let client = client_of(&["127.6.4.68", "127.6.4.69"], 1).config(patient());
    match client.connect() {
        Err(Error::Connect { to, source }) => {
            assert_eq!(to, "several.example:1");
            assert_eq!(source.kind(), ErrorKind::ConnectionRefused);
        }
        other => panic!("{other:?}"),
    }
    let nowhere = client_of(&[], 1).connect().unwrap_err();
    assert_eq!(
        nowhere.to_string(),
        "cannot connect to several.example:1: the name has no address"
    );
}

#[test]
fn a_call_that_waited_for_a_mute_server_at_the_same_ip_address_says_so() {
    let mute = TcpListener::bind("127.6.4.70:0").unwrap();
    let address = mute.local_addr().unwrap();
    let first = client(&format!("ws://{address}/")).config(patient());
    let first = thread::spawn(move || first.connect().map(drop));
    let (stream, _) = mute.accept().unwrap();
    // Another port is the same IP address.
    let second = client("ws://127.6.4.70:1/").config(within(Duration::from_millis(300)));
    match second.connect() {
        Err(Error::Connect { source, .. }) => {
            assert_eq!(source.kind(), ErrorKind::TimedOut);
            let why = source.to_string();
            assert!(
                why.starts_with("waited ")
                    && why.contains("for another connection to 127.6.4.70 to finish"),
                "{why}"
            );
        }
        other => panic!("{other:?}"),
    }
    drop(stream);
    assert!(first.join().unwrap().is_err());
}

#[test]
fn a_call_that_had_little_time_left_after_its_wait_says_what_it_waited_for() {
    let mute = TcpListener::bind("127.6.4.71:0").unwrap();
    let url = format!("ws://{}/", mute.local_addr().unwrap());
    let first = client(&url).config(within(Duration::from_millis(1600)));
    let first = thread::spawn(move || first.connect().map(drop));
    let (stream, _) = mute.accept().unwrap();
    // It gets its turn when the first one gives up. What is left is too little for a mute server.
    let second = client(&url).config(within(Duration::from_secs(2)));
    match second.connect() {
        Err(Error::Connect { source, .. }) => {
            let why = source.to_string();
            assert!(
                why.contains("for another connection to 127.6.4.71"),
                "{why}"
            );
        }
        other => panic!("{other:?}"),
    }
    drop(stream);
    assert!(first.join().unwrap().is_err());
}

#[test]
fn the_time_to_look_a_name_up_is_inside_the_limit() {
    let (end, ends) = mpsc::channel::<()>();
    let ends = Mutex::new(ends);
    let slow = client("ws://slow.example/")
        .config(within(Duration::from_millis(200)))
        .resolver(move |_, _| {
            let _ = ends.lock().unwrap().recv_timeout(PATIENCE);
            Ok(vec![])
        });
    let start = Instant::now();
    assert_eq!(
        slow.connect().unwrap_err().to_string(),
        "cannot connect to slow.example: the look-up of the name slow.example did not end in time"
    );
    assert!(start.elapsed() < PATIENCE / 2);
    drop(end);
}
