//! The instrument: looks at bytes, at a connection between two others, and at one of its own.
//!
//! ```text
//! cargo run --bin wire -- explain "81 85 37 fa 21 3d 7f 9f 4d 51 58"
//! cargo run --bin wire -- tap localhost:5051 localhost:5050
//! cargo run --bin wire -- talk ws://localhost:5050/echo
//! ```

mod explain;
mod hex;
mod screen;
mod talk;
mod tap;

use std::process::ExitCode;

const HELP: &str = "\
Shows WebSocket (RFC 6455) as it is on the wire, every bit in words, with its clause.

Usage: wire COMMAND

  explain [HEX...]   what bytes mean: from a book, an exam, a packet capture
  tap LISTEN TARGET  stands between any client and any server, and shows what passes
  talk URL           a conversation with a server, rules broken on purpose included
  --help             this text; behind a command, more about it
";

/// Why a command did not do what it was told.
pub enum Trouble {
    /// The command line is wrong.
    Usage(String),
    /// Something failed.
    Failure(String),
}

type Run = fn(&[String]) -> Result<ExitCode, Trouble>;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let args: Vec<String> = args.collect();
    let asks_for_help = args.iter().any(|arg| arg == "--help" || arg == "-h");
    let (help, run): (_, Run) = match &command[..] {
        "explain" => (explain::HELP, explain::run),
        "tap" => (tap::HELP, tap::run),
        "talk" => (talk::HELP, talk::run),
        "--help" | "-h" | "help" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        "" => return wrong("wire", "which command?"),
        other => return wrong("wire", &format!("there is no command {other}")),
    };
    if asks_for_help {
        print!("{help}");
        if command == "talk" {
            println!("{}", talk::COMMANDS);
        }
        return ExitCode::SUCCESS;
    }
    match run(&args) {
        Ok(code) => code,
        Err(Trouble::Usage(what)) => wrong(&format!("wire {command}"), &what),
        Err(Trouble::Failure(what)) => {
            eprintln!("wire {command}: {what}");
            ExitCode::FAILURE
        }
    }
}

fn wrong(who: &str, what: &str) -> ExitCode {
    eprintln!("{who}: {what} (--help explains)");
    ExitCode::from(2)
}

/// The options of a command, `--name value` or `--name=value`, and what is left without them.
pub struct Arguments {
    /// Name and value; a flag's value is empty.
    pub options: Vec<(String, String)>,
    /// The rest, in order.
    pub others: Vec<String>,
}

impl Arguments {
    /// Takes `args` apart: `with_value` are options that have a value, `flags` those that have none.
    pub fn parse(
        args: &[String],
        with_value: &[&str],
        flags: &[&str],
    ) -> Result<Arguments, Trouble> {
        let mut found = Arguments {
            options: Vec::new(),
            others: Vec::new(),
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let (name, value) = match arg.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (&arg[..], None),
            };
            if with_value.contains(&name) {
                let value = value.or_else(|| args.next().cloned());
                let value = value.ok_or_else(|| Trouble::Usage(format!("{name} needs a value")))?;
                found.options.push((name.to_owned(), value));
            } else if flags.contains(&&arg[..]) {
                found.options.push((arg.clone(), String::new()));
            } else if arg.starts_with("--") {
                return Err(Trouble::Usage(format!("there is no option {arg}")));
            } else {
                found.others.push(arg.clone());
            }
        }
        Ok(found)
    }
}
