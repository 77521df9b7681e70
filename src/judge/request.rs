//! RFC 6455 §4.1: the head of an opening handshake, of which each line can be chosen.

/// The key of §1.3, and the accept value that the RFC works out for it.
pub(super) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(super) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A request: the request line and the fields. `{resource}` and `{host}` are filled in when it is
/// sent.
#[derive(Clone, Debug)]
pub(super) struct Request {
    line: String,
    fields: Vec<(String, String)>,
}

impl Request {
    /// The lawful request.
    pub(super) fn lawful() -> Request {
        let fields = [
            ("Host", "{host}"),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", KEY),
            ("Sec-WebSocket-Version", "13"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Request {
            line: "GET {resource} HTTP/1.1".to_owned(),
            fields: fields.to_vec(),
        }
    }

    pub(super) fn line(mut self, line: &str) -> Request {
        self.line = line.to_owned();
        self
    }

    /// Gives a field another value.
    pub(super) fn set(mut self, name: &str, value: &str) -> Request {
        let field = self.fields.iter_mut().find(|(known, _)| known == name);
        field.expect("a field of the lawful request").1 = value.to_owned();
        self
    }

    /// Adds a field behind the others.
    pub(super) fn add(mut self, name: &str, value: &str) -> Request {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Request {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// Writes the names of all fields in another way.
    pub(super) fn names(mut self, change: impl Fn(&str) -> String) -> Request {
        for (name, _) in &mut self.fields {
            *name = change(name);
        }
        self
    }

    /// The fields in the opposite order.
    pub(super) fn reversed(mut self) -> Request {
        self.fields.reverse();
        self
    }

    /// The bytes of the head for this server. `more` fields are those that the user asked for.
    pub(super) fn bytes(&self, resource: &str, host: &str, more: &[(String, String)]) -> Vec<u8> {
        let mut head = self.line.replace("{resource}", resource) + "\r\n";
        for (name, value) in self.fields.iter().chain(more) {
            head += &format!("{name}: {}\r\n", value.replace("{host}", host));
        }
        (head + "\r\n").into_bytes()
    }
}
