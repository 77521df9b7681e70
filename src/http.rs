//! Read first: RFC 9112 §2 to §5 (RFC 6455 names its ancestor, RFC 2616).
//!
//! Heads of requests and responses: bytes to start line and fields, and back. Just as much HTTP as
//! an opening handshake needs: no bodies, no chunks, no second request on a connection. What the
//! fields mean is `handshake.rs`.

use crate::config::Config;
use crate::error::HandshakeError;

/// The start line of a request: `GET /chat HTTP/1.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// GET, and the others that are refused.
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
    /// Words for people; may be empty.
    pub reason: String,
}

/// A start line, of either kind.
pub trait StartLine: Sized {
    /// Reads the line, without its CR LF.
    ///
    /// # Errors
    /// It is not such a line; or its HTTP version has another major number than 1.
    fn parse(line: &[u8]) -> Result<Self, HandshakeError>;

    /// Writes the line, without CR LF.
    fn write(&self, out: &mut Vec<u8>);
}

/// A whole head: the start line and the fields behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head<L> {
    /// The first line.
    pub start: L,
    /// The others.
    pub fields: Fields,
}

/// Field names and values in the order of their lines. Names are compared without case.
///
/// All of them stand in one text, one behind the other: two allocations for a head, not two for
/// each of its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    text: String,
    /// For each line, where in the text its name ends, and its value.
    ends: Vec<(usize, usize)>,
}

impl Fields {
    /// Adds a line.
    pub fn push(&mut self, name: &str, value: &str) {
        self.push_chars(name.chars(), value.chars());
    }

    fn push_chars(&mut self, name: impl Iterator<Item = char>, value: impl Iterator<Item = char>) {
        self.text.extend(name);
        let end_of_name = self.text.len();
        self.text.extend(value);
        self.ends.push((end_of_name, self.text.len()));
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The values of every line with this name.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The value of the first line with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The elements of a list field (RFC 9110 §5.6.1), over all its lines; empty ones, as in
    /// `a, , b`, do not count.
    pub fn list<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.all(name)
            .flat_map(|value| value.split(','))
            .map(|element| element.trim_matches([' ', '\t']))
            .filter(|element| !element.is_empty())
    }

    /// Whether a list field has this element, compared without case.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.list(name)
            .any(|element| element.eq_ignore_ascii_case(token))
    }

    /// Every line: name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|&(_, end)| end));
        starts.zip(&self.ends).map(|(start, &(end_of_name, end))| {
            (&self.text[start..end_of_name], &self.text[end_of_name..end])
        })
    }
}

impl<L: StartLine> Head<L> {
    /// Writes the head, the empty line at its end included.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.start.write(&mut out);
        out.extend(b"\r\n");
        for (name, value) in self.fields.iter() {
            out.extend(format!("{name}: {value}\r\n").as_bytes());
        }
        out.extend(b"\r\n");
        out
    }
}

/// Reads a head as it arrives, line by line: each byte is looked at once, however few come at a
/// time, and a line that is no HTTP is refused when it ends, not when the head does.
#[derive(Debug)]
pub struct HeadReader<L> {
    start: Option<L>,
    fields: Fields,
    /// Where the unfinished line begins.
    line: usize,
    /// Up to where there is no end of that line.
    searched: usize,
    max_head: usize,
    max_fields: usize,
}

impl<L: StartLine> HeadReader<L> {
    /// A reader for one head, with the limits of `config`.
    #[must_use]
    pub fn new(config: &Config) -> HeadReader<L> {
        HeadReader {
            start: None,
            fields: Fields::default(),
            line: 0,
            searched: 0,
            max_head: config.max_head,
            max_fields: config.max_fields,
        }
    }

    /// Reads on. `bytes` are all that have arrived, those of earlier calls included. The head, once
    /// it is whole, and how many bytes it took; `None`: more bytes, please.
    ///
    /// # Errors
    /// What is not HTTP; more bytes or fields than the limits.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Option<(Head<L>, usize)>, HandshakeError> {
        // TLS, or garbage: no start line begins with such a byte, and none will ever end.
        if let Some(&first) = bytes.first()
            && !is_token(&[first])
        {
            return Err(HandshakeError::Malformed(match first {
                0x16 => "it begins like TLS, which is not spoken here".to_owned(),
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
                        return Err(HandshakeError::HeadTooBig("fields", self.max_fields));
                    }
                    let (name, value) = parse_field(line)?;
                    self.fields.push_chars(latin1(name), latin1(value));
                }
            }
        }
        if bytes.len() > self.max_head {
            return Err(HandshakeError::HeadTooBig("bytes", self.max_head));
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
            return Err(malformed("a request line of other than three words", line));
        };
        if !is_token(method) {
            return Err(malformed("a method that is no token", line));
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

    fn write(&self, out: &mut Vec<u8>) {
        let (major, minor) = self.version;
        out.extend(format!("{} {} HTTP/{major}.{minor}", self.method, self.target).as_bytes());
    }
}

impl StartLine for StatusLine {
    fn parse(line: &[u8]) -> Result<StatusLine, HandshakeError> {
        // RFC 9112 §4: HTTP-version SP status-code SP [ reason-phrase ]; some leave the last out.
        let mut parts = line.splitn(3, |&byte| byte == b' ');
        let version = parse_version(parts.next().unwrap_or_default(), line)?;
        let status = match parts.next() {
            Some(&[a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9']) => [a, b, c]
                .iter()
                .fold(0, |number, digit| number * 10 + u16::from(digit - b'0')),
            _ => return Err(malformed("a status that is no three digits", line)),
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

    fn write(&self, out: &mut Vec<u8>) {
        let (major, minor) = self.version;
        out.extend(format!("HTTP/{major}.{minor} {} {}", self.status, self.reason).as_bytes());
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

/// RFC 9112 §5: `name: value`, without space before the colon, white space around the value, or
/// values that go on in the next line.
fn parse_field(line: &[u8]) -> Result<(&[u8], &[u8]), HandshakeError> {
    let Some(colon) = line.iter().position(|&byte| byte == b':') else {
        return Err(malformed("a field line without a colon", line));
    };
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if !is_token(name) {
        return Err(malformed("a field name that is no token", line));
    }
    if !value.iter().all(|&byte| is_text(byte)) {
        return Err(malformed("a field value with control characters", line));
    }
    // White space as HTTP knows it: spaces and tabs; other kinds `is_text` has refused.
    Ok((name, value.trim_ascii()))
}

/// RFC 9110 §5.6.2: what names, methods and subprotocols are made of.
#[must_use]
pub fn is_token(bytes: &[u8]) -> bool {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(is_tchar)
}

/// RFC 9110 §5.5: what field values are made of; bytes above ASCII are allowed and opaque.
fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// Each byte as the character with its number: no byte is lost, and nothing can fail.
fn latin1(bytes: &[u8]) -> impl Iterator<Item = char> {
    bytes.iter().map(|&byte| char::from(byte))
}

fn malformed(what: &str, line: &[u8]) -> HandshakeError {
    let shown = line[..line.len().min(60)].escape_ascii();
    let more = if line.len() > 60 { "..." } else { "" };
    HandshakeError::Malformed(format!("{what}: \"{shown}{more}\""))
}
