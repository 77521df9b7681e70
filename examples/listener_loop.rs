//! A server with its own accept loop: `cargo run --example listener_loop [HOST:PORT]`. It sends every
//! message back. `Server` has limits and a clean stop; this is for programs that accept connections
//! themselves.

use rfc6455::{Config, Error, Request, Tcp};
use std::net::{TcpListener, TcpStream};
use std::thread;

fn main() -> Result<(), Error> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("localhost:5051"))?;
    println!("ws://{}/", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            if let Err(error) = serve(stream) {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

fn serve(stream: TcpStream) -> Result<(), Error> {
    let request = Request::read(Tcp::from(stream), &Config::default())?;
    if request.path() != "/" {
        return request.respond(404, "text/plain", "there is only /\n");
    }
    let mut socket = request.upgrade()?;
    while let Some((message, writer)) = socket.read_with_writer()? {
        writer.write(message)?;
    }
    Ok(())
}
