//! Read first: RFC 6455 §4.2.1, Reading the Client's Opening Handshake, and §4.2.2, Sending the
//! Server's.
//!
//! The request that a connection begins with, and its answer, which is a WebSocket or a page or a
//! refusal. What the handshake says is `handshake.rs`; listening is `server.rs`.

use crate::buffer::Buffer;
use crate::config::{Config, deadline_in};
use crate::connection::WebSocket;
use crate::error::{Error, HandshakeError};
use crate::handshake::{self, Opening};
use crate::http::{Fields, Head, RequestLine, StatusLine};
use crate::registry::LineSlot;
use crate::stream::{Stream, Tcp, close_gently, read_head};
use std::io;
use std::sync::Arc;

/// The request that a connection begins with. It is answered once: with [`upgrade`](Self::upgrade)
/// or with [`respond`](Self::respond).
#[derive(Debug)]
pub struct Request<S: Stream = Tcp> {
    stream: S,
    buffer: Buffer,
    head: Head<RequestLine>,
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

    pub(crate) fn read_with_slot(
        mut stream: S,
        config: Arc<Config>,
        line: Option<LineSlot>,
    ) -> Result<Request<S>, Error> {
        let deadline = deadline_in(config.handshake_timeout);
        let mut buffer = Buffer::new();
        stream.limit_writes(Some(config.write_timeout))?;
        match read_head(&mut stream, &mut buffer, &config, deadline) {
            Ok(head) => Ok(Request {
                stream,
                buffer,
                head,
                config,
                spoken: Vec::new(),
                more: Fields::default(),
                line,
            }),
            // A browser opens connections in reserve. One that was never used is not late, and there
            // is nobody to tell.
            Err(Error::Handshake(_)) if buffer.unread().is_empty() => {
                Err(HandshakeError::Ended.into())
            }
            Err(error) => {
                if let Error::Handshake(why) = &error
                    && *why != HandshakeError::Ended
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

    /// The bytes received so far, as they came: the head, and frames that came right behind it.
    #[must_use]
    pub fn received(&self) -> &[u8] {
        self.buffer.all()
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
        let body = format!(
            "{} is not for this path; allowed: {allowed}\n",
            self.method()
        );
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
