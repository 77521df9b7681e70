//! The options of a program that talks to a server, `client` or `wire talk`: the request that it
//! sends, how long it waits at the end of its input, and the trace.

use crate::arguments::{Argument, Arguments, NotRun};
use crate::deflate;
use crate::silence::Patience;
use rfc6455::{Client, Config};

/// What the help text says of these options.
pub const OPTIONS: &str = "\
  --field \"NAME: VALUE\"  add a field to the request (can be repeated)
  --origin ORIGIN        add an Origin field, as a browser does
  --subprotocol NAME     offer a subprotocol (can be repeated)
  --deflate              offer compression (RFC 7692, permessage-deflate)
  --silence SECONDS      at the end of the lines, wait for so much silence (default: 1)
  --max-wait SECONDS     but wait no longer than this, in all (default: 10)
  --trace                show every byte on standard error, and what it means
";

/// What the command line asks for.
#[derive(Debug, Default)]
pub struct RequestOptions {
    url: Option<String>,
    fields: Vec<(String, String)>,
    subprotocols: Vec<String>,
    deflate: bool,
    pub patience: Patience,
    pub trace: bool,
}

impl RequestOptions {
    /// Takes one of these options, or the URL. Every other argument is an error.
    pub fn take(&mut self, argument: Argument, arguments: &mut Arguments) -> Result<(), NotRun> {
        match &argument {
            Argument::Option(name) => match &name[..] {
                "--field" => self.fields.push(field(&arguments.value()?)?),
                "--origin" => self.fields.push(("Origin".to_owned(), arguments.value()?)),
                "--subprotocol" => self.subprotocols.push(arguments.value()?),
                "--deflate" => self.deflate = true,
                "--trace" => self.trace = true,
                name if self.patience.take(name, arguments)? => {}
                _ => return Err(argument.unexpected()),
            },
            Argument::Other(url) if self.url.is_none() => self.url = Some(url.clone()),
            Argument::Other(_) => return Err(argument.unexpected()),
        }
        Ok(())
    }

    /// The client for the URL. `default` is the URL of a command line that has none.
    pub fn client(&self, default: Option<&str>) -> Result<Client, NotRun> {
        let wrong = |what: String| NotRun::Wrong(what);
        let url = self.url.as_deref().or(default);
        let url = url.ok_or_else(|| wrong("the URL is missing".to_owned()))?;
        let mut client = Client::new(url).map_err(|error| wrong(error.to_string()))?;
        client = client.config(Config {
            compression: self.deflate.then(deflate::always),
            ..Config::default()
        });
        for (name, value) in &self.fields {
            client = client.field(name, value);
        }
        let subprotocols: Vec<&str> = self.subprotocols.iter().map(String::as_str).collect();
        Ok(client.subprotocols(&subprotocols))
    }
}

/// `NAME: VALUE`.
pub fn field(text: &str) -> Result<(String, String), NotRun> {
    match text.split_once(':') {
        Some((name, value)) => Ok((name.to_owned(), value.trim().to_owned())),
        None => Err(NotRun::Wrong(format!(
            "--field takes \"NAME: VALUE\", not {text}"
        ))),
    }
}
