//! Read first: RFC 6455 §10.4, Implementation-Specific Limits.
//!
//! Every bound of a connection, each with the reason for its default. The defaults are meant for
//! an open port.

use crate::entropy::Entropy;
use crate::origin::Origins;
use std::time::{Duration, Instant};

/// Time limits and sizes. A limit that is not wanted is `Duration::MAX` or `usize::MAX`. Change what
/// you need:
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
    /// After so much silence a Ping is sent, and after as much again without a sign of life the
    /// connection is failed. 20 s: shorter than the minute after which proxies drop what is
    /// silent. `None`: a peer that vanished without a word is waited for until TCP gives up, which
    /// may be never. It works while `read` waits, on streams that have time limits.
    pub keepalive: Option<Duration>,
    /// How long a message may take from its first byte to its last, arriving or leaving, so that
    /// bytes that trickle cannot hold memory and a thread for ever. 5 min: 16 MiB at half a
    /// megabit a second.
    pub message_timeout: Duration,
    /// The longest head of a request or response, in bytes. 8 KiB, which is what web servers take.
    pub max_head: usize,
    /// The most fields a head may have. 100.
    pub max_fields: usize,
    /// The longest message, in bytes, all fragments together. 16 MiB.
    pub max_message: usize,
    /// How many bytes `write` gathers before it flushes by itself. 64 KiB: more makes no system
    /// call cheaper.
    pub write_buffer: usize,
    /// The most connections that a server serves at once; the next one gets 503. 10 000: with the
    /// memory that idle ones take, 160 MiB.
    pub max_connections: usize,
    /// The stack of a server's threads, in bytes. 256 KiB: what is not used costs addresses, not
    /// memory. A handler that recurses deeply needs more.
    pub stack_size: usize,
    /// Whose pages may connect to a server (§10.2). Those that came from it: a script elsewhere
    /// would act in the name of whoever visits it.
    pub origins: Origins,
    /// What makes a client's source of nonces and masking keys. The system's generator; a lesson
    /// or a test can put [`Entropy::scripted`] here.
    pub entropy: fn() -> Entropy,
}

/// When a time limit that begins now runs out. There is no clock for the end of `Duration::MAX`:
/// a century is as good.
pub(crate) fn deadline_in(limit: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    Instant::now() + limit.min(CENTURY)
}

impl Default for Config {
    fn default() -> Config {
        Config {
            handshake_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(10),
            keepalive: Some(Duration::from_secs(20)),
            message_timeout: Duration::from_secs(300),
            max_head: 8 << 10,
            max_fields: 100,
            max_message: 16 << 20,
            write_buffer: 64 << 10,
            max_connections: 10_000,
            stack_size: 256 << 10,
            origins: Origins::SameHost,
            entropy: Entropy::from_system,
        }
    }
}
