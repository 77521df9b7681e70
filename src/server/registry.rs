//! Who is connected to a server: how many there may be, and how they are all told to go.
//!
//! RFC 6455 §7.4.1 has the code for that: 1001, "such as a server going down".

use crate::connection::{Config, Shared, State, Stream};
use crate::framing::{CloseCode, CloseReason};
use std::collections::HashMap;
use std::net::Shutdown;
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
}

#[derive(Debug)]
struct Connection<S> {
    stream: S,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A connection's place in the registry, until it is dropped.
#[derive(Debug)]
pub(super) struct Entry<S> {
    registry: Arc<Registry<S>>,
    id: u64,
    /// The state of the connection, which is CONNECTING now.
    pub(super) shared: Arc<Shared>,
}

impl<S: Stream + Clone + Send + 'static> Registry<S> {
    pub(super) fn new() -> Arc<Registry<S>> {
        Arc::new(Registry {
            open: Mutex::new(Open {
                stopped: false,
                next_id: 0,
                connections: HashMap::new(),
            }),
            one_less: Condvar::new(),
        })
    }

    /// A place for a connection. `None`: there are
    /// [`Config::max_connections`](crate::Config::max_connections) already, or the server stops.
    pub(super) fn enter(self: &Arc<Registry<S>>, stream: &S, config: &Config) -> Option<Entry<S>> {
        let mut open = self.lock();
        if open.stopped || open.connections.len() >= config.max_connections {
            return None;
        }
        let id = open.next_id;
        open.next_id += 1;
        let shared = Arc::<Shared>::default();
        let connection = Connection {
            stream: stream.clone(),
            shared: Arc::clone(&shared),
            thread: None,
        };
        open.connections.insert(id, connection);
        Some(Entry {
            registry: Arc::clone(self),
            id,
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
        let (connections, threads): (Vec<_>, Vec<_>) = {
            let mut open = self.lock();
            open.stopped = true;
            let each = open.connections.values_mut();
            each.map(|each| {
                (
                    (each.stream.clone(), Arc::clone(&each.shared)),
                    each.thread.take(),
                )
            })
            .unzip()
        };
        // In another thread: a peer that does not read may hold up what we send to it, but not the
        // time limit.
        let saying_goodbye = thread::spawn(move || say_goodbye(connections));
        drop(self.wait_until_empty(limit));
        for connection in self.lock().connections.values() {
            let _ = connection.stream.clone().shutdown(Shutdown::Both);
        }
        let threads = threads.into_iter().flatten().chain([saying_goodbye]);
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
}

impl<S> Drop for Entry<S> {
    fn drop(&mut self) {
        let open = &self.registry.open;
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        open.connections.remove(&self.id);
        drop(open);
        self.registry.one_less.notify_all();
    }
}
