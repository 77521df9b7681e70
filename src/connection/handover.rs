//! Optional: taking over a connection whose opening handshake somebody else has done, and giving an
//! open connection away.

use super::config::Config;
use super::error::Error;
use super::opened::{Opened, masking_keys};
use super::state::State;
use super::stream::Stream;
use super::websocket::WebSocket;
use crate::framing::{Buffer, Role};
use crate::opening::Deflate;
use std::io;
use std::sync::Arc;

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
        WebSocket::after_handshake_with(stream, role, received, None, config)
    }

    /// [`after_handshake`](Self::after_handshake) for a handshake in which the two sides agreed on
    /// compression, or did not: [`Deflate::accept`] and [`Deflate::check_answer`] say what they
    /// agreed on.
    ///
    /// # Errors
    /// Those of [`after_handshake`](Self::after_handshake).
    pub fn after_handshake_with(
        stream: S,
        role: Role,
        received: &[u8],
        deflate: Option<Deflate>,
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
            deflate,
            shared: Arc::default(),
        };
        WebSocket::new(stream, opened, Arc::new(config.clone()))
    }

    /// Flushes what was written, and gives the stream back, with the bytes that were received and
    /// not read. No Close is sent: on an open connection the caller goes on with the protocol.
    ///
    /// The stream keeps its time limits ([`Stream::limit_reads`], [`Stream::limit_writes`]). Set your
    /// own.
    ///
    /// # Errors
    /// Those of [`Writer::flush`](crate::Writer::flush). [`io::ErrorKind::Unsupported`]: the
    /// connection is open, and the two sides agreed on compression. Then the windows would be lost.
    pub fn into_inner(mut self) -> Result<(S, Vec<u8>), Error> {
        if self.state() == State::Open {
            if self.compression().is_some() {
                let why = "the windows of the compression cannot be given away";
                return Err(io::Error::new(io::ErrorKind::Unsupported, why).into());
            }
            self.writer.flush()?;
        }
        let unread = self.incoming.unread();
        let stream = self.writer.take_stream();
        Ok((stream.expect("only this call takes it"), unread))
    }
}
