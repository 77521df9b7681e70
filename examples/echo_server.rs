//! A server that sends every message back: `cargo run --example echo_server [HOST:PORT]`.

use rfc6455::{Error, Request, Server};

fn main() -> Result<(), Error> {
    let address = std::env::args().nth(1);
    let server = Server::bind(address.as_deref().unwrap_or("localhost:5051"))?;
    for address in server.addresses()? {
        println!("ws://{address}/");
    }
    // Each connection gets a thread. Errors are printed on standard error.
    server.run(echo)
}

fn echo(request: Request) -> Result<(), Error> {
    let mut socket = request.upgrade()?;
    while let Some((message, writer)) = socket.read_with_writer()? {
        writer.write(message)?; // It is sent before the next wait for the client.
    }
    Ok(())
}
