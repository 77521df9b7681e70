//! RFC 9112 §4, the response of a server that does not open a WebSocket: a page or a refusal.
//!
//! - What an application adds is checked before it goes out (RFC 9110 §5, §15).
//! - It goes out at once, without a copy of the body.
//! - A client has to take it at a minimum rate
//!   ([`Config::min_response_rate`](crate::Config::min_response_rate)). A limit for each write
//!   alone would never end for a client that takes a few bytes before each limit.

use crate::connection::{Config, Stream, Unsendable, is_timeout};
use crate::opening::{Fields, Head, RefusedField, StatusLine, check_field, name};
use std::io::{self, ErrorKind, IoSlice};
use std::time::{Duration, Instant};

const CONTENT_LENGTH: &str = "Content-Length";

/// A whole response.
pub(super) struct Response<'a> {
    pub(super) status: u16,
    pub(super) fields: Fields,
    pub(super) body: &'a [u8],
    /// The answer to HEAD: the fields of the whole, and no body (RFC 9110 §9.3.2).
    pub(super) without_body: bool,
}

impl Response<'_> {
    /// Checks the status and the fields of an application.
    pub(super) fn check(&self) -> Result<(), Unsendable> {
        if !(200..=599).contains(&self.status) {
            return Err(Unsendable::Status(self.status));
        }
        for (name, value) in self.fields.iter() {
            check_field(name, value).map_err(Unsendable::Field)?;
            let of_ours = [CONTENT_LENGTH, "Transfer-Encoding", name::CONNECTION];
            if of_ours.iter().any(|ours| ours.eq_ignore_ascii_case(name)) {
                let why = "the server adds what it needs of these: Content-Length, \
                           Transfer-Encoding, Connection";
                let refused = RefusedField::new(name, value, why, "RFC 9112 §6");
                return Err(Unsendable::Refused(refused));
            }
        }
        Ok(())
    }

    /// RFC 9110 §15.3.5, §15.3.6 and §15.4.5: these statuses have no body, whatever the application
    /// gives.
    fn has_body(&self) -> bool {
        !self.without_body && !matches!(self.status, 204 | 205 | 304)
    }

    /// The value of Content-Length. RFC 9110 §8.6: not with 204, and with 304 it would be that of
    /// the page, which is not known here.
    fn content_length(&self) -> Option<usize> {
        match self.status {
            204 | 304 => None,
            205 => Some(0),
            _ => Some(self.body.len()),
        }
    }

    /// Sends it. `Content-Length` and `Connection: close` are added.
    pub(super) fn send<S: Stream>(self, stream: &mut S, config: &Config) -> io::Result<()> {
        let body = if self.has_body() { self.body } else { &[] };
        let length = self.content_length();
        let mut fields = self.fields;
        if let Some(length) = length {
            fields.push(CONTENT_LENGTH, &length.to_string());
        }
        fields.push(name::CONNECTION, "close");
        let start = StatusLine {
            version: (1, 1),
            status: self.status,
            reason: reason_phrase(self.status).to_owned(),
        };
        let head = Head { start, fields }.encode();
        write_all(stream, [&head, body], config)?;
        stream.flush()
    }
}

/// Writes all bytes, as long as the peer is fast enough.
fn write_all<S: Stream>(
    stream: &mut S,
    [mut first, mut second]: [&[u8]; 2],
    config: &Config,
) -> io::Result<()> {
    /// The system stays in a longer write for as long as anything moves.
    const LONGEST_WRITE: usize = 1 << 16;
    let mut pace = Pace::new(config, Instant::now());
    loop {
        stream.limit_writes(Some(pace.longest_wait(Instant::now())))?;
        let part = &second[..second.len().min(LONGEST_WRITE)];
        match stream.write_vectored(&[IoSlice::new(first), IoSlice::new(part)]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                let of_first = count.min(first.len());
                first = &first[of_first..];
                second = &second[count - of_first..];
                if first.is_empty() && second.is_empty() {
                    return stream.limit_writes(Some(config.write_timeout));
                }
                pace.note_written(count, Instant::now());
            }
            Err(error) if error.kind() == ErrorKind::Interrupted || is_timeout(&error) => {}
            Err(error) => return Err(error),
        }
        pace.check(Instant::now())?;
    }
}

/// How fast a peer takes a response. It knows clocks and no stream.
///
/// The bytes are counted anew in each period. Otherwise the first bytes, which the system takes
/// into its buffers at once, would pay for a long time in which the peer takes nothing.
struct Pace {
    rate: usize,
    period: Duration,
    write_timeout: Duration,
    period_began: Instant,
    written_in_period: usize,
    last_progress: Instant,
}

impl Pace {
    fn new(config: &Config, now: Instant) -> Pace {
        Pace {
            rate: config.min_response_rate,
            period: config.response_grace,
            write_timeout: config.write_timeout,
            period_began: now,
            written_in_period: 0,
            last_progress: now,
        }
    }

    fn note_written(&mut self, count: usize, now: Instant) {
        self.written_in_period += count;
        self.last_progress = now;
    }

    /// How long the next write may wait. A write that ends with some progress does not say when it
    /// came. So a wait is only a quarter of the limit for no progress.
    fn longest_wait(&self, now: Instant) -> Duration {
        let left = self.period.saturating_sub(now - self.period_began);
        left.min(self.write_timeout / 4)
            .max(Duration::from_millis(1))
    }

    /// Whether the peer is fast enough up to now.
    fn check(&mut self, now: Instant) -> io::Result<()> {
        if now - self.last_progress >= self.write_timeout {
            let what = "the peer did not read in time";
            return Err(io::Error::new(ErrorKind::TimedOut, what));
        }
        if now - self.period_began >= self.period {
            let least = self.rate as f64 * self.period.as_secs_f64();
            if (self.written_in_period as f64) < least {
                let what = format!("the peer reads fewer than {} bytes a second", self.rate);
                return Err(io::Error::new(ErrorKind::TimedOut, what));
            }
            self.period_began = now;
            self.written_in_period = 0;
        }
        Ok(())
    }
}

/// RFC 9110 §15: words for people. A status has its meaning without them.
fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        205 => "Reset Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn config() -> Config {
        Config {
            min_response_rate: 1000,
            response_grace: 10 * SECOND,
            write_timeout: 20 * SECOND,
            ..Config::default()
        }
    }

    #[test]
    fn a_peer_has_to_keep_the_rate_in_each_period() {
        let start = Instant::now();
        let mut pace = Pace::new(&config(), start);
        // The system takes a lot at the beginning.
        pace.note_written(1 << 20, start);
        pace.check(start + 9 * SECOND).unwrap();
        pace.check(start + 10 * SECOND).unwrap();
        // That does not count in the next period.
        pace.note_written(9_999, start + 19 * SECOND);
        pace.check(start + 19 * SECOND).unwrap();
        assert!(is_timeout(&pace.check(start + 20 * SECOND).unwrap_err()));
        // One byte more would have been enough.
        pace.note_written(1, start + 20 * SECOND);
        pace.check(start + 20 * SECOND).unwrap();
    }

    #[test]
    fn no_progress_has_a_limit_even_if_the_rate_has_none() {
        let start = Instant::now();
        let config = Config {
            min_response_rate: 0,
            ..config()
        };
        let mut pace = Pace::new(&config, start);
        pace.note_written(1, start + 15 * SECOND);
        pace.check(start + 34 * SECOND).unwrap();
        assert!(is_timeout(&pace.check(start + 35 * SECOND).unwrap_err()));
    }

    #[test]
    fn a_wait_ends_with_the_period_and_after_a_quarter_of_the_limit_for_no_progress() {
        let start = Instant::now();
        let pace = Pace::new(&config(), start);
        assert_eq!(pace.longest_wait(start), 5 * SECOND);
        assert_eq!(pace.longest_wait(start + 7 * SECOND), 3 * SECOND);
        assert!(!pace.longest_wait(start + 11 * SECOND).is_zero());
        let never = Config {
            response_grace: Duration::MAX,
            write_timeout: Duration::MAX,
            ..config()
        };
        let mut pace = Pace::new(&never, start);
        pace.check(start + 1000 * SECOND).unwrap();
        assert!(!pace.longest_wait(start).is_zero());
    }
}
