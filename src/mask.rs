//! Read first: RFC 6455 §5.3, Client-to-Server Masking.
//!
//! The XOR, nothing else. Who masks is a rule of one frame (`frame.rs`), where keys come from is
//! `entropy.rs`.

/// Masks or unmasks a part of a payload in place (§5.3): byte `i` of the payload is combined with
/// byte `i MOD 4` of the key. Doing it twice gives the bytes back.
///
/// `offset` is where in the payload the first byte of `part` stands, so that a payload can be
/// unmasked piece by piece as it arrives.
#[inline]
pub fn mask(key: [u8; 4], offset: u64, part: &mut [u8]) {
    // As a number with the first byte lowest, so that turning it is one instruction.
    let key = u32::from_le_bytes(key).rotate_right(8 * (offset % 4) as u32);
    // Four bytes at a time, of which the compiler makes wider steps; then the rest.
    let (fours, rest) = part.as_chunks_mut::<4>();
    for four in fours {
        *four = (u32::from_le_bytes(*four) ^ key).to_le_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.to_le_bytes()) {
        *byte ^= key;
    }
}
