//! The workload that Rust's WebSocket crates quote, from the benchmark of `web-socket`: a client
//! sends 100 000 short texts into memory, a server reads and echoes them into other memory, the
//! client reads those.

mod fastwebsockets;
mod floor;
mod rfc6455;
mod sockudo_ws;
mod soketto;
mod stream;
mod tokio_websockets;
mod tungstenite;
mod web_socket;
mod wtx;
mod yawc;

pub use stream::Memory;

use crate::table::{Report, median, number, ratio, row};
use crate::wire::{WHOLE_TEXT, masked_frame, plain_text};
use std::time::{Duration, Instant};

const TEXT: &str = "Hello, World!\n";
const COUNT: usize = 100_000;

/// A library and how it does the three steps. Each returns the time of its messages alone: the
/// connection is opened before and dropped after.
pub struct Peer {
    pub name: &'static str,
    /// Whether its `echo` takes messages in fragments, too.
    pub joins_fragments: bool,
    /// A client sends this text `count` times, masked.
    pub send: fn(text: &str, count: usize, output: &mut Vec<u8>) -> Duration,
    /// A server reads `count` messages, text or binary, and sends each back.
    pub echo: fn(input: &[u8], count: usize, output: &mut Vec<u8>) -> Duration,
    /// A client reads `count` texts and checks that they are UTF-8.
    pub receive: fn(input: &[u8], count: usize) -> Duration,
}

/// Ours first, the floor last.
pub const PEERS: [Peer; 10] = [
    rfc6455::PEER,
    sockudo_ws::PEER,
    wtx::PEER,
    yawc::PEER,
    fastwebsockets::PEER,
    web_socket::PEER,
    tokio_websockets::PEER,
    tungstenite::PEER,
    soketto::PEER,
    floor::PEER,
];

pub fn run(report: &mut Report, quick: bool) {
    let rounds = if quick { 5 } else { 31 };
    report.heading(&format!(
        "memory: {COUNT} × {TEXT:?} through memory, ns a message, median of {rounds} rounds"
    ));
    print(report, &measure(rounds));
}

/// Nanoseconds for a message, for each peer: send, echo, receive and the sum.
fn measure(rounds: usize) -> Vec<[f64; 4]> {
    let mut times = vec![[const { Vec::new() }; 4]; PEERS.len()];
    let mut buffers = (Vec::new(), Vec::new());
    // One more round, to warm up.
    for round in 0..=rounds {
        for (peer, times) in PEERS.iter().zip(&mut times) {
            let steps = one_round(peer, &mut buffers);
            if round > 0 {
                let sum: f64 = steps.iter().sum();
                let [send, echo, receive] = steps;
                for (times, step) in times.iter_mut().zip([send, echo, receive, sum]) {
                    times.push(step / COUNT as f64);
                }
            }
        }
    }
    let medians = times.into_iter().map(|steps| steps.map(median));
    medians.collect()
}

/// All rounds use the same buffers, so that no round pays for new memory.
fn one_round(peer: &Peer, (requests, answers): &mut (Vec<u8>, Vec<u8>)) -> [f64; 3] {
    requests.clear();
    let send = (peer.send)(TEXT, COUNT, requests);
    let frame = masked_frame(WHOLE_TEXT, TEXT.as_bytes());
    // What follows the messages is the Close of a connection that was dropped.
    requests.truncate(COUNT * frame.len());

    answers.clear();
    let echo = (peer.echo)(requests, COUNT, answers);
    let answer = plain_text(TEXT.as_bytes());
    answers.truncate(COUNT * answer.len());
    let right = |frame: &[u8]| peer.name == floor::PEER.name || frame == answer;
    assert!(
        answers
            .chunks_exact(answer.len())
            .filter(|a| right(a))
            .count()
            == COUNT
    );

    let receive = (peer.receive)(answers, COUNT);
    [send, echo, receive].map(|time| time.as_nanos() as f64)
}

fn print(report: &mut Report, times: &[[f64; 4]]) {
    let [ours, peers @ .., floor] = times else {
        unreachable!("ours, the peers, the floor");
    };
    let step = |step: usize| peers.iter().map(move |times| times[step]);
    let best = [0, 1, 2, 3].map(|s| step(s).fold(f64::INFINITY, f64::min));
    let ratios = |to: &[f64; 4]| [0, 1, 2, 3].map(|s| ratio(ours[s], to[s]));

    let mut rows = vec![row("", ["send", "echo", "receive", "sum"])];
    rows.push(row("rfc6455 / best peer of the column", ratios(&best)));
    rows.push(row("rfc6455 / floor", ratios(floor)));
    rows.push(Vec::new());
    for (peer, times) in PEERS.iter().zip(times) {
        rows.push(row(peer.name, times.map(number)));
    }
    report.table(&rows);
}

/// A message as it is on the wire, how often it is sent, and the echo that must come.
pub struct Input {
    /// Where a plot has it.
    pub x: f64,
    pub count: usize,
    pub message: Vec<u8>,
    pub answer: Vec<u8>,
}

/// Nanoseconds for a message, for each peer and each input. The peers take turns.
pub fn echo_times(peers: &[&Peer], inputs: Vec<Input>, rounds: usize) -> Vec<Vec<f64>> {
    let mut times = vec![Vec::new(); peers.len()];
    for input in inputs {
        let wire = input.message.repeat(input.count);
        let echoes: Vec<_> = peers.iter().map(|peer| echo(peer, &wire, &input)).collect();
        let echoes: Vec<Echo> = echoes.iter().map(|echo| echo as Echo).collect();
        for (times, time) in times.iter_mut().zip(take_turns(&echoes, rounds)) {
            times.push(time / input.count as f64);
        }
    }
    times
}

/// Writes all answers to this memory, and says how long it took.
pub type Echo<'a> = &'a dyn Fn(&mut Vec<u8>) -> Duration;

/// One round of this peer. The answers are checked, and the check is not counted.
pub fn echo(peer: &Peer, wire: &[u8], input: &Input) -> impl Fn(&mut Vec<u8>) -> Duration {
    |output| {
        let time = (peer.echo)(wire, input.count, output);
        let answers = output.chunks_exact(input.answer.len()).take(input.count);
        let right = |answer: &[u8]| peer.name == floor::PEER.name || answer == input.answer;
        assert!(
            answers.filter(|answer| right(answer)).count() == input.count,
            "{} does not echo",
            peer.name
        );
        time
    }
}

/// The median of the nanoseconds that each takes. They use the same memory, so that no round pays
/// for new memory.
pub fn take_turns(echoes: &[Echo], rounds: usize) -> Vec<f64> {
    let mut output = Vec::new();
    let mut times = vec![Vec::new(); echoes.len()];
    // One more round, to warm up.
    for round in 0..=rounds {
        for (echo, times) in echoes.iter().zip(&mut times) {
            output.clear();
            let time = echo(&mut output);
            if round > 0 {
                times.push(time.as_nanos() as f64);
            }
        }
    }
    times.into_iter().map(median).collect()
}

/// How long it takes.
pub fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// How long it takes without a runtime: the memory is always ready, so that nothing ever waits.
fn timed_async(work: impl Future<Output = ()>) -> Duration {
    timed(|| futures::executor::block_on(work))
}
