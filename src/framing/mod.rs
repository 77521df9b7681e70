//! The framing room: RFC 6455 §5 (frames and messages), §8.1 (UTF-8) and §7.4 (close codes).
//!
//! - It offers: [`Header`] and [`Frame`] (bytes to frames and back), [`Message`], [`Violation`],
//!   and for the connection the decoder that turns received bytes into messages.
//! - It knows: bytes. Bytes come in; messages and control frames come out.
//! - It leaves out: HTTP, sockets, time, threads, randomness. Sending and answering are the work of
//!   `connection/`.

mod buffer;
mod close;
mod collected;
mod compressed;
mod convert;
mod decoder;
mod frame;
mod inflated;
mod mask;
mod memory;
mod message;
mod owned;
mod sequence;
mod unread;
mod utf8;
mod violation;

pub(crate) use buffer::Buffer;
pub use close::{CloseCode, CloseReason, InvalidClose, MAX_CONTROL};
pub(crate) use decoder::{MessageDecoder, Payload, Received};
pub use frame::{Decoded, Frame, Header, Missing, NO_EXTENSION, OpCode, Role};
pub(crate) use frame::{FIN, LENGTH, MASK, OPCODE, RSV, RSV1};
pub use mask::mask;
pub use message::Message;
pub use owned::OwnedMessage;
pub use sequence::MessageKind;
pub(crate) use sequence::Sequence;
pub(crate) use utf8::Utf8;
pub use violation::{Location, Violation};
