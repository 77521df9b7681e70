//! RFC 9112 §2 to §5: the heads of requests and responses. (RFC 6455 names an older text,
//! RFC 2616.)
//!
//! Bytes to a start line and fields, and back. Bodies are `body.rs`; what the fields mean is
//! `handshake.rs`.

use super::error::HandshakeError;
use super::fields::{Fields, is_token};
use std::fmt;

/// The start line of a request: `GET /chat HTTP/1.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// `GET`, or another method, which is refused.
    pub method: String,
    /// The path and query, or an absolute URL.
    pub target: String,
    /// Major and minor version of HTTP.
    pub version: (u8, u8),
}

/// The start line of a response: `HTTP/1.1 101 Switching Protocols`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusLine {
    /// Major and minor version of HTTP.
    pub version: (u8, u8),
    /// Three digits.
    pub status: u16,
    /// Words for people. It may be empty.
    pub reason: String,
}

impl RequestLine {
    /// Whether the method is GET, as an opening handshake needs it (§4.1).
    #[must_use]
    pub fn is_get(&self) -> bool {
        self.method == "GET"
    }

    /// Whether the version is HTTP/1.1 or higher, as an opening handshake needs it (§4.1).
    #[must_use]
    pub fn is_http_1_1(&self) -> bool {
        self.version >= (1, 1)
    }
}

impl StatusLine {
    /// Whether the status is 101, the only one that opens a WebSocket (§4.1).
    #[must_use]
    pub fn opens_websocket(&self) -> bool {
        self.status == 101
    }
}

impl fmt::Display for RequestLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.version;
        write!(f, "{} {} HTTP/{major}.{minor}", self.method, self.target)
    }
}

impl fmt::Display for StatusLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.version;
        write!(f, "HTTP/{major}.{minor} {} {}", self.status, self.reason)
    }
}

/// A start line of either kind.
pub trait StartLine: Sized + fmt::Display {
    /// Reads the line, without its CR LF.
    ///
    /// # Errors
    /// It is not such a line, or the major number of its HTTP version is not 1.
    fn parse(line: &[u8]) -> Result<Self, HandshakeError>;
}

/// A whole head: the start line, then the fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head<L> {
    /// The first line.
    pub start: L,
    /// The others.
    pub fields: Fields,
}

impl<L: StartLine> Head<L> {
    /// Writes the head, with the empty line at its end.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = format!("{}\r\n", self.start).into_bytes();
        for (name, value) in self.fields.iter() {
            out.extend(format!("{name}: {value}\r\n").as_bytes());
        }
        out.extend(b"\r\n");
        out
    }
}

/// Reads a head as it arrives, line by line. Each byte is looked at once, even if bytes come one at
/// a time. A line that is not HTTP is refused when the line ends, before the head ends.
#[derive(Debug)]
pub struct HeadReader<L> {
    start: Option<L>,
    fields: Fields,
    /// Where the unfinished line begins.
    line: usize,
    /// The bytes before this one hold no end of that line.
    searched: usize,
    max_head: usize,
    max_fields: usize,
}

impl<L: StartLine> HeadReader<L> {
    /// A reader for one head of at most `max_head` bytes and `max_fields` fields.
    #[must_use]
    pub fn new(max_head: usize, max_fields: usize) -> HeadReader<L> {
        HeadReader {
            start: None,
            fields: Fields::default(),
            line: 0,
            searched: 0,
            max_head,
            max_fields,
        }
    }

    /// Reads on. `bytes` are all bytes that have arrived, with those of earlier calls. Returns the
    /// head once it is complete, and how many bytes it takes. `None`: more bytes are needed.
    ///
    /// # Errors
    /// The bytes are not HTTP, or there are more bytes or fields than the limits.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Option<(Head<L>, usize)>, HandshakeError> {
        // TLS or garbage: no start line begins with this byte, so no end of a line would come.
        if let Some(&first) = bytes.first()
            && !is_token(&[first])
        {
            return Err(HandshakeError::Malformed(match first {
                0x16 => "it begins like TLS; this endpoint speaks plain HTTP".to_owned(),
                _ => format!("it begins with the byte {first:#04x}"),
            }));
        }
        while let Some(offset) = bytes[self.searched..]
            .iter()
            .position(|&byte| byte == b'\n')
        {
            let end = self.searched + offset;
            let line = &bytes[self.line..end];
            self.line = end + 1;
            self.searched = self.line;
            if self.line > self.max_head {
                break;
            }
            let Some(line) = line.strip_suffix(b"\r") else {
                return Err(malformed("a line that ends without CR", line));
            };
            match (&self.start, line) {
                (None, line) => self.start = Some(L::parse(line)?),
                (Some(_), []) => {
                    let start = self.start.take().expect("matched just now");
                    let fields = std::mem::take(&mut self.fields);
                    return Ok(Some((Head { start, fields }, self.line)));
                }
                (Some(_), line) => {
                    if self.fields.len() == self.max_fields {
                        return Err(too_big("fields", self.max_fields));
                    }
                    let (name, value) = parse_field(line)?;
                    self.fields.push_chars(latin1(name), latin1(value));
                }
            }
        }
        if bytes.len() > self.max_head {
            return Err(too_big("bytes", self.max_head));
        }
        self.searched = bytes.len();
        Ok(None)
    }
}

impl StartLine for RequestLine {
    fn parse(line: &[u8]) -> Result<RequestLine, HandshakeError> {
        // RFC 9112 §3: method SP request-target SP HTTP-version, with single spaces.
        let mut parts = line.split(|&byte| byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed("a request line that is not three words", line));
        };
        if !is_token(method) {
            return Err(malformed("a method that is not a token", line));
        }
        if target.is_empty() || !target.iter().all(u8::is_ascii_graphic) {
            return Err(malformed("a request target with unprintable bytes", line));
        }
        Ok(RequestLine {
            method: latin1(method).collect(),
            target: latin1(target).collect(),
            version: parse_version(version, line)?,
        })
    }
}

impl StartLine for StatusLine {
    fn parse(line: &[u8]) -> Result<StatusLine, HandshakeError> {
        // RFC 9112 §4: HTTP-version SP status-code SP [ reason-phrase ]. Some servers leave out the
        // last space.
        let mut parts = line.splitn(3, |&byte| byte == b' ');
        let version = parse_version(parts.next().unwrap_or_default(), line)?;
        let status = match parts.next() {
            Some(&[a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9']) => [a, b, c]
                .iter()
                .fold(0, |number, digit| number * 10 + u16::from(digit - b'0')),
            _ => return Err(malformed("a status that is not three digits", line)),
        };
        let reason = parts.next().unwrap_or_default();
        if !reason.iter().all(|&byte| is_text(byte)) {
            return Err(malformed("a status line with control characters", line));
        }
        Ok(StatusLine {
            version,
            status,
            reason: latin1(reason).collect(),
        })
    }
}

/// RFC 9112 §2.3: `HTTP/`, a digit, a dot, a digit. Another major version is another syntax.
fn parse_version(version: &[u8], line: &[u8]) -> Result<(u8, u8), HandshakeError> {
    match version {
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            major @ b'0'..=b'9',
            b'.',
            minor @ b'0'..=b'9',
        ] => match (major - b'0', minor - b'0') {
            (1, minor) => Ok((1, minor)),
            _ => Err(HandshakeError::HttpVersion(latin1(version).collect())),
        },
        _ => Err(malformed("a start line without an HTTP version", line)),
    }
}

/// RFC 9112 §5: `name: value`. A space before the colon is refused, and so is a value that goes on
/// in the next line. White space around the value is dropped.
fn parse_field(line: &[u8]) -> Result<(&[u8], &[u8]), HandshakeError> {
    let Some(colon) = line.iter().position(|&byte| byte == b':') else {
        return Err(malformed("a field line without a colon", line));
    };
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if !is_token(name) {
        return Err(malformed("a field name that is not a token", line));
    }
    if !value.iter().all(|&byte| is_text(byte)) {
        return Err(malformed("a field value with control characters", line));
    }
    // HTTP's white space is spaces and tabs. `is_text` has refused the other kinds.
    Ok((name, value.trim_ascii()))
}

/// RFC 9110 §5.5: what field values are made of. Bytes above ASCII are allowed; they have no
/// meaning here.
fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// Each byte as the character with its number. So no byte is lost, and nothing can fail.
fn latin1(bytes: &[u8]) -> impl Iterator<Item = char> {
    bytes.iter().map(|&byte| char::from(byte))
}

fn malformed(what: &str, line: &[u8]) -> HandshakeError {
    let shown = line[..line.len().min(60)].escape_ascii();
    let more = if line.len() > 60 { "..." } else { "" };
    HandshakeError::Malformed(format!("{what}: \"{shown}{more}\""))
}

fn too_big(unit: &'static str, limit: usize) -> HandshakeError {
    HandshakeError::HeadTooBig { unit, limit }
}
