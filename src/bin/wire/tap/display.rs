//! What the threads of `wire tap` have seen, and the thread that shows it.
//!
//! The threads that pass bytes on never wait for the display: a display may stand still, for
//! example while the user scrolls back.

use crate::output::{complain, wanted};
use rfc6455::Role;
use rfc6455::trace::{MOMENT, Observer, Renderer, Transcript, renderer_for, time_of_day};
use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Once};
use std::time::SystemTime;

/// At most this many bytes wait to be shown, of all connections together. If more bytes come on a
/// connection, the rest of that connection is not shown.
const MOST_WAITING: usize = 64 << 20;

/// One thing that was seen on a connection.
pub enum Seen {
    Bytes(Role, Vec<u8>),
    /// This side ended its direction of TCP.
    Eof(Role),
    /// This side reset TCP, or the path to it broke.
    Reset(Role, io::Error),
    /// A line about the connection.
    Note(String),
    /// The bytes from here on are not shown.
    Hidden,
    /// The connection is over.
    Gone,
}

impl Seen {
    /// How much memory it takes while it waits.
    fn size(&self) -> usize {
        match self {
            Seen::Bytes(_, bytes) => size_of::<Passed>() + bytes.capacity(),
            _ => 0,
        }
    }
}

/// What was seen, on which connection, and when.
pub struct Passed {
    connection: u64,
    time: SystemTime,
    seen: Seen,
}

/// The way to the display. All threads have a clone.
#[derive(Clone)]
pub struct Display {
    queue: Sender<Passed>,
    /// How many bytes wait to be shown.
    waiting: Arc<AtomicUsize>,
}

/// One connection, and its way to the display.
pub struct TappedConnection {
    number: u64,
    display: Display,
    /// Its bytes are not shown any more.
    hidden: AtomicBool,
}

impl TappedConnection {
    pub fn new(number: u64, display: Display) -> TappedConnection {
        TappedConnection {
            number,
            display,
            hidden: AtomicBool::new(false),
        }
    }

    /// Tells the display what was seen. It never waits.
    pub fn tell(&self, seen: Seen) {
        let size = seen.size();
        if size > 0 {
            if self.hidden.load(Ordering::Relaxed) {
                return;
            }
            let waiting = &self.display.waiting;
            if waiting.fetch_add(size, Ordering::Relaxed) + size > MOST_WAITING {
                waiting.fetch_sub(size, Ordering::Relaxed);
                if !self.hidden.swap(true, Ordering::Relaxed) {
                    self.send(Seen::Hidden);
                }
                return;
            }
        }
        self.send(seen);
    }

    fn send(&self, seen: Seen) {
        let _ = self.display.queue.send(Passed {
            connection: self.number,
            time: SystemTime::now(),
            seen,
        });
    }
}

impl Display {
    /// A display, and what waits for it.
    pub fn new() -> (Display, Receiver<Passed>) {
        let (queue, shown) = mpsc::channel();
        let waiting = Arc::default();
        (Display { queue, waiting }, shown)
    }

    /// Shows what the threads have seen, for ever. If standard output is closed, it goes on, and so
    /// do the connections.
    pub fn show(&self, shown: &Receiver<Passed>) {
        let renderer = renderer_for(&io::stdout());
        let mut transcript = Transcript::new(renderer);
        let mut observers = HashMap::new();
        let mut moment = SystemTime::now();
        loop {
            let passed = match shown.recv_timeout(MOMENT) {
                Ok(passed) => Some(passed),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            // What waited was seen earlier. So a display that is late calls no side silent.
            let now = passed
                .as_ref()
                .map_or_else(SystemTime::now, |passed| passed.time);
            // The clock may be set back.
            let apart = now.duration_since(moment);
            if apart.unwrap_or_else(|error| error.duration()) >= MOMENT {
                moment = now;
                pass_moment(&time_of_day(now), &mut transcript, &mut observers);
            }
            if let Some(passed) = passed {
                self.waiting
                    .fetch_sub(passed.seen.size(), Ordering::Relaxed);
                show_one(passed, renderer, &mut transcript, &mut observers);
            }
        }
    }
}

/// Tells of each side that is silent and has not finished what it began.
fn pass_moment(time: &str, transcript: &mut Transcript, observers: &mut HashMap<u64, Observer>) {
    for (connection, observer) in observers {
        observer.moment_passed();
        show_events(time, *connection, observer, transcript);
    }
}

/// Shows what the observer has found.
fn show_events(time: &str, connection: u64, observer: &mut Observer, transcript: &mut Transcript) {
    while let Some(event) = observer.next_event() {
        print(&transcript.add(time, &format!(" #{connection}"), &event));
    }
}

fn show_one(
    passed: Passed,
    renderer: Renderer,
    transcript: &mut Transcript,
    observers: &mut HashMap<u64, Observer>,
) {
    let time = time_of_day(passed.time);
    let label = format!(" #{}", passed.connection);
    let note = |text: &str| print(&renderer.note(&format!("{time}{label} {text}")));
    let observer = observers.entry(passed.connection).or_default();
    match passed.seen {
        Seen::Bytes(from, bytes) => observer.feed(from, &bytes),
        Seen::Eof(from) => observer.feed_eof(from),
        Seen::Reset(from, error) => {
            note(&error.to_string());
            observer.feed_reset(from);
        }
        Seen::Note(text) => note(&text),
        Seen::Hidden => note("too much to show; the rest is passed on and not shown"),
        Seen::Gone => {
            observers.remove(&passed.connection);
            return;
        }
    }
    show_events(&time, passed.connection, observer, transcript);
}

/// Prints what was seen. The connections go on if that fails, and the user is told once.
fn print(text: &str) {
    static TOLD: Once = Once::new();
    if let Err(error) = wanted(io::stdout().write_all(text.as_bytes())) {
        TOLD.call_once(|| complain(format_args!("wire tap: {error}; what is shown has gaps")));
    }
}
