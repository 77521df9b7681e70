//! What a connection keeps after what it did: the memory of the server while its connections are
//! silent again. And what connections hold whose message does not end.
//!
//! Only the process can be measured from outside. So a part of what is seen is the allocator's:
//! glibc keeps freed memory for the next call. The columns name this part. They run the same
//! server with other settings of glibc (mallopt(3)).

use crate::live::client;
use crate::live::server::{Kind, Server, again};
use crate::table::{Report, median, number, row};
use crate::wire::{FIRST_OF_TEXT, LAST, WHOLE_TEXT, header, masked_frame};
use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

const CONNECTIONS: usize = 100;

/// From the last echo to the measurement.
const SILENCE: Duration = Duration::from_secs(2);

/// What each connection does, one after the other.
const DEEDS: [(&str, &str); 5] = [
    ("256 messages of 1 KiB at once", "burst"),
    ("a message of 64 KiB", "64k"),
    ("a message of 1 MiB", "1m"),
    ("a message of 16 MiB in one frame", "16m"),
    ("a message of 16 MiB in two fragments", "fragments"),
];

/// glibc keeps what it can: it gives back only what is free at the end of an arena, above a limit
/// that grows to 64 MiB with the blocks that were freed, and it has eight arenas for each core.
const AS_IT_IS: &[(&str, &str)] = &[];

/// All threads share one arena.
const ONE_ARENA: &[(&str, &str)] = &[("MALLOC_ARENA_MAX", "1")];

/// Blocks from 16 KiB on are mapped alone, so that freeing them gives them back. What is left then
/// is what the program holds, apart from small blocks.
const MAPPED: &[(&str, &str)] = &[
    ("MALLOC_MMAP_THRESHOLD_", "16384"),
    ("MALLOC_TOP_PAD_", "0"),
];

/// Variables of the environment, and their values.
type Variables = &'static [(&'static str, &'static str)];

const SERVERS: [(&str, Kind, Variables); 5] = [
    ("rfc6455", Kind::Ours, AS_IT_IS),
    ("one arena", Kind::Ours, ONE_ARENA),
    ("blocks mapped", Kind::Ours, MAPPED),
    ("tungstenite 0.30", Kind::Tungstenite, AS_IT_IS),
    ("blocks mapped", Kind::Tungstenite, MAPPED),
];

/// Connections that each hold a part of a message, and no more.
const UNFINISHED: usize = 273;

pub fn run(report: &mut Report, quick: bool) {
    let rounds = if quick { 1 } else { 3 };
    report.heading(&format!(
        "kept: KiB that a connection costs more than a fresh one, {CONNECTIONS} connections, two \
         seconds after, median of {rounds} rounds"
    ));
    let mut rows = vec![row(
        "each connection echoed",
        SERVERS.map(|(name, ..)| name),
    )];
    for (name, deed) in DEEDS {
        let mut all = [const { Vec::new() }; SERVERS.len()];
        for _ in 0..rounds {
            for (all, kib) in all.iter_mut().zip(after(deed)) {
                all.push(kib);
            }
        }
        rows.push(row(name, all.map(|all| number(median(all)))));
    }
    report.table(&rows);
    unfinished(report, if quick { 30 } else { UNFINISHED });
}

/// KiB for a connection, above a fresh one, with each of the servers. Each measurement has new
/// servers. They are silent together.
fn after(deed: &str) -> [f64; SERVERS.len()] {
    let opened = SERVERS.map(|(_, kind, settings)| {
        let server = Server::start_with(kind, settings);
        let clients = Clients::start(&server, deed, CONNECTIONS);
        (server, clients)
    });
    // The last threads begin to wait in their reads.
    thread::sleep(Duration::from_millis(500));
    let done = opened.map(|(server, mut clients)| {
        let fresh = server.resident();
        clients.go_on();
        (server, clients, fresh)
    });
    thread::sleep(SILENCE);
    done.map(|(server, _clients, fresh)| (server.resident() - fresh) / CONNECTIONS as f64)
}

/// Each connection announces 16 MiB, sends 15.9 of them, and waits.
fn unfinished(report: &mut Report, connections: usize) {
    report.heading(&format!(
        "kept: {connections} connections that each sent 15.9 of 16 MiB"
    ));
    let kinds = [Kind::Ours, Kind::Tungstenite];
    let outcomes = kinds.map(|kind| {
        let server = Server::start(kind);
        let mut clients = Clients::start(&server, "unfinished", connections);
        let before = server.resident();
        let open: f64 = clients.go_on().parse().unwrap_or(f64::NAN);
        thread::sleep(Duration::from_secs(1));
        let mib = (server.resident() - before) / 1024.0;
        [mib, mib / open, open]
    });
    report.table(&[
        row("", kinds.map(Kind::name)),
        row("MiB in all", outcomes.map(|[all, ..]| number(all))),
        row(
            "MiB for each that is still open",
            outcomes.map(|o| number(o[1])),
        ),
        row("connections still open", outcomes.map(|o| number(o[2]))),
    ]);
}

/// The process with the other ends. It opens the connections, and waits; when told, it does the
/// deed and keeps them open.
struct Clients {
    process: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Clients {
    /// Returns when the connections are open.
    fn start(server: &Server, deed: &str, connections: usize) -> Clients {
        let arguments = [
            server.address.to_string(),
            server.kind.path(128),
            deed.to_owned(),
            connections.to_string(),
        ];
        let mut process = again("kept-clients", &arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the clients can be started");
        let lines = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut clients = Clients { process, lines };
        clients.line();
        clients
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line");
        line.trim().to_owned()
    }

    /// Returns when the deed is done: how many connections are open.
    fn go_on(&mut self) -> String {
        let stdin = self.process.stdin.as_mut().expect("it is piped");
        stdin.write_all(b"go on\n").expect("the clients run");
        self.line()
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// The other end of [`Clients`].
pub fn main(arguments: &[String]) -> Result<()> {
    let [address, path, deed, count] = arguments else {
        panic!("address, path, deed, connections");
    };
    let count = count.parse().unwrap();
    let mut open = client::connect(address.parse().unwrap(), path, count)?;
    println!("open");
    let mut input = std::io::stdin().lock();
    input.read_line(&mut String::new())?;
    let (request, answer) = deed_bytes(deed);
    for stream in &mut open {
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let done = exchange(stream, &request, answer);
        // A server may refuse what is too much for it; who does so is counted below.
        if deed != "unfinished" {
            done?;
        }
    }
    // A refusal of the last one may be on its way.
    thread::sleep(Duration::from_millis(500));
    println!("{}", open.iter().filter(|stream| is_open(stream)).count());
    input.read_to_end(&mut Vec::new())?;
    Ok(())
}

/// What is sent, and how many bytes the answer has.
fn deed_bytes(deed: &str) -> (Vec<u8>, usize) {
    let whole = |size: usize| {
        let answer = header(WHOLE_TEXT, 0, size).len() + size;
        (masked_frame(WHOLE_TEXT, &vec![b'x'; size]), answer)
    };
    match deed {
        "burst" => {
            let (frame, answer) = whole(1 << 10);
            (frame.repeat(256), answer * 256)
        }
        "64k" => whole(64 << 10),
        "1m" => whole(1 << 20),
        "16m" => whole(16 << 20),
        "fragments" => {
            let half = vec![b'x'; 8 << 20];
            let mut frames = masked_frame(FIRST_OF_TEXT, &half);
            frames.extend(masked_frame(LAST, &half));
            (frames, whole(16 << 20).1)
        }
        "unfinished" => {
            let (mut frame, _) = whole(16 << 20);
            frame.truncate((159 << 20) / 10);
            (frame, 0)
        }
        deed => panic!("no deed {deed}"),
    }
}

/// Sends and reads at the same time: a server may answer the first part of a burst before it reads
/// the last.
fn exchange(stream: &TcpStream, request: &[u8], answer: usize) -> Result<()> {
    thread::scope(|scope| {
        let sending = scope.spawn(|| (&mut { stream }).write_all(request));
        let mut room = vec![0; 1 << 18];
        let mut missing = answer;
        while missing > 0 {
            let most = room.len().min(missing);
            match (&mut { stream }).read(&mut room[..most])? {
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                count => missing -= count,
            }
        }
        sending.join().expect("writing does not panic")
    })
}

/// Whether nothing has come: neither an end nor a Close.
fn is_open(stream: &TcpStream) -> bool {
    let _ = stream.set_nonblocking(true);
    let nothing = stream.peek(&mut [0]);
    nothing.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}
