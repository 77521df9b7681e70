//! Why a call of this library failed.
//!
//! What the peer can do wrong is told elsewhere: in `framing/violation.rs` after the opening
//! handshake, in `opening/error.rs` during it.

use super::config::InvalidConfig;
use super::state::Closed;
use crate::framing::{InvalidClose, MAX_CONTROL, Violation};
use crate::opening::{HandshakeError, InvalidField, InvalidSubprotocols, RefusedField, UrlError};
use std::time::Duration;
use std::{fmt, io};

/// Why a call failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The URL cannot be connected to (§3).
    Url(UrlError),
    /// No connection: the name has no address, nothing accepts at its addresses, or the time limit
    /// ended before. [`source`](std::error::Error::source) says what the time was spent on.
    Connect {
        /// The host and port that were tried.
        to: String,
        /// The last error of the operating system, or what was waited for.
        source: io::Error,
    },
    /// The opening handshake failed (§4).
    Handshake(HandshakeError),
    /// The peer broke the protocol, and the connection was failed (§7.1.7): a Close with
    /// [`Violation::close_code`] was sent, and TCP ended.
    Violation(Violation),
    /// All connections together hold as much memory as [`Config::budget`](crate::Config::budget)
    /// allows, and this one needs more. It was closed with 1013 (try again later).
    OverBudget,
    /// A Close frame was sent, so nothing else may be sent (§5.5.1, §6.1). The peer has not
    /// answered it yet.
    Closing,
    /// The connection is over: both sides sent a Close frame, or TCP has ended. This is how it
    /// ended.
    Closed(Closed),
    /// The time limit of this call ended, and the connection is still open. A read has lost nothing:
    /// the next read goes on where this one stopped. A message was not sent: another sender was
    /// sending all the time.
    TimedOut,
    /// The caller wants to send something that may not be sent.
    Unsendable(Unsendable),
    /// The [`Config`](crate::Config) has a field whose value cannot work.
    Config(InvalidConfig),
    /// Another error of the operating system or of the stream.
    Io(io::Error),
}

/// What may not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsendable {
    /// A control frame with a payload of this many bytes; 125 is the most (§5.5).
    LongControl(usize),
    /// A Close with a code that may not be sent, or with a reason that is too long (§5.5.1, §7.4).
    Close(InvalidClose),
    /// A [`PreparedMessage`](crate::PreparedMessage) from a client. It has no mask, and a client
    /// masks every frame (§5.1).
    Unmasked,
    /// A field that HTTP does not allow.
    Field(InvalidField),
    /// A field that the library sets itself, or that does not fit the head (§4.1, §4.2.2).
    Refused(RefusedField),
    /// A status that is not a final one: not from 200 to 599 (RFC 9110 §15).
    Status(u16),
    /// Subprotocols that are not different tokens (§4.1).
    Subprotocols(InvalidSubprotocols),
}

impl Error {
    /// Whether to try again later may help (§7.2.3): nothing accepted the connection, it was lost,
    /// or the server goes away, restarts or is overloaded. Of the HTTP statuses, these are 408, 429
    /// and those from 500 on, without 501 (Not Implemented) and 505 (HTTP Version Not Supported).
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            // TLS reports a wrong certificate, for example, as invalid data. That does not change.
            Error::Io(error) => error.kind() != io::ErrorKind::InvalidData,
            Error::Connect { .. } | Error::TimedOut | Error::OverBudget => true,
            Error::Handshake(HandshakeError::Status { status, .. }) => {
                matches!(status, 408 | 429 | 500 | 502..=504 | 506..)
            }
            Error::Handshake(error) => {
                matches!(error, HandshakeError::Ended | HandshakeError::TimedOut)
            }
            Error::Closed(closed) => closed.is_transient(),
            Error::Url(_) | Error::Violation(_) | Error::Closing => false,
            Error::Unsendable(_) | Error::Config(_) => false,
        }
    }

    /// How long the server asks to wait before the next attempt: the `Retry-After` of its refusal
    /// (RFC 9110 §10.2.3).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Handshake(HandshakeError::Status { retry_after, .. }) => *retry_after,
            _ => None,
        }
    }
}

/// §5.5: "All control frames MUST have a payload length of 125 bytes or less".
pub(crate) fn check_control(payload: &[u8]) -> Result<(), Unsendable> {
    match payload.len() {
        0..=MAX_CONTROL => Ok(()),
        length => Err(Unsendable::LongControl(length)),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Url(error) => write!(f, "{error}"),
            Error::Connect { to, source } => write!(f, "cannot connect to {to}: {source}"),
            Error::Handshake(error) => write!(f, "opening handshake failed: {error}"),
            Error::Violation(violation) => write!(
                f,
                "the peer broke the protocol; we closed with {}: {violation}",
                violation.close_code()
            ),
            Error::OverBudget => f.write_str(
                "all connections together hold too much memory; closed with 1013 (try again later)",
            ),
            Error::Closing => {
                f.write_str("a Close frame was sent; nothing may be sent behind it (§5.5.1)")
            }
            Error::Closed(closed) => write!(f, "the connection is no longer open: {closed}"),
            Error::TimedOut => f.write_str("the time limit of this call ended"),
            Error::Unsendable(what) => write!(f, "this may not be sent: {what}"),
            Error::Config(invalid) => write!(f, "{invalid}"),
            Error::Io(error) => write!(f, "{error}"),
        }
    }
}

impl fmt::Display for Unsendable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsendable::LongControl(length) => write!(
                f,
                "a control frame of {length} bytes; {MAX_CONTROL} is the most (§5.5)"
            ),
            Unsendable::Close(invalid) => write!(f, "{}", Violation::from(*invalid)),
            Unsendable::Unmasked => f.write_str("a frame without a mask from a client (§5.1)"),
            Unsendable::Field(field) => write!(f, "{field}"),
            Unsendable::Refused(field) => write!(f, "{field}"),
            Unsendable::Status(status) => write!(
                f,
                "the status {status}; that of a page or a refusal is from 200 to 599 (RFC 9110 §15)"
            ),
            Unsendable::Subprotocols(names) => write!(f, "{names}"),
        }
    }
}

impl std::error::Error for Unsendable {}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Connect { source, .. } => Some(source),
            Error::Io(error) => Some(error),
            Error::Url(error) => Some(error),
            Error::Handshake(error) => Some(error),
            Error::Violation(violation) => Some(violation),
            Error::Unsendable(what) => Some(what),
            Error::Config(invalid) => Some(invalid),
            Error::OverBudget | Error::Closing | Error::Closed(_) | Error::TimedOut => None,
        }
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Error {
        Error::Violation(violation)
    }
}

impl From<HandshakeError> for Error {
    fn from(error: HandshakeError) -> Error {
        Error::Handshake(error)
    }
}

impl From<UrlError> for Error {
    fn from(error: UrlError) -> Error {
        Error::Url(error)
    }
}

impl From<Unsendable> for Error {
    fn from(what: Unsendable) -> Error {
        Error::Unsendable(what)
    }
}

impl From<InvalidConfig> for Error {
    fn from(invalid: InvalidConfig) -> Error {
        Error::Config(invalid)
    }
}

impl From<InvalidClose> for Error {
    /// A Close that this side wants to send. (One that was received is a [`Violation`].)
    fn from(invalid: InvalidClose) -> Error {
        Error::Unsendable(Unsendable::Close(invalid))
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Io(error)
    }
}
