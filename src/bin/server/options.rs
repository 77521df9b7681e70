//! The command line of the server.

use crate::addresses;
use crate::arguments::{Argument, Arguments, NotRun};
use rfc6455::Hosts;
use std::time::Duration;

pub const HELP: &str = "\
Sends the time over a WebSocket, and closes the connection at random. Open the address that it
prints in a browser.

Usage: server [OPTIONS]

  --addr HOST:PORT         where to listen (default: localhost:5050); port 0 takes a free port
  --listen-stdin           listen at the socket that is the standard input (socket activation,
                           wait in inetd); it replaces --addr
  --host NAME              a name by which browsers call this server, for /glass (see below)
  --interval MILLISECONDS  the time between two messages (default: 1000)
  --close-chance P         the probability of a close after each message, from 0 to 1
                           (default: 0.1)
  --stop-on-eof            stop at the end of standard input, for example when a pipe is closed
  --deflate                accept compression (RFC 7692) on every path; /ws?deflate and
                           /echo?deflate accept it without this option, too
  --trace                  show every byte on standard error, and what it means
  --help                   show this text

Enter, pressed on the server's terminal, stops the server: every client gets a Close with 1001
(going away). In the background the server does not read the terminal. --stop-on-eof stops it in the
same way, from a script. Ctrl-C and SIGTERM end the server at once, because Rust's standard library
cannot catch signals: clients then see the end of TCP without a Close (1006).

/glass shows frames only to pages of this server. So it must know the server's names. These need no
--host: IP addresses, localhost, the name in --addr, names without a dot, and those that end with
.local. A name with a dot needs it, for example behind a proxy. --host can be given more than once.
";

/// What the command line asks for.
pub struct ServerOptions {
    /// `HOST:PORT`.
    pub address: String,
    /// Standard input is the listening socket.
    pub listen_stdin: bool,
    /// The names by which browsers may call the server, apart from those of a local network.
    hosts: Vec<String>,
    pub interval: Duration,
    pub close_chance: f64,
    pub stop_on_eof: bool,
    pub deflate: bool,
    pub trace: bool,
}

impl ServerOptions {
    /// Reads the command line.
    pub fn parse() -> Result<ServerOptions, NotRun> {
        let mut options = ServerOptions {
            address: "localhost:5050".to_owned(),
            listen_stdin: false,
            hosts: Vec::new(),
            interval: Duration::from_secs(1),
            close_chance: 0.1,
            stop_on_eof: false,
            deflate: false,
            trace: false,
        };
        let mut arguments = Arguments::of_program();
        while let Some(argument) = arguments.next()? {
            let Argument::Option(name) = &argument else {
                return Err(argument.unexpected());
            };
            match &name[..] {
                "--addr" => options.address = address(arguments.value()?)?,
                "--listen-stdin" => options.listen_stdin = true,
                "--host" => options.hosts.push(arguments.value()?),
                "--interval" => options.interval = interval(&arguments.value()?)?,
                "--close-chance" => options.close_chance = chance(&arguments.value()?)?,
                "--stop-on-eof" => options.stop_on_eof = true,
                "--deflate" => options.deflate = true,
                "--trace" => options.trace = true,
                _ => return Err(argument.unexpected()),
            }
        }
        if options.listen_stdin && options.stop_on_eof {
            let why = "with --listen-stdin the standard input is a listener, so --stop-on-eof \
                       cannot read it";
            return Err(NotRun::Wrong(why.to_owned()));
        }
        Ok(options)
    }

    /// The names by which browsers may call the server.
    pub fn hosts(&self) -> Hosts {
        let of_address = addresses::split(&self.address).map(|(host, _)| host.to_owned());
        Hosts::Local(self.hosts.iter().cloned().chain(of_address).collect())
    }
}

fn address(text: String) -> Result<String, NotRun> {
    match addresses::split(&text) {
        Some(_) => Ok(text),
        None => Err(wrong("--addr takes HOST:PORT", &text)),
    }
}

fn interval(text: &str) -> Result<Duration, NotRun> {
    match text.parse() {
        Ok(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        Err(_) => Err(wrong("--interval takes milliseconds", text)),
    }
}

fn chance(text: &str) -> Result<f64, NotRun> {
    match text.parse() {
        Ok(chance) if (0.0..=1.0).contains(&chance) => Ok(chance),
        _ => Err(wrong("--close-chance takes a number from 0 to 1", text)),
    }
}

fn wrong(takes: &str, text: &str) -> NotRun {
    NotRun::Wrong(format!("{takes}, not {text}"))
}
