//! Clients are judged: each connection of a client plays one case, with the judge as its server.

use super::case::{Case, Verdict};
use super::conversation::{Came, Conversation, Event};
use super::play::{Side, Stage};
use super::run::{Outcome, Settings};
use super::script::Visit;
use crate::framing::Role;
use crate::opening::{Head, RequestLine, name};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How long the judge waits for the Close of a client, after a case.
const GOODBYE: Duration = Duration::from_secs(1);

/// What is known of a client.
#[derive(Clone, Debug)]
pub struct Client {
    /// It sends each message back.
    pub echoes: bool,
    /// The keys of its connections so far.
    keys: Vec<String>,
}

impl Default for Client {
    /// A client that sends each message back, as the clients of a conformance suite do.
    fn default() -> Client {
        Client {
            echoes: true,
            keys: Vec::new(),
        }
    }
}

/// A connection of a client, whose request has come.
#[derive(Debug)]
pub struct Visitor {
    talk: Conversation,
    head: Head<RequestLine>,
    began: Instant,
}

impl Visitor {
    /// Reads the request of a client.
    ///
    /// # Errors
    /// It is not HTTP, or it does not come in time. The text says what was seen.
    pub fn receive(stream: TcpStream, timeout: Duration) -> Result<Visitor, String> {
        let began = Instant::now();
        let talk = Conversation::new(stream, Role::Server, began);
        let mut talk = talk.map_err(|error| error.to_string())?;
        match talk.head(began + timeout) {
            Came::Head(head) => Ok(Visitor { talk, head, began }),
            Came::NotHttp(why) => Err(why),
            Came::Ended => Err("TCP ended, without a request".to_owned()),
            Came::Nothing => Err("no request in time".to_owned()),
        }
    }

    /// What the client asks for: the path, and the query.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.head.start.target
    }

    /// Plays a case. `index` is the place of the case in the list.
    pub fn judge(
        mut self,
        case: &Case,
        index: usize,
        client: &mut Client,
        settings: &Settings,
    ) -> Outcome {
        let earlier = std::mem::take(&mut client.keys);
        let verdict = match case.excuse(Role::Client, client.echoes, settings.heavy) {
            Some(why) => Verdict::Skipped(why),
            None => self.stage(&earlier, client, settings, |stage, talk| {
                stage.play(case, talk)
            }),
        };
        client.keys = earlier;
        client
            .keys
            .extend(self.head.fields.get(name::KEY).map(str::to_owned));
        let time = self.began.elapsed();
        self.leave();
        Outcome {
            index,
            verdict,
            record: self.talk.into_record(),
            time,
        }
    }

    /// Opens, and looks whether the client sends a message back.
    pub fn probe(mut self, client: &mut Client, settings: &Settings) {
        let echoes = self.stage(&[], client, settings, |stage, talk| {
            stage.open(talk, None).is_ok() && stage.echoes(talk)
        });
        client.echoes = echoes;
        self.leave();
    }

    /// Opens, sends a text if there is one, and closes: an answer to a question that is no case.
    pub fn tell(mut self, text: Option<&str>, settings: &Settings) {
        let client = Client::default();
        self.stage(&[], &client, settings, |stage, talk| {
            let _ = stage.open(talk, None);
            if let Some(text) = text {
                let frame = super::bits::text(text);
                talk.send_frame(&frame, Instant::now() + settings.timeout);
            }
        });
        self.leave();
    }

    fn stage<T>(
        &mut self,
        earlier: &[String],
        client: &Client,
        settings: &Settings,
        run: impl FnOnce(&Stage, &mut Conversation) -> T,
    ) -> T {
        let stage = Stage {
            side: Side::Server(Visit {
                head: &self.head,
                earlier,
            }),
            timeout: settings.timeout,
            echoes: client.echoes,
        };
        run(&stage, &mut self.talk)
    }

    /// Closes, and waits a moment for the client to go.
    fn leave(&mut self) {
        self.talk.leave();
        let deadline = Instant::now() + GOODBYE;
        while !matches!(self.talk.next(deadline), Event::End | Event::Nothing) {}
    }
}
