//! RFC 8305, Happy Eyeballs, in small: a host with several addresses is reached although some of
//! them are dead.
//!
//! - The first address starts. The next one starts after 250 ms, or at once when all before it have
//!   failed. The first TCP connection wins.
//! - Only TCP races, not the opening handshake. A server acts on a request: it may count it, log
//!   a user in, or take a ticket that is valid once. So it must not get two requests because it was
//!   slow. If the winner fails in its handshake, [`Race::next`] gives the next connection.
//! - RFC 6455 §4.1 holds: an address has one attempt at a time, see `attempt.rs`.
//! - Each address has a thread, since `std` cannot connect to two at a time. The last one that is
//!   left needs no thread. So a host with one address never has one.
//! - `std` cannot stop an attempt either. A thread that has lost ends at the deadline at the latest.
//!   Until then its attempt counts, because TCP still tries.

use super::attempt::Attempt;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// How long an address is tried before the next one starts. RFC 8305 §5: "One recommended value for
/// a default delay is 250 milliseconds."
const HEAD_START: Duration = Duration::from_millis(250);

/// A TCP connection, and the right to do an opening handshake on it.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) stream: TcpStream,
    pub(super) attempt: Attempt,
}

/// The race of the addresses of one host. When it is dropped, the losers are closed.
pub(super) struct Race {
    waiting: VecDeque<SocketAddr>,
    /// How many addresses have started and not reported.
    running: usize,
    next_start: Instant,
    deadline: Instant,
    report: Sender<io::Result<Connected>>,
    reports: Receiver<io::Result<Connected>>,
    over: Arc<AtomicBool>,
}

impl Race {
    pub(super) fn new(addresses: Vec<SocketAddr>, deadline: Instant) -> Race {
        let (report, reports) = mpsc::channel();
        Race {
            waiting: alternate(addresses),
            running: 0,
            next_start: Instant::now(),
            deadline,
            report,
            reports,
            over: Arc::default(),
        }
    }

    /// Whether another address may still connect.
    pub(super) fn has_others(&self) -> bool {
        self.running > 0 || !self.waiting.is_empty()
    }

    /// The next TCP connection.
    ///
    /// # Errors
    /// No address is left. It is the last error of an attempt.
    pub(super) fn next(&mut self) -> io::Result<Connected> {
        let mut last = match self.waiting.is_empty() {
            true => io::Error::new(ErrorKind::NotFound, "the name has no address"),
            false => ErrorKind::TimedOut.into(),
        };
        while self.has_others() {
            if self.running == 0 && self.waiting.len() == 1 {
                let address = self.waiting.remove(0);
                return address.map_or(Err(last), |address| {
                    connect(address, self.deadline, &self.over)
                });
            }
            self.start_next()?;
            match self.report_until_next_start() {
                Some(Ok(connected)) => return Ok(connected),
                Some(Err(error)) => last = error,
                None => {}
            }
        }
        Err(last)
    }

    /// Starts the next address if it is time to.
    fn start_next(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if now >= self.deadline && self.running > 0 {
            self.waiting.clear();
        }
        if self.running > 0 && now < self.next_start {
            return Ok(());
        }
        let Some(address) = self.waiting.pop_front() else {
            return Ok(());
        };
        let (report, over) = (self.report.clone(), Arc::clone(&self.over));
        let deadline = self.deadline;
        thread::Builder::new().spawn(move || {
            // If the race is over, the connection is closed here.
            let _ = report.send(connect(address, deadline, &over));
        })?;
        self.running += 1;
        self.next_start = now + HEAD_START;
        Ok(())
    }

    /// Waits for the end of an attempt. `None`: it is time to start the next address.
    fn report_until_next_start(&mut self) -> Option<io::Result<Connected>> {
        let report = match self.waiting.is_empty() {
            // Each attempt ends at the deadline at the latest, so this wait ends, too.
            true => self.reports.recv().ok(),
            false => {
                let left = self.next_start.saturating_duration_since(Instant::now());
                self.reports.recv_timeout(left).ok()
            }
        };
        self.running -= usize::from(report.is_some());
        report
    }
}

impl Drop for Race {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        Attempt::wake_all();
    }
}

/// One attempt, until TCP is there.
fn connect(address: SocketAddr, deadline: Instant, over: &AtomicBool) -> io::Result<Connected> {
    let attempt = Attempt::wait(address.ip(), deadline, over)?;
    let left = deadline.saturating_duration_since(Instant::now());
    match TcpStream::connect_timeout(&address, left.max(Duration::from_millis(1))) {
        Ok(stream) => Ok(Connected { stream, attempt }),
        Err(error) if error.kind() == ErrorKind::TimedOut => {
            Err(attempt.was_late().unwrap_or(error))
        }
        Err(error) => Err(error),
    }
}

/// The addresses with IPv4 and IPv6 in turn (RFC 8305 §4), beginning with the first one. So many
/// addresses of a family that does not work do not delay the other family.
fn alternate(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut all = VecDeque::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return all;
        }
        all.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    #[test]
    fn the_families_take_turns_and_the_first_address_stays_the_first() {
        let v4 = |n| SocketAddr::from(([127, 0, 0, n], 80));
        let v6 = |n| SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, n], 80));
        for (given, expected) in [
            (vec![], vec![]),
            (vec![v4(1)], vec![v4(1)]),
            (
                vec![v6(1), v6(2), v6(3), v4(1), v4(2)],
                vec![v6(1), v4(1), v6(2), v4(2), v6(3)],
            ),
            (vec![v4(1), v6(1), v6(2)], vec![v4(1), v6(1), v6(2)]),
        ] {
            assert_eq!(alternate(given), expected);
        }
    }

    #[test]
    fn a_race_that_is_over_leaves_no_attempt_that_waits() {
        let deadline = Instant::now() + Duration::from_secs(600);
        let busy = IpAddr::from([127, 6, 4, 3]);
        let first = Attempt::wait(busy, deadline, &AtomicBool::new(false)).unwrap();
        let listener = std::net::TcpListener::bind("127.6.4.4:0").unwrap();
        let good = listener.local_addr().unwrap();
        let mut race = Race::new(vec![(busy, good.port()).into(), good], deadline);
        // The first address is busy with another connection. The second one is not delayed by it.
        let connected = race.next().unwrap();
        assert_eq!(connected.stream.peer_addr().unwrap(), good);
        let over = Arc::clone(&race.over);
        drop(race);
        let patience = Instant::now() + Duration::from_secs(60);
        while Arc::strong_count(&over) > 1 {
            assert!(Instant::now() < patience, "the thread still waits");
            thread::sleep(Duration::from_millis(1));
        }
        drop(first);
    }
}
