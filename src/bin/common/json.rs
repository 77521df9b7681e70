//! Writes JSON (RFC 8259): strings, objects and lists. It reads none.

use std::fmt::Write;

/// An object, member by member.
pub struct Object(String);

impl Object {
    /// An object without members.
    pub fn new() -> Object {
        Object(String::new())
    }

    /// An object whose first member, `is`, says what the object is.
    pub fn of_kind(kind: &str) -> Object {
        Object::new().text("is", kind)
    }

    pub fn text(mut self, name: &str, value: &str) -> Object {
        self.name(name);
        add_string(&mut self.0, value);
        self
    }

    pub fn number(mut self, name: &str, value: u64) -> Object {
        self.name(name);
        let _ = write!(self.0, "{value}");
        self
    }

    /// A member with a text. `None`: no member.
    pub fn optional_text(self, name: &str, value: Option<&str>) -> Object {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// A member whose value is JSON already.
    pub fn json(mut self, name: &str, value: &str) -> Object {
        self.name(name);
        self.0 += value;
        self
    }

    fn name(&mut self, name: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        add_string(&mut self.0, name);
        self.0.push(':');
    }

    pub fn end(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }
}

/// A list of items that are JSON already.
pub fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("[{}]", items.join(","))
}

/// RFC 8259 §7: "the quotation mark, reverse solidus, and the control characters (U+0000 through
/// U+001F)" are escaped.
fn add_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c| matches!(c, '"' | '\\' | '\0'..='\x1f')) {
        let (plain, escaped) = rest.split_at(at);
        *out += plain;
        match escaped.as_bytes()[0] {
            character @ (b'"' | b'\\') => out.extend(['\\', character.into()]),
            control => {
                let _ = write!(out, "\\u{control:04x}");
            }
        }
        rest = &escaped[1..];
    }
    *out += rest;
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_rfc_8259_asks() {
        let string = |text| {
            let mut out = String::new();
            add_string(&mut out, text);
            out
        };
        assert_eq!(string("a\"b\\c\n\u{1}é😀"), r#""a\"b\\c\u000a\u0001é😀""#);
    }

    #[test]
    fn objects_and_lists_nest() {
        let inner = Object::of_kind("x").number("n", 7).end();
        let outer = Object::new().json("all", &list([inner, Object::new().end()]));
        let outer = outer
            .optional_text("here", Some(""))
            .optional_text("gone", None)
            .end();
        assert_eq!(outer, r#"{"all":[{"is":"x","n":7},{}],"here":""}"#);
    }
}
