//! The command line of every program: options, and other arguments in order.
//!
//! An option is `--name`. Its value is the next argument, or it follows a `=`: `--name value` or
//! `--name=value`. A program takes one argument after another and says what it means.

use crate::exit;
use crate::output::{complain, print};
use std::ffi::OsString;
use std::process::ExitCode;
use std::vec::IntoIter;

/// One argument.
#[derive(Debug, PartialEq, Eq)]
pub enum Argument {
    /// The name of an option, such as `--addr`. If it has a value, [`Arguments::value`] gives it.
    Option(String),
    /// Everything else, such as a URL.
    Other(String),
}

/// Why a program does not do its work.
#[derive(Debug, PartialEq, Eq)]
pub enum NotRun {
    /// The user asks for the help text.
    Help,
    /// The command line is wrong. The text says how, in one line.
    Wrong(String),
}

/// The arguments that are not taken yet.
#[derive(Debug)]
pub struct Arguments {
    rest: IntoIter<OsString>,
    /// The name of the last option, and its value if that followed a `=`.
    option: String,
    value: Option<String>,
}

impl Arguments {
    /// The arguments of this program.
    pub fn of_program() -> Arguments {
        Arguments::new(std::env::args_os().skip(1).collect())
    }

    fn new(arguments: Vec<OsString>) -> Arguments {
        Arguments {
            rest: arguments.into_iter(),
            option: String::new(),
            value: None,
        }
    }

    /// Takes the next argument. `None`: there are no more. `--help` and `-h` are the same in every
    /// program: they give [`NotRun::Help`].
    pub fn next(&mut self) -> Result<Option<Argument>, NotRun> {
        if self.value.is_some() {
            return Err(NotRun::Wrong(format!("{} takes no value", self.option)));
        }
        let Some(argument) = self.take()? else {
            return Ok(None);
        };
        // A single `-` is a name for standard input.
        if !argument.starts_with('-') || argument == "-" {
            return Ok(Some(Argument::Other(argument)));
        }
        (self.option, self.value) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument, None),
        };
        match &self.option[..] {
            "--help" | "-h" => Err(NotRun::Help),
            _ => Ok(Some(Argument::Option(self.option.clone()))),
        }
    }

    /// Takes the value of the option that [`next`](Self::next) gave last.
    pub fn value(&mut self) -> Result<String, NotRun> {
        let value = match self.value.take() {
            Some(value) => Some(value),
            None => self.take()?,
        };
        value.ok_or_else(|| NotRun::Wrong(format!("{} needs a value", self.option)))
    }

    fn take(&mut self) -> Result<Option<String>, NotRun> {
        match self.rest.next().map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(argument)) => Ok(Some(argument)),
            Some(Err(bytes)) => Err(NotRun::Wrong(format!(
                "the argument {bytes:?} is not UTF-8"
            ))),
        }
    }
}

impl Argument {
    /// The error for an argument that the program does not know.
    pub fn unexpected(&self) -> NotRun {
        NotRun::Wrong(match self {
            Argument::Option(name) => format!("there is no option {name}"),
            Argument::Other(argument) => format!("unexpected argument {argument}"),
        })
    }
}

impl NotRun {
    /// Prints the help text with the table of exit codes, or the one line that says what is wrong.
    pub fn report(&self, program: &str, help: &str) -> ExitCode {
        match self {
            NotRun::Help => {
                let Err(error) = print(&format!("{help}\n{}", exit::TABLE)) else {
                    return ExitCode::SUCCESS;
                };
                complain(format_args!("{program}: {error}"));
                ExitCode::FAILURE
            }
            NotRun::Wrong(what) => {
                complain(format_args!("{program}: {what} (see --help)"));
                ExitCode::from(exit::WRONG_COMMAND_LINE)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(arguments: &[&str]) -> Arguments {
        Arguments::new(arguments.iter().map(OsString::from).collect())
    }

    fn wrong<T>(what: &str) -> Result<T, NotRun> {
        Err(NotRun::Wrong(what.to_owned()))
    }

    #[test]
    fn options_have_their_value_behind_a_space_or_an_equals_sign() {
        let mut arguments = arguments(&["--a", "-1", "--b=x=y", "c=d", "--e", "-", "--f="]);
        let option = |name: &str| Ok(Some(Argument::Option(name.to_owned())));
        let other = |text: &str| Ok(Some(Argument::Other(text.to_owned())));
        assert_eq!(arguments.next(), option("--a"));
        assert_eq!(arguments.value(), Ok("-1".to_owned()));
        assert_eq!(arguments.next(), option("--b"));
        assert_eq!(arguments.value(), Ok("x=y".to_owned()));
        assert_eq!(arguments.next(), other("c=d"));
        assert_eq!(arguments.next(), option("--e"));
        assert_eq!(arguments.next(), other("-"));
        assert_eq!(arguments.next(), option("--f"));
        assert_eq!(arguments.value(), Ok(String::new()));
        assert_eq!(arguments.next(), Ok(None));
    }

    #[test]
    fn every_mistake_is_one_line() {
        let mut missing = arguments(&["--a"]);
        missing.next().unwrap();
        assert_eq!(missing.value(), wrong("--a needs a value"));

        let mut needless = arguments(&["--a=1"]);
        needless.next().unwrap();
        assert_eq!(needless.next(), wrong("--a takes no value"));

        let option = Argument::Option("--a".to_owned());
        assert_eq!(
            option.unexpected(),
            NotRun::Wrong("there is no option --a".to_owned())
        );
        let other = Argument::Other("b".to_owned());
        assert_eq!(
            other.unexpected(),
            NotRun::Wrong("unexpected argument b".to_owned())
        );
        assert_eq!(arguments(&["-h"]).next(), Err(NotRun::Help));
    }

    #[test]
    #[cfg(unix)]
    fn an_argument_that_is_not_utf_8_is_shown_and_does_not_panic() {
        use std::os::unix::ffi::OsStringExt;
        let mut arguments = Arguments::new(vec![OsString::from_vec(b"a\xffb".to_vec())]);
        assert_eq!(
            arguments.next(),
            wrong(r#"the argument "a\xFFb" is not UTF-8"#)
        );
    }
}
