//! What to do when the process has no file descriptor left for the next connection.
//!
//! - TCP accepts a connection before the program does. Without a descriptor the program cannot
//!   even close it, and the newcomer waits for an answer that never comes.
//! - So one descriptor is kept in reserve. It is given up, the newcomer is accepted and closed, and
//!   the reserve is taken again.
//! - Another thread may take the descriptor first. Then the newcomer waits, as it would without
//!   this file.
//! - RFC 6455 has no rule for this. §10.4 leaves such limits to the implementation.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// A descriptor in reserve: a second handle of the listener, which the process can always make.
#[derive(Debug)]
pub(super) struct Reserve {
    handle: Option<TcpListener>,
}

impl Reserve {
    /// Takes a descriptor, if there is one.
    pub(super) fn take(listener: &TcpListener) -> Reserve {
        Reserve {
            handle: listener.try_clone().ok(),
        }
    }

    /// Takes the descriptor if it is not there.
    pub(super) fn renew(&mut self, listener: &TcpListener) {
        if self.handle.is_none() {
            *self = Reserve::take(listener);
        }
    }

    /// Accepts a connection with the reserve, and closes it. Returns its peer. `None`: nobody
    /// waits, or there is no reserve.
    pub(super) fn turn_away(&mut self, listener: &TcpListener) -> Option<SocketAddr> {
        drop(self.handle.take()?);
        // If nobody waits, this must not wait, either: it would hold the descriptor meanwhile.
        let _ = listener.set_nonblocking(true);
        let accepted = listener.accept();
        let _ = listener.set_nonblocking(false);
        let peer = accepted.ok().map(|(stream, peer)| {
            drop(stream);
            peer
        });
        self.renew(listener);
        peer
    }
}

/// Whether `accept` failed because the process or the system lacks something: descriptors or
/// memory. Then the connection still waits, and to try again at once does not help. Every other
/// error is about one connection that is gone.
pub(super) fn is_lack(error: &io::Error) -> bool {
    #[cfg(windows)]
    const LACKS: &[i32] = &[
        10024, // WSAEMFILE: too many open sockets
        10055, // WSAENOBUFS: no buffer space
    ];
    #[cfg(not(windows))]
    const LACKS: &[i32] = &[
        12, // ENOMEM
        23, // ENFILE: the system has no descriptor left
        24, // EMFILE: the process has none left
        #[cfg(any(target_os = "linux", target_os = "android"))]
        105, // ENOBUFS
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        55, // ENOBUFS
    ];
    error
        .raw_os_error()
        .is_some_and(|code| LACKS.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpStream;

    #[test]
    fn the_reserve_turns_away_those_who_wait_and_is_there_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut reserve = Reserve::take(&listener);
        assert_eq!(reserve.turn_away(&listener), None);
        for _ in 0..3 {
            let mut newcomer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let peer = reserve.turn_away(&listener);
            assert_eq!(peer, Some(newcomer.local_addr().unwrap()));
            assert_eq!(newcomer.read(&mut [0]).unwrap(), 0);
            assert!(reserve.handle.is_some());
        }
    }

    #[test]
    fn without_a_reserve_the_newcomer_waits_and_a_later_renewal_helps() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut reserve = Reserve { handle: None };
        let newcomer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert_eq!(reserve.turn_away(&listener), None);
        reserve.renew(&listener);
        let peer = reserve.turn_away(&listener);
        assert_eq!(peer, Some(newcomer.local_addr().unwrap()));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn only_a_lack_of_something_is_a_lack() {
        for code in [12, 23, 24, 105] {
            assert!(is_lack(&io::Error::from_raw_os_error(code)), "{code}");
        }
        // ECONNABORTED, EINTR, EPROTO, EHOSTUNREACH.
        for code in [103, 4, 71, 113] {
            assert!(!is_lack(&io::Error::from_raw_os_error(code)), "{code}");
        }
        assert!(!is_lack(&std::io::ErrorKind::ConnectionAborted.into()));
    }
}
