//! The house holds: a file imports only files of lower floors, and sockets begin at `stream.rs`.

use std::fs;
use std::path::Path;

/// Every file of the library, from the bottom up. Files on one floor do not know each other.
const FLOORS: &[&[&str]] = &[
    &["mask", "entropy", "buffer", "printable", "origin"],
    &["config", "close", "backoff"],
    &["error"],
    &["frame"],
    &["message", "http"],
    &["extension"],
    &["handshake"],
    &["observe"],
    &["render"],
    &["stream", "turn", "console"],
    &["writer", "trace"],
    &["pieces", "sender", "registry"],
    &["connection"],
    &["client", "request"],
    &["server"],
];

/// Where sockets begin; below are bytes only.
const FIRST_WITH_SOCKETS: &str = "stream";

fn source(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/{file}.rs"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn floor_of(file: &str) -> usize {
    FLOORS
        .iter()
        .position(|floor| floor.contains(&file))
        .unwrap_or_else(|| panic!("src/{file}.rs stands on no floor"))
}

/// The names behind every `crate::` in code; prose in comments may point anywhere.
fn imports(source: &str) -> Vec<&str> {
    source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            &rest[..end.unwrap_or(rest.len())]
        })
        .collect()
}

#[test]
fn every_file_of_the_library_stands_on_a_floor() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<String> = fs::read_dir(src)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
        .filter(|name| name != "lib")
        .collect();
    let mut listed: Vec<&str> = FLOORS.concat();
    files.sort();
    listed.sort();
    assert_eq!(files, listed);
}

#[test]
fn a_file_imports_only_files_of_lower_floors() {
    for file in FLOORS.concat() {
        for import in imports(&source(file)) {
            assert!(
                floor_of(import) < floor_of(file),
                "src/{file}.rs imports {import}, which is not below it"
            );
        }
    }
}

#[test]
fn sockets_begin_at_their_floor() {
    for file in FLOORS[..floor_of(FIRST_WITH_SOCKETS)].concat() {
        let source = source(file);
        let code = source
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            assert!(!line.contains("std::net"), "src/{file}.rs: {line}");
        }
    }
}

#[test]
fn the_check_sees_an_import_upwards() {
    assert_eq!(
        imports("//! crate::server\nuse crate::frame::Header;\nlet x = crate::mask(1);"),
        ["frame", "mask"]
    );
}
