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
    can_limit: bool,
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
    /// The caller's deadline has passed.
    Deadline,
    /// Nothing that is known here: the stream itself has a limit.
    StreamLimit,
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
            can_limit,
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

    /// How long nothing has arrived.
    pub(super) fn silence(&self) -> Duration {
        self.heard.elapsed()
    }

    /// Whether the stream has time limits.
    #[inline]
    pub(super) fn can_limit(&self) -> bool {
        self.can_limit
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
            None if !has_limit => Due::StreamLimit,
            _ => Due::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEPALIVE: Duration = Duration::from_millis(200);
    const MINUTE: Duration = Duration::from_secs(60);

    /// The clocks of a connection with this keepalive, on a stream with time limits.
    fn timers(keepalive: Option<Duration>) -> Timers {
        let config = Config {
            keepalive,
            message_timeout: KEEPALIVE,
            close_timeout: MINUTE,
            ..Config::default()
        };
        Timers::new(&config, true)
    }

    /// Moves what was noted so far into the past.
    fn pass(timers: &mut Timers, time: Duration) {
        timers.heard -= time;
        let (began, deadline) = (&mut timers.message_began, &mut timers.close_deadline);
        for instant in [began, deadline].into_iter().flatten() {
            *instant -= time;
        }
    }

    #[test]
    fn without_a_deadline_a_read_waits_for_the_keepalive_and_without_keepalive_for_ever() {
        assert_eq!(timers(Some(KEEPALIVE)).read_limit(None), Some(KEEPALIVE));
        assert_eq!(timers(None).read_limit(None), None);
        // A stream without time limits cannot keep alive.
        let config = Config::default();
        assert!(config.keepalive.is_some());
        assert_eq!(Timers::new(&config, false).read_limit(None), None);
    }

    #[test]
    fn a_deadline_makes_a_wait_shorter_but_never_zero_or_longer() {
        let in_future = |left| Some(Instant::now() + left);
        for keepalive in [None, Some(MINUTE)] {
            let limit = timers(keepalive).read_limit(in_future(KEEPALIVE)).unwrap();
            assert!(limit > Duration::ZERO && limit <= KEEPALIVE, "{limit:?}");
            let passed = Some(Instant::now());
            let limit = timers(keepalive).read_limit(passed).unwrap();
            assert_eq!(limit, Duration::from_micros(1));
        }
        let limit = timers(Some(KEEPALIVE)).read_limit(in_future(MINUTE));
        assert_eq!(limit, Some(KEEPALIVE));
    }

    #[test]
    fn silence_brings_a_ping_and_more_silence_the_end() {
        let mut timers = timers(Some(KEEPALIVE));
        assert_eq!(timers.due(None, true), Due::Nothing);
        pass(&mut timers, KEEPALIVE);
        assert_eq!(timers.due(None, true), Due::Ping);
        assert_eq!(timers.due(None, true), Due::Nothing, "one Ping is enough");
        pass(&mut timers, KEEPALIVE);
        let due = timers.due(None, true);
        assert!(matches!(due, Due::PeerIsGone(silence) if silence >= 2 * KEEPALIVE));
    }

    #[test]
    fn any_bytes_are_a_sign_of_life() {
        let mut timers = timers(Some(KEEPALIVE));
        for _ in 0..3 {
            pass(&mut timers, KEEPALIVE);
            assert_eq!(timers.due(None, true), Due::Ping);
            timers.note_bytes();
            assert_eq!(timers.due(None, true), Due::Nothing);
        }
    }

    #[test]
    fn after_our_close_no_ping_is_due() {
        let mut timers = timers(Some(KEEPALIVE));
        pass(&mut timers, 10 * KEEPALIVE);
        assert_eq!(timers.due(None, false), Due::Nothing);
    }

    #[test]
    fn a_deadline_is_due_when_it_has_passed() {
        for keepalive in [None, Some(MINUTE)] {
            let mut timers = timers(keepalive);
            let now = Instant::now();
            assert_eq!(timers.due(Some(now), true), Due::Deadline);
            assert_eq!(timers.due(Some(now + MINUTE), true), Due::Nothing);
        }
        // Nobody here set a limit, so the stream has one of its own.
        assert_eq!(timers(None).due(None, true), Due::StreamLimit);
        // A Ping goes before the deadline. The next wait reports the deadline.
        let mut timers = timers(Some(KEEPALIVE));
        pass(&mut timers, KEEPALIVE);
        let passed = Some(Instant::now());
        assert_eq!(timers.due(passed, true), Due::Ping);
        assert_eq!(timers.due(passed, true), Due::Deadline);
    }

    #[test]
    fn a_message_is_too_slow_by_the_times_at_which_its_bytes_came() {
        let mut timers = timers(None);
        assert!(!timers.is_message_too_slow());
        // Our own pause is not the peer's: no byte has come since.
        pass(&mut timers, 2 * KEEPALIVE);
        assert!(!timers.is_message_too_slow());
        timers.note_bytes();
        assert!(timers.is_message_too_slow());
        // The next message has its own time.
        timers.note_message();
        assert!(!timers.is_message_too_slow());
    }

    #[test]
    fn the_time_for_the_peers_close_begins_with_the_first_wait_for_it() {
        let mut timers = timers(Some(2 * MINUTE));
        pass(&mut timers, 2 * MINUTE - KEEPALIVE);
        assert!(!timers.is_close_late());
        assert_eq!(timers.due(None, false), Due::Nothing);
        assert!(timers.read_limit(None).unwrap() <= MINUTE);
        pass(&mut timers, MINUTE);
        assert!(timers.is_close_late());
        // It goes before everything else that is due.
        assert_eq!(timers.due(Some(Instant::now()), true), Due::CloseUnanswered);
        assert_eq!(timers.read_limit(None), Some(Duration::from_micros(1)));
    }
}
