//! The WebSocket protocol (RFC 6455) written by hand, in blocking Rust on `std`, for teaching it.
//!
//! A client:
//!
//! ```no_run
//! let mut socket = rfc6455::connect("ws://localhost:5050/ws")?;
//! while let Some(message) = socket.read()? {
//!     println!("{message}");
//! }
//! # Ok::<(), rfc6455::Error>(())
//! ```
//!
//! A server that echoes:
//!
//! ```no_run
//! rfc6455::Server::bind("localhost:5050")?.run(|request| {
//!     let mut socket = request.upgrade()?;
//!     while let Some((message, writer)) = socket.read_with_writer()? {
//!         writer.write(message)?;
//!     }
//!     Ok(())
//! })?;
//! # Ok::<(), rfc6455::Error>(())
//! ```
//!
//! # Layout
//!
//! The modules are rooms. Each room uses only the rooms above it in this list, and each file of a
//! room uses only the files above it in the README's reading table. So you can read from top to
//! bottom.
//!
//! - [`compression`]: DEFLATE (RFC 1951), for permessage-deflate. Bytes in,
//!   bytes out.
//! - [`framing`]: frames and messages (§5), UTF-8 (§8.1), close codes (§7.4). Bytes in, messages
//!   out.
//! - [`opening`]: URLs (§3), the opening handshake (§4), extensions (§9.1), origins (§10.2). Heads
//!   in, heads out.
//! - [`connection`]: the open connection: sending and receiving (§6), closing (§7), limits (§10.4).
//!   Sockets begin here.
//! - [`client`]: connecting (§4.1), and connecting again (§7.2.3).
//! - [`server`]: requests, and listening (§4.2).
//! - [`trace`]: an observer that says what the bytes of any connection mean. The library itself
//!   does not use it.
//!
//! The types that most programs need are also here, at the root.

#![forbid(unsafe_code)]

mod printable;

pub mod compression;

pub mod framing;
pub mod opening;

pub mod connection;

pub mod client;
pub mod server;

pub mod trace;

pub mod judge;

pub use client::{Backoff, Client, connect};
pub use compression::Window;
pub use connection::{
    Budget, Closed, Compression, Config, Entropy, Error, Fragment, Fragments, InvalidConfig,
    PreparedMessage, Sender, Share, Side, State, Stream, Tcp, TcpEnd, Unsendable, Untimed,
    WebSocket, Writer,
};
pub use framing::{
    CloseCode, CloseReason, InvalidClose, Message, MessageKind, OpCode, OwnedMessage, Role,
    Violation,
};
pub use opening::{HandshakeError, Hosts, Origins, UrlError};
pub use printable::Printable;
pub use server::{Handle, Request, Server};

/// The examples of the README and of `docs/` are tests.
#[cfg(doctest)]
mod examples {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/compression.md")]
    struct Compression;
    #[doc = include_str!("../docs/conversation.md")]
    struct Conversation;
    #[doc = include_str!("../docs/open-port.md")]
    struct OpenPort;
    #[doc = include_str!("../docs/tls.md")]
    struct Tls;
}
