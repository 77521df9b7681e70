//! A stream that is looked at: what passes through it is shown to an onlooker (`observe.rs`), both
//! ways, and passes unchanged. A connection that is not looked at has another stream, and pays
//! nothing.

use crate::frame::Role;
use crate::observe::{Observer, Sight};
use crate::stream::Stream;
use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A stream with an onlooker, or without one as yet. Clones have the same onlooker.
#[derive(Clone, Debug)]
pub struct Traced<S> {
    stream: S,
    ours: Role,
    watch: Option<Watch>,
    /// So many bytes were shown that this clone has still to write.
    ahead: usize,
}

#[derive(Clone)]
struct Watch(Arc<Mutex<Watcher>>);

struct Watcher {
    observer: Observer,
    tell: Box<dyn FnMut(Sight) + Send>,
}

impl<S> Traced<S> {
    /// A stream that nobody looks at. `ours` is the role at this end.
    pub fn new(stream: S, ours: Role) -> Traced<S> {
        Traced {
            stream,
            ours,
            watch: None,
            ahead: 0,
        }
    }

    /// From now on, tells what passes.
    pub fn watch(&mut self, observer: Observer, tell: impl FnMut(Sight) + Send + 'static) {
        let tell = Box::new(tell);
        self.watch = Some(Watch(Arc::new(Mutex::new(Watcher { observer, tell }))));
    }

    /// Shows the onlooker bytes that the peer sent before it was there.
    pub fn show_received(&self, bytes: &[u8]) {
        self.see(|observer| observer.bytes(peer_of(self.ours), bytes));
    }

    /// The stream inside.
    pub fn inner(&self) -> &S {
        &self.stream
    }

    fn see(&self, look: impl FnOnce(&mut Observer) -> Vec<Sight>) {
        if let Some(Watch(watch)) = &self.watch {
            let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
            let sights = look(&mut watch.observer);
            sights.into_iter().for_each(|sight| (watch.tell)(sight));
        }
    }
}

fn peer_of(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

impl<S: Read> Read for Traced<S> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let result = self.stream.read(room);
        self.see(|observer| match &result {
            Ok(0) => observer.end(peer_of(self.ours)),
            Ok(count) => observer.bytes(peer_of(self.ours), &room[..*count]),
            Err(error) => self.failed(observer, error),
        });
        result
    }
}

impl<S> Traced<S> {
    /// Shows what is about to be written: were it shown afterwards, the thread that reads might
    /// show the answer first.
    fn show_sent(&mut self, pieces: &[IoSlice<'_>]) {
        let mut shown = self.ahead;
        for piece in pieces {
            let new = &piece[shown.min(piece.len())..];
            shown -= piece.len() - new.len();
            if !new.is_empty() {
                self.see(|observer| observer.bytes(self.ours, new));
                self.ahead += new.len();
            }
        }
    }

    /// A time limit that ran out is no end; whatever else fails is one, and not of our making.
    fn failed(&self, observer: &mut Observer, error: &io::Error) -> Vec<Sight> {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => vec![],
            _ => observer.broken(peer_of(self.ours)),
        }
    }

    /// What was not written is what is written next, and is not shown again.
    fn written(&mut self, result: io::Result<usize>) -> io::Result<usize> {
        match &result {
            Ok(count) => self.ahead = self.ahead.saturating_sub(*count),
            Err(error) => self.see(|observer| self.failed(observer, error)),
        }
        result
    }
}

impl<S: Write> Write for Traced<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.watch.is_some() {
            self.show_sent(&[IoSlice::new(bytes)]);
        }
        let result = self.stream.write(bytes);
        self.written(result)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.watch.is_some() {
            self.show_sent(pieces);
        }
        let result = self.stream.write_vectored(pieces);
        self.written(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl<S: Stream> Stream for Traced<S> {
    fn limit_reads(&mut self, limit: Option<Duration>) -> io::Result<bool> {
        self.stream.limit_reads(limit)
    }

    fn limit_writes(&mut self, limit: Option<Duration>) -> io::Result<()> {
        self.stream.limit_writes(limit)
    }

    fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        let result = self.stream.shutdown(how);
        if how != Shutdown::Read {
            self.see(|observer| observer.end(self.ours));
        }
        result
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}
