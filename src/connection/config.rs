//! RFC 6455 §10.4, Implementation-Specific Limits: every limit of a connection, with the reason for
//! its default.
//!
//! The defaults are made for a server that anybody can reach.

use super::budget::Budget;
use super::compression::Compression;
use super::entropy::Entropy;
use crate::opening::{Hosts, Origins};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// Time limits and sizes. To switch a limit off, set it to `Duration::MAX` or `usize::MAX`. No time
/// may be zero; [`check`](Config::check) has the rules. Change what you need:
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
    /// The rate at which a client must take the page or the refusal that a server answers with, in
    /// bytes a second. [`response_grace`](Config::response_grace) says over which time it is
    /// measured. So a client that reads a byte now and then cannot keep a thread. Default 1 KiB/s:
    /// slower than any line that can still be used. 0: any rate will do.
    pub min_response_rate: usize,
    /// The time over which [`min_response_rate`](Config::min_response_rate) is measured. The first
    /// check comes after this time, and then one after each such time. So a response of `n` bytes
    /// takes at most this time and `n / min_response_rate` seconds. Default 10 s.
    pub response_grace: Duration,
    /// The longest head of a request or a response, in bytes. Default 32 KiB: a
    /// browser may send 16 KiB of cookies and more.
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
    /// The most connections from one address that a server serves at a time. The next one gets 503.
    /// An IPv6 address counts with its whole /64 network, because one customer usually has all of
    /// it. Default `usize::MAX`, off: behind a proxy all clients have the proxy's address, and a
    /// whole company or mobile network may share one (NAT). On a port that clients reach directly,
    /// 100 is a good start.
    pub max_connections_per_address: usize,
    /// The stack of each thread of a server, in bytes. Default 256 KiB: unused stack costs
    /// addresses, not memory. A handler with deep recursion needs more. The least is 16 KiB.
    pub stack_size: usize,
    /// Whose pages may connect to a server (§10.2). Default [`Origins::SameHost`]: a script of
    /// another site would act in the name of the user who visits that site.
    pub origins: Origins,
    /// The names by which clients may call a server. Default [`Hosts::Any`]. A server that only its
    /// own machine or network reaches, and that trusts them, needs [`Hosts::Local`].
    pub hosts: Hosts,
    /// Whether messages may be compressed (RFC 7692), and how. A client offers it, a server accepts
    /// it. Default `None`, off, for three reasons: each connection keeps two windows (memory); a
    /// secret and a text that an attacker chooses, compressed together, leak the secret through
    /// their length (CRIME); and what is small on the wire can be long in memory (bombs;
    /// [`max_message`](Config::max_message) limits those).
    pub compression: Option<Compression>,
    /// Makes a client's source of nonces and masking keys. Default: the operating system's
    /// generator. A lesson or a test can put [`Entropy::scripted`] here.
    pub entropy: fn() -> Entropy,
}

/// A field of a [`Config`] whose value cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidConfig {
    /// The name of the field.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// What is allowed there.
    pub allowed: &'static str,
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InvalidConfig {
            field,
            value,
            allowed,
        } = self;
        write!(f, "Config::{field} is {value}; allowed is {allowed}")
    }
}

impl std::error::Error for InvalidConfig {}

impl Config {
    /// Whether a connection can work with these limits. Everything that takes a `Config` asks this
    /// before the first byte is sent: a client when it connects, a server when it begins to run,
    /// [`Request::read`](crate::Request::read) and
    /// [`WebSocket::after_handshake`](crate::WebSocket::after_handshake).
    ///
    /// # Errors
    /// The first field that has a time of zero, a limit that nothing can keep, or a stack that no
    /// thread can run on.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        const TIME: &str = "more than 0 s; Duration::MAX switches the limit off";
        const NUMBER: &str = "1 or more; usize::MAX switches the limit off";
        const STACK: RangeInclusive<usize> = 16 << 10..=isize::MAX as usize;
        let invalid = |field, value: &dyn fmt::Debug, allowed| {
            Err(InvalidConfig {
                field,
                value: format!("{value:?}"),
                allowed,
            })
        };
        for (field, time) in [
            ("handshake_timeout", self.handshake_timeout),
            ("close_timeout", self.close_timeout),
            ("write_timeout", self.write_timeout),
            ("message_timeout", self.message_timeout),
            ("response_grace", self.response_grace),
        ] {
            if time.is_zero() {
                return invalid(field, &time, TIME);
            }
        }
        if self.keepalive == Some(Duration::ZERO) {
            let allowed = "more than 0 s; None switches keepalive off";
            return invalid("keepalive", &self.keepalive, allowed);
        }
        for (field, number) in [
            ("max_head", self.max_head),
            ("max_fields", self.max_fields),
            ("max_connections", self.max_connections),
            (
                "max_connections_per_address",
                self.max_connections_per_address,
            ),
        ] {
            if number == 0 {
                return invalid(field, &number, NUMBER);
            }
        }
        if let Some(compression) = &self.compression
            && !(1..=9).contains(&compression.level)
        {
            return invalid("compression", compression, "a level from 1 to 9");
        }
        match STACK.contains(&self.stack_size) {
            true => Ok(()),
            false => invalid("stack_size", &self.stack_size, "16384 bytes or more"),
        }
    }
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
            min_response_rate: 1 << 10,
            response_grace: Duration::from_secs(10),
            max_head: 32 << 10,
            max_fields: 100,
            max_message: 16 << 20,
            budget: Budget::new(1 << 30),
            write_buffer: 64 << 10,
            max_connections: 10_000,
            max_connections_per_address: usize::MAX,
            stack_size: 256 << 10,
            origins: Origins::SameHost,
            hosts: Hosts::Any,
            compression: None,
            entropy: Entropy::from_system,
        }
    }
}
