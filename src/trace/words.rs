//! The words for what is on the wire: the bits of a header, opcodes, the fields of an opening
//! handshake, each with its clause. The terminal and the page `/glass` both take their words here.

use super::agreement::Agreement;
use super::event::{
    Answer, BrokenRule, FramePayload, InflatedPart, PayloadMeaning, Protocol, Unfinished,
    Uninterpreted,
};
use super::skip::Skipped;
use crate::connection::state::State;
use crate::framing::{FIN, Header, LENGTH, MASK, Missing, OPCODE, OpCode, RSV, Role, Violation};
use crate::opening::{
    DEFLATE, GUID, Head, RequestLine, accept_for, accept_hash, is_opening, name, value_has_token,
};
use std::ops::Range;

/// What something means, and the clause that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// A few words.
    pub words: &'static str,
    /// Such as `§5.2`. Empty if RFC 6455 says nothing about it.
    pub clause: &'static str,
}

/// A field of a frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameField {
    /// The last fragment of its message.
    Fin,
    /// RSV1, RSV2 and RSV3.
    Reserved,
    /// What the frame is.
    Opcode,
    /// Whether the payload is masked.
    Mask,
    /// The length in 7 bits.
    Length,
    /// The length in 16 or 64 bits.
    ExtendedLength,
    /// The masking key.
    MaskingKey,
}

impl FrameField {
    /// Its name in §5.2.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FrameField::Fin => "FIN",
            FrameField::Reserved => "RSV1-3",
            FrameField::Opcode => "opcode",
            FrameField::Mask => "MASK",
            FrameField::Length => "length",
            FrameField::ExtendedLength => "extended length",
            FrameField::MaskingKey => "masking key",
        }
    }
}

/// A field of a frame's header, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldInWords {
    /// Which field.
    pub field: FrameField,
    /// Its bits, counted from the first bit of the header.
    pub bits: Range<usize>,
    /// Its value and what that means, short enough for a line of a terminal.
    pub meaning: String,
    /// More about it, for a page. It may be empty.
    pub detail: &'static str,
    /// The clause.
    pub clause: &'static str,
}

/// The fields of a header that this side sent, on a connection with these extensions. The header may
/// break rules, and it may be cut: then these are the fields whose bytes are here.
#[must_use]
pub fn header_fields(from: Role, bytes: &[u8], agreement: &Agreement) -> Vec<FieldInWords> {
    let mut fields = Vec::new();
    if let Some(&first) = bytes.first() {
        fields.extend(first_byte(first, agreement));
    }
    if let Some(&second) = bytes.get(1) {
        fields.extend(second_byte(from, second));
        fields.extend(behind_second_byte(second, bytes));
    }
    fields
}

/// FIN, the reserved bits and the opcode.
fn first_byte(first: u8, agreement: &Agreement) -> [FieldInWords; 3] {
    let opcode = OpCode::decode(first & OPCODE);
    let is_control = opcode.is_ok_and(OpCode::is_control);
    let (fin, fin_clause) = match (first & FIN != 0, is_control) {
        (false, true) => ("0: not allowed in a control frame", "§5.5"),
        (true, true) => ("1: control frames are never fragmented", "§5.5"),
        (true, false) => ("1: the last frame of its message", "§5.4"),
        (false, false) => ("0: more frames of this message follow", "§5.4"),
    };
    let reserved = reserved_bits(first, agreement);
    let (name, detail, opcode_clause) = match opcode {
        Ok(opcode) => {
            let Meaning { words, clause } = opcode_meaning(opcode);
            (opcode_name(opcode), words, clause)
        }
        Err(_) => ("reserved", "", "§5.2"),
    };
    [
        FieldInWords {
            field: FrameField::Fin,
            bits: 0..1,
            meaning: fin.to_owned(),
            detail: "",
            clause: fin_clause,
        },
        FieldInWords {
            field: FrameField::Reserved,
            bits: 1..4,
            meaning: format!("{:03b}: {}", (first & RSV) >> 4, reserved.words),
            detail: "an extension may give these bits a meaning",
            clause: reserved.clause,
        },
        FieldInWords {
            field: FrameField::Opcode,
            bits: 4..8,
            meaning: format!("{:X}: {name}", first & OPCODE),
            detail,
            clause: opcode_clause,
        },
    ]
}

/// What the reserved bits of this byte say.
fn reserved_bits(first: u8, agreement: &Agreement) -> Meaning {
    let opcode = OpCode::decode(first & OPCODE);
    let is_set = first & RSV != 0;
    let is_first = matches!(opcode, Ok(OpCode::Text | OpCode::Binary));
    let is_control = opcode.is_ok_and(OpCode::is_control);
    let (words, clause) = match agreement {
        _ if is_set && first & RSV & !agreement.bits() != 0 => ("reserved", "§5.2"),
        Agreement::NotKnown => ("none is set", "§5.2"),
        Agreement::Of(extensions) if extensions.is_empty() => ("no extension is in use", "§5.2"),
        _ if agreement.stranger().is_some() && is_set => ("an extension has set them", "§5.2"),
        _ if agreement.stranger().is_some() => ("none is set", "§5.2"),
        _ if is_set && is_first => ("RSV1: compressed", DEFLATE_CLAUSE),
        _ if is_set => ("RSV1 must be 0 here", DEFLATE_CLAUSE),
        _ if is_first => ("not compressed", DEFLATE_CLAUSE),
        _ if is_control => ("never compressed", DEFLATE_CLAUSE),
        _ => ("as its first frame says", DEFLATE_CLAUSE),
    };
    Meaning { words, clause }
}

/// The section that says which messages are compressed.
const DEFLATE_CLAUSE: &str = "RFC 7692 §6";

/// MASK and the length in 7 bits.
fn second_byte(from: Role, second: u8) -> [FieldInWords; 2] {
    let mask = match (second & MASK != 0, from) {
        (true, Role::Client) => "1: masked; only a client masks",
        (true, Role::Server) => "1: masked; a server never masks",
        (false, Role::Server) => "0: not masked; only a client masks",
        (false, Role::Client) => "0: not masked; a client must mask",
    };
    let (length, detail) = match second & LENGTH {
        126 => (
            "126: it is in the next 16 bits".to_owned(),
            "the payload has more than 125 bytes",
        ),
        127 => (
            "127: it is in the next 64 bits".to_owned(),
            "the payload has more than 65 535 bytes",
        ),
        short => (short.to_string(), "bytes of payload; up to 125 fit here"),
    };
    [
        FieldInWords {
            field: FrameField::Mask,
            bits: 8..9,
            meaning: mask.to_owned(),
            detail: "",
            clause: "§5.1",
        },
        FieldInWords {
            field: FrameField::Length,
            bits: 9..16,
            meaning: length,
            detail,
            clause: "§5.2",
        },
    ]
}

/// The extended length and the masking key, if the second byte announces them and they are here.
fn behind_second_byte(second: u8, bytes: &[u8]) -> Vec<FieldInWords> {
    let mut fields = Vec::new();
    let end_of_length = 2 + Header::extended_length_size(second);
    let end = Header::size(second);
    if end_of_length > 2
        && let Some(length) = bytes.get(2..end_of_length)
    {
        let number = length
            .iter()
            .fold(0, |number, &byte| number << 8 | u64::from(byte));
        fields.push(FieldInWords {
            field: FrameField::ExtendedLength,
            bits: 16..8 * end_of_length,
            meaning: number.to_string(),
            detail: "bytes of payload; the most significant byte comes first",
            clause: "§5.2",
        });
    }
    if end > end_of_length && bytes.len() >= end {
        fields.push(FieldInWords {
            field: FrameField::MaskingKey,
            bits: 8 * end_of_length..8 * end,
            meaning: "payload byte i XOR key byte i MOD 4".to_owned(),
            detail: "each frame has a new key",
            clause: "§5.3",
        });
    }
    fields
}

/// The name of an opcode.
#[must_use]
pub fn opcode_name(opcode: OpCode) -> &'static str {
    match opcode {
        OpCode::Continuation => "Continuation",
        OpCode::Text => "Text",
        OpCode::Binary => "Binary",
        OpCode::Close => "Close",
        OpCode::Ping => "Ping",
        OpCode::Pong => "Pong",
    }
}

/// What a frame with this opcode is.
#[must_use]
pub fn opcode_meaning(opcode: OpCode) -> Meaning {
    let (words, clause) = match opcode {
        OpCode::Continuation => ("the next fragment of the message", "§5.4"),
        OpCode::Text => ("text, in UTF-8", "§5.6"),
        OpCode::Binary => ("bytes", "§5.6"),
        OpCode::Close => ("the last frame that its sender sends", "§5.5.1"),
        OpCode::Ping => ("the receiver answers with a Pong", "§5.5.2"),
        OpCode::Pong => ("the answer to a Ping", "§5.5.3"),
    };
    Meaning { words, clause }
}

/// What the first line of a request means.
#[must_use]
pub fn request_line(head: &Head<RequestLine>) -> Meaning {
    let line = &head.start;
    let (words, clause) = match (is_opening(head), line.is_get() && line.is_http_1_1()) {
        (true, true) => (
            "a GET request, in HTTP/1.1 or higher, for a resource",
            "§4.1",
        ),
        (true, false) => (
            "an opening handshake is a GET request, in HTTP/1.1 or higher",
            "§4.1",
        ),
        _ if line.method == "CONNECT" => ("a proxy is asked to connect to this host", "§4.1"),
        _ => ("a request that does not ask for a WebSocket", "RFC 9110 §9"),
    };
    Meaning { words, clause }
}

/// What the first line of a response means.
#[must_use]
pub fn status_line(answer: &Answer) -> Meaning {
    let (words, clause) = match answer {
        Answer::Final => ("the answer to a request", "RFC 9110 §15"),
        Answer::Interim => ("not the final one; that follows", "RFC 9110 §15.2"),
        Answer::WebSocket => ("from the empty line on, there are frames", "§4.2.2"),
        Answer::Refusal => ("only the status 101 opens a WebSocket", "§4.1"),
        Answer::Tunnel => (
            "from the empty line on, the proxy passes on what comes",
            "RFC 9110 §9.3.6",
        ),
        Answer::Upgrade(_) => (
            "from the empty line on, there is another protocol",
            "RFC 9110 §7.8",
        ),
    };
    Meaning { words, clause }
}

/// A protocol that is not read here.
#[must_use]
pub fn other_protocol(protocol: &Protocol) -> String {
    match protocol {
        Protocol::Tls => "TLS; only its two ends can read it".to_owned(),
        Protocol::Http2 => "HTTP/2, which is not read here".to_owned(),
        Protocol::Named(name) => format!("\"{name}\", which is not read here"),
    }
}

/// An extension that a Sec-WebSocket-Extensions field names, or one of its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionInWords {
    /// As the field has it, such as `server_max_window_bits=10`.
    pub text: String,
    /// What it means.
    pub meaning: Meaning,
}

/// The extensions that this value of a Sec-WebSocket-Extensions field names, each with its
/// parameters. Empty, if the value does not have the form of such a field.
#[must_use]
pub fn extensions(value: &str) -> Vec<ExtensionInWords> {
    let mut all = Vec::new();
    let Ok(agreement) = Agreement::parse(value) else {
        return all;
    };
    for extension in agreement.extensions() {
        all.push(ExtensionInWords {
            text: extension.name.clone(),
            meaning: match &extension.name[..] {
                DEFLATE => Meaning {
                    words: "messages may be compressed",
                    clause: "RFC 7692 §7",
                },
                _ => Meaning {
                    words: "not known here",
                    clause: "§9.1",
                },
            },
        });
        for (name, value) in &extension.parameters {
            let text = match value {
                Some(value) => format!("{name}={value}"),
                None => name.clone(),
            };
            let known = extension.name == DEFLATE;
            let meaning = deflate_parameter(name, value.is_some());
            let meaning = meaning.filter(|_| known).unwrap_or(Meaning {
                words: "not known here",
                clause: "§9.1",
            });
            all.push(ExtensionInWords { text, meaning });
        }
    }
    all
}

/// A parameter of permessage-deflate.
fn deflate_parameter(name: &str, has_value: bool) -> Option<Meaning> {
    let (words, clause) = match (name, has_value) {
        ("server_no_context_takeover", false) => {
            ("the server starts each message anew", "RFC 7692 §7.1.1.1")
        }
        ("client_no_context_takeover", false) => {
            ("the client starts each message anew", "RFC 7692 §7.1.1.2")
        }
        ("server_max_window_bits", true) => {
            ("log2 of the server's window in bytes", "RFC 7692 §7.1.2.1")
        }
        ("client_max_window_bits", true) => {
            ("log2 of the client's window in bytes", "RFC 7692 §7.1.2.2")
        }
        ("client_max_window_bits", false) => {
            ("the server may limit the client", "RFC 7692 §7.1.2.2")
        }
        _ => return None,
    };
    Some(Meaning { words, clause })
}

/// What a field of a head is for. `None`: it has no meaning for WebSocket.
#[must_use]
pub fn head_field(field: &str, value: &str) -> Option<Meaning> {
    let is = |name: &str| field.eq_ignore_ascii_case(name);
    if is(name::CONNECTION) && !value_has_token(value, "Upgrade") {
        return None;
    }
    const MEANINGS: [(&str, &str, &str); 13] = [
        (
            name::HOST,
            "the name of the server; several can share one address",
            "§4.1",
        ),
        (name::UPGRADE, "change the protocol to this one", "§4.1"),
        (
            name::CONNECTION,
            "for this connection only; a proxy does not pass it on",
            "§4.1",
        ),
        (
            name::KEY,
            "16 random bytes in base64; the answer is computed from them",
            "§4.1",
        ),
        (
            name::VERSION,
            "13 is the only version of the protocol",
            "§4.1",
        ),
        (name::ACCEPT, "the server's answer to the key", "§4.2.2"),
        (name::PROTOCOL, "the language inside the messages", "§1.9"),
        (name::EXTENSIONS, "extensions change the frames", "§9.1"),
        (
            name::ORIGIN,
            "the site of the page, says the browser",
            "§10.2",
        ),
        ("Cookie", "who the user is, for the application", "§4.1"),
        (
            "Authorization",
            "who the user is, for the application",
            "§4.1",
        ),
        (
            "Content-Length",
            "the body has this many bytes",
            "RFC 9112 §6.2",
        ),
        (
            "Transfer-Encoding",
            "the form of the body; chunked says where it ends",
            "RFC 9112 §6.1",
        ),
    ];
    let known = MEANINGS.into_iter().find(|(name, ..)| is(name))?;
    let (_, words, clause) = known;
    Some(Meaning { words, clause })
}

/// One step from the key to the accept value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptStep {
    /// A word or two, for a terminal.
    pub name: &'static str,
    /// The step in words, for a page.
    pub words: &'static str,
    /// What it gives.
    pub value: String,
}

/// How the accept value comes about (§4.2.2), step by step.
#[must_use]
pub fn accept_steps(key: &str) -> [AcceptStep; 4] {
    let step = |name, words, value| AcceptStep { name, words, value };
    [
        step("key", "the key of the request", key.to_owned()),
        step(
            "+ GUID",
            "with the GUID of §1.3 behind it",
            format!("{key}{GUID}"),
        ),
        step(
            "SHA-1",
            "hashed with SHA-1: 20 bytes",
            super::columns::hex(&accept_hash(key)),
        ),
        step(
            "base64",
            "in base64: the Sec-WebSocket-Accept",
            accept_for(key),
        ),
    ]
}

/// The section that says how the accept value comes about.
pub const ACCEPT_CLAUSE: &str = "§4.2.2";

/// When a connection enters a state.
#[must_use]
pub fn state(state: State) -> Meaning {
    let words = match state {
        State::Connecting => "from the request on",
        State::Open => "from the 101 on",
        State::Closing => "from the first Close on",
        State::Closed => "from the end of TCP on",
    };
    Meaning {
        words,
        clause: state.clause(),
    }
}

/// What a Close is in the closing handshake: the first one, or the answer.
#[must_use]
pub fn close_step(is_first: bool) -> Meaning {
    let (words, clause) = match is_first {
        true => ("it begins the closing handshake", "§7.1.3"),
        false => ("the answer", "§5.5.1"),
    };
    Meaning { words, clause }
}

/// One side ended its direction of TCP. [`unfinished`] says more.
pub const EOF: Meaning = Meaning {
    words: "ended TCP",
    clause: "§7.1.1",
};

/// One side, or the path to it, reset TCP.
pub const RESET: Meaning = Meaning {
    words: "reset TCP",
    clause: "§7.2.1",
};

/// A role, as in "the client ended TCP".
#[must_use]
pub fn role(role: Role) -> &'static str {
    match role {
        Role::Client => "client",
        Role::Server => "server",
    }
}

/// What bytes are that are not interpreted.
#[must_use]
pub fn uninterpreted(why: Uninterpreted) -> Meaning {
    let (words, clause) = match why {
        Uninterpreted::NotHttp => ("that are not HTTP", ""),
        Uninterpreted::BeforeAnswer => ("that came before the answer", "§4.1"),
        Uninterpreted::AfterViolation => ("behind the violation, not interpreted", "§7.1.7"),
        Uninterpreted::AfterClose => ("behind the Close", "§5.5.1"),
        Uninterpreted::OfExtension => ("of a header that an extension may define", "§5.8"),
    };
    Meaning { words, clause }
}

/// A body of this many bytes.
#[must_use]
pub fn body(length: u64) -> String {
    format!("as a body, {length} byte{}", plural(length))
}

/// What one side had not finished when it ended TCP. `None`: it had finished everything.
#[must_use]
pub fn unfinished(unfinished: Unfinished) -> Option<String> {
    match unfinished {
        Unfinished::Nothing => None,
        Unfinished::Head => Some("inside a head".to_owned()),
        Unfinished::Body(None) => Some("inside a body".to_owned()),
        Unfinished::Body(Some(count)) => Some(format!(
            "{count} byte{} before the end of a body",
            plural(count)
        )),
        Unfinished::Frame(Missing::AtLeast(count)) => {
            Some(format!("{count} or more bytes before the end of a frame"))
        }
        Unfinished::Frame(Missing::Exactly(count)) => Some(format!(
            "{count} byte{} before the end of a frame",
            plural(count)
        )),
    }
}

/// What a silent side has not sent yet, as in "waiting for 5 more bytes".
#[must_use]
pub fn missing(unfinished: Unfinished) -> String {
    let bytes = |count| format!("{count} more byte{}", plural(count));
    match unfinished {
        Unfinished::Nothing => "nothing".to_owned(),
        Unfinished::Head => "an empty line".to_owned(),
        Unfinished::Body(None) => "the end of the body".to_owned(),
        Unfinished::Body(Some(count)) | Unfinished::Frame(Missing::Exactly(count)) => bytes(count),
        Unfinished::Frame(Missing::AtLeast(count)) => format!("at least {}", bytes(count)),
    }
}

/// Why a payload is not the application's bytes. `None`: it is.
#[must_use]
pub fn payload_meaning(meaning: PayloadMeaning) -> Option<Meaning> {
    let (words, clause) = match meaning {
        PayloadMeaning::Plain => return None,
        PayloadMeaning::Compressed => ("compressed (permessage-deflate)", DEFLATE_CLAUSE),
        PayloadMeaning::OfExtension => ("as an extension has left it", "§5.8"),
        PayloadMeaning::NotKnown => ("not judged, behind a violation", ""),
    };
    Some(Meaning { words, clause })
}

/// What came out of a compressed payload: its size beside the size as it was sent.
#[must_use]
pub fn inflated(payload: &FramePayload, inflated: &InflatedPart) -> String {
    let InflatedPart { length, lost, .. } = *inflated;
    match lost {
        true => "the window is not known".to_owned(),
        false => format!("{length} byte{} from {}", plural(length), payload.arrived),
    }
}

/// What was left out because the reader of the events is too slow for them.
#[must_use]
pub fn skipped(skipped: Skipped) -> String {
    let count = |count, what| format!("{count} {what}{}", plural(count));
    let left_out = match skipped {
        Skipped { frames, bytes: 0 } => count(frames, "frame"),
        Skipped { frames: 0, bytes } => count(bytes, "byte"),
        Skipped { frames, bytes } => {
            format!("{} and {}", count(frames, "frame"), count(bytes, "byte"))
        }
    };
    format!("{left_out} not shown: more came at once than a page can show")
}

/// The `s` behind a number of things.
#[must_use]
pub fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// What an extension in use says about a broken rule, if it says something.
#[must_use]
pub fn extension_rule(broken: &BrokenRule) -> Option<&'static str> {
    let rule = "permessage-deflate sets RSV1 on the first frame of a message, and no other bit (RFC \
                7692 §6).";
    let is_about_bits = matches!(broken.violation, Violation::ReservedBits(_));
    (is_about_bits && broken.agreement.compresses()).then_some(rule)
}

/// The close code that a violation earns.
#[must_use]
pub fn close_for(violation: Violation) -> String {
    format!("The receiver closes with {}.", violation.close_code())
}
