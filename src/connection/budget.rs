//! RFC 6455 §10.4, Implementation-Specific Limits: one limit for the memory of all connections.
//!
//! `max_message` limits one connection. Ten thousand connections that each send most of a message
//! would still fill the memory of a machine. So connections that share a [`Budget`] count what they
//! hold, in bytes that they really have.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Each connection may hold this many bytes before it counts, so that ordinary connections touch
/// nothing that others use, too.
const FREE: usize = 64 << 10;

/// A limit, in bytes, for the memory that all connections with this budget hold together. Clones are
/// the same budget. A [`Config`](crate::Config) has one, and everything that is made with clones of
/// that `Config` shares it: the connections of a server, or those of a plain listener loop.
///
/// The first 64 KiB of each connection do not count.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Counter>);

#[derive(Debug)]
struct Counter {
    limit: usize,
    held: AtomicUsize,
}

impl Budget {
    /// A budget of `limit` bytes. `usize::MAX` switches it off.
    #[must_use]
    pub fn new(limit: usize) -> Budget {
        Budget(Arc::new(Counter {
            limit,
            held: AtomicUsize::new(0),
        }))
    }

    /// The limit, in bytes.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// A place in the budget for one more owner of memory. A [`WebSocket`](crate::WebSocket) has one.
    /// A program can count its own queues with others.
    #[must_use]
    pub fn share(&self) -> Share {
        Share {
            budget: self.clone(),
            counted: 0,
        }
    }

    /// How many bytes are counted now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.held.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) -> bool {
        let fits = |held: usize| {
            let sum = held.checked_add(bytes)?;
            (sum <= self.0.limit).then_some(sum)
        };
        let counter = &self.0.held;
        counter
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .is_ok()
    }
}

/// What one connection holds of a [`Budget`]. Dropping it gives everything back.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    counted: usize,
}

impl Share {
    /// The owner holds, or is about to hold, this many bytes in all. The first 64 KiB do not count.
    /// Returns whether the budget allows that. Less than before is always allowed.
    #[inline]
    pub fn hold(&mut self, memory: usize) -> bool {
        let counted = memory.saturating_sub(FREE);
        counted == self.counted || self.change(counted)
    }

    #[cold]
    fn change(&mut self, counted: usize) -> bool {
        if counted > self.counted {
            if !self.budget.add(counted - self.counted) {
                return false;
            }
        } else {
            let less = self.counted - counted;
            self.budget.0.held.fetch_sub(less, Ordering::Relaxed);
        }
        self.counted = counted;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.hold(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_count_beyond_their_first_64_kib_and_give_back() {
        let budget = Budget::new(100_000);
        let mut one = budget.share();
        let mut two = budget.share();
        assert!(one.hold(FREE) && two.hold(FREE));
        assert_eq!(budget.held(), 0);
        assert!(one.hold(FREE + 60_000));
        assert!(!two.hold(FREE + 40_001));
        assert!(two.hold(FREE + 40_000));
        assert_eq!(budget.held(), 100_000);
        drop(one);
        assert_eq!(budget.held(), 40_000);
        assert!(two.hold(10));
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn a_budget_without_end_limits_nothing() {
        let mut one = Budget::new(usize::MAX).share();
        assert!(one.hold(usize::MAX / 2));
    }
}
