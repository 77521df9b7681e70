//! How long the peer has been silent. At the end of its input, a program waits for the last answers
//! in this way: the protocol does not say when a server has answered everything.
//!
//! - [`Heard`] is a stream that notes when bytes arrive.
//! - [`Ear`] is what it has noted, for the thread that sends.
//! - [`Patience`] is how long to wait. Two options set it.

use crate::arguments::{Arguments, NotRun};
use rfc6455::{Stream, Tcp};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long to wait for answers at the end of the input.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The peer must be silent for this long.
    silence: Duration,
    /// But it is not longer than this, in all.
    longest: Duration,
}

impl Patience {
    /// Reads the value of `--silence` or `--max-wait`. `false`: the option has another name.
    pub fn take(&mut self, option: &str, arguments: &mut Arguments) -> Result<bool, NotRun> {
        match option {
            "--silence" => self.silence = seconds(option, &arguments.value()?)?,
            "--max-wait" => self.longest = seconds(option, &arguments.value()?)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            silence: Duration::from_secs(1),
            longest: Duration::from_secs(10),
        }
    }
}

/// Seconds, such as `2` or `0.5`. A million of them is more than anybody waits.
fn seconds(option: &str, text: &str) -> Result<Duration, NotRun> {
    match text.parse() {
        Ok(seconds @ 0.0..=1e6) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(NotRun::Wrong(format!(
            "{option} takes seconds, from 0 to 1000000, not {text}"
        ))),
    }
}

/// How long to wait until a thread that reads begins to wait for the peer, before looking again.
const A_WHILE: Duration = Duration::from_secs(1);

/// What is known of the peer's silence.
#[derive(Clone, Debug)]
pub struct Ear(Arc<(Mutex<Hearing>, Condvar)>);

#[derive(Debug)]
struct Hearing {
    /// The thread that reads waits for the peer now.
    waiting: bool,
    /// When it began to wait. There was nothing to hear since then.
    since: Instant,
    /// How often it has begun to wait.
    reads: u64,
    /// Somebody wants to know that it waits.
    asked: bool,
}

impl Ear {
    fn new() -> Ear {
        let hearing = Hearing {
            waiting: false,
            since: Instant::now(),
            reads: 0,
            asked: false,
        };
        Ear(Arc::new((Mutex::new(hearing), Condvar::new())))
    }

    /// Waits until the peer has been silent long enough. It waits for silence from now on.
    ///
    /// While our own output holds up the thread that reads, for example at `client | less`, nobody
    /// listens. So that time is not silence, and it cannot be the end.
    pub fn wait_for_silence(&self, patience: Patience) {
        let changed = &self.0.1;
        let start = Instant::now();
        let end = start + patience.longest;
        let mut hearing = self.lock();
        hearing.asked = true;
        let mut reads = hearing.reads;
        loop {
            let until = match hearing.waiting {
                true => (hearing.since.max(start) + patience.silence).min(end),
                false => end,
            };
            let listens = hearing.waiting || hearing.reads != reads;
            let left = until.saturating_duration_since(Instant::now());
            if listens && left.is_zero() {
                return;
            }
            reads = hearing.reads;
            let left = if listens { left } else { A_WHILE };
            let result = changed.wait_timeout(hearing, left);
            hearing = result.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn begin_to_wait(&self) {
        let mut hearing = self.lock();
        // After a time limit it goes on with the same wait.
        if !hearing.waiting {
            hearing.waiting = true;
            hearing.since = Instant::now();
            hearing.reads += 1;
            if hearing.asked {
                self.0.1.notify_all();
            }
        }
    }

    fn note_arrival(&self) {
        self.lock().waiting = false;
    }

    fn lock(&self) -> MutexGuard<'_, Hearing> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream with an ear.
#[derive(Clone, Debug)]
pub struct Heard {
    tcp: Tcp,
    ear: Ear,
}

impl Heard {
    pub fn new(tcp: Tcp) -> Heard {
        let ear = Ear::new();
        Heard { tcp, ear }
    }

    pub fn ear(&self) -> &Ear {
        &self.ear
    }
}

impl Read for Heard {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.ear.begin_to_wait();
        let result = self.tcp.read(room);
        if !matches!(&result, Err(error) if error.kind() == ErrorKind::TimedOut) {
            self.ear.note_arrival();
        }
        result
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.write(bytes)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.tcp.write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

impl Stream for Heard {
    fn limit_reads(&mut self, limit: Option<Duration>) -> io::Result<bool> {
        self.tcp.limit_reads(limit)
    }

    fn limit_writes(&mut self, limit: Option<Duration>) -> io::Result<()> {
        self.tcp.limit_writes(limit)
    }

    fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        self.tcp.shutdown(how)
    }
}
