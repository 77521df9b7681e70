//! Where a program listens: `HOST:PORT`.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

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

/// `HOST:PORT` where a program on this machine reaches a listener. `host` is the name that the user
/// gave to the listener. `0.0.0.0` and `::` stand for all addresses of the machine; not every
/// program can connect to them, so they become the loopback address.
pub fn reachable(listener: SocketAddr, host: Option<&str>) -> String {
    let ip = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    match host {
        Some(host) if ip == listener.ip() => format!("{host}:{}", listener.port()),
        _ => SocketAddr::new(ip, listener.port()).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_all_addresses_is_reached_at_the_loopback_address() {
        for (listener, host, reached) in [
            ("0.0.0.0:5050", Some("0.0.0.0"), "127.0.0.1:5050"),
            ("0.0.0.0:5050", Some("0"), "127.0.0.1:5050"),
            ("0.0.0.0:80", None, "127.0.0.1:80"),
            ("[::]:5050", Some("[::]"), "[::1]:5050"),
            ("127.0.0.1:5050", Some("localhost"), "localhost:5050"),
            ("192.0.2.1:5050", None, "192.0.2.1:5050"),
            (
                "[2001:db8::1]:5050",
                Some("[2001:db8::1]"),
                "[2001:db8::1]:5050",
            ),
        ] {
            assert_eq!(reachable(listener.parse().unwrap(), host), reached);
        }
    }
}
