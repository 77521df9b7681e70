//! RFC 6455 §4.1, step 2: "If multiple connections to the same IP address are attempted
//! simultaneously, the client MUST serialize them so that there is no more than one connection at a
//! time running through the following steps."
//!
//! An attempt to connect to an address waits until no other attempt in this process connects to it.
//! So a script cannot open many connections to one host at the same time.

use std::net::IpAddr;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

/// The addresses that have a connection in the CONNECTING state.
static CONNECTING: Mutex<Vec<IpAddr>> = Mutex::new(Vec::new());
static ONE_LESS: Condvar = Condvar::new();

/// The right to connect to an address. It begins before TCP and lasts until it is dropped, at the
/// end of the opening handshake.
#[derive(Debug)]
pub(super) struct Attempt(IpAddr);

impl Attempt {
    /// Waits until no other attempt connects to the address. `None`: the deadline came first.
    pub(super) fn wait(address: IpAddr, deadline: Instant) -> Option<Attempt> {
        let left = deadline.saturating_duration_since(Instant::now());
        let connecting = CONNECTING.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut connecting, _) = ONE_LESS
            .wait_timeout_while(connecting, left, |connecting| connecting.contains(&address))
            .unwrap_or_else(PoisonError::into_inner);
        if connecting.contains(&address) {
            return None;
        }
        connecting.push(address);
        Some(Attempt(address))
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut connecting = CONNECTING.lock().unwrap_or_else(PoisonError::into_inner);
        connecting.retain(|address| *address != self.0);
        ONE_LESS.notify_all();
    }
}
