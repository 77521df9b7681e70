//! The server room: RFC 6455 §4.2 (the server's half of the opening handshake) and §7.4.1 (a server
//! that goes down).
//!
//! - It offers: [`Server`], which listens and gives each connection a thread; [`Request`], which a
//!   plain listener loop can use alone; [`Handle`], which stops a server; [`listen()`], which makes
//!   only the listeners; [`Log`], a log that no connection waits for. A lack of threads, descriptors
//!   or places ends no connection that is open.
//! - It knows: the rooms `framing/`, `opening/` and `connection/`.
//! - It leaves out: TLS, and what a path means. A handler decides that.

mod accept;
mod listen;
mod log;
mod per_address;
mod registry;
mod request;
mod reserve;
mod response;

pub use listen::{Handle, Server, listen};
pub use log::Log;
pub use request::Request;
