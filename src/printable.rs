//! Text that a peer wrote, made safe to show.
//!
//! - It cannot command the terminal, and it cannot start a second line in a log.
//! - It cannot look like another text: what has no picture, or changes the order of what is shown,
//!   is escaped.
//! - Two different texts never look alike because of the escapes: a backslash is escaped, too.
//!
//! (§5.5.1 warns that a close reason "is not guaranteed to be human readable".)

use std::fmt;

/// Shows a text on one line. Letters, marks, spaces and tabs stay.
///
/// - Control characters are escaped as Rust writes them: `\n`, `\u{1b}`.
/// - So are the characters that are not seen: they set the direction of text, have no width, or end
///   a line or a paragraph. `\u{202e}` and `\u{200b}` are examples.
/// - A backslash becomes two. So a backslash that stands alone always begins an escape.
///
/// ```
/// use rfc6455::Printable;
///
/// assert_eq!(Printable("a\nb").to_string(), r"a\nb");
/// assert_eq!(Printable(r"a\nb").to_string(), r"a\\nb");
/// assert_eq!(Printable("exe.\u{202e}fdp").to_string(), r"exe.\u{202e}fdp");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(needs_escape) {
            let (plain, escaped) = rest.split_at(at);
            f.write_str(plain)?;
            let mut characters = escaped.chars();
            if let Some(character) = characters.next() {
                write!(f, "{}", character.escape_default())?;
            }
            rest = characters.as_str();
        }
        f.write_str(rest)
    }
}

fn needs_escape(character: char) -> bool {
    match character {
        '\t' => false,
        '\\' => true,
        ' '..='~' => false,
        _ => character.is_control() || is_unseen(character),
    }
}

/// Whether a character has no picture, or changes how others are shown: Unicode's property
/// Default_Ignorable_Code_Point, the two separators U+2028 and U+2029, and the marks of
/// annotations. It includes the marks of direction, the joiners, the variation selectors and the
/// tags.
fn is_unseen(character: char) -> bool {
    matches!(
        u32::from(character),
        0x00AD // soft hyphen
        | 0x034F
        | 0x061C // a mark of direction
        | 0x115F..=0x1160 // fillers
        | 0x17B4..=0x17B5
        | 0x180B..=0x180F
        | 0x200B..=0x200F // without width; joiners; marks of direction
        | 0x2028..=0x202E // ends of lines and paragraphs; direction
        | 0x2060..=0x206F // without width; direction
        | 0x3164
        | 0xFE00..=0xFE0F // variation selectors
        | 0xFEFF // byte order mark
        | 0xFFA0
        | 0xFFF0..=0xFFFB // annotations
        | 0x1BCA0..=0x1BCA3
        | 0x1D173..=0x1D17A
        | 0xE0000..=0xE0FFF // tags, and more variation selectors
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Printable(text).to_string()
    }

    #[test]
    fn what_is_read_stays() {
        for text in [
            "",
            "plain \"text\" with 'marks' and\ttabs",
            "Gr\u{fc}\u{df}e, \u{4f60}\u{597d}, \u{5e9}\u{5dc}\u{5d5}\u{5dd}, \u{645}\u{631}\u{62d}",
            "e\u{301} \u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940} \u{1f600} \u{1f1e9}\u{1f1ea} \u{fffd}",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn what_is_not_seen_is_escaped() {
        let controls = ('\0'..='\u{1f}').filter(|&c| c != '\t');
        let unseen = "\u{7f}\u{85}\u{9b}\u{ad}\u{34f}\u{61c}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\
                      \u{200f}\u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\
                      \u{2063}\u{2066}\u{2067}\u{2068}\u{2069}\u{206a}\u{3164}\u{fe0f}\u{feff}\
                      \u{fff9}\u{ffa0}\u{1d173}\u{e0001}\u{e0041}\u{e007f}\u{e0100}\u{e01ef}";
        for character in controls.chain(unseen.chars()) {
            let text = format!("a{character}b");
            assert_eq!(shown(&text), format!("a{}b", character.escape_default()));
        }
        // And nothing else of Unicode's format characters hides: these are seen.
        assert_eq!(shown("\u{600}\u{6dd}"), "\u{600}\u{6dd}");
    }

    #[test]
    fn two_texts_never_look_alike() {
        let texts = [
            "\n",
            "\\n",
            "\\\n",
            "\\\\n",
            "\u{202e}",
            "\\u{202e}",
            "\\\u{202e}",
            "\\",
            "\\\\",
        ];
        for (i, one) in texts.iter().enumerate() {
            for other in &texts[i + 1..] {
                assert_ne!(shown(one), shown(other));
            }
        }
        assert_eq!(shown(r"C:\new"), r"C:\\new");
    }

    #[test]
    fn a_long_text_takes_one_pass() {
        let text = "\u{202e}\\a".repeat(1 << 16);
        assert_eq!(shown(&text).len(), (1 << 16) * r"\u{202e}\\a".len());
    }
}
