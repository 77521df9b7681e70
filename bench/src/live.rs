//! Echo over loopback: a load process of one thread against each server, taking turns.

pub mod client;
pub mod load;
pub mod server;

mod fastwebsockets;
mod floor;
mod handshake;
mod sockudo_ws;
mod tokio_websockets;
mod tungstenite;
mod wtx;
mod yawc;

use crate::plot::Bars;
use crate::table::{Report, median, number, ratio, row};
use load::{Load, Outcome};
use server::{Kind, Server};
use std::time::Duration;

/// Ours first, tungstenite second, the floor last.
pub const SERVERS: [Kind; 9] = [
    Kind::Ours,
    Kind::Tungstenite,
    Kind::Fastwebsockets,
    Kind::TokioWebsockets,
    Kind::SockudoWs,
    Kind::Wtx,
    Kind::Yawc,
    Kind::YawcBatched,
    Kind::Floor,
];

/// Connections, bytes of payload, messages in flight on each connection.
const ROWS: [(usize, usize, usize); 8] = [
    (10, 1024, 1),
    (100, 128, 1),
    (10, 64, 32),
    (10, 1024, 32),
    (1, 64, 256),
    (2, 65536, 4),
    (1, 1 << 20, 1),
    (4, 16 << 20, 1),
];

pub fn run(report: &mut Report, quick: bool) {
    let (rounds, time) = if quick { (2, 400) } else { (5, 1000) };
    report.heading(&format!(
        "live: echo over loopback, {rounds} rounds of {time} ms each, median"
    ));
    let servers = SERVERS.map(Server::start);
    let outcomes = ROWS.map(|(connections, payload, in_flight)| {
        let load = Load {
            connections,
            payload,
            in_flight,
            time: Duration::from_millis(time),
        };
        measure(&servers, &load, rounds)
    });
    print(report, &outcomes);
    draw(&outcomes);
}

/// One of each server.
pub type Outcomes = [Outcome; SERVERS.len()];

/// The medians of each server under this load.
pub fn measure<const N: usize>(servers: &[Server; N], load: &Load, rounds: usize) -> [Outcome; N] {
    let mut all = [const { Vec::new() }; N];
    for _ in 0..rounds {
        for (server, outcomes) in servers.iter().zip(&mut all) {
            outcomes.push(load::spawn(server, load));
        }
    }
    all.map(|outcomes| Outcome {
        per_second: median(outcomes.iter().map(|o| o.per_second).collect()),
        cpu: median(outcomes.iter().map(|o| o.cpu).collect()),
    })
}

fn print(report: &mut Report, outcomes: &[Outcomes]) {
    const FLOOR: usize = SERVERS.len() - 1;
    let mut rows = vec![row("connections × payload × in flight", ROWS.map(name))];
    let best = outcomes.iter().map(|[ours, peers @ .., _floor]| {
        let peers = peers.iter().map(|peer| peer.per_second);
        ratio(ours.per_second, peers.fold(0.0, f64::max))
    });
    rows.push(row("messages/s: rfc6455 / best peer", best));
    for other in std::iter::once(FLOOR).chain(1..FLOOR) {
        let title = format!("messages/s: rfc6455 / {}", SERVERS[other].name());
        let ratios = outcomes
            .iter()
            .map(|o| ratio(o[0].per_second, o[other].per_second));
        rows.push(row(title, ratios));
    }
    for other in [FLOOR, 1] {
        let title = format!("processor time: rfc6455 / {}", SERVERS[other].name());
        let ratios = outcomes.iter().map(|o| ratio(o[0].cpu, o[other].cpu));
        rows.push(row(title, ratios));
    }
    rows.push(Vec::new());
    for (server, kind) in SERVERS.iter().enumerate() {
        let cells = outcomes.iter().map(|o| number(o[server].per_second));
        rows.push(row(format!("messages/s: {}", kind.name()), cells));
    }
    rows.push(Vec::new());
    for (server, kind) in SERVERS.iter().enumerate() {
        let cells = outcomes.iter().map(|o| number(o[server].cpu));
        let title = format!("server's processor ns/message: {}", kind.name());
        rows.push(row(title, cells));
    }
    report.table(&rows);
}

/// The messages that each server echoes in a second, as a fraction of what the floor echoes.
fn draw(outcomes: &[Outcomes]) {
    let colors = SERVERS.iter().enumerate().map(|(server, kind)| {
        let parts = outcomes.iter().map(|outcomes| {
            let [.., floor] = outcomes;
            outcomes[server].per_second / floor.per_second
        });
        (kind.name().to_owned(), parts.collect())
    });
    let bars = Bars {
        file: "live",
        title: "Echo over loopback, messages/s: connections × bytes × messages in flight",
        y: "part of the floor",
        groups: &ROWS.map(name),
        colors: &colors.collect::<Vec<_>>(),
    };
    bars.save();
}

/// Bytes; from 1 MiB on in MiB.
fn size(bytes: usize) -> String {
    match bytes >> 20 {
        0 => bytes.to_string(),
        mib => format!("{mib} MiB"),
    }
}

pub fn name((connections, payload, in_flight): (usize, usize, usize)) -> String {
    format!("{connections}×{}×{in_flight}", size(payload))
}
