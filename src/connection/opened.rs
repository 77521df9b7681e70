//! What the opening handshake leaves to the open connection.

use super::config::Config;
use super::entropy::Entropy;
use super::shared::Shared;
use crate::framing::{Buffer, Role};
use crate::opening::Deflate;
use std::sync::Arc;

/// What the opening handshake leaves to the open connection.
#[derive(Debug)]
pub(crate) struct Opened {
    /// A client's source of masking keys; a server has none.
    pub(crate) keys: Option<Entropy>,
    /// The bytes that arrived behind the handshake.
    pub(crate) buffer: Buffer,
    pub(crate) subprotocol: Option<String>,
    pub(crate) deflate: Option<Deflate>,
    pub(crate) shared: Arc<Shared>,
}

/// A new source of masking keys, if this role masks (§5.1).
pub(super) fn masking_keys(role: Role, config: &Config) -> Option<Entropy> {
    match role {
        Role::Client => Some((config.entropy)()),
        Role::Server => None,
    }
}
