//! The screen of a conversation: the user types a line at the bottom, and messages appear above it.
//!
//! A terminal normally keeps what is typed until Enter. A message that comes meanwhile would be
//! printed into the line. So `terminal.rs` takes the keys, `keys.rs` reads them, `editor.rs` keeps
//! the line, and this file draws it: once for all keys that came together, and below each message.

use super::editor::{Asked, Editor, drawn_line};
use super::keys::{Key, KeyParser};
use super::terminal;
use crate::lines::Lines;
use std::collections::VecDeque;
use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{panic, process};

const PROMPT: &str = "> ";
/// How long the width of the terminal is believed. A user may change the window.
const WIDTH_HOLDS: Duration = Duration::from_secs(1);
/// One read takes at most this many bytes. A terminal has at most 4096.
const ROOM: usize = 4096;
/// The exit code of a program that panicked, as everywhere in Rust.
const PANICKED: i32 = 101;

/// Where messages are shown and lines are read.
#[derive(Debug, Default)]
pub struct Screen(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    mode: Mode,
    parser: KeyParser,
    /// Keys that came and are not applied yet.
    keys: VecDeque<Key>,
    editor: Editor,
    width: usize,
    measured: Option<Instant>,
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
        restore_when_it_panics();
        let mut inner = self.lock();
        inner.mode = match terminal::take() {
            true => Mode::Keys,
            false => Mode::Lines,
        };
        inner.measure();
        let _ = inner.draw();
    }

    /// Ends the conversation: removes the prompt and restores the terminal.
    pub fn end(&self) {
        let mut inner = self.lock();
        if inner.mode == Mode::Lines {
            let _ = write!(io::stdout(), "\r\x1b[K").and_then(|()| io::stdout().flush());
        }
        terminal::restore();
        inner.mode = Mode::Plain;
    }

    /// Whether a user types at a terminal.
    pub fn is_interactive(&self) -> bool {
        self.lock().mode != Mode::Plain
    }

    /// Shows lines, above the line that is being typed.
    pub fn show(&self, text: impl Display) -> io::Result<()> {
        let inner = self.lock();
        let mut out = BufWriter::with_capacity(ROOM, io::stdout().lock());
        if inner.mode != Mode::Plain {
            write!(out, "\r\x1b[K")?;
        }
        writeln!(out, "{text}")?;
        out.flush()?;
        drop(out);
        inner.draw()
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
        let mut room = [0; ROOM];
        loop {
            if let Some(typed) = self.lock().apply_keys()? {
                return Ok(typed);
            }
            let count = io::stdin().read(&mut room)?;
            if count == 0 {
                return Ok(Typed::End);
            }
            let Inner { parser, keys, .. } = &mut *self.lock();
            for &byte in &room[..count] {
                parser.push(byte, keys);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Applies the keys that came, up to the end of a line. Then it draws the line.
    fn apply_keys(&mut self) -> io::Result<Option<Typed>> {
        while let Some(key) = self.keys.pop_front() {
            match self.editor.apply(key) {
                None => {}
                Some(Asked::Line(line)) => {
                    writeln!(io::stdout(), "\r\x1b[K{PROMPT}{}", drawn_line(&line))?;
                    self.measure();
                    return Ok(Some(Typed::Line(line)));
                }
                Some(Asked::EndOfInput) => return Ok(Some(Typed::End)),
                Some(Asked::Interrupt) => return Ok(Some(Typed::Interrupt)),
                Some(Asked::Suspend) => {
                    // Nothing is shown meanwhile: we hold the lock.
                    if !terminal::suspend() {
                        self.mode = Mode::Lines;
                    }
                    self.measured = None;
                    self.measure();
                }
                Some(Asked::ClearScreen) => write!(io::stdout(), "\x1b[H\x1b[2J")?,
            }
        }
        self.draw().map(|()| None)
    }

    /// Draws the prompt and the line that is being typed. Of a line that is too long, it draws the
    /// part around the cursor.
    fn draw(&self) -> io::Result<()> {
        if self.mode == Mode::Plain {
            return Ok(());
        }
        let (before, after) = self.editor.view(self.width.saturating_sub(PROMPT.len()));
        // The terminal itself keeps the place of the cursor (ESC 7, ESC 8). So the cursor is right
        // where the terminal shows a character wider or narrower than we think. Without automatic
        // wrapping (`?7l`), too wide a text does not go on in a second line.
        let line = format!("\r\x1b[K\x1b[?7l{PROMPT}{before}\x1b7{after}\x1b8\x1b[?7h");
        let mut out = io::stdout();
        out.write_all(line.as_bytes())?;
        out.flush()
    }

    /// Asks for the width, if the last answer is old.
    fn measure(&mut self) {
        let holds = |measured: Instant| measured.elapsed() < WIDTH_HOLDS;
        if !self.measured.is_some_and(holds) {
            self.width = terminal::width();
            self.measured = Some(Instant::now());
        }
    }
}

/// A panic of any thread restores the terminal, prints its message and ends the program.
fn restore_when_it_panics() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |what| {
        terminal::restore();
        print(what);
        process::exit(PANICKED);
    }));
}
