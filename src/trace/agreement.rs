//! RFC 6455 §9, Extensions: which ones the two sides agreed on, as an observer knows it.
//!
//! - It is read from the heads that passed, or given by a person who knows it.
//! - It says which reserved bits and which payloads are an extension's business. An observer does
//!   not judge those. It judges all others.
//! - It knows one extension: permessage-deflate (RFC 7692). Of any other it knows only the name.
//!   Such an extension may use each reserved bit, each reserved opcode and each data frame.
//! - What compressed bytes mean is read in `inflating.rs`.

use crate::framing::{Header, RSV, RSV1, Violation};
use crate::opening::{DEFLATE, Deflate, Extension, Fields, name, parse_extensions};

/// The extensions in use on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// The heads did not pass here.
    NotKnown,
    /// Each with the parameters of the server's answer. The list may be empty.
    Of(Vec<Extension>),
}

impl Agreement {
    /// What a server's answer says. What cannot be read counts as no extension; the head is judged
    /// elsewhere.
    pub(super) fn in_answer(fields: &Fields) -> Agreement {
        Agreement::Of(parse_extensions(fields).unwrap_or_default())
    }

    /// An agreement in the form of the Sec-WebSocket-Extensions field, such as
    /// `permessage-deflate; server_max_window_bits=10`.
    ///
    /// # Errors
    /// The value, if it does not have that form.
    pub fn parse(value: &str) -> Result<Agreement, &str> {
        let mut fields = Fields::default();
        fields.push(name::EXTENSIONS, value);
        match parse_extensions(&fields) {
            Ok(extensions) => Ok(Agreement::Of(extensions)),
            Err(_) => Err(value),
        }
    }

    /// The extensions that are known to be in use.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        match self {
            Agreement::NotKnown => &[],
            Agreement::Of(extensions) => extensions,
        }
    }

    /// The first extension in use about which only the name is known.
    #[must_use]
    pub fn stranger(&self) -> Option<&str> {
        let mut names = self.extensions().iter().map(|one| &one.name[..]);
        names.find(|name| *name != DEFLATE)
    }

    /// Whether RSV1 says that a message is compressed.
    #[must_use]
    pub fn compresses(&self) -> bool {
        self.extensions().iter().any(|one| one.name == DEFLATE)
    }

    /// The windows of the compressed messages, if they can be read: no other extension is in use,
    /// and the parameters have a meaning.
    pub(super) fn deflate(&self) -> Option<Deflate> {
        match self.extensions() {
            [one] if one.name == DEFLATE => Deflate::in_answer(one).ok(),
            _ => None,
        }
    }

    /// The reserved bits that an extension in use defines for some frame, for [`Header::decode`].
    pub(super) fn bits(&self) -> u8 {
        match (self.stranger(), self.compresses()) {
            (Some(_), _) => RSV,
            (None, true) => RSV1,
            (None, false) => 0,
        }
    }

    /// The rule about one frame that no other file has: permessage-deflate sets RSV1 on the first
    /// frame of a message only (RFC 7692 §6).
    pub(super) fn check(&self, header: &Header) -> Result<(), Violation> {
        match self.stranger() {
            None => header.check_rsv1(),
            Some(_) => Ok(()),
        }
    }

    /// Whether the payload of a message whose first frame has this header belongs to an extension.
    /// Then its bytes are not the application's text.
    pub(super) fn owns_message(&self, first: &Header) -> bool {
        first.rsv1 || self.stranger().is_some()
    }
}
