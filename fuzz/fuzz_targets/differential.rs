//! `cargo fuzz run differential`: the same bytes to this library and to another one, tungstenite.
#![no_main]

#[path = "../properties/differential.rs"]
mod differential;

libfuzzer_sys::fuzz_target!(|input: &[u8]| differential::check(input));
