//! What a terminal sends for each key: bytes in, keys out.
//!
//! - The bytes may come in any parts. A key comes out with its last byte.
//! - A sequence that is unknown is swallowed as a whole, and gives no key.
//! - A sequence that is broken off by a control character ends there, and that character counts.
//! - Bytes that are not UTF-8 give U+FFFD, and no other key is lost.
//! - A paste between the marks of a terminal (bracketed paste) gives only characters. The end of a
//!   line in it is a character, too.
//!
//! It reads nothing and writes nothing.

use std::collections::VecDeque;

/// One key, by what it does to the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Character(char),
    Enter,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Up,
    Down,
    Backspace,
    Delete,
    EraseWord,
    EraseToStart,
    EraseToEnd,
    ClearScreen,
    /// Ctrl-D: the end of the input if the line is empty, else as Delete.
    EndOfInput,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Z.
    Suspend,
}

const ESCAPE: u8 = 0x1B;
/// What a terminal sends behind a paste.
const END_OF_PASTE: &[u8] = b"\x1b[201~";

/// Reads the bytes of a terminal.
#[derive(Debug, Default)]
pub struct KeyParser {
    state: State,
    /// The bytes of a character that is not complete.
    utf8: Vec<u8>,
    paste: Option<Paste>,
}

/// Where the parser is in a sequence.
#[derive(Debug, Default)]
enum State {
    #[default]
    Ground,
    /// Behind ESC.
    Escape,
    /// Behind `ESC [` or `ESC O`: numbers come, then a letter.
    Sequence(Sequence),
    /// Behind `ESC [ [`: one letter comes. So the Linux console sends F1 to F5.
    LinuxFunction,
}

#[derive(Debug, Default)]
struct Sequence {
    /// It began with `ESC O`.
    is_ss3: bool,
    /// The first two numbers: the key, and the keys that are held with it.
    numbers: [u16; 2],
    /// How many semicolons came.
    semicolons: usize,
    is_empty: bool,
}

#[derive(Debug, Default)]
struct Paste {
    /// This many bytes of [`END_OF_PASTE`] have come.
    matched: usize,
    /// The last byte was a CR.
    after_return: bool,
}

impl KeyParser {
    /// Takes the next byte, and adds the keys that are complete.
    pub fn push(&mut self, byte: u8, keys: &mut VecDeque<Key>) {
        if self.paste.is_some() {
            return self.push_pasted(byte, keys);
        }
        match std::mem::take(&mut self.state) {
            State::Ground => self.push_plain(byte, keys),
            State::Escape => self.push_escaped(byte, keys),
            State::Sequence(sequence) => self.push_sequence(sequence, byte, keys),
            State::LinuxFunction if byte.is_ascii_graphic() => {}
            State::LinuxFunction => self.push_plain(byte, keys),
        }
    }

    fn push_plain(&mut self, byte: u8, keys: &mut VecDeque<Key>) {
        if byte >= 0x80 {
            return self.push_utf8(byte, keys);
        }
        self.break_off(keys);
        let key = match byte {
            ESCAPE => {
                self.state = State::Escape;
                return;
            }
            b'\n' | b'\r' => Key::Enter,
            0x7F | 0x08 => Key::Backspace,
            0x01 => Key::Home,
            0x02 => Key::Left,
            0x03 => Key::Interrupt,
            0x04 => Key::EndOfInput,
            0x05 => Key::End,
            0x06 => Key::Right,
            0x0B => Key::EraseToEnd,
            0x0C => Key::ClearScreen,
            0x0E => Key::Down,
            0x10 => Key::Up,
            0x15 => Key::EraseToStart,
            0x17 => Key::EraseWord,
            0x1A => Key::Suspend,
            b'\t' | b' '.. => Key::Character(char::from(byte)),
            _ => return,
        };
        keys.push_back(key);
    }

    /// Behind ESC: the start of a sequence, or a key that is held together with Alt.
    fn push_escaped(&mut self, byte: u8, keys: &mut VecDeque<Key>) {
        match byte {
            b'[' | b'O' => {
                self.state = State::Sequence(Sequence {
                    is_ss3: byte == b'O',
                    is_empty: true,
                    ..Sequence::default()
                });
            }
            b'b' => keys.push_back(Key::WordLeft),
            b'f' => keys.push_back(Key::WordRight),
            0x7F | 0x08 => keys.push_back(Key::EraseWord),
            b' '..=b'~' => {}
            _ => self.push_plain(byte, keys),
        }
    }

    /// ECMA-48 §5.4: numbers and semicolons, other marks, and a letter or `~` at the end.
    fn push_sequence(&mut self, mut sequence: Sequence, byte: u8, keys: &mut VecDeque<Key>) {
        let was_empty = std::mem::replace(&mut sequence.is_empty, false);
        match byte {
            b'[' if was_empty && !sequence.is_ss3 => {
                self.state = State::LinuxFunction;
                return;
            }
            // Some terminals end Shift and a key with `$`.
            b'@'..=b'~' | b'$' => {
                match sequence.numbers[0] {
                    200 if byte == b'~' => self.paste = Some(Paste::default()),
                    _ => keys.extend(sequence.key(byte)),
                }
                return;
            }
            b'0'..=b'9' => {
                if let Some(number) = sequence.numbers.get_mut(sequence.semicolons) {
                    *number = number.saturating_mul(10);
                    *number = number.saturating_add((byte - b'0').into());
                }
            }
            b';' => sequence.semicolons += 1,
            b' '..=b'?' => {}
            _ => return self.push_plain(byte, keys),
        }
        self.state = State::Sequence(sequence);
    }

    fn push_pasted(&mut self, byte: u8, keys: &mut VecDeque<Key>) {
        let paste = self.paste.get_or_insert_default();
        if byte == END_OF_PASTE[paste.matched] {
            paste.matched += 1;
            if paste.matched == END_OF_PASTE.len() {
                self.paste = None;
                self.break_off(keys);
            }
            return;
        }
        // What looked like the end was not the end.
        let matched = std::mem::take(&mut paste.matched);
        for &byte in &END_OF_PASTE[..matched] {
            self.push_pasted_text(byte, keys);
        }
        match byte {
            ESCAPE => self.paste.get_or_insert_default().matched = 1,
            _ => self.push_pasted_text(byte, keys),
        }
    }

    /// Terminals send each end of a line as CR. CR LF is one end, too.
    fn push_pasted_text(&mut self, byte: u8, keys: &mut VecDeque<Key>) {
        let paste = self.paste.get_or_insert_default();
        let after_return = std::mem::replace(&mut paste.after_return, byte == b'\r');
        if byte >= 0x80 {
            return self.push_utf8(byte, keys);
        }
        self.break_off(keys);
        match byte {
            b'\n' if after_return => {}
            b'\r' => keys.push_back(Key::Character('\n')),
            _ => keys.push_back(Key::Character(byte.into())),
        }
    }

    /// A byte of a character that is not ASCII.
    fn push_utf8(&mut self, byte: u8, keys: &mut VecDeque<Key>) {
        self.utf8.push(byte);
        match str::from_utf8(&self.utf8) {
            Ok(text) => {
                keys.extend(text.chars().map(Key::Character));
                self.utf8.clear();
            }
            Err(error) if error.error_len().is_none() => {}
            // The last byte does not belong to those before it. It may begin a character.
            Err(_) if self.utf8.len() > 1 => {
                self.utf8.pop();
                self.break_off(keys);
                self.push_utf8(byte, keys);
            }
            Err(_) => self.break_off(keys),
        }
    }

    /// No more bytes of a character come.
    fn break_off(&mut self, keys: &mut VecDeque<Key>) {
        if !self.utf8.is_empty() {
            self.utf8.clear();
            keys.push_back(Key::Character(char::REPLACEMENT_CHARACTER));
        }
    }
}

impl Sequence {
    /// The key that ends with this letter, if it has a meaning here.
    fn key(&self, last: u8) -> Option<Key> {
        let [number, held] = self.numbers;
        // 1 more than a sum: Shift is 1, Alt is 2, Ctrl is 4.
        let by_word = held > 2 || (self.is_ss3 && number > 2);
        Some(match (last, number) {
            (b'A', _) => Key::Up,
            (b'B', _) => Key::Down,
            (b'C', _) if by_word => Key::WordRight,
            (b'C', _) => Key::Right,
            (b'D', _) if by_word => Key::WordLeft,
            (b'D', _) => Key::Left,
            (b'H', _) | (b'~', 1 | 7) => Key::Home,
            (b'F', _) | (b'~', 4 | 8) => Key::End,
            (b'~', 3) => Key::Delete,
            // Ctrl and an arrow, of rxvt.
            (b'c', _) if self.is_ss3 => Key::WordRight,
            (b'd', _) if self.is_ss3 => Key::WordLeft,
            // The keys beside the letters, when they send sequences.
            (b'M', _) if self.is_ss3 => Key::Enter,
            (b'j'..=b'y', _) if self.is_ss3 => Key::Character(char::from(last - 0x40)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let (mut parser, mut keys) = (KeyParser::default(), VecDeque::new());
        for &byte in bytes {
            parser.push(byte, &mut keys);
        }
        keys.into()
    }

    fn text(text: &str) -> Vec<Key> {
        text.chars().map(Key::Character).collect()
    }

    /// What terminals send (xterm, the Linux console, rxvt, tmux), and the key.
    const SENT: &[(&[u8], Option<Key>)] = &[
        (b"a", Some(Key::Character('a'))),
        (b"\\", Some(Key::Character('\\'))),
        (b"\t", Some(Key::Character('\t'))),
        ("\u{e9}".as_bytes(), Some(Key::Character('\u{e9}'))),
        ("\u{4f60}".as_bytes(), Some(Key::Character('\u{4f60}'))),
        ("\u{1f600}".as_bytes(), Some(Key::Character('\u{1f600}'))),
        (b"\r", Some(Key::Enter)),
        (b"\x7f", Some(Key::Backspace)),
        (b"\x08", Some(Key::Backspace)),
        (b"\x1b[A", Some(Key::Up)),
        (b"\x1bOA", Some(Key::Up)),
        (b"\x1b[B", Some(Key::Down)),
        (b"\x1b[1;2B", Some(Key::Down)),
        (b"\x1b[C", Some(Key::Right)),
        (b"\x1bOC", Some(Key::Right)),
        (b"\x1b[1;2C", Some(Key::Right)),
        (b"\x1b[1;5C", Some(Key::WordRight)),
        (b"\x1b[1;3C", Some(Key::WordRight)),
        (b"\x1bO5C", Some(Key::WordRight)),
        (b"\x1bOc", Some(Key::WordRight)),
        (b"\x1bf", Some(Key::WordRight)),
        (b"\x1b[D", Some(Key::Left)),
        (b"\x1b[1;5D", Some(Key::WordLeft)),
        (b"\x1bOd", Some(Key::WordLeft)),
        (b"\x1bb", Some(Key::WordLeft)),
        (b"\x1b[H", Some(Key::Home)),
        (b"\x1bOH", Some(Key::Home)),
        (b"\x1b[1~", Some(Key::Home)),
        (b"\x1b[7~", Some(Key::Home)),
        (b"\x1b[F", Some(Key::End)),
        (b"\x1bOF", Some(Key::End)),
        (b"\x1b[4~", Some(Key::End)),
        (b"\x1b[8~", Some(Key::End)),
        (b"\x1b[3~", Some(Key::Delete)),
        (b"\x1b[3;5~", Some(Key::Delete)),
        (b"\x1b\x7f", Some(Key::EraseWord)),
        (b"\x1bOM", Some(Key::Enter)),
        (b"\x1bOp", Some(Key::Character('0'))),
        (b"\x1bOk", Some(Key::Character('+'))),
        // F1 of the Linux console, of xterm and of rxvt; F5, F12, Insert, Page Up, Shift-Tab.
        (b"\x1b[[A", None),
        (b"\x1bOP", None),
        (b"\x1b[11~", None),
        (b"\x1b[[E", None),
        (b"\x1b[15~", None),
        (b"\x1b[24;2~", None),
        (b"\x1b[2~", None),
        (b"\x1b[5~", None),
        (b"\x1b[Z", None),
        (b"\x1b[3$", None),
        // A mouse, the focus, an answer of the terminal, a number that is too long.
        (b"\x1b[<0;10;20M", None),
        (b"\x1b[I", None),
        (b"\x1b[?1;2c", None),
        (b"\x1b[99999999999999999999;1;2;3;4;5~", None),
        // Alt and a letter; keys of no use.
        (b"\x1bx", None),
        (b"\x00", None),
        (b"\x1c", None),
        (b"\x07", None),
    ];

    #[test]
    fn every_key_comes_with_its_last_byte_and_nothing_before_it() {
        for &(bytes, key) in SENT {
            for end in 0..bytes.len() {
                assert_eq!(keys(&bytes[..end]), [], "{bytes:x?} {end}");
            }
            let expected: Vec<Key> = key.into_iter().collect();
            assert_eq!(keys(bytes), expected, "{bytes:x?}");
            // What follows is not a part of it.
            let followed = [expected, text("[A")].concat();
            assert_eq!(keys(&[bytes, b"[A"].concat()), followed, "{bytes:x?}");
        }
    }

    #[test]
    fn a_control_character_is_seen_behind_every_prefix() {
        for &(bytes, _) in SENT {
            for end in 0..bytes.len() {
                let broken = [&bytes[..end], b"\x03x"].concat();
                let keys = keys(&broken);
                let end = &keys[keys.len().saturating_sub(2)..];
                assert_eq!(end, [Key::Interrupt, Key::Character('x')], "{broken:x?}");
                // At most the start of a character is in front of it.
                assert!(keys.len() <= 3, "{broken:x?} {keys:?}");
            }
        }
    }

    #[test]
    fn an_escape_behind_every_prefix_begins_anew() {
        for &(bytes, _) in SENT {
            for end in 1..bytes.len() {
                let keys = keys(&[&bytes[..end], b"\x1b[A"].concat());
                assert_eq!(keys.last(), Some(&Key::Up), "{bytes:x?} {end}");
            }
        }
        assert_eq!(keys(b"\x1b\x1b[A"), [Key::Up]);
    }

    #[test]
    fn control_characters_are_keys() {
        for (letter, key) in [
            ('A', Key::Home),
            ('B', Key::Left),
            ('C', Key::Interrupt),
            ('D', Key::EndOfInput),
            ('E', Key::End),
            ('F', Key::Right),
            ('K', Key::EraseToEnd),
            ('L', Key::ClearScreen),
            ('N', Key::Down),
            ('P', Key::Up),
            ('U', Key::EraseToStart),
            ('W', Key::EraseWord),
            ('Z', Key::Suspend),
        ] {
            assert_eq!(keys(&[letter as u8 & 0x1F]), [key], "{letter}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_cost_no_other_key() {
        for (bytes, shown) in [
            (&b"\xe9bcd"[..], "\u{fffd}bcd"),
            (b"\xe9\xe8a", "\u{fffd}\u{fffd}a"),
            (b"\x80a", "\u{fffd}a"),
            (b"\xff\xc3\xa9", "\u{fffd}\u{e9}"),
            (b"\xe2\x82a", "\u{fffd}a"),
            (b"\xe2\x82\xc3\xa9", "\u{fffd}\u{e9}"),
            (b"\xf0\x9f\x98\xf0\x9f\x98\x80", "\u{fffd}\u{1f600}"),
            (b"\xc0\x80a", "\u{fffd}\u{fffd}a"),
            (b"\xed\xa0\x80a", "\u{fffd}\u{fffd}\u{fffd}a"),
        ] {
            assert_eq!(keys(bytes), text(shown), "{bytes:x?}");
            // The same as the standard library makes of it.
            assert_eq!(String::from_utf8_lossy(bytes), shown);
        }
        assert_eq!(
            keys(b"\xc3\r"),
            [text("\u{fffd}"), vec![Key::Enter]].concat()
        );
    }

    #[test]
    fn a_paste_is_only_characters() {
        for (pasted, shown) in [
            (&b"a b"[..], "a b"),
            (b"", ""),
            (b"one\rtwo\r", "one\ntwo\n"),
            (b"one\r\ntwo\nthree\r\r", "one\ntwo\nthree\n\n"),
            (b"\x03\x04\t\x7f", "\x03\x04\t\x7f"),
            ("h\u{e9}\u{1f600}".as_bytes(), "h\u{e9}\u{1f600}"),
            (b"\xe9a\xc3", "\u{fffd}a\u{fffd}"),
            (b"\x1b[A\x1b[20", "\x1b[A\x1b[20"),
            (b"\x1b[\x1b[201\x1b", "\x1b[\x1b[201\x1b"),
        ] {
            let sent = [b"\x1b[200~", pasted, b"\x1b[201~\r"].concat();
            let expected = [text(shown), vec![Key::Enter]].concat();
            assert_eq!(keys(&sent), expected, "{pasted:x?}");
        }
    }
}
