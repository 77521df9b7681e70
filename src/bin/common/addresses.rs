//! Where a program listens: `HOST:PORT`.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

/// Takes `HOST:PORT` apart. `None`: the text has another form. An IPv6 address keeps its brackets.
pub fn split(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    match port.parse() {
        Ok(port) if !host.is_empty() => Some((host, port)),
        _ => None,
    }
}

/// The addresses of `HOST:PORT`. `localhost` means both loopback addresses (RFC 6761 §6.3), and a
/// machine's own list of names often has only one of them.
pub fn resolve(text: &str) -> io::Result<Vec<SocketAddr>> {
    let Some((host, port)) = split(text) else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "not HOST:PORT"));
    };
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![
            (Ipv4Addr::LOCALHOST, port).into(),
            (Ipv6Addr::LOCALHOST, port).into(),
        ]);
    }
    Ok(text.to_socket_addrs()?.collect())
}
