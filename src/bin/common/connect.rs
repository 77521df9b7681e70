//! Connecting as a client, with an observer of the connection if the user wants one; what a good end
//! is, and what is said of an error.

use crate::arguments::NotRun;
use crate::output::complain;
use crate::silence::Heard;
use rfc6455::trace::{Event, Observer, Traced};
use rfc6455::{Client, CloseCode, Closed, Error, Role, UrlError, WebSocket};
use std::process::ExitCode;

/// The stream of a program's connection. An observer may look at it.
pub type ProgramStream = Traced<Heard>;
/// A program's connection.
pub type TracedSocket = WebSocket<ProgramStream>;

/// Connects over TCP. From the first byte on, `tell` gets the events of the connection.
pub fn connect<F>(client: &Client, tell: Option<F>) -> Result<TracedSocket, Error>
where
    F: FnMut(Event) + Send + 'static,
{
    // The programs have no TLS.
    if client.url().secure {
        return Err(UrlError::Tls.into());
    }
    client.connect_through(|tcp| {
        let mut stream = Traced::new(Heard::new(tcp), Role::Client);
        if let Some(tell) = tell {
            stream.watch(Observer::new(), tell);
        }
        Ok(stream)
    })
}

/// Whether a conversation ended well. 1000, 1001 and no code at all are good ends. From 3000 on,
/// codes belong to applications. Every other code says that something failed.
pub fn ended_well(closed: &Closed) -> bool {
    matches!(
        closed.code(),
        CloseCode::NORMAL | CloseCode::GOING_AWAY | CloseCode::NO_STATUS | CloseCode(3000..)
    )
}

/// Says why a connection failed. A field or a subprotocol that may not be sent is a wrong command
/// line.
pub fn report_error(program: &str, error: &Error) -> ExitCode {
    match error {
        Error::Unsendable(_) => NotRun::Wrong(error.to_string()).report(program, ""),
        _ => {
            complain(format_args!("{program}: {error}"));
            ExitCode::FAILURE
        }
    }
}
