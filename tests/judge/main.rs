//! The judge is judged: servers that break one rule each are noticed by the case of that rule, and
//! by no unrelated one; strict servers pass.

#[path = "../kit/programs.rs"]
mod programs;
mod server;

use rfc6455::judge::{Case, Client, Settings, Target, Verdict, Visitor, cases, judge, probe};
use rfc6455::{Compression, Config, Role};
use server::Fault::{self, *};
use server::Server;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

/// Each fault, and the beginnings of the ids of all cases that may notice it. The first one must.
const FAULTS: [Expected; 86] = [
    (AnyMethod, &["4.2.1-method"]),
    (Http10, &["4.2.1-http-1.0"]),
    (NoHostNeeded, &["4.2.1-host"]),
    (NoUpgradeNeeded, &["4.2.1-no-upgrade"]),
    (UpgradeByPrefix, &["4.2.1-part-of-upgrade"]),
    (UpgradeInLowerCase, &["4.2.1-upgrade-case"]),
    (NoConnectionNeeded, &["4.2.1-no-connection"]),
    (ConnectionIsOneWord, &["4.2.1-connection-list"]),
    (ConnectionInTitleCase, &["4.2.1-connection-case"]),
    (NoKeyNeeded, &["4.2.1-no-key"]),
    (NoVersionNeeded, &["4.2.1-no-version"]),
    (
        AnyVersion,
        &["4.2.2-version-99", "4.2.2-versions", "4.2.1-no-number"],
    ),
    (RefusesVersionSilently, &["4.2.2-versions"]),
    (
        NamesInTitleCase,
        &["4.2.1-names-lower", "4.2.1-names-upper"],
    ),
    (AcceptInHex, &["4.2.2-accept", "4.2.2-key-spaces"]),
    (AcceptWithoutGuid, &["4.2.2-accept", "4.2.2-key-spaces"]),
    (AcceptIsConstant, &["4.2.2-accept-zeros", "4.2.2-accept-"]),
    (NoUpgradeInAnswer, &["4.2.2-upgrade"]),
    (NoConnectionInAnswer, &["4.2.2-connection"]),
    (Http10InAnswer, &["4.2.2-http-1.1"]),
    (NamesASubprotocol, &["4.2.2-no-subprotocol"]),
    (NamesAnotherSubprotocol, &["4.2.2-subprotocol"]),
    (TakesEveryExtension, &["4.2.2-unknown-extension"]),
    (NeedsHeadInOneRead, &["4.2.1-cut-2", "4.2.1-cut"]),
    (
        KeepsSpaces,
        &["4.2.1-spaces", "4.2.2-key-spaces", "4.2.1-upgrade-list"],
    ),
    (IgnoresRsv1, &["5.2-rsv1"]),
    (IgnoresRsv2, &["5.2-rsv2", "7.1.7-"]),
    (IgnoresRsv3, &["5.2-rsv3"]),
    (
        IgnoresRsvOfControl,
        &["5.2-rsv1-ping", "5.2-rsv2-ping", "5.2-rsv3-ping"],
    ),
    (
        IgnoresReservedData,
        &[
            "5.2-opcode-3",
            "5.2-opcode-",
            "7.4.1-1002",
            "7.1.7-not-processed",
        ],
    ),
    (IgnoresReservedControl, &["5.2-opcode-b", "5.2-opcode-"]),
    (TakesUnmasked, &["5.1-unmasked"]),
    (TakesUnmaskedControl, &["5.1-unmasked-ping"]),
    (MasksAnswers, &["5.1-masked-sent"]),
    (SetsRsv, &["5.2-rsv-sent"]),
    (
        SendsReservedOpcode,
        &[
            "5.2-opcode-sent",
            "5.4-ping-between",
            "5.5.2-",
            "5.5.3-",
            "5.4-many-pings-between",
        ],
    ),
    (
        LittleEndianLength,
        &["5.2-text-126", "5.2-", "6.2-", "5.4-lengths"],
    ),
    (
        SignedLength,
        &[
            "5.2-text-65535",
            "5.2-text-65534",
            "5.2-binary-6553",
            "5.2-minimal-sent",
        ],
    ),
    (
        ShortLengthsOnly,
        &["5.2-text-65536", "5.2-", "6.2-", "5.4-lengths"],
    ),
    (LongFormSent, &["5.2-minimal-sent"]),
    (LongFormTaken, &["5.2-long-form-0", "5.2-long-form-"]),
    (IgnoresTopBit, &["5.2-top-bit"]),
    (OneFrameARead, &["6.2-burst", "5.", "6.2", "7.", "8.1"]),
    (KeyOfFirstFrame, &["5.3-keys", "5.3-"]),
    (KeyBeginsWithRead, &["5.3-cut", "5.", "6.2"]),
    (
        UnmasksFoursOnly,
        &["5.3-length-1", "5.", "6.2", "7.", "8.1"],
    ),
    (ZeroKeyIsNoMask, &["5.3-key-zero"]),
    (
        EchoesFragments,
        &[
            "5.4-two",
            "5.4-",
            "5.6-",
            "8.1-",
            "5.2-rsv",
            "5.1-unmasked-fragment",
            "7.1.7-",
        ],
    ),
    (
        EmptyFragmentEnds,
        &["5.4-empty-middle", "5.4-empty-", "5.4-all-empty"],
    ),
    (
        TakesContinuationAlone,
        &["5.4-nothing", "5.4-after-the-end", "7.1.7-nothing-behind"],
    ),
    (
        TakesMessageInMessage,
        &[
            "5.4-text-in-text",
            "5.4-binary-in-text",
            "5.4-fragment-in-text",
            "5.4-text-in-binary",
        ],
    ),
    (
        ControlEndsMessage,
        &["5.4-ping-between", "5.4-many-pings-between"],
    ),
    (
        PongWaitsForMessage,
        &["5.4-ping-between-pong", "5.4-ping-between"],
    ),
    (TakesFragmentedControl, &["5.5-fin-"]),
    (TextIsBinary, &["6.2-type", "5.", "6.2"]),
    (
        NoPong,
        &["5.5.2-one", "5.5.2-", "5.5.3-", "5.4-ping-between"],
    ),
    (
        EmptyPong,
        &["5.5.2-one", "5.5.2-", "5.5.3-", "5.4-ping-between"],
    ),
    (ShortPong, &["5.5.2-125"]),
    (
        TakesLongControl,
        &["5.5-long-ping", "5.5-long-", "5.5-huge-ping"],
    ),
    (AnswersPong, &["5.5.3-no-answer"]),
    (
        PongFails,
        &[
            "5.5.3-unsolicited-text",
            "5.5.3-unsolicited-",
            "5.4-pong-between",
            "5.5.3-no-answer",
        ],
    ),
    (PingIsText, &["5.5.2-bytes", "5.5.2-125"]),
    (
        NoCloseAnswer,
        &[
            "5.5.1-code-1000",
            "5.5.1-",
            "7.4-",
            "7.4.1-not-sent",
            "8.1-close-reason",
        ],
    ),
    (KeepsTcp, &["5.5.1-tcp-end"]),
    (ClosesTwice, &["5.5.1-once"]),
    (DataBehindClose, &["5.5.1-once"]),
    (Sends1005, &["7.4.1-not-sent", "5.5.1-empty"]),
    (EchoesEveryCode, &["7.4-code-1005", "7.4-code-"]),
    (EchoesOneByte, &["5.5.1-one-byte"]),
    (Closes1000, &["5.5.1-echo"]),
    (EchoesBadReason, &["8.1-close-reason"]),
    (AnswersBehindClose, &["5.5.1-data-after", "5.5.1-tcp-end"]),
    (
        FailsWithoutClose,
        &[
            "7.1.7-close",
            "7.4.1-1002",
            "8.1-1007",
            "5.5.1-one-byte-code",
        ],
    ),
    (FailsWithoutEnd, &["7.1.7-tcp-end"]),
    (
        FailsWith1008,
        &["7.4.1-1002", "8.1-1007", "5.5.1-one-byte-code"],
    ),
    (GoesOnBehindFailure, &["7.1.7-nothing-behind", "7.1.7-"]),
    (NoUtf8, &["8.1-ff", "8.1-"]),
    (
        Utf8PerFragment,
        &[
            "5.6-greek-fragments",
            "5.6-",
            "5.4-character",
            "8.1-early-frame",
        ],
    ),
    (Utf8Late, &["8.1-early-fragment", "8.1-early-frame"]),
    (Utf8Of1002, &["8.1-1007"]),
    (Lossy, &["8.1-ff", "8.1-"]),
    (
        TakesSurrogates,
        &["8.1-surrogate-first", "8.1-surrogate-", "8.1-early-"],
    ),
    (BinaryIsText, &["8.1-binary", "5.2-binary-", "6.2-"]),
    (TextEndsAtNul, &["5.6-nul"]),
    (ReasonOver100Fails, &["5.5.1-long-reason"]),
    (Status200, &[]),
];

/// What one case found.
type Found = (Case, Verdict);

fn judged(address: SocketAddr, path: &str, timeout: Duration) -> Result<Vec<Found>, String> {
    let url = format!("ws://{address}{path}").parse().unwrap();
    let target = Target::new(url).unwrap();
    let settings = Settings {
        timeout,
        heavy: true,
        ..Settings::default()
    };
    let probe = probe(&target, &settings)?;
    let cases = cases(Role::Server);
    let mut found: Vec<Option<Verdict>> = vec![None; cases.len()];
    judge(&target, &settings, &probe, &cases, |outcome| {
        found[outcome.index] = Some(outcome.verdict);
    });
    let found = found.into_iter().map(Option::unwrap);
    Ok(cases.into_iter().zip(found).collect())
}

/// The cases that did not pass, with what was seen.
fn noticed(found: &[Found]) -> Vec<String> {
    let bad = found
        .iter()
        .filter(|(_, verdict)| matches!(verdict, Verdict::Fail(_) | Verdict::Weak(_)));
    bad.map(|(case, verdict)| format!("{}: {}", case.id, verdict.words()))
        .collect()
}

/// What is due at once is due within this time, on a machine that is busy, too.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_strict_server_passes_everything_twice() {
    let address = server::start(Fault::Strict);
    let [first, second] = [(), ()].map(|()| judged(address, "/", PATIENCE).unwrap());
    assert_eq!(noticed(&first), Vec::<String>::new());
    let verdicts = |found: &[Found]| -> Vec<Verdict> {
        found.iter().map(|(_, verdict)| verdict.clone()).collect()
    };
    assert_eq!(verdicts(&first), verdicts(&second));
}

#[test]
fn our_own_server_passes_everything_with_compression_and_without() {
    let server = programs::ServerProgram::start(&[]);
    for path in ["/echo", "/echo?deflate", "/ws"] {
        let found = judged(
            SocketAddr::from(([127, 0, 0, 1], server.port)),
            path,
            PATIENCE,
        )
        .unwrap();
        assert_eq!(noticed(&found), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn the_picture_in_the_readme_is_what_the_program_prints() {
    let server = programs::ServerProgram::start(&[]);
    let url = server.url("/echo");
    let wire = std::process::Command::new(env!("CARGO_BIN_EXE_wire"))
        .args(["judge", &url, "5.2-rsv1"])
        .output()
        .unwrap();
    assert!(wire.status.success());
    let printed = String::from_utf8(wire.stdout).unwrap();
    // All but the time at the end.
    let printed = printed.replace(&url, "ws://localhost:5050/echo");
    let (picture, _) = printed.rsplit_once(" (").unwrap();
    assert!(
        include_str!("../../README.md").contains(picture),
        "{picture}"
    );
}

#[test]
fn each_broken_rule_is_noticed_by_its_case_and_by_no_unrelated_one() {
    let wrong = check_all(&FAULTS, check);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A fault, and what may notice it.
type Expected = (Fault, &'static [&'static str]);

/// What is wrong with the judgement on these faults. Four are looked at at the same time.
fn check_all(faults: &[Expected], check: fn(&Expected) -> Vec<String>) -> Vec<String> {
    thread::scope(|scope| {
        let each = faults.chunks(faults.len().div_ceil(4)).map(|faults| {
            scope.spawn(move || faults.iter().flat_map(check).collect::<Vec<String>>())
        });
        let each: Vec<_> = each.collect();
        let wrong = each.into_iter().flat_map(|one| one.join().unwrap());
        wrong.collect()
    })
}

/// What is wrong with the judgement on one fault.
fn check((fault, may_notice): &Expected) -> Vec<String> {
    let found = match judged(server::start(*fault), "/", Duration::from_secs(2)) {
        Ok(found) => found,
        Err(_) if may_notice.is_empty() => return Vec::new(),
        Err(why) => return vec![format!("{fault:?}: {why}")],
    };
    wrong_notices(*fault, may_notice, &found)
}

/// What was not noticed, or by an unrelated case.
fn wrong_notices(fault: Fault, may_notice: &[&str], found: &[Found]) -> Vec<String> {
    let noticed = noticed(found);
    let mut wrong = Vec::new();
    let is = |line: &String, id: &str| line.starts_with(id);
    if let Some(first) = may_notice.first()
        && !noticed.iter().any(|line| is(line, first))
    {
        wrong.push(format!("{fault:?} was not noticed by {first}: {noticed:?}"));
    }
    for line in noticed {
        if !may_notice.iter().any(|id| is(&line, id)) {
            wrong.push(format!("{fault:?} was noticed by {line}"));
        }
    }
    wrong
}

/// Each fault of a client, and the beginnings of the ids of all cases that may notice it.
const FAULTS_OF_CLIENTS: [Expected; 24] = [
    (SendsPost, &["4.1-method"]),
    (SendsHttp10, &["4.1-http-1.1"]),
    (SendsNoHost, &["4.1-host"]),
    (SendsNoVersion, &["4.1-version"]),
    (SendsShortKey, &["4.1-key"]),
    (SendsOneKey, &["4.1-new-key"]),
    (
        TakesEveryStatus,
        &["4.1-status-200", "4.1-status-", "4.1-not-http"],
    ),
    (TakesNoUpgrade, &["4.1-no-upgrade", "4.1-other-upgrade"]),
    (
        TakesNoConnection,
        &["4.1-no-connection", "4.1-other-connection"],
    ),
    (
        TakesEveryAccept,
        &[
            "4.1-other-accept",
            "4.1-no-accept",
            "4.1-accept-case",
            "4.1-key-for-accept",
        ],
    ),
    (TakesUnknownExtension, &["4.1-extension"]),
    (TakesUnknownSubprotocol, &["4.1-subprotocol"]),
    (TakesMasked, &["5.1-masked"]),
    (SendsUnmasked, &["5.1-mask-sent"]),
    (MasksWithOneKey, &["5.3-keys-sent"]),
    (CountsKeys, &["5.3-keys-sent"]),
    (IgnoresRsv2, &["5.2-rsv2", "7.1.7-"]),
    (
        LittleEndianLength,
        &["5.2-text-126", "5.2-", "6.2-", "5.4-lengths"],
    ),
    (NoUtf8, &["8.1-ff", "8.1-"]),
    (
        NoPong,
        &[
            "5.5.2-one",
            "5.5.2-",
            "5.5.3-",
            "5.4-ping-between",
            "5.3-keys-sent",
            "5.1-mask-sent",
        ],
    ),
    (
        TakesContinuationAlone,
        &["5.4-nothing", "5.4-after-the-end", "7.1.7-nothing-behind"],
    ),
    (Sends1005, &["7.4.1-not-sent", "5.5.1-empty"]),
    (ClosesTwice, &["5.5.1-once"]),
    (Strict, &[]),
];

/// A client visits the judge once for each case.
fn judged_client(visit: impl Fn(SocketAddr, usize) + Sync) -> Vec<Found> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let settings = Settings {
        timeout: Duration::from_secs(2),
        heavy: true,
        ..Settings::default()
    };
    let cases = cases(Role::Client);
    let mut client = Client::default();
    let mut found = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| (0..cases.len()).for_each(|case| visit(address, case)));
        for (index, case) in cases.iter().enumerate() {
            let (stream, _) = listener.accept().unwrap();
            let visitor = Visitor::receive(stream, settings.timeout).unwrap();
            assert_eq!(visitor.resource(), format!("/case?case={index}"));
            let outcome = visitor.judge(case, index, &mut client, &settings);
            found.push((case.clone(), outcome.verdict));
        }
    });
    found
}

#[test]
fn our_own_client_passes_everything_with_compression_and_without() {
    for compression in [
        None,
        Some(Compression {
            threshold: 0,
            ..Compression::default()
        }),
    ] {
        let found = judged_client(|address, case| {
            let config = Config {
                compression,
                ..Config::default()
            };
            let url = format!("ws://{address}/case?case={case}");
            let Ok(mut socket) = rfc6455::Client::new(&url).unwrap().config(config).connect()
            else {
                return;
            };
            while let Ok(Some((message, writer))) = socket.read_with_writer() {
                if writer.write(message).is_err() {
                    break;
                }
            }
        });
        assert_eq!(noticed(&found), Vec::<String>::new());
        let skipped = found
            .iter()
            .filter(|(_, verdict)| matches!(verdict, Verdict::Skipped(_)));
        assert_eq!(skipped.count() == 0, compression.is_some());
    }
}

#[test]
fn each_broken_rule_of_a_client_is_noticed_by_its_case_and_by_no_unrelated_one() {
    let wrong = check_all(&FAULTS_OF_CLIENTS, check_client);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check_client((fault, may_notice): &Expected) -> Vec<String> {
    let found = judged_client(|address, case| {
        let stream = std::net::TcpStream::connect(address).unwrap();
        let mut client = Server::new(*fault, stream);
        client.is_client = true;
        if client
            .open_as_client(&format!("/case?case={case}"))
            .unwrap_or(false)
        {
            let _ = client.converse();
        }
    });
    wrong_notices(*fault, may_notice, &found)
}

#[test]
fn a_server_that_serves_one_at_a_time_is_judged_one_by_one() {
    let address = server::start(ServesOne);
    let found = judged(address, "/", Duration::from_secs(1)).unwrap();
    assert_eq!(noticed(&found), Vec::<String>::new());
}

#[test]
fn a_server_that_does_not_echo_is_judged_by_what_needs_no_echo() {
    let found = judged(server::start(NoEcho), "/", Duration::from_secs(2)).unwrap();
    assert_eq!(noticed(&found), Vec::<String>::new());
    let count = |skipped| {
        let is_skipped = |found: &&Found| matches!(found.1, Verdict::Skipped(_)) == skipped;
        found.iter().filter(is_skipped).count()
    };
    assert!(count(true) > 80 && count(false) > 150);
}

#[test]
fn a_server_without_answers_or_with_nonsense_gives_a_verdict_in_time() {
    for answer in [
        &b""[..],
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81",
    ] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = std::io::Write::write_all(&mut stream, answer);
                kept.push(stream);
            }
        });
        let began = Instant::now();
        let result = judged(address, "/", Duration::from_millis(100));
        assert!(result.is_err() || result.unwrap().len() > 200);
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{:?}",
            began.elapsed()
        );
    }
}
