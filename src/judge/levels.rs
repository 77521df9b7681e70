//! The levels of a course: which cases belong to the first step, and which to the last.

use super::case::Case;

/// The levels, with their names.
pub const LEVELS: [&str; 8] = [
    "the opening handshake",
    "one short text",
    "lengths",
    "control frames",
    "fragments",
    "closing",
    "UTF-8",
    "strict and hostile",
];

/// The beginnings of the ids, and the level from 1 on. The first that fits decides; what fits none
/// is of the last level.
const BEGINNINGS: [(&str, u8); 25] = [
    ("4.2.1-cut", 8),
    ("4.2.1-two-", 8),
    ("4.2.1-short-key", 8),
    ("4.2.1-long-key", 8),
    ("4.2.1-bad-key", 8),
    ("4.", 1),
    ("5.3-length-", 2),
    ("5.3-keys", 2),
    ("5.1-mask", 2),
    ("5.2-opcode-sent", 2),
    ("5.2-rsv-sent", 2),
    ("5.2-text-", 3),
    ("5.2-binary-", 3),
    ("5.2-minimal-sent", 3),
    ("5.5.1-", 6),
    ("5.5.3-flood", 8),
    ("5.5", 4),
    ("5.4-", 5),
    ("5.6-", 7),
    ("6.2-type", 2),
    ("6.2-burst", 3),
    ("6.2-1-mib", 3),
    ("7.1", 6),
    ("7.4.1-not-sent", 6),
    ("8.1-", 7),
];

impl Case {
    /// The level of the case in a course, from 1 to 8: see [`LEVELS`].
    #[must_use]
    pub fn level(&self) -> u8 {
        let fits = |(beginning, _): &&(&str, u8)| self.id.starts_with(beginning);
        let level = BEGINNINGS.iter().find(fits).map(|(_, level)| *level);
        level.unwrap_or(LEVELS.len() as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::cases;
    use super::*;
    use crate::framing::Role;

    #[test]
    fn each_level_has_cases_for_servers_and_for_clients() {
        for role in [Role::Client, Role::Server] {
            let cases = cases(role);
            for level in 1..=LEVELS.len() as u8 {
                let count = cases.iter().filter(|case| case.level() == level).count();
                assert!(count >= 4, "{role:?}, level {level}: {count}");
            }
        }
    }
}
