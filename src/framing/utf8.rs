//! RFC 6455 §8.1, Handling Errors in UTF-8-Encoded Data: text that is whole, and text that arrives
//! in pieces.
//!
//! The endpoint and the observer both use the check for pieces.

use super::violation::Violation;
use std::str;

/// Checks a text that arrives in pieces, cut anywhere. It refuses the text at the first byte that
/// no later byte can repair.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Utf8 {
    /// This many bytes are complete characters.
    valid: u64,
    /// The beginning of a character that the end of the last piece cut.
    cut: [u8; 4],
    cut_length: usize,
}

/// Checks a whole text, and lends it. §5.6: "the whole message MUST contain valid UTF-8."
///
/// # Errors
/// [`Violation::NotUtf8`]: the bytes are not UTF-8, or they end inside a character.
#[inline]
pub(crate) fn whole_text(bytes: &[u8]) -> Result<&str, Violation> {
    str::from_utf8(bytes).map_err(|error| Violation::NotUtf8 {
        at: error.valid_up_to() as u64,
    })
}

impl Utf8 {
    /// The next piece. Returns the character that the pieces before began, if it is complete now, and
    /// the characters that are whole in this piece.
    ///
    /// # Errors
    /// [`Violation::NotUtf8`]: the text so far is not the beginning of any UTF-8 text.
    pub(crate) fn push<'a>(
        &mut self,
        mut piece: &'a [u8],
    ) -> Result<(Option<char>, &'a str), Violation> {
        let mut completed = None;
        while self.cut_length > 0 {
            let Some((&byte, rest)) = piece.split_first() else {
                return Ok((None, ""));
            };
            piece = rest;
            self.cut[self.cut_length] = byte;
            self.cut_length += 1;
            completed = self.characters_in(self.cut())?.chars().next();
            if completed.is_some() {
                self.valid += self.cut_length as u64;
                self.cut_length = 0;
            }
        }
        let whole = self.characters_in(piece)?;
        let cut = &piece[whole.len()..];
        self.valid += whole.len() as u64;
        self.cut[..cut.len()].copy_from_slice(cut);
        self.cut_length = cut.len();
        Ok((completed, whole))
    }

    /// The beginning of a character that the end of the last piece cut.
    #[inline]
    pub(crate) fn cut(&self) -> &[u8] {
        &self.cut[..self.cut_length]
    }

    /// The end of the text.
    ///
    /// # Errors
    /// [`Violation::NotUtf8`]: the text ends inside a character.
    pub(crate) fn finish(&self) -> Result<(), Violation> {
        match self.cut_length {
            0 => Ok(()),
            _ => Err(Violation::NotUtf8 { at: self.valid }),
        }
    }

    /// The whole characters at the front of `bytes`. What follows them begins a character.
    fn characters_in<'a>(&self, bytes: &'a [u8]) -> Result<&'a str, Violation> {
        let end = end_of_characters(bytes);
        str::from_utf8(&bytes[..end]).map_err(|error| Violation::NotUtf8 {
            at: self.valid + error.valid_up_to() as u64,
        })
    }
}

/// Where the character begins that the end of `bytes` cuts; else the end. It looks at the last three
/// bytes only, so that all bytes need one check.
fn end_of_characters(bytes: &[u8]) -> usize {
    let is_first_of_many = |byte: &u8| *byte >= 0b1100_0000;
    let last_bytes = bytes.len().saturating_sub(3);
    let Some(at) = bytes[last_bytes..].iter().rposition(is_first_of_many) else {
        return bytes.len();
    };
    match str::from_utf8(&bytes[last_bytes + at..]) {
        Err(error) if error.error_len().is_none() => last_bytes + at,
        _ => bytes.len(),
    }
}
