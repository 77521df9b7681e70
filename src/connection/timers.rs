//! RFC 6455 §10.4 and §5.5.2: what is due on a connection, and when.
//!
//! Time limits of the reading half: silence, a message that does not end, a Close without an
//! answer. This file knows clocks and no sockets. `websocket.rs` asks it how long to wait, and does
//! what is due.

use super::config::{Config, deadline_in};
use std::time::{Duration, Instant};

/// The clocks of one connection.
#[derive(Debug)]
pub(super) struct Timers {
    /// After this much silence a Ping is due. `None`: keepalive is off.
    keepalive: Option<Duration>,
    message_timeout: Duration,
    close_timeout: Duration,
    /// When bytes last arrived.
    heard: Instant,
    /// A Ping was sent since then.
    pinged: bool,
    /// When the unfinished message began. `None` until a read has to wait for the rest of it.
    message_began: Option<Instant>,
    /// When the peer's Close must have come. Set when a read first waits for it.
    close_deadline: Option<Instant>,
}

/// What is due when a wait has ended without bytes.
#[derive(Debug, PartialEq)]
pub(super) enum Due {
    /// Nothing. The wait goes on.
    Nothing,
    /// The caller's deadline has passed, or the stream itself has a limit.
    Deadline,
    /// A Ping, to ask whether the peer is still there (§5.5.2).
    Ping,
    /// The end: no sign of life for this long, not even an answer to the Ping.
    PeerIsGone(Duration),
    /// The end: the peer did not answer our Close.
    CloseUnanswered,
}

impl Timers {
    /// `can_limit`: the stream has time limits. Without them there is no keepalive.
    pub(super) fn new(config: &Config, can_limit: bool) -> Timers {
        Timers {
            keepalive: config.keepalive.filter(|_| can_limit),
            message_timeout: config.message_timeout,
            close_timeout: config.close_timeout,
            heard: Instant::now(),
            pinged: false,
            message_began: None,
            close_deadline: None,
        }
    }

    /// Bytes have arrived.
    #[inline]
    pub(super) fn note_bytes(&mut self) {
        self.heard = Instant::now();
        self.pinged = false;
    }

    /// A message is complete.
    #[inline]
    pub(super) fn note_message(&mut self) {
        self.message_began = None;
    }

    /// A read is about to wait for the rest of a message. Returns whether the message is too slow
    /// (§10.4): it began longer than the message timeout before the last bytes arrived.
    pub(super) fn is_message_too_slow(&mut self) -> bool {
        let began = *self.message_began.get_or_insert(self.heard);
        self.heard - began >= self.message_timeout
    }

    /// A read is about to wait for the peer's Close. Returns whether it is too late for that.
    pub(super) fn is_close_late(&mut self) -> bool {
        let limit = self.close_timeout;
        let deadline = self
            .close_deadline
            .get_or_insert_with(|| deadline_in(limit));
        *deadline <= Instant::now()
    }

    /// How long the next read may wait. `None`: as long as it takes. Without a deadline the answer
    /// is always the same, and no clock is read.
    #[inline]
    pub(super) fn read_limit(&self, deadline: Option<Instant>) -> Option<Duration> {
        match self.earliest(deadline) {
            None => self.keepalive,
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                // A limit of zero would mean "no limit" to the system.
                let left = left.max(Duration::from_micros(1));
                Some(self.keepalive.map_or(left, |keepalive| keepalive.min(left)))
            }
        }
    }

    /// The caller's deadline or that of the peer's Close.
    fn earliest(&self, deadline: Option<Instant>) -> Option<Instant> {
        match (deadline, self.close_deadline) {
            (Some(deadline), Some(close)) => Some(deadline.min(close)),
            (deadline, close) => deadline.or(close),
        }
    }

    /// What is due, after a read has waited and got nothing. `may_ping`: a Ping may still be sent.
    pub(super) fn due(&mut self, deadline: Option<Instant>, may_ping: bool) -> Due {
        let now = Instant::now();
        if self.close_deadline.is_some_and(|close| close <= now) {
            return Due::CloseUnanswered;
        }
        if let Some(keepalive) = self.keepalive {
            let silence = now - self.heard;
            if !self.pinged && silence >= keepalive && may_ping {
                self.pinged = true;
                return Due::Ping;
            }
            if self.pinged && silence >= keepalive.saturating_mul(2) {
                return Due::PeerIsGone(silence);
            }
        }
        let has_limit = self.keepalive.is_some() || self.close_deadline.is_some();
        match deadline {
            Some(deadline) if deadline <= now => Due::Deadline,
            None if !has_limit => Due::Deadline,
            _ => Due::Nothing,
        }
    }
}
