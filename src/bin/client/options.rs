//! The command line of the client.

use crate::arguments::{Argument, Arguments, NotRun};
use crate::silence::Patience;
use rfc6455::Client;

pub const HELP: &str = "\
Prints each message of a WebSocket server on a line, and at the end the reason why the connection
was closed. If lines come from a pipe or a file, sends each line as a message. At the end of the
lines, waits until the server has been silent for a second, and then closes. If there is no line at
all, as from /dev/null, sends nothing and listens on.

Usage: client [OPTIONS] [URL]

  URL                 ws://HOST[:PORT][/PATH][?QUERY] (default: ws://localhost:5050/ws)
  --silence SECONDS   at the end of the lines, wait for so much silence (default: 1)
  --max-wait SECONDS  but wait no longer than this, in all (default: 10)
  --reconnect         connect again if the connection is lost, after a random and growing delay;
                      only listens, and does not read the pipe
  --trace             show every byte on standard error, and what it means
  --help              show this text

The exit code is 0 if the connection was closed in order (with 1000, 1001, no code, or 3000 to 4999)
and all lines were sent; 2 if the command line is wrong; else 1.
";

/// What the command line asks for.
pub struct ClientOptions {
    pub client: Client,
    pub patience: Patience,
    pub reconnect: bool,
    pub trace: bool,
}

impl ClientOptions {
    /// Reads the command line.
    pub fn parse() -> Result<ClientOptions, NotRun> {
        let mut arguments = Arguments::of_program();
        let mut url = None;
        let mut patience = Patience::default();
        let (mut reconnect, mut trace) = (false, false);
        while let Some(argument) = arguments.next()? {
            match argument {
                Argument::Option(name) if name == "--reconnect" => reconnect = true,
                Argument::Option(name) if name == "--trace" => trace = true,
                Argument::Option(name) if patience.take(&name, &mut arguments)? => {}
                Argument::Other(text) if url.is_none() => url = Some(text),
                argument => return Err(argument.unexpected()),
            }
        }
        let url = url.as_deref().unwrap_or("ws://localhost:5050/ws");
        let client = Client::new(url).map_err(|error| NotRun::Wrong(error.to_string()))?;
        Ok(ClientOptions {
            client,
            patience,
            reconnect,
            trace,
        })
    }
}
