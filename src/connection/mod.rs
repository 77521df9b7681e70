//! The connection room: RFC 6455 §6 (sending and receiving), §7 (closing), §10.3 and §10.4
//! (masking keys, limits).
//!
//! - It offers: [`WebSocket`] in both roles over any [`Stream`], [`Config`], [`Error`]; optional:
//!   [`Fragments`], [`Sender`] and [`Untimed`].
//! - It knows: framing, and from opening heads, errors and [`Origins`](crate::Origins).
//! - It leaves out: how a connection begins (`client/`, `server/`), and the observer (`trace/`).

mod budget;
mod closing;
mod compressed;
mod compression;
mod compressor;
mod config;
mod ending;
mod entropy;
mod error;
mod fragments;
mod handover;
mod opened;
mod output;
mod prepared;
mod read_head;
mod sender;
mod shared;
pub(crate) mod state;
pub(crate) mod stream;
mod timers;
mod untimed;
mod websocket;
mod writer;

pub use budget::{Budget, Share};
pub use compression::Compression;
pub(crate) use config::deadline_in;
pub use config::{Config, InvalidConfig};
pub(crate) use ending::close_gently;
pub use entropy::Entropy;
pub use error::{Error, Unsendable};
pub use fragments::{Fragment, Fragments};
pub(crate) use opened::Opened;
pub use prepared::PreparedMessage;
pub(crate) use read_head::read_head;
pub use sender::Sender;
pub(crate) use shared::Shared;
pub use state::{Closed, Side, State, TcpEnd};
pub use stream::{Stream, Tcp};
pub(crate) use stream::{is_timeout, limit_until, read_once};
pub use untimed::Untimed;
pub use websocket::WebSocket;
pub use writer::Writer;
