//! Read first: RFC 6455 §4.1, step 2: "If multiple connections to the same IP address are
//! attempted simultaneously, the client MUST serialize them so that there is no more than one
//! connection at a time running through the following steps."
//!
//! Turns: who connects to an address waits until nobody else in this process is connecting to it.
//! It keeps a script from opening many connections to a host at once.

use std::net::IpAddr;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

/// Addresses to which a connection is in the CONNECTING state.
static CONNECTING: Mutex<Vec<IpAddr>> = Mutex::new(Vec::new());
static ONE_LESS: Condvar = Condvar::new();

/// The right to connect to an address, until it is dropped: from before TCP to the end of the
/// opening handshake.
#[derive(Debug)]
pub(crate) struct Turn(IpAddr);

impl Turn {
    /// Waits for the turn; `None` if it does not come by `deadline`.
    pub(crate) fn wait(address: IpAddr, deadline: Instant) -> Option<Turn> {
        let left = deadline.saturating_duration_since(Instant::now());
        let connecting = CONNECTING.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut connecting, _) = ONE_LESS
            .wait_timeout_while(connecting, left, |connecting| connecting.contains(&address))
            .unwrap_or_else(PoisonError::into_inner);
        if connecting.contains(&address) {
            return None;
        }
        connecting.push(address);
        Some(Turn(address))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut connecting = CONNECTING.lock().unwrap_or_else(PoisonError::into_inner);
        connecting.retain(|address| *address != self.0);
        ONE_LESS.notify_all();
    }
}
