//! RFC 6455 §4.1 and §4.2.1: why an opening handshake fails.
//!
//! Each error says what was seen, what was asked, the clause, and the HTTP status that a server
//! answers it with. The checks themselves stand where the rules are: `head.rs`, `handshake.rs`,
//! `origin.rs`.

use crate::printable::Printable;
use std::fmt;

/// A section of RFC 6455, such as `"§4.1"`.
pub type Clause = &'static str;

/// Why an opening handshake failed, seen from either side.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// A head that is not HTTP: what was seen.
    Malformed(String),
    /// A head of more bytes or fields than the limit.
    HeadTooBig {
        /// `"bytes"` or `"fields"`.
        unit: &'static str,
        /// The limit, in that unit.
        limit: usize,
    },
    /// A version of HTTP that this endpoint does not speak.
    HttpVersion(String),
    /// A method other than GET.
    Method(String),
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
        asked: &'static str,
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
        /// The target of a redirect (3xx).
        location: Option<String>,
        /// The first line of the body, if one came.
        body: String,
    },
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
            HandshakeError::HeadTooBig { .. } => ("§10.4, RFC 6585 §5", 431),
            HandshakeError::HttpVersion(_) => ("§4.2.1, RFC 9110 §15.6.6", 505),
            HandshakeError::Method(_) => ("§4.2.1", 405),
            HandshakeError::Missing { clause, .. } => (clause, 400),
            HandshakeError::Wrong { clause, .. } => (clause, 400),
            HandshakeError::Version(_) => ("§4.4", 426),
            HandshakeError::Origin(_) => ("§10.2", 403),
            HandshakeError::NotOffered { .. } => ("§4.1", 502),
            HandshakeError::Status { .. } => ("§4.1", 502),
            HandshakeError::Ended => ("§4.1", 400),
            HandshakeError::TimedOut => ("§4.2.1, RFC 9110 §15.5.9", 408),
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HandshakeError::Malformed(seen) => write!(f, "a head that is not HTTP: {seen}"),
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
            HandshakeError::Status {
                status,
                reason,
                location,
                body,
            } => {
                write!(f, "the status {status}")?;
                for (before, text) in [(" ", reason), (": ", body)] {
                    if !text.is_empty() {
                        write!(f, "{before}{}", Printable(text))?;
                    }
                }
                if let Some(location) = location {
                    write!(f, " (Location: {})", Printable(location))?;
                }
                f.write_str("; a WebSocket server answers 101")
            }
            HandshakeError::Ended => f.write_str("TCP ended before the opening handshake did"),
            HandshakeError::TimedOut => f.write_str("the opening handshake took too long"),
        }?;
        write!(f, " ({})", self.clause())
    }
}

impl std::error::Error for HandshakeError {}
