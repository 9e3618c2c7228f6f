//! This machine's addresses and router, and what an address says of who can reach it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether the internet can route to it.
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            !(ip.is_unspecified()
                || ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_documentation()
                || ip.is_broadcast()
                || is_shared(ip)
                || a == 0
                || a >= 224
                || (a, b, c) == (192, 0, 0)
                // Benchmarks, RFC 2544.
                || (a == 198 && (b & 0xfe) == 18))
        }
        // Global unicast (RFC 4291 section 2.4) without documentation (RFC 3849).
        IpAddr::V6(ip) => ip.segments()[0] & 0xe000 == 0x2000 && ip.segments()[..2] != [0x2001, 0x0db8],
    }
}

/// Whether it is one that a provider shares among its customers (carrier-grade NAT, RFC 6598).
pub(crate) fn is_shared(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    a == 100 && (b & 0xc0) == 64
}

/// Addresses under which other machines of the local network may know this one, IPv4 first.
pub(crate) fn own_addresses(listen: IpAddr) -> Vec<IpAddr> {
    if !listen.is_unspecified() {
        return if listen.is_loopback() { Vec::new() } else { vec![listen] };
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut own: Vec<IpAddr> = interfaces.iter().map(if_addrs::Interface::ip).collect();
    own.retain(|ip| match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => listen.is_ipv6() && !ip.is_loopback() && !is_link_local(*ip) && !ip.is_multicast(),
    });
    own.sort_by_key(IpAddr::is_ipv6);
    own
}

fn is_link_local(ip: Ipv6Addr) -> bool {
    ip.segments()[0] & 0xffc0 == 0xfe80
}

/// The router that packets to the internet go through. Where the system does not say it in a file, it is taken
/// to have the first address of the network, as nearly all of them have: a wrong guess costs a timeout.
pub(crate) fn gateway() -> Option<Ipv4Addr> {
    let routes = std::fs::read_to_string("/proc/net/route").ok();
    routes.as_deref().and_then(default_route).or_else(|| routes.is_none().then(first_address).flatten())
}

/// Reads Linux's table of IPv4 routes: addresses are hexadecimal, as they lie in memory.
fn default_route(table: &str) -> Option<Ipv4Addr> {
    let route = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, destination, gateway, _, _, _, metric, mask, ..] = fields[..] else { return None };
        let gateway = u32::from_str_radix(gateway, 16).ok().filter(|gateway| *gateway != 0)?;
        let default = destination == "00000000" && mask == "00000000";
        default.then_some((metric.parse::<u32>().ok()?, Ipv4Addr::from(gateway.to_ne_bytes())))
    };
    table.lines().skip(1).filter_map(route).min().map(|(_, gateway)| gateway)
}

fn first_address() -> Option<Ipv4Addr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces.iter().find_map(|interface| match &interface.addr {
        if_addrs::IfAddr::V4(v4) if v4.ip.is_private() => {
            Some(Ipv4Addr::from((u32::from(v4.ip) & u32::from(v4.netmask)) + 1))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_known_by_their_ranges() {
        for (ip, public) in [
            ("8.8.8.8", true),
            ("100.63.255.255", true),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("100.128.0.1", true),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.2", false),
            ("169.254.1.1", false),
            ("127.0.0.1", false),
            ("198.18.0.1", false),
            ("203.0.113.1", false),
            ("224.0.0.251", false),
            ("0.0.0.0", false),
            ("2a00:1450::1", true),
            ("::ffff:10.0.0.1", false),
            ("2001:db8::1", false),
            ("fd00::1", false),
            ("fe80::1", false),
            ("::1", false),
        ] {
            assert_eq!(is_public(ip.parse().unwrap()), public, "{ip}");
        }
    }

    #[test]
    fn the_default_route_with_the_lowest_metric_is_the_router() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                     wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
                     eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
                     eth0\t0000000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n";
        // The table's numbers are in the machine's order.
        if cfg!(target_endian = "little") {
            assert_eq!(default_route(table), Some(Ipv4Addr::new(10, 0, 0, 1)));
        }
        for broken in ["", "Iface", "a\nb c d", "h\neth0 00000000 xyz 0 0 0 0 00000000"] {
            assert_eq!(default_route(broken), None);
        }
    }
}
