//! RFC 6455 §4.2: taking connections from the operating system, as fast as they come.
//!
//! - The system holds 128 connections that wait for `accept`; `std` has no way to ask for more.
//!   What comes while the queue is full is lost, and the peer tries again only after a second. So
//!   this loop does nothing but accept. It hands each connection over to another thread, which
//!   starts the connection's own thread.
//! - Nothing that happens on a connection, and no code of the user, is in this loop. Only a stop
//!   ends it.

use super::reserve::{Reserve, is_lack};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

/// A connection that was accepted, and the address of its peer.
pub(super) type Newcomer = (TcpStream, SocketAddr);

/// How many connections may wait for their thread. The rest waits in the system's queue.
pub(super) const LONGEST_QUEUE: usize = 1024;

/// Accepts until the server stops. `report` hears of those that were turned away for lack of
/// descriptors, at most once in [`REPORT_INTERVAL`]; it must not wait.
pub(super) fn accept_all(
    listener: &TcpListener,
    newcomers: &SyncSender<Newcomer>,
    stopping: &AtomicBool,
    report: &dyn Fn(SocketAddr, io::Error),
) {
    /// An error that is not about one connection would otherwise use up a processor.
    const MOST_AT_ONCE: u32 = 100;
    const PAUSE: Duration = Duration::from_millis(50);
    // A listener that was made elsewhere may be set to return at once.
    let _ = listener.set_nonblocking(false);
    let mut reserve = Reserve::take(listener);
    let mut turned_away = TurnedAway::default();
    let mut failures = 0;
    loop {
        let accepted = listener.accept();
        if stopping.load(Ordering::Acquire) {
            return;
        }
        match accepted {
            Ok(newcomer) => {
                failures = 0;
                reserve.renew(listener);
                if newcomers.send(newcomer).is_err() {
                    return; // Nobody takes them any more: the server has stopped.
                }
            }
            Err(error) if is_lack(&error) => match reserve.turn_away(listener) {
                Some(peer) => turned_away.note(peer, &error, report),
                None => {
                    thread::sleep(PAUSE);
                    reserve.renew(listener);
                }
            },
            // The peer has gone again, for example. The next one may be waiting already.
            Err(_) if failures < MOST_AT_ONCE => failures += 1,
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

/// The time between two reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// Those that were turned away since the last report.
#[derive(Default)]
struct TurnedAway {
    count: u64,
    reported: Option<Instant>,
}

impl TurnedAway {
    fn note(
        &mut self,
        peer: SocketAddr,
        error: &io::Error,
        report: &dyn Fn(SocketAddr, io::Error),
    ) {
        self.count += 1;
        let due = self
            .reported
            .is_none_or(|last| last.elapsed() >= REPORT_INTERVAL);
        if due {
            let count = self.count;
            let what = format!("closed at once, {count} since the last such line: {error}");
            report(peer, io::Error::new(error.kind(), what));
            *self = TurnedAway {
                count: 0,
                reported: Some(Instant::now()),
            };
        }
    }
}
