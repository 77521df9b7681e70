//! RFC 6455 §4.1 and §4.2.1: why an opening handshake fails. A client's request is checked against
//! §4.2.1, a server's response against §4.1.
//!
//! Each error says what was seen, what was asked, the clause, and the HTTP status that a server
//! answers it with. The checks themselves stand where the rules are: `head.rs`, `handshake.rs`,
//! `origin.rs`.

use super::url::Url;
use crate::printable::Printable;
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// A section of RFC 6455, such as `"§4.1"`.
pub type Clause = &'static str;

/// Why an opening handshake failed, seen from either side.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// A request that is not HTTP: what was seen.
    Malformed(String),
    /// A response that is not HTTP/1.1: what was seen.
    MalformedResponse(String),
    /// A head of more bytes or fields than the limit.
    HeadTooBig {
        /// `"bytes"` or `"fields"`.
        unit: &'static str,
        /// The limit, in that unit.
        limit: usize,
    },
    /// A request in a version of HTTP that this endpoint does not speak.
    HttpVersion(String),
    /// A method other than GET.
    Method(String),
    /// A request with a body, which an opening handshake does not have.
    HasBody,
    /// A name that is not the server's (RFC 9110 §7.4).
    Host(String),
    /// A required field is missing.
    Missing {
        /// The name of the field.
        field: &'static str,
        /// The section that requires it.
        clause: Clause,
    },
    /// A field has a wrong value.
    Wrong {
        /// The name of the field.
        field: &'static str,
        /// The value that was seen.
        value: String,
        /// What the clause asks.
        asked: Cow<'static, str>,
        /// The section that asks it.
        clause: Clause,
    },
    /// A version of the WebSocket protocol other than 13.
    Version(String),
    /// A page from a site that the server does not accept (§10.2).
    Origin(String),
    /// The response names a subprotocol or an extension that the request did not offer.
    NotOffered {
        /// The name of the field.
        field: &'static str,
        /// The value that was seen.
        value: String,
    },
    /// The response has another status than 101, so no WebSocket was opened.
    Status {
        /// The status code, such as 404.
        status: u16,
        /// The words of the status line behind the code.
        reason: String,
        /// The target of a redirect (3xx), as the server wrote it.
        location: Option<String>,
        /// The WebSocket URL to connect to in order to follow the redirect. `None` if there is
        /// none.
        follow: Option<Box<Url>>,
        /// How long the server asks to wait before the next attempt (RFC 9110 §10.2.3).
        retry_after: Option<Duration>,
        /// The first line of the body's text, 200 characters at most, if one came.
        body: String,
    },
    /// More interim responses (1xx) than this limit came, and no final one.
    TooManyInterim(usize),
    /// TCP ended before the handshake did.
    Ended,
    /// The handshake took longer than its time limit.
    TimedOut,
}

impl HandshakeError {
    /// The section of RFC 6455 that was broken, or the rule of HTTP that it relies on.
    #[must_use]
    pub fn clause(&self) -> Clause {
        self.rule().0
    }

    /// The HTTP status that a server answers with (§4.2.1).
    #[must_use]
    pub fn status(&self) -> u16 {
        self.rule().1
    }

    fn rule(&self) -> (Clause, u16) {
        match self {
            HandshakeError::Malformed(_) => ("§4.2.1, RFC 9112", 400),
            HandshakeError::MalformedResponse(_) => ("§4.1, RFC 9112", 502),
            HandshakeError::HeadTooBig { .. } => ("§10.4", 431),
            HandshakeError::HttpVersion(_) => ("§4.2.1, RFC 9110 §15.6.6", 505),
            HandshakeError::Method(_) => ("§4.2.1", 405),
            HandshakeError::HasBody => ("§4.2.1, RFC 9110 §9.3.1", 400),
            HandshakeError::Host(_) => ("RFC 9110 §7.4", 421),
            HandshakeError::Missing { clause, .. } => (clause, 400),
            HandshakeError::Wrong { clause, .. } => (clause, 400),
            HandshakeError::Version(_) => ("§4.4", 426),
            HandshakeError::Origin(_) => ("§10.2", 403),
            HandshakeError::NotOffered { .. } => ("§4.1", 502),
            HandshakeError::Status { .. } => ("§4.1", 502),
            HandshakeError::TooManyInterim(_) => ("§4.1, RFC 9110 §15.2", 502),
            // No side has said anything wrong.
            HandshakeError::Ended => ("§4", 400),
            HandshakeError::TimedOut => ("§4", 408),
        }
    }
}

impl HandshakeError {
    /// Another status than 101, and what to do about it.
    fn fmt_status(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HandshakeError::Status {
            status,
            reason,
            location,
            follow,
            retry_after,
            body,
        } = self
        else {
            return Ok(());
        };
        write!(f, "the status {status}")?;
        for (before, text) in [(" ", reason), (": ", body)] {
            if !text.is_empty() {
                write!(f, "{before}{}", Printable(text))?;
            }
        }
        if let Some(location) = location {
            write!(f, " (Location: {})", Printable(location))?;
        }
        f.write_str("; a WebSocket server answers 101")?;
        if let Some(url) = follow {
            write!(f, ". To follow this redirect, connect to {url}")?;
        }
        if let Some(wait) = retry_after {
            write!(f, ". The server asks to wait for {} s", wait.as_secs())?;
        }
        Ok(())
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HandshakeError::Malformed(seen) => write!(f, "a head that is not HTTP: {seen}"),
            HandshakeError::MalformedResponse(seen) => {
                write!(f, "a head that is not HTTP/1.1: {}", Printable(seen))
            }
            HandshakeError::HeadTooBig { unit, limit } => {
                write!(f, "a head of more than {limit} {unit}")
            }
            HandshakeError::HttpVersion(seen) => write!(
                f,
                "the HTTP version {seen}; an opening handshake is HTTP/1.1"
            ),
            HandshakeError::Method(seen) => write!(
                f,
                "the method {seen}; an opening handshake is a GET request"
            ),
            HandshakeError::HasBody => {
                f.write_str("a request with a body; an opening handshake has none")
            }
            HandshakeError::Host(seen) => write!(
                f,
                "the host {}; it is not a name of this server",
                Printable(seen)
            ),
            HandshakeError::Missing { field, .. } => {
                write!(f, "no {field} field; it is required")
            }
            HandshakeError::Wrong {
                field,
                value,
                asked,
                ..
            } => write!(f, "the field \"{field}: {}\"; {asked}", Printable(value)),
            HandshakeError::Version(seen) => write!(
                f,
                "Sec-WebSocket-Version: {}; this endpoint speaks version 13",
                Printable(seen)
            ),
            HandshakeError::Origin(seen) => write!(
                f,
                "a page from {}; this server does not accept its origin",
                Printable(seen)
            ),
            HandshakeError::NotOffered { field, value } => write!(
                f,
                "the field \"{field}: {}\"; the client did not offer that",
                Printable(value)
            ),
            HandshakeError::Status { .. } => self.fmt_status(f),
            HandshakeError::TooManyInterim(limit) => {
                write!(
                    f,
                    "more than {limit} interim responses (1xx) and no final one"
                )
            }
            HandshakeError::Ended => f.write_str("TCP ended before the opening handshake did"),
            HandshakeError::TimedOut => f.write_str("the opening handshake took too long"),
        }?;
        write!(f, " ({})", self.clause())
    }
}

impl std::error::Error for HandshakeError {}
