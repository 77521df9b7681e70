//! RFC 6455 §1.3: the key of the opening handshake, and the accept value that answers it.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, PAD, STANDARD as BASE64};
use sha1_smol::Sha1;

/// The text that §1.3 appends to the key. A server that answers with the hash of both knows
/// WebSocket; other software does not answer so.
pub const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The Sec-WebSocket-Accept for a Sec-WebSocket-Key (§4.2.2): the text of the key, then the GUID,
/// hashed with SHA-1, in base64.
///
/// ```
/// let accept = rfc6455::opening::accept_for("dGhlIHNhbXBsZSBub25jZQ==");
/// assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[must_use]
pub fn accept_for(key: &str) -> String {
    BASE64.encode(accept_hash(key))
}

/// The SHA-1 hash of the key and the GUID: the step before base64.
#[must_use]
pub fn accept_hash(key: &str) -> [u8; 20] {
    Sha1::from(format!("{key}{GUID}")).digest().bytes()
}

/// The Sec-WebSocket-Key for a nonce (§4.1): "a randomly selected 16-byte value that has
/// been base64-encoded".
#[must_use]
pub fn key_for(nonce: [u8; 16]) -> String {
    BASE64.encode(nonce)
}

/// Whether a Sec-WebSocket-Key has the right form (§4.2.1): base64 of 16 bytes.
///
/// The last character has four bits that no byte uses. They may be 1: §4.1 has such a key as its
/// example, `AQIDBAUGBwgJCgsMDQ4PEC==`.
#[must_use]
pub fn is_key(key: &str) -> bool {
    const ANY_UNUSED_BITS: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        PAD.with_decode_allow_trailing_bits(true),
    );
    matches!(ANY_UNUSED_BITS.decode(key), Ok(nonce) if nonce.len() == 16)
}
