//! From a name to its addresses, within a time limit.
//!
//! - The system's look-up of a name has no time limit and cannot be stopped. So it has a thread of
//!   its own, which may outlive the call.
//! - At most eight look-ups run at a time in this process. So a name server that does not answer
//!   costs eight threads. The ninth look-up waits for its turn within its limit.
//! - A host that is an address already needs no look-up.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use std::{fmt, thread};

/// The most look-ups at a time.
const MOST: usize = 8;

static RUNNING: Mutex<usize> = Mutex::new(0);
static ONE_LESS: Condvar = Condvar::new();

fn running() -> MutexGuard<'static, usize> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

type Lookup = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// What looks names up: the system, or what the user gave.
#[derive(Clone)]
pub(super) struct Resolver(Arc<Lookup>);

impl Resolver {
    pub(super) fn new(
        lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Resolver {
        Resolver(Arc::new(lookup))
    }

    /// The addresses of a host, in the order in which to try them.
    ///
    /// # Errors
    /// Those of the look-up; the deadline came first.
    pub(super) fn resolve(
        &self,
        host: &str,
        port: u16,
        deadline: Instant,
    ) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![(address, port).into()]);
        }
        let place = Place::wait(deadline)?;
        let lookup = Arc::clone(&self.0);
        let name = host.to_owned();
        let (found, addresses) = mpsc::channel();
        thread::Builder::new().spawn(move || {
            let _place = place;
            // The call may have ended. Then nobody wants the answer.
            let _ = found.send(lookup(&name, port));
        })?;
        let left = deadline.saturating_duration_since(Instant::now());
        match addresses.recv_timeout(left) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(io::Error::new(
                ErrorKind::TimedOut,
                format!("the look-up of the name {host} did not end in time"),
            )),
            Err(RecvTimeoutError::Disconnected) => Err(io::Error::other(format!(
                "the look-up of the name {host} panicked"
            ))),
        }
    }
}

impl Default for Resolver {
    fn default() -> Resolver {
        Resolver::new(|host, port| Ok((host, port).to_socket_addrs()?.collect()))
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

/// The right to run a look-up, until it is dropped.
struct Place;

impl Place {
    fn wait(deadline: Instant) -> io::Result<Place> {
        let start = Instant::now();
        let left = deadline.saturating_duration_since(start);
        let (mut running, _) = ONE_LESS
            .wait_timeout_while(running(), left, |running| *running >= MOST)
            .unwrap_or_else(PoisonError::into_inner);
        if *running >= MOST {
            let seconds = start.elapsed().as_secs_f32();
            return Err(io::Error::new(
                ErrorKind::TimedOut,
                format!(
                    "waited {seconds:.1} s because {MOST} look-ups of names run already and do not \
                     end"
                ),
            ));
        }
        *running += 1;
        Ok(Place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *running() -= 1;
        ONE_LESS.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// The tests count the look-ups of this process, so they run one after the other.
    static ONE_TEST: Mutex<()> = Mutex::new(());

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    fn in_ten_minutes() -> Instant {
        Instant::now() + Duration::from_secs(600)
    }

    #[test]
    fn look_ups_that_do_not_end_take_eight_threads_at_most() {
        let _one = ONE_TEST.lock().unwrap_or_else(PoisonError::into_inner);
        let (end, ends) = mpsc::channel::<()>();
        let ends = Mutex::new(ends);
        let stuck = Resolver::new(move |_, _| {
            let _ = ends.lock().unwrap().recv();
            Ok(vec![])
        });
        for _ in 0..MOST {
            let error = stuck.resolve("stuck.example", 80, soon()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(
                error
                    .to_string()
                    .contains("look-up of the name stuck.example")
            );
        }
        let ninth = stuck.resolve("ninth.example", 80, soon()).unwrap_err();
        assert_eq!(ninth.kind(), ErrorKind::TimedOut);
        assert!(
            ninth
                .to_string()
                .contains("8 look-ups of names run already"),
            "{ninth}"
        );
        // An address needs no look-up.
        let address = stuck.resolve("::1", 80, soon()).unwrap();
        assert_eq!(
            address,
            [(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]), 80).into()]
        );
        // One that ends makes room.
        end.send(()).unwrap();
        let quick = Resolver::new(|_, port| Ok(vec![([127, 0, 0, 1], port).into()]));
        let found = quick.resolve("quick.example", 7, in_ten_minutes()).unwrap();
        assert_eq!(found, [([127, 0, 0, 1], 7).into()]);
        drop(end);
    }

    #[test]
    fn a_look_up_that_panics_is_an_error_and_gives_its_place_back() {
        let _one = ONE_TEST.lock().unwrap_or_else(PoisonError::into_inner);
        let broken = Resolver::new(|_, _| panic!("on purpose"));
        for _ in 0..2 * MOST {
            let error = broken
                .resolve("x.example", 80, in_ten_minutes())
                .unwrap_err();
            assert!(error.to_string().contains("panicked"), "{error}");
        }
    }
}
