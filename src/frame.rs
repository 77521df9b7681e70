//! Read first: RFC 6455 §5.2, Base Framing Protocol (the diagram), and §5.5, Control Frames.
//!
//! The header of one frame: bytes to [`Header`] and back, and every rule that can be judged from
//! the header alone. What frames mean one after the other is `message.rs`.
//!
//! ```text
//!  byte 0              byte 1                then, if the length says so   then, if MASK is set
//! +-+-+-+-+---------+ +-+-----------------+ +----------------------------+ +-------------------+
//! |F|R|R|R| opcode  | |M| payload length  | | 126: 16 bits of length     | | masking key       |
//! |I|S|S|S| (4 bits)| |A| (7 bits)        | | 127: 64 bits of length     | | (4 bytes)         |
//! |N|V|V|V|         | |S| 0-125, 126, 127 | +----------------------------+ +-------------------+
//! | |1|2|3|         | |K|                 |
//! +-+-+-+-+---------+ +-+-----------------+
//! ```

use crate::error::Violation;
use crate::mask::mask;

/// What a frame is (§5.2, §11.8). The other ten values of the four bits are reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OpCode {
    /// More of the message that an earlier Text or Binary frame began (§5.4).
    Continuation = 0x0,
    /// The first frame of a text message (§5.6).
    Text = 0x1,
    /// The first frame of a binary message (§5.6).
    Binary = 0x2,
    /// The closing handshake (§5.5.1).
    Close = 0x8,
    /// "Are you there?" (§5.5.2).
    Ping = 0x9,
    /// The answer to a Ping, or a sign of life unasked (§5.5.3).
    Pong = 0xA,
}

impl OpCode {
    /// Reads the four bits.
    ///
    /// # Errors
    /// §5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket
    /// Connection_."
    pub fn decode(bits: u8) -> Result<OpCode, Violation> {
        Ok(match bits {
            0x0 => OpCode::Continuation,
            0x1 => OpCode::Text,
            0x2 => OpCode::Binary,
            0x8 => OpCode::Close,
            0x9 => OpCode::Ping,
            0xA => OpCode::Pong,
            reserved => return Err(Violation::ReservedOpcode(reserved)),
        })
    }

    /// Writes the four bits.
    #[must_use]
    pub fn encode(self) -> u8 {
        self as u8
    }

    /// Close, Ping and Pong: never fragmented, 125 bytes at most, allowed between the fragments
    /// of a message (§5.5).
    #[must_use]
    pub fn is_control(self) -> bool {
        self.encode() & 0x8 != 0
    }
}

/// Which end of the connection an endpoint is. The two differ in who masks (§5.1) and in who ends
/// TCP (§7.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Connects, masks, waits for the server to end TCP.
    Client,
    /// Accepts, never masks, ends TCP first.
    Server,
}

/// The header of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The last fragment of its message; an unfragmented message is its own last fragment.
    pub fin: bool,
    /// What the frame is.
    pub opcode: OpCode,
    /// The masking key, if the payload is masked.
    pub mask: Option<[u8; 4]>,
    /// Bytes of payload behind the header; at most 2⁶³−1.
    pub length: u64,
}

pub(crate) const FIN: u8 = 0b1000_0000;
pub(crate) const RSV: u8 = 0b0111_0000;
pub(crate) const OPCODE: u8 = 0b0000_1111;
pub(crate) const MASK: u8 = 0b1000_0000;
pub(crate) const LENGTH: u8 = 0b0111_1111;

/// The longest payload of the 7-bit length, and of a control frame (§5.5).
pub const MAX_CONTROL: usize = 125;

impl Header {
    /// Reads the header at the front of `bytes`, and says how many bytes it takes; the payload
    /// starts there. `None`: more bytes, please. What the header alone can break is checked
    /// at the first byte that can break it; who masks, and what may follow what, once it is whole:
    /// all of it before the payload is sent.
    ///
    /// # Errors
    /// Reserved bits and opcodes, fragmented or long control frames, lengths that are not in the
    /// shortest form (§5.2, §5.5).
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Option<(Header, usize)>, Violation> {
        let Some(&first) = bytes.first() else {
            return Ok(None);
        };
        // §5.2: "MUST be 0 unless an extension is negotiated that defines meanings for non-zero
        // values." None is, here.
        if first & RSV != 0 {
            return Err(Violation::ReservedBits((first & RSV) >> 4));
        }
        let fin = first & FIN != 0;
        let opcode = OpCode::decode(first & OPCODE)?;
        // §5.5: "All control frames [...] MUST NOT be fragmented."
        if opcode.is_control() && !fin {
            return Err(Violation::FragmentedControl(opcode.encode()));
        }

        let Some(&second) = bytes.get(1) else {
            return Ok(None);
        };
        let short = second & LENGTH;
        // §5.5: "All control frames MUST have a payload length of 125 bytes or less".
        if opcode.is_control() && usize::from(short) > MAX_CONTROL {
            return Err(Violation::LongControl(opcode.encode()));
        }
        let rest = &bytes[2..];
        let Some((length, rest)) = decode_length(short, rest)? else {
            return Ok(None);
        };

        let (mask, rest) = if second & MASK == 0 {
            (None, rest)
        } else if let Some((key, rest)) = rest.split_first_chunk::<4>() {
            (Some(*key), rest)
        } else {
            return Ok(None);
        };
        let header = Header {
            fin,
            opcode,
            mask,
            length,
        };
        Ok(Some((header, bytes.len() - rest.len())))
    }

    /// Writes the header: the mirror image of [`Header::decode`], always in the shortest form.
    // Always inlined, like `encode_frame`: an echo of 64 bytes takes 8 % less time.
    #[inline(always)]
    pub fn encode(&self, out: &mut Vec<u8>) {
        let fin = if self.fin { FIN } else { 0 };
        let mask = if self.mask.is_some() { MASK } else { 0 };
        let first = fin | self.opcode.encode();
        match self.length {
            0..=125 => out.extend_from_slice(&[first, mask | self.length as u8]),
            126..=0xFFFF => {
                let [a, b] = (self.length as u16).to_be_bytes();
                out.extend_from_slice(&[first, mask | 126, a, b]);
            }
            _ => {
                out.extend_from_slice(&[first, mask | 127]);
                out.extend_from_slice(&self.length.to_be_bytes());
            }
        }
        if let Some(key) = self.mask {
            out.extend_from_slice(&key);
        }
    }

    /// Who masks (§5.1): "The server MUST close the connection upon receiving a frame that is not
    /// masked." "A client MUST close a connection if it detects a masked frame."
    ///
    /// # Errors
    /// The frame has a mask and must not, or the other way round.
    #[inline]
    pub fn check_received_by(&self, receiver: Role) -> Result<(), Violation> {
        match (receiver, self.mask) {
            (Role::Server, None) => Err(Violation::Unmasked),
            (Role::Client, Some(_)) => Err(Violation::Masked),
            (Role::Server, Some(_)) | (Role::Client, None) => Ok(()),
        }
    }
}

/// The length behind the 7 bits (§5.2): "the minimal number of bytes MUST be used to encode the
/// length", and of 64 bits "the most significant bit MUST be 0".
#[inline]
fn decode_length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Violation> {
    match short {
        0..=125 => Ok(Some((u64::from(short), rest))),
        126 => match rest.split_first_chunk::<2>() {
            None => Ok(None),
            Some((bytes, rest)) => match u64::from(u16::from_be_bytes(*bytes)) {
                length @ 0..=125 => Err(Violation::LengthNotMinimal { bits: 16, length }),
                length => Ok(Some((length, rest))),
            },
        },
        _ => match rest.split_first_chunk::<8>() {
            None => Ok(None),
            Some((bytes, rest)) => match u64::from_be_bytes(*bytes) {
                length @ 0..=0xFFFF => Err(Violation::LengthNotMinimal { bits: 64, length }),
                length if length >> 63 != 0 => Err(Violation::LengthTopBit(length)),
                length => Ok(Some((length, rest))),
            },
        },
    }
}

/// Writes one frame: header, then payload, masked if the header has a key. The caller's `length`
/// is derived from the payload, so that the two cannot disagree.
#[inline(always)]
pub fn encode_frame(
    fin: bool,
    opcode: OpCode,
    key: Option<[u8; 4]>,
    payload: &[u8],
    out: &mut Vec<u8>,
) {
    let header = Header {
        fin,
        opcode,
        mask: key,
        length: payload.len() as u64,
    };
    header.encode(out);
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = key {
        mask(key, 0, &mut out[start..]);
    }
}
