//! Read first: `std::net::TcpStream`. Below this file there are bytes only; from here on there
//! are sockets.
//!
//! What a connection asks of the stream beneath it, and the streams that have it.

use crate::buffer::Buffer;
use crate::config::{Config, deadline_in};
use crate::error::{Error, HandshakeError};
use crate::http::{Head, HeadReader, StartLine};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A byte stream in both directions. Beyond reading and writing, a connection wants time limits
/// and an orderly end. A stream that has none of these leaves the methods as they are: then reads
/// and writes last as long as they last, and there is no keepalive.
///
/// A wrapper of your own around a TLS stream passes them to the TCP stream inside;
/// [`Any`] does without.
pub trait Stream: Read + Write {
    /// Limits every later `read` to this time, and says whether this stream can do that. One that
    /// runs out fails with [`ErrorKind::WouldBlock`] or [`ErrorKind::TimedOut`] and loses nothing.
    /// The limit is that of the whole `read`, however often it reads a stream inside, as TLS does
    /// until it has a record.
    ///
    /// # Errors
    /// What the operating system says.
    fn limit_reads(&mut self, limit: Option<Duration>) -> io::Result<bool> {
        let _ = limit;
        Ok(false)
    }

    /// Limits the time that every later `write` makes no progress.
    ///
    /// # Errors
    /// What the operating system says.
    fn limit_writes(&mut self, limit: Option<Duration>) -> io::Result<()> {
        let _ = limit;
        Ok(())
    }

    /// Ends the stream in one direction or both. [`Shutdown::Write`] tells the peer that nothing
    /// more will come, while what it still sends can be read.
    ///
    /// # Errors
    /// What the operating system says; [`ErrorKind::Unsupported`] from a stream that ends only by
    /// being dropped.
    fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        let _ = how;
        Err(ErrorKind::Unsupported.into())
    }
}

/// A TCP stream. Clones are the same stream, with one file descriptor between them, which is what
/// lets one thread read while another sends.
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
    /// What the operating system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl From<TcpStream> for Tcp {
    /// Also turns Nagle's algorithm off: what is flushed is meant to leave at once.
    fn from(stream: TcpStream) -> Tcp {
        // Where this is refused, data merely leave later.
        let _ = stream.set_nodelay(true);
        Tcp(Arc::new(stream))
    }
}

impl Read for Tcp {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buf).map_err(told_as_timeout)
    }
}

impl Write for Tcp {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self.0).write(buf).map_err(told_as_timeout)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self.0).write_vectored(pieces).map_err(told_as_timeout)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A time limit that ran out is `WouldBlock` on Unix. A TLS stream above takes that for "not in
/// this direction now", and would read where it was to write.
fn told_as_timeout(error: io::Error) -> io::Error {
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

/// Whatever can be read and written, without time limits: a TLS stream, a pipe, a test's memory.
#[derive(Clone, Debug)]
pub struct Any<S>(pub S);

impl<S: Read> Read for Any<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl<S: Write> Write for Any<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<S: Read + Write> Stream for Any<S> {}

/// Whether an error says that a time limit ran out, in either of the two words for it.
pub(crate) fn timed_out(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// One `read`, however often a signal interrupts it.
pub(crate) fn read_once<S: Stream>(stream: &mut S, room: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(room) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Sets the limit of the next read so that it ends by `deadline`. A deadline that has passed
/// leaves time for one short look at what is already here.
pub(crate) fn limit_until<S: Stream>(stream: &mut S, deadline: Instant) -> io::Result<bool> {
    let left = deadline.saturating_duration_since(Instant::now());
    stream.limit_reads(Some(left.max(Duration::from_micros(1))))
}

/// Closes TCP as §7.1.1 advises: ends our direction, then reads and throws away what the peer
/// still sends, until it ends its direction or `limit` has passed. Closing at once with unread
/// bytes would reset the connection, and the peer could lose what we sent last. Says whether the
/// peer's end was seen.
pub(crate) fn close_gently<S: Stream>(stream: &mut S, limit: Duration) -> bool {
    let _ = stream.flush();
    // A peer that cannot be told that we are done would wait for our end as we for its.
    let ended = stream.shutdown(Shutdown::Write).is_ok() && wait_for_end(stream, limit);
    let _ = stream.shutdown(Shutdown::Both);
    ended
}

/// Reads and throws away until the peer ends its direction, for `limit` at most.
pub(crate) fn wait_for_end<S: Stream>(stream: &mut S, limit: Duration) -> bool {
    let deadline = deadline_in(limit);
    let mut scratch = Buffer::new();
    loop {
        // Without time limits it might be for ever.
        if Instant::now() >= deadline || !limit_until(stream, deadline).is_ok_and(|limits| limits) {
            return false;
        }
        match scratch.fill(|room| read_once(stream, room)) {
            Ok(0) => return true,
            Ok(count) => _ = scratch.consume(count),
            Err(_) => return false,
        }
    }
}

/// Reads the head that an opening handshake begins with. What arrived behind it stays in `buffer`.
pub(crate) fn read_head<S: Stream, L: StartLine>(
    stream: &mut S,
    buffer: &mut Buffer,
    config: &Config,
    deadline: Instant,
) -> Result<Head<L>, Error> {
    let mut reader = HeadReader::new(config);
    loop {
        if let Some((head, size)) = reader.read(buffer.unread())? {
            buffer.consume(size);
            return Ok(head);
        }
        // One deadline for all reads: a peer that sends a byte now and then gains nothing.
        if Instant::now() >= deadline {
            return Err(HandshakeError::TimedOut.into());
        }
        limit_until(stream, deadline)?;
        match buffer.fill(|room| read_once(stream, room)) {
            Ok(0) => return Err(HandshakeError::Ended.into()),
            Ok(_) => {}
            Err(error) if timed_out(&error) => return Err(HandshakeError::TimedOut.into()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                return Err(HandshakeError::Ended.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
}
