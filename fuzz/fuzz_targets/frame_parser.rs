//! `cargo fuzz run frame_parser`: any bytes at all into the frame parser.
#![no_main]

#[path = "../properties/frame_parser.rs"]
mod frame_parser;

libfuzzer_sys::fuzz_target!(|input: &[u8]| frame_parser::check(input));
