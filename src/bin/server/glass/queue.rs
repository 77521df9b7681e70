//! From the observer of a connection to the thread that sends its report.
//!
//! The observer works in the threads of the connection, and a report must not delay them. So they
//! never wait: a frame that finds the queue full is counted and dropped.

use super::note::{Content, Note};
use rfc6455::Role;
use rfc6455::trace::{Event, FrameHeader, FramePayload, SHOWN};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// At most this many frames wait for a slow report.
const MOST_FRAMES: usize = 256;

/// The notes that wait to be sent to the page.
#[derive(Default)]
pub struct NoteQueue {
    backlog: Mutex<Backlog>,
    changed: Condvar,
}

#[derive(Default)]
struct Backlog {
    notes: VecDeque<Note>,
    /// How many frames were dropped since the last note.
    missed: u64,
    /// No more notes come, or nobody reads them.
    over: bool,
}

impl NoteQueue {
    fn lock(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a note. A connection can have any number of frames and of uninterpreted bytes, so these
    /// are dropped if the queue is full. Of the other events it has a few, and they always find
    /// room.
    fn push(&self, note: Note) {
        let mut backlog = self.lock();
        if backlog.over {
            return;
        }
        let unlimited = matches!(
            note.content,
            Content::Frame { .. } | Content::Event(Event::Bytes { .. })
        );
        if unlimited && backlog.notes.len() >= MOST_FRAMES {
            backlog.missed += 1;
            return;
        }
        if let Some(missed) = backlog.take_missed(note.at) {
            backlog.notes.push_back(missed);
        }
        backlog.notes.push_back(note);
        self.changed.notify_one();
    }

    /// Waits for the first note, or for the end, for `limit` at most. Returns whether one of them
    /// came.
    pub fn wait_for_first(&self, limit: Duration) -> bool {
        let is_idle = |backlog: &mut Backlog| backlog.notes.is_empty() && !backlog.over;
        let (backlog, _) = self
            .changed
            .wait_timeout_while(self.lock(), limit, is_idle)
            .unwrap_or_else(PoisonError::into_inner);
        backlog.over || !backlog.notes.is_empty()
    }

    /// Waits for the next note, and returns it as JSON. `None`: there are no more.
    pub fn next(&self) -> Option<String> {
        let mut backlog = self.lock();
        loop {
            if let Some(note) = backlog.notes.pop_front() {
                drop(backlog);
                return Some(note.to_json());
            }
            if let Some(missed) = backlog.take_missed(Duration::ZERO) {
                return Some(missed.to_json());
            }
            if backlog.over {
                return None;
            }
            backlog = self
                .changed
                .wait(backlog)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The connection is over. The notes that wait are still sent.
    fn finish(&self) {
        self.lock().over = true;
        self.changed.notify_one();
    }

    /// The report is over. The notes that wait are dropped, and so are those that come.
    pub fn stop(&self) {
        *self.lock() = Backlog {
            over: true,
            ..Backlog::default()
        };
        self.changed.notify_one();
    }
}

impl Backlog {
    fn take_missed(&mut self, at: Duration) -> Option<Note> {
        let missed = std::mem::take(&mut self.missed);
        (missed > 0).then_some(Note {
            at,
            content: Content::Missed(missed),
        })
    }
}

/// Makes notes of the events of a connection, and puts them into the queue. When it is dropped, the
/// connection is over.
pub struct Reporter {
    queue: Arc<NoteQueue>,
    began: Instant,
    /// The headers whose payloads have not come yet: the client's and the server's.
    headers: [Option<FrameHeader>; 2],
    /// No Close has passed yet.
    open: bool,
}

impl Reporter {
    pub fn new(queue: Arc<NoteQueue>) -> Reporter {
        Reporter {
            queue,
            began: Instant::now(),
            headers: [None, None],
            open: true,
        }
    }

    /// Takes an event. A frame is one note: it waits for its payload, or for the event that says
    /// that no payload comes.
    pub fn tell(&mut self, event: Event) {
        match event {
            Event::Header(header) => {
                let from = header.from;
                self.headers[index(from)] = Some(header);
                return;
            }
            Event::Payload(payload) => {
                self.frame(payload.from, Some(payload));
                return;
            }
            Event::Violation(ref broken) => self.frame(broken.from, None),
            Event::Eof { from, .. } => self.frame(from, None),
            Event::Reset { .. } => {
                self.frame(Role::Client, None);
                self.frame(Role::Server, None);
            }
            _ => {}
        }
        self.push(Content::Event(short(event)));
    }

    fn frame(&mut self, from: Role, payload: Option<FramePayload>) {
        if let Some(header) = self.headers[index(from)].take() {
            let is_close = header.header.opcode == rfc6455::OpCode::Close;
            let first_close = is_close && std::mem::take(&mut self.open);
            self.push(Content::Frame {
                header,
                payload,
                first_close,
            });
        }
    }

    fn push(&self, content: Content) {
        let at = self.began.elapsed();
        self.queue.push(Note { at, content });
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.queue.finish();
    }
}

fn index(role: Role) -> usize {
    match role {
        Role::Client => 0,
        Role::Server => 1,
    }
}

/// The event with at most [`SHOWN`] bytes, those around a broken rule.
fn short(mut event: Event) -> Event {
    match &mut event {
        Event::Violation(broken) => {
            let start = broken.at.start.saturating_sub(SHOWN / 2);
            broken.bytes.drain(..start);
            broken.bytes.truncate(SHOWN);
            let end = (broken.at.end - start).min(broken.bytes.len());
            broken.at = broken.at.start - start..end;
        }
        Event::Bytes { bytes, .. } => bytes.truncate(SHOWN),
        _ => {}
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use rfc6455::trace::{Unfinished, Uninterpreted};

    fn bytes(count: usize) -> Event {
        Event::Bytes {
            from: Role::Client,
            bytes: vec![7; count],
            why: Uninterpreted::NoWebSocket,
        }
    }

    #[test]
    fn what_finds_no_room_is_counted_and_the_end_is_reported_anyway() {
        let queue = Arc::new(NoteQueue::default());
        let mut reporter = Reporter::new(Arc::clone(&queue));
        for _ in 0..MOST_FRAMES + 10 {
            reporter.tell(bytes(1));
        }
        reporter.tell(Event::Eof {
            from: Role::Client,
            unfinished: Unfinished::Nothing,
        });
        drop(reporter);
        let all: Vec<String> = std::iter::from_fn(|| queue.next()).collect();
        assert_eq!(all.len(), MOST_FRAMES + 2);
        assert!(all[MOST_FRAMES].contains(r#""is":"missed","frames":10"#));
        assert!(all[MOST_FRAMES + 1].contains(r#""is":"end""#));
    }

    #[test]
    fn a_report_that_is_over_keeps_no_notes() {
        let queue = Arc::new(NoteQueue::default());
        let mut reporter = Reporter::new(Arc::clone(&queue));
        reporter.tell(bytes(1));
        queue.stop();
        reporter.tell(bytes(1));
        assert!(queue.lock().notes.is_empty());
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn a_note_holds_a_few_bytes_at_most() {
        let queue = Arc::new(NoteQueue::default());
        Reporter::new(Arc::clone(&queue)).tell(bytes(1 << 20));
        assert!(queue.next().unwrap().len() < 5 * SHOWN);
    }
}
