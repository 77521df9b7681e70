//! rfc6455 beside its peers, all in one run, taking turns.
//!
//! ```text
//! cargo run --release [-- memory long text pieces observed deflate live compressed mask idle burst kept growth] [--quick]
//! ```

mod burst;
mod compressed;
mod deflate;
mod growth;
mod idle;
mod kept;
mod live;
mod long;
mod mask;
mod memory;
mod observed;
mod pieces;
mod plot;
mod table;
mod text;
mod wire;

use table::Report;

/// A table and what prints it.
type Table = (&'static str, fn(&mut Report, bool));

const TABLES: [Table; 13] = [
    ("memory", memory::run),
    ("long", long::run),
    ("text", text::run),
    ("pieces", pieces::run),
    ("observed", observed::run),
    ("deflate", deflate::run),
    ("live", live::run),
    ("compressed", compressed::run),
    ("mask", mask::run),
    ("idle", idle::run),
    ("burst", burst::run),
    ("kept", kept::run),
    ("growth", growth::run),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        // This program starts itself again as another process, for one of these parts.
        Some("serve") => live::server::main(&arguments[1]).expect("the server serves"),
        Some("load") => live::load::main(&arguments[1..]).expect("the load finds its server"),
        Some("idle-clients") => idle::main(&arguments[1..]).expect("the clients find their server"),
        Some("burst-clients") => burst::main(&arguments[1..]).expect("they find their server"),
        Some("kept-clients") => kept::main(&arguments[1..]).expect("the clients find their server"),
        // For a profiler.
        Some("echo") => long::echo_again(&arguments[1..]),
        _ => print_tables(&arguments),
    }
}

fn print_tables(arguments: &[String]) {
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let wanted: Vec<&String> = arguments.iter().filter(|a| *a != "--quick").collect();
    if let Some(unknown) = wanted
        .iter()
        .find(|w| !TABLES.iter().any(|(name, _)| name == *w))
    {
        eprintln!(
            "bench: no table {unknown}; there are {:?}",
            TABLES.map(|(name, _)| name)
        );
        std::process::exit(2);
    }
    let full = wanted.is_empty();
    let wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| *w == name);
    // Build first. If that fails, the user knows it at once, and not after twenty minutes.
    if ["live", "compressed", "idle", "burst", "kept", "growth"]
        .into_iter()
        .any(wanted)
    {
        live::server::prepare();
    }
    // Only a full run is kept.
    let mut report = match full && !quick {
        true => Report::to_console_and("last.txt"),
        false => Report::to_console(),
    };
    report.line(machine());
    for (name, run) in TABLES {
        if wanted(name) {
            run(&mut report, quick);
        }
    }
}

/// The machine that measured, and how busy it was before.
fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("unknown");
    let model = model.trim_start_matches([' ', '\t', ':']);
    format!("{model}, {cores} cores; load average before: {load}")
}
