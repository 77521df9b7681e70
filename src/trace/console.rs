//! The trace on standard error, which several programs print.

use super::event::Event;
use super::render::{Renderer, Transcript};
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Prints each event on standard error, with the time of day (UTC) when it was seen. It prints in
/// colour if that is a terminal and `NO_COLOR` is not set. `label` tells connections apart; it may
/// be empty. The connection waits until the text is printed.
pub fn print_trace(label: String) -> impl FnMut(Event) + Send + 'static {
    print_trace_with(label, |text| {
        // If it fails, the connection goes on without its trace.
        let _ = io::stderr().write_all(text.as_bytes());
    })
}

/// [`print_trace`] for a program that prints the text itself: `print` gets whole lines, which go to
/// standard error in the end. A server gives them to its [`Log`](crate::server::Log), which does
/// not wait.
pub fn print_trace_with(
    label: String,
    print: impl Fn(&str) + Send + 'static,
) -> impl FnMut(Event) + Send + 'static {
    // All connections have one transcript: it knows what stands above.
    static TRANSCRIPT: Mutex<Option<Transcript>> = Mutex::new(None);
    move |event| {
        let time = time_of_day(SystemTime::now());
        let mut transcript = TRANSCRIPT.lock().unwrap_or_else(PoisonError::into_inner);
        let transcript =
            transcript.get_or_insert_with(|| Transcript::new(renderer_for(&io::stderr())));
        // One call, so that lines of several connections do not mix.
        print(&transcript.add(&time, &label, &event));
    }
}

/// A renderer for this output. It has colours if the output is a terminal and `NO_COLOR` is not set
/// (<https://no-color.org>).
pub fn renderer_for(output: &impl IsTerminal) -> Renderer {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Renderer {
        colour: output.is_terminal() && !no_colour,
    }
}

/// `14:57:48.123`, in UTC.
#[must_use]
pub fn time_of_day(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs() % 86_400;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!(
        "{hour:02}:{minute:02}:{second:02}.{:03}",
        since.subsec_millis()
    )
}
