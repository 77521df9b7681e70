//! How long clients wait that come all at once: from `connect` to the answer of the handshake.

use crate::live::client;
use crate::live::server::{Kind, Server, again};
use crate::table::{Report, median, number, row};
use std::io::Result;
use std::net::SocketAddr;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

const SERVERS: [Kind; 3] = [Kind::Ours, Kind::Tungstenite, Kind::Floor];
const CONNECTS: usize = 1_000;

pub fn run(report: &mut Report, quick: bool) {
    let rounds = if quick { 2 } else { 20 };
    report.heading(&format!(
        "burst: {CONNECTS} connects at once, {rounds} rounds; a second is a lost packet"
    ));
    let mut all = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        for (kind, results) in SERVERS.into_iter().zip(&mut all) {
            results.push(measure(kind));
        }
    }
    let mut table = vec![row(
        "",
        ["median ms", "99 % ms", "longest ms", "rounds with 1 s"],
    )];
    for (name, results) in ["rfc6455", "tungstenite 0.30", "floor: a thread that reads"]
        .iter()
        .zip(all)
    {
        let column = |i: usize| results.iter().map(|times: &[f64; 3]| times[i]).collect();
        let late = results.iter().filter(|times| times[2] >= 1000.0).count();
        let mut cells = [0, 1, 2].map(|i| number(median(column(i)))).to_vec();
        cells.push(format!("{late} of {rounds}"));
        table.push(row(name, cells));
    }
    report.table(&table);
}

/// The median, the 99th percentile and the longest time of one burst, in milliseconds. The clients
/// are another process, and the server is a new one.
fn measure(kind: Kind) -> [f64; 3] {
    let server = Server::start(kind);
    let arguments = [server.address.to_string(), kind.path(128)];
    let output = again("burst-clients", &arguments).output();
    let output = output.expect("the clients can be started");
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = line.split_whitespace().map(|n| n.parse().ok());
    [0; 3].map(|_| numbers.next().flatten().unwrap_or(f64::NAN))
}

/// The other end of `measure`: connects in as many threads, and prints the three numbers.
pub fn main(arguments: &[String]) -> Result<()> {
    let [address, path] = arguments else {
        panic!("address, path");
    };
    let address: SocketAddr = address.parse().unwrap();
    let together = Arc::new(Barrier::new(CONNECTS));
    let threads: Vec<_> = (0..CONNECTS)
        .map(|_| {
            let (together, path) = (Arc::clone(&together), path.clone());
            let one = move || -> Result<(Duration, _)> {
                together.wait();
                let started = Instant::now();
                let open = client::connect(address, &path, 1)?;
                Ok((started.elapsed(), open))
            };
            thread::Builder::new().stack_size(64 << 10).spawn(one)
        })
        .collect::<Result<_>>()?;
    let mut times = Vec::new();
    let mut open = Vec::new();
    for thread in threads {
        let (time, stream) = thread.join().expect("no thread panics")?;
        times.push(time.as_secs_f64() * 1000.0);
        open.push(stream);
    }
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    println!("{} {} {}", at(0.5), at(0.99), at(1.0));
    Ok(())
}
