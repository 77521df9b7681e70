//! What is true of an open connection, whatever its peer sends. It does not matter where the bytes
//! were cut on their way. What the connection sends back breaks no rule.
//!
//! An input is a plan and then the bytes of the wire:
//!
//! ```text
//! +---------+-------+-----------+---------------+
//! | options | n     | n lengths | the wire ...  |
//! +---------+-------+-----------+---------------+
//! ```
//!
//! The options are bits. The lowest two choose the longest message that is accepted: 16 MiB, 1 KiB,
//! 16 bytes, none. 0x04: every message is answered with itself. 0x08: reads have a time limit,
//! which runs out between any two pieces. 0x10: our side closes before it reads anything. The
//! lengths are those of the pieces, over and over.

use rfc6455::framing::{Decoded, Header, NO_EXTENSION, mask};
use rfc6455::{
    CloseCode, CloseReason, Closed, Config, Entropy, Error, OpCode, OwnedMessage, Role, Side,
    State, Stream, Violation, WebSocket,
};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Checks all properties for one input.
pub fn check(input: &[u8]) {
    let Some((plan, wire)) = Plan::read(input) else {
        return;
    };
    for role in [Role::Client, Role::Server] {
        let Some(at_once) = converse(role, &plan, wire, &[usize::MAX]) else {
            continue;
        };
        is_lawful(role, &plan, wire, &at_once);

        let same_when_cut = |lengths: &[usize]| {
            if let Some(cut_up) = converse(role, &plan, wire, lengths) {
                assert_eq!(cut_up, at_once, "{role:?}, in pieces of {lengths:?}");
            }
        };
        same_when_cut(&[1]);
        if !plan.lengths.is_empty() {
            same_when_cut(&plan.lengths);
        }
        if wire.len() <= 64 {
            (1..wire.len()).for_each(|cut| same_when_cut(&[cut, usize::MAX]));
        }
    }
}

struct Plan {
    max_message: usize,
    echo: bool,
    impatient: bool,
    close_first: bool,
    lengths: Vec<usize>,
}

impl Plan {
    fn read(input: &[u8]) -> Option<(Plan, &[u8])> {
        let (&[options, count], rest) = input.split_first_chunk()?;
        let (lengths, wire) = rest.split_at_checked(usize::from(count))?;
        let plan = Plan {
            max_message: [16 << 20, 1 << 10, 16, 0][usize::from(options & 3)],
            echo: options & 0x04 != 0,
            impatient: options & 0x08 != 0,
            close_first: options & 0x10 != 0,
            lengths: lengths.iter().map(|&n| usize::from(n).max(1)).collect(),
        };
        Some((plan, wire))
    }
}

/// A client's masking keys. Five bytes, so that no two keys in a row are the same.
fn keys() -> Entropy {
    Entropy::scripted(&[0x37, 0xfa, 0x21, 0x3d, 0x00])
}

const HOUR: Duration = Duration::from_secs(3600);

/// A reader gives up a write after this time, reads for as long, and then tries again.
const RETRY: Duration = Duration::from_millis(50);

/// Everything that can be seen of a connection, from its first byte to its end.
#[derive(Debug, PartialEq)]
struct Conversation {
    messages: Vec<OwnedMessage>,
    end: End,
    closed: Closed,
    sent: Vec<u8>,
}

/// What `read` said last.
#[derive(Debug, PartialEq)]
enum End {
    /// The peer's Close came.
    Closed,
    Violation(Violation),
    /// TCP ended, and no Close came before.
    Lost,
}

/// The wire in pieces of these lengths, over and over, to a connection. `None`: the machine stood
/// still, so that a reader had to leave something unwritten and read on. What is sent then depends
/// on the clock.
fn converse(role: Role, plan: &Plan, wire: &[u8], lengths: &[usize]) -> Option<Conversation> {
    let sent = Rc::new(RefCell::new(Vec::new()));
    let late = Rc::new(Cell::new(false));
    let peer = Peer::new(wire, lengths, Rc::clone(&sent), Rc::clone(&late));
    let config = Config {
        max_message: plan.max_message,
        // So small that `write` sometimes flushes by itself. That must not matter.
        write_buffer: 100,
        // No limit of time may end a conversation here, even if the machine sleeps.
        close_timeout: HOUR,
        write_timeout: HOUR,
        message_timeout: HOUR,
        keepalive: Some(HOUR),
        entropy: keys,
        ..Config::default()
    };
    let mut socket = WebSocket::after_handshake(peer, role, &[], &config).unwrap();
    if plan.close_first {
        socket.start_close(CloseCode::NORMAL, "").unwrap();
    }
    let mut messages = Vec::new();
    let end = loop {
        // TCP has not ended, so there is no account of its end.
        assert_eq!(socket.closed(), None);
        let result = match plan.impatient {
            true => socket.read_deadline(Instant::now()),
            false => socket.read(),
        };
        let message = match result {
            Ok(Some(message)) => message.to_owned(),
            Ok(None) => break End::Closed,
            Err(Error::Violation(violation)) => break End::Violation(violation),
            Err(Error::Closed(_)) => break End::Lost,
            Err(Error::TimedOut) if plan.impatient => continue,
            Err(error) => panic!("{error}"),
        };
        if plan.echo {
            match socket.write(&message) {
                Ok(()) => assert!(!plan.close_first),
                // §5.5.1: no data frames after our Close.
                Err(Error::Closing) => assert!(plan.close_first),
                Err(error) => panic!("{error}"),
            }
        }
        messages.push(message);
    };
    if late.get() {
        return None;
    }
    assert_eq!(socket.closed().unwrap().was_clean(), end == End::Closed);
    let sent_until_then = sent.borrow().clone();
    if end == End::Closed {
        // Waits for the end of TCP, and sends nothing.
        let again = socket.close(CloseCode::NORMAL, "");
        assert!(matches!(again, Err(Error::Closed(_))), "{again:?}");
    }
    let closed = socket.closed().unwrap();
    is_over(&mut socket, &end);
    assert_eq!(socket.closed().as_ref(), Some(&closed));
    drop(socket);
    let sent = sent.take();
    assert_eq!(sent, sent_until_then, "nothing is sent after the end");
    Some(Conversation {
        messages,
        end,
        closed,
        sent,
    })
}

/// After the end, nothing can be read, and nothing can be sent.
fn is_over(socket: &mut WebSocket<Peer>, end: &End) {
    assert_eq!(socket.state(), State::Closed);
    for _ in 0..2 {
        match (end, socket.read()) {
            (End::Closed, Ok(None)) => {}
            (End::Violation(_) | End::Lost, Err(Error::Closed(_))) => {}
            (_, again) => panic!("after {end:?}: {again:?}"),
        }
    }
    let closed = |result| matches!(result, Err(Error::Closed(_)));
    assert!(closed(socket.send("too late")));
    assert!(closed(socket.write(b"too late")));
    assert!(closed(socket.ping(b"")));
    assert!(closed(socket.pong(b"")));
    assert!(closed(socket.start_close(CloseCode::NORMAL, "too late")));
}

/// The rules of what a connection gives and sends, for the bytes that came.
fn is_lawful(role: Role, plan: &Plan, wire: &[u8], conversation: &Conversation) {
    let Conversation {
        messages,
        end,
        closed,
        sent,
    } = conversation;
    // §10.4: the limit holds for whole messages.
    for message in messages {
        assert!(message.as_message().as_bytes().len() <= plan.max_message);
    }
    let mut frames = frames_sent(role, sent);

    // A Close is the last frame, if there is one, and `closed()` knows what it said.
    let close = frames
        .pop_if(|(opcode, _)| *opcode == OpCode::Close)
        .map(|(_, body)| CloseReason::decode(&body).unwrap());
    assert!(frames.iter().all(|(opcode, _)| *opcode != OpCode::Close));
    assert_eq!(closed.sent, close);

    // The other frames are answers: to messages, if the plan says so, and to Pings.
    let (pongs, data): (Vec<_>, Vec<_>) = frames
        .into_iter()
        .partition(|(opcode, _)| *opcode == OpCode::Pong);
    let pongs: Vec<_> = pongs.into_iter().map(|(_, payload)| payload).collect();
    let walk = Walk::over(wire);
    if plan.close_first {
        // Our Close was the last thing sent before anything was read.
        assert!(data.is_empty() && pongs.is_empty());
    } else {
        let echoed: Vec<_> = data
            .into_iter()
            .map(|(opcode, payload)| match opcode {
                OpCode::Text => OwnedMessage::Text(String::from_utf8(payload).unwrap()),
                OpCode::Binary => OwnedMessage::Binary(payload),
                _ => panic!("{opcode:?} was sent for no reason"),
            })
            .collect();
        match plan.echo {
            true => assert_eq!(&echoed, messages),
            false => assert!(echoed.is_empty()),
        }
        match end {
            // Those before what was wrong are answered; where that is, the walk does not know.
            End::Violation(_) => assert!(walk.pings.starts_with(&pongs)),
            End::Closed | End::Lost => assert_eq!(walk.pings, pongs),
        }
    }

    // How it ended is what was said and sent.
    let first = if plan.close_first {
        Side::Us
    } else {
        Side::Peer
    };
    let shown = closed.to_string();
    assert!(
        !shown.contains(|c: char| c.is_control() && c != '\t'),
        "{shown:?}"
    );
    assert_eq!(closed.was_clean(), *end == End::Closed);
    match end {
        End::Closed => {
            assert_eq!(closed.started_by, first);
            // §5.5.1: the answer "typically echos the status code".
            assert!(plan.close_first || closed.sent == closed.received);
        }
        End::Lost => {
            assert_eq!(closed.started_by, first);
            assert_eq!(close.is_some(), plan.close_first);
            // §8.1: what cannot become UTF-8 any more would have been a violation already.
            let text = std::str::from_utf8(walk.text.as_deref().unwrap_or_default());
            assert!(text.map_or_else(|error| error.error_len().is_none(), |_| true));
        }
        End::Violation(violation) => {
            assert_eq!(closed.started_by, Side::Us);
            let code = close.expect("§7.1.7: a Close").code();
            assert!(plan.close_first || code == Some(violation.close_code()));
        }
    }
}

/// What was sent, frame by frame, unmasked. Each frame is whole: a message or a control frame. A
/// client masks each frame with a new key. A server masks none.
fn frames_sent(role: Role, mut sent: &[u8]) -> Vec<(OpCode, Vec<u8>)> {
    let mut keys = keys();
    let mut frames = Vec::new();
    while !sent.is_empty() {
        let (header, payload, rest) = split_frame(sent).expect("only frames are sent");
        assert!(header.fin && payload.len() as u64 == header.length);
        match role {
            Role::Client => assert_eq!(header.mask, Some(keys.masking_key())),
            Role::Server => assert_eq!(header.mask, None),
        }
        frames.push((header.opcode, payload));
        sent = rest;
    }
    frames
}

/// What a walk over the frames of the wire finds, up to a Close or to where there is no frame.
#[derive(Default)]
struct Walk {
    /// The payloads of the Pings.
    pings: Vec<Vec<u8>>,
    /// The beginning of a text whose end is not there.
    text: Option<Vec<u8>>,
}

impl Walk {
    fn over(mut wire: &[u8]) -> Walk {
        let mut walk = Walk::default();
        while let Some((header, payload, rest)) = split_frame(wire) {
            let is_whole = payload.len() as u64 == header.length;
            match header.opcode {
                OpCode::Close => break,
                OpCode::Ping if is_whole => walk.pings.push(payload),
                OpCode::Ping | OpCode::Pong => {}
                OpCode::Text => walk.text = Some(payload),
                OpCode::Binary => walk.text = None,
                OpCode::Continuation => walk.text.iter_mut().for_each(|text| text.extend(&payload)),
            }
            if !header.opcode.is_control() && header.fin && is_whole {
                walk.text = None;
            }
            wire = rest;
        }
        walk
    }
}

/// A frame at the front: its header, as much of its payload as is there, unmasked, and what is
/// behind it.
fn split_frame(bytes: &[u8]) -> Option<(Header, Vec<u8>, &[u8])> {
    let Ok(Decoded::Header(header, size)) = Header::decode(bytes, NO_EXTENSION) else {
        return None;
    };
    let here = header.length.min((bytes.len() - size) as u64);
    let (payload, rest) = bytes[size..].split_at(here as usize);
    let mut payload = payload.to_vec();
    if let Some(key) = header.mask {
        mask(key, 0, &mut payload);
    }
    Some((header, payload, rest))
}

/// The other end, in memory. It sends the pieces, one a read, and then ends TCP; and it keeps what
/// was sent to it, once that is flushed.
struct Peer<'a> {
    pieces: VecDeque<&'a [u8]>,
    before_next: Before,
    read_limit: Option<Duration>,
    unflushed: Vec<u8>,
    sent: Rc<RefCell<Vec<u8>>>,
    /// A read began before everything was flushed.
    late: Rc<Cell<bool>>,
    /// A signal interrupts every other write.
    interrupted: bool,
    writable: bool,
}

/// What happens before a piece arrives.
enum Before {
    /// A signal interrupts the read.
    Signal,
    /// A second passes.
    Second,
    Nothing,
}

impl<'a> Peer<'a> {
    fn new(
        wire: &'a [u8],
        lengths: &[usize],
        sent: Rc<RefCell<Vec<u8>>>,
        late: Rc<Cell<bool>>,
    ) -> Peer<'a> {
        let mut pieces = VecDeque::new();
        let mut rest = wire;
        for &length in lengths.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, behind) = rest.split_at(length.min(rest.len()));
            pieces.push_back(piece);
            rest = behind;
        }
        Peer {
            pieces,
            before_next: Before::Signal,
            read_limit: None,
            unflushed: Vec::new(),
            sent,
            late,
            interrupted: false,
            writable: true,
        }
    }
}

impl Read for Peer<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if !self.unflushed.is_empty() {
            self.late.set(true);
            let comes_back = self.read_limit.is_some_and(|limit| limit <= RETRY);
            assert!(comes_back, "it waits, and so does the peer");
        }
        let Some(piece) = self.pieces.front_mut() else {
            return Ok(0);
        };
        match self.before_next {
            Before::Signal => {
                self.before_next = Before::Second;
                return Err(ErrorKind::Interrupted.into());
            }
            Before::Second => {
                self.before_next = Before::Nothing;
                if self
                    .read_limit
                    .is_some_and(|limit| limit < Duration::from_secs(1))
                {
                    return Err(ErrorKind::WouldBlock.into());
                }
            }
            Before::Nothing => {}
        }
        let count = piece.read(room)?;
        if piece.is_empty() {
            self.pieces.pop_front();
            self.before_next = Before::Signal;
        }
        Ok(count)
    }
}

impl Write for Peer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(self.writable, "it writes after the end");
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(ErrorKind::Interrupted.into());
        }
        // Never much at a time, as a full socket does.
        let count = bytes.len().min(7);
        self.unflushed.extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sent.borrow_mut().append(&mut self.unflushed);
        Ok(())
    }
}

impl Stream for Peer<'_> {
    fn limit_reads(&mut self, limit: Option<Duration>) -> io::Result<bool> {
        self.read_limit = limit;
        Ok(true)
    }

    fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        self.writable &= how == Shutdown::Read;
        Ok(())
    }
}
