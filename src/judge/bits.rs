//! RFC 6455 §5.2, Base Framing Protocol: frames of which each bit can be chosen, lawful or not.

use crate::framing::{Role, mask};

/// The opcodes that have a meaning (§11.8).
pub(super) const CONTINUATION: u8 = 0x0;
pub(super) const TEXT: u8 = 0x1;
pub(super) const BINARY: u8 = 0x2;
pub(super) const CLOSE: u8 = 0x8;
pub(super) const PING: u8 = 0x9;
pub(super) const PONG: u8 = 0xA;

/// The masking key of most frames: the one of the examples in §5.7.
const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// How the length is written.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// The shortest that the length fits in.
    Shortest,
    /// 126, and two bytes.
    Two,
    /// 127, and eight bytes.
    Eight,
}

/// Whether a frame has a mask (§5.1).
#[derive(Clone, Copy, Debug)]
enum Mask {
    /// If a client sends it, as §5.1 asks.
    Lawful([u8; 4]),
    /// Both sides send it with a mask.
    Always([u8; 4]),
    /// Both sides send it without a mask.
    Never,
}

/// A frame, which can break every rule of a header.
#[derive(Clone, Debug)]
pub(super) struct Bits {
    first: u8,
    mask: Mask,
    form: Form,
    /// The length that the header says, if it is not that of the payload.
    promised: Option<u64>,
    payload: Vec<u8>,
}

/// A whole frame, lawful as far as its opcode and its payload are.
pub(super) fn frame(opcode: u8, payload: impl AsRef<[u8]>) -> Bits {
    Bits {
        first: 0x80 | opcode,
        mask: Mask::Lawful(KEY),
        form: Form::Shortest,
        promised: None,
        payload: payload.as_ref().to_vec(),
    }
}

pub(super) fn text(payload: &str) -> Bits {
    frame(TEXT, payload)
}

pub(super) fn binary(payload: impl AsRef<[u8]>) -> Bits {
    frame(BINARY, payload)
}

pub(super) fn ping(payload: impl AsRef<[u8]>) -> Bits {
    frame(PING, payload)
}

/// A Close with this code and this reason.
pub(super) fn close(code: u16, reason: &str) -> Bits {
    frame(CLOSE, close_body(code, reason))
}

/// The body of a Close (§5.5.1).
pub(super) fn close_body(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

/// A message in fragments (§5.4).
pub(super) fn fragments<T: AsRef<[u8]>>(opcode: u8, parts: &[T]) -> Vec<Bits> {
    let last = parts.len() - 1;
    let each = parts.iter().enumerate().map(|(index, part)| {
        let opcode = if index == 0 { opcode } else { CONTINUATION };
        let frame = frame(opcode, part);
        if index < last {
            frame.unfinished()
        } else {
            frame
        }
    });
    each.collect()
}

impl Bits {
    /// FIN is 0: more fragments follow.
    pub(super) fn unfinished(mut self) -> Bits {
        self.first &= 0x7F;
        self
    }

    /// Sets reserved bits: 4 is RSV1, 2 is RSV2, 1 is RSV3.
    pub(super) fn rsv(mut self, bits: u8) -> Bits {
        self.first |= bits << 4;
        self
    }

    /// No mask, although a client sends it.
    pub(super) fn unmasked(self) -> Bits {
        let mask = Mask::Never;
        Bits { mask, ..self }
    }

    /// A mask, although a server sends it.
    pub(super) fn masked(self) -> Bits {
        let mask = Mask::Always(KEY);
        Bits { mask, ..self }
    }

    /// With this key, if a client sends it.
    pub(super) fn key(self, key: [u8; 4]) -> Bits {
        let mask = Mask::Lawful(key);
        Bits { mask, ..self }
    }

    pub(super) fn opcode(&self) -> u8 {
        self.first & 0x0F
    }

    /// The length in two bytes, even if it is short.
    pub(super) fn in_two(self) -> Bits {
        Bits {
            form: Form::Two,
            ..self
        }
    }

    /// The length in eight bytes, even if it is short.
    pub(super) fn in_eight(self) -> Bits {
        Bits {
            form: Form::Eight,
            ..self
        }
    }

    /// The header says this length.
    pub(super) fn promises(self, length: u64) -> Bits {
        Bits {
            promised: Some(length),
            ..self
        }
    }

    /// The frame as this side sends it.
    pub(super) fn bytes(&self, from: Role) -> Vec<u8> {
        let key = match (self.mask, from) {
            (Mask::Lawful(key), Role::Client) | (Mask::Always(key), _) => Some(key),
            (Mask::Lawful(_), Role::Server) | (Mask::Never, _) => None,
        };
        let length = self.promised.unwrap_or(self.payload.len() as u64);
        let mask_bit = if key.is_some() { 0x80 } else { 0 };
        let mut bytes = vec![self.first];
        match (self.form, length) {
            (Form::Shortest, 0..=125) => bytes.push(mask_bit | length as u8),
            (Form::Shortest, 126..=0xFFFF) | (Form::Two, _) => {
                bytes.push(mask_bit | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            _ => {
                bytes.push(mask_bit | 127);
                bytes.extend(length.to_be_bytes());
            }
        }
        bytes.extend(key.iter().flatten());
        let payload = bytes.len();
        bytes.extend(&self.payload);
        if let Some(key) = key {
            mask(key, 0, &mut bytes[payload..]);
        }
        bytes
    }
}

/// Frames one after the other, as this side sends them.
pub(super) fn bytes_of(frames: &[Bits], from: Role) -> Vec<u8> {
    frames.iter().flat_map(|frame| frame.bytes(from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_section_5_7_come_out_to_the_byte() {
        let hello = [
            0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
        ];
        assert_eq!(text("Hello").bytes(Role::Client), hello);
        let unmasked = [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F];
        assert_eq!(text("Hello").bytes(Role::Server), unmasked);
        let parts = fragments(TEXT, &["Hel", "lo"]);
        assert_eq!(parts[0].bytes(Role::Server), [0x01, 3, b'H', b'e', b'l']);
        assert_eq!(parts[1].bytes(Role::Server), [0x80, 2, b'l', b'o']);
        assert_eq!(
            binary([0; 256]).bytes(Role::Server)[..4],
            [0x82, 0x7E, 1, 0]
        );
        let long = binary([0; 65536]).bytes(Role::Server);
        assert_eq!(long[..10], [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(
            text("a").rsv(0b101).in_two().bytes(Role::Server),
            [0xD1, 126, 0, 1, b'a']
        );
    }
}
