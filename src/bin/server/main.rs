//! The tutorial's server: it sends the time over a WebSocket, and closes the connection at random.
//!
//! ```text
//! cargo run --bin server
//! ```
//!
//! This file starts the server and says which path gets what. `clock.rs` and `echo.rs` are the
//! conversations. `enter.rs` stops the server. `fault.rs` holds broken servers. `glass.rs` shows a
//! page its own frames.

#[path = "../common/addresses.rs"]
mod addresses;
#[path = "../common/arguments.rs"]
mod arguments;
mod clock;
#[path = "../common/deflate.rs"]
mod deflate;
mod echo;
mod enter;
#[path = "../common/exit.rs"]
mod exit;
mod fault;
mod glass;
mod inherited;
#[path = "../common/json.rs"]
mod json;
mod options;
#[path = "../common/output.rs"]
mod output;

use glass::Reports;
use options::ServerOptions;
use rfc6455::server::Log;
use rfc6455::trace::{Event, Observer, Traced, print_trace_with};
use rfc6455::{Config, Error, Origins, Request, Role, Server, Tcp, WebSocket};
use std::net::SocketAddr;
use std::panic;
use std::process::ExitCode;
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
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

fn main() -> ExitCode {
    let options = match ServerOptions::parse() {
        Ok(options) => options,
        Err(not_run) => return not_run.report("server", options::HELP),
    };
    match serve(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            output::complain(format_args!("server: {what}"));
            ExitCode::FAILURE
        }
    }
}

/// Listens, and serves until the user stops the server.
fn serve(options: ServerOptions) -> Result<(), String> {
    let server = match options.listen_stdin {
        true => Server::from(inherited::listener_of_stdin()?),
        false => listen(&options.address)?,
    };
    let addresses = server.addresses().map_err(|error| error.to_string())?;
    // The message of a panic goes to the log, too. So a handler that panics never waits for it.
    panic::set_hook(Box::new(|panic| Log::stderr().line(panic)));
    let host = match options.listen_stdin {
        true => None,
        false => addresses::split(&options.address).map(|(host, _)| host),
    };
    let page = format!("http://{}/", addresses::reachable(addresses[0], host));
    if let Err(error) = output::print(&format!("{page}\n")) {
        Log::stderr().line(format_args!("server: {page}: {error}"));
    }
    let handle = server.handle().map_err(|error| error.to_string())?;
    enter::stop_on_request(handle, options.stop_on_eof);
    let config = Config {
        // Pages of any site may listen: the clock has no secrets. A page that is opened from a
        // disk has no host.
        origins: Origins::Any,
        compression: options.deflate.then(deflate::always),
        ..Config::default()
    };
    let reports = Reports::new(config.budget.clone(), options.hosts());
    let trace = options.trace;
    let result = server.config(config).run_over(
        move |tcp, peer| traced(tcp, peer, trace),
        move |request| route(request, &options, &reports),
    );
    result.map_err(|error| error.to_string())
}

/// A server at the address of the command line.
fn listen(address: &str) -> Result<Server, String> {
    addresses::resolve(address)
        .and_then(|addresses| Server::bind(&addresses[..]))
        .map_err(|error| format!("cannot listen on {address}: {error}"))
}

/// The stream of a new connection. With `--trace`, an observer looks at it.
fn traced(tcp: Tcp, peer: SocketAddr, trace: bool) -> Traced<Tcp> {
    let mut stream = Traced::new(tcp, Role::Server);
    if trace {
        stream.watch(Observer::new(), log_events_of(peer));
    }
    stream
}

/// Logs the events of a connection. Its label is the peer's address, as in every line of the log.
fn log_events_of(peer: SocketAddr) -> impl FnMut(Event) + Send + 'static {
    let log = Log::stderr();
    print_trace_with(format!(" {peer}"), move |text| log.print(text))
}

/// Which path gets what.
fn route(
    request: Request<Traced<Tcp>>,
    options: &ServerOptions,
    reports: &Reports,
) -> Result<(), Error> {
    match (request.path(), request.method()) {
        ("/ws" | "/echo", _) => connection(request, options, reports),
        ("/glass/report", _) => glass::report(request, reports),
        ("/glass/words", "GET" | "HEAD") => request.respond(200, JSON, glass::words()),
        ("/fault", "GET" | "HEAD") => request.respond(200, JSON, fault::all()),
        ("/glass/words" | "/fault", _) => request.refuse_method("GET, HEAD"),
        (path, _) if fault::named(path).is_some() => connection(request, options, reports),
        (path, method) => match PAGES.iter().find(|page| page.0 == path) {
            Some((_, kind, text)) if matches!(method, "GET" | "HEAD") => {
                request.respond(200, kind, text)
            }
            Some(_) => request.refuse_method("GET, HEAD"),
            None => {
                let body = "no such page; there are /, /glass, /fault, /ws and /echo\n";
                request.respond(404, TEXT, body)
            }
        },
    }
}

/// A connection that a page may look at: the clock, the echo, or a broken server.
fn connection(
    request: Request<Traced<Tcp>>,
    options: &ServerOptions,
    reports: &Reports,
) -> Result<(), Error> {
    let Some((request, commands)) = glass::join_report(request, reports, options.trace)? else {
        return Ok(()); // It was refused.
    };
    if let Some(fault) = fault::named(request.path()) {
        return fault::run(request, fault);
    }
    let request = deflate_if_asked(request);
    let (interval, chance) = (options.interval, options.close_chance);
    match (request.path(), commands) {
        ("/echo", None) => converse(request, &echo::run),
        ("/echo", Some(commands)) => converse(request, &|socket| commands.echo(socket)),
        (_, None) => converse(request, &|socket| {
            clock::run(socket, interval, chance, clock::wait)
        }),
        (_, Some(commands)) => converse(request, &|socket| {
            clock::run(socket, interval, chance, |socket, until| {
                commands.wait(socket, until)
            })
        }),
    }
}

/// `?deflate` accepts compression for this connection. So one server shows both.
fn deflate_if_asked(request: Request<Traced<Tcp>>) -> Request<Traced<Tcp>> {
    match request.query().split('&').any(|word| word == "deflate") {
        true => request.compression(Some(deflate::always())),
        false => request,
    }
}

/// What happens on an open WebSocket.
type Conversation<'a> = dyn Fn(&mut WebSocket<Traced<Tcp>>) -> Result<(), Error> + 'a;

/// Opens a WebSocket and runs a conversation on it. Logs a line at the beginning and at the end.
///
/// This function is never inlined, and neither are `glass::report` and `fault::run`. If they were,
/// `route` would hold all their variables, and each idle connection would need one more page of
/// memory for its stack.
#[inline(never)]
fn converse(request: Request<Traced<Tcp>>, conversation: &Conversation) -> Result<(), Error> {
    let peer = request.stream().inner().peer_addr()?;
    let path = request.path().to_owned();
    let mut socket = request.upgrade()?;

    let opened = Instant::now();
    let log = Log::stderr();
    log.line(format_args!("{peer} {path} opened"));
    let mut result = conversation(&mut socket);
    if let Err(Error::Closing) = result {
        result = read_until_closed(&mut socket);
    }
    let seconds = opened.elapsed().as_secs_f32();
    let how = match (result, socket.closed()) {
        (Ok(()) | Err(Error::Closed(_)), Some(closed)) => closed.to_string(),
        (Ok(()), None) => "left by us".to_owned(),
        (Err(error), _) => error.to_string(),
    };
    log.line(format_args!(
        "{peer} {path} {how} (open for {seconds:.1} s)"
    ));
    Ok(())
}

/// Another thread sent a Close, for example because the server stops. The peer answers it.
fn read_until_closed(socket: &mut WebSocket<Traced<Tcp>>) -> Result<(), Error> {
    while socket.read()?.is_some() {}
    Ok(())
}
