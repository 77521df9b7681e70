//! Optional: sending on a connection while another thread reads. RFC 6455 says nothing about
//! threads; this file does.

use super::compressor::Compressing;
use super::config::{Config, deadline_in};
use super::entropy::Entropy;
use super::error::{Error, Unsendable, check_control};
use super::opened::masking_keys;
use super::output::{Kind, Limits};
use super::prepared::PreparedMessage;
use super::shared::Shared;
use super::stream::{Stream, Tcp};
use super::websocket::WebSocket;
use crate::framing::{CloseCode, CloseReason, Frame, Header, Message, OpCode};
use std::sync::{Arc, Mutex, PoisonError};

/// Sends on a connection from any thread. Clones are cheap. Frames of several senders never
/// interleave. A sender never waits for a read: reading holds no lock.
///
/// A message that is sent here may leave before one that the connection itself
/// [wrote](crate::WebSocket::write) and did not flush.
#[derive(Clone, Debug)]
pub struct Sender<S: Stream + Clone = Tcp> {
    stream: S,
    shared: Arc<Shared>,
    /// A client's masking keys. A sender and its clones use the same source.
    keys: Option<Arc<Mutex<Entropy>>>,
    /// If the two sides agreed on compression.
    compressing: Option<Compressing>,
    config: Arc<Config>,
}

impl<S: Stream + Clone> WebSocket<S> {
    /// Sends from other threads while this one reads.
    ///
    /// From the first call on, each compressed message of this connection begins with an empty
    /// window, also those of [`send`](WebSocket::send): the messages of several threads leave in
    /// any order, and a window needs one order.
    #[must_use]
    pub fn sender(&self) -> Sender<S> {
        self.writer.shared.order.note_sender();
        let keys = masking_keys(self.role(), &self.writer.config);
        Sender {
            stream: self.stream().clone(),
            shared: Arc::clone(&self.writer.shared),
            keys: keys.map(|keys| Arc::new(Mutex::new(keys))),
            compressing: self
                .writer
                .compressor
                .as_ref()
                .map(|compressor| compressor.how),
            config: Arc::clone(&self.writer.config),
        }
    }
}

impl<S: Stream + Clone> Sender<S> {
    /// Sends a message at once. It waits for other senders, and for a peer that does not read, at
    /// most [`Config::write_timeout`](crate::Config::write_timeout) each.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if another sender was sending all the time: the message was not sent.
    /// [`Error::Closing`] or [`Error::Closed`] if nothing may be sent any more.
    pub fn send<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let message = message.into();
        let (opcode, bytes) = (message.opcode(), message.as_bytes());
        let compressed = self.compressing().and_then(|how| how.alone(bytes));
        let frame = match &compressed {
            Some(compressed) => self.encode(true, opcode, compressed),
            None => self.encode(false, opcode, bytes),
        };
        self.transmit(Kind::Message, &frame)
    }

    /// How to compress a message now, if it may be compressed.
    fn compressing(&self) -> Option<&Compressing> {
        let compressing = self.compressing.as_ref();
        compressing.filter(|_| self.shared.order.allows_compressed())
    }

    /// Sends a message that was encoded before, and that many connections share.
    ///
    /// # Errors
    /// [`Error::Unsendable`] on a client, whose frames each have their own mask (§5.1);
    /// [`Error::Closing`] or [`Error::Closed`] if nothing may be sent any more.
    pub fn send_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        if self.keys.is_some() {
            return Err(Unsendable::Unmasked.into());
        }
        let frame = match self.compressing() {
            Some(how) => message.compressed(how),
            None => message.plain(),
        };
        self.transmit(Kind::Message, frame)
    }

    /// Sends a Ping (§5.5.2) with up to 125 bytes of payload.
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a longer payload; [`Error::Closing`] or [`Error::Closed`] if
    /// nothing may be sent any more.
    pub fn ping(&self, payload: &[u8]) -> Result<(), Error> {
        self.send_control(OpCode::Ping, payload)
    }

    /// Sends an unsolicited Pong (§5.5.3), with up to 125 bytes of payload.
    ///
    /// # Errors
    /// Those of [`ping`](Self::ping).
    pub fn pong(&self, payload: &[u8]) -> Result<(), Error> {
        self.send_control(OpCode::Pong, payload)
    }

    fn send_control(&self, opcode: OpCode, payload: &[u8]) -> Result<(), Error> {
        check_control(payload)?;
        let frame = self.encode(false, opcode, payload);
        self.transmit(Kind::BetweenFragments, &frame)
    }

    fn transmit(&self, kind: Kind, frame: &[u8]) -> Result<(), Error> {
        let limits = Limits::for_message(&self.config);
        let mut stream = self.stream.clone();
        self.shared
            .transmit(&mut stream, kind, [frame, &[]], limits)
    }

    /// Closes the connection (§7.1.2): sends a Close and waits until the thread that reads has seen
    /// the answer, all within [`Config::close_timeout`](crate::Config::close_timeout). If no answer
    /// comes, it ends TCP, which wakes the reader.
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a code that may not be sent or a reason over 123 bytes;
    /// [`Error::Closing`] if a Close was sent before; [`Error::Closed`] if no answer came.
    pub fn close(&self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let reason = CloseReason::new(code, reason)?;
        let limit = self.config.close_timeout;
        let deadline = deadline_in(limit);
        let mut frame = Vec::new();
        reason.encode_frame(self.masking_key(), &mut frame);
        let mut stream = self.stream.clone();
        self.shared
            .transmit_close(&mut stream, &[], &frame, &reason, limit)?;
        if !self.shared.wait_for_close(deadline) {
            self.shared.give_up(&mut stream);
        }
        match self.shared.has_received_close() {
            true => Ok(()),
            false => Err(self.shared.error()),
        }
    }

    fn encode(&self, rsv1: bool, opcode: OpCode, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Header::MAX_SIZE + payload.len());
        let frame = Frame::new(opcode, self.masking_key(), payload);
        Frame { rsv1, ..frame }.encode(&mut bytes);
        bytes
    }

    fn masking_key(&self) -> Option<[u8; 4]> {
        let keys = self.keys.as_ref()?;
        let mut keys = keys.lock().unwrap_or_else(PoisonError::into_inner);
        Some(keys.masking_key())
    }
}
