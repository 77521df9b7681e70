//! RFC 9110 §5, Fields: the lines of a head behind its first one.
//!
//! The names that an opening handshake uses, fields as a list of lines, and what a field that an
//! application adds must look like.

use std::fmt;

/// The names of the fields that an opening handshake uses. Each is written here, and only here.
pub mod name {
    /// Which server is meant (§4.1).
    pub const HOST: &str = "Host";
    /// The protocol to change to (§4.1).
    pub const UPGRADE: &str = "Upgrade";
    /// Options for this one connection, such as `Upgrade` (§4.1).
    pub const CONNECTION: &str = "Connection";
    /// The client's nonce (§4.1).
    pub const KEY: &str = "Sec-WebSocket-Key";
    /// The version of the WebSocket protocol (§4.1).
    pub const VERSION: &str = "Sec-WebSocket-Version";
    /// The server's answer to the key (§4.2.2).
    pub const ACCEPT: &str = "Sec-WebSocket-Accept";
    /// The subprotocols that are offered, or the one that was chosen (§1.9).
    pub const PROTOCOL: &str = "Sec-WebSocket-Protocol";
    /// The extensions that are offered or agreed on (§9.1).
    pub const EXTENSIONS: &str = "Sec-WebSocket-Extensions";
    /// The site of the page that connects (§10.2).
    pub const ORIGIN: &str = "Origin";
    /// The target of a redirect (RFC 9110 §10.2.2).
    pub const LOCATION: &str = "Location";
}

/// Field names and values, in the order of their lines. Names are compared without case.
///
/// One text holds all of them, one behind the other. So a head costs two allocations, not two for
/// each line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    text: String,
    /// For each line: where in the text its name ends, and where its value ends.
    ends: Vec<(usize, usize)>,
}

impl Fields {
    /// Adds a line.
    pub fn push(&mut self, name: &str, value: &str) {
        self.push_chars(name.chars(), value.chars());
    }

    pub(super) fn push_chars(
        &mut self,
        name: impl Iterator<Item = char>,
        value: impl Iterator<Item = char>,
    ) {
        self.text.extend(name);
        let end_of_name = self.text.len();
        self.text.extend(value);
        self.ends.push((end_of_name, self.text.len()));
    }

    /// Adds words to the value of the last line, behind a space. There must be a line.
    pub(super) fn extend_last(&mut self, words: impl Iterator<Item = char>) {
        let (end_of_name, end) = self.ends.last_mut().expect("a line to extend");
        let mut words = words.peekable();
        if words.peek().is_some() && *end > *end_of_name {
            self.text.push(' ');
        }
        self.text.extend(words);
        *end = self.text.len();
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no line.
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

    /// The elements of a list field (RFC 9110 §5.6.1), from all its lines. Empty elements, as in
    /// `a, , b`, are left out.
    pub fn list<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.all(name).flat_map(elements)
    }

    /// Whether a list field has this element, compared without case.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name).any(|value| value_has_token(value, token))
    }

    /// Each line: its name and its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|&(_, end)| end));
        starts.zip(&self.ends).map(|(start, &(end_of_name, end))| {
            (&self.text[start..end_of_name], &self.text[end_of_name..end])
        })
    }
}

/// Whether the value of a list field has this element, compared without case.
#[must_use]
pub fn value_has_token(value: &str, token: &str) -> bool {
    elements(value).any(|element| element.eq_ignore_ascii_case(token))
}

/// The elements of one line of a list field. Empty ones are left out.
fn elements(value: &str) -> impl Iterator<Item = &str> {
    let elements = value.split(',');
    let trimmed = elements.map(|element| element.trim_matches([' ', '\t']));
    trimmed.filter(|element| !element.is_empty())
}

/// RFC 9110 §5.6.2: what names, methods and subprotocols are made of.
#[must_use]
pub fn is_token(bytes: &[u8]) -> bool {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(is_tchar)
}

/// A field that an application wants to add and that cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidField {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl fmt::Display for InvalidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the field {:?} with the value {:?}; a name is a token, a value is printable ASCII \
             (RFC 9110 §5)",
            self.name, self.value
        )
    }
}

impl std::error::Error for InvalidField {}

/// Checks a field that an application adds: its name is a token, its value consists of printable
/// ASCII, spaces and tabs. (RFC 9110 §5.5 gives other bytes no meaning that both sides know.)
///
/// # Errors
/// The field, if it cannot be sent.
pub fn check_field(name: &str, value: &str) -> Result<(), InvalidField> {
    let is_text = |byte| matches!(byte, b'\t' | b' '..=b'~');
    match is_token(name.as_bytes()) && value.bytes().all(is_text) {
        true => Ok(()),
        false => Err(InvalidField {
            name: name.to_owned(),
            value: value.to_owned(),
        }),
    }
}
