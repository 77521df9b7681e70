//! RFC 9110 §7.2, Host: the names by which clients may call a server.
//!
//! A browser says in the Host field which name a script connects to, and the script cannot change
//! that. So this rule, like that of `origin.rs`, protects the visitors of a server.

use super::url::authority_parts;
use core::net::IpAddr;

/// The names by which clients may call a server: the Host field of an opening handshake. A request
/// with another Host gets 421 (Misdirected Request).
///
/// This ends an attack that [`Origins::SameHost`](super::Origins::SameHost) does not see: *DNS
/// rebinding*. The page `http://evil.example:5050` asks DNS to say that `evil.example` is now
/// 127.0.0.1. Then its script reaches a server on the visitor's own machine, and both Origin and
/// Host are `evil.example:5050`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Hosts {
    /// Any name. That is right for a server that everybody may reach.
    #[default]
    Any,
    /// For a server on one machine or in a local network: IP addresses and the names that the
    /// public DNS cannot give away, which are `localhost`, names without a dot, and names that end
    /// with `.localhost` or `.local`. Also these names, each without a port.
    Local(Vec<String>),
}

impl Hosts {
    /// Whether a request with this Host is accepted. Its port does not matter: the connection has
    /// found it.
    #[must_use]
    pub fn allow(&self, host: &str) -> bool {
        let Hosts::Local(names) = self else {
            return true;
        };
        let Some((name, _)) = authority_parts(host) else {
            return false;
        };
        // A name may end with the dot of DNS's root.
        let name = name.strip_suffix('.').unwrap_or(name);
        let ends_with = |end: &str| {
            let at = name.len().checked_sub(end.len());
            at.and_then(|at| name.get(at..))
                .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
        };
        name.parse::<IpAddr>().is_ok()
            || !name.contains('.')
            || ends_with(".localhost")
            || ends_with(".local")
            || names.iter().any(|one| one.eq_ignore_ascii_case(name))
    }
}
