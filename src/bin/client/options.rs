//! The command line of the client.

use crate::arguments::{Argument, Arguments, NotRun};
use crate::request::{OPTIONS, RequestOptions};
use crate::silence::Patience;
use rfc6455::Client;

const HELP: &str = "\
Prints each message of a WebSocket server, and at the end the reason why the connection was closed.
Everything else goes to standard error. On a terminal, each message is a line; `\\n` stands for the
end of a line, and `\\[2 bytes: ca fe]` is a binary message. In a pipe or a file, messages are
unchanged, with the end of a line behind each.

If lines come from a pipe or a file, sends each line as a message. At the end of the lines, waits
until the server has been silent for a second, and then closes. If there is no line at all, as from
/dev/null, sends nothing and listens on.

Usage: client [OPTIONS] [URL]

  URL                    ws://HOST[:PORT][/PATH][?QUERY] (default: ws://localhost:5050/ws)
";

const MORE_OPTIONS: &str = "  \
  --reconnect            connect again if the connection is lost, after a random and growing delay;
                         only listens, and does not read the pipe
  --help                 show this text
";

/// The help text.
pub fn help() -> String {
    format!("{HELP}{OPTIONS}{MORE_OPTIONS}")
}

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
        let mut request = RequestOptions::default();
        let mut reconnect = false;
        while let Some(argument) = arguments.next()? {
            match argument {
                Argument::Option(name) if name == "--reconnect" => reconnect = true,
                argument => request.take(argument, &mut arguments)?,
            }
        }
        Ok(ClientOptions {
            client: request.client(Some("ws://localhost:5050/ws"))?,
            patience: request.patience,
            reconnect,
            trace: request.trace,
        })
    }
}
