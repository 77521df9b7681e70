//! `/fault/NAME`: servers that break the protocol, one rule each, to see what a client makes of it.
//!
//! The library's own writer sends nothing that is against the rules, so here the handshake is done
//! by hand, with the functions it is made of, and what follows is bytes.

use crate::json::{self, Object};
use rfc6455::http::{Fields, HeadReader};
use rfc6455::{Config, Error, Request, Stream, Tcp, Traced, handshake};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// Silence takes no longer.
const LIMIT: Duration = Duration::from_secs(9);
/// For the client's end of TCP, behind ours.
const GOODBYE: Duration = Duration::from_secs(1);

/// A broken server.
pub struct Fault {
    pub name: &'static str,
    /// What it does.
    does: &'static str,
    /// Where the RFC forbids that, or says what a client is to do.
    clause: &'static str,
    /// What is asked there.
    asks: &'static str,
    /// The key that it answers in place of the client's.
    answers: Option<&'static str>,
    /// What it sends behind the opening handshake.
    bytes: &'static [u8],
    then: Then,
}

enum Then {
    /// Reads and says nothing, until the client goes.
    Silence,
    /// Ends TCP.
    End,
}

/// A proper server that greets and then says nothing more: what the faults are made from.
const SOUND: Fault = Fault {
    name: "",
    does: "",
    clause: "",
    asks: "",
    answers: None,
    bytes: b"\x81\x05Hello",
    then: Then::Silence,
};

static FAULTS: &[Fault] = &[
    Fault {
        name: "masked",
        does: "sends \"Hello\" in a masked frame, as clients do",
        clause: "§5.1",
        asks: "A client MUST close a connection if it detects a masked frame.",
        bytes: b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
        ..SOUND
    },
    Fault {
        name: "accept",
        does: "answers another key than the client's",
        clause: "§4.1",
        asks: "the client MUST _Fail the WebSocket Connection_",
        // The one of §1.3.
        answers: Some("dGhlIHNhbXBsZSBub25jZQ=="),
        ..SOUND
    },
    Fault {
        name: "opcode",
        does: "sends a frame with the opcode 3, which is reserved",
        clause: "§5.2",
        asks: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_.",
        bytes: b"\x83\x05Hello",
        ..SOUND
    },
    Fault {
        name: "rsv1",
        does: "sets the bit RSV1, which no extension has given a meaning",
        clause: "§5.2",
        asks: "the receiving endpoint MUST _Fail the WebSocket Connection_",
        bytes: b"\xc1\x05Hello",
        ..SOUND
    },
    Fault {
        name: "length",
        does: "writes the length 5 in 16 bits, where 7 bits would do",
        clause: "§5.2",
        asks: "in all cases, the minimal number of bytes MUST be used to encode the length",
        bytes: b"\x81\x7e\x00\x05Hello",
        ..SOUND
    },
    Fault {
        name: "ping",
        does: "sends a Ping with FIN clear: a first fragment",
        clause: "§5.5",
        asks: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented.",
        bytes: b"\x09\x05Hello",
        ..SOUND
    },
    Fault {
        name: "utf8",
        does: "sends the bytes C3 28 as text, which is no UTF-8",
        clause: "§8.1",
        asks: "that endpoint MUST _Fail the WebSocket Connection_",
        bytes: b"\x81\x02\xc3\x28",
        ..SOUND
    },
    Fault {
        name: "close1005",
        does: "sends a Close with the code 1005, which means that there was none",
        clause: "§7.4.1",
        asks: "1005 is a reserved value and MUST NOT be set as a status code in a Close control frame by an endpoint.",
        bytes: b"\x88\x02\x03\xed",
        ..SOUND
    },
    Fault {
        name: "half",
        does: "sends a header for five bytes, three of them, and then nothing for 9 s",
        clause: "§7.2.1",
        asks: "If at any point the underlying transport layer connection is unexpectedly lost, the client MUST _Fail the WebSocket Connection_.",
        bytes: b"\x81\x05Hel",
        ..SOUND
    },
    Fault {
        name: "drop",
        does: "says \"Hello\" and ends TCP without a Close",
        clause: "§7.1.5",
        asks: "_The WebSocket Connection Close Code_ is considered to be 1006",
        then: Then::End,
        ..SOUND
    },
    Fault {
        name: "mute",
        does: "says \"Hello\" and does not answer the client's Close, for 9 s",
        clause: "§5.5.1",
        asks: "the endpoint MUST send a Close frame in response",
        ..SOUND
    },
];

/// The fault that a path names.
pub fn named(path: &str) -> Option<&'static Fault> {
    let name = path.strip_prefix("/fault/")?;
    FAULTS.iter().find(|fault| fault.name == name)
}

/// The whole shelf, in JSON.
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

/// An opening handshake, checked and answered as always (or nearly); then the fault.
#[inline(never)]
pub fn run(mut request: Request<Traced<Tcp>>, fault: &Fault) -> Result<(), Error> {
    let read = HeadReader::new(&Config::default()).read(request.received());
    let Some((head, _)) = read? else {
        return Ok(());
    };
    let Ok(opening) = handshake::check_request(&head) else {
        // It is refused, and told why.
        return request.upgrade().map(drop);
    };
    let key = fault.answers.unwrap_or(opening.key);
    let answer = handshake::response(key, None, &Fields::default());
    let stream = request.stream_mut();
    stream.write_all(&answer.encode())?;
    stream.write_all(fault.bytes)?;
    if let Then::Silence = fault.then {
        ignore(stream, LIMIT);
    }
    let _ = stream.shutdown(Shutdown::Write);
    ignore(stream, GOODBYE);
    let _ = stream.shutdown(Shutdown::Both);
    Ok(())
}

/// Reads without answering until the client goes, or the time is up.
fn ignore(stream: &mut Traced<Tcp>, limit: Duration) {
    let deadline = Instant::now() + limit;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // A limit of zero is no limit (`set_read_timeout` refuses it).
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
    fn every_fault_has_a_name_of_its_own_and_quotes_the_rfc() {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let rfc = words(include_str!("../../../tests/rfc6455/rfc6455.txt"));
        for fault in FAULTS {
            assert!(std::ptr::eq(
                named(&format!("/fault/{}", fault.name)).unwrap(),
                fault
            ));
            assert!(rfc.contains(fault.asks), "{}: {}", fault.name, fault.asks);
        }
        assert!(named("/fault/").is_none());
        assert!(named("/fault").is_none());
    }
}
