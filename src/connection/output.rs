//! Output: the one place that writes to the stream of an open connection.
//!
//! - Its turn: one thread writes at a time, so frames never interleave (RFC 6455 §5.4). No lock is
//!   held while bytes are written.
//! - Its backlog: the rest of a frame that was written in part, then frames that a reader left here,
//!   then the newest Pong. Whoever has the turn writes the backlog first, and looks again before it
//!   gives the turn back.
//! - A sender waits for its turn, and for a peer that does not read, within the limits that it
//!   gives.
//! - A reader never waits: it writes what the stream takes at once, and leaves the rest here.

use super::config::{Config, deadline_in};
use super::stream::{Stream, is_timeout};
use std::io::{self, ErrorKind, IoSlice};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One write takes this many bytes at most, because the system stays in a long write for as long as
/// anything moves.
const LONGEST_WRITE: usize = 1 << 18;

/// One write waits at most this long, or a quarter of the write timeout. So a partial write hides
/// less than a quarter of the timeout, and a reader that tries to write loses no more time.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// The turn to write, and what waits to be written.
#[derive(Debug, Default)]
pub(super) struct Output {
    queue: Mutex<Queue>,
    /// The turn was given back, a fragmented message ended, or the connection did.
    changed: Condvar,
    /// Whether there is a backlog. This copy can be read without the lock.
    has_backlog: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    /// Somebody has the turn.
    taken: bool,
    /// A message is being sent in fragments. Messages of other senders wait (§5.4).
    sending_fragments: bool,
    /// The rest of a frame that was written in part, and whole frames behind it.
    backlog: Vec<u8>,
    /// The answer to the newest Ping, if an earlier one could not be written yet. §5.5.3 allows to
    /// answer only that one.
    pong: Vec<u8>,
    /// Since when nothing of the backlog could be written.
    stuck_since: Option<Instant>,
}

/// What a sender wants to write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// A whole message. It waits for the end of a message that is being sent in fragments.
    Message,
    /// A control frame, or something of the connection that sends the fragments.
    BetweenFragments,
}

/// How long a sender may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// To get its turn.
    pub(super) turn: Duration,
    /// To wait for a peer that reads nothing.
    pub(super) progress: Duration,
    /// To write everything.
    pub(super) whole: Duration,
}

impl Limits {
    /// For messages.
    pub(super) fn for_message(config: &Config) -> Limits {
        Limits {
            turn: config.write_timeout,
            progress: config.write_timeout,
            whole: config.message_timeout,
        }
    }

    /// For something that has to be written within this time, or not at all.
    pub(super) fn within(limit: Duration) -> Limits {
        Limits {
            turn: limit,
            progress: limit,
            whole: limit,
        }
    }
}

/// Limits the single writes of a stream; see [`LONGEST_WAIT`].
pub(super) fn limit_single_writes<S: Stream>(stream: &mut S, config: &Config) -> io::Result<()> {
    let limit = (config.write_timeout / 4).min(LONGEST_WAIT);
    stream.limit_writes(Some(limit.max(Duration::from_millis(1))))
}

/// The right to write. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    output: &'a Output,
    /// The backlog, taken over. What is left of it when the turn ends goes back.
    backlog: Vec<u8>,
    given_back: bool,
}

impl Output {
    /// Waits for the turn. `None`: the limit came first, or `is_over` says that nothing may be sent
    /// any more.
    pub(super) fn wait_for_turn(
        &self,
        kind: Kind,
        limit: Duration,
        is_over: impl Fn() -> bool,
    ) -> Option<Turn<'_>> {
        let mut queue = self.lock();
        let mut deadline = None;
        loop {
            if is_over() {
                return None;
            }
            if !queue.taken && !(kind == Kind::Message && queue.sending_fragments) {
                return Some(self.take(&mut queue));
            }
            let deadline = *deadline.get_or_insert_with(|| deadline_in(limit));
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.changed.wait_timeout(queue, left);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn take(&self, queue: &mut Queue) -> Turn<'_> {
        queue.taken = true;
        let mut backlog = std::mem::take(&mut queue.backlog);
        backlog.append(&mut queue.pong);
        Turn {
            output: self,
            backlog,
            given_back: false,
        }
    }

    /// Writes `frames` and the backlog before them, without waiting: what the stream does not take
    /// at once becomes the backlog. If somebody else has the turn, `frames` are left for it, as long
    /// as the backlog has not more than `most` bytes. Afterwards `frames` are empty, or they are as
    /// they were and have to be tried again.
    ///
    /// # Errors
    /// Those of the stream; [`ErrorKind::TimedOut`] if nothing moved for `patience`.
    pub(super) fn try_write<S: Stream>(
        &self,
        stream: &mut S,
        frames: &mut Vec<u8>,
        most: usize,
        patience: Duration,
    ) -> io::Result<()> {
        let mut queue = self.lock();
        if queue.taken {
            if queue.backlog.len() + frames.len() <= most {
                queue.backlog.append(frames);
                self.note_backlog(&queue);
            }
            return Ok(());
        }
        let mut turn = self.take(&mut queue);
        let stuck_since = queue.stuck_since;
        drop(queue);
        let mut parts = [&turn.backlog[..], frames, &[]];
        let before: usize = parts.iter().map(|part| part.len()).sum();
        let result = write_at_once(stream, &mut parts);
        let left: Vec<u8> = parts.concat();
        frames.clear();
        let moved = left.len() < before;
        turn.backlog = left;
        let is_empty = turn.backlog.is_empty();
        drop(turn);
        result?;
        match stuck_since {
            // As nearly always: everything was written.
            None if is_empty => return Ok(()),
            Some(since) if !moved && since.elapsed() >= patience => {
                return Err(ErrorKind::TimedOut.into());
            }
            Some(_) if !moved => return Ok(()),
            _ => {}
        }
        self.lock().stuck_since = (!is_empty).then(Instant::now);
        Ok(())
    }

    /// Leaves the answer to the newest Ping. It replaces an earlier one that was not written yet.
    pub(super) fn leave_pong(&self, frame: Vec<u8>) {
        let mut queue = self.lock();
        queue.pong = frame;
        self.note_backlog(&queue);
    }

    /// Whether something waits to be written.
    #[inline]
    pub(super) fn has_backlog(&self) -> bool {
        self.has_backlog.load(Ordering::Acquire)
    }

    /// From here to [`end_fragments`](Self::end_fragments), messages of other senders wait. Only
    /// the connection itself sends fragments, and it sends nothing else in between.
    pub(super) fn begin_fragments(&self) {
        self.lock().sending_fragments = true;
    }

    pub(super) fn end_fragments(&self) {
        self.lock().sending_fragments = false;
        self.changed.notify_all();
    }

    /// Somebody is writing at this moment.
    pub(super) fn is_busy(&self) -> bool {
        self.lock().taken
    }

    /// Wakes everybody who waits for a turn: the connection is over.
    pub(super) fn wake(&self) {
        // With the lock, so that nobody is between its look at the connection and its wait.
        drop(self.lock());
        self.changed.notify_all();
    }

    fn note_backlog(&self, queue: &Queue) {
        let has_backlog = !queue.backlog.is_empty() || !queue.pong.is_empty();
        self.has_backlog.store(has_backlog, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // A panic while the lock was held cannot leave half-written state.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// Writes the backlog and then `frames`, and waits for the peer within the limits.
    pub(super) fn write_all<S: Stream>(
        &mut self,
        stream: &mut S,
        frames: [&[u8]; 2],
        limits: Limits,
    ) -> io::Result<()> {
        let mut parts = [&self.backlog[..], frames[0], frames[1]];
        let result = write_patiently(stream, &mut parts, limits);
        // After an error the connection ends, so what is left of the backlog does not matter.
        self.backlog.clear();
        result
    }

    /// Writes what others left here meanwhile, as far as the stream takes it at once, and gives the
    /// turn back.
    pub(super) fn finish<S: Stream>(mut self, stream: &mut S) -> io::Result<()> {
        loop {
            {
                let mut queue = self.output.lock();
                queue.stuck_since = None;
                if queue.backlog.is_empty() && queue.pong.is_empty() {
                    // Given back under the same lock, so that nobody leaves something in between.
                    queue.taken = false;
                    self.output.note_backlog(&queue);
                    drop(queue);
                    self.output.changed.notify_all();
                    self.given_back = true;
                    return Ok(());
                }
                self.backlog = std::mem::take(&mut queue.backlog);
                self.backlog.append(&mut queue.pong);
            }
            let mut parts = [&self.backlog[..], &[], &[]];
            let result = write_at_once(stream, &mut parts);
            self.backlog = parts.concat();
            result?;
            if !self.backlog.is_empty() {
                return Ok(());
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.given_back {
            return;
        }
        let mut queue = self.output.lock();
        queue.taken = false;
        if !self.backlog.is_empty() {
            // In front of what others left meanwhile: a frame may be half written.
            let mut backlog = std::mem::take(&mut self.backlog);
            backlog.append(&mut queue.backlog);
            queue.backlog = backlog;
        }
        self.output.note_backlog(&queue);
        drop(queue);
        self.output.changed.notify_all();
    }
}

/// Writes as much as the stream takes without waiting (much).
fn write_at_once<S: Stream>(stream: &mut S, parts: &mut [&[u8]; 3]) -> io::Result<()> {
    while !is_written(parts) {
        match write_once(stream, parts) {
            Ok(()) => {}
            Err(error) if is_timeout(&error) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    stream.flush()
}

/// Writes everything, within the limits.
fn write_patiently<S: Stream>(
    stream: &mut S,
    parts: &mut [&[u8]; 3],
    limits: Limits,
) -> io::Result<()> {
    let (mut began, mut moved) = (None, None);
    while !is_written(parts) {
        let progress = match write_once(stream, parts) {
            Ok(()) => true,
            Err(error) if is_timeout(&error) => false,
            Err(error) => return Err(error),
        };
        // The first write nearly always takes everything. Then nobody looks at the clock.
        if is_written(parts) {
            break;
        }
        let now = Instant::now();
        let began = *began.get_or_insert(now);
        let last = moved.get_or_insert(now);
        if progress {
            *last = now;
        }
        if now - *last >= limits.progress || now - began >= limits.whole {
            return Err(ErrorKind::TimedOut.into());
        }
    }
    stream.flush()
}

fn is_written(parts: &[&[u8]; 3]) -> bool {
    parts.iter().all(|part| part.is_empty())
}

/// One write. It takes from the front of the parts what it has written.
fn write_once<S: Stream>(stream: &mut S, parts: &mut [&[u8]; 3]) -> io::Result<()> {
    // Parts up to the longest write; the last of them may be cut.
    let mut room = LONGEST_WRITE;
    let slices = parts.map(|part| {
        let part = &part[..part.len().min(room)];
        room -= part.len();
        IoSlice::new(part)
    });
    let first = slices.iter().position(|slice| !slice.is_empty());
    let slices = &slices[first.unwrap_or(0)..];
    let result = match slices {
        [only] => stream.write(only),
        [first, rest @ ..] if rest.iter().all(|slice| slice.is_empty()) => stream.write(first),
        slices => stream.write_vectored(slices),
    };
    let mut written = match result {
        Ok(0) => return Err(ErrorKind::WriteZero.into()),
        Ok(count) => count,
        Err(error) if error.kind() == ErrorKind::Interrupted => 0,
        Err(error) => return Err(error),
    };
    for part in parts {
        let count = written.min(part.len());
        *part = &part[count..];
        written -= count;
    }
    Ok(())
}
