//! The opening handshake for the servers whose library is used without one. It is not measured.

use bytes::BytesMut;
use sockudo_ws::error::{Error, Result};
use sockudo_ws::handshake::{build_response, generate_accept_key, parse_request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub async fn answer(stream: &mut TcpStream, extension: Option<&str>) -> Result<()> {
    let mut head = BytesMut::with_capacity(4096);
    loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Err(Error::ConnectionClosed);
        }
        if let Some((request, _)) = parse_request(&head)? {
            let accept = generate_accept_key(request.key);
            let response = build_response(&accept, None, extension);
            stream.write_all(&response).await?;
            return Ok(());
        }
    }
}
