//! RFC 7692 §6: a connection whose messages and fragments leave compressed. Without compression,
//! nothing comes here.

use super::compressor::{Compressing, Compressor};
use super::error::Error;
use super::stream::Stream;
use super::websocket::WebSocket;
use super::writer::Writer;
use crate::framing::{Message, OpCode, Role};
use crate::opening::Deflate;

impl<S: Stream> WebSocket<S> {
    /// Compresses and inflates from the first message on, if that was agreed.
    pub(super) fn compress(&mut self, agreed: Option<Deflate>) {
        self.deflate = agreed;
        let Some(Deflate { client, server }) = agreed else {
            return;
        };
        let (sending, receiving) = match self.role() {
            Role::Client => (client, server),
            Role::Server => (server, client),
        };
        let wanted = self.writer.config.compression.unwrap_or_default();
        let compressor = Compressor::new(Compressing::new(sending, wanted));
        self.writer.compressor = Some(Box::new(compressor));
        self.incoming.inflate(receiving);
    }

    /// The windows that the two sides agreed on, if messages may be compressed (RFC 7692).
    #[must_use]
    pub fn compression(&self) -> Option<Deflate> {
        self.deflate
    }
}

impl<S: Stream> Writer<S> {
    /// Writes a message, compressed if that makes it shorter.
    pub(super) fn write_compressed(
        &mut self,
        mut compressor: Box<Compressor>,
        message: Message<'_>,
    ) -> Result<(), Error> {
        let bytes = message.as_bytes();
        let result = match compressor.message(bytes, &self.shared.order) {
            Some(compressed) => self.write_frame(true, true, message.opcode(), compressed),
            None => self.write_frame(true, false, message.opcode(), bytes),
        };
        self.put_back(compressor, result)
    }

    /// Writes a fragment. If the connection compresses, it compresses each message that is sent in
    /// fragments. Whether it will shrink is not known yet.
    pub(super) fn write_fragment(
        &mut self,
        fin: bool,
        opcode: OpCode,
        fragment: &[u8],
    ) -> Result<(), Error> {
        let Some(mut compressor) = self.compressor.take() else {
            return self.write_frame(fin, false, opcode, fragment);
        };
        let is_first = opcode != OpCode::Continuation;
        let compressed = compressor.fragment(fragment, fin, &self.shared.order);
        let result = self.write_frame(fin, is_first, opcode, compressed);
        self.put_back(compressor, result)
    }

    /// If the output is empty, nothing waits for the window: what is left in the backlog leaves
    /// before anything newer.
    #[inline]
    pub(super) fn note_output(&self) {
        if self.output.is_empty() {
            self.shared.order.note_unsent(false);
        }
    }

    /// An error does not matter to the window: it has ended the connection, or other threads send,
    /// and then each message begins with an empty window.
    fn put_back(
        &mut self,
        compressor: Box<Compressor>,
        result: Result<(), Error>,
    ) -> Result<(), Error> {
        self.compressor = Some(compressor);
        self.note_output();
        result
    }
}
