//! The map: every normative sentence of RFC 6455 is claimed by a test or listed here, with the
//! reason why it does not apply.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The 141 sentences with MUST, SHOULD or the like: id, section, sentence.
const REQUIREMENTS: &str = include_str!("requirements.tsv");

/// The sentences that no test claims, and why.
const NOT_CLAIMED: &[(&str, &str)] = &[
    (
        "4.1-7",
        "about clients behind a proxy that resolves names; this client resolves them itself",
    ),
    (
        "4.1-8",
        "about clients configured to use a proxy; this one cannot be",
    ),
    (
        "4.1-10",
        "about proxy autoconfiguration scripts, which browsers have",
    ),
    (
        "4.1-26",
        "about browsers; `Client::field` can send an Origin",
    ),
    (
        "4.2.2-8",
        "about servers that support several extensions; this one supports one",
    ),
    ("5.2-6", "about the authors of extensions"),
    ("5.4-6", "about intermediaries"),
    ("5.4-7", "about intermediaries"),
    ("5.4-8", "about intermediaries"),
    ("5.4-9", "about intermediaries"),
    (
        "5.5.1-2",
        "not obeyed, on purpose: the tutorial's client and page show the reason, which is what the \
         lesson is about; it is escaped for the terminal",
    ),
    (
        "7.4.1-3",
        "about clients that need an extension; this one needs none",
    ),
];

/// The rules of RFC 7692 in our words: id, strength, rule. A claim writes `7692/` before the id.
const OF_COMPRESSION: &str = include_str!("rfc7692.tsv");

fn requirements() -> BTreeMap<String, &'static str> {
    let rows = |table: &'static str, prefix: &'static str| {
        table.lines().map(move |line| {
            let mut columns = line.split('\t');
            let id = format!("{prefix}{}", columns.next().unwrap());
            (id, columns.nth(1).unwrap())
        })
    };
    let all = rows(REQUIREMENTS, "").chain(rows(OF_COMPRESSION, "7692/"));
    all.collect()
}

/// Every Rust file below a folder of the package.
fn rust_files_below(folder: &str) -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

/// Which tests claim which sentences: id to names of tests. Only a `/// Proves` that stands on a
/// `#[test]` counts.
fn claims() -> BTreeMap<String, Vec<String>> {
    let mut claims: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in rust_files_below("tests") {
        let source = fs::read_to_string(&file).unwrap();
        let mut lines = source.lines().map(str::trim);
        while let Some(line) = lines.next() {
            let Some(ids) = line.strip_prefix("/// Proves ") else {
                continue;
            };
            let ids: Vec<&str> = ids.trim_end_matches('.').split(", ").collect();
            let mut is_test = false;
            let name = loop {
                let line = lines.next().expect("a claim stands on a test");
                is_test |= line == "#[test]";
                if let Some(rest) = line.strip_prefix("fn ") {
                    break rest.split('(').next().unwrap();
                }
                let may_stand_between = line.starts_with("///") || line.starts_with("#[");
                assert!(
                    may_stand_between,
                    "{}: {ids:?} stand on {line}",
                    file.display()
                );
            };
            assert!(is_test, "{name} in {} is no test", file.display());
            for id in ids {
                claims
                    .entry(id.to_owned())
                    .or_default()
                    .push(name.to_owned());
            }
        }
    }
    claims
}

#[test]
fn every_normative_sentence_is_claimed_by_a_test_or_listed_with_the_reason() {
    let requirements = requirements();
    let claims = claims();
    let listed: BTreeSet<&str> = NOT_CLAIMED.iter().map(|(id, _)| *id).collect();
    let neither: Vec<_> = requirements
        .iter()
        .filter(|(id, _)| !claims.contains_key(*id) && !listed.contains(&id[..]))
        .collect();
    assert!(
        neither.is_empty(),
        "neither claimed nor listed: {neither:#?}"
    );
    let both: Vec<_> = listed
        .iter()
        .filter(|id| claims.contains_key(**id))
        .collect();
    assert!(both.is_empty(), "both claimed and listed: {both:?}");
}

#[test]
fn every_claim_is_about_a_sentence_that_exists() {
    let requirements = requirements();
    assert_eq!(requirements.len(), 141 + 49);
    for (id, tests) in claims() {
        assert!(requirements.contains_key(&id[..]), "{id} in {tests:?}");
    }
    for (id, reason) in NOT_CLAIMED {
        assert!(requirements.contains_key(*id) && !reason.is_empty(), "{id}");
    }
}

/// In comments, what stands in quotation marks beside a `§` is the RFC's own words. A comment that
/// names another RFC is left out.
#[test]
fn every_quotation_of_the_rfc_is_to_the_letter() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    // Without the page breaks, and with words that a line break cut put together again.
    let rfc: Vec<&str> = include_str!("rfc6455.txt")
        .lines()
        .filter(|line| !line.starts_with("Fette & Melnikov") && !line.starts_with("RFC 6455 "))
        .collect();
    let rfc = words(&rfc.join("\n")).replace("- ", "-");

    let mut quotations = 0;
    for path in rust_files_below("src") {
        let source = fs::read_to_string(&path).unwrap();
        for block in comments(&source) {
            let block = words(&block);
            let names_another = block
                .split("RFC ")
                .skip(1)
                .any(|rest| !rest.starts_with("6455"));
            if !block.contains('§') || names_another {
                continue;
            }
            for quotation in block.split('"').skip(1).step_by(2) {
                // A word or two in quotation marks are a name, not a quotation.
                if quotation.split(' ').count() < 4 {
                    continue;
                }
                quotations += 1;
                for part in quotation.split(" [...] ") {
                    let part = part.replace("- ", "-");
                    let part = part.trim_end_matches(['.', ',']);
                    assert!(rfc.contains(part), "{}: \"{part}\"", path.display());
                }
            }
        }
    }
    assert!(quotations > 30, "only {quotations} quotations were found");
}

/// The blocks of comments of a file: lines that follow each other.
fn comments(source: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    for line in source.lines() {
        let comment = line.trim_start().strip_prefix("//");
        match comment.map(|text| text.trim_start_matches(['/', '!', ' '])) {
            Some(text) if !text.is_empty() => {
                let block = blocks.last_mut().unwrap();
                block.push_str(text);
                block.push(' ');
            }
            _ => blocks.push(String::new()),
        }
    }
    blocks
}
