//! Read first: RFC 6455 §4.1, Client Requirements.
//!
//! Connecting: name to addresses to TCP, then the client's half of the opening handshake. What the
//! handshake says is `handshake.rs`; what comes after it, `connection.rs`.

use crate::backoff::Backoff;
use crate::buffer::Buffer;
use crate::config::{Config, deadline_in};
use crate::connection::WebSocket;
use crate::error::{Error, HandshakeError, UrlError};
use crate::handshake::{self, Url};
use crate::http::{Fields, Head, StatusLine};
use crate::stream::{Stream, Tcp, limit_until, read_head, read_once, timed_out};
use crate::turn::Turn;
use std::io::{self, ErrorKind};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Connects to a `ws:` URL with the defaults of [`Config`] and returns the open connection.
///
/// # Errors
/// [`Error::Url`], [`Error::Connect`] or [`Error::Handshake`], for the three steps in their order.
pub fn connect(url: &str) -> Result<WebSocket, Error> {
    Client::new(url)?.connect()
}

/// A connection to be made, with more to say about it than [`connect`] has.
#[derive(Clone, Debug)]
pub struct Client {
    url: Url,
    config: Arc<Config>,
    subprotocols: Vec<String>,
    fields: Fields,
}

impl Client {
    /// A client for one `ws:` or `wss:` URL. What speaks TLS for the latter is the caller's, see
    /// [`connect_through`](Client::connect_through).
    ///
    /// # Errors
    /// [`Error::Url`] (§4.1: "If any of the components are invalid, the client MUST _Fail the
    /// WebSocket Connection_").
    pub fn new(url: &str) -> Result<Client, Error> {
        Ok(Client {
            url: url.parse()?,
            config: Arc::default(),
            subprotocols: Vec::new(),
            fields: Fields::default(),
        })
    }

    /// Limits other than the defaults.
    #[must_use]
    pub fn config(mut self, config: Config) -> Client {
        self.config = Arc::new(config);
        self
    }

    /// One more field in the request, such as `Origin`, `Cookie` or `Authorization` (§4.1).
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a name that is no token or a value with control characters.
    pub fn field(mut self, name: &str, value: &str) -> Result<Client, Error> {
        if !handshake::is_field(name, value) {
            return Err(Error::Unsendable(format!(
                "the field {name:?} with the value {value:?} (RFC 9110 §5)"
            )));
        }
        self.fields.push(name, value);
        Ok(self)
    }

    /// Subprotocols (§1.9) to offer, the preferred one first. Which one the server chose, if any,
    /// is [`WebSocket::subprotocol`].
    ///
    /// # Errors
    /// [`Error::Unsendable`] for one that is no token, or twice the same (§4.1).
    pub fn subprotocols(mut self, names: &[&str]) -> Result<Client, Error> {
        if !handshake::are_subprotocols(names) {
            return Err(Error::Unsendable(format!(
                "the subprotocols {names:?}; they are different tokens (§4.1)"
            )));
        }
        self.subprotocols = names.iter().map(|&name| name.to_owned()).collect();
        Ok(self)
    }

    /// Connects: resolves the host, tries each of its addresses, and performs the opening
    /// handshake, all within [`Config::handshake_timeout`].
    ///
    /// # Errors
    /// [`Error::Connect`] if no address accepts; else those of [`handshake`](Client::handshake).
    pub fn connect(&self) -> Result<WebSocket, Error> {
        // §4.1: "If /secure/ is true, the client MUST perform a TLS handshake".
        if self.url.secure {
            return Err(UrlError::Tls.into());
        }
        self.connect_through(Ok)
    }

    /// The URL in its parts. Its host is the name for the certificate and for the Server Name
    /// Indication of TLS (§4.1).
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// [`connect`](Client::connect) with something between TCP and WebSocket: TLS, for a `wss:` URL.
    ///
    /// # Errors
    /// Those of [`connect`](Client::connect); [`Error::Io`] from `through`.
    pub fn connect_through<S: Stream>(
        &self,
        through: impl FnOnce(Tcp) -> io::Result<S>,
    ) -> Result<WebSocket<S>, Error> {
        let deadline = deadline_in(self.config.handshake_timeout);
        let failed = |source| Error::Connect {
            to: self.url.authority(),
            source,
        };
        let host = (&self.url.host[..], self.url.port);
        let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
        // Every address the name has is tried, in the order of the system's resolver.
        for address in host.to_socket_addrs().map_err(failed)? {
            // §4.1: "There MUST be no more than one connection in a CONNECTING state."
            let Some(_turn) = Turn::wait(address.ip(), deadline) else {
                return Err(failed(ErrorKind::TimedOut.into()));
            };
            let left = deadline.saturating_duration_since(Instant::now());
            match TcpStream::connect_timeout(&address, left.max(Duration::from_millis(1))) {
                Ok(stream) => return self.handshake_by(through(Tcp::from(stream))?, deadline),
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }

    /// Connects again and again; see [`Backoff::retry`].
    ///
    /// # Errors
    /// The first error that is not [transient](Error::is_transient).
    pub fn reconnect(&self, backoff: &mut Backoff) -> Result<WebSocket, Error> {
        backoff.retry(|| self.connect())
    }

    /// The client's half of the opening handshake over a stream that is connected already, a TLS
    /// stream for example.
    ///
    /// # Errors
    /// [`Error::Handshake`] if the answer is not the opening handshake of a WebSocket server
    /// (§4.1), or takes longer than [`Config::handshake_timeout`]; [`Error::Io`].
    pub fn handshake<S: Stream>(&self, stream: S) -> Result<WebSocket<S>, Error> {
        self.handshake_by(stream, deadline_in(self.config.handshake_timeout))
    }

    fn handshake_by<S: Stream>(
        &self,
        mut stream: S,
        deadline: Instant,
    ) -> Result<WebSocket<S>, Error> {
        // §4.1: "The nonce MUST be selected randomly for each connection."
        let mut entropy = (self.config.entropy)();
        let key = handshake::key_for(entropy.nonce());
        let request = handshake::request(&self.url, &key, &self.subprotocols, &self.fields);
        stream.limit_writes(Some(self.config.handshake_timeout))?;
        // TLS reads to write: its own handshake comes first.
        limit_until(&mut stream, deadline)?;
        let sent = stream.write_all(&request.encode());
        match sent.and_then(|()| stream.flush()) {
            Err(error) if timed_out(&error) => return Err(HandshakeError::TimedOut.into()),
            sent => sent?,
        }

        let mut buffer = Buffer::new();
        let head: Head<StatusLine> = read_head(&mut stream, &mut buffer, &self.config, deadline)?;
        if head.start.status != 101 {
            let body = first_line_of_body(&mut stream, &mut buffer, deadline);
            return Err(HandshakeError::Status {
                status: head.start.status,
                location: head.fields.get("Location").map(str::to_owned),
                reason: head.start.reason,
                body,
            }
            .into());
        }
        let subprotocol = handshake::check_response(&head, &key, &self.subprotocols)?;
        Ok(WebSocket::new(
            stream,
            Some(entropy),
            buffer,
            Arc::clone(&self.config),
            subprotocol.map(str::to_owned),
        )?)
    }
}

impl Backoff {
    /// Waits and tries, each time after the next delay (§7.2.3), until it succeeds or fails for a
    /// reason that will not pass.
    ///
    /// # Errors
    /// The first error that is not [transient](Error::is_transient).
    pub fn retry<T>(&mut self, mut connect: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
        loop {
            thread::sleep(self.next_delay());
            match connect() {
                Err(error) if error.is_transient() => {}
                result => return result,
            }
        }
    }
}

/// What a server that refuses says about it: the first line of the body, as far as it comes
/// within a second, 200 bytes of it at most.
fn first_line_of_body<S: Stream>(stream: &mut S, buffer: &mut Buffer, deadline: Instant) -> String {
    const LONGEST: usize = 200;
    let deadline = deadline.min(deadline_in(Duration::from_secs(1)));
    while buffer.unread().len() < LONGEST
        && !buffer.unread().contains(&b'\n')
        && Instant::now() < deadline
        && limit_until(stream, deadline).is_ok()
    {
        match buffer.fill(|room| read_once(stream, room)) {
            Ok(1..) => {}
            Ok(0) | Err(_) => break,
        }
    }
    let body = buffer.unread();
    let body = &body[..body.len().min(LONGEST)];
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).collect()
}
