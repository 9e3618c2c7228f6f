//! How the internet sees this machine: asks STUN servers from the media socket, and from a second one whether two
//! servers see it under the same address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::forecast::Outside;
use super::stun::Transaction;
use crate::rtc::{Command, Probe};
use crate::secret::random;

/// Servers that are asked at most.
const SERVERS: usize = 4;
const RESOLVE: Duration = Duration::from_millis(1500);
/// How long each sending of a question waits for its answer (RFC 8489 section 6.2.1, cut short: silence is an
/// answer here).
const WAITS: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_millis(750),
    Duration::from_millis(750),
];

/// Asks them all at once.
pub(super) async fn outside(servers: &[String], listen: IpAddr, media: &mpsc::Sender<Command>) -> Outside {
    if servers.is_empty() {
        return Outside::NotAsked;
    }
    let servers = resolve(servers, listen).await;
    let (seen, steady) = tokio::join!(ask_from_media(&servers, media), is_steady(&servers, listen));
    match seen {
        Some(media) => Outside::Seen { media, steady },
        None => Outside::Silent,
    }
}

/// One address of each name, IPv4 where there is one: it is IPv4 that routers translate.
async fn resolve(servers: &[String], listen: IpAddr) -> Vec<SocketAddr> {
    let mut resolving = JoinSet::new();
    for (place, server) in servers.iter().take(SERVERS).cloned().enumerate() {
        resolving.spawn(async move {
            let found = tokio::time::timeout(RESOLVE, tokio::net::lookup_host(server.as_str())).await;
            let addresses: Vec<SocketAddr> = found.ok()?.ok()?.collect();
            let first = |fits: fn(&SocketAddr) -> bool| addresses.iter().copied().find(fits);
            let address = first(SocketAddr::is_ipv4).or_else(|| first(SocketAddr::is_ipv6))?;
            Some((place, address))
        });
    }
    let mut found: Vec<(usize, SocketAddr)> = resolving.join_all().await.into_iter().flatten().collect();
    // A socket of one family reaches none of the other, but for the one that listens on all of both.
    let both = listen.is_ipv6() && listen.is_unspecified();
    found.retain(|(_, address)| both || address.is_ipv4() == listen.is_ipv4());
    found.sort_unstable();
    found.into_iter().map(|(_, address)| address).collect()
}

/// The media socket's address as the first server that answers sees it.
async fn ask_from_media(servers: &[SocketAddr], media: &mpsc::Sender<Command>) -> Option<SocketAddr> {
    let mut asking = JoinSet::new();
    for server in servers.iter().copied() {
        let media = media.clone();
        let transaction = Transaction(random().ok()?);
        asking.spawn(async move {
            for wait in WAITS {
                let (reply, answer) = oneshot::channel();
                media.send(Command::Probe(Probe { server, transaction, reply })).await.ok()?;
                if let Ok(Ok(seen)) = tokio::time::timeout(wait, answer).await {
                    return Some(seen);
                }
            }
            None
        });
    }
    let mut seen = None;
    while let (None, Some(asked)) = (seen, asking.join_next().await) {
        seen = asked.ok().flatten();
    }
    asking.shutdown().await;
    seen
}

/// Whether a router keeps one outer address for one socket, whoever it talks to (endpoint-independent mapping,
/// RFC 4787 section 4.1). `None` where fewer than two servers answered.
async fn is_steady(servers: &[SocketAddr], listen: IpAddr) -> Option<bool> {
    let family = |server: &&SocketAddr| server.is_ipv4() == servers[0].is_ipv4();
    let mut open: Vec<(SocketAddr, Transaction)> = Vec::new();
    for server in servers.iter().filter(family) {
        open.push((*server, Transaction(random().ok()?)));
    }
    let ip = match (open.first()?.0, listen) {
        (SocketAddr::V4(_), IpAddr::V4(ip)) => IpAddr::V4(ip),
        (SocketAddr::V4(_), IpAddr::V6(_)) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        (SocketAddr::V6(_), IpAddr::V6(ip)) => IpAddr::V6(ip),
        (SocketAddr::V6(_), IpAddr::V4(_)) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((ip, 0)).await.ok()?;
    let mut seen: Vec<SocketAddr> = Vec::new();
    let mut buffer = [0; 2048];
    for wait in WAITS {
        for (server, transaction) in &open {
            // One that cannot be reached is as good as one that does not answer.
            let _ = socket.send_to(&transaction.request(), server).await;
        }
        let deadline = tokio::time::Instant::now() + wait;
        while !open.is_empty() {
            let Ok(received) = tokio::time::timeout_at(deadline, socket.recv_from(&mut buffer)).await else {
                break;
            };
            // An ICMP answer to one of them.
            let Ok((length, from)) = received else { continue };
            let known = open.iter().position(|(server, _)| *server == from);
            if let Some((place, address)) =
                known.and_then(|place| Some((place, open[place].1.answer(&buffer[..length])?)))
            {
                open.swap_remove(place);
                seen.push(address);
            }
        }
    }
    (seen.len() > 1).then(|| seen.iter().all(|address| *address == seen[0]))
}
