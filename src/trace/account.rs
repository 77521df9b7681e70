//! What an observer has found and its user has not taken, and the state of the connection.

use super::event::Event;
use super::skip::SkipFrames;
use crate::connection::state::State;
use std::collections::VecDeque;

/// The events of one connection, in order.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// One step of the observer finds a few at most.
    found: VecDeque<Event>,
    /// `None`: no request for a WebSocket has passed.
    state: Option<State>,
    pub(super) skip: SkipFrames,
}

impl Account {
    pub(super) fn add(&mut self, event: Event) {
        self.found.push_back(event);
    }

    pub(super) fn take(&mut self) -> Option<Event> {
        self.found.pop_front()
    }

    pub(super) fn state(&self) -> Option<State> {
        self.state
    }

    /// The connection enters a state. If it is in that state already, nothing happens.
    pub(super) fn enter(&mut self, state: State) {
        if self.state != Some(state) {
            self.begin_in(state);
            self.add(Event::State(state));
        }
    }

    /// The connection was in this state before its first byte was seen.
    pub(super) fn begin_in(&mut self, state: State) {
        self.state = Some(state);
    }
}
