//! How many connections each address has
//! ([`Config::max_connections_per_address`](crate::Config::max_connections_per_address)).
//!
//! - IPv4 counts by address. IPv6 counts by the first 64 bits, the part that a customer is given
//!   (RFC 6177). An IPv4 address that is written as IPv6 (`::ffff:192.0.2.1`) is that IPv4 address.
//! - An address without a connection takes no memory. If there is no limit, nothing is counted.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// The counts of all addresses.
#[derive(Debug, Default)]
pub(super) struct PerAddress {
    open: HashMap<IpAddr, usize>,
}

/// One place of an address. It is given back with [`PerAddress::leave`].
#[derive(Debug)]
pub(super) struct Place(Option<IpAddr>);

impl Place {
    /// A place that no limit counts.
    pub(super) const UNCOUNTED: Place = Place(None);
}

impl PerAddress {
    /// Takes a place for a peer. `None`: its address has `most` places already.
    pub(super) fn enter(&mut self, peer: IpAddr, most: usize) -> Option<Place> {
        if most == usize::MAX {
            return Some(Place::UNCOUNTED);
        }
        let counted = counted_as(peer);
        let places = self.open.get(&counted).copied().unwrap_or(0);
        if places >= most {
            return None;
        }
        self.open.insert(counted, places + 1);
        Some(Place(Some(counted)))
    }

    /// Gives a place back.
    pub(super) fn leave(&mut self, place: &Place) {
        let Place(Some(address)) = place else { return };
        match self.open.get_mut(address) {
            Some(places) if *places > 1 => *places -= 1,
            _ => _ = self.open.remove(address),
        }
    }
}

/// The address that stands for all that count together with `peer`.
fn counted_as(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(network).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_places_and_no_more_until_one_is_given_back() {
        let mut places = PerAddress::default();
        let first = places.enter(ip("192.0.2.1"), 2).unwrap();
        let second = places.enter(ip("192.0.2.1"), 2).unwrap();
        assert!(places.enter(ip("192.0.2.1"), 2).is_none());
        assert!(places.enter(ip("192.0.2.2"), 2).is_some());
        places.leave(&first);
        let third = places.enter(ip("192.0.2.1"), 2).unwrap();
        assert!(places.enter(ip("192.0.2.1"), 2).is_none());
        places.leave(&second);
        places.leave(&third);
        assert_eq!(places.open.len(), 1, "only the other address is left");
    }

    #[test]
    fn ipv6_counts_by_64_bits_and_ipv4_in_ipv6_is_ipv4() {
        let together = [
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false),
            ("192.0.2.1", "192.0.2.2", false),
            ("::1", "127.0.0.1", false),
        ];
        for (one, other, same) in together {
            assert_eq!(
                counted_as(ip(one)) == counted_as(ip(other)),
                same,
                "{one} {other}"
            );
        }
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let mut places = PerAddress::default();
        for _ in 0..10 {
            places.enter(ip("192.0.2.1"), usize::MAX).unwrap();
        }
        assert!(places.open.is_empty());
    }
}
