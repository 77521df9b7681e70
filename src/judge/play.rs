//! How the steps of a case are played, and how what is seen becomes a verdict.

use super::bits::{Bits, CLOSE, TEXT, ping, text};
use super::case::{Case, Verdict, Weight};
use super::cases_request::{lawful, with};
use super::conversation::{Conversation, Event};
use super::request::Request;
use super::script::{Answer, Cuts, Judged, Script, Step, Visit, code_of};
use crate::opening::{DEFLATE, Deflate, Fields, name, parse_extensions};
use crate::printable::Printable;
use std::thread;
use std::time::{Duration, Instant};

/// If an endpoint that has to fail the connection is quiet for this long, it is asked whether it is
/// still there.
const QUIET: Duration = Duration::from_millis(250);

/// Between two pieces of something that is cut, so that they do not arrive together.
const PAUSE: Duration = Duration::from_millis(2);

/// The same between two pieces of a head: a server needs time to accept the connection.
const LONG_PAUSE: Duration = Duration::from_millis(100);

/// The question "are you there": the payload of a Ping or of a text.
const PROBE: &str = "judge: are you here?";

/// The side that the judge plays, and what it needs for the opening handshake.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side<'a> {
    /// It connects to a server.
    Client {
        resource: &'a str,
        host: &'a str,
        fields: &'a [(String, String)],
    },
    /// A client has connected, and has sent its request.
    Server(Visit<'a>),
}

/// What a case needs to know of the endpoint and of the user.
#[derive(Clone, Debug)]
pub(super) struct Stage<'a> {
    pub(super) side: Side<'a>,
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
                let head = self.head(request);
                self.send_cut(talk, &head, *cuts);
                verdict(case.weight, asked(&self.answer(talk)))
            }
            Script::Request(asked) => {
                let Side::Server(visit) = self.side else {
                    return Verdict::Skipped("a case for clients".to_owned());
                };
                let _ = self.open(talk, None);
                verdict(case.weight, asked(&visit))
            }
            Script::BadAnswer(answer) => {
                self.send_bad_answer(*answer, talk);
                let ends = self.stays_silent(talk, self.deadline());
                let ends = ends.and_then(|has_ended| match has_ended {
                    true => Ok(()),
                    false => Err("nothing: TCP stays open".to_owned()),
                });
                verdict(case.weight, ends)
            }
            Script::Refusal(answer) => {
                self.send_bad_answer(*answer, talk);
                let deadline = Instant::now() + 2 * QUIET.min(self.timeout);
                verdict(case.weight, self.stays_silent(talk, deadline).map(drop))
            }
            Script::Open(steps) => match self.open(talk, None) {
                Ok(_) => self.steps(case.weight, steps, talk),
                Err(answer) => no_opening(&answer),
            },
            Script::Compressed(offer, steps) => match self.open(talk, Some(offer)) {
                Ok(true) => self.steps(case.weight, steps, talk),
                Ok(false) => Verdict::Skipped("the offer of compression was not taken".to_owned()),
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
            match talk.head(deadline) {
                // An interim answer (103, say) comes before the answer.
                Answer::Head(head) if head.start.is_interim() => {}
                answer => return answer,
            }
        }
    }

    /// A lawful opening. Returns whether compression was agreed on.
    pub(super) fn open(
        &self,
        talk: &mut Conversation,
        offer: Option<&str>,
    ) -> Result<bool, Answer> {
        let agreed = match self.side {
            Side::Server(visit) => self.welcome(visit, talk, offer),
            Side::Client { .. } => self.ask(talk, offer)?,
        };
        if let Some(agreed) = agreed {
            talk.agree(agreed);
        }
        Ok(agreed.is_some())
    }

    /// The lawful request to a server. Returns what it agreed to.
    fn ask(&self, talk: &mut Conversation, offer: Option<&str>) -> Result<Option<Deflate>, Answer> {
        let mut request = Request::lawful();
        if let Some(offer) = offer {
            request = request.add(name::EXTENSIONS, offer);
        }
        let head = self.head(&request);
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

    /// The bytes of a request to this server.
    fn head(&self, request: &Request) -> Vec<u8> {
        match self.side {
            Side::Client {
                resource,
                host,
                fields,
            } => request.bytes(resource, host, fields),
            Side::Server(_) => Vec::new(),
        }
    }

    /// The key of the client.
    fn key(&self) -> &str {
        match &self.side {
            Side::Client { .. } => "",
            Side::Server(visit) => visit.head.fields.get(name::KEY).unwrap_or_default(),
        }
    }

    /// The lawful answer to a client. If it offers permessage-deflate, and the case wants it, that
    /// is accepted, with those parameters that a server may choose without being asked.
    fn welcome(
        &self,
        visit: Visit,
        talk: &mut Conversation,
        wanted: Option<&str>,
    ) -> Option<Deflate> {
        let offers = parse_extensions(&visit.head.fields).unwrap_or_default();
        let is_offered = offers.iter().any(|offer| offer.name == DEFLATE);
        let wanted = wanted.filter(|_| is_offered);
        let accepted = wanted.map(|wanted| wanted.replace("; client_max_window_bits", ""));
        let head = match &accepted {
            Some(accepted) => with(self.key(), &format!("{}: {accepted}", name::EXTENSIONS)),
            None => lawful(self.key()),
        };
        talk.send(head.as_bytes(), self.deadline());
        let mut fields = Fields::default();
        fields.push(name::EXTENSIONS, &accepted?);
        let answer = parse_extensions(&fields).unwrap_or_default();
        Deflate::in_answer(answer.first()?).ok()
    }

    /// The answer, and behind it a message, which nobody should take.
    fn send_bad_answer(&self, answer: fn(&str) -> String, talk: &mut Conversation) {
        let answer = answer(self.key());
        talk.send(answer.as_bytes(), self.deadline());
        talk.send_frame(&text(PROBE), self.deadline());
    }

    /// A client whose opening handshake has failed sends no message. Returns whether it ends TCP
    /// before the deadline.
    fn stays_silent(&self, talk: &mut Conversation, deadline: Instant) -> Result<bool, String> {
        loop {
            match talk.next(deadline) {
                Event::End => return Ok(true),
                Event::Nothing => return Ok(false),
                // Some clients say why they go.
                Event::Close(_) => {}
                event => return Err(format!("it goes on: {}", words(&event))),
            }
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
            Step::Send(frames) => {
                let bytes = talk.bytes_of(frames);
                talk.send(&bytes, self.deadline());
                note_close(frames, talk);
                Ok(())
            }
            Step::Cut(frames, count) => {
                let bytes = talk.bytes_of(frames);
                let (each, rest) = bytes.split_at(bytes.len().min(*count));
                let deadline = self.deadline() + bytes.len() as u32 * PAUSE;
                for byte in each {
                    talk.send(&[*byte], deadline);
                    thread::sleep(PAUSE / 2);
                }
                talk.send(rest, deadline);
                note_close(frames, talk);
                Ok(())
            }
            Step::Hold(frames, back) => {
                let bytes = talk.bytes_of(frames);
                talk.hold(&bytes, *back, self.deadline());
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
            Step::FailsBeforeRest => return self.fails_before_rest(talk),
            Step::Closes(check) => self.closes(*check, talk),
            Step::Ends => self.ends(talk),
            Step::Look(check) => check(talk),
            Step::MayRefuse => {
                let deadline = Instant::now() + QUIET.min(self.timeout);
                while !matches!(talk.next(deadline), Event::Nothing | Event::End) {}
                Ok(())
            }
        };
        verdict(weight, judged)
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

    fn fails_before_rest(&self, talk: &mut Conversation) -> Verdict {
        match self.fails_within(Instant::now() + 2 * QUIET.min(self.timeout), talk) {
            Ok(Some(_)) => return Verdict::Pass,
            Ok(None) => talk.send_held(self.deadline()),
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

/// After a Close of the judge, it does not answer one.
fn note_close(frames: &[Bits], talk: &mut Conversation) {
    if frames.iter().any(|frame| frame.opcode() == CLOSE) {
        talk.note_close_sent();
    }
}

fn verdict(weight: Weight, judged: Judged) -> Verdict {
    match judged {
        Ok(()) => Verdict::Pass,
        Err(seen) => Verdict::broken(weight, seen),
    }
}

/// How the reason begins, if a case is skipped because there was no opening.
pub(super) const NO_OPENING: &str = "no opening";

fn no_opening(answer: &Answer) -> Verdict {
    Verdict::Skipped(format!("{NO_OPENING}: {}", answer.words()))
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
