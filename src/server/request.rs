//! RFC 6455 §4.2.1, Reading the Client's Opening Handshake, and §4.2.2, Sending the Server's
//! Opening Handshake: the request that a connection begins with, and its answer.
//!
//! The answer is a WebSocket, a page, or a refusal. What the handshake says is `opening/`.

use super::response::Response;
use crate::connection::{
    Compression, Config, Error, Opened, Shared, Stream, Tcp, Unsendable, WebSocket, close_gently,
    deadline_in, read_head,
};
use crate::framing::Buffer;
use crate::opening::{
    Deflate, Fields, HandshakeError, Head, Opening, RequestLine, VERSION, check_field,
    check_http_request, check_request, check_server_field, expects_continue, name, server_response,
};
use std::sync::Arc;

/// The request that a connection begins with. It is answered once: with [`upgrade`](Self::upgrade)
/// or with [`respond`](Self::respond).
///
/// A [`Server`](crate::Server) gives it to its handler. A plain listener loop reads it:
///
/// ```no_run
/// use rfc6455::{Config, Request, Tcp};
///
/// let config = Config::default();
/// let listener = std::net::TcpListener::bind("127.0.0.1:5050")?;
/// for stream in listener.incoming() {
///     let request = Request::read(Tcp::from(stream?), &config)?;
///     request.upgrade()?.send("hello")?;
/// }
/// # Ok::<(), rfc6455::Error>(())
/// ```
#[derive(Debug)]
pub struct Request<S: Stream = Tcp> {
    stream: S,
    buffer: Buffer,
    head: Head<RequestLine>,
    config: Arc<Config>,
    /// The subprotocols that this path speaks.
    spoken: Vec<String>,
    /// Fields that the application adds to the 101.
    more: Fields,
    /// The first field that cannot be sent. `upgrade` returns it.
    wrong: Option<Unsendable>,
    /// The state of the connection, which is CONNECTING now.
    shared: Arc<Shared>,
}

impl<S: Stream> Request<S> {
    /// Reads a request from a stream that was accepted elsewhere, such as a TLS stream. A request
    /// that is not HTTP is answered here, with the status that it earns. So is one without exactly
    /// one Host, with a body whose end cannot be found (400), or with a host that
    /// [`Config::hosts`] does not accept (421).
    ///
    /// A body is not read. [`respond`](Self::respond) answers at once, also a client that waits for
    /// 100 (Continue); [`upgrade`](Self::upgrade) refuses a request with a body.
    ///
    /// # Errors
    /// [`Error::Handshake`] for a request that is not HTTP, too big, or later than
    /// [`Config::handshake_timeout`]; [`Error::Config`]; [`Error::Io`].
    pub fn read(stream: S, config: &Config) -> Result<Request<S>, Error> {
        config.check()?;
        let shared = Arc::<Shared>::default();
        Request::read_shared(stream, Arc::new(config.clone()), shared)
    }

    /// [`read`](Self::read) for a connection whose state somebody else knows already.
    pub(super) fn read_shared(
        mut stream: S,
        config: Arc<Config>,
        shared: Arc<Shared>,
    ) -> Result<Request<S>, Error> {
        let deadline = deadline_in(config.handshake_timeout);
        let mut buffer = Buffer::new();
        stream.limit_writes(Some(config.write_timeout))?;
        let head: Head<RequestLine> = match read_head(&mut stream, &mut buffer, &config, deadline) {
            Ok(head) => head,
            // A browser opens connections in reserve. A connection that was never used is not
            // late, and its client does not wait for an answer.
            Err(Error::Handshake(_)) if buffer.received().is_empty() => {
                return Err(HandshakeError::Ended.into());
            }
            Err(error) => {
                if let Error::Handshake(why) = &error
                    && *why != HandshakeError::Ended
                {
                    let _ = refuse(&mut stream, &config, why, false);
                }
                return Err(error);
            }
        };
        if let Err(why) = check_http_request(&head).and_then(|()| check_host(&head, &config)) {
            let _ = refuse(&mut stream, &config, &why, is_head(&head));
            return Err(why.into());
        }
        Ok(Request {
            stream,
            buffer,
            head,
            config,
            spoken: Vec::new(),
            more: Fields::default(),
            wrong: None,
            shared,
        })
    }

    /// The method, such as `GET`.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.head.start.method
    }

    /// The path without the query. (§4.2.1: the request target may also be an absolute URL.)
    #[must_use]
    pub fn path(&self) -> &str {
        self.resource().split('?').next().unwrap_or_default()
    }

    /// The query without its `?`. It is empty if there is none.
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

    /// The stream below.
    #[must_use]
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// The stream below, to change it before the WebSocket begins.
    pub fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// All bytes received so far: the head, and frames that arrived right behind it.
    #[must_use]
    pub fn received(&self) -> &[u8] {
        self.buffer.received()
    }

    /// The subprotocols (§1.9) that this path speaks. [`upgrade`](Self::upgrade) chooses the first
    /// one of the client's list that is also in this list, or none.
    #[must_use]
    pub fn subprotocols(mut self, spoken: &[&str]) -> Request<S> {
        self.spoken = spoken.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// Whether messages may be compressed on this connection, if the client offers it (RFC 7692). It
    /// takes the place of [`Config::compression`].
    ///
    /// [`upgrade`](Self::upgrade) fails with [`Error::Config`] if the level is not from 1 to 9.
    #[must_use]
    pub fn compression(mut self, compression: Option<Compression>) -> Request<S> {
        Arc::make_mut(&mut self.config).compression = compression;
        self
    }

    /// One more field in the answer to an opening handshake, such as `Set-Cookie`. `upgrade` fails
    /// with [`Error::Unsendable`] if its name is not a token, if its value is not printable ASCII,
    /// or if the answer has this field already, such as `Upgrade`.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Request<S> {
        let valid = check_field(name, value).map_err(Unsendable::Field);
        match valid.and_then(|()| check_server_field(name, value).map_err(Unsendable::Refused)) {
            Ok(()) => self.more.push(name, value),
            Err(wrong) => _ = self.wrong.get_or_insert(wrong),
        }
        self
    }

    /// Accepts the opening handshake (§4.2.2): sends the 101 and returns the open connection.
    ///
    /// # Errors
    /// [`Error::Handshake`] if the request is not a correct opening handshake (§4.2.1), has a body,
    /// or comes from a page that [`Config::origins`] does not accept (§10.2). It has been answered then,
    /// with the right status and a text that says what is missing and the clause.
    /// [`Error::Unsendable`] for a field that cannot be sent, [`Error::Config`] for a compression that
    /// cannot work; the client got 500.
    pub fn upgrade(mut self) -> Result<WebSocket<S>, Error> {
        if let Some(wrong) = self.wrong.take() {
            self.respond(500, TEXT, CANNOT_SEND)?;
            return Err(wrong.into());
        }
        if let Err(invalid) = self.config.check() {
            self.respond(500, TEXT, CANNOT_SEND)?;
            return Err(invalid.into());
        }
        let (subprotocol, deflate) = self.accept()?;
        let opened = Opened {
            keys: None,
            buffer: self.buffer,
            subprotocol,
            deflate,
            shared: self.shared,
        };
        Ok(WebSocket::new(self.stream, opened, self.config)?)
    }

    /// Checks the opening handshake, and sends ours or a refusal. Returns the subprotocol, and what
    /// was agreed on compression.
    fn accept(&mut self) -> Result<(Option<String>, Option<Deflate>), Error> {
        let opening = match self.check() {
            Ok(opening) => opening,
            Err(why) => {
                let without_body = is_head(&self.head);
                refuse(&mut self.stream, &self.config, &why, without_body)?;
                return Err(why.into());
            }
        };
        // §4.2.2: "selecting one of the values from the |Sec-WebSocket-Protocol| field". If both
        // sides speak none of them, the field is absent.
        let mut offered = opening.subprotocols.iter();
        let chosen = offered.find(|&&name| self.spoken.iter().any(|spoken| spoken == name));
        let subprotocol = chosen.map(|&name| name.to_owned());
        let accepted = self.config.compression.and_then(|wanted| {
            Deflate::accept(&opening.extensions, wanted.sending, wanted.receiving)
        });
        let (deflate, extension) = accepted.unzip();
        let response = server_response(
            opening.key,
            subprotocol.as_deref(),
            extension.as_ref(),
            &self.more,
        );
        // RFC 9110 §7.8: with Upgrade and 100-continue, "the server MUST send a 100 (Continue)
        // response before sending a 101".
        let mut answer = match expects_continue(&self.head) {
            true => b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(),
            false => Vec::new(),
        };
        answer.extend(response.encode());
        self.stream.write_all(&answer)?;
        self.stream.flush()?;
        Ok((subprotocol, deflate))
    }

    fn check(&self) -> Result<Opening<'_>, HandshakeError> {
        let opening = check_request(&self.head)?;
        if !self.config.origins.allow(opening.origin, opening.host) {
            let origin = opening.origin.unwrap_or_default().to_owned();
            return Err(HandshakeError::Origin(origin));
        }
        Ok(opening)
    }

    /// Answers with a page and closes the connection.
    ///
    /// # Errors
    /// Those of [`respond_with`](Self::respond_with).
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

    /// Answers with these fields and a body, and closes the connection. `Content-Length` and
    /// `Connection: close` are added. With the statuses that have no body (204, 205, 304) the body
    /// is left out.
    ///
    /// # Errors
    /// - [`Error::Unsendable`]: the status is not from 200 to 599; or a field is not HTTP, or is one
    ///   of those that are added. The client got 500.
    /// - [`Error::Io`]: the peer is gone, or it is slower than [`Config::min_response_rate`].
    pub fn respond_with(
        mut self,
        status: u16,
        fields: Fields,
        body: impl AsRef<[u8]>,
    ) -> Result<(), Error> {
        let response = Response {
            status,
            fields,
            body: body.as_ref(),
            without_body: is_head(&self.head),
        };
        if let Err(wrong) = response.check() {
            self.respond(500, TEXT, CANNOT_SEND)?;
            return Err(wrong.into());
        }
        response.send(&mut self.stream, &self.config)?;
        close_gently(&mut self.stream, self.config.close_timeout);
        Ok(())
    }

    /// Answers a method that the path does not allow: 405, with the methods that it allows.
    ///
    /// # Errors
    /// Those of [`respond_with`](Self::respond_with).
    pub fn refuse_method(self, allowed: &str) -> Result<(), Error> {
        let mut fields = Fields::default();
        fields.push("Content-Type", TEXT);
        fields.push("Allow", allowed);
        let body = format!(
            "this path does not allow {}; it allows {allowed}\n",
            self.method()
        );
        self.respond_with(405, fields, body)
    }
}

const TEXT: &str = "text/plain; charset=utf-8";
const CANNOT_SEND: &str = "the server cannot send its answer\n";

/// Whether the answer has no body (RFC 9110 §9.3.2).
fn is_head(head: &Head<RequestLine>) -> bool {
    head.start.method == "HEAD"
}

fn check_host(head: &Head<RequestLine>, config: &Config) -> Result<(), HandshakeError> {
    let host = head.fields.get(name::HOST).unwrap_or_default();
    match config.hosts.allow(host) {
        true => Ok(()),
        false => Err(HandshakeError::Host(host.to_owned())),
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
    fields.push("Content-Type", TEXT);
    match why.status() {
        405 => fields.push("Allow", "GET"),
        // §4.4: "a |Sec-WebSocket-Version| header field [...] containing all versions it is
        // willing to use"; RFC 9110 §15.5.22 asks for the other one.
        426 => {
            fields.push(name::VERSION, VERSION);
            fields.push(name::UPGRADE, "websocket");
            fields.push(name::CONNECTION, "Upgrade");
        }
        _ => {}
    }
    let body = format!("{why}\n");
    let response = Response {
        status: why.status(),
        fields,
        body: body.as_bytes(),
        without_body,
    };
    response.send(stream, config)?;
    close_gently(stream, config.close_timeout);
    Ok(())
}
