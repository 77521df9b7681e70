//! What a connection costs that does nothing: memory of the server, and the time to open it.

use crate::live::client;
use crate::live::server::{Kind, Server, again};
use crate::table::{Report, median, number, row};
use std::io::{BufRead, BufReader, Read, Result};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

const SERVERS: [Kind; 3] = [Kind::Ours, Kind::Tungstenite, Kind::Floor];

/// The number of connections that our server accepts by default.
const CONNECTIONS: usize = 10_000;

pub fn run(report: &mut Report, quick: bool) {
    let rounds = if quick { 1 } else { 3 };
    let connections = if quick { 1_000 } else { CONNECTIONS };
    report.heading(&format!(
        "idle: {connections} connections open and silent, median of {rounds} rounds"
    ));
    let mut all = [const { (Vec::new(), Vec::new()) }; 3];
    for _ in 0..rounds {
        for (kind, (memory, speed)) in SERVERS.into_iter().zip(&mut all) {
            let (kib, per_second) = measure(kind, connections);
            memory.push(kib);
            speed.push(per_second);
        }
    }
    let [ours, tungstenite, floor] = all.map(|(memory, speed)| [median(memory), median(speed)]);
    let ratio = |to: [f64; 2]| [0, 1].map(|i| format!("{:.2}", ours[i] / to[i]));
    report.table(&[
        row("", ["KiB each", "connections/s"]),
        row("rfc6455 / tungstenite 0.30", ratio(tungstenite)),
        row("rfc6455 / floor", ratio(floor)),
        Vec::new(),
        row("rfc6455", ours.map(number)),
        row("tungstenite 0.30", tungstenite.map(number)),
        row("floor: a thread that reads", floor.map(number)),
    ]);
}

/// KiB for a connection, and connections opened in a second. Each measurement has a new server,
/// because the allocator of a process keeps the memory that it once had.
fn measure(kind: Kind, connections: usize) -> (f64, f64) {
    let server = Server::start(kind);
    let before = server.resident();
    let arguments = [
        server.address.to_string(),
        kind.path(128),
        connections.to_string(),
    ];
    let mut clients = again("idle-clients", &arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the clients can be started");
    let mut line = String::new();
    let stdout = clients.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    // The last threads begin to wait in their reads.
    thread::sleep(Duration::from_millis(500));
    let after = server.resident();
    drop(clients.stdin.take());
    let _ = clients.wait();
    let per_second = line.trim().parse().unwrap_or(f64::NAN);
    ((after - before) / connections as f64, per_second)
}

/// The other end of `measure`: opens the connections, prints how many a second, and keeps them
/// until standard input ends.
pub fn main(arguments: &[String]) -> Result<()> {
    let [address, path, count] = arguments else {
        panic!("address, path, connections");
    };
    let count = count.parse().unwrap();
    let start = Instant::now();
    let open = client::connect(address.parse().unwrap(), path, count)?;
    println!("{}", open.len() as f64 / start.elapsed().as_secs_f64());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
