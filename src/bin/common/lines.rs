//! Lines from standard input, and how sending them went.

use crate::output::complain;
use rfc6455::Closed;
use std::io::{self, BufRead};
use std::process::ExitCode;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The lines of standard input.
#[derive(Debug, Default)]
pub struct Lines {
    /// The number of the last line. The first line is 1.
    pub number: usize,
}

impl Lines {
    /// The next line, without its end (LF or CR LF). `None`: there are no more. The error names the
    /// line; no line behind it can be trusted.
    pub fn next(&mut self) -> Result<Option<String>, String> {
        let mut line = Vec::new();
        self.number += 1;
        let wrong = |what: &str| Err(format!("standard input, line {}: {what}", self.number));
        match io::stdin().lock().read_until(b'\n', &mut line) {
            Err(error) => return wrong(&error.to_string()),
            Ok(0) => return Ok(None),
            Ok(_) => {}
        }
        if line.ends_with(b"\n") {
            line.pop();
        }
        if line.ends_with(b"\r") {
            line.pop();
        }
        match String::from_utf8(line) {
            Ok(line) => Ok(Some(line)),
            Err(error) => {
                let at = error.utf8_error().valid_up_to() + 1;
                wrong(&format!("it is not UTF-8 from byte {at} on (§5.6)"))
            }
        }
    }
}

/// How sending goes, in another thread. The thread that reads asks at the end.
#[derive(Debug, Default)]
pub struct Sending {
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Progress {
    /// There may be lines that are not sent yet.
    active: bool,
    /// The input was wrong. The user knows why.
    failed: bool,
    /// The first line that was not sent, because the connection was closed.
    unsent: Option<usize>,
}

impl Sending {
    /// There may be lines to send.
    pub fn begin(&self) {
        self.lock().active = true;
    }

    /// All lines were sent, or no more will be.
    pub fn end(&self) {
        self.lock().active = false;
        self.changed.notify_all();
    }

    /// The input is wrong. The user was told.
    pub fn fail(&self) {
        self.lock().failed = true;
    }

    /// Whether the input was wrong.
    pub fn has_failed(&self) -> bool {
        self.lock().failed
    }

    /// This line found the connection closed.
    pub fn note_unsent(&self, line: usize) {
        self.lock().unsent = Some(line);
    }

    /// The exit code of a program that ends without an error of its connection. It tells the user if
    /// lines were not sent. `closed`: how the connection ended, if it did.
    pub fn exit_code(&self, program: &str, closed: Option<&Closed>) -> ExitCode {
        // A thread that has a line is about to find out that the connection is closed. A thread
        // that waits for a line has nothing to say.
        const MOMENT: Duration = Duration::from_secs(1);
        let limit = closed.map_or(Duration::ZERO, |_| MOMENT);
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), limit, |progress| progress.active);
        let progress = waited.unwrap_or_else(PoisonError::into_inner).0;
        if let (Some(line), Some(closed)) = (progress.unsent, closed) {
            complain(format_args!(
                "{program}: line {line} and what is behind it were not sent: {closed}"
            ));
        }
        match progress.failed || progress.unsent.is_some() {
            true => ExitCode::FAILURE,
            false => ExitCode::SUCCESS,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
