//! `wire explain`: what bytes mean.

mod input;
mod stream;

use crate::Trouble;
use crate::arguments::{Argument, Arguments};
use crate::output::{complain, wanted};
use input::Part;
use rfc6455::Role;
use rfc6455::Violation;
use rfc6455::framing::{Header, Missing};
use rfc6455::opening::DEFLATE;
use rfc6455::trace::{
    Agreement, Event, Observer, Renderer, Unfinished, Uninterpreted, renderer_for,
};
use std::io::{self, BufWriter, IsTerminal, Read, StdoutLock, Write};
use std::process::ExitCode;
use stream::Streams;

pub const HELP: &str = "\
Says what bytes mean. It stops at the first broken rule, with exit code 1.

Usage: wire explain [--from client|server] [--extension LIST] [--deflate] [HEX...]

  HEX          frames, or a head (GET ... or HTTP/...) with frames behind it, as hexadecimal
               digits. Spaces, commas, colons and 0x are allowed. A head can also be plain text.
               Without HEX, or with -, the input is standard input; it can also be raw bytes.
  --from       who sent the frames. Without it, the first frame decides: if it has a mask, a client
               sent it; if not, a server.
  --extension  the extensions that the two sides agreed on, as in the Sec-WebSocket-Extensions field
               of the server's answer. Without it, heads in front of the frames decide.
  --deflate    explain compressed messages bit by bit. Without heads and --extension, the two sides
               agreed on permessage-deflate.
  --help       show this text

  wire explain --deflate \"c1 07 f2 48 cd c9 c9 07 00\"
  wire explain \"81 85 37 fa 21 3d 7f 9f 4d 51 58\"
";

pub fn run(mut arguments: Arguments) -> Result<ExitCode, Trouble> {
    let mut from = None;
    let mut agreement = Agreement::NotKnown;
    let mut words = Vec::new();
    let mut deflate = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Argument::Option(name) if name == "--from" => from = Some(role(&arguments.value()?)?),
            Argument::Option(name) if name == "--extension" => {
                agreement = extensions(&arguments.value()?)?;
            }
            Argument::Option(name) if name == "--deflate" => deflate = true,
            Argument::Other(word) => words.push(word),
            argument => return Err(argument.unexpected().into()),
        }
    }
    let is_standard_input = words.is_empty() || words == ["-"];
    let parts = match is_standard_input {
        true => input::parts(&standard_input()?).map_err(Trouble::Failed)?,
        false => input::parts(words.join(" ").as_bytes()).map_err(Trouble::wrong)?,
    };
    if parts.is_empty() {
        return Err(Trouble::Failed("there are no bytes to explain".to_owned()));
    }
    match explain(&parts, from, agreement, deflate) {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::FAILURE),
        Err(error) => Err(Trouble::Failed(error.to_string())),
    }
}

fn role(name: &str) -> Result<Role, Trouble> {
    match name {
        "client" => Ok(Role::Client),
        "server" => Ok(Role::Server),
        _ => Err(Trouble::wrong(format!(
            "--from takes client or server, not {name}"
        ))),
    }
}

fn extensions(value: &str) -> Result<Agreement, Trouble> {
    Agreement::parse(value).map_err(|value| {
        Trouble::wrong(format!(
            "--extension takes a list such as '{DEFLATE}; server_max_window_bits=10', not {value:?}"
        ))
    })
}

fn standard_input() -> Result<Vec<u8>, Trouble> {
    if io::stdin().is_terminal() {
        complain("Type or paste hex or a head. Ctrl-D ends the input.");
    }
    let mut input = Vec::new();
    match io::stdin().read_to_end(&mut input) {
        Ok(_) => Ok(input),
        Err(error) => Err(Trouble::Failed(format!("standard input: {error}"))),
    }
}

/// Explains the parts up to the first broken rule. Returns whether no rule is broken. The error is
/// one of standard output.
fn explain(
    parts: &[Part],
    from: Option<Role>,
    mut agreement: Agreement,
    deflate: bool,
) -> io::Result<bool> {
    let mut page = Page::new(deflate);
    let has_heads = parts.iter().any(|part| matches!(part, Part::Head { .. }));
    if deflate && agreement == Agreement::NotKnown && !has_heads {
        agreement = Agreement::parse(DEFLATE).unwrap_or(agreement);
    }
    let is_right = explain_parts(parts, from, agreement, &mut page);
    page.end().map(|_| is_right)
}

fn explain_parts(
    parts: &[Part],
    from: Option<Role>,
    agreement: Agreement,
    page: &mut Page,
) -> bool {
    let mut heads = Observer::new();
    // The sender of the last head.
    let mut sender = None;
    for part in parts {
        let is_right = match part {
            Part::Head { bytes, whole } => {
                let role = match bytes.starts_with(b"HTTP/") {
                    true => Role::Server,
                    false => Role::Client,
                };
                sender = Some(role);
                heads.feed(role, bytes);
                let is_right = page.show_events(&mut heads);
                if is_right && !whole {
                    page.say("Incomplete: the empty line that ends the head is missing.");
                }
                is_right
            }
            Part::Frames(bytes) if heads.reads_frames() && agreement == Agreement::NotKnown => {
                page.explain_frames(&mut heads, bytes, from)
            }
            // Behind a head that does not open a WebSocket there may be a body.
            Part::Frames(bytes) if sender.is_some_and(|role| page.has_body(&heads, role)) => {
                let role = sender.unwrap_or(Role::Server);
                heads.feed(role, bytes);
                let is_right = page.show_events(&mut heads);
                heads.feed_eof(role);
                is_right && page.show_events(&mut heads)
            }
            Part::Frames(bytes) => {
                let mut frames = Observer::frames_only(agreement.clone());
                page.explain_frames(&mut frames, bytes, from)
            }
        };
        if !is_right {
            return false;
        }
    }
    true
}

/// Standard output. What is written leaves in large pieces, the last one at the [`end`](Page::end).
struct Page {
    renderer: Renderer,
    /// The last head was a response that opened no WebSocket.
    refused: bool,
    /// Whether compressed messages are explained bit by bit.
    deflate: bool,
    out: BufWriter<StdoutLock<'static>>,
    /// The first error of the output. Nothing is written after it.
    written: io::Result<()>,
}

impl Page {
    fn new(deflate: bool) -> Page {
        let out = io::stdout().lock();
        Page {
            renderer: renderer_for(&out),
            refused: false,
            deflate,
            out: BufWriter::with_capacity(1 << 16, out),
            written: Ok(()),
        }
    }

    /// Whether what follows the last head, of this sender, is no frame: it is a body, or another
    /// head.
    fn has_body(&self, heads: &Observer, sender: Role) -> bool {
        self.refused || matches!(heads.unfinished(sender), Unfinished::Body(_))
    }

    fn explain_frames(
        &mut self,
        observer: &mut Observer,
        bytes: &[u8],
        from: Option<Role>,
    ) -> bool {
        let from = from.unwrap_or_else(|| sender_of(bytes));
        let mut rest = bytes;
        let mut streams = self.deflate.then(Streams::new);
        while let Some(streams) = &mut streams
            && let Some((size, account)) = streams.frame(rest)
        {
            let (frame, behind) = rest.split_at(size);
            observer.feed(from, frame);
            let is_right = self.show_events(observer);
            self.write(&account.unwrap_or_default());
            if !is_right {
                return false;
            }
            rest = behind;
        }
        observer.feed(from, rest);
        if !self.show_events(observer) {
            return false;
        }
        let unfinished = observer.unfinished(from);
        // This shows the part of a frame that is here.
        observer.moment_passed();
        observer.moment_passed();
        self.show_events(observer);
        if let Unfinished::Frame(missing) = unfinished {
            self.say(&incomplete(missing));
        }
        true
    }

    /// Shows the events up to the first broken rule. Returns whether no rule is broken.
    fn show_events(&mut self, observer: &mut Observer) -> bool {
        while let Some(event) = observer.next_event() {
            // There is no connection here, so it has no states and no end.
            if !matches!(event, Event::State(_) | Event::Eof { .. }) {
                let text = self.renderer.render("", &event);
                self.write(&text);
            }
            if let Event::Response { .. } = &event {
                self.refused = !observer.reads_frames();
            }
            if breaks_a_rule(&event) {
                self.hint_at_extension(&event);
                return false;
            }
        }
        true
    }

    /// RSV1 without an agreement is likely the bit of an extension.
    fn hint_at_extension(&mut self, event: &Event) {
        if let Event::Violation(broken) = event
            && *broken.agreement == Agreement::NotKnown
            && broken.violation == Violation::ReservedBits(0b100)
        {
            self.say(&format!(
                "Hint: if the two agreed on compression, add --extension {DEFLATE}"
            ));
        }
    }

    fn say(&mut self, line: &str) {
        self.write(&format!("{line}\n"));
    }

    fn write(&mut self, text: &str) {
        if self.written.is_ok() {
            self.written = self.out.write_all(text.as_bytes());
        }
    }

    /// Writes what is left. Returns the same as [`wanted`].
    fn end(mut self) -> io::Result<bool> {
        wanted(self.written.and_then(|()| self.out.flush()))
    }
}

/// Who sent these frames: a client masks (§5.1), a server does not.
fn sender_of(frames: &[u8]) -> Role {
    match frames.get(1) {
        Some(&second) if !Header::is_masked(second) => Role::Server,
        _ => Role::Client,
    }
}

fn incomplete(missing: Missing) -> String {
    let are = |count| if count == 1 { "byte is" } else { "bytes are" };
    match missing {
        Missing::AtLeast(count) => {
            let are = are(count);
            format!("Incomplete: at least {count} {are} missing; the header is not complete.")
        }
        Missing::Exactly(count) => {
            let are = are(count);
            format!("Incomplete: {count} {are} missing at the end of the frame.")
        }
    }
}

fn breaks_a_rule(event: &Event) -> bool {
    match event {
        Event::Violation(_) | Event::NotHttp { .. } => true,
        Event::Bytes { why, .. } => *why == Uninterpreted::AfterClose,
        Event::Request { error, .. } | Event::Response { error, .. } => error.is_some(),
        _ => false,
    }
}
