//! The tutorial's client. It prints what a WebSocket server sends, and at the end the reason why
//! the connection was closed.
//!
//! ```text
//! cargo run --bin client [URL]
//! ```

#[path = "common/arguments.rs"]
mod arguments;
#[path = "common/connect.rs"]
mod connect;
#[path = "common/deflate.rs"]
mod deflate;
#[path = "common/exit.rs"]
mod exit;
#[path = "common/lines.rs"]
mod lines;
#[path = "client/options.rs"]
mod options;
#[path = "common/output.rs"]
mod output;
#[path = "client/pipe.rs"]
mod pipe;
#[path = "client/reconnect.rs"]
mod reconnect;
#[path = "common/request.rs"]
mod request;
#[path = "client/show.rs"]
mod show;
#[path = "common/silence.rs"]
mod silence;

use connect::{TracedSocket, connect, ended_well, report_error};
use options::ClientOptions;
use output::complain;
use rfc6455::Error;
use rfc6455::trace::print_trace;
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = match ClientOptions::parse() {
        Ok(options) => options,
        Err(not_run) => return not_run.report("client", &options::help()),
    };
    run(&options).unwrap_or_else(|error| report_error("client", &error))
}

fn run(options: &ClientOptions) -> Result<ExitCode, Error> {
    let trace = || options.trace.then(|| print_trace(String::new()));
    let connect = || connect(&options.client, trace());
    if options.reconnect {
        return reconnect::listen_forever(connect).map(|()| ExitCode::SUCCESS);
    }
    let mut socket = connect()?;
    let sending = pipe::send_lines(&socket, options.patience);
    listen(&mut socket)?;
    Ok(sending.exit_code("client", socket.closed().as_ref()))
}

/// Prints each message, and at the end the reason why the connection was closed.
fn listen(socket: &mut TracedSocket) -> Result<(), Error> {
    while let Some(message) = socket.read()? {
        if !show::message(message)? {
            return Ok(()); // Nobody reads our output. Dropping the socket sends a Close.
        }
    }
    match socket.closed() {
        Some(closed) if !ended_well(&closed) => return Err(Error::Closed(closed)),
        Some(closed) if closed.reason().is_empty() => complain(format_args!("client: {closed}")),
        Some(closed) => _ = show::reason(closed.reason())?,
        None => {}
    }
    Ok(())
}
