//! The README's lesson holds: its pictures are what the program prints, and its exercises are what
//! they say.

#[path = "kit/programs.rs"]
mod programs;

use programs::{Program, ServerProgram};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const README: &str = include_str!("../README.md");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The fenced blocks of the README that show a command of `wire` and what it prints.
fn pictures() -> Vec<(&'static str, &'static str)> {
    const PROMPT: &str = "$ cargo run --bin wire -- ";
    let blocks = README.split("```").skip(1).step_by(2);
    blocks
        .filter_map(|block| {
            let (_, block) = block.split_once('\n')?;
            block.strip_prefix(PROMPT)?.split_once('\n')
        })
        .collect()
}

#[test]
fn every_picture_of_bytes_is_what_the_program_prints() {
    let pictures = pictures();
    assert!(pictures.len() >= 3, "{pictures:#?}");
    for (arguments, printed) in pictures {
        let output = match arguments.strip_prefix("talk ws://localhost:5050") {
            None => run(arguments),
            Some(path) => talk(path, printed),
        };
        let typed = |line: &&str| line.starts_with("> ");
        let printed: Vec<&str> = printed.lines().filter(|line| !typed(line)).collect();
        assert_eq!(output.lines().collect::<Vec<_>>(), printed, "{arguments}");
    }
}

/// In a shell, as a reader would type it.
fn run(arguments: &str) -> String {
    let command = format!("{} {arguments}", env!("CARGO_BIN_EXE_wire"));
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// A conversation with the server: what stands behind a `>` is typed, and the rest is printed.
fn talk(path: &str, printed: &str) -> String {
    let server = ServerProgram::start(&[]);
    let program = env!("CARGO_BIN_EXE_wire");
    let mut talk = Program::start_with(program, &["talk", &server.url(path)], Stdio::piped());
    let mut keys = talk.process.stdin.take().unwrap();
    for line in printed.lines().filter_map(|line| line.strip_prefix("> ")) {
        writeln!(keys, "{line}").unwrap();
    }
    // The keyboard stays where it is until the server has ended the conversation.
    let (_, lines, _) = talk.finish();
    drop(keys);
    lines.join("\n")
}

/// One line of the table of exercises.
struct Exercise {
    file: &'static str,
    function: &'static str,
    /// What is left of the body.
    left: &'static str,
    /// The modules of `tests/rfc6455` that fail then.
    red: BTreeSet<String>,
}

fn exercises() -> Vec<Exercise> {
    let rows = README.lines().filter(|line| line.starts_with("| `src/"));
    rows.filter_map(|row| {
        let cells: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
        let [file, function, left, red @ ..] = &cells[..] else {
            return None;
        };
        (!red.is_empty() && red.iter().all(|module| is_section(module))).then(|| Exercise {
            file,
            function,
            left,
            red: red.iter().map(|&module| module.to_owned()).collect(),
        })
    })
    .collect()
}

/// A module about a section of RFC 6455, or the one about RFC 7692.
fn is_section(module: &str) -> bool {
    module.starts_with("section_") || module == "rfc7692"
}

/// The source with the body of one function replaced.
fn emptied(source: &str, function: &str, left: &str) -> String {
    let start = source
        .find(&format!("fn {function}("))
        .or_else(|| source.find(&format!("fn {function}<")))
        .unwrap_or_else(|| panic!("no function {function}"));
    let open = start + source[start..].find('{').unwrap();
    let mut depth = 0;
    let length = source[open..].find(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth == 0
    });
    let close = open + length.unwrap();
    format!("{}{{ {left} {}", &source[..open], &source[close..])
}

/// A copy of what the exercises need, to be broken: the library and the tests of the sections,
/// without the programs and without the packages that only other tests use.
fn copy(to: &Path) {
    let _ = fs::remove_dir_all(to.join("src"));
    for part in ["src", "tests/rfc6455", "tests/kit"] {
        copy_folder(&Path::new(ROOT).join(part), &to.join(part));
    }
    fs::remove_dir_all(to.join("src/bin")).unwrap();
    fs::copy(Path::new(ROOT).join("Cargo.lock"), to.join("Cargo.lock")).unwrap();
    let manifest = fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).unwrap();
    let (before, rest) = manifest.split_once("\n[dev-dependencies]\n").unwrap();
    let (_, after) = rest.split_once("\n[").unwrap();
    fs::write(to.join("Cargo.toml"), format!("{before}\n[{after}")).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (
            entry.as_ref().unwrap().path(),
            to.join(entry.unwrap().file_name()),
        );
        match from.is_dir() {
            true => copy_folder(&from, &to),
            false => _ = fs::copy(from, to).unwrap(),
        }
    }
}

/// The modules of `tests/rfc6455` with a test that fails.
fn red_modules(folder: &Path) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["test", "--test", "rfc6455"])
        .current_dir(folder)
        // What is built runs once: to optimise it would take longer than it saves.
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("test result: "),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let failed = text.lines().filter(|line| line.ends_with("... FAILED"));
    failed
        .map(|line| line["test ".len()..].split("::").next().unwrap().to_owned())
        // What stands in comments and which tests there are is the same as before.
        .filter(|module| module != "map")
        .collect()
}

#[test]
#[ignore = "builds the tests once for each exercise, which takes a minute"]
fn with_a_body_emptied_its_section_fails_and_nothing_unrelated_does() {
    let folder: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exercises");
    let exercises = exercises();
    assert!(exercises.len() >= 8, "only {} exercises", exercises.len());
    copy(&folder);
    for exercise in exercises {
        let file = folder.join(exercise.file);
        let source = fs::read_to_string(&file).unwrap();
        fs::write(&file, emptied(&source, exercise.function, exercise.left)).unwrap();
        let red = red_modules(&folder);
        fs::write(&file, source).unwrap();
        println!("{} {}: {red:?}", exercise.file, exercise.function);
        assert_eq!(
            red, exercise.red,
            "{} without {}",
            exercise.file, exercise.function
        );
    }
}
