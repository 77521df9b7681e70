//! The tutorial's server: it tells the time over a WebSocket and hangs up at random.
//!
//! ```text
//! cargo run --bin server
//! ```

mod clock;
mod echo;
mod fault;
mod glass;
mod json;
mod options;

use glass::Wall;
use options::Options;
use rfc6455::observe::{Observer, Sight};
use rfc6455::{
    Config, Error, Handle, Origins, Request, Role, Server, Tcp, Traced, WebSocket, console,
};
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

/// The pages: path, type, text.
const PAGES: &[(&str, &str, &str)] = &[
    ("/", HTML, include_str!("../../../html/index.html")),
    ("/glass", HTML, include_str!("../../../html/glass.html")),
    ("/glass.css", CSS, include_str!("../../../html/glass.css")),
    ("/glass.js", JS, include_str!("../../../html/glass.js")),
];
const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(what) => {
            eprintln!("server: {what} (--help lists the options)");
            return ExitCode::from(2);
        }
    };
    let server = match Server::bind(&options.address) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("server: cannot listen on {}: {error}", options.address);
            return ExitCode::FAILURE;
        }
    };
    match server.addresses() {
        Ok(addresses) => {
            let host = options
                .address
                .rsplit_once(':')
                .map_or("", |(host, _)| host);
            println!("http://{host}:{}/", addresses[0].port());
        }
        Err(error) => {
            eprintln!("server: {error}");
            return ExitCode::FAILURE;
        }
    }
    // Pages from anywhere may listen: the clock has no secrets, and a page opened from disk has no
    // host of its own.
    let config = Config {
        origins: Origins::Any,
        ..Config::default()
    };
    if io::stdin().is_terminal() {
        match server.handle() {
            Ok(handle) => thread::spawn(move || stop_on_enter(&handle)),
            Err(error) => {
                eprintln!("server: {error}");
                return ExitCode::FAILURE;
            }
        };
    }
    let trace = options.trace;
    let wall = Wall::default();
    server.config(config).run_over(
        move |tcp, peer| look(tcp, peer, trace),
        move |request| route(request, &options, &wall),
    );
    ExitCode::SUCCESS
}

/// A connection, looked at if that is wanted.
fn look(tcp: Tcp, peer: SocketAddr, trace: bool) -> Traced<Tcp> {
    let mut stream = Traced::new(tcp, Role::Server);
    if trace {
        stream.watch(Observer::new(), tracer(peer));
    }
    stream
}

/// Prints what is seen of a connection.
fn tracer(peer: SocketAddr) -> impl FnMut(Sight) + Send + 'static {
    console::print_trace(format!(" {}", peer.port()))
}

/// Says goodbye to everybody when the user presses Enter.
fn stop_on_enter(handle: &Handle) {
    eprintln!("Enter stops the server.");
    if io::stdin().read_line(&mut String::new()).is_ok() {
        handle.stop();
    }
}

/// Who gets what.
fn route(request: Request<Traced<Tcp>>, options: &Options, wall: &Wall) -> Result<(), Error> {
    match (request.path(), request.method()) {
        ("/ws" | "/echo", _) => seen(request, options, wall),
        ("/glass/report", _) => glass::report(request, wall, talk),
        ("/fault", "GET" | "HEAD") => request.respond(200, "application/json", fault::all()),
        (path, _) if fault::named(path).is_some() => seen(request, options, wall),
        (path, method) => match PAGES.iter().find(|page| page.0 == path) {
            Some((_, kind, text)) if matches!(method, "GET" | "HEAD") => {
                request.respond(200, kind, text)
            }
            None if path != "/fault" => request.respond(
                404,
                "text/plain; charset=utf-8",
                "no such page; there are /, /glass, /fault, /ws and /echo\n",
            ),
            _ => request.refuse_method("GET, HEAD"),
        },
    }
}

/// A connection that a page may look at (`glass.rs`).
fn seen(request: Request<Traced<Tcp>>, options: &Options, wall: &Wall) -> Result<(), Error> {
    let Some((request, orders)) = glass::seat(request, wall, options.trace)? else {
        return Ok(());
    };
    if let Some(fault) = fault::named(request.path()) {
        return fault::run(request, fault);
    }
    let (interval, chance) = (options.interval, options.close_chance);
    match (request.path(), orders) {
        ("/echo", None) => talk(request, &echo::run),
        ("/echo", Some(orders)) => talk(request, &|socket| orders.echo(socket)),
        (_, None) => talk(request, &|socket| {
            clock::run(socket, interval, chance, clock::wait)
        }),
        (_, Some(orders)) => talk(request, &|socket| {
            clock::run(socket, interval, chance, |socket, until| {
                orders.wait(socket, until)
            })
        }),
    }
}

/// What is said on a WebSocket, from its opening to its end.
type Conversation<'a> = dyn Fn(&mut WebSocket<Traced<Tcp>>) -> Result<(), Error> + 'a;

/// One WebSocket, with a line when it opens and a line when it ends.
///
/// Never inlined, as `report` and `fault::run` are not: copied into `route` several times, their
/// variables would make the stack of every idle connection a page larger.
#[inline(never)]
fn talk(request: Request<Traced<Tcp>>, conversation: &Conversation) -> Result<(), Error> {
    static CONNECTIONS: AtomicU64 = AtomicU64::new(1);
    let peer = request.stream().inner().peer_addr()?;
    let path = request.path().to_owned();
    let mut socket = request.upgrade()?;

    let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
    let opened = Instant::now();
    eprintln!("#{number} {peer} {path} opened");
    let result = conversation(&mut socket);
    let seconds = opened.elapsed().as_secs_f32();
    match result {
        // How it ended says it all, and is in `closed`.
        Ok(()) | Err(Error::Closed(_)) => {
            eprintln!(
                "#{number} {peer} {path} {} (open for {seconds:.1} s)",
                socket.closed()
            );
        }
        Err(error) => eprintln!("#{number} {peer} {path} {error} (open for {seconds:.1} s)"),
    }
    Ok(())
}
