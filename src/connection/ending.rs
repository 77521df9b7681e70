//! RFC 6455 §7.1.1, Close the WebSocket Connection, and §7.1.7, Fail the WebSocket Connection: how
//! the reading half ends TCP, in [`Writer::end`].
//!
//! A sender ends TCP in two cases, in `shared.rs`: a write fails, or the peer does not answer its
//! Close.

use super::error::Error;
use super::output::Writer;
use super::state::{Side, TcpEnd};
use super::stream::{Stream, close_gently, wait_for_end};
use crate::framing::{CloseReason, Role, Violation};

/// How this side ends TCP.
#[derive(Debug)]
pub(super) enum Ending {
    /// We end first, and drop what the peer still sends.
    Ours,
    /// The peer ends first. We wait for it, but not longer than
    /// [`Config::close_timeout`](crate::Config::close_timeout).
    Peers,
    /// TCP is lost or given up. There is no wait.
    Lost(TcpEnd),
}

impl Ending {
    /// After both Close frames have passed (§5.5.1): "The server MUST close the underlying TCP
    /// connection immediately; the client SHOULD wait for the server".
    pub(super) fn after_closing_handshake(role: Role) -> Ending {
        match role {
            Role::Server => Ending::Ours,
            Role::Client => Ending::Peers,
        }
    }
}

impl<S: Stream> Writer<S> {
    /// Ends TCP and notes how.
    pub(super) fn end(&mut self, ending: Ending) {
        let limit = self.config.close_timeout;
        let shared = self.shared.clone();
        let stream = self.stream_mut();
        match ending {
            Ending::Ours => {
                shared.note_end(Side::Us, TcpEnd::ClosedBy(Side::Us));
                close_gently(stream, limit);
            }
            Ending::Peers => {
                let by = match wait_for_end(stream, limit) {
                    true => Side::Peer,
                    false => Side::Us,
                };
                shared.end_now(stream, by, TcpEnd::ClosedBy(by));
            }
            Ending::Lost(how) => shared.end_now(stream, Side::Peer, how),
        }
    }

    /// _Fail the WebSocket Connection_ (§7.1.7): sends a Close with the code of the violation, and
    /// the rule as its reason, then ends TCP. What the peer sends after that is not processed.
    #[cold]
    pub(super) fn fail(&mut self, violation: Violation) -> Error {
        let mut text = violation.to_string();
        text.truncate(text.floor_char_boundary(CloseReason::MAX_TEXT));
        let reason = CloseReason::new(violation.close_code(), &text)
            .expect("the code of a violation may be sent, and the reason was cut to size");
        let _ = self.send_close(&reason);
        self.end(Ending::Ours);
        Error::Violation(violation)
    }
}
