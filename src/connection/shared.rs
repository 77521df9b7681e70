//! State that the connection and all its senders share: RFC 6455 §7.1.3 to §7.1.6, what each side
//! said of closing, and how TCP ended.
//!
//! - It exists from the first byte of the opening handshake on, so CONNECTING is one of its states.
//! - Its lock is held for a moment only, never while anybody reads or writes.
//! - Everything that is sent goes through [`Shared::transmit`] or [`Shared::try_transmit`]. Nothing
//!   is sent behind a Close (§5.5.1).

use super::config::{Config, deadline_in};
use super::error::Error;
use super::output::{Kind, Limits, Output};
use super::state::{Closed, Side, State, TcpEnd};
use super::stream::{Stream, is_timeout};
use crate::framing::CloseReason;
use std::io;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the connection and its senders share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    facts: Mutex<Facts>,
    changed: Condvar,
    /// Whether the facts forbid sending. This copy can be read without the lock.
    over: AtomicBool,
    pub(super) output: Output,
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

    /// What became of the connection, once the peer's Close has come or TCP has ended.
    fn closed(&self) -> Option<Closed> {
        if self.received.is_none() && self.tcp.is_none() {
            return None;
        }
        Some(Closed {
            sent: self.sent.clone(),
            received: self.received.clone(),
            started_by: self.started_by?,
            tcp: self.tcp.clone(),
        })
    }
}

impl Shared {
    /// The opening handshake is done.
    pub(crate) fn note_opened(&self) {
        self.lock().opened = true;
    }

    pub(crate) fn state(&self) -> State {
        self.lock().state()
    }

    /// What became of the connection, once the peer's Close has come or TCP has ended.
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
        self.output.is_busy()
    }

    /// Why nothing may be sent any more.
    pub(crate) fn error(&self) -> Error {
        match self.closed() {
            Some(closed) => Error::Closed(closed),
            None => Error::Closing,
        }
    }

    /// Whether the peer's Close frame has arrived.
    pub(crate) fn has_received_close(&self) -> bool {
        self.lock().received.is_some()
    }

    /// The peer's Close frame has arrived.
    pub(crate) fn note_received(&self, reason: CloseReason) {
        let mut facts = self.lock();
        facts.started_by.get_or_insert(Side::Peer);
        facts.received = Some(reason);
        self.tell(facts);
    }

    fn note_sent(&self, reason: CloseReason) {
        let mut facts = self.lock();
        facts.started_by.get_or_insert(Side::Us);
        facts.sent = Some(reason);
        self.tell(facts);
    }

    /// TCP has ended. The first account of how is kept.
    pub(crate) fn note_end(&self, by: Side, end: TcpEnd) {
        let mut facts = self.lock();
        facts.started_by.get_or_insert(by);
        facts.tcp.get_or_insert(end);
        self.tell(facts);
    }

    /// Ends TCP in both directions at once. It wakes every thread that waits for the stream.
    pub(crate) fn end_now<S: Stream>(&self, stream: &mut S, by: Side, end: TcpEnd) {
        self.note_end(by, end);
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.shutdown(Shutdown::Both);
    }

    /// A limit has passed, and we do not wait any longer for what the peer has still to do: TCP ends
    /// now. What that is, the facts say.
    pub(crate) fn give_up<S: Stream>(&self, stream: &mut S) {
        let how = match self.has_received_close() {
            false => "the peer did not answer our Close in time",
            true => "the peer did not end TCP in time",
        };
        self.end_now(stream, Side::Us, TcpEnd::Broken(how.to_owned()));
    }

    /// Waits until the peer's Close has come or TCP has ended, for `limit` at most. Returns whether
    /// that happened.
    pub(crate) fn wait_for_close(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let (facts, _) = self
            .changed
            .wait_timeout_while(self.lock(), left, |facts| facts.closed().is_none())
            .unwrap_or_else(PoisonError::into_inner);
        facts.closed().is_some()
    }

    /// Writes whole frames, which may be in two places in memory, when the turn comes.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if the turn did not come in time: then nothing was written. Else
    /// [`Error::Closing`] or [`Error::Closed`].
    pub(super) fn transmit<S: Stream>(
        &self,
        stream: &mut S,
        kind: Kind,
        frames: [&[u8]; 2],
        limits: Limits,
    ) -> Result<(), Error> {
        let is_over = || self.is_over();
        let Some(mut turn) = self.output.wait_for_turn(kind, limits.turn, is_over) else {
            return Err(match self.is_over() {
                true => self.error(),
                false => Error::TimedOut,
            });
        };
        let written = turn.write_all(stream, frames, limits);
        match written.and_then(|()| turn.finish(stream)) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.lose_output(stream, &error)),
        }
    }

    /// Writes a Close frame, with `before` in front of it. All together has `limit`: if it is over,
    /// TCP is ended.
    ///
    /// # Errors
    /// [`Error::Closing`] or [`Error::Closed`].
    pub(crate) fn transmit_close<S: Stream>(
        &self,
        stream: &mut S,
        before: &[u8],
        frame: &[u8],
        reason: &CloseReason,
        limit: Duration,
    ) -> Result<(), Error> {
        let deadline = deadline_in(limit);
        let is_over = || self.is_over();
        let turn = self
            .output
            .wait_for_turn(Kind::BetweenFragments, limit, is_over);
        let Some(mut turn) = turn else {
            if !self.is_over() {
                // Another sender has the turn, and its peer does not read.
                self.lose_output(stream, &io::ErrorKind::TimedOut.into());
            }
            return Err(self.error());
        };
        let limits = Limits::within(deadline.saturating_duration_since(Instant::now()));
        match turn.write_all(stream, [before, frame], limits) {
            Ok(()) => {
                // Before the turn is given back: nothing goes behind a Close.
                self.note_sent(reason.clone());
                Ok(())
            }
            Err(error) => Err(self.lose_output(stream, &error)),
        }
    }

    /// Writes `frames` without waiting; see [`Output::try_write`].
    pub(crate) fn try_transmit<S: Stream>(
        &self,
        stream: &mut S,
        frames: &mut Vec<u8>,
        config: &Config,
    ) -> Result<(), Error> {
        if self.is_over() {
            frames.clear();
            return Err(self.error());
        }
        let most = config.write_buffer.saturating_mul(2);
        let written = self
            .output
            .try_write(stream, frames, most, config.write_timeout);
        written.map_err(|error| self.lose_output(stream, &error))
    }

    /// The stream does not take what we write: TCP has ended, or it ends now because the peer does
    /// not read.
    fn lose_output<S: Stream>(&self, stream: &mut S, error: &io::Error) -> Error {
        let is_slow = is_timeout(error);
        let how = match is_slow {
            true => "the peer did not read in time".to_owned(),
            false => error.to_string(),
        };
        self.note_end(Side::Peer, TcpEnd::Broken(how));
        if is_slow {
            // This wakes our reader, and senders that wait inside a write.
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.error()
    }

    /// Renews the copy that needs no lock, and wakes everybody who waits for a change.
    fn tell(&self, facts: MutexGuard<'_, Facts>) {
        self.over.store(facts.is_over(), Ordering::Release);
        drop(facts);
        self.changed.notify_all();
        self.output.end();
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        // A panic while the lock was held cannot leave half-written state.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
