//! Long messages: one of 16 KiB to 16 MiB, binary or ASCII, echoed through memory. A few on each
//! connection, so that a peer that keeps its buffers gains by it.

use crate::memory::{Input, PEERS, Peer, echo_times};
use crate::table::{Report, number, ratio, row};
use crate::wire::{WHOLE_BINARY, WHOLE_TEXT, masked_frame, plain_frame};

const SIZES: [(&str, usize); 4] = [
    ("16 KiB", 16 << 10),
    ("64 KiB", 64 << 10),
    ("1 MiB", 1 << 20),
    ("16 MiB", 16 << 20),
];

pub fn run(report: &mut Report, quick: bool) {
    let rounds = if quick { 3 } else { 15 };
    report.heading(&format!(
        "long: one message echoed through memory, µs a message, median of {rounds} rounds"
    ));
    let kinds = [("binary", WHOLE_BINARY), ("ASCII", WHOLE_TEXT)];
    let columns = kinds.iter().flat_map(|(kind, first_byte)| {
        SIZES.map(|(name, size)| (format!("{kind} {name}"), input(*first_byte, size)))
    });
    let (names, inputs): (Vec<String>, Vec<Input>) = columns.unzip();
    let peers: Vec<&Peer> = PEERS.iter().collect();
    let times = echo_times(&peers, inputs, rounds);
    print(report, &names, &times);
}

/// One peer alone, for a profiler: `echo NAME binary|ASCII SIZE COUNT ROUNDS`. `COUNT` messages are
/// on one connection. It prints the nanoseconds for a message.
pub fn echo_again(arguments: &[String]) {
    let [name, kind, size, count, rounds] = arguments else {
        panic!("name, kind, size, count, rounds");
    };
    let first_byte = if kind == "binary" {
        WHOLE_BINARY
    } else {
        WHOLE_TEXT
    };
    let peers = PEERS
        .iter()
        .filter(|peer| peer.name.starts_with(name.as_str()));
    let mut input = input(first_byte, size.parse().unwrap());
    input.count = count.parse().unwrap();
    let times = echo_times(
        &peers.collect::<Vec<_>>(),
        vec![input],
        rounds.parse().unwrap(),
    );
    println!("{times:?}");
}

fn input(first_byte: u8, size: usize) -> Input {
    let payload: Vec<u8> = match first_byte {
        WHOLE_TEXT => (b'a'..=b'z').cycle().take(size).collect(),
        _ => (0..=u8::MAX).cycle().take(size).collect(),
    };
    Input {
        x: size as f64,
        // Messages of 4 MiB in all, and four at least.
        count: ((4 << 20) / size).max(4),
        message: masked_frame(first_byte, &payload),
        answer: plain_frame(first_byte, &payload),
    }
}

/// Nanoseconds, of each peer, in each column.
fn print(report: &mut Report, names: &[String], times: &[Vec<f64>]) {
    let [ours, peers @ .., floor] = times else {
        unreachable!("ours, the peers, the floor");
    };
    let best = (0..names.len()).map(|column| {
        let peers = peers.iter().map(|times| times[column]);
        ratio(ours[column], peers.fold(f64::INFINITY, f64::min))
    });
    let mut rows = vec![row("", names), row("rfc6455 / best peer", best)];
    let floor = ours.iter().zip(floor);
    rows.push(row(
        "rfc6455 / floor",
        floor.map(|(ours, floor)| ratio(*ours, *floor)),
    ));
    rows.push(Vec::new());
    for (peer, times) in PEERS.iter().zip(times) {
        rows.push(row(peer.name, times.iter().map(|time| number(time / 1e3))));
    }
    report.table(&rows);
}
