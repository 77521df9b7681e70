//! RFC 6455 §5.2, Base Framing Protocol (with its diagram), and §5.5, Control Frames.
//!
//! - [`Header::decode`] turns bytes into a header, [`Header::encode`] turns a header into bytes.
//! - Every rule about one header is here: reserved bits, opcodes, control frames, lengths (§5.2,
//!   §5.5), and which side masks (§5.1).
//! - What frames mean one after another is `sequence.rs`.
//!
//! ```text
//!  byte 0              byte 1                then, if the length says so   then, if MASK is 1
//! +-+-+-+-+---------+ +-+-----------------+ +----------------------------+ +-------------------+
//! |F|R|R|R| opcode  | |M| payload length  | | 126: 16 bits of length     | | masking key       |
//! |I|S|S|S| (4 bits)| |A| (7 bits)        | | 127: 64 bits of length     | | (4 bytes)         |
//! |N|V|V|V|         | |S| 0-125, 126, 127 | +----------------------------+ +-------------------+
//! | |1|2|3|         | |K|                 |
//! +-+-+-+-+---------+ +-+-----------------+
//! ```

use super::close::{CloseReason, MAX_CONTROL};
use super::mask::mask;
use super::violation::Violation;

/// What a frame is (§5.2, §11.8). The other ten values of the four bits are reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OpCode {
    /// The next part of a message that a Text or Binary frame began (§5.4).
    Continuation = 0x0,
    /// The first frame of a text message (§5.6).
    Text = 0x1,
    /// The first frame of a binary message (§5.6).
    Binary = 0x2,
    /// The closing handshake (§5.5.1).
    Close = 0x8,
    /// "Are you there?" (§5.5.2).
    Ping = 0x9,
    /// The answer to a Ping, or an unsolicited sign of life (§5.5.3).
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

    /// Close, Ping and Pong. They are never fragmented, have at most 125 bytes of payload, and may
    /// stand between the fragments of a message (§5.5).
    #[must_use]
    pub fn is_control(self) -> bool {
        self.encode() & 0x8 != 0
    }
}

/// Which end of the connection an endpoint is. The two differ in who masks (§5.1) and in who ends
/// TCP (§7.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Connects, masks its frames, and waits for the server to end TCP.
    Client,
    /// Accepts, never masks, and ends TCP first.
    Server,
}

impl Role {
    /// The role at the other end.
    #[must_use]
    pub fn peer(self) -> Role {
        match self {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        }
    }
}

/// The header of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// This is the last fragment of its message. An unfragmented message is one last fragment.
    pub fin: bool,
    /// The first reserved bit. It means something only if an extension defines it.
    pub rsv1: bool,
    /// What the frame is.
    pub opcode: OpCode,
    /// The masking key, if the payload is masked.
    pub mask: Option<[u8; 4]>,
    /// Bytes of payload behind the header; at most 2⁶³−1.
    pub length: u64,
}

/// The bits of byte 0 and byte 1.
pub(crate) const FIN: u8 = 0b1000_0000;
pub(crate) const RSV: u8 = 0b0111_0000;
pub(crate) const RSV1: u8 = 0b0100_0000;
pub(crate) const OPCODE: u8 = 0b0000_1111;
pub(crate) const MASK: u8 = 0b1000_0000;
pub(crate) const LENGTH: u8 = 0b0111_1111;

/// The reserved bits that extensions define when no extension is in use: none.
pub const NO_EXTENSION: u8 = 0;

/// What [`Header::decode`] finds at the front of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A whole header, and how many bytes it takes. The payload starts behind them.
    Header(Header, usize),
    /// The beginning of a header. That is not an error: more bytes are needed.
    Incomplete(Missing),
}

/// How many bytes a frame needs to be complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// This many or more: the length of the payload is not known yet.
    AtLeast(u64),
    /// This many.
    Exactly(u64),
}

impl Header {
    /// Reads the header at the front of `bytes`. `extension_bits` are the reserved bits that an
    /// extension in use defines, at their places in byte 0; without one, [`NO_EXTENSION`].
    ///
    /// Each rule is checked as soon as its bytes are here. No payload is needed.
    ///
    /// # Errors
    /// Reserved bits and opcodes, fragmented or long control frames, lengths that are not in the
    /// shortest form (§5.2, §5.5).
    #[inline]
    pub fn decode(bytes: &[u8], extension_bits: u8) -> Result<Decoded, Violation> {
        let Some(&first) = bytes.first() else {
            return Ok(Decoded::Incomplete(Missing::AtLeast(2)));
        };
        // §5.2: "MUST be 0 unless an extension is negotiated that defines meanings for non-zero
        // values."
        if first & RSV & !extension_bits != 0 {
            return Err(Violation::ReservedBits((first & RSV) >> 4));
        }
        let fin = first & FIN != 0;
        let rsv1 = first & RSV1 != 0;
        let opcode = OpCode::decode(first & OPCODE)?;
        // §5.5: "All control frames [...] MUST NOT be fragmented."
        if opcode.is_control() && !fin {
            return Err(Violation::FragmentedControl(opcode.encode()));
        }

        let Some(&second) = bytes.get(1) else {
            return Ok(Decoded::Incomplete(Missing::AtLeast(1)));
        };
        let short = second & LENGTH;
        // §5.5: "All control frames MUST have a payload length of 125 bytes or less".
        if opcode.is_control() && usize::from(short) > MAX_CONTROL {
            return Err(Violation::LongControl(opcode.encode()));
        }
        let Some((length, rest)) = decode_length(short, &bytes[2..])? else {
            let missing = Header::size(second) - bytes.len();
            return Ok(Decoded::Incomplete(Missing::AtLeast(missing as u64)));
        };

        let (mask, rest) = if second & MASK == 0 {
            (None, rest)
        } else if let Some((key, rest)) = rest.split_first_chunk::<4>() {
            (Some(*key), rest)
        } else {
            let missing = (Header::size(second) - bytes.len()) as u64 + length;
            return Ok(Decoded::Incomplete(Missing::Exactly(missing)));
        };
        let header = Header {
            fin,
            rsv1,
            opcode,
            mask,
            length,
        };
        Ok(Decoded::Header(header, bytes.len() - rest.len()))
    }

    /// Writes the header: the mirror image of [`Header::decode`], always in the shortest form.
    // Always inlined, like `Frame::encode`: an echo of 64 bytes takes 8 % less time.
    #[inline(always)]
    pub fn encode(&self, out: &mut Vec<u8>) {
        let fin = if self.fin { FIN } else { 0 };
        let rsv1 = if self.rsv1 { RSV1 } else { 0 };
        let mask = if self.mask.is_some() { MASK } else { 0 };
        let first = fin | rsv1 | self.opcode.encode();
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

    /// The longest header, in bytes: two, then 8 of length, then 4 of key.
    pub const MAX_SIZE: usize = 14;

    /// Whether a header with this second byte says that its payload is masked.
    #[must_use]
    pub fn is_masked(second: u8) -> bool {
        second & MASK != 0
    }

    /// How many bytes a header with this second byte has: two, then the extended length, then the
    /// masking key.
    #[must_use]
    pub fn size(second: u8) -> usize {
        let key = if Header::is_masked(second) { 4 } else { 0 };
        2 + Header::extended_length_size(second) + key
    }

    /// How many bytes the length takes behind a header's second byte (§5.2): none, 2 or 8.
    #[must_use]
    pub fn extended_length_size(second: u8) -> usize {
        match second & LENGTH {
            0..=125 => 0,
            126 => 2,
            _ => 8,
        }
    }

    /// RFC 7692 §6: RSV1 says that a message is compressed. Only its first frame can say so.
    ///
    /// # Errors
    /// RSV1 is set on a control frame or on a Continuation frame.
    #[inline]
    pub fn check_rsv1(&self) -> Result<(), Violation> {
        match (self.rsv1, self.opcode) {
            (false, _) | (true, OpCode::Text | OpCode::Binary) => Ok(()),
            (true, _) => Err(Violation::ReservedBits(RSV1 >> 4)),
        }
    }

    /// Who masks (§5.1): "The server MUST close the connection upon receiving a frame that is not
    /// masked." "A client MUST close a connection if it detects a masked frame."
    ///
    /// # Errors
    /// The frame has a mask and must not have one, or the other way round.
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
/// length", and of 64 bits "the most significant bit MUST be 0". `None`: more bytes are needed.
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

/// A frame to be sent: its header without the length, and its payload. The length is that of the
/// payload, so the two cannot disagree.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// This is the last fragment of its message.
    pub fin: bool,
    /// The first reserved bit; an extension that is in use may set it.
    pub rsv1: bool,
    /// What the frame is.
    pub opcode: OpCode,
    /// The masking key; a client has a new one for each frame (§5.3), a server has none (§5.1).
    pub mask: Option<[u8; 4]>,
    /// The payload, not masked.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// A whole frame: a message in one frame, or a control frame.
    #[must_use]
    pub fn new(opcode: OpCode, mask: Option<[u8; 4]>, payload: &'a [u8]) -> Frame<'a> {
        Frame {
            fin: true,
            rsv1: false,
            opcode,
            mask,
            payload,
        }
    }

    /// Its header.
    #[must_use]
    #[inline(always)]
    pub fn header(&self) -> Header {
        Header {
            fin: self.fin,
            rsv1: self.rsv1,
            opcode: self.opcode,
            mask: self.mask,
            length: self.payload.len() as u64,
        }
    }

    /// Writes the frame: the header, then the payload, masked if there is a key.
    #[inline(always)]
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.header().encode(out);
        let start = out.len();
        out.extend_from_slice(self.payload);
        if let Some(key) = self.mask {
            mask(key, 0, &mut out[start..]);
        }
    }
}

impl CloseReason {
    /// Writes the whole Close frame (§5.5.1).
    pub fn encode_frame(&self, mask: Option<[u8; 4]>, out: &mut Vec<u8>) {
        let mut body = Vec::new();
        self.encode(&mut body);
        Frame::new(OpCode::Close, mask, &body).encode(out);
    }
}
