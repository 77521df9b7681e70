//! The house holds: a room uses only rooms above it in the README's reading table, and a file uses
//! only files before it. So the README's order is one in which a person can read the library.
//!
//! The table is the only list of the order. This test reads it from `README.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const README: &str = include_str!("../README.md");

/// The first line of the reading table.
const HEADER: &str = "| room | RFC 6455 | files, in reading order | what it offers |";

/// The row behind which sockets are allowed.
const LINE: &str = "no sockets above this line";

/// Rooms that do not know each other, whatever their order.
const STRANGERS: [[&str; 2]; 8] = [
    ["framing", "opening"],
    ["client", "server"],
    ["client", "trace"],
    ["server", "trace"],
    ["connection", "judge"],
    ["client", "judge"],
    ["server", "judge"],
    ["trace", "judge"],
];

/// All that `trace/` may use of `connection/`: what a stream is, and the names of the four states.
const OF_CONNECTION_FOR_TRACE: [&str; 2] = ["stream", "state"];

/// A row of the reading table.
#[derive(Debug, PartialEq)]
struct Room<'a> {
    /// The name of the folder. It is empty for files of `src/` itself.
    name: &'a str,
    files: Vec<&'a str>,
    may_use_sockets: bool,
}

/// Reads the table: its rows, from top to bottom.
fn rooms(readme: &str) -> Vec<Room<'_>> {
    let mut lines = readme.lines().skip_while(|line| line.trim() != HEADER);
    assert!(lines.next().is_some(), "no line {HEADER}");
    let mut rooms = Vec::new();
    let mut may_use_sockets = false;
    // The line behind the header has only dashes.
    for row in lines.skip(1).take_while(|line| line.starts_with('|')) {
        if row.contains(LINE) {
            may_use_sockets = true;
            continue;
        }
        let cells: Vec<&str> = row.split('|').collect();
        let [_, room, _, files, ..] = cells[..] else {
            panic!("a row of too few cells: {row}");
        };
        let folder = in_backticks(room).next();
        let folder = folder.unwrap_or_else(|| panic!("a row without a room: {row}"));
        rooms.push(Room {
            name: match folder.trim_end_matches('/') {
                "src" => "",
                name => name,
            },
            files: in_backticks(files).collect(),
            may_use_sockets,
        });
    }
    assert!(may_use_sockets, "no row \"{LINE}\"");
    rooms
}

fn in_backticks(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The code of the library by its path below `src/`, such as `framing/mask.rs`.
type Sources = BTreeMap<String, String>;

fn sources() -> Sources {
    fn collect(folder: &Path, prefix: &str, sources: &mut Sources) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let name = format!("{prefix}{name}");
            if path.is_dir() {
                // The programs use the library from outside.
                if name != "bin" {
                    collect(&path, &format!("{name}/"), sources);
                }
            } else if name != "lib.rs" {
                sources.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut all = Sources::new();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    collect(&src, "", &mut all);
    all
}

/// The lines of code, without comments and without the unit tests at the end of a file.
fn code(source: &str) -> impl Iterator<Item = &str> {
    let end = source.find("#[cfg(test)]\nmod tests {");
    let lines = source[..end.unwrap_or(source.len())].lines();
    lines.filter(|line| !line.trim_start().starts_with("//"))
}

/// Every path in code that starts with this word, such as `["framing", "Header"]` for
/// `crate::framing::Header`.
fn paths<'a>(source: &'a str, start: &str) -> Vec<Vec<&'a str>> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let behind = |line: &'a str| line.split(start).skip(1).collect::<Vec<_>>();
    let path = |rest: &'a str| {
        let end = rest.find(|c| !is_name(c) && c != ':');
        rest[..end.unwrap_or(rest.len())].split("::").collect()
    };
    code(source).flat_map(behind).map(path).collect()
}

/// What the check of a library found.
#[derive(Debug, Default)]
struct Findings {
    /// How many imports were checked.
    imports: usize,
    /// What is wrong, sentence by sentence.
    wrong: Vec<String>,
}

/// Checks sources against the reading table.
fn check(readme: &str, sources: &Sources) -> Findings {
    let rooms = rooms(readme);
    let mut found = Findings::default();
    check_listing(&rooms, sources, &mut found);
    for (path, source) in sources {
        let (room, file) = path.rsplit_once('/').unwrap_or(("", path));
        let file = file.trim_end_matches(".rs");
        let Some(at) = rooms.iter().position(|row| row.name == room) else {
            continue; // It is in no row, and that was said.
        };
        if !rooms[at].may_use_sockets && code(source).any(|line| line.contains("std::net")) {
            let wrong = format!("src/{path} uses std::net, and its room is above the line");
            found.wrong.push(wrong);
        }
        for import in paths(source, "crate::") {
            found.imports += 1;
            let wrong = wrong_import(&rooms, at, file, &import);
            let say = |why| format!("src/{path} uses crate::{}: {why}", import.join("::"));
            found.wrong.extend(wrong.map(say));
        }
        // A `mod.rs` declares its files and has no place among them.
        for import in paths(source, "super::").iter().filter(|_| file != "mod") {
            found.imports += 1;
            let wrong = wrong_neighbour(&rooms[at], file, import[0]);
            let say = |why| format!("src/{path} uses super::{}: {why}", import.join("::"));
            found.wrong.extend(wrong.map(say));
        }
    }
    found
}

/// Every file is in one row, and every name in a row is a file.
fn check_listing(rooms: &[Room], sources: &Sources, found: &mut Findings) {
    let mut listed = Vec::new();
    for room in rooms {
        let folder = match room.name {
            "" => String::new(),
            name => format!("{name}/"),
        };
        if !folder.is_empty() {
            listed.push(format!("{folder}mod.rs"));
        }
        listed.extend(room.files.iter().map(|file| format!("{folder}{file}.rs")));
    }
    for path in &listed {
        if !sources.contains_key(path) {
            let wrong = format!("the table names src/{path}, which is no file");
            found.wrong.push(wrong);
        }
        if listed.iter().filter(|other| *other == path).count() > 1 {
            let wrong = format!("the table names src/{path} twice");
            found.wrong.push(wrong);
        }
    }
    for path in sources.keys().filter(|path| !listed.contains(path)) {
        found.wrong.push(format!("src/{path} is in no row"));
    }
}

/// What is wrong with `use crate::…` in a file of the room in row `at`.
fn wrong_import(rooms: &[Room], at: usize, file: &str, import: &[&str]) -> Option<&'static str> {
    let here = &rooms[at];
    let [first, rest @ ..] = import else {
        return None;
    };
    // A file of `src/` itself, such as `crate::printable`.
    if let Some(row) = rooms
        .iter()
        .position(|room| room.name.is_empty() && room.files.contains(first))
    {
        return match row == at {
            true => wrong_neighbour(here, file, first),
            false => (row > at).then_some("it is not above this room"),
        };
    }
    let is_named = |room: &Room| !first.is_empty() && room.name == *first;
    let Some(row) = rooms.iter().position(is_named) else {
        return Some("name the room and one path a line, as in crate::framing::Header");
    };
    if row == at {
        return Some("in its own room a file names the other file, as in super::frame");
    }
    if row > at {
        return Some("that room is not above this one");
    }
    if STRANGERS
        .iter()
        .any(|pair| pair.contains(first) && pair.contains(&here.name))
    {
        return Some("these two rooms do not know each other");
    }
    if (here.name, *first) == ("trace", "connection")
        && !rest
            .first()
            .is_some_and(|file| OF_CONNECTION_FOR_TRACE.contains(file))
    {
        return Some("trace/ may use only crate::connection::stream and crate::connection::state");
    }
    None
}

/// What is wrong with the use of another file of the same room.
fn wrong_neighbour(room: &Room, file: &str, other: &str) -> Option<&'static str> {
    let place = |name| room.files.iter().position(|&file| file == name);
    match (place(file), place(other)) {
        (_, None) => Some("name the file and one path a line, as in super::frame::Header"),
        (Some(file), Some(other)) if other >= file => Some("that file is not before this one"),
        _ => None,
    }
}

#[test]
fn every_file_uses_only_what_the_reading_table_has_before_it() {
    let found = check(README, &sources());
    assert!(found.wrong.is_empty(), "{}", found.wrong.join("\n"));
    // So it has not looked past them.
    assert!(found.imports > 50, "only {} imports", found.imports);
}

#[test]
fn the_reading_table_has_every_room() {
    let names: Vec<&str> = rooms(README).iter().map(|room| room.name).collect();
    assert_eq!(
        names,
        [
            "",
            "compression",
            "framing",
            "opening",
            "connection",
            "client",
            "server",
            "trace",
            "judge"
        ]
    );
}

#[test]
fn every_room_opens_with_its_contract() {
    let sources = sources();
    for room in rooms(README).iter().filter(|room| !room.name.is_empty()) {
        let source = &sources[&format!("{}/mod.rs", room.name)];
        let opening = source.lines().map_while(|line| line.strip_prefix("//!"));
        let contract: Vec<&str> = opening.collect();
        for words in ["It offers", "It knows", "It leaves out"] {
            assert!(
                contract.iter().any(|line| line.contains(words)),
                "src/{}/mod.rs does not say \"{words}\"",
                room.name
            );
        }
    }
}

/// A library of four rooms that keeps all rules.
mod small {
    use super::{HEADER, LINE, Sources, check};

    fn readme() -> String {
        format!(
            "# A title\n\n| another | table |\n|---|---|\n| `x` | `y` |\n\n{HEADER}\n|---|---|---|---|\n\
             | `src/` | | `printable` | words |\n\
             | `framing/` | §5 | `mask`, `frame` | bytes |\n\
             | `opening/` | §4 | `head` | heads |\n\
             | *{LINE}* | | | |\n\
             | `connection/` | §6 | `state` `stream` `websocket` | messages |\n\
             | `trace/` | | `observer` | events |\n\n| `src/other/file.rs` | `f` |\n"
        )
    }

    fn sources() -> Sources {
        [
            ("printable.rs", "pub struct Printable;"),
            ("framing/mod.rs", "//! It offers\nmod frame;\nmod mask;\n"),
            ("framing/mask.rs", "//! See crate::connection.\n"),
            (
                "framing/frame.rs",
                "use super::mask::mask;\nuse crate::printable::Printable;\n",
            ),
            ("opening/mod.rs", ""),
            ("opening/head.rs", "    // use crate::framing::Header;\n"),
            ("connection/mod.rs", ""),
            ("connection/state.rs", ""),
            ("connection/stream.rs", "use std::net::TcpStream;\n"),
            (
                "connection/websocket.rs",
                "use super::stream::Stream;\nuse crate::framing::{\n    Header,\n};\n\
                 fn f() { super::state::g(crate::opening::Head); }\n\
                 #[cfg(test)]\nmod tests {\n    use super::*;\n}\n",
            ),
            ("trace/mod.rs", ""),
            (
                "trace/observer.rs",
                "use crate::connection::stream::Stream;\nuse crate::framing::Header;\n",
            ),
        ]
        .map(|(path, source)| (path.to_owned(), source.to_owned()))
        .into()
    }

    /// What the check says when one file has another text.
    fn wrong_with(path: &str, source: &str) -> Vec<String> {
        let mut sources = sources();
        sources.insert(path.to_owned(), source.to_owned());
        check(&readme(), &sources).wrong
    }

    fn says(wrong: &[String], words: &str) {
        assert!(
            matches!(wrong, [only] if only.contains(words)),
            "\"{words}\" is not all in {wrong:?}"
        );
    }

    #[test]
    fn the_check_counts_the_imports_in_code_and_finds_nothing_wrong() {
        let found = check(&readme(), &sources());
        assert_eq!(found.wrong, [""; 0]);
        assert_eq!(found.imports, 8);
    }

    #[test]
    fn the_check_sees_an_import_of_a_later_file() {
        says(
            &wrong_with("framing/mask.rs", "use super::frame::Header;"),
            "src/framing/mask.rs uses super::frame::Header: that file is not before this one",
        );
        says(
            &wrong_with("framing/mask.rs", "fn f() { super::frame::g() }"),
            "not before",
        );
        says(
            &wrong_with("framing/mask.rs", "use super::mask::f;"),
            "not before",
        );
        says(
            &wrong_with("framing/mask.rs", "use super::{frame, mask};"),
            "name the file",
        );
        says(
            &wrong_with("framing/mask.rs", "use super::*;"),
            "name the file",
        );
    }

    #[test]
    fn the_check_sees_an_import_of_a_lower_room() {
        let wrong = "use crate::connection::{\n    WebSocket,\n};";
        says(
            &wrong_with("framing/frame.rs", wrong),
            "that room is not above this one",
        );
        says(&wrong_with("framing/mod.rs", wrong), "not above");
        says(&wrong_with("printable.rs", wrong), "not above");
        says(
            &wrong_with("connection/stream.rs", "use crate::trace::Observer;"),
            "not above",
        );
    }

    #[test]
    fn the_check_sees_an_import_past_the_rooms() {
        for wrong in ["use crate::Config;", "use crate::{framing::Header};"] {
            says(&wrong_with("connection/stream.rs", wrong), "name the room");
        }
        says(
            &wrong_with("framing/frame.rs", "use crate::framing::mask;"),
            "in its own room",
        );
    }

    #[test]
    fn the_check_sees_rooms_that_should_not_know_each_other() {
        says(
            &wrong_with("opening/head.rs", "use crate::framing::Header;"),
            "do not know each other",
        );
        for wrong in [
            "use crate::connection::WebSocket;",
            "use crate::connection::websocket::WebSocket;",
            "use crate::connection::{Stream, State};",
        ] {
            says(
                &wrong_with("trace/observer.rs", wrong),
                "trace/ may use only",
            );
        }
    }

    #[test]
    fn the_check_sees_a_socket_above_the_line() {
        says(
            &wrong_with("opening/head.rs", "use std::net::TcpStream;"),
            "src/opening/head.rs uses std::net",
        );
    }

    #[test]
    fn the_check_sees_a_file_in_no_row_and_a_row_without_a_file() {
        says(
            &wrong_with("framing/new.rs", ""),
            "src/framing/new.rs is in no row",
        );
        says(&wrong_with("new.rs", ""), "src/new.rs is in no row");
        says(
            &wrong_with("attic/mod.rs", ""),
            "src/attic/mod.rs is in no row",
        );
        for gone in ["framing/mask.rs", "opening/mod.rs", "printable.rs"] {
            let mut sources = sources();
            sources.remove(gone);
            let wrong = check(&readme(), &sources).wrong;
            says(
                &wrong,
                &format!("the table names src/{gone}, which is no file"),
            );
        }
        let twice = readme().replace("`head`", "`head` `head`");
        let wrong = check(&twice, &sources()).wrong;
        assert!(wrong[0].contains("twice"), "{wrong:?}");
    }
}
