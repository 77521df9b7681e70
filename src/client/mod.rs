//! The client room: RFC 6455 §4.1 (connecting) and §7.2.3 (connecting again).
//!
//! - It offers: [`connect()`] and [`Client`] to open a connection to the first address of a host
//!   that answers, [`Backoff`] to come back after a lost one.
//! - It knows: the rooms `framing/`, `opening/` and `connection/`.
//! - It leaves out: TLS. The caller brings it, see [`Client::connect_through`].

mod attempt;
mod backoff;
mod connect;
mod race;
mod resolve;

pub use backoff::Backoff;
pub use connect::{Client, connect};
