//! `wire talk`: a conversation with a server.

use crate::screen::{Screen, Typed};
use crate::{Arguments, Trouble, hex};
use rfc6455::frame::{MAX_CONTROL, encode_frame};
use rfc6455::observe::{Observer, SeenPayload, Sight};
use rfc6455::render::{Transcript, hex as spaced};
use rfc6455::{
    Client, CloseCode, CloseReason, Entropy, Error, Message, OpCode, Printable, Role, Sender, Tcp,
    Traced, UrlError, WebSocket, console,
};
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::SystemTime;

pub const HELP: &str = "\
A conversation with a WebSocket server: each line is sent as a text message, and what comes is
shown. `< ` stands before a text; `* ` before everything else.

Usage: wire talk [OPTIONS] URL

  URL                      ws://HOST[:PORT][/PATH][?QUERY]
  --header \"NAME: VALUE\"   one more field in the request (can be repeated)
  --origin ORIGIN          as a browser says whose page it is
  --subprotocol NAME       to be offered (can be repeated)
  --trace                  show every byte on standard error, and what it means
  --help                   this text

";

/// What can be typed.
pub const COMMANDS: &str =
    "  TEXT                   sends a text message; //TEXT one that begins with /
  /binary HEX            sends a binary message
  /fragment N TEXT       sends a text message in N fragments
  /ping [TEXT]           sends a Ping, to which a Pong is the answer
  /pong [TEXT]           sends a Pong that nobody asked for
  /close [CODE [REASON]] closes the connection (with 1000)
  /raw HEX               sends these very bytes, whether they are a frame or not
  /help                  this list
  /quit                  closes with 1000, as does the end of the input (Ctrl-D)";

pub fn run(args: &[String]) -> Result<ExitCode, Trouble> {
    let with_value = ["--header", "--origin", "--subprotocol"];
    let arguments = Arguments::parse(args, &with_value, &["--trace"])?;
    let [url] = &arguments.others[..] else {
        return Err(Trouble::Usage("it takes one URL".to_owned()));
    };
    let client = client(url, &arguments)?;
    let trace = arguments.options.iter().any(|(name, _)| name == "--trace");

    let screen = Arc::new(Screen::default());
    let order = Arc::new(Order::default());
    // The greeting comes first, also before frames that came with the handshake.
    order.lock().arrived = 1;
    let socket = connect(&client, &screen, &order, trace);
    let mut socket = socket.map_err(|error| Trouble::Failure(error.to_string()))?;
    screen.begin();
    let _ = screen.show(&greeting(&socket));
    order.advance(&screen);
    let voice = Voice::new(&socket, &screen);
    thread::spawn(move || voice.speak());
    let result = listen(&mut socket, &screen, &order);
    screen.end();
    match result {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(Trouble::Failure(error.to_string())),
    }
}

/// What the command line says of the request.
fn client(url: &str, arguments: &Arguments) -> Result<Client, Trouble> {
    let usage = |error: Error| Trouble::Usage(error.to_string());
    let mut client = Client::new(url).map_err(usage)?;
    let mut subprotocols = Vec::new();
    for (name, value) in &arguments.options {
        client = match &name[..] {
            "--origin" => client.field("Origin", value).map_err(usage)?,
            "--header" => {
                let Some((name, value)) = value.split_once(':') else {
                    return Err(Trouble::Usage(format!(
                        "--header takes \"NAME: VALUE\", not {value}"
                    )));
                };
                client.field(name, value.trim()).map_err(usage)?
            }
            "--subprotocol" => {
                subprotocols.push(&value[..]);
                client
            }
            _ => client,
        };
    }
    client.subprotocols(&subprotocols).map_err(usage)
}

fn connect(
    client: &Client,
    screen: &Arc<Screen>,
    order: &Arc<Order>,
    trace: bool,
) -> Result<WebSocket<Traced<Tcp>>, Error> {
    if client.url().secure {
        return Err(UrlError::Tls.into());
    }
    client.connect_through(|tcp| {
        let mut stream = Traced::new(tcp, Role::Client);
        match trace {
            true => stream.watch(Observer::new(), trace_on(Arc::clone(screen))),
            false => stream.watch(
                Observer::new(),
                notice_on(Arc::clone(screen), Arc::clone(order)),
            ),
        }
        Ok(stream)
    })
}

fn greeting(socket: &WebSocket<Traced<Tcp>>) -> String {
    let subprotocol = socket.subprotocol();
    let subprotocol = subprotocol.map_or(String::new(), |name| format!(", subprotocol {name}"));
    format!("* open{subprotocol}; /help lists the commands")
}

/// Shows what is seen, as `--trace` of the other programs does.
fn trace_on(screen: Arc<Screen>) -> impl FnMut(Sight) + Send + 'static {
    let mut transcript = Transcript::new(console::renderer_for(&io::stderr()));
    move |sight| {
        let time = console::time_of_day(SystemTime::now());
        screen.remark(transcript.add(&time, "", &sight).trim_end_matches('\n'));
    }
}

/// Shows the control frames of the server, which a reader of messages does not see.
fn notice_on(screen: Arc<Screen>, order: Arc<Order>) -> impl FnMut(Sight) + Send + 'static {
    move |sight| {
        let Sight::Payload(seen) = sight else { return };
        if seen.from != Role::Server {
            return;
        }
        match notice(&seen) {
            Some(notice) => order.show(notice, &screen),
            None if seen.header.fin => order.lock().arrived += 1,
            None => {}
        }
    }
}

/// A control frame in words.
fn notice(seen: &SeenPayload) -> Option<String> {
    let text = String::from_utf8_lossy(&seen.meant);
    match seen.header.opcode {
        OpCode::Ping => Some(format!(
            "* ping \"{}\", which is answered",
            Printable(&text)
        )),
        OpCode::Pong => Some(format!("* pong \"{}\"", Printable(&text))),
        OpCode::Close => match CloseReason::decode(&seen.meant) {
            Ok(reason) => Some(format!("* close {reason}")),
            Err(invalid) => Some(format!("* {invalid}")),
        },
        OpCode::Text | OpCode::Binary | OpCode::Continuation => None,
    }
}

/// Keeps what is shown in the order of the wire: a control frame is seen when its bytes arrive, a
/// message when it is read, and several come at once.
#[derive(Default)]
struct Order(Mutex<Notices>);

#[derive(Default)]
struct Notices {
    /// Whole messages that have come, and those that have been shown.
    arrived: u64,
    shown: u64,
    /// What waits until so many messages have been shown.
    waiting: Vec<(u64, String)>,
}

impl Order {
    /// Shows a notice, or keeps it for behind the messages that came before it.
    fn show(&self, notice: String, screen: &Screen) {
        let mut notices = self.lock();
        let arrived = notices.arrived;
        match arrived == notices.shown {
            true => _ = screen.show(&notice),
            false => notices.waiting.push((arrived, notice)),
        }
    }

    /// One more message was shown.
    fn advance(&self, screen: &Screen) {
        let mut notices = self.lock();
        notices.shown += 1;
        let shown = notices.shown;
        for (_, notice) in notices.waiting.extract_if(.., |(turn, _)| *turn <= shown) {
            let _ = screen.show(&notice);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Notices> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows what the server sends, and in the end how the connection ended.
fn listen(
    socket: &mut WebSocket<Traced<Tcp>>,
    screen: &Screen,
    order: &Order,
) -> Result<(), Error> {
    while let Some(message) = socket.read()? {
        let line = match message {
            Message::Text(text) => format!("< {}", Printable(text)),
            Message::Binary([]) => "* binary, no bytes".to_owned(),
            Message::Binary(bytes) => format!("* binary {}", spaced(bytes)),
        };
        if screen.show(&line).is_err() {
            return Ok(()); // Nobody reads what we show; dropping the socket says goodbye.
        }
        order.advance(screen);
    }
    let _ = screen.show(&format!("* {}", socket.closed()));
    Ok(())
}

/// The half that sends. Beside what the library sends it makes frames of its own, for the library
/// sends nothing that is wrong, and no lone fragments.
struct Voice {
    sender: Sender<Traced<Tcp>>,
    stream: Traced<Tcp>,
    keys: Entropy,
    screen: Arc<Screen>,
    spoke: bool,
}

/// Whether the conversation goes on.
#[derive(PartialEq)]
enum Then {
    GoOn,
    Stop,
}

impl Voice {
    fn new(socket: &WebSocket<Traced<Tcp>>, screen: &Arc<Screen>) -> Voice {
        Voice {
            sender: socket.sender(),
            stream: socket.stream().clone(),
            keys: Entropy::from_system(),
            screen: Arc::clone(screen),
            spoke: false,
        }
    }

    /// Does what each line says, until the input ends or the connection does.
    fn speak(mut self) {
        loop {
            let then = match self.screen.read_line() {
                Ok(Typed::Line(line)) => self.obey(&line),
                Ok(Typed::End) => self.hang_up(),
                Ok(Typed::Interrupt) => self.run_away(),
                Err(error) => {
                    self.complain(&format!("standard input: {error}"));
                    self.hang_up()
                }
            };
            if then == Then::Stop {
                return;
            }
        }
    }

    fn complain(&self, what: &str) {
        self.screen.remark(&format!("wire talk: {what}"));
    }

    fn obey(&mut self, line: &str) -> Then {
        let done = match Request::parse(line) {
            Ok(Request::Help) => {
                let _ = self.screen.show(COMMANDS);
                return Then::GoOn;
            }
            Ok(Request::Quit) => {
                self.spoke = true;
                return self.hang_up();
            }
            Ok(request) => self.send(request),
            Err(what) => {
                self.complain(&what);
                return Then::GoOn;
            }
        };
        match done {
            Ok(()) => Then::GoOn,
            // How it ended is told by the half that listens.
            Err(Error::Closed(_)) => Then::Stop,
            Err(error) => {
                self.complain(&error.to_string());
                Then::GoOn
            }
        }
    }

    fn send(&mut self, request: Request) -> Result<(), Error> {
        self.spoke = true;
        match request {
            Request::Text(text) => self.sender.send(&text),
            Request::Binary(bytes) => self.sender.send(&bytes),
            Request::Ping(text) => self.sender.ping(text.as_bytes()),
            Request::Pong(text) if text.len() > MAX_CONTROL => Err(Error::Unsendable(format!(
                "a Pong of {} bytes; {MAX_CONTROL} are the most (§5.5)",
                text.len()
            ))),
            Request::Pong(text) => self.frame(true, OpCode::Pong, text.as_bytes()),
            Request::Fragments(pieces) => self.fragments(&pieces),
            Request::Close(code, reason) => self.sender.close(code, &reason),
            Request::Raw(bytes) => Ok(self.stream.write_all(&bytes)?),
            Request::Help | Request::Quit => Ok(()),
        }
    }

    fn fragments(&mut self, pieces: &[String]) -> Result<(), Error> {
        for (i, piece) in pieces.iter().enumerate() {
            let opcode = match i {
                0 => OpCode::Text,
                _ => OpCode::Continuation,
            };
            self.frame(i + 1 == pieces.len(), opcode, piece.as_bytes())?;
        }
        Ok(())
    }

    /// A frame of our own, in one write, so that what the library answers does not come amid it.
    fn frame(&mut self, fin: bool, opcode: OpCode, payload: &[u8]) -> Result<(), Error> {
        let mut frame = Vec::new();
        encode_frame(
            fin,
            opcode,
            Some(self.keys.masking_key()),
            payload,
            &mut frame,
        );
        Ok(self.stream.write_all(&frame)?)
    }

    /// The end of the input. A pipe in which nothing was only listens on.
    fn hang_up(&self) -> Then {
        if self.spoke || self.screen.is_interactive() {
            let _ = self.sender.close(CloseCode::NORMAL, "");
        }
        Then::Stop
    }

    /// Ctrl-C: says goodbye and does not wait for the answer.
    fn run_away(&mut self) -> Then {
        self.screen.end();
        let _ = self.frame(true, OpCode::Close, &CloseCode::GOING_AWAY.0.to_be_bytes());
        std::process::exit(130);
    }
}

/// What a line asks for.
enum Request {
    Text(String),
    Binary(Vec<u8>),
    Fragments(Vec<String>),
    Ping(String),
    Pong(String),
    Close(CloseCode, String),
    Raw(Vec<u8>),
    Help,
    Quit,
}

impl Request {
    fn parse(line: &str) -> Result<Request, String> {
        let Some(command) = line.strip_prefix('/') else {
            return Ok(Request::Text(line.to_owned()));
        };
        if command.starts_with('/') {
            return Ok(Request::Text(command.to_owned()));
        }
        let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
        Ok(match name {
            "binary" => Request::Binary(hex::parse(rest)?),
            "raw" => Request::Raw(hex::parse(rest)?),
            "ping" => Request::Ping(rest.to_owned()),
            "pong" => Request::Pong(rest.to_owned()),
            "fragment" => Request::Fragments(fragments(rest)?),
            "close" => close(rest)?,
            "help" => Request::Help,
            "quit" => Request::Quit,
            _ => return Err(format!("there is no /{name}; /help lists the commands")),
        })
    }
}

/// `N TEXT`: the text in N pieces, as even as can be.
fn fragments(rest: &str) -> Result<Vec<String>, String> {
    let (count, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let count = match count.parse() {
        Ok(count @ 1..=10_000) => count,
        _ => return Err("/fragment takes a number from 1 to 10000, and a text".to_owned()),
    };
    let text: Vec<char> = text.chars().collect();
    let cut = |i: usize| i * text.len() / count;
    let piece = |i| text[cut(i)..cut(i + 1)].iter().collect();
    Ok((0..count).map(piece).collect())
}

/// `[CODE [REASON]]`.
fn close(rest: &str) -> Result<Request, String> {
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let code = match code {
        "" => CloseCode::NORMAL,
        code => match code.parse() {
            Ok(code) => CloseCode(code),
            Err(_) => return Err(format!("/close takes a code, not {code}")),
        },
    };
    Ok(Request::Close(code, reason.to_owned()))
}
