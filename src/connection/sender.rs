//! Optional: sending on a connection while another thread reads. RFC 6455 says nothing about
//! threads; this file does.

use super::config::{Config, deadline_in};
use super::entropy::Entropy;
use super::error::{Error, Unsendable, check_control};
use super::output::{Kind, Limits};
use super::shared::Shared;
use super::stream::{Stream, Tcp};
use super::websocket::{WebSocket, masking_keys};
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
    config: Arc<Config>,
}

impl<S: Stream + Clone> WebSocket<S> {
    /// Sends from other threads while this one reads.
    #[must_use]
    pub fn sender(&self) -> Sender<S> {
        let keys = masking_keys(self.role(), &self.writer.config);
        Sender {
            stream: self.stream().clone(),
            shared: Arc::clone(&self.writer.shared),
            keys: keys.map(|keys| Arc::new(Mutex::new(keys))),
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
        let frame = self.encode(message.opcode(), message.as_bytes());
        self.transmit(Kind::Message, &frame)
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
        self.transmit(Kind::Message, &message.0)
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
        let frame = self.encode(opcode, payload);
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

    fn encode(&self, opcode: OpCode, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::with_capacity(Header::MAX_SIZE + payload.len());
        Frame::new(opcode, self.masking_key(), payload).encode(&mut frame);
        frame
    }

    fn masking_key(&self) -> Option<[u8; 4]> {
        let keys = self.keys.as_ref()?;
        let mut keys = keys.lock().unwrap_or_else(PoisonError::into_inner);
        Some(keys.masking_key())
    }
}

/// A message from a server to many clients: encoded once, its bytes shared by every connection.
/// That is possible because a server "MUST NOT mask any frames that it sends to the client" (§5.1).
/// Clones are cheap.
#[derive(Clone, Debug)]
pub struct PreparedMessage(Arc<[u8]>);

impl<'m, M: Into<Message<'m>>> From<M> for PreparedMessage {
    fn from(message: M) -> PreparedMessage {
        let message = message.into();
        let mut frame = Vec::new();
        Frame::new(message.opcode(), None, message.as_bytes()).encode(&mut frame);
        PreparedMessage(frame.into())
    }
}
