//! §3, WebSocket URIs.

use rfc6455::opening::Url;
use rfc6455::{Client, Error, UrlError};

fn url(text: &str) -> Result<(String, u16, String), UrlError> {
    let url: Url = text.parse()?;
    Ok((url.host, url.port, url.resource))
}

fn ok(host: &str, port: u16, resource: &str) -> Result<(String, u16, String), UrlError> {
    Ok((host.to_owned(), port, resource.to_owned()))
}

#[test]
fn a_wss_url_is_secure_and_has_another_default_port() {
    for (text, secure, port, authority) in [
        ("ws://x", false, 80, "x"),
        ("ws://x:443", false, 443, "x:443"),
        ("wss://x", true, 443, "x"),
        ("WSS://x:443/", true, 443, "x"),
        ("wss://x:80", true, 80, "x:80"),
        ("wss://[::1]/", true, 443, "[::1]"),
    ] {
        let url: Url = text.parse().unwrap();
        assert_eq!(
            (url.secure, url.port, &url.authority()[..]),
            (secure, port, authority)
        );
    }
    let client = Client::new("wss://x/").unwrap();
    assert!(matches!(client.connect(), Err(Error::Url(UrlError::Tls))));
}

#[test]
fn a_url_has_a_host_a_port_and_a_resource_name() {
    assert_eq!(url("ws://example.com"), ok("example.com", 80, "/"));
    assert_eq!(url("ws://example.com/chat"), ok("example.com", 80, "/chat"));
    assert_eq!(
        url("ws://example.com:8080/a/b?c=d&e"),
        ok("example.com", 8080, "/a/b?c=d&e")
    );
    assert_eq!(url("ws://example.com?q"), ok("example.com", 80, "/?q"));
    assert_eq!(url("WS://EXAMPLE.com:/"), ok("EXAMPLE.com", 80, "/"));
    assert_eq!(url("ws://127.0.0.1:1"), ok("127.0.0.1", 1, "/"));
    assert_eq!(url("ws://[::1]"), ok("::1", 80, "/"));
    assert_eq!(
        url("ws://[2001:db8::1]:65535/x"),
        ok("2001:db8::1", 65535, "/x")
    );
}

/// Proves 3-1.
#[test]
fn a_fragment_is_refused() {
    assert_eq!(
        url("ws://x/chat#top"),
        Err(UrlError::Fragment("#top".into()))
    );
    assert_eq!(url("ws://x#"), Err(UrlError::Fragment("#".into())));
}

/// Proves 3-2.
#[test]
fn an_escaped_number_sign_is_part_of_the_resource_name() {
    assert_eq!(url("ws://x/C%23?in=%23"), ok("x", 80, "/C%23?in=%23"));
}

/// Proves 4.1-2, 4.1-3.
#[test]
fn a_client_refuses_a_url_with_an_invalid_component_before_it_connects() {
    for (text, error) in [
        ("", UrlError::Scheme("".into())),
        ("example.com", UrlError::Scheme("example.com".into())),
        (
            "http://example.com/",
            UrlError::Scheme("http://example.com/".into()),
        ),
        ("ws://", UrlError::Host("".into())),
        ("ws:///chat", UrlError::Host("".into())),
        ("ws://:80/", UrlError::Host(":80".into())),
        ("ws://a_b\"c/", UrlError::Character('"')),
        ("ws://::1/", UrlError::Host("::1".into())),
        ("ws://[::1", UrlError::Host("[::1".into())),
        ("ws://[1.2.3.4]/", UrlError::Host("[1.2.3.4]".into())),
        ("ws://[::1]x/", UrlError::Host("[::1]x".into())),
        ("ws://x:0/", UrlError::Port("0".into())),
        ("ws://x:65536/", UrlError::Port("65536".into())),
        ("ws://x:+80/", UrlError::Port("+80".into())),
        ("ws://x:8o/", UrlError::Port("8o".into())),
        ("ws://user:secret@x/", UrlError::UserInfo),
        ("ws://%zz/", UrlError::Host("%zz".into())),
        ("ws://x/<a>", UrlError::Character('<')),
        ("ws://x/a b", UrlError::Character(' ')),
        ("ws://x/\u{e9}", UrlError::Character('\u{e9}')),
        ("ws://x/\r\nHost: y", UrlError::Character('\r')),
    ] {
        assert_eq!(url(text), Err(error.clone()), "{text}");
        assert!(error.to_string().ends_with("(§3)"), "{error}");
        assert!(matches!(Client::new(text), Err(Error::Url(_))), "{text}");
    }
}

#[test]
fn the_error_of_an_unusual_url_says_what_to_do() {
    for (text, error, says) in [
        (
            "ws://m\u{fc}ller.example/",
            UrlError::UnicodeHost("m\u{fc}ller.example".into()),
            "xn--",
        ),
        (
            "ws://\u{4f8b}\u{3048}.jp:81/a",
            UrlError::UnicodeHost("\u{4f8b}\u{3048}.jp:81".into()),
            "xn--",
        ),
        (
            "ws://\u{202e}x",
            UrlError::UnicodeHost("\u{202e}x".into()),
            "xn--",
        ),
        (
            "ws://[fe80::1%25eth0]/",
            UrlError::Zone("[fe80::1%25eth0]".into()),
            "Client::resolver",
        ),
        (
            "ws://[fe80::1%eth0]:81/",
            UrlError::Zone("[fe80::1%eth0]:81".into()),
            "Client::resolver",
        ),
        (
            "ws://fe80::1%1/",
            UrlError::Zone("fe80::1%1".into()),
            "Client::resolver",
        ),
        ("ws://::1/", UrlError::Host("::1".into()), "brackets"),
        (
            "ws://2001:db8::1:81/",
            UrlError::Host("2001:db8::1:81".into()),
            "brackets",
        ),
        (
            "ws://x/caf\u{e9}",
            UrlError::Character('\u{e9}'),
            "percent-encoded",
        ),
        ("http://x/", UrlError::Scheme("http://x/".into()), "ws://"),
    ] {
        assert_eq!(url(text), Err(error.clone()), "{text}");
        let why = error.to_string();
        assert!(why.contains(says), "{why}");
    }
    let tls = UrlError::Tls.to_string();
    assert!(
        tls.contains("Client::connect_through") && tls.contains("tunnel"),
        "{tls}"
    );
    // The ASCII form is a name as any other.
    assert_eq!(
        url("ws://xn--mller-kva.example/"),
        ok("xn--mller-kva.example", 80, "/")
    );
}

#[test]
fn a_url_is_written_as_it_was_read() {
    for text in ["ws://x/", "wss://x:80/a?b", "ws://[::1]:81/", "ws://x/?a"] {
        let url: Url = text.parse().unwrap();
        assert_eq!(url.to_string(), text);
    }
}
