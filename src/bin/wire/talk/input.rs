//! What a typed line asks for: a text, or a command that begins with `/`.

use crate::hex;
use rfc6455::CloseCode;

/// The list of what can be typed.
pub const COMMANDS: &str =
    "  TEXT                   send a text message; //TEXT sends a text that begins with /
  /binary HEX            send a binary message
  /fragment N TEXT       send a text message in N fragments
  /ping [TEXT]           send a Ping; the server answers with a Pong
  /pong [TEXT]           send a Pong that answers no Ping
  /close [CODE [REASON]] close the connection (default: 1000)
  /raw HEX               send exactly these bytes, even if they are not a frame
  /help                  show this list
  /quit                  close with 1000 at once, as Ctrl-D does";

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Input {
    Text(String),
    Binary(Vec<u8>),
    /// One text message, in these fragments.
    Fragments(Vec<String>),
    Ping(String),
    Pong(String),
    Close(CloseCode, String),
    /// Bytes that are sent unchanged.
    Raw(Vec<u8>),
    Help,
    Quit,
}

impl Input {
    /// Reads a line. The error says what is wrong with it.
    pub fn parse(line: &str) -> Result<Input, String> {
        let Some(command) = line.strip_prefix('/') else {
            return Ok(Input::Text(line.to_owned()));
        };
        if command.starts_with('/') {
            return Ok(Input::Text(command.to_owned()));
        }
        let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
        Ok(match name {
            "binary" => Input::Binary(hex::parse(rest)?),
            "raw" => Input::Raw(hex::parse(rest)?),
            "ping" => Input::Ping(rest.to_owned()),
            "pong" => Input::Pong(rest.to_owned()),
            "fragment" => Input::Fragments(fragments(rest)?),
            "close" => close(rest)?,
            "help" => Input::Help,
            "quit" => Input::Quit,
            _ => return Err(format!("there is no /{name}; /help lists the commands")),
        })
    }
}

/// `N TEXT`: the text in N parts of about the same length.
fn fragments(rest: &str) -> Result<Vec<String>, String> {
    let (count, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let count = match count.parse() {
        Ok(count @ 1..=10_000) => count,
        _ => return Err("/fragment takes a number from 1 to 10000, and a text".to_owned()),
    };
    let text: Vec<char> = text.chars().collect();
    let cut = |i: usize| i * text.len() / count;
    let part = |i| text[cut(i)..cut(i + 1)].iter().collect();
    Ok((0..count).map(part).collect())
}

/// `[CODE [REASON]]`.
fn close(rest: &str) -> Result<Input, String> {
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let code = match code {
        "" => CloseCode::NORMAL,
        code => match code.parse() {
            Ok(code) => CloseCode(code),
            Err(_) => return Err(format!("/close takes a code, not {code}")),
        },
    };
    Ok(Input::Close(code, reason.to_owned()))
}
