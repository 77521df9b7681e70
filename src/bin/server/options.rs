//! The command line of the server.

use std::time::Duration;

pub const HELP: &str = "\
Tells the time over a WebSocket and hangs up at random. Open the address it prints in a browser.

Usage: server [OPTIONS]

  --addr HOST:PORT         where to listen (localhost:5050); port 0 takes a free one
  --interval MILLISECONDS  the time between two messages (1000)
  --close-chance P         how likely it hangs up after a message, from 0 to 1 (0.1)
  --trace                  show every byte on standard error, and what it means
  --help                   this text
";

/// What the command line asks for.
pub struct Options {
    pub address: String,
    pub interval: Duration,
    pub close_chance: f64,
    pub trace: bool,
}

impl Options {
    /// Reads the arguments; `None` if they ask for help.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
        let mut options = Options {
            address: "localhost:5050".to_owned(),
            interval: Duration::from_secs(1),
            close_chance: 0.1,
            trace: false,
        };
        while let Some(arg) = args.next() {
            // Both `--name value` and `--name=value`.
            let (name, value) = match arg.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (&arg[..], None),
            };
            let mut value = || {
                let value = value.clone().or_else(|| args.next());
                value.ok_or(format!("{name} needs a value"))
            };
            match name {
                "--addr" => options.address = address(value()?)?,
                "--interval" => options.interval = interval(&value()?)?,
                "--close-chance" => options.close_chance = chance(&value()?)?,
                "--trace" => options.trace = true,
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("there is no option {arg}")),
            }
        }
        Ok(Some(options))
    }
}

fn address(text: String) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(text),
        _ => Err(format!("--addr takes HOST:PORT, not {text}")),
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        Err(_) => Err(format!("--interval takes milliseconds, not {text}")),
    }
}

fn chance(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(chance) if (0.0..=1.0).contains(&chance) => Ok(chance),
        _ => Err(format!(
            "--close-chance takes a number from 0 to 1, not {text}"
        )),
    }
}
