//! Opens the relay's port in the router, keeps it open, and closes it at the end.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::time::Duration;

use footlight_protocol::reach::Opener;

use super::forecast::Mapping;
use super::igd::Transport;
use super::network::gateway;
use super::pcp::{self, Unopened};
use super::upnp::Router;

/// Asked for. Renewed at half its time, so a relay that is killed leaves an open port for an hour at most.
const LEASE: Duration = Duration::from_secs(3600);
/// Other numbers that are tried where the port's own leads to another machine already.
const OTHERS: u16 = 4;

/// What the router opened.
#[derive(Debug)]
pub(super) enum Open {
    Pcp(pcp::Open),
    Upnp {
        router: Router,
        external: IpAddr,
        internal: u16,
        tcp: u16,
        udp: Option<u16>,
        lease: Option<Duration>,
    },
}

/// What asking the router came to.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) open: Option<Open>,
    pub(super) mapping: Mapping,
    /// What the router says of its line.
    pub(super) uplink_kbit: Option<u32>,
}

/// Asks by every protocol at once and opens the port by one: two would undo each other.
pub(super) async fn ask(port: NonZeroU16, own: &[Ipv4Addr]) -> Asked {
    let by_pcp = async {
        match gateway() {
            Some(gateway) => pcp::Open::ask(gateway, port, LEASE).await,
            None => Err(Unopened::Silent),
        }
    };
    let by_upnp = async {
        let router = Router::find(own).await?;
        let (external, uplink) = tokio::join!(router.external_address(), router.uplink_kbit());
        Some((router, external, uplink))
    };
    let (by_pcp, by_upnp) = tokio::join!(by_pcp, by_upnp);
    let uplink_kbit = by_upnp.as_ref().and_then(|(_, _, uplink)| *uplink);
    let open = match (by_pcp, by_upnp) {
        (Ok(open), _) => Ok(Open::Pcp(open)),
        (Err(_), Some((router, external, _))) => {
            upnp(router, external, port.get()).await.ok_or(Unopened::Refused)
        }
        (Err(unopened), None) => Err(unopened),
    };
    match open {
        Ok(open) => Asked { mapping: open.mapping(), open: Some(open), uplink_kbit },
        Err(Unopened::Silent) => Asked { open: None, mapping: Mapping::Silent, uplink_kbit },
        Err(Unopened::Refused) => Asked { open: None, mapping: Mapping::Refused, uplink_kbit },
    }
}

async fn upnp(router: Router, external: Option<IpAddr>, internal: u16) -> Option<Open> {
    let external = external?;
    for tcp in (0..=OTHERS).map(|n| other(internal, n)) {
        match router.open(Transport::Tcp, tcp, internal, LEASE).await {
            Ok(lease) => {
                let udp = router.open(Transport::Udp, tcp, internal, LEASE).await.ok().map(|_| tcp);
                return Some(Open::Upnp { router, external, internal, tcp, udp, lease });
            }
            Err(fault) if fault.is_conflict() => {}
            Err(fault) => {
                tracing::debug!(code = fault.0, "no port by UPnP");
                return None;
            }
        }
    }
    None
}

/// The `n`th number to try: the port's own first, then ones that are far enough not to be a neighbour's guess.
fn other(port: u16, n: u16) -> u16 {
    /// Below are the numbers of well-known programs.
    const LOWEST: u16 = 1024;
    let moved = port.wrapping_add(n.wrapping_mul(1009));
    if n > 0 && moved < LOWEST { moved + LOWEST } else { moved }
}

impl Open {
    pub(super) fn mapping(&self) -> Mapping {
        match self {
            Self::Pcp(open) => Mapping::Open {
                external: open.external(),
                tcp: open.tcp(),
                udp: open.udp(),
                by: if open.is_pcp() { Opener::Pcp } else { Opener::NatPmp },
            },
            Self::Upnp { external, tcp, udp, .. } => {
                Mapping::Open { external: *external, tcp: *tcp, udp: *udp, by: Opener::Upnp }
            }
        }
    }

    /// When to renew it; `None` where it has no end.
    pub(super) fn renew_after(&self) -> Option<Duration> {
        match self {
            Self::Pcp(open) => Some(open.lease() / 2),
            Self::Upnp { lease, .. } => lease.map(|lease| lease / 2),
        }
    }

    /// Whether it still stands, as it was.
    pub(super) async fn renew(&mut self) -> bool {
        match self {
            Self::Pcp(open) => {
                let before = (open.tcp(), open.udp());
                open.renew().await && before == (open.tcp(), open.udp())
            }
            Self::Upnp { router, external, internal, tcp, udp, .. } => {
                let udp = match udp {
                    Some(udp) => router.open(Transport::Udp, *udp, *internal, LEASE).await.is_ok(),
                    None => true,
                };
                let tcp = router.open(Transport::Tcp, *tcp, *internal, LEASE).await.is_ok();
                tcp && udp && router.external_address().await == Some(*external)
            }
        }
    }

    pub(super) async fn close(self) {
        match self {
            Self::Pcp(open) => open.close().await,
            Self::Upnp { router, tcp, udp, .. } => {
                router.close(Transport::Tcp, tcp).await;
                if let Some(udp) = udp {
                    router.close(Transport::Udp, udp).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_numbers_are_usable_and_differ() {
        for port in [1, 1024, 8080, 65_000, 65_535] {
            let tried: Vec<u16> = (0..=OTHERS).map(|n| other(port, n)).collect();
            assert_eq!(tried[0], port);
            assert!(tried[1..].iter().all(|number| *number >= 1024), "{tried:?}");
            let mut distinct = tried.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), tried.len(), "{tried:?}");
        }
    }
}
