//! What the programs share: the trace on standard error.

use crate::observe::Sight;
use crate::render::Renderer;
use std::io::{self, IsTerminal, Write};
use std::time::{SystemTime, UNIX_EPOCH};

/// Prints each sight on standard error with the time of day (UTC) at which it was seen, in colours
/// if that is a terminal and `NO_COLOR` is not set (<https://no-color.org>). `label` tells
/// connections apart; it may be empty.
pub fn print_trace(label: String) -> impl FnMut(Sight) + Send + 'static {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let renderer = Renderer {
        colour: io::stderr().is_terminal() && !no_colour,
    };
    move |sight| {
        let time = format!("{}{label}", time_of_day(SystemTime::now()));
        // Whole, so that the lines of several connections do not mix; nobody to read it is no
        // reason to stop.
        let _ = io::stderr().write_all(renderer.render(&time, &sight).as_bytes());
    }
}

/// `14:57:48.123`.
fn time_of_day(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs() % 86_400;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!(
        "{hour:02}:{minute:02}:{second:02}.{:03}",
        since.subsec_millis()
    )
}
