//! A log that no connection waits for.
//!
//! - A line goes to a queue in memory. One thread writes the queue to the output.
//! - The queue has a limit. If the output takes no lines, such as an unread pipe or a full disk, the
//!   queue fills up. Then lines are dropped and counted.
//! - When the output takes lines again, the log says how many lines are missing.
//! - A caller never waits for the output, and never sees its errors.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

/// At most this many bytes wait to be written. As many again may be in the hands of the thread.
const MOST_WAITING: usize = 1 << 20;

/// A log: lines go to a queue of at most 1 MiB, and one thread writes them. Clones are the same
/// log. §7.1.7: "the server [...] SHOULD log the problem", and the log must not become a problem.
///
/// ```
/// let log = rfc6455::server::Log::stderr();
/// log.line("a line that no connection waits for");
/// ```
///
/// Rust prints the message of a panic itself, and waits for standard error. A program can send that
/// to the log, too, with [`std::panic::set_hook`].
#[derive(Clone, Debug)]
pub struct Log(Arc<Handles>);

/// The log on standard error.
static STDERR: OnceLock<Log> = OnceLock::new();

/// All clones of a log. With the last one, the thread ends.
#[derive(Debug)]
struct Handles(Arc<Queue>);

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Whole lines.
    text: String,
    /// How many lines were dropped behind them.
    dropped: usize,
    /// The thread has lines that are not written yet.
    writing: bool,
    /// No more lines come.
    ended: bool,
}

impl Log {
    /// The log on standard error. A process has one. The log of a [`Server`](crate::Server) is this
    /// one, unless [`Server::log`](crate::Server::log) chooses another.
    #[must_use]
    pub fn stderr() -> Log {
        STDERR.get_or_init(|| Log::new(io::stderr())).clone()
    }

    /// [`flush`](Self::flush) for the log on standard error, if this process uses it.
    pub(super) fn flush_stderr(limit: Duration) {
        if let Some(log) = STDERR.get() {
            log.flush(limit);
        }
    }

    /// A log with another output, for example a file. It has a thread of its own, which ends when
    /// the last clone is dropped and the last line is written.
    #[must_use]
    pub fn new(output: impl Write + Send + 'static) -> Log {
        let queue = Arc::new(Queue::default());
        let of_thread = Arc::clone(&queue);
        let thread = thread::Builder::new()
            .name("log".to_owned())
            .stack_size(64 << 10);
        // If no thread can be started, the lines are lost, and nothing else.
        let _ = thread.spawn(move || of_thread.write_all_to(output));
        Log(Arc::new(Handles(queue)))
    }

    /// Logs a line. It returns at once: if the queue is full, the line is dropped and counted.
    pub fn line(&self, line: impl Display) {
        self.print(&format!("{line}\n"));
    }

    /// Logs whole lines, each with its `\n`. They stay together.
    pub fn print(&self, lines: &str) {
        let queue = &self.0.0;
        let mut waiting = queue.lock();
        // Behind dropped lines all are dropped until there is room for the notice.
        if waiting.dropped > 0 || waiting.text.len() + lines.len() > MOST_WAITING {
            waiting.dropped += count_lines(lines);
        } else {
            waiting.text += lines;
        }
        queue.changed.notify_all();
    }

    /// Waits until all lines are written, for `limit` at most. Returns whether they are. A program
    /// calls this before it ends; [`Server::run`](crate::Server::run) does so, too.
    pub fn flush(&self, limit: Duration) -> bool {
        let queue = &self.0.0;
        let is_busy = |waiting: &mut Waiting| waiting.writing || waiting.has_lines();
        let result = queue
            .changed
            .wait_timeout_while(queue.lock(), limit, is_busy)
            .unwrap_or_else(PoisonError::into_inner);
        !result.1.timed_out()
    }
}

impl Waiting {
    fn has_lines(&self) -> bool {
        !self.text.is_empty() || self.dropped > 0
    }
}

impl Queue {
    /// The thread: writes what waits, until no more lines come.
    fn write_all_to(&self, mut output: impl Write) {
        // Lines that the output did not take, because of an error.
        let mut lost = 0;
        while let Some((mut text, dropped)) = self.take() {
            if dropped > 0 {
                text += &notice(dropped);
            }
            if lost > 0 && write_lines(&mut output, &notice(lost)) == 0 {
                lost = 0;
            }
            lost += match lost {
                0 => write_lines(&mut output, &text),
                _ => count_lines(&text),
            };
        }
    }

    /// What waits to be written, and how many lines were dropped behind it. `None`: no more lines
    /// come.
    fn take(&self) -> Option<(String, usize)> {
        let mut waiting = self.lock();
        waiting.writing = false;
        self.changed.notify_all();
        let mut waiting = self
            .changed
            .wait_while(waiting, |waiting| !waiting.has_lines() && !waiting.ended)
            .unwrap_or_else(PoisonError::into_inner);
        if !waiting.has_lines() {
            return None;
        }
        waiting.writing = true;
        // The queue gives its memory back, however long it was.
        Some((
            mem::take(&mut waiting.text),
            mem::take(&mut waiting.dropped),
        ))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Handles {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }
}

/// Says that lines are missing.
fn notice(count: usize) -> String {
    match count {
        1 => "(1 line is missing here: the log could not be written)\n".to_owned(),
        _ => format!("({count} lines are missing here: the log could not be written)\n"),
    }
}

fn count_lines(text: &str) -> usize {
    text.lines().count()
}

/// Writes lines. Returns how many were not written, or only in part.
fn write_lines(output: &mut impl Write, lines: &str) -> usize {
    let mut rest = lines.as_bytes();
    while !rest.is_empty() {
        match output.write(rest) {
            Ok(0) => break,
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Another program has made this output non-blocking.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(50));
            }
            Err(_) => break,
        }
    }
    let _ = output.flush();
    match rest {
        [] => 0,
        _ => rest.split_inclusive(|&byte| byte == b'\n').count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{self, Receiver, Sender};

    /// Far more time than anything here takes.
    const LONG: Duration = Duration::from_secs(60);

    /// An output whose writes each wait for a result from the test.
    struct Output {
        results: Receiver<io::Result<()>>,
        written: Sender<String>,
    }

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.written.send(String::from_utf8_lossy(bytes).into());
            self.results.recv().unwrap_or(Ok(()))?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A log, what lets a write go on, and what was written.
    fn log() -> (Log, Sender<io::Result<()>>, Receiver<String>) {
        let (go_on, results) = mpsc::channel();
        let (written, seen) = mpsc::channel();
        (Log::new(Output { results, written }), go_on, seen)
    }

    #[test]
    fn a_caller_never_waits_for_an_output_that_stands_still_and_lines_are_dropped_and_counted() {
        let (log, go_on, seen) = log();
        log.line("first");
        assert_eq!(seen.recv_timeout(LONG).unwrap(), "first\n");
        // The output stands still in this write. All these calls return.
        let line = "x".repeat(1023);
        for _ in 0..1024 + 3 {
            log.line(&line);
        }
        assert!(!log.flush(Duration::from_millis(1)));
        drop(go_on);
        assert!(log.flush(LONG));
        let rest = seen.recv().unwrap();
        let notice = "(3 lines are missing here: the log could not be written)\n";
        assert_eq!(rest.len(), 1024 * 1024 + notice.len());
        assert!(rest.ends_with(notice));
        log.line("again");
        assert_eq!(seen.recv_timeout(LONG).unwrap(), "again\n");
    }

    #[test]
    fn an_output_that_fails_costs_only_lines_and_their_number_is_said_later() {
        let (log, go_on, seen) = log();
        let fail = || go_on.send(Err(ErrorKind::StorageFull.into())).unwrap();
        fail();
        log.print("one\ntwo\n");
        assert!(log.flush(LONG));
        fail();
        log.line("three");
        assert!(log.flush(LONG));
        drop(go_on);
        log.line("four");
        assert!(log.flush(LONG));
        drop(log);
        let notice = "(3 lines are missing here: the log could not be written)\n";
        let tried: Vec<String> = seen.iter().collect();
        // The thread has ended, else there would be no end here.
        assert_eq!(
            tried,
            [
                "one\ntwo\n",
                "(2 lines are missing here: the log could not be written)\n",
                notice,
                "four\n"
            ]
        );
    }

    #[test]
    fn the_last_lines_are_written_after_the_last_handle_is_gone() {
        let (log, go_on, seen) = log();
        log.line("first");
        log.line("last");
        drop(log);
        drop(go_on);
        assert_eq!(seen.iter().collect::<String>(), "first\nlast\n");
    }
}
