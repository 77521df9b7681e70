//! RFC 6455 §5.4, Fragmentation, and §5.6, Data Frames: from bytes to messages.
//!
//! - Bytes come in, messages and control frames come out. Nothing here waits or answers.
//! - [`MessageDecoder::room`] and [`MessageDecoder::filled`] take the bytes in.
//! - [`MessageDecoder::next_received`] says what they are. `None`: more bytes are needed.
//! - A header is refused before a byte of its payload is read. Text is refused at the first wrong
//!   byte.
//! - The payload of a single frame is lent from where it was received. Nothing copies it. Fragments
//!   are collected as their bytes arrive. So is what comes out of a compressed message.

use super::buffer::Buffer;
use super::close::CloseReason;
use super::collected::Collected;
use super::frame::{Decoded, Header, NO_EXTENSION, OpCode, RSV1, Role};
use super::inflated::Inflated;
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
    /// [`MessageDecoder::payload`] lends it.
    Ping(Range<usize>),
    Pong,
    Close(CloseReason),
}

/// Where a complete payload is. It stays there until the next call of
/// [`next_received`](MessageDecoder::next_received).
#[derive(Debug)]
pub(crate) enum Payload {
    /// Unmasked in the buffer.
    Buffer(Range<usize>),
    /// Collected: it came in fragments, or compressed.
    Collected,
}

/// The receiving half of the protocol for one connection.
#[derive(Debug)]
pub(crate) struct MessageDecoder {
    pub(super) receiver: Role,
    pub(super) max_message: usize,
    pub(super) buffer: Buffer,
    /// The frame whose header is decoded and whose payload is arriving.
    pub(super) frame: Option<ArrivingFrame>,
    pub(super) sequence: Sequence,
    /// What has arrived of a fragmented message.
    pub(super) collected: Collected,
    /// The check of a text in one frame that arrives in pieces.
    text: Utf8,
    /// Only if the two sides agreed on permessage-deflate.
    pub(super) inflated: Option<Box<Inflated>>,
}

#[derive(Debug)]
pub(super) struct ArrivingFrame {
    pub(super) header: Header,
    /// Whether its payload is collected, and does not stay in the buffer.
    pub(super) is_collected: bool,
    /// This many bytes of payload are here, unmasked.
    pub(super) arrived: usize,
}

impl ArrivingFrame {
    /// How many bytes of payload have still to arrive.
    pub(super) fn missing(&self) -> usize {
        // `check_size` and the rule for control frames keep the length within a `usize`.
        self.header.length as usize - self.arrived
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
            collected: Collected::default(),
            text: Utf8::default(),
            inflated: None,
        }
    }

    pub(crate) fn receiver(&self) -> Role {
        self.receiver
    }

    /// Room for the next read; see [`Buffer::room_for`].
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.buffer.room_for(self.missing_in_buffer())
    }

    /// How many bytes the payload that arrives in the buffer still needs there.
    pub(super) fn missing_in_buffer(&self) -> usize {
        let frame = self.frame.as_ref().filter(|frame| !frame.is_collected);
        frame.map_or(0, ArrivingFrame::missing)
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
            let Some(payload) = self.receive_payload(&mut frame)? else {
                self.frame = Some(frame);
                return Ok(None);
            };
            if let Some(received) = self.finish_frame(&frame.header, payload)? {
                return Ok(Some(received));
            }
        }
    }

    /// Decodes a header. Everything that the header alone can break is refused here, before the
    /// payload arrives.
    #[inline]
    fn begin_frame(&mut self) -> Result<Option<ArrivingFrame>, Violation> {
        let extension_bits = self.inflated.as_ref().map_or(NO_EXTENSION, |_| RSV1);
        let decoded = Header::decode(self.buffer.unread(), extension_bits)?;
        let Decoded::Header(header, size) = decoded else {
            return Ok(None);
        };
        header.check_rsv1()?;
        header.check_received_by(self.receiver)?;
        let mut is_collected = false;
        if !header.opcode.is_control() {
            if self.sequence.unfinished().is_none() {
                self.forget_last_message();
            }
            self.sequence.begin_frame(&header)?;
            self.check_size(&header)?;
            let is_fragment = header.opcode == OpCode::Continuation || !header.fin;
            is_collected = is_fragment || self.sequence.is_compressed();
        }
        self.buffer.consume(size);
        Ok(Some(ArrivingFrame {
            header,
            is_collected,
            arrived: 0,
        }))
    }

    /// The limit of §10.4. It counts what has arrived and the payload that is announced. What comes
    /// out of a compressed message is limited when it comes out.
    #[inline]
    fn check_size(&self, header: &Header) -> Result<(), Violation> {
        let (arrived, limit) = match &self.inflated {
            Some(inflated) if self.sequence.is_compressed() => {
                (inflated.arrived(), inflated.limit())
            }
            _ => (self.collected.length() as u64, self.max_message as u64),
        };
        let length = header.length.saturating_add(arrived);
        match length <= limit {
            true => Ok(()),
            false => Err(Violation::TooBig { length, limit }),
        }
    }

    #[inline]
    fn forget_last_message(&mut self) {
        self.collected.clear();
        self.text = Utf8::default();
    }

    /// Unmasks the new bytes of the payload in place (§5.3), and collects those that do not stay in
    /// the buffer. Returns the payload when it is complete.
    #[inline]
    fn receive_payload(&mut self, frame: &mut ArrivingFrame) -> Result<Option<Payload>, Violation> {
        let length = frame.header.length as usize;
        // Where the payload begins in the buffer: collected bytes have left it.
        let first = if frame.is_collected { frame.arrived } else { 0 };
        let payload = self.buffer.unread_mut();
        let here = payload.len().min(length - first);
        let new = &mut payload[frame.arrived - first..here];
        if let Some(key) = frame.header.mask {
            mask(key, frame.arrived as u64, new);
        }
        let is_complete = first + here == length;
        if frame.is_collected {
            let is_all = self.collect(frame, here)?;
            frame.arrived += here;
            return Ok((is_complete && is_all).then_some(Payload::Collected));
        }
        if is_complete {
            return Ok(Some(Payload::Buffer(self.buffer.consume(length))));
        }
        // §8.1: text is refused at the first wrong byte. `message` checks the whole text.
        if frame.header.opcode == OpCode::Text {
            self.text.push(new)?;
        }
        frame.arrived = here;
        Ok(None)
    }

    /// Moves bytes out of the buffer, behind the bytes before them. Compressed bytes are inflated
    /// on the way. Returns whether all bytes are there: inflating can go on later.
    fn collect(&mut self, frame: &ArrivingFrame, count: usize) -> Result<bool, Violation> {
        let most = self.longest_message(frame);
        let range = self.buffer.consume(count);
        let Some(kind) = self.sequence.unfinished() else {
            unreachable!("`Sequence::begin_frame` has noted the message")
        };
        let (buffer, collected) = (&self.buffer, &mut self.collected);
        match &mut self.inflated {
            Some(inflated) if self.sequence.is_compressed() => {
                let is_end = frame.header.fin && frame.missing() == count;
                inflated.collect(buffer, range, is_end, collected, kind)
            }
            _ => {
                collected.push(kind, buffer.consumed(range), most)?;
                Ok(true)
            }
        }
    }

    /// How long the message of this fragment can become.
    pub(super) fn longest_message(&self, frame: &ArrivingFrame) -> usize {
        match frame.header.fin {
            true => self.collected.length() + frame.missing(),
            false => self.max_message,
        }
    }

    /// Says what a complete frame is. `None`: it is a fragment, and more fragments follow.
    #[inline]
    fn finish_frame(
        &mut self,
        header: &Header,
        payload: Payload,
    ) -> Result<Option<Received>, Violation> {
        Ok(match (header.opcode, payload) {
            (OpCode::Ping, Payload::Buffer(range)) => Some(Received::Ping(range)),
            (OpCode::Close, Payload::Buffer(range)) => {
                let reason = CloseReason::decode(self.payload(range))?;
                Some(Received::Close(reason))
            }
            (OpCode::Pong, _) => Some(Received::Pong),
            (_, payload) => {
                let kind = self.sequence.end_frame(header);
                kind.map(|kind| Received::Message(kind, payload))
            }
        })
    }

    /// The bytes of a complete payload in the buffer.
    #[inline]
    pub(crate) fn payload(&self, range: Range<usize>) -> &[u8] {
        self.buffer.consumed(range)
    }

    /// Lends a complete message. A text is checked (`utf8.rs`).
    #[inline]
    pub(crate) fn message(
        &self,
        kind: MessageKind,
        payload: Payload,
    ) -> Result<Message<'_>, Violation> {
        let Payload::Buffer(range) = payload else {
            return self.collected.message(kind);
        };
        let payload = self.payload(range);
        match kind {
            MessageKind::Binary => Ok(Message::Binary(payload)),
            MessageKind::Text => Ok(Message::Text(whole_text(payload)?)),
        }
    }
}
