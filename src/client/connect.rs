//! RFC 6455 §4.1, Client Requirements: connecting.
//!
//! From a name to addresses (`resolve.rs`) to TCP (`race.rs`), then the client's half of the opening
//! handshake. What the handshake says is `opening/`. What comes after it is `connection/`.

use super::attempt::Attempt;
use super::backoff::Backoff;
use super::race::{Connected, Race};
use super::resolve::Resolver;
use crate::connection::{
    Config, Error, Opened, Shared, Stream, Tcp, Unsendable, WebSocket, deadline_in, is_timeout,
    limit_until, read_head, read_once,
};
use crate::framing::Buffer;
use crate::opening::{
    BodyLength, BodyReader, Deflate, Extension, Fields, HandshakeError, Head, StatusLine, Url,
    UrlError, check_client_field, check_field, check_response, check_subprotocols, client_request,
    key_for, line_of_body, name, retry_after,
};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Connects to a `ws:` URL with the defaults of [`Config`], and returns the open connection.
///
/// # Errors
/// [`Error::Url`], [`Error::Connect`] or [`Error::Handshake`], for the three steps in order.
pub fn connect(url: &str) -> Result<WebSocket, Error> {
    Client::new(url)?.connect()
}

/// A connection to be made. [`connect`] is the short way, this is the one with options.
#[derive(Clone, Debug)]
pub struct Client {
    url: Url,
    config: Arc<Config>,
    subprotocols: Vec<String>,
    fields: Fields,
    resolver: Resolver,
    /// The first thing that cannot be sent. `connect` returns it.
    wrong: Option<Unsendable>,
}

impl Client {
    /// A client for one `ws:` or `wss:` URL. For `wss:` the caller brings TLS, see
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
            resolver: Resolver::default(),
            wrong: None,
        })
    }

    /// Other limits than the defaults. If one of them cannot work, `connect` fails with
    /// [`Error::Config`].
    #[must_use]
    pub fn config(mut self, config: Config) -> Client {
        self.config = Arc::new(config);
        self
    }

    /// One more field in the request, such as `Origin`, `Cookie` or `Authorization` (§4.1). `Host`
    /// takes the place of the one from the URL.
    ///
    /// `connect` fails with [`Error::Unsendable`] if the name is not a token, if the value is not
    /// printable ASCII, for a field that the opening handshake sets itself (`Connection`, `Upgrade`,
    /// `Sec-WebSocket-*`), and for one that promises a body.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Client {
        let checked = check_field(name, value).map_err(Unsendable::Field);
        let checked =
            checked.and_then(|()| check_client_field(name, value).map_err(Unsendable::Refused));
        match checked {
            Ok(()) => self.fields.push(name, value),
            Err(wrong) => self.note_wrong(wrong),
        }
        self
    }

    /// Subprotocols (§1.9) to offer, the preferred one first. [`WebSocket::subprotocol`] says which
    /// one the server chose. If they are not different tokens (§4.1), `connect` fails with
    /// [`Error::Unsendable`].
    #[must_use]
    pub fn subprotocols(mut self, names: &[&str]) -> Client {
        match check_subprotocols(names) {
            Ok(()) => self.subprotocols = names.iter().map(|&name| name.to_owned()).collect(),
            Err(invalid) => self.note_wrong(Unsendable::Subprotocols(invalid)),
        }
        self
    }

    /// Looks the name of the host up with this function, not with the system. It gets the host and
    /// the port, and returns the addresses in the order in which to try them. A host that is an IP
    /// address is not looked up.
    ///
    /// The function may take its time: it has a thread of its own, which may outlive the call.
    ///
    /// ```
    /// // A server that has not got its name yet.
    /// let client = rfc6455::Client::new("ws://new.example.com/")?
    ///     .resolver(|_, port| Ok(vec![([192, 0, 2, 1], port).into()]));
    /// # Ok::<(), rfc6455::Error>(())
    /// ```
    #[must_use]
    pub fn resolver(
        mut self,
        lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Client {
        self.resolver = Resolver::new(lookup);
        self
    }

    fn note_wrong(&mut self, wrong: Unsendable) {
        self.wrong.get_or_insert(wrong);
    }

    /// The first thing that was asked for and cannot be sent, or cannot work.
    fn check(&self) -> Result<(), Error> {
        self.config.check()?;
        match &self.wrong {
            None => Ok(()),
            Some(wrong) => Err(wrong.clone().into()),
        }
    }

    /// Connects: looks the host up, connects to one of its addresses, and does the opening
    /// handshake, all within [`Config::handshake_timeout`].
    ///
    /// The addresses race (RFC 8305): the next one starts after 250 ms, or at once when those before
    /// it have failed. The first TCP connection gets the opening handshake. If the server does not
    /// answer in half of the time that is left, ends TCP or answers with a status that
    /// [passes](Error::is_transient), such as 503, the next address has its turn. But 429 (Too Many
    /// Requests) is for all addresses. No IP address has more than one attempt of this process at a time (§4.1).
    ///
    /// # Errors
    /// [`Error::Config`]; [`Error::Connect`] if the name is not found, if no address accepts, or if
    /// the time went into waiting for another attempt to the same IP address; else those of
    /// [`handshake`](Client::handshake).
    pub fn connect(&self) -> Result<WebSocket, Error> {
        // §4.1: "If /secure/ is true, the client MUST perform a TLS handshake".
        if self.url.secure {
            return Err(UrlError::Tls.into());
        }
        let deadline = deadline_in(self.config.handshake_timeout);
        let mut race = self.race(deadline)?;
        let mut failed = None;
        loop {
            let Connected { stream, attempt } = match race.next() {
                Ok(connected) => connected,
                Err(error) => return Err(failed.unwrap_or_else(|| self.not_connected(error))),
            };
            let until = match race.has_others() {
                true => halfway(deadline),
                false => deadline,
            };
            let result = self.handshake_until(Tcp::from(stream), until);
            match result.map_err(|error| self.or_late(error, &attempt)) {
                // Another address may be better.
                Err(error) if may_depend_on_address(&error) && race.has_others() => {
                    failed = Some(error);
                }
                result => return result,
            }
        }
    }

    /// The addresses of the host, ready to race.
    fn race(&self, deadline: Instant) -> Result<Race, Error> {
        self.check()?;
        let addresses = self
            .resolver
            .resolve(&self.url.host, self.url.port, deadline)
            .map_err(|error| self.not_connected(error))?;
        Ok(Race::new(addresses, deadline))
    }

    fn not_connected(&self, source: io::Error) -> Error {
        Error::Connect {
            to: self.url.authority(),
            source,
        }
    }

    /// The error of a handshake. If most of its time went into the wait before it, the error says
    /// that.
    fn or_late(&self, error: Error, attempt: &Attempt) -> Error {
        match (&error, attempt.was_late()) {
            (Error::Handshake(HandshakeError::TimedOut), Some(late)) => self.not_connected(late),
            _ => error,
        }
    }

    /// The URL in its parts. TLS needs its host, for the certificate and for the Server Name
    /// Indication (§4.1).
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// [`connect`](Client::connect) with something between TCP and WebSocket: TLS, for a `wss:`
    /// URL. `through` can be called once, so the first TCP connection of the race is the only one
    /// that is used. It has all the time that is left.
    ///
    /// # Errors
    /// Those of [`connect`](Client::connect); [`Error::Io`] from `through`.
    pub fn connect_through<S: Stream>(
        &self,
        through: impl FnOnce(Tcp) -> io::Result<S>,
    ) -> Result<WebSocket<S>, Error> {
        let deadline = deadline_in(self.config.handshake_timeout);
        let connected = self.race(deadline)?.next();
        let Connected { stream, attempt } = connected.map_err(|error| self.not_connected(error))?;
        self.handshake_until(through(Tcp::from(stream))?, deadline)
            .map_err(|error| self.or_late(error, &attempt))
    }

    /// Connects again and again; see [`Backoff::retry`].
    ///
    /// # Errors
    /// The first error that is not [transient](Error::is_transient).
    pub fn reconnect(&self, backoff: &mut Backoff) -> Result<WebSocket, Error> {
        backoff.retry(|| self.connect())
    }

    /// The client's half of the opening handshake over a stream that is connected already, such as
    /// a TLS stream.
    ///
    /// # Errors
    /// [`Error::Handshake`] if the answer is not the opening handshake of a WebSocket server
    /// (§4.1), or takes longer than [`Config::handshake_timeout`]; [`Error::Unsendable`];
    /// [`Error::Io`].
    pub fn handshake<S: Stream>(&self, stream: S) -> Result<WebSocket<S>, Error> {
        self.check()?;
        self.handshake_until(stream, deadline_in(self.config.handshake_timeout))
    }

    fn handshake_until<S: Stream>(
        &self,
        mut stream: S,
        deadline: Instant,
    ) -> Result<WebSocket<S>, Error> {
        let shared = Arc::<Shared>::default();
        // §4.1: "The nonce MUST be selected randomly for each connection."
        let mut entropy = (self.config.entropy)();
        let key = key_for(entropy.nonce());
        let extensions = self.extensions();
        let request = client_request(
            &self.url,
            &key,
            &self.subprotocols,
            &extensions,
            &self.fields,
        );
        stream.limit_writes(Some(self.config.handshake_timeout))?;
        // TLS reads while it writes: its own handshake comes first.
        limit_until(&mut stream, deadline)?;
        let sent = stream.write_all(&request.encode());
        match sent.and_then(|()| stream.flush()) {
            Err(error) if is_timeout(&error) => return Err(HandshakeError::TimedOut.into()),
            sent => sent?,
        }

        let mut buffer = Buffer::new();
        let head = read_final_head(&mut stream, &mut buffer, &self.config, deadline)?;
        if !head.start.opens_websocket() {
            let body = refusal_line(&head, &mut stream, &mut buffer, deadline);
            return Err(self.refused(head, body).into());
        }
        let chosen = check_response(&head, &key, &self.subprotocols, &extensions)?;
        let opened = Opened {
            keys: Some(entropy),
            buffer,
            subprotocol: chosen.subprotocol.map(str::to_owned),
            deflate: chosen.deflate,
            shared,
        };
        Ok(WebSocket::new(stream, opened, Arc::clone(&self.config))?)
    }

    /// What this client offers (§9.1).
    fn extensions(&self) -> Vec<Extension> {
        let wanted = self.config.compression.iter();
        wanted
            .map(|wanted| Deflate::offer(wanted.sending, wanted.receiving))
            .collect()
    }

    /// §4.1: "If the status code received from the server is not 101, the client handles the
    /// response per HTTP". This client follows no redirect; its error says how.
    fn refused(&self, head: Head<StatusLine>, body: String) -> HandshakeError {
        let location = head.fields.get(name::LOCATION).map(str::to_owned);
        let redirect = location
            .as_deref()
            .filter(|_| (300..400).contains(&head.start.status));
        let follow = redirect.and_then(|location| self.url.follow(location));
        HandshakeError::Status {
            status: head.start.status,
            retry_after: retry_after(&head.fields),
            follow: follow.map(Box::new),
            location,
            reason: head.start.reason,
            body,
        }
    }
}

/// Whether another address of the host may do better. 429 speaks for all of them.
fn may_depend_on_address(error: &Error) -> bool {
    let is_429 = matches!(
        error,
        Error::Handshake(HandshakeError::Status { status: 429, .. })
    );
    error.is_transient() && !is_429
}

/// Reads the head of the final response. RFC 9110 §15.2: a client "MUST be able to parse one or
/// more 1xx responses received prior to a final response".
fn read_final_head<S: Stream>(
    stream: &mut S,
    buffer: &mut Buffer,
    config: &Config,
    deadline: Instant,
) -> Result<Head<StatusLine>, Error> {
    const MAX_INTERIM: usize = 16;
    for _ in 0..=MAX_INTERIM {
        let head: Head<StatusLine> = read_head(stream, buffer, config, deadline)?;
        if !head.start.is_interim() {
            return Ok(head);
        }
    }
    Err(HandshakeError::TooManyInterim(MAX_INTERIM).into())
}

/// The middle of the time that is left.
fn halfway(deadline: Instant) -> Instant {
    let now = Instant::now();
    now + deadline.saturating_duration_since(now) / 2
}

/// What a server that refuses says about it: the first line of the body's text. It reads until that
/// line or the body is complete, for a second at most, 4 096 bytes at most.
fn refusal_line<S: Stream>(
    head: &Head<StatusLine>,
    stream: &mut S,
    buffer: &mut Buffer,
    deadline: Instant,
) -> String {
    const LONGEST: usize = 1 << 12;
    let deadline = deadline.min(deadline_in(Duration::from_secs(1)));
    // A body of which HTTP does not know the end may still say something.
    let length = BodyLength::of_response(head, "GET").unwrap_or(BodyLength::UntilClose);
    let mut reader = BodyReader::new(length);
    let mut body = Vec::new();
    loop {
        while let Ok(part) = reader.read(buffer.unread())
            && part.size > 0
        {
            body.extend_from_slice(&buffer.unread()[part.content]);
            buffer.consume(part.size);
        }
        let is_enough = body.len() >= LONGEST || line_of_body(head, &body, true).is_some();
        // What is left over is not a chunk.
        let is_over = reader.is_complete() || !buffer.unread().is_empty();
        if is_enough || is_over || Instant::now() >= deadline {
            break;
        }
        match limit_until(stream, deadline).and_then(|_| read_once(stream, buffer.room())) {
            Ok(0) | Err(_) => break,
            Ok(count) => buffer.filled(count),
        }
    }
    body.truncate(LONGEST);
    line_of_body(head, &body, false).unwrap_or_default()
}
