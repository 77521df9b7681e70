//! RFC 6455 §4.2, Server-Side Requirements: listening.
//!
//! Each connection gets a thread. In it, a handler gets the request (`request.rs`).

use super::log::Log;
use super::registry::{Entry, Registry};
use super::request::Request;
use crate::connection::{Config, Error, Stream, Tcp};
use crate::opening::{Fields, HandshakeError};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// A listening server.
///
/// ```no_run
/// rfc6455::Server::bind("localhost:5050")?.run(|request| match request.path() {
///     "/ws" => request.upgrade()?.send("hello"),
///     _ => request.respond(404, "text/plain", "no such page\n"),
/// });
/// # Ok::<(), rfc6455::Error>(())
/// ```
pub struct Server {
    listeners: Vec<TcpListener>,
    config: Config,
    /// `None`: errors go to [`Log::stderr`].
    log: Option<Box<LogError>>,
    stopping: Arc<AtomicBool>,
}

/// Gets the address of a peer, and what went wrong on its connection.
type LogError = dyn Fn(SocketAddr, &Error) + Send + Sync;

impl Server {
    /// Listens at every address that `addresses` gives, such as `"localhost:5050"`. Port 0 takes a
    /// free port, the same at all addresses.
    ///
    /// # Errors
    /// Those of [`listen`].
    pub fn bind(addresses: impl ToSocketAddrs) -> io::Result<Server> {
        Ok(Server {
            listeners: listen(addresses)?,
            config: Config::default(),
            log: None,
            stopping: Arc::default(),
        })
    }

    /// Other limits than the defaults.
    #[must_use]
    pub fn config(mut self, config: Config) -> Server {
        self.config = config;
        self
    }

    /// What to do with errors: those that a handler returns, and those of requests that no handler
    /// got. §7.1.7: "the server [...] SHOULD log the problem". Without this call they go to
    /// [`Log::stderr`].
    ///
    /// The thread of the connection calls `log`. So `log` must not wait; [`Log`] never does.
    #[must_use]
    pub fn log(mut self, log: impl Fn(SocketAddr, &Error) + Send + Sync + 'static) -> Server {
        self.log = Some(Box::new(log));
        self
    }

    /// The addresses where it listens.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(TcpListener::local_addr).collect()
    }

    /// Stops the server from another thread.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn handle(&self) -> io::Result<Handle> {
        Ok(Handle {
            stopping: Arc::clone(&self.stopping),
            addresses: self.addresses()?,
        })
    }

    /// Serves until a [`Handle`] stops it. Each connection gets a thread, and in it `handler` gets
    /// the request. A handler that panics ends its own connection with 1011, and no other.
    ///
    /// When this returns, the listeners are closed, every WebSocket has been closed with 1001, and
    /// every thread has ended. So a handler has to return when its connection has ended.
    pub fn run<H>(self, handler: H)
    where
        H: Fn(Request) -> Result<(), Error> + Send + Sync + 'static,
    {
        self.run_over(|tcp, _| tcp, handler);
    }

    /// [`run`](Self::run) with something between TCP and WebSocket. `wrap` makes a stream from each
    /// TCP stream and the address of its peer, for example one that counts bytes. It must not wait.
    pub fn run_over<S, W, H>(self, wrap: W, handler: H)
    where
        S: Stream + Clone + Send + 'static,
        W: Fn(Tcp, SocketAddr) -> S + Send + Sync + 'static,
        H: Fn(Request<S>) -> Result<(), Error> + Send + Sync + 'static,
    {
        let service = Service {
            wrap,
            config: Arc::new(self.config),
            log: self.log.unwrap_or_else(log_on_stderr),
            handler,
            stopping: self.stopping,
            registry: Registry::new(),
            refusals: AtomicUsize::new(0),
        };
        let service = Arc::new(service);
        let accepting: Vec<_> = self
            .listeners
            .into_iter()
            .map(|listener| {
                let service = Arc::clone(&service);
                thread::spawn(move || accept(&listener, &service))
            })
            .collect();
        for thread in accepting {
            // Nothing in it can panic.
            let _ = thread.join();
        }
        service.registry.stop(service.config.close_timeout);
        // The program may end now, and with it the thread of the log.
        Log::flush_stderr(LAST_LINES);
    }
}

/// How long the end of a server waits for its last lines in the log.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The log of a server that has no other.
fn log_on_stderr() -> Box<LogError> {
    let log = Log::stderr();
    Box::new(move |peer, error| log.line(format_args!("{peer} {error}")))
}

/// Listeners at every address that `addresses` gives, for a program with its own accept loop.
/// Port 0 takes a free port, the same at all addresses.
///
/// # Errors
/// There is no address, or the port is taken or not allowed at one of them. An address that this
/// machine does not have is left out, as long as there is another.
pub fn listen(addresses: impl ToSocketAddrs) -> io::Result<Vec<TcpListener>> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut absent = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for mut address in addresses.to_socket_addrs()? {
        // The free port of the first listener is used for the others, too.
        if address.port() == 0
            && let Some(first) = listeners.first()
        {
            address.set_port(first.local_addr()?.port());
        }
        match TcpListener::bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if error.kind() == ErrorKind::AddrInUse => return Err(error),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(error),
            // The machine does not have this address, or no address of this kind.
            Err(error) => absent = error,
        }
    }
    match listeners.is_empty() {
        true => Err(absent),
        false => Ok(listeners),
    }
}

/// Stops a [`Server`] that runs in another thread.
#[derive(Clone, Debug)]
pub struct Handle {
    stopping: Arc<AtomicBool>,
    addresses: Vec<SocketAddr>,
}

impl Handle {
    /// Makes [`Server::run`] stop. Returns at once.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        // The listeners wait in `accept`. A last connection to each wakes them up.
        for address in &self.addresses {
            let mut address = *address;
            if address.ip().is_unspecified() {
                address.set_ip(match address.ip() {
                    IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                    IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
                });
            }
            let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
        }
    }
}

/// What all threads of a running server share.
struct Service<S, W, H> {
    wrap: W,
    config: Arc<Config>,
    log: Box<LogError>,
    handler: H,
    stopping: Arc<AtomicBool>,
    registry: Arc<Registry<S>>,
    /// How many connections are being told now that there are too many.
    refusals: AtomicUsize,
}

/// The accept loop. Nothing that happens on a connection can end it.
fn accept<S, W, H>(listener: &TcpListener, service: &Arc<Service<S, W, H>>)
where
    S: Stream + Clone + Send + 'static,
    W: Fn(Tcp, SocketAddr) -> S + Send + Sync + 'static,
    H: Fn(Request<S>) -> Result<(), Error> + Send + Sync + 'static,
{
    loop {
        let accepted = listener.accept();
        if service.stopping.load(Ordering::Acquire) {
            return;
        }
        match accepted {
            Ok((stream, peer)) => start((service.wrap)(stream.into(), peer), peer, service),
            // Probably too many open files. To try again at once would only use processor time.
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Gives a connection its thread. If no thread can be started, the connection is closed.
fn start<S, W, H>(stream: S, peer: SocketAddr, service: &Arc<Service<S, W, H>>)
where
    S: Stream + Clone + Send + 'static,
    W: Fn(Tcp, SocketAddr) -> S + Send + Sync + 'static,
    H: Fn(Request<S>) -> Result<(), Error> + Send + Sync + 'static,
{
    let thread = thread::Builder::new().stack_size(service.config.stack_size);
    let of_thread = Arc::clone(service);
    match service.registry.enter(&stream, &service.config) {
        Some(entry) => {
            let id = entry.id();
            if let Ok(thread) = thread.spawn(move || of_thread.serve(stream, peer, &entry)) {
                service.registry.note_thread(id, thread);
            }
        }
        // There are too many connections, or the server stops.
        None if service.stopping.load(Ordering::Acquire) => drop(stream),
        None => drop(thread.spawn(move || of_thread.refuse(stream))),
    }
}

impl<S, W, H> Service<S, W, H>
where
    S: Stream + Clone + Send + 'static,
    W: Fn(Tcp, SocketAddr) -> S + Send + Sync + 'static,
    H: Fn(Request<S>) -> Result<(), Error> + Send + Sync + 'static,
{
    /// Everything about one connection.
    fn serve(&self, stream: S, peer: SocketAddr, entry: &Entry<S>) {
        let (config, shared) = (Arc::clone(&self.config), Arc::clone(&entry.shared));
        let request = Request::read_shared(stream, config, shared);
        match request.and_then(&self.handler) {
            Ok(()) | Err(Error::Handshake(HandshakeError::Ended)) => {}
            Err(error) => (self.log)(peer, &error),
        }
    }

    /// Tells a connection that there are too many (RFC 9110 §15.6.4). If too many are being told
    /// that already, it is closed without a word.
    fn refuse(&self, stream: S) {
        const MOST: usize = 50;
        const LIMIT: Duration = Duration::from_secs(1);
        if self.refusals.fetch_add(1, Ordering::Relaxed) < MOST {
            let config = Config {
                handshake_timeout: LIMIT,
                close_timeout: LIMIT,
                ..Config::clone(&self.config)
            };
            if let Ok(request) = Request::read(stream, &config) {
                let mut fields = Fields::default();
                fields.push("Content-Type", "text/plain; charset=utf-8");
                fields.push("Retry-After", "30");
                let _ =
                    request.respond_with(503, fields, "too many connections; try again later\n");
            }
        }
        self.refusals.fetch_sub(1, Ordering::Relaxed);
    }
}
