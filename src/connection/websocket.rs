//! RFC 6455 §6.2, Receiving Data, §5.5, Control Frames, and §7, Closing the Connection: the open
//! connection.
//!
//! - It reads messages, answers Pings and the closing handshake, and closes.
//! - Sending is `output.rs`. How TCP ends is `ending.rs`. What is due and when is `timers.rs`.
//! - How a connection begins is `client/` and `server/`.

use super::config::Config;
use super::ending::Ending;
use super::entropy::Entropy;
use super::error::Error;
use super::output::Writer;
use super::shared::Shared;
use super::state::{Closed, Side, State, TcpEnd};
use super::stream::{Stream, Tcp, is_timeout, read_once};
use super::timers::{Due, Timers};
use crate::framing::{
    Buffer, CloseCode, CloseReason, Message, MessageDecoder, MessageKind, OpCode, Payload,
    Received, Role, Violation,
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{io, thread};

/// An open WebSocket connection, in either role, over any [`Stream`].
///
/// ```no_run
/// let mut socket = rfc6455::connect("ws://localhost:5050/ws")?;
/// while let Some(message) = socket.read()? {
///     println!("{message}");
/// }
/// if let Some(closed) = socket.closed() {
///     println!("{}", closed.reason());
/// }
/// # Ok::<(), rfc6455::Error>(())
/// ```
///
/// Dropping an open connection sends a Close and does not wait for the answer. The code is 1001
/// (going away), or 1011 (internal error) if the thread panics. [`close`](WebSocket::close) waits
/// for the answer.
#[derive(Debug)]
pub struct WebSocket<S: Stream = Tcp> {
    incoming: MessageDecoder,
    pub(super) writer: Writer<S>,
    timers: Timers,
    subprotocol: Option<String>,
    /// The time limit that the stream has for reads now.
    read_limit: Option<Duration>,
    /// Reading is over. Nothing is processed after a Close, or after failing (§7.1.7).
    finished: bool,
}

/// A message, and the writer to answer it.
type MessageAndWriter<'a, S> = (Message<'a>, &'a mut Writer<S>);

impl<S: Stream> WebSocket<S> {
    /// A connection whose opening handshake somebody else has done, such as another HTTP server.
    /// `received` are the bytes that arrived behind the handshake; they belong to the first frame.
    ///
    /// # Errors
    /// The stream refuses a time limit. [`io::ErrorKind::InvalidInput`]: the `config` cannot work
    /// ([`Config::check`]).
    pub fn after_handshake(
        stream: S,
        role: Role,
        received: &[u8],
        config: &Config,
    ) -> io::Result<WebSocket<S>> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        config.check().map_err(invalid)?;
        let mut buffer = Buffer::new();
        buffer.append(received);
        let opened = Opened {
            keys: masking_keys(role, config),
            buffer,
            subprotocol: None,
            shared: Arc::new(Shared::new(config.message_timeout)),
        };
        WebSocket::new(stream, opened, Arc::new(config.clone()))
    }

    pub(crate) fn new(
        mut stream: S,
        opened: Opened,
        config: Arc<Config>,
    ) -> io::Result<WebSocket<S>> {
        let role = match opened.keys {
            Some(_) => Role::Client,
            None => Role::Server,
        };
        let can_limit = stream.limit_reads(config.keepalive)?;
        stream.limit_writes(Some(config.write_timeout))?;
        opened.shared.note_opened();
        Ok(WebSocket {
            incoming: MessageDecoder::new(role, config.max_message, opened.buffer),
            timers: Timers::new(&config, can_limit),
            subprotocol: opened.subprotocol,
            read_limit: config.keepalive,
            writer: Writer::new(stream, opened.keys, config, opened.shared),
            finished: false,
        })
    }

    /// Waits for the next message and lends it. Pings and the closing handshake are answered while
    /// it waits. What was written and not flushed is sent first.
    ///
    /// `None`: the peer closed the connection with a Close frame. [`closed`](Self::closed) says
    /// why.
    ///
    /// # Errors
    /// [`Error::Violation`] if the peer breaks the protocol; [`Error::Closed`] if the connection
    /// ended without a Close from the peer; [`Error::TimedOut`] if the stream has a time limit of
    /// its own.
    #[inline]
    pub fn read(&mut self) -> Result<Option<Message<'_>>, Error> {
        Ok(self.read_until(None)?.map(|(message, _)| message))
    }

    /// [`read`](Self::read) for `limit` at most.
    ///
    /// # Errors
    /// Those of [`read_deadline`](Self::read_deadline).
    pub fn read_timeout(&mut self, limit: Duration) -> Result<Option<Message<'_>>, Error> {
        self.read_deadline(super::config::deadline_in(limit))
    }

    /// [`read`](Self::read) until `deadline` at most.
    ///
    /// # Errors
    /// [`Error::TimedOut`] at the deadline. Nothing is lost: not the beginning of a header, of a
    /// payload or of a message. The next read goes on where this one stopped.
    pub fn read_deadline(&mut self, deadline: Instant) -> Result<Option<Message<'_>>, Error> {
        Ok(self.read_until(Some(deadline))?.map(|(message, _)| message))
    }

    /// [`read`](Self::read), with the writer beside the message. The message is lent by one half of
    /// the connection, and the other half can answer it:
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
    pub fn read_with_writer(&mut self) -> Result<Option<MessageAndWriter<'_, S>>, Error> {
        self.read_until(None)
    }

    /// [`read_deadline`](Self::read_deadline), with the writer beside the message.
    ///
    /// # Errors
    /// Those of [`read_deadline`](Self::read_deadline).
    pub fn read_with_writer_deadline(
        &mut self,
        deadline: Instant,
    ) -> Result<Option<MessageAndWriter<'_, S>>, Error> {
        self.read_until(Some(deadline))
    }

    #[inline]
    fn read_until(
        &mut self,
        deadline: Option<Instant>,
    ) -> Result<Option<MessageAndWriter<'_, S>>, Error> {
        let Some((kind, payload)) = self.next_message(deadline)? else {
            return Ok(None);
        };
        match self.incoming.message(kind, payload) {
            Ok(message) => Ok(Some((message, &mut self.writer))),
            Err(violation) => {
                self.finished = true;
                Err(self.writer.fail(violation))
            }
        }
    }

    /// The loop of §6.2: decodes what has arrived until that gives a message, and receives more
    /// bytes when it gives nothing.
    #[inline]
    fn next_message(
        &mut self,
        deadline: Option<Instant>,
    ) -> Result<Option<(MessageKind, Payload)>, Error> {
        if self.finished {
            return self.end_of_reading();
        }
        let mut waited = false;
        loop {
            match self.incoming.next_received() {
                Ok(Some(Received::Message(kind, payload))) => {
                    self.timers.note_message();
                    return Ok(Some((kind, payload)));
                }
                Ok(Some(Received::Ping(payload))) => self.answer_ping(payload)?,
                // §5.5.3: "A response to an unsolicited Pong frame is not expected."
                Ok(Some(Received::Pong)) => {}
                Ok(Some(Received::Close(reason))) => {
                    self.answer_close(reason);
                    return Ok(None);
                }
                Ok(None) => {
                    // Bytes that never become a message do not stop the deadline.
                    if waited && deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                        return Err(Error::TimedOut);
                    }
                    self.receive(deadline)?;
                    waited = true;
                }
                Err(violation) => return Err(self.fail(violation)),
            }
        }
    }

    /// What `read` returns after the end.
    #[cold]
    fn end_of_reading(&self) -> Result<Option<(MessageKind, Payload)>, Error> {
        match self.writer.shared.received() {
            Some(_) => Ok(None),
            None => Err(self.writer.shared.error()),
        }
    }

    /// Waits for bytes: one `read` of the stream, or a time limit.
    fn receive(&mut self, deadline: Option<Instant>) -> Result<(), Error> {
        // If this fails, the peer may have said why before it went. That is read first.
        let _ = self.writer.flush();
        self.check_late_peer()?;
        self.limit_read(deadline)?;
        match read_once(self.writer.stream_mut(), self.incoming.room()) {
            Ok(0) => Err(self.lose(TcpEnd::ClosedBy(Side::Peer))),
            Ok(count) => {
                self.incoming.filled(count);
                self.timers.note_bytes();
                Ok(())
            }
            Err(error) if is_timeout(&error) => self.do_what_is_due(deadline),
            Err(error) => Err(self.lose(TcpEnd::Broken(error.to_string()))),
        }
    }

    /// Two limits end the connection before the next wait: a message that takes too long, and a
    /// Close that is not answered.
    fn check_late_peer(&mut self) -> Result<(), Error> {
        if self.incoming.is_incomplete() && self.timers.is_message_too_slow() {
            let limit = self.writer.config.message_timeout.as_secs();
            return Err(self.fail(Violation::TooSlow { limit }));
        }
        if self.writer.shared.is_over() && self.timers.is_close_late() {
            return Err(self.give_up_on_close());
        }
        Ok(())
    }

    /// Tells the stream how long its next read may take, if that has changed.
    fn limit_read(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        let limit = self.timers.read_limit(deadline);
        if limit != self.read_limit {
            self.writer.stream_mut().limit_reads(limit)?;
            self.read_limit = limit;
        }
        Ok(())
    }

    /// A read waited and got nothing.
    #[cold]
    fn do_what_is_due(&mut self, deadline: Option<Instant>) -> Result<(), Error> {
        let may_ping = !self.writer.shared.is_over();
        match self.timers.due(deadline, may_ping) {
            Due::Nothing => Ok(()),
            Due::Deadline => Err(Error::TimedOut),
            Due::Ping => self.writer.ping(b""),
            Due::PeerIsGone(silence) => {
                let seconds = silence.as_secs_f32();
                let how =
                    format!("nothing came for {seconds:.0} s, not even an answer to our Ping");
                Err(self.lose(TcpEnd::Broken(how)))
            }
            Due::CloseUnanswered => Err(self.give_up_on_close()),
        }
    }

    /// §7.1.7: the peer broke a rule.
    #[cold]
    fn fail(&mut self, violation: Violation) -> Error {
        self.finished = true;
        self.writer.fail(violation)
    }

    /// §7.2.1: TCP was lost, so no Close can be sent.
    fn lose(&mut self, end: TcpEnd) -> Error {
        self.finished = true;
        self.writer.end(Ending::Lost(end));
        self.writer.shared.error()
    }

    fn give_up_on_close(&mut self) -> Error {
        self.finished = true;
        let shared = Arc::clone(&self.writer.shared);
        shared.end_unanswered(self.writer.stream_mut());
        shared.error()
    }

    /// §5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response" with
    /// the same payload. The Pong leaves with the next flush, at the latest before we wait.
    fn answer_ping(&mut self, payload: Payload) -> Result<(), Error> {
        if self.writer.shared.is_over() {
            return Ok(());
        }
        let payload = self.incoming.payload(payload);
        self.writer.write_frame(true, OpCode::Pong, payload)
    }

    /// §5.5.1: "If an endpoint receives a Close frame and did not previously send a Close frame,
    /// the endpoint MUST send a Close frame in response", and it echoes the code. Then TCP ends.
    fn answer_close(&mut self, reason: CloseReason) {
        self.finished = true;
        self.writer.shared.note_received(reason.clone());
        if !self.writer.shared.is_over() {
            // If the peer is gone already, the answer is lost. The peer's Close still counts.
            let _ = self.writer.send_close(&reason);
        }
        self.writer
            .end(Ending::after_closing_handshake(self.incoming.receiver()));
    }

    /// Closes the connection (§7.1.2): sends a Close with a code and a reason, reads until the
    /// peer's Close comes, and ends TCP. Messages that come before the peer's Close are dropped.
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a code that may not be sent (§7.4) or a reason over 123 bytes.
    /// [`Error::Closed`] if no Close comes back within
    /// [`Config::close_timeout`](crate::Config::close_timeout), or if the connection had ended.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.start_close(code, reason)?;
        while self.read()?.is_some() {}
        Ok(())
    }

    /// The first half of [`close`](Self::close): sends the Close and returns. What the peer still
    /// sends can be read until `read` returns `None`.
    ///
    /// # Errors
    /// [`Error::Unsendable`] as for [`close`](Self::close); [`Error::Closing`] if a Close was sent
    /// before; [`Error::Closed`] if the connection had ended.
    pub fn start_close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let reason = CloseReason::new(code, reason)?;
        self.writer.send_close(&reason)
    }

    /// Sends a message at once: [`write`](Self::write), then [`flush`](Self::flush).
    ///
    /// # Errors
    /// Those of [`Writer::flush`].
    pub fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.writer.send(message)
    }

    /// Encodes a message, to be sent by the next flush; see [`Writer::write`].
    ///
    /// # Errors
    /// Those of [`Writer::write`].
    #[inline]
    pub fn write<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.writer.write(message)
    }

    /// Sends what was written; see [`Writer::flush`].
    ///
    /// # Errors
    /// Those of [`Writer::flush`].
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

    /// What became of the connection: who closed it, with which code and reason, and whether the
    /// closing handshake was completed. `None` before TCP has ended.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.writer.shared.closed()
    }

    /// The state of the connection.
    #[must_use]
    pub fn state(&self) -> State {
        self.writer.shared.state()
    }

    /// Whether this end is the client or the server.
    #[must_use]
    pub fn role(&self) -> Role {
        self.incoming.receiver()
    }

    /// The _Subprotocol In Use_ (§4.1), if the two sides agreed on one.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// The stream below.
    #[must_use]
    pub fn stream(&self) -> &S {
        self.writer.stream()
    }

    /// Flushes what was written, and gives the stream back, with the bytes that were received and
    /// not read. No Close is sent: on an open connection the caller goes on with the protocol.
    ///
    /// The stream keeps its time limits ([`Stream::limit_reads`], [`Stream::limit_writes`]). Set your
    /// own.
    ///
    /// # Errors
    /// Those of [`Writer::flush`].
    pub fn into_inner(mut self) -> Result<(S, Vec<u8>), Error> {
        if self.state() == State::Open {
            self.writer.flush()?;
        }
        let unread = self.incoming.unread();
        let stream = self.writer.take_stream();
        Ok((stream.expect("only this call takes it"), unread))
    }
}

impl<S: Stream> Drop for WebSocket<S> {
    fn drop(&mut self) {
        if !self.writer.has_stream() || self.state() == State::Closed {
            return;
        }
        let code = match thread::panicking() {
            true => CloseCode::INTERNAL_ERROR,
            false => CloseCode::GOING_AWAY,
        };
        let _ = self.start_close(code, "");
        // Senders may live longer than this value. The connection does not.
        let shared = Arc::clone(&self.writer.shared);
        let end = TcpEnd::ClosedBy(Side::Us);
        shared.end_now(self.writer.stream_mut(), Side::Us, end);
    }
}

/// What the opening handshake leaves to the open connection.
#[derive(Debug)]
pub(crate) struct Opened {
    /// A client's source of masking keys; a server has none.
    pub(crate) keys: Option<Entropy>,
    /// The bytes that arrived behind the handshake.
    pub(crate) buffer: Buffer,
    pub(crate) subprotocol: Option<String>,
    pub(crate) shared: Arc<Shared>,
}

/// A new source of masking keys, if this role masks (§5.1).
pub(super) fn masking_keys(role: Role, config: &Config) -> Option<Entropy> {
    match role {
        Role::Client => Some((config.entropy)()),
        Role::Server => None,
    }
}
