//! §9.1, Negotiating Extensions, and §4.3.

use crate::kit::*;
use rfc6455::HandshakeError;
use rfc6455::opening::{Extension, Fields, name, parse_extensions};

fn parsed(lines: &[&str]) -> Result<Vec<Extension>, String> {
    let mut fields = Fields::default();
    for line in lines {
        fields.push(name::EXTENSIONS, line);
    }
    parse_extensions(&fields).map_err(str::to_owned)
}

fn extension(name: &str, parameters: &[(&str, Option<&str>)]) -> Extension {
    let owned = |&(name, value): &(&str, Option<&str>)| (name.to_owned(), value.map(str::to_owned));
    Extension {
        name: name.to_owned(),
        parameters: parameters.iter().map(owned).collect(),
    }
}

/// Proves 9.1-2.
#[test]
fn extensions_are_read_by_their_grammar() {
    let deflate = extension(
        "permessage-deflate",
        &[
            ("client_max_window_bits", None),
            ("server_max_window_bits", Some("10")),
        ],
    );
    for line in [
        "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
        "permessage-deflate;client_max_window_bits;server_max_window_bits=10",
        "permessage-deflate ; client_max_window_bits\t; server_max_window_bits = \"10\"",
        ",, permessage-deflate; client_max_window_bits; server_max_window_bits=\"1\\0\" ,",
    ] {
        assert_eq!(parsed(&[line]), Ok(vec![deflate.clone()]), "{line}");
    }
    assert_eq!(parsed(&[]), Ok(vec![]));
    assert_eq!(
        parsed(&["a, b"]),
        Ok(vec![extension("a", &[]), extension("b", &[])])
    );
}

/// Proves 9.1-3.
#[test]
fn several_lines_are_the_same_as_one_list() {
    assert_eq!(parsed(&["foo", "bar; baz=2"]), parsed(&["foo, bar; baz=2"]));
}

/// Proves 4.3-1.
#[test]
fn a_quoted_value_must_be_a_token_once_it_is_unquoted() {
    assert_eq!(
        parsed(&["a; b=\"c\\d\""]),
        Ok(vec![extension("a", &[("b", Some("cd"))])])
    );
    for line in [
        "a; b=\"\"",
        "a; b=\"c d\"",
        "a; b=\"c,d\"",
        "a; b=\"c\\\"d\"",
        "a; b=\" c\"",
    ] {
        assert_eq!(parsed(&[line]), Err(line.to_owned()));
    }
}

/// Proves 9.1-1.
#[test]
fn a_malformed_list_of_extensions_fails_the_handshake_on_both_sides() {
    for line in [
        "",
        ",",
        " , ,",
        ";",
        "a;",
        "a; ;b",
        "a b",
        "a; b=",
        "a; b==c",
        "a; =c",
        "=",
        "a=b",
        "a; b=\"c",
        "a; b=\"c\\",
        "a; b=\"c\"d",
        "\"a\"",
        "a/b",
        "a, (b)",
        "\u{e9}",
    ] {
        assert_eq!(parsed(&[line]), Err(line.to_owned()));
        // A good line does not make up for a bad one.
        assert!(parsed(&["good", line]).is_err());

        let field = format!("Sec-WebSocket-Extensions: {line}");
        for why in [
            server_refuses(&and(PROPER_REQUEST, &field)),
            client_refuses(&and(&proper_response(), &field)),
        ] {
            let HandshakeError::Wrong { field, clause, .. } = why else {
                panic!("{line}: {why}");
            };
            assert_eq!((field, clause), ("Sec-WebSocket-Extensions", "§9.1"));
        }
    }
}

/// A grammar that is read by trying alternatives takes time that grows with the square of these, or
/// worse; each has brought an implementation down.
#[test]
fn lists_built_to_backtrack_are_read_in_one_pass() {
    let spaces = " ".repeat(1 << 20);
    assert!(parsed(&[&format!("a{spaces}b")]).is_err());
    assert!(parsed(&[&format!("a;{spaces}b={spaces}\"")]).is_err());
    assert!(parsed(&[&format!("a; b=\"{}", "\\\"".repeat(1 << 20))]).is_err());
    assert_eq!(parsed(&[&"a,".repeat(1 << 18)]).unwrap().len(), 1 << 18);
    assert!(parsed(&[&",".repeat(1 << 20)]).is_err());
}
