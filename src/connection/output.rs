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
use crate::framing::Frame;
use std::io::{self, ErrorKind, IoSlice};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One write takes this many bytes at most, because the system stays in a long write for as long as
/// anything moves.
const LONGEST_WRITE: usize = 1 << 18;

/// One write waits at most this long, or a quarter of the write timeout. So a partial write hides
/// less than a quarter of the timeout, and a reader that tries to write loses no more time.
const LONGEST_WAIT: Duration = Duration::from_millis(25);

/// If the stream did not take all of the backlog, a reader tries again after this much time.
pub(super) const RETRY: Duration = Duration::from_millis(50);

/// The turn to write, and what waits to be written.
#[derive(Debug, Default)]
pub(super) struct Output {
    queue: Mutex<Queue>,
    /// The turn was given back, a fragmented message ended, or the connection did.
    changed: Condvar,
    /// How many bytes wait to be written. This copy can be read without the lock.
    waiting: AtomicUsize,
}

#[derive(Debug, Default)]
struct Queue {
    /// Somebody has the turn.
    taken: bool,
    /// A message is being sent in fragments. Messages of other senders wait (§5.4).
    sending_fragments: bool,
    /// How many threads wait for [`Output::changed`].
    waiters: u32,
    /// What waits to be written. Nearly always that is nothing, so an idle connection has no memory
    /// for it.
    backlog: Option<Box<Backlog>>,
}

#[derive(Debug, Default)]
struct Backlog {
    /// The rest of a frame that was written in part, and whole frames behind it.
    frames: Vec<u8>,
    /// The answer to the newest Ping, if an earlier one could not be written yet. §5.5.3 allows to
    /// answer only that one.
    pong: Vec<u8>,
    /// The stream took bytes and could not pass them on yet, as TLS does.
    unflushed: bool,
    /// Since when nothing could be written.
    stuck_since: Option<Instant>,
    /// When a reader tries again.
    next_try: Option<Instant>,
}

impl Backlog {
    /// How many bytes it is; one more if the stream has bytes to pass on.
    fn length(&self) -> usize {
        self.frames.len() + self.pong.len() + usize::from(self.unflushed)
    }

    /// Moves all frames behind these.
    fn move_to(&mut self, frames: &mut Vec<u8>) {
        frames.append(&mut self.frames);
        frames.append(&mut self.pong);
    }
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
    /// To get its turn, and then to wait for a peer that reads nothing.
    pub(super) progress: Duration,
    /// To write everything.
    pub(super) whole: Duration,
}

impl Limits {
    /// For as long as the stream takes bytes, but not much longer than a moment: a peer may take
    /// them one by one.
    const AT_ONCE: Limits = Limits {
        progress: Duration::ZERO,
        whole: RETRY,
    };

    /// For messages.
    pub(super) fn for_message(config: &Config) -> Limits {
        Limits {
            progress: config.write_timeout,
            whole: config.message_timeout,
        }
    }

    /// For something that has to be written within this time, or not at all.
    pub(super) fn within(limit: Duration) -> Limits {
        Limits {
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
    unflushed: bool,
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
            let is_inside_message = kind == Kind::Message && queue.sending_fragments;
            if !queue.taken && !is_inside_message {
                return Some(self.take(&mut queue));
            }
            let deadline = *deadline.get_or_insert_with(|| deadline_in(limit));
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            queue.waiters += 1;
            let waited = self.changed.wait_timeout(queue, left);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
            queue.waiters -= 1;
        }
    }

    fn take(&self, queue: &mut Queue) -> Turn<'_> {
        queue.taken = true;
        let mut turn = Turn {
            output: self,
            backlog: Vec::new(),
            unflushed: false,
            given_back: false,
        };
        if let Some(backlog) = &mut queue.backlog {
            backlog.move_to(&mut turn.backlog);
            turn.unflushed = backlog.unflushed;
        }
        turn
    }

    /// Writes `frames` and the backlog before them, without waiting: what the stream does not take
    /// at once becomes the backlog. If somebody else has the turn, or if the stream took nothing a
    /// moment ago, `frames` are left in the backlog, as long as it has not more than `most` bytes.
    /// Afterwards `frames` are empty, or they are unchanged and have to be tried again.
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
        let backlog = queue.backlog.as_deref();
        let stuck_since = backlog.and_then(|backlog| backlog.stuck_since);
        let next_try = backlog.and_then(|backlog| backlog.next_try);
        if queue.taken || next_try.is_some_and(|next| Instant::now() < next) {
            let backlog = queue.backlog.get_or_insert_default();
            if backlog.length() + frames.len() <= most {
                backlog.frames.append(frames);
                self.note_waiting(&queue);
            }
            return Ok(());
        }
        let mut turn = self.take(&mut queue);
        drop(queue);
        let result = turn.write_at_once(stream, frames);
        frames.clear();
        let stuck_since = match result {
            Ok(Written::Everything) => None,
            Ok(Written::Something) => Some(Instant::now()),
            Ok(Written::Nothing) => Some(stuck_since.unwrap_or_else(Instant::now)),
            Err(error) => return Err(error),
        };
        turn.give_back(stuck_since);
        match stuck_since {
            Some(since) if since.elapsed() >= patience => Err(ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }

    /// Leaves the answer to the newest Ping. It replaces an earlier one that was not written yet.
    pub(super) fn leave_pong(&self, frame: &Frame<'_>) {
        let mut queue = self.lock();
        let pong = &mut queue.backlog.get_or_insert_default().pong;
        pong.clear();
        frame.encode(pong);
        self.note_waiting(&queue);
    }

    /// How many bytes wait to be written.
    #[inline]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// From here to [`end_fragments`](Self::end_fragments), messages of other senders wait. Only
    /// the connection itself sends fragments, and it sends nothing else in between.
    pub(super) fn begin_fragments(&self) {
        self.lock().sending_fragments = true;
    }

    pub(super) fn end_fragments(&self) {
        let mut queue = self.lock();
        queue.sending_fragments = false;
        self.wake(&queue);
    }

    /// Somebody is writing at this moment.
    pub(super) fn is_busy(&self) -> bool {
        self.lock().taken
    }

    /// Wakes everybody who waits for a turn: the connection is over.
    pub(super) fn end(&self) {
        // With the lock, so that nobody is between a look at the connection and the wait.
        self.wake(&self.lock());
    }

    /// To wake nobody would cost a system call, too.
    fn wake(&self, queue: &Queue) {
        if queue.waiters > 0 {
            self.changed.notify_all();
        }
    }

    fn note_waiting(&self, queue: &Queue) {
        let bytes = queue.backlog.as_deref().map_or(0, Backlog::length);
        self.waiting.store(bytes, Ordering::Release);
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
        let result = write(stream, &mut parts, limits);
        // After an error the connection ends, so what is left of the backlog does not matter.
        self.backlog.clear();
        self.unflushed = false;
        result
    }

    /// Writes the backlog and then `frames`, as far as the stream takes them without waiting (much).
    /// The rest becomes the backlog.
    fn write_at_once<S: Stream>(&mut self, stream: &mut S, frames: &[u8]) -> io::Result<Written> {
        let mut parts = [&self.backlog[..], frames, &[]];
        let all = length(&parts);
        let written = match write(stream, &mut parts, Limits::AT_ONCE) {
            Ok(()) => Written::Everything,
            Err(error) if !is_timeout(&error) => return Err(error),
            Err(_) if length(&parts) < all => Written::Something,
            Err(_) => Written::Nothing,
        };
        self.unflushed = written != Written::Everything;
        self.backlog = parts.concat();
        Ok(written)
    }

    /// Writes what others left here meanwhile, as far as the stream takes it at once, and gives the
    /// turn back.
    pub(super) fn finish<S: Stream>(mut self, stream: &mut S) -> io::Result<()> {
        loop {
            let mut queue = self.output.lock();
            if let Some(backlog) = &mut queue.backlog {
                backlog.move_to(&mut self.backlog);
            }
            if self.backlog.is_empty() {
                // Given back under the same lock, so that nobody leaves something in between.
                self.give_back_to(&mut queue, None);
                return Ok(());
            }
            drop(queue);
            if self.write_at_once(stream, &[])? != Written::Everything {
                self.give_back(Some(Instant::now()));
                return Ok(());
            }
        }
    }

    fn give_back(mut self, stuck_since: Option<Instant>) {
        let mut queue = self.output.lock();
        self.give_back_to(&mut queue, stuck_since);
    }

    fn give_back_to(&mut self, queue: &mut Queue, stuck_since: Option<Instant>) {
        self.given_back = true;
        queue.taken = false;
        if queue.backlog.is_some() || self.unflushed || !self.backlog.is_empty() {
            let mut backlog = queue.backlog.take().unwrap_or_default();
            // In front of what others left meanwhile: a frame may be half written.
            self.backlog.append(&mut backlog.frames);
            backlog.frames = std::mem::take(&mut self.backlog);
            backlog.unflushed = self.unflushed;
            backlog.stuck_since = stuck_since;
            backlog.next_try = stuck_since.map(|_| Instant::now() + RETRY);
            queue.backlog = (backlog.length() > 0).then_some(backlog);
        }
        self.output.note_waiting(queue);
        self.output.wake(queue);
    }
}

impl Drop for Turn<'_> {
    /// After an error or a panic.
    fn drop(&mut self) {
        if !self.given_back {
            let mut queue = self.output.lock();
            self.give_back_to(&mut queue, None);
        }
    }
}

/// What an attempt to write has achieved.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Written {
    Everything,
    Something,
    Nothing,
}

/// Writes and flushes everything, within the limits. What is left in the parts was not written.
fn write<S: Stream>(stream: &mut S, parts: &mut [&[u8]; 3], limits: Limits) -> io::Result<()> {
    let (mut began, mut moved) = (None, None);
    loop {
        let has_moved = match write_once(stream, parts) {
            // As nearly always at the first write. Then nobody looks at the clock.
            Ok(()) if length(parts) == 0 => return Ok(()),
            Ok(()) => true,
            Err(error) if is_timeout(&error) => false,
            Err(error) => return Err(error),
        };
        let now = Instant::now();
        let began = *began.get_or_insert(now);
        let last = moved.get_or_insert(now);
        if has_moved {
            *last = now;
        }
        let is_stuck = !has_moved && now - *last >= limits.progress;
        if is_stuck || now - began >= limits.whole {
            return Err(ErrorKind::TimedOut.into());
        }
    }
}

fn length(parts: &[&[u8]; 3]) -> usize {
    parts.iter().map(|part| part.len()).sum()
}

/// One write, and a flush behind the last one. It takes from the front of the parts what it has
/// written.
fn write_once<S: Stream>(stream: &mut S, parts: &mut [&[u8]; 3]) -> io::Result<()> {
    // Parts up to the longest write; the last of them may be cut.
    let mut room = LONGEST_WRITE;
    let slices = parts.map(|part| {
        let part = &part[..part.len().min(room)];
        room -= part.len();
        IoSlice::new(part)
    });
    let first = slices.iter().position(|slice| !slice.is_empty());
    let result = match &slices[first.unwrap_or(slices.len())..] {
        [] => return stream.flush(),
        [first, rest @ ..] if rest.iter().all(|slice| slice.is_empty()) => stream.write(first),
        slices => stream.write_vectored(slices),
    };
    let mut written = match result {
        Ok(0) => return Err(ErrorKind::WriteZero.into()),
        Ok(count) => count,
        Err(error) if error.kind() == ErrorKind::Interrupted => 0,
        Err(error) => return Err(error),
    };
    for part in parts.iter_mut() {
        let count = written.min(part.len());
        *part = &part[count..];
        written -= count;
    }
    match length(parts) {
        0 => stream.flush(),
        _ => Ok(()),
    }
}
