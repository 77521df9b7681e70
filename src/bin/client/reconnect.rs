//! RFC 6455 §7.2.3, Recovering from Abnormal Closure: listening that survives a lost connection.
//!
//! The delays start anew only after a connection that lasted. A server that accepts and breaks off
//! at once does not get a new attempt every few seconds.

use crate::connect::TracedSocket;
use crate::listen;
use crate::output::complain;
use rfc6455::{Backoff, Entropy, Error};
use std::thread;
use std::time::Instant;

/// Listens. When the connection is lost or refused, connects again after a delay, and so on.
/// Returns when the server closed for good, or when an error came that a new connection does not
/// repair.
pub fn listen_forever(connect: impl Fn() -> Result<TracedSocket, Error>) -> Result<(), Error> {
    let mut backoff = Backoff::new(Entropy::from_system());
    loop {
        match listen_once(&connect, &mut backoff) {
            Err(error) if error.is_transient() => {
                let delay = backoff.delay_after(&error);
                let seconds = delay.as_secs_f64();
                complain(format_args!(
                    "client: {error}; connecting again in {seconds:.1} s"
                ));
                thread::sleep(delay);
            }
            result => return result,
        }
    }
}

fn listen_once(
    connect: impl Fn() -> Result<TracedSocket, Error>,
    backoff: &mut Backoff,
) -> Result<(), Error> {
    let mut socket = connect()?;
    let opened = Instant::now();
    let listened = listen(&mut socket);
    backoff.connection_lasted(opened.elapsed());
    listened?;
    match socket.closed() {
        // Such as 1001: the server goes down, and it may come back.
        Some(closed) if closed.is_transient() => Err(Error::Closed(closed)),
        _ => Ok(()),
    }
}
