//! Bytes as they are on the wire, written by hand. So no measured library makes
//! the load.

/// A frame as a client sends it. The key is fixed: masking costs the same with any.
pub fn masked_frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = header(first_byte, 0x80, payload.len());
    frame.extend(KEY);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(p, k)| p ^ k));
    frame
}

/// A whole text message as a server sends it.
pub fn plain_text(payload: &[u8]) -> Vec<u8> {
    plain_frame(WHOLE_TEXT, payload)
}

/// A frame as a server sends it.
pub fn plain_frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first_byte, 0, payload.len());
    frame.extend(payload);
    frame
}

/// The first byte of a frame: FIN and the opcode.
pub const WHOLE_TEXT: u8 = 0x81;
/// RSV1, in the first byte of a compressed message.
pub const COMPRESSED_BIT: u8 = 0x40;
pub const WHOLE_BINARY: u8 = 0x82;
pub const FIRST_OF_TEXT: u8 = 0x01;
pub const MIDDLE: u8 = 0x00;
pub const LAST: u8 = 0x80;

/// `mask_bit` is 0x80 in a frame of a client.
pub fn header(first_byte: u8, mask_bit: u8, length: usize) -> Vec<u8> {
    let mut header = vec![first_byte];
    match length {
        0..=125 => header.push(mask_bit | length as u8),
        126..=0xffff => {
            header.push(mask_bit | 126);
            header.extend((length as u16).to_be_bytes());
        }
        _ => {
            header.push(mask_bit | 127);
            header.extend((length as u64).to_be_bytes());
        }
    }
    header
}
