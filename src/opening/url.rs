//! RFC 6455 §3, WebSocket URIs.

use crate::printable::Printable;
use core::net::Ipv6Addr;
use std::fmt;
use std::str::FromStr;

/// A `ws:` or `wss:` URL in its parts (§3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// The _secure_ flag: the scheme is `wss:`, so TLS is below.
    pub secure: bool,
    /// A name, an IPv4 address, or an IPv6 address without its brackets.
    pub host: String,
    /// The port. The default is 80 for `ws:` and 443 for `wss:`.
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
        let (authority, resource) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if !authority.is_ascii() {
            return Err(UrlError::UnicodeHost(authority.to_owned()));
        }
        if let Some(bad) = rest.chars().find(|&character| !is_allowed(character)) {
            return Err(UrlError::Character(bad));
        }
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = split_authority(authority)?;
        Ok(Url {
            secure,
            host: host.to_owned(),
            port: match port {
                // §3 names the default ports. "ws://host:" has no port (RFC 3986 §3.2.3).
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

/// RFC 3986 §2: a URL holds printable ASCII without some characters.
fn is_allowed(character: char) -> bool {
    character.is_ascii_graphic() && !r#""<>\^`{|}"#.contains(character)
}

/// The value of a field, whose characters are bytes, with `%20` for a space, for example.
fn percent_encoded(value: &str) -> String {
    let mut encoded = String::new();
    for character in value.chars() {
        match is_allowed(character) {
            true => encoded.push(character),
            false => encoded.push_str(&format!("%{:02X}", u32::from(character))),
        }
    }
    encoded
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

/// Whether a text has the form of a Host field: a host, and perhaps a port.
pub(super) fn is_authority(text: &str) -> bool {
    authority_parts(text).is_some()
}

/// The host of a Host field, without the brackets of an IPv6 address, and its port if there is one.
/// `None`: the text has another form.
pub(super) fn authority_parts(text: &str) -> Option<(&str, Option<u16>)> {
    match split_authority(text).ok()? {
        (host, None | Some("")) => Some((host, None)),
        (host, Some(port)) => Some((host, Some(parse_port(port)?))),
    }
}

/// `host`, `host:port`, `[IPv6]` or `[IPv6]:port`.
fn split_authority(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    let bad = || UrlError::Host(authority.to_owned());
    // RFC 4007 §11: an address of one link, and the network interface to it.
    let is_zone = |(address, _): (&str, &str)| address.parse::<Ipv6Addr>().is_ok();
    if authority
        .trim_start_matches('[')
        .split_once('%')
        .is_some_and(is_zone)
    {
        return Err(UrlError::Zone(authority.to_owned()));
    }
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
        // An IPv6 address without its brackets.
        Some((_, port)) if port.contains(':') => return Err(bad()),
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

    /// The WebSocket URL that a redirect with this `Location` leads to (RFC 9110 §10.2.2, RFC 3986
    /// §5.2). `http:` is `ws:` there, and `https:` is `wss:`. Bytes that a URL cannot hold are
    /// percent-encoded, as browsers do it. `None` if it leads to none.
    #[must_use]
    pub fn follow(&self, location: &str) -> Option<Url> {
        let location = percent_encoded(location.split('#').next().unwrap_or_default());
        let location = &location[..];
        let is_scheme = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_alphabetic())
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        };
        let own_scheme = scheme(self.secure);
        let url = match location.split_once(':').filter(|(text, _)| is_scheme(text)) {
            Some((text, rest)) => match &text.to_ascii_lowercase()[..] {
                "ws" | "http" => format!("ws:{rest}"),
                "wss" | "https" => format!("wss:{rest}"),
                _ => return None,
            },
            None if location.is_empty() => return None,
            None if location.starts_with("//") => format!("{own_scheme}:{location}"),
            None => {
                let (path, query) = location.split_at(location.find('?').unwrap_or(location.len()));
                let own = self.resource.split('?').next().unwrap_or_default();
                let folder = &own[..=own.rfind('/').unwrap_or_default()];
                let path = match path {
                    "" => own.to_owned(),
                    path if path.starts_with('/') => without_dots(path),
                    path => without_dots(&format!("{folder}{path}")),
                };
                format!("{own_scheme}://{}{path}{query}", self.authority())
            }
        };
        url.parse().ok()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}{}",
            scheme(self.secure),
            self.authority(),
            self.resource
        )
    }
}

fn scheme(secure: bool) -> &'static str {
    if secure { "wss" } else { "ws" }
}

/// RFC 3986 §5.2.4: a path without the steps `.` and `..`.
fn without_dots(path: &str) -> String {
    let mut steps = Vec::new();
    for step in path.split('/').skip(1) {
        match step {
            "." => {}
            ".." => _ = steps.pop(),
            step => steps.push(step),
        }
    }
    let ends_in_folder = path.ends_with("/.") || path.ends_with("/..");
    if ends_in_folder {
        steps.push("");
    }
    format!("/{}", steps.join("/"))
}

/// Why a URL cannot be used for a WebSocket (§3).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// Neither `ws:` nor `wss:`.
    Scheme(String),
    /// `wss:`, which needs TLS. The caller gives the library a TLS stream.
    Tls,
    /// No host, or a host with characters that a host cannot have.
    Host(String),
    /// A host with characters that are not ASCII.
    UnicodeHost(String),
    /// An IPv6 address with a zone, such as `fe80::1%eth0`.
    Zone(String),
    /// A port that is not a number from 1 to 65535.
    Port(String),
    /// A fragment (`#...`).
    Fragment(String),
    /// A character that must be percent-encoded.
    Character(char),
    /// A user name or password before the host.
    UserInfo,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UrlError::Scheme(seen) => {
                write!(
                    f,
                    "\"{}\" is not a WebSocket URL; a WebSocket URL starts with ws://",
                    Printable(seen)
                )
            }
            UrlError::Tls => f.write_str(
                "a wss:// URL needs TLS, and this library speaks none. A program gives the stream \
                 of a TLS library to Client::connect_through. On the command line, use ws:// and a \
                 TLS tunnel such as stunnel",
            ),
            UrlError::Host(seen) if seen.matches(':').count() > 1 && !seen.contains('[') => write!(
                f,
                "\"{seen}\" is not a host name; write an IPv6 address in brackets, as in ws://[::1]/"
            ),
            UrlError::Host(seen) => write!(f, "\"{seen}\" is not a host name or an address"),
            UrlError::UnicodeHost(seen) => write!(
                f,
                "\"{}\" is a host with characters that are not ASCII; write its name in the form \
                 that begins with xn-- (RFC 5890)",
                Printable(seen)
            ),
            UrlError::Zone(seen) => write!(
                f,
                "\"{seen}\" has an IPv6 zone, and a WebSocket URL cannot have one; use a name, and \
                 let Client::resolver return the address with its scope"
            ),
            UrlError::Port(seen) => write!(f, "\"{seen}\" is not a port; ports are 1 to 65535"),
            UrlError::Fragment(seen) => write!(
                f,
                "\"{}\" is a fragment, which has no meaning in a WebSocket URL; write # as %23",
                Printable(seen)
            ),
            UrlError::Character(seen) => write!(
                f,
                "the character {seen:?} in the URL; it must be percent-encoded"
            ),
            UrlError::UserInfo => f.write_str("a user name in the URL; a ws: URL cannot have one"),
        }?;
        f.write_str(" (§3)")
    }
}

impl std::error::Error for UrlError {}
