//! How wide a terminal shows a text, and bytes as hexadecimal digits.

/// Two digits a byte, with a space between bytes.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(3 * bytes.len());
    for (i, byte) in bytes.iter().enumerate() {
        if i > 0 {
            text.push(' ');
        }
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 15)].into());
    }
    text
}

/// How many columns of a terminal a text takes.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// The text cut to `longest` columns, with dots at its end if it was cut.
pub(super) fn shorten(text: &str, longest: usize) -> String {
    match columns(text) > longest {
        false => text.to_owned(),
        true => format!("{}...", &text[..fitting(text, longest - 3)]),
    }
}

/// How many bytes of a text fit into `room` columns.
pub(super) fn fitting(text: &str, room: usize) -> usize {
    let mut used = 0;
    let too_many = |(_, character): &(usize, char)| {
        used += columns_of(*character);
        used > room
    };
    text.char_indices()
        .find(too_many)
        .map_or(text.len(), |(at, _)| at)
}

/// East Asian characters and pictures take two columns, combining accents take none. The table is
/// rough: where terminals differ, it says the larger width.
fn columns_of(character: char) -> usize {
    match u32::from(character) {
        0x0300..=0x036F | 0x200B..=0x200F | 0xFE00..=0xFE0F => 0,
        0x1100..=0x115F
        | 0x231A..=0x23F3
        | 0x25FD..=0x27BF
        | 0x2B1B..=0x2B55
        | 0x2E80..=0xA4CF
        | 0xA960..=0xA97C
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE10..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x16FE0..=0x1B2FB
        | 0x1F000..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

/// The bytes without a character that was cut at the end.
pub(super) fn whole_characters(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    }
}
