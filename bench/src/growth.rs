//! How cost grows: with the size of a message, with the number of its fragments, with the number
//! of connections.

use crate::live::SERVERS;
use crate::live::load::Load;
use crate::live::server::Server;
use crate::memory::{Input, PEERS, Peer, echo_times};
use crate::plot::{Curve, Plot};
use crate::table::{Report, number, ratio, row};
use crate::wire::{FIRST_OF_TEXT, LAST, MIDDLE, WHOLE_TEXT, masked_frame, plain_text};
use std::time::Duration;

pub fn run(report: &mut Report, quick: bool) {
    let rounds = if quick { 2 } else { 9 };
    by_size(report, rounds);
    by_fragments(report, rounds);
    by_connections(report, quick);
}

/// One message of 16 B to 16 MiB, echoed through memory.
fn by_size(report: &mut Report, rounds: usize) {
    report.heading("growth: one message echoed through memory, ns a byte by its size in bytes");
    let sizes: Vec<usize> = (0..=10).map(|power| 16 << (2 * power)).collect();
    let peers: Vec<&Peer> = PEERS.iter().collect();
    let inputs = sizes.iter().map(|&size| {
        let text = "x".repeat(size);
        Input {
            x: size as f64,
            // Messages of 4 MiB in all. Less would be too short for the clock.
            count: ((4 << 20) / size).clamp(1, 20_000),
            message: masked_frame(WHOLE_TEXT, text.as_bytes()),
            answer: plain_text(text.as_bytes()),
        }
    });
    let total = curves(&peers, inputs.collect(), rounds);
    let each: Vec<Curve> = total
        .iter()
        .map(|curve| Curve {
            name: curve.name.clone(),
            points: curve.points.iter().map(|(x, y)| (*x, y / x)).collect(),
        })
        .collect();
    print(report, "bytes", &each, f64::min);
    report.line("");
    report.line("µs a message");
    print_values(report, "bytes", &scaled(&total, 1e-3));
    save(
        "size-per-byte",
        "Echo through memory: one message",
        "bytes a message",
        "ns a byte",
        &each,
    );
    save(
        "size-total",
        "Echo through memory: one message",
        "bytes a message",
        "ns a message",
        &total,
    );
}

/// One message in 1 to 10 000 fragments: 1 MiB in all, and then one byte in each fragment.
fn by_fragments(report: &mut Report, rounds: usize) {
    let peers: Vec<&Peer> = PEERS.iter().filter(|peer| peer.joins_fragments).collect();
    let numbers = [1, 10, 100, 1_000, 10_000];
    let whole = "x".repeat(1 << 20);
    for (file, what, bytes) in [
        ("fragments-1mib", "1 MiB in all", None),
        ("fragments-1b", "1 byte each", Some(1)),
    ] {
        let title = format!("a message in fragments, {what}");
        report.heading(&format!("growth: {title}, µs a message by their number"));
        let inputs = numbers.map(|number| {
            let text = &whole.as_bytes()[..bytes.map_or(whole.len(), |b| b * number)];
            Input {
                x: number as f64,
                count: bytes.map_or(2, |_| (20_000 / number).max(2)),
                message: fragments(text, number),
                answer: plain_text(text),
            }
        });
        let each = scaled(&curves(&peers, inputs.into(), rounds), 1e-3);
        print(report, "fragments", &each, f64::min);
        let title = format!("Echo through memory: {title}");
        save(file, &title, "fragments a message", "µs a message", &each);
    }
}

/// An echo of 128 B, one in flight, on 1 to 10 000 live connections.
fn by_connections(report: &mut Report, quick: bool) {
    report.heading("growth: echo of 128 B over loopback, messages/s in all by connections");
    let (rounds, time) = if quick { (1, 300) } else { (3, 1000) };
    let servers = SERVERS.map(Server::start);
    let mut curves = SERVERS.map(|kind| Curve {
        name: kind.name().to_owned(),
        points: Vec::new(),
    });
    for connections in [1, 10, 100, 1_000, 10_000] {
        let load = Load {
            connections,
            payload: 128,
            in_flight: 1,
            time: Duration::from_millis(time),
        };
        let outcomes = crate::live::measure(&servers, &load, rounds);
        for (curve, outcome) in curves.iter_mut().zip(outcomes) {
            curve.points.push((connections as f64, outcome.per_second));
        }
    }
    print(report, "connections", &curves, f64::max);
    save(
        "connections",
        "Echo of 128 B over loopback, one in flight a connection",
        "connections",
        "messages/s in all",
        &curves,
    );
}

/// A text in `number` fragments of nearly equal size.
fn fragments(text: &[u8], number: usize) -> Vec<u8> {
    let cut = |fragment: usize| text.len() * fragment / number;
    let frames = (0..number).map(|fragment| {
        let first_byte = match fragment {
            0 if number == 1 => WHOLE_TEXT,
            0 => FIRST_OF_TEXT,
            _ if fragment == number - 1 => LAST,
            _ => MIDDLE,
        };
        masked_frame(first_byte, &text[cut(fragment)..cut(fragment + 1)])
    });
    frames.collect::<Vec<_>>().concat()
}

/// Nanoseconds for a message: a curve for each peer, a point for each input.
fn curves(peers: &[&Peer], inputs: Vec<Input>, rounds: usize) -> Vec<Curve> {
    let xs: Vec<f64> = inputs.iter().map(|input| input.x).collect();
    let times = echo_times(peers, inputs, rounds);
    let curve = |(peer, times): (&&Peer, Vec<f64>)| Curve {
        name: peer.name.to_owned(),
        points: xs.iter().copied().zip(times).collect(),
    };
    peers.iter().zip(times).map(curve).collect()
}

fn scaled(curves: &[Curve], by: f64) -> Vec<Curve> {
    let scale = |curve: &Curve| Curve {
        name: curve.name.clone(),
        points: curve.points.iter().map(|(x, y)| (*x, y * by)).collect(),
    };
    curves.iter().map(scale).collect()
}

/// The ratios first: our time, or our messages, beside that of each other library, at each point.
/// `better` takes the better one of two.
fn print(report: &mut Report, x: &str, curves: &[Curve], better: fn(f64, f64) -> f64) {
    let [ours, others @ ..] = curves else {
        unreachable!("ours and others");
    };
    let xs = ours.points.iter().map(|(x, _)| number(*x));
    let mut rows = vec![row(x, xs)];
    let points = ours.points.iter().enumerate();
    let best = points.map(|(point, (_, ours))| {
        let peers = others
            .iter()
            .filter(|other| !other.name.starts_with("floor"));
        let best = peers.map(|peer| peer.points[point].1).reduce(better);
        ratio(*ours, best.unwrap_or(f64::NAN))
    });
    rows.push(row("rfc6455 / best peer", best));
    for other in others {
        let pairs = ours.points.iter().zip(&other.points);
        let ratios = pairs.map(|((_, ours), (_, other))| ratio(*ours, *other));
        rows.push(row(format!("rfc6455 / {}", other.name), ratios));
    }
    report.table(&rows);
    report.line("");
    print_values(report, x, curves);
}

fn print_values(report: &mut Report, x: &str, curves: &[Curve]) {
    let xs = curves[0].points.iter().map(|(x, _)| number(*x));
    let mut rows = vec![row(x, xs)];
    for curve in curves {
        let cells = curve.points.iter().map(|(_, y)| number(*y));
        rows.push(row(&curve.name, cells));
    }
    report.table(&rows);
}

fn save(file: &str, title: &str, x: &str, y: &str, curves: &[Curve]) {
    let file = &format!("growth-{file}");
    Plot {
        file,
        title,
        x,
        y,
        curves,
    }
    .save();
}
