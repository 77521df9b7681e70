//! sockudo-ws as its example `simple_echo` does it, but with `feed` in place of `send`: what was
//! fed leaves before `next` waits, so that a burst is answered at once. On tokio with a worker a
//! core.

use super::handshake;
use futures::{SinkExt, StreamExt};
use sockudo_ws::error::Result;
use sockudo_ws::{Config, Message, WebSocketStream};
use std::net::TcpListener;
use tokio::net::TcpStream;

pub fn serve(listener: TcpListener) -> std::io::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(accept(listener))
}

async fn accept(listener: TcpListener) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            // An error is the end of the connection.
            let _ = echo(stream).await;
        });
    }
}

async fn echo(mut stream: TcpStream) -> Result<()> {
    handshake::answer(&mut stream).await?;
    let mut socket = WebSocketStream::server(stream, Config::default());
    while let Some(message) = socket.next().await {
        match message? {
            message @ (Message::Text(_) | Message::Binary(_)) => socket.feed(message).await?,
            Message::Close(_) => break,
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
    Ok(())
}
