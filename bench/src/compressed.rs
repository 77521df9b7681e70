//! Echo over loopback with permessage-deflate: ours beside sockudo-ws, taking turns.
//!
//! Both at level 6, each message from an empty window. The load sends one compressed message of
//! JSON again and again, and counts the compressed answers.

use crate::live::load::Load;
use crate::live::server::{Kind, Server};
use crate::live::{measure, name};
use crate::table::{Report, number, ratio, row};
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
        let [ours, theirs] = measure(&servers, &load, rounds);
        rows.push(row(
            name((connections, payload, in_flight)),
            [
                number(ours.per_second),
                ratio(ours.per_second, theirs.per_second),
                number(ours.cpu),
                ratio(ours.cpu, theirs.cpu),
            ],
        ));
    }
    report.table(&rows);
}
