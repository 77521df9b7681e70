//! tungstenite as its users write it: a thread a connection, `read`, `send`.

use std::io::Result;
use std::net::{TcpListener, TcpStream};
use std::thread;

pub fn serve(listener: &TcpListener) -> Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        thread::spawn(move || {
            // An error is the end of the connection.
            let _ = echo(stream);
        });
    }
}

fn echo(stream: TcpStream) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut socket = tungstenite::accept(stream)?;
    loop {
        let message = socket.read()?;
        if message.is_text() || message.is_binary() {
            socket.send(message)?;
        }
    }
}
