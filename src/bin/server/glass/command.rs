//! What a page can ask the server to do on the connection that it looks at. A command is a line of
//! text.

use crate::clock;
use rfc6455::framing::MAX_CONTROL;
use rfc6455::{CloseCode, CloseReason, Error, Stream, Violation, WebSocket};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// A message has at most this many fragments. More would show nothing new.
const MOST_FRAGMENTS: usize = 100;
/// The longest text of a command, in bytes.
const LONGEST: usize = 4096;
/// How often the thread of the connection looks for commands.
const STEP: Duration = Duration::from_millis(50);
/// After this many messages it looks for commands even if the time is not over.
const MESSAGES_IN_A_STEP: usize = 64;

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// `ping TEXT` (§5.5.2).
    Ping(String),
    /// `fragments N TEXT`: the text as one message in N frames (§5.4).
    Fragments(usize, String),
    /// `close CODE REASON` (§7.1.2).
    Close(CloseCode, String),
}

impl Command {
    /// Reads a command. The error says why it cannot be carried out.
    pub fn parse(line: &str) -> Result<Command, String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if rest.len() > LONGEST {
            return Err(format!("a command has at most {LONGEST} bytes of text"));
        }
        match word {
            "ping" if rest.len() <= MAX_CONTROL => Ok(Command::Ping(rest.to_owned())),
            "ping" => Err(format!("a Ping has at most {MAX_CONTROL} bytes (§5.5)")),
            "fragments" => fragments(rest),
            "close" => close(rest),
            _ => Err("the commands are: ping TEXT, fragments N TEXT, close CODE REASON".to_owned()),
        }
    }

    fn carry_out(&self, socket: &mut WebSocket<impl Stream>) -> Result<(), Error> {
        match self {
            Command::Ping(text) => socket.ping(text.as_bytes()),
            Command::Fragments(count, text) => {
                let mut message = socket.send_fragmented::<str>();
                // The last frame is the empty one of `finish`.
                for part in split(text, count - 1) {
                    message.send(&part)?;
                }
                message.finish()
            }
            Command::Close(code, reason) => socket.close(*code, reason),
        }
    }
}

fn fragments(rest: &str) -> Result<Command, String> {
    let (count, text) = rest.split_once(' ').unwrap_or((rest, ""));
    match count.parse() {
        Ok(count @ 2..=MOST_FRAGMENTS) => Ok(Command::Fragments(count, text.to_owned())),
        _ => Err(format!("there can be 2 to {MOST_FRAGMENTS} fragments")),
    }
}

fn close(rest: &str) -> Result<Command, String> {
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let Ok(code) = code.parse() else {
        return Err("a code is a number up to 65535 (§5.5.1)".to_owned());
    };
    // The library refuses to send a wrong Close. If it is refused here, the page learns of it.
    match CloseReason::new(CloseCode(code), reason) {
        Ok(_) => Ok(Command::Close(CloseCode(code), reason.to_owned())),
        Err(why) => Err(Violation::from(why).to_string()),
    }
}

/// Splits a text into `count` parts of about the same length. No character is cut, so each part is
/// text.
fn split(text: &str, count: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let at = |i: usize| i * characters.len() / count;
    (0..count)
        .map(|i| characters[at(i)..at(i + 1)].iter().collect())
        .collect()
}

/// The commands for one connection. The thread of the connection carries them out, because only
/// that thread can send a message in fragments.
pub struct Commands(pub Receiver<Command>);

impl Commands {
    /// `clock::wait` that also carries out commands.
    pub fn wait<S: Stream>(
        &self,
        socket: &mut WebSocket<S>,
        until: Instant,
    ) -> Result<bool, Error> {
        loop {
            self.carry_out(socket)?;
            let step = until.min(Instant::now() + STEP);
            if !clock::wait(socket, step)? {
                return Ok(false);
            }
            if step == until {
                return Ok(true);
            }
        }
    }

    /// `echo::run` that also carries out commands.
    pub fn echo<S: Stream>(&self, socket: &mut WebSocket<S>) -> Result<(), Error> {
        loop {
            self.carry_out(socket)?;
            // To look at the clock and for commands costs more than to answer a small message.
            let step = Instant::now() + STEP;
            for _ in 0..MESSAGES_IN_A_STEP {
                match socket.read_with_writer_deadline(step) {
                    Ok(Some((message, writer))) => writer.write(message)?,
                    Ok(None) => return Ok(()),
                    Err(Error::TimedOut) => break,
                    Err(error) => return Err(error),
                }
            }
        }
    }

    fn carry_out<S: Stream>(&self, socket: &mut WebSocket<S>) -> Result<(), Error> {
        for command in self.0.try_iter() {
            match command.carry_out(socket) {
                // The command comes too late. The next read says how the connection ended.
                Ok(()) | Err(Error::Closing | Error::Closed(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_and_those_that_cannot_be_carried_out_are_refused() {
        assert_eq!(Command::parse("ping"), Ok(Command::Ping(String::new())));
        assert_eq!(
            Command::parse("fragments 3 some text"),
            Ok(Command::Fragments(3, "some text".to_owned()))
        );
        assert_eq!(
            Command::parse("close 4000 that is it"),
            Ok(Command::Close(CloseCode(4000), "that is it".to_owned()))
        );
        for bad in [
            "",
            "pong",
            "fragments",
            "fragments 1 x",
            "fragments 101 x",
            "close",
            "close 1005",
            "close 70000",
            &format!("ping {}", "x".repeat(126)),
            &format!("close 1000 {}", "x".repeat(124)),
            &format!("fragments 2 {}", "x".repeat(LONGEST)),
        ] {
            assert!(Command::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_parts_make_the_text_again_and_no_character_is_cut() {
        for text in ["", "a", "Hello", "日本語", "a😀b"] {
            for count in 1..8 {
                let parts = split(text, count);
                assert_eq!(parts.len(), count);
                assert_eq!(parts.concat(), text);
            }
        }
    }
}
