//! RFC 6455 §4.1 and §7.1: the four states of a connection, and what is known after its end.

use crate::framing::{CloseCode, CloseReason};
use std::fmt;

/// The state of a connection, with the names of the JavaScript API. Endpoint and observer both use
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// From the client's request on (§4.1).
    Connecting,
    /// From the 101 on: messages pass (§4.1).
    Open,
    /// From the first Close frame on, sent or received (§7.1.3).
    Closing,
    /// From the end of TCP on (§7.1.4).
    Closed,
}

impl State {
    /// The name in the JavaScript API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            State::Connecting => "CONNECTING",
            State::Open => "OPEN",
            State::Closing => "CLOSING",
            State::Closed => "CLOSED",
        }
    }

    /// The section that says when it begins.
    #[must_use]
    pub fn clause(self) -> &'static str {
        match self {
            State::Connecting | State::Open => "§4.1",
            State::Closing => "§7.1.3",
            State::Closed => "§7.1.4",
        }
    }
}

/// One of the two endpoints, seen from this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This endpoint.
    Us,
    /// The other endpoint.
    Peer,
}

/// How the TCP connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpEnd {
    /// In order. This side ended it first.
    ClosedBy(Side),
    /// It broke, or we gave up. The text says how.
    Broken(String),
}

/// What became of a connection, once the peer's Close has come or TCP has ended: the Close frame of
/// each side, and how TCP ended. The codes 1005 and 1006 are never stored. [`Closed::code`] derives
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The Close frame that this side sent.
    pub sent: Option<CloseReason>,
    /// The Close frame that the peer sent.
    pub received: Option<CloseReason>,
    /// The side that sent its Close frame first, or that ended TCP without one.
    pub started_by: Side,
    /// How TCP ended; `None` while it has not.
    pub tcp: Option<TcpEnd>,
}

impl Closed {
    /// _The WebSocket Connection Close Code_ (§7.1.5): the code that was received. 1005 if the
    /// Close had no code; 1006 if there was no Close.
    #[must_use]
    pub fn code(&self) -> CloseCode {
        match &self.received {
            Some(reason) => reason.code().unwrap_or(CloseCode::NO_STATUS),
            None => CloseCode::ABNORMAL,
        }
    }

    /// _The WebSocket Connection Close Reason_ (§7.1.6): the reason that was received, or nothing.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.received.as_ref().map_or("", CloseReason::text)
    }

    /// Whether to connect again may help (§7.2.3): there was no Close, or it said that the server
    /// goes away, restarts or is overloaded, or that the server behind it does not answer (1014).
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.code(),
            CloseCode::ABNORMAL
                | CloseCode::GOING_AWAY
                | CloseCode::SERVICE_RESTART
                | CloseCode::TRY_AGAIN_LATER
                | CloseCode::BAD_GATEWAY
        )
    }

    /// Whether the closing handshake was completed (§7.1.4): both Close frames passed.
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
            (_, Some(received)) if self.started_by == Side::Peer => {
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
            Some(TcpEnd::ClosedBy(_)) | None => Ok(()),
        }
    }
}
