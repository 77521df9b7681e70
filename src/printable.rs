//! Text that a peer wrote, made safe for a terminal or a log. It cannot command the terminal, and
//! it cannot start a second line in the log. (§5.5.1 warns that a close reason "is not guaranteed
//! to be human readable".)

use std::fmt;

/// Shows a text with its control characters escaped, as in `\n` or `\u{1b}`. Tabs stay.
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character.is_control() && character != '\t' {
                true => write!(f, "{}", character.escape_default())?,
                false => write!(f, "{character}")?,
            }
        }
        Ok(())
    }
}
