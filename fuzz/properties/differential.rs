//! This library and another one, tungstenite, read the same bytes. Each known difference has a line
//! here, with its reason. Any other difference is a mistake in one of the two.
//!
//! The other library is a dependency of the fuzzer alone, so `cargo test` does not replay this.

use rfc6455::framing::{Decoded, Header, NO_EXTENSION, mask};
use rfc6455::{
    CloseCode, Config, Entropy, Error, InvalidClose, OpCode, OwnedMessage, Role, Untimed,
    Violation, WebSocket,
};
use std::io::{self, Cursor, Read, Write};
use tungstenite::error::ProtocolError;
use tungstenite::protocol::frame::{FrameHeader, coding};
use tungstenite::protocol::{self, WebSocketConfig};

/// Checks all properties for one input.
pub fn check(input: &[u8]) {
    header(input);
    for role in [Role::Client, Role::Server] {
        messages(role, input);
    }
}

/// One header. Ours refuses it at the first byte that breaks a rule. Theirs reads it to its end,
/// and refuses reserved opcodes only; the other rules are elsewhere in that library.
fn header(input: &[u8]) {
    use tungstenite::Error::Protocol;
    let mut cursor = Cursor::new(input);
    let ours = Header::decode(input, NO_EXTENSION);
    let theirs = FrameHeader::parse(&mut cursor);
    match (ours, theirs) {
        // No difference.
        (Ok(Decoded::Incomplete(_)), Ok(None)) => {}
        (Ok(Decoded::Header(ours, size)), Ok(Some((theirs, length)))) => {
            assert_eq!(size as u64, cursor.position());
            assert_eq!(ours.length, length);
            assert_eq!(ours.fin, theirs.is_final);
            assert_eq!(ours.opcode.encode(), u8::from(theirs.opcode));
            assert_eq!(ours.mask, theirs.mask);
            assert!(!theirs.rsv1 && !theirs.rsv2 && !theirs.rsv3);
        }
        (
            Err(Violation::ReservedOpcode(ours)),
            Err(Protocol(ProtocolError::InvalidOpcode(theirs))),
        ) => {
            assert_eq!(ours, theirs);
        }

        // The header is not complete, and theirs waits for the rest.
        (Err(_), Ok(None)) => assert!(input.len() < 14),
        // With a reserved bit and a reserved opcode, ours names the one that is first in the byte.
        (Err(Violation::ReservedBits(_)), Err(Protocol(ProtocolError::InvalidOpcode(opcode)))) => {
            assert_eq!(opcode, input[0] & 0x0F);
        }
        // Theirs reports the reserved bits, because an extension may use them.
        (Err(Violation::ReservedBits(ours)), Ok(Some((theirs, _)))) => {
            let bits = [theirs.rsv1, theirs.rsv2, theirs.rsv3];
            assert_eq!(
                ours,
                bits.iter().fold(0, |all, &bit| all << 1 | u8::from(bit))
            );
        }
        // Theirs checks the rules for control frames only when the payload is there.
        (Err(Violation::FragmentedControl(_)), Ok(Some((theirs, _)))) => {
            assert!(matches!(theirs.opcode, coding::OpCode::Control(_)) && !theirs.is_final);
        }
        // The same is true here. And theirs accepts a length of at most 125 in a longer form.
        (Err(Violation::LongControl(_)), Ok(Some((theirs, length)))) => {
            assert!(matches!(theirs.opcode, coding::OpCode::Control(_)));
            assert!(length > 125 || cursor.position() > theirs.len(length) as u64);
        }
        // Theirs accepts lengths in any form, the shortest or not (§5.2 has a MUST).
        (Err(Violation::LengthNotMinimal { length: ours, .. }), Ok(Some((theirs, length)))) => {
            assert_eq!(ours, length);
            assert!(cursor.position() > theirs.len(length) as u64);
        }
        // Theirs accepts lengths of 2⁶³ and more (§5.2 has another MUST); no limit lets them pass.
        (Err(Violation::LengthTopBit(ours)), Ok(Some((_, length)))) => assert_eq!(ours, length),

        (ours, theirs) => panic!("ours: {ours:?}; theirs: {theirs:?}"),
    }
}

/// The longest message, for both.
const MAX_MESSAGE: usize = 1 << 10;

/// A whole conversation: the messages, the Pings, and how it ends.
fn messages(role: Role, input: &[u8]) {
    // Theirs judges a frame when it is complete, ours while it arrives. So there are zeros behind
    // the input, enough to complete every frame that the input begins.
    let mut wire = input.to_vec();
    wire.resize(input.len() + 14 + MAX_MESSAGE, 0);
    let ours = ours(role, &wire);
    let theirs = theirs(role, &wire);

    use ProtocolError as P;
    use Violation as V;
    match (&ours.end, &theirs.end) {
        // Theirs accepts a length in a longer form than is needed, and goes on where ours ends.
        (End::Refused(V::LengthNotMinimal { .. } | V::LongControl(_)), _)
            if is_first_refused_for_its_form(&wire) =>
        {
            assert!(theirs.messages.starts_with(&ours.messages));
            assert!(theirs.pings.starts_with(&ours.pings));
            return;
        }

        // No difference.
        (End::Closed(ours), End::Closed(theirs)) if ours == theirs => {}
        (End::Lost, End::Lost) => {}
        (End::Refused(V::ReservedBits(_)), End::Protocol(P::NonZeroReservedBits)) => {}
        (End::Refused(V::ReservedOpcode(ours)), End::Protocol(P::InvalidOpcode(theirs))) => {
            assert_eq!(ours, theirs);
        }
        (End::Refused(V::FragmentedControl(_)), End::Protocol(P::FragmentedControlFrame)) => {}
        (End::Refused(V::LongControl(_)), End::Protocol(P::ControlFrameTooBig)) => {}
        (End::Refused(V::Unmasked), End::Protocol(P::UnmaskedFrameFromClient)) => {}
        (End::Refused(V::Masked), End::Protocol(P::MaskedFrameFromServer)) => {}
        (End::Refused(V::NothingToContinue), End::Protocol(P::UnexpectedContinueFrame)) => {}
        (End::Refused(V::UnfinishedMessage(ours)), End::Protocol(P::ExpectedFragment(theirs))) => {
            assert_eq!(*ours, u8::from(coding::OpCode::Data(*theirs)));
        }
        (End::Refused(V::TooBig { .. }), End::TooBig) => {}
        (End::Refused(V::NotUtf8 { .. }), End::NotUtf8) => {}
        (
            End::Refused(V::InvalidClose(InvalidClose::OneByte)),
            End::Protocol(P::InvalidCloseSequence),
        ) => {}
        (End::Refused(V::InvalidClose(InvalidClose::NotUtf8 { .. })), End::NotUtf8) => {}

        // Where one frame breaks two rules, the two may name different ones.
        // Theirs looks at the opcode before all else, ours at the bits before it.
        (End::Refused(V::ReservedBits(_)), End::Protocol(P::InvalidOpcode(_))) => {}
        // Theirs looks at the limit next, as soon as it has the length.
        (End::Refused(V::ReservedBits(_)), End::TooBig) => {}
        (End::Refused(V::FragmentedControl(_) | V::LongControl(_)), End::TooBig) => {}
        (End::Refused(V::Unmasked | V::Masked), End::TooBig) => {}
        (End::Refused(V::NothingToContinue | V::UnfinishedMessage(_)), End::TooBig) => {}
        // The same is true here: a length with the top bit set is over every limit.
        (End::Refused(V::LengthTopBit(_)), End::TooBig) => {}
        // A server of theirs looks at the mask next, and at everything else behind it.
        (
            End::Refused(V::ReservedBits(_) | V::FragmentedControl(_) | V::LongControl(_)),
            End::Protocol(P::UnmaskedFrameFromClient),
        ) => {}
        // A client of theirs looks at the mask behind the reserved bits, but before the rest.
        (
            End::Refused(V::FragmentedControl(_) | V::LongControl(_)),
            End::Protocol(P::MaskedFrameFromServer),
        ) => {}

        // A Close with a code that may not be sent is to theirs a Close with 1002.
        (End::Refused(V::InvalidClose(InvalidClose::Code(code))), End::Closed(Some((1002, _))))
            if *code != CloseCode::BAD_GATEWAY => {}
        // 1014, a bad gateway, was registered after the RFC (§11.7); theirs does not know it.
        (End::Closed(Some((1014, _))), End::Closed(Some((1002, _)))) => {}

        (ours, theirs) => panic!("{role:?}, ours: {ours:?}; theirs: {theirs:?}"),
    }
    assert_eq!(ours.messages, theirs.messages);
    assert_eq!(ours.pings, theirs.pings);
}

/// Whether the first frame with a length that ours refuses has it in a longer form than is needed.
fn is_first_refused_for_its_form(mut wire: &[u8]) -> bool {
    loop {
        let mut cursor = Cursor::new(wire);
        let Ok(Some((header, length))) = FrameHeader::parse(&mut cursor) else {
            return false;
        };
        if cursor.position() > header.len(length) as u64 {
            return true;
        }
        if matches!(header.opcode, coding::OpCode::Control(_)) && length > 125 {
            return false;
        }
        let behind = cursor.position().saturating_add(length);
        let Some(rest) = usize::try_from(behind).ok().and_then(|at| wire.get(at..)) else {
            return false;
        };
        wire = rest;
    }
}

/// What one of the two libraries found on the wire.
#[derive(Debug)]
struct Conversation {
    messages: Vec<OwnedMessage>,
    pings: Vec<Vec<u8>>,
    end: End,
}

#[derive(Debug)]
enum End {
    /// A Close came, with this code and reason.
    Closed(Option<(u16, String)>),
    /// The wire ended.
    Lost,
    /// Ours: what was wrong.
    Refused(Violation),
    /// Theirs: what was wrong, in three kinds.
    Protocol(ProtocolError),
    TooBig,
    NotUtf8,
}

fn ours(role: Role, wire: &[u8]) -> Conversation {
    let config = Config {
        max_message: MAX_MESSAGE,
        entropy: || Entropy::scripted(b"keys"),
        ..Config::default()
    };
    let mut sent = Vec::new();
    let peer = Untimed(Peer {
        rest: wire,
        sent: &mut sent,
    });
    let mut socket = WebSocket::after_handshake(peer, role, &[], &config).unwrap();
    let mut messages = Vec::new();
    let end = loop {
        messages.push(match socket.read() {
            Ok(Some(message)) => message.to_owned(),
            Ok(None) => {
                let received = socket.closed().unwrap().received.unwrap();
                let code_and_text = |CloseCode(code)| (code, received.text().to_owned());
                break End::Closed(received.code().map(code_and_text));
            }
            Err(Error::Violation(violation)) => break End::Refused(violation),
            Err(Error::Closed(_)) => break End::Lost,
            Err(error) => panic!("{error}"),
        });
    };
    drop(socket);

    // Pings are answered and not reported. Only their Pongs can be seen.
    let mut pings = Vec::new();
    let mut rest = &sent[..];
    while let Ok(Decoded::Header(header, size)) = Header::decode(rest, NO_EXTENSION) {
        let (payload, behind) = rest[size..].split_at(header.length as usize);
        if header.opcode == OpCode::Pong {
            let mut payload = payload.to_vec();
            mask(header.mask.unwrap_or_default(), 0, &mut payload);
            pings.push(payload);
        }
        rest = behind;
    }
    Conversation {
        messages,
        pings,
        end,
    }
}

fn theirs(role: Role, wire: &[u8]) -> Conversation {
    use tungstenite::{Error, Message};
    let config = WebSocketConfig::default()
        .read_buffer_size(MAX_MESSAGE)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let mut sent = Vec::new();
    let peer = Peer {
        rest: wire,
        sent: &mut sent,
    };
    let role = match role {
        Role::Client => protocol::Role::Client,
        Role::Server => protocol::Role::Server,
    };
    let mut socket = protocol::WebSocket::from_raw_socket(peer, role, Some(config));
    let mut messages = Vec::new();
    let mut pings = Vec::new();
    let end = loop {
        match socket.read() {
            Ok(Message::Text(text)) => messages.push(OwnedMessage::Text(text.to_string())),
            Ok(Message::Binary(bytes)) => messages.push(OwnedMessage::Binary(bytes.to_vec())),
            Ok(Message::Ping(payload)) => pings.push(payload.to_vec()),
            Ok(Message::Pong(_)) => {}
            Ok(Message::Frame(_)) => unreachable!("reading gives no bare frames"),
            Ok(Message::Close(close)) => {
                let code_and_text =
                    |close: protocol::CloseFrame| (u16::from(close.code), close.reason.to_string());
                break End::Closed(close.map(code_and_text));
            }
            Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => break End::Lost,
            Err(Error::Protocol(error)) => break End::Protocol(error),
            Err(Error::Capacity(_)) => break End::TooBig,
            Err(Error::Utf8(_)) => break End::NotUtf8,
            Err(error) => panic!("{error}"),
        }
    };
    Conversation {
        messages,
        pings,
        end,
    }
}

/// The other end, in memory. It sends the wire, and keeps what it receives.
struct Peer<'a> {
    rest: &'a [u8],
    sent: &'a mut Vec<u8>,
}

impl Read for Peer<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.rest.read(room)
    }
}

impl Write for Peer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sent.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
