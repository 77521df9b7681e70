//! What a decoder has received and not handed on, as bytes that another decoder can go on with.
//!
//! A connection needs it only when it is given away open.

use super::decoder::MessageDecoder;
use super::frame::{Frame, Header, OpCode, Role};
use super::mask::mask;

impl MessageDecoder {
    /// The bytes behind the last message, so that another decoder can go on with them. They begin
    /// with the unfinished message, if there is one. What was collected of it has become one
    /// fragment.
    pub(crate) fn unread(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let key = (self.receiver == Role::Server).then_some([0; 4]);
        let collected = self.collected.to_bytes();
        if let Some(kind) = self.sequence.unfinished()
            && !collected.is_empty()
        {
            let fragment = Frame {
                fin: false,
                rsv1: false,
                opcode: kind.opcode(),
                mask: key,
                payload: &collected,
            };
            fragment.encode(&mut bytes);
        }
        let unread = self.buffer.unread();
        match &self.frame {
            Some(frame) if frame.is_collected => {
                let rest = Header {
                    length: frame.missing() as u64,
                    mask: frame.header.mask.map(|key| rotated(key, frame.arrived)),
                    opcode: match collected.is_empty() {
                        true => frame.header.opcode,
                        false => OpCode::Continuation,
                    },
                    ..frame.header
                };
                rest.encode(&mut bytes);
                bytes.extend_from_slice(unread);
            }
            Some(frame) => {
                frame.header.encode(&mut bytes);
                let start = bytes.len();
                bytes.extend_from_slice(unread);
                // The arrived part of a payload was unmasked in place.
                if let Some(key) = frame.header.mask {
                    mask(key, 0, &mut bytes[start..start + frame.arrived]);
                }
            }
            None => bytes.extend_from_slice(unread),
        }
        bytes
    }
}

/// The masking key for the part of a payload that begins at this byte of it (§5.3).
fn rotated(mut key: [u8; 4], at: usize) -> [u8; 4] {
    key.rotate_left(at % 4);
    key
}
