//! An observer of a conversation between any client and any server. It is given the bytes that
//! pass, and says what they are, one [`Event`] after another.
//!
//! - First it reads HTTP (`http.rs`), then frames (`frames.rs`). This file has what both share: the
//!   bytes that have come, the end of TCP, and silence.
//! - It keeps the first bytes of a payload or a body, however long that is.
//! - It can skip frames ([`SkipFrames`]), for a reader of its events that is too slow for them.
//! - It has no message limits. Limits are the endpoints' own business.
//! - It knows no sockets and no time, and prints nothing. `render.rs` makes text of the events.

use super::account::Account;
use super::agreement::Agreement;
use super::event::{Event, Unfinished, Uninterpreted};
use super::frames::{self, Frames};
use super::http::{self, Http};
use super::skip::SkipFrames;
use crate::connection::state::State;
use crate::framing::{Buffer, Role};
use std::sync::Arc;

/// What passes on one connection, in both directions.
///
/// ```
/// use rfc6455::Role;
/// use rfc6455::trace::{Agreement, Event, Observer};
///
/// let mut observer = Observer::frames_only(Agreement::NotKnown);
/// observer.feed(Role::Server, b"\x81\x05Hello");
/// while let Some(event) = observer.next_event() {
///     if let Event::Payload(payload) = event {
///         assert_eq!(payload.unmasked(), b"Hello");
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Observer {
    client: Direction,
    server: Direction,
    talk: Talk,
    account: Account,
}

/// What has come from one side.
#[derive(Debug)]
struct Direction {
    buffer: Buffer,
    /// It has ended TCP.
    ended: bool,
    /// How many bytes have come: now, when the last moment passed, and when what is unfinished was
    /// told.
    came: u64,
    came_before: u64,
    told: u64,
}

/// What the two speak.
#[derive(Debug)]
enum Talk {
    Http(Box<Http>),
    Frames(Box<[Frames; 2]>),
}

impl Direction {
    fn new() -> Direction {
        Direction {
            buffer: Buffer::new(),
            ended: false,
            came: 0,
            came_before: 0,
            told: 0,
        }
    }
}

impl Observer {
    /// An observer from the first byte of TCP on.
    #[must_use]
    pub fn new() -> Observer {
        Observer {
            client: Direction::new(),
            server: Direction::new(),
            talk: Talk::Http(Box::new(Http::new())),
            account: Account::default(),
        }
    }

    /// An observer of a connection that is open already: it expects frames. The two sides agreed on
    /// these extensions.
    #[must_use]
    pub fn frames_only(agreement: Agreement) -> Observer {
        let mut observer = Observer {
            talk: Talk::frames(agreement, false),
            ..Observer::new()
        };
        observer.account.begin_in(State::Open);
        observer
    }

    /// While the switch is on, frames make no events and are counted.
    #[must_use]
    pub fn skip_when(mut self, skip: SkipFrames) -> Observer {
        self.account.skip = skip;
        self
    }

    /// These bytes passed. [`next_event`](Self::next_event) says what they are: take every event
    /// before the next call, so that the events of both directions stay in order.
    pub fn feed(&mut self, from: Role, bytes: &[u8]) {
        let direction = self.direction_mut(from);
        direction.buffer.append(bytes);
        direction.came += bytes.len() as u64;
    }

    /// This side ended its direction of TCP.
    pub fn feed_eof(&mut self, from: Role) {
        while self.step(from) {}
        if self.direction(from).ended || self.is_over() {
            return;
        }
        let unfinished = self.unfinished(from);
        self.tell_begun(from, true);
        self.end_body(from);
        self.account.add(Event::Eof { from, unfinished });
        self.direction_mut(from).ended = true;
        self.close_if_over();
    }

    /// This side, or the path to it, reset TCP.
    pub fn feed_reset(&mut self, from: Role) {
        while self.step(Role::Client) || self.step(Role::Server) {}
        if self.is_over() {
            return;
        }
        for side in [Role::Client, Role::Server] {
            self.tell_begun(side, true);
            self.end_body(side);
            self.direction_mut(side).ended = true;
        }
        self.account.add(Event::Reset { from });
        self.close_if_over();
    }

    /// A moment passed. A side that was silent for that moment, and has not finished what it began,
    /// is told of once ([`Event::Begun`]). Who has a clock calls this at regular times; how long a
    /// moment is, is its choice.
    pub fn moment_passed(&mut self) {
        for from in [Role::Client, Role::Server] {
            let direction = self.direction_mut(from);
            let is_silent = direction.came == direction.came_before;
            direction.came_before = direction.came;
            if is_silent && !direction.ended {
                self.tell_begun(from, false);
            }
        }
    }

    /// The next event in the bytes so far. `None`: more bytes are needed.
    pub fn next_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.account.take() {
                return Some(event);
            }
            if !self.step(Role::Client) && !self.step(Role::Server) {
                return None;
            }
        }
    }

    /// What this side has begun and not finished.
    #[must_use]
    pub fn unfinished(&self, from: Role) -> Unfinished {
        let unread = self.direction(from).buffer.unread();
        match &self.talk {
            Talk::Http(http) => http.unfinished(from, unread),
            Talk::Frames(frames) => frames[index(from)].unfinished(unread),
        }
    }

    /// Whether frames have begun.
    #[must_use]
    pub fn reads_frames(&self) -> bool {
        matches!(self.talk, Talk::Frames(_))
    }

    /// The state of the connection. `None`: no request for a WebSocket has passed.
    #[must_use]
    pub fn state(&self) -> Option<State> {
        self.account.state()
    }

    fn direction(&self, from: Role) -> &Direction {
        match from {
            Role::Client => &self.client,
            Role::Server => &self.server,
        }
    }

    fn direction_mut(&mut self, from: Role) -> &mut Direction {
        match from {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        }
    }

    fn is_over(&self) -> bool {
        self.client.ended && self.server.ended
    }

    fn close_if_over(&mut self) {
        // A connection that asked for no WebSocket has no states.
        if self.is_over() && self.account.state().is_some() {
            self.account.enter(State::Closed);
        }
    }

    /// Interprets what comes next in one direction. Returns `false` if more bytes are needed.
    #[inline]
    fn step(&mut self, from: Role) -> bool {
        // Most calls end here. So the rest is another function.
        let nothing_new = self.reads_frames() && self.direction(from).buffer.unread().is_empty();
        !nothing_new && self.interpret(from)
    }

    fn interpret(&mut self, from: Role) -> bool {
        let (direction, account) = match from {
            Role::Client => (&mut self.client, &mut self.account),
            Role::Server => (&mut self.server, &mut self.account),
        };
        let buffer = &mut direction.buffer;
        match &mut self.talk {
            Talk::Frames(frames) => match frames[index(from)].step(buffer, account) {
                frames::Step::Waiting => false,
                frames::Step::Done => true,
                frames::Step::Close => {
                    if account.state() == Some(State::Open) {
                        account.enter(State::Closing);
                    }
                    true
                }
            },
            Talk::Http(http) => {
                let step = match from {
                    Role::Client => http.step_client(buffer, account),
                    Role::Server => http.step_server(buffer, account),
                };
                match step {
                    http::Step::Waiting => false,
                    http::Step::Done => true,
                    http::Step::Frames(agreement) => {
                        let dropped = http.has_dropped();
                        self.talk = Talk::frames(agreement, true);
                        if dropped && let Talk::Frames(frames) = &mut self.talk {
                            frames[0].set_opaque(Uninterpreted::BeforeAnswer);
                        }
                        true
                    }
                }
            }
        }
    }

    /// Tells of what this side has begun and not finished, if it was not told of these bytes yet.
    fn tell_begun(&mut self, from: Role, ended: bool) {
        let direction = self.direction(from);
        let unread = direction.buffer.unread();
        if direction.told == direction.came && !ended {
            return;
        }
        let was_told = direction.told == direction.came;
        let begun = match &self.talk {
            Talk::Http(http) => http.begun(from, unread, ended),
            Talk::Frames(frames) => frames[index(from)].begun(unread, ended),
        };
        self.direction_mut(from).told = self.direction(from).came;
        match begun {
            // The end says what is missing, and what is here stands above.
            Some(_) if was_told => {}
            Some(begun) => self.account.add(Event::Begun(Box::new(begun))),
            None => {}
        }
    }

    /// TCP has ended in this direction, and a body may end with it.
    fn end_body(&mut self, from: Role) {
        let (direction, account) = match from {
            Role::Client => (&mut self.client, &mut self.account),
            Role::Server => (&mut self.server, &mut self.account),
        };
        if let Talk::Http(http) = &mut self.talk {
            http.end(from, &mut direction.buffer, account);
        }
    }
}

impl Default for Observer {
    fn default() -> Observer {
        Observer::new()
    }
}

impl Talk {
    /// `from_start`: the first frame of each side comes next.
    fn frames(agreement: Agreement, from_start: bool) -> Talk {
        let agreement = Arc::new(agreement);
        let of = |from| Frames::new(from, Arc::clone(&agreement), from_start);
        Talk::Frames(Box::new([of(Role::Client), of(Role::Server)]))
    }
}

/// The place of a side in a pair.
fn index(from: Role) -> usize {
    match from {
        Role::Client => 0,
        Role::Server => 1,
    }
}
