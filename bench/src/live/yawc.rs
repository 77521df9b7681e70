//! yawc in two ways. As its example `echo_server` does it, but with the check of UTF-8 switched
//! on. And in batches that are flushed by hand, tuned as its README describes. Both on hyper and
//! tokio with a worker a core.

use futures::{FutureExt, SinkExt};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use std::net::TcpListener;
use tokio::net::TcpStream;
use yawc::{Frame, HttpWebSocket, OpCode, Options, Result, WebSocket};

/// Its README: "batches up to 32 immediately ready messages, then flushes".
const BATCH: usize = 32;

pub fn serve(listener: TcpListener, batched: bool) -> std::io::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(accept(listener, batched))
}

async fn accept(listener: TcpListener, batched: bool) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(answer(stream, batched));
    }
}

async fn answer(stream: TcpStream, batched: bool) {
    let io = hyper_util::rt::TokioIo::new(stream);
    let service = service_fn(move |request| handshake(request, batched));
    let connection = http1::Builder::new().serve_connection(io, service);
    // An error is the end of the connection.
    let _ = connection.with_upgrades().await;
}

async fn handshake(
    mut request: Request<Incoming>,
    batched: bool,
) -> Result<Response<Empty<Bytes>>> {
    let mut options = Options::default()
        .with_utf8()
        .without_compression()
        .with_limits(64 << 20, 128 << 20);
    if batched {
        // As its README tunes it.
        options = options
            .with_read_buffer_capacity(128 << 10)
            .with_backpressure_boundary(64 << 10);
    }
    let (response, upgrade) = WebSocket::upgrade_with_options(&mut request, options)?;
    tokio::spawn(tokio::task::unconstrained(async move {
        let Ok(mut socket) = upgrade.await else {
            return;
        };
        let _ = match batched {
            true => echo_in_batches(&mut socket).await,
            false => echo(&mut socket).await,
        };
    }));
    Ok(response)
}

async fn echo(socket: &mut HttpWebSocket) -> Result<()> {
    loop {
        let frame = socket.next_frame().await?;
        match frame.opcode() {
            OpCode::Text | OpCode::Binary => socket.send(frame).await?,
            OpCode::Close => return Ok(()),
            _ => {}
        }
    }
}

async fn echo_in_batches(socket: &mut HttpWebSocket) -> Result<()> {
    loop {
        let mut ready: Option<Frame> = Some(socket.next_frame().await?);
        let mut taken = 0;
        while let Some(frame) = ready {
            match frame.opcode() {
                OpCode::Text | OpCode::Binary => socket.feed(frame).await?,
                OpCode::Close => return socket.close().await,
                _ => {}
            }
            taken += 1;
            ready = match taken < BATCH {
                true => socket.next_frame().now_or_never().transpose()?,
                false => None,
            };
        }
        socket.flush().await?;
    }
}
