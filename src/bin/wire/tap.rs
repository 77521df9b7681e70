//! `wire tap`: stands between a client and a server and shows what passes.

use crate::{Arguments, Trouble};
use rfc6455::observe::{Observer, Sight};
use rfc6455::render::Transcript;
use rfc6455::{Role, console};
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, SystemTime};

pub const HELP: &str = "\
Stands between any client and any server and shows, on standard output, what passes. Every byte
is passed on as it came, whether it keeps the rules or not.

Usage: wire tap LISTEN TARGET

  LISTEN  HOST:PORT where clients connect instead of the server; port 0 takes a free one
  TARGET  HOST:PORT of the server
  --help  this text

  wire tap localhost:5051 localhost:5050
";

/// So many bytes wait to be shown, of all connections; those of which more come are not shown any
/// further. (A display may stand still: nobody scrolls on. What passes never does.)
const MOST_WAITING: usize = 64 << 20;
/// A read takes so many bytes at most.
const ROOM: usize = 64 << 10;
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

pub fn run(args: &[String]) -> Result<ExitCode, Trouble> {
    let arguments = Arguments::parse(args, &[], &[])?;
    let [listen, target] = &arguments.others[..] else {
        return Err(Trouble::Usage("it takes LISTEN and TARGET".to_owned()));
    };
    check_address(listen)?;
    check_address(target)?;
    let cannot = |error: io::Error| Trouble::Failure(format!("cannot listen on {listen}: {error}"));
    let listeners = listeners(listen).map_err(cannot)?;
    let port = listeners[0].local_addr().map_err(cannot)?.port();
    let host = listen.rsplit_once(':').map_or("", |(host, _)| host);
    let _ = writeln!(
        io::stdout(),
        "listening on {host}:{port}, passing on to {target}"
    );

    let (events, shown) = mpsc::channel();
    let display = Display {
        events,
        waiting: Arc::default(),
    };
    let waiting = Arc::clone(&display.waiting);
    for listener in listeners {
        let (display, target) = (display.clone(), target.clone());
        thread::spawn(move || accept(&listener, &target, &display));
    }
    show(&shown, &waiting);
    Ok(ExitCode::SUCCESS)
}

fn check_address(address: &str) -> Result<(), Trouble> {
    match address.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(()),
        _ => Err(Trouble::Usage(format!("{address} is no HOST:PORT"))),
    }
}

/// At every address of the name, as `localhost` has two, with one port for all.
fn listeners(address: &str) -> io::Result<Vec<TcpListener>> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut last = io::Error::from(ErrorKind::NotFound);
    for mut address in address.to_socket_addrs()? {
        if let Some(first) = listeners.first() {
            address.set_port(first.local_addr()?.port());
        }
        match TcpListener::bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) => last = error,
        }
    }
    match listeners.is_empty() {
        true => Err(last),
        false => Ok(listeners),
    }
}

fn accept(listener: &TcpListener, target: &str, display: &Display) {
    static CONNECTIONS: AtomicU64 = AtomicU64::new(1);
    loop {
        match listener.accept() {
            Ok((client, peer)) => {
                let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
                let (target, display) = (target.to_owned(), display.clone());
                let pass = move || pass(client, peer, &target, number, display);
                // Without a thread for it, the connection is dropped.
                let _ = thread::Builder::new().spawn(pass);
            }
            // Out of file descriptors, for example: that passes.
            Err(_) => thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// One connection, in two threads: this one for what the client sends.
fn pass(client: TcpStream, peer: SocketAddr, target: &str, number: u64, display: Display) {
    let side = Side {
        number,
        display,
        blind: Arc::default(),
    };
    let server = match reach(target) {
        Ok(server) => server,
        Err(error) => {
            let note = format!("{peer} is turned away: cannot reach {target}: {error}");
            side.tell(What::Note(note));
            return side.tell(What::Gone);
        }
    };
    side.tell(What::Note(format!("{peer} connects to {target}")));
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    thread::scope(|scope| {
        let back = || pump(&server, &client, Role::Server, &side);
        // Without a thread nothing passes back, so nothing passes.
        if thread::Builder::new().spawn_scoped(scope, back).is_ok() {
            pump(&client, &server, Role::Client, &side);
        }
    });
    side.tell(What::Gone);
}

fn reach(target: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in target.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_LIMIT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Passes on what one side sends, until it ends its direction, which the other side then sees, too.
fn pump(mut from: &TcpStream, mut to: &TcpStream, role: Role, side: &Side) {
    let mut room = vec![0; ROOM];
    loop {
        match from.read(&mut room) {
            Ok(0) => {
                side.tell(What::End(role));
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(count) => {
                // Told first, so that no answer is seen before it; telling waits for nobody.
                side.tell(What::Bytes(role, room[..count].to_vec()));
                if to.write_all(&room[..count]).is_err() {
                    // Whoever does not take bytes any more is gone; the other direction sees why.
                    let _ = from.shutdown(Shutdown::Read);
                    return;
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                side.tell(What::Broken(role, error));
                let _ = to.shutdown(Shutdown::Both);
                let _ = from.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}

/// What is to be shown, and when it was.
struct Event {
    number: u64,
    time: SystemTime,
    what: What,
}

enum What {
    Bytes(Role, Vec<u8>),
    End(Role),
    Broken(Role, io::Error),
    Note(String),
    /// From here on there are bytes that are not shown.
    Blind,
    Gone,
}

impl What {
    /// Memory while it waits.
    fn size(&self) -> usize {
        match self {
            What::Bytes(_, bytes) => size_of::<Event>() + bytes.capacity(),
            _ => 0,
        }
    }
}

/// Where all threads leave what is to be shown.
#[derive(Clone)]
struct Display {
    events: Sender<Event>,
    waiting: Arc<AtomicUsize>,
}

/// One connection's way to the display.
struct Side {
    number: u64,
    display: Display,
    blind: Arc<AtomicBool>,
}

impl Side {
    /// Never waits.
    fn tell(&self, what: What) {
        let size = what.size();
        if size > 0 {
            if self.blind.load(Ordering::Relaxed) {
                return;
            }
            if self.display.waiting.fetch_add(size, Ordering::Relaxed) + size > MOST_WAITING {
                self.display.waiting.fetch_sub(size, Ordering::Relaxed);
                if !self.blind.swap(true, Ordering::Relaxed) {
                    self.send(What::Blind);
                }
                return;
            }
        }
        self.send(what);
    }

    fn send(&self, what: What) {
        let _ = self.display.events.send(Event {
            number: self.number,
            time: SystemTime::now(),
            what,
        });
    }
}

/// Shows what the threads leave, for ever. Nobody to read it is no reason to stop.
fn show(events: &Receiver<Event>, waiting: &AtomicUsize) {
    let renderer = console::renderer_for(&io::stdout());
    let mut transcript = Transcript::new(renderer);
    let mut observers: HashMap<u64, Observer> = HashMap::new();
    for event in events {
        waiting.fetch_sub(event.what.size(), Ordering::Relaxed);
        let time = console::time_of_day(event.time);
        let label = format!(" #{}", event.number);
        let note = |text: &str| renderer.note(&format!("{time}{label} {text}"));
        let observer = observers.entry(event.number).or_default();
        let sights: Vec<Sight> = match event.what {
            What::Bytes(from, bytes) => observer.bytes(from, &bytes),
            What::End(by) => observer.end(by),
            What::Broken(by, error) => {
                print(&note(&error.to_string()));
                observer.broken(by)
            }
            What::Note(text) => {
                print(&note(&text));
                vec![]
            }
            What::Blind => {
                print(&note("too much to show: what follows is passed on unseen"));
                vec![]
            }
            What::Gone => {
                observers.remove(&event.number);
                vec![]
            }
        };
        for sight in sights {
            print(&transcript.add(&time, &label, &sight));
        }
    }
}

fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}
