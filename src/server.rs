//! Read first: RFC 6455 §4.2, Server-Side Requirements.
//!
//! Listening: a thread for each connection, the request it begins with, and the answer, which is a
//! WebSocket or a page or a refusal. What the handshake says is `handshake.rs`; what comes after
//! it, `connection.rs`.

use crate::buffer::Buffer;
use crate::config::Config;
use crate::connection::WebSocket;
use crate::error::{Error, HandshakeError};
use crate::handshake::{self, Opening};
use crate::http::{Fields, Head, RequestLine, StatusLine};
use crate::registry::{Entry, LineSlot, Registry};
use crate::stream::{Stream, Tcp, close_gently, read_head};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

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

/// The request that a connection begins with. It is answered once: with [`upgrade`](Self::upgrade)
/// or with [`respond`](Self::respond).
#[derive(Debug)]
pub struct Request<S: Stream = Tcp> {
    stream: S,
    buffer: Buffer,
    head: Head<RequestLine>,
    /// Its bytes are the first in the buffer, which is not filled again before the upgrade.
    head_size: usize,
    config: Arc<Config>,
    /// The subprotocols that this path speaks.
    spoken: Vec<String>,
    /// Fields of the application's own, for the 101.
    more: Fields,
    /// Where the server that accepted the connection finds it.
    line: Option<LineSlot>,
}

impl<S: Stream> Request<S> {
    /// Reads a request from a stream that was accepted elsewhere, a TLS stream for example. One
    /// that is no HTTP is answered here, with the status that it earns.
    ///
    /// # Errors
    /// [`Error::Handshake`] for what is not HTTP, too big, or later than
    /// [`Config::handshake_timeout`]; [`Error::Io`].
    pub fn read(stream: S, config: &Config) -> Result<Request<S>, Error> {
        Request::read_with_slot(stream, Arc::new(config.clone()), None)
    }

    fn read_with_slot(
        mut stream: S,
        config: Arc<Config>,
        line: Option<LineSlot>,
    ) -> Result<Request<S>, Error> {
        let deadline = Instant::now() + config.handshake_timeout;
        let mut buffer = Buffer::new();
        stream.limit_writes(Some(config.write_timeout))?;
        match read_head(&mut stream, &mut buffer, &config, deadline) {
            Ok((head, head_size)) => Ok(Request {
                stream,
                buffer,
                head,
                head_size,
                config,
                spoken: Vec::new(),
                more: Fields::default(),
                line,
            }),
            Err(error) => {
                if let Error::Handshake(why) = &error
                    && *why != HandshakeError::Ended
                    // A browser opens connections in reserve; one that was never used is no error.
                    && !buffer.unread().is_empty()
                {
                    let _ = refuse(&mut stream, &config, why, false);
                }
                Err(error)
            }
        }
    }

    /// The method, such as `GET`.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.head.start.method
    }

    /// The path without the query. (§4.2.1: the request target may be an absolute URL, too.)
    #[must_use]
    pub fn path(&self) -> &str {
        self.resource().split('?').next().unwrap_or_default()
    }

    /// The query without its `?`; empty if there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.resource()
            .split_once('?')
            .map_or("", |(_, query)| query)
    }

    fn resource(&self) -> &str {
        let target = &self.head.start.target[..];
        match target.split_once("://") {
            Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
                rest.find(['/', '?']).map_or("/", |at| &rest[at..])
            }
            _ => target,
        }
    }

    /// The fields of the request.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.head.fields
    }

    /// The stream beneath.
    #[must_use]
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// The same, to change it before the WebSocket begins.
    pub fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The bytes of the request's head, as they came.
    #[must_use]
    pub fn raw_head(&self) -> &[u8] {
        self.buffer.consumed(0..self.head_size)
    }

    /// The subprotocols (§1.9) that this path speaks. [`upgrade`](Self::upgrade) chooses the first
    /// of the client's list that is among them, or none.
    #[must_use]
    pub fn subprotocols(mut self, spoken: &[&str]) -> Request<S> {
        self.spoken = spoken.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// One more field in the answer to an opening handshake, such as `Set-Cookie`.
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a name that is no token or a value with control characters.
    pub fn field(mut self, name: &str, value: &str) -> Result<Request<S>, Error> {
        if !handshake::is_field(name, value) {
            return Err(Error::Unsendable(format!(
                "the field {name:?} with the value {value:?} (RFC 9110 §5)"
            )));
        }
        self.more.push(name, value);
        Ok(self)
    }

    /// Accepts the opening handshake (§4.2.2): sends the 101 and returns the open connection.
    ///
    /// # Errors
    /// [`Error::Handshake`] if the request is no proper opening handshake (§4.2.1), or comes from
    /// a page that [`Config::origins`] does not accept (§10.2): it has been answered, with the
    /// status that fits and a text that says what is missing and the clause.
    pub fn upgrade(mut self) -> Result<WebSocket<S>, Error> {
        let subprotocol = self.accept()?;
        let Request {
            stream,
            buffer,
            config,
            line,
            ..
        } = self;
        let socket = WebSocket::new(stream, None, buffer, config, subprotocol)?;
        if let Some(slot) = line {
            let _ = slot.set(socket.line());
        }
        Ok(socket)
    }

    /// Checks the opening handshake, and sends ours or the refusal. Returns the subprotocol.
    fn accept(&mut self) -> Result<Option<String>, Error> {
        let opening = match self.check() {
            Ok(opening) => opening,
            Err(why) => {
                let without_body = self.method() == "HEAD";
                refuse(&mut self.stream, &self.config, &why, without_body)?;
                return Err(why.into());
            }
        };
        // §4.2.2: "selecting one of the values from the |Sec-WebSocket-Protocol| field"; without
        // one that both speak, the field is absent.
        let mut offered = opening.subprotocols.iter();
        let chosen = offered.find(|&&name| self.spoken.iter().any(|spoken| spoken == name));
        let subprotocol = chosen.map(|&name| name.to_owned());
        let response = handshake::response(opening.key, subprotocol.as_deref(), &self.more);
        self.stream.write_all(&response.encode())?;
        self.stream.flush()?;
        Ok(subprotocol)
    }

    fn check(&self) -> Result<Opening<'_>, HandshakeError> {
        let opening = handshake::check_request(&self.head)?;
        let origin = self.head.fields.get("Origin");
        let host = self.head.fields.get("Host").unwrap_or_default();
        if !self.config.origins.allow(origin, host) {
            let origin = origin.unwrap_or_default().to_owned();
            return Err(HandshakeError::Origin(origin));
        }
        Ok(opening)
    }

    /// Answers with a page and closes the connection.
    ///
    /// # Errors
    /// [`Error::Io`]: the peer is gone.
    pub fn respond(
        self,
        status: u16,
        content_type: &str,
        body: impl AsRef<[u8]>,
    ) -> Result<(), Error> {
        let mut fields = Fields::default();
        fields.push("Content-Type", content_type);
        self.respond_with(status, fields, body)
    }

    /// Answers with fields of your own and closes the connection. `Content-Length` and
    /// `Connection: close` are added.
    ///
    /// # Errors
    /// [`Error::Io`]: the peer is gone.
    pub fn respond_with(
        mut self,
        status: u16,
        fields: Fields,
        body: impl AsRef<[u8]>,
    ) -> Result<(), Error> {
        let without_body = self.method() == "HEAD";
        let body = body.as_ref();
        respond(&mut self.stream, status, fields, body, without_body)?;
        close_gently(&mut self.stream, self.config.close_timeout);
        Ok(())
    }

    /// Answers a method that the path does not take: 405, with the methods that it takes.
    ///
    /// # Errors
    /// [`Error::Io`]: the peer is gone.
    pub fn refuse_method(self, allowed: &str) -> Result<(), Error> {
        let mut fields = Fields::default();
        fields.push("Content-Type", "text/plain; charset=utf-8");
        fields.push("Allow", allowed);
        let body = format!("{} is not for this path, {allowed} is\n", self.method());
        self.respond_with(405, fields, body)
    }
}

/// §4.2.1: "return an HTTP response with an appropriate error code".
fn refuse<S: Stream>(
    stream: &mut S,
    config: &Config,
    why: &HandshakeError,
    without_body: bool,
) -> Result<(), Error> {
    let mut fields = Fields::default();
    fields.push("Content-Type", "text/plain; charset=utf-8");
    match why.status() {
        405 => fields.push("Allow", "GET"),
        // §4.4: "a |Sec-WebSocket-Version| header field [...] containing all versions it is
        // willing to use"; RFC 9110 §15.5.22 asks for the other one.
        426 => {
            fields.push("Sec-WebSocket-Version", handshake::VERSION);
            fields.push("Upgrade", "websocket");
            fields.push("Connection", "Upgrade");
        }
        _ => {}
    }
    let body = format!("{why}\n");
    respond(stream, why.status(), fields, body.as_bytes(), without_body)?;
    close_gently(stream, config.close_timeout);
    Ok(())
}

fn respond<S: Stream>(
    stream: &mut S,
    status: u16,
    mut fields: Fields,
    body: &[u8],
    without_body: bool,
) -> io::Result<()> {
    fields.push("Content-Length", &body.len().to_string());
    fields.push("Connection", "close");
    let start = StatusLine {
        version: (1, 1),
        status,
        reason: reason_phrase(status).to_owned(),
    };
    let mut out = Head { start, fields }.encode();
    if !without_body {
        out.extend(body);
    }
    stream.write_all(&out)?;
    stream.flush()
}

/// RFC 9110 §15: words for people; a status has its meaning without them.
fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
