//! RFC 7692 §6: messages and fragments that leave compressed. A [`Writer`] without compression does
//! not come here.

use super::compressor::Compressor;
use super::error::Error;
use super::stream::Stream;
use super::writer::Writer;
use crate::framing::{Message, OpCode};

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
    /// fragments: nobody knows yet whether it will shrink.
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

    /// After an error the message may not have been sent.
    fn put_back(
        &mut self,
        mut compressor: Box<Compressor>,
        result: Result<(), Error>,
    ) -> Result<(), Error> {
        if result.is_err() {
            compressor.forget_window();
        }
        self.compressor = Some(compressor);
        result
    }
}
