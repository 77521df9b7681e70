//! Stops the server when the user presses Enter, or at the end of standard input.
//!
//! - A terminal belongs to one job of a shell at a time: the one in the foreground. If another job
//!   reads from the terminal, the system stops that job (SIGTTIN). So `server &` must not read.
//! - On Linux, `/proc/self/stat` says which job is in the foreground. This file looks once a second,
//!   and reads only in the foreground. It never waits in a read, because Ctrl-Z and `bg` can bring
//!   the server to the background at any time.
//! - On other systems it waits in a read, and `server &` needs `</dev/null`.

use rfc6455::Handle;
use rfc6455::server::Log;
use std::fs::{self, File};
use std::io::{self, ErrorKind, IsTerminal, Read};
use std::thread;
use std::time::Duration;

/// How often to look whether the server is in the foreground.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How often to look for Enter in the foreground.
const READ_AGAIN: Duration = Duration::from_millis(100);

/// Stops the server when the user asks for it. Every connection gets a Close with 1001. It returns
/// at once, and waits in a thread.
pub fn stop_on_request(handle: Handle, stop_on_eof: bool) {
    let is_terminal = io::stdin().is_terminal();
    if is_terminal || stop_on_eof {
        thread::spawn(move || {
            match is_terminal {
                true => wait_for_enter(stop_on_eof),
                false => wait_for_end(),
            }
            handle.stop();
        });
    }
}

/// Reads a pipe or a file to its end. An error is an end, too.
fn wait_for_end() {
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
}

/// Waits until the user presses Enter or, if `stop_on_eof`, Ctrl-D.
fn wait_for_enter(stop_on_eof: bool) {
    let mut terminal = Terminal::open();
    let mut told = false;
    loop {
        if !is_in_foreground() {
            thread::sleep(LOOK_AGAIN);
            continue;
        }
        if !told {
            Log::stderr().line("Enter stops the server.");
            told = true;
        }
        match terminal.read() {
            // A line. A terminal hands over whole lines.
            Ok(1..) => return,
            // Ctrl-D. It is also the end of a terminal that was closed.
            Ok(0) if stop_on_eof => return,
            Ok(0) => thread::sleep(LOOK_AGAIN),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(READ_AGAIN),
            Err(_) => thread::sleep(LOOK_AGAIN),
        }
    }
}

/// The terminal of standard input.
enum Terminal {
    /// It is open a second time, and a read does not wait. (To change standard input itself would
    /// change it for the shell, too.)
    Own(File),
    /// A read waits.
    StandardInput,
}

impl Terminal {
    fn open() -> Terminal {
        match open_without_waiting() {
            Ok(file) => Terminal::Own(file),
            Err(_) => Terminal::StandardInput,
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        let mut line = [0; 4096];
        match self {
            Terminal::Own(file) => file.read(&mut line),
            Terminal::StandardInput => io::stdin().read(&mut line),
        }
    }
}

#[cfg(target_os = "linux")]
fn open_without_waiting() -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // From Linux's `fcntl.h`. Other processors may have other numbers.
    const O_NONBLOCK: i32 = 0o4000;
    const O_NOCTTY: i32 = 0o400;
    if !cfg!(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    )) {
        return Err(ErrorKind::Unsupported.into());
    }
    let mut options = fs::OpenOptions::new();
    // `O_NOCTTY`: the terminal does not become ours if it is not.
    options.read(true).custom_flags(O_NONBLOCK | O_NOCTTY);
    options.open("/proc/self/fd/0")
}

#[cfg(not(target_os = "linux"))]
fn open_without_waiting() -> io::Result<File> {
    Err(ErrorKind::Unsupported.into())
}

/// Whether this process may read its terminal. On a system that does not say, it may.
fn is_in_foreground() -> bool {
    fs::read_to_string("/proc/self/stat").map_or(true, |stat| may_read(&stat))
}

/// Reads a line of `/proc/PID/stat` (see `proc(5)`): the process may read its terminal if its group
/// (pgrp) is the one in the foreground (tpgid), or if it has no terminal that could stop it (-1).
fn may_read(stat: &str) -> bool {
    // The second field is the name of the program. It can contain anything, also `) `.
    let Some((_, fields)) = stat.rsplit_once(") ") else {
        return true;
    };
    let fields: Vec<&str> = fields.split(' ').collect();
    // The first of these fields is the third of the line.
    match fields[..] {
        [_state, _ppid, pgrp, _session, _tty, tpgid, ..] => tpgid == pgrp || tpgid == "-1",
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_foreground_is_read_from_the_fields_behind_the_name() {
        let stat = |tpgid| format!("70 (a) b ) S 1 70 60 34816 {tpgid} 4194560 1 2");
        assert!(may_read(&stat("70")));
        assert!(!may_read(&stat("60")));
        assert!(may_read(&stat("-1")));
        assert!(may_read("something else"));
    }
}
