//! The WebSocket protocol (RFC 6455) written by hand, in blocking Rust on `std`, for teaching it.
//!
//! Start with [`connect`] for a client and [`Server`] for a server; both give a [`WebSocket`]. The
//! README has examples, and the order in which to read the files: they are the chapters of the RFC,
//! and each imports only files above it.

#![forbid(unsafe_code)]

mod backoff;
mod buffer;
mod client;
mod close;
mod config;
mod connection;
pub mod console;
mod entropy;
mod error;
pub mod extension;
pub mod frame;
pub mod handshake;
pub mod http;
mod mask;
mod message;
pub mod observe;
mod origin;
mod pieces;
mod printable;
mod registry;
pub mod render;
mod request;
mod sender;
mod server;
mod stream;
mod trace;
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
pub use request::Request;
pub use sender::{Encoded, Sender};
pub use server::{Handle, Server};
pub use stream::{Any, Stream, Tcp};
pub use trace::Traced;
pub use writer::Writer;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
