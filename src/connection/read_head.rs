//! RFC 6455 §4: reading the head that an opening handshake begins with.
//!
//! Both doors need it: the client reads a response, the server reads a request.

use super::config::Config;
use super::error::Error;
use super::stream::{Stream, is_timeout, limit_until, read_once};
use crate::framing::Buffer;
use crate::opening::{HandshakeError, Head, HeadReader, StartLine};
use std::io::ErrorKind;
use std::time::Instant;

/// Reads a head from the stream. Bytes that arrive behind it stay in `buffer`.
pub(crate) fn read_head<S: Stream, L: StartLine>(
    stream: &mut S,
    buffer: &mut Buffer,
    config: &Config,
    deadline: Instant,
) -> Result<Head<L>, Error> {
    let mut reader = HeadReader::new(config.max_head, config.max_fields);
    loop {
        if let Some((head, size)) = reader.read(buffer.unread())? {
            buffer.consume(size);
            return Ok(head);
        }
        // One deadline for all reads: a peer that sends a byte now and then gains no time.
        if Instant::now() >= deadline {
            return Err(HandshakeError::TimedOut.into());
        }
        limit_until(stream, deadline)?;
        match read_once(stream, buffer.room()) {
            Ok(0) => return Err(HandshakeError::Ended.into()),
            Ok(count) => buffer.filled(count),
            Err(error) if is_timeout(&error) => return Err(HandshakeError::TimedOut.into()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                return Err(HandshakeError::Ended.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
}
