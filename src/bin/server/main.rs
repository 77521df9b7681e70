//! The tutorial's server: it tells the time over a WebSocket and hangs up at random.
//!
//! ```text
//! cargo run --bin server
//! ```

mod clock;
mod echo;
mod options;

use options::Options;
use rfc6455::observe::Observer;
use rfc6455::{
    Config, Error, Handle, Origins, Request, Role, Server, Tcp, Traced, WebSocket, console,
};
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

const PAGE: &str = include_str!("../../../html/index.html");

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
    server.config(config).run_over(
        move |tcp, peer| look(tcp, peer, trace),
        move |request| route(request, &options),
    );
    ExitCode::SUCCESS
}

/// A connection, looked at if that is wanted.
fn look(tcp: Tcp, peer: SocketAddr, trace: bool) -> Traced<Tcp> {
    let mut stream = Traced::new(tcp, Role::Server);
    if trace {
        let label = format!(" {}", peer.port());
        stream.watch(Observer::new(), console::print_trace(label));
    }
    stream
}

/// Says goodbye to everybody when the user presses Enter.
fn stop_on_enter(handle: &Handle) {
    eprintln!("Enter stops the server.");
    if io::stdin().read_line(&mut String::new()).is_ok() {
        handle.stop();
    }
}

/// Who gets what.
fn route(request: Request<Traced<Tcp>>, options: &Options) -> Result<(), Error> {
    match (request.path(), request.method()) {
        ("/ws", _) => talk(request, &|socket| {
            clock::run(socket, options.interval, options.close_chance)
        }),
        ("/echo", _) => talk(request, &echo::run),
        ("/", "GET" | "HEAD") => request.respond(200, "text/html; charset=utf-8", PAGE),
        ("/", _) => request.refuse_method("GET, HEAD"),
        _ => request.respond(
            404,
            "text/plain; charset=utf-8",
            "no such page; there are /, /ws and /echo\n",
        ),
    }
}

/// One WebSocket, with a line when it opens and a line when it ends.
fn talk(
    request: Request<Traced<Tcp>>,
    conversation: &dyn Fn(&mut WebSocket<Traced<Tcp>>) -> Result<(), Error>,
) -> Result<(), Error> {
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
                "#{number} {peer} {path} {} after {seconds:.1} s",
                socket.closed()
            );
        }
        Err(error) => eprintln!("#{number} {peer} {path} {error} after {seconds:.1} s"),
    }
    Ok(())
}
