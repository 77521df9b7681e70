//! Read first: RFC 6455 §10.4, Implementation-Specific Limits.
//!
//! Every bound of a connection, each with the reason for its default. The defaults are meant for
//! an open port.

use crate::entropy::Entropy;
use crate::origin::Origins;
use std::time::Duration;

/// Time limits and sizes. Change what you need:
///
/// ```
/// let config = rfc6455::Config { max_message: 64 << 10, ..Default::default() };
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// The whole opening handshake, connecting included, not each of its reads. 10 s: several
    /// retransmissions of a lost packet, and not longer.
    pub handshake_timeout: Duration,
    /// From our Close frame to the peer's, and from there to the peer's end of TCP. 5 s: a peer
    /// that reads at all has answered by then.
    pub close_timeout: Duration,
    /// How long one write may make no progress because the peer does not read. 10 s.
    pub write_timeout: Duration,
    /// The longest head of a request or response, in bytes. 8 KiB, which is what web servers take.
    pub max_head: usize,
    /// The most fields a head may have. 100.
    pub max_fields: usize,
    /// The longest message, in bytes, all fragments together. 16 MiB.
    pub max_message: usize,
    /// How many bytes `write` gathers before it flushes by itself. 64 KiB: more makes no system
    /// call cheaper.
    pub write_buffer: usize,
    /// Whose pages may connect to a server (§10.2). Those that came from it: a script elsewhere
    /// would act in the name of whoever visits it.
    pub origins: Origins,
    /// What makes a client's source of nonces and masking keys. The system's generator; a lesson
    /// or a test can put [`Entropy::scripted`] here.
    pub entropy: fn() -> Entropy,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            handshake_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(10),
            max_head: 8 << 10,
            max_fields: 100,
            max_message: 16 << 20,
            write_buffer: 64 << 10,
            origins: Origins::SameHost,
            entropy: Entropy::from_system,
        }
    }
}
