//! `/glass`: a page that shows the frames of its own connection.
//!
//! A browser does not show frames to a page. The server sees them, and reports them to the page
//! over a second WebSocket:
//!
//! 1. The page makes a random token T.
//! 2. It opens `/glass/report?token=T`.
//! 3. It opens the connection that it wants to see, such as `/echo?glass=T`.
//!
//! - `glass/reports.rs`: the open reports, each with its token.
//! - `glass/queue.rs`: from the observer of the connection to the thread that sends the report.
//! - `glass/note.rs`: what is reported, in JSON.
//! - `glass/command.rs`: what the page can ask the server to do.

mod command;
mod note;
mod queue;
mod reports;

use crate::{TEXT, converse, json, log_events_of};
use command::{Command, Commands};
pub use note::words;
use queue::{NoteQueue, Reporter};
pub use reports::Reports;
use reports::{ReportEntry, TOKEN_FORM, WatchedEnd, token};
use rfc6455::opening::name;
use rfc6455::trace::{Event, Observer, Traced};
use rfc6455::{CloseCode, Error, Origins, Request, Sender, State, Tcp, WebSocket};
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::thread;
use std::time::Duration;

/// How long a report waits for its connection.
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(10);

/// At most this many commands wait for the thread of the connection.
const MOST_COMMANDS: usize = 16;

/// A request, and the commands for its connection if a page looks at it.
type JoinedRequest = (Request<Traced<Tcp>>, Option<Commands>);

/// Joins a request to the report that its `?glass=TOKEN` names. From then on, the events of its
/// connection go to that report. A request without a token stays as it is. `None`: the request was
/// refused.
#[inline(never)]
pub fn join_report(
    mut request: Request<Traced<Tcp>>,
    reports: &Reports,
    trace: bool,
) -> Result<Option<JoinedRequest>, Error> {
    let end = match token(request.query(), "glass") {
        None => return Ok(Some((request, None))),
        Some(Err(())) => return request.respond(400, TEXT, TOKEN_FORM).map(|()| None),
        Some(Ok(token)) => reports.take(token),
    };
    let Some(WatchedEnd { queue, commands }) = end else {
        let body = "no report waits for this token; open /glass/report?token= first, once for \
                    each connection\n";
        return request.respond(400, TEXT, body).map(|()| None);
    };
    let head = request.received().to_vec();
    let observer = match trace {
        // The trace shows every frame.
        true => Observer::new(),
        false => Observer::new().skip_when(queue.skip()),
    };
    let tell = teller(Reporter::new(queue), &request, trace)?;
    request.stream_mut().watch(observer, tell);
    request.stream().show_received(&head);
    Ok(Some((request, Some(commands))))
}

/// Who is told of the events of the connection: the report, and with `--trace` also the trace. The
/// trace has printed the request already.
fn teller(
    mut reporter: Reporter,
    request: &Request<Traced<Tcp>>,
    trace: bool,
) -> Result<Box<dyn FnMut(Event) + Send>, Error> {
    if !trace {
        return Ok(Box::new(move |event| reporter.tell(event)));
    }
    let mut print = log_events_of(request.stream().inner().peer_addr()?);
    Ok(Box::new(move |event| {
        match &event {
            Event::State(State::Connecting) | Event::Request { .. } => {}
            _ => print(event.clone()),
        }
        reporter.tell(event);
    }))
}

/// `/glass/report?token=TOKEN`: notes go to the page, commands come from the page.
#[inline(never)]
pub fn report(request: Request<Traced<Tcp>>, reports: &Reports) -> Result<(), Error> {
    // The clock is for every page. A report is only for pages of this server.
    let field = |name| request.fields().get(name);
    let host = field(name::HOST).unwrap_or_default();
    if !reports.hosts.allow(host) {
        let why = "that is not a name of this server; --host NAME adds one (see --help)\n";
        return request.respond(421, TEXT, why);
    }
    if !Origins::SameHost.allow(field(name::ORIGIN), host) {
        return request.respond(403, TEXT, "a report is for a page of this server\n");
    }
    let query = request.query().to_owned();
    let Some(Ok(token)) = token(&query, "token") else {
        return request.respond(400, TEXT, TOKEN_FORM);
    };
    let queue = Arc::new(NoteQueue::new(reports.budget.share()));
    let (sender, receiver) = mpsc::sync_channel(MOST_COMMANDS);
    let end = WatchedEnd {
        queue: Arc::clone(&queue),
        commands: Commands(receiver),
    };
    // This comes before the answer to the handshake. So when the page opens the connection, the
    // report waits for it.
    match reports.enter(token, end) {
        Ok(entry) => converse(request, &|socket| serve(socket, &queue, &sender, &entry)),
        Err((status, why)) => request.respond(status, TEXT, why),
    }
}

/// Serves one report with two threads: this one reads commands, the other sends notes.
fn serve(
    socket: &mut WebSocket<Traced<Tcp>>,
    queue: &NoteQueue,
    commands: &SyncSender<Command>,
    entry: &ReportEntry,
) -> Result<(), Error> {
    let sender = socket.sender();
    thread::scope(|scope| {
        thread::Builder::new().spawn_scoped(scope, || {
            if !queue.wait_for_first(WAIT_FOR_CONNECTION) && entry.stop_waiting() {
                let _ = sender.close(CloseCode::POLICY_VIOLATION, "no connection came for it");
                return;
            }
            send_notes(&sender, queue);
        })?;
        let result = read_commands(socket, &sender, commands);
        queue.stop();
        result
    })
}

/// Sends the notes. After the last one it sends a Close.
fn send_notes(sender: &Sender<Traced<Tcp>>, queue: &NoteQueue) {
    while let Some(notes) = queue.next_lines() {
        if sender.send(&notes).is_err() {
            return queue.stop(); // The page is gone.
        }
    }
    let _ = sender.close(CloseCode::NORMAL, "that was the whole connection");
}

/// Hands commands on to the thread of the connection. The page is told of those that are wrong.
fn read_commands(
    socket: &mut WebSocket<Traced<Tcp>>,
    sender: &Sender<Traced<Tcp>>,
    commands: &SyncSender<Command>,
) -> Result<(), Error> {
    while let Some(message) = socket.read()? {
        let command = match message.as_text() {
            Some(line) => Command::parse(line),
            None => Err("a command is a text".to_owned()),
        };
        let passed = command.and_then(|command| {
            commands.try_send(command).map_err(|error| match error {
                TrySendError::Full(_) => "too many commands wait already".to_owned(),
                TrySendError::Disconnected(_) => "the connection has ended".to_owned(),
            })
        });
        if let Err(why) = passed {
            sender.send(&json::Object::of_kind("refused").text("why", &why).end())?;
        }
    }
    Ok(())
}
