//! tokio-websockets as its example `echo_server` does it, here with a worker a core.

use futures::{SinkExt, StreamExt};
use std::io::Result;
use std::net::TcpListener;
use tokio::net::TcpStream;
use tokio_websockets::{Config, Error, Limits, ServerBuilder};

pub fn serve(listener: TcpListener) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(accept(listener))
}

async fn accept(listener: TcpListener) -> Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(tokio::task::unconstrained(async move {
            // An error is the end of the connection.
            let _ = echo(stream).await;
        }));
    }
}

async fn echo(stream: TcpStream) -> std::result::Result<(), Error> {
    let server = ServerBuilder::new()
        .config(Config::default().frame_size(usize::MAX))
        .limits(Limits::unlimited());
    let (_request, mut socket) = server.accept(stream).await?;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}
