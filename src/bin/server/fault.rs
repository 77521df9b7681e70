//! `/fault/NAME`: servers that break one rule of the protocol each, to see what a client does.
//!
//! The library's writer sends nothing that breaks a rule. So this file does the opening handshake
//! with the functions of `opening/`, and sends bytes that are written out.

use crate::json::{self, Object};
use rfc6455::opening::{Fields, HeadReader, RequestLine, check_request, server_response};
use rfc6455::trace::Traced;
use rfc6455::{Config, Error, Request, Stream, Tcp};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// How long a broken server says nothing.
const SILENCE: Duration = Duration::from_secs(9);
/// How long it waits for the client's end of TCP, after it has ended its own.
const GOODBYE: Duration = Duration::from_secs(1);

/// A broken server.
pub struct Fault {
    pub name: &'static str,
    /// What it does, as the rest of a sentence that begins with "It".
    does: &'static str,
    /// The section that forbids it, or that says what the client must do.
    clause: &'static str,
    /// The words of that section.
    asks: &'static str,
    /// The key that it answers. `None`: the client's key, as it must.
    key: Option<&'static str>,
    /// The bytes behind the opening handshake.
    bytes: &'static [u8],
    /// What it does after these bytes.
    afterwards: Afterwards,
}

enum Afterwards {
    /// It reads and says nothing, until the client ends TCP.
    SaysNothing,
    /// It ends TCP.
    EndsTcp,
}

/// A server without a fault: it greets, and then it says nothing. Each fault is this server with a
/// difference.
const CORRECT: Fault = Fault {
    name: "",
    does: "",
    clause: "",
    asks: "",
    key: None,
    bytes: b"\x81\x05Hello",
    afterwards: Afterwards::SaysNothing,
};

static FAULTS: &[Fault] = &[
    Fault {
        name: "masked",
        does: "sends \"Hello\" in a masked frame, as clients do",
        clause: "§5.1",
        asks: "A client MUST close a connection if it detects a masked frame.",
        bytes: b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
        ..CORRECT
    },
    Fault {
        name: "accept",
        does: "answers another key than that of the client",
        clause: "§4.1",
        asks: "the client MUST _Fail the WebSocket Connection_",
        // The key of §1.3.
        key: Some("dGhlIHNhbXBsZSBub25jZQ=="),
        ..CORRECT
    },
    Fault {
        name: "opcode",
        does: "sends a frame with the opcode 3, which is reserved",
        clause: "§5.2",
        asks: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_.",
        bytes: b"\x83\x05Hello",
        ..CORRECT
    },
    Fault {
        name: "rsv1",
        does: "sets the bit RSV1, and no extension is in use",
        clause: "§5.2",
        asks: "the receiving endpoint MUST _Fail the WebSocket Connection_",
        bytes: b"\xc1\x05Hello",
        ..CORRECT
    },
    Fault {
        name: "length",
        does: "writes the length 5 in 16 bits, although it fits into 7 bits",
        clause: "§5.2",
        asks: "in all cases, the minimal number of bytes MUST be used to encode the length",
        bytes: b"\x81\x7e\x00\x05Hello",
        ..CORRECT
    },
    Fault {
        name: "ping",
        does: "sends a Ping with FIN = 0, as the first fragment of a message",
        clause: "§5.5",
        asks: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented.",
        bytes: b"\x09\x05Hello",
        ..CORRECT
    },
    Fault {
        name: "utf8",
        does: "sends the bytes C3 28 as text; they are not UTF-8",
        clause: "§8.1",
        asks: "that endpoint MUST _Fail the WebSocket Connection_",
        bytes: b"\x81\x02\xc3\x28",
        ..CORRECT
    },
    Fault {
        name: "close1005",
        does: "sends a Close with the code 1005, which means \"no code\"",
        clause: "§7.4.1",
        asks: "1005 is a reserved value and MUST NOT be set as a status code in a Close control frame by an endpoint.",
        bytes: b"\x88\x02\x03\xed",
        ..CORRECT
    },
    Fault {
        name: "half",
        does: "announces a payload of five bytes, sends three, and then nothing for 9 s",
        clause: "§7.2.1",
        asks: "If at any point the underlying transport layer connection is unexpectedly lost, the client MUST _Fail the WebSocket Connection_.",
        bytes: b"\x81\x05Hel",
        ..CORRECT
    },
    Fault {
        name: "drop",
        does: "sends \"Hello\" and ends TCP without a Close",
        clause: "§7.1.5",
        asks: "_The WebSocket Connection Close Code_ is considered to be 1006",
        afterwards: Afterwards::EndsTcp,
        ..CORRECT
    },
    Fault {
        name: "mute",
        does: "sends \"Hello\" and does not answer the client's Close for 9 s",
        clause: "§5.5.1",
        asks: "the endpoint MUST send a Close frame in response",
        ..CORRECT
    },
];

/// The fault that a path names.
pub fn named(path: &str) -> Option<&'static Fault> {
    let name = path.strip_prefix("/fault/")?;
    FAULTS.iter().find(|fault| fault.name == name)
}

/// All faults, in JSON.
pub fn all() -> String {
    json::list(FAULTS.iter().map(|fault| {
        Object::new()
            .text("name", fault.name)
            .text("does", fault.does)
            .text("clause", fault.clause)
            .text("asks", fault.asks)
            .end()
    }))
}

/// Checks the opening handshake and answers it; then comes the fault.
#[inline(never)]
pub fn run(mut request: Request<Traced<Tcp>>, fault: &Fault) -> Result<(), Error> {
    let limits = Config::default();
    let mut reader = HeadReader::<RequestLine>::new(limits.max_head, limits.max_fields);
    let Some((head, _)) = reader.read(request.received())? else {
        return Ok(());
    };
    let Ok(opening) = check_request(&head) else {
        // The client gets the same refusal as on every other path.
        return request.upgrade().map(drop);
    };
    let key = fault.key.unwrap_or(opening.key);
    let response = server_response(key, None, None, &Fields::default());
    let stream = request.stream_mut();
    stream.write_all(&response.encode())?;
    stream.write_all(fault.bytes)?;
    if let Afterwards::SaysNothing = fault.afterwards {
        read_and_ignore(stream, SILENCE);
    }
    let _ = stream.shutdown(Shutdown::Write);
    read_and_ignore(stream, GOODBYE);
    let _ = stream.shutdown(Shutdown::Both);
    Ok(())
}

/// Reads until the client ends TCP, for `limit` at most. It answers nothing.
fn read_and_ignore(stream: &mut Traced<Tcp>, limit: Duration) {
    let deadline = Instant::now() + limit;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.limit_reads(Some(left)).is_err() {
            return;
        }
        if !matches!(stream.read(&mut [0; 1024]), Ok(1..)) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_own_name_and_quotes_the_rfc() {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let rfc = words(include_str!("../../../tests/rfc6455/rfc6455.txt"));
        for fault in FAULTS {
            let found = named(&format!("/fault/{}", fault.name));
            assert!(std::ptr::eq(found.unwrap(), fault));
            assert!(rfc.contains(fault.asks), "{}: {}", fault.name, fault.asks);
        }
        assert!(named("/fault/").is_none());
        assert!(named("/fault").is_none());
    }
}
