//! Read first: RFC 6455 §7.4, Status Codes, then §5.5.1, Close, and §7.1.4 to §7.1.6.
//!
//! What a Close frame says, decoded and encoded, and what is known of a connection once it has
//! closed. When a Close is sent is `connection.rs`.

use crate::printable::Printable;
use std::fmt;

/// A status code of §7.4: why a connection is closed. Any number can be held; which may be sent
/// is [`CloseCode::may_be_sent`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// 1000: the purpose of the connection has been fulfilled.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// 1001: a server goes down, a browser leaves the page.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: CloseCode = CloseCode(1002);
    /// 1003: a type of data that this endpoint does not take (say, binary where text is wanted).
    pub const UNSUPPORTED_DATA: CloseCode = CloseCode(1003);
    /// 1005: a Close without a code was received. Never on the wire.
    pub const NO_STATUS: CloseCode = CloseCode(1005);
    /// 1006: no Close was received at all. Never on the wire.
    pub const ABNORMAL: CloseCode = CloseCode(1006);
    /// 1007: data that is not what its type says, such as text that is no UTF-8.
    pub const INVALID_PAYLOAD: CloseCode = CloseCode(1007);
    /// 1008: a message against the endpoint's policy, when no other code fits.
    pub const POLICY_VIOLATION: CloseCode = CloseCode(1008);
    /// 1009: a message too big to process.
    pub const TOO_BIG: CloseCode = CloseCode(1009);
    /// 1010: a client misses an extension that the server did not agree to.
    pub const MANDATORY_EXTENSION: CloseCode = CloseCode(1010);
    /// 1011: the server met something unexpected.
    pub const INTERNAL_ERROR: CloseCode = CloseCode(1011);
    /// 1012 (IANA registry): the service restarts.
    pub const SERVICE_RESTART: CloseCode = CloseCode(1012);
    /// 1013 (IANA registry): the service is overloaded, try again later.
    pub const TRY_AGAIN_LATER: CloseCode = CloseCode(1013);
    /// 1014 (IANA registry): a gateway got an invalid response from upstream.
    pub const BAD_GATEWAY: CloseCode = CloseCode(1014);
    /// 1015: the TLS handshake failed. Never on the wire.
    pub const TLS_HANDSHAKE: CloseCode = CloseCode(1015);

    /// Whether the code may stand in a Close frame: 1000–1003 and 1007–1014 (§7.4.1 and the IANA
    /// registry of §11.7), 3000–3999 (registered by libraries) and 4000–4999 (private use).
    #[must_use]
    pub fn may_be_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// The meaning of the code in a few words.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self.0 {
            1000 => "normal closure",
            1001 => "going away",
            1002 => "protocol error",
            1003 => "unsupported data",
            1005 => "no status code received",
            1006 => "abnormal closure",
            1007 => "invalid payload data",
            1008 => "policy violation",
            1009 => "message too big",
            1010 => "mandatory extension missing",
            1011 => "internal error",
            1012 => "service restart",
            1013 => "try again later",
            1014 => "bad gateway",
            1015 => "TLS handshake failed",
            3000..=3999 => "registered code",
            4000..=4999 => "private code",
            _ => "code without a meaning",
        }
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.meaning())
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The body of a Close frame (§5.5.1): a code and a reason, or nothing at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseReason {
    code: Option<CloseCode>,
    text: String,
}

impl CloseReason {
    /// The longest reason, in bytes: a control frame carries 125 (§5.5), two of them the code.
    pub const MAX_TEXT: usize = 123;

    /// A Close without a body.
    pub const EMPTY: CloseReason = CloseReason {
        code: None,
        text: String::new(),
    };

    /// A Close with a code and a reason, which may be empty.
    ///
    /// # Errors
    /// The code may not be sent (§7.4), or the reason is longer than [`CloseReason::MAX_TEXT`].
    pub fn new(code: CloseCode, text: &str) -> Result<CloseReason, InvalidClose> {
        if !code.may_be_sent() {
            return Err(InvalidClose::Code(code));
        }
        if text.len() > CloseReason::MAX_TEXT {
            return Err(InvalidClose::TooLong(text.len()));
        }
        Ok(CloseReason {
            code: Some(code),
            text: text.to_owned(),
        })
    }

    /// Reads the body of a Close frame, unmasked.
    ///
    /// # Errors
    /// One byte (§5.5.1), a code that may not be sent (§7.4), a reason that is not UTF-8 (§5.5.1).
    pub fn decode(body: &[u8]) -> Result<CloseReason, InvalidClose> {
        match body {
            [] => Ok(CloseReason::EMPTY),
            [_] => Err(InvalidClose::OneByte),
            [high, low, text @ ..] => {
                let text = std::str::from_utf8(text).map_err(|_| InvalidClose::NotUtf8)?;
                CloseReason::new(CloseCode(u16::from_be_bytes([*high, *low])), text)
            }
        }
    }

    /// Writes the body of a Close frame: nothing, or the code in network byte order and the
    /// reason (§5.5.1).
    pub fn encode(&self, out: &mut Vec<u8>) {
        if let Some(code) = self.code {
            out.extend(code.0.to_be_bytes());
            out.extend(self.text.as_bytes());
        }
    }

    /// The code, or `None` if the Close has no body.
    #[must_use]
    pub fn code(&self) -> Option<CloseCode> {
        self.code
    }

    /// The reason, which may be empty. §5.5.1: not necessarily fit for human eyes.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            None => f.write_str("no code"),
            Some(code) if self.text.is_empty() => write!(f, "{code}"),
            Some(code) => write!(f, "{code}: {}", Printable(&self.text)),
        }
    }
}

/// What is wrong with the body of a Close frame, sent or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidClose {
    /// A body of one byte cannot hold a code (§5.5.1).
    OneByte,
    /// A code that may not stand in a Close frame (§7.4).
    Code(CloseCode),
    /// A reason that is not UTF-8 (§5.5.1).
    NotUtf8,
    /// A reason of so many bytes, more than a control frame can carry (§5.5).
    TooLong(usize),
}

impl fmt::Display for InvalidClose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidClose::OneByte => f.write_str(
                "a Close frame with a body of one byte; a body starts with a code of two",
            ),
            InvalidClose::Code(code) => write!(
                f,
                "a Close frame with the code {code}; 1000-1003, 1007-1014 and 3000-4999 may be sent"
            ),
            InvalidClose::NotUtf8 => {
                f.write_str("a Close frame whose reason is not UTF-8; a reason is text")
            }
            InvalidClose::TooLong(length) => write!(
                f,
                "a close reason of {length} bytes; a Close frame has room for {}",
                CloseReason::MAX_TEXT
            ),
        }
    }
}

/// One of the two endpoints, seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This endpoint.
    Us,
    /// The other endpoint.
    Peer,
}

/// How the TCP connection under a WebSocket ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpEnd {
    /// In order, and this side ended it first.
    ClosedBy(Side),
    /// It broke, or was given up; the text says how.
    Broken(String),
}

/// What became of a connection: what each side said in its Close frame, kept apart, and how TCP
/// ended. Codes 1005 and 1006 are only ever derived ([`Closed::code`]), never stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closed {
    /// The Close frame that this side sent.
    pub sent: Option<CloseReason>,
    /// The Close frame that the peer sent.
    pub received: Option<CloseReason>,
    /// Who sent its Close frame first, or ended TCP without one.
    pub by: Option<Side>,
    /// How TCP ended; `None` while it has not.
    pub tcp: Option<TcpEnd>,
}

impl Closed {
    /// _The WebSocket Connection Close Code_ (§7.1.5): the code received; 1005 if the Close had
    /// none; 1006 if there was no Close.
    #[must_use]
    pub fn code(&self) -> CloseCode {
        match &self.received {
            Some(reason) => reason.code().unwrap_or(CloseCode::NO_STATUS),
            None => CloseCode::ABNORMAL,
        }
    }

    /// _The WebSocket Connection Close Reason_ (§7.1.6): the reason received, or nothing.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.received.as_ref().map_or("", CloseReason::text)
    }

    /// Whether connecting again may help (§7.2.3): there was no Close, or it said that the server
    /// goes away, restarts or is overloaded.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.code(),
            CloseCode::ABNORMAL
                | CloseCode::GOING_AWAY
                | CloseCode::SERVICE_RESTART
                | CloseCode::TRY_AGAIN_LATER
        )
    }

    /// Whether the closing handshake was completed (§7.1.4), both Close frames having passed.
    #[must_use]
    pub fn was_clean(&self) -> bool {
        self.sent.is_some() && self.received.is_some()
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.sent, &self.received) {
            (None, None) => f.write_str("ended without a Close frame, 1006 (§7.1.5)")?,
            (Some(sent), None) => {
                write!(f, "we sent Close {sent}; no Close came back, 1006 (§7.1.5)")?
            }
            (_, Some(received)) if self.by == Some(Side::Peer) => {
                write!(f, "closed by the peer with {received}")?;
            }
            (Some(sent), Some(received)) if sent != received => {
                write!(f, "closed by us with {sent}; the peer answered {received}")?;
            }
            (_, Some(received)) => write!(f, "closed by us with {received}")?,
        }
        match &self.tcp {
            Some(TcpEnd::Broken(how)) => write!(f, "; {how}"),
            Some(TcpEnd::ClosedBy(Side::Peer)) if !self.was_clean() => {
                f.write_str("; the peer ended TCP")
            }
            _ => Ok(()),
        }
    }
}
