//! From the observer of a connection to the thread that sends its report.
//!
//! - The observer works in the threads of the connection, and a report must not delay them. So they
//!   never wait for it: the queue has a bound in notes and in bytes.
//! - When the queue is full, the observer is told to skip frames. From then on a frame costs a few
//!   checks and a count, and no memory.
//! - Notes that wait together leave as lines of one message.
//! - When the page has all notes that waited, a pause follows. It bounds how much of the machine a
//!   report takes, and a person cannot read faster anyway. Then the page is told how much was left
//!   out, and frames are reported again.

use super::note::{Content, Note};
use rfc6455::trace::{Event, FrameHeader, FramePayload, SHOWN, SkipFrames, Skipped};
use rfc6455::{OpCode, Role, Share};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// At most this many notes wait for a slow report. To write and to send one takes as long as to read
/// a thousand small frames. A few that are neither frames nor uninterpreted bytes may come on top.
const MOST_NOTES: usize = 100;

/// Frames and uninterpreted bytes are put into the queue only below this size, in bytes. Every note
/// is small, so this limit matters only beside a large head.
const MOST_BYTES: usize = 256 << 10;

/// So long a message to the page waits for more notes. A person does not see it, and the threads of
/// the connection are not in the way of the report.
const GATHER: Duration = Duration::from_millis(5);

/// A message to the page that has this many bytes gets no more notes.
const LONG_MESSAGE: usize = 64 << 10;

/// Frames that were skipped are followed by this much time without notes.
const PAUSE: Duration = Duration::from_secs(1);

/// The notes that wait to be sent to the page.
pub struct NoteQueue {
    backlog: Mutex<Backlog>,
    changed: Condvar,
    /// It is on from the moment when the queue is full until the pause is over.
    skip: SkipFrames,
}

struct Backlog {
    notes: VecDeque<Note>,
    /// The memory of the notes, in bytes, and its share of what all connections may hold.
    held: usize,
    share: Share,
    /// When the connection came.
    began: Instant,
    /// No more notes come, or nobody reads them.
    over: bool,
}

impl Backlog {
    fn new(share: Share) -> Backlog {
        Backlog {
            notes: VecDeque::new(),
            held: 0,
            share,
            began: Instant::now(),
            over: false,
        }
    }

    fn is_full(&mut self) -> bool {
        self.notes.len() >= MOST_NOTES || self.held >= MOST_BYTES || !self.share.hold(self.held)
    }

    fn add(&mut self, content: Content) {
        let note = self.note(content);
        self.held += note.held();
        self.notes.push_back(note);
    }

    fn take(&mut self) -> Option<Note> {
        let note = self.notes.pop_front()?;
        self.held -= note.held();
        self.share.hold(self.held);
        Some(note)
    }

    fn note(&self, content: Content) -> Note {
        let at = self.began.elapsed();
        Note { at, content }
    }
}

impl NoteQueue {
    pub fn new(share: Share) -> NoteQueue {
        NoteQueue {
            backlog: Mutex::new(Backlog::new(share)),
            changed: Condvar::new(),
            skip: SkipFrames::default(),
        }
    }

    /// The switch for the observer of the connection.
    pub fn skip(&self) -> SkipFrames {
        self.skip.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time of the notes begins now.
    fn begin(&self) {
        self.lock().began = Instant::now();
    }

    /// Adds a frame or uninterpreted bytes. A connection can have any number of them, so they are
    /// skipped if the queue is full. `make` makes the note only if there is room.
    fn push_if_room(&self, skipped: Skipped, make: impl FnOnce() -> Content) {
        if !self.skip.is_on() {
            let mut backlog = self.lock();
            if backlog.over || !backlog.is_full() {
                if !backlog.over {
                    self.add(&mut backlog, make());
                }
                return;
            }
            self.skip.turn_on();
        }
        self.skip.count(skipped);
    }

    /// Adds another note. A connection has a few of these, and they always find room.
    fn push(&self, content: Content) {
        let mut backlog = self.lock();
        if !backlog.over {
            self.add(&mut backlog, content);
        }
    }

    fn add(&self, backlog: &mut Backlog, content: Content) {
        // Only an empty queue has a thread that waits for it.
        if backlog.notes.is_empty() {
            self.changed.notify_one();
        }
        self.add_skipped(backlog);
        backlog.add(content);
    }

    /// What was skipped before a note stands before it.
    fn add_skipped(&self, backlog: &mut Backlog) {
        if let Some(skipped) = self.take_skipped() {
            backlog.add(skipped);
        }
    }

    fn take_skipped(&self) -> Option<Content> {
        let skipped = self.skip.take();
        (skipped != Skipped::default()).then_some(Content::Skipped(skipped))
    }

    /// Waits for the first note, or for the end, for `limit` at most. Returns whether one of them
    /// came.
    pub fn wait_for_first(&self, limit: Duration) -> bool {
        let backlog = self.wait(self.lock(), limit);
        backlog.over || !backlog.notes.is_empty()
    }

    fn wait<'a>(
        &self,
        backlog: MutexGuard<'a, Backlog>,
        limit: Duration,
    ) -> MutexGuard<'a, Backlog> {
        let is_idle = |backlog: &mut Backlog| backlog.notes.is_empty() && !backlog.over;
        self.changed
            .wait_timeout_while(backlog, limit, is_idle)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    /// Waits for the next notes: lines of JSON, one a note. Notes that wait together leave together,
    /// because a message of its own costs more than the note. `None`: there are no more.
    pub fn next_lines(&self) -> Option<String> {
        let mut lines = self.next()?;
        if !self.lock().over {
            thread::sleep(GATHER);
        }
        while lines.len() < LONG_MESSAGE {
            let Some(note) = self.lock().take() else {
                break;
            };
            lines.push('\n');
            lines += &note.to_json();
        }
        Some(lines)
    }

    /// Waits for the next note, and returns it as JSON. `None`: there are no more.
    fn next(&self) -> Option<String> {
        let mut backlog = self.lock();
        loop {
            if let Some(note) = backlog.take() {
                drop(backlog);
                return Some(note.to_json());
            }
            if backlog.over {
                let skipped = self.take_skipped().map(|skipped| backlog.note(skipped));
                return skipped.map(|note| note.to_json());
            }
            if self.skip.is_on() {
                backlog = self.wait(backlog, PAUSE);
                // A note that came in the pause goes first: frames are still skipped.
                if backlog.notes.is_empty() {
                    self.skip.turn_off();
                    self.add_skipped(&mut backlog);
                }
            } else {
                backlog = self.wait(backlog, Duration::MAX);
            }
        }
    }

    /// The connection is over. The notes that wait are still sent.
    fn finish(&self) {
        self.lock().over = true;
        self.changed.notify_one();
    }

    /// The report is over. The notes that wait are dropped, and so are those that come.
    pub fn stop(&self) {
        let mut backlog = self.lock();
        backlog.notes = VecDeque::new();
        backlog.held = 0;
        backlog.share.hold(0);
        backlog.over = true;
        drop(backlog);
        // Nobody wants to know of frames any more.
        self.skip.turn_on();
        self.changed.notify_one();
    }
}

/// Makes notes of the events of a connection, and puts them into the queue. When it is dropped, the
/// connection is over.
pub struct Reporter {
    queue: Arc<NoteQueue>,
    /// The headers whose payloads have not come yet: the client's and the server's.
    headers: [Option<FrameHeader>; 2],
    /// No Close has passed yet.
    open: bool,
    /// A rule was broken.
    broken: bool,
}

impl Reporter {
    pub fn new(queue: Arc<NoteQueue>) -> Reporter {
        queue.begin();
        Reporter {
            queue,
            headers: [None, None],
            open: true,
            broken: false,
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
            Event::Violation(ref broken) => {
                self.frame(broken.from, None);
                // The first one says how the connection ends. Any number may follow.
                if std::mem::replace(&mut self.broken, true) {
                    let content = || Content::Event(short(event));
                    return self.queue.push_if_room(Skipped::FRAME, content);
                }
            }
            // The page is told of what is finished, and the end of TCP says what is missing.
            Event::Begun(_) => return,
            Event::Eof { from, .. } => self.frame(from, None),
            Event::Reset { .. } => {
                self.frame(Role::Client, None);
                self.frame(Role::Server, None);
            }
            Event::Bytes { ref bytes, .. } => {
                let skipped = Skipped::bytes(bytes.len());
                self.queue
                    .push_if_room(skipped, || Content::Event(short(event)));
                return;
            }
            _ => {}
        }
        self.queue.push(Content::Event(short(event)));
    }

    fn frame(&mut self, from: Role, payload: Option<FramePayload>) {
        if let Some(header) = self.headers[index(from)].take() {
            let is_close = header.header.opcode == OpCode::Close;
            let first_close = is_close && std::mem::take(&mut self.open);
            let content = Content::Frame {
                header,
                payload,
                first_close,
            };
            // Each side has one Close. It is the last frame of its sender.
            if is_close {
                return self.queue.push(content);
            }
            self.queue.push_if_room(Skipped::FRAME, || content);
        }
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

/// The event with at most [`SHOWN`] bytes, those around a broken rule. The memory of the others is
/// given back.
fn short(mut event: Event) -> Event {
    match &mut event {
        Event::Violation(broken) => {
            let start = broken.at.start.saturating_sub(SHOWN / 2);
            broken.bytes.drain(..start);
            broken.bytes.truncate(SHOWN);
            broken.bytes.shrink_to_fit();
            let end = (broken.at.end - start).min(broken.bytes.len());
            broken.at = broken.at.start - start..end;
        }
        Event::Bytes { bytes, .. } => {
            bytes.truncate(SHOWN);
            bytes.shrink_to_fit();
        }
        _ => {}
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use rfc6455::Budget;
    use rfc6455::opening::HeadReader;
    use rfc6455::trace::{Agreement, Observer, Unfinished, Uninterpreted};

    fn bytes(count: usize) -> Event {
        Event::Bytes {
            from: Role::Client,
            bytes: vec![7; count],
            why: Uninterpreted::NotHttp,
        }
    }

    fn queue_and_reporter() -> (Arc<NoteQueue>, Reporter) {
        let queue = Arc::new(NoteQueue::new(Budget::new(usize::MAX).share()));
        let reporter = Reporter::new(Arc::clone(&queue));
        (queue, reporter)
    }

    /// An observer of a connection whose queue this is, and the events of these bytes.
    fn observe(queue: &NoteQueue, reporter: &mut Reporter, bytes: &[u8]) {
        let mut observer = Observer::frames_only(Agreement::NotKnown).skip_when(queue.skip());
        observer.feed(Role::Server, bytes);
        while let Some(event) = observer.next_event() {
            reporter.tell(event);
        }
    }

    #[test]
    fn what_finds_no_room_is_counted_and_the_end_is_reported_anyway() {
        let (queue, mut reporter) = queue_and_reporter();
        for _ in 0..MOST_NOTES + 10 {
            reporter.tell(bytes(3));
        }
        reporter.tell(Event::Eof {
            from: Role::Client,
            unfinished: Unfinished::Nothing,
        });
        drop(reporter);
        let all: Vec<String> = std::iter::from_fn(|| queue.next()).collect();
        assert_eq!(all.len(), MOST_NOTES + 2);
        assert!(
            all[MOST_NOTES].contains(r#""is":"missed","frames":0,"bytes":30"#),
            "{}",
            all[MOST_NOTES]
        );
        assert!(all[MOST_NOTES + 1].contains(r#""is":"end""#));
    }

    #[test]
    fn a_flood_of_frames_is_counted_by_the_observer_and_its_close_is_reported() {
        let (queue, mut reporter) = queue_and_reporter();
        let pongs = [0x8a, 0].repeat(5000);
        observe(
            &queue,
            &mut reporter,
            &[&pongs[..], &[0x88, 2, 3, 0xe8]].concat(),
        );
        drop(reporter);
        let all: Vec<String> = std::iter::from_fn(|| queue.next()).collect();
        // The state CLOSING comes behind the Close.
        assert_eq!(all.len(), MOST_NOTES + 3);
        let missed = format!(r#""is":"missed","frames":{},"bytes":0"#, 5000 - MOST_NOTES);
        assert!(all[MOST_NOTES].contains(&missed), "{}", all[MOST_NOTES]);
        assert!(all[MOST_NOTES + 1].contains(r#""name":"Close""#));
        assert!(all[MOST_NOTES + 2].contains("CLOSING"));
    }

    #[test]
    fn frames_are_reported_again_when_the_page_has_all_that_waited_and_a_pause_is_over() {
        let (queue, mut reporter) = queue_and_reporter();
        observe(&queue, &mut reporter, &[0x8a, 0].repeat(MOST_NOTES + 7));
        for _ in 0..MOST_NOTES {
            assert!(queue.next().unwrap().contains(r#""name":"Pong""#));
        }
        assert!(queue.skip().is_on());
        let missed = queue.next().unwrap();
        assert!(missed.contains(r#""is":"missed","frames":7"#), "{missed}");
        observe(&queue, &mut reporter, &[0x89, 0]);
        assert!(queue.next().unwrap().contains(r#""name":"Ping""#));
    }

    /// A request whose head holds more than 16 KiB.
    fn large_request() -> Event {
        let head = "GET / HTTP/1.1\r\n".to_owned() + &"A: b\r\n".repeat(900);
        let mut reader = HeadReader::new(1 << 20, 1000);
        let (head, _) = reader.read((head + "\r\n").as_bytes()).unwrap().unwrap();
        Event::Request {
            head: Box::new(head),
            error: None,
        }
    }

    #[test]
    fn the_queue_has_a_bound_in_bytes_too() {
        let (queue, mut reporter) = queue_and_reporter();
        // A connection has one request. It always finds room.
        for _ in 0..10 {
            reporter.tell(large_request());
        }
        reporter.tell(bytes(1));
        assert!(queue.lock().held >= MOST_BYTES);
        assert_eq!(queue.lock().notes.len(), 10);
        assert!(queue.skip().is_on());
    }

    #[test]
    fn what_waits_counts_in_the_budget_of_all_connections() {
        let budget = Budget::new(50_000);
        let queue = Arc::new(NoteQueue::new(budget.share()));
        let mut reporter = Reporter::new(Arc::clone(&queue));
        for _ in 0..2 {
            reporter.tell(large_request());
        }
        reporter.tell(bytes(1));
        assert!(budget.held() > 0 && !queue.skip().is_on());
        // Another connection takes what is left.
        let mut other = budget.share();
        assert!(other.hold((64 << 10) + 50_000 - budget.held()));
        reporter.tell(bytes(1));
        assert!(queue.skip().is_on());
        queue.stop();
        drop(other);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn notes_that_wait_together_are_lines_of_one_message() {
        let (queue, mut reporter) = queue_and_reporter();
        observe(&queue, &mut reporter, &[0x8a, 0].repeat(3));
        let message = queue.next_lines().unwrap();
        let lines: Vec<&str> = message.split('\n').collect();
        assert_eq!(lines.len(), 3);
        for line in lines {
            assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
        }
        drop(reporter);
        assert_eq!(queue.next_lines(), None);
    }

    #[test]
    fn a_report_that_is_over_keeps_no_notes() {
        let (queue, mut reporter) = queue_and_reporter();
        reporter.tell(bytes(1));
        queue.stop();
        reporter.tell(bytes(1));
        assert!(queue.lock().notes.is_empty());
        assert!(queue.skip().is_on());
    }

    #[test]
    fn a_note_holds_a_few_bytes_at_most() {
        let (queue, mut reporter) = queue_and_reporter();
        reporter.tell(bytes(1 << 20));
        assert!(queue.lock().held < 1000);
        assert!(queue.next().unwrap().len() < 5 * SHOWN);
    }
}
