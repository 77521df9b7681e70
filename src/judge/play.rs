//! How the steps of a case are played, and how what is seen becomes a verdict.

use super::bits::{CLOSE, TEXT, ping, text};
use super::case::{Case, Verdict, Weight};
use super::conversation::{Conversation, Event};
use super::request::Request;
use super::script::{Answer, Cuts, Judged, Script, Step, code_of};
use super::seen::Seen;
use crate::opening::{DEFLATE, Deflate, HeadReader, StatusLine, name, parse_extensions};
use crate::printable::Printable;
use std::thread;
use std::time::{Duration, Instant};

/// The most bytes and fields of an answer that the judge reads.
const MAX_HEAD: usize = 64 << 10;
const MAX_FIELDS: usize = 1000;

/// If an endpoint that has to fail the connection is quiet for this long, it is asked whether it is
/// still there.
const QUIET: Duration = Duration::from_millis(250);

/// Between two pieces of something that is cut, so that they do not arrive together.
const PAUSE: Duration = Duration::from_millis(2);

/// The same between two pieces of a head: a server needs time to accept the connection.
const LONG_PAUSE: Duration = Duration::from_millis(100);

/// The question "are you there": the payload of a Ping or of a text.
const PROBE: &str = "judge: are you here?";

/// What a case needs to know of the endpoint and of the user.
#[derive(Clone, Debug)]
pub(super) struct Stage<'a> {
    pub(super) resource: &'a str,
    pub(super) host: &'a str,
    pub(super) fields: &'a [(String, String)],
    pub(super) timeout: Duration,
    pub(super) echoes: bool,
}

impl Stage<'_> {
    fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Plays a case on a new connection.
    pub(super) fn play(&self, case: &Case, talk: &mut Conversation) -> Verdict {
        match &case.script {
            Script::Opening {
                request,
                cuts,
                asked,
            } => {
                let head = request.bytes(self.resource, self.host, self.fields);
                self.send_cut(talk, &head, *cuts);
                let answer = self.answer(talk);
                match asked(&answer) {
                    Ok(()) => Verdict::Pass,
                    Err(seen) => Verdict::broken(case.weight, seen),
                }
            }
            Script::Open(steps) => match self.open(talk, None) {
                Ok(_) => self.steps(case.weight, steps, talk),
                Err(answer) => no_opening(&answer),
            },
            Script::Compressed(offer, steps) => match self.open(talk, Some(offer)) {
                Ok(Some(agreed)) => {
                    talk.agree(agreed);
                    self.steps(case.weight, steps, talk)
                }
                Ok(None) => Verdict::Skipped("the offer of compression was not taken".to_owned()),
                Err(answer) => no_opening(&answer),
            },
        }
    }

    fn send_cut(&self, talk: &mut Conversation, bytes: &[u8], cuts: Cuts) {
        let deadline = self.deadline();
        match cuts {
            Cuts::None => talk.send(bytes, deadline),
            Cuts::Everywhere => {
                for (index, &byte) in bytes.iter().enumerate() {
                    talk.send(&[byte], deadline);
                    if index == 0 || index == bytes.len() / 2 {
                        thread::sleep(LONG_PAUSE);
                    }
                }
            }
            Cuts::BeforeLast(count) => {
                let (front, back) = bytes.split_at(bytes.len() - count);
                talk.send(front, deadline);
                thread::sleep(LONG_PAUSE);
                talk.send(back, deadline);
            }
        }
    }

    /// Reads the head of an answer.
    pub(super) fn answer(&self, talk: &mut Conversation) -> Answer {
        let deadline = self.deadline();
        loop {
            let mut reader = HeadReader::<StatusLine>::new(MAX_HEAD, MAX_FIELDS);
            match reader.read(talk.unread()) {
                Ok(Some((head, size))) => {
                    talk.consume(size);
                    // An interim answer (103, say) comes before the answer.
                    if head.start.is_interim() {
                        continue;
                    }
                    return Answer::Head(head);
                }
                Ok(None) => {}
                Err(error) => return Answer::NotHttp(error.to_string()),
            }
            if talk.has_ended() {
                return Answer::Ended;
            }
            if !talk.receive(deadline) && Instant::now() >= deadline {
                return Answer::Nothing;
            }
        }
    }

    /// A lawful opening. Returns what was agreed about compression.
    pub(super) fn open(
        &self,
        talk: &mut Conversation,
        offer: Option<&str>,
    ) -> Result<Option<Deflate>, Answer> {
        let mut request = Request::lawful();
        if let Some(offer) = offer {
            request = request.add(name::EXTENSIONS, offer);
        }
        let head = request.bytes(self.resource, self.host, self.fields);
        talk.send(&head, self.deadline());
        match self.answer(talk) {
            Answer::Head(head) if head.start.opens_websocket() => {
                let extensions = parse_extensions(&head.fields).unwrap_or_default();
                let answer = extensions.iter().find(|answer| answer.name == DEFLATE);
                Ok(answer.and_then(|answer| Deflate::in_answer(answer).ok()))
            }
            answer => Err(answer),
        }
    }

    /// Whether a message comes back. What came before it may be a greeting; then this is no echo.
    pub(super) fn echoes(&self, talk: &mut Conversation) -> bool {
        let deadline = self.deadline();
        talk.send_frame(&text(PROBE), deadline);
        loop {
            match talk.next(deadline) {
                Event::Message(_, payload) => return payload == PROBE.as_bytes(),
                Event::Pong(_) => {}
                _ => return false,
            }
        }
    }

    fn steps(&self, weight: Weight, steps: &[Step], talk: &mut Conversation) -> Verdict {
        for step in steps {
            let verdict = self.step(weight, step, talk);
            if verdict != Verdict::Pass {
                return verdict;
            }
        }
        Verdict::Pass
    }

    fn step(&self, weight: Weight, step: &Step, talk: &mut Conversation) -> Verdict {
        let judged = match step {
            Step::Send(bytes) => {
                talk.send(bytes, self.deadline());
                self.note_close(bytes, talk);
                Ok(())
            }
            Step::Cut(bytes) => {
                let deadline = self.deadline() + bytes.len() as u32 * PAUSE;
                for byte in bytes {
                    talk.send(&[*byte], deadline);
                    thread::sleep(PAUSE / 2);
                }
                Ok(())
            }
            Step::Message(opcode, payload) => return self.message(weight, *opcode, payload, talk),
            Step::Pong(payload) => self.pong(payload, talk),
            Step::PongOrLimit(payload) => match self.pong(payload, talk) {
                Err(_) if talk.has_ended() || talk.frames_to_close.is_some() => {
                    return Verdict::Skipped("limit: it ended the connection".to_owned());
                }
                judged => judged,
            },
            Step::Alive => self.alive(talk),
            Step::Fails => self.fails(talk).map(drop),
            Step::FailsWith(codes) => match self.fails(talk) {
                Ok(Some(body)) => has_code(&body, codes),
                Ok(None) => Err("the end of TCP, without a Close".to_owned()),
                Err(seen) => Err(seen),
            },
            Step::FailsBefore(rest) => return self.fails_before(rest, talk),
            Step::Closes(check) => self.closes(*check, talk),
            Step::Ends => self.ends(talk),
            Step::Look(check) => check(talk),
            Step::MayRefuse => {
                let deadline = Instant::now() + QUIET.min(self.timeout);
                while !matches!(talk.next(deadline), Event::Nothing | Event::End) {}
                Ok(())
            }
        };
        match judged {
            Ok(()) => Verdict::Pass,
            Err(seen) => Verdict::broken(weight, seen),
        }
    }

    /// A step that sends a Close: the judge does not answer another.
    fn note_close(&self, bytes: &[u8], talk: &mut Conversation) {
        let mut rest = bytes;
        while let Some((seen, size)) = Seen::read(rest) {
            if seen.opcode() == CLOSE {
                talk.note_close_sent();
            }
            rest = &rest[size..];
        }
    }

    fn message(
        &self,
        weight: Weight,
        opcode: u8,
        payload: &[u8],
        talk: &mut Conversation,
    ) -> Verdict {
        // A long message takes its time.
        let extra = Duration::from_millis(payload.len() as u64 / 1024);
        let deadline = self.deadline() + extra;
        let is_message = |event: &Event| matches!(event, Event::Message(..));
        let seen = loop {
            let kept = talk.take_kept(is_message);
            match kept.unwrap_or_else(|| talk.next(deadline)) {
                Event::Message(seen, bytes) if seen == opcode && bytes == payload => {
                    return Verdict::Pass;
                }
                event @ Event::Pong(_) => talk.keep(event),
                Event::Close(body) if body.starts_with(&1009u16.to_be_bytes()) => {
                    let limit = format!("limit: 1009 to {} bytes", payload.len());
                    return Verdict::Skipped(limit);
                }
                event => break words(&event),
            }
        };
        Verdict::broken(weight, format!("{seen}, and not the message back"))
    }

    fn pong(&self, payload: &[u8], talk: &mut Conversation) -> Judged {
        let deadline = self.deadline();
        let is_this = |event: &Event| matches!(event, Event::Pong(seen) if seen == payload);
        if talk.take_kept(is_this).is_some() {
            return Ok(());
        }
        loop {
            match talk.next(deadline) {
                event if is_this(&event) => return Ok(()),
                Event::Pong(_) => {}
                event @ Event::Message(..) => talk.keep(event),
                event => return Err(format!("{}, and not the Pong", words(&event))),
            }
        }
    }

    /// An echo is the proof; where there is none, a Pong.
    fn alive(&self, talk: &mut Conversation) -> Judged {
        let deadline = self.deadline();
        match self.echoes {
            true => talk.send_frame(&text(PROBE), deadline),
            false => talk.send_frame(&ping(PROBE), deadline),
        }
        loop {
            match talk.next(deadline) {
                Event::Message(TEXT, seen) if self.echoes && seen == PROBE.as_bytes() => {
                    return Ok(());
                }
                Event::Pong(seen) if seen == PROBE.as_bytes() => return Ok(()),
                Event::Message(..) if self.echoes => {
                    return Err("a message that is not the echo of one".to_owned());
                }
                Event::Message(..) | Event::Pong(_) => {}
                event => {
                    return Err(format!("{}; the connection should go on", words(&event)));
                }
            }
        }
    }

    /// Returns the body of the Close, if one came.
    fn fails(&self, talk: &mut Conversation) -> Result<Option<Vec<u8>>, String> {
        match self.fails_within(Instant::now() + QUIET.min(self.timeout), talk)? {
            Some(failed) => return Ok(failed),
            // Quiet: is it still there?
            None => talk.send_frame(&ping(PROBE), self.deadline()),
        }
        match self.fails_within(self.deadline(), talk)? {
            Some(failed) => Ok(failed),
            None => Err("nothing: TCP stays open, and a Ping is not answered".to_owned()),
        }
    }

    /// `Ok(None)`: nothing has happened until the deadline.
    #[allow(clippy::option_option)] // Failed or not yet; with a Close or without.
    fn fails_within(
        &self,
        deadline: Instant,
        talk: &mut Conversation,
    ) -> Result<Option<Option<Vec<u8>>>, String> {
        loop {
            match talk.next(deadline) {
                Event::Close(body) => return Ok(Some(Some(body))),
                Event::End => return Ok(Some(None)),
                Event::Nothing => return Ok(None),
                Event::Pong(seen) if seen == PROBE.as_bytes() => {
                    return Err("it goes on: a Ping behind it was answered".to_owned());
                }
                Event::Message(..) if !self.echoes => {}
                event => return Err(format!("it goes on: {}", words(&event))),
            }
        }
    }

    fn fails_before(&self, rest: &[u8], talk: &mut Conversation) -> Verdict {
        match self.fails_within(Instant::now() + 2 * QUIET.min(self.timeout), talk) {
            Ok(Some(_)) => return Verdict::Pass,
            Ok(None) => talk.send(rest, self.deadline()),
            Err(seen) => return Verdict::Fail(seen),
        }
        match self.fails(talk) {
            Ok(_) => Verdict::Weak("late: only when the message was complete".to_owned()),
            Err(seen) => Verdict::Fail(seen),
        }
    }

    fn closes(&self, check: fn(&[u8]) -> Judged, talk: &mut Conversation) -> Judged {
        let deadline = self.deadline();
        loop {
            match talk.next(deadline) {
                Event::Close(body) => return check(&body),
                Event::Message(..) | Event::Pong(_) => {}
                event => return Err(format!("{}, and no Close", words(&event))),
            }
        }
    }

    fn ends(&self, talk: &mut Conversation) -> Judged {
        let deadline = self.deadline();
        loop {
            match talk.next(deadline) {
                Event::End => return Ok(()),
                Event::Nothing => return Err("TCP stays open".to_owned()),
                _ => {}
            }
        }
    }
}

fn no_opening(answer: &Answer) -> Verdict {
    Verdict::Skipped(format!("no opening: {}", answer.words()))
}

fn has_code(body: &[u8], codes: &[u16]) -> Judged {
    match code_of(body) {
        Some(code) if codes.contains(&code) => Ok(()),
        Some(code) => Err(format!("a Close with the code {code}")),
        None => Err("a Close without a code".to_owned()),
    }
}

/// An event in words.
fn words(event: &Event) -> String {
    match event {
        Event::Message(opcode, payload) => {
            let kind = if *opcode == TEXT { "text" } else { "message" };
            let start: String = String::from_utf8_lossy(&payload[..payload.len().min(40)]).into();
            let more = if payload.len() > 40 { "..." } else { "" };
            format!("the {kind} \"{}\"{more}", Printable(&start))
        }
        Event::NotInflated(why) => format!("a message that does not inflate: {why}"),
        Event::Pong(_) => "a Pong".to_owned(),
        Event::Close(body) => match code_of(body) {
            Some(code) => format!("a Close with the code {code}"),
            None => "a Close without a code".to_owned(),
        },
        Event::End => "the end of TCP".to_owned(),
        Event::Nothing => "nothing".to_owned(),
    }
}
