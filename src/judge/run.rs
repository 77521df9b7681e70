//! Cases are run, side by side, each on a connection of its own.

use super::case::{Case, Needs, Verdict};
use super::cases_compression::OFFER;
use super::conversation::{Conversation, Entry};
use super::hints::{hint, hint_of_case};
use super::play::{NO_OPENING, Side, Stage};
use crate::framing::Role;
use crate::opening::Url;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// After this many connections in a row without an opening, the rest is skipped.
const DEAD_AFTER: usize = 3;

/// The server that is judged.
#[derive(Clone, Debug)]
pub struct Target {
    url: Url,
    addresses: Vec<SocketAddr>,
}

impl Target {
    /// Looks up the host of a `ws:` URL.
    ///
    /// # Errors
    /// The host has no address; the URL is `wss:`.
    pub fn new(url: Url) -> io::Result<Target> {
        if url.secure {
            let kind = io::ErrorKind::Unsupported;
            return Err(io::Error::new(kind, "wss: needs TLS, which is not here"));
        }
        let addresses: Vec<SocketAddr> = (&url.host[..], url.port).to_socket_addrs()?.collect();
        if addresses.is_empty() {
            let kind = io::ErrorKind::NotFound;
            return Err(io::Error::new(kind, "the host has no address"));
        }
        Ok(Target { url, addresses })
    }

    /// Whether it is on this machine, so that floods and long messages harm nobody.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.addresses
            .iter()
            .all(|address| address.ip().is_loopback())
    }

    fn connect(&self, timeout: Duration) -> io::Result<TcpStream> {
        let mut result = Err(io::ErrorKind::NotFound.into());
        for address in &self.addresses {
            result = TcpStream::connect_timeout(address, timeout);
            if result.is_ok() {
                break;
            }
        }
        result
    }
}

/// How to judge.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long an answer may take.
    pub timeout: Duration,
    /// How many cases run at the same time, at most.
    pub jobs: usize,
    /// Floods and long messages are sent, too.
    pub heavy: bool,
    /// More fields for each opening handshake: a login, an origin, a subprotocol.
    pub fields: Vec<(String, String)>,
}

impl Default for Settings {
    /// Two seconds for an answer, 16 cases at a time, nothing heavy, no more fields.
    fn default() -> Settings {
        Settings {
            timeout: Duration::from_secs(2),
            jobs: 16,
            heavy: false,
            fields: Vec::new(),
        }
    }
}

/// What was found out about a server before the cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// It sends each message back.
    pub echoes: bool,
    /// It serves two connections at the same time.
    pub serves_two: bool,
    /// It takes an offer of permessage-deflate.
    pub compresses: bool,
    /// A hint, if it does not send messages back, and that looks like a classic mistake.
    pub hint: Option<&'static str>,
}

/// What a case found out, and how.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The place of the case in the list that was given.
    pub index: usize,
    /// What was found out.
    pub verdict: Verdict,
    /// All that was sent and received, and when.
    pub record: Vec<Entry>,
    /// How long it took.
    pub time: Duration,
}

impl Outcome {
    /// A hint, if the case was not passed and looks like a classic mistake.
    #[must_use]
    pub fn hint(&self, case: &Case) -> Option<&'static str> {
        match self.verdict {
            Verdict::Fail(_) => hint(&case.id, &self.record).or_else(|| hint_of_case(&case.id)),
            Verdict::Pass | Verdict::Weak(_) | Verdict::Skipped(_) => None,
        }
    }
}

/// Looks at a server before it is judged: whether it opens, whether it echoes, and whether it serves
/// two at a time.
///
/// # Errors
/// There is no connection, or no opening. The text says what was seen.
pub fn probe(target: &Target, settings: &Settings) -> Result<Probe, String> {
    let (resource, host) = (&target.url.resource[..], target.url.authority());
    let stage = stage(resource, &host, settings, true);
    let connect = || {
        let stream = target
            .connect(settings.timeout)
            .map_err(|error| error.to_string())?;
        Conversation::new(stream, Role::Client, Instant::now()).map_err(|error| error.to_string())
    };
    let mut first = connect()?;
    let compresses = match stage.open(&mut first, Some(OFFER)) {
        Ok(compresses) => compresses,
        Err(answer) => {
            let hint = hint("", &first.into_record());
            let hint = hint.map_or(String::new(), |hint| format!(". {hint}"));
            return Err(format!("{NO_OPENING}: {}{hint}", answer.words()));
        }
    };
    // While the first is open.
    let mut second = connect()?;
    let serves_two = stage.open(&mut second, None).is_ok();
    let echoes = stage.echoes(&mut first);
    first.leave();
    second.leave();
    let hint = hint("", &first.into_record()).filter(|_| !echoes);
    Ok(Probe {
        hint,
        echoes,
        serves_two,
        compresses,
    })
}

fn stage<'a>(resource: &'a str, host: &'a str, settings: &'a Settings, echoes: bool) -> Stage<'a> {
    Stage {
        side: Side::Client {
            resource,
            host,
            fields: &settings.fields,
        },
        timeout: settings.timeout,
        echoes,
    }
}

/// Runs cases, and tells each outcome when it is there, in any order. A server that serves one
/// connection at a time is judged one case after the other.
pub fn judge(
    target: &Target,
    settings: &Settings,
    probe: &Probe,
    cases: &[Case],
    mut tell: impl FnMut(Outcome),
) {
    let (resource, host) = (&target.url.resource[..], target.url.authority());
    let stage = stage(resource, &host, settings, probe.echoes);
    let next = AtomicUsize::new(0);
    let dead = Dead::default();
    let jobs = if probe.serves_two {
        settings.jobs.max(1)
    } else {
        1
    };
    // A case that sends megabytes delays the others, and they would be late.
    let alone = Mutex::new(());
    let (sender, outcomes) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs.min(cases.len()) {
            let (sender, next, dead, stage, alone) = (sender.clone(), &next, &dead, &stage, &alone);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(index) else {
                        return;
                    };
                    let began = Instant::now();
                    let (verdict, record) = match excuse(case, settings, probe, dead) {
                        Some(why) => (Verdict::Skipped(why), Vec::new()),
                        None => {
                            let is_heavy = case.needs == Needs::HeavyEcho;
                            let _turn = is_heavy.then(|| alone.lock());
                            run(target, stage, case, began, dead)
                        }
                    };
                    let outcome = Outcome {
                        index,
                        verdict,
                        record,
                        time: began.elapsed(),
                    };
                    if sender.send(outcome).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for outcome in outcomes {
            tell(outcome);
        }
    });
}

/// Why a case cannot be tested.
fn excuse(case: &Case, settings: &Settings, probe: &Probe, dead: &Dead) -> Option<String> {
    if dead.is_dead() {
        return Some("no opening, three times in a row".to_owned());
    }
    let excuse = case.excuse(Role::Server, probe.echoes, settings.heavy);
    excuse.or_else(|| {
        let is_plain = case.needs == Needs::Compression && !probe.compresses;
        is_plain.then(|| "the server does not take compression".to_owned())
    })
}

fn run(
    target: &Target,
    stage: &Stage,
    case: &Case,
    began: Instant,
    dead: &Dead,
) -> (Verdict, Vec<Entry>) {
    let connected = target
        .connect(stage.timeout)
        .and_then(|stream| Conversation::new(stream, Role::Client, began));
    let mut talk = match connected {
        Ok(talk) => talk,
        Err(error) => {
            dead.note(false);
            return (
                Verdict::Skipped(format!("no connection: {error}")),
                Vec::new(),
            );
        }
    };
    let verdict = stage.play(case, &mut talk);
    talk.leave();
    let is_silent = matches!(&verdict, Verdict::Skipped(why) if why.starts_with(NO_OPENING));
    dead.note(!is_silent);
    (verdict, talk.into_record())
}

/// Whether a server still opens connections.
#[derive(Debug, Default)]
struct Dead {
    in_a_row: AtomicUsize,
    is_dead: AtomicBool,
}

impl Dead {
    fn note(&self, opened: bool) {
        match opened {
            true => self.in_a_row.store(0, Ordering::Relaxed),
            false if self.in_a_row.fetch_add(1, Ordering::Relaxed) + 1 >= DEAD_AFTER => {
                self.is_dead.store(true, Ordering::Relaxed);
            }
            false => {}
        }
    }

    fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::Relaxed)
    }
}
