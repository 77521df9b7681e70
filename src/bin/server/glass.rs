//! `/glass`: a page that shows the frames of its own connection.
//!
//! A browser does not let a page see frames, so the server, which does see them, reports them over
//! a second WebSocket. The page makes up a token that nobody can guess, opens
//! `/glass/report?token=T`, and then the connection to be seen, as `/ws?glass=T` or `/echo?glass=T`.
//! A token joins one report to one connection, once, and is forgotten when its report ends.
//!
//! What is reported is `glass/report.rs`; what a page may ask of the server, `glass/order.rs`.

mod order;
mod report;

use crate::{Conversation, clock, json, tracer};
use order::Order;
use report::{Queue, Teller};
use rfc6455::observe::{Observer, SeenState, Sight};
use rfc6455::{CloseCode, Error, Message, Origins, Request, Sender, Tcp, Traced, WebSocket};
use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// So many reports there may be at a time: a class that runs all faults at once needs 11 each.
const MOST_REPORTS: usize = 512;

/// A report waits so long for its connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// So many orders may wait until the connection gets to them.
const MOST_ORDERS: usize = 16;

/// A connection looks for orders so often.
const STEP: Duration = Duration::from_millis(50);

const TEXT: &str = "text/plain; charset=utf-8";
const MALFORMED: &str = "a token is 32 hexadecimal digits, 128 bits that nobody can guess\n";

/// The reports that are open now, by their tokens.
#[derive(Default)]
pub struct Wall(Mutex<HashMap<String, Place>>);

enum Place {
    /// The connection has not come yet.
    Waiting(Seat),
    Taken,
}

/// What the observed connection gets: where to tell, and whose orders to take.
struct Seat {
    queue: Arc<Queue>,
    orders: Orders,
}

/// What a page asks of the server, carried out by the thread of the observed connection: only that
/// one can send a message in fragments.
pub struct Orders(Receiver<Order>);

/// A request, and the orders that its connection takes if it is looked at.
type Seated = (Request<Traced<Tcp>>, Option<Orders>);

/// A report's entry in the table, until it is dropped.
struct Entry<'a> {
    wall: &'a Wall,
    token: &'a str,
}

impl Entry<'_> {
    /// From here on no connection may come; says whether none has.
    fn give_up(&self) -> bool {
        self.wall.take(self.token).is_some()
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.wall.lock().remove(self.token);
    }
}

impl Wall {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a report on the table, if there is room and it has a token of its own.
    fn enter<'a>(&'a self, token: &'a str, seat: Seat) -> Result<Entry<'a>, (u16, &'static str)> {
        let mut places = self.lock();
        if places.contains_key(token) {
            return Err((400, "this token has a report already\n"));
        }
        if places.len() >= MOST_REPORTS {
            return Err((503, "too many reports; try again later\n"));
        }
        places.insert(token.to_owned(), Place::Waiting(seat));
        Ok(Entry { wall: self, token })
    }

    /// The seat that waits for this token; it waits for nobody else any more.
    fn take(&self, token: &str) -> Option<Seat> {
        match std::mem::replace(self.lock().get_mut(token)?, Place::Taken) {
            Place::Waiting(seat) => Some(seat),
            Place::Taken => None,
        }
    }
}

/// The value of a query's `name=`: `Some(None)` if it is there and no token.
fn token<'q>(query: &'q str, name: &str) -> Option<Option<&'q str>> {
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    Some(Some(value).filter(|value| value.len() == 32 && value.bytes().all(is_hex)))
}

/// A request that may be for a connection to be seen. From here on its onlooker reports, if its
/// `?glass=` names a report that waits for it; without one it stays as it is. `None`: refused.
#[inline(never)]
pub fn seat(
    mut request: Request<Traced<Tcp>>,
    wall: &Wall,
    trace: bool,
) -> Result<Option<Seated>, Error> {
    let seat = match token(request.query(), "glass") {
        None => return Ok(Some((request, None))),
        Some(None) => return request.respond(400, TEXT, MALFORMED).map(|()| None),
        Some(Some(token)) => wall.take(token),
    };
    let Some(Seat { queue, orders }) = seat else {
        let body = "no report waits for this token: open /glass/report?token= first, for each connection\n";
        return request.respond(400, TEXT, body).map(|()| None);
    };
    let head = request.received().to_vec();
    let tell = onlooker(Teller::new(queue), &request, trace)?;
    request.stream_mut().watch(Observer::new(), tell);
    request.stream().show_received(&head);
    Ok(Some((request, Some(orders))))
}

/// Who looks at the connection: the report, and beside it `--trace`, if that is on. That has
/// printed the request already.
fn onlooker(
    mut teller: Teller,
    request: &Request<Traced<Tcp>>,
    trace: bool,
) -> Result<Box<dyn FnMut(Sight) + Send>, Error> {
    if !trace {
        return Ok(Box::new(move |sight| teller.tell(sight)));
    }
    let mut print = tracer(request.stream().inner().peer_addr()?);
    Ok(Box::new(move |sight| {
        let printed = Sight::State(SeenState::Connecting) == sight;
        if !printed && !matches!(sight, Sight::Request(..)) {
            print(sight.clone());
        }
        teller.tell(sight);
    }))
}

/// `/glass/report?token=T`: what is seen goes out, orders come in.
#[inline(never)]
pub fn report(
    request: Request<Traced<Tcp>>,
    wall: &Wall,
    talk: impl FnOnce(Request<Traced<Tcp>>, &Conversation) -> Result<(), Error>,
) -> Result<(), Error> {
    // A page from elsewhere has no business here, whatever this server's pages are to others.
    let own = Origins::SameHost;
    let field = |name| request.fields().get(name);
    if !own.allow(field("Origin"), field("Host").unwrap_or_default()) {
        return request.respond(403, TEXT, "a report is for a page of this server\n");
    }
    let query = request.query().to_owned();
    let Some(Some(token)) = token(&query, "token") else {
        return request.respond(400, TEXT, MALFORMED);
    };
    let queue = Arc::new(Queue::default());
    let (sender, orders) = mpsc::sync_channel(MOST_ORDERS);
    let seat = Seat {
        queue: Arc::clone(&queue),
        orders: Orders(orders),
    };
    // Before the handshake is answered: once the page knows that the report is open, it is.
    match wall.enter(token, seat) {
        Ok(entry) => talk(request, &|socket| serve(socket, &queue, &sender, &entry)),
        Err((status, why)) => request.respond(status, TEXT, why),
    }
}

/// Two threads: this one listens to the page, the other waits for what the connection tells.
fn serve(
    socket: &mut WebSocket<Traced<Tcp>>,
    queue: &Queue,
    orders: &SyncSender<Order>,
    entry: &Entry,
) -> Result<(), Error> {
    let sender = socket.sender();
    thread::scope(|scope| {
        thread::Builder::new().spawn_scoped(scope, || {
            if !queue.wait_for_first(PATIENCE) && entry.give_up() {
                let _ = sender.close(CloseCode::POLICY_VIOLATION, "no connection came for it");
                return;
            }
            show(&sender, queue);
        })?;
        let result = listen(socket, &sender, orders);
        queue.hang_up();
        result
    })
}

/// Sends what is told, and a Close once there is nothing more to tell.
fn show(sender: &Sender<Traced<Tcp>>, queue: &Queue) {
    while let Some(note) = queue.next() {
        if sender.send(&note).is_err() {
            // The page is gone: from now on nothing is kept for it.
            return queue.hang_up();
        }
    }
    let _ = sender.close(CloseCode::NORMAL, "that was the whole connection");
}

fn listen(
    socket: &mut WebSocket<Traced<Tcp>>,
    sender: &Sender<Traced<Tcp>>,
    orders: &SyncSender<Order>,
) -> Result<(), Error> {
    while let Some(message) = socket.read()? {
        let order = match message {
            Message::Text(text) => Order::parse(text),
            Message::Binary(_) => Err("an order is a text".to_owned()),
        };
        let passed = order.and_then(|order| match orders.try_send(order) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err("too many orders at a time".to_owned()),
            Err(TrySendError::Disconnected(_)) => Err("the connection has ended".to_owned()),
        });
        if let Err(why) = passed {
            sender.send(&json::Object::of_kind("refused").text("why", &why).end())?;
        }
    }
    Ok(())
}

impl Orders {
    /// `clock::wait`, with an eye on the orders.
    pub fn wait(&self, socket: &mut WebSocket<Traced<Tcp>>, until: Instant) -> Result<bool, Error> {
        loop {
            self.carry_out(socket)?;
            let step = until.min(Instant::now() + STEP);
            if !clock::wait(socket, step)? {
                return Ok(false);
            }
            if step == until {
                return Ok(true);
            }
        }
    }

    /// `echo::run`, with an eye on the orders. A read with a time limit lends no writer beside its
    /// message, so this echo copies.
    pub fn echo(&self, socket: &mut WebSocket<Traced<Tcp>>) -> Result<(), Error> {
        loop {
            self.carry_out(socket)?;
            match socket.read_before(Instant::now() + STEP) {
                Ok(Some(Message::Text(text))) => {
                    let text = text.to_owned();
                    socket.write(&text)?;
                }
                Ok(Some(Message::Binary(bytes))) => {
                    let bytes = bytes.to_vec();
                    socket.write(&bytes)?;
                }
                Ok(None) => return Ok(()),
                Err(Error::TimedOut) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn carry_out(&self, socket: &mut WebSocket<Traced<Tcp>>) -> Result<(), Error> {
        for order in self.0.try_iter() {
            match order.carry_out(socket) {
                // Too late for it; how the connection ended is what the next read says.
                Ok(()) | Err(Error::Closed(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_32_lower_case_hexadecimal_digits() {
        let good = "0123456789abcdef0123456789abcdef";
        assert_eq!(token(&format!("glass={good}"), "glass"), Some(Some(good)));
        assert_eq!(
            token(&format!("a=b&glass={good}&c"), "glass"),
            Some(Some(good))
        );
        assert_eq!(token("", "glass"), None);
        assert_eq!(token(&format!("glasses={good}"), "glass"), None);
        for bad in [
            "",
            "0",
            &good[1..],
            "0123456789ABCDEF0123456789ABCDEF",
            "0123456789abcdef0123456789abcde%",
        ] {
            assert_eq!(token(&format!("glass={bad}"), "glass"), Some(None), "{bad}");
        }
        assert_eq!(token(&format!("glass={good}0"), "glass"), Some(None));
    }
}
