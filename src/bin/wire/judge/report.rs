//! What the cases found, as text for a terminal.

use rfc6455::framing::{Decoded, Header, mask};
use rfc6455::judge::{Case, Entry, Outcome, Probe, Section, Verdict, What};
use rfc6455::trace::{hex, words, words::plural};
use rfc6455::{OpCode, Printable};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// The reserved bits, which a header may have here: they are shown, not judged.
const ALL_RESERVED: u8 = 0b0111_0000;

/// This many bytes of an entry are shown.
const SHOWN: usize = 20;

/// A case, and what it found.
pub struct Judgement {
    pub case: Case,
    pub verdict: Verdict,
    pub hint: Option<&'static str>,
    pub record: Vec<Entry>,
    pub time: Duration,
}

/// A section, and those of its cases that are wanted.
pub type Wanted = (Section, Vec<Case>);

/// What is known before the first case.
pub fn beginning(url: &str, probe: &Probe) -> String {
    let mut text = format!("{}\n", Printable(url));
    if !probe.echoes {
        text += "It does not send messages back, so what needs an echo is skipped.\n";
    }
    if let Some(hint) = probe.hint {
        let _ = writeln!(text, "Hint: {hint}");
    }
    if !probe.serves_two {
        text += "It serves one connection at a time, so one case runs at a time.\n";
    }
    text
}

/// The cases that are done. A section is printed when all of its cases are.
pub struct Progress {
    sections: Vec<Wanted>,
    verbose: bool,
    began: Instant,
    /// One place for each case, section by section.
    done: Vec<Option<Judgement>>,
    /// How many sections, and how many cases, are printed.
    printed: (usize, usize),
}

impl Progress {
    pub fn new(sections: Vec<Wanted>, verbose: bool) -> Progress {
        let count = sections.iter().map(|(_, cases)| cases.len()).sum();
        Progress {
            sections,
            verbose,
            began: Instant::now(),
            done: (0..count).map(|_| None).collect(),
            printed: (0, 0),
        }
    }

    /// All cases, in their order.
    pub fn cases(&self) -> Vec<Case> {
        let cases = self.sections.iter().flat_map(|(_, cases)| cases);
        cases.cloned().collect()
    }

    /// The verdict on a case, if it is done.
    pub fn verdict(&self, index: usize) -> Option<&Verdict> {
        self.done.get(index)?.as_ref().map(|one| &one.verdict)
    }

    /// Takes an outcome. Returns the sections that are complete now, as text.
    pub fn add(&mut self, outcome: Outcome) -> String {
        let mut cases = self.sections.iter().flat_map(|(_, cases)| cases);
        let case = cases.nth(outcome.index);
        let case = case.expect("an outcome of one of these cases").clone();
        self.done[outcome.index] = Some(Judgement {
            hint: outcome.hint(&case),
            case,
            verdict: outcome.verdict,
            record: outcome.record,
            time: outcome.time,
        });
        let mut text = String::new();
        while let Some((head, cases)) = self.sections.get(self.printed.0) {
            let all = &self.done[self.printed.1..self.printed.1 + cases.len()];
            let all: Option<Vec<&Judgement>> = all.iter().map(Option::as_ref).collect();
            let Some(all) = all else {
                break;
            };
            text += &section(head, &all, self.verbose);
            self.printed = (self.printed.0 + 1, self.printed.1 + cases.len());
        }
        text
    }

    /// The cases that never had a connection are skipped. Returns their sections as text.
    pub fn skip_rest(&mut self) -> String {
        let missing = (0..self.done.len()).filter(|&index| self.done[index].is_none());
        let missing: Vec<usize> = missing.collect();
        let mut text = String::new();
        for index in missing {
            let why = "the client did not connect for it".to_owned();
            text += &self.add(Outcome {
                index,
                verdict: Verdict::Skipped(why),
                record: Vec::new(),
                time: Duration::ZERO,
            });
        }
        text
    }

    /// All cases that are done, and how long they took together.
    pub fn end(self) -> (Vec<Judgement>, Duration) {
        (
            self.done.into_iter().flatten().collect(),
            self.began.elapsed(),
        )
    }
}

/// A section whose cases are all done.
fn section(section: &Section, all: &[&Judgement], verbose: bool) -> String {
    let passed = all
        .iter()
        .filter(|one| one.verdict == Verdict::Pass)
        .count();
    let (name, clause, count) = (section.name, section.clause, all.len());
    let mut text = format!("\n{name} ({clause}): {passed} of {count}\n");
    for one in all {
        let mark = match one.verdict {
            Verdict::Pass => '✓',
            Verdict::Fail(_) => '✗',
            Verdict::Weak(_) => '~',
            Verdict::Skipped(_) => '-',
        };
        let Case { id, rule, .. } = &one.case;
        let _ = writeln!(text, "  {mark} {id:<26} {rule}");
        match &one.verdict {
            Verdict::Pass if !verbose => {}
            Verdict::Skipped(why) if !verbose => {
                let _ = writeln!(text, "      skipped  {}", Printable(why));
            }
            verdict => text += &details(one, verdict),
        }
    }
    text
}

/// What was asked, what was sent, and what was seen.
fn details(one: &Judgement, verdict: &Verdict) -> String {
    let (weight, clause) = (one.case.weight, one.case.clause);
    let mut text = format!("      asked    {weight}, {clause}\n");
    for entry in &one.record {
        let at = format!("{:.3} s", entry.at.as_secs_f64());
        let (what, bytes, length) = match &entry.what {
            What::Sent { bytes, length } => ("sent", bytes, *length),
            What::Received { bytes, length } => ("came", bytes, *length),
            What::Ended => {
                let _ = writeln!(text, "      came     the end of TCP ({at})");
                continue;
            }
            What::Reset => {
                let _ = writeln!(text, "      came     the end of TCP, by a reset ({at})");
                continue;
            }
        };
        let _ = writeln!(text, "      {what:<8} {}", in_words(bytes, length, &at));
    }
    if !verdict.words().is_empty() {
        let _ = writeln!(text, "      seen     {}", Printable(verdict.words()));
    }
    if let Some(hint) = one.hint {
        let _ = writeln!(text, "      hint     {hint}");
    }
    text
}

/// Bytes of one write or read: the lines of a head, or frames.
fn in_words(bytes: &[u8], length: usize, at: &str) -> String {
    if bytes.starts_with(b"GET ") || bytes.starts_with(b"POST ") || bytes.starts_with(b"HTTP/") {
        let head = String::from_utf8_lossy(bytes);
        let lines: Vec<&str> = head.lines().filter(|line| !line.is_empty()).collect();
        return lines
            .iter()
            .map(|line| Printable(line).to_string())
            .collect::<Vec<_>>()
            .join("\n               ")
            + &format!(" ({at})");
    }
    let more = if length > SHOWN { " ..." } else { "" };
    let front = &bytes[..bytes.len().min(SHOWN)];
    format!("{}{more}  {} ({at})", hex(front), frames(bytes))
}

/// The frames at the front of these bytes, in words.
fn frames(mut bytes: &[u8]) -> String {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        if all.len() == 4 {
            all.push("...".to_owned());
            break;
        }
        let (header, size) = match Header::decode(bytes, ALL_RESERVED) {
            Ok(Decoded::Header(header, size)) => (header, size),
            Ok(_) => {
                let count = bytes.len();
                all.push(format!("{count} byte{}", plural(count as u64)));
                break;
            }
            Err(violation) => {
                all.push(violation.to_string());
                break;
            }
        };
        let mut what = words::opcode_name(header.opcode).to_owned();
        if header.opcode == OpCode::Text
            && let Some(start) = bytes.get(size..)
        {
            let here = start.len().min(header.length as usize).min(30);
            let mut start = start[..here].to_vec();
            if let Some(key) = header.mask {
                mask(key, 0, &mut start);
            }
            what += &format!(" \"{}\"", Printable(&String::from_utf8_lossy(&start)));
        }
        let _ = write!(what, ", {} byte{}", header.length, plural(header.length));
        if !header.fin {
            what += ", not the last";
        }
        all.push(what);
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        bytes = bytes.get(size.saturating_add(length)..).unwrap_or(&[]);
    }
    all.join("; ")
}

/// The clauses of which a MUST is broken.
pub fn broken_rules(done: &[Judgement]) -> BTreeSet<&'static str> {
    let failed = done
        .iter()
        .filter(|one| matches!(one.verdict, Verdict::Fail(_)));
    failed.map(|one| one.case.clause).collect()
}

/// How many cases have the verdict of this name.
pub fn count(done: &[Judgement], name: &str) -> usize {
    let same = done.iter().filter(|one| one.verdict.name() == name);
    same.count()
}

/// The last lines.
pub fn summary(done: &[Judgement], time: Duration) -> String {
    let count = |name| count(done, name);
    let (passed, weak, failed, skipped) = (
        count("pass"),
        count("weak"),
        count("fail"),
        count("skipped"),
    );
    let mut text = format!("\n{passed} of {} passed", done.len() - skipped);
    if failed > 0 {
        let clauses: Vec<&str> = broken_rules(done).into_iter().collect();
        let _ = write!(text, "; {failed} MUST broken: {}", clauses.join(", "));
    }
    if weak > 0 {
        let _ = write!(text, "; {weak} weak");
    }
    if skipped > 0 {
        let _ = write!(text, "; {skipped} skipped");
    }
    let _ = writeln!(text, " ({:.1} s)", time.as_secs_f64());
    text
}
