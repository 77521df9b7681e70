//! Connecting as a client, with an observer of the connection if the user wants one.

use rfc6455::trace::{Event, Observer, Traced};
use rfc6455::{Client, Error, Role, Tcp, UrlError, WebSocket};

/// A connection that an observer may look at.
pub type TracedSocket = WebSocket<Traced<Tcp>>;

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
        let mut stream = Traced::new(tcp, Role::Client);
        if let Some(tell) = tell {
            stream.watch(Observer::new(), tell);
        }
        Ok(stream)
    })
}
