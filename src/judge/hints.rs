//! Hints for the classic mistakes: what a failing case looks like when one of them was made.

use super::conversation::{Entry, What};
use super::request::KEY;
use super::seen::Seen;
use crate::opening::accept_hash;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A hint, if what was seen looks like a classic mistake. `id` is that of the case: an answer that
/// should have been a refusal says nothing about its fields.
pub(super) fn hint(id: &str, record: &[Entry]) -> Option<&'static str> {
    let (mut sent, mut came) = (Vec::new(), Vec::new());
    for entry in record {
        match &entry.what {
            What::Sent { bytes, .. } => sent.extend(bytes),
            What::Received { bytes, .. } => came.extend(bytes),
            What::Ended | What::Reset => {}
        }
    }
    let is_refusal = id.starts_with("4.2.1");
    let of_head = of_head(&came).filter(|_| !is_refusal);
    of_head.or_else(|| of_frames(behind_head(&sent), behind_head(&came)))
}

/// Mistakes in the answer to an opening handshake.
fn of_head(came: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(came);
    if !text.starts_with("HTTP/") {
        return None;
    }
    if !text.contains("\r\n") {
        return Some("Lines end with CR and LF (\"\\r\\n\"), not with LF alone.");
    }
    if !text.contains("\r\n\r\n") {
        return Some(
            "An empty line (\"\\r\\n\") ends the head. Without it, a client waits for more.",
        );
    }
    let accept = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("Sec-WebSocket-Accept"));
    let accept = accept?.1.trim();
    let right = accept_hash(KEY);
    if right != STANDARD.decode(accept).unwrap_or_default()[..] {
        let hex: String = right.iter().map(|byte| format!("{byte:02x}")).collect();
        let without_guid = sha1_smol::Sha1::from(KEY).digest().bytes();
        if accept.eq_ignore_ascii_case(&hex) || accept == STANDARD.encode(&hex) {
            return Some(
                "The accept value is base64 of the 20 bytes of the hash, not of its digits.",
            );
        }
        if accept == STANDARD.encode(without_guid) {
            return Some("The GUID of §1.3 stands behind the key before the hash is made.");
        }
        let decoded = STANDARD.decode(KEY).unwrap_or_default();
        let guid = crate::opening::GUID.as_bytes();
        let of_bytes = sha1_smol::Sha1::from([&decoded[..], guid].concat()).digest();
        if accept == STANDARD.encode(of_bytes.bytes()) {
            return Some("The key is hashed as the text that came. It is not decoded first.");
        }
    }
    None
}

/// Mistakes in frames: what came is compared with the first message that was sent.
fn of_frames(sent: &[u8], came: &[u8]) -> Option<&'static str> {
    let (asked, _) = Seen::read(sent)?;
    let &[first, second, ..] = came else {
        return None;
    };
    let length = asked.length;
    if (126..=0xFFFF).contains(&length)
        && let [_, 126, low, high, ..] = came
        && u64::from(u16::from_le_bytes([*low, *high])) == length
    {
        return Some("The extended length is in network byte order: the high byte comes first.");
    }
    if second & 0x7F == (length & 0x7F) as u8 && length > 125 {
        return Some("A length over 125 is written as 126 or 127, and then in two or eight bytes.");
    }
    let masked = &sent[asked.header.len()..];
    let (seen, _) = Seen::read(came)?;
    let here = seen.payload.len().min(masked.len());
    if first & 0x0F == asked.opcode()
        && here > 0
        && seen.payload[..here] == masked[..here]
        && seen.payload != asked.payload
    {
        return Some("The payload is still masked: XOR it with the key before you use it (§5.3).");
    }
    if seen.payload == sent[..sent.len().min(seen.payload.len())] && here > 2 {
        return Some("The frame came back as a payload. Take its header off first (§5.2).");
    }
    None
}

/// What follows an HTTP head, if there is one.
fn behind_head(bytes: &[u8]) -> &[u8] {
    let end = bytes.windows(4).position(|end| end == b"\r\n\r\n");
    match end {
        Some(end) if bytes.starts_with(b"GET ") || bytes.starts_with(b"HTTP/") => &bytes[end + 4..],
        _ => bytes,
    }
}

/// A hint for a case that failed without a sign in the bytes.
pub(super) fn hint_of_case(id: &str) -> Option<&'static str> {
    let is = |beginnings: &[&str]| beginnings.iter().any(|beginning| id.starts_with(beginning));
    if is(&[
        "4.2.1-cut",
        "5.2-cut",
        "5.3-cut",
        "5.5.2-cut",
        "5.5.1-cut",
        "5.4-one-by-one",
        "6.2-burst",
    ]) {
        return Some(
            "One read is not one frame: TCP gives bytes. Keep what is left of a read, and read on \
             until a frame is complete.",
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn entry(sent: bool, bytes: &[u8]) -> Entry {
        let (bytes, length) = (bytes.to_vec(), bytes.len());
        Entry {
            at: Duration::ZERO,
            what: match sent {
                true => What::Sent { bytes, length },
                false => What::Received { bytes, length },
            },
        }
    }

    fn hint_for(sent: &[u8], came: &[u8]) -> &'static str {
        hint("", &[entry(true, sent), entry(false, came)]).unwrap_or("")
    }

    #[test]
    fn classic_mistakes_are_known() {
        let answer = |accept: &str| {
            format!("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\n\r\n")
        };
        let get = b"GET / HTTP/1.1\r\n\r\n";
        let hex = "b37a4f2cc0624f1690f64606cf385945b2bec4ea";
        assert!(hint_for(get, answer(hex).as_bytes()).contains("digits"));
        let no_guid = STANDARD.encode(sha1_smol::Sha1::from(KEY).digest().bytes());
        assert!(hint_for(get, answer(&no_guid).as_bytes()).contains("GUID"));
        assert_eq!(
            hint_for(get, answer("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=").as_bytes()),
            ""
        );
        assert!(hint_for(get, b"HTTP/1.1 101 OK\nUpgrade: websocket\n\n").contains("CR and LF"));
        assert!(hint_for(get, b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\n").contains("empty line"));

        let hello = [
            0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
        ];
        let still_masked = [0x81, 0x05, 0x7F, 0x9F, 0x4D, 0x51, 0x58];
        assert!(hint_for(&hello, &still_masked).contains("still masked"));
        assert_eq!(
            hint_for(&hello, &[0x81, 5, 0x48, 0x65, 0x6C, 0x6C, 0x6F]),
            ""
        );
        let long = [&[0x81, 0xFE, 0x00, 0xC8, 0, 0, 0, 0][..], &[b'*'; 200]].concat();
        let little = [&[0x81, 0x7E, 0xC8, 0x00][..], &[b'*'; 200]].concat();
        assert!(hint_for(&long, &little).contains("network byte order"));
        let short = [&[0x81, 0x48][..], &[b'*'; 200]].concat();
        assert!(hint_for(&long, &short).contains("126 or 127"));
    }
}
