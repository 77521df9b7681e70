//! The examples, started as a reader starts them.

#[path = "kit/programs.rs"]
mod programs;

use programs::example;
use rfc6455::CloseCode;

/// The example `client` says hello to a server.
fn say_hello(url: &str) {
    let (code, lines, errors) = example("client", &[url]).finish();
    assert_eq!((code, errors), (Some(0), vec![]));
    assert_eq!(
        lines,
        [
            "Hello",
            "closed by us with 1000 (normal closure): that is all"
        ]
    );
}

#[test]
fn the_echo_server_answers_the_client() {
    let server = example("echo_server", &["127.0.0.1:0"]);
    say_hello(&server.line());
}

#[test]
fn the_listener_loop_answers_each_client_in_its_own_thread() {
    let server = example("listener_loop", &["127.0.0.1:0"]);
    let url = server.line();
    let _silent = rfc6455::connect(&url).unwrap();
    say_hello(&url);
    let elsewhere = rfc6455::connect(&format!("{url}elsewhere")).unwrap_err();
    assert!(elsewhere.to_string().contains("404"), "{elsewhere}");
}

#[test]
fn the_chat_refuses_a_binary_message() {
    let server = example("chat", &["localhost:0"]);
    let url = server.line().replace("http", "ws") + "chat";
    for is_name in [true, false] {
        let mut member = rfc6455::connect(&url).unwrap();
        if !is_name {
            member.send("Anna").unwrap();
            let joined = member.read().unwrap().unwrap();
            assert_eq!(joined.as_text(), Some("Anna joined"));
        }
        member.send(b"\x01\x02").unwrap();
        assert_eq!(member.read().unwrap(), None);
        let closed = member.closed().unwrap();
        assert_eq!(closed.code(), CloseCode::UNSUPPORTED_DATA);
        assert_eq!(closed.reason(), "this room takes only text");
    }
}
