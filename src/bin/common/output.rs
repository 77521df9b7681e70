//! What a program prints.
//!
//! `print!` and `eprintln!` panic if nobody can take the text: the reader of a pipe has gone, or a
//! disk is full. No program uses them.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Prints text on standard output, now. Returns the same as [`wanted`].
pub fn print(text: &str) -> io::Result<bool> {
    print_bytes(text.as_bytes())
}

/// Prints bytes on standard output, now. Returns the same as [`wanted`].
pub fn print_bytes(bytes: &[u8]) -> io::Result<bool> {
    let mut out = io::stdout();
    wanted(out.write_all(bytes).and_then(|()| out.flush()))
}

/// How writing to standard output went. `false`: the reader of the pipe has gone, as in
/// `client | head`. It wants no more, and that is no failure.
///
/// The kind of an error is `InvalidData`, because to connect again does not help.
pub fn wanted(written: io::Result<()>) -> io::Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            let what = format!("standard output: {error}");
            Err(io::Error::new(ErrorKind::InvalidData, what))
        }
    }
}

/// Prints a line on standard error. If that fails, nobody can be told.
pub fn complain(line: impl Display) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
