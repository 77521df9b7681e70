//! The command line of the client.

use crate::arguments::{Argument, Arguments, NotRun};

pub const HELP: &str = "\
Prints each message of a WebSocket server on a line, and at the end the reason why the server
closed. If lines come from a pipe, sends each line as a message; at the end of the pipe, closes.

Usage: client [--trace] [--reconnect] [URL]

  URL          ws://HOST[:PORT][/PATH][?QUERY] (default: ws://localhost:5050/ws)
  --reconnect  connect again if the connection is lost, after a random and growing delay;
               only listens, and does not read the pipe
  --trace      show every byte on standard error, and what it means
  --help       show this text
";

/// What the command line asks for.
pub struct ClientOptions {
    pub url: String,
    pub reconnect: bool,
    pub trace: bool,
}

impl ClientOptions {
    /// Reads the command line.
    pub fn parse() -> Result<ClientOptions, NotRun> {
        let mut arguments = Arguments::of_program();
        let mut url = None;
        let (mut reconnect, mut trace) = (false, false);
        while let Some(argument) = arguments.next()? {
            match argument {
                Argument::Option(name) if name == "--reconnect" => reconnect = true,
                Argument::Option(name) if name == "--trace" => trace = true,
                Argument::Other(text) if url.is_none() => url = Some(text),
                argument => return Err(argument.unexpected()),
            }
        }
        Ok(ClientOptions {
            url: url.unwrap_or_else(|| "ws://localhost:5050/ws".to_owned()),
            reconnect,
            trace,
        })
    }
}
