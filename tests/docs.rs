//! The documents hold: what they name exists, their links lead somewhere, their lines fit.

use std::fs;
use std::path::{Component, Path, PathBuf};

const WAY: &str = include_str!("../docs/way.md");
const README: &str = include_str!("../README.md");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Every Markdown file of the repository, with its text.
fn documents() -> Vec<(PathBuf, String)> {
    let mut folders = vec![PathBuf::from(ROOT)];
    let mut documents = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(".md") {
                let text = fs::read_to_string(&path).unwrap();
                documents.push((path, text));
            }
        }
    }
    documents
}

/// The lines of a document that are prose: not code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// The functions that a table of `docs/way.md` names, and their files.
fn functions_on_the_way() -> Vec<(&'static str, &'static str)> {
    let rows = WAY.lines().filter(|line| line.starts_with("| `src/"));
    rows.map(|row| {
        let mut cells = row.split('`').skip(1).step_by(2);
        (cells.next().unwrap(), cells.next().unwrap())
    })
    .collect()
}

/// The functions that the README lists, and their files.
fn functions_in_the_readme() -> Vec<(String, &'static str)> {
    let words = README.lines().map(|line| line.split_ascii_whitespace());
    words
        .filter_map(|mut words| {
            let (file, function) = (words.next()?, words.next()?);
            let is_file = file.contains('/') && file.ends_with(".rs");
            is_file.then(|| (format!("src/{file}"), function))
        })
        .collect()
}

/// The lines of a function, given as `name` or as `Type::name`, if the source has it.
fn lines_of<'a>(source: &'a str, function: &str) -> Option<Vec<&'a str>> {
    let (owner, name) = match function.split_once("::") {
        Some((owner, name)) => (Some(owner), name),
        None => (None, function),
    };
    let mut in_owner = owner.is_none();
    let start = source.lines().position(|line| {
        if line.starts_with("impl") {
            let mut words = line.split(|c: char| !c.is_alphanumeric());
            in_owner = owner.is_some_and(|owner| words.any(|word| word == owner));
        } else if line.starts_with('}') {
            in_owner = owner.is_none();
        }
        let is_function = [format!("fn {name}("), format!("fn {name}<")]
            .iter()
            .any(|start| line.contains(start));
        in_owner && is_function && (owner.is_some() == line.starts_with(' '))
    })?;
    let end = if owner.is_some() { "    }" } else { "}" };
    let lines = source.lines().skip(start);
    Some(lines.take_while(|line| *line != end).collect())
}

fn defines(source: &str, function: &str) -> bool {
    lines_of(source, function).is_some()
}

#[test]
fn every_function_on_the_way_of_a_message_exists() {
    let functions = functions_on_the_way();
    assert!(functions.len() > 40, "only {} functions", functions.len());
    for (file, function) in functions {
        let source = fs::read_to_string(Path::new(ROOT).join(file))
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(defines(&source, function), "{file} has no {function}");
    }
}

#[test]
fn every_caller_on_the_way_of_a_message_names_the_function() {
    let all = functions_on_the_way();
    let rows = WAY.lines().filter(|line| line.starts_with("| `src/"));
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        // Without backticks it is the user, or another sitting.
        let Some(caller) = cells[3].strip_prefix('`').and_then(|c| c.strip_suffix('`')) else {
            continue;
        };
        let function = cells[2].trim_matches('`');
        let name = function.rsplit("::").next().unwrap();
        let (file, _) = all
            .iter()
            .find(|(_, listed)| *listed == caller)
            .unwrap_or_else(|| panic!("{caller} calls {function} and has no row"));
        let source = fs::read_to_string(Path::new(ROOT).join(file)).unwrap();
        let lines = lines_of(&source, caller).unwrap();
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        // The first line is the caller's own name.
        let mut words = lines[1..].iter().flat_map(|l| l.split(|c| !is_name(c)));
        assert!(words.any(|word| word == name), "{caller}: {function}");
        count += 1;
    }
    assert!(count > 60, "only {count} callers");
}

#[test]
fn the_essential_path_has_eleven_files_and_at_most_2_400_lines() {
    let start = README.find("Read the essential path first").unwrap();
    let paragraph = README[start..].split("\n\n").next().unwrap();
    let (mut folder, mut files, mut lines) = ("", 0, 0);
    for name in paragraph.split('`').skip(1).step_by(2) {
        if name.ends_with('/') {
            folder = name;
            continue;
        }
        let path = format!("src/{folder}{name}.rs");
        let source = fs::read_to_string(Path::new(ROOT).join(&path))
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        files += 1;
        lines += source.lines().count();
    }
    assert_eq!(files, 11);
    assert!(lines <= 2400, "{lines} lines");
}

#[test]
fn the_way_in_the_readme_is_a_part_of_the_whole_way() {
    let all = functions_on_the_way();
    let listed = functions_in_the_readme();
    assert!(listed.len() > 10, "only {} functions", listed.len());
    for (file, function) in listed {
        assert!(all.contains(&(&file, function)), "{file} {function}");
    }
}

#[test]
fn the_check_of_a_function_knows_types() {
    let source = "fn free() {}\nimpl<'a> Frame<'a> {\n    pub fn encode<T>() {\n    }\n}\n";
    assert!(defines(source, "free"));
    assert!(defines(source, "Frame::encode"));
    assert!(!defines(source, "Header::encode"));
    assert!(!defines(source, "encode"));
    assert!(!defines(source, "Frame::free"));
}

/// The targets of the links in a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let after = line.split("](").skip(1);
    after.filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

/// The name by which a link finds a heading: small letters, and a hyphen for each space.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Whether a link leads to what the package on crates.io leaves out, and this is the package.
fn is_left_out(target: &Path) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_package = root.join("Cargo.toml.orig").exists();
    let folders = ["bench", "fuzz", ".ci", ".github"].map(|folder| root.join(folder));
    let is_inside = |folder: &PathBuf| normal(target).starts_with(folder);
    is_package && folders.iter().any(is_inside)
}

/// The path without its `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = normal.pop(),
            part => normal.push(part),
        }
    }
    normal
}

#[test]
fn every_link_to_a_file_leads_to_a_file() {
    let mut count = 0;
    for (path, text) in documents() {
        for (number, line) in prose(&text) {
            for link in links(line).filter(|link| !link.contains("://")) {
                let place = format!("{}:{number}: {link}", path.display());
                let (file, heading) = link.split_once('#').unwrap_or((link, ""));
                let target = match file {
                    "" => path.clone(),
                    file => path.parent().unwrap().join(file),
                };
                if is_left_out(&target) {
                    continue;
                }
                assert!(target.exists(), "{place}");
                if !heading.is_empty() {
                    let text = fs::read_to_string(&target).unwrap();
                    let mut headings = prose(&text).filter(|(_, line)| line.starts_with('#'));
                    assert!(headings.any(|(_, line)| anchor(line) == heading), "{place}");
                }
                count += 1;
            }
        }
    }
    assert!(count > 10, "only {count} links");
}

#[test]
fn lines_of_prose_have_at_most_100_columns() {
    let mut long = Vec::new();
    for (path, text) in documents() {
        for (number, line) in prose(&text) {
            let may_be_long = line.starts_with('|') || line.starts_with("![");
            if line.chars().count() > 100 && !may_be_long {
                long.push(format!("{}:{number}", path.display()));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn every_document_with_examples_in_rust_is_among_the_tests() {
    let library = fs::read_to_string(Path::new(ROOT).join("src/lib.rs")).unwrap();
    for (path, text) in documents() {
        if text.contains("\n```rust") {
            let file = path.strip_prefix(ROOT).unwrap().display();
            let included = format!("include_str!(\"../{file}\")");
            assert!(library.contains(&included), "{file}");
        }
    }
}

#[test]
fn the_lines_for_nginx_are_those_that_are_tried() {
    let recommended = include_str!("../docs/open-port.md");
    let tried = include_str!("proxy.rs").replace('\\', "");
    let lines = recommended.lines().map(str::trim);
    let mut count = 0;
    for line in lines.filter(|line| line.starts_with("proxy_") && !line.starts_with("proxy_pass")) {
        let (line, _) = line.split_once('#').unwrap_or((line, ""));
        assert!(tried.contains(line.trim()), "{line}");
        count += 1;
    }
    assert_eq!(count, 4);
}
