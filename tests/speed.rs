//! The tables of `docs/speed.md` are those of the last full run of `bench/`.
//!
//! The package on crates.io leaves out `bench/`, and with it this test.

use std::fs;
use std::path::Path;

const SPEED: &str = include_str!("../docs/speed.md");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_tables_of_speed_are_those_of_the_last_full_run() {
    let mut lines = tables_of_speed();
    lines.retain(|line| !SPEED.contains(line));
    assert!(
        lines.is_empty(),
        "docs/speed.md lacks\n{}",
        lines.join("\n")
    );
}

/// Lines of Markdown, from the tables in `bench/results/last.txt`. The test takes the names of the
/// competitors from that file, so a new one needs its place in `docs/speed.md`.
fn tables_of_speed() -> Vec<String> {
    let results = fs::read_to_string(Path::new(ROOT).join("bench/results/last.txt")).unwrap();
    let line = |cells: &[&str]| format!("| {} |", cells.join(" | "));

    let live = rows_of(&results, "live");
    let row = |start: &str| {
        let row = live.iter().find(|row| row[0] == start);
        row.unwrap_or_else(|| panic!("no row {start}"))
    };
    let loads = row("connections × payload × in flight");
    let of_the_floor = row("messages/s: rfc6455 / floor");
    let servers = live.iter().filter(|row| {
        let server = row[0].strip_prefix("messages/s: ");
        server.is_some_and(|server| !server.contains(" / "))
    });
    let servers: Vec<&Vec<&str>> = servers.collect();
    assert!(servers.len() >= 6, "{servers:#?}");
    let mut lines: Vec<String> = (1..loads.len())
        .map(|load| {
            let mut cells = vec![loads[load], of_the_floor[load]];
            cells.extend(servers.iter().map(|server| server[load]));
            line(&cells)
        })
        .collect();
    for (table, least) in [("memory", 8), ("long", 8), ("idle", 3)] {
        let rows = rows_of(&results, table);
        // The first row has no name: its cells are the names of the columns.
        let values = rows.iter().skip(1).filter(|row| !row[0].contains(" / "));
        let values: Vec<String> = values.map(|row| line(row)).collect();
        assert!(values.len() >= least, "{table}: {values:#?}");
        lines.extend(values);
    }
    lines
}

/// The rows of the first table that `bench` calls by this name, cell by cell.
fn rows_of<'a>(results: &'a str, table: &str) -> Vec<Vec<&'a str>> {
    let mut lines = results.lines();
    let heading = format!("{table}: ");
    lines.find(|line| line.starts_with(&heading));
    // Below the heading is a rule. The rows end before the next heading.
    let rows = lines.skip(1).take_while(|line| !is_heading(line));
    // Cells are two spaces apart or more; within one is a space between thousands.
    let cells = rows.map(|line| line.split("  ").map(str::trim).filter(|c| !c.is_empty()));
    let rows = cells.map(Iterator::collect::<Vec<_>>);
    rows.filter(|row| !row.is_empty()).collect()
}

/// Such as `idle: 10000 connections open and silent`. A row has a colon, too, but also cells.
fn is_heading(line: &str) -> bool {
    let name = line.split_once(": ").map(|(name, _)| name);
    name.is_some_and(|name| name.chars().all(|c| c.is_ascii_lowercase())) && !line.contains("  ")
}
