//! A stream that an observer looks at. What passes through it, in both directions, passes
//! unchanged. A connection without an observer can have another stream, and then it pays nothing.
//!
//! While a read waits, it wakes once a [`MOMENT`] and tells the observer. So a silent peer is told of
//! without a thread for it. The reader notices nothing of that: the time limit that it has set is
//! kept.

use super::event::Event;
use super::observer::Observer;
use crate::connection::stream::{Stream, is_timeout};
use crate::framing::Role;
use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Programs tell an observer at these times that a moment has passed. So a side that has begun
/// something and is silent is told of after one to two of them.
pub const MOMENT: Duration = Duration::from_millis(500);

/// The observer is given this many bytes at once, at most. It copies them, and so its copy stays
/// small however much is read or written at once.
const MOST_AT_ONCE: usize = 16 << 10;

/// A stream with an observer, or without one until [`watch`](Traced::watch) is called. Clones have
/// the same observer.
#[derive(Clone, Debug)]
pub struct Traced<S> {
    stream: S,
    role: Role,
    watch: Option<Watch>,
    /// The observer has seen this many bytes that this clone has still to write.
    ahead: usize,
    /// The time limit of reads, as the user of the stream has set it.
    limit: Option<Duration>,
    /// The time limit that the stream inside has, if this clone has set it.
    applied: Option<Duration>,
}

/// The observer, and who is told of its events.
#[derive(Clone)]
struct Watch(Arc<Mutex<Watcher>>);

struct Watcher {
    observer: Observer,
    tell: Box<dyn FnMut(Event) + Send>,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Watcher> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    fn feed(&mut self, from: Role, bytes: &[u8]) {
        for part in bytes.chunks(MOST_AT_ONCE) {
            self.observer.feed(from, part);
            self.tell_events();
        }
    }

    fn feed_eof(&mut self, from: Role) {
        self.observer.feed_eof(from);
        self.tell_events();
    }

    /// A time limit that ended is not an end of TCP. Every other error is.
    fn feed_error(&mut self, from: Role, error: &io::Error) {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
            _ => self.observer.feed_reset(from),
        }
        self.tell_events();
    }

    fn moment_passed(&mut self) {
        self.observer.moment_passed();
        self.tell_events();
    }

    /// Hands the events on, one by one.
    fn tell_events(&mut self) {
        while let Some(event) = self.observer.next_event() {
            (self.tell)(event);
        }
    }
}

impl<S> Traced<S> {
    /// A stream without an observer. `role` is the role at this end.
    pub fn new(stream: S, role: Role) -> Traced<S> {
        Traced {
            stream,
            role,
            watch: None,
            ahead: 0,
            limit: None,
            applied: None,
        }
    }

    /// From now on, the observer looks at what passes, and `tell` gets its events.
    pub fn watch(&mut self, observer: Observer, tell: impl FnMut(Event) + Send + 'static) {
        let tell = Box::new(tell);
        self.watch = Some(Watch(Arc::new(Mutex::new(Watcher { observer, tell }))));
    }

    /// Shows the observer bytes that the peer sent before the observer was there.
    pub fn show_received(&self, bytes: &[u8]) {
        if let Some(watch) = &self.watch {
            watch.lock().feed(self.role.peer(), bytes);
        }
    }

    /// The stream inside.
    pub fn inner(&self) -> &S {
        &self.stream
    }
}

impl<S: Stream> Traced<S> {
    /// Reads, and tells the observer of each moment that passes until something comes.
    fn read_by_moments(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut waited = Duration::ZERO;
        loop {
            let left = self.limit.map(|limit| limit.saturating_sub(waited));
            let part = left.map_or(MOMENT, |left| left.min(MOMENT));
            // A limit of zero would mean none.
            let part = part.max(Duration::from_micros(1));
            if self.applied != Some(part) {
                // Without time limits, no moment passes.
                if !self.stream.limit_reads(Some(part))? {
                    return self.stream.read(room);
                }
                self.applied = Some(part);
            }
            match (self.stream.read(room), &self.watch) {
                (Err(error), Some(watch))
                    if is_timeout(&error) && left.is_none_or(|left| left > part) =>
                {
                    watch.lock().moment_passed();
                    waited += part;
                }
                (result, _) => return result,
            }
        }
    }
}

impl<S: Stream> Read for Traced<S> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.watch.is_none() {
            return self.stream.read(room);
        }
        let result = self.read_by_moments(room);
        if let Some(watch) = &self.watch {
            let peer = self.role.peer();
            match &result {
                Ok(0) => watch.lock().feed_eof(peer),
                Ok(count) => watch.lock().feed(peer, &room[..*count]),
                Err(error) => watch.lock().feed_error(peer, error),
            }
        }
        result
    }
}

impl<S> Traced<S> {
    /// Shows what is about to be written. If it were shown after the write, the thread that reads
    /// might show the answer first.
    fn show_sent(&mut self, parts: &[IoSlice<'_>]) {
        let Some(watch) = &self.watch else { return };
        let mut shown = self.ahead;
        for part in parts {
            let new = &part[shown.min(part.len())..];
            shown -= part.len() - new.len();
            if !new.is_empty() {
                watch.lock().feed(self.role, new);
                self.ahead += new.len();
            }
        }
    }

    /// Bytes that were not written are written next. They are not shown again.
    fn note_written(&mut self, result: &io::Result<usize>) {
        match result {
            Ok(count) => self.ahead = self.ahead.saturating_sub(*count),
            Err(error) => {
                if let Some(watch) = &self.watch {
                    watch.lock().feed_error(self.role.peer(), error);
                }
            }
        }
    }
}

impl<S: Write> Write for Traced<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.show_sent(&[IoSlice::new(bytes)]);
        let result = self.stream.write(bytes);
        self.note_written(&result);
        result
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.show_sent(parts);
        let result = self.stream.write_vectored(parts);
        self.note_written(&result);
        result
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl<S: Stream> Stream for Traced<S> {
    fn limit_reads(&mut self, limit: Option<Duration>) -> io::Result<bool> {
        self.limit = limit;
        self.applied = None;
        self.stream.limit_reads(limit)
    }

    fn limit_writes(&mut self, limit: Option<Duration>) -> io::Result<()> {
        self.stream.limit_writes(limit)
    }

    fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        let result = self.stream.shutdown(how);
        if how != Shutdown::Read
            && let Some(watch) = &self.watch
        {
            watch.lock().feed_eof(self.role);
        }
        result
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}
