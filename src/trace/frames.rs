//! The frames of one direction, from the end of the opening handshake on.
//!
//! - It uses the rules of `framing/`: the same header codec, sequence rules and UTF-8 check as the
//!   endpoint. It does not use the endpoint's decoder, which keeps a whole message.
//! - It judges no bit and no payload that an extension in use may own (`agreement.rs`).
//! - After a violation it reads on if the next frame's beginning is known. What the violation leaves
//!   unknown is not judged: the rest of that frame, and of a message whose place is lost.

use super::account::Account;
use super::agreement::Agreement;
use super::event::{
    Begun, BrokenRule, Event, FrameHeader, FramePayload, InflatedPart, KEPT, Part, PayloadMeaning,
    SHOWN, Unfinished, Uninterpreted,
};
use super::inflating::{Broken, Inflating};
use super::skip::Skipped;
use crate::framing::{
    Buffer, CloseReason, Decoded, FIN, Header, Location, MessageKind, Missing, OPCODE, OpCode, RSV,
    Role, Sequence, Utf8, Violation, mask,
};
use std::ops::Range;
use std::sync::Arc;

/// The frames that one side sends.
#[derive(Debug)]
pub(super) struct Frames {
    from: Role,
    agreement: Arc<Agreement>,
    phase: Phase,
    place: Place,
    /// Only if messages can be compressed, and can be read.
    inflating: Option<Box<Inflating>>,
}

/// What comes next.
#[derive(Debug)]
enum Phase {
    Header,
    Payload(Arriving),
    /// A header that breaks a rule and cannot be decoded. So many of its bytes were shown.
    Broken(Violation, usize),
    Opaque(Uninterpreted),
}

/// A payload that arrives.
#[derive(Debug)]
struct Arriving {
    header: Header,
    meaning: PayloadMeaning,
    /// Whether the rules about payloads are checked.
    judged: bool,
    /// Whether the frame has its place among the messages: its header could be decoded.
    placed: bool,
    /// No event tells of it any more.
    quiet: bool,
    arrived: u64,
    /// The first [`KEPT`] bytes.
    sent: Vec<u8>,
}

/// The place in the messages of this side.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    sequence: Sequence,
    /// A broken rule has left unknown whether a message is unfinished.
    lost: bool,
    /// What the unfinished message is made of.
    content: Content,
    text: Utf8,
    messages: u64,
    fragments: u64,
    /// The bytes of the unfinished message's finished fragments.
    before: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Content {
    #[default]
    Plain,
    OfExtension,
    NotKnown,
}

/// What one step found.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// More bytes are needed.
    Waiting,
    /// There may be more.
    Done,
    /// A Close has passed.
    Close,
}

impl Place {
    /// The next frame begins. It counts messages and fragments, also if the frame breaks a rule.
    ///
    /// # Errors
    /// The rule of §5.4 that the frame breaks.
    fn begin_frame(&mut self, header: &Header, agreement: &Agreement) -> Result<(), Violation> {
        if header.opcode.is_control() {
            return Ok(());
        }
        let begins = header.opcode != OpCode::Continuation;
        if self.lost && begins {
            self.sequence = Sequence::default();
            self.lost = false;
        }
        let checked = match self.lost {
            true => Ok(()),
            false => self.sequence.begin_frame(header),
        };
        if begins {
            self.messages += 1;
            self.fragments = 1;
            self.before = 0;
            self.text = Utf8::default();
            self.content = match agreement.owns_message(header) {
                true => Content::OfExtension,
                false => Content::Plain,
            };
        } else {
            self.fragments += 1;
        }
        if checked.is_err() {
            self.lose();
        }
        checked
    }

    /// The payload of a frame is complete.
    fn end_frame(&mut self, header: &Header) {
        if !header.opcode.is_control() {
            self.before += header.length;
            self.sequence.end_frame(header);
            // Behind a last fragment there is no unfinished message, whatever was before.
            self.lost &= !(header.fin && header.opcode == OpCode::Continuation);
        }
    }

    /// From here on, nobody knows whether a message is unfinished.
    fn lose(&mut self) {
        self.lost = true;
        self.content = Content::NotKnown;
    }

    /// The numbers of a frame's message and fragment.
    fn numbers(&self, header: &Header) -> (u64, u64) {
        let is_unknown = self.lost && header.opcode == OpCode::Continuation;
        match header.opcode.is_control() || is_unknown {
            true => (0, 0),
            false => (self.messages, self.fragments),
        }
    }

    /// Whether the payload of a data frame is text to check.
    fn is_text(&self, header: &Header) -> bool {
        !header.opcode.is_control()
            && self.content == Content::Plain
            && self.sequence.unfinished() == Some(MessageKind::Text)
    }
}

impl Frames {
    /// `from_start`: the first frame of this side comes next, and not one of those behind it.
    pub(super) fn new(from: Role, agreement: Arc<Agreement>, from_start: bool) -> Frames {
        let windows = agreement.deflate().map(|deflate| match from {
            Role::Client => deflate.client,
            Role::Server => deflate.server,
        });
        let inflating = windows.map(|window| Box::new(Inflating::new(window, from_start)));
        Frames {
            from,
            inflating,
            agreement,
            phase: Phase::Header,
            place: Place::default(),
        }
    }

    /// Nothing of this direction is interpreted, for this reason.
    pub(super) fn set_opaque(&mut self, why: Uninterpreted) {
        self.phase = Phase::Opaque(why);
    }

    /// Interprets what comes next.
    pub(super) fn step(&mut self, buffer: &mut Buffer, account: &mut Account) -> Step {
        match self.phase {
            Phase::Header => self.header(buffer, account),
            Phase::Payload(_) => self.payload(buffer, account),
            Phase::Broken(violation, shown) => self.find_payload(violation, shown, buffer, account),
            Phase::Opaque(why) => match tell_bytes(self.from, why, buffer, account) {
                true => Step::Done,
                false => Step::Waiting,
            },
        }
    }

    /// What this side has begun and not finished.
    pub(super) fn unfinished(&self, unread: &[u8]) -> Unfinished {
        match &self.phase {
            Phase::Payload(payload) => {
                let missing = payload.header.length - payload.arrived;
                Unfinished::Frame(Missing::Exactly(missing))
            }
            Phase::Header if !unread.is_empty() => {
                match Header::decode(unread, self.agreement.bits()) {
                    Ok(Decoded::Incomplete(missing)) => Unfinished::Frame(missing),
                    Ok(Decoded::Header(..)) | Err(_) => Unfinished::Nothing,
                }
            }
            Phase::Header | Phase::Broken(..) | Phase::Opaque(_) => Unfinished::Nothing,
        }
    }

    /// The same, with what is here. `None`: everything is finished, or nothing is to be told.
    pub(super) fn begun(&self, unread: &[u8], ended: bool) -> Option<Begun> {
        let unfinished = self.unfinished(unread);
        let part = match (&self.phase, unfinished) {
            (_, Unfinished::Nothing) => return None,
            (Phase::Payload(payload), _) if payload.quiet => return None,
            (Phase::Payload(payload), _) => {
                Part::Payload(self.account_of(payload, payload.sent.clone()))
            }
            _ => Part::Header {
                bytes: unread.to_vec(),
                agreement: Arc::clone(&self.agreement),
            },
        };
        Some(Begun {
            from: self.from,
            part,
            unfinished,
            ended,
        })
    }

    // Headers.

    /// Decodes a header, and tells of it.
    fn header(&mut self, buffer: &mut Buffer, account: &mut Account) -> Step {
        if account.skip.is_on() {
            let frames = self.skip_whole_frames(buffer);
            account.skip.count(Skipped { frames, bytes: 0 });
        }
        let unread = buffer.unread();
        match Header::decode(unread, self.agreement.bits()) {
            Ok(Decoded::Incomplete(_)) => return Step::Waiting,
            Ok(Decoded::Header(header, size)) => {
                let at = buffer.consume(size);
                self.frame(header, buffer.consumed(at), account);
                return self.begin_payload(buffer, account);
            }
            // §5.8: an extension may define this opcode, and nobody here knows the extension.
            Err(violation @ Violation::ReservedOpcode(_))
                if self.agreement.stranger().is_some() =>
            {
                self.phase = Phase::Broken(violation, 0);
            }
            Err(violation) => {
                let shown = unread.len().min(Header::MAX_SIZE);
                let bytes = unread[..shown].to_vec();
                account.add(self.violation(violation, bytes, 0, true));
                self.phase = Phase::Broken(violation, shown);
            }
        }
        Step::Done
    }

    /// A header is decoded: checks it, and tells of it or skips it.
    fn frame(&mut self, header: Header, bytes: &[u8], account: &mut Account) {
        let in_sequence = self.place.begin_frame(&header, &self.agreement);
        let checked = self
            .agreement
            .check(&header)
            .and_then(|()| header.check_received_by(self.from.peer()))
            .and(in_sequence);
        let quiet = account.skip.is_on() && checked.is_ok() && header.opcode != OpCode::Close;
        if quiet {
            account.skip.count(Skipped::FRAME);
        } else {
            let mut front = [0; Header::MAX_SIZE];
            front[..bytes.len()].copy_from_slice(bytes);
            let (message, fragment) = self.place.numbers(&header);
            account.add(Event::Header(FrameHeader {
                from: self.from,
                header,
                front,
                agreement: Arc::clone(&self.agreement),
                message,
                fragment,
            }));
        }
        if let Err(violation) = checked {
            account.add(self.violation(violation, bytes.to_vec(), 0, false));
            if !header.opcode.is_control() {
                self.lose_content();
            }
        }
        self.begin_inflating(&header);
        self.phase = Phase::Payload(Arriving {
            header,
            meaning: self.meaning(&header),
            judged: checked.is_ok(),
            placed: true,
            quiet,
            arrived: 0,
            sent: Vec::new(),
        });
    }

    /// What the rest of the unfinished message means is not known.
    fn lose_content(&mut self) {
        self.place.content = Content::NotKnown;
        if let Some(inflating) = &mut self.inflating {
            inflating.lose();
        }
    }

    /// A frame of a compressed message begins.
    fn begin_inflating(&mut self, header: &Header) {
        if self.meaning(header) == PayloadMeaning::Compressed
            && let Some(inflating) = &mut self.inflating
        {
            if header.opcode != OpCode::Continuation {
                inflating.begin_message(header.opcode == OpCode::Text);
            }
            inflating.begin_part();
        }
    }

    /// Who knows what the payload behind this header means.
    fn meaning(&self, header: &Header) -> PayloadMeaning {
        if header.opcode.is_control() {
            return match header.rsv1 {
                true => PayloadMeaning::OfExtension,
                false => PayloadMeaning::Plain,
            };
        }
        match (self.place.content, self.agreement.stranger()) {
            (Content::Plain, _) => PayloadMeaning::Plain,
            (Content::NotKnown, _) => PayloadMeaning::NotKnown,
            (Content::OfExtension, Some(_)) => PayloadMeaning::OfExtension,
            (Content::OfExtension, None) => PayloadMeaning::Compressed,
        }
    }

    /// Skips the whole frames that are here, up to the first one that must be told: a Close, or a
    /// frame that breaks a rule. This loop makes a flood of small frames cheap. Returns how many
    /// were skipped.
    fn skip_whole_frames(&mut self, buffer: &mut Buffer) -> u64 {
        let mut count = 0;
        let bits = self.agreement.bits();
        while let Ok(Decoded::Header(header, size)) = Header::decode(buffer.unread(), bits) {
            let behind = buffer.unread().len() - size;
            let mut place = self.place;
            if header.length > behind as u64
                || header.opcode == OpCode::Close
                || self.agreement.check(&header).is_err()
                || header.check_received_by(self.from.peer()).is_err()
                || place.begin_frame(&header, &self.agreement).is_err()
            {
                break;
            }
            let length = header.length as usize;
            if place.is_text(&header) {
                let payload = &mut buffer.unread_mut()[size..size + length];
                let key = header.mask.unwrap_or_default();
                mask(key, 0, payload);
                let text = &mut place.text;
                if text.push(payload).is_err() || (header.fin && text.finish().is_err()) {
                    mask(key, 0, payload); // As it was, for the account of the violation.
                    break;
                }
            }
            // What is skipped is not inflated.
            if place.content == Content::OfExtension
                && !header.opcode.is_control()
                && let Some(inflating) = &mut self.inflating
            {
                inflating.lose();
            }
            buffer.consume(size + length);
            place.end_frame(&header);
            self.place = place;
            count += 1;
        }
        count
    }

    /// Looks for the payload behind a header that breaks a rule.
    fn find_payload(
        &mut self,
        violation: Violation,
        shown: usize,
        buffer: &mut Buffer,
        account: &mut Account,
    ) -> Step {
        let (header, size) = match repaired(buffer.unread(), violation, self.from) {
            Repaired::Waiting => return Step::Waiting,
            Repaired::No => {
                buffer.consume(shown);
                self.phase = Phase::Opaque(Uninterpreted::AfterViolation);
                return Step::Done;
            }
            Repaired::Header(header, size) => (header, size),
        };
        let is_control = buffer.unread()[0] & 0x8 != 0;
        let at = buffer.consume(size);
        let mut meaning = PayloadMeaning::NotKnown;
        if shown == 0 {
            meaning = PayloadMeaning::OfExtension;
            let why = Uninterpreted::OfExtension;
            let (from, bytes) = (self.from, buffer.consumed(at).to_vec());
            account.add(Event::Bytes { from, bytes, why });
        } else if !is_control {
            self.place.lose();
            self.lose_content();
        }
        self.phase = Phase::Payload(Arriving {
            header,
            meaning,
            judged: false,
            placed: false,
            quiet: account.skip.is_on(),
            arrived: 0,
            sent: Vec::new(),
        });
        self.begin_payload(buffer, account)
    }

    // Payloads.

    /// A header has passed. Takes what is here of its payload, which may be empty.
    fn begin_payload(&mut self, buffer: &mut Buffer, account: &mut Account) -> Step {
        match self.payload(buffer, account) {
            Step::Waiting => Step::Done,
            step => step,
        }
    }

    /// Takes the part of the payload that is here.
    fn payload(&mut self, buffer: &mut Buffer, account: &mut Account) -> Step {
        let Phase::Payload(payload) = &mut self.phase else {
            return Step::Waiting;
        };
        let (header, placed) = (payload.header, payload.placed);
        let missing = header.length - payload.arrived;
        let here = buffer.unread().len();
        let here = usize::try_from(missing).map_or(here, |count| count.min(here));
        if here == 0 && missing > 0 {
            return Step::Waiting;
        }
        let start = payload.arrived;
        payload.take(&buffer.unread()[..here]);
        let complete = payload.arrived == header.length;
        if payload.judged
            && let Err(broken) = self.judge(header, start, here, complete, buffer)
        {
            account_of_payload(self, account);
            account.add(self.violation(broken.violation, broken.bytes, broken.before, false));
            self.lose_content();
        }
        buffer.consume(here);
        if !complete {
            return Step::Waiting;
        }
        account_of_payload(self, account);
        if placed {
            self.place.end_frame(&header);
        }
        self.phase = Phase::Header;
        match header.opcode {
            OpCode::Close => {
                self.phase = Phase::Opaque(Uninterpreted::AfterClose);
                Step::Close
            }
            _ => Step::Done,
        }
    }

    /// The rules about payloads: text is UTF-8 (§8.1), a Close has a proper body (§5.5.1), and what is
    /// compressed can be inflated (RFC 7692 §7.2.2).
    fn judge(
        &mut self,
        header: Header,
        start: u64,
        here: usize,
        complete: bool,
        buffer: &mut Buffer,
    ) -> Result<(), Broken> {
        if header.opcode == OpCode::Close && complete && !header.rsv1 {
            let Phase::Payload(payload) = &self.phase else {
                return Ok(());
            };
            let body = unmasked(header, payload.sent.clone());
            return match CloseReason::decode(&body) {
                Ok(_) => Ok(()),
                Err(invalid) => Err(Broken {
                    violation: invalid.into(),
                    bytes: body,
                    before: 0,
                }),
            };
        }
        let is_compressed = self.meaning(&header) == PayloadMeaning::Compressed;
        if !self.place.is_text(&header) && !is_compressed {
            return Ok(());
        }
        let part = &mut buffer.unread_mut()[..here];
        if let Some(key) = header.mask {
            mask(key, start, part);
        }
        let (before, is_end) = (self.place.before + start, complete && header.fin);
        if is_compressed {
            let inflating = self.inflating.as_mut();
            return inflating.map_or(Ok(()), |one| one.push(part, before, is_end));
        }
        let text = &mut self.place.text;
        let pushed = text.push(part);
        let checked = match is_end {
            true => pushed.and_then(|_| text.finish()),
            false => pushed.map(drop),
        };
        checked.map_err(|violation| Broken {
            violation,
            bytes: part.to_vec(),
            before,
        })
    }

    /// The payload, with these bytes of it.
    fn account_of(&self, payload: &Arriving, mut sent: Vec<u8>) -> FramePayload {
        if !payload.header.opcode.is_control() {
            sent.truncate(SHOWN);
        }
        let opcode = match (payload.header.opcode, self.place.sequence.unfinished()) {
            (OpCode::Continuation, Some(kind)) => kind.opcode(),
            (opcode, _) => opcode,
        };
        FramePayload {
            from: self.from,
            header: payload.header,
            opcode,
            meaning: payload.meaning,
            arrived: payload.arrived,
            sent,
            inflated: self.inflated(payload.meaning),
        }
    }

    /// What came out of the frame that arrives, if it is compressed and can be read.
    fn inflated(&self, meaning: PayloadMeaning) -> Option<Box<InflatedPart>> {
        let inflating = self.inflating.as_ref();
        let inflating = inflating.filter(|_| meaning == PayloadMeaning::Compressed)?;
        Some(Box::new(inflating.part()))
    }

    /// The event of a broken rule. `before`: this many bytes of the message come before `bytes`.
    fn violation(
        &self,
        violation: Violation,
        bytes: Vec<u8>,
        before: u64,
        undecoded: bool,
    ) -> Event {
        let at = match violation.location() {
            Location::InHeader(range) | Location::InPayload(range) => range,
            Location::InMessage(at) => {
                // The character may have begun before these bytes.
                let start = usize::try_from(at.saturating_sub(before)).unwrap_or(usize::MAX);
                start..start.saturating_add(1)
            }
        };
        let at = at.start.min(bytes.len())..at.end.min(bytes.len());
        Event::Violation(Box::new(BrokenRule {
            from: self.from,
            violation,
            bytes,
            at,
            undecoded,
            agreement: Arc::clone(&self.agreement),
        }))
    }
}

/// Tells of the payload as far as it has come. After that it is quiet.
fn account_of_payload(frames: &mut Frames, account: &mut Account) {
    let Phase::Payload(payload) = &mut frames.phase else {
        return;
    };
    if payload.quiet {
        return;
    }
    payload.quiet = true;
    let sent = std::mem::take(&mut payload.sent);
    if let Phase::Payload(payload) = &frames.phase {
        account.add(Event::Payload(frames.account_of(payload, sent)));
    }
}

impl Arriving {
    /// Takes the next bytes.
    fn take(&mut self, bytes: &[u8]) {
        if !self.quiet && self.sent.len() < KEPT {
            let kept = &bytes[..bytes.len().min(KEPT - self.sent.len())];
            match self.sent.is_empty() {
                true => self.sent = kept.to_vec(),
                false => self.sent.extend_from_slice(kept),
            }
        }
        self.arrived += bytes.len() as u64;
    }
}

fn unmasked(header: Header, mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(key) = header.mask {
        mask(key, 0, &mut bytes);
    }
    bytes
}

/// What is behind a header that breaks a rule.
enum Repaired {
    /// More bytes are needed to know it.
    Waiting,
    /// The header without its mistake, and its size.
    Header(Header, usize),
    /// More than one thing is wrong. So these bytes may be anything.
    No,
}

/// The header that these bytes would be without this violation.
fn repaired(bytes: &[u8], violation: Violation, from: Role) -> Repaired {
    let (Some(&first), Some(&second)) = (bytes.first(), bytes.get(1)) else {
        return match violation {
            Violation::LengthTopBit(_) => Repaired::No,
            _ => Repaired::Waiting,
        };
    };
    let binary = FIN | OpCode::Binary.encode();
    let without_mistake = match violation {
        Violation::ReservedBits(_) => first & !RSV,
        Violation::ReservedOpcode(_) => first & !(OPCODE | RSV) | OpCode::Binary.encode(),
        Violation::FragmentedControl(_) => first | FIN,
        Violation::LongControl(_) => binary,
        Violation::LengthNotMinimal { length, .. } => {
            let size = Header::size(second);
            return match (bytes.get(..size), OpCode::decode(first & OPCODE)) {
                (Some(header), Ok(opcode)) => {
                    let key = header[2 + Header::extended_length_size(second)..].try_into();
                    let header = Header {
                        fin: first & FIN != 0,
                        rsv1: false,
                        opcode,
                        mask: key.ok(),
                        length,
                    };
                    checked(header, size, from)
                }
                (None, _) => Repaired::Waiting,
                (_, Err(_)) => Repaired::No,
            };
        }
        _ => return Repaired::No,
    };
    let mut front = [0; Header::MAX_SIZE];
    let count = bytes.len().min(front.len());
    front[..count].copy_from_slice(&bytes[..count]);
    front[0] = without_mistake;
    match Header::decode(&front[..count], 0) {
        Ok(Decoded::Header(header, size)) => checked(header, size, from),
        Ok(Decoded::Incomplete(_)) => Repaired::Waiting,
        Err(_) => Repaired::No,
    }
}

fn checked(header: Header, size: usize, from: Role) -> Repaired {
    match header.check_received_by(from.peer()) {
        Ok(()) => Repaired::Header(header, size),
        Err(_) => Repaired::No,
    }
}

/// Tells of the bytes that are here and not interpreted. Returns whether there are any.
pub(super) fn tell_bytes(
    from: Role,
    why: Uninterpreted,
    buffer: &mut Buffer,
    account: &mut Account,
) -> bool {
    let count = buffer.unread().len();
    if count > 0 && account.skip.is_on() {
        account.skip.count(Skipped::bytes(count));
    } else if count > 0 {
        let bytes = buffer.unread().to_vec();
        account.add(Event::Bytes { from, bytes, why });
    }
    let _: Range<usize> = buffer.consume(count);
    count > 0
}
