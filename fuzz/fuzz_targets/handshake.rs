//! `cargo fuzz run handshake`: anything at all in place of an opening handshake.
#![no_main]

#[path = "../properties/handshake.rs"]
mod handshake;

libfuzzer_sys::fuzz_target!(|input: &[u8]| handshake::check(input));
