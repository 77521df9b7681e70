//! RFC 9112 §6 and §7.1: the bodies of requests and responses.
//!
//! - [`BodyLength`] says how long the body behind a head is. [`BodyReader`] then finds its end.
//! - Bytes come in, cut anywhere; ranges of content come out. Nothing is kept, so a body of any
//!   length costs the same memory.
//! - The content is not decoded. Trailer fields (RFC 9112 §7.1.2) are skipped.

use super::error::HandshakeError;
use super::fields::Fields;
use super::head::{Head, RequestLine, StatusLine};
use std::ops::Range;

/// The longest line between the chunks of a body, and the longest trailer section, in bytes.
const MAX_LINE: u64 = 16 << 10;

/// How long a body is (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// This many bytes. 0: there is no body.
    Bytes(u64),
    /// Chunks, up to one of length 0.
    Chunked,
    /// Everything until TCP ends.
    UntilEnd,
}

impl BodyLength {
    /// The body of a request. Without Content-Length and Transfer-Encoding it has none.
    ///
    /// # Errors
    /// A length that cannot be known: a wrong Content-Length, or a Transfer-Encoding that does not
    /// end with `chunked`.
    pub fn of_request(head: &Head<RequestLine>) -> Result<BodyLength, HandshakeError> {
        match length_in(&head.fields)? {
            Some(BodyLength::UntilEnd) => Err(malformed("a request body without a known length")),
            Some(length) => Ok(length),
            None => Ok(BodyLength::Bytes(0)),
        }
    }

    /// The body of the response to a request with this method.
    ///
    /// # Errors
    /// A wrong Content-Length.
    pub fn of_response(
        head: &Head<StatusLine>,
        method: &str,
    ) -> Result<BodyLength, HandshakeError> {
        // RFC 9112 §6.3: "Any response to a HEAD request and any response with a 1xx
        // (Informational), 204 (No Content), or 304 (Not Modified) status code is always
        // terminated by the first empty line". The same holds for a 2xx to CONNECT.
        let status = head.start.status;
        let has_none = method == "HEAD"
            || matches!(status, 100..=199 | 204 | 304)
            || (method == "CONNECT" && matches!(status, 200..=299));
        match has_none {
            true => Ok(BodyLength::Bytes(0)),
            false => Ok(length_in(&head.fields)?.unwrap_or(BodyLength::UntilEnd)),
        }
    }
}

/// What the fields say about the length. Transfer-Encoding counts more than Content-Length.
fn length_in(fields: &Fields) -> Result<Option<BodyLength>, HandshakeError> {
    if let Some(last) = fields.list("Transfer-Encoding").last() {
        return Ok(Some(match last.eq_ignore_ascii_case("chunked") {
            true => BodyLength::Chunked,
            false => BodyLength::UntilEnd,
        }));
    }
    // Equal values in several lines, or in a list, mean that value.
    let mut length = None;
    for value in fields.list("Content-Length") {
        let number = match value.bytes().all(|byte| byte.is_ascii_digit()) {
            true => value.parse::<u64>().ok(),
            false => None,
        };
        if number.is_none() || length.is_some_and(|length| Some(length) != number) {
            return Err(malformed("a wrong Content-Length"));
        }
        length = number;
    }
    Ok(length.map(BodyLength::Bytes))
}

/// Reads a body as it arrives.
#[derive(Clone, Copy, Debug)]
pub struct BodyReader(Expected);

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum Expected {
    /// This much content; then, if it is a chunk, the line end behind it.
    Content {
        left: u64,
        chunk: bool,
    },
    /// Content until TCP ends.
    Everything,
    /// The hexadecimal digits of a chunk's length: their value, and whether there are any.
    Size {
        value: u64,
        any: bool,
    },
    /// The rest of the line with the length: white space and extensions, so many bytes yet.
    Extension {
        size: u64,
        bytes: u64,
    },
    /// The line end behind a chunk: CR LF.
    ChunkEnd,
    /// The trailer section: the bytes of the line so far, and of all its lines.
    Trailer {
        line: u64,
        bytes: u64,
    },
    Nothing,
}

/// A part of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyPart {
    /// How many bytes it takes, with the lengths and line ends around chunks.
    pub size: usize,
    /// Where in these bytes the content is. It may be empty.
    pub content: Range<usize>,
}

impl BodyReader {
    /// A reader for a body of this length.
    #[must_use]
    pub fn new(length: BodyLength) -> BodyReader {
        BodyReader(match length {
            BodyLength::Bytes(0) => Expected::Nothing,
            BodyLength::Bytes(left) => Expected::Content { left, chunk: false },
            BodyLength::Chunked => Expected::Size {
                value: 0,
                any: false,
            },
            BodyLength::UntilEnd => Expected::Everything,
        })
    }

    /// Whether the body is complete. A body until the end of TCP never is.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self.0, Expected::Nothing)
    }

    /// How many bytes of content are missing. `None`: not known. In chunks it is the rest of the
    /// chunk.
    #[must_use]
    pub fn missing(&self) -> Option<u64> {
        match self.0 {
            Expected::Content { left, .. } => Some(left),
            Expected::Nothing => Some(0),
            _ => None,
        }
    }

    /// Whether only the end of TCP ends the body.
    #[must_use]
    pub fn is_until_end(&self) -> bool {
        matches!(self.0, Expected::Everything)
    }

    /// Takes the next part from the front of `bytes`, which begin where the last part ended. A part
    /// of size 0: more bytes are needed, or the body is complete.
    ///
    /// # Errors
    /// Chunks that are not as RFC 9112 §7.1 asks.
    pub fn read(&mut self, bytes: &[u8]) -> Result<BodyPart, HandshakeError> {
        let mut size = 0;
        while size < bytes.len() {
            match &mut self.0 {
                Expected::Nothing => break,
                Expected::Everything => {
                    let content = size..bytes.len();
                    size = bytes.len();
                    return Ok(BodyPart { size, content });
                }
                Expected::Content { left, chunk } => {
                    let here = bytes.len() - size;
                    let count = usize::try_from(*left).map_or(here, |left| left.min(here));
                    *left -= count as u64;
                    let content = size..size + count;
                    size = content.end;
                    if *left == 0 {
                        self.0 = match chunk {
                            true => Expected::ChunkEnd,
                            false => Expected::Nothing,
                        };
                    }
                    return Ok(BodyPart { size, content });
                }
                _ => {
                    self.between_chunks(bytes[size])?;
                    size += 1;
                }
            }
        }
        let content = size..size;
        Ok(BodyPart { size, content })
    }

    /// One byte that is not content.
    fn between_chunks(&mut self, byte: u8) -> Result<(), HandshakeError> {
        self.0 = match (self.0, byte) {
            (Expected::Size { value, .. }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F')
                if value >> 59 == 0 =>
            {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Expected::Size {
                    value: value << 4 | u64::from(digit),
                    any: true,
                }
            }
            (Expected::Size { value, any: true }, b'\r' | b';' | b' ' | b'\t') => {
                Expected::Extension {
                    size: value,
                    bytes: 0,
                }
            }
            (Expected::Extension { size: 0, .. }, b'\n') => Expected::Trailer { line: 0, bytes: 0 },
            (Expected::Extension { size, .. }, b'\n') => Expected::Content {
                left: size,
                chunk: true,
            },
            (Expected::Extension { size, bytes }, _) if bytes < MAX_LINE => {
                let bytes = bytes + 1;
                Expected::Extension { size, bytes }
            }
            (Expected::ChunkEnd, b'\r') => Expected::ChunkEnd,
            (Expected::ChunkEnd, b'\n') => Expected::Size {
                value: 0,
                any: false,
            },
            (Expected::Trailer { line: 0, .. }, b'\n') => Expected::Nothing,
            (Expected::Trailer { bytes, .. }, b'\n') => Expected::Trailer { line: 0, bytes },
            (Expected::Trailer { line, bytes }, b'\r') => Expected::Trailer { line, bytes },
            (Expected::Trailer { line, bytes }, _) if bytes < MAX_LINE => Expected::Trailer {
                line: line + 1,
                bytes: bytes + 1,
            },
            _ => return Err(malformed("a body whose chunks are wrong")),
        };
        Ok(())
    }
}

fn malformed(what: &str) -> HandshakeError {
    HandshakeError::Malformed(what.to_owned())
}
