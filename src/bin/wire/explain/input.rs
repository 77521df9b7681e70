//! Takes the input of `wire explain` apart: heads, then frames.

use crate::hex;

/// A part of the input.
#[derive(Debug)]
pub enum Part {
    Head {
        bytes: Vec<u8>,
        /// It has the empty line at its end.
        whole: bool,
    },
    Frames(Vec<u8>),
}

/// Takes the input apart. Heads come as text, or as hex together with the frames. An input that is
/// neither text nor hex is raw bytes.
pub fn parts(input: &[u8]) -> Result<Vec<Part>, String> {
    let (mut parts, rest) = text_heads(input);
    let bytes = match str::from_utf8(rest) {
        Ok(text) if parts.is_empty() => hex::parse(text)?,
        // Behind a head there may be a body that is not hex.
        Ok(text) => hex::parse(text).unwrap_or_else(|_| rest.to_vec()),
        Err(_) => rest.to_vec(),
    };
    let mut rest = &bytes[..];
    while is_head(rest) {
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

/// The heads at the front of the input that are text, and the rest.
fn text_heads(input: &[u8]) -> (Vec<Part>, &[u8]) {
    let mut parts = Vec::new();
    let start = input.len() - input.trim_ascii_start().len();
    if !is_head(&input[start..]) {
        return (parts, input);
    }
    // If the first line is indented, as the examples of the RFC are, every line is.
    let line = input[..start].rsplit(|&byte| byte == b'\n').next();
    let indent = line.unwrap_or_default().len();
    let mut rest = &input[start..];
    while is_head(rest) {
        let (head, behind) = text_head(rest, indent);
        parts.push(head);
        rest = match behind.trim_ascii_start() {
            next if is_head(next) => next,
            _ => behind,
        };
    }
    (parts, rest)
}

/// A head that is text, with line ends of any kind, and the rest behind it.
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

/// A head in the bytes that were sent, and the rest behind it.
fn raw_head(bytes: &[u8]) -> (Part, &[u8]) {
    const END: &[u8] = b"\r\n\r\n";
    if let Some(at) = bytes.windows(END.len()).position(|four| four == END) {
        let (head, rest) = bytes.split_at(at + END.len());
        let bytes = head.to_vec();
        return (Part::Head { bytes, whole: true }, rest);
    }
    // The whole lines are explained as if the head ended behind them.
    let lines = bytes.iter().rposition(|&byte| byte == b'\n');
    let mut head = bytes[..lines.map_or(0, |at| at + 1)].to_vec();
    head.extend(b"\r\n");
    let part = Part::Head {
        bytes: head,
        whole: false,
    };
    (part, &bytes[bytes.len()..])
}
