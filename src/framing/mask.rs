//! RFC 6455 §5.3, Client-to-Server Masking: the XOR.
//!
//! Which side masks is a rule about one frame (`frame.rs`). Where the keys come from is
//! `connection/entropy.rs`.

/// Masks or unmasks a part of a payload in place (§5.3). Byte `i` of the payload is XORed with byte
/// `i MOD 4` of the key. To do it twice gives the first bytes back.
///
/// `offset` is the place of the part's first byte in the payload. With it, a payload can be
/// unmasked piece by piece as it arrives.
#[inline]
pub fn mask(key: [u8; 4], offset: u64, part: &mut [u8]) {
    // The key as a number, with the first byte lowest: one instruction rotates it.
    let key = u32::from_le_bytes(key).rotate_right(8 * (offset % 4) as u32);
    // Four bytes at a time. The compiler turns this loop into wider steps.
    let (fours, rest) = part.as_chunks_mut::<4>();
    for four in fours {
        *four = (u32::from_le_bytes(*four) ^ key).to_le_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.to_le_bytes()) {
        *byte ^= key;
    }
}
