//! The server room: RFC 6455 §4.2 (the server's half of the opening handshake) and §7.4.1 (a server
//! that goes down).
//!
//! - It offers: [`Server`], which listens and gives each connection a thread; [`Request`], which a
//!   plain listener loop can use alone; [`Handle`], which stops a server; [`listen()`], which makes
//!   only the listeners; [`Log`], a log that no connection waits for.
//! - It knows: the rooms `framing/`, `opening/` and `connection/`.
//! - It leaves out: TLS, and what a path means. A handler decides that.

mod listen;
mod log;
mod registry;
mod request;

pub use listen::{Handle, Server, listen};
pub use log::Log;
pub use request::Request;
