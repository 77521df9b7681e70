//! The terminal of a conversation: lines are typed below while messages appear above.
//!
//! A terminal hands over lines when they are whole, and nobody else knows what was typed so far, so
//! a message would be printed amid it. With `stty`, which every Unix has, the terminal hands over
//! each key instead; then the line is kept here, and drawn again below each message.

use rfc6455::render::columns;
use std::io::{self, IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

const PROMPT: &str = "> ";

/// Where messages are shown and lines are read.
#[derive(Debug, Default)]
pub struct Screen(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    mode: Mode,
    /// What was typed so far.
    line: String,
    width: usize,
    /// What `stty` needs to know to restore the terminal.
    saved: String,
}

#[derive(Debug, Default, PartialEq)]
enum Mode {
    /// No terminal, or no conversation yet or any more.
    #[default]
    Plain,
    /// A terminal without `stty`: it keeps the line, and shows it garbled.
    Lines,
    /// Every key comes here.
    Keys,
}

/// What was typed.
pub enum Typed {
    Line(String),
    /// The end of the input: Ctrl-D, or of a pipe.
    End,
    /// Ctrl-C.
    Interrupt,
}

impl Screen {
    /// Begins the conversation: from here on there is a prompt, if there is a terminal.
    pub fn begin(&self) {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return;
        }
        let mut state = self.lock();
        match stty(&["-g"]) {
            Some(saved)
                if stty(&["-icanon", "-echo", "-isig", "min", "1", "time", "0"]).is_some() =>
            {
                state.mode = Mode::Keys;
                state.saved = saved;
            }
            _ => state.mode = Mode::Lines,
        }
        state.measure();
        let _ = state.draw();
    }

    /// Ends it: takes the prompt away, and leaves the terminal as it was.
    pub fn end(&self) {
        let mut state = self.lock();
        if state.mode != Mode::Plain {
            let _ = write!(io::stdout(), "\r\x1b[K").and_then(|()| io::stdout().flush());
        }
        if state.mode == Mode::Keys {
            stty(&[state.saved.trim()]);
        }
        state.mode = Mode::Plain;
    }

    /// Whether somebody types.
    pub fn is_interactive(&self) -> bool {
        self.lock().mode != Mode::Plain
    }

    /// Shows lines above the one that is being typed.
    pub fn show(&self, text: &str) -> io::Result<()> {
        let state = self.lock();
        if state.mode == Mode::Plain {
            return writeln!(io::stdout(), "{text}");
        }
        write!(io::stdout(), "\r\x1b[K{text}\n")?;
        state.draw()
    }

    /// Shows what is not part of the conversation: on standard error, if that is elsewhere.
    pub fn remark(&self, text: &str) {
        let together = self.lock().mode != Mode::Plain && io::stderr().is_terminal();
        let _ = match together {
            true => self.show(text),
            false => writeln!(io::stderr(), "{text}"),
        };
    }

    /// Waits for the next line.
    pub fn read_line(&self) -> io::Result<Typed> {
        if self.lock().mode == Mode::Keys {
            return self.read_keys();
        }
        let mut line = Vec::new();
        loop {
            let mut byte = [0];
            match io::stdin().read(&mut byte)? {
                0 if line.is_empty() => return Ok(Typed::End),
                0 => break,
                _ if byte == *b"\n" => break,
                _ => line.push(byte[0]),
            }
        }
        let line = String::from_utf8(line);
        let line = line.map_err(|_| io::Error::other("a line that is not UTF-8"))?;
        self.lock().draw()?;
        Ok(Typed::Line(line.trim_end_matches('\r').to_owned()))
    }

    /// Reads keys until they make a line.
    fn read_keys(&self) -> io::Result<Typed> {
        loop {
            let key = read_key()?;
            let mut state = self.lock();
            match key {
                Key::End if state.line.is_empty() => return Ok(Typed::End),
                Key::Interrupt => return Ok(Typed::Interrupt),
                Key::Enter => {
                    let line = std::mem::take(&mut state.line);
                    write!(io::stdout(), "\r\x1b[K{PROMPT}{line}\n")?;
                    state.measure();
                    state.draw()?;
                    return Ok(Typed::Line(line));
                }
                Key::Character(character) => state.line.push(character),
                Key::Backspace => _ = state.line.pop(),
                Key::EraseLine => state.line.clear(),
                Key::EraseWord => {
                    let line = state.line.trim_end();
                    let end = line.rfind(' ').map_or(0, |space| space + 1);
                    state.line.truncate(end);
                }
                Key::Clear => write!(io::stdout(), "\x1b[H\x1b[2J")?,
                Key::End | Key::Other => continue,
            }
            state.draw()?;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Draws the prompt and the line that is being typed; of one that is too long, its end.
    fn draw(&self) -> io::Result<()> {
        if self.mode == Mode::Plain {
            return Ok(());
        }
        let room = self.width.saturating_sub(PROMPT.len() + 1);
        let mut shown = &self.line[..];
        while columns(shown) > room {
            shown = &shown[shown.chars().next().map_or(0, char::len_utf8)..];
        }
        let mut out = io::stdout();
        // What is wider here than we think must not go on in a second line.
        write!(out, "\r\x1b[K\x1b[?7l{PROMPT}{shown}\x1b[?7h")?;
        out.flush()
    }

    /// Windows are resized.
    fn measure(&mut self) {
        let size = stty(&["size"]);
        let columns = size
            .as_deref()
            .and_then(|size| size.split_whitespace().nth(1));
        self.width = columns
            .and_then(|columns| columns.parse().ok())
            .filter(|&columns| columns > 0)
            .unwrap_or(80);
    }
}

enum Key {
    Character(char),
    Enter,
    Backspace,
    EraseLine,
    EraseWord,
    Clear,
    End,
    Interrupt,
    Other,
}

/// Arrows and the like are ESC, `[` or `O`, and all up to a letter or `~`; there is no use for them.
/// Behind an ESC alone is the next key.
fn read_key() -> io::Result<Key> {
    let mut first = read_byte()?;
    if first == Some(0x1B) {
        first = read_byte()?;
        if matches!(first, Some(b'[' | b'O')) {
            while !matches!(read_byte()?, None | Some(b'@'..=b'~')) {}
            return Ok(Key::Other);
        }
    }
    Ok(match first {
        None => Key::End,
        Some(b'\n' | b'\r') => Key::Enter,
        Some(0x7F | 0x08) => Key::Backspace,
        Some(0x03) => Key::Interrupt,
        Some(0x04) => Key::End,
        Some(0x0C) => Key::Clear,
        Some(0x15) => Key::EraseLine,
        Some(0x17) => Key::EraseWord,
        Some(b'\t') => Key::Character(' '),
        Some(..b' ') => Key::Other,
        Some(first) => character(first)?,
    })
}

/// A character of UTF-8, the rest of which follows.
fn character(first: u8) -> io::Result<Key> {
    let length = match first {
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0.. => 4,
        _ => 1,
    };
    let mut bytes = vec![first];
    while bytes.len() < length {
        match read_byte()? {
            Some(byte) => bytes.push(byte),
            None => return Ok(Key::Other),
        }
    }
    let text = str::from_utf8(&bytes).ok();
    let character = text.and_then(|text| text.chars().next());
    Ok(character.map_or(Key::Other, Key::Character))
}

fn read_byte() -> io::Result<Option<u8>> {
    let mut byte = [0];
    Ok(match io::stdin().read(&mut byte)? {
        0 => None,
        _ => Some(byte[0]),
    })
}

/// Runs `stty` on our terminal; what it printed, or `None` if it failed or is not there.
fn stty(args: &[&str]) -> Option<String> {
    let output = Command::new("stty")
        .args(args)
        .stdin(Stdio::inherit())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    match output.status.success() {
        true => String::from_utf8(output.stdout).ok(),
        false => None,
    }
}
