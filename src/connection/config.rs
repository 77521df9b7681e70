//! RFC 6455 §10.4, Implementation-Specific Limits: every limit of a connection, with the reason for
//! its default.
//!
//! The defaults are made for a server that anybody can reach.

use super::budget::Budget;
use super::entropy::Entropy;
use crate::opening::Origins;
use std::time::{Duration, Instant};

/// Time limits and sizes. To switch a limit off, set it to `Duration::MAX` or `usize::MAX`. Change
/// what you need:
///
/// ```
/// let config = rfc6455::Config { max_message: 64 << 10, ..Default::default() };
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// The time for the whole opening handshake. It is one limit for all reads together. For a
    /// client it includes everything before them: to look the name up, to wait for another attempt
    /// to the same IP address (§4.1), and to connect to any of the addresses. Default 10 s: enough
    /// to send a lost packet again several times.
    pub handshake_timeout: Duration,
    /// The time from our Close frame to the peer's, and then the time from the Close frames to the
    /// peer's end of TCP. Default 5 s: a peer that reads has answered by then.
    pub close_timeout: Duration,
    /// How long one write may make no progress because the peer does not read. Default 10 s.
    pub write_timeout: Duration,
    /// After this much silence a Ping is sent. After the same time again without an answer the
    /// connection is failed. Default 20 s: proxies drop a silent connection after a minute.
    /// `None`: no Ping. If the peer vanishes, `read` waits until TCP gives up, which may be never.
    /// Keepalive works while `read` waits, on streams that have time limits.
    pub keepalive: Option<Duration>,
    /// How long a message may take from its first byte to its last, arriving or leaving. So bytes
    /// that trickle in cannot hold memory and a thread for ever. Default 5 min: 16 MiB at half a
    /// megabit a second.
    pub message_timeout: Duration,
    /// The longest head of a request or a response, in bytes. Default 8 KiB, as web servers have
    /// it.
    pub max_head: usize,
    /// The most fields of a head. Default 100.
    pub max_fields: usize,
    /// The longest message, in bytes; all fragments count. Default 16 MiB.
    pub max_message: usize,
    /// The memory, in bytes, that all connections with this `Config` and its clones may hold
    /// together, beyond the first 64 KiB of each. A connection that needs more is closed with 1013.
    /// Default 1 GiB: 64 of the longest messages at the same time.
    pub budget: Budget,
    /// `write` collects this many bytes, then it flushes. Default 64 KiB: a longer write makes no
    /// system call cheaper.
    pub write_buffer: usize,
    /// The most connections that a server serves at a time. The next one gets 503. Default 10 000:
    /// idle connections then take 160 MiB.
    pub max_connections: usize,
    /// The stack of each thread of a server, in bytes. Default 256 KiB: unused stack costs
    /// addresses, not memory. A handler with deep recursion needs more.
    pub stack_size: usize,
    /// Whose pages may connect to a server (§10.2). Default [`Origins::SameHost`]: a script of
    /// another site would act in the name of the user who visits that site.
    pub origins: Origins,
    /// Makes a client's source of nonces and masking keys. Default: the operating system's
    /// generator. A lesson or a test can put [`Entropy::scripted`] here.
    pub entropy: fn() -> Entropy,
}

/// When a time limit that begins now ends. The clock cannot hold `Duration::MAX`, so a limit is at
/// most a century.
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
            budget: Budget::new(1 << 30),
            write_buffer: 64 << 10,
            max_connections: 10_000,
            stack_size: 256 << 10,
            origins: Origins::SameHost,
            entropy: Entropy::from_system,
        }
    }
}
