//! A client that says hello and prints the answer: `cargo run --example client [URL]`. First start a
//! server, such as `cargo run --example echo_server`.

use rfc6455::{CloseCode, Error};

fn main() -> Result<(), Error> {
    let url = std::env::args().nth(1);
    let mut socket = rfc6455::connect(url.as_deref().unwrap_or("ws://localhost:5051/"))?;
    socket.send("Hello")?;
    if let Some(answer) = socket.read()? {
        println!("{answer}");
    }
    socket.close(CloseCode::NORMAL, "that is all")?;
    if let Some(closed) = socket.closed() {
        println!("{closed}");
    }
    Ok(())
}
