//! The half of a conversation that sends, in its own thread.
//!
//! The library sends nothing that is wrong, and a `Sender` sends no fragments. So some frames are
//! made here, and their bytes go to the stream directly.

use super::input::{COMMANDS, Input};
use super::screen::{Screen, Typed};
use crate::connect::{ProgramStream, TracedSocket};
use crate::lines::{Lines, Sending};
use crate::silence::Patience;
use rfc6455::framing::Frame;
use rfc6455::{CloseCode, CloseReason, Entropy, Error, OpCode, Sender};
use std::io::Write;
use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code of a program that Ctrl-C ended: 128 and the number of the signal, as in a shell.
pub const INTERRUPTED: u8 = 130;

/// Reads lines, and does what they ask for.
pub struct Voice {
    sender: Sender<ProgramStream>,
    stream: ProgramStream,
    keys: Entropy,
    screen: Arc<Screen>,
    lines: Lines,
    /// How long to wait for answers at the end of a pipe.
    patience: Patience,
    /// A line has asked for something to be sent.
    has_spoken: bool,
    /// How the lines were sent, for the thread that listens.
    sending: Arc<Sending>,
    /// The user has pressed Ctrl-C. The thread that listens wants to know that, too.
    interrupted: Arc<AtomicBool>,
}

impl Voice {
    pub fn new(
        socket: &TracedSocket,
        screen: &Arc<Screen>,
        patience: Patience,
        sending: &Arc<Sending>,
        interrupted: &Arc<AtomicBool>,
    ) -> Voice {
        Voice {
            sender: socket.sender(),
            stream: socket.stream().clone(),
            keys: Entropy::from_system(),
            screen: Arc::clone(screen),
            lines: Lines::default(),
            patience,
            has_spoken: false,
            sending: Arc::clone(sending),
            interrupted: Arc::clone(interrupted),
        }
    }

    /// Does what each line asks for, until the input or the connection ends.
    pub fn speak(mut self) {
        loop {
            let then = match self.screen.read_line(&mut self.lines) {
                Ok(Typed::Line(line)) => self.obey(&line),
                Ok(Typed::End) => self.end_of_input(),
                Ok(Typed::Interrupt) => self.leave_now(),
                Err(what) => {
                    self.complain(&what);
                    self.sending.fail();
                    self.end_of_input()
                }
            };
            if then.is_break() {
                return self.sending.end();
            }
        }
    }

    fn complain(&self, what: &str) {
        self.screen.remark(&format!("wire talk: {what}"));
    }

    /// Does what one line asks for. `Break`: the conversation ends.
    fn obey(&mut self, line: &str) -> ControlFlow<()> {
        let sent = match Input::parse(line) {
            Ok(Input::Help) => {
                let _ = self.screen.show(COMMANDS);
                return Continue(());
            }
            Ok(Input::Quit) => {
                return self.hang_up();
            }
            Ok(input) => self.send(input),
            Err(what) => {
                self.complain(&what);
                return Continue(());
            }
        };
        match sent {
            Ok(()) => Continue(()),
            // The half that listens says how the connection ended.
            Err(Error::Closing | Error::Closed(_)) => {
                self.sending.note_unsent(self.lines.number);
                Break(())
            }
            Err(error) => {
                self.complain(&error.to_string());
                Continue(())
            }
        }
    }

    fn send(&mut self, input: Input) -> Result<(), Error> {
        self.has_spoken = true;
        match input {
            Input::Text(text) => self.sender.send(&text),
            Input::Binary(bytes) => self.sender.send(&bytes),
            Input::Ping(text) => self.sender.ping(text.as_bytes()),
            Input::Pong(text) => self.sender.pong(text.as_bytes()),
            Input::Fragments(parts) => self.send_fragments(&parts),
            Input::Close(code, reason) => self.sender.close(code, &reason),
            Input::Raw(bytes) => self.send_bytes(&bytes),
            Input::Help | Input::Quit => Ok(()),
        }
    }

    /// Sends one text message in these fragments (§5.4).
    fn send_fragments(&mut self, parts: &[String]) -> Result<(), Error> {
        for (i, part) in parts.iter().enumerate() {
            let opcode = match i {
                0 => OpCode::Text,
                _ => OpCode::Continuation,
            };
            let key = self.keys.masking_key();
            let mut frame = Frame::new(opcode, Some(key), part.as_bytes());
            frame.fin = i + 1 == parts.len();
            let mut bytes = Vec::new();
            frame.encode(&mut bytes);
            self.send_bytes(&bytes)?;
        }
        Ok(())
    }

    /// Sends bytes with one write. So no frame of the library comes between them.
    fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// The end of the input. A user at a terminal has seen the answers. At the end of a pipe, it
    /// waits for them. If an empty pipe ends, the conversation goes on: it only listens.
    fn end_of_input(&self) -> ControlFlow<()> {
        self.sending.end();
        if !self.screen.is_interactive() {
            if self.has_spoken {
                let ear = self.stream.inner().ear();
                ear.wait_for_silence(self.patience);
            } else if !self.sending.has_failed() {
                return Break(());
            }
        }
        self.hang_up()
    }

    fn hang_up(&self) -> ControlFlow<()> {
        let _ = self.sender.close(CloseCode::NORMAL, "");
        Break(())
    }

    /// Ctrl-C: sends a Close with 1001 and ends the program without waiting for the answer.
    fn leave_now(&mut self) -> ControlFlow<()> {
        self.interrupted.store(true, Ordering::Relaxed);
        self.screen.end();
        if let Ok(reason) = CloseReason::new(CloseCode::GOING_AWAY, "") {
            let mut frame = Vec::new();
            reason.encode_frame(Some(self.keys.masking_key()), &mut frame);
            let _ = self.send_bytes(&frame);
        }
        std::process::exit(INTERRUPTED.into());
    }
}
