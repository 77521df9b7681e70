//! One connection of the judge: what is sent, what comes, and a record of both.
//!
//! It behaves as a lawful client between the steps of a case: it answers Pings, and the first Close.
//! It reads what comes without a judgement.

use super::bits::{Bits, CLOSE, CONTINUATION, PING, PONG, bytes_of, close, frame};
use super::seen::Seen;
use crate::compression::{Inflater, TAIL};
use crate::framing::Role;
use crate::opening::{Deflate, Head, HeadReader, StartLine};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// So many bytes of one entry are kept. A case may send megabytes.
const KEPT: usize = 1 << 12;

/// One write waits this long at most. Then what has come is read, because a server that answers
/// while it reads would wait, too.
const LONGEST_WRITE: Duration = Duration::from_millis(10);

/// A part of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it happened, after the beginning of the case.
    pub at: Duration,
    /// What happened.
    pub what: What,
}

/// What happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The judge sent bytes. `length` is how many; the first of them are kept.
    Sent {
        /// The first bytes.
        bytes: Vec<u8>,
        /// How many there were.
        length: usize,
    },
    /// The endpoint sent bytes.
    Received {
        /// The first bytes.
        bytes: Vec<u8>,
        /// How many there were.
        length: usize,
    },
    /// The endpoint ended TCP.
    Ended,
    /// TCP was reset, or it broke in another way.
    Reset,
}

/// The next thing that the endpoint did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A whole message: its opcode and its payload.
    Message(u8, Vec<u8>),
    /// A compressed message that cannot be inflated.
    NotInflated(String),
    /// A Pong with its payload.
    Pong(Vec<u8>),
    /// A Close with its body.
    Close(Vec<u8>),
    /// TCP has ended.
    End,
    /// Nothing, until the deadline.
    Nothing,
}

/// A message that is not finished.
#[derive(Debug)]
struct Unfinished {
    opcode: u8,
    compressed: bool,
    payload: Vec<u8>,
}

/// The most bytes and fields of a head that the judge reads.
const MAX_HEAD: usize = 64 << 10;
const MAX_FIELDS: usize = 1000;

/// What came where a head should come.
#[derive(Debug)]
pub(super) enum Came<L> {
    /// A whole head.
    Head(Head<L>),
    /// Something that is not HTTP.
    NotHttp(String),
    /// TCP ended without a whole head.
    Ended,
    /// No whole head came in time.
    Nothing,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Conversation {
    stream: TcpStream,
    /// The side that the judge plays.
    role: Role,
    /// Bytes that were held back.
    held: Vec<u8>,
    began: Instant,
    record: Vec<Entry>,
    /// What came and is not read as frames yet.
    unread: Vec<u8>,
    has_ended: bool,
    unfinished: Option<Unfinished>,
    inflater: Option<Inflater>,
    sent_close: bool,
    /// Messages and Pongs that came before what a step waited for.
    kept: VecDeque<Event>,
    /// All frames that came. Long payloads are not kept.
    pub(super) frames: Vec<Seen>,
    /// How many frames came before the first Close and with it.
    pub(super) frames_to_close: Option<usize>,
}

impl Conversation {
    pub(super) fn new(stream: TcpStream, role: Role, began: Instant) -> io::Result<Conversation> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(LONGEST_WRITE))?;
        Ok(Conversation {
            stream,
            role,
            held: Vec::new(),
            began,
            record: Vec::new(),
            unread: Vec::new(),
            has_ended: false,
            unfinished: None,
            inflater: None,
            sent_close: false,
            kept: VecDeque::new(),
            frames: Vec::new(),
            frames_to_close: None,
        })
    }

    /// From here on, compressed messages are inflated.
    pub(super) fn agree(&mut self, agreed: Deflate) {
        let receiving = match self.role {
            Role::Client => agreed.server,
            Role::Server => agreed.client,
        };
        self.inflater = Some(Inflater::new(receiving));
    }

    pub(super) fn into_record(self) -> Vec<Entry> {
        self.record
    }

    /// Sends bytes, in one write if TCP takes them. A connection that has ended takes nothing; that
    /// is seen when it is read.
    pub(super) fn send(&mut self, bytes: &[u8], deadline: Instant) {
        self.note(bytes, |bytes, length| What::Sent { bytes, length });
        let mut rest = bytes;
        while !rest.is_empty() && Instant::now() < deadline {
            match self.stream.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if is_timeout(&error) => {
                    self.receive(Instant::now());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    /// Sends a frame that the judge itself has to send.
    pub(super) fn send_frame(&mut self, frame: &Bits, deadline: Instant) {
        self.send(&frame.bytes(self.role), deadline);
    }

    /// The bytes of frames, as the judge sends them.
    pub(super) fn bytes_of(&self, frames: &[Bits]) -> Vec<u8> {
        bytes_of(frames, self.role)
    }

    /// Sends bytes without the last ones, which are held back.
    pub(super) fn hold(&mut self, bytes: &[u8], back: usize, deadline: Instant) {
        let (front, held) = bytes.split_at(bytes.len() - back);
        self.held = held.to_vec();
        self.send(front, deadline);
    }

    /// Sends what was held back.
    pub(super) fn send_held(&mut self, deadline: Instant) {
        let held = std::mem::take(&mut self.held);
        self.send(&held, deadline);
    }

    /// The judge has sent a Close, so it does not answer one.
    pub(super) fn note_close_sent(&mut self) {
        self.sent_close = true;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Reads a head, until the deadline.
    pub(super) fn head<L: StartLine>(&mut self, deadline: Instant) -> Came<L> {
        let mut reader = HeadReader::<L>::new(MAX_HEAD, MAX_FIELDS);
        loop {
            match reader.read(&self.unread) {
                Ok(Some((head, size))) => {
                    self.unread.drain(..size);
                    return Came::Head(head);
                }
                Ok(None) => {}
                Err(error) => return Came::NotHttp(error.to_string()),
            }
            if self.has_ended {
                return Came::Ended;
            }
            if !self.receive(deadline) && Instant::now() >= deadline {
                return Came::Nothing;
            }
        }
    }

    /// Waits for more bytes, or the end. Returns whether something came.
    fn receive(&mut self, deadline: Instant) -> bool {
        if self.has_ended {
            return false;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = left.max(Duration::from_millis(1));
        let mut room = [0; 1 << 16];
        let read = self
            .stream
            .set_read_timeout(Some(limit))
            .and_then(|()| self.stream.read(&mut room));
        match read {
            Ok(0) => self.end(What::Ended),
            Ok(count) => {
                self.note(&room[..count], |bytes, length| What::Received {
                    bytes,
                    length,
                });
                self.unread.extend(&room[..count]);
            }
            Err(error) if is_timeout(&error) || error.kind() == ErrorKind::Interrupted => {
                return false;
            }
            Err(_) => self.end(What::Reset),
        }
        true
    }

    fn end(&mut self, how: What) {
        self.has_ended = true;
        self.record.push(Entry {
            at: self.began.elapsed(),
            what: how,
        });
    }

    fn note(&mut self, bytes: &[u8], what: fn(Vec<u8>, usize) -> What) {
        let front = bytes[..bytes.len().min(KEPT)].to_vec();
        self.record.push(Entry {
            at: self.began.elapsed(),
            what: what(front, bytes.len()),
        });
    }

    /// Keeps a message or a Pong for a later step.
    pub(super) fn keep(&mut self, event: Event) {
        self.kept.push_back(event);
    }

    /// Takes the first of the kept messages, or of the kept Pongs.
    pub(super) fn take_kept(&mut self, is_wanted: impl Fn(&Event) -> bool) -> Option<Event> {
        let at = self.kept.iter().position(is_wanted)?;
        self.kept.remove(at)
    }

    /// The next thing that the endpoint does, until the deadline.
    pub(super) fn next(&mut self, deadline: Instant) -> Event {
        loop {
            while let Some((seen, size)) = Seen::read(&self.unread) {
                self.unread.drain(..size);
                if let Some(event) = self.frame(seen, deadline) {
                    return event;
                }
            }
            if self.has_ended {
                return Event::End;
            }
            if !self.receive(deadline) && Instant::now() >= deadline {
                return Event::Nothing;
            }
        }
    }

    /// Takes one frame. `None`: it finishes nothing.
    fn frame(&mut self, seen: Seen, deadline: Instant) -> Option<Event> {
        let (fin, opcode) = (seen.fin(), seen.opcode());
        let compressed = seen.rsv() & 4 != 0;
        let payload = seen.payload.clone();
        self.frames.push(Seen {
            payload: match payload.len() {
                0..=KEPT => payload.clone(),
                _ => Vec::new(),
            },
            ..seen
        });
        match opcode {
            PING => {
                self.send_frame(&frame(PONG, &payload), deadline);
                None
            }
            PONG => Some(Event::Pong(payload)),
            CLOSE => {
                self.frames_to_close.get_or_insert(self.frames.len());
                if !self.sent_close {
                    self.sent_close = true;
                    self.send_frame(&frame(CLOSE, &payload), deadline);
                }
                Some(Event::Close(payload))
            }
            _ => {
                let message = match (opcode, self.unfinished.take()) {
                    (CONTINUATION, Some(mut message)) => {
                        message.payload.extend(payload);
                        message
                    }
                    _ => Unfinished {
                        opcode,
                        compressed,
                        payload,
                    },
                };
                if !fin {
                    self.unfinished = Some(message);
                    return None;
                }
                Some(self.message(message))
            }
        }
    }

    fn message(&mut self, message: Unfinished) -> Event {
        let Unfinished {
            opcode,
            compressed,
            payload,
        } = message;
        let (true, Some(inflater)) = (compressed, &mut self.inflater) else {
            return Event::Message(opcode, payload);
        };
        let mut out = Vec::new();
        for mut input in [&payload[..], &TAIL] {
            loop {
                match inflater.inflate(&mut input) {
                    Ok([]) => break,
                    Ok(piece) => out.extend_from_slice(piece),
                    Err(invalid) => return Event::NotInflated(invalid.to_string()),
                }
            }
        }
        match inflater.end_message() {
            Ok(()) => Event::Message(opcode, out),
            Err(invalid) => Event::NotInflated(invalid.to_string()),
        }
    }

    /// The judge has no more to say. An endpoint that is still there hears it.
    pub(super) fn leave(&mut self) {
        if !self.sent_close && !self.has_ended {
            self.sent_close = true;
            let goodbye = close(1000, "").bytes(self.role);
            let _ = self.stream.write(&goodbye);
        }
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
