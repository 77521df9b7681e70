//! All cases, section by section, in the order in which they are read.

use super::case::Case;
use super::cases_closing;
use super::cases_compression;
use super::cases_control;
use super::cases_fragments;
use super::cases_frames;
use super::cases_opening;
use super::cases_request;
use super::cases_text;
use crate::framing::Role;

/// A section of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Its name in words.
    pub name: &'static str,
    /// The clauses that it is about.
    pub clause: &'static str,
    cases: fn(Role) -> Vec<Case>,
}

impl Section {
    /// Its cases for servers or for clients.
    #[must_use]
    pub fn cases(&self, endpoint: Role) -> Vec<Case> {
        (self.cases)(endpoint)
    }
}

/// The sections, in the order of the RFC.
pub const SECTIONS: [Section; 7] = [
    section("The opening handshake", "§4", |endpoint| match endpoint {
        Role::Client => cases_request::cases(),
        Role::Server => cases_opening::cases(),
    }),
    section(
        "Frames, lengths, masks",
        "§5.1 to §5.3, §6",
        cases_frames::cases,
    ),
    section("Fragments", "§5.4", |_| cases_fragments::cases()),
    section("Ping and Pong", "§5.5", |_| cases_control::cases()),
    section("Closing and failing", "§5.5.1, §7", cases_closing::cases),
    section("Texts", "§5.6, §8.1", |_| cases_text::cases()),
    section("Compression", "RFC 7692", cases_compression::cases),
];

const fn section(
    name: &'static str,
    clause: &'static str,
    cases: fn(Role) -> Vec<Case>,
) -> Section {
    Section {
        name,
        clause,
        cases,
    }
}

/// All cases for servers, or for clients.
#[must_use]
pub fn cases(endpoint: Role) -> Vec<Case> {
    SECTIONS
        .iter()
        .flat_map(|section| section.cases(endpoint))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_case_has_an_id_of_its_own_and_a_sentence() {
        for role in [Role::Client, Role::Server] {
            check(&cases(role));
        }
    }

    fn check(cases: &[Case]) {
        let ids: BTreeSet<&str> = cases.iter().map(|case| &case.id[..]).collect();
        assert_eq!(ids.len(), cases.len());
        for case in cases {
            assert!(case.rule.ends_with('.'), "{}: {}", case.id, case.rule);
            let is_id = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
            assert!(case.id.chars().all(is_id), "{}", case.id);
            assert!(
                case.id.starts_with(|c: char| c.is_ascii_digit()),
                "{}",
                case.id
            );
        }
        assert!(cases.len() > 200, "{}", cases.len());
    }
}
