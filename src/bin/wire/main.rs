//! The instrument. It shows bytes, a connection between two other programs, or its own connection.
//!
//! ```text
//! cargo run --bin wire -- explain "81 85 37 fa 21 3d 7f 9f 4d 51 58"
//! cargo run --bin wire -- tap localhost:5051 localhost:5050
//! cargo run --bin wire -- talk ws://localhost:5050/echo
//! cargo run --bin wire -- judge ws://localhost:5050/echo
//! ```

#[path = "../common/addresses.rs"]
mod addresses;
#[path = "../common/arguments.rs"]
mod arguments;
#[path = "../common/connect.rs"]
mod connect;
#[path = "../common/deflate.rs"]
mod deflate;
#[path = "../common/exit.rs"]
mod exit;
mod explain;
mod hex;
#[path = "../common/json.rs"]
#[allow(dead_code)] // `server` uses more of it.
mod json;
mod judge;
#[path = "../common/lines.rs"]
mod lines;
#[path = "../common/output.rs"]
mod output;
#[path = "../common/request.rs"]
mod request;
#[path = "../common/silence.rs"]
mod silence;
mod talk;
mod tap;

use arguments::{Argument, Arguments, NotRun};
use std::process::ExitCode;

const HELP: &str = "\
Shows WebSocket (RFC 6455) on the wire: every bit in words, with its clause.

Usage: wire COMMAND

  explain [HEX...]   say what bytes mean: from a book, an exam or a packet capture
  tap LISTEN TARGET  stand between any client and any server, and show what passes
  talk URL           talk to a server, and break rules on purpose
  judge URL          test a server: whether it keeps the rules of the RFC
  --help             show this text; after a command: show more about the command
";

/// Why a command failed.
pub enum Trouble {
    /// The command line is wrong, or asks for help.
    NotRun(NotRun),
    /// The connection failed.
    Connection(rfc6455::Error),
    /// Something else failed. The text says what, in one line.
    Failed(String),
}

impl From<NotRun> for Trouble {
    fn from(not_run: NotRun) -> Trouble {
        Trouble::NotRun(not_run)
    }
}

impl From<rfc6455::Error> for Trouble {
    fn from(error: rfc6455::Error) -> Trouble {
        Trouble::Connection(error)
    }
}

impl Trouble {
    /// The command line is wrong.
    pub fn wrong(what: impl ToString) -> Trouble {
        Trouble::NotRun(NotRun::Wrong(what.to_string()))
    }
}

/// A command: it takes the arguments behind its name.
type Run = fn(Arguments) -> Result<ExitCode, Trouble>;

fn main() -> ExitCode {
    let mut arguments = Arguments::of_program();
    let (name, help, run): (_, _, Run) = match command(&mut arguments) {
        Ok(command) => command,
        Err(not_run) => return not_run.report("wire", HELP),
    };
    let program = format!("wire {name}");
    match run(arguments) {
        Ok(code) => code,
        Err(Trouble::NotRun(not_run)) => not_run.report(&program, &help),
        Err(Trouble::Connection(error)) => connect::report_error(&program, &error),
        Err(Trouble::Failed(what)) => {
            output::complain(format_args!("{program}: {what}"));
            ExitCode::FAILURE
        }
    }
}

/// Takes the name of the command. Returns it with its help text and its function.
fn command(arguments: &mut Arguments) -> Result<(&'static str, String, Run), NotRun> {
    let Some(argument) = arguments.next()? else {
        return Err(NotRun::Wrong("a command is missing".to_owned()));
    };
    let Argument::Other(name) = &argument else {
        return Err(argument.unexpected());
    };
    match &name[..] {
        "explain" => Ok(("explain", explain::HELP.to_owned(), explain::run)),
        "tap" => Ok(("tap", tap::HELP.to_owned(), tap::run)),
        "judge" => Ok(("judge", judge::HELP.to_owned(), judge::run)),
        "talk" => Ok(("talk", talk::help(), talk::run)),
        "help" => Err(NotRun::Help),
        _ => Err(NotRun::Wrong(format!("there is no command {name}"))),
    }
}
