//! The reports that are open now. A token joins one report to one connection, once.

use super::command::Commands;
use super::queue::NoteQueue;
use rfc6455::{Budget, Hosts};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// At most this many reports are open at a time. A class that runs all faults at once needs 11 for
/// each student.
const MOST_REPORTS: usize = 512;

/// What a page that sends another token is told.
pub const TOKEN_FORM: &str = "a token is 32 lower-case hexadecimal digits (128 random bits)\n";

/// The reports that are open now.
pub struct Reports {
    by_token: Mutex<HashMap<String, ReportState>>,
    /// What the notes that wait may hold, together with the connections.
    pub budget: Budget,
    /// The names of this server. A report is for its own pages only.
    pub hosts: Hosts,
}

enum ReportState {
    /// The connection has not come yet.
    Waiting(WatchedEnd),
    /// A connection has come, or none may come any more.
    Taken,
}

/// What the connection gets from its report: where its events go, and the commands for it.
pub struct WatchedEnd {
    pub queue: Arc<NoteQueue>,
    pub commands: Commands,
}

/// A report's place among the open reports, until it is dropped.
pub struct ReportEntry<'a> {
    reports: &'a Reports,
    token: &'a str,
}

impl ReportEntry<'_> {
    /// From now on no connection may come. Returns whether none has come.
    pub fn stop_waiting(&self) -> bool {
        self.reports.take(self.token).is_some()
    }
}

impl Drop for ReportEntry<'_> {
    fn drop(&mut self) {
        self.reports.lock().remove(self.token);
    }
}

impl Reports {
    pub fn new(budget: Budget, hosts: Hosts) -> Reports {
        Reports {
            by_token: Mutex::default(),
            budget,
            hosts,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, ReportState>> {
        self.by_token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a report that waits for its connection. If it cannot, it returns the HTTP status and
    /// the reason.
    pub fn enter<'a>(
        &'a self,
        token: &'a str,
        end: WatchedEnd,
    ) -> Result<ReportEntry<'a>, (u16, &'static str)> {
        let mut reports = self.lock();
        if reports.contains_key(token) {
            return Err((400, "this token has a report already\n"));
        }
        if reports.len() >= MOST_REPORTS {
            return Err((503, "too many reports; try again later\n"));
        }
        reports.insert(token.to_owned(), ReportState::Waiting(end));
        Ok(ReportEntry {
            reports: self,
            token,
        })
    }

    /// Takes what the report with this token has for its connection. It can be taken once.
    pub fn take(&self, token: &str) -> Option<WatchedEnd> {
        match std::mem::replace(self.lock().get_mut(token)?, ReportState::Taken) {
            ReportState::Waiting(end) => Some(end),
            ReportState::Taken => None,
        }
    }
}

/// The token in a query, behind `name=`. `None`: the query has no such name. `Some(Err(()))`: the
/// value does not have the form of a token.
pub fn token<'q>(query: &'q str, name: &str) -> Option<Result<&'q str, ()>> {
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    match value.len() == 32 && value.bytes().all(is_digit) {
        true => Some(Ok(value)),
        false => Some(Err(())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_32_lower_case_hexadecimal_digits() {
        let good = "0123456789abcdef0123456789abcdef";
        assert_eq!(token(&format!("glass={good}"), "glass"), Some(Ok(good)));
        assert_eq!(
            token(&format!("a=b&glass={good}&c"), "glass"),
            Some(Ok(good))
        );
        assert_eq!(token("", "glass"), None);
        assert_eq!(token(&format!("glasses={good}"), "glass"), None);
        for bad in [
            "",
            "0",
            &good[1..],
            &format!("{good}0"),
            "0123456789ABCDEF0123456789ABCDEF",
            "0123456789abcdef0123456789abcde%",
        ] {
            let query = format!("glass={bad}");
            assert_eq!(token(&query, "glass"), Some(Err(())), "{bad}");
        }
    }
}
