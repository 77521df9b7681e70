//! `cargo fuzz run connection`: anything at all from the peer of an open connection.
#![no_main]

#[path = "../properties/connection.rs"]
mod connection;

libfuzzer_sys::fuzz_target!(|input: &[u8]| connection::check(input));
