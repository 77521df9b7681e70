//! RFC 6455 §7, Closing the Connection: the closing handshake, and what fails a connection.
//!
//! These are the calls of [`WebSocket`] that end it. How TCP ends is `ending.rs`.

use super::error::Error;
use super::state::{State, TcpEnd};
use super::stream::Stream;
use super::websocket::{Reading, WebSocket};
use crate::framing::{CloseCode, CloseReason, Role, Violation};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

impl<S: Stream> WebSocket<S> {
    /// Closes the connection (§7.1.2): sends a Close with a code and a reason, reads until the
    /// peer's Close comes, and waits for the end of TCP. Messages that come before the peer's Close
    /// are dropped. If the peer has closed already, only the end of TCP is waited for.
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a code that may not be sent (§7.4) or a reason over 123 bytes.
    /// [`Error::Closed`] if no Close comes back within
    /// [`Config::close_timeout`](crate::Config::close_timeout), or if the connection had ended.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let started = self.start_close(code, reason);
        if started.is_ok() {
            while self.read()?.is_some() {}
        }
        self.finish();
        started
    }

    /// The first half of [`close`](Self::close): sends the Close and returns. What the peer still
    /// sends can be read until `read` returns `None`.
    ///
    /// # Errors
    /// [`Error::Unsendable`] as for [`close`](Self::close); [`Error::Closing`] if a Close was sent
    /// before; [`Error::Closed`] if the connection had ended.
    pub fn start_close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let reason = CloseReason::new(code, reason)?;
        let limit = self.writer.config.close_timeout;
        self.writer.send_close(&reason, limit)
    }

    /// §5.5.1: "If an endpoint receives a Close frame and did not previously send a Close frame,
    /// the endpoint MUST send a Close frame in response", and it echoes the code. Then "The
    /// server MUST close the underlying TCP connection immediately; the client SHOULD wait for the
    /// server to close the connection".
    pub(super) fn answer_close(&mut self, reason: CloseReason) {
        self.reading = Reading::End;
        self.writer.shared.note_received(reason.clone());
        if !self.writer.shared.is_over() {
            // If the peer is gone already, the answer is lost. The peer's Close still counts.
            let limit = self.writer.config.close_timeout;
            let _ = self.writer.send_close(&reason, limit);
        }
        if self.role() == Role::Server {
            self.writer.end_our_direction();
        }
    }

    /// Waits for the end of TCP, if it has not come.
    fn finish(&mut self) {
        if self.reading == Reading::End {
            self.reading = Reading::Nothing;
            self.writer.drain();
        }
    }

    /// §7.1.7: the peer broke a rule.
    #[cold]
    pub(super) fn fail(&mut self, violation: Violation) -> Error {
        self.reading = Reading::End;
        self.writer.fail(violation)
    }

    /// §7.2.1: TCP was lost, so no Close can be sent.
    pub(super) fn lose(&mut self, end: TcpEnd) -> Error {
        self.reading = Reading::Nothing;
        self.writer.lose(end)
    }

    /// §7.1.7 says that an endpoint SHOULD send a Close when it fails a connection. A peer that is
    /// gone will probably not get it, so this has a second at most.
    pub(super) fn give_up_on_silence(&mut self, silence: Duration) -> Error {
        let seconds = silence.as_secs_f32();
        let how = format!("nothing came for {seconds:.0} s, not even an answer to our Ping");
        let limit = self.writer.config.close_timeout.min(Duration::from_secs(1));
        let reason = CloseReason::new(CloseCode::INTERNAL_ERROR, &how);
        let reason = reason.expect("it is short and may be sent");
        let _ = self.writer.send_close(&reason, limit);
        self.lose(TcpEnd::Broken(how))
    }

    pub(super) fn give_up_on_close(&mut self) -> Error {
        self.reading = Reading::Nothing;
        let shared = Arc::clone(&self.writer.shared);
        shared.give_up(self.writer.stream_mut());
        shared.error()
    }

    #[cold]
    pub(super) fn refuse_memory(&mut self) -> Error {
        self.reading = Reading::End;
        let reason = "the server has no memory for this message now";
        let limit = self.writer.config.close_timeout;
        if let Ok(reason) = CloseReason::new(CloseCode::TRY_AGAIN_LATER, reason) {
            let _ = self.writer.send_close(&reason, limit);
        }
        self.writer.end_our_direction();
        self.incoming.forget();
        self.release_memory();
        Error::OverBudget
    }
}

impl<S: Stream> Drop for WebSocket<S> {
    fn drop(&mut self) {
        if !self.writer.has_stream() {
            return;
        }
        if self.reading == Reading::Messages && self.state() != State::Closed {
            let code = match thread::panicking() {
                true => CloseCode::INTERNAL_ERROR,
                false => CloseCode::GOING_AWAY,
            };
            let _ = self.start_close(code, "");
            // Senders may live longer than this value. The connection does not.
            self.writer.end_our_direction();
            self.reading = Reading::End;
        }
        self.incoming.forget();
        self.finish();
    }
}
