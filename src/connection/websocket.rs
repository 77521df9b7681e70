//! RFC 6455 §6.2, Receiving Data, §5.5, Control Frames, and §7, Closing the Connection: the open
//! connection.
//!
//! - It reads messages, answers Pings and the closing handshake, and closes.
//! - Sending is `writer.rs`. How TCP ends is `ending.rs`. What is due and when is `timers.rs`.
//! - How a connection begins is `client/` and `server/`.

use super::budget::Share;
use super::config::Config;
use super::error::Error;
use super::opened::Opened;
use super::output::{RETRY, limit_single_writes};
use super::state::{Closed, Side, State, TcpEnd};
use super::stream::{Stream, Tcp, is_timeout, read_once};
use super::timers::{Due, Timers};
use super::writer::Writer;
use crate::framing::{
    Message, MessageDecoder, MessageKind, OpCode, Payload, Received, Role, Violation,
};
use crate::opening::Deflate;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
/// Dropping an open connection sends a Close with 1001 (going away), or with 1011 (internal error) if
/// the thread panics. Then it drops what the peer still sends, until the peer ends TCP, sends nothing
/// for a second, or [`Config::close_timeout`] is over. [`close`](WebSocket::close) says how the peer
/// answered.
#[derive(Debug)]
pub struct WebSocket<S: Stream = Tcp> {
    pub(super) incoming: MessageDecoder,
    pub(super) writer: Writer<S>,
    timers: Timers,
    subprotocol: Option<String>,
    pub(super) deflate: Option<Deflate>,
    /// What it holds of [`Config::budget`].
    share: Share,
    /// The time limit that the stream has for reads now.
    read_limit: Option<Duration>,
    pub(super) reading: Reading,
}

/// What reading is for now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reading {
    /// Messages.
    Messages,
    /// The end of TCP. Nothing is processed after a Close, or after failing (§7.1.7).
    End,
    /// Nothing: TCP has ended.
    Nothing,
}

/// A connection that has received nothing for this long gives back its memory, so that an idle
/// connection costs the same whatever it did before. A busy one keeps it.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// This much memory, in bytes, is too little to wake up for.
const KEPT_WHILE_IDLE: usize = 4 << 10;

/// A message, and the writer to answer it.
type MessageAndWriter<'a, S> = (Message<'a>, &'a mut Writer<S>);

impl<S: Stream> WebSocket<S> {
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
        limit_single_writes(&mut stream, &config)?;
        opened.shared.note_opened();
        let mut socket = WebSocket {
            incoming: MessageDecoder::new(role, config.max_message, opened.buffer),
            timers: Timers::new(&config, can_limit),
            subprotocol: opened.subprotocol,
            deflate: None,
            share: config.budget.share(),
            read_limit: config.keepalive,
            writer: Writer::new(stream, opened.keys, config, opened.shared),
            reading: Reading::Messages,
        };
        socket.compress(opened.deflate);
        Ok(socket)
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
                self.reading = Reading::End;
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
        if self.reading != Reading::Messages {
            return self.end_of_reading();
        }
        let mut waited = false;
        loop {
            match self.incoming.next_received() {
                Ok(Some(Received::Message(kind, payload))) => {
                    self.timers.note_message();
                    return Ok(Some((kind, payload)));
                }
                Ok(Some(Received::Ping(payload))) => self.answer_ping(payload),
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
        match self.writer.shared.has_received_close() {
            true => Ok(None),
            false => Err(self.writer.shared.error()),
        }
    }

    /// Waits for bytes: one `read` of the stream, or a time limit.
    fn receive(&mut self, deadline: Option<Instant>) -> Result<(), Error> {
        // If this fails, the peer may have said why before it went. That is read first.
        let _ = self.writer.flush_without_waiting();
        self.check_late_peer()?;
        self.check_memory()?;
        if self.incoming.has_more() {
            return Ok(());
        }
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
        if self.incoming.is_message_incomplete() && self.timers.is_message_too_slow() {
            let limit = self.writer.config.message_timeout.as_secs();
            return Err(self.fail(Violation::TooSlow { limit }));
        }
        if self.writer.shared.is_over() && self.timers.is_close_late() {
            return Err(self.give_up_on_close());
        }
        Ok(())
    }

    /// Asks the budget for the memory that the next read needs (§10.4).
    #[inline]
    fn check_memory(&mut self) -> Result<(), Error> {
        let memory = self.incoming.memory_with_room() + self.writer.memory();
        match self.share.hold(memory) {
            true => Ok(()),
            false => Err(self.refuse_memory()),
        }
    }

    /// Gives back the memory that is not needed now.
    pub(super) fn release_memory(&mut self) {
        self.incoming.release();
        self.writer.release();
        self.share
            .hold(self.incoming.memory() + self.writer.memory());
    }

    /// Tells the stream how long its next read may take, if that has changed.
    fn limit_read(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        let mut limit = self.timers.read_limit(deadline);
        if let Some(sooner) = self.work_after() {
            limit = Some(limit.map_or(sooner, |limit| limit.min(sooner)));
        }
        if limit != self.read_limit {
            self.writer.stream_mut().limit_reads(limit)?;
            self.read_limit = limit;
        }
        Ok(())
    }

    /// Work of our own that is to be done if a read waits this long.
    #[inline]
    fn work_after(&self) -> Option<Duration> {
        if self.writer.has_unsent() {
            return Some(RETRY);
        }
        let memory = self.incoming.memory() + self.writer.memory();
        (memory > KEPT_WHILE_IDLE && self.timers.can_limit()).then_some(IDLE_AFTER)
    }

    /// A read waited and got nothing.
    #[cold]
    fn do_what_is_due(&mut self, deadline: Option<Instant>) -> Result<(), Error> {
        let had_work = self.work_after().is_some();
        if self.timers.silence() >= IDLE_AFTER {
            self.release_memory();
        }
        let may_ping = !self.writer.shared.is_over();
        match self.timers.due(deadline, may_ping) {
            Due::Nothing => Ok(()),
            // The limit was ours.
            Due::StreamLimit if had_work => Ok(()),
            Due::Deadline | Due::StreamLimit => Err(Error::TimedOut),
            Due::Ping => {
                self.writer.queue_control(OpCode::Ping, b"");
                Ok(())
            }
            Due::PeerIsGone(silence) => Err(self.give_up_on_silence(silence)),
            Due::CloseUnanswered => Err(self.give_up_on_close()),
        }
    }

    /// §5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response" with
    /// the same payload. The Pong leaves with the next flush, at the latest before we wait.
    fn answer_ping(&mut self, payload: Range<usize>) {
        if !self.writer.shared.is_over() {
            let payload = self.incoming.payload(payload);
            self.writer.queue_control(OpCode::Pong, payload);
        }
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
    /// closing handshake was completed. `None` before the peer's Close has come or TCP has ended.
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
}
