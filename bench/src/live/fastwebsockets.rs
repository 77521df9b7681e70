//! fastwebsockets as its example `echo_server` does it: hyper for the handshake, tokio beneath,
//! here with a worker a core.

use fastwebsockets::{FragmentCollector, OpCode, WebSocketError, upgrade};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use std::io::Result;
use std::net::TcpListener;
use tokio::net::TcpStream;

pub fn serve(listener: TcpListener) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(accept(listener))
}

async fn accept(listener: TcpListener) -> Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(answer(stream));
    }
}

async fn answer(stream: TcpStream) {
    let io = hyper_util::rt::TokioIo::new(stream);
    let connection = http1::Builder::new().serve_connection(io, service_fn(handshake));
    // An error is the end of the connection.
    let _ = connection.with_upgrades().await;
}

async fn handshake(
    mut request: Request<Incoming>,
) -> std::result::Result<Response<Empty<Bytes>>, WebSocketError> {
    let (response, upgrade) = upgrade::upgrade(&mut request)?;
    tokio::spawn(tokio::task::unconstrained(async move {
        let _ = echo(upgrade).await;
    }));
    Ok(response)
}

async fn echo(upgrade: upgrade::UpgradeFut) -> std::result::Result<(), WebSocketError> {
    let mut socket = FragmentCollector::new(upgrade.await?);
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            _ => {}
        }
    }
}
