//! `wire judge --listen`: tests clients, and speaks the protocol of Autobahn's fuzzing server.

use super::report::Progress;
use super::{Options, finish, print_or_stop};
use crate::json::Object;
use crate::output::complain;
use crate::{Trouble, addresses};
use rfc6455::Printable;
use rfc6455::judge::{Case, Client, Verdict, Visitor};
use rfc6455::server;
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a client that was started has time to connect.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long it has time to end after its case.
const END_LIMIT: Duration = Duration::from_secs(2);
/// Between two looks for a connection or an end.
const PAUSE: Duration = Duration::from_millis(5);

pub fn run(listen: &str, mut progress: Progress, options: &Options) -> Result<ExitCode, Trouble> {
    let cannot = |error: io::Error| Trouble::Failed(format!("cannot listen on {listen}: {error}"));
    let listeners = addresses::resolve(listen)
        .and_then(|addresses| server::listen(&addresses[..]))
        .map_err(cannot)?;
    let address = listeners[0].local_addr().map_err(cannot)?;
    let mut settings = options.settings.clone();
    settings.heavy |= address.ip().is_loopback();
    let judge = Judge {
        listeners,
        url: format!("ws://{}", addresses::reachable(address, None)),
        settings,
        cases: progress.cases(),
    };
    match &options.run {
        Some(command) => judge.start_each(command, &mut progress)?,
        None => judge.wait_for_all(&mut progress)?,
    }
    finish(&judge.url, progress, options)
}

struct Judge {
    listeners: Vec<TcpListener>,
    url: String,
    settings: rfc6455::judge::Settings,
    cases: Vec<Case>,
}

impl Judge {
    /// The client is started once to see whether it echoes, and then once for each case.
    fn start_each(&self, command: &str, progress: &mut Progress) -> Result<(), Trouble> {
        print_or_stop(&format!("{}\n", Printable(command)))?;
        let mut client = Client::default();
        let (visitor, child) = self.start(command, 0)?;
        visitor.probe(&mut client, &self.settings);
        end(child);
        if !client.echoes {
            print_or_stop("It does not send messages back, so what needs an echo is skipped.\n")?;
        }
        for (index, case) in self.cases.iter().enumerate() {
            let (visitor, child) = self.start(command, index + 1)?;
            let outcome = visitor.judge(case, index, &mut client, &self.settings);
            end(child);
            print_or_stop(&progress.add(outcome))?;
        }
        Ok(())
    }

    /// Starts the client, and waits for its request.
    fn start(&self, command: &str, number: usize) -> Result<(Visitor, Child), Trouble> {
        let url = format!("{}/runCase?case={number}&agent=run", self.url);
        let words = command.split_whitespace();
        let mut words = words.map(|word| word.replace("{url}", &url));
        let program = words
            .next()
            .ok_or_else(|| Trouble::wrong("--run is empty"))?;
        let mut child = Command::new(&program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Trouble::Failed(format!("{program}: {error}")))?;
        let deadline = Instant::now() + START_LIMIT;
        let stream = self.accept(|| Instant::now() < deadline);
        let visitor = match stream {
            Ok(Some(stream)) => Visitor::receive(stream, self.settings.timeout),
            Ok(None) => Err("it does not connect".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        match visitor {
            Ok(visitor) => Ok((visitor, child)),
            Err(why) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(Trouble::Failed(format!("{command}: {why}")))
            }
        }
    }

    /// Clients connect as they like, until all cases are done or a client asks for the reports.
    fn wait_for_all(&self, progress: &mut Progress) -> Result<(), Trouble> {
        let count = self.cases.len();
        print_or_stop(&format!(
            "listening on {}, {count} cases: connect an echo client to each of\n  \
             {}/runCase?case=N&agent=NAME\n",
            self.url, self.url
        ))?;
        let mut client = Client::default();
        let mut next = 0;
        loop {
            let stream = self.accept(|| true);
            let stream = stream.map_err(|error| Trouble::Failed(error.to_string()))?;
            let Some(stream) = stream else {
                continue;
            };
            let visitor = match Visitor::receive(stream, self.settings.timeout) {
                Ok(visitor) => visitor,
                Err(why) => {
                    complain(format_args!(
                        "wire judge: a connection without a request: {why}"
                    ));
                    continue;
                }
            };
            let resource = visitor.resource().to_owned();
            let (path, query) = resource.split_once('?').unwrap_or((&resource, ""));
            let number: Option<usize> = parameter(query, "case").and_then(|n| n.parse().ok());
            let index = number.and_then(|number| number.checked_sub(1));
            let index = index.filter(|&index| index < count);
            let settings = &self.settings;
            match (path, index) {
                ("/getCaseCount", _) => visitor.tell(Some(&count.to_string()), settings),
                ("/getCaseInfo", Some(index)) => {
                    let case = &self.cases[index];
                    let info = Object::new().text("id", &case.id);
                    let info = info.text("description", &case.rule).end();
                    visitor.tell(Some(&info), settings);
                }
                ("/getCaseStatus", Some(index)) => {
                    let status = behavior(progress.verdict(index));
                    let status = Object::new().text("behavior", status).end();
                    visitor.tell(Some(&status), settings);
                }
                ("/updateReports", _) => {
                    visitor.tell(None, settings);
                    return Ok(());
                }
                ("/getCaseInfo" | "/getCaseStatus", None) => visitor.tell(None, settings),
                ("/runCase", None) if number.is_some() => visitor.tell(None, settings),
                (_, index) => {
                    let index = index.unwrap_or(next);
                    next = index + 1;
                    let case = &self.cases[index];
                    let outcome = visitor.judge(case, index, &mut client, settings);
                    print_or_stop(&progress.add(outcome))?;
                    // A client that knows the protocol asks for the reports at the end.
                    if path != "/runCase" && next == count {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// The next connection. `None`: there is none, and it is not worth waiting any more.
    fn accept(&self, is_worth: impl Fn() -> bool) -> io::Result<Option<TcpStream>> {
        for listener in &self.listeners {
            listener.set_nonblocking(true)?;
        }
        while is_worth() {
            for listener in &self.listeners {
                match listener.accept() {
                    Ok((stream, _)) => {
                        stream.set_nonblocking(false)?;
                        return Ok(Some(stream));
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            thread::sleep(PAUSE);
        }
        Ok(None)
    }
}

/// A parameter of a query.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(known, _)| *known == name)
        .map(|(_, value)| value)
        .next()
}

/// A verdict in Autobahn's words.
fn behavior(verdict: Option<&Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Pass) => "OK",
        Some(Verdict::Weak(_)) => "NON-STRICT",
        Some(Verdict::Fail(_)) => "FAILED",
        Some(Verdict::Skipped(_)) | None => "UNIMPLEMENTED",
    }
}

/// Waits for the end of a client, and ends it if it does not end.
fn end(mut child: Child) {
    let deadline = Instant::now() + END_LIMIT;
    while Instant::now() < deadline {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(PAUSE);
    }
    let _ = child.kill();
    let _ = child.wait();
}
