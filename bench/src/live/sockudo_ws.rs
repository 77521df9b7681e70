//! sockudo-ws as its example `simple_echo` does it, but with `feed` in place of `send`: what was
//! fed leaves before `next` waits, so that a burst is answered at once. On tokio with a worker a
//! core.

use super::client::EXTENSION;
use super::handshake;
use futures::{Sink, SinkExt, Stream, StreamExt};
use sockudo_ws::error::{Error, Result};
use sockudo_ws::stream::CompressedWebSocketStream;
use sockudo_ws::{Config, DeflateConfig, Message, WebSocketStream};
use std::net::TcpListener;
use tokio::net::TcpStream;

pub fn serve(listener: TcpListener, compressed: bool) -> std::io::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(accept(listener, compressed))
}

async fn accept(listener: TcpListener, compressed: bool) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            // An error is the end of the connection.
            let _ = answer(stream, compressed).await;
        });
    }
}

async fn answer(mut stream: TcpStream, compressed: bool) -> Result<()> {
    if compressed {
        handshake::answer(&mut stream, Some(EXTENSION)).await?;
        let deflate = DeflateConfig {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            ..DeflateConfig::default()
        };
        let config = Config::default();
        return echo(CompressedWebSocketStream::server(stream, config, deflate)).await;
    }
    handshake::answer(&mut stream, None).await?;
    echo(WebSocketStream::server(stream, Config::default())).await
}

async fn echo<S>(mut socket: S) -> Result<()>
where
    S: Stream<Item = Result<Message>> + Sink<Message, Error = Error> + Unpin,
{
    while let Some(message) = socket.next().await {
        match message? {
            message @ (Message::Text(_) | Message::Binary(_)) => socket.feed(message).await?,
            Message::Close(_) => break,
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
    Ok(())
}
