//! RFC 6455 §5.4, Fragmentation, and §5.6, Data Frames: from bytes to messages.
//!
//! - Bytes come in, messages and control frames come out. Nothing here waits or answers.
//! - [`MessageDecoder::room`] and [`MessageDecoder::filled`] take the bytes in.
//! - [`MessageDecoder::next_received`] says what they are. `None`: more bytes are needed.
//! - A header is refused before a byte of its payload is read. Text is refused at the first wrong
//!   byte.
//! - The payload of a single frame is lent from where it was received. Nothing copies it. Fragments
//!   are moved together as their bytes arrive.

use super::buffer::{Buffer, free};
use super::close::CloseReason;
use super::frame::{Decoded, Header, NO_EXTENSION, OpCode, Role};
use super::mask::mask;
use super::message::Message;
use super::sequence::{MessageKind, Sequence};
use super::utf8::{Utf8, whole_text};
use super::violation::Violation;
use std::ops::Range;

/// What the peer sent: a whole message, or a control frame.
#[derive(Debug)]
pub(crate) enum Received {
    /// [`MessageDecoder::message`] lends it.
    Message(MessageKind, Payload),
    Ping(Payload),
    Pong,
    Close(CloseReason),
}

/// Where a complete payload is. It stays there until the next call of
/// [`next_received`](MessageDecoder::next_received).
#[derive(Debug)]
pub(crate) enum Payload {
    /// The payload of a single frame, unmasked in the buffer.
    Buffer(Range<usize>),
    /// The payloads of several frames, one behind the other.
    Fragments,
}

/// The receiving half of the protocol for one connection.
#[derive(Debug)]
pub(crate) struct MessageDecoder {
    pub(super) receiver: Role,
    max_message: usize,
    pub(super) buffer: Buffer,
    /// The frame whose header is decoded and whose payload is arriving.
    pub(super) frame: Option<ArrivingFrame>,
    pub(super) sequence: Sequence,
    /// What has arrived of the payloads of a fragmented message, one behind the other.
    pub(super) fragments: Vec<u8>,
    /// The check of a text that arrives in pieces.
    text: Utf8,
}

#[derive(Debug)]
pub(super) struct ArrivingFrame {
    pub(super) header: Header,
    /// This many bytes of payload are here, unmasked.
    pub(super) arrived: usize,
}

impl ArrivingFrame {
    /// How many bytes of payload have still to arrive.
    pub(super) fn missing(&self) -> usize {
        // `check_size` and the rule for control frames keep the length within a `usize`.
        self.header.length as usize - self.arrived
    }

    /// Whether the frame carries a part of a message and not a whole one.
    #[inline]
    pub(super) fn is_fragment(&self) -> bool {
        let opcode = self.header.opcode;
        opcode == OpCode::Continuation || !self.header.fin
    }
}

impl MessageDecoder {
    /// `buffer` may hold bytes that arrived behind the opening handshake. They belong to the first
    /// frame. No message is longer than `max_message` bytes.
    pub(crate) fn new(receiver: Role, max_message: usize, buffer: Buffer) -> MessageDecoder {
        MessageDecoder {
            receiver,
            max_message,
            buffer,
            frame: None,
            sequence: Sequence::default(),
            fragments: Vec::new(),
            text: Utf8::default(),
        }
    }

    pub(crate) fn receiver(&self) -> Role {
        self.receiver
    }

    /// Room for the next read; see [`Buffer::room_for`].
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.buffer.room_for(self.missing_in_buffer())
    }

    /// How many bytes the payload that arrives in the buffer still needs there. A fragment does not
    /// stay in the buffer.
    fn missing_in_buffer(&self) -> usize {
        let frame = self.frame.as_ref().filter(|frame| !frame.is_fragment());
        frame.map_or(0, ArrivingFrame::missing)
    }

    /// The memory that it holds, in bytes.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        self.buffer.memory() + self.fragments.capacity()
    }

    /// The memory that it wants to hold during the next read and behind it, in bytes.
    #[inline]
    pub(crate) fn memory_with_room(&self) -> usize {
        let buffer = self.buffer.memory_with_room(self.missing_in_buffer());
        let fragments = match &self.frame {
            Some(frame) if frame.is_fragment() => {
                let more = frame.missing().min(Buffer::LARGEST_READ);
                self.capacity_for_fragments(more)
            }
            _ => self.fragments.capacity(),
        };
        buffer + fragments
    }

    /// The capacity that holds this many bytes more of a fragmented message. It doubles, but not
    /// past the longest message.
    fn capacity_for_fragments(&self, more: usize) -> usize {
        let (length, capacity) = (self.fragments.len(), self.fragments.capacity());
        let needed = length + more;
        match needed > capacity {
            true => needed.max(2 * capacity).min(self.max_message.max(needed)),
            false => capacity,
        }
    }

    /// Drops everything that has arrived and is not complete.
    pub(crate) fn forget(&mut self) {
        self.buffer.forget();
        free(&mut self.fragments);
        *self = MessageDecoder::new(self.receiver, self.max_message, Buffer::new());
    }

    /// Gives back the memory that holds nothing which is still needed.
    pub(crate) fn release(&mut self) {
        self.buffer.release();
        if self.sequence.unfinished().is_none() {
            free(&mut self.fragments);
        }
    }

    /// Notes that a read put `count` bytes into the [`room`](Self::room).
    pub(crate) fn filled(&mut self, count: usize) {
        self.buffer.filled(count);
    }

    /// Whether a message has begun to arrive and is not complete. Control frames do not count.
    pub(crate) fn is_message_incomplete(&self) -> bool {
        self.sequence.unfinished().is_some()
    }

    /// The next message or control frame in the bytes received so far. `None`: more bytes are
    /// needed.
    #[inline]
    pub(crate) fn next_received(&mut self) -> Result<Option<Received>, Violation> {
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.begin_frame()? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            if !self.receive_payload(&mut frame)? {
                self.frame = Some(frame);
                return Ok(None);
            }
            if let Some(received) = self.finish_frame(&frame)? {
                return Ok(Some(received));
            }
        }
    }

    /// Decodes a header. Everything that the header alone can break is refused here, before the
    /// payload arrives.
    #[inline]
    fn begin_frame(&mut self) -> Result<Option<ArrivingFrame>, Violation> {
        let decoded = Header::decode(self.buffer.unread(), NO_EXTENSION)?;
        let Decoded::Header(header, size) = decoded else {
            return Ok(None);
        };
        header.check_received_by(self.receiver)?;
        if !header.opcode.is_control() {
            if self.sequence.unfinished().is_none() {
                self.forget_last_message();
            }
            self.sequence.begin_frame(&header)?;
            self.check_size(&header)?;
        }
        self.buffer.consume(size);
        Ok(Some(ArrivingFrame { header, arrived: 0 }))
    }

    /// The limit of §10.4. It counts the fragments that are here and the payload that is announced.
    #[inline]
    fn check_size(&self, header: &Header) -> Result<(), Violation> {
        let length = header.length.saturating_add(self.fragments.len() as u64);
        let limit = self.max_message as u64;
        match length <= limit {
            true => Ok(()),
            false => Err(Violation::TooBig { length, limit }),
        }
    }

    #[inline]
    fn forget_last_message(&mut self) {
        self.text = Utf8::default();
        self.fragments.clear();
    }

    /// Unmasks the new bytes of the payload in place (§5.3), and moves those of a fragment to the
    /// fragments before it. Returns whether the payload is complete.
    #[inline]
    fn receive_payload(&mut self, frame: &mut ArrivingFrame) -> Result<bool, Violation> {
        let is_fragment = frame.is_fragment();
        // Where the payload begins in the buffer: bytes of a fragment have left it.
        let first = if is_fragment { frame.arrived } else { 0 };
        let payload = self.buffer.unread_mut();
        let here = payload.len().min(frame.header.length as usize - first);
        let new = &mut payload[frame.arrived - first..here];
        if let Some(key) = frame.header.mask {
            mask(key, frame.arrived as u64, new);
        }
        let complete = first + here == frame.header.length as usize;
        // §8.1: text is refused at the first wrong byte. A text that arrives in one piece is not
        // checked here: `message` checks it anyway.
        let at_once = frame.arrived == 0 && complete && !is_fragment;
        let is_control = frame.header.opcode.is_control();
        if self.sequence.unfinished() == Some(MessageKind::Text) && !is_control && !at_once {
            self.text.push(new)?;
        }
        frame.arrived = first + here;
        if is_fragment {
            self.move_to_fragments(here);
        }
        Ok(complete)
    }

    /// Takes bytes of a fragment out of the buffer.
    fn move_to_fragments(&mut self, count: usize) {
        let capacity = self.capacity_for_fragments(count);
        self.fragments
            .reserve_exact(capacity - self.fragments.len());
        let range = self.buffer.consume(count);
        self.fragments
            .extend_from_slice(self.buffer.consumed(range));
    }

    /// Says what a complete frame is. `None`: it is a fragment, and more fragments follow.
    #[inline]
    fn finish_frame(&mut self, frame: &ArrivingFrame) -> Result<Option<Received>, Violation> {
        let header = &frame.header;
        let payload = match frame.is_fragment() {
            true => Payload::Fragments,
            false => Payload::Buffer(self.buffer.consume(header.length as usize)),
        };
        Ok(match header.opcode {
            OpCode::Ping => Some(Received::Ping(payload)),
            OpCode::Pong => Some(Received::Pong),
            OpCode::Close => {
                let reason = CloseReason::decode(self.payload(payload))?;
                Some(Received::Close(reason))
            }
            OpCode::Continuation | OpCode::Text | OpCode::Binary => {
                let kind = self.sequence.end_frame(header);
                kind.map(|kind| Received::Message(kind, payload))
            }
        })
    }

    /// The bytes of a complete payload.
    #[inline]
    pub(crate) fn payload(&self, payload: Payload) -> &[u8] {
        match payload {
            Payload::Buffer(range) => self.buffer.consumed(range),
            Payload::Fragments => &self.fragments,
        }
    }

    /// Lends a complete message. A text is checked (`utf8.rs`).
    #[inline]
    pub(crate) fn message(
        &self,
        kind: MessageKind,
        payload: Payload,
    ) -> Result<Message<'_>, Violation> {
        let payload = self.payload(payload);
        match kind {
            MessageKind::Binary => Ok(Message::Binary(payload)),
            MessageKind::Text => Ok(Message::Text(whole_text(payload)?)),
        }
    }
}
