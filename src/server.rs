//! Read first: RFC 6455 §4.2, Server-Side Requirements.
//!
//! Listening: a thread for each connection, in which a handler gets its request (`request.rs`).

use crate::config::Config;
use crate::error::{Error, HandshakeError};
use crate::http::Fields;
use crate::registry::{Entry, Registry};
use crate::request::Request;
use crate::stream::{Stream, Tcp};
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
    log: Box<Log>,
    stopping: Arc<AtomicBool>,
}

/// Told of what went wrong on a connection, and of the address of its peer.
type Log = dyn Fn(SocketAddr, &Error) + Send + Sync;

impl Server {
    /// Listens at `HOST:PORT`, at every address the host has. `localhost` is both loopback
    /// addresses, or the one that the machine has. Port 0 is a free port, the same at all
    /// addresses.
    ///
    /// # Errors
    /// The name has no address; the port is taken or not allowed at one of them.
    pub fn bind(address: &str) -> io::Result<Server> {
        let mut listeners: Vec<TcpListener> = Vec::new();
        let mut absent = io::Error::new(ErrorKind::NotFound, "the name has no address");
        for mut address in addresses_of(address)? {
            // The free port that the first listener got is meant for the others, too.
            if address.port() == 0
                && let Some(first) = listeners.first()
            {
                address.set_port(first.local_addr()?.port());
            }
            match TcpListener::bind(address) {
                Ok(listener) => listeners.push(listener),
                Err(error) if error.kind() == ErrorKind::AddrInUse => return Err(error),
                Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(error),
                // The machine does not have this address, or its kind.
                Err(error) => absent = error,
            }
        }
        if listeners.is_empty() {
            return Err(absent);
        }
        Ok(Server {
            listeners,
            config: Config::default(),
            log: Box::new(|peer, error| eprintln!("{peer} {error}")),
            stopping: Arc::default(),
        })
    }

    /// Limits other than the defaults.
    #[must_use]
    pub fn config(mut self, config: Config) -> Server {
        self.config = config;
        self
    }

    /// What to do with errors: those of a handler, and those of requests that never reached one.
    /// §7.1.7: "the server [...] SHOULD log the problem". Without this they go to stderr.
    #[must_use]
    pub fn log(mut self, log: impl Fn(SocketAddr, &Error) + Send + Sync + 'static) -> Server {
        self.log = Box::new(log);
        self
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(TcpListener::local_addr).collect()
    }

    /// What stops the server from elsewhere.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn handle(&self) -> io::Result<Handle> {
        Ok(Handle {
            stopping: Arc::clone(&self.stopping),
            addresses: self.addresses()?,
        })
    }

    /// Serves until a [`Handle`] stops it: every connection gets a thread, in which `handler` gets
    /// its request. A handler that panics ends its own connection, with 1011, and no other.
    ///
    /// When it returns, the listener is closed, every WebSocket has been closed with 1001 and every
    /// thread has ended. For that, handlers have to return when their connection has.
    pub fn run<H>(self, handler: H)
    where
        H: Fn(Request) -> Result<(), Error> + Send + Sync + 'static,
    {
        self.run_over(|tcp, _| tcp, handler);
    }

    /// [`run`](Self::run) with something between TCP and WebSocket: `wrap` makes a stream of each
    /// TCP stream and its peer's address, such as a [`Traced`](crate::Traced) one. It must not wait.
    pub fn run_over<S, W, H>(self, wrap: W, handler: H)
    where
        S: Stream + Clone + Send + 'static,
        W: Fn(Tcp, SocketAddr) -> S + Send + Sync + 'static,
        H: Fn(Request<S>) -> Result<(), Error> + Send + Sync + 'static,
    {
        let service = Service {
            wrap,
            config: Arc::new(self.config),
            log: self.log,
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
            // There is nothing in it that could panic.
            let _ = thread.join();
        }
        service.registry.stop(service.config.close_timeout);
    }
}

/// Stops a [`Server`] that runs in another thread.
#[derive(Clone, Debug)]
pub struct Handle {
    stopping: Arc<AtomicBool>,
    addresses: Vec<SocketAddr>,
}

impl Handle {
    /// Makes [`Server::run`] stop, and returns at once.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        // The listeners sit in `accept`; a last connection each wakes them up.
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
    log: Box<Log>,
    handler: H,
    stopping: Arc<AtomicBool>,
    registry: Arc<Registry<S>>,
    /// How many are being told that there are too many.
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
            // Too many open files, most likely: trying again at once would only spin.
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Gives a connection its thread. Without one to have, it is dropped, that is refused.
fn start<S, W, H>(stream: S, peer: SocketAddr, service: &Arc<Service<S, W, H>>)
where
    S: Stream + Clone + Send + 'static,
    W: Fn(Tcp, SocketAddr) -> S + Send + Sync + 'static,
    H: Fn(Request<S>) -> Result<(), Error> + Send + Sync + 'static,
{
    let thread = thread::Builder::new().stack_size(service.config.stack_size);
    let of_thread = Arc::clone(service);
    match service
        .registry
        .enter(&stream, service.config.max_connections)
    {
        Some(entry) => {
            let id = entry.id();
            if let Ok(thread) = thread.spawn(move || of_thread.serve(stream, peer, &entry)) {
                service.registry.note_thread(id, thread);
            }
        }
        // Too many, or one that came while the server was being stopped.
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
        let line = Some(Arc::clone(&entry.line));
        let request = Request::read_with_slot(stream, Arc::clone(&self.config), line);
        match request.and_then(&self.handler) {
            Ok(()) | Err(Error::Handshake(HandshakeError::Ended)) => {}
            Err(error) => (self.log)(peer, &error),
        }
    }

    /// Tells a connection that there are too many (RFC 9110 §15.6.4), if not too many are being
    /// told already.
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

/// `localhost` is looked up nowhere (RFC 6761 §6.3): a machine's list of names often has one of
/// its two addresses only.
fn addresses_of(address: &str) -> io::Result<Vec<SocketAddr>> {
    match address.rsplit_once(':') {
        Some((host, port)) if host.eq_ignore_ascii_case("localhost") => {
            let port = port
                .parse()
                .map_err(|_| io::Error::new(ErrorKind::InvalidInput, "invalid port value"))?;
            Ok(vec![
                (Ipv4Addr::LOCALHOST, port).into(),
                (Ipv6Addr::LOCALHOST, port).into(),
            ])
        }
        _ => Ok(address.to_socket_addrs()?.collect()),
    }
}
