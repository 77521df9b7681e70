//! RFC 6455 §7.2.3, Recovering from Abnormal Closure: how long to wait before the next attempt.
//!
//! The delays are random and grow. So a thousand clients that lost one server do not all come back
//! at the same moment.

use crate::connection::{Entropy, Error};
use std::thread;
use std::time::Duration;

/// Truncated binary exponential backoff. The first delay is random from 0 to 5 s. The next ones are
/// at most 10 s, 20 s, 40 s, and then 60 s, and at least half of that.
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

    /// An attempt succeeded: the next delay is a first delay again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Waits for the next delay and calls `connect`, again and again, until it succeeds or fails
    /// with an error that a later attempt would meet again.
    ///
    /// # Errors
    /// The first error that is not [transient](Error::is_transient).
    pub fn retry<T>(&mut self, mut connect: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
        loop {
            thread::sleep(self.next_delay());
            match connect() {
                Err(error) if error.is_transient() => {}
                result => return result,
            }
        }
    }
}
