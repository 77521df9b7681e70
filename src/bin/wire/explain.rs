//! `wire explain`: what bytes mean.

use crate::{Arguments, Trouble, hex};
use rfc6455::observe::{Missing, Observer, Sight, Uninterpreted};
use rfc6455::render::Renderer;
use rfc6455::{Role, console};
use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;

pub const HELP: &str = "\
Says what bytes mean. It stops at the first broken rule, with exit code 1.

Usage: wire explain [--from client|server] [HEX...]

  HEX     frames, or a head (GET ... or HTTP/...) and frames behind it: digits with or without
          spaces, commas, colons and 0x. A head may also be plain text.
          Without HEX, or with -, all this comes from standard input; so do raw bytes.
  --from  who sent the frames; else a first frame with a mask is a client's, one without a
          server's
  --help  this text

  wire explain \"81 85 37 fa 21 3d 7f 9f 4d 51 58\"
";

pub fn run(args: &[String]) -> Result<ExitCode, Trouble> {
    let arguments = Arguments::parse(args, &["--from"], &[])?;
    let mut from = None;
    for (_, value) in &arguments.options {
        from = Some(match &value[..] {
            "client" => Role::Client,
            "server" => Role::Server,
            _ => {
                return Err(Trouble::Usage(format!(
                    "--from client or server, not {value}"
                )));
            }
        });
    }
    let from_input = matches!(&arguments.others[..], [] | [_]) && {
        let first = arguments.others.first();
        first.is_none_or(|only| only == "-")
    };
    let parts = if from_input {
        parts(&standard_input()?).map_err(Trouble::Failure)?
    } else {
        parts(arguments.others.join(" ").as_bytes()).map_err(Trouble::Usage)?
    };
    if parts.is_empty() {
        return Err(Trouble::Failure("there are no bytes to explain".to_owned()));
    }
    Ok(explain(&parts, from))
}

fn standard_input() -> Result<Vec<u8>, Trouble> {
    if io::stdin().is_terminal() {
        eprintln!("Type or paste hex, or a head; Ctrl-D ends it.");
    }
    let mut input = Vec::new();
    match io::stdin().read_to_end(&mut input) {
        Ok(_) => Ok(input),
        Err(error) => Err(Trouble::Failure(format!("standard input: {error}"))),
    }
}

/// What the input consists of.
#[derive(Debug)]
enum Part {
    Head {
        bytes: Vec<u8>,
        /// The empty line at its end was there.
        whole: bool,
    },
    Frames(Vec<u8>),
}

/// Takes the input apart: heads, then frames. Heads are text, or in hex with the frames; what is
/// neither text nor hex is taken as it is.
fn parts(input: &[u8]) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = input;
    let start = input.len() - input.trim_ascii_start().len();
    if is_head(&rest[start..]) {
        // A head that is indented, as in the RFC, is so as a whole.
        let line = input[..start].rsplit(|&byte| byte == b'\n').next();
        let indent = line.unwrap_or_default().len();
        rest = &rest[start..];
        while is_head(rest) {
            let (head, behind) = text_head(rest, indent);
            parts.push(head);
            rest = match behind.trim_ascii_start() {
                next if is_head(next) => next,
                _ => behind,
            };
        }
    }
    let bytes = match str::from_utf8(rest) {
        // A body is no hex, and may be anything.
        Ok(text) if parts.is_empty() => hex::parse(text)?,
        Ok(text) => hex::parse(text).unwrap_or_else(|_| rest.to_vec()),
        Err(_) => rest.to_vec(),
    };
    let mut rest = &bytes[..];
    while parts.iter().all(|part| matches!(part, Part::Head { .. })) && is_head(rest) {
        let (head, behind) = raw_head(rest);
        parts.push(head);
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(Part::Frames(rest.to_vec()));
    }
    Ok(parts)
}

fn is_head(bytes: &[u8]) -> bool {
    let starts = [
        "GET ", "HTTP/", "HEAD ", "POST ", "PUT ", "OPTIONS ", "CONNECT ",
    ];
    starts
        .iter()
        .any(|start| bytes.starts_with(start.as_bytes()))
}

/// A head as text, with line ends of any kind; and what is behind it.
fn text_head(text: &[u8], indent: usize) -> (Part, &[u8]) {
    let mut bytes = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.iter().position(|&byte| byte == b'\n');
        let (line, behind) = match end {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &rest[rest.len()..]),
        };
        rest = behind;
        let line = line.trim_ascii_end();
        let spaces = line.len() - line.trim_ascii_start().len();
        bytes.extend(&line[spaces.min(indent)..]);
        bytes.extend(b"\r\n");
        if line.is_empty() {
            return (Part::Head { bytes, whole: true }, rest);
        }
    }
    bytes.extend(b"\r\n");
    let whole = false;
    (Part::Head { bytes, whole }, rest)
}

/// A head in bytes, as it was sent; and what is behind it.
fn raw_head(bytes: &[u8]) -> (Part, &[u8]) {
    const END: &[u8] = b"\r\n\r\n";
    match bytes.windows(END.len()).position(|four| four == END) {
        Some(at) => {
            let (head, rest) = bytes.split_at(at + END.len());
            let bytes = head.to_vec();
            (Part::Head { bytes, whole: true }, rest)
        }
        None => {
            // Its whole lines can be explained, as if they were all.
            let lines = bytes.iter().rposition(|&byte| byte == b'\n');
            let mut head = bytes[..lines.map_or(0, |at| at + 1)].to_vec();
            head.extend(b"\r\n");
            let part = Part::Head {
                bytes: head,
                whole: false,
            };
            (part, &bytes[bytes.len()..])
        }
    }
}

fn explain(parts: &[Part], from: Option<Role>) -> ExitCode {
    let renderer = console::renderer_for(&io::stdout());
    let mut heads = Observer::new();
    let mut refused = None;
    for part in parts {
        let ok = match part {
            Part::Head { bytes, whole } => {
                let role = match bytes.starts_with(b"HTTP/") {
                    true => Role::Server,
                    false => Role::Client,
                };
                refused = (role == Role::Server && !says_101(bytes)).then_some(role);
                let ok = show(renderer, heads.bytes(role, bytes));
                if ok && !whole {
                    say("Incomplete: the empty line that ends the head is missing.");
                }
                ok
            }
            // Behind a refusal there is a body.
            Part::Frames(bytes) => match refused {
                Some(role) => show(renderer, heads.bytes(role, bytes)),
                None => frames(renderer, bytes, from.unwrap_or_else(|| sender_of(bytes))),
            },
        };
        if !ok {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn says_101(head: &[u8]) -> bool {
    let status = head.split(|&byte| byte == b' ').nth(1);
    status.is_some_and(|status| status.trim_ascii() == b"101")
}

/// Who masks (§5.1) is the client.
fn sender_of(frames: &[u8]) -> Role {
    match frames.get(1) {
        Some(second) if second & 0x80 == 0 => Role::Server,
        _ => Role::Client,
    }
}

fn frames(renderer: Renderer, bytes: &[u8], from: Role) -> bool {
    let mut observer = Observer::of_frames();
    if !show(renderer, observer.bytes(from, bytes)) {
        return false;
    }
    let missing = observer.missing(from);
    // Of a payload that is not whole, what there is.
    show(renderer, observer.end(from));
    let plural = |count| if count == 1 { "byte is" } else { "bytes are" };
    match missing {
        Missing::Nothing => {}
        Missing::EndOfHead => say("Incomplete: the end of the head is missing."),
        Missing::AtLeast(count) => {
            let are = plural(count);
            say(&format!(
                "Incomplete: {count} {are} missing at least; the header is not whole."
            ));
        }
        Missing::Bytes(count) => {
            let are = plural(count);
            say(&format!(
                "Incomplete: {count} {are} missing at the end of the frame."
            ));
        }
    }
    true
}

/// Shows what was seen up to the first broken rule; says whether there was none.
fn show(renderer: Renderer, sights: Vec<Sight>) -> bool {
    for sight in sights {
        // Of a connection nothing is known, only of bytes.
        if !matches!(sight, Sight::State(_) | Sight::End(..)) {
            let _ = io::stdout().write_all(renderer.render("", &sight).as_bytes());
        }
        match sight {
            Sight::Violation(_)
            | Sight::NoHead(..)
            | Sight::Bytes(.., Uninterpreted::AfterClose) => return false,
            // A request for a page is none for a WebSocket, and breaks no rule of it.
            Sight::Request(ref head, Some(_)) if !head.fields.iter().any(is_of_websocket) => {}
            Sight::Request(_, Some(_)) | Sight::Response(_, _, Some(_)) => return false,
            _ => {}
        }
    }
    true
}

fn is_of_websocket((name, _): (&str, &str)) -> bool {
    let name = name.to_ascii_lowercase();
    name == "upgrade" || name.starts_with("sec-websocket-")
}

fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
