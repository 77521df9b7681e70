//! Read first: RFC 6455 §7.1.7, Fail the WebSocket Connection.
//!
//! Everything that can go wrong, in one place: what was seen, the clause it breaks, and what it
//! earns: a close code after the opening handshake, an HTTP status during it. The checks
//! themselves are where the rules are: `frame.rs`, `message.rs`, `http.rs`, `handshake.rs`.

use crate::close::{CloseCode, CloseReason, Closed, InvalidClose};
use crate::printable::Printable;
use std::{fmt, io};

/// A rule of the protocol that the peer broke after the opening handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// RSV1, RSV2 or RSV3 set (here as the three low bits), and no extension negotiated.
    ReservedBits(u8),
    /// An opcode that the RFC reserves.
    ReservedOpcode(u8),
    /// A control frame, of this opcode, with FIN clear.
    FragmentedControl(u8),
    /// A control frame, of this opcode, whose length field says 126 or 127: over 125 bytes.
    LongControl(u8),
    /// A length in the 16-bit or the 64-bit form that a shorter form could have held.
    LengthNotMinimal {
        /// Bits in the form that was used.
        bits: u8,
        /// The length it held.
        length: u64,
    },
    /// A 64-bit length with the most significant bit set.
    LengthTopBit(u64),
    /// A client's frame without a mask.
    Unmasked,
    /// A server's frame with a mask.
    Masked,
    /// A Continuation frame where no message has begun.
    NothingToContinue,
    /// A Text or Binary frame, of this opcode, inside an unfinished message.
    UnfinishedMessage(u8),
    /// A message longer than the limit.
    TooBig {
        /// The bytes the message would have with the frame that was announced.
        length: u64,
        /// The most that is accepted ([`Config::max_message`](crate::Config::max_message)).
        limit: u64,
    },
    /// A message that was not whole in time.
    TooSlow {
        /// The seconds it may take
        /// ([`Config::message_timeout`](crate::Config::message_timeout)).
        limit: u64,
    },
    /// A text that is not UTF-8 and cannot become it.
    NotUtf8 {
        /// Where in the message the offending sequence starts, in bytes from 0.
        at: u64,
    },
    /// A Close frame with a body that is not allowed.
    InvalidClose(InvalidClose),
}

impl Violation {
    /// The section of RFC 6455 that was broken.
    #[must_use]
    pub fn clause(self) -> &'static str {
        self.verdict().0
    }

    /// The code to close the connection with (§7.4.1).
    #[must_use]
    pub fn close_code(self) -> CloseCode {
        self.verdict().1
    }

    fn verdict(self) -> (&'static str, CloseCode) {
        match self {
            Violation::ReservedBits(_) => ("§5.2", CloseCode::PROTOCOL_ERROR),
            Violation::ReservedOpcode(_) => ("§5.2", CloseCode::PROTOCOL_ERROR),
            Violation::FragmentedControl(_) => ("§5.5", CloseCode::PROTOCOL_ERROR),
            Violation::LongControl(_) => ("§5.5", CloseCode::PROTOCOL_ERROR),
            Violation::LengthNotMinimal { .. } => ("§5.2", CloseCode::PROTOCOL_ERROR),
            Violation::LengthTopBit(_) => ("§5.2", CloseCode::PROTOCOL_ERROR),
            Violation::Unmasked => ("§5.1", CloseCode::PROTOCOL_ERROR),
            Violation::Masked => ("§5.1", CloseCode::PROTOCOL_ERROR),
            Violation::NothingToContinue => ("§5.4", CloseCode::PROTOCOL_ERROR),
            Violation::UnfinishedMessage(_) => ("§5.4", CloseCode::PROTOCOL_ERROR),
            Violation::TooBig { .. } => ("§10.4", CloseCode::TOO_BIG),
            Violation::TooSlow { .. } => ("§10.4", CloseCode::POLICY_VIOLATION),
            Violation::NotUtf8 { .. } => ("§8.1", CloseCode::INVALID_PAYLOAD),
            Violation::InvalidClose(InvalidClose::OneByte) => ("§5.5.1", CloseCode::PROTOCOL_ERROR),
            Violation::InvalidClose(InvalidClose::Code(_)) => ("§7.4", CloseCode::PROTOCOL_ERROR),
            Violation::InvalidClose(InvalidClose::NotUtf8) => {
                ("§5.5.1", CloseCode::INVALID_PAYLOAD)
            }
            Violation::InvalidClose(InvalidClose::TooLong(_)) => {
                ("§5.5", CloseCode::PROTOCOL_ERROR)
            }
        }
    }
}

impl fmt::Display for Violation {
    /// What was seen; what the clause asks; the clause.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::ReservedBits(bits) => write!(
                f,
                "a frame with the reserved bits RSV1-3 = {bits:03b}; they are 0 unless an extension was negotiated"
            ),
            Violation::ReservedOpcode(opcode) => write!(
                f,
                "a frame with the opcode {opcode:#X}; only 0, 1, 2, 8, 9 and A are defined"
            ),
            Violation::FragmentedControl(opcode) => write!(
                f,
                "a control frame (opcode {opcode:#X}) with FIN clear; control frames are never fragmented"
            ),
            Violation::LongControl(opcode) => write!(
                f,
                "a control frame (opcode {opcode:#X}) of over 125 bytes; 125 is the most"
            ),
            Violation::LengthNotMinimal { bits, length } => write!(
                f,
                "a payload length of {length} in the {bits}-bit form; the shortest form must be used"
            ),
            Violation::LengthTopBit(length) => write!(
                f,
                "a payload length of {length:#x}; the most significant bit must be 0"
            ),
            Violation::Unmasked => {
                f.write_str("a frame from a client without a mask; a client masks every frame")
            }
            Violation::Masked => {
                f.write_str("a frame from a server with a mask; a server never masks")
            }
            Violation::NothingToContinue => f.write_str(
                "a Continuation frame with no message begun; the first frame says Text or Binary",
            ),
            Violation::UnfinishedMessage(opcode) => write!(
                f,
                "a new message (opcode {opcode:#X}) before the last one was finished; fragments of two messages are never interleaved"
            ),
            Violation::TooBig { length, limit } => write!(
                f,
                "a message of {length} bytes or more; {limit} are accepted here"
            ),
            Violation::TooSlow { limit } => write!(
                f,
                "a message that was not whole {limit} s after it began; slower is not accepted here"
            ),
            Violation::NotUtf8 { at } => {
                write!(
                    f,
                    "a text that is not UTF-8 from byte {at} of the message on; text is UTF-8"
                )
            }
            Violation::InvalidClose(invalid) => write!(f, "{invalid}"),
        }?;
        write!(f, " ({})", self.clause())
    }
}

/// Why an opening handshake came to nothing, seen from either side.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// A head that is not HTTP: what was seen.
    Malformed(String),
    /// A head of more bytes, or fields, than the limit.
    HeadTooBig(&'static str, usize),
    /// A version of HTTP that this endpoint does not speak.
    HttpVersion(String),
    /// A method other than GET.
    Method(String),
    /// A field that must be there and is not.
    Missing(&'static str, Clause),
    /// A field that is there, with a value that it must not have: name, value, what is asked.
    Wrong(&'static str, String, &'static str, Clause),
    /// A version of the WebSocket protocol other than 13.
    Version(String),
    /// A page from a site that the server does not accept (§10.2).
    Origin(String),
    /// A subprotocol or extension in the response that was not in the request: field, value.
    NotOffered(&'static str, String),
    /// The response has another status than 101: the server is no WebSocket server, or not there,
    /// or not for us.
    Status {
        /// The status code, such as 404.
        status: u16,
        /// What the status line says behind it.
        reason: String,
        /// Where a redirect (3xx) points.
        location: Option<String>,
        /// The first line of the body, if one came.
        body: String,
    },
    /// TCP ended before the handshake did.
    Ended,
    /// The time for the handshake ran out.
    TimedOut,
}

/// A section of RFC 6455, such as `"§4.1"`.
pub type Clause = &'static str;

impl HandshakeError {
    /// The section of RFC 6455 (or the rule of HTTP it leans on) that was broken.
    #[must_use]
    pub fn clause(&self) -> Clause {
        self.verdict().0
    }

    /// The HTTP status a server answers it with (§4.2.1).
    #[must_use]
    pub fn status(&self) -> u16 {
        self.verdict().1
    }

    fn verdict(&self) -> (Clause, u16) {
        match self {
            HandshakeError::Malformed(_) => ("§4.2.1, RFC 9112", 400),
            HandshakeError::HeadTooBig(..) => ("§10.4, RFC 6585 §5", 431),
            HandshakeError::HttpVersion(_) => ("§4.2.1, RFC 9110 §15.6.6", 505),
            HandshakeError::Method(_) => ("§4.2.1", 405),
            HandshakeError::Missing(_, clause) => (clause, 400),
            HandshakeError::Wrong(_, _, _, clause) => (clause, 400),
            HandshakeError::Version(_) => ("§4.4", 426),
            HandshakeError::Origin(_) => ("§10.2", 403),
            HandshakeError::NotOffered(..) => ("§4.1", 502),
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
            HandshakeError::HeadTooBig(unit, limit) => {
                write!(f, "a head of more than {limit} {unit}")
            }
            HandshakeError::HttpVersion(seen) => {
                write!(
                    f,
                    "the HTTP version {seen}; an opening handshake is HTTP/1.1"
                )
            }
            HandshakeError::Method(seen) => {
                write!(
                    f,
                    "the method {seen}; an opening handshake is a GET request"
                )
            }
            HandshakeError::Missing(field, _) => write!(f, "no {field} field; it is required"),
            HandshakeError::Wrong(field, value, asked, _) => {
                write!(f, "the field \"{field}: {}\"; {asked}", Printable(value))
            }
            HandshakeError::Version(seen) => {
                write!(
                    f,
                    "Sec-WebSocket-Version: {}; version 13 is spoken here",
                    Printable(seen)
                )
            }
            HandshakeError::Origin(seen) => write!(
                f,
                "a page from {}; its origin is not accepted here",
                Printable(seen)
            ),
            HandshakeError::NotOffered(field, seen) => write!(
                f,
                "the field \"{field}: {}\"; that was not offered",
                Printable(seen)
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

/// What makes a URL unfit for a WebSocket (§3).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// Neither `ws:` nor `wss:`.
    Scheme(String),
    /// `wss:`, which needs TLS; this library speaks through a TLS stream that it is given.
    Tls,
    /// No host, or one with characters that a host cannot have.
    Host(String),
    /// A port that is no number from 1 to 65535.
    Port(String),
    /// A fragment (`#...`).
    Fragment(String),
    /// A character that must be percent-encoded.
    Character(char),
    /// A user name or password before the host.
    UserInfo,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UrlError::Scheme(seen) => {
                write!(f, "\"{}\" is no WebSocket URL; one starts with ws://", Printable(seen))
            }
            UrlError::Tls => f.write_str(
                "a wss:// URL needs TLS, which is not spoken here; use ws://, or hand the library a TLS stream",
            ),
            UrlError::Host(seen) => write!(f, "\"{seen}\" is no host name or address"),
            UrlError::Port(seen) => write!(f, "\"{seen}\" is no port; ports are 1 to 65535"),
            UrlError::Fragment(seen) => write!(
                f,
                "\"{}\" is a fragment, which has no meaning in a WebSocket URL; write # as %23",
                Printable(seen)
            ),
            UrlError::Character(seen) => write!(
                f,
                "the character {seen:?} in the URL; it must be percent-encoded"
            ),
            UrlError::UserInfo => {
                f.write_str("a user name in the URL; the ws: scheme has no place for one")
            }
        }?;
        f.write_str(" (§3)")
    }
}

/// Why a call failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The URL cannot be connected to.
    Url(UrlError),
    /// No TCP connection: the name was not found, or nothing accepts at its addresses.
    Connect {
        /// Host and port that were tried.
        to: String,
        /// What the operating system said last.
        source: io::Error,
    },
    /// The opening handshake failed.
    Handshake(HandshakeError),
    /// The peer broke the protocol. The connection has been failed (§7.1.7): a Close with
    /// [`Violation::close_code`] was sent, TCP has ended.
    Violation(Violation),
    /// The connection is closing or has ended, and this is how. From `read`: it ended without a
    /// closing handshake (1006). From `send`: nothing may be sent any more (§5.5.1, §6.1).
    Closed(Closed),
    /// The time limit of this one read ran out. Nothing is lost: the next read goes on where this
    /// one stopped.
    TimedOut,
    /// The caller asked for something that may not be sent: what it is.
    Unsendable(String),
    /// The operating system failed in some other way.
    Io(io::Error),
}

impl Error {
    /// Whether trying again later may help (§7.2.3): nobody accepted, the connection was lost, the
    /// server was going away, restarting or overloaded.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            // What TLS objects to, a certificate for example, stays as it is.
            Error::Io(error) => error.kind() != io::ErrorKind::InvalidData,
            Error::Connect { .. } | Error::TimedOut => true,
            Error::Handshake(HandshakeError::Status { status, .. }) => *status >= 500,
            Error::Handshake(error) => {
                matches!(error, HandshakeError::Ended | HandshakeError::TimedOut)
            }
            Error::Closed(closed) => closed.is_transient(),
            Error::Url(_) | Error::Violation(_) | Error::Unsendable(_) => false,
        }
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
                "the peer broke the protocol, failed with {}: {violation}",
                violation.close_code()
            ),
            Error::Closed(closed) => write!(f, "the connection is no longer open: {closed}"),
            Error::TimedOut => f.write_str("nothing arrived within the time limit of this read"),
            Error::Unsendable(what) => write!(f, "this may not be sent: {what}"),
            Error::Io(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Connect { source, .. } => Some(source),
            Error::Io(error) => Some(error),
            Error::Url(error) => Some(error),
            Error::Handshake(error) => Some(error),
            Error::Violation(violation) => Some(violation),
            Error::Closed(_) | Error::TimedOut | Error::Unsendable(_) => None,
        }
    }
}

impl std::error::Error for Violation {}
impl std::error::Error for HandshakeError {}
impl std::error::Error for UrlError {}

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

impl From<InvalidClose> for Violation {
    fn from(invalid: InvalidClose) -> Violation {
        Violation::InvalidClose(invalid)
    }
}

impl CloseReason {
    /// A Close to be sent, with a code and a reason, which may be empty.
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a code that may not be sent (§7.4) or a reason that is longer than
    /// [`CloseReason::MAX_TEXT`].
    pub(crate) fn to_send(code: CloseCode, text: &str) -> Result<CloseReason, Error> {
        CloseReason::new(code, text)
            .map_err(|invalid| Error::Unsendable(Violation::from(invalid).to_string()))
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Io(error)
    }
}
