//! Read first: `writer.rs`. RFC 6455 says nothing about threads; this file does.
//!
//! Sending on a connection while another thread sits in `read`.

use crate::close::{CloseCode, CloseReason, Side, TcpEnd};
use crate::config::Config;
use crate::entropy::Entropy;
use crate::error::Error;
use crate::frame::{OpCode, encode_frame};
use crate::message::Message;
use crate::stream::{Stream, Tcp};
use crate::writer::{Line, Writer, check_control};
use std::net::Shutdown;
use std::sync::{Arc, Mutex, PoisonError};

/// Sends on a connection from any thread. Clones are cheap; frames of several senders never
/// interleave, and none of them waits for the peer to send anything: reading holds no lock.
///
/// What the connection itself [wrote](crate::WebSocket::write) and did not flush is not waited for:
/// a message sent here may leave before it.
#[derive(Clone, Debug)]
pub struct Sender<S: Stream + Clone = Tcp> {
    stream: S,
    line: Arc<Line>,
    /// A client's masking keys, for all of its senders.
    keys: Option<Arc<Mutex<Entropy>>>,
    config: Arc<Config>,
}

impl<S: Stream + Clone> Sender<S> {
    pub(crate) fn new(writer: &Writer<S>, keys: Option<Entropy>) -> Sender<S> {
        Sender {
            stream: writer.stream.clone(),
            line: Arc::clone(&writer.line),
            keys: keys.map(|keys| Arc::new(Mutex::new(keys))),
            config: Arc::clone(&writer.config),
        }
    }

    /// Sends a message at once. It waits for its turn behind other senders, and for a peer that
    /// does not read, at most [`Config::write_timeout`](crate::Config::write_timeout).
    ///
    /// # Errors
    /// [`Error::Closed`], with how it ended, if nothing may be sent any more.
    pub fn send<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let message = message.into();
        let frame = self.encode(message.opcode(), message.as_bytes());
        self.line.transmit_message(&mut self.stream.clone(), &frame)
    }

    /// Sends a message to one of many, its bytes shared with the others.
    ///
    /// # Errors
    /// [`Error::Unsendable`] on a client, whose frames each have a mask of their own (§5.1);
    /// [`Error::Closed`].
    pub fn send_encoded(&self, message: &Encoded) -> Result<(), Error> {
        if self.keys.is_some() {
            return Err(Error::Unsendable(
                "a frame without a mask (§5.1)".to_owned(),
            ));
        }
        self.line
            .transmit_message(&mut self.stream.clone(), &message.0)
    }

    /// Sends a Ping (§5.5.2) with up to 125 bytes of payload.
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a longer payload; [`Error::Closed`].
    pub fn ping(&self, payload: &[u8]) -> Result<(), Error> {
        check_control(payload)?;
        let frame = self.encode(OpCode::Ping, payload);
        self.line
            .transmit(&mut self.stream.clone(), [&frame, &[]], None)
    }

    /// Closes the connection (§7.1.2): sends a Close and waits until the thread that reads has seen
    /// the peer's answer, for at most [`Config::close_timeout`](crate::Config::close_timeout). If
    /// none comes it ends TCP, which wakes the reader.
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a code that may not be sent or a reason over 123 bytes;
    /// [`Error::Closed`] if a Close was sent before or no answer came.
    pub fn close(&self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let reason = CloseReason::to_send(code, reason)?;
        let mut body = Vec::new();
        reason.encode(&mut body);
        let frame = self.encode(OpCode::Close, &body);
        let mut stream = self.stream.clone();
        self.line
            .transmit(&mut stream, [&frame, &[]], Some(&reason))?;
        let closed = self.line.wait_for_end(self.config.close_timeout);
        if closed.tcp.is_none() {
            let end = TcpEnd::Broken("the peer did not answer our Close in time".into());
            self.line.note_end(Side::Us, end);
            let _ = stream.shutdown(Shutdown::Both);
        }
        match closed.received {
            Some(_) => Ok(()),
            None => Err(self.line.error()),
        }
    }

    fn encode(&self, opcode: OpCode, payload: &[u8]) -> Vec<u8> {
        let key = self.keys.as_ref().map(|keys| {
            let mut keys = keys.lock().unwrap_or_else(PoisonError::into_inner);
            keys.masking_key()
        });
        let mut frame = Vec::with_capacity(payload.len() + 14);
        encode_frame(true, opcode, key, payload, &mut frame);
        frame
    }
}

/// A message from a server to many: encoded once, its bytes shared by every connection, which is
/// possible because a server "MUST NOT mask any frames that it sends to the client" (§5.1). Clones
/// are cheap.
#[derive(Clone, Debug)]
pub struct Encoded(Arc<[u8]>);

impl<'m, M: Into<Message<'m>>> From<M> for Encoded {
    fn from(message: M) -> Encoded {
        let message = message.into();
        let mut frame = Vec::new();
        encode_frame(true, message.opcode(), None, message.as_bytes(), &mut frame);
        Encoded(frame.into())
    }
}
