//! RFC 6455 §7.1.1, Close the WebSocket Connection, and §7.1.7, Fail the WebSocket Connection: how
//! an open connection ends.
//!
//! First we end our direction of TCP ([`Writer::end_our_direction`]). Then the peer ends its own, and
//! until it does, we read and drop what it still sends ([`Writer::drain`]).

use super::config::deadline_in;
use super::error::Error;
use super::output::{Kind, Limits};
use super::shared::Shared;
use super::state::{Side, TcpEnd};
use super::stream::{Stream, is_timeout, limit_until, read_once};
use super::writer::{Writer, stream_of};
use crate::framing::{Buffer, CloseReason, Violation};
use std::io;
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// A peer that sends nothing for this long while it is drained is not waited for any longer.
const LONGEST_SILENCE: Duration = Duration::from_secs(1);

impl Shared {
    /// Writes a Close frame, with `before` in front of it. All together has `limit`: if it is over,
    /// TCP is ended.
    ///
    /// # Errors
    /// [`Error::Closing`] or [`Error::Closed`].
    pub(crate) fn transmit_close<S: Stream>(
        &self,
        stream: &mut S,
        before: &[u8],
        frame: &[u8],
        reason: &CloseReason,
        limit: Duration,
    ) -> Result<(), Error> {
        let deadline = deadline_in(limit);
        let is_over = || self.is_over();
        let turn = self
            .output
            .wait_for_turn(Kind::BetweenFragments, limit, is_over);
        let Some(mut turn) = turn else {
            if !self.is_over() {
                // Another sender has the turn, and its peer does not read.
                self.lose_output(stream, &io::ErrorKind::TimedOut.into());
            }
            return Err(self.error());
        };
        self.note_closing();
        let limits = Limits::within(deadline.saturating_duration_since(Instant::now()));
        match turn.write_all(stream, [before, frame], limits) {
            Ok(()) => {
                // Before the turn is given back: nothing goes behind a Close.
                self.note_sent(reason.clone());
                Ok(())
            }
            Err(error) => Err(self.lose_output(stream, &error)),
        }
    }

    /// The stream does not take what we write: TCP has ended, or it ends now because the peer does
    /// not read.
    pub(super) fn lose_output<S: Stream>(&self, stream: &mut S, error: &io::Error) -> Error {
        let is_slow = is_timeout(error);
        let how = match is_slow {
            true => "the peer did not read in time".to_owned(),
            false => error.to_string(),
        };
        self.note_end(Side::Peer, TcpEnd::Broken(how));
        if is_slow {
            // This wakes our reader, and senders that wait inside a write.
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.error()
    }

    /// Ends TCP in both directions at once. It wakes every thread that waits for the stream.
    pub(crate) fn end_now<S: Stream>(&self, stream: &mut S, by: Side, end: TcpEnd) {
        self.note_end(by, end);
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.shutdown(Shutdown::Both);
    }

    /// A limit has passed, and we do not wait any longer for what the peer has still to do: TCP ends
    /// now. What that is, the facts say.
    pub(crate) fn give_up<S: Stream>(&self, stream: &mut S) {
        let how = match self.has_received_close() {
            false => "the peer did not answer our Close in time",
            true => "the peer did not end TCP in time",
        };
        self.end_now(stream, Side::Us, TcpEnd::Broken(how.to_owned()));
    }
}

impl<S: Stream> Writer<S> {
    /// Sends what was written, and behind it a Close frame, all within `limit`. Nothing is sent
    /// after that.
    pub(super) fn send_close(
        &mut self,
        reason: &CloseReason,
        limit: Duration,
    ) -> Result<(), Error> {
        let mut frame = Vec::new();
        reason.encode_frame(self.masking_key(), &mut frame);
        let stream = stream_of(&mut self.stream);
        let result = self
            .shared
            .transmit_close(stream, &self.output, &frame, reason, limit);
        self.forget_output();
        result
    }

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

/// Closes TCP as §7.1.1 advises: ends our direction, then reads and drops what the peer still
/// sends, until the peer ends its direction or `limit` has passed. To close at once with unread
/// bytes would reset TCP, and the peer could lose what we sent last.
pub(crate) fn close_gently<S: Stream>(stream: &mut S, limit: Duration) {
    let _ = stream.flush();
    // If the peer cannot be told that we are done, each side would wait for the other.
    if stream.shutdown(Shutdown::Write).is_ok() {
        wait_for_end(stream, limit, limit);
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// Reads and drops bytes until the peer ends its direction, for `limit` at most, and while no wait
/// for a byte is longer than `silence`. Returns whether that end was seen.
fn wait_for_end<S: Stream>(stream: &mut S, limit: Duration, silence: Duration) -> bool {
    let deadline = deadline_in(limit);
    let mut dropped = Buffer::new();
    let mut until = deadline.min(deadline_in(silence));
    // A stream without time limits could wait for ever.
    while Instant::now() < until && limit_until(stream, until).is_ok_and(|limits| limits) {
        match read_once(stream, dropped.room()) {
            Ok(0) => return true,
            Ok(count) => {
                dropped.filled(count);
                dropped.consume(count);
                until = deadline.min(deadline_in(silence));
            }
            Err(error) if is_timeout(&error) => {}
            Err(_) => return false,
        }
    }
    false
}
