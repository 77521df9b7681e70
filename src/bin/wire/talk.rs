//! `wire talk`: a conversation with a server.
//!
//! This file connects, and shows what the server sends. `talk/input.rs` says what a typed line
//! means. `talk/voice.rs` sends it. `talk/wire_order.rs` keeps what is shown in the right order.
//! `talk/screen.rs` is the terminal, with `talk/terminal.rs` (its mode), `talk/keys.rs` (its keys)
//! and `talk/editor.rs` (the line that is typed).

mod editor;
mod input;
mod keys;
mod screen;
mod terminal;
mod voice;
mod wire_order;

use crate::Trouble;
use crate::arguments::Arguments;
use crate::connect::{TracedSocket, connect, ended_well};
use crate::lines::Sending;
use crate::output::wanted;
use crate::request::{OPTIONS, RequestOptions};
use input::COMMANDS;
use rfc6455::trace::{
    Event, FramePayload, Transcript, hex as spaced_hex, renderer_for, time_of_day,
};
use rfc6455::{CloseReason, Error, Message, OpCode, Printable, Role};
use screen::Screen;
use std::fmt;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::SystemTime;
use voice::{INTERRUPTED, Voice};
use wire_order::WireOrder;

const HELP: &str = "\
Talks to a WebSocket server: sends each line as a text message, and shows what comes. A line that
comes as text begins with `< `, everything else with `* `. At the end of the lines of a pipe or a
file, waits until the server has been silent for a second, and then closes. If there is no line at
all, as from /dev/null, sends nothing and listens on.

Usage: wire talk [OPTIONS] URL

  URL                    ws://HOST[:PORT][/PATH][?QUERY]
";

const KEYS: &str = "\
On a terminal, the line can be edited: arrows, Home, End, Delete; Up and Down for earlier lines;
Ctrl-A and Ctrl-E go to the start and the end, Ctrl-W deletes a word, Ctrl-U and Ctrl-K delete up to
the start and the end, Ctrl-L clears the screen. A paste of several lines is one message. Ctrl-C
sends a Close with 1001 and ends the program. After Ctrl-Z, `fg` goes on. If a signal such as SIGTERM
ends the program, the terminal is restored a second later. If it is not, type `stty sane`.
";

/// The help text.
pub fn help() -> String {
    format!("{HELP}{OPTIONS}  --help                 show this text\n\n{COMMANDS}\n\n{KEYS}")
}

pub fn run(mut arguments: Arguments) -> Result<ExitCode, Trouble> {
    let mut options = RequestOptions::default();
    while let Some(argument) = arguments.next()? {
        options.take(argument, &mut arguments)?;
    }
    let client = options.client(None)?;
    let screen = Arc::new(Screen::default());
    let order = Arc::new(WireOrder::default());
    // The greeting counts as a message. So it comes before frames that arrive with the handshake.
    order.note_message();
    let tell: Box<dyn FnMut(Event) + Send> = match options.trace {
        true => Box::new(print_events(Arc::clone(&screen))),
        false => Box::new(show_control_frames(Arc::clone(&screen), Arc::clone(&order))),
    };
    let mut socket = connect(&client, Some(tell))?;
    screen.begin();
    let _ = screen.show(greeting(&socket));
    order.note_shown(&screen);
    let (sending, interrupted) = (Arc::new(Sending::default()), Arc::default());
    if !screen.is_interactive() {
        sending.begin();
    }
    let voice = Voice::new(&socket, &screen, options.patience, &sending, &interrupted);
    thread::spawn(move || voice.speak());
    let result = listen(&mut socket, &screen, &order);
    screen.end();
    // The server's answer to our Close may come before the other thread has ended the program.
    if interrupted.load(Ordering::Relaxed) {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    result?;
    let closed = socket.closed();
    let sent = sending.exit_code("wire talk", closed.as_ref());
    // How the connection ended was shown.
    Ok(match closed.is_none_or(|closed| ended_well(&closed)) {
        true => sent,
        false => ExitCode::FAILURE,
    })
}

fn greeting(socket: &TracedSocket) -> String {
    let subprotocol = socket.subprotocol();
    let subprotocol = subprotocol.map_or(String::new(), |name| format!(", subprotocol {name}"));
    format!("* open{subprotocol}; /help lists the commands")
}

/// Shows every event, as `--trace` of the other programs does.
fn print_events(screen: Arc<Screen>) -> impl FnMut(Event) + Send + 'static {
    let mut transcript = Transcript::new(renderer_for(&io::stderr()));
    move |event| {
        let time = time_of_day(SystemTime::now());
        screen.remark(transcript.add(&time, "", &event).trim_end_matches('\n'));
    }
}

/// Shows the server's control frames, which the reader of messages does not get.
fn show_control_frames(
    screen: Arc<Screen>,
    order: Arc<WireOrder>,
) -> impl FnMut(Event) + Send + 'static {
    // Behind a broken rule, the reader of messages gets nothing more.
    let mut is_broken = false;
    move |event| match event {
        Event::Violation(broken) if broken.from == Role::Server => is_broken = true,
        Event::Payload(payload) if payload.from == Role::Server && !is_broken => {
            match notice(&payload) {
                Some(notice) => order.show(notice, &screen),
                None if payload.header.fin => order.note_message(),
                None => {}
            }
        }
        _ => {}
    }
}

/// A control frame in words. `None`: the frame belongs to a message.
fn notice(payload: &FramePayload) -> Option<String> {
    let unmasked = payload.unmasked();
    let text = String::from_utf8_lossy(&unmasked);
    let text = Printable(&text);
    match payload.header.opcode {
        OpCode::Ping => Some(format!("* ping \"{text}\", which is answered")),
        OpCode::Pong => Some(format!("* pong \"{text}\"")),
        OpCode::Close => match CloseReason::decode(&unmasked) {
            Ok(reason) => Some(format!("* close {reason}")),
            Err(invalid) => Some(format!("* {invalid}")),
        },
        OpCode::Text | OpCode::Binary | OpCode::Continuation => None,
    }
}

/// Shows each message, and at the end how the connection ended.
fn listen(socket: &mut TracedSocket, screen: &Screen, order: &WireOrder) -> Result<(), Error> {
    let most = match screen.is_interactive() {
        true => MOST_ON_A_TERMINAL,
        false => usize::MAX,
    };
    while let Some(message) = socket.read()? {
        let shown = match message {
            Message::Text(text) => screen.show(format_args!("< {}", Printable(text))),
            Message::Binary(bytes) => screen.show(Binary { bytes, most }),
        };
        if !wanted(shown)? {
            return Ok(()); // Nobody reads our output. Dropping the socket sends a Close.
        }
        order.note_shown(screen);
    }
    if let Some(closed) = socket.closed() {
        wanted(screen.show(format_args!("* {closed}")))?;
    }
    Ok(())
}

/// A user at a terminal sees at most this many bytes of a binary message.
const MOST_ON_A_TERMINAL: usize = 1024;

/// A binary message in hex. It is written piece by piece, because a message may be long.
struct Binary<'a> {
    bytes: &'a [u8],
    /// At most this many bytes are shown.
    most: usize,
}

impl fmt::Display for Binary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PIECE: usize = 1024;
        if self.bytes.is_empty() {
            return f.write_str("* binary, no bytes");
        }
        f.write_str("* binary")?;
        let shown = &self.bytes[..self.most.min(self.bytes.len())];
        for piece in shown.chunks(PIECE) {
            write!(f, " {}", spaced_hex(piece))?;
        }
        match self.bytes.len() - shown.len() {
            0 => Ok(()),
            more => write!(f, " ... and {more} bytes more"),
        }
    }
}
