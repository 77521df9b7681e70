//! Conversations of programs that nobody here wrote, recorded once, and what the observer says of
//! them.
//!
//! `tests/conversations/NAME.txt` is what passed: a line is what one side sent at a time, `>` the
//! client and `<` the server; an empty line is the end of TCP. `NAME.trace` is the account. To write
//! the accounts anew, and then to read the differences:
//!
//! ```text
//! WRITE_TRACES=1 cargo test --test wire conversations
//! ```

use rfc6455::Role;
use rfc6455::trace::{Observer, Renderer};
use std::fs;
use std::path::{Path, PathBuf};

/// The name and what passed.
type Conversation = (PathBuf, Vec<(Role, Vec<u8>)>);

fn conversations() -> Vec<Conversation> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conversations");
    let files = fs::read_dir(folder).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let mut recorded: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .collect();
    recorded.sort();
    let parsed = recorded.into_iter().map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let parts = lines.map(|line| match line.split_at(1) {
            (">", bytes) => (Role::Client, unescaped(bytes)),
            ("<", bytes) => (Role::Server, unescaped(bytes)),
            _ => panic!("{}: {line}", path.display()),
        });
        let parts = parts.collect();
        (path, parts)
    });
    parsed.collect()
}

/// The bytes of a line, behind its first space. An escape is one of Python's.
fn unescaped(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.strip_prefix(' ').unwrap_or(line).as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        if first != b'\\' {
            bytes.push(first);
            continue;
        }
        let (&kind, behind) = rest.split_first().unwrap();
        rest = behind;
        bytes.push(match kind {
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            b'x' => {
                let (digits, behind) = rest.split_at(2);
                rest = behind;
                u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    bytes
}

/// The account of a conversation whose parts arrive in pieces of `size` bytes.
fn account(parts: &[(Role, Vec<u8>)], size: usize) -> String {
    let mut observer = Observer::new();
    let renderer = Renderer { colour: false };
    let mut text = String::new();
    for (from, bytes) in parts {
        match bytes.is_empty() {
            true => observer.feed_eof(*from),
            false => bytes
                .chunks(size)
                .for_each(|piece| observer.feed(*from, piece)),
        }
        while let Some(event) = observer.next_event() {
            text += &renderer.render("", &event);
        }
    }
    text
}

#[test]
fn the_account_of_a_recorded_conversation_is_the_one_beside_it() {
    let conversations = conversations();
    assert!(conversations.len() >= 17);
    for (path, parts) in conversations {
        let trace = path.with_extension("trace");
        let account = account(&parts, usize::MAX);
        if std::env::var_os("WRITE_TRACES").is_some() {
            fs::write(&trace, &account).unwrap();
        }
        let expected = fs::read_to_string(&trace).unwrap_or_default();
        assert_eq!(account, expected, "{}", path.display());
    }
}

#[test]
fn nobody_is_accused_however_the_bytes_arrive() {
    for (path, parts) in conversations() {
        let whole = account(&parts, usize::MAX);
        for size in [1, 2, 3, 7, 100] {
            assert_eq!(account(&parts, size), whole, "{} by {size}", path.display());
        }
        assert!(!whole.contains("VIOLATION"), "{}\n{whole}", path.display());
    }
}
