//! State that the connection and all its senders share. Its lock also keeps frames from
//! interleaving; a reader never holds it while it waits.
//!
//! RFC 6455 §7.1.3 to §7.1.6: what each side said of closing, and how TCP ended. It exists from the
//! first byte of the opening handshake on, so CONNECTING is one of its states.

use super::config::deadline_in;
use super::error::Error;
use super::state::{Closed, Side, State, TcpEnd};
use super::stream::{Stream, is_timeout};
use crate::framing::CloseReason;
use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// What the connection and its senders share.
#[derive(Debug)]
pub(crate) struct Shared {
    facts: Mutex<Facts>,
    changed: Condvar,
    /// Whether the facts forbid sending. This copy can be read without the lock.
    over: AtomicBool,
    /// How long one call of `transmit` may take to write its frames.
    write_limit: Duration,
}

/// What has happened so far. The state follows from it.
#[derive(Debug, Default)]
struct Facts {
    /// The opening handshake is done.
    opened: bool,
    sent: Option<CloseReason>,
    received: Option<CloseReason>,
    started_by: Option<Side>,
    tcp: Option<TcpEnd>,
    /// A message is being sent in fragments. Messages of other senders wait (§5.4).
    sending_fragments: bool,
}

impl Facts {
    fn state(&self) -> State {
        if self.tcp.is_some() {
            State::Closed
        } else if self.sent.is_some() || self.received.is_some() {
            State::Closing
        } else if self.opened {
            State::Open
        } else {
            State::Connecting
        }
    }

    /// §5.5.1: "The application MUST NOT send any more data frames after sending a Close frame."
    fn is_over(&self) -> bool {
        self.sent.is_some() || self.tcp.is_some()
    }

    fn closed(&self) -> Option<Closed> {
        Some(Closed {
            sent: self.sent.clone(),
            received: self.received.clone(),
            started_by: self.started_by?,
            tcp: self.tcp.clone()?,
        })
    }

    /// Why nothing may be sent any more.
    fn error(&self) -> Error {
        self.closed().map_or(Error::Closing, Error::Closed)
    }
}

impl Shared {
    /// The state of a new connection. `write_limit` is the time that one write of frames may take.
    pub(crate) fn new(write_limit: Duration) -> Shared {
        Shared {
            facts: Mutex::default(),
            changed: Condvar::new(),
            over: AtomicBool::new(false),
            write_limit,
        }
    }

    /// The opening handshake is done.
    pub(crate) fn note_opened(&self) {
        self.lock().opened = true;
    }

    pub(crate) fn state(&self) -> State {
        self.lock().state()
    }

    /// What became of the connection; `None` before TCP has ended.
    pub(crate) fn closed(&self) -> Option<Closed> {
        self.lock().closed()
    }

    /// Nothing may be sent any more: a Close was sent (§5.5.1), or TCP has ended.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Somebody is sending at this moment.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.facts.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// Why nothing may be sent any more.
    pub(crate) fn error(&self) -> Error {
        self.lock().error()
    }

    /// The Close frame that the peer sent.
    pub(crate) fn received(&self) -> Option<CloseReason> {
        self.lock().received.clone()
    }

    /// The peer's Close frame has arrived.
    pub(crate) fn note_received(&self, reason: CloseReason) {
        let mut facts = self.lock();
        facts.started_by.get_or_insert(Side::Peer);
        facts.received = Some(reason);
    }

    /// TCP has ended. The first account of how is kept.
    pub(crate) fn note_end(&self, by: Side, end: TcpEnd) {
        let mut facts = self.lock();
        facts.started_by.get_or_insert(by);
        facts.tcp.get_or_insert(end);
        self.tell(&facts);
    }

    /// Ends TCP in both directions at once. It wakes every thread that waits for the stream.
    pub(crate) fn end_now<S: Stream>(&self, stream: &mut S, by: Side, end: TcpEnd) {
        self.note_end(by, end);
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.shutdown(Shutdown::Both);
    }

    /// The peer did not answer our Close in time: TCP ends now.
    pub(crate) fn end_unanswered<S: Stream>(&self, stream: &mut S) {
        let how = "the peer did not answer our Close in time".to_owned();
        self.end_now(stream, Side::Us, TcpEnd::Broken(how));
    }

    /// Waits until TCP has ended, for `limit` at most.
    pub(crate) fn wait_until_closed(&self, limit: Duration) -> Option<Closed> {
        let (facts, _) = self
            .changed
            .wait_timeout_while(self.lock(), limit, |facts| facts.tcp.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        facts.closed()
    }

    /// From here to [`end_fragments`](Self::end_fragments), messages of other senders wait. Only
    /// the connection itself sends fragments, and it sends nothing else in between.
    pub(crate) fn begin_fragments(&self) {
        self.lock().sending_fragments = true;
    }

    pub(crate) fn end_fragments(&self) {
        self.lock().sending_fragments = false;
        self.changed.notify_all();
    }

    /// Writes a whole message when no other message is being sent.
    pub(crate) fn transmit_message<S: Stream>(
        &self,
        stream: &mut S,
        frame: &[u8],
    ) -> Result<(), Error> {
        let facts = self
            .changed
            .wait_while(self.lock(), |facts| {
                facts.sending_fragments && !facts.is_over()
            })
            .unwrap_or_else(PoisonError::into_inner);
        self.transmit_locked(facts, stream, [frame, &[]], None)
    }

    /// Writes whole frames, which may be in two places in memory. The last one may be a Close.
    pub(crate) fn transmit<S: Stream>(
        &self,
        stream: &mut S,
        frames: [&[u8]; 2],
        close: Option<&CloseReason>,
    ) -> Result<(), Error> {
        self.transmit_locked(self.lock(), stream, frames, close)
    }

    fn transmit_locked<S: Stream>(
        &self,
        mut facts: MutexGuard<'_, Facts>,
        stream: &mut S,
        frames: [&[u8]; 2],
        close: Option<&CloseReason>,
    ) -> Result<(), Error> {
        if facts.is_over() {
            return Err(facts.error());
        }
        match write_all(stream, frames, self.write_limit) {
            Err(error) => {
                let how = if is_timeout(&error) {
                    // We do not wait for a peer that does not read. This wakes our reader, too.
                    let _ = stream.shutdown(Shutdown::Both);
                    "the peer did not read in time".to_owned()
                } else {
                    error.to_string()
                };
                facts.started_by.get_or_insert(Side::Peer);
                facts.tcp = Some(TcpEnd::Broken(how));
                self.tell(&facts);
                Err(facts.error())
            }
            Ok(()) => {
                if let Some(reason) = close {
                    facts.started_by.get_or_insert(Side::Us);
                    facts.sent = Some(reason.clone());
                    self.tell(&facts);
                }
                Ok(())
            }
        }
    }

    /// Wakes everybody who waits for a change, and renews the copy that needs no lock.
    fn tell(&self, facts: &Facts) {
        self.over.store(facts.is_over(), Ordering::Release);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        // A panic while the lock was held cannot leave half-written state.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes all bytes. Each step has the stream's own limit for making no progress. All steps
/// together have `limit`, so a peer that reads a byte now and then gains no time.
///
/// A step is at most `LONGEST_WRITE` bytes, because the system stays in a long write for as long as
/// anything moves.
fn write_all<S: Stream>(
    stream: &mut S,
    [mut first, mut second]: [&[u8]; 2],
    limit: Duration,
) -> io::Result<()> {
    const LONGEST_WRITE: usize = 1 << 18;
    let mut deadline = None;
    loop {
        let written = if second.is_empty() || first.len() > LONGEST_WRITE {
            stream.write(&first[..first.len().min(LONGEST_WRITE)])
        } else {
            let second = &second[..second.len().min(LONGEST_WRITE)];
            stream.write_vectored(&[IoSlice::new(first), IoSlice::new(second)])
        };
        match written {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                let of_first = count.min(first.len());
                first = &first[of_first..];
                second = &second[count - of_first..];
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if first.is_empty() && second.is_empty() {
            return stream.flush();
        }
        // The first write nearly always takes everything. Then the clock is not read.
        if Instant::now() >= *deadline.get_or_insert_with(|| deadline_in(limit)) {
            return Err(ErrorKind::TimedOut.into());
        }
    }
}
