//! A room to talk in: names, joins, leaves; a slow reader delays nobody.
//!
//! ```text
//! cargo run --example chat
//! ```
//!
//! Each member has two threads. One reads what the member says and hands it to the room; the other
//! takes what the room says from the member's queue and sends it. A message to all is encoded once.
//! When a member's queue is full, because it does not read, the member goes; nobody waits for it.

use rfc6455::{CloseCode, Encoded, Error, Request, Sender, Server, WebSocket};
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
    let server = match Server::bind(&address) {
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
    server.run(move |request| route(request, &room));
    ExitCode::SUCCESS
}

fn route(request: Request, room: &Room) -> Result<(), Error> {
    match request.path() {
        "/" => request.respond(200, "text/html; charset=utf-8", PAGE),
        "/chat" => member(request.upgrade()?, room),
        _ => request.respond(404, "text/plain", "there are / and /chat\n"),
    }
}

/// Everybody who is here, by name, with the queue of what is to be sent to them; without one, who
/// was too slow and is about to leave.
#[derive(Default)]
struct Room(Mutex<HashMap<String, Option<SyncSender<Encoded>>>>);

impl Room {
    /// Takes a member in, unless the name is taken.
    fn enter(&self, name: &str) -> Option<Receiver<Encoded>> {
        let (queue, waiting) = sync_channel(QUEUE);
        let mut members = self.0.lock().unwrap();
        if members.contains_key(name) {
            return None;
        }
        members.insert(name.to_owned(), Some(queue));
        Some(waiting)
    }

    /// Says something to everybody. Whose queue is full is let go: with the queue its sending
    /// thread ends, and that ends the connection.
    fn say(&self, text: &str) {
        let message = Encoded::from(text);
        for queue in self.0.lock().unwrap().values_mut() {
            if queue
                .as_ref()
                .is_some_and(|queue| queue.try_send(message.clone()).is_err())
            {
                *queue = None;
            }
        }
    }

    fn leave(&self, name: &str) {
        self.0.lock().unwrap().remove(name);
    }
}

/// One member, from the name, which is the first message, to the end.
fn member(mut socket: WebSocket, room: &Room) -> Result<(), Error> {
    let name = match socket.read()? {
        Some(first) => first.to_string().trim().to_owned(),
        None => return Ok(()),
    };
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.contains(char::is_control) {
        return socket.close(CloseCode::POLICY_VIOLATION, "a name has 1 to 30 characters");
    }
    let Some(queue) = room.enter(&name) else {
        return socket.close(CloseCode::POLICY_VIOLATION, "that name is taken");
    };
    let sender = socket.sender();
    let sending = thread::spawn(move || send_all(&sender, &queue));
    room.say(&format!("{name} joined"));

    let result = listen(&mut socket, &name, room);

    room.leave(&name);
    room.say(&format!("{name} left"));
    let _ = sending.join();
    result
}

fn listen(socket: &mut WebSocket, name: &str, room: &Room) -> Result<(), Error> {
    while let Some(message) = socket.read()? {
        let said: String = message.to_string().chars().take(LONGEST_MESSAGE).collect();
        room.say(&format!("{name}: {said}"));
    }
    Ok(())
}

/// Sends what the room says, until the room says no more to this member.
fn send_all(sender: &Sender, queue: &Receiver<Encoded>) {
    for message in queue {
        if sender.send_encoded(&message).is_err() {
            return; // The thread that reads learns why.
        }
    }
    let _ = sender.close(CloseCode::TRY_AGAIN_LATER, "too slow for this room");
}
