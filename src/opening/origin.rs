//! RFC 6455 §10.2, Origin Considerations: whose pages may connect.
//!
//! A browser says in the Origin field which site a script comes from, and the script cannot change
//! that. Other clients can send any Origin or none. So this rule protects the visitors of a server,
//! not the server.

/// The origins that a server accepts. A request from another origin gets 403.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Pages from anywhere. That is right for a public service that does not act in the name of a
    /// user who is logged in.
    Any,
    /// Pages from the host that they connect to: the Origin's host and port are those of the Host
    /// field. A proxy in front of the server has to pass the Host field on.
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
            Origins::SameHost => authority_of(origin)
                .is_some_and(|authority| authority == without_default_port(host)),
            // The whole text: "http://example.com.evil.net" contains the right host, too.
            Origins::List(list) => list.iter().any(|one| one.eq_ignore_ascii_case(origin)),
        }
    }
}

/// The host and port of `scheme://host:port`. A page from disk has the origin `null`, without any.
fn authority_of(origin: &str) -> Option<String> {
    let (_, authority) = origin.split_once("://")?;
    Some(without_default_port(authority))
}

/// Browsers leave out the default port of the scheme; other clients write it.
fn without_default_port(authority: &str) -> String {
    let authority = authority.to_ascii_lowercase();
    match authority
        .strip_suffix(":80")
        .or(authority.strip_suffix(":443"))
    {
        Some(host) => host.to_owned(),
        None => authority,
    }
}
