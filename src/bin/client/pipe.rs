//! Lines from a pipe, sent while the main thread prints what the server sends.

use rfc6455::trace::Traced;
use rfc6455::{CloseCode, Sender, Tcp};
use std::io::{self, IsTerminal};
use std::thread;

/// If standard input is a pipe or a file, sends each line as a message, in its own thread. After
/// the last line it closes the connection. If there is no line at all, it does nothing: then the
/// client only listens.
pub fn send_lines(sender: Sender<Traced<Tcp>>) {
    if !io::stdin().is_terminal() {
        thread::spawn(move || send_each_line(&sender));
    }
}

/// It reports no error of the connection: the thread that reads learns how the connection ended.
fn send_each_line(sender: &Sender<Traced<Tcp>>) {
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
