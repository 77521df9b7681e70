//! The terminal of a conversation: the user types a line at the bottom, and messages appear above
//! it.
//!
//! A terminal normally keeps what is typed until Enter. A message that comes meanwhile would be
//! printed into the line. `stty`, which every Unix has, makes the terminal hand over each key. Then
//! this file keeps the line, and draws it again below each message.

use crate::lines::Lines;
use rfc6455::trace::columns;
use std::io::{self, IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

const PROMPT: &str = "> ";

/// Where messages are shown and lines are read.
#[derive(Debug, Default)]
pub struct Screen(Mutex<Terminal>);

#[derive(Debug, Default)]
struct Terminal {
    mode: Mode,
    /// What was typed since the last Enter.
    line: String,
    width: usize,
    /// What `stty` needs to restore the terminal.
    saved: String,
}

#[derive(Debug, Default, PartialEq)]
enum Mode {
    /// There is no terminal, or no conversation.
    #[default]
    Plain,
    /// A terminal without `stty`. Messages are printed into the line that is typed.
    Lines,
    /// Every key comes here.
    Keys,
}

/// What was typed.
pub enum Typed {
    Line(String),
    /// The end of the input: Ctrl-D, or the end of a pipe.
    End,
    /// Ctrl-C.
    Interrupt,
}

impl Screen {
    /// Begins the conversation. If there is a terminal, there is a prompt from now on.
    pub fn begin(&self) {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return;
        }
        let mut terminal = self.lock();
        match stty(&["-g"]) {
            Some(saved)
                if stty(&["-icanon", "-echo", "-isig", "min", "1", "time", "0"]).is_some() =>
            {
                terminal.mode = Mode::Keys;
                terminal.saved = saved;
            }
            _ => terminal.mode = Mode::Lines,
        }
        terminal.measure();
        let _ = terminal.draw();
    }

    /// Ends the conversation: removes the prompt and restores the terminal.
    pub fn end(&self) {
        let mut terminal = self.lock();
        if terminal.mode != Mode::Plain {
            let _ = write!(io::stdout(), "\r\x1b[K").and_then(|()| io::stdout().flush());
        }
        if terminal.mode == Mode::Keys {
            stty(&[terminal.saved.trim()]);
        }
        terminal.mode = Mode::Plain;
    }

    /// Whether a user types at a terminal.
    pub fn is_interactive(&self) -> bool {
        self.lock().mode != Mode::Plain
    }

    /// Shows lines, above the line that is being typed.
    pub fn show(&self, text: &str) -> io::Result<()> {
        let terminal = self.lock();
        if terminal.mode == Mode::Plain {
            return writeln!(io::stdout(), "{text}");
        }
        write!(io::stdout(), "\r\x1b[K{text}\n")?;
        terminal.draw()
    }

    /// Shows lines that are not part of the conversation. They go to standard error, but if that is
    /// the same terminal, they are shown like all others.
    pub fn remark(&self, text: &str) {
        let same = self.lock().mode != Mode::Plain && io::stderr().is_terminal();
        let _ = match same {
            true => self.show(text),
            false => writeln!(io::stderr(), "{text}"),
        };
    }

    /// Waits for the next line. The error says what is wrong with the input.
    pub fn read_line(&self, lines: &mut Lines) -> Result<Typed, String> {
        if self.lock().mode == Mode::Keys {
            return self
                .read_keys()
                .map_err(|error| format!("standard input: {error}"));
        }
        match lines.next()? {
            None => Ok(Typed::End),
            Some(line) => {
                // If the output is closed, the thread that shows messages ends the program.
                let _ = self.lock().draw();
                Ok(Typed::Line(line))
            }
        }
    }

    /// Reads keys until Enter.
    fn read_keys(&self) -> io::Result<Typed> {
        loop {
            let key = read_key()?;
            let mut terminal = self.lock();
            match key {
                Key::End if terminal.line.is_empty() => return Ok(Typed::End),
                Key::Interrupt => return Ok(Typed::Interrupt),
                Key::Enter => {
                    let line = std::mem::take(&mut terminal.line);
                    write!(io::stdout(), "\r\x1b[K{PROMPT}{line}\n")?;
                    terminal.measure();
                    terminal.draw()?;
                    return Ok(Typed::Line(line));
                }
                Key::Character(character) => terminal.line.push(character),
                Key::Backspace => _ = terminal.line.pop(),
                Key::EraseLine => terminal.line.clear(),
                Key::EraseWord => {
                    let line = terminal.line.trim_end();
                    let end = line.rfind(' ').map_or(0, |space| space + 1);
                    terminal.line.truncate(end);
                }
                Key::Clear => write!(io::stdout(), "\x1b[H\x1b[2J")?,
                Key::End | Key::Other => continue,
            }
            terminal.draw()?;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Terminal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Terminal {
    /// Draws the prompt and the line that is being typed. Of a line that is too long, it draws the
    /// end.
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
        // `columns` may be wrong for this terminal. Without automatic wrapping (`?7l`), too wide a
        // text does not go on in a second line.
        write!(out, "\r\x1b[K\x1b[?7l{PROMPT}{shown}\x1b[?7h")?;
        out.flush()
    }

    /// Asks for the width, which changes when the user resizes the window.
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

/// Reads one key. Arrow keys and the like send ESC, then `[` or `O`, then more, up to a letter or
/// `~`. They do nothing here. An ESC before any other key is ignored.
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

/// Reads the rest of a character in UTF-8.
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

/// Runs `stty` on our terminal, and returns what it printed. `None`: it failed, or this system does
/// not have it.
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
