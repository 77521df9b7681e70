//! What an observer costs the connection that it looks at: an echo through memory, with and
//! without. The events are made and dropped; to print them is not counted.

use crate::memory::{Echo, Memory, take_turns, timed};
use crate::table::{Report, number, ratio, row};
use crate::wire::{WHOLE_TEXT, masked_frame};
use rfc6455::trace::{Agreement, Observer, Traced};
use rfc6455::{Config, Role, Stream, Untimed, WebSocket};
use std::hint::black_box;
use std::io::{Read, Result, Write};
use std::time::Duration;

/// Bytes of a message, and how many messages a read gives.
const LOADS: [(usize, Reads); 5] = [
    (14, Reads::One),
    (14, Reads::Many),
    (1 << 10, Reads::One),
    (1 << 10, Reads::Many),
    (64 << 10, Reads::One),
];

#[derive(Clone, Copy)]
enum Reads {
    /// A read ends with a message, as if the client waited for each answer.
    One,
    /// A read takes as much as it has room for.
    Many,
}

pub fn run(report: &mut Report, quick: bool) {
    let rounds = if quick { 3 } else { 31 };
    report.heading(&format!(
        "observed: an echo through memory, ns a message, median of {rounds} rounds"
    ));
    let names = LOADS.map(|(size, reads)| match reads {
        Reads::One => format!("{size} B, one a read"),
        Reads::Many => format!("{size} B"),
    });
    let times = LOADS.map(|(size, reads)| measure(size, reads, rounds));
    report.table(&[
        row("", names),
        row(
            "observed / alone",
            times.map(|[alone, observed]| ratio(observed, alone)),
        ),
        row("alone", times.map(|[alone, _]| number(alone))),
        row("observed", times.map(|[_, observed]| number(observed))),
    ]);
}

fn measure(size: usize, reads: Reads, rounds: usize) -> [f64; 2] {
    let frame = masked_frame(WHOLE_TEXT, "a".repeat(size).as_bytes());
    let count = ((8 << 20) / size).min(50_000);
    let wire = frame.repeat(count);
    let most = match reads {
        Reads::One => frame.len(),
        Reads::Many => usize::MAX,
    };
    let alone = |output: &mut Vec<u8>| echo(Untimed(Pieces::new(&wire, output, most)), count);
    let observed = |output: &mut Vec<u8>| {
        let mut traced = Traced::new(Untimed(Pieces::new(&wire, output, most)), Role::Server);
        let agreement = Agreement::Of(Vec::new());
        traced.watch(Observer::frames_only(agreement), |event| {
            drop(black_box(event))
        });
        echo(traced, count)
    };
    let echoes: [Echo; 2] = [&alone, &observed];
    let times = take_turns(&echoes, rounds);
    [times[0] / count as f64, times[1] / count as f64]
}

fn echo(stream: impl Stream, count: usize) -> Duration {
    let config = Config::default();
    let mut socket = WebSocket::after_handshake(stream, Role::Server, &[], &config).unwrap();
    timed(|| {
        for _ in 0..count {
            let (message, writer) = socket.read_with_writer().unwrap().unwrap();
            writer.write(message).unwrap();
        }
        socket.flush().unwrap();
    })
}

/// Memory of which a read takes so many bytes at most.
struct Pieces<'a>(Memory<'a>, usize);

impl<'a> Pieces<'a> {
    fn new(input: &'a [u8], output: &'a mut Vec<u8>, most: usize) -> Pieces<'a> {
        Pieces(Memory { input, output }, most)
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        let most = room.len().min(self.1);
        self.0.read(&mut room[..most])
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }
}
