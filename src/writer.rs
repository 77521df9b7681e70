//! Read first: RFC 6455 §6.1, Sending Data.
//!
//! The sending half of a connection: messages and control frames to bytes, gathered and flushed;
//! and [`Line`], what everyone who sends on a connection has in common.

use crate::close::{CloseReason, Closed, Side, TcpEnd};
use crate::config::{Config, deadline_in};
use crate::entropy::Entropy;
use crate::error::Error;
use crate::frame::{Header, MAX_CONTROL, OpCode, encode_frame};
use crate::message::Message;
use crate::stream::{Stream, timed_out};
use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// From so many bytes on, a payload is not copied behind those that were written before it.
const NOT_COPIED: usize = 1 << 14;

/// Writes messages and control frames to a connection. A [`WebSocket`](crate::WebSocket) has one.
#[derive(Debug)]
pub struct Writer<S> {
    pub(crate) stream: S,
    pub(crate) line: Arc<Line>,
    pub(crate) config: Arc<Config>,
    /// A client's source of masking keys; a server has none, since it "MUST NOT mask" (§5.1).
    keys: Option<Entropy>,
    /// Whole frames, encoded and not yet sent.
    output: Vec<u8>,
}

impl<S: Stream> Writer<S> {
    pub(crate) fn new(stream: S, keys: Option<Entropy>, config: Arc<Config>) -> Writer<S> {
        Writer {
            stream,
            line: Arc::new(Line::new(config.message_timeout)),
            keys,
            output: Vec::new(),
            config,
        }
    }

    /// Sends a message at once: [`write`](Writer::write), then [`flush`](Writer::flush).
    ///
    /// # Errors
    /// Those of [`flush`](Writer::flush).
    pub fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.write(message)?;
        self.flush()
    }

    /// Puts a message, as one frame, where the next flush sends it. It leaves at the latest before
    /// a `read` waits for the peer, or when
    /// [`Config::write_buffer`](crate::Config::write_buffer) bytes have gathered: a burst of small
    /// messages costs one system call.
    ///
    /// # Errors
    /// [`Error::Closed`] if nothing may be sent any more: §6.1, "The endpoint MUST ensure the
    /// WebSocket connection is in the OPEN state".
    #[inline]
    pub fn write<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let message = message.into();
        self.write_frame(true, message.opcode(), message.as_bytes())
    }

    /// Sends a Ping (§5.5.2) with up to 125 bytes of payload, which the peer sends back.
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a longer payload, else those of [`flush`](Writer::flush).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.send_control(OpCode::Ping, payload)
    }

    /// Sends a Pong nobody asked for (§5.5.3): a sign of life, with up to 125 bytes of payload.
    /// Pings are answered by themselves.
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a longer payload, else those of [`flush`](Writer::flush).
    pub fn pong(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.send_control(OpCode::Pong, payload)
    }

    fn send_control(&mut self, opcode: OpCode, payload: &[u8]) -> Result<(), Error> {
        check_control(payload)?;
        self.write_frame(true, opcode, payload)?;
        self.flush()
    }

    /// Adds one whole frame to the output.
    #[inline]
    pub(crate) fn write_frame(
        &mut self,
        fin: bool,
        opcode: OpCode,
        payload: &[u8],
    ) -> Result<(), Error> {
        if self.line.is_over() {
            return Err(self.line.error());
        }
        let key = self.keys.as_mut().map(Entropy::masking_key);
        if key.is_none() && payload.len() >= NOT_COPIED {
            return self.transmit_uncopied(fin, opcode, payload);
        }
        encode_frame(fin, opcode, key, payload, &mut self.output);
        if self.output.len() >= self.config.write_buffer {
            self.flush()?;
        }
        Ok(())
    }

    /// A long payload without a mask leaves from where it is, behind what was written before it.
    fn transmit_uncopied(
        &mut self,
        fin: bool,
        opcode: OpCode,
        payload: &[u8],
    ) -> Result<(), Error> {
        let header = Header {
            fin,
            opcode,
            mask: None,
            length: payload.len() as u64,
        };
        header.encode(&mut self.output);
        self.transmit(payload, None)
    }

    /// Sends what was written.
    ///
    /// # Errors
    /// [`Error::Closed`] if a Close was sent before, or TCP has ended, or the peer has not read for
    /// [`Config::write_timeout`](crate::Config::write_timeout). What was not sent is dropped.
    #[inline]
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.output.is_empty() {
            return Ok(());
        }
        self.transmit(&[], None)
    }

    /// Sends what was written and a Close frame behind it: the last thing that is ever sent.
    pub(crate) fn send_close(&mut self, reason: &CloseReason) -> Result<(), Error> {
        let mut body = Vec::new();
        reason.encode(&mut body);
        let key = self.keys.as_mut().map(Entropy::masking_key);
        encode_frame(true, OpCode::Close, key, &body, &mut self.output);
        self.transmit(&[], Some(reason))
    }

    /// Sends the output, and `payload` behind it.
    fn transmit(&mut self, payload: &[u8], close: Option<&CloseReason>) -> Result<(), Error> {
        let frames = [&self.output[..], payload];
        let result = self.line.transmit(&mut self.stream, frames, close);
        self.output.clear();
        let keep = self.config.write_buffer.saturating_mul(2);
        self.output.shrink_to(keep);
        result
    }
}

/// §5.5: "All control frames MUST have a payload length of 125 bytes or less".
pub(crate) fn check_control(payload: &[u8]) -> Result<(), Error> {
    match payload.len() {
        0..=MAX_CONTROL => Ok(()),
        length => Err(Error::Unsendable(format!(
            "a control frame of {length} bytes; {MAX_CONTROL} are the most (§5.5)"
        ))),
    }
}

/// What is true of a connection whoever sends on it: what was said of closing. Its lock is also
/// the turn to write, so that frames never interleave; it is not held while anybody reads.
#[derive(Debug)]
pub(crate) struct Line {
    state: Mutex<State>,
    changed: Condvar,
    /// Whether the state forbids sending: a copy that can be looked at without the lock.
    over: AtomicBool,
    /// How long what is written at once may take to leave.
    write_limit: Duration,
}

#[derive(Debug, Default)]
struct State {
    closed: Closed,
    /// A message is being sent piece by piece; those of other senders wait (§5.4).
    in_pieces: bool,
}

impl State {
    /// §5.5.1: "The application MUST NOT send any more data frames after sending a Close frame."
    fn is_over(&self) -> bool {
        self.closed.sent.is_some() || self.closed.tcp.is_some()
    }
}

impl Line {
    fn new(write_limit: Duration) -> Line {
        Line {
            state: Mutex::default(),
            changed: Condvar::new(),
            over: AtomicBool::new(false),
            write_limit,
        }
    }

    /// Nothing may be sent any more: a Close was sent (§5.5.1), or TCP has ended.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Somebody is sending just now.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.state.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// What is known of the end so far.
    pub(crate) fn closed(&self) -> Closed {
        self.lock().closed.clone()
    }

    /// The error of someone who wants to send when nothing may be sent.
    pub(crate) fn error(&self) -> Error {
        Error::Closed(self.closed())
    }

    /// The peer's Close frame has arrived.
    pub(crate) fn note_received(&self, reason: CloseReason) {
        let closed = &mut self.lock().closed;
        closed.by.get_or_insert(Side::Peer);
        closed.received = Some(reason);
    }

    /// TCP has ended; the first account of how is kept.
    pub(crate) fn note_end(&self, by: Side, end: TcpEnd) {
        let mut state = self.lock();
        state.closed.by.get_or_insert(by);
        state.closed.tcp.get_or_insert(end);
        self.over.store(true, Ordering::Release);
        self.changed.notify_all();
    }

    /// Waits until TCP has ended, for `limit` at most.
    pub(crate) fn wait_for_end(&self, limit: Duration) -> Closed {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.lock(), limit, |state| state.closed.tcp.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        state.closed.clone()
    }

    /// From here to [`end_pieces`](Self::end_pieces) other senders' messages wait. Only the
    /// connection's own writer sends in pieces, and it sends nothing else meanwhile.
    pub(crate) fn begin_pieces(&self) {
        self.lock().in_pieces = true;
    }

    pub(crate) fn end_pieces(&self) {
        self.lock().in_pieces = false;
        self.changed.notify_all();
    }

    /// Writes a whole message, in its turn.
    pub(crate) fn transmit_message<S: Stream>(
        &self,
        stream: &mut S,
        frame: &[u8],
    ) -> Result<(), Error> {
        let state = self
            .changed
            .wait_while(self.lock(), |state| state.in_pieces && !state.is_over())
            .unwrap_or_else(PoisonError::into_inner);
        self.transmit_locked(state, stream, [frame, &[]], None)
    }

    /// Writes whole frames, in two pieces of memory, of which the last may be a Close.
    pub(crate) fn transmit<S: Stream>(
        &self,
        stream: &mut S,
        frames: [&[u8]; 2],
        close: Option<&CloseReason>,
    ) -> Result<(), Error> {
        self.transmit_locked(self.lock(), stream, frames, close)
    }

    fn transmit_locked<S: Stream>(
        &self,
        mut state: MutexGuard<'_, State>,
        stream: &mut S,
        frames: [&[u8]; 2],
        close: Option<&CloseReason>,
    ) -> Result<(), Error> {
        if state.is_over() {
            return Err(Error::Closed(state.closed.clone()));
        }
        let written = write_all(stream, frames, self.write_limit);
        let closed = &mut state.closed;
        if let Err(error) = &written {
            let how = if timed_out(error) {
                // A peer that does not read is not waited for; this wakes our reader, too.
                let _ = stream.shutdown(Shutdown::Both);
                "the peer did not read in time".to_owned()
            } else {
                error.to_string()
            };
            closed.by.get_or_insert(Side::Peer);
            closed.tcp = Some(TcpEnd::Broken(how));
        } else if let Some(reason) = close {
            closed.by.get_or_insert(Side::Us);
            closed.sent = Some(reason.clone());
        }
        if state.is_over() {
            self.over.store(true, Ordering::Release);
            self.changed.notify_all();
        }
        written.map_err(|_| Error::Closed(state.closed.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked while it held the lock left true statements behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes it all. Each step has the stream's own limit for making no progress; the whole has
/// `limit`, so that a peer that reads a byte now and then gains nothing. A step is not longer than
/// `LONGEST_WRITE`, because the system would stay in a long one for as long as anything moves.
fn write_all<S: Stream>(
    stream: &mut S,
    [mut first, mut second]: [&[u8]; 2],
    limit: Duration,
) -> io::Result<()> {
    const LONGEST_WRITE: usize = 1 << 18;
    let mut deadline = None;
    loop {
        let written = if second.is_empty() || first.len() > LONGEST_WRITE {
            stream.write(&first[..first.len().min(LONGEST_WRITE)])
        } else {
            let second = &second[..second.len().min(LONGEST_WRITE)];
            stream.write_vectored(&[IoSlice::new(first), IoSlice::new(second)])
        };
        match written {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                let of_first = count.min(first.len());
                first = &first[of_first..];
                second = &second[count - of_first..];
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if first.is_empty() && second.is_empty() {
            return stream.flush();
        }
        // Nearly always the first write takes everything, and no clock is looked at.
        if Instant::now() >= *deadline.get_or_insert_with(|| deadline_in(limit)) {
            return Err(ErrorKind::TimedOut.into());
        }
    }
}
