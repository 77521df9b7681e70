//! The tutorial's client: prints what a WebSocket server sends, and in the end why it closed.
//!
//! ```text
//! cargo run --bin client [URL]
//! ```

use rfc6455::{Error, Printable};
use std::io::{self, Write};
use std::process::ExitCode;

const HELP: &str = "\
Prints each message of a WebSocket server on a line, and at the end the reason why it closed.

Usage: client [URL]

  URL     ws://HOST[:PORT][/PATH][?QUERY] (ws://localhost:5050/ws)
  --help  this text
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or("ws://localhost:5050/ws".to_owned());
    if url == "--help" || url == "-h" {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    if let Some(extra) = args.next() {
        eprintln!("client: one URL is enough, what is {extra}? (--help explains)");
        return ExitCode::from(2);
    }
    match listen(&url) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("client: {error}");
            ExitCode::FAILURE
        }
    }
}

fn listen(url: &str) -> Result<(), Error> {
    let mut socket = rfc6455::connect(url)?;
    while let Some(message) = socket.read()? {
        if print(&message.to_string()).is_err() {
            return Ok(()); // Nobody reads what we print; dropping the socket says goodbye.
        }
    }
    let closed = socket.closed();
    let _ = match closed.reason() {
        "" => print(&closed.code().to_string()),
        reason => print(reason),
    };
    Ok(())
}

/// A line on the terminal. What the server sends cannot command it.
fn print(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{}", Printable(line))
}
