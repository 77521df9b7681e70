//! The mode of our terminal, through `stty`, which every Unix has.
//!
//! - [`take`] makes the terminal hand over each key at once. [`restore`] gives it back.
//! - Rust's `std` cannot catch SIGTERM, and no program can catch SIGKILL. So a watcher, a small
//!   shell, waits for our end. If the terminal is still in our mode then, it restores it.
//! - Ctrl-Z is a key here. [`suspend`] gives the terminal back, stops us, and takes it again.
//!
//! A process has one terminal, so this file keeps its state for the whole process.

use std::io::{self, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// What it takes to give the terminal back. `None`: it is not ours.
static TAKEN: Mutex<Option<Taken>> = Mutex::new(None);

struct Taken {
    /// The mode before, as `stty` prints it.
    before: String,
    /// Its standard input ends when we end.
    watcher: Option<Child>,
}

/// Each key comes at once, nothing is shown by the terminal itself, and Ctrl-C and Ctrl-Z are keys.
const OUR_MODE: [&str; 8] = [
    "-icanon", "-echo", "-isig", "-iexten", "min", "1", "time", "0",
];

/// Marks around a paste, so that the end of a line in it does not look like Enter.
const PASTES_ARE_MARKED: &str = "\x1b[?2004h";
const PASTES_ARE_NOT_MARKED: &str = "\x1b[?2004l";
/// Removes the line that is typed.
const NO_LINE: &str = "\r\x1b[K";

/// The watcher. `$1` is the mode before, `$2` is ours. A signal that ends a whole group of
/// processes does not end it (`trap`). It may set a terminal that belongs to another group (TTOU).
/// Many shells take the terminal back themselves. They get a second for that, and are left alone.
const WATCHER: &str = r#"
trap '' HUP INT QUIT TERM TTOU
exec 3<&1
read -r end
sleep 1
if [ "$(stty -g <&3)" = "$2" ]; then
    stty "$1" <&3
    printf '\033[?2004l\r\n'
fi
"#;

/// Takes the terminal. `false`: there is no `stty`, or it failed.
pub fn take() -> bool {
    let Some(before) = stty(&["-g"]) else {
        return false;
    };
    if stty(&OUR_MODE).is_none() {
        return false;
    }
    let ours = stty(&["-g"]).unwrap_or_default();
    let watcher = Command::new("sh")
        .args(["-c", WATCHER, "watcher", before.trim(), ours.trim()])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(Taken {
        before,
        watcher: watcher.ok(),
    });
    print(PASTES_ARE_MARKED);
    true
}

/// Gives the terminal back, if it is ours.
pub fn restore() {
    let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(taken) = taken else {
        return;
    };
    print(&format!("{NO_LINE}{PASTES_ARE_NOT_MARKED}"));
    stty(&[taken.before.trim()]);
    if let Some(mut watcher) = taken.watcher {
        drop(watcher.stdin.take());
        let _ = watcher.wait();
    }
}

/// Stops this process and its group, as Ctrl-Z does elsewhere, until the user continues it.
/// Returns whether the terminal is ours again.
pub fn suspend() -> bool {
    restore();
    // `std` cannot send a signal. This shell is in our group, so it stops and goes on with us.
    let _ = Command::new("sh").args(["-c", "kill -TSTP 0"]).status();
    take()
}

/// How many columns the terminal has.
pub fn width() -> usize {
    let size = stty(&["size"]).unwrap_or_default();
    let columns = size.split_whitespace().nth(1);
    let columns = columns.and_then(|columns| columns.parse().ok());
    columns.filter(|&columns| columns > 0).unwrap_or(80)
}

fn print(text: &str) {
    let _ = write!(io::stdout(), "{text}").and_then(|()| io::stdout().flush());
}

/// Runs `stty` on our terminal, and returns what it printed. `None`: it failed, or this system does
/// not have it.
fn stty(args: &[&str]) -> Option<String> {
    let output = Command::new("stty")
        .args(args)
        .stdin(Stdio::inherit())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    match output.status.success() {
        true => String::from_utf8(output.stdout).ok(),
        false => None,
    }
}
