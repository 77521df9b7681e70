//! Read first: RFC 6455 §6.2, Receiving Data, §5.5, Control Frames, and §7, Closing.
//!
//! The open connection: reads messages, answers what the protocol answers by itself, and closes.
//! What may be sent and when is `writer.rs`; how a connection comes to be is `client.rs` and
//! `server.rs`.

use crate::buffer::Buffer;
use crate::close::{CloseCode, CloseReason, Closed, Side, TcpEnd};
use crate::config::Config;
use crate::entropy::Entropy;
use crate::error::{Error, Violation};
use crate::frame::{OpCode, Role};
use crate::message::{Event, Incoming, Kind, Message, Place};
use crate::pieces::{Piece, Pieces};
use crate::sender::Sender;
use crate::stream::{Stream, Tcp, close_gently, limit_until, read_once, timed_out, wait_for_end};
use crate::writer::Writer;
use std::net::Shutdown;
use std::time::{Duration, Instant};
use std::{io, thread};

/// The state of a connection, by the names of the JavaScript API. CONNECTING is not among them:
/// before the opening handshake is done there is no [`WebSocket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Messages pass.
    Open,
    /// A Close frame was sent or received (§7.1.3).
    Closing,
    /// TCP has ended (§7.1.4).
    Closed,
}

/// An open WebSocket connection, in either role, over any [`Stream`].
///
/// ```no_run
/// let mut socket = rfc6455::connect("ws://localhost:5050/ws")?;
/// while let Some(message) = socket.read()? {
///     println!("{message}");
/// }
/// println!("{}", socket.closed().reason());
/// # Ok::<(), rfc6455::Error>(())
/// ```
///
/// Dropping an open connection sends a Close with 1001 (going away), or 1011 (internal error) if
/// the thread panics, and does not wait for the answer; [`close`](WebSocket::close) does.
#[derive(Debug)]
pub struct WebSocket<S: Stream = Tcp> {
    incoming: Incoming,
    writer: Writer<S>,
    subprotocol: Option<String>,
    /// For the keys of a client's senders.
    entropy: fn() -> Entropy,
    close_timeout: Duration,
    /// By when the peer's Close must have come, once ours was sent.
    close_deadline: Option<Instant>,
    /// Whether the stream's reads are limited now, so that it is told only when that changes.
    reads_limited: bool,
    /// Whether reading is over: nothing is processed after failing (§7.1.7) or after a Close.
    finished: bool,
}

impl<S: Stream> WebSocket<S> {
    /// A connection whose opening handshake was done elsewhere, say by another HTTP server.
    ///
    /// # Errors
    /// The stream refuses a time limit.
    pub fn after_handshake(stream: S, role: Role, config: &Config) -> io::Result<WebSocket<S>> {
        let keys = match role {
            Role::Client => Some((config.entropy)()),
            Role::Server => None,
        };
        WebSocket::new(stream, keys, Buffer::new(), config, None)
    }

    /// `keys` are a client's; `buffer` holds what arrived behind the handshake.
    pub(crate) fn new(
        mut stream: S,
        keys: Option<Entropy>,
        buffer: Buffer,
        config: &Config,
        subprotocol: Option<String>,
    ) -> io::Result<WebSocket<S>> {
        let role = match keys {
            Some(_) => Role::Client,
            None => Role::Server,
        };
        stream.limit_reads(None)?;
        stream.limit_writes(Some(config.write_timeout))?;
        Ok(WebSocket {
            incoming: Incoming::new(role, config.max_message, buffer),
            writer: Writer::new(stream, keys, config),
            subprotocol,
            entropy: config.entropy,
            close_timeout: config.close_timeout,
            close_deadline: None,
            reads_limited: false,
            finished: false,
        })
    }

    /// Waits for the next message and lends it. Pings and the closing handshake are answered on
    /// the way; what was written and not flushed is sent before it waits.
    ///
    /// `None`: the peer closed the connection with a Close frame, and [`closed`](Self::closed)
    /// says why.
    ///
    /// # Errors
    /// [`Error::Violation`] if the peer breaks the protocol; [`Error::Closed`] if the connection
    /// ended without a Close from the peer; [`Error::TimedOut`] if the stream has a time limit of
    /// its own.
    #[inline]
    pub fn read(&mut self) -> Result<Option<Message<'_>>, Error> {
        Ok(self.read_by(None)?.map(|(message, _)| message))
    }

    /// [`read`](Self::read) with a time limit.
    ///
    /// # Errors
    /// [`Error::TimedOut`] at `deadline`. Nothing is lost: not the beginning of a header, of a
    /// payload or of a message. The next read goes on where this one stopped.
    pub fn read_before(&mut self, deadline: Instant) -> Result<Option<Message<'_>>, Error> {
        Ok(self.read_by(Some(deadline))?.map(|(message, _)| message))
    }

    /// [`read`](Self::read), and beside the message, which is lent by one half of the connection,
    /// the other half, to answer it:
    ///
    /// ```no_run
    /// # let mut socket = rfc6455::connect("ws://localhost:5050/ws")?;
    /// while let Some((message, writer)) = socket.read_with_writer()? {
    ///     writer.write(message)?;
    /// }
    /// # Ok::<(), rfc6455::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    #[inline]
    pub fn read_with_writer(&mut self) -> Result<Option<(Message<'_>, &mut Writer<S>)>, Error> {
        self.read_by(None)
    }

    #[inline]
    #[allow(clippy::type_complexity)]
    fn read_by(
        &mut self,
        deadline: Option<Instant>,
    ) -> Result<Option<(Message<'_>, &mut Writer<S>)>, Error> {
        let Some((kind, place)) = self.next_message(deadline)? else {
            return Ok(None);
        };
        match self.incoming.message(kind, place) {
            Ok(message) => Ok(Some((message, &mut self.writer))),
            Err(violation) => {
                self.finished = true;
                Err(fail(&mut self.writer, self.close_timeout, violation))
            }
        }
    }

    /// The loop of §6.2: events until one is a message, reads until there is an event.
    #[inline]
    fn next_message(&mut self, deadline: Option<Instant>) -> Result<Option<(Kind, Place)>, Error> {
        if self.finished {
            return self.verdict();
        }
        loop {
            match self.incoming.next_event() {
                Ok(Some(Event::Message(kind, place))) => return Ok(Some((kind, place))),
                Ok(Some(Event::Ping(payload))) => self.answer_ping(payload)?,
                // §5.5.3: "A response to an unsolicited Pong frame is not expected."
                Ok(Some(Event::Pong)) => {}
                Ok(Some(Event::Close(reason))) => {
                    self.finished = true;
                    self.answer_close(reason);
                    return Ok(None);
                }
                Ok(None) => self.receive(deadline)?,
                Err(violation) => {
                    self.finished = true;
                    return Err(fail(&mut self.writer, self.close_timeout, violation));
                }
            }
        }
    }

    /// What a `read` says after the end.
    #[cold]
    fn verdict(&self) -> Result<Option<(Kind, Place)>, Error> {
        let closed = self.closed();
        match closed.received {
            Some(_) => Ok(None),
            None => Err(Error::Closed(closed)),
        }
    }

    /// Waits for bytes: one `read` of the stream.
    fn receive(&mut self, deadline: Option<Instant>) -> Result<(), Error> {
        // If it fails, the peer may have said why before it went: that is read first.
        let _ = self.writer.flush();

        let limit = match (deadline, self.close_deadline) {
            (Some(deadline), Some(close)) => Some(deadline.min(close)),
            (deadline, close) => deadline.or(close),
        };
        let stream = &mut self.writer.stream;
        if let Some(limit) = limit {
            limit_until(stream, limit)?;
        } else if self.reads_limited {
            stream.limit_reads(None)?;
        }
        self.reads_limited = limit.is_some();

        match self.incoming.fill(|room| read_once(stream, room)) {
            Ok(0) => Err(self.lost(TcpEnd::ClosedBy(Side::Peer))),
            Ok(_) => Ok(()),
            Err(error) if timed_out(&error) => {
                if self
                    .close_deadline
                    .is_some_and(|close| close <= Instant::now())
                {
                    let end = TcpEnd::Broken("the peer did not answer our Close in time".into());
                    return Err(self.lost(end));
                }
                Err(Error::TimedOut)
            }
            Err(error) => Err(self.lost(TcpEnd::Broken(error.to_string()))),
        }
    }

    /// §7.2.1: the transport was lost, so the connection is failed; no Close can be sent.
    fn lost(&mut self, end: TcpEnd) -> Error {
        self.finished = true;
        self.writer.line.note_end(Side::Peer, end);
        let _ = self.writer.stream.shutdown(Shutdown::Both);
        self.writer.line.error()
    }

    /// §5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response" with
    /// the same payload. It leaves with the next flush, at the latest before we wait.
    fn answer_ping(&mut self, payload: Place) -> Result<(), Error> {
        if self.writer.line.is_over() {
            return Ok(());
        }
        let payload = self.incoming.payload(payload);
        self.writer.write_frame(true, OpCode::Pong, payload)
    }

    /// §5.5.1: "If an endpoint receives a Close frame and did not previously send a Close frame,
    /// the endpoint MUST send a Close frame in response", and it echoes the code. Then TCP ends.
    fn answer_close(&mut self, reason: CloseReason) {
        self.writer.line.note_received(reason.clone());
        if !self.writer.line.is_over() {
            // If the peer is gone already, it has said what it wanted; there is nobody to tell.
            let _ = self.writer.send_close(&reason);
        }
        end_tcp(
            &mut self.writer,
            self.incoming.receiver(),
            self.close_timeout,
        );
    }

    /// Closes the connection (§7.1.2): sends a Close with a code and a reason, reads on until the
    /// peer's Close comes (messages that come before it are dropped), and ends TCP.
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a code that may not be sent (§7.4) or a reason over 123 bytes;
    /// [`Error::Closed`] if no Close comes back within
    /// [`Config::close_timeout`](crate::Config::close_timeout), or the connection had ended.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.start_close(code, reason)?;
        while self.read()?.is_some() {}
        Ok(())
    }

    /// The first half of [`close`](Self::close): sends the Close and returns. What the peer still
    /// sends can be read until `read` returns `None`.
    ///
    /// # Errors
    /// As for [`close`](Self::close).
    pub fn start_close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let reason = CloseReason::to_send(code, reason)?;
        self.writer.send_close(&reason)?;
        self.close_deadline = Some(Instant::now() + self.close_timeout);
        Ok(())
    }

    /// Sends a message at once: [`write`](Self::write), then [`flush`](Self::flush).
    ///
    /// # Errors
    /// [`Error::Closed`] if nothing may be sent any more.
    pub fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.writer.send(message)
    }

    /// Buffers a message; see [`Writer::write`].
    ///
    /// # Errors
    /// [`Error::Closed`] if nothing may be sent any more.
    #[inline]
    pub fn write<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.writer.write(message)
    }

    /// Sends what was written; see [`Writer::flush`].
    ///
    /// # Errors
    /// [`Error::Closed`] if nothing may be sent any more.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.writer.flush()
    }

    /// Sends a Ping; see [`Writer::ping`].
    ///
    /// # Errors
    /// Those of [`Writer::ping`].
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.writer.ping(payload)
    }

    /// Sends an unsolicited Pong; see [`Writer::pong`].
    ///
    /// # Errors
    /// Those of [`Writer::pong`].
    pub fn pong(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.writer.pong(payload)
    }

    /// A message to be sent piece by piece (§5.4), its length unknown as yet: `in_pieces::<str>()`
    /// for text, `in_pieces::<[u8]>()` for bytes.
    pub fn in_pieces<P: Piece + ?Sized>(&mut self) -> Pieces<'_, S, P> {
        Pieces::new(&mut self.writer)
    }

    /// Sends from other threads while this one reads.
    #[must_use]
    pub fn sender(&self) -> Sender<S>
    where
        S: Clone,
    {
        let keys = match self.role() {
            Role::Client => Some((self.entropy)()),
            Role::Server => None,
        };
        let writer = &self.writer;
        Sender::new(
            writer.stream.clone(),
            writer.line.clone(),
            keys,
            self.close_timeout,
        )
    }

    /// What became of the connection: who closed it, with which code and reason, and whether the
    /// closing handshake was completed. While it is open nothing of that is known.
    #[must_use]
    pub fn closed(&self) -> Closed {
        self.writer.line.closed()
    }

    /// Where the connection stands.
    #[must_use]
    pub fn state(&self) -> State {
        let closed = self.closed();
        if closed.tcp.is_some() {
            State::Closed
        } else if closed.sent.is_some() || closed.received.is_some() {
            State::Closing
        } else {
            State::Open
        }
    }

    /// Whether this end is the client or the server.
    #[must_use]
    pub fn role(&self) -> Role {
        self.incoming.receiver()
    }

    /// The _Subprotocol In Use_ (§4.1), if one was agreed on.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// The stream beneath.
    #[must_use]
    pub fn stream(&self) -> &S {
        &self.writer.stream
    }
}

impl<S: Stream> Drop for WebSocket<S> {
    fn drop(&mut self) {
        if self.state() == State::Closed {
            return;
        }
        let code = if thread::panicking() {
            CloseCode::INTERNAL_ERROR
        } else {
            CloseCode::GOING_AWAY
        };
        let _ = self.start_close(code, "");
        // Senders may outlive us; the connection does not.
        let _ = self.writer.stream.shutdown(Shutdown::Both);
        let end = TcpEnd::ClosedBy(Side::Us);
        self.writer.line.note_end(Side::Us, end);
    }
}

/// _Fail the WebSocket Connection_ (§7.1.7): a Close with the code of the violation and, as its
/// reason, the rule; then TCP ends, and whatever the peer sends is not looked at.
#[cold]
fn fail<S: Stream>(writer: &mut Writer<S>, limit: Duration, violation: Violation) -> Error {
    let mut text = violation.to_string();
    text.truncate(text.floor_char_boundary(CloseReason::MAX_TEXT));
    let reason = CloseReason::new(violation.close_code(), &text)
        .expect("the code of a violation may be sent, and the reason was cut to size");
    let _ = writer.send_close(&reason);
    writer.line.note_end(Side::Us, TcpEnd::ClosedBy(Side::Us));
    close_gently(&mut writer.stream, limit);
    Error::Violation(violation)
}

/// _Close the WebSocket Connection_ (§7.1.1), both Close frames having passed: "The server MUST
/// close the underlying TCP connection immediately; the client SHOULD wait for the server", but
/// not for ever.
fn end_tcp<S: Stream>(writer: &mut Writer<S>, role: Role, limit: Duration) {
    let by = match role {
        Role::Server => {
            close_gently(&mut writer.stream, limit);
            Side::Us
        }
        Role::Client => {
            let by = match wait_for_end(&mut writer.stream, limit) {
                true => Side::Peer,
                false => Side::Us,
            };
            let _ = writer.stream.shutdown(Shutdown::Both);
            by
        }
    };
    writer.line.note_end(by, TcpEnd::ClosedBy(by));
}
