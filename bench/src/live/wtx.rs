//! wtx as its example of a WebSocket server does it: a frame is read and written where it lies in
//! the buffer. On tokio with a worker a core. The handshake is not its own, which would need a
//! cryptographic library for one SHA-1.

use super::handshake;
use std::net::TcpListener;
use tokio::net::TcpStream;
use wtx::collection::Vector;
use wtx::rng::{ChaCha20, CryptoSeedableRng};
use wtx::web_socket::{OpCode, WebSocket, WebSocketBuffer, WebSocketPayloadOrigin};

pub fn serve(listener: TcpListener) -> std::io::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(accept(listener))
}

async fn accept(listener: TcpListener) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(tokio::task::unconstrained(async move {
            if handshake::answer(&mut stream, None).await.is_ok() {
                // An error is the end of the connection.
                let _ = echo(stream).await;
            }
        }));
    }
}

async fn echo(stream: TcpStream) -> wtx::Result<()> {
    let buffer = WebSocketBuffer::with_capacity(64 << 10, 0, 0)?;
    let keys = ChaCha20::from_getrandom()?;
    let mut socket = WebSocket::<_, _, _, _, false>::new((), false, keys, stream, buffer);
    let (mut common, mut reader, mut writer) = socket.split_mut();
    let mut joined = Vector::new();
    loop {
        joined.clear();
        let frame = reader.read_frame(&mut joined, &mut common, WebSocketPayloadOrigin::Adaptive);
        let mut frame = frame.await?;
        match frame.op_code() {
            OpCode::Binary | OpCode::Text => writer.write_frame(&mut common, &mut frame).await?,
            OpCode::Close => return Ok(()),
            _ => {}
        }
    }
}
