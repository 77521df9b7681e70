//! RFC 6455 §10.4: the memory of a decoder. What it holds, what it will hold, what it gives back.

use super::buffer::Buffer;
use super::decoder::MessageDecoder;
use super::inflated::STEP;

impl MessageDecoder {
    /// The memory that it holds, in bytes.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        self.buffer.memory() + self.collected.memory() + self.inflater_memory()
    }

    fn inflater_memory(&self) -> usize {
        let inflated = self.inflated.as_ref();
        inflated.map_or(0, |inflated| inflated.memory())
    }

    /// The memory that it wants to hold during the next read and behind it, in bytes.
    #[inline]
    pub(crate) fn memory_with_room(&self) -> usize {
        let buffer = self.buffer.memory_with_room(self.missing_in_buffer());
        let collected = match (&self.frame, self.sequence.unfinished()) {
            (Some(frame), Some(kind)) if self.sequence.is_compressed() => {
                // One piece can be longer than a step by a piece, which is not longer than a step.
                let more = 2 * STEP;
                self.collected.memory_with(kind, more, self.max_message)
            }
            (Some(frame), Some(kind)) if frame.is_collected => {
                let more = frame.missing().min(Buffer::LARGEST_READ);
                let most = self.longest_message(frame);
                self.collected.memory_with(kind, more, most)
            }
            _ => self.collected.memory(),
        };
        buffer + collected + self.inflater_memory()
    }

    /// Drops everything that has arrived and is not complete.
    pub(crate) fn forget(&mut self) {
        self.buffer.forget();
        self.collected.forget();
        *self = MessageDecoder::new(self.receiver, self.max_message, Buffer::new());
    }

    /// Gives back the memory that holds nothing which is still needed.
    pub(crate) fn release(&mut self) {
        self.buffer.release();
        if !self.is_message_incomplete() {
            self.collected.forget();
        }
        if let Some(inflated) = &mut self.inflated {
            inflated.release();
        }
    }
}
