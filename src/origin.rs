//! Read first: RFC 6455 §10.2, Origin Considerations.
//!
//! Whose pages may connect. A browser says in the Origin field which site the script comes from,
//! and a script cannot change that; whoever is no browser can say anything or nothing, so this
//! protects the visitors of a server, not the server.

/// The origins that a server accepts; the others get 403.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Pages from anywhere: right for a public service that does not act for whoever is logged in.
    Any,
    /// Pages that came from the host they connect to: the Origin's host and port are those of the
    /// Host field. A proxy in front has to pass that on.
    #[default]
    SameHost,
    /// Pages from these, each as a browser writes it: `https://example.com`, `http://localhost:8080`.
    List(Vec<String>),
}

impl Origins {
    /// Whether a request with this Origin field, sent to this Host, is accepted. One without an
    /// Origin comes from no browser (§4.2.1) and is.
    #[must_use]
    pub fn allow(&self, origin: Option<&str>, host: &str) -> bool {
        let Some(origin) = origin else {
            return true;
        };
        match self {
            Origins::Any => true,
            Origins::SameHost => authority_of(origin)
                .is_some_and(|authority| authority == without_default_port(host)),
            // Whole, not a part of it: "http://example.com.evil.net" contains the right host, too.
            Origins::List(list) => list.iter().any(|one| one.eq_ignore_ascii_case(origin)),
        }
    }
}

/// The host and port of `scheme://host:port`; none in the `null` of a page from disk.
fn authority_of(origin: &str) -> Option<String> {
    let (_, authority) = origin.split_once("://")?;
    Some(without_default_port(authority))
}

/// Browsers leave out the port that the scheme implies, others write it.
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
