//! Who is connected to a server: how many there may be, and how they are all told to go.
//!
//! RFC 6455 §7.4.1 has the code for that: 1001, "such as a server going down".

use crate::close::{CloseCode, CloseReason};
use crate::frame::{OpCode, encode_frame};
use crate::stream::Stream;
use crate::writer::Line;
use std::collections::HashMap;
use std::net::Shutdown;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The connections of a server that are open now.
#[derive(Debug)]
pub(crate) struct Registry<S> {
    open: Mutex<Open<S>>,
    one_less: Condvar,
}

#[derive(Debug)]
struct Open<S> {
    /// Nobody comes in any more.
    stopped: bool,
    next_id: u64,
    connections: HashMap<u64, Connection<S>>,
}

#[derive(Debug)]
struct Connection<S> {
    stream: S,
    line: LineSlot,
    thread: Option<JoinHandle<()>>,
}

/// Where a request leaves the line of its WebSocket once it is one.
pub(crate) type LineSlot = Arc<OnceLock<Arc<Line>>>;

/// A connection's place in the registry, until it is dropped.
#[derive(Debug)]
pub(crate) struct Entry<S> {
    registry: Arc<Registry<S>>,
    id: u64,
    pub(crate) line: LineSlot,
}

impl<S: Stream + Clone + Send + 'static> Registry<S> {
    pub(crate) fn new() -> Arc<Registry<S>> {
        Arc::new(Registry {
            open: Mutex::new(Open {
                stopped: false,
                next_id: 0,
                connections: HashMap::new(),
            }),
            one_less: Condvar::new(),
        })
    }

    /// A place for a connection, unless there are `limit` of them already or the server stops.
    pub(crate) fn enter(self: &Arc<Registry<S>>, stream: &S, limit: usize) -> Option<Entry<S>> {
        let mut open = self.lock();
        if open.stopped || open.connections.len() >= limit {
            return None;
        }
        let id = open.next_id;
        open.next_id += 1;
        let line = LineSlot::default();
        let connection = Connection {
            stream: stream.clone(),
            line: Arc::clone(&line),
            thread: None,
        };
        open.connections.insert(id, connection);
        Some(Entry {
            registry: Arc::clone(self),
            id,
            line,
        })
    }

    /// Notes the thread of a connection, to be joined at the end, if it is not over already.
    pub(crate) fn note_thread(&self, id: u64, thread: JoinHandle<()>) {
        if let Some(connection) = self.lock().connections.get_mut(&id) {
            connection.thread = Some(thread);
        }
    }

    /// Lets nobody in any more, sends a Close with 1001 to every WebSocket, waits for the answers,
    /// `limit` at most, ends TCP for those that are left, and joins every thread.
    pub(crate) fn stop(&self, limit: Duration) {
        let (connections, threads): (Vec<_>, Vec<_>) = {
            let mut open = self.lock();
            open.stopped = true;
            let each = open.connections.values_mut();
            each.map(|each| ((each.stream.clone(), each.line.clone()), each.thread.take()))
                .unzip()
        };
        // In a thread of its own: a peer that does not read may hold up what is sent to it, but not
        // the time limit.
        let saying_goodbye = thread::spawn(move || say_goodbye(connections));
        drop(self.wait_until_empty(limit));
        for connection in self.lock().connections.values() {
            let _ = connection.stream.clone().shutdown(Shutdown::Both);
        }
        let threads = threads.into_iter().flatten().chain([saying_goodbye]);
        for thread in threads {
            // One that panicked has said so itself.
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

/// Tells everybody. Who is being sent something just now is told in a second round: that may be
/// somebody who does not read, and for him nobody else shall wait.
fn say_goodbye<S: Stream>(connections: Vec<(S, LineSlot)>) {
    let reason = CloseReason::new(CloseCode::GOING_AWAY, "").expect("1001 may be sent");
    let (mut body, mut frame) = (Vec::new(), Vec::new());
    reason.encode(&mut body);
    encode_frame(true, OpCode::Close, None, &body, &mut frame);
    let mut busy = Vec::new();
    for (mut stream, line) in connections {
        // For one that does not read, either; it will lose nothing that it would have read.
        let _ = stream.limit_writes(Some(Duration::from_millis(1)));
        match line.get() {
            // A request that is not answered yet never will be.
            None => _ = stream.shutdown(Shutdown::Both),
            Some(line) if line.is_busy() => busy.push((stream, Arc::clone(line))),
            Some(line) => _ = line.transmit(&mut stream, [&frame, &[]], Some(&reason)),
        }
    }
    for (mut stream, line) in busy {
        let _ = line.transmit(&mut stream, [&frame, &[]], Some(&reason));
    }
}

impl<S> Entry<S> {
    pub(crate) fn id(&self) -> u64 {
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
