//! `wire judge`: tests a server, or a client. This file runs the cases for servers, `judge/clients.rs`
//! those for clients. `judge/report.rs` says what they found, as text; `judge/files.rs` writes it for
//! other programs.

mod clients;
mod files;
mod report;

use crate::Trouble;
use crate::arguments::{Argument, Arguments};
use crate::output::{complain, print};
use crate::request::field;
use report::{Progress, Wanted};
use rfc6455::judge::{Case, LEVELS, Needs, SECTIONS, Settings, Target, judge, probe};
use rfc6455::{Printable, Role};
use std::fs;
use std::process::ExitCode;
use std::time::Duration;

pub const HELP: &str = "\
Tests a WebSocket server or client: sends what RFC 6455 and RFC 7692 allow and forbid, and says which
rules it keeps. Each case has its own connection. For a server, cases run side by side. That breaks
§4.1 step 2 (one connection at a time) on purpose.

Usage: wire judge [OPTIONS] URL [SECTION...]
       wire judge [OPTIONS] --listen HOST:PORT [SECTION...]

  URL                    ws://HOST[:PORT][/PATH]: an endpoint that sends each message back. Of a
                         server that does not, less can be tested, and the rest is skipped.
  SECTION                only these cases: 5.5 for all of §5.5, or an id such as 5.2-rsv1
  --listen HOST:PORT     test a client: each of its connections is one case. The paths are those of
                         Autobahn's fuzzing server: /getCaseCount, /runCase?case=N&agent=A and so
                         on; every other path is the next case. The client sends messages back.
  --run \"COMMAND {url}\"  with --listen: start this client once for each case
  --level N              only the levels 1 to N of a course, N from 1 to 8 (docs/lab.md). From
                         level 2 on the server has to send messages back.
  --list                 list the cases, and test nothing
  --verbose              show the whole conversation of each case
  --timeout SECONDS      wait so long for an answer (default: 2)
  --jobs N               run this many cases at the same time (default: 16)
  --heavy                send floods and 16 MiB, too; on this machine that is done anyway
  --field \"NAME: VALUE\"  add a field to each request, for a server behind a login (can be repeated)
  --origin ORIGIN        add an Origin field, as a browser does
  --subprotocol NAME     offer a subprotocol
  --json FILE            write the result as JSON
  --html FILE            write the result as a page; if FILE is such a page already, the run becomes
                         one more column of it
  --junit FILE           write the result as JUnit XML, for a CI system
  --help                 show this text

A case passes (✓). It fails (✗) if a MUST is broken. It is weak (~) if a SHOULD is not kept, or if
the RFC leaves it open and there is a better way. It is skipped (-) if it cannot be tested. The exit
code is 0 if no MUST is broken.
";

#[derive(Default)]
struct Options {
    url: Option<String>,
    wanted: Vec<String>,
    settings: Settings,
    list: bool,
    verbose: bool,
    level: Option<u8>,
    listen: Option<String>,
    run: Option<String>,
    json: Option<String>,
    html: Option<String>,
    junit: Option<String>,
}

pub fn run(mut arguments: Arguments) -> Result<ExitCode, Trouble> {
    let mut options = parse(&mut arguments)?;
    let endpoint = match options.listen {
        Some(_) => Role::Client,
        None => Role::Server,
    };
    if options.list || options.listen.is_some() {
        options.wanted.extend(options.url.take());
    }
    if options.list {
        return list(&sections(&options, endpoint)?);
    }
    if let Some(listen) = options.listen.take() {
        let progress = Progress::new(sections(&options, endpoint)?, options.verbose);
        return clients::run(&listen, progress, &options);
    }
    let url = options.url.take();
    let url = url.ok_or_else(|| Trouble::wrong("the URL is missing"))?;
    let parsed = url.parse().map_err(Trouble::wrong)?;
    let cannot = |what: &dyn std::fmt::Display| Trouble::Failed(format!("{url}: {what}"));
    let target = Target::new(parsed).map_err(|error| cannot(&error))?;
    options.settings.heavy |= target.is_local();
    let sections = sections(&options, endpoint)?;

    let mut probe = probe(&target, &options.settings).map_err(|what| cannot(&what))?;
    let mut progress = Progress::new(sections, options.verbose);
    // In a course, a server that does not echo has a fault, and not another purpose.
    probe.echoes |= options.level.is_some_and(|level| level > 1);
    print_or_stop(&report::beginning(&url, &probe))?;
    let cases = progress.cases();
    let mut result = Ok(());
    judge(&target, &options.settings, &probe, &cases, |outcome| {
        let text = progress.add(outcome);
        if result.is_ok() {
            result = print_or_stop(&text);
        }
    });
    result?;
    finish(&url, progress, &options)
}

/// Prints the summary, and writes the files.
fn finish(name: &str, mut progress: Progress, options: &Options) -> Result<ExitCode, Trouble> {
    print_or_stop(&progress.skip_rest())?;
    let (done, time) = progress.end();
    print_or_stop(&report::summary(&done, time))?;
    if let Some(path) = &options.json {
        write(path, &files::json(name, &done))?;
    }
    if let Some(path) = &options.html {
        let before = fs::read_to_string(path).ok();
        let page = files::html(before.as_deref(), name, &done);
        let other = || Trouble::Failed(format!("{path}: there is another file, which is kept"));
        write(path, &page.ok_or_else(other)?)?;
    }
    if let Some(path) = &options.junit {
        write(path, &files::junit(name, &done, time))?;
    }
    Ok(match report::broken_rules(&done).is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn parse(arguments: &mut Arguments) -> Result<Options, Trouble> {
    let mut options = Options::default();
    while let Some(argument) = arguments.next()? {
        match &argument {
            Argument::Option(name) => match &name[..] {
                "--list" => options.list = true,
                "--verbose" => options.verbose = true,
                "--heavy" => options.settings.heavy = true,
                "--timeout" => options.settings.timeout = seconds(&arguments.value()?)?,
                "--jobs" => options.settings.jobs = jobs(&arguments.value()?)?,
                "--field" => options.settings.fields.push(field(&arguments.value()?)?),
                "--origin" => options.add_field("Origin", arguments.value()?),
                "--subprotocol" => {
                    options.add_field("Sec-WebSocket-Protocol", arguments.value()?);
                }
                "--level" => options.level = Some(level(&arguments.value()?)?),
                "--listen" => options.listen = Some(arguments.value()?),
                "--run" => options.run = Some(arguments.value()?),
                "--json" => options.json = Some(arguments.value()?),
                "--html" => options.html = Some(arguments.value()?),
                "--junit" => options.junit = Some(arguments.value()?),
                _ => return Err(argument.unexpected().into()),
            },
            Argument::Other(url) if options.url.is_none() => options.url = Some(url.clone()),
            Argument::Other(section) => options.wanted.push(section.clone()),
        }
    }
    for (name, value) in &options.settings.fields {
        rfc6455::opening::check_field(name, value).map_err(Trouble::wrong)?;
    }
    Ok(options)
}

impl Options {
    fn add_field(&mut self, name: &str, value: String) {
        self.settings.fields.push((name.to_owned(), value));
    }
}

fn seconds(value: &str) -> Result<Duration, Trouble> {
    let seconds = value
        .parse()
        .ok()
        .filter(|seconds| (0.01..=3600.0).contains(seconds));
    let wrong = || {
        Trouble::wrong(format!(
            "--timeout takes seconds, 0.01 to 3600, not {value}"
        ))
    };
    seconds.map(Duration::from_secs_f64).ok_or_else(wrong)
}

fn level(value: &str) -> Result<u8, Trouble> {
    let level = value
        .parse()
        .ok()
        .filter(|level| (1..=LEVELS.len() as u8).contains(level));
    level.ok_or_else(|| Trouble::wrong(format!("--level takes a number, 1 to 8, not {value}")))
}

fn jobs(value: &str) -> Result<usize, Trouble> {
    let jobs = value.parse().ok().filter(|jobs| (1..=256).contains(jobs));
    jobs.ok_or_else(|| Trouble::wrong(format!("--jobs takes a number, 1 to 256, not {value}")))
}

/// The sections with the cases that are wanted. No wish: all.
fn sections(options: &Options, endpoint: Role) -> Result<Vec<Wanted>, Trouble> {
    let wanted = &options.wanted;
    let mut sections = SECTIONS
        .map(|section| (section, section.cases(endpoint)))
        .to_vec();
    for wish in wanted {
        let mut all = sections.iter().flat_map(|(_, cases)| cases);
        if !all.any(|case| is_wanted(case, wish)) {
            let wish = Printable(wish);
            return Err(Trouble::wrong(format!(
                "no case {wish} (--list lists them)"
            )));
        }
    }
    for (_, cases) in &mut sections {
        cases.retain(|case| options.level.is_none_or(|level| case.level() <= level));
        cases.retain(|case| wanted.is_empty() || wanted.iter().any(|wish| is_wanted(case, wish)));
    }
    sections.retain(|(_, cases)| !cases.is_empty());
    Ok(sections)
}

/// `5.5` is wanted for 5.5-fin-ping and for 5.5.2-empty, and not for 5.55. `§5.5` means the same.
fn is_wanted(case: &Case, wish: &str) -> bool {
    let wish = wish.trim_start_matches('§');
    let rest = case.id.strip_prefix(wish);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}

fn list(sections: &[Wanted]) -> Result<ExitCode, Trouble> {
    let mut text = String::new();
    for (section, cases) in sections {
        text += &format!("{} ({})\n", section.name, section.clause);
        for case in cases {
            let needs = match case.needs {
                Needs::Nothing => "",
                Needs::Echo => " [echo]",
                Needs::Compression => " [compression]",
                Needs::HeavyEcho => " [echo, heavy]",
            };
            let (id, weight, clause, rule) = (&case.id, case.weight, case.clause, &case.rule);
            text += &format!(
                "  {} {id:<28} {weight:<7} {clause}  {rule}{needs}\n",
                case.level()
            );
        }
    }
    print_or_stop(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// If the reader of a pipe has gone, the program ends.
fn print_or_stop(text: &str) -> Result<(), Trouble> {
    match print(text) {
        Ok(true) => Ok(()),
        Ok(false) => std::process::exit(0),
        Err(error) => Err(Trouble::Failed(error.to_string())),
    }
}

fn write(path: &str, text: &str) -> Result<(), Trouble> {
    fs::write(path, text).map_err(|error| Trouble::Failed(format!("{path}: {error}")))?;
    complain(format_args!("wire judge: wrote {path}"));
    Ok(())
}
