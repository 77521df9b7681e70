//! The compression room: RFC 1951, the DEFLATE format.
//!
//! - It offers: [`Inflater`] (compressed bytes to bytes), [`Deflater`] (bytes to compressed bytes),
//!   the [`Window`] that both keep to, and [`InvalidDeflate`], which says what is wrong and where.
//! - It knows: bytes and bits. Both halves take their input in pieces, cut anywhere.
//! - It leaves out: frames, limits, and who compresses when. `framing/` and `connection/` add them.
//!
//! The way to read it: bits make symbols, a Huffman code says how, symbols make bytes.

mod bits;
mod block;
mod deflate;
mod element;
mod error;
mod huffman;
mod inflate;
mod lengths;
mod matches;
mod symbols;
mod window;

pub use deflate::{Deflater, TAIL};
pub use element::{BlockKind, Element, Watch, values};
pub use error::{Alphabet, DeflateRule, InvalidDeflate};
pub use inflate::Inflater;
pub use window::{WINDOW_BITS, Window};
