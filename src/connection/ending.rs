//! RFC 6455 §7.1.1, Close the WebSocket Connection, and §7.1.7, Fail the WebSocket Connection: how
//! an open connection ends.
//!
//! First we end our direction of TCP ([`Writer::end_our_direction`]). Then the peer ends its own, and
//! until it does, we read and drop what it still sends ([`Writer::drain`]).

use super::error::Error;
use super::state::{Side, TcpEnd};
use super::stream::{Stream, wait_for_end};
use super::writer::Writer;
use crate::framing::{CloseReason, Violation};
use std::net::Shutdown;
use std::time::Duration;

/// A peer that sends nothing for this long while it is drained is not waited for any longer.
const LONGEST_SILENCE: Duration = Duration::from_secs(1);

impl<S: Stream> Writer<S> {
    /// Ends our direction of TCP. What the peer still sends can be read.
    pub(super) fn end_our_direction(&mut self) {
        let end = TcpEnd::ClosedBy(Side::Us);
        self.shared.note_end(Side::Us, end);
        let stream = self.stream_mut();
        let _ = stream.flush();
        if stream.shutdown(Shutdown::Write).is_err() {
            // The peer cannot be told that we are done, so it might wait for us for ever.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Reads and drops what the peer still sends, until it ends TCP, sends nothing for a second, or
    /// [`Config::close_timeout`](crate::Config::close_timeout) is over. To close at once with unread
    /// bytes would reset TCP, and the peer could lose what we sent last (§7.1.1).
    pub(super) fn drain(&mut self) {
        let limit = self.config.close_timeout;
        let shared = self.shared.clone();
        let stream = self.stream_mut();
        match wait_for_end(stream, limit, LONGEST_SILENCE) {
            true => shared.end_now(stream, Side::Peer, TcpEnd::ClosedBy(Side::Peer)),
            false => shared.give_up(stream),
        }
    }

    /// TCP is lost.
    pub(super) fn lose(&mut self, end: TcpEnd) -> Error {
        let shared = self.shared.clone();
        shared.end_now(self.stream_mut(), Side::Peer, end);
        shared.error()
    }

    /// _Fail the WebSocket Connection_ (§7.1.7): sends a Close with the code of the violation, and
    /// the rule as its reason, then ends our direction of TCP.
    #[cold]
    pub(super) fn fail(&mut self, violation: Violation) -> Error {
        let mut text = violation.to_string();
        text.truncate(text.floor_char_boundary(CloseReason::MAX_TEXT));
        let reason = CloseReason::new(violation.close_code(), &text)
            .expect("the code of a violation may be sent, and the reason was cut to size");
        let limit = self.config.close_timeout;
        let _ = self.send_close(&reason, limit);
        self.end_our_direction();
        Error::Violation(violation)
    }
}
