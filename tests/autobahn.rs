//! The Autobahn test suite's cases, strictly, in both roles.
//!
//! Needs kosoku, which runs them: `python3 -m venv target/kosoku && target/kosoku/bin/pip install
//! kosoku==0.1.0`. A kosoku elsewhere is named by the environment variable `KOSOKU`.

#[path = "kit/programs.rs"]
mod programs;

use programs::{Program, ServerProgram};
use rfc6455::{Client, Compression, Config, Error, Window};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// All cases, and those of them for which the suite has no right answer, only information.
const CASES: usize = 517;
const INFORMATIONAL: [&str; 3] = ["7.1.6", "7.13.1", "7.13.2"];

/// From case 13.2 on, the suite's server accepts only an offer with `client_no_context_takeover`. Six
/// groups of 18 cases are left then.
const LAST_WITH_TAKEOVER: usize = CASES - 6 * 18;

/// Cases 12 and 13 send eleven gigabytes through two compressors.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

fn kosoku() -> String {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/target/kosoku/bin/kosoku");
    std::env::var("KOSOKU").unwrap_or(built.to_owned())
}

fn fresh_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Every case OK or, where that is all there is, INFORMATIONAL; nothing NON-STRICT; every closing
/// OK.
fn assert_strict(reports: &Path) {
    let index = fs::read_to_string(reports.join("index.json")).unwrap();
    let index: Value = serde_json::from_str(&index).unwrap();
    let agents = index.as_object().unwrap();
    assert_eq!(agents.len(), 1);
    let cases = agents.values().next().unwrap().as_object().unwrap();
    let mut wrong = Vec::new();
    for (case, report) in cases {
        let expected = match INFORMATIONAL.contains(&&case[..]) {
            true => "INFORMATIONAL",
            false => "OK",
        };
        let closing = &report["behaviorClose"];
        // A case that is about the closing has information about the closing.
        if report["behavior"] != expected || !(closing == "OK" || closing == expected) {
            wrong.push(format!("{case}: {report}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(cases.len(), CASES);
}

#[test]
#[ignore = "needs kosoku (python3 -m venv target/kosoku && target/kosoku/bin/pip install kosoku==0.1.0)"]
fn the_server_passes_every_case_strictly() {
    let folder = fresh_folder("autobahn-server");
    let server = ServerProgram::start(&["--deflate"]);
    let address = format!("ws://127.0.0.1:{}/echo", server.port);
    let args = ["-o", folder.to_str().unwrap(), &address];
    let (code, _, errors) = Program::start(&kosoku(), &args).finish_within(PATIENCE);
    assert_eq!(code, Some(0), "{errors:#?}");
    assert_strict(&folder);
}

#[test]
#[ignore = "needs kosoku (python3 -m venv target/kosoku && target/kosoku/bin/pip install kosoku==0.1.0)"]
fn the_client_passes_every_case_strictly() {
    let folder = fresh_folder("autobahn-client");
    let args = [
        "-m",
        "fuzzingserver",
        "-o",
        folder.to_str().unwrap(),
        "127.0.0.1:0",
    ];
    let suite = Program::start(&kosoku(), &args);
    let listening = suite.error_line();
    let address = listening.rsplit(' ').next().unwrap().to_owned();
    let url = |path: &str| format!("{address}{path}");

    let mut socket = rfc6455::connect(&url("/getCaseCount")).unwrap();
    let count: usize = socket.read().unwrap().unwrap().to_string().parse().unwrap();
    assert_eq!(count, CASES);
    for case in 1..=count {
        let result = echo(&url(&format!("/runCase?case={case}&agent=rfc6455")), case);
        // How a case ends is what the suite reports on.
        match result {
            Ok(()) | Err(Error::Violation(_) | Error::Closed(_)) => {}
            Err(error) => panic!("case {case}: {error}"),
        }
    }
    // With this the suite ends, and without a Close.
    let _ = echo(&url("/updateReports?agent=rfc6455"), 0);
    let (code, _, errors) = suite.finish_within(PATIENCE);
    assert_eq!(code, Some(0), "{errors:#?}");
    assert_strict(&folder);
}

/// Everything back as it came, until the suite closes.
fn echo(url: &str, case: usize) -> Result<(), Error> {
    // kosoku 0.1.0 reports an error for each plain answer in the cases about compression. So every
    // message goes compressed.
    let takeover = case <= LAST_WITH_TAKEOVER;
    let compression = Compression {
        level: 1,
        threshold: 0,
        sending: Window::LARGEST.with_takeover(takeover),
        ..Compression::default()
    };
    let config = Config {
        max_message: 64 << 20,
        compression: Some(compression),
        ..Config::default()
    };
    let mut socket = Client::new(url)?.config(config).connect()?;
    while let Some((message, writer)) = socket.read_with_writer()? {
        writer.write(message)?;
    }
    Ok(())
}
