//! Read first: RFC 6455 §5.4: "The primary purpose of fragmentation is to allow sending a message
//! that is of unknown size when the message is started without having to buffer that message."
//!
//! A message sent piece by piece. Receiving fragments is `message.rs`.

use crate::close::{CloseCode, CloseReason};
use crate::error::Error;
use crate::frame::OpCode;
use crate::message::Message;
use crate::stream::Stream;
use crate::writer::Writer;
use std::io;
use std::marker::PhantomData;

/// What the pieces of a message are: `str` for text, `[u8]` for binary. So that a text cannot go
/// on with bytes: "the type for all fragments in a message" is that of the first (§5.4).
pub trait Piece {
    /// The piece as a message of its own would be.
    fn message(&self) -> Message<'_>;
}

impl Piece for str {
    fn message(&self) -> Message<'_> {
        Message::Text(self)
    }
}

impl Piece for [u8] {
    fn message(&self) -> Message<'_> {
        Message::Binary(self)
    }
}

/// A message that is being sent piece by piece, each piece a frame. No other message can be sent
/// on the connection until it is finished (§5.4); control frames can.
///
/// ```no_run
/// # let mut socket = rfc6455::connect("ws://localhost:5050/echo")?;
/// let mut story = socket.in_pieces::<str>();
/// story.send("Once upon ")?;
/// story.send("a time.")?;
/// story.finish()?;
/// # Ok::<(), rfc6455::Error>(())
/// ```
///
/// Pieces of bytes are an [`io::Write`], so that `io::copy` can send a file. A message that is
/// dropped unfinished would be taken for a whole one if it were finished, and blocks the connection
/// if it is not: so the connection is closed, with 1011.
#[derive(Debug)]
pub struct Pieces<'w, S: Stream, P: Piece + ?Sized> {
    writer: &'w mut Writer<S>,
    /// The opcode of the next frame: Continuation from the second on.
    begun: bool,
    finished: bool,
    piece: PhantomData<P>,
}

impl<'w, S: Stream, P: Piece + ?Sized> Pieces<'w, S, P> {
    pub(crate) fn new(writer: &'w mut Writer<S>) -> Pieces<'w, S, P> {
        writer.line.begin_pieces();
        Pieces {
            writer,
            begun: false,
            finished: false,
            piece: PhantomData,
        }
    }

    /// Sends a piece, with more to come.
    ///
    /// # Errors
    /// [`Error::Closed`] if nothing may be sent any more.
    pub fn send(&mut self, piece: &P) -> Result<(), Error> {
        self.send_frame(false, piece.message())
    }

    fn send_frame(&mut self, fin: bool, piece: Message<'_>) -> Result<(), Error> {
        let opcode = match self.begun {
            false => piece.opcode(),
            true => OpCode::Continuation,
        };
        self.begun = true;
        self.writer.write_frame(fin, opcode, piece.as_bytes())?;
        self.writer.flush()
    }
}

impl<S: Stream> Pieces<'_, S, str> {
    /// Ends the message.
    ///
    /// # Errors
    /// [`Error::Closed`] if nothing may be sent any more.
    pub fn finish(mut self) -> Result<(), Error> {
        self.finished = true;
        self.send_frame(true, Message::Text(""))
    }
}

impl<S: Stream> Pieces<'_, S, [u8]> {
    /// Ends the message.
    ///
    /// # Errors
    /// [`Error::Closed`] if nothing may be sent any more.
    pub fn finish(mut self) -> Result<(), Error> {
        self.finished = true;
        self.send_frame(true, Message::Binary(&[]))
    }
}

impl<S: Stream> io::Write for Pieces<'_, S, [u8]> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        match self.send(piece) {
            Ok(()) => Ok(piece.len()),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: Stream, P: Piece + ?Sized> Drop for Pieces<'_, S, P> {
    fn drop(&mut self) {
        self.writer.line.end_pieces();
        if self.begun && !self.finished {
            let reason = CloseReason::new(CloseCode::INTERNAL_ERROR, "a message was abandoned");
            let _ = self
                .writer
                .send_close(&reason.expect("it is short and may be sent"));
        }
    }
}
