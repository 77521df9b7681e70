//! A case: one rule, what is sent to test it, and what may come back.

use super::request::Request;
use super::script::{Answer, Cuts, Judged, Script, Step, Visit};
use crate::framing::Role;
use std::fmt;

/// One case of the suite.
#[derive(Clone, Debug)]
pub struct Case {
    /// It never changes, and it begins with the section of the RFC: `5.2-rsv1`.
    pub id: String,
    /// Where the rule stands.
    pub clause: &'static str,
    /// How strict the rule is.
    pub weight: Weight,
    /// What the RFC asks, in one sentence.
    pub rule: String,
    /// What an endpoint must do, so that this can be tested.
    pub needs: Needs,
    pub(super) script: Script,
}

impl Case {
    fn new(id: &str, clause: &'static str, weight: Weight, rule: &str, script: Script) -> Case {
        Case {
            id: id.to_owned(),
            clause,
            weight,
            rule: rule.to_owned(),
            needs: Needs::Nothing,
            script,
        }
    }

    /// A case on an open connection.
    pub(super) fn open(
        id: &str,
        clause: &'static str,
        weight: Weight,
        rule: &str,
        steps: Vec<Step>,
    ) -> Case {
        Case::new(id, clause, weight, rule, Script::Open(steps))
    }

    /// A case on a connection with permessage-deflate, if the endpoint takes this offer.
    pub(super) fn compressed(
        id: &str,
        clause: &'static str,
        rule: &str,
        offer: &'static str,
        steps: Vec<Step>,
    ) -> Case {
        let script = Script::Compressed(offer, steps);
        Case::new(id, clause, Weight::Must, rule, script).needs(Needs::Compression)
    }

    /// A case about the opening handshake.
    pub(super) fn opening(
        id: &str,
        clause: &'static str,
        weight: Weight,
        rule: &str,
        request: Request,
        asked: fn(&Answer) -> Judged,
    ) -> Case {
        let script = Script::Opening {
            request: Box::new(request),
            cuts: Cuts::None,
            asked,
        };
        Case::new(id, clause, weight, rule, script)
    }

    /// A case about the request of a client.
    pub(super) fn request(
        id: &str,
        clause: &'static str,
        weight: Weight,
        rule: &str,
        asked: fn(&Visit) -> Judged,
    ) -> Case {
        Case::new(id, clause, weight, rule, Script::Request(asked))
    }

    /// A case about an answer that breaks a rule.
    pub(super) fn answer(
        id: &str,
        clause: &'static str,
        weight: Weight,
        rule: &str,
        answer: fn(&str) -> String,
    ) -> Case {
        Case::new(id, clause, weight, rule, Script::BadAnswer(answer))
    }

    /// A case about an answer that is lawful HTTP and opens nothing.
    pub(super) fn refusal(id: &str, rule: &str, answer: fn(&str) -> String) -> Case {
        Case::new(id, "§4.1", Weight::Must, rule, Script::Refusal(answer))
    }

    /// The same, with the head cut into writes.
    pub(super) fn cut(mut self, how: Cuts) -> Case {
        if let Script::Opening { cuts, .. } = &mut self.script {
            *cuts = how;
        }
        self
    }

    pub(super) fn needs(self, needs: Needs) -> Case {
        Case { needs, ..self }
    }

    /// Why the case cannot be tested with an endpoint that does not echo, or without `heavy`.
    pub(super) fn excuse(&self, endpoint: Role, echoes: bool, heavy: bool) -> Option<String> {
        let who = match endpoint {
            Role::Client => "client",
            Role::Server => "server",
        };
        match self.needs {
            Needs::Echo | Needs::HeavyEcho | Needs::Compression if !echoes => {
                Some(format!("the {who} does not send messages back"))
            }
            Needs::HeavyEcho if !heavy => Some("heavy: it sends very much, see --heavy".to_owned()),
            _ => None,
        }
    }

    /// It can be tested only if the endpoint sends each message back.
    pub(super) fn echo(self) -> Case {
        self.needs(Needs::Echo)
    }
}

/// How strict a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The RFC says MUST. An endpoint that breaks it fails the case.
    Must,
    /// The RFC says SHOULD. An endpoint that does not keep it is weak.
    Should,
    /// The RFC leaves it open, and there is a better and a worse way. The worse way is weak.
    Hygiene,
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Weight::Must => "MUST",
            Weight::Should => "SHOULD",
            Weight::Hygiene => "hygiene",
        })
    }
}

/// What an endpoint must do, so that a case can be tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing but the opening handshake.
    Nothing,
    /// It sends each message back.
    Echo,
    /// It takes the offer of permessage-deflate, and sends each message back.
    Compression,
    /// It sends each message back, and the case sends very much.
    HeavyEcho,
}

/// What a case found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The rule was kept.
    Pass,
    /// A MUST was broken. The text says what was seen.
    Fail(String),
    /// A SHOULD was not kept, or the answer is right but late.
    Weak(String),
    /// It could not be tested. The text says why.
    Skipped(String),
}

impl Verdict {
    /// The verdict on a rule that was not kept.
    pub(super) fn broken(weight: Weight, seen: impl Into<String>) -> Verdict {
        match weight {
            Weight::Must => Verdict::Fail(seen.into()),
            Weight::Should | Weight::Hygiene => Verdict::Weak(seen.into()),
        }
    }

    /// What was seen, or why it was skipped.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Verdict::Pass => "",
            Verdict::Fail(words) | Verdict::Weak(words) | Verdict::Skipped(words) => words,
        }
    }

    /// One word, which never changes.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail(_) => "fail",
            Verdict::Weak(_) => "weak",
            Verdict::Skipped(_) => "skipped",
        }
    }
}
