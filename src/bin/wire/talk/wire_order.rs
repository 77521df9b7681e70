//! Shows messages and control frames in the order of the wire.
//!
//! The observer sees a control frame when its bytes arrive. A message is seen when it is read. If
//! both arrive together, the control frame would be shown before a message that came before it. So
//! its notice waits for that message.

use super::screen::Screen;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Notices that wait for messages that came before them.
#[derive(Default)]
pub struct WireOrder(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    /// How many messages have arrived.
    arrived: u64,
    /// How many messages have been shown.
    shown: u64,
    /// Notices, each with the number of messages that must be shown before it.
    waiting: Vec<(u64, String)>,
}

impl WireOrder {
    /// A whole message has arrived.
    pub fn note_message(&self) {
        self.lock().arrived += 1;
    }

    /// Shows a notice, now or after the messages that came before it.
    pub fn show(&self, notice: String, screen: &Screen) {
        let mut counts = self.lock();
        let arrived = counts.arrived;
        match arrived == counts.shown {
            true => _ = screen.show(&notice),
            false => counts.waiting.push((arrived, notice)),
        }
    }

    /// A message has been shown. Shows the notices that waited for it.
    pub fn note_shown(&self, screen: &Screen) {
        let mut counts = self.lock();
        counts.shown += 1;
        let shown = counts.shown;
        for (_, notice) in counts.waiting.extract_if(.., |(turn, _)| *turn <= shown) {
            let _ = screen.show(&notice);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
