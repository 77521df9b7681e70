//! What a connection needs from the stream below it, and the streams that have it.
//!
//! Above this file there are only bytes. Sockets begin here.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A byte stream in both directions. Besides reading and writing, a connection wants time limits
/// and an end in order. A stream without these keeps the default methods: then a read or a write
/// waits as long as the stream does, and there is no keepalive.
///
/// A TLS wrapper passes these calls on to the TCP stream inside it. [`Untimed`](crate::Untimed)
/// does without.
pub trait Stream: Read + Write {
    /// Limits the time of each later `read`, and says whether this stream can do that. A read whose
    /// time ends fails with [`ErrorKind::WouldBlock`] or [`ErrorKind::TimedOut`] and loses nothing.
    /// The limit holds for the whole `read`, even if it reads an inner stream several times, as TLS
    /// does until it has a record.
    ///
    /// # Errors
    /// Those of the operating system.
    fn limit_reads(&mut self, limit: Option<Duration>) -> io::Result<bool> {
        let _ = limit;
        Ok(false)
    }

    /// Limits the time that each later `write` makes no progress.
    ///
    /// # Errors
    /// Those of the operating system.
    fn limit_writes(&mut self, limit: Option<Duration>) -> io::Result<()> {
        let _ = limit;
        Ok(())
    }

    /// Ends the stream in one direction or in both. [`Shutdown::Write`] tells the peer that nothing
    /// more comes; what the peer still sends can be read.
    ///
    /// # Errors
    /// Those of the operating system. [`ErrorKind::Unsupported`] from a stream that ends only when
    /// it is dropped.
    fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        let _ = how;
        Err(ErrorKind::Unsupported.into())
    }
}

/// A TCP stream. Clones are the same stream with the same file descriptor. So one thread can read
/// while another sends.
#[derive(Clone, Debug)]
pub struct Tcp(Arc<TcpStream>);

impl Tcp {
    /// The address at the other end.
    ///
    /// # Errors
    /// The stream is no longer connected.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    /// The address at this end.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl From<TcpStream> for Tcp {
    /// Also turns Nagle's algorithm off: what is flushed leaves at once.
    fn from(stream: TcpStream) -> Tcp {
        // If the system refuses this, data only leave later.
        let _ = stream.set_nodelay(true);
        Tcp(Arc::new(stream))
    }
}

impl Read for Tcp {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buf).map_err(timeout_as_timed_out)
    }
}

impl Write for Tcp {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self.0).write(buf).map_err(timeout_as_timed_out)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self.0)
            .write_vectored(parts)
            .map_err(timeout_as_timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Unix reports a timeout as `WouldBlock`. TLS treats that as "retry the other direction", so we
/// report `TimedOut`.
fn timeout_as_timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => error,
    }
}

impl Stream for Tcp {
    fn limit_reads(&mut self, limit: Option<Duration>) -> io::Result<bool> {
        self.0.set_read_timeout(limit)?;
        Ok(true)
    }

    fn limit_writes(&mut self, limit: Option<Duration>) -> io::Result<()> {
        self.0.set_write_timeout(limit)
    }

    fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }
}

/// Whether an error says that a time limit ended. There are two kinds for it.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// One `read`. A signal that interrupts it only makes it start again.
pub(crate) fn read_once<S: Stream>(stream: &mut S, room: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(room) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Limits the next read so that it ends by `deadline`. If the deadline has passed, the read still
/// takes what is already here.
pub(crate) fn limit_until<S: Stream>(stream: &mut S, deadline: Instant) -> io::Result<bool> {
    let left = deadline.saturating_duration_since(Instant::now());
    stream.limit_reads(Some(left.max(Duration::from_micros(1))))
}
