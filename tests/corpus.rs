//! Replays the fuzzers' corpora on stable Rust: every input that was worth keeping.

#[path = "../fuzz/properties/frame_parser.rs"]
mod frame_parser;

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
fn the_corpus_of_frame_parser_holds_the_properties() {
    replay("frame_parser", frame_parser::check);
}
