//! `/ws`: sends the time, once a second, until a random number ends it.

use rand::rngs::StdRng;
use rand::{RngExt, make_rng};
use rfc6455::{CloseCode, Error, Stream, WebSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Sends the time, waits, and draws a random number: with the probability `close_chance` it closes
/// the connection. `wait` is [`wait`], or a function that does more while it waits.
pub fn run<S: Stream>(
    socket: &mut WebSocket<S>,
    interval: Duration,
    close_chance: f64,
    wait: impl Fn(&mut WebSocket<S>, Instant) -> Result<bool, Error>,
) -> Result<(), Error> {
    let mut generator: StdRng = make_rng();
    let mut due = Instant::now();
    loop {
        // The time at which this message was due. So a tick that is late skips no second.
        let late = Instant::now().saturating_duration_since(due);
        socket.send(&date_time(SystemTime::now() - late))?;
        due = next_tick(due, Instant::now(), interval);
        if !wait(socket, due)? {
            return Ok(());
        }
        if generator.random_bool(close_chance) {
            return socket.close(CloseCode::NORMAL, "random closing");
        }
    }
}

/// When the tick after `due` is due. The ticks keep to a schedule, so small delays do not add up. A
/// clock that is late by more than an interval, because its peer did not read, leaves ticks out.
fn next_tick(due: Instant, now: Instant, interval: Duration) -> Instant {
    (due + interval).max(now)
}

/// Waits, and reads while it waits: so a Ping or a Close of the peer is answered at once. Returns
/// whether the peer is still there.
pub fn wait(socket: &mut WebSocket<impl Stream>, until: Instant) -> Result<bool, Error> {
    loop {
        match socket.read_deadline(until) {
            // The clock answers no message, and no message makes it late.
            Ok(Some(_)) if Instant::now() < until => {}
            Ok(Some(_)) | Err(Error::TimedOut) => return Ok(true),
            Ok(None) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// The time as `10/28/2022 2:57:48 PM UTC`: a 12-hour clock; month, day and hour have no leading
/// zeros.
fn date_time(time: SystemTime) -> String {
    // A clock set before 1970 is shown as 1970.
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let (days, second_of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (
        second_of_day / 3600,
        second_of_day / 60 % 60,
        second_of_day % 60,
    );
    let (hour12, half) = match hour {
        0 => (12, "AM"),
        1..=11 => (hour, "AM"),
        12 => (12, "PM"),
        _ => (hour - 12, "PM"),
    };
    format!("{month}/{day}/{year} {hour12}:{minute:02}:{second:02} {half} UTC")
}

/// Year, month and day, this many days after 1 January 1970. It takes off whole years, then whole
/// months.
fn date(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    while days >= days_in_year(year) {
        days -= days_in_year(year);
        year += 1;
    }
    let february = days_in_year(year) - 337;
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

fn days_in_year(year: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    365 + u64::from(leap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_of_the_ticks_do_not_add_up() {
        const INTERVAL: Duration = Duration::from_secs(1);
        let start = Instant::now();
        let mut due = start;
        for tick in 1..=1000 {
            // Each message leaves 20 ms late.
            let now = due + Duration::from_millis(20);
            due = next_tick(due, now, INTERVAL);
            assert_eq!(due, start + tick * INTERVAL);
        }
        // A peer that did not read for a minute does not get sixty messages at once.
        let now = due + Duration::from_secs(60);
        assert_eq!(next_tick(due, now, INTERVAL), now);
    }

    #[test]
    fn the_time_has_the_form_of_the_tutorial() {
        // The texts were checked with `date -u -d @N`.
        for (seconds, text) in [
            (0, "1/1/1970 12:00:00 AM UTC"),
            (1_666_969_068, "10/28/2022 2:57:48 PM UTC"),
            (951_825_599, "2/29/2000 11:59:59 AM UTC"),
            (951_825_600, "2/29/2000 12:00:00 PM UTC"),
            (951_868_800, "3/1/2000 12:00:00 AM UTC"),
            (1_735_689_599, "12/31/2024 11:59:59 PM UTC"),
            (1_735_689_600, "1/1/2025 12:00:00 AM UTC"),
            (4_107_542_400, "3/1/2100 12:00:00 AM UTC"),
            (4_107_542_399, "2/28/2100 11:59:59 PM UTC"),
        ] {
            assert_eq!(date_time(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }
}
