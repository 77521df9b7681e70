//! How the client prints what a server sends.
//!
//! - A terminal shows each message as one line that is safe ([`Printable`]): the server cannot
//!   control the terminal. A binary message stands behind a backslash: `\[2 bytes: ca fe]`. No text
//!   looks like that, because a backslash in a text becomes two.
//! - A pipe or a file gets each message unchanged, and the end of a line behind it. Standard error
//!   says which messages are binary.

use crate::output::{complain, print, print_bytes};
use rfc6455::trace::words::plural;
use rfc6455::{Message, Printable};
use std::io::{self, IsTerminal};

/// Prints a message. `false`: nobody reads our output any more.
pub fn message(message: Message) -> io::Result<bool> {
    let is_terminal = io::stdout().is_terminal();
    match message {
        Message::Text(text) if is_terminal => print(&format!("{}\n", Printable(text))),
        Message::Binary(_) if is_terminal => print(&format!("\\{message}\n")),
        _ => {
            if let Message::Binary(bytes) = message {
                let (count, plural) = (bytes.len(), plural(bytes.len() as u64));
                complain(format_args!(
                    "client: the next message is binary, {count} byte{plural}"
                ));
            }
            print_bytes(&[message.as_bytes(), b"\n"].concat())
        }
    }
}

/// Prints the reason of a Close.
pub fn reason(text: &str) -> io::Result<bool> {
    message(Message::Text(text))
}
