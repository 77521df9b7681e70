//! `/echo`: sends every message back, unchanged.

use rfc6455::{Error, Stream, WebSocket};

/// Answers until the peer closes. The answers are sent before the next wait for the peer. So many
/// messages that arrive together are answered with one system call.
pub fn run(socket: &mut WebSocket<impl Stream>) -> Result<(), Error> {
    while let Some((message, writer)) = socket.read_with_writer()? {
        writer.write(message)?;
    }
    Ok(())
}
