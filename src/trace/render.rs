//! What an onlooker saw (`observe.rs`), as text for people: every bit in words, with the clause
//! that asks for it. It fits 80 columns.

use crate::close::CloseCode;
use crate::frame::{FIN, Header, LENGTH, MASK, OPCODE, OpCode, RSV, Role};
use crate::handshake::{self, GUID};
use crate::http::{Head, RequestLine, StatusLine};
use crate::observe::{
    Missing, SeenHeader, SeenPayload, SeenState, SeenViolation, Sight, Uninterpreted,
};
use crate::printable::Printable;
use std::fmt::Write;
use std::ops::Range;

/// The columns of a line.
const WIDTH: usize = 80;
/// Where the words begin beside bytes and bits.
const WORDS: usize = 28;
/// Bytes of a payload in a row.
const ROW: usize = 8;

/// Makes text of sights, with colours or without.
#[derive(Clone, Copy, Debug)]
pub struct Renderer {
    /// Whether each field of a frame has its colour, in the escape sequences of terminals.
    pub colour: bool,
}

/// What is coloured, each in its own way.
#[derive(Clone, Copy)]
enum Ink {
    Headline = 1,
    Fin = 32,
    Reserved = 90,
    Opcode = 36,
    Mask = 33,
    Length = 35,
    Payload = 34,
    Violation = 31,
}

impl Renderer {
    /// One sight, seen at `time`, as whole lines.
    #[must_use]
    pub fn render(&self, time: &str, sight: &Sight) -> String {
        let mut page = self.page();
        match sight {
            Sight::Request(head, wrong) => {
                match is_opening(head) {
                    true => page.headline(time, Role::Client, "opening handshake", "§4.1"),
                    false => page.headline(time, Role::Client, "another request", ""),
                }
                page.request(head);
                match is_opening(head) {
                    true => page.wrong(wrong.as_ref()),
                    false => page.meaning("it does not ask for a WebSocket", "§4.1"),
                }
            }
            Sight::Response(head, key, wrong) => {
                let what = match (head.start.status, key) {
                    (101, _) => "opening handshake",
                    (_, Some(_)) => "refusal",
                    (_, None) => "answer",
                };
                page.headline(time, Role::Server, what, "§4.2.2");
                page.response(head, key.as_deref());
                page.wrong(wrong.as_ref());
            }
            Sight::NoHead(from, why) => {
                page.headline(time, *from, "no opening handshake", "");
                page.wrong(Some(why));
            }
            Sight::Header(seen) => page.header(time, seen),
            Sight::Payload(seen) => page.payload(seen),
            Sight::Violation(seen) => page.violation(time, seen),
            Sight::Bytes(from, bytes, why) => page.bytes(time, *from, bytes, *why),
            Sight::State(state) => page.state(time, *state),
            Sight::End(by, missing) => page.end(time, *by, *missing),
            Sight::Broken(by) => page.broken(time, *by),
        }
        page.text
    }

    fn page(&self) -> Page {
        Page {
            text: String::new(),
            colour: self.colour,
        }
    }

    /// A remark beside what was seen, as whole lines.
    #[must_use]
    pub fn note(&self, note: &str) -> String {
        let mut page = self.page();
        page.words(None, 0, note);
        page.text
    }

    /// The headline of a payload that does not stand below its header.
    fn resume(&self, time: &str, seen: &SeenPayload) -> String {
        let mut page = self.page();
        let Header { opcode, length, .. } = seen.header;
        let what = format!(
            "the payload of the {opcode:?}, {length} byte{}",
            plural(length)
        );
        page.headline(time, seen.from, &what, clause_of(opcode));
        page.text
    }
}

/// The sights of several connections, or of both directions of one, below each other.
#[derive(Clone, Debug)]
pub struct Transcript {
    renderer: Renderer,
    /// Whose header was the last that was told, with nothing below it.
    open: Option<(String, Role)>,
}

impl Transcript {
    /// An empty one.
    #[must_use]
    pub fn new(renderer: Renderer) -> Transcript {
        Transcript {
            renderer,
            open: None,
        }
    }

    /// The next sight, as whole lines. `label` tells connections apart; it may be empty. A payload
    /// that does not stand below its header, since something else was seen meanwhile, gets a
    /// headline of its own.
    pub fn add(&mut self, time: &str, label: &str, sight: &Sight) -> String {
        let time = &format!("{time}{label}");
        let open = self.open.take();
        let mut text = String::new();
        match sight {
            Sight::Header(seen) => self.open = Some((label.to_owned(), seen.from)),
            Sight::Payload(seen) if open != Some((label.to_owned(), seen.from)) => {
                text = self.renderer.resume(time, seen);
            }
            _ => {}
        }
        text + &self.renderer.render(time, sight)
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
                let _ = writeln!(self.text, "\x1b[{}m{line}\x1b[0m", ink as u8);
            }
            _ => {
                let _ = writeln!(self.text, "{line}");
            }
        }
    }

    /// A line with something at its right end, the clause.
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
            // A word that no line has room for.
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
        let arrow = match from {
            Role::Client => "client -> server",
            Role::Server => "client <- server",
        };
        let line = format!("{time} {arrow}  {what}");
        let line = line.trim_start();
        // What has no room beside the clause goes on in the next line, behind a comma.
        let room = WIDTH - 1 - columns(clause);
        let commas = line.match_indices(", ").map(|(at, _)| at + 1);
        let end = match columns(line) > room {
            true => commas.take_while(|&at| columns(&line[..at]) <= room).last(),
            false => None,
        };
        let (line, rest) = line.split_at(end.unwrap_or(line.len()));
        self.line_with(Some(Ink::Headline), line, clause);
        if !rest.is_empty() {
            self.words(Some(Ink::Headline), 3, rest.trim_start());
        }
    }

    // The opening handshake.

    fn request(&mut self, head: &Head<RequestLine>) {
        let RequestLine {
            method,
            target,
            version: (major, minor),
        } = &head.start;
        self.raw(&format!("{method} {target} HTTP/{major}.{minor}"));
        let meaning = match method == "GET" && (*major, *minor) >= (1, 1) {
            true => "a GET request, in HTTP/1.1 or higher, for a resource",
            false => "an opening handshake is a GET request, in HTTP/1.1 or higher",
        };
        self.meaning(meaning, "§4.1");
        for (name, value) in head.fields.iter() {
            self.field(name, value);
        }
    }

    fn response(&mut self, head: &Head<StatusLine>, key: Option<&str>) {
        let StatusLine {
            version: (major, minor),
            status,
            reason,
        } = &head.start;
        self.raw(&format!("HTTP/{major}.{minor} {status} {reason}"));
        match status {
            101 => self.meaning("from the empty line on, there are frames", "§4.2.2"),
            _ => self.meaning("anything but 101 opens no WebSocket", "§4.1"),
        }
        for (name, value) in head.fields.iter() {
            self.field(name, value);
            if name.eq_ignore_ascii_case("Sec-WebSocket-Accept")
                && let Some(key) = key
            {
                self.accept(key);
            }
        }
    }

    /// The accept key, worked out step by step.
    fn accept(&mut self, key: &str) {
        self.step("key", key);
        self.step("+ GUID", &format!("{key}{GUID}"));
        self.step("SHA-1", &hex(&handshake::accept_hash(key)));
        self.step("base64", &handshake::accept_for(key));
    }

    fn step(&mut self, name: &str, value: &str) {
        let line = format!("         {name:8} {value}");
        self.line(Some(Ink::Mask), &shorten(&line, WIDTH));
    }

    fn field(&mut self, name: &str, value: &str) {
        self.raw(&format!("{name}: {value}"));
        if let Some((meaning, clause)) = meaning_of_field(name, value) {
            self.meaning(meaning, clause);
        }
    }

    fn raw(&mut self, line: &str) {
        let line = format!("   {}", Printable(line));
        self.line(None, &shorten(&line, WIDTH));
    }

    fn meaning(&mut self, meaning: &str, clause: &str) {
        self.line_with(Some(Ink::Reserved), &format!("      {meaning}"), clause);
    }

    fn wrong(&mut self, why: Option<&crate::error::HandshakeError>) {
        if let Some(why) = why {
            self.words(Some(Ink::Violation), 3, &format!("VIOLATION: {why}"));
        }
    }

    // Frames.

    fn header(&mut self, time: &str, seen: &SeenHeader) {
        let Header {
            fin,
            opcode,
            mask,
            length,
        } = seen.header;
        let mut what = format!("{opcode:?}, {length} byte{}", plural(length));
        if seen.message > 0 {
            let _ = write!(what, ", message {}", seen.message);
            if !(fin && seen.fragment == 1) {
                let _ = write!(what, ", fragment {}", seen.fragment);
            }
        }
        self.headline(time, seen.from, &what, clause_of(opcode));

        let bytes = &seen.bytes;
        self.first_two(bytes);
        let after_length = bytes.len() - if mask.is_some() { 4 } else { 0 };
        if after_length > 2 {
            let long = hex(&bytes[2..after_length]);
            self.beside(Ink::Length, &long, "length", &length.to_string(), "§5.2");
        }
        if let Some(key) = mask {
            let meaning = "byte i is XORed with its byte i MOD 4";
            self.beside(Ink::Mask, &hex(&key), "key", meaning, "§5.3");
        }
    }

    /// The first two bytes of a header, bit by bit, whether they keep the rules or not.
    fn first_two(&mut self, bytes: &[u8]) {
        let Some(&first) = bytes.first() else { return };
        self.byte(first);
        let opcode = OpCode::decode(first & OPCODE);
        let (meaning, clause) = match (first & FIN != 0, opcode) {
            (true, Ok(opcode)) if opcode.is_control() => {
                ("1: control frames are never fragmented", "§5.5")
            }
            (true, _) => ("1: the last frame of its message", "§5.4"),
            (false, _) => ("0: more frames of this message follow", "§5.4"),
        };
        self.bits(first, 0..1, Ink::Fin, "FIN", meaning, clause);
        let meaning = match (first & RSV) >> 4 {
            0 => "000: no extension is in use".to_owned(),
            reserved => format!("{reserved:03b}: reserved"),
        };
        self.bits(first, 1..4, Ink::Reserved, "RSV1-3", &meaning, "§5.2");
        let (meaning, clause) = match opcode {
            Ok(opcode) => (format!("{opcode:?}"), clause_of(opcode)),
            Err(_) => ("reserved".to_owned(), "§5.2"),
        };
        let meaning = format!("{:X}: {meaning}", first & OPCODE);
        self.bits(first, 4..8, Ink::Opcode, "opcode", &meaning, clause);

        let Some(&second) = bytes.get(1) else { return };
        self.byte(second);
        let meaning = match second & MASK {
            0 => "0: not masked, as all from a server",
            _ => "1: masked, as all from a client",
        };
        self.bits(second, 0..1, Ink::Mask, "MASK", meaning, "§5.1");
        let meaning = match second & LENGTH {
            126 => "126: it is in the next 16 bits".to_owned(),
            127 => "127: it is in the next 64 bits".to_owned(),
            short => format!("{short}"),
        };
        self.bits(second, 1..8, Ink::Length, "length", &meaning, "§5.2");
    }

    /// A byte in hex and in bits.
    fn byte(&mut self, byte: u8) {
        let bits = format!("{:04b} {:04b}", byte >> 4, byte & 15);
        self.line(None, &format!("   {byte:02x}           {bits}"));
    }

    /// Some of the bits of a byte, where they stand, and what they say.
    fn bits(
        &mut self,
        byte: u8,
        which: Range<usize>,
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
        self.beside(ink, &format!("             {shown}"), name, meaning, clause);
    }

    /// Bytes or bits on the left, words on the right, the clause at the end.
    fn beside(&mut self, ink: Ink, left: &str, name: &str, meaning: &str, clause: &str) {
        let left = format!("   {left}");
        let line = format!("{left:WORDS$}{name:8} {meaning}");
        self.line_with(Some(ink), &line, clause);
    }

    fn payload(&mut self, seen: &SeenPayload) {
        let length = seen.header.length;
        if seen.header.mask.is_some() {
            self.rows(&seen.sent, "sent", |_| String::new());
        }
        let meant = |row: &[u8]| {
            let shown = |&byte: &u8| match byte {
                b' '..=b'~' => char::from(byte),
                _ => '.',
            };
            row.iter().map(shown).collect()
        };
        match seen.kind {
            OpCode::Close if seen.meant.len() >= 2 => {
                let (code, reason) = seen.meant.split_at(2);
                let meaning = CloseCode(u16::from_be_bytes([code[0], code[1]])).to_string();
                self.beside(Ink::Payload, &hex(code), "code", &meaning, "§7.4");
                self.rows(reason, "reason", meant);
                if !reason.is_ascii() {
                    self.text(reason, "§5.5.1");
                }
            }
            OpCode::Text if seen.header.fin && seen.header.opcode == OpCode::Text => {
                self.rows(&seen.meant, "meant", |_| String::new());
                self.text(&seen.meant, "§5.6");
            }
            _ => self.rows(&seen.meant, "meant", meant),
        }
        let shown = seen.meant.len() as u64;
        if shown < length {
            let more = length - shown;
            let more = match shown {
                0 => format!("none of {length} byte{}", plural(length)),
                _ => format!("{more} byte{} more, {length} in all", plural(more)),
            };
            self.beside(Ink::Payload, "...", "", &more, "");
        }
    }

    fn text(&mut self, bytes: &[u8], clause: &str) {
        let text = String::from_utf8_lossy(whole_characters(bytes));
        let text = Printable(&text).to_string();
        // Beside it are two quotation marks, perhaps the dots, and the clause.
        let end = fitting(&text, 31);
        let more = if end < text.len() { "..." } else { "" };
        let text = format!("\"{}\"{more}", &text[..end]);
        self.beside(Ink::Payload, "", "text", &text, clause);
    }

    fn rows(&mut self, bytes: &[u8], name: &str, words: impl Fn(&[u8]) -> String) {
        for (i, row) in bytes.chunks(ROW).enumerate() {
            let name = if i == 0 { name } else { "" };
            self.beside(Ink::Payload, &hex(row), name, &words(row), "");
        }
    }

    fn violation(&mut self, time: &str, seen: &SeenViolation) {
        let clause = seen.violation.clause();
        self.headline(time, seen.from, "VIOLATION", clause);
        if seen.unread {
            self.first_two(&seen.bytes);
        }
        // A window around the place, if there are many bytes.
        let start = seen.at.start.saturating_sub(8);
        let end = seen.bytes.len().min(start + 16);
        let before = if start > 0 {
            format!("...{start} bytes, ")
        } else {
            String::new()
        };
        self.line(
            None,
            &format!("   {before}{}", hex(&seen.bytes[start..end])),
        );
        let marks = 3 * seen.at.len();
        if marks > 0 {
            let column = 3 + before.chars().count() + 3 * (seen.at.start - start);
            let line = format!("{:column$}{}", "", "^".repeat(marks - 1));
            self.line(Some(Ink::Violation), &line);
        }
        self.words(Some(Ink::Violation), 3, &seen.violation.to_string());
        let earns = format!("It earns a Close with {}.", seen.violation.close_code());
        self.words(None, 3, &earns);
    }

    // Everything else.

    fn bytes(&mut self, time: &str, from: Role, bytes: &[u8], why: Uninterpreted) {
        let (what, clause) = what_bytes(why);
        let count = bytes.len();
        let what = format!("{count} byte{} {what}", plural(count as u64));
        self.headline(time, from, &what, clause);
        let shown = whole_characters(&bytes[..bytes.len().min(200)]);
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
        if shown.len() < bytes.len() {
            self.line(None, "   ...");
        }
        if why == Uninterpreted::AfterClose {
            let rule = "A Close is the last frame; nobody looks at what follows it (§5.5.1).";
            self.words(Some(Ink::Violation), 3, rule);
        }
    }

    fn state(&mut self, time: &str, state: SeenState) {
        let (name, clause) = match state {
            SeenState::Connecting => ("CONNECTING", "§4.1"),
            SeenState::Open => ("OPEN", "§4.1"),
            SeenState::Closing => ("CLOSING", "§7.1.3"),
            SeenState::Closed => ("CLOSED", "§7.1.4"),
        };
        let line = format!("{time} state {name}");
        self.line_with(Some(Ink::Headline), line.trim_start(), clause);
    }

    fn end(&mut self, time: &str, by: Role, missing: Missing) {
        let mut line = format!("{time} {} ended TCP", who(by));
        let _ = match missing {
            Missing::Nothing => Ok(()),
            Missing::EndOfHead => write!(line, ", amid a head"),
            Missing::AtLeast(count) => write!(line, ", {count} bytes or more short of a frame"),
            Missing::Bytes(count) => {
                write!(line, ", {count} byte{} short of a frame", plural(count))
            }
        };
        self.line_with(Some(Ink::Headline), line.trim_start(), "§7.1.1");
    }

    fn broken(&mut self, time: &str, by: Role) {
        let line = format!("{time} {} broke off TCP", who(by));
        self.line_with(Some(Ink::Headline), line.trim_start(), "§7.2.1");
    }
}

fn who(role: Role) -> &'static str {
    match role {
        Role::Client => "the client",
        Role::Server => "the server",
    }
}

/// What bytes are that are not interpreted, and the clause.
#[must_use]
pub fn what_bytes(why: Uninterpreted) -> (&'static str, &'static str) {
    match why {
        Uninterpreted::NoWebSocket => ("that are no frames", ""),
        Uninterpreted::AfterViolation => ("that nobody looks at, after the violation", "§7.1.7"),
        Uninterpreted::AfterClose => ("behind the Close", "§5.5.1"),
    }
}

/// Whether a request is meant as an opening handshake, well done or not.
fn is_opening(head: &Head<RequestLine>) -> bool {
    let mut names = head
        .fields
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase());
    names.any(|name| name == "upgrade" || name.starts_with("sec-websocket-"))
}

fn clause_of(opcode: OpCode) -> &'static str {
    match opcode {
        OpCode::Continuation => "§5.4",
        OpCode::Text | OpCode::Binary => "§5.6",
        OpCode::Close => "§5.5.1",
        OpCode::Ping => "§5.5.2",
        OpCode::Pong => "§5.5.3",
    }
}

/// What a field of the opening handshake is for.
fn meaning_of_field(name: &str, value: &str) -> Option<(&'static str, &'static str)> {
    if name.eq_ignore_ascii_case("Connection") && !value.to_ascii_lowercase().contains("upgrade") {
        return None;
    }
    let meanings = [
        (
            "Host",
            "which server is meant, of all with this address",
            "§4.1",
        ),
        ("Upgrade", "to another protocol than HTTP", "§4.1"),
        (
            "Connection",
            "Upgrade is between these two, not for proxies",
            "§4.1",
        ),
        (
            "Sec-WebSocket-Key",
            "16 random bytes in base64, for the answer to prove itself",
            "§4.1",
        ),
        (
            "Sec-WebSocket-Version",
            "13 is the one version of the protocol",
            "§4.1",
        ),
        (
            "Sec-WebSocket-Accept",
            "the server has read the key, and knows WebSocket",
            "§4.2.2",
        ),
        (
            "Sec-WebSocket-Protocol",
            "what is spoken within the messages",
            "§1.9",
        ),
        (
            "Sec-WebSocket-Extensions",
            "what would change the frames",
            "§9.1",
        ),
        ("Origin", "whose page this is, says the browser", "§10.2"),
        ("Cookie", "who the user is, for the application", "§4.1"),
        (
            "Authorization",
            "who the user is, for the application",
            "§4.1",
        ),
    ];
    meanings
        .into_iter()
        .find(|(field, ..)| field.eq_ignore_ascii_case(name))
        .map(|(_, meaning, clause)| (meaning, clause))
}

/// Two digits a byte, with spaces between.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}

fn shorten(text: &str, longest: usize) -> String {
    match columns(text) > longest {
        false => text.to_owned(),
        true => format!("{}...", &text[..fitting(text, longest - 3)]),
    }
}

/// How many bytes of a text fit into so many columns.
fn fitting(text: &str, room: usize) -> usize {
    let mut used = 0;
    let too_many = |(_, character): &(usize, char)| {
        used += columns_of(*character);
        used > room
    };
    text.char_indices()
        .find(too_many)
        .map_or(text.len(), |(at, _)| at)
}

/// How wide a terminal shows a text.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Characters of East Asia and pictures take two columns, accents none; roughly, and rather more
/// than terminals make of it than less.
fn columns_of(character: char) -> usize {
    match u32::from(character) {
        0x0300..=0x036F | 0x200B..=0x200F | 0xFE00..=0xFE0F => 0,
        0x1100..=0x115F
        | 0x231A..=0x23F3
        | 0x25FD..=0x27BF
        | 0x2B1B..=0x2B55
        | 0x2E80..=0xA4CF
        | 0xA960..=0xA97C
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE10..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x16FE0..=0x1B2FB
        | 0x1F000..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

/// Without the character that was cut at the end, if one was.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    }
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}
