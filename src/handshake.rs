//! Read first: RFC 6455 §1.3, Opening Handshake (the idea), §4 (the rules), §3 (URLs).
//!
//! What the two sides write to each other before the first frame, and what each checks in what the
//! other wrote. Heads in, heads out; connecting and listening are `client.rs` and `server.rs`.

use crate::error::{Clause, HandshakeError, UrlError};
use crate::extension;
use crate::http::{Fields, Head, RequestLine, StatusLine, is_token};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use core::net::Ipv6Addr;
use sha1_smol::Sha1;
use std::collections::HashSet;
use std::str::FromStr;

/// What §1.3 appends to the key. It proves that the server knows WebSocket: nothing else would
/// answer with the hash of this.
pub const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The one version of the protocol (§4.1): those below were drafts, there is none above.
pub const VERSION: &str = "13";

/// The field that offers subprotocols (§1.9) and names the one that was chosen.
pub const SUBPROTOCOL: &str = "Sec-WebSocket-Protocol";

/// A `ws:` URL in its parts (§3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// The _secure_ flag: `wss:`, so with TLS beneath.
    pub secure: bool,
    /// A name, an IPv4 address, or an IPv6 address without its brackets.
    pub host: String,
    /// 80 (`ws:`) or 443 (`wss:`) if the URL names none.
    pub port: u16,
    /// The _resource name_: the path, `/` if there is none, and the query with its `?`.
    pub resource: String,
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Url, UrlError> {
        let url = url.trim();
        let (secure, rest) = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ws") => (false, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("wss") => (true, rest),
            _ => return Err(UrlError::Scheme(url.to_owned())),
        };
        // §3: "Fragment identifiers are meaningless [...] and MUST NOT be used on these URIs."
        if let Some(at) = rest.find('#') {
            return Err(UrlError::Fragment(rest[at..].to_owned()));
        }
        // RFC 3986 §2: what is no ASCII, and these, stand in no URL as they are.
        let stands = |c: &char| c.is_ascii_graphic() && !r#""<>\^`{|}"#.contains(*c);
        if let Some(bad) = rest.chars().find(|character| !stands(character)) {
            return Err(UrlError::Character(bad));
        }
        let (authority, resource) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = split_authority(authority)?;
        Ok(Url {
            secure,
            host: host.to_owned(),
            port: match port {
                // §3: "the default for "ws" is port 80"; "ws://host:" has none, says RFC 3986.
                None | Some("") => default_port(secure),
                Some(port) => parse_port(port).ok_or_else(|| UrlError::Port(port.to_owned()))?,
            },
            resource: if resource.starts_with('/') {
                resource.to_owned()
            } else {
                format!("/{resource}")
            },
        })
    }
}

/// §3: 80 for `ws:`, 443 for `wss:`.
fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// A number from 1 to 65535, digits only.
fn parse_port(port: &str) -> Option<u16> {
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|&number| is_number && number > 0)
}

/// What the Host field holds: a host, and perhaps a port.
fn is_authority(text: &str) -> bool {
    match split_authority(text) {
        Ok((_, None | Some(""))) => true,
        Ok((_, Some(port))) => parse_port(port).is_some(),
        Err(_) => false,
    }
}

/// `host`, `host:port`, `[IPv6]` or `[IPv6]:port`.
fn split_authority(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    let bad = || UrlError::Host(authority.to_owned());
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, behind) = rest.split_once(']').ok_or_else(bad)?;
        address.parse::<Ipv6Addr>().map_err(|_| bad())?;
        return match behind.strip_prefix(':') {
            Some(port) => Ok((address, Some(port))),
            None if behind.is_empty() => Ok((address, None)),
            None => Err(bad()),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_name) {
        return Err(bad());
    }
    Ok((host, port))
}

impl Url {
    /// The value of the Host field (§4.1): the port only "when not using the default port".
    #[must_use]
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match self.port == default_port(self.secure) {
            true => host,
            false => format!("{host}:{}", self.port),
        }
    }
}

/// The Sec-WebSocket-Accept that belongs to a Sec-WebSocket-Key (§4.2.2): the key as it is
/// written, with the GUID behind it, hashed with SHA-1, in base64.
///
/// ```
/// let accept = rfc6455::handshake::accept_for("dGhlIHNhbXBsZSBub25jZQ==");
/// assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[must_use]
pub fn accept_for(key: &str) -> String {
    BASE64.encode(accept_hash(key))
}

/// The step before the last: the hash itself.
#[must_use]
pub fn accept_hash(key: &str) -> [u8; 20] {
    Sha1::from(format!("{key}{GUID}")).digest().bytes()
}

/// The Sec-WebSocket-Key that a nonce makes (§4.1): "a randomly selected 16-byte value that has
/// been base64-encoded".
#[must_use]
pub fn key_for(nonce: [u8; 16]) -> String {
    BASE64.encode(nonce)
}

/// The client's opening handshake (§4.1), with the subprotocols it offers, in its order of
/// preference. `more` are fields of the application's own.
#[must_use]
pub fn request(url: &Url, key: &str, offered: &[String], more: &Fields) -> Head<RequestLine> {
    let mut fields = Fields::default();
    fields.push("Host", &url.authority());
    fields.push("Upgrade", "websocket");
    fields.push("Connection", "Upgrade");
    fields.push("Sec-WebSocket-Key", key);
    fields.push("Sec-WebSocket-Version", VERSION);
    if !offered.is_empty() {
        fields.push(SUBPROTOCOL, &offered.join(", "));
    }
    for (name, value) in more.iter() {
        fields.push(name, value);
    }
    Head {
        start: RequestLine {
            method: "GET".to_owned(),
            target: url.resource.clone(),
            version: (1, 1),
        },
        fields,
    }
}

/// What a client's opening handshake asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening<'a> {
    /// The Sec-WebSocket-Key, as it is written.
    pub key: &'a str,
    /// The subprotocols that the client offers, in its order of preference.
    pub subprotocols: Vec<&'a str>,
}

/// Checks a client's opening handshake (§4.2.1).
///
/// # Errors
/// The first of the numbered requirements that is not met.
pub fn check_request(head: &Head<RequestLine>) -> Result<Opening<'_>, HandshakeError> {
    const CLAUSE: Clause = "§4.2.1";
    let fields = &head.fields;
    let wrong = |name, value: &str, asked| {
        Err(HandshakeError::Wrong(name, value.to_owned(), asked, CLAUSE))
    };
    // 1. "An HTTP/1.1 or higher GET request".
    if head.start.method != "GET" {
        return Err(HandshakeError::Method(head.start.method.clone()));
    }
    if head.start.version < (1, 1) {
        return wrong("HTTP version", "1.0", "it is HTTP/1.1 or higher");
    }
    // 2. "A |Host| header field containing the server's authority."
    let host = single(fields, "Host", CLAUSE)?;
    if !is_authority(host) {
        return wrong("Host", host, "it is a host, and a port if not 80");
    }
    // 3. and 4. |Upgrade| with "websocket", |Connection| with the token "Upgrade".
    check_upgrade(fields, CLAUSE)?;
    // 6. |Sec-WebSocket-Version|: before the key, for another version may have other keys.
    let version = single(fields, "Sec-WebSocket-Version", CLAUSE)?;
    if version != VERSION {
        return Err(HandshakeError::Version(version.to_owned()));
    }
    // 5. |Sec-WebSocket-Key| "that, when decoded, is 16 bytes in length".
    let key = single(fields, "Sec-WebSocket-Key", CLAUSE)?;
    if !matches!(BASE64.decode(key), Ok(nonce) if nonce.len() == 16) {
        return wrong("Sec-WebSocket-Key", key, "a key is 16 bytes in base64");
    }
    // 8. |Sec-WebSocket-Protocol|: 1#token, "MUST all be unique strings" (§4.1).
    let subprotocols: Vec<&str> = fields.list(SUBPROTOCOL).collect();
    if let Some(value) = fields.get(SUBPROTOCOL)
        && (subprotocols.is_empty() || !are_subprotocols(&subprotocols))
    {
        return wrong(SUBPROTOCOL, value, "it is a list of different tokens");
    }
    // 9. |Sec-WebSocket-Extensions|: none is accepted, but it has to be well-formed (§9.1).
    extension::parse(fields).map_err(malformed_extensions)?;
    Ok(Opening { key, subprotocols })
}

/// Whether these can be offered (§4.1): tokens, "and MUST all be unique strings".
#[must_use]
pub fn are_subprotocols<T: AsRef<str>>(names: &[T]) -> bool {
    let mut seen = HashSet::new();
    names
        .iter()
        .map(AsRef::as_ref)
        .all(|name| is_token(name.as_bytes()) && seen.insert(name))
}

/// The server's opening handshake (§4.2.2) for a client's key, with the subprotocol that was
/// chosen. `more` are fields of the application's own.
#[must_use]
pub fn response(key: &str, subprotocol: Option<&str>, more: &Fields) -> Head<StatusLine> {
    let mut fields = Fields::default();
    fields.push("Upgrade", "websocket");
    fields.push("Connection", "Upgrade");
    fields.push("Sec-WebSocket-Accept", &accept_for(key));
    if let Some(subprotocol) = subprotocol {
        fields.push(SUBPROTOCOL, subprotocol);
    }
    for (name, value) in more.iter() {
        fields.push(name, value);
    }
    Head {
        start: StatusLine {
            version: (1, 1),
            status: 101,
            reason: "Switching Protocols".to_owned(),
        },
        fields,
    }
}

/// Checks a server's opening handshake with status 101 (§4.1) against the key and the subprotocols
/// that were sent. Returns the _Subprotocol In Use_.
///
/// # Errors
/// The first of the numbered steps that fails.
pub fn check_response<'a>(
    head: &'a Head<StatusLine>,
    key: &str,
    offered: &[String],
) -> Result<Option<&'a str>, HandshakeError> {
    let fields = &head.fields;
    let accept = accept_in(head)?;
    if accept != accept_for(key) {
        let asked = "it is not the answer to the key that was sent";
        let accept = accept.to_owned();
        return Err(HandshakeError::Wrong(
            "Sec-WebSocket-Accept",
            accept,
            asked,
            "§4.1",
        ));
    }
    // 5. |Sec-WebSocket-Extensions|: none was offered, so none may be in use.
    let extensions = extension::parse(fields).map_err(malformed_extensions)?;
    if let Some(extension) = extensions.first() {
        return Err(HandshakeError::NotOffered(
            extension::FIELD,
            extension.name.clone(),
        ));
    }
    // 6. |Sec-WebSocket-Protocol|: one token, of those that were offered.
    if fields.get(SUBPROTOCOL).is_none() {
        return Ok(None);
    }
    let chosen = single(fields, SUBPROTOCOL, "§4.1")?;
    if !offered.iter().any(|one| one == chosen) {
        return Err(HandshakeError::NotOffered(SUBPROTOCOL, chosen.to_owned()));
    }
    Ok(Some(chosen))
}

/// Steps 2 to 4 of §4.1 without the last word, for which one needs the key: there must be |Upgrade|,
/// |Connection| and |Sec-WebSocket-Accept|, whose value this returns.
pub(crate) fn accept_in(head: &Head<StatusLine>) -> Result<&str, HandshakeError> {
    check_upgrade(&head.fields, "§4.1")?;
    single(&head.fields, "Sec-WebSocket-Accept", "§4.1")
}

fn malformed_extensions(value: &str) -> HandshakeError {
    let asked = "it is a list of names with ;parameters";
    HandshakeError::Wrong(extension::FIELD, value.to_owned(), asked, "§9.1")
}

/// The two fields that both sides send alike.
fn check_upgrade(fields: &Fields, clause: Clause) -> Result<(), HandshakeError> {
    for (name, token, asked) in [
        ("Upgrade", "websocket", "\"websocket\" must be there"),
        (
            "Connection",
            "Upgrade",
            "the token \"Upgrade\" must be there",
        ),
    ] {
        match fields.get(name) {
            None => return Err(HandshakeError::Missing(name, clause)),
            Some(_) if fields.has_token(name, token) => {}
            Some(value) => {
                return Err(HandshakeError::Wrong(name, value.to_owned(), asked, clause));
            }
        }
    }
    Ok(())
}

/// A field that must be there, once.
fn single<'a>(
    fields: &'a Fields,
    name: &'static str,
    clause: Clause,
) -> Result<&'a str, HandshakeError> {
    let mut values = fields.all(name);
    let value = values.next().ok_or(HandshakeError::Missing(name, clause))?;
    match values.next() {
        None => Ok(value),
        Some(second) => Err(HandshakeError::Wrong(
            name,
            second.to_owned(),
            "it may be there only once",
            clause,
        )),
    }
}

/// Whether a field of the application's own can be sent: a name that is a token, a value of
/// printable ASCII, spaces and tabs. (Others have no meaning that both sides know, RFC 9110 §5.5.)
#[must_use]
pub fn is_field(name: &str, value: &str) -> bool {
    is_token(name.as_bytes())
        && value
            .bytes()
            .all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}
