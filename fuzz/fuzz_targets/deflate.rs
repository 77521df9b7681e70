//! `cargo fuzz run deflate`: any bytes at all into the inflater, beside zlib, and through the
//! compressor and back.
#![no_main]

#[path = "../properties/deflate.rs"]
mod deflate;

libfuzzer_sys::fuzz_target!(|input: &[u8]| deflate::check(input));
