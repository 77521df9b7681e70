//! A chat room. Members have names, and a member that reads slowly delays no other member.
//!
//! ```text
//! cargo run --example chat
//! ```
//!
//! Each member has two threads. One reads what the member says and gives it to the room. The other
//! takes what the room says from the member's queue and sends it. A message to all is encoded once.
//! If the queue of a member is full, because the member does not read, the member must leave.

use rfc6455::{CloseCode, Error, PreparedMessage, Request, Sender, Server, WebSocket};
use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

const PAGE: &str = include_str!("index.html");

/// How many messages may wait for a member.
const QUEUE: usize = 64;

/// The longest name and the longest message, in characters.
const LONGEST_NAME: usize = 30;
const LONGEST_MESSAGE: usize = 1000;

fn main() -> ExitCode {
    let address = std::env::args()
        .nth(1)
        .unwrap_or("localhost:5051".to_owned());
    let server = match Server::bind(&address[..]) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("chat: cannot listen on {address}: {error}");
            return ExitCode::FAILURE;
        }
    };
    if let Ok([first, ..]) = server.addresses().as_deref() {
        println!("http://localhost:{}/", first.port());
    }
    let room = Arc::new(Room::default());
    match server.run(move |request| route(request, &room)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chat: {error}");
            ExitCode::FAILURE
        }
    }
}

fn route(request: Request, room: &Room) -> Result<(), Error> {
    match request.path() {
        "/" => request.respond(200, "text/html; charset=utf-8", PAGE),
        "/chat" => member(request.upgrade()?, room),
        _ => request.respond(404, "text/plain", "there are / and /chat\n"),
    }
}

/// The members, by name, each with the queue of messages to be sent. A member without a queue was
/// too slow and is about to leave.
#[derive(Default)]
struct Room(Mutex<HashMap<String, Option<SyncSender<PreparedMessage>>>>);

impl Room {
    /// Adds a member. `None`: the name is taken.
    fn enter(&self, name: &str) -> Option<Receiver<PreparedMessage>> {
        let (queue, waiting) = sync_channel(QUEUE);
        let mut members = self.0.lock().unwrap();
        if members.contains_key(name) {
            return None;
        }
        members.insert(name.to_owned(), Some(queue));
        Some(waiting)
    }

    /// Says something to all members. A member whose queue is full loses it. Then its sending
    /// thread ends, and closes the connection.
    fn say(&self, text: &str) {
        let message = PreparedMessage::from(text);
        for member in self.0.lock().unwrap().values_mut() {
            if let Some(queue) = member
                && queue.try_send(message.clone()).is_err()
            {
                *member = None;
            }
        }
    }

    fn leave(&self, name: &str) {
        self.0.lock().unwrap().remove(name);
    }
}

/// One member, from its first message, which is its name, to its end.
fn member(mut socket: WebSocket, room: &Room) -> Result<(), Error> {
    let Some(name) = read_text(&mut socket)? else {
        return Ok(());
    };
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.contains(char::is_control) {
        return socket.close(CloseCode::POLICY_VIOLATION, "a name has 1 to 30 characters");
    }
    let Some(queue) = room.enter(name) else {
        return socket.close(CloseCode::POLICY_VIOLATION, "that name is taken");
    };
    let sender = socket.sender();
    let sending = thread::spawn(move || send_all(&sender, &queue));
    room.say(&format!("{name} joined"));

    let result = listen(&mut socket, name, room);

    room.leave(name);
    room.say(&format!("{name} left"));
    let _ = sending.join();
    result
}

/// Hands what a member says to the room, until the member leaves.
fn listen(socket: &mut WebSocket, name: &str, room: &Room) -> Result<(), Error> {
    while let Some(text) = read_text(socket)? {
        let said: String = text.chars().take(LONGEST_MESSAGE).collect();
        room.say(&format!("{name}: {said}"));
    }
    Ok(())
}

/// The next message. This room takes only text: a binary message closes the connection (§7.4.1).
fn read_text(socket: &mut WebSocket) -> Result<Option<String>, Error> {
    let Some(message) = socket.read()? else {
        return Ok(None);
    };
    if let Some(text) = message.as_text() {
        return Ok(Some(text.to_owned()));
    }
    socket.close(CloseCode::UNSUPPORTED_DATA, "this room takes only text")?;
    Ok(None)
}

/// Sends what the room says, until the room drops the queue.
fn send_all(sender: &Sender, queue: &Receiver<PreparedMessage>) {
    for message in queue {
        if sender.send_prepared(&message).is_err() {
            return; // The thread that reads learns why.
        }
    }
    let _ = sender.close(CloseCode::TRY_AGAIN_LATER, "too slow for this room");
}
