//! Optional: a message that many connections send, encoded once.

use super::compressor::Compressing;
use crate::compression::WINDOW_BITS;
use crate::framing::{Frame, Header, Message, OpCode};
use std::sync::{Arc, OnceLock};

/// A message from a server to many clients: encoded once, its bytes shared by every connection.
/// That is possible because a server "MUST NOT mask any frames that it sends to the client" (§5.1).
/// Clones are cheap.
///
/// For connections that compress, it is compressed once for each size of window, with the level of
/// the first such connection.
#[derive(Clone, Debug)]
pub struct PreparedMessage(Arc<Prepared>);

#[derive(Debug)]
struct Prepared {
    opcode: OpCode,
    /// The frame as every peer understands it.
    plain: Vec<u8>,
    /// The compressed frames, one for each size of window. `None`: the message does not shrink.
    compressed: [OnceLock<Option<Vec<u8>>>; SIZES],
}

/// How many sizes a window can have.
const SIZES: usize = (*WINDOW_BITS.end() - *WINDOW_BITS.start()) as usize + 1;

impl PreparedMessage {
    /// The frame for a peer with which no compression was agreed.
    pub(super) fn plain(&self) -> &[u8] {
        &self.0.plain
    }

    /// The frame for a peer with which it was.
    pub(super) fn compressed(&self, how: &Compressing) -> &[u8] {
        let size = how.window.bits() - WINDOW_BITS.start();
        let compressed = self.0.compressed[usize::from(size)].get_or_init(|| {
            let header = Header::size(self.0.plain[1]);
            let payload = how.alone(&self.0.plain[header..])?;
            let mut frame = Vec::with_capacity(Header::MAX_SIZE + payload.len());
            let compressed = Frame::new(self.0.opcode, None, &payload);
            Frame {
                rsv1: true,
                ..compressed
            }
            .encode(&mut frame);
            Some(frame)
        });
        compressed.as_deref().unwrap_or(&self.0.plain)
    }
}

impl<'m, M: Into<Message<'m>>> From<M> for PreparedMessage {
    fn from(message: M) -> PreparedMessage {
        let message = message.into();
        let mut plain = Vec::new();
        Frame::new(message.opcode(), None, message.as_bytes()).encode(&mut plain);
        PreparedMessage(Arc::new(Prepared {
            opcode: message.opcode(),
            plain,
            compressed: Default::default(),
        }))
    }
}
