//! RFC 6455 §5.4: "The primary purpose of fragmentation is to allow sending a message that is of
//! unknown size when the message is started without having to buffer that message."
//!
//! Optional: a message that is sent in fragments. Receiving fragments is `framing/decoder.rs`.

use super::error::Error;
use super::stream::Stream;
use super::websocket::WebSocket;
use super::writer::Writer;
use crate::framing::{CloseCode, CloseReason, Message, OpCode};
use std::io;
use std::marker::PhantomData;

/// What a fragment of a message is: `str` for text, `[u8]` for binary. So a text cannot go on with
/// bytes: "the type for all fragments in a message" is that of the first (§5.4).
pub trait Fragment {
    /// The fragment as a whole message.
    fn as_message(&self) -> Message<'_>;
}

impl Fragment for str {
    fn as_message(&self) -> Message<'_> {
        Message::Text(self)
    }
}

impl Fragment for [u8] {
    fn as_message(&self) -> Message<'_> {
        Message::Binary(self)
    }
}

/// A message that is being sent in fragments, each fragment a frame. No other message can be sent
/// on the connection until it is finished (§5.4). Control frames can.
///
/// ```no_run
/// # let mut socket = rfc6455::connect("ws://localhost:5050/echo")?;
/// let mut story = socket.send_fragmented::<str>();
/// story.send("Once upon ")?;
/// story.send("a time.")?;
/// story.finish()?;
/// # Ok::<(), rfc6455::Error>(())
/// ```
///
/// With `[u8]` it is an [`io::Write`], so `io::copy` can send a file.
///
/// If it is dropped unfinished, the connection is closed with 1011. To finish the message would
/// make the peer take it for a whole one, and to leave it open would block the connection.
#[derive(Debug)]
pub struct Fragments<'w, S: Stream, F: Fragment + ?Sized> {
    writer: &'w mut Writer<S>,
    /// The first frame was sent. The next ones are Continuation frames.
    begun: bool,
    finished: bool,
    fragment: PhantomData<F>,
}

impl<S: Stream> WebSocket<S> {
    /// Begins a message that is sent in fragments (§5.4), for example because its length is not
    /// known yet: `send_fragmented::<str>()` for text, `send_fragmented::<[u8]>()` for binary.
    pub fn send_fragmented<F: Fragment + ?Sized>(&mut self) -> Fragments<'_, S, F> {
        self.writer.shared.output.begin_fragments();
        Fragments {
            writer: &mut self.writer,
            begun: false,
            finished: false,
            fragment: PhantomData,
        }
    }
}

impl<S: Stream, F: Fragment + ?Sized> Fragments<'_, S, F> {
    /// Sends a fragment. More fragments follow.
    ///
    /// # Errors
    /// [`Error::Closing`] or [`Error::Closed`] if nothing may be sent any more.
    pub fn send(&mut self, fragment: &F) -> Result<(), Error> {
        self.send_frame(false, fragment.as_message())
    }

    fn send_frame(&mut self, fin: bool, fragment: Message<'_>) -> Result<(), Error> {
        let opcode = match self.begun {
            false => fragment.opcode(),
            true => OpCode::Continuation,
        };
        self.begun = true;
        self.writer
            .write_fragment(fin, opcode, fragment.as_bytes())?;
        self.writer.flush()
    }
}

impl<S: Stream> Fragments<'_, S, str> {
    /// Ends the message, with an empty last fragment.
    ///
    /// # Errors
    /// [`Error::Closing`] or [`Error::Closed`] if nothing may be sent any more.
    pub fn finish(mut self) -> Result<(), Error> {
        self.finished = true;
        self.send_frame(true, Message::Text(""))
    }
}

impl<S: Stream> Fragments<'_, S, [u8]> {
    /// Ends the message, with an empty last fragment.
    ///
    /// # Errors
    /// [`Error::Closing`] or [`Error::Closed`] if nothing may be sent any more.
    pub fn finish(mut self) -> Result<(), Error> {
        self.finished = true;
        self.send_frame(true, Message::Binary(&[]))
    }
}

impl<S: Stream> io::Write for Fragments<'_, S, [u8]> {
    fn write(&mut self, fragment: &[u8]) -> io::Result<usize> {
        match self.send(fragment) {
            Ok(()) => Ok(fragment.len()),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: Stream, F: Fragment + ?Sized> Drop for Fragments<'_, S, F> {
    fn drop(&mut self) {
        if self.begun && !self.finished {
            let reason = CloseReason::new(CloseCode::INTERNAL_ERROR, "a message was abandoned");
            let reason = reason.expect("it is short and may be sent");
            let limit = self.writer.config.close_timeout;
            let _ = self.writer.send_close(&reason, limit);
        }
        // Only now may other senders go on: a frame of theirs inside our message would break §5.4.
        self.writer.shared.output.end_fragments();
    }
}
