//! Networks as bans know them: what a household or a small provider shares.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Of others who are here, so many at least, and half of them, are too many to be banned with one.
const MANY: usize = 5;

/// A /24 of IPv4, or a /64 of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Network {
    V4([u8; 3]),
    V6([u16; 4]),
}

impl Network {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4([a, b, c]) => write!(f, "{}/24", Ipv4Addr::new(*a, *b, *c, 0)),
            Self::V6([a, b, c, d]) => write!(f, "{}/64", Ipv6Addr::new(*a, *b, *c, *d, 0, 0, 0, 0)),
        }
    }
}

/// Whether a ban of the network would lock out others than it is meant for: it is this machine's, this site's or a carrier's
/// own, as behind a proxy or a router everybody's is; it is that of a moderator who is here; or of most of the others.
pub(crate) fn is_shared(network: Network, moderators: &[IpAddr], others: &[IpAddr]) -> bool {
    let inside = |address: &&IpAddr| Network::of(**address) == network;
    let many = others.iter().filter(inside).count();
    is_local(network)
        || moderators.iter().any(|address| inside(&address))
        || (others.len() >= MANY && 2 * many >= others.len())
}

fn is_local(network: Network) -> bool {
    match network {
        Network::V4([a, b, c]) => {
            let address = Ipv4Addr::new(a, b, c, 0);
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || a == 0
                // Addresses that carriers share among their customers (RFC 6598).
                || (a == 100 && (64..128).contains(&b))
        }
        Network::V6([a, b, c, d]) => {
            let address = Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0);
            address.is_unspecified() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        for (text, network) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("::ffff:192.0.2.1", "192.0.2.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(Network::of(address(text)).to_string(), network);
        }
    }

    #[test]
    fn a_network_that_is_shared_is_not_banned() {
        for (text, local) in [
            ("127.0.0.1", true),
            ("10.1.2.3", true),
            ("192.168.0.4", true),
            ("172.20.0.4", true),
            ("169.254.9.9", true),
            ("100.100.0.1", true),
            ("::1", true),
            ("fd00::5", true),
            ("fe80::5", true),
            ("198.51.100.4", false),
            ("2001:db8::5", false),
        ] {
            assert_eq!(is_shared(Network::of(address(text)), &[], &[]), local, "{text}");
        }
        let (raider, near, far) = (address("198.51.100.4"), address("198.51.100.9"), address("203.0.113.1"));
        let network = Network::of(raider);
        assert!(is_shared(network, &[far, near], &[]), "a moderator would be without a voice");
        assert!(!is_shared(network, &[far], &[near, near]), "two others are a household");
        // A proxy that hides who comes from where.
        assert!(is_shared(network, &[far], &[near, near, near, far, far]));
        assert!(!is_shared(network, &[far], &[near, far, far, far, far]));
    }
}
