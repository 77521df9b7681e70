//! Replays the fuzzers' corpora on stable Rust: every input that was worth keeping. (Not that of
//! `differential`, which needs another library: `cargo fuzz run differential -- -runs=0`.)

#[path = "../fuzz/properties/connection.rs"]
mod connection;
#[path = "../fuzz/properties/deflate.rs"]
mod deflate;
#[path = "../fuzz/properties/frame_parser.rs"]
mod frame_parser;
#[path = "../fuzz/properties/handshake.rs"]
mod handshake;

use std::fs;
use std::path::Path;

fn replay(target: &str, check: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut inputs = 0;
    for entry in fs::read_dir(&corpus).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display()); // Shown if the check panics.
        check(&fs::read(path).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0, "no corpus in {}", corpus.display());
}

#[test]
fn the_corpus_of_deflate_holds_the_properties() {
    replay("deflate", deflate::check);
}

#[test]
fn the_corpus_of_frame_parser_holds_the_properties() {
    replay("frame_parser", frame_parser::check);
}

#[test]
fn the_corpus_of_connection_holds_the_properties() {
    replay("connection", connection::check);
}

#[test]
fn the_corpus_of_handshake_holds_the_properties() {
    replay("handshake", handshake::check);
}
