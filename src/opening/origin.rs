//! RFC 6455 §10.2, Origin Considerations: whose pages may connect.
//!
//! A browser says in the Origin field which site a script comes from, and the script cannot change
//! that. Other clients can send any Origin or none. So this rule protects the visitors of a server,
//! not the server.

use super::url::authority_parts;

/// The origins that a server accepts. A request from another origin gets 403.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Pages from anywhere. That is right for a public service that does not act in the name of a
    /// user who is logged in.
    Any,
    /// Pages from the host that they connect to: the Origin's host and port are those of the Host
    /// field. A proxy in front of the server has to pass the Host field on.
    ///
    /// An Origin without a port has the port of its scheme: 80 for `http`, 443 for `https`. A Host
    /// without a port has the port of the scheme that the page used, because a server behind TLS
    /// does not know it. So `https://h:80` may not connect to `h`, and `https://h:443` may.
    #[default]
    SameHost,
    /// Pages from these origins, each written as a browser writes it: `https://example.com`,
    /// `http://localhost:8080`.
    List(Vec<String>),
}

impl Origins {
    /// Whether a request with this Origin and Host is accepted. A request without an Origin does
    /// not come from a browser (§4.2.1); it is accepted.
    #[must_use]
    pub fn allow(&self, origin: Option<&str>, host: &str) -> bool {
        let Some(origin) = origin else {
            return true;
        };
        match self {
            Origins::Any => true,
            Origins::SameHost => is_same_host(origin, host).unwrap_or(false),
            // The whole text: "http://example.com.evil.net" contains the right host, too.
            Origins::List(list) => list.iter().any(|one| one.eq_ignore_ascii_case(origin)),
        }
    }
}

/// Whether the origin `scheme://host:port` is at this host. `None`: one of them has another form. A
/// page from disk, for example, has the origin `null`.
fn is_same_host(origin: &str, host: &str) -> Option<bool> {
    let (scheme, authority) = origin.split_once("://")?;
    let default_port = match &scheme.to_ascii_lowercase()[..] {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let (of_origin, its_port) = authority_parts(authority)?;
    let (of_host, port) = authority_parts(host)?;
    Some(
        of_origin.eq_ignore_ascii_case(of_host)
            && its_port.unwrap_or(default_port) == port.unwrap_or(default_port),
    )
}
