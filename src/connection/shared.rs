//! State that the connection and all its senders share: RFC 6455 §7.1.3 to §7.1.6, what each side
//! said of closing, and how TCP ended.
//!
//! - It exists from the first byte of the opening handshake on, so CONNECTING is one of its states.
//! - Its lock is held for a moment only, never while anybody reads or writes.
//! - What is sent, and in which order, is `writer.rs` and `output.rs`. How TCP ends is `ending.rs`.

use super::compressor::Order;
use super::error::Error;
use super::output::Output;
use super::state::{Closed, Side, State, TcpEnd};
use crate::framing::CloseReason;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What the connection and its senders share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    facts: Mutex<Facts>,
    changed: Condvar,
    /// Whether the facts forbid sending. This copy can be read without the lock.
    over: AtomicBool,
    pub(super) output: Output,
    pub(super) order: Order,
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

    /// Our Close frame is about to be sent. An answer to it may come before the write returns.
    pub(super) fn note_closing(&self) {
        self.lock().started_by.get_or_insert(Side::Us);
    }

    pub(super) fn note_sent(&self, reason: CloseReason) {
        let mut facts = self.lock();
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
