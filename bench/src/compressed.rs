//! Echo over loopback with permessage-deflate: ours beside sockudo-ws, taking turns.
//!
//! Both at level 6, each message from an empty window. The load sends one compressed message of
//! JSON again and again, and counts the compressed answers.

use crate::live::load::{self, Load};
use crate::live::server::{Kind, Server};
use crate::table::{Report, median, number, ratio, row};
use std::time::Duration;

const SERVERS: [Kind; 2] = [Kind::OursCompressed, Kind::SockudoWsCompressed];

/// Connections, bytes of the message before it is compressed, messages in flight.
const ROWS: [(usize, usize, usize); 5] = [
    (10, 100, 32),
    (10, 300, 1),
    (10, 300, 32),
    (10, 2048, 32),
    (2, 65536, 4),
];

pub fn run(report: &mut Report, quick: bool) {
    let (rounds, time) = if quick { (2, 400) } else { (5, 1000) };
    report.heading(&format!(
        "compressed: echo of JSON over loopback, {rounds} rounds of {time} ms each, median"
    ));
    let servers = SERVERS.map(Server::start);
    let mut rows = vec![row(
        "connections \u{d7} payload \u{d7} in flight",
        ["messages/s", "/ sockudo-ws", "processor ns", "/ sockudo-ws"].map(str::to_owned),
    )];
    for (connections, payload, in_flight) in ROWS {
        let load = Load {
            connections,
            payload,
            in_flight,
            time: Duration::from_millis(time),
        };
        let mut all = [const { Vec::new() }; SERVERS.len()];
        for _ in 0..rounds {
            for (server, outcomes) in servers.iter().zip(&mut all) {
                outcomes.push(load::spawn(server, &load));
            }
        }
        let [ours, theirs] = all.map(|outcomes| {
            (
                median(outcomes.iter().map(|o| o.per_second).collect()),
                median(outcomes.iter().map(|o| o.cpu).collect()),
            )
        });
        rows.push(row(
            format!("{connections}\u{d7}{payload}\u{d7}{in_flight}"),
            [
                number(ours.0),
                ratio(ours.0, theirs.0),
                number(ours.1),
                ratio(ours.1, theirs.1),
            ],
        ));
    }
    report.table(&rows);
}
