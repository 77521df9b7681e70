//! RFC 6455 §7.2.3, Recovering from Abnormal Closure: how long to wait before the next attempt.
//!
//! The delays are random and grow. So a thousand clients that lost one server do not all come back
//! at the same moment.

use crate::connection::{Entropy, Error};
use std::thread;
use std::time::Duration;

/// Truncated binary exponential backoff. The first delay is random from 0 to 5 s. The next ones are
/// at most 10 s, 20 s, 40 s, and then 60 s, and at least half of that. They start anew only after a
/// connection that lasted.
#[derive(Debug)]
pub struct Backoff {
    entropy: Entropy,
    failures: u32,
}

impl Backoff {
    /// §7.2.3: "a value chosen randomly between 0 and 5 seconds is a reasonable initial delay".
    pub const FIRST: Duration = Duration::from_secs(5);
    /// The longest delay.
    pub const LONGEST: Duration = Duration::from_secs(60);

    /// A connection that was open for this long has lasted: the next delays start anew.
    pub const LASTING: Duration = Backoff::LONGEST;
    /// The longest time that a server can ask to wait.
    pub const LONGEST_ASKED: Duration = Duration::from_secs(60 * 60);

    /// Starts with the first delay. `entropy` draws the random delays.
    #[must_use]
    pub fn new(entropy: Entropy) -> Backoff {
        Backoff {
            entropy,
            failures: 0,
        }
    }

    /// How long to wait before the next attempt. Each call counts as one failure.
    pub fn next_delay(&mut self) -> Duration {
        let longest = Backoff::FIRST
            .saturating_mul(1 << self.failures.min(16))
            .min(Backoff::LONGEST);
        // §7.2.3: "subsequent reconnect attempts SHOULD be delayed by increasingly longer amounts
        // of time". So a delay is at least half of its maximum.
        let least = match self.failures {
            0 => Duration::ZERO,
            _ => longest / 2,
        };
        self.failures = self.failures.saturating_add(1);
        least + (longest - least).mul_f64(self.entropy.fraction())
    }

    /// The next delay is a first delay again. After a connection, call
    /// [`connection_lasted`](Backoff::connection_lasted): a server that accepts and breaks off at
    /// once needs longer delays, too.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// A connection was open for this long, and was lost. If that is [`LASTING`](Backoff::LASTING)
    /// or longer, the next delay is a first delay again. Else the delays go on growing.
    pub fn connection_lasted(&mut self, time: Duration) {
        if time >= Backoff::LASTING {
            self.reset();
        }
    }

    /// How long to wait after this error: the next delay, or as long as the server asks with
    /// `Retry-After` if that is longer; but [`LONGEST_ASKED`](Backoff::LONGEST_ASKED) at most. Each
    /// call counts as one failure.
    pub fn delay_after(&mut self, error: &Error) -> Duration {
        let asked = error.retry_after().unwrap_or_default();
        self.next_delay().max(asked.min(Backoff::LONGEST_ASKED))
    }

    /// Waits for the next delay and calls `connect`, again and again, until it succeeds or fails
    /// with an error that a later attempt would meet again. A server that refuses with a
    /// `Retry-After` is left alone for that time, see [`delay_after`](Backoff::delay_after).
    ///
    /// # Errors
    /// The first error that is not [transient](Error::is_transient).
    pub fn retry<T>(&mut self, mut connect: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
        let mut delay = self.next_delay();
        loop {
            thread::sleep(delay);
            match connect() {
                Err(error) if error.is_transient() => delay = self.delay_after(&error),
                result => return result,
            }
        }
    }
}
