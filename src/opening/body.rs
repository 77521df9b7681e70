//! RFC 9112 §6 and §7: where the body of a request or a response ends.
//!
//! - [`BodyLength`] says what the head says: how the end of the body is found.
//! - [`BodyReader`] finds it. It takes bytes as they arrive, in any pieces, and says which of them
//!   are content. It stores nothing of them.
//! - It decodes only. It also serves an observer of a whole connection: behind the body, the next
//!   head begins.

use super::fields::Fields;
use super::head::{Head, RequestLine, StatusLine};
use std::fmt;
use std::ops::Range;

/// How the end of a body is found (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// The body has this many bytes. A message without a body has 0.
    Exactly(u64),
    /// The body comes in chunks. Each one says its size; the last one has the size 0.
    Chunked,
    /// The body ends when TCP ends. Only a response can have such a body.
    UntilClose,
}

/// A body whose end cannot be found, or whose chunks break RFC 9112: what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidBody(pub String);

impl fmt::Display for InvalidBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a body that is not HTTP: {} (RFC 9112 §6, §7)", self.0)
    }
}

impl std::error::Error for InvalidBody {}

impl BodyLength {
    /// How the body of a request ends. Without `Content-Length` and `Transfer-Encoding` there is no
    /// body.
    ///
    /// # Errors
    /// The fields contradict each other, or ask for a coding that is not `chunked`. (RFC 9112 §6.1
    /// and §6.3: a server answers 400 and closes.)
    pub fn of_request(head: &Head<RequestLine>) -> Result<BodyLength, InvalidBody> {
        match declared(&head.fields)? {
            Declared::OtherCoding => Err(invalid("a request with a coding that is not chunked")),
            Declared::Length(length) => Ok(length),
            Declared::Nothing => Ok(BodyLength::Exactly(0)),
        }
    }

    /// How the body of a response ends. `method` is the method of its request, such as `GET`.
    ///
    /// # Errors
    /// The fields contradict each other.
    pub fn of_response(head: &Head<StatusLine>, method: &str) -> Result<BodyLength, InvalidBody> {
        // RFC 9112 §6.3, 1: whatever the fields say, these have no body.
        if method == "HEAD" || matches!(head.start.status, 100..=199 | 204 | 304) {
            return Ok(BodyLength::Exactly(0));
        }
        match declared(&head.fields)? {
            Declared::Length(length) => Ok(length),
            Declared::OtherCoding | Declared::Nothing => Ok(BodyLength::UntilClose),
        }
    }
}

/// What `Transfer-Encoding` and `Content-Length` say.
enum Declared {
    Length(BodyLength),
    /// A transfer coding whose end only the end of TCP can show.
    OtherCoding,
    Nothing,
}

fn declared(fields: &Fields) -> Result<Declared, InvalidBody> {
    let coded = fields.get("Transfer-Encoding").is_some();
    if coded && fields.get("Content-Length").is_some() {
        // RFC 9112 §6.3, 3: two ends for one body. It "ought to be handled as an error".
        return Err(invalid("both Transfer-Encoding and Content-Length"));
    }
    if coded {
        return Ok(match fields.list("Transfer-Encoding").last() {
            Some(coding) if coding.eq_ignore_ascii_case("chunked") => {
                Declared::Length(BodyLength::Chunked)
            }
            _ => Declared::OtherCoding,
        });
    }
    let mut length = None;
    // RFC 9112 §6.3, 5: a list of equal numbers is that number.
    for value in fields
        .all("Content-Length")
        .flat_map(|line| line.split(','))
    {
        let value = value.trim_matches([' ', '\t']);
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let number = value.parse::<u64>().ok().filter(|_| digits);
        let number = number.ok_or_else(|| invalid(&format!("Content-Length: {value}")))?;
        if length.is_some_and(|other| other != number) {
            return Err(invalid("two different values of Content-Length"));
        }
        length = Some(number);
    }
    Ok(length.map_or(Declared::Nothing, |length| {
        Declared::Length(BodyLength::Exactly(length))
    }))
}

fn invalid(what: &str) -> InvalidBody {
    InvalidBody(what.to_owned())
}

/// What the next bytes of a body are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyPart {
    /// How many bytes were read. 0: there are none, or the body is complete.
    pub size: usize,
    /// Which of them are content. The others are the lines between chunks.
    pub content: Range<usize>,
}

/// Reads a body as it arrives. Call [`read`](BodyReader::read) until it reads nothing.
#[derive(Debug)]
pub struct BodyReader {
    state: Reading,
    /// How many bytes the line of this chunk, or all trailer lines, have so far.
    line: usize,
}

/// Where in the body the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reading {
    /// In content that is not in chunks, with this many bytes left.
    Plain(u64),
    /// In content that lasts until TCP ends.
    UntilClose,
    /// In the size of a chunk: its value, once there is a digit.
    Size(Option<u64>),
    /// Behind that size, in white space or an extension.
    Extension(u64),
    /// At the LF behind that line.
    SizeLineFeed(u64),
    /// In the content of a chunk, with this many bytes left.
    Chunk(u64),
    /// At the CR behind that content.
    ChunkReturn,
    /// At the LF behind that CR.
    ChunkLineFeed,
    /// In the lines behind the last chunk.
    Trailer { line_is_empty: bool },
    /// At the LF behind such a line.
    TrailerLineFeed { line_is_empty: bool },
    /// Behind the body.
    Complete,
}

impl BodyReader {
    /// The most bytes of a line with the size of a chunk, and of all trailer lines.
    const MAX_LINE: usize = 1 << 14;

    /// A reader for one body.
    #[must_use]
    pub fn new(length: BodyLength) -> BodyReader {
        let state = match length {
            BodyLength::Exactly(0) => Reading::Complete,
            BodyLength::Exactly(length) => Reading::Plain(length),
            BodyLength::Chunked => Reading::Size(None),
            BodyLength::UntilClose => Reading::UntilClose,
        };
        BodyReader { state, line: 0 }
    }

    /// Whether the body has ended. One that lasts until TCP ends is never complete here.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state == Reading::Complete
    }

    /// Whether the body is complete if TCP ends now.
    #[must_use]
    pub fn may_end(&self) -> bool {
        matches!(self.state, Reading::Complete | Reading::UntilClose)
    }

    /// Reads on. `bytes` are those behind the bytes that were read before. One part holds one piece
    /// of content at most, so there may be more parts in these bytes.
    ///
    /// # Errors
    /// The bytes are not chunks.
    pub fn read(&mut self, bytes: &[u8]) -> Result<BodyPart, InvalidBody> {
        let mut size = 0;
        while size < bytes.len() && !self.is_complete() {
            if let Some(length) = self.content(bytes.len() - size) {
                let content = size..size + length;
                return Ok(BodyPart {
                    size: content.end,
                    content,
                });
            }
            self.state = self.step(bytes[size])?;
            size += 1;
        }
        Ok(BodyPart {
            size,
            content: size..size,
        })
    }

    /// How many of these bytes are content. `None`: the next byte belongs to a line.
    fn content(&mut self, available: usize) -> Option<usize> {
        let left = match &mut self.state {
            Reading::UntilClose => return Some(available),
            Reading::Plain(left) | Reading::Chunk(left) => left,
            _ => return None,
        };
        let length = usize::try_from(*left).map_or(available, |left| left.min(available));
        *left -= length as u64;
        match self.state {
            Reading::Plain(0) => self.state = Reading::Complete,
            Reading::Chunk(0) => self.state = Reading::ChunkReturn,
            _ => {}
        }
        Some(length)
    }

    /// RFC 9112 §7.1: a byte of the lines around the chunks.
    fn step(&mut self, byte: u8) -> Result<Reading, InvalidBody> {
        self.line += 1;
        if self.line > Self::MAX_LINE {
            return Err(invalid("a chunk with a line that is too long"));
        }
        let next = match (self.state, byte) {
            (Reading::Size(size), byte) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                let size = size.unwrap_or(0).checked_mul(16);
                let size = size.ok_or_else(|| invalid("a chunk of 2^64 bytes or more"))?;
                Reading::Size(Some(size + digit))
            }
            (Reading::Size(Some(size)) | Reading::Extension(size), b'\r') => {
                Reading::SizeLineFeed(size)
            }
            (Reading::Size(Some(size)), b' ' | b'\t' | b';') => Reading::Extension(size),
            (Reading::Extension(size), byte) if byte != b'\n' => Reading::Extension(size),
            (Reading::SizeLineFeed(0), b'\n') => Reading::Trailer {
                line_is_empty: true,
            },
            (Reading::SizeLineFeed(size), b'\n') => Reading::Chunk(size),
            (Reading::ChunkReturn, b'\r') => Reading::ChunkLineFeed,
            (Reading::ChunkLineFeed, b'\n') => {
                self.line = 0;
                Reading::Size(None)
            }
            (Reading::Trailer { line_is_empty }, b'\r') => {
                Reading::TrailerLineFeed { line_is_empty }
            }
            (Reading::Trailer { .. }, byte) if byte != b'\n' => Reading::Trailer {
                line_is_empty: false,
            },
            (
                Reading::TrailerLineFeed {
                    line_is_empty: true,
                },
                b'\n',
            ) => Reading::Complete,
            (Reading::TrailerLineFeed { .. }, b'\n') => Reading::Trailer {
                line_is_empty: true,
            },
            (Reading::ChunkReturn | Reading::ChunkLineFeed, _) => {
                return Err(invalid("a chunk that is longer than its size"));
            }
            _ => {
                let byte = byte.escape_ascii();
                return Err(invalid(&format!("\"{byte}\" in the line of a chunk")));
            }
        };
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opening::HeadReader;

    fn of_response(fields: &str, status: u16, method: &str) -> Result<BodyLength, InvalidBody> {
        let head = format!("HTTP/1.1 {status} x\r\n{fields}\r\n");
        let head = HeadReader::new(1000, 100).read(head.as_bytes());
        BodyLength::of_response(&head.unwrap().unwrap().0, method)
    }

    fn of_request(fields: &str) -> Result<BodyLength, InvalidBody> {
        let head = format!("POST / HTTP/1.1\r\n{fields}\r\n");
        let head = HeadReader::new(1000, 100).read(head.as_bytes());
        BodyLength::of_request(&head.unwrap().unwrap().0)
    }

    /// The content of a body, how many bytes it took, and whether it is complete, if it comes in
    /// pieces of this size.
    fn read(
        length: BodyLength,
        bytes: &[u8],
        piece: usize,
    ) -> Result<(Vec<u8>, usize, bool), InvalidBody> {
        let mut reader = BodyReader::new(length);
        let (mut content, mut used) = (Vec::new(), 0);
        for piece in bytes.chunks(piece) {
            let mut rest = piece;
            loop {
                let part = reader.read(rest)?;
                if part.size == 0 {
                    break;
                }
                content.extend(&rest[part.content]);
                used += part.size;
                rest = &rest[part.size..];
            }
        }
        Ok((content, used, reader.is_complete()))
    }

    #[test]
    fn the_head_says_how_the_body_ends() {
        use BodyLength::{Chunked, Exactly, UntilClose};
        for (fields, request, response) in [
            ("", Some(Exactly(0)), Some(UntilClose)),
            ("Content-Length: 0\r\n", Some(Exactly(0)), Some(Exactly(0))),
            (
                "content-length: 17\r\n",
                Some(Exactly(17)),
                Some(Exactly(17)),
            ),
            (
                "Content-Length: 5, 5\r\nContent-Length: 5\r\n",
                Some(Exactly(5)),
                Some(Exactly(5)),
            ),
            ("Content-Length: 5\r\nContent-Length: 6\r\n", None, None),
            ("Content-Length: +5\r\n", None, None),
            ("Content-Length: \r\n", None, None),
            ("Content-Length: 18446744073709551616\r\n", None, None),
            (
                "Transfer-Encoding: Chunked\r\n",
                Some(Chunked),
                Some(Chunked),
            ),
            (
                "Transfer-Encoding: gzip, chunked\r\n",
                Some(Chunked),
                Some(Chunked),
            ),
            (
                "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
                Some(Chunked),
                Some(Chunked),
            ),
            ("Transfer-Encoding: gzip\r\n", None, Some(UntilClose)),
            (
                "Transfer-Encoding: chunked, gzip\r\n",
                None,
                Some(UntilClose),
            ),
            (
                "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                None,
                None,
            ),
        ] {
            assert_eq!(of_request(fields).ok(), request, "{fields}");
            assert_eq!(of_response(fields, 403, "GET").ok(), response, "{fields}");
            for (status, method) in [(403, "HEAD"), (204, "GET"), (304, "GET"), (103, "GET")] {
                assert_eq!(of_response(fields, status, method), Ok(Exactly(0)));
            }
        }
    }

    #[test]
    fn a_body_ends_where_it_says_however_it_arrives() {
        let chunks = "5\r\nhello\r\n0B ;x=\"y\"\r\n, to world!\r\n000\r\nA: b\r\nC: d\r\n\r\n";
        for (length, body, content) in [
            (BodyLength::Exactly(0), "", ""),
            (BodyLength::Exactly(5), "hello", "hello"),
            (BodyLength::Chunked, chunks, "hello, to world!"),
            (BodyLength::Chunked, "0\r\n\r\n", ""),
        ] {
            let bytes = format!("{body}HTTP/1.1 200 OK");
            for piece in 1..=bytes.len() {
                let (read, used, complete) = read(length, bytes.as_bytes(), piece).unwrap();
                assert_eq!(read, content.as_bytes());
                assert_eq!((used, complete), (body.len(), true));
            }
            for cut in 0..body.len() {
                let (_, used, complete) = read(length, &body.as_bytes()[..cut], 7).unwrap();
                assert_eq!((used, complete), (cut, false));
            }
        }
        let (read, used, complete) = read(BodyLength::UntilClose, b"abc", 1).unwrap();
        assert_eq!((&read[..], used, complete), (&b"abc"[..], 3, false));
        assert!(BodyReader::new(BodyLength::UntilClose).may_end());
        assert!(!BodyReader::new(BodyLength::Chunked).may_end());
    }

    #[test]
    fn what_is_not_chunks_is_refused() {
        let long = format!("1;{}", "x".repeat(BodyReader::MAX_LINE));
        let trailer = format!("0\r\n{}", "a: b\r\n".repeat(BodyReader::MAX_LINE));
        for body in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "0x5\r\n",
            "5\nhello",
            "5;x\nhello",
            "5\r\rhello",
            "5\r\nhello!\r\n",
            "5\r\nhello\n",
            "10000000000000000\r\n",
            "0\r\nA: b\n",
            &long,
            &trailer,
        ] {
            assert!(
                read(BodyLength::Chunked, body.as_bytes(), 3).is_err(),
                "{body}"
            );
        }
    }
}
