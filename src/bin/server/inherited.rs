//! `--listen-stdin`: standard input is a listening socket, made by the program that started this
//! one. systemd does this for a service with `StandardInput=socket` and `Accept=no`, and inetd with
//! `wait`.

use std::net::TcpListener;

/// The listener that is the standard input.
#[cfg(unix)]
pub fn listener_of_stdin() -> Result<TcpListener, String> {
    use std::io::ErrorKind;
    use std::net::TcpStream;
    use std::os::fd::AsFd;

    let wrong = |what: &str| format!("standard input is no listening TCP socket: {what}");
    let stdin = std::io::stdin();
    let handle = || stdin.as_fd().try_clone_to_owned();
    let listener = handle().map(TcpListener::from);
    let listener = listener.map_err(|error| wrong(&error.to_string()))?;
    // Only a socket of the internet has such an address.
    let address = listener.local_addr();
    address.map_err(|error| wrong(&error.to_string()))?;
    // `std` cannot ask a socket whether it listens. What has a peer, or can be read from, does not.
    let stream = handle().map(TcpStream::from);
    let stream = stream.map_err(|error| wrong(&error.to_string()))?;
    if stream.peer_addr().is_ok() {
        return Err(wrong("it is one connection"));
    }
    let nonblocking = |on| {
        let result = stream.set_nonblocking(on);
        result.map_err(|error| wrong(&error.to_string()))
    };
    nonblocking(true)?;
    let peeked = stream.peek(&mut [0]);
    nonblocking(false)?;
    match peeked {
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(listener),
        _ => Err(wrong("it receives datagrams")),
    }
}

/// The listener that is the standard input.
#[cfg(not(unix))]
pub fn listener_of_stdin() -> Result<TcpListener, String> {
    Err("--listen-stdin is there only on Unix".to_owned())
}
