//! What a report says of a connection, in JSON. Every word about the protocol comes from
//! `trace::words`, so the page only draws. What a peer wrote goes through [`Printable`] first.

use crate::json::{self, Object};
use rfc6455::opening::{Fields, Head, RequestLine, StatusLine};
use rfc6455::trace::words::{self, FieldInWords, FrameField, Meaning, plural, role};
use rfc6455::trace::{Answer, BrokenRule, Event, FrameHeader, FramePayload, Skipped, hex};
use rfc6455::{CloseReason, OpCode, Printable, State};
use std::ops::Range;
use std::time::Duration;

/// One thing that is reported.
pub struct Note {
    /// The time since the report has its connection.
    pub at: Duration,
    pub content: Content,
}

pub enum Content {
    /// A frame. If its payload did not come, it has none.
    Frame {
        header: FrameHeader,
        payload: Option<FramePayload>,
        /// It is the first Close of the connection.
        first_close: bool,
    },
    /// Any other event.
    Event(Event),
    /// This much is not reported.
    Skipped(Skipped),
}

impl Note {
    /// The memory that the note takes, in bytes.
    pub fn held(&self) -> usize {
        let behind = match &self.content {
            Content::Frame {
                payload: Some(payload),
                ..
            } => payload.sent.capacity(),
            Content::Frame { payload: None, .. } => 0,
            Content::Event(Event::Request { head, .. }) => held_by(&head.fields),
            Content::Event(Event::Response { head, .. }) => held_by(&head.fields),
            Content::Event(Event::Violation(broken)) => broken.bytes.capacity(),
            Content::Event(Event::Bytes { bytes, .. }) => bytes.capacity(),
            Content::Event(_) | Content::Skipped(_) => 0,
        };
        size_of::<Note>() + behind
    }

    /// The note as JSON. Its member `is` says what kind of note it is.
    pub fn to_json(&self) -> String {
        let object = match &self.content {
            Content::Frame {
                header,
                payload,
                first_close,
            } => frame(header, payload.as_ref(), *first_close),
            Content::Event(event) => self::event(event),
            Content::Skipped(skipped) => Object::of_kind("missed")
                .number("frames", skipped.frames)
                .number("bytes", skipped.bytes)
                .text("meaning", &words::skipped(*skipped)),
        };
        let milliseconds = u64::try_from(self.at.as_millis()).unwrap_or(u64::MAX);
        object.number("at", milliseconds).end()
    }
}

/// The words that the page needs before there is a connection.
pub fn words() -> String {
    let states = [
        State::Connecting,
        State::Open,
        State::Closing,
        State::Closed,
    ];
    let states = states.map(|state| {
        let object = Object::new().text("name", state.name());
        meaning(object, words::state(state)).end()
    });
    Object::new()
        .json("states", &json::list(states))
        .text("close_event_clause", "§7.1.5")
        .end()
}

/// Adds the members `meaning` and `clause`.
fn meaning(object: Object, Meaning { words, clause }: Meaning) -> Object {
    object.text("meaning", words).text("clause", clause)
}

fn event(event: &Event) -> Object {
    match event {
        Event::Request { head, error } => {
            request(head).optional_text("wrong", text_of(error).as_deref())
        }
        Event::Response {
            head,
            answer,
            key,
            error,
        } => {
            let key = key.as_deref().filter(|_| *answer == Answer::WebSocket);
            response(head, answer, key).optional_text("wrong", text_of(error).as_deref())
        }
        Event::Body(body) => Object::of_kind("bytes")
            .text("from", role(body.from))
            .text("meaning", &words::body(body.length))
            .text("clause", "")
            .text("bytes", &hex(&body.start)),
        Event::OtherProtocol { from, protocol } => Object::of_kind("no head")
            .text("from", role(*from))
            .text("wrong", &words::other_protocol(protocol)),
        Event::NotHttp { from, why } => Object::of_kind("no head")
            .text("from", role(*from))
            .text("wrong", why),
        Event::Violation(broken) => violation(broken),
        Event::Bytes { from, bytes, why } => {
            let object = Object::of_kind("bytes").text("from", role(*from));
            meaning(object, words::uninterpreted(*why)).text("bytes", &hex(bytes))
        }
        Event::State(state) => Object::of_kind("state").text("state", state.name()),
        Event::Eof { from, unfinished } => {
            let object = Object::of_kind("end").text("from", role(*from));
            meaning(object, words::EOF)
                .optional_text("unfinished", words::unfinished(*unfinished).as_deref())
        }
        Event::Reset { from } => {
            let object = Object::of_kind("reset").text("from", role(*from));
            meaning(object, words::RESET)
        }
        // The reporter makes a frame of the first two, and keeps the third to itself.
        Event::Header(_) | Event::Payload(_) | Event::Begun(_) => Object::new(),
    }
}

/// The memory of a head's fields, in bytes.
fn held_by(fields: &Fields) -> usize {
    let strings = 2 * size_of::<String>();
    let fields = fields.iter();
    fields
        .map(|(name, value)| strings + name.len() + value.len())
        .sum()
}

fn text_of(error: &Option<impl ToString>) -> Option<String> {
    error.as_ref().map(ToString::to_string)
}

// The opening handshake.

fn request(head: &Head<RequestLine>) -> Object {
    let object = Object::of_kind("request").text("line", &printable(&head.start));
    meaning(object, words::request_line(head)).json("fields", &head_fields(&head.fields))
}

/// The response, and how its accept value comes about if the key is known.
fn response(head: &Head<StatusLine>, answer: &Answer, key: Option<&str>) -> Object {
    let object = Object::of_kind("response").text("line", &printable(&head.start));
    let object =
        meaning(object, words::status_line(answer)).json("fields", &head_fields(&head.fields));
    match key {
        None => object,
        Some(key) => object.json("accept", &accept(key)),
    }
}

fn accept(key: &str) -> String {
    let steps = words::accept_steps(key).map(|step| {
        Object::new()
            .text("meaning", step.words)
            .text("value", &printable(step.value))
            .end()
    });
    Object::new()
        .text("clause", words::ACCEPT_CLAUSE)
        .json("steps", &json::list(steps))
        .end()
}

/// The fields of a head. Those without a meaning for WebSocket have no member `meaning`.
fn head_fields(fields: &Fields) -> String {
    json::list(fields.iter().map(|(name, value)| {
        let object = Object::new()
            .text("name", name)
            .text("value", &printable(value));
        match words::head_field(name, value) {
            Some(known) => meaning(object, known).end(),
            None => object.end(),
        }
    }))
}

// Frames.

fn frame(header: &FrameHeader, payload: Option<&FramePayload>, first_close: bool) -> Object {
    let opcode = header.header.opcode;
    let mut object = Object::of_kind("frame")
        .text("from", role(header.from))
        .text("header", &hex(header.bytes()))
        .text("name", words::opcode_name(opcode))
        .number("length", header.header.length)
        .number("message", header.message)
        .number("fragment", header.fragment)
        .json("fields", &header_fields(header));
    if opcode == OpCode::Close {
        let step = meaning(Object::new(), words::close_step(first_close));
        object = object.json("step", &step.end());
    }
    let Some(payload) = payload else {
        return object;
    };
    object = object
        .text("kind", words::opcode_name(payload.opcode))
        .text("sent", &hex(&payload.sent))
        .text("unmasked", &hex(&payload.unmasked()))
        .json("payload", &payload_field(payload));
    if let Some(inflated) = &payload.inflated {
        object = object
            .text("inflated", &hex(&inflated.start))
            .number("inflated_length", inflated.length)
            .text("inflated_words", &words::inflated(payload, inflated));
    }
    match (opcode, CloseReason::decode(&payload.unmasked())) {
        (OpCode::Close, Ok(reason)) => object.text("close", &reason.to_string()),
        _ if payload.opcode == OpCode::Binary => object.text("text", "(bytes)"),
        _ => object.text(
            "text",
            &printable(String::from_utf8_lossy(&readable(payload))),
        ),
    }
}

/// The bytes that an application sees: what comes out of a compressed payload, if it can be read.
fn readable(payload: &FramePayload) -> Vec<u8> {
    match &payload.inflated {
        Some(inflated) if !inflated.lost => inflated.start.clone(),
        _ => payload.unmasked(),
    }
}

/// What a peer wrote, safe to show.
fn printable(text: impl ToString) -> String {
    Printable(&text.to_string()).to_string()
}

/// The fields of a header: name, colour (a class of the style sheet), bits, meaning, clause.
fn header_fields(header: &FrameHeader) -> String {
    let bytes = header.bytes();
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let mut fields = Vec::new();
    for field in words::header_fields(header.from, bytes, &header.agreement) {
        let FieldInWords { detail, clause, .. } = field;
        let mut meaning = match detail {
            "" => field.meaning,
            detail => format!("{} ({detail})", field.meaning),
        };
        let name = field.field.name();
        let mut add = |name: &str, range: Range<usize>, meaning: &str| {
            let object = Object::new()
                .text("name", name)
                .text("colour", colour(field.field))
                .text("bits", &bits[range])
                .text("meaning", meaning)
                .text("clause", clause);
            fields.push(object.end());
        };
        match field.field {
            // §5.2 draws these bits one by one.
            FrameField::Reserved => {
                meaning = format!("{name} are {meaning}");
                for bit in field.bits {
                    add(&format!("RSV{bit}"), bit..bit + 1, &meaning);
                }
            }
            _ => add(name, field.bits, &meaning),
        }
    }
    json::list(fields)
}

fn colour(field: FrameField) -> &'static str {
    match field {
        FrameField::Fin => "fin",
        FrameField::Reserved => "rsv",
        FrameField::Opcode => "opcode",
        FrameField::Mask | FrameField::MaskingKey => "mask",
        FrameField::Length | FrameField::ExtendedLength => "length",
    }
}

/// The payload as a field. It has no bits here: the page draws as many as it has room for.
fn payload_field(payload: &FramePayload) -> String {
    let length = payload.header.length;
    let masked = match payload.header.mask {
        Some(_) => "masked",
        None => "not masked",
    };
    let bytes = format!("{length} byte{}, {masked}", plural(length));
    Object::new()
        .text("name", "payload")
        .text("colour", "payload")
        .text("meaning", &bytes)
        .text("clause", "§5.2")
        .end()
}

fn violation(broken: &BrokenRule) -> Object {
    Object::of_kind("violation")
        .text("from", role(broken.from))
        .text("what", &broken.violation.to_string())
        .text("close", &words::close_for(broken.violation))
        .text("bytes", &hex(&broken.bytes))
        .number("start", broken.at.start as u64)
        .number("end", broken.at.end as u64)
}
