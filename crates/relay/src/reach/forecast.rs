//! From what was found out to who will get in. Pure: the finding out is done elsewhere.

use std::net::{IpAddr, SocketAddr};

use footlight_protocol::RoomId;
use footlight_protocol::reach::{Forecast, Internet, Opener, Reason, words};

use super::network::is_public;

/// Everything that is known about the way from the internet to this relay.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) room: RoomId,
    pub(crate) listen: SocketAddr,
    /// Whether its pages are HTTPS.
    pub(crate) secure: bool,
    /// This machine's addresses that are not loopback, where the relay listens on them.
    pub(crate) own: Vec<IpAddr>,
    /// Addresses that the operator says lead here.
    pub(crate) advertised: Vec<IpAddr>,
    pub(crate) mapping: Mapping,
    pub(crate) outside: Outside,
    /// Whether a request to the outer address came back here.
    pub(crate) confirmed: bool,
    pub(crate) uplink_kbit: Option<u32>,
}

/// What the router said to the wish for an open port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mapping {
    NotAsked,
    Silent,
    Refused,
    Open { external: IpAddr, tcp: u16, udp: Option<u16>, by: Opener },
}

/// How STUN servers see this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outside {
    /// There is none to ask.
    NotAsked,
    /// None answered: UDP does not get out, or not back.
    Silent,
    Seen {
        /// The media socket's address outside.
        media: SocketAddr,
        /// Whether two servers saw one socket under one address; `None` where only one answered.
        steady: Option<bool>,
    },
}

/// Who will get in, and why.
pub(crate) fn forecast(facts: &Facts) -> Forecast {
    let lan = !facts.own.is_empty();
    let (mut internet, mut reasons) = entrance(facts);
    if internet == Internet::Yes {
        let shut = match (facts.mapping, facts.outside) {
            (_, Outside::Silent) => Some(Reason::UdpBlocked),
            (Mapping::Open { udp: None, .. }, _) if reasons.contains(&Reason::PortOpened) => {
                Some(Reason::UdpNotOpened)
            }
            _ => None,
        };
        if let Some(reason) = shut {
            internet = Internet::Tcp;
            reasons.push(reason);
        }
    }
    let opened_by = match facts.mapping {
        Mapping::Open { by, .. } => Some(by),
        _ => None,
    };
    Forecast {
        lan,
        internet,
        words: words(lan, internet, &reasons),
        links: links(facts, internet),
        reasons,
        opened_by,
        confirmed: facts.confirmed,
        uplink_kbit: facts.uplink_kbit,
        seats: None,
    }
}

/// Whether a TCP connection from the internet finds this relay: the page, and everything else where UDP does not
/// get through.
fn entrance(facts: &Facts) -> (Internet, Vec<Reason>) {
    if facts.listen.ip().is_loopback() {
        return (Internet::No, vec![Reason::NotShared]);
    }
    if facts.own.is_empty() {
        return (Internet::No, vec![Reason::NoNetwork]);
    }
    if facts.advertised.iter().any(|ip| is_public(*ip)) {
        return (Internet::Yes, vec![Reason::Advertised]);
    }
    if facts.own.iter().any(|ip| ip.is_ipv4() && is_public(*ip)) {
        return (Internet::Yes, vec![Reason::PublicAddress]);
    }
    let mut reasons = match facts.mapping {
        // A STUN server that sees another address than the router's own one says that there is one more router.
        Mapping::Open { external, .. } if is_public(external) && !contradicts(facts.outside, external) => {
            return (Internet::Yes, vec![Reason::PortOpened]);
        }
        Mapping::Open { .. } => vec![Reason::RouterBehindRouter],
        Mapping::Refused => vec![Reason::RouterRefused],
        Mapping::Silent => vec![Reason::RouterSilent],
        Mapping::NotAsked => vec![Reason::NotAsked],
    };
    if matches!(facts.outside, Outside::Seen { steady: Some(false), .. }) {
        reasons.push(Reason::SymmetricNat);
    }
    if matches!(facts.outside, Outside::Silent) {
        reasons.push(Reason::UdpBlocked);
    }
    if facts.own.iter().any(|ip| ip.is_ipv6() && is_public(*ip)) {
        reasons.push(Reason::Ipv6Only);
        return (Internet::Unknown, reasons);
    }
    // Somebody may have opened the port in the router by hand; nothing here would know.
    let known = facts.mapping != Mapping::NotAsked || reasons.len() > 1;
    (if known { Internet::No } else { Internet::Unknown }, reasons)
}

fn contradicts(outside: Outside, external: IpAddr) -> bool {
    matches!(outside, Outside::Seen { media, .. } if media.is_ipv4() == external.is_ipv4() && media.ip() != external)
}

/// Viewer pages, those for the internet first. An unknown way is no link to give to people.
fn links(facts: &Facts, internet: Internet) -> Vec<String> {
    let port = facts.listen.port();
    let mut addresses: Vec<SocketAddr> = Vec::new();
    if matches!(internet, Internet::Yes | Internet::Tcp) {
        let advertised = facts.advertised.iter().filter(|ip| is_public(**ip));
        addresses.extend(advertised.map(|ip| SocketAddr::new(*ip, port)));
        if let Mapping::Open { external, tcp, .. } = facts.mapping
            && is_public(external)
        {
            addresses.push(SocketAddr::new(external, tcp));
        }
    }
    let mut own = facts.own.clone();
    own.sort_by_key(|ip| (!is_public(*ip), ip.is_ipv6()));
    addresses.extend(own.into_iter().map(|ip| SocketAddr::new(ip, port)));
    let scheme = if facts.secure { "https" } else { "http" };
    addresses.iter().map(|address| format!("{scheme}://{address}/{}", facts.room)).collect()
}

/// Viewers that a line carries. Every tenth kilobit is left for headers, repeated packets and other people in the
/// house.
pub(crate) fn seats(uplink_kbit: u32, stream_kbit: u32) -> Option<u32> {
    let usable = u64::from(uplink_kbit) * 9 / 10;
    u32::try_from(usable.checked_div(u64::from(stream_kbit))?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAN: &str = "192.168.1.7";
    const OUTER: &str = "5.6.7.8";

    fn facts() -> Facts {
        Facts {
            room: RoomId::default(),
            listen: "0.0.0.0:8080".parse().unwrap(),
            secure: false,
            own: vec![LAN.parse().unwrap()],
            advertised: Vec::new(),
            mapping: Mapping::Silent,
            outside: Outside::NotAsked,
            confirmed: false,
            uplink_kbit: None,
        }
    }

    fn open(external: &str, udp: Option<u16>) -> Mapping {
        Mapping::Open { external: external.parse().unwrap(), tcp: 8081, udp, by: Opener::Upnp }
    }

    fn seen(address: &str, steady: Option<bool>) -> Outside {
        Outside::Seen { media: format!("{address}:40000").parse().unwrap(), steady }
    }

    #[test]
    fn each_kind_of_network_gets_its_forecast() {
        use Internet::{No, Tcp, Unknown, Yes};
        use Reason::*;
        let public = || vec![OUTER.parse().unwrap()];
        let both = || vec![LAN.parse().unwrap(), "2a00:1::7".parse().unwrap()];
        let same = seen(OUTER, Some(true));
        let varies = seen(OUTER, Some(false));
        let table: &[(&str, Facts, Internet, &[Reason])] = &[
            (
                "loopback",
                Facts { listen: "127.0.0.1:1".parse().unwrap(), own: vec![], ..facts() },
                No,
                &[NotShared],
            ),
            ("no network", Facts { own: vec![], ..facts() }, No, &[NoNetwork]),
            ("open", Facts { own: public(), outside: same, ..facts() }, Yes, &[PublicAddress]),
            ("open, nobody to ask", Facts { own: public(), ..facts() }, Yes, &[PublicAddress]),
            (
                "open, UDP blocked",
                Facts { own: public(), outside: Outside::Silent, ..facts() },
                Tcp,
                &[PublicAddress, UdpBlocked],
            ),
            ("set by hand", Facts { advertised: public(), ..facts() }, Yes, &[Advertised]),
            (
                "set to an address of the same house",
                Facts { advertised: vec!["10.0.0.1".parse().unwrap()], ..facts() },
                No,
                &[RouterSilent],
            ),
            ("mapped", Facts { mapping: open(OUTER, Some(8081)), ..facts() }, Yes, &[PortOpened]),
            (
                "mapped, seen",
                Facts { mapping: open(OUTER, Some(8081)), outside: same, ..facts() },
                Yes,
                &[PortOpened],
            ),
            (
                "mapped through a symmetric NAT",
                Facts { mapping: open(OUTER, Some(8081)), outside: varies, ..facts() },
                Yes,
                &[PortOpened],
            ),
            (
                "mapped for TCP",
                Facts { mapping: open(OUTER, None), ..facts() },
                Tcp,
                &[PortOpened, UdpNotOpened],
            ),
            (
                "mapped, UDP blocked",
                Facts { mapping: open(OUTER, Some(8081)), outside: Outside::Silent, ..facts() },
                Tcp,
                &[PortOpened, UdpBlocked],
            ),
            (
                "mapped by a router behind the provider's",
                Facts { mapping: open("100.64.3.4", Some(8081)), ..facts() },
                No,
                &[RouterBehindRouter],
            ),
            (
                "mapped at an address that is not the one seen",
                Facts { mapping: open("5.6.7.9", Some(8081)), outside: same, ..facts() },
                No,
                &[RouterBehindRouter],
            ),
            ("refused", Facts { mapping: Mapping::Refused, outside: same, ..facts() }, No, &[RouterRefused]),
            ("symmetric", Facts { outside: varies, ..facts() }, No, &[RouterSilent, SymmetricNat]),
            (
                "closed, no UDP",
                Facts { outside: Outside::Silent, ..facts() },
                No,
                &[RouterSilent, UdpBlocked],
            ),
            (
                "not asked, symmetric",
                Facts { mapping: Mapping::NotAsked, outside: varies, ..facts() },
                No,
                &[NotAsked, SymmetricNat],
            ),
            (
                "not asked",
                Facts { mapping: Mapping::NotAsked, outside: same, ..facts() },
                Unknown,
                &[NotAsked],
            ),
            ("IPv6", Facts { own: both(), ..facts() }, Unknown, &[RouterSilent, Ipv6Only]),
        ];
        for (name, facts, internet, reasons) in table {
            let forecast = forecast(facts);
            assert_eq!((forecast.internet, &forecast.reasons[..]), (*internet, *reasons), "{name}");
            assert_eq!(forecast.lan, !facts.own.is_empty(), "{name}");
            assert!(forecast.words.ends_with('.') && !forecast.words.contains('_'), "{}", forecast.words);
        }
    }

    #[test]
    fn it_is_said_in_words() {
        for (facts, says) in [
            (
                Facts { mapping: Mapping::Refused, ..facts() },
                "Same Wi-Fi only: your router refused to open a port.",
            ),
            (
                Facts { mapping: open(OUTER, Some(1)), ..facts() },
                "Everybody can watch: your router has opened a port.",
            ),
            (
                Facts { listen: "127.0.0.1:1".parse().unwrap(), own: vec![], ..facts() },
                "Only this computer: sharing is switched off.",
            ),
        ] {
            assert_eq!(forecast(&facts).words, says);
        }
    }

    #[test]
    fn links_are_those_that_work_the_farthest_first() {
        let mapped = Facts { mapping: open(OUTER, Some(8081)), ..facts() };
        assert_eq!(forecast(&mapped).links, ["http://5.6.7.8:8081/main", "http://192.168.1.7:8080/main"]);
        let behind = Facts { mapping: open("100.64.3.4", Some(8081)), ..facts() };
        assert_eq!(forecast(&behind).links, ["http://192.168.1.7:8080/main"]);
        let six = Facts { own: vec![LAN.parse().unwrap(), "2a00:1::7".parse().unwrap()], ..facts() };
        assert_eq!(forecast(&six).links[0], "http://[2a00:1::7]:8080/main");
        assert_eq!(forecast(&Facts { secure: true, ..six }).links[0], "https://[2a00:1::7]:8080/main");
    }

    #[test]
    fn seats_are_what_the_line_carries() {
        for (uplink, stream, expected) in [
            (20_000, 2500, Some(7)),
            (2000, 2500, Some(0)),
            (2500, 0, None),
            (u32::MAX, 1, Some(3_865_470_565)),
        ] {
            assert_eq!(seats(uplink, stream), expected);
        }
    }
}
