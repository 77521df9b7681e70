//! Events as text for people: every bit in words, with its clause. A line has 80 columns.
//!
//! The words themselves are in `words.rs`.

use super::agreement::Agreement;
use super::columns::{columns, fitting, hex, shorten, whole_characters};
use super::event::{
    Answer, Begun, Body, BrokenRule, Event, FrameHeader, FramePayload, InflatedPart, Part,
    PayloadMeaning, SHOWN_OF_BODY, Unfinished, Uninterpreted,
};
use super::words::{self, FrameField, Meaning, plural};
use crate::connection::state::State;
use crate::framing::{CloseCode, Header, OpCode, Role};
use crate::opening::{
    Fields, HandshakeError, Head, RequestLine, StatusLine, accept_for, is_opening, name,
};
use crate::printable::Printable;
use std::fmt::Write;

/// The columns of a line.
const WIDTH: usize = 80;
/// Where the words begin beside bytes and bits.
const WORDS: usize = 28;
/// Bytes of a payload in a row.
const ROW: usize = 8;

/// Makes text of events, with colours or without.
#[derive(Clone, Copy, Debug)]
pub struct Renderer {
    /// Whether each field of a frame has its colour, in the escape sequences of terminals.
    pub colour: bool,
}

/// Each of these has a different colour. A payload has none: so it is readable on every background.
#[derive(Clone, Copy)]
enum Ink {
    /// A line that is about both sides.
    Headline,
    /// The headline of what this side sends.
    From(Role),
    Fin,
    Words,
    Opcode,
    Mask,
    Length,
    Violation,
}

impl Ink {
    fn of(field: FrameField) -> Ink {
        match field {
            FrameField::Fin => Ink::Fin,
            FrameField::Reserved => Ink::Words,
            FrameField::Opcode => Ink::Opcode,
            FrameField::Mask | FrameField::MaskingKey => Ink::Mask,
            FrameField::Length | FrameField::ExtendedLength => Ink::Length,
        }
    }

    /// The colour, as terminals want it (ECMA-48, SGR).
    fn code(self) -> &'static str {
        match self {
            Ink::Headline => "1",
            Ink::From(Role::Client) => "1;36",
            Ink::From(Role::Server) => "1;35",
            Ink::Fin => "32",
            Ink::Words => "90",
            Ink::Opcode => "36",
            Ink::Mask => "33",
            Ink::Length => "35",
            Ink::Violation => "1;31",
        }
    }
}

impl Renderer {
    /// One event, seen at `time`, as whole lines.
    #[must_use]
    pub fn render(&self, time: &str, event: &Event) -> String {
        let mut page = self.page();
        match event {
            Event::Request { head, error } => page.request(time, head, error.as_deref()),
            Event::Response {
                head,
                answer,
                key,
                error,
            } => page.response(time, head, answer, key.as_deref(), error.as_deref()),
            Event::Body(body) => page.body(time, body),
            Event::NotHttp { from, why } => {
                page.headline(time, *from, "not HTTP", "");
                page.words(None, 3, why);
            }
            Event::OtherProtocol { from, protocol } => {
                page.headline(time, *from, &words::other_protocol(protocol), "");
            }
            Event::Header(header) => page.header(time, header),
            Event::Payload(payload) => page.payload(payload),
            Event::Violation(broken) => page.violation(time, broken),
            Event::Bytes { from, bytes, why } => page.bytes(time, *from, bytes, *why),
            Event::Begun(begun) => page.begun(time, begun),
            Event::State(state) => page.state(time, *state),
            Event::Eof { from, unfinished } => page.eof(time, *from, *unfinished),
            Event::Reset { from } => page.reset(time, *from),
        }
        page.text
    }

    fn page(&self) -> Page {
        Page {
            text: String::new(),
            colour: self.colour,
        }
    }

    /// A note beside the events, as whole lines.
    #[must_use]
    pub fn note(&self, note: &str) -> String {
        let mut page = self.page();
        page.words(None, 0, note);
        page.text
    }

    /// The headline of a payload that does not stand below its header.
    fn headline_of_payload(&self, time: &str, payload: &FramePayload) -> String {
        let mut page = self.page();
        let Header { opcode, length, .. } = payload.header;
        let what = format!(
            "the payload of the {}, {length} byte{}",
            words::opcode_name(opcode),
            plural(length)
        );
        let clause = words::opcode_meaning(opcode).clause;
        page.headline(time, payload.from, &what, clause);
        page.text
    }
}

/// The events of several connections, or of both directions of one, one below the other.
#[derive(Clone, Debug)]
pub struct Transcript {
    renderer: Renderer,
    /// The connection and the sender of the header that stands last, with nothing below it.
    open: Option<(String, Role)>,
}

impl Transcript {
    /// An empty transcript.
    #[must_use]
    pub fn new(renderer: Renderer) -> Transcript {
        Transcript {
            renderer,
            open: None,
        }
    }

    /// The next event, as whole lines. `label` tells connections apart; it may be empty. If
    /// something else came between a header and its payload, the payload gets its own headline.
    pub fn add(&mut self, time: &str, label: &str, event: &Event) -> String {
        let time = &format!("{time}{label}");
        let open = self.open.take();
        let mut text = String::new();
        match event {
            Event::Header(header) => self.open = Some((label.to_owned(), header.from)),
            Event::Payload(payload) if open != Some((label.to_owned(), payload.from)) => {
                text = self.renderer.headline_of_payload(time, payload);
            }
            _ => {}
        }
        text + &self.renderer.render(time, event)
    }
}

struct Page {
    text: String,
    colour: bool,
}

impl Page {
    fn line(&mut self, ink: Option<Ink>, line: &str) {
        let line = line.trim_end();
        match ink {
            Some(ink) if self.colour => {
                let _ = writeln!(self.text, "\x1b[{}m{line}\x1b[0m", ink.code());
            }
            _ => {
                let _ = writeln!(self.text, "{line}");
            }
        }
    }

    /// A line with a clause at its right end.
    fn line_with(&mut self, ink: Option<Ink>, line: &str, clause: &str) {
        let room = WIDTH - 1 - columns(clause);
        let line = shorten(line, room);
        let gap = 1 + room - columns(&line);
        self.line(ink, &format!("{line}{:gap$}{clause}", ""));
    }

    /// Words, broken where lines end.
    fn words(&mut self, ink: Option<Ink>, indent: usize, text: &str) {
        let mut line = String::new();
        let room = WIDTH - indent;
        for word in text.split(' ') {
            if !line.is_empty() && columns(&line) + columns(word) > room {
                self.line(ink, &format!("{:indent$}{line}", ""));
                line.clear();
            }
            line += word;
            // A word that is longer than a line.
            while columns(&line) > room {
                let rest = line.split_off(fitting(&line, room));
                self.line(ink, &format!("{:indent$}{line}", ""));
                line = rest;
            }
            line.push(' ');
        }
        self.line(ink, &format!("{:indent$}{line}", ""));
    }

    fn headline(&mut self, time: &str, from: Role, what: &str, clause: &str) {
        self.headline_in(Ink::From(from), time, from, what, clause);
    }

    fn headline_in(&mut self, ink: Ink, time: &str, from: Role, what: &str, clause: &str) {
        let arrow = match from {
            Role::Client => "client -> server",
            Role::Server => "client <- server",
        };
        let line = format!("{time} {arrow}  {what}");
        let line = line.trim_start();
        // A line that is too long is broken behind a comma.
        let room = WIDTH - 1 - columns(clause);
        let commas = line.match_indices(", ").map(|(at, _)| at + 1);
        let end = match columns(line) > room {
            true => commas.take_while(|&at| columns(&line[..at]) <= room).last(),
            false => None,
        };
        let (line, rest) = line.split_at(end.unwrap_or(line.len()));
        self.line_with(Some(ink), line, clause);
        if !rest.is_empty() {
            self.words(Some(ink), 3, rest.trim_start());
        }
    }

    // HTTP, and the opening handshake in it.

    fn request(&mut self, time: &str, head: &Head<RequestLine>, error: Option<&HandshakeError>) {
        let (what, clause) = match is_opening(head) {
            true => ("opening handshake", "§4.1"),
            false => ("request", ""),
        };
        self.headline(time, Role::Client, what, clause);
        self.raw(&head.start.to_string());
        self.meaning(words::request_line(head));
        self.fields(&head.fields, None);
        self.handshake_error(error);
    }

    fn response(
        &mut self,
        time: &str,
        head: &Head<StatusLine>,
        answer: &Answer,
        key: Option<&str>,
        error: Option<&HandshakeError>,
    ) {
        let (what, clause) = match answer {
            Answer::WebSocket => ("opening handshake", "§4.2.2"),
            Answer::Refusal => ("refusal", "§4.2.2"),
            Answer::Interim => ("interim response", ""),
            Answer::Final | Answer::Tunnel | Answer::Upgrade(_) => ("response", ""),
        };
        self.headline(time, Role::Server, what, clause);
        self.raw(&head.start.to_string());
        self.meaning(words::status_line(answer));
        let key = key.filter(|_| *answer == Answer::WebSocket);
        self.fields(&head.fields, key);
        self.handshake_error(error);
    }

    /// The fields of a head. Below the accept value stands how it comes about, if the key is known.
    fn fields(&mut self, fields: &Fields, key: Option<&str>) {
        for (field, value) in fields.iter() {
            let is_extensions = field.eq_ignore_ascii_case(name::EXTENSIONS);
            let line = format!("{field}: {value}");
            match is_extensions {
                true => self.words(None, 3, &Printable(&line).to_string()),
                false => self.raw(&line),
            }
            if let Some(meaning) = words::head_field(field, value) {
                self.meaning(meaning);
            }
            if is_extensions {
                self.extensions(value);
            }
            if field.eq_ignore_ascii_case(name::ACCEPT)
                && let Some(key) = key
            {
                self.accept(key, value);
            }
        }
    }

    /// The extensions of a field, with their parameters.
    fn extensions(&mut self, value: &str) {
        for extension in words::extensions(value) {
            let Meaning { words, clause } = extension.meaning;
            let text = Printable(&extension.text).to_string();
            let line = format!("         {text}: {words}");
            match columns(&line) < WIDTH - columns(clause) {
                true => self.line_with(Some(Ink::Words), &line, clause),
                false => {
                    self.words(Some(Ink::Words), 9, &format!("{text}:"));
                    self.line_with(Some(Ink::Words), &format!("            {words}"), clause);
                }
            }
        }
    }

    /// How the accept value comes about, and the one that came if it is another one.
    fn accept(&mut self, key: &str, came: &str) {
        for step in words::accept_steps(key) {
            let line = format!("         {:8} {}", step.name, Printable(&step.value));
            self.line(Some(Ink::Mask), &shorten(&line, WIDTH));
        }
        if came != accept_for(key) {
            let came = Printable(came).to_string();
            self.line(
                Some(Ink::Violation),
                &shorten(&format!("         came     {came}"), WIDTH),
            );
        }
    }

    fn body(&mut self, time: &str, body: &Body) {
        let what = format!("the body, {} byte{}", body.length, plural(body.length));
        self.headline(time, body.from, &what, "");
        self.excerpt(&body.start, body.length);
    }

    fn raw(&mut self, line: &str) {
        let line = format!("   {}", Printable(line));
        self.line(None, &shorten(&line, WIDTH));
    }

    fn meaning(&mut self, Meaning { words, clause }: Meaning) {
        self.line_with(Some(Ink::Words), &format!("      {words}"), clause);
    }

    fn handshake_error(&mut self, error: Option<&HandshakeError>) {
        if let Some(error) = error {
            self.words(Some(Ink::Violation), 3, &format!("VIOLATION: {error}"));
        }
    }

    // Frames.

    fn header(&mut self, time: &str, header: &FrameHeader) {
        let Header { opcode, length, .. } = header.header;
        let name = words::opcode_name(opcode);
        let mut what = format!("{name}, {length} byte{}", plural(length));
        if header.message > 0 {
            let _ = write!(what, ", message {}", header.message);
            if header.is_fragment() {
                let _ = write!(what, ", fragment {}", header.fragment);
            }
        }
        let clause = words::opcode_meaning(opcode).clause;
        self.headline(time, header.from, &what, clause);
        self.header_bytes(header.from, header.bytes(), &header.agreement);
    }

    /// The bytes of a header, field by field. The header may break rules.
    fn header_bytes(&mut self, from: Role, bytes: &[u8], agreement: &Agreement) {
        for field in words::header_fields(from, bytes, agreement) {
            let ink = Ink::of(field.field);
            let first = field.bits.start / 8;
            match field.field {
                FrameField::ExtendedLength | FrameField::MaskingKey => {
                    let name = match field.field {
                        FrameField::MaskingKey => "key",
                        _ => "length",
                    };
                    let bytes = hex(&bytes[first..field.bits.end / 8]);
                    self.beside(Some(ink), &bytes, name, &field.meaning, field.clause);
                }
                _ => {
                    let byte = bytes[first];
                    if field.bits.start % 8 == 0 {
                        self.byte(byte);
                    }
                    let bits = field.bits.start % 8..field.bits.end - 8 * first;
                    let name = field.field.name();
                    self.bits(byte, bits, ink, name, &field.meaning, field.clause);
                }
            }
        }
    }

    /// A byte in hex and in bits.
    fn byte(&mut self, byte: u8) {
        let bits = format!("{:04b} {:04b}", byte >> 4, byte & 15);
        self.line(None, &format!("   {byte:02x}           {bits}"));
    }

    /// Some bits of a byte in their places, and what they say.
    fn bits(
        &mut self,
        byte: u8,
        which: std::ops::Range<usize>,
        ink: Ink,
        name: &str,
        meaning: &str,
        clause: &str,
    ) {
        let mut shown = String::new();
        for bit in 0..8 {
            if bit == 4 {
                shown.push(' ');
            }
            shown.push(match which.contains(&bit) {
                true if byte >> (7 - bit) & 1 == 1 => '1',
                true => '0',
                false => '.',
            });
        }
        let left = format!("             {shown}");
        self.beside(Some(ink), &left, name, meaning, clause);
    }

    /// Bytes or bits on the left, words on the right, the clause at the end.
    fn beside(&mut self, ink: Option<Ink>, left: &str, name: &str, meaning: &str, clause: &str) {
        let left = format!("   {left}");
        let line = format!("{left:WORDS$}{name:8} {meaning}");
        self.line_with(ink, &line, clause);
    }

    fn payload(&mut self, payload: &FramePayload) {
        self.payload_bytes(payload);
        let (shown, length) = (payload.sent.len() as u64, payload.header.length);
        if shown < length {
            let more = length - shown;
            let more = match shown {
                0 => format!("none of {length} byte{}", plural(length)),
                _ => format!("{more} byte{} more, {length} in all", plural(more)),
            };
            self.beside(None, "...", "", &more, "");
        }
    }

    /// The bytes of a payload that are here, and what they mean.
    fn payload_bytes(&mut self, payload: &FramePayload) {
        let name = match payload.header.mask {
            None => "payload",
            Some(_) => {
                self.rows(&payload.sent, "masked", |_| String::new());
                "unmasked"
            }
        };
        let as_ascii = |row: &[u8]| {
            let shown = |&byte: &u8| match byte {
                b' '..=b'~' => char::from(byte),
                _ => '.',
            };
            row.iter().map(shown).collect()
        };
        let bytes = &payload.unmasked()[..];
        let is_plain = payload.meaning == PayloadMeaning::Plain;
        match payload.opcode {
            OpCode::Close if is_plain && bytes.len() >= 2 => {
                let (code, reason) = bytes.split_at(2);
                let meaning = CloseCode(u16::from_be_bytes([code[0], code[1]])).to_string();
                self.beside(None, &hex(code), "code", &meaning, "§7.4");
                self.rows(reason, "reason", as_ascii);
                if !reason.is_ascii() {
                    self.text(reason, "§5.5.1");
                }
            }
            // A fragment may end inside a character, so only a whole text is shown as text.
            OpCode::Text
                if is_plain && payload.header.fin && payload.header.opcode == OpCode::Text =>
            {
                self.rows(bytes, name, |_| String::new());
                self.text(bytes, "§5.6");
            }
            _ => self.rows(bytes, name, as_ascii),
        }
        if let Some(Meaning { words, clause }) = words::payload_meaning(payload.meaning) {
            self.beside(None, "", "", words, clause);
        }
        if let Some(inflated) = &payload.inflated {
            self.inflated(payload, inflated, as_ascii);
        }
    }

    /// What comes out of a compressed payload.
    fn inflated(
        &mut self,
        payload: &FramePayload,
        inflated: &InflatedPart,
        as_ascii: impl Fn(&[u8]) -> String,
    ) {
        let is_whole = payload.header.fin && payload.header.opcode == OpCode::Text;
        if is_whole && !inflated.lost {
            self.rows(&inflated.start, "inflated", |_| String::new());
            self.text(&inflated.start, "§5.6");
        } else {
            self.rows(&inflated.start, "inflated", as_ascii);
        }
        let words = words::inflated(payload, inflated);
        self.beside(None, "", "", &words, "RFC 7692 §7.2.2");
    }

    fn text(&mut self, bytes: &[u8], clause: &str) {
        let text = String::from_utf8_lossy(whole_characters(bytes));
        let text = Printable(&text).to_string();
        // The line also has room for two quotation marks, the dots and the clause.
        let end = fitting(&text, 31);
        let more = if end < text.len() { "..." } else { "" };
        let text = format!("\"{}\"{more}", &text[..end]);
        self.beside(None, "", "text", &text, clause);
    }

    fn rows(&mut self, bytes: &[u8], name: &str, words: impl Fn(&[u8]) -> String) {
        for (i, row) in bytes.chunks(ROW).enumerate() {
            let name = if i == 0 { name } else { "" };
            self.beside(None, &hex(row), name, &words(row), "");
        }
    }

    fn violation(&mut self, time: &str, broken: &BrokenRule) {
        let BrokenRule {
            from,
            violation,
            bytes,
            at,
            undecoded,
            agreement,
        } = broken;
        let clause = violation.clause();
        self.headline_in(Ink::Violation, time, *from, "VIOLATION", clause);
        if *undecoded {
            // The first two bytes, as far as they are here.
            self.header_bytes(*from, &bytes[..bytes.len().min(2)], agreement);
        }
        // If there are many bytes, those around the place.
        let start = at.start.saturating_sub(8);
        let end = bytes.len().min(start + 16);
        let before = match start {
            0 => String::new(),
            _ => format!("...{start} bytes, "),
        };
        self.line(None, &format!("   {before}{}", hex(&bytes[start..end])));
        let marks = 3 * at.len();
        if marks > 0 {
            let column = 3 + before.chars().count() + 3 * (at.start - start);
            let line = format!("{:column$}{}", "", "^".repeat(marks - 1));
            self.line(Some(Ink::Violation), &line);
        }
        self.words(Some(Ink::Violation), 3, &violation.to_string());
        if let Some(rule) = words::extension_rule(broken) {
            self.words(Some(Ink::Violation), 3, rule);
        }
        self.words(None, 3, &words::close_for(*violation));
    }

    // Everything else.

    fn bytes(&mut self, time: &str, from: Role, bytes: &[u8], why: Uninterpreted) {
        let Meaning { words, clause } = words::uninterpreted(why);
        let count = bytes.len();
        let what = format!("{count} byte{} {words}", plural(count as u64));
        self.headline(time, from, &what, clause);
        self.excerpt(bytes, count as u64);
        if why == Uninterpreted::AfterClose {
            let rule = "A Close is the last frame. Its receiver ignores what follows (§5.5.1).";
            self.words(Some(Ink::Violation), 3, rule);
        }
    }

    /// The first of so many bytes, as text if they look like text.
    fn excerpt(&mut self, bytes: &[u8], of: u64) {
        let shown = whole_characters(&bytes[..bytes.len().min(SHOWN_OF_BODY)]);
        let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t' | 0x80..);
        match std::str::from_utf8(shown) {
            Ok(text) if shown.iter().all(is_text) => {
                text.lines()
                    .for_each(|line| self.words(None, 3, &Printable(line).to_string()));
            }
            _ => shown
                .chunks(24)
                .take(4)
                .for_each(|row| self.line(None, &format!("   {}", hex(row)))),
        }
        if (shown.len() as u64) < of {
            self.line(None, "   ...");
        }
    }

    /// What one side has begun and not finished.
    fn begun(&mut self, time: &str, begun: &Begun) {
        let Begun {
            from,
            part,
            unfinished,
            ended,
        } = begun;
        let missing = words::missing(*unfinished);
        let missing = match ended {
            true => format!("ended; {missing} did not come"),
            false => format!("waiting for {missing}"),
        };
        let what = match part {
            Part::Head(_) => "part of a head".to_owned(),
            Part::Body(body) => {
                let length = body.length;
                format!("{length} byte{} of a body", plural(length))
            }
            Part::Header { .. } => "part of a header".to_owned(),
            Part::Payload(payload) => {
                let name = words::opcode_name(payload.header.opcode);
                let (arrived, length) = (payload.arrived, payload.header.length);
                format!("{name}, {arrived} of {length} bytes")
            }
        };
        self.headline(time, *from, &format!("{what}, {missing}"), "");
        match part {
            Part::Head(bytes) => self.excerpt(bytes, bytes.len() as u64),
            Part::Body(body) => self.excerpt(&body.start, body.length),
            Part::Header { bytes, agreement } => self.header_bytes(*from, bytes, agreement),
            Part::Payload(payload) => self.payload_bytes(payload),
        }
    }

    fn state(&mut self, time: &str, state: State) {
        let line = format!("{time} state {}", state.name());
        self.line_with(Some(Ink::Headline), line.trim_start(), state.clause());
    }

    fn eof(&mut self, time: &str, from: Role, unfinished: Unfinished) {
        let Meaning { words, clause } = words::EOF;
        let mut line = format!("{time} the {} {words}", words::role(from));
        if let Some(unfinished) = words::unfinished(unfinished) {
            let _ = write!(line, ", {unfinished}");
        }
        self.line_with(Some(Ink::Headline), line.trim_start(), clause);
    }

    fn reset(&mut self, time: &str, from: Role) {
        let Meaning { words, clause } = words::RESET;
        let line = format!("{time} the {} {words}", words::role(from));
        self.line_with(Some(Ink::Headline), line.trim_start(), clause);
    }
}
