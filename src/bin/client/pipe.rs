//! Lines from a pipe, sent while the main thread prints what the server sends.

use crate::connect::{ProgramStream, TracedSocket};
use crate::lines::{Lines, Sending};
use crate::output::complain;
use crate::silence::Patience;
use rfc6455::{CloseCode, Sender};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::thread;

/// If standard input is a pipe or a file, sends each line as a message, in its own thread. After
/// the last line it waits for the last answers and closes the connection. If there is no line at
/// all, it does nothing: then the client only listens.
pub fn send_lines(socket: &TracedSocket, patience: Patience) -> Arc<Sending> {
    let sending = Arc::new(Sending::default());
    if !io::stdin().is_terminal() {
        sending.begin();
        let of_thread = Arc::clone(&sending);
        let (sender, ear) = (socket.sender(), socket.stream().inner().ear().clone());
        thread::spawn(move || {
            let sent = send_each_line(&sender, &of_thread);
            of_thread.end();
            if sent > 0 {
                ear.wait_for_silence(patience);
            }
            // An empty pipe closes nothing, but a wrong one does.
            if sent > 0 || of_thread.has_failed() {
                let _ = sender.close(CloseCode::NORMAL, "");
            }
        });
    }
    sending
}

/// Returns how many lines it has sent. It reports no error of the connection: the thread that reads
/// learns how the connection ended.
fn send_each_line(sender: &Sender<ProgramStream>, sending: &Sending) -> usize {
    let mut lines = Lines::default();
    let mut sent = 0;
    loop {
        match lines.next() {
            Ok(Some(line)) if sender.send(&line).is_ok() => sent += 1,
            Ok(Some(_)) => {
                sending.note_unsent(lines.number);
                return sent;
            }
            Ok(None) => return sent,
            Err(what) => {
                complain(format_args!("client: {what}"));
                sending.fail();
                return sent;
            }
        }
    }
}
