//! RFC 6455 §1.3 (the idea) and §4 (the rules): the opening handshake.
//!
//! What the two sides send to each other before the first frame, and what each side checks in the
//! other's head. Heads come in, heads go out. Connecting is `client/`, listening is `server/`.

use super::accept::{accept_for, is_key};
use super::body::BodyLength;
use super::error::{Clause, HandshakeError};
use super::extension::{Extension, parse_extensions};
use super::fields::{Fields, is_token, name};
use super::head::{Head, RequestLine, StatusLine};
use super::permessage_deflate::Deflate;
use super::url::{Url, is_authority};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// The version of the protocol (§4.1). Lower numbers were drafts; there is no higher number.
pub const VERSION: &str = "13";

/// Whether a request wants to open a WebSocket, even if it breaks rules: it has an Upgrade field
/// with "websocket", or a field whose name begins with Sec-WebSocket-.
#[must_use]
pub fn is_opening(head: &Head<RequestLine>) -> bool {
    head.fields.has_token(name::UPGRADE, "websocket")
        || head.fields.iter().any(|(field, _)| {
            let start = field.get(.."Sec-WebSocket-".len());
            start.is_some_and(|start| start.eq_ignore_ascii_case("Sec-WebSocket-"))
        })
}

/// A field that an application wants to add to a head, and may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedField {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Why, and what to do.
    why: &'static str,
    /// The section that forbids it.
    clause: Clause,
}

impl RefusedField {
    /// This field, refused for this reason.
    pub(crate) fn new(name: &str, value: &str, why: &'static str, clause: Clause) -> RefusedField {
        RefusedField {
            name: name.to_owned(),
            value: value.to_owned(),
            why,
            clause,
        }
    }
}

impl fmt::Display for RefusedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RefusedField {
            name,
            value,
            why,
            clause,
        } = self;
        write!(
            f,
            "the field {name:?} with the value {value:?}; {why} ({clause})"
        )
    }
}

impl std::error::Error for RefusedField {}

/// Checks a field that an application adds to a server's answer with 101: it does not come twice,
/// and it does not promise a body (RFC 9110 §8.6).
///
/// # Errors
/// The field, if it may not be added.
pub fn check_server_field(name: &str, value: &str) -> Result<(), RefusedField> {
    let why = match &name.to_ascii_lowercase()[..] {
        "sec-websocket-protocol" => "to choose a subprotocol, use Request::subprotocols",
        "connection" | "upgrade" => OWN,
        name if name.starts_with("sec-websocket-") => OWN,
        "content-length" | "transfer-encoding" | "trailer" => "frames follow it, not a body",
        _ => return Ok(()),
    };
    Err(RefusedField::new(name, value, why, "§4.2.2"))
}

/// Why a field of the handshake itself may not be added.
const OWN: &str = "the opening handshake has its own";

/// Checks a field that an application adds to a client's opening handshake: it does not come twice,
/// and it does not promise a body. `Host` may be added, and takes the place of the one from the URL.
///
/// # Errors
/// The field, if it may not be added.
pub fn check_client_field(name: &str, value: &str) -> Result<(), RefusedField> {
    let why = match &name.to_ascii_lowercase()[..] {
        "host" if is_authority(value) => return Ok(()),
        "host" => "its value is a host, and perhaps a colon and a port",
        "sec-websocket-protocol" => "to offer subprotocols, use Client::subprotocols",
        "connection" | "upgrade" => OWN,
        name if name.starts_with("sec-websocket-") => OWN,
        "content-length" | "transfer-encoding" | "trailer" | "expect" => {
            "an opening handshake has no body"
        }
        _ => return Ok(()),
    };
    Err(RefusedField::new(name, value, why, "§4.1"))
}

/// The client's opening handshake (§4.1). `offered` are the subprotocols, the preferred one first,
/// and `extensions` are offered likewise (§9.1). `more` are fields that the application adds. The last `Host` among them takes the place of the
/// one from the URL.
#[must_use]
pub fn client_request(
    url: &Url,
    key: &str,
    offered: &[String],
    extensions: &[Extension],
    more: &Fields,
) -> Head<RequestLine> {
    let mut fields = Fields::default();
    let host = more.all(name::HOST).last();
    fields.push(name::HOST, host.unwrap_or(&url.authority()));
    fields.push(name::UPGRADE, "websocket");
    fields.push(name::CONNECTION, "Upgrade");
    fields.push(name::KEY, key);
    fields.push(name::VERSION, VERSION);
    if !offered.is_empty() {
        fields.push(name::PROTOCOL, &offered.join(", "));
    }
    for extension in extensions {
        fields.push(name::EXTENSIONS, &extension.to_string());
    }
    let is_host = |field: &str| field.eq_ignore_ascii_case(name::HOST);
    for (name, value) in more.iter().filter(|&(field, _)| !is_host(field)) {
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
    /// The text of the Sec-WebSocket-Key.
    pub key: &'a str,
    /// The server's name, as the client knows it.
    pub host: &'a str,
    /// The site of the page that connects, if a browser sent the request (§10.2).
    pub origin: Option<&'a str>,
    /// The subprotocols that the client offers, the preferred one first.
    pub subprotocols: Vec<&'a str>,
    /// The extensions that the client offers, the preferred one first.
    pub extensions: Vec<Extension>,
}

/// Checks what every request must have, for a WebSocket or for a page: exactly one Host (RFC 9112
/// §3.2), and a body whose end can be found (RFC 9112 §6.3). HTTP/1.0 may come without a Host.
///
/// # Errors
/// The first of these that is wrong.
pub fn check_http_request(head: &Head<RequestLine>) -> Result<(), HandshakeError> {
    if head.start.is_http_1_1() || head.fields.get(name::HOST).is_some() {
        host_of(&head.fields)?;
    }
    body_of(head).map(drop)
}

/// Whether the client asks for a 100 (Continue) first (RFC 9110 §10.1.1). HTTP/1.0 does not know it.
#[must_use]
pub fn expects_continue(head: &Head<RequestLine>) -> bool {
    head.start.is_http_1_1() && head.fields.has_token("Expect", "100-continue")
}

fn body_of(head: &Head<RequestLine>) -> Result<BodyLength, HandshakeError> {
    BodyLength::of_request(head).map_err(|invalid| HandshakeError::Malformed(invalid.0))
}

/// §4.2.1, 2: "A |Host| header field containing the server's authority."
fn host_of(fields: &Fields) -> Result<&str, HandshakeError> {
    const CLAUSE: Clause = "§4.2.1, RFC 9112 §3.2";
    let host = single(fields, name::HOST, CLAUSE)?;
    match is_authority(host) {
        true => Ok(host),
        false => {
            let asked = "it is a host, and a port if it is not the default";
            Err(wrong_field(name::HOST, host, asked, CLAUSE))
        }
    }
}

/// Checks a client's opening handshake (§4.2.1).
///
/// # Errors
/// The first of the numbered requirements that is not met.
pub fn check_request(head: &Head<RequestLine>) -> Result<Opening<'_>, HandshakeError> {
    const CLAUSE: Clause = "§4.2.1";
    let fields = &head.fields;
    let wrong = |field, value: &str, asked| Err(wrong_field(field, value, asked, CLAUSE));
    // 1. "An HTTP/1.1 or higher GET request".
    if !head.start.is_get() {
        return Err(HandshakeError::Method(head.start.method.clone()));
    }
    if !head.start.is_http_1_1() {
        return wrong("HTTP version", "1.0", "it is HTTP/1.1 or higher");
    }
    let host = host_of(fields)?;
    // Its bytes would be read as frames. RFC 9110 §9.3.1: a body of GET has no meaning, and a
    // server may refuse it.
    if body_of(head)? != BodyLength::Exactly(0) {
        return Err(HandshakeError::HasBody);
    }
    // 3. and 4. |Upgrade| with "websocket", |Connection| with the token "Upgrade".
    check_upgrade(fields, CLAUSE)?;
    // 6. |Sec-WebSocket-Version|, before the key: another version may have other keys.
    let version = single(fields, name::VERSION, CLAUSE)?;
    if version != VERSION {
        return Err(HandshakeError::Version(version.to_owned()));
    }
    // 5. |Sec-WebSocket-Key| "that, when decoded, is 16 bytes in length".
    let key = single(fields, name::KEY, CLAUSE)?;
    if !is_key(key) {
        return wrong(name::KEY, key, "a key is 16 bytes in base64");
    }
    // 7. |Origin|: it is there once, or not at all.
    let origin = match fields.get(name::ORIGIN) {
        Some(_) => Some(single(fields, name::ORIGIN, CLAUSE)?),
        None => None,
    };
    // 8. |Sec-WebSocket-Protocol|: 1#token, "MUST all be unique strings" (§4.1).
    let subprotocols: Vec<&str> = fields.list(name::PROTOCOL).collect();
    if let Some(value) = fields.get(name::PROTOCOL)
        && (subprotocols.is_empty() || check_subprotocols(&subprotocols).is_err())
    {
        return wrong(name::PROTOCOL, value, "it is a list of different tokens");
    }
    // 9. |Sec-WebSocket-Extensions|: it must be well-formed (§9.1). What cannot be accepted is
    //    declined.
    let extensions = parse_extensions(fields).map_err(malformed_extensions)?;
    Ok(Opening {
        key,
        host,
        origin,
        subprotocols,
        extensions,
    })
}

/// Subprotocols that cannot be offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSubprotocols(pub Vec<String>);

impl fmt::Display for InvalidSubprotocols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InvalidSubprotocols(names) = self;
        write!(
            f,
            "the subprotocols {names:?}; each is a token, and no two are equal (§4.1)"
        )
    }
}

impl std::error::Error for InvalidSubprotocols {}

/// Checks subprotocols that are to be offered (§4.1): they are tokens, "and MUST all be unique
/// strings".
///
/// # Errors
/// The list, if it cannot be offered.
pub fn check_subprotocols(names: &[&str]) -> Result<(), InvalidSubprotocols> {
    let mut seen = HashSet::new();
    match names
        .iter()
        .all(|name| is_token(name.as_bytes()) && seen.insert(name))
    {
        true => Ok(()),
        false => {
            let names = names.iter().map(|&name| name.to_owned());
            Err(InvalidSubprotocols(names.collect()))
        }
    }
}

/// The server's opening handshake (§4.2.2) for a client's key, with the chosen subprotocol and the
/// accepted extension. `more` are fields that the application adds.
#[must_use]
pub fn server_response(
    key: &str,
    subprotocol: Option<&str>,
    extension: Option<&Extension>,
    more: &Fields,
) -> Head<StatusLine> {
    let mut fields = Fields::default();
    fields.push(name::UPGRADE, "websocket");
    fields.push(name::CONNECTION, "Upgrade");
    fields.push(name::ACCEPT, &accept_for(key));
    if let Some(subprotocol) = subprotocol {
        fields.push(name::PROTOCOL, subprotocol);
    }
    if let Some(extension) = extension {
        fields.push(name::EXTENSIONS, &extension.to_string());
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

/// What a server has chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen<'a> {
    /// The _Subprotocol In Use_.
    pub subprotocol: Option<&'a str>,
    /// Compression, if both sides agreed on it.
    pub deflate: Option<Deflate>,
}

/// Checks a server's opening handshake with status 101 (§4.1) against the request: its key, and the
/// subprotocols and extensions that it offered.
///
/// # Errors
/// The first of the numbered steps that fails.
pub fn check_response<'a>(
    head: &'a Head<StatusLine>,
    key: &str,
    subprotocols: &[String],
    extensions: &[Extension],
) -> Result<Chosen<'a>, HandshakeError> {
    let fields = &head.fields;
    let accept = accept_in(head)?;
    let expected = accept_for(key);
    if accept != expected {
        let asked = format!("it is not the answer to the key that was sent, {expected}");
        return Err(wrong_field(name::ACCEPT, accept, asked, "§4.1"));
    }
    // 5. |Sec-WebSocket-Extensions|: only those that were offered.
    let accepted = parse_extensions(fields).map_err(malformed_extensions)?;
    for chosen in &accepted {
        if !extensions.iter().any(|one| one.name == chosen.name) {
            return Err(not_offered(name::EXTENSIONS, &chosen.name));
        }
    }
    let deflate = Deflate::check_answer(extensions, &accepted)
        .map_err(|wrong| wrong_field(name::EXTENSIONS, &wrong.seen, wrong.asked, wrong.clause))?;
    // 6. |Sec-WebSocket-Protocol|: one token, of those that were offered.
    let subprotocol = match fields.get(name::PROTOCOL) {
        None => None,
        Some(_) => Some(single(fields, name::PROTOCOL, "§4.1")?),
    };
    match subprotocol.filter(|chosen| !subprotocols.iter().any(|one| one == chosen)) {
        Some(stranger) => Err(not_offered(name::PROTOCOL, stranger)),
        None => Ok(Chosen {
            subprotocol,
            deflate,
        }),
    }
}

/// Steps 2 to 4 of §4.1, without the comparison that needs the key. |Upgrade|, |Connection| and
/// |Sec-WebSocket-Accept| must be there. Returns the value of the last one.
pub fn accept_in(head: &Head<StatusLine>) -> Result<&str, HandshakeError> {
    const CLAUSE: Clause = "§4.1";
    check_upgrade(&head.fields, CLAUSE)?;
    // 2. The whole value is "websocket". A request may have a list there, a response may not: the
    //    server has changed to one protocol.
    let others = |value: &&str| !value.eq_ignore_ascii_case("websocket");
    if let Some(other) = head.fields.all(name::UPGRADE).find(others) {
        let asked = "in a response it is \"websocket\" and nothing else";
        return Err(wrong_field(name::UPGRADE, other, asked, CLAUSE));
    }
    single(&head.fields, name::ACCEPT, CLAUSE)
}

fn malformed_extensions(value: &str) -> HandshakeError {
    let asked = "it is a list of names with ;parameters";
    wrong_field(name::EXTENSIONS, value, asked, "§9.1")
}

/// The two fields that both sides send alike.
fn check_upgrade(fields: &Fields, clause: Clause) -> Result<(), HandshakeError> {
    for (field, token, asked) in [
        (name::UPGRADE, "websocket", "\"websocket\" must be there"),
        (
            name::CONNECTION,
            "Upgrade",
            "the token \"Upgrade\" must be there",
        ),
    ] {
        match fields.get(field) {
            None => return Err(HandshakeError::Missing { field, clause }),
            Some(_) if fields.has_token(field, token) => {}
            Some(value) => return Err(wrong_field(field, value, asked, clause)),
        }
    }
    Ok(())
}

/// A field that must be there exactly once.
fn single<'a>(
    fields: &'a Fields,
    field: &'static str,
    clause: Clause,
) -> Result<&'a str, HandshakeError> {
    let mut values = fields.all(field);
    let missing = HandshakeError::Missing { field, clause };
    let value = values.next().ok_or(missing)?;
    match values.next() {
        None => Ok(value),
        Some(second) => {
            let asked = "it may be there only once";
            Err(wrong_field(field, second, asked, clause))
        }
    }
}

fn wrong_field(
    field: &'static str,
    value: &str,
    asked: impl Into<Cow<'static, str>>,
    clause: Clause,
) -> HandshakeError {
    HandshakeError::Wrong {
        field,
        value: value.to_owned(),
        asked: asked.into(),
        clause,
    }
}

fn not_offered(field: &'static str, value: &str) -> HandshakeError {
    HandshakeError::NotOffered {
        field,
        value: value.to_owned(),
    }
}
