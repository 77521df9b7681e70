//! RFC 6455 §7.1.7, Fail the WebSocket Connection: the rules that a peer can break after the
//! opening handshake.
//!
//! Each violation knows what was seen, the clause that it breaks, the close code that it earns, and
//! its place in the bytes. The checks themselves stand where the rules are: `frame.rs`,
//! `sequence.rs`, `utf8.rs`, `close.rs`, `decoder.rs`.

use super::close::{CloseCode, InvalidClose};
use crate::compression::InvalidDeflate;
use std::fmt;
use std::ops::Range;

/// A rule that the peer broke after the opening handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// A reserved bit is set that no extension defines. The value holds RSV1, RSV2 and RSV3 as its
    /// three low bits.
    ReservedBits(u8),
    /// An opcode that the RFC reserves.
    ReservedOpcode(u8),
    /// A control frame, with this opcode, whose FIN bit is 0.
    FragmentedControl(u8),
    /// A control frame, with this opcode, whose length field says 126 or 127: over 125 bytes.
    LongControl(u8),
    /// A length in the 16-bit or the 64-bit form that fits a shorter form.
    LengthNotMinimal {
        /// The number of bits of the form that was used.
        bits: u8,
        /// The length, in bytes.
        length: u64,
    },
    /// A 64-bit length whose most significant bit is 1.
    LengthTopBit(u64),
    /// A client's frame without a mask.
    Unmasked,
    /// A server's frame with a mask.
    Masked,
    /// A Continuation frame outside a message.
    NothingToContinue,
    /// A Text or Binary frame, with this opcode, inside an unfinished message.
    UnfinishedMessage(u8),
    /// A message longer than the limit.
    TooBig {
        /// The bytes of the message so far, with the payload that this frame announces.
        length: u64,
        /// The limit, in bytes ([`Config::max_message`](crate::Config::max_message)).
        limit: u64,
    },
    /// A message that was not complete in time.
    TooSlow {
        /// The limit, in seconds ([`Config::message_timeout`](crate::Config::message_timeout)).
        limit: u64,
    },
    /// A text that is not UTF-8. No later byte can repair it.
    NotUtf8 {
        /// The place of the wrong sequence in the message, in bytes from 0.
        at: u64,
    },
    /// A Close frame with a wrong body.
    InvalidClose(InvalidClose),
    /// A compressed message that is not DEFLATE.
    Deflate(InvalidDeflate),
}

/// Where in the bytes a violation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In these bytes of the frame's header.
    InHeader(Range<usize>),
    /// In these bytes of the frame's payload.
    InPayload(Range<usize>),
    /// In this byte of the message; the payloads of all its fragments count. In a compressed message
    /// it is a byte of the text that comes out, or for [`Violation::Deflate`] one of those sent.
    InMessage(u64),
}

/// What the RFC says about a violation.
struct Rule {
    clause: &'static str,
    code: CloseCode,
    location: Location,
}

impl Violation {
    /// The section of RFC 6455 that was broken. For a compressed message it can be one of RFC 1951
    /// or RFC 7692, and says so.
    #[must_use]
    pub fn clause(self) -> &'static str {
        self.rule().clause
    }

    /// The code to close the connection with (§7.4.1).
    #[must_use]
    pub fn close_code(self) -> CloseCode {
        self.rule().code
    }

    /// Which bytes break the rule.
    #[must_use]
    pub fn location(self) -> Location {
        self.rule().location
    }

    fn rule(self) -> Rule {
        use Location::{InHeader, InMessage, InPayload};
        const PROTOCOL: CloseCode = CloseCode::PROTOCOL_ERROR;
        const INVALID: CloseCode = CloseCode::INVALID_PAYLOAD;
        let (clause, code, location) = match self {
            Violation::ReservedBits(_) => ("§5.2", PROTOCOL, InHeader(0..1)),
            Violation::ReservedOpcode(_) => ("§5.2", PROTOCOL, InHeader(0..1)),
            Violation::FragmentedControl(_) => ("§5.5", PROTOCOL, InHeader(0..1)),
            Violation::LongControl(_) => ("§5.5", PROTOCOL, InHeader(1..2)),
            Violation::LengthNotMinimal { bits: 16, .. } => ("§5.2", PROTOCOL, InHeader(2..4)),
            Violation::LengthNotMinimal { .. } => ("§5.2", PROTOCOL, InHeader(2..10)),
            Violation::LengthTopBit(_) => ("§5.2", PROTOCOL, InHeader(2..10)),
            Violation::Unmasked => ("§5.1", PROTOCOL, InHeader(1..2)),
            Violation::Masked => ("§5.1", PROTOCOL, InHeader(1..2)),
            Violation::NothingToContinue => ("§5.4", PROTOCOL, InHeader(0..1)),
            Violation::UnfinishedMessage(_) => ("§5.4", PROTOCOL, InHeader(0..1)),
            Violation::TooBig { .. } => ("§10.4", CloseCode::TOO_BIG, InHeader(1..2)),
            Violation::TooSlow { .. } => ("§10.4", CloseCode::POLICY_VIOLATION, InHeader(0..0)),
            Violation::NotUtf8 { at } => ("§8.1", INVALID, InMessage(at)),
            Violation::InvalidClose(InvalidClose::OneByte) => ("§5.5.1", PROTOCOL, InPayload(0..1)),
            Violation::InvalidClose(InvalidClose::Code(_)) => ("§7.4", PROTOCOL, InPayload(0..2)),
            Violation::InvalidClose(InvalidClose::NotUtf8 { at }) => {
                ("§5.5.1", INVALID, InPayload(at..at + 1))
            }
            Violation::InvalidClose(InvalidClose::TooLong(_)) => ("§5.5", PROTOCOL, InHeader(1..2)),
            Violation::Deflate(invalid) => (invalid.rule.clause(), INVALID, InMessage(invalid.at)),
        };
        Rule {
            clause,
            code,
            location,
        }
    }
}

impl fmt::Display for Violation {
    /// What was seen; what the clause asks; the clause.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::ReservedBits(bits) => write!(
                f,
                "a frame with the reserved bits RSV1-3 = {bits:03b}; they are 0 unless an extension was negotiated"
            ),
            Violation::ReservedOpcode(opcode) => write!(
                f,
                "a frame with the opcode {opcode:#X}; only 0, 1, 2, 8, 9 and A are defined"
            ),
            Violation::FragmentedControl(opcode) => write!(
                f,
                "a control frame (opcode {opcode:#X}) with FIN = 0; control frames are never fragmented"
            ),
            Violation::LongControl(opcode) => write!(
                f,
                "a control frame (opcode {opcode:#X}) of over 125 bytes; 125 is the most"
            ),
            Violation::LengthNotMinimal { bits, length } => write!(
                f,
                "a payload length of {length} in the {bits}-bit form; the shortest form must be used"
            ),
            Violation::LengthTopBit(length) => write!(
                f,
                "a payload length of {length:#x}; the most significant bit must be 0"
            ),
            Violation::Unmasked => {
                f.write_str("a frame from a client without a mask; a client masks every frame")
            }
            Violation::Masked => {
                f.write_str("a frame from a server with a mask; a server never masks")
            }
            Violation::NothingToContinue => f.write_str(
                "a Continuation frame outside a message; the first frame of a message is Text or Binary",
            ),
            Violation::UnfinishedMessage(opcode) => write!(
                f,
                "a new message (opcode {opcode:#X}) before the last one was finished; fragments of two messages are never interleaved"
            ),
            Violation::TooBig { length, limit } => write!(
                f,
                "a message of {length} bytes or more; this endpoint accepts {limit}"
            ),
            Violation::TooSlow { limit } => write!(
                f,
                "a message that was not complete {limit} s after it began; this endpoint does not wait longer"
            ),
            Violation::NotUtf8 { at } => write!(
                f,
                "a text that is not UTF-8; its first wrong byte is byte {at}, counted from 0"
            ),
            Violation::InvalidClose(invalid) => write!(f, "{invalid}"),
            // It says the clause itself.
            Violation::Deflate(invalid) => return write!(f, "{invalid}"),
        }?;
        write!(f, " ({})", self.clause())
    }
}

impl std::error::Error for Violation {}

impl From<InvalidClose> for Violation {
    fn from(invalid: InvalidClose) -> Violation {
        Violation::InvalidClose(invalid)
    }
}
