//! RFC 6455 §7.4, Status Codes, and §5.5.1, Close: what a Close frame says.
//!
//! The codes, and the body of a Close frame, decoded and encoded. When a Close is sent, and what
//! it means for the connection, is in `connection/`.

use crate::printable::Printable;
use std::fmt;

/// A status code (§7.4): why a connection is closed. Any number can be stored.
/// [`CloseCode::may_be_sent`] says which ones a Close frame may carry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// 1001: a server goes down, or a browser leaves the page.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: CloseCode = CloseCode(1002);
    /// 1003: a type of data that this endpoint does not take, such as binary where it wants text.
    pub const UNSUPPORTED_DATA: CloseCode = CloseCode(1003);
    /// 1005: a Close without a code was received. Never on the wire.
    pub const NO_STATUS: CloseCode = CloseCode(1005);
    /// 1006: no Close was received. Never on the wire.
    pub const ABNORMAL: CloseCode = CloseCode(1006);
    /// 1007: data that does not fit its type, such as a text that is not UTF-8.
    pub const INVALID_PAYLOAD: CloseCode = CloseCode(1007);
    /// 1008: a message that breaks the endpoint's policy, when no other code fits.
    pub const POLICY_VIOLATION: CloseCode = CloseCode(1008);
    /// 1009: a message that is too big to process.
    pub const TOO_BIG: CloseCode = CloseCode(1009);
    /// 1010: a client needs an extension that the server did not agree to.
    pub const MANDATORY_EXTENSION: CloseCode = CloseCode(1010);
    /// 1011: the server met something unexpected.
    pub const INTERNAL_ERROR: CloseCode = CloseCode(1011);
    /// 1012 (IANA registry): the service restarts.
    pub const SERVICE_RESTART: CloseCode = CloseCode(1012);
    /// 1013 (IANA registry): the service is overloaded; try again later.
    pub const TRY_AGAIN_LATER: CloseCode = CloseCode(1013);
    /// 1014 (IANA registry): a gateway got an invalid response from the server behind it.
    pub const BAD_GATEWAY: CloseCode = CloseCode(1014);
    /// 1015: the TLS handshake failed. Never on the wire.
    pub const TLS_HANDSHAKE: CloseCode = CloseCode(1015);

    /// Whether a Close frame may carry the code: 1000–1003 and 1007–1014 (§7.4.1 and the IANA
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

/// The longest payload of a control frame, in bytes (§5.5).
pub const MAX_CONTROL: usize = 125;

/// The body of a Close frame (§5.5.1): a code and a reason, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseReason {
    code: Option<CloseCode>,
    text: String,
}

impl CloseReason {
    /// The longest reason, in bytes: 123. A control frame carries 125 (§5.5); the code takes two.
    pub const MAX_TEXT: usize = MAX_CONTROL - 2;

    /// A Close without a body.
    pub const EMPTY: CloseReason = CloseReason {
        code: None,
        text: String::new(),
    };

    /// A Close with a code and a reason. The reason may be empty.
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

    /// Reads the unmasked body of a Close frame.
    ///
    /// # Errors
    /// A body of one byte (§5.5.1), a code that may not be sent (§7.4), a reason that is not UTF-8
    /// (§5.5.1).
    pub fn decode(body: &[u8]) -> Result<CloseReason, InvalidClose> {
        match body {
            [] => Ok(CloseReason::EMPTY),
            [_] => Err(InvalidClose::OneByte),
            [high, low, text @ ..] => {
                let not_utf8 = |error: std::str::Utf8Error| InvalidClose::NotUtf8 {
                    at: 2 + error.valid_up_to(),
                };
                let text = std::str::from_utf8(text).map_err(not_utf8)?;
                CloseReason::new(CloseCode(u16::from_be_bytes([*high, *low])), text)
            }
        }
    }

    /// Writes the body of a Close frame (`encode_frame` in `frame.rs` writes the frame): nothing,
    /// or the code in network byte order and then the reason (§5.5.1).
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

    /// The reason; it may be empty. The RFC does not promise that a person can read it (§5.5.1).
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
    /// A code that a Close frame may not carry (§7.4).
    Code(CloseCode),
    /// A reason that is not UTF-8 (§5.5.1).
    NotUtf8 {
        /// The place of the first wrong byte in the body, from 0.
        at: usize,
    },
    /// A reason of this many bytes, which is more than a control frame can carry (§5.5).
    TooLong(usize),
}

impl fmt::Display for InvalidClose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidClose::OneByte => f.write_str(
                "a Close frame with a body of one byte; a body starts with a code of two bytes",
            ),
            InvalidClose::Code(code) => write!(
                f,
                "a Close frame with the code {code}; 1000-1003, 1007-1014 and 3000-4999 may be sent"
            ),
            InvalidClose::NotUtf8 { .. } => {
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

impl std::error::Error for InvalidClose {}
