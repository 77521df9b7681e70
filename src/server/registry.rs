//! Who is connected to a server: how many there may be, and how they are all told to go.
//!
//! - A connection is here from `accept` until its thread ends, also one that only hears that there
//!   are too many. So a stop ends and joins every thread.
//! - RFC 6455 §7.4.1 has the code for a stop: 1001, "such as a server going down".

use super::per_address::{PerAddress, Place};
use crate::connection::{Config, Shared, State, Stream, Tcp};
use crate::framing::{CloseCode, CloseReason};
use std::collections::HashMap;
use std::net::{IpAddr, Shutdown};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The connections of a server that are open now.
#[derive(Debug)]
pub(super) struct Registry<S> {
    open: Mutex<Open<S>>,
    one_less: Condvar,
}

#[derive(Debug)]
struct Open<S> {
    /// The server stops. It takes no new connection.
    stopped: bool,
    next_id: u64,
    connections: HashMap<u64, Connection<S>>,
    /// How many of the connections are only being told that there are too many.
    refusals: usize,
    per_address: PerAddress,
}

#[derive(Debug)]
struct Connection<S> {
    tcp: Tcp,
    /// What the connection's thread has made of the TCP stream. `None` until it has done so.
    stream: Option<S>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A connection's place in the registry, until it is dropped.
#[derive(Debug)]
pub(super) struct Entry<S> {
    registry: Arc<Registry<S>>,
    id: u64,
    place: Place,
    /// There are too many connections. This one is told so, and nothing else.
    pub(super) refused: bool,
    /// The state of the connection, which is CONNECTING now.
    pub(super) shared: Arc<Shared>,
}

/// How many connections at a time are told that there are too many.
const MOST_REFUSALS: usize = 50;

impl<S: Stream + Clone + Send + 'static> Registry<S> {
    pub(super) fn new() -> Arc<Registry<S>> {
        Arc::new(Registry {
            open: Mutex::new(Open {
                stopped: false,
                next_id: 0,
                connections: HashMap::new(),
                refusals: 0,
                per_address: PerAddress::default(),
            }),
            one_less: Condvar::new(),
        })
    }

    /// A place for a connection: to be served, or to be refused if there are
    /// [`Config::max_connections`](crate::Config::max_connections) already, or
    /// [`Config::max_connections_per_address`](crate::Config::max_connections_per_address) from
    /// this peer's. `None`: the server stops, or too many are being refused at this moment.
    pub(super) fn enter(
        self: &Arc<Registry<S>>,
        tcp: &Tcp,
        peer: IpAddr,
        config: &Config,
    ) -> Option<Entry<S>> {
        let mut open = self.lock();
        if open.stopped {
            return None;
        }
        let mut place = None;
        if open.connections.len() - open.refusals < config.max_connections {
            let most = config.max_connections_per_address;
            place = open.per_address.enter(peer, most);
        }
        let refused = place.is_none();
        if refused {
            if open.refusals >= MOST_REFUSALS {
                return None;
            }
            open.refusals += 1;
        }
        let id = open.next_id;
        open.next_id += 1;
        let shared = Arc::<Shared>::default();
        let connection = Connection {
            tcp: tcp.clone(),
            stream: None,
            shared: Arc::clone(&shared),
            thread: None,
        };
        open.connections.insert(id, connection);
        Some(Entry {
            registry: Arc::clone(self),
            id,
            place: place.unwrap_or(Place::UNCOUNTED),
            refused,
            shared,
        })
    }

    /// Notes the thread of a connection that is not over, so that a stop can join it.
    pub(super) fn note_thread(&self, id: u64, thread: JoinHandle<()>) {
        if let Some(connection) = self.lock().connections.get_mut(&id) {
            connection.thread = Some(thread);
        }
    }

    /// Stops. It takes no new connection, sends a Close with 1001 to every WebSocket, waits for the
    /// answers for `limit` at most, ends TCP for the connections that are left, and joins every
    /// thread.
    pub(super) fn stop(&self, limit: Duration) {
        let mut connections = Vec::new();
        let mut threads = Vec::new();
        {
            let mut open = self.lock();
            open.stopped = true;
            for each in open.connections.values_mut() {
                threads.extend(each.thread.take());
                match &each.stream {
                    Some(stream) => connections.push((stream.clone(), Arc::clone(&each.shared))),
                    // Its thread has only just begun.
                    None => _ = each.tcp.shutdown(Shutdown::Both),
                }
            }
        }
        // In another thread: a peer that does not read may hold up what we send to it, but not the
        // time limit.
        let saying_goodbye = thread::spawn(move || say_goodbye(connections));
        drop(self.wait_until_empty(limit));
        for connection in self.lock().connections.values_mut() {
            if let Some(stream) = &mut connection.stream {
                let _ = stream.shutdown(Shutdown::Both);
            }
            let _ = connection.tcp.shutdown(Shutdown::Both);
        }
        let threads = threads.into_iter().chain([saying_goodbye]);
        for thread in threads {
            // A thread that panicked has already printed that.
            let _ = thread.join();
        }
    }

    fn wait_until_empty(&self, limit: Duration) -> MutexGuard<'_, Open<S>> {
        self.one_less
            .wait_timeout_while(self.lock(), limit, |open| !open.connections.is_empty())
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    fn lock(&self) -> MutexGuard<'_, Open<S>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a Close to every connection. A connection that is sending at this moment waits for the
/// second round: its peer may not read, and the others shall not wait for that peer.
fn say_goodbye<S: Stream>(connections: Vec<(S, Arc<Shared>)>) {
    const LIMIT: Duration = Duration::from_millis(1);
    let reason = CloseReason::new(CloseCode::GOING_AWAY, "").expect("1001 may be sent");
    let mut frame = Vec::new();
    reason.encode_frame(None, &mut frame);
    let mut busy = Vec::new();
    for (mut stream, shared) in connections {
        // A peer that does not read gets no more time than this. It loses nothing that it would
        // have read.
        let _ = stream.limit_writes(Some(LIMIT));
        if shared.is_busy() {
            busy.push((stream, shared));
        } else if shared.state() == State::Connecting {
            // Its request will not be answered any more.
            let _ = stream.shutdown(Shutdown::Both);
        } else {
            let _ = shared.transmit_close(&mut stream, &[], &frame, &reason, LIMIT);
        }
    }
    for (mut stream, shared) in busy {
        let _ = shared.transmit_close(&mut stream, &[], &frame, &reason, LIMIT);
    }
}

impl<S> Entry<S> {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Notes the stream that was made of the TCP stream, so that a stop can say goodbye on it.
    pub(super) fn note_stream(&self, stream: S) {
        if let Some(connection) = self.lock().connections.get_mut(&self.id) {
            connection.stream = Some(stream);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open<S>> {
        let open = &self.registry.open;
        open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Drop for Entry<S> {
    fn drop(&mut self) {
        let mut open = self.lock();
        let connection = open.connections.remove(&self.id);
        open.refusals -= usize::from(self.refused);
        open.per_address.leave(&self.place);
        drop(open);
        // Only now: what a stream does when it is dropped holds nobody up.
        drop(connection);
        self.registry.one_less.notify_all();
    }
}
