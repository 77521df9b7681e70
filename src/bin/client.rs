//! The tutorial's client: prints what a WebSocket server sends, and in the end why it closed. What
//! it is given on a pipe it sends, line by line.
//!
//! ```text
//! cargo run --bin client [URL]
//! ```

use rfc6455::observe::Observer;
use rfc6455::{
    Backoff, Client, CloseCode, Entropy, Error, Printable, Role, Sender, Tcp, Traced, UrlError,
    WebSocket, console,
};
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::thread;

const HELP: &str = "\
Prints each message of a WebSocket server on a line, and at the end the reason why it closed.
Each line that comes from a pipe is sent as a message; when the pipe ends, the client closes.

Usage: client [--trace] [--reconnect] [URL]

  URL          ws://HOST[:PORT][/PATH][?QUERY] (ws://localhost:5050/ws)
  --reconnect  connect again, after a random and growing delay, when the connection is lost;
               only listens, and sends nothing
  --trace      show every byte on standard error, and what it means
  --help       this text
";

fn main() -> ExitCode {
    let mut url = None;
    let mut reconnect = false;
    let mut trace = false;
    for arg in std::env::args().skip(1) {
        match &arg[..] {
            "--help" | "-h" => {
                print!("{HELP}");
                return ExitCode::SUCCESS;
            }
            "--reconnect" => reconnect = true,
            "--trace" => trace = true,
            _ if url.is_none() && !arg.starts_with('-') => url = Some(arg),
            _ => {
                eprintln!("client: what is {arg}? (--help explains)");
                return ExitCode::from(2);
            }
        }
    }
    let url = url.as_deref().unwrap_or("ws://localhost:5050/ws");
    let result = match reconnect {
        true => listen_for_ever(url, trace),
        false => Client::new(url).and_then(|client| converse(connect(&client, trace)?)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("client: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Connects, and looks at the connection if that is wanted.
fn connect(client: &Client, trace: bool) -> Result<WebSocket<Traced<Tcp>>, Error> {
    if client.url().secure {
        return Err(UrlError::Tls.into());
    }
    client.connect_through(|tcp| {
        let mut stream = Traced::new(tcp, Role::Client);
        if trace {
            stream.watch(Observer::new(), console::print_trace(String::new()));
        }
        Ok(stream)
    })
}

/// One conversation: what comes from a pipe is sent while what the server sends is printed.
fn converse(mut socket: WebSocket<Traced<Tcp>>) -> Result<(), Error> {
    if !io::stdin().is_terminal() {
        let sender = socket.sender();
        thread::spawn(move || send_lines(&sender));
    }
    listen(&mut socket)
}

/// Sends each line of standard input; if there were any, closes behind the last. An error is not
/// reported here: the thread that reads learns how the connection ended.
fn send_lines(sender: &Sender<Traced<Tcp>>) {
    let mut lines = 0;
    for line in io::stdin().lines() {
        match line {
            Ok(line) if sender.send(&line).is_ok() => lines += 1,
            Ok(_) => return,
            Err(error) => {
                eprintln!("client: standard input: {error}");
                break;
            }
        }
    }
    if lines > 0 {
        let _ = sender.close(CloseCode::NORMAL, "");
    }
}

/// Prints what the server sends until it closes.
fn listen(socket: &mut WebSocket<Traced<Tcp>>) -> Result<(), Error> {
    while let Some(message) = socket.read()? {
        if print(&message.to_string()).is_err() {
            return Ok(()); // Nobody reads what we print; dropping the socket says goodbye.
        }
    }
    let closed = socket.closed();
    // A reason is for people; that something went wrong is for the exit code, too.
    if is_failure(closed.code()) {
        return Err(Error::Closed(closed));
    }
    let _ = match closed.reason() {
        "" => print(&closed.code().to_string()),
        reason => print(reason),
    };
    Ok(())
}

/// Whether a code (§7.4.1) says that something went wrong: all but 1000, 1001, no code at all, and
/// those of applications (from 3000 on), whose meaning is theirs.
fn is_failure(code: CloseCode) -> bool {
    let fine = [
        CloseCode::NORMAL,
        CloseCode::GOING_AWAY,
        CloseCode::NO_STATUS,
    ];
    !fine.contains(&code) && code.0 < 3000
}

/// Listens, and connects again when the connection is lost (§7.2.3).
fn listen_for_ever(url: &str, trace: bool) -> Result<(), Error> {
    let client = Client::new(url)?;
    let mut backoff = Backoff::new(Entropy::from_system());
    let mut connection = connect(&client, trace);
    loop {
        let result = connection.and_then(|mut socket| {
            backoff.reset();
            listen(&mut socket)?;
            match socket.closed().is_transient() {
                true => Err(Error::Closed(socket.closed())),
                false => Ok(()),
            }
        });
        match result {
            Err(error) if error.is_transient() => eprintln!("client: {error}; connecting again"),
            result => return result,
        }
        connection = backoff.retry(|| connect(&client, trace));
    }
}

/// A line on the terminal. What the server sends cannot command it.
fn print(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{}", Printable(line))
}
