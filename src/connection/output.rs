//! RFC 6455 §6.1, Sending Data: messages and control frames to bytes, collected and flushed.
//!
//! What all senders of a connection share is `shared.rs`.

use super::config::Config;
use super::entropy::Entropy;
use super::error::{Error, check_control};
use super::shared::Shared;
use super::stream::Stream;
use crate::framing::{CloseReason, Frame, Message, OpCode};
use std::sync::Arc;

/// From this many bytes on, a payload is not copied behind the frames that wait to be sent.
const NOT_COPIED: usize = 1 << 14;

/// Sends messages and control frames on a connection. Each [`WebSocket`](crate::WebSocket) has one.
#[derive(Debug)]
pub struct Writer<S> {
    /// `None` only after [`WebSocket::into_inner`](crate::WebSocket::into_inner) took it.
    stream: Option<S>,
    pub(super) shared: Arc<Shared>,
    pub(super) config: Arc<Config>,
    /// A client's source of masking keys. A server has none: it "MUST NOT mask" (§5.1).
    keys: Option<Entropy>,
    /// Whole frames that are encoded and not sent.
    output: Vec<u8>,
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
        self.stream
            .as_mut()
            .expect("into_inner ends the connection")
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
        self.write_frame(true, message.opcode(), message.as_bytes())
    }

    /// Sends a Ping (§5.5.2) with up to 125 bytes of payload. The peer sends the payload back.
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a longer payload; else those of [`flush`](Writer::flush).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.send_control(OpCode::Ping, payload)
    }

    /// Sends an unsolicited Pong (§5.5.3), with up to 125 bytes of payload: a sign of
    /// life. A received Ping is answered without this call.
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a longer payload; else those of [`flush`](Writer::flush).
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
    pub(super) fn write_frame(
        &mut self,
        fin: bool,
        opcode: OpCode,
        payload: &[u8],
    ) -> Result<(), Error> {
        if self.shared.is_over() {
            return Err(self.shared.error());
        }
        let frame = Frame {
            fin,
            rsv1: false,
            opcode,
            mask: self.masking_key(),
            payload,
        };
        if frame.mask.is_none() && payload.len() >= NOT_COPIED {
            // A long payload without a mask is sent from where it is, behind the collected output.
            frame.header().encode(&mut self.output);
            return self.transmit(payload, None);
        }
        frame.encode(&mut self.output);
        if self.output.len() >= self.config.write_buffer {
            self.flush()?;
        }
        Ok(())
    }

    #[inline]
    fn masking_key(&mut self) -> Option<[u8; 4]> {
        self.keys.as_mut().map(Entropy::masking_key)
    }

    /// Sends what was written.
    ///
    /// # Errors
    /// [`Error::Closing`] if a Close was sent. [`Error::Closed`] if TCP has ended, or if the peer
    /// did not read for [`Config::write_timeout`](crate::Config::write_timeout). What was not sent
    /// is dropped.
    #[inline]
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.output.is_empty() {
            return Ok(());
        }
        self.transmit(&[], None)
    }

    /// Sends what was written, and behind it a Close frame. Nothing is sent after that.
    pub(super) fn send_close(&mut self, reason: &CloseReason) -> Result<(), Error> {
        let key = self.masking_key();
        reason.encode_frame(key, &mut self.output);
        self.transmit(&[], Some(reason))
    }

    /// Sends the output and `payload` behind it.
    fn transmit(&mut self, payload: &[u8], close: Option<&CloseReason>) -> Result<(), Error> {
        let frames = [&self.output[..], payload];
        let stream = self.stream.as_mut();
        let stream = stream.expect("into_inner ends the connection");
        let result = self.shared.transmit(stream, frames, close);
        self.output.clear();
        let keep = self.config.write_buffer.saturating_mul(2);
        self.output.shrink_to(keep);
        result
    }
}
