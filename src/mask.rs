//! Read first: RFC 6455 §5.3, Client-to-Server Masking.
//!
//! The XOR, nothing else. Who masks is a rule of one frame (`frame.rs`), where keys come from is
//! `entropy.rs`.

/// Masks or unmasks a part of a payload in place (§5.3): byte `i` of the payload is combined with
/// byte `i MOD 4` of the key. Doing it twice gives the bytes back.
///
/// `offset` is where in the payload the first byte of `part` stands, so that a payload can be
/// unmasked piece by piece as it arrives.
pub fn mask(key: [u8; 4], offset: u64, part: &mut [u8]) {
    let mut key = key;
    key.rotate_left((offset % 4) as usize);
    // Eight bytes at a time: the key twice. The compiler makes wider steps of this loop still.
    let [a, b, c, d] = key;
    let twice = [a, b, c, d, a, b, c, d];
    let wide = u64::from_ne_bytes(twice);
    let (words, rest) = part.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(twice) {
        *byte ^= key;
    }
}
