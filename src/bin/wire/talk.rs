//! `wire talk`: a conversation with a server.
//!
//! This file connects, and shows what the server sends. `talk/input.rs` says what a typed line
//! means. `talk/voice.rs` sends it. `talk/wire_order.rs` keeps what is shown in the right order.

mod input;
mod voice;
mod wire_order;

use crate::Trouble;
use crate::arguments::{Argument, Arguments, NotRun};
use crate::connect::{TracedSocket, connect, ended_well};
use crate::lines::Sending;
use crate::output::wanted;
use crate::screen::Screen;
use crate::silence::Patience;
use input::COMMANDS;
use rfc6455::trace::{
    Event, FramePayload, Transcript, hex as spaced_hex, renderer_for, time_of_day,
};
use rfc6455::{Client, CloseReason, Error, Message, OpCode, Printable, Role};
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

  URL                      ws://HOST[:PORT][/PATH][?QUERY]
  --header \"NAME: VALUE\"   add a field to the request (can be repeated)
  --origin ORIGIN          add an Origin field, as a browser does
  --subprotocol NAME       offer a subprotocol (can be repeated)
  --silence SECONDS        at the end of the lines, wait for so much silence (default: 1)
  --max-wait SECONDS       but wait no longer than this, in all (default: 10)
  --trace                  show every byte on standard error, and what it means
  --help                   show this text

The exit code is 0 if the connection was closed in order (with 1000, 1001, no code, or 3000 to 4999)
and all lines were sent; 2 if the command line is wrong; 130 after Ctrl-C; else 1.

";

/// The help text.
pub fn help() -> String {
    format!("{HELP}{COMMANDS}\n")
}

pub fn run(arguments: Arguments) -> Result<ExitCode, Trouble> {
    let TalkOptions {
        client,
        patience,
        trace,
    } = options(arguments)?;
    let screen = Arc::new(Screen::default());
    let order = Arc::new(WireOrder::default());
    // The greeting counts as a message. So it comes before frames that arrive with the handshake.
    order.note_message();
    let tell: Box<dyn FnMut(Event) + Send> = match trace {
        true => Box::new(print_events(Arc::clone(&screen))),
        false => Box::new(show_control_frames(Arc::clone(&screen), Arc::clone(&order))),
    };
    let mut socket = connect(&client, Some(tell)).map_err(|error| match error {
        Error::Unsendable(_) => Trouble::wrong(error), // A wrong header or subprotocol.
        error => Trouble::Failed(error.to_string()),
    })?;
    screen.begin();
    let _ = screen.show(&greeting(&socket));
    order.note_shown(&screen);
    let (sending, interrupted) = (Arc::new(Sending::default()), Arc::default());
    if !screen.is_interactive() {
        sending.begin();
    }
    let voice = Voice::new(&socket, &screen, patience, &sending, &interrupted);
    thread::spawn(move || voice.speak());
    let result = listen(&mut socket, &screen, &order);
    screen.end();
    // The server's answer to our Close may come before the other thread has ended the program.
    if interrupted.load(Ordering::Relaxed) {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    result.map_err(|error| Trouble::Failed(error.to_string()))?;
    let closed = socket.closed();
    let sent = sending.exit_code("wire talk", closed.as_ref());
    // How the connection ended was shown.
    Ok(match closed.is_none_or(|closed| ended_well(&closed)) {
        true => sent,
        false => ExitCode::FAILURE,
    })
}

/// What the command line asks for.
struct TalkOptions {
    client: Client,
    patience: Patience,
    trace: bool,
}

/// Reads the command line.
fn options(mut arguments: Arguments) -> Result<TalkOptions, Trouble> {
    let mut url = None;
    let mut trace = false;
    let mut patience = Patience::default();
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut subprotocols = Vec::new();
    while let Some(argument) = arguments.next()? {
        match &argument {
            Argument::Option(name) => match &name[..] {
                "--header" => fields.push(header(&arguments.value()?)?),
                "--origin" => fields.push(("Origin".to_owned(), arguments.value()?)),
                "--subprotocol" => subprotocols.push(arguments.value()?),
                "--trace" => trace = true,
                name if patience.take(name, &mut arguments)? => {}
                _ => return Err(argument.unexpected().into()),
            },
            Argument::Other(text) if url.is_none() => url = Some(text.clone()),
            Argument::Other(_) => return Err(argument.unexpected().into()),
        }
    }
    let url = url.ok_or_else(|| Trouble::wrong("the URL is missing"))?;
    let mut client = Client::new(&url).map_err(Trouble::wrong)?;
    for (name, value) in fields {
        client = client.field(&name, &value);
    }
    let subprotocols: Vec<&str> = subprotocols.iter().map(String::as_str).collect();
    Ok(TalkOptions {
        client: client.subprotocols(&subprotocols),
        patience,
        trace,
    })
}

/// `NAME: VALUE`.
fn header(text: &str) -> Result<(String, String), NotRun> {
    match text.split_once(':') {
        Some((name, value)) => Ok((name.to_owned(), value.trim().to_owned())),
        None => Err(NotRun::Wrong(format!(
            "--header takes \"NAME: VALUE\", not {text}"
        ))),
    }
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
    while let Some(message) = socket.read()? {
        let line = match message {
            Message::Text(text) => format!("< {}", Printable(text)),
            Message::Binary([]) => "* binary, no bytes".to_owned(),
            Message::Binary(bytes) => format!("* binary {}", spaced_hex(bytes)),
        };
        if !wanted(screen.show(&line))? {
            return Ok(()); // Nobody reads our output. Dropping the socket sends a Close.
        }
        order.note_shown(screen);
    }
    if let Some(closed) = socket.closed() {
        wanted(screen.show(&format!("* {closed}")))?;
    }
    Ok(())
}
