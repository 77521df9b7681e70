//! Read first: RFC 6455 §7.2.3, Recovering from Abnormal Closure.
//!
//! How long to wait before the next attempt, so that a thousand clients that lost one server do
//! not all come back in the same moment.

use crate::entropy::Entropy;
use std::time::Duration;

/// Truncated binary exponential backoff with a random start. Delays are drawn:
/// the first from 0 to 5 s, the next up to 10 s, 20 s, 40 s, and from then on up to 60 s; from
/// the second on, at least half of that.
#[derive(Debug)]
pub struct Backoff {
    entropy: Entropy,
    failures: u32,
}

impl Backoff {
    /// §7.2.3: "a value chosen randomly between 0 and 5 seconds is a reasonable initial delay".
    pub const FIRST: Duration = Duration::from_secs(5);
    /// No delay is longer.
    pub const LONGEST: Duration = Duration::from_secs(60);

    /// A fresh start, with the randomness of `entropy`.
    #[must_use]
    pub fn new(entropy: Entropy) -> Backoff {
        Backoff {
            entropy,
            failures: 0,
        }
    }

    /// How long to wait before the next attempt. Each call counts as one more failure.
    pub fn next_delay(&mut self) -> Duration {
        let longest = Backoff::FIRST
            .saturating_mul(1 << self.failures.min(16))
            .min(Backoff::LONGEST);
        // §7.2.3: "subsequent reconnect attempts SHOULD be delayed by increasingly longer amounts
        // of time": never less than half of what it may be.
        let least = match self.failures {
            0 => Duration::ZERO,
            _ => longest / 2,
        };
        self.failures = self.failures.saturating_add(1);
        least + (longest - least).mul_f64(self.entropy.fraction())
    }

    /// An attempt succeeded: the next delay is a first one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}
