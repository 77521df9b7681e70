//! §1.3, Opening Handshake: the idea, with its example.

use rfc6455::opening::{accept_for, key_for};

#[test]
fn the_accept_of_the_example_comes_out_to_the_byte() {
    assert_eq!(
        accept_for("dGhlIHNhbXBsZSBub25jZQ=="),
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
}

#[test]
fn the_key_is_the_nonce_in_base64() {
    assert_eq!(key_for(*b"the sample nonce"), "dGhlIHNhbXBsZSBub25jZQ==");
    let nonce = std::array::from_fn(|i| i as u8 + 1);
    assert_eq!(key_for(nonce), "AQIDBAUGBwgJCgsMDQ4PEA==");
}
