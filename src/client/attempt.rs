//! RFC 6455 §4.1, step 2: "If multiple connections to the same IP address are attempted
//! simultaneously, the client MUST serialize them so that there is no more than one connection at a
//! time running through the following steps."
//!
//! An attempt to connect to an address waits until no other attempt in this process connects to it.
//! So a script cannot open many connections to one host at the same time.
//!
//! The wait counts: `connect` ends within its time limit, even behind servers that never answer. If
//! the limit began only after the wait, the tenth call behind such a server would take ten times
//! its limit. So an attempt whose time went into the wait says so in its error.

use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The addresses that have a connection in the CONNECTING state.
static CONNECTING: Mutex<Vec<IpAddr>> = Mutex::new(Vec::new());
static CHANGED: Condvar = Condvar::new();

fn connecting() -> MutexGuard<'static, Vec<IpAddr>> {
    CONNECTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The right to connect to an address. It begins before TCP and lasts until it is dropped, at the
/// end of the opening handshake.
#[derive(Debug)]
pub(super) struct Attempt {
    address: IpAddr,
    began: Instant,
    /// How long it waited for another attempt before it began.
    waited: Duration,
}

impl Attempt {
    /// Waits until no other attempt connects to the address, or until `over` is set.
    ///
    /// # Errors
    /// The deadline came first, or `over` was set.
    pub(super) fn wait(
        address: IpAddr,
        deadline: Instant,
        over: &AtomicBool,
    ) -> io::Result<Attempt> {
        let start = Instant::now();
        let must_wait = |connecting: &mut Vec<IpAddr>| {
            connecting.contains(&address) && !over.load(Ordering::Relaxed)
        };
        let left = deadline.saturating_duration_since(start);
        let (mut connecting, _) = CHANGED
            .wait_timeout_while(connecting(), left, must_wait)
            .unwrap_or_else(PoisonError::into_inner);
        let waited = start.elapsed();
        if connecting.contains(&address) || over.load(Ordering::Relaxed) {
            return Err(waited_for(address, waited));
        }
        connecting.push(address);
        Ok(Attempt {
            address,
            began: Instant::now(),
            waited,
        })
    }

    /// Makes every wait look at its `over` again.
    pub(super) fn wake_all() {
        let _connecting = connecting();
        CHANGED.notify_all();
    }

    /// The error of an attempt that ran out of time, if the wait before it took most of that time.
    pub(super) fn was_late(&self) -> Option<io::Error> {
        (self.waited > self.began.elapsed()).then(|| waited_for(self.address, self.waited))
    }
}

fn waited_for(address: IpAddr, waited: Duration) -> io::Error {
    let seconds = waited.as_secs_f32();
    io::Error::new(
        ErrorKind::TimedOut,
        format!(
            "waited {seconds:.1} s for another connection to {address} to finish its opening \
             handshake (§4.1)"
        ),
    )
}

impl Drop for Attempt {
    fn drop(&mut self) {
        connecting().retain(|address| *address != self.address);
        CHANGED.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;

    const FAR: Duration = Duration::from_secs(600);

    #[test]
    fn a_wait_ends_when_its_race_is_over() {
        let address = IpAddr::from([127, 6, 4, 1]);
        let over = Arc::new(AtomicBool::new(false));
        let deadline = Instant::now() + FAR;
        let first = Attempt::wait(address, deadline, &over).unwrap();
        let waiting = {
            let over = Arc::clone(&over);
            thread::spawn(move || Attempt::wait(address, deadline, &over).map(drop))
        };
        over.store(true, Ordering::Relaxed);
        Attempt::wake_all();
        assert!(waiting.join().unwrap().is_err());
        drop(first);
    }

    #[test]
    fn an_attempt_that_waited_for_most_of_its_time_says_so() {
        let mut attempt = Attempt {
            address: IpAddr::from([127, 6, 4, 2]),
            began: Instant::now(),
            waited: FAR,
        };
        let error = attempt.was_late().unwrap();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(
            error.to_string(),
            "waited 600.0 s for another connection to 127.6.4.2 to finish its opening handshake \
             (§4.1)"
        );
        attempt.waited = Duration::ZERO;
        assert!(attempt.was_late().is_none());
    }
}
