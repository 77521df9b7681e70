//! The WebSocket protocol (RFC 6455) written by hand, in blocking Rust on `std`, for teaching it.
//!
//! The files are the chapters of the RFC, in reading order; each imports only files above it:
//!
//! | file | chapter | holds |
//! |---|---|---|
//! | `mask.rs` | §5.3 | the XOR |
//! | `entropy.rs` | §10.3 | where keys and nonces come from |
//! | `buffer.rs` | | bytes that have arrived |
//! | `printable.rs` | | a peer's text, made safe to show |
//! | `config.rs` | §10.4 | limits |
//! | `close.rs` | §7.4 | close codes and reasons |
//! | `error.rs` | §7.1.7 | every violation, its clause, its close code |
//! | `frame.rs` | §5.2, §5.5 | the header of a frame, decoded and encoded |
//! | `message.rs` | §5.4, §5.6, §8.1 | frames to messages |
//! | `http.rs` | RFC 9112 | heads of requests and responses |
//! | `handshake.rs` | §1.3, §3, §4 | URLs, the key and its accept, both sides' checks |
//! | `stream.rs` | | what a connection asks of the stream beneath |
//! | `writer.rs` | §6.1 | the sending half |
//! | `connection.rs` | §5.5, §6.2, §7 | the open connection |
//! | `client.rs`, `server.rs` | §4.1, §4.2 | connecting and listening |

#![forbid(unsafe_code)]

mod backoff;
mod buffer;
mod client;
mod close;
mod config;
mod connection;
mod entropy;
mod error;
pub mod extension;
pub mod frame;
pub mod handshake;
pub mod http;
mod mask;
mod message;
mod origin;
mod pieces;
mod printable;
mod registry;
mod sender;
mod server;
mod stream;
mod turn;
mod writer;

pub use backoff::Backoff;
pub use client::{Client, connect};
pub use close::{CloseCode, CloseReason, Closed, InvalidClose, Side, TcpEnd};
pub use config::Config;
pub use connection::{State, WebSocket};
pub use entropy::Entropy;
pub use error::{Clause, Error, HandshakeError, UrlError, Violation};
pub use frame::{Header, OpCode, Role};
pub use mask::mask;
pub use message::Message;
pub use origin::Origins;
pub use pieces::{Piece, Pieces};
pub use printable::Printable;
pub use sender::{Encoded, Sender};
pub use server::{Handle, Request, Server};
pub use stream::{Any, Stream, Tcp};
pub use writer::Writer;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
