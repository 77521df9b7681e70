//! Read first: RFC 6455 §5.4, Fragmentation, §5.6, Data Frames, and §8.1 on UTF-8.
//!
//! Frames to messages: the rules of a sequence of frames, and text checked as it arrives. Bytes
//! come in, events come out; reading and answering is `connection.rs`.

use crate::buffer::Buffer;
use crate::close::CloseReason;
use crate::error::Violation;
use crate::frame::{Header, OpCode, Role};
use crate::mask::mask;
use std::ops::Range;
use std::{fmt, io, str};

/// A whole message (§5.6), lent: by the connection's buffer when received, by the caller when
/// sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Text. On the wire it is UTF-8, checked before anybody sees it.
    Text(&'a str),
    /// Bytes whose meaning is the application's.
    Binary(&'a [u8]),
}

impl<'a> Message<'a> {
    /// The payload, whichever kind it is.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        match self {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
        }
    }

    /// The opcode of the first frame that carries it.
    #[must_use]
    pub fn opcode(&self) -> OpCode {
        match self {
            Message::Text(_) => OpCode::Text,
            Message::Binary(_) => OpCode::Binary,
        }
    }
}

impl fmt::Display for Message<'_> {
    /// A text as it is; bytes as two hexadecimal digits each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Text(text) => f.write_str(text),
            Message::Binary(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

impl<'a> From<&'a str> for Message<'a> {
    fn from(text: &'a str) -> Message<'a> {
        Message::Text(text)
    }
}

impl<'a> From<&'a String> for Message<'a> {
    fn from(text: &'a String) -> Message<'a> {
        Message::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Message<'a> {
    fn from(bytes: &'a [u8]) -> Message<'a> {
        Message::Binary(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Message<'a> {
    fn from(bytes: &'a [u8; N]) -> Message<'a> {
        Message::Binary(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Message<'a> {
    fn from(bytes: &'a Vec<u8>) -> Message<'a> {
        Message::Binary(bytes)
    }
}

/// What the frames that arrived amount to.
#[derive(Debug)]
pub(crate) enum Event {
    /// A message is complete; [`Incoming::message`] lends it.
    Message(Kind, Place),
    Ping(Place),
    Pong,
    Close(CloseReason),
}

/// The two types of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Binary,
}

/// Where a complete payload lies, until the next event is asked for.
#[derive(Debug)]
pub(crate) enum Place {
    /// A single frame's, unmasked where it was received: nothing was copied.
    Buffer(Range<usize>),
    /// Several frames', put together.
    Fragments,
}

/// The receiving half of a connection: everything between the bytes of the stream and messages.
#[derive(Debug)]
pub(crate) struct Incoming {
    receiver: Role,
    max_message: usize,
    buffer: Buffer,
    /// The frame whose header was read and whose payload is arriving.
    frame: Option<Frame>,
    /// The message whose fragments are arriving; `Some` from its first frame to its last.
    message: Option<Kind>,
    /// The payloads of its finished fragments.
    fragments: Vec<u8>,
    /// Its text so far, if it arrives in pieces.
    text: Utf8,
}

#[derive(Debug)]
struct Frame {
    header: Header,
    /// How many bytes of payload are here, unmasked.
    arrived: usize,
}

/// Above this many bytes the memory of a fragmented message is given back after it.
const KEEP_FRAGMENTS: usize = 1 << 16;

impl Incoming {
    /// `buffer` may hold bytes already: those that arrived behind the opening handshake.
    pub(crate) fn new(receiver: Role, max_message: usize, buffer: Buffer) -> Incoming {
        Incoming {
            receiver,
            max_message,
            buffer,
            frame: None,
            message: None,
            fragments: Vec::new(),
            text: Utf8::default(),
        }
    }

    pub(crate) fn receiver(&self) -> Role {
        self.receiver
    }

    /// Takes in what one `read` of the stream has; see [`Buffer::fill`].
    pub(crate) fn fill(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.buffer.fill(read)
    }

    /// Whether the beginning of something is here and its end is not.
    pub(crate) fn is_amid_message(&self) -> bool {
        self.frame.is_some() || self.message.is_some() || !self.buffer.unread().is_empty()
    }

    /// The next event in the bytes received so far, or `None`: more bytes, please.
    #[inline]
    pub(crate) fn next_event(&mut self) -> Result<Option<Event>, Violation> {
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
            if let Some(event) = self.finish_frame(&frame.header)? {
                return Ok(Some(event));
            }
        }
    }

    /// Reads a header, and refuses what can be refused before the payload is there.
    #[inline]
    fn begin_frame(&mut self) -> Result<Option<Frame>, Violation> {
        let Some((header, size)) = Header::decode(self.buffer.unread())? else {
            return Ok(None);
        };
        header.check_received_by(self.receiver)?;
        if !header.opcode.is_control() {
            self.check_sequence(&header)?;
        }
        self.buffer.consume(size);
        Ok(Some(Frame { header, arrived: 0 }))
    }

    /// The rules of §5.4 about one data frame after the other, and the limit of §10.4.
    #[inline]
    fn check_sequence(&mut self, header: &Header) -> Result<(), Violation> {
        match (self.message, header.opcode) {
            (None, OpCode::Continuation) => return Err(Violation::NothingToContinue),
            (Some(_), OpCode::Text | OpCode::Binary) => {
                return Err(Violation::UnfinishedMessage(header.opcode.encode()));
            }
            (None, _) => self.forget_last_message(),
            (Some(_), _) => {}
        }
        let length = header.length.saturating_add(self.fragments.len() as u64);
        let limit = self.max_message as u64;
        if length > limit {
            return Err(Violation::TooBig { length, limit });
        }
        if let Some(kind) = kind_begun_by(header.opcode) {
            self.message = Some(kind);
        }
        Ok(())
    }

    #[inline]
    fn forget_last_message(&mut self) {
        self.text = Utf8::default();
        self.fragments.clear();
        self.fragments.shrink_to(KEEP_FRAGMENTS);
    }

    /// Unmasks the payload bytes that are new (§5.3), in place. Says whether all are here.
    #[inline]
    fn receive_payload(&mut self, frame: &mut Frame) -> Result<bool, Violation> {
        let Header {
            length,
            opcode,
            mask: key,
            ..
        } = frame.header;
        let payload = self.buffer.unread_mut();
        // No longer than the limit, or than a control frame: it fits a usize.
        let here = payload.len().min(length as usize);
        let new = &mut payload[frame.arrived..here];
        if let Some(key) = key {
            mask(key, frame.arrived as u64, new);
        }
        let complete = here as u64 == length;
        // §8.1 at the first byte that breaks it. A message that is here at once is not checked
        // here: `message` does that, and would do it again.
        let at_once = frame.arrived == 0 && complete && frame.header.fin && opcode == OpCode::Text;
        if self.message == Some(Kind::Text) && !opcode.is_control() && !at_once {
            self.text.push(new)?;
        }
        frame.arrived = here;
        Ok(complete)
    }

    /// Says what a frame that is wholly here means; `None` if it is a fragment with more to come.
    #[inline]
    fn finish_frame(&mut self, header: &Header) -> Result<Option<Event>, Violation> {
        let payload = self.buffer.consume(header.length as usize);
        Ok(Some(match header.opcode {
            OpCode::Ping => Event::Ping(Place::Buffer(payload)),
            OpCode::Pong => Event::Pong,
            OpCode::Close => Event::Close(CloseReason::decode(self.buffer.consumed(payload))?),
            OpCode::Continuation | OpCode::Text | OpCode::Binary => {
                let whole = header.fin && header.opcode != OpCode::Continuation;
                let place = if whole {
                    Place::Buffer(payload)
                } else {
                    self.fragments
                        .extend_from_slice(self.buffer.consumed(payload));
                    Place::Fragments
                };
                if !header.fin {
                    return Ok(None);
                }
                let kind = self.message.take();
                Event::Message(kind.expect("check_sequence noted the kind"), place)
            }
        }))
    }

    /// The bytes of a payload that an event told of.
    #[inline]
    pub(crate) fn payload(&self, place: Place) -> &[u8] {
        match place {
            Place::Buffer(range) => self.buffer.consumed(range),
            Place::Fragments => &self.fragments,
        }
    }

    /// Lends a message that an event told of. §5.6: "the whole message MUST contain valid UTF-8."
    #[inline]
    pub(crate) fn message(&self, kind: Kind, place: Place) -> Result<Message<'_>, Violation> {
        let payload = self.payload(place);
        match kind {
            Kind::Binary => Ok(Message::Binary(payload)),
            Kind::Text => match str::from_utf8(payload) {
                Ok(text) => Ok(Message::Text(text)),
                Err(error) => Err(Violation::NotUtf8 {
                    at: error.valid_up_to() as u64,
                }),
            },
        }
    }
}

/// The type of message that a frame of this opcode begins (§5.6).
fn kind_begun_by(opcode: OpCode) -> Option<Kind> {
    match opcode {
        OpCode::Text => Some(Kind::Text),
        OpCode::Binary => Some(Kind::Binary),
        OpCode::Continuation | OpCode::Close | OpCode::Ping | OpCode::Pong => None,
    }
}

/// A text that arrives in pieces, cut anywhere: refuses it at the first byte with which it can no
/// longer become UTF-8 (§8.1).
#[derive(Debug, Default)]
struct Utf8 {
    /// The bytes before this one were whole characters.
    at: u64,
    /// The beginning of a character that the last piece cut.
    cut: [u8; 4],
    cut_length: usize,
}

impl Utf8 {
    fn push(&mut self, mut piece: &[u8]) -> Result<(), Violation> {
        // Byte by byte to the end of the character that was cut.
        while self.cut_length > 0 {
            let Some((&byte, rest)) = piece.split_first() else {
                return Ok(());
            };
            piece = rest;
            self.cut[self.cut_length] = byte;
            self.cut_length += 1;
            let whole = self.characters_in(&self.cut[..self.cut_length])?;
            if whole > 0 {
                self.at += whole as u64;
                self.cut_length = 0;
            }
        }
        let whole = self.characters_in(piece)?;
        let cut = &piece[whole..];
        self.at += whole as u64;
        self.cut[..cut.len()].copy_from_slice(cut);
        self.cut_length = cut.len();
        Ok(())
    }

    /// How many bytes of `bytes` are whole characters; the rest is one that is not finished.
    fn characters_in(&self, bytes: &[u8]) -> Result<usize, Violation> {
        // What most text is. It takes a fifth off an echo of 64 KiB, a quarter off one of 1 MiB.
        if bytes.is_ascii() {
            return Ok(bytes.len());
        }
        match str::from_utf8(bytes) {
            Ok(_) => Ok(bytes.len()),
            Err(error) if error.error_len().is_none() => Ok(error.valid_up_to()),
            Err(error) => Err(Violation::NotUtf8 {
                at: self.at + error.valid_up_to() as u64,
            }),
        }
    }
}
