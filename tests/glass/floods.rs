//! What a watched connection costs when it sends more than its page can show, beside one that
//! nobody watches.

use crate::programs::{PATIENCE, ServerProgram, opening_handshake};
use crate::support::{OTHER, TOKEN, go, note, open, report, server};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

/// How many bytes each connection of a flood sends.
const SENT: usize = 2 << 20;
/// The key of every frame. All zeros, so that a masked payload is the payload.
const KEY: [u8; 4] = [0; 4];
/// A Ping with the payload "!", and the Pong that answers it: the last answer of a flood.
const LAST: [u8; 7] = [0x89, 0x81, 0, 0, 0, 0, b'!'];
const LAST_ANSWER: [u8; 3] = [0x8a, 1, b'!'];

/// A flood: what one connection sends, and what the echo must answer.
struct Flood {
    frames: u64,
    sent: Vec<u8>,
    answer: Vec<u8>,
}

impl Flood {
    /// As many copies of a masked frame as fill [`SENT`] bytes, and a Ping.
    fn of(first: u8, payload: &[u8], is_answered: bool) -> Flood {
        let length = payload.len() as u8;
        let frame = [&[first, 0x80 | length], &KEY[..], payload].concat();
        let echo = [&[first, length], payload].concat();
        let count = SENT / frame.len();
        let answers = if is_answered { count } else { 0 };
        Flood {
            frames: count as u64,
            sent: [frame.repeat(count), LAST.to_vec()].concat(),
            answer: [echo.repeat(answers), LAST_ANSWER.to_vec()].concat(),
        }
    }

    fn of_pongs() -> Flood {
        Flood::of(0x8a, b"", false)
    }

    fn of_small_messages() -> Flood {
        Flood::of(0x81, b"a text of some length", true)
    }
}

/// What a flood cost.
struct Cost {
    /// From the first byte to the last answer.
    time: Duration,
    /// The server's time on the processors, in hundredths of a second.
    processor: u64,
    /// The most memory that the server had, in KiB.
    resident: u64,
    /// How long a newcomer waited for the echo of its first message, at most.
    newcomer: Duration,
}

/// The most memory that the server has had, in KiB.
fn resident(server: &ServerProgram) -> u64 {
    let path = format!("/proc/{}/status", server.program.process.id());
    let status = fs::read_to_string(path).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

/// The server's time on the processors, in hundredths of a second.
fn processor(server: &ServerProgram) -> u64 {
    let path = format!("/proc/{}/stat", server.program.process.id());
    let stat = fs::read_to_string(path).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    // Fields 14 and 15 of proc_pid_stat(5): utime and stime. The first one here is field 3.
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// Reads a report to its end and drops it.
fn drain(mut report: TcpStream) {
    let mut room = vec![0; 1 << 16];
    while report.read(&mut room).is_ok_and(|count| count > 0) {}
}

/// Sends the flood and reads the answers at the same time.
fn pour(mut stream: TcpStream, flood: &Flood) {
    thread::scope(|scope| {
        let mut reader = stream.try_clone().unwrap();
        scope.spawn(move || {
            let mut answer = vec![0; flood.answer.len()];
            reader.read_exact(&mut answer).unwrap();
            assert!(answer == flood.answer, "the echo has changed");
        });
        stream.write_all(&flood.sent).unwrap();
    });
}

/// `count` connections pour at the same time. If they are watched, each has a page that reads its
/// report as fast as it can.
fn pour_all(count: usize, watched: bool, flood: &Flood) -> Cost {
    let server = server();
    let token = |i: usize| format!("{i:032x}");
    let mut streams = Vec::new();
    for i in 0..count {
        if watched {
            let report = server.open_by_hand(&format!("/glass/report?token={}", token(i)));
            thread::spawn(|| drain(report));
            streams.push(server.open_by_hand(&format!("/echo?glass={}", token(i))));
        } else {
            streams.push(server.open_by_hand("/echo"));
        }
    }
    let before = processor(&server);
    let start = Instant::now();
    let mut newcomer = Duration::ZERO;
    thread::scope(|scope| {
        let threads: Vec<_> = streams
            .into_iter()
            .map(|stream| scope.spawn(move || pour(stream, flood)))
            .collect();
        while threads.iter().any(|thread| !thread.is_finished()) {
            newcomer = newcomer.max(greet(&server));
            thread::sleep(Duration::from_millis(5));
        }
    });
    let time = start.elapsed();
    // What is left of the reports costs, too.
    thread::sleep(Duration::from_millis(500));
    Cost {
        time,
        processor: processor(&server) - before,
        resident: resident(&server),
        newcomer,
    }
}

/// A newcomer connects and waits for one Pong.
fn greet(server: &ServerProgram) -> Duration {
    let start = Instant::now();
    let mut stream = server.connect();
    stream
        .write_all(opening_handshake("/echo").as_bytes())
        .unwrap();
    stream.write_all(&LAST).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(&LAST_ANSWER) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
        assert!(start.elapsed() < PATIENCE);
    }
    start.elapsed()
}

#[test]
fn the_page_of_a_flood_is_told_how_many_frames_it_does_not_see() {
    let server = server();
    for (token, flood, answers) in [
        (TOKEN, Flood::of_pongs(), false),
        (OTHER, Flood::of_small_messages(), true),
    ] {
        let mut report = report(&server, token);
        pour(server.open_by_hand(&format!("/echo?glass={token}")), &flood);
        let (mut shown, mut missed) = (0, 0);
        while let Some(note) = note(&mut report) {
            match note["is"].as_str().unwrap() {
                "frame" => shown += 1,
                "missed" => {
                    missed += note["frames"].as_u64().unwrap();
                    let meaning = note["meaning"].as_str().unwrap();
                    assert!(meaning.contains("not shown"), "{meaning}");
                }
                _ => {}
            }
        }
        let sent = flood.frames * if answers { 2 } else { 1 };
        // And the Ping and its Pong.
        assert_eq!(shown + missed, sent + 2);
        // A note is far more work than such a frame.
        assert!(shown < sent / 4, "{shown} of {sent}");
    }
}

#[test]
fn a_watched_flood_takes_little_memory() {
    const COUNT: usize = 16;
    let flood = Flood::of_pongs();
    let alone = pour_all(COUNT, false, &flood).resident;
    let watched = pour_all(COUNT, true, &flood).resident;
    // Two more threads, the observer's two buffers and the queue: some 100 KiB.
    let each = watched.saturating_sub(alone) / COUNT as u64;
    assert!(each < 384, "{each} KiB for each connection");
}

#[test]
#[ignore = "needs a quiet machine: it measures"]
fn a_watched_flood_costs_about_twice_one_that_nobody_watches() {
    for (name, flood) in [
        ("Pongs", Flood::of_pongs()),
        ("small messages", Flood::of_small_messages()),
    ] {
        let costs = [false, true].map(|watched| pour_all(128, watched, &flood));
        let [alone, watched] = &costs;
        for Cost {
            time,
            processor,
            resident,
            newcomer,
        } in &costs
        {
            println!(
                "128 x 2 MiB of {name}: {time:?}, of the processors {processor} cs, \
                 {resident} KiB, a newcomer {newcomer:?}"
            );
        }
        // The goal is twice. The rest is room for what else the machine does.
        let most = 4 * alone.processor.max(20);
        assert!(watched.processor <= most, "{name}");
    }
}

#[test]
#[ignore = "needs Chromium (apt-get install chromium)"]
fn the_page_says_how_many_frames_it_does_not_show_and_goes_on() {
    let server = server();
    let mut page = open(&server, 1280, 900);
    go(&mut page, "/echo");
    page.evaluate("for (let i = 0; i < 20000; i++) current.socket.send('x'); 0");
    let said = page.wait("the words about the rest", |page| {
        let said = page.evaluate(
            "[...document.querySelectorAll('#frames .event')].map(e => e.textContent).join(' ')",
        );
        let said = said.as_str().unwrap().to_owned();
        said.contains("not shown").then_some(said)
    });
    assert!(
        said.contains(" frames not shown: more came at once than"),
        "{said}"
    );
    assert_eq!(page.text("#ready"), "OPEN");
}
