//! RFC 6455 §9.1, Negotiating Extensions: the grammar of the Sec-WebSocket-Extensions field.
//!
//! Malformed data is refused (§9.1: "the recipient of such malformed data MUST immediately _Fail the
//! WebSocket Connection_"). The one extension that this endpoint speaks is in
//! `permessage_deflate.rs`.

use super::fields::{Fields, is_token, name};
use std::fmt;

/// One extension with its parameters in order: `foo; bar; baz=2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// A token, such as `permessage-deflate`.
    pub name: String,
    /// Names and values. A parameter may have no value.
    pub parameters: Vec<(String, Option<String>)>,
}

impl fmt::Display for Extension {
    /// As the field has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (name, value) in &self.parameters {
            write!(f, "; {name}")?;
            if let Some(value) = value {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}

/// Reads the field. All its lines together are one list, with this grammar:
///
/// ```text
/// extension-list  = 1#extension
/// extension       = extension-token *( ";" extension-param )
/// extension-param = token [ "=" (token | quoted-string) ]
/// ```
///
/// # Errors
/// The value of the first line that does not follow the grammar.
pub fn parse_extensions(fields: &Fields) -> Result<Vec<Extension>, &str> {
    let mut extensions = Vec::new();
    for line in fields.all(name::EXTENSIONS) {
        let mut rest = Rest(line);
        let before = extensions.len();
        rest.list(&mut extensions).ok_or(line)?;
        // "1#" means at least one element. Empty elements do not count.
        if extensions.len() == before {
            return Err(line);
        }
    }
    Ok(extensions)
}

/// The rest of a line. Every step takes something from its front, so the work is linear.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn list(&mut self, extensions: &mut Vec<Extension>) -> Option<()> {
        loop {
            // RFC 9110 §5.6.1.2: "a recipient MUST parse and ignore a reasonable number of empty
            // list elements".
            while self.take(',') {}
            if self.0.is_empty() {
                return Some(());
            }
            extensions.push(self.extension()?);
            if !self.0.is_empty() && !self.take(',') {
                return None;
            }
        }
    }

    fn extension(&mut self) -> Option<Extension> {
        let name = self.token()?;
        let mut parameters = Vec::new();
        while self.take(';') {
            let name = self.token()?;
            let value = match self.take('=') {
                true => Some(self.value()?),
                false => None,
            };
            parameters.push((name, value));
        }
        Some(Extension { name, parameters })
    }

    fn token(&mut self) -> Option<String> {
        let end = self
            .0
            .find(|c| !u8::try_from(c).is_ok_and(|byte| is_token(&[byte])));
        let (token, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = trim_start(rest);
        (!token.is_empty()).then(|| token.to_owned())
    }

    /// A token, or a quoted string that holds a token: "the value after quoted-string unescaping
    /// MUST conform to the 'token' ABNF."
    fn value(&mut self) -> Option<String> {
        if !self.take('"') {
            return self.token();
        }
        let mut value = String::new();
        let mut characters = self.0.chars();
        loop {
            match characters.next()? {
                '"' => break,
                '\\' => value.push(characters.next()?),
                character => value.push(character),
            }
        }
        self.0 = trim_start(characters.as_str());
        is_token(value.as_bytes()).then_some(value)
    }

    /// Takes one character and the white space around it, if that character is next.
    fn take(&mut self, character: char) -> bool {
        let rest = trim_start(self.0);
        let taken = rest.strip_prefix(character);
        self.0 = match taken {
            // Behind a quotation mark, white space belongs to the quoted string.
            Some(rest) if character == '"' => rest,
            Some(rest) => trim_start(rest),
            None => rest,
        };
        taken.is_some()
    }
}

fn trim_start(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}
