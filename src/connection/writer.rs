//! RFC 6455 §6.1, Sending Data: messages and control frames to bytes, collected and flushed.
//!
//! How the bytes leave is `output.rs`. What all senders of a connection share is `shared.rs`. A Close
//! frame leaves in `ending.rs`: it has one time limit for everything.

use super::compressor::Compressor;
use super::config::Config;
use super::entropy::Entropy;
use super::error::{Error, check_control};
use super::output::{Kind, Limits};
use super::shared::Shared;
use super::stream::Stream;
use crate::framing::{Frame, Message, OpCode};
use std::sync::Arc;

/// From this many bytes on, a payload is not copied behind the frames that wait to be sent.
const NOT_COPIED: usize = 1 << 14;

/// Sends messages and control frames on a connection. Each [`WebSocket`](crate::WebSocket) has one.
#[derive(Debug)]
pub struct Writer<S> {
    /// `None` only after [`WebSocket::into_inner`](crate::WebSocket::into_inner) took it.
    pub(super) stream: Option<S>,
    pub(super) shared: Arc<Shared>,
    pub(super) config: Arc<Config>,
    /// A client's source of masking keys. A server has none: it "MUST NOT mask" (§5.1).
    keys: Option<Entropy>,
    /// Only if the two sides agreed on permessage-deflate.
    pub(super) compressor: Option<Box<Compressor>>,
    /// Whole frames that are encoded and not sent.
    pub(super) output: Vec<u8>,
}

impl<S: Stream> Writer<S> {
    pub(super) fn new(
        stream: S,
        keys: Option<Entropy>,
        config: Arc<Config>,
        shared: Arc<Shared>,
    ) -> Writer<S> {
        Writer {
            stream: Some(stream),
            shared,
            keys,
            compressor: None,
            output: Vec::new(),
            config,
        }
    }

    #[inline]
    pub(super) fn stream(&self) -> &S {
        self.stream
            .as_ref()
            .expect("into_inner ends the connection")
    }

    #[inline]
    pub(super) fn stream_mut(&mut self) -> &mut S {
        stream_of(&mut self.stream)
    }

    pub(super) fn take_stream(&mut self) -> Option<S> {
        self.stream.take()
    }

    pub(super) fn has_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// Sends a message at once: [`write`](Writer::write), then [`flush`](Writer::flush).
    ///
    /// # Errors
    /// Those of [`flush`](Writer::flush).
    pub fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.write(message)?;
        self.flush()
    }

    /// Encodes a message as one frame, to be sent by the next flush. A flush happens when you ask
    /// for it, before a `read` waits for the peer, and when
    /// [`Config::write_buffer`](crate::Config::write_buffer) bytes are collected. So a burst of
    /// small messages costs one system call.
    ///
    /// # Errors
    /// [`Error::Closing`] or [`Error::Closed`] if nothing may be sent any more. §6.1: "The endpoint
    /// MUST ensure the WebSocket connection is in the OPEN state".
    #[inline]
    pub fn write<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let message = message.into();
        if let Some(compressor) = self.compressor.take() {
            return self.write_compressed(compressor, message);
        }
        self.write_frame(true, false, message.opcode(), message.as_bytes())
    }

    /// Sends a Ping (§5.5.2) with up to 125 bytes of payload. The peer sends the payload back.
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a longer payload; else those of [`flush`](Writer::flush).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.send_control(OpCode::Ping, payload)
    }

    /// Sends a Pong that nobody asked for (§5.5.3), with up to 125 bytes of payload: a sign of
    /// life. A received Ping is answered without this call.
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a longer payload; else those of [`flush`](Writer::flush).
    pub fn pong(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.send_control(OpCode::Pong, payload)
    }

    fn send_control(&mut self, opcode: OpCode, payload: &[u8]) -> Result<(), Error> {
        check_control(payload)?;
        self.write_frame(true, false, opcode, payload)?;
        self.flush()
    }

    /// Adds one whole frame to the output.
    #[inline(always)]
    pub(super) fn write_frame(
        &mut self,
        fin: bool,
        rsv1: bool,
        opcode: OpCode,
        payload: &[u8],
    ) -> Result<(), Error> {
        if self.shared.is_over() {
            return Err(self.shared.error());
        }
        let frame = Frame {
            fin,
            rsv1,
            opcode,
            mask: self.masking_key(),
            payload,
        };
        if frame.mask.is_none() && payload.len() >= NOT_COPIED {
            return self.transmit_uncopied(&frame);
        }
        frame.encode(&mut self.output);
        if self.output.len() >= self.config.write_buffer {
            self.flush()?;
        }
        Ok(())
    }

    #[inline]
    pub(super) fn masking_key(&mut self) -> Option<[u8; 4]> {
        self.keys.as_mut().map(Entropy::masking_key)
    }

    /// A long payload without a mask is sent from where it is, behind the collected output.
    fn transmit_uncopied(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        let before = self.output.len();
        frame.header().encode(&mut self.output);
        let result = self.transmit(frame.payload);
        if let Err(Error::TimedOut) = result {
            // The output waits for the next flush. The header without its payload must not.
            self.output.truncate(before);
        }
        result
    }

    /// Sends what was written. It waits for other senders, and for a peer that does not read, at
    /// most [`Config::write_timeout`](crate::Config::write_timeout) each.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if another sender was sending all the time: nothing is lost, and the next
    /// flush tries again. [`Error::Closing`] if a Close was sent. [`Error::Closed`] if TCP has
    /// ended, or if the peer did not read: what was not sent is dropped.
    #[inline]
    pub fn flush(&mut self) -> Result<(), Error> {
        if !self.has_unsent() {
            return Ok(());
        }
        self.transmit(&[])
    }

    /// Sends the output and `payload` behind it.
    fn transmit(&mut self, payload: &[u8]) -> Result<(), Error> {
        let limits = Limits::for_message(&self.config);
        let frames = [&self.output[..], payload];
        let stream = stream_of(&mut self.stream);
        let result = self
            .shared
            .transmit(stream, Kind::BetweenFragments, frames, limits);
        if !matches!(result, Err(Error::TimedOut)) {
            self.forget_output();
        }
        result
    }

    pub(super) fn forget_output(&mut self) {
        self.output.clear();
        self.note_output();
        self.output
            .shrink_to(self.config.write_buffer.saturating_mul(2));
    }

    /// Sends what was written, as far as that needs no waiting. A read calls it before it waits.
    #[inline]
    pub(super) fn flush_without_waiting(&mut self) -> Result<(), Error> {
        if !self.has_unsent() {
            return Ok(());
        }
        let stream = stream_of(&mut self.stream);
        let result = self
            .shared
            .try_transmit(stream, &mut self.output, &self.config);
        self.note_output();
        result
    }

    /// The memory that it holds, in bytes.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        let compressor = self.compressor.as_ref().map_or(0, |one| one.memory());
        self.output.capacity() + self.shared.output.waiting() + compressor
    }

    /// Gives back the memory that holds no output.
    pub(super) fn release(&mut self) {
        self.output.shrink_to_fit();
        if let Some(compressor) = &mut self.compressor {
            compressor.release();
        }
    }

    /// Whether something waits to be sent, so that a read must not wait long.
    #[inline]
    pub(super) fn has_unsent(&self) -> bool {
        !self.output.is_empty() || self.shared.output.waiting() > 0
    }

    /// Adds a Ping or a Pong to the output, to be sent before the next read waits. It never waits:
    /// if the peer does not read, only the newest Pong is kept (§5.5.3).
    pub(super) fn queue_control(&mut self, opcode: OpCode, payload: &[u8]) {
        if self.output.len() >= self.config.write_buffer {
            let _ = self.flush_without_waiting(); // If this fails, the next read says why.
        }
        let frame = Frame::new(opcode, self.masking_key(), payload);
        if self.output.len() < self.config.write_buffer {
            frame.encode(&mut self.output);
        } else if opcode == OpCode::Pong {
            self.shared.output.leave_pong(&frame);
        }
    }
}

impl Shared {
    /// Writes whole frames, which may be in two places in memory, when the turn comes.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if the turn did not come in time: then nothing was written. Else
    /// [`Error::Closing`] or [`Error::Closed`].
    pub(super) fn transmit<S: Stream>(
        &self,
        stream: &mut S,
        kind: Kind,
        frames: [&[u8]; 2],
        limits: Limits,
    ) -> Result<(), Error> {
        let is_over = || self.is_over();
        let Some(mut turn) = self.output.wait_for_turn(kind, limits.progress, is_over) else {
            return Err(match self.is_over() {
                true => self.error(),
                false => Error::TimedOut,
            });
        };
        let written = turn.write_all(stream, frames, limits);
        match written.and_then(|()| turn.finish(stream)) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.lose_output(stream, &error)),
        }
    }

    /// Writes `frames` without waiting; see [`try_write`](super::output::Output::try_write).
    pub(crate) fn try_transmit<S: Stream>(
        &self,
        stream: &mut S,
        frames: &mut Vec<u8>,
        config: &Config,
    ) -> Result<(), Error> {
        if self.is_over() {
            frames.clear();
            return Err(self.error());
        }
        let most = config.write_buffer.saturating_mul(2);
        let written = self
            .output
            .try_write(stream, frames, most, config.write_timeout);
        written.map_err(|error| self.lose_output(stream, &error))
    }
}

/// The stream, borrowed apart from the rest of its writer.
pub(super) fn stream_of<S>(stream: &mut Option<S>) -> &mut S {
    stream.as_mut().expect("into_inner ends the connection")
}
