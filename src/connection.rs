//! Read first: RFC 6455 §6.2, Receiving Data, §5.5, Control Frames, and §7, Closing.
//!
//! The open connection: reads messages, answers what the protocol answers by itself, and closes.
//! What may be sent and when is `writer.rs`; how a connection comes to be is `client.rs` and
//! `server.rs`.

use crate::buffer::Buffer;
use crate::close::{CloseCode, CloseReason, Closed, Side, TcpEnd};
use crate::config::{Config, deadline_in};
use crate::entropy::Entropy;
use crate::error::{Error, Violation};
use crate::frame::{OpCode, Role};
use crate::message::{Event, Incoming, Kind, Message, Place};
use crate::pieces::{Piece, Pieces};
use crate::sender::Sender;
use crate::stream::{Stream, Tcp, close_gently, limit_until, read_once, timed_out, wait_for_end};
use crate::writer::{Line, Writer};
use std::net::Shutdown;
use std::sync::Arc;
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
    /// By when the peer's Close must have come: set when the first read waits for it.
    close_deadline: Option<Instant>,
    /// When the message that is arriving began to, once a read had to wait for more of it.
    message_began: Option<Instant>,
    /// After so much silence a Ping; `None` without keepalive.
    keepalive: Option<Duration>,
    /// When bytes last arrived.
    heard: Instant,
    /// Whether a Ping was sent into the silence.
    pinged: bool,
    /// Whether the stream's reads have their standing limit, `keepalive`, and not one of their own.
    standing_limit: bool,
    /// Whether reading is over: nothing is processed after failing (§7.1.7) or after a Close.
    finished: bool,
}

impl<S: Stream> WebSocket<S> {
    /// A connection whose opening handshake was done elsewhere, say by another HTTP server.
    ///
    /// # Errors
    /// The stream refuses a time limit.
    pub fn after_handshake(stream: S, role: Role, config: &Config) -> io::Result<WebSocket<S>> {
        let config = Arc::new(config.clone());
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
        config: Arc<Config>,
        subprotocol: Option<String>,
    ) -> io::Result<WebSocket<S>> {
        let role = match keys {
            Some(_) => Role::Client,
            None => Role::Server,
        };
        let has_limits = stream.limit_reads(config.keepalive)?;
        stream.limit_writes(Some(config.write_timeout))?;
        Ok(WebSocket {
            incoming: Incoming::new(role, config.max_message, buffer),
            subprotocol,
            close_deadline: None,
            message_began: None,
            keepalive: config.keepalive.filter(|_| has_limits),
            writer: Writer::new(stream, keys, config),
            heard: Instant::now(),
            pinged: false,
            standing_limit: true,
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
                Err(fail(&mut self.writer, violation))
            }
        }
    }

    /// The loop of §6.2: events until one is a message, reads until there is an event.
    #[inline]
    fn next_message(&mut self, deadline: Option<Instant>) -> Result<Option<(Kind, Place)>, Error> {
        if self.finished {
            return self.verdict();
        }
        let mut waited = false;
        loop {
            match self.incoming.next_event() {
                Ok(Some(Event::Message(kind, place))) => {
                    self.message_began = None;
                    return Ok(Some((kind, place)));
                }
                Ok(Some(Event::Ping(payload))) => self.answer_ping(payload)?,
                // §5.5.3: "A response to an unsolicited Pong frame is not expected."
                Ok(Some(Event::Pong)) => {}
                Ok(Some(Event::Close(reason))) => {
                    self.finished = true;
                    self.answer_close(reason);
                    return Ok(None);
                }
                Ok(None) => {
                    // What arrives without end and is no message does not hold up a deadline.
                    if waited && deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                        return Err(Error::TimedOut);
                    }
                    self.receive(deadline)?;
                    waited = true;
                }
                Err(violation) => {
                    self.finished = true;
                    return Err(fail(&mut self.writer, violation));
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

    /// Waits for bytes: one `read` of the stream, or a silence.
    fn receive(&mut self, deadline: Option<Instant>) -> Result<(), Error> {
        // If it fails, the peer may have said why before it went: that is read first.
        let _ = self.writer.flush();
        self.check_message_in_time()?;
        let deadline = self.limit_read(deadline)?;
        let stream = &mut self.writer.stream;
        match self.incoming.fill(|room| read_once(stream, room)) {
            Ok(0) => Err(self.lost(TcpEnd::ClosedBy(Side::Peer))),
            Ok(_) => {
                self.heard = Instant::now();
                self.pinged = false;
                Ok(())
            }
            Err(error) if timed_out(&error) => self.silence(deadline),
            Err(error) => Err(self.lost(TcpEnd::Broken(error.to_string()))),
        }
    }

    /// §10.4, in time instead of bytes: a message that does not end is refused. Bytes that trickle
    /// come here with each trickle.
    fn check_message_in_time(&mut self) -> Result<(), Error> {
        if !self.incoming.is_amid_message() {
            return Ok(());
        }
        let began = *self.message_began.get_or_insert(self.heard);
        if self.heard - began < self.writer.config.message_timeout {
            return Ok(());
        }
        let limit = self.writer.config.message_timeout.as_secs();
        self.finished = true;
        let violation = Violation::TooSlow { limit };
        Err(fail(&mut self.writer, violation))
    }

    /// Tells the stream how long its next read may take. Returns the deadline, if there is one:
    /// the caller's, or that for the answer to our Close.
    fn limit_read(&mut self, deadline: Option<Instant>) -> Result<Option<Instant>, Error> {
        let mut deadline = deadline;
        if self.writer.line.is_over() {
            let limit = self.writer.config.close_timeout;
            let close = *self
                .close_deadline
                .get_or_insert_with(|| deadline_in(limit));
            if close <= Instant::now() {
                return Err(self.unanswered());
            }
            deadline = Some(deadline.map_or(close, |deadline| deadline.min(close)));
        }
        let stream = &mut self.writer.stream;
        match deadline {
            Some(deadline) => {
                let ping = self.keepalive.map(deadline_in);
                limit_until(stream, ping.map_or(deadline, |ping| ping.min(deadline)))?;
                self.standing_limit = false;
            }
            None if !self.standing_limit => {
                stream.limit_reads(self.keepalive)?;
                self.standing_limit = true;
            }
            None => {}
        }
        Ok(deadline)
    }

    /// The time limit of a read ran out. That may be the caller's deadline, or the end of our
    /// patience with a peer from which nothing comes; else it goes on.
    #[cold]
    fn silence(&mut self, deadline: Option<Instant>) -> Result<(), Error> {
        let now = Instant::now();
        if self.close_deadline.is_some_and(|close| close <= now) {
            return Err(self.unanswered());
        }
        if let Some(keepalive) = self.keepalive {
            let silence = now - self.heard;
            if !self.pinged && silence >= keepalive && !self.writer.line.is_over() {
                self.pinged = true;
                self.writer.ping(b"")?;
            } else if self.pinged && silence >= keepalive.saturating_mul(2) {
                let seconds = silence.as_secs_f32();
                let how = format!("nothing came for {seconds:.0} s, no answer to our Ping either");
                return Err(self.lost(TcpEnd::Broken(how)));
            }
        }
        match (deadline, self.keepalive) {
            (Some(deadline), _) if deadline <= now => Err(Error::TimedOut),
            // The stream has a limit of its own.
            (None, None) => Err(Error::TimedOut),
            _ => Ok(()),
        }
    }

    fn unanswered(&mut self) -> Error {
        let how = "the peer did not answer our Close in time".to_owned();
        self.lost(TcpEnd::Broken(how))
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
        end_tcp(&mut self.writer, self.incoming.receiver());
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
        self.writer.send_close(&reason)
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
            Role::Client => Some((self.writer.config.entropy)()),
            Role::Server => None,
        };
        let writer = &self.writer;
        Sender::new(writer, keys)
    }

    /// What this connection has in common with all who send on it.
    pub(crate) fn line(&self) -> Arc<Line> {
        Arc::clone(&self.writer.line)
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
        let _ = self.writer.stream.shutdown(Shutdown::Write);
        let _ = self.writer.stream.shutdown(Shutdown::Both);
        let end = TcpEnd::ClosedBy(Side::Us);
        self.writer.line.note_end(Side::Us, end);
    }
}

/// _Fail the WebSocket Connection_ (§7.1.7): a Close with the code of the violation and, as its
/// reason, the rule; then TCP ends, and whatever the peer sends is not looked at.
#[cold]
fn fail<S: Stream>(writer: &mut Writer<S>, violation: Violation) -> Error {
    let mut text = violation.to_string();
    text.truncate(text.floor_char_boundary(CloseReason::MAX_TEXT));
    let reason = CloseReason::new(violation.close_code(), &text)
        .expect("the code of a violation may be sent, and the reason was cut to size");
    let _ = writer.send_close(&reason);
    writer.line.note_end(Side::Us, TcpEnd::ClosedBy(Side::Us));
    close_gently(&mut writer.stream, writer.config.close_timeout);
    Error::Violation(violation)
}

/// _Close the WebSocket Connection_ (§7.1.1), both Close frames having passed: "The server MUST
/// close the underlying TCP connection immediately; the client SHOULD wait for the server", but
/// not for ever.
fn end_tcp<S: Stream>(writer: &mut Writer<S>, role: Role) {
    let limit = writer.config.close_timeout;
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
            let _ = writer.stream.shutdown(Shutdown::Write);
            let _ = writer.stream.shutdown(Shutdown::Both);
            by
        }
    };
    writer.line.note_end(by, TcpEnd::ClosedBy(by));
}
