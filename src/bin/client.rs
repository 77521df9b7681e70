//! The tutorial's client. It prints what a WebSocket server sends, and at the end the reason why
//! the server closed.
//!
//! ```text
//! cargo run --bin client [URL]
//! ```

#[path = "common/arguments.rs"]
mod arguments;
#[path = "common/connect.rs"]
mod connect;
#[path = "client/options.rs"]
mod options;
#[path = "client/pipe.rs"]
mod pipe;
#[path = "client/reconnect.rs"]
mod reconnect;

use connect::{TracedSocket, connect};
use options::ClientOptions;
use rfc6455::trace::print_trace;
use rfc6455::{Client, CloseCode, Error, Printable};
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = match ClientOptions::parse() {
        Ok(options) => options,
        Err(not_run) => return not_run.report("client", options::HELP),
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("client: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &ClientOptions) -> Result<(), Error> {
    let client = Client::new(&options.url)?;
    let connect = || connect(&client, options.trace.then(|| print_trace(String::new())));
    if options.reconnect {
        return reconnect::listen_forever(connect);
    }
    let mut socket = connect()?;
    pipe::send_lines(socket.sender());
    listen(&mut socket)
}

/// Prints each message, and at the end the reason why the connection was closed.
fn listen(socket: &mut TracedSocket) -> Result<(), Error> {
    while let Some(message) = socket.read()? {
        if print(&message.to_string()).is_err() {
            return Ok(()); // Our output is closed. Dropping the socket sends a Close.
        }
    }
    let Some(closed) = socket.closed() else {
        return Ok(());
    };
    // 1000, 1001 and no code at all are good ends. From 3000 on, codes belong to applications.
    let code = closed.code();
    match code {
        CloseCode::NORMAL | CloseCode::GOING_AWAY | CloseCode::NO_STATUS | CloseCode(3000..) => {
            let _ = match closed.reason() {
                "" => print(&code.to_string()),
                reason => print(reason),
            };
            Ok(())
        }
        _ => Err(Error::Closed(closed)),
    }
}

/// Prints a line. `Printable` shows control characters, so the server cannot control the terminal.
fn print(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{}", Printable(line))
}
