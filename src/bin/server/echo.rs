//! `/echo`: every message back as it came.

use rfc6455::{Error, Stream, WebSocket};

/// Answers until the peer closes. What is written leaves before the next wait for the peer, so a
/// burst of messages is answered with one system call.
pub fn run(socket: &mut WebSocket<impl Stream>) -> Result<(), Error> {
    while let Some((message, writer)) = socket.read_with_writer()? {
        writer.write(message)?;
    }
    Ok(())
}
