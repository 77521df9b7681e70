//! RFC 6455 §4.2, Server-Side Requirements: listening.
//!
//! Each connection gets a thread. In it, a handler gets the request (`request.rs`). Other threads
//! accept (`accept.rs`).

use super::accept::{LONGEST_QUEUE, Newcomer, accept_all};
use super::log::Log;
use super::registry::{Entry, Registry};
use super::request::Request;
use crate::connection::{Config, Error, Stream, Tcp};
use crate::opening::{Fields, HandshakeError};
use std::io::{self, ErrorKind, PipeReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A listening server.
///
/// ```no_run
/// rfc6455::Server::bind("localhost:5050")?.run(|request| match request.path() {
///     "/ws" => request.upgrade()?.send("hello"),
///     _ => request.respond(404, "text/plain", "no such page\n"),
/// })?;
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
        Ok(Server::from(listen(addresses)?))
    }

    /// Other limits than the defaults. If one of them cannot work, [`run`](Self::run) fails with
    /// [`Error::Config`].
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
    ///
    /// If the process has no file descriptor left, newcomers are closed at once. That is logged
    /// here once a minute, with the address of one of them and their number.
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
        let (spare, _) = io::pipe()?;
        self.handle_with(Some(spare))
    }

    fn handle_with(&self, spare: Option<PipeReader>) -> io::Result<Handle> {
        Ok(Handle {
            stopping: Arc::clone(&self.stopping),
            addresses: self.addresses()?,
            spare: Arc::new(Mutex::new(spare)),
        })
    }

    /// Serves until a [`Handle`] stops it. Each connection gets a thread, and in it `handler` gets
    /// the request. A handler that panics ends its own connection with 1011, and no other.
    ///
    /// When this returns, the listeners are closed, every WebSocket has been closed with 1001, and
    /// every thread has ended. So a handler has to return when its connection has ended.
    ///
    /// # Errors
    /// The server cannot serve, and has not begun: [`Error::Config`] for limits that cannot work;
    /// [`Error::Io`] if there is no listener, or no thread for it.
    pub fn run<H>(self, handler: H) -> Result<(), Error>
    where
        H: Fn(Request) -> Result<(), Error> + Send + Sync + 'static,
    {
        self.run_over(|tcp, _| tcp, handler)
    }

    /// [`run`](Self::run) with something between TCP and WebSocket. `wrap` makes a stream from each
    /// TCP stream and the address of its peer, for example one that counts bytes. It is called in
    /// the thread of the connection. So it may wait, within limits that it sets; and if it panics,
    /// only that connection ends.
    ///
    /// # Errors
    /// Those of [`run`](Self::run).
    pub fn run_over<S, W, H>(self, wrap: W, handler: H) -> Result<(), Error>
    where
        S: Stream + Clone + Send + 'static,
        W: Fn(Tcp, SocketAddr) -> S + Send + Sync + 'static,
        H: Fn(Request<S>) -> Result<(), Error> + Send + Sync + 'static,
    {
        self.config.check()?;
        if self.listeners.is_empty() {
            let what = "a server without a listener";
            return Err(io::Error::new(ErrorKind::InvalidInput, what).into());
        }
        let handle = self.handle_with(None)?;
        let service = Arc::new(Service {
            wrap,
            config: Arc::new(self.config),
            log: self.log.unwrap_or_else(log_on_stderr),
            handler,
            stopping: self.stopping,
            registry: Registry::new(),
            reporting: Mutex::default(),
        });
        let (newcomers, waiting) = sync_channel(LONGEST_QUEUE);
        let mut accepting = Vec::new();
        let mut result = Ok(());
        for listener in self.listeners {
            match start_accepting(listener, newcomers.clone(), &service) {
                Ok(thread) => accepting.push(thread),
                Err(error) => {
                    handle.stop();
                    result = Err(error.into());
                    break;
                }
            }
        }
        drop(newcomers);
        // This thread gives each connection its own, until nobody accepts any more.
        for (stream, peer) in waiting {
            start(stream.into(), peer, &service);
        }
        service.registry.stop(service.config.close_timeout);
        accepting.extend(service.reporting().take());
        for thread in accepting {
            // If the log panicked in it, that has been printed already.
            let _ = thread.join();
        }
        // The program may end now, and with it the thread of the log.
        Log::flush_stderr(LAST_LINES);
        result
    }
}

impl From<TcpListener> for Server {
    /// A server for a listener that was made elsewhere: with a longer queue than `std` asks for, or
    /// by the program that started this one (socket activation).
    fn from(listener: TcpListener) -> Server {
        Server::from(vec![listener])
    }
}

impl From<Vec<TcpListener>> for Server {
    /// A server for all of these listeners, such as those of [`listen`].
    fn from(listeners: Vec<TcpListener>) -> Server {
        Server {
            listeners,
            config: Config::default(),
            log: None,
            stopping: Arc::default(),
        }
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
    /// A file descriptor for the connections that `stop` makes. The process may have no other left.
    spare: Arc<Mutex<Option<PipeReader>>>,
}

impl Handle {
    /// Makes [`Server::run`] stop. Returns at once.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        let spare = self
            .spare
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(spare);
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
    /// The thread that writes to the log that there is a lack of descriptors.
    reporting: Mutex<Option<JoinHandle<()>>>,
}

/// Starts the thread that accepts at a listener.
fn start_accepting<S, W, H>(
    listener: TcpListener,
    newcomers: SyncSender<Newcomer>,
    service: &Arc<Service<S, W, H>>,
) -> io::Result<JoinHandle<()>>
where
    S: Stream + Clone + Send + 'static,
    W: Fn(Tcp, SocketAddr) -> S + Send + Sync + 'static,
    H: Fn(Request<S>) -> Result<(), Error> + Send + Sync + 'static,
{
    let service = Arc::clone(service);
    thread::Builder::new().spawn(move || {
        let report = |peer, error| report(peer, error, &service);
        accept_all(&listener, &newcomers, &service.stopping, &report);
    })
}

/// Logs a lack of descriptors, in a thread of its own: a log that waits or panics must not end the
/// accept loop. If the last report has not ended, this one is left out.
fn report<S, W, H>(peer: SocketAddr, error: io::Error, service: &Arc<Service<S, W, H>>)
where
    S: Stream + Clone + Send + 'static,
    W: Fn(Tcp, SocketAddr) -> S + Send + Sync + 'static,
    H: Fn(Request<S>) -> Result<(), Error> + Send + Sync + 'static,
{
    let mut reporting = service.reporting();
    if reporting.as_ref().is_none_or(JoinHandle::is_finished) {
        let of_thread = Arc::clone(service);
        let log = move || (of_thread.log)(peer, &Error::Io(error));
        *reporting = thread::Builder::new().spawn(log).ok();
    }
}

/// Gives a connection its thread. If no thread can be started, the connection is closed.
fn start<S, W, H>(tcp: Tcp, peer: SocketAddr, service: &Arc<Service<S, W, H>>)
where
    S: Stream + Clone + Send + 'static,
    W: Fn(Tcp, SocketAddr) -> S + Send + Sync + 'static,
    H: Fn(Request<S>) -> Result<(), Error> + Send + Sync + 'static,
{
    let Some(entry) = service.registry.enter(&tcp, peer.ip(), &service.config) else {
        // The server stops, or too many are being refused.
        return;
    };
    let id = entry.id();
    let of_thread = Arc::clone(service);
    let thread = thread::Builder::new().stack_size(service.config.stack_size);
    if let Ok(thread) = thread.spawn(move || match entry.refused {
        false => of_thread.serve(tcp, peer, &entry),
        true => of_thread.refuse(tcp, peer, &entry),
    }) {
        service.registry.note_thread(id, thread);
    }
}

impl<S, W, H> Service<S, W, H>
where
    S: Stream + Clone + Send + 'static,
    W: Fn(Tcp, SocketAddr) -> S + Send + Sync + 'static,
    H: Fn(Request<S>) -> Result<(), Error> + Send + Sync + 'static,
{
    /// Everything about one connection.
    fn serve(&self, tcp: Tcp, peer: SocketAddr, entry: &Entry<S>) {
        let stream = (self.wrap)(tcp, peer);
        entry.note_stream(stream.clone());
        let (config, shared) = (Arc::clone(&self.config), Arc::clone(&entry.shared));
        let request = Request::read_shared(stream, config, shared);
        match request.and_then(&self.handler) {
            Ok(()) | Err(Error::Handshake(HandshakeError::Ended)) => {}
            Err(error) => (self.log)(peer, &error),
        }
    }

    /// Tells a connection that there are too many (RFC 9110 §15.6.4).
    fn refuse(&self, tcp: Tcp, peer: SocketAddr, entry: &Entry<S>) {
        const LIMIT: Duration = Duration::from_secs(1);
        let config = Arc::new(Config {
            handshake_timeout: LIMIT,
            close_timeout: LIMIT,
            ..Config::clone(&self.config)
        });
        let stream = (self.wrap)(tcp, peer);
        entry.note_stream(stream.clone());
        let shared = Arc::clone(&entry.shared);
        if let Ok(request) = Request::read_shared(stream, config, shared) {
            let mut fields = Fields::default();
            fields.push("Content-Type", "text/plain; charset=utf-8");
            fields.push("Retry-After", "30");
            let _ = request.respond_with(503, fields, "too many connections; try again later\n");
        }
    }

    fn reporting(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.reporting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
