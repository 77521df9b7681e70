//! What is told of a connection, on its way to the page that asked for it.
//!
//! The connection's threads tell and never wait: what is not taken in time is counted and dropped.

use crate::json::{self, Object};
use rfc6455::handshake;
use rfc6455::http::{Fields, Head, RequestLine, StatusLine};
use rfc6455::observe::{Missing, SHOWN, SeenHeader, SeenPayload, SeenState, SeenViolation, Sight};
use rfc6455::render::{hex, what_bytes};
use rfc6455::{CloseReason, OpCode, Role};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many frames may wait for a report that is slow.
const MOST_FRAMES: usize = 256;

/// What waits to be sent to the page.
#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    notes: VecDeque<Note>,
    /// Frames that found no room, and have not been owned up to.
    missed: u64,
    /// Nothing more comes, or nobody wants it.
    over: bool,
}

/// One thing, and how long after the first it was seen.
struct Note {
    at: Duration,
    what: What,
}

enum What {
    /// A frame; without a payload if none came, or not all of it.
    Frame(SeenHeader, Option<SeenPayload>),
    Sight(Sight),
    Missed(u64),
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a note, or counts it. Of frames and stray bytes there is no end; of everything else
    /// there is a handful in a connection's life, and for that there is always room.
    fn push(&self, note: Note) {
        let mut state = self.lock();
        if state.over {
            return;
        }
        let endless = matches!(note.what, What::Frame(..) | What::Sight(Sight::Bytes(..)));
        if endless && state.notes.len() >= MOST_FRAMES {
            state.missed += 1;
            return;
        }
        if let Some(missed) = state.take_missed(note.at) {
            state.notes.push_back(missed);
        }
        state.notes.push_back(note);
        self.changed.notify_one();
    }

    /// Waits until there is something to tell, or it is over, for `limit` at most; says whether.
    pub fn wait_for_first(&self, limit: Duration) -> bool {
        let is_idle = |state: &mut State| state.notes.is_empty() && !state.over;
        let (state, _) = self
            .changed
            .wait_timeout_while(self.lock(), limit, is_idle)
            .unwrap_or_else(PoisonError::into_inner);
        state.over || !state.notes.is_empty()
    }

    /// Waits for the next note, as JSON; `None` at the end.
    pub fn next(&self) -> Option<String> {
        let mut state = self.lock();
        loop {
            if let Some(note) = state.notes.pop_front() {
                drop(state);
                return Some(note.to_json());
            }
            if let Some(missed) = state.take_missed(Duration::ZERO) {
                return Some(missed.to_json());
            }
            if state.over {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The connection is over; what waits is still sent.
    fn finish(&self) {
        self.lock().over = true;
        self.changed.notify_one();
    }

    /// The report is over: nothing is kept any more.
    pub fn hang_up(&self) {
        *self.lock() = State {
            over: true,
            ..State::default()
        };
        self.changed.notify_one();
    }
}

impl State {
    fn take_missed(&mut self, at: Duration) -> Option<Note> {
        let missed = std::mem::take(&mut self.missed);
        (missed > 0).then_some(Note {
            at,
            what: What::Missed(missed),
        })
    }
}

/// Tells a queue what an onlooker sees, as long as there is something to see.
pub struct Teller {
    queue: Arc<Queue>,
    began: Instant,
    /// Of each side: a header whose payload is on its way.
    headers: [Option<SeenHeader>; 2],
}

impl Teller {
    pub fn new(queue: Arc<Queue>) -> Teller {
        Teller {
            queue,
            began: Instant::now(),
            headers: [None, None],
        }
    }

    /// A frame is told when it is whole, or when it is known that it never will be.
    pub fn tell(&mut self, sight: Sight) {
        match sight {
            Sight::Header(seen) => {
                let from = seen.from;
                self.headers[side(from)] = Some(seen);
            }
            Sight::Payload(seen) => self.frame(seen.from, Some(seen)),
            Sight::Violation(mut seen) => {
                self.frame(seen.from, None);
                // As much of it as fits on a page.
                let start = seen.at.start.saturating_sub(SHOWN / 2);
                seen.bytes.drain(..start);
                seen.bytes.truncate(SHOWN);
                seen.at = seen.at.start - start..(seen.at.end - start).min(seen.bytes.len());
                self.push(What::Sight(Sight::Violation(seen)));
            }
            Sight::End(by, _) => {
                self.frame(by, None);
                self.push(What::Sight(sight));
            }
            Sight::Broken(_) => {
                self.frame(Role::Client, None);
                self.frame(Role::Server, None);
                self.push(What::Sight(sight));
            }
            Sight::Bytes(from, mut bytes, why) => {
                bytes.truncate(SHOWN);
                self.push(What::Sight(Sight::Bytes(from, bytes, why)));
            }
            _ => self.push(What::Sight(sight)),
        }
    }

    fn frame(&mut self, from: Role, payload: Option<SeenPayload>) {
        if let Some(header) = self.headers[side(from)].take() {
            self.push(What::Frame(header, payload));
        }
    }

    fn push(&self, what: What) {
        let at = self.began.elapsed();
        self.queue.push(Note { at, what });
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.queue.finish();
    }
}

fn side(role: Role) -> usize {
    usize::from(role == Role::Server)
}

fn name(role: Role) -> &'static str {
    match role {
        Role::Client => "client",
        Role::Server => "server",
    }
}

impl Note {
    fn to_json(&self) -> String {
        let object = match &self.what {
            What::Frame(header, payload) => frame(header, payload.as_ref()),
            What::Missed(frames) => Object::of_kind("missed").number("frames", *frames),
            What::Sight(sight) => match sight {
                Sight::Request(head, wrong) => request(head)
                    .perhaps("wrong", wrong.as_ref().map(ToString::to_string).as_deref()),
                Sight::Response(head, key, wrong) => response(head, key.as_deref())
                    .perhaps("wrong", wrong.as_ref().map(ToString::to_string).as_deref()),
                Sight::NoHead(from, why) => Object::of_kind("no head")
                    .text("from", name(*from))
                    .text("wrong", &why.to_string()),
                Sight::Violation(seen) => violation(seen),
                Sight::Bytes(from, bytes, why) => Object::of_kind("bytes")
                    .text("from", name(*from))
                    .text("what", what_bytes(*why).0)
                    .text("bytes", &hex(bytes)),
                Sight::State(state) => Object::of_kind("state").text("state", state_name(*state)),
                Sight::End(by, missing) => Object::of_kind("end")
                    .text("from", name(*by))
                    .perhaps("missing", missing_of(*missing).as_deref()),
                Sight::Broken(by) => Object::of_kind("broken").text("from", name(*by)),
                // Told as frames.
                Sight::Header(_) | Sight::Payload(_) => Object::new(),
            },
        };
        let milliseconds = u64::try_from(self.at.as_millis()).unwrap_or(u64::MAX);
        object.number("at", milliseconds).end()
    }
}

fn request(head: &Head<RequestLine>) -> Object {
    let RequestLine {
        method,
        target,
        version: (major, minor),
    } = &head.start;
    Object::of_kind("request")
        .text("line", &format!("{method} {target} HTTP/{major}.{minor}"))
        .json("fields", &fields(&head.fields))
}

/// The answer, and how the accept key comes about (§4.2.2).
fn response(head: &Head<StatusLine>, key: Option<&str>) -> Object {
    let StatusLine {
        version: (major, minor),
        status,
        reason,
    } = &head.start;
    let object = Object::of_kind("response")
        .text("line", &format!("HTTP/{major}.{minor} {status} {reason}"))
        .json("fields", &fields(&head.fields));
    match key {
        None => object,
        Some(key) => object
            .text("key", key)
            .text("guid", handshake::GUID)
            .text("hash", &hex(&handshake::accept_hash(key)))
            .text("accept", &handshake::accept_for(key)),
    }
}

fn fields(fields: &Fields) -> String {
    json::list(
        fields
            .iter()
            .map(|(name, value)| json::list([json::string(name), json::string(value)])),
    )
}

fn frame(seen: &SeenHeader, payload: Option<&SeenPayload>) -> Object {
    let object = Object::of_kind("frame")
        .text("from", name(seen.from))
        .text("header", &hex(&seen.bytes))
        .text("name", &format!("{:?}", seen.header.opcode))
        .number("length", seen.header.length)
        .number("message", seen.message)
        .number("fragment", seen.fragment);
    let Some(payload) = payload else {
        return object;
    };
    let object = object
        .text("kind", &format!("{:?}", payload.kind))
        .text("sent", &hex(&payload.sent))
        .text("meant", &hex(&payload.meant));
    match (payload.kind, CloseReason::decode(&payload.meant)) {
        (OpCode::Close, Ok(reason)) => object.text("close", &reason.to_string()),
        _ => object,
    }
}

fn violation(seen: &SeenViolation) -> Object {
    Object::of_kind("violation")
        .text("from", name(seen.from))
        .text("what", &seen.violation.to_string())
        .text("code", &seen.violation.close_code().to_string())
        .text("bytes", &hex(&seen.bytes))
        .number("start", seen.at.start as u64)
        .number("end", seen.at.end as u64)
}

fn missing_of(missing: Missing) -> Option<String> {
    match missing {
        Missing::Nothing => None,
        Missing::EndOfHead => Some("amid a head".to_owned()),
        Missing::AtLeast(count) => Some(format!("at least {count} bytes short of a frame")),
        Missing::Bytes(count) => Some(format!("{count} bytes short of a frame")),
    }
}

fn state_name(state: SeenState) -> &'static str {
    match state {
        SeenState::Connecting => "CONNECTING",
        SeenState::Open => "OPEN",
        SeenState::Closing => "CLOSING",
        SeenState::Closed => "CLOSED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rfc6455::observe::Uninterpreted;

    fn bytes(count: usize) -> Sight {
        Sight::Bytes(Role::Client, vec![7; count], Uninterpreted::NoWebSocket)
    }

    #[test]
    fn what_finds_no_room_is_counted_and_the_end_is_told_all_the_same() {
        let queue = Arc::new(Queue::default());
        let mut teller = Teller::new(Arc::clone(&queue));
        for _ in 0..MOST_FRAMES + 10 {
            teller.tell(bytes(1));
        }
        teller.tell(Sight::End(Role::Client, Missing::Nothing));
        drop(teller);
        let all: Vec<String> = std::iter::from_fn(|| queue.next()).collect();
        assert_eq!(all.len(), MOST_FRAMES + 2);
        assert!(all[MOST_FRAMES].contains(r#""is":"missed","frames":10"#));
        assert!(all[MOST_FRAMES + 1].contains(r#""is":"end""#));
    }

    #[test]
    fn what_is_told_to_nobody_is_not_kept() {
        let queue = Arc::new(Queue::default());
        let mut teller = Teller::new(Arc::clone(&queue));
        teller.tell(bytes(1));
        queue.hang_up();
        teller.tell(bytes(1));
        assert!(queue.lock().notes.is_empty());
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn no_note_is_longer_than_a_page() {
        let queue = Arc::new(Queue::default());
        Teller::new(Arc::clone(&queue)).tell(bytes(1 << 20));
        assert!(queue.next().unwrap().len() < 5 * SHOWN);
    }
}
