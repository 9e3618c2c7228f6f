//! Reach: who can get to this relay, and making it more.
//!
//! A task asks the router for an open port and STUN servers for a look from outside, says what came of it as a
//! [`Forecast`], and adds the outer addresses to every answer that peers get. Everything that it waits for is
//! bounded in time; nothing leaves the machine while the relay listens on loopback only. At the end it closes the
//! port again.

mod forecast;
pub(crate) mod igd;
mod mapping;
mod network;
mod pcp;
mod probe;
mod stun;
mod turn;
mod upnp;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::time::Duration;

use footlight_protocol::RoomId;
use footlight_protocol::reach::Forecast;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::rtc::{Command, External};
use forecast::{Facts, Mapping, Outside, forecast};
use mapping::{Asked, Open};

pub(crate) use forecast::seats;
pub(crate) use stun::Transaction;
pub(crate) use turn::credentials;

/// Requests for a new look that wait for one. Full ⇒ the next is told that the relay is busy.
pub(crate) const ASKS: usize = 8;
/// How often the machine's addresses are compared with those of the last look: another Wi-Fi is another router.
const ADDRESSES: Duration = Duration::from_secs(15);
/// How long a STUN mapping that nothing else keeps open is relied on: routers forget them after 30 s at the
/// earliest (RFC 4787 asks for 2 minutes).
const KEEP: Duration = Duration::from_secs(25);
/// The way round through the router and back.
const ROUND: Duration = Duration::from_millis(1500);
/// What closing the port may take at the end.
const GOODBYE: Duration = Duration::from_millis(900);

/// How far to go. By default nothing outside this machine is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Asks the router to open the relay's port (UPnP, PCP, NAT-PMP) while it listens on more than loopback.
    pub map_port: bool,
    /// STUN servers, `HOST:PORT`. Two tell what kind of router is in front.
    pub stun: Vec<String>,
    /// What the line carries upstream. `None` takes the router's word where it says so.
    pub uplink_kbit: Option<u32>,
}

/// What the task starts with.
pub(crate) struct Setup {
    pub(crate) settings: Settings,
    pub(crate) room: RoomId,
    pub(crate) listen: SocketAddr,
    /// Whether its pages are HTTPS.
    pub(crate) secure: bool,
    pub(crate) advertised: Vec<IpAddr>,
    pub(crate) media: mpsc::Sender<Command>,
    /// Hears the outer addresses.
    pub(crate) externals: watch::Sender<Vec<External>>,
}

/// How the rest of the relay asks.
#[derive(Clone)]
pub(crate) struct Reach {
    newest: watch::Receiver<Option<Forecast>>,
    asks: mpsc::Sender<oneshot::Sender<Forecast>>,
}

impl Reach {
    /// The newest forecast; waits for the first. `None` when the relay ends.
    pub(crate) async fn newest(&self) -> Option<Forecast> {
        self.newest.clone().wait_for(Option::is_some).await.ok()?.clone()
    }

    /// Has everything looked at again. `None` when the relay ends or too many wait already.
    pub(crate) async fn look_again(&self) -> Option<Forecast> {
        let (reply, answer) = oneshot::channel();
        self.asks.try_send(reply).ok()?;
        answer.await.ok()
    }
}

/// The task. [`Task::run`] does the work.
pub(crate) struct Task {
    setup: Setup,
    newest: watch::Sender<Option<Forecast>>,
    asks: mpsc::Receiver<oneshot::Sender<Forecast>>,
    open: Option<Open>,
    /// The addresses of the last look.
    own: Vec<IpAddr>,
}

pub(crate) fn new(setup: Setup) -> (Reach, Task) {
    let (newest_sender, newest) = watch::channel(None);
    let (asks, receiver) = mpsc::channel(ASKS);
    let task = Task { setup, newest: newest_sender, asks: receiver, open: None, own: Vec::new() };
    (Reach { newest, asks }, task)
}

impl Task {
    /// Looks, and looks again whenever asked or something has changed, until cancelled. Then closes the port.
    pub(crate) async fn run(mut self, cancel: CancellationToken) {
        let mut waiting: Vec<oneshot::Sender<Forecast>> = Vec::new();
        loop {
            let (found, keep) = tokio::select! {
                () = cancel.cancelled() => break,
                looked = self.look() => looked,
            };
            for reply in waiting.drain(..) {
                let _ = reply.send(found.clone());
            }
            if self.newest.borrow().as_ref() != Some(&found) {
                tracing::info!(internet = ?found.internet, opened_by = ?found.opened_by, "{}", found.words);
            }
            self.newest.send_replace(Some(found));
            tokio::select! {
                () = cancel.cancelled() => break,
                () = wait(self.setup.listen.ip(), &self.own, keep) => {}
                Some(reply) = self.asks.recv() => {
                    waiting.push(reply);
                    while let Ok(reply) = self.asks.try_recv() {
                        waiting.push(reply);
                    }
                }
            }
        }
        if let Some(open) = self.open.take()
            && tokio::time::timeout(GOODBYE, open.close()).await.is_err()
        {
            tracing::warn!("the router did not close the port in time; its lease ends by itself");
        }
    }

    /// One look at everything, and how long it holds.
    async fn look(&mut self) -> (Forecast, Option<Duration>) {
        let listen = self.setup.listen;
        let own = network::own_addresses(listen.ip());
        if own != self.own {
            // The port was opened for a machine that is no longer there, by a router that may not be either.
            self.open = None;
            self.own = own;
        }
        let settings = &self.setup.settings;
        let asked_outside = async {
            if self.own.is_empty() {
                return Outside::NotAsked;
            }
            probe::outside(&settings.stun, listen.ip(), &self.setup.media).await
        };
        let asked_router = ask_router(settings.map_port, &mut self.open, &self.own, listen.port());
        let ((mapping, uplink_kbit), outside) = tokio::join!(asked_router, asked_outside);
        let confirmed = match mapping {
            Mapping::Open { external, tcp, .. } => leads_back(SocketAddr::new(external, tcp)).await,
            _ => false,
        };
        self.setup.externals.send_if_modified(|known| {
            let found = externals(mapping, outside, &self.own);
            let changed = *known != found;
            *known = found;
            changed
        });
        let facts = Facts {
            room: self.setup.room.clone(),
            listen,
            secure: self.setup.secure,
            own: self.own.clone(),
            advertised: self.setup.advertised.clone(),
            mapping,
            outside,
            confirmed,
            uplink_kbit: self.setup.settings.uplink_kbit.or(uplink_kbit),
        };
        let leased = self.open.as_ref().and_then(Open::renew_after);
        let kept = (mapping == Mapping::NotAsked || self.open.is_none())
            && matches!(outside, Outside::Seen { media, .. } if !self.own.contains(&media.ip()));
        (forecast(&facts), leased.or(kept.then_some(KEEP)))
    }
}

/// Until the look is due again: the lease's half is over, or the machine's addresses have changed.
async fn wait(listen: IpAddr, own: &[IpAddr], keep: Option<Duration>) {
    let due = keep.map(|keep| Instant::now() + keep);
    loop {
        let next = Instant::now() + ADDRESSES;
        tokio::time::sleep_until(due.map_or(next, |due| due.min(next))).await;
        if network::own_addresses(listen) != own || due.is_some_and(|due| Instant::now() >= due) {
            return;
        }
    }
}

/// Renews what is open, or asks for it.
async fn ask_router(
    wanted: bool,
    open: &mut Option<Open>,
    own: &[IpAddr],
    port: u16,
) -> (Mapping, Option<u32>) {
    let private: Vec<_> = own
        .iter()
        .filter_map(|ip| match ip {
            IpAddr::V4(ip) if !network::is_public(IpAddr::V4(*ip)) => Some(*ip),
            _ => None,
        })
        .collect();
    let Some(port) = NonZeroU16::new(port).filter(|_| wanted && !private.is_empty()) else {
        return (Mapping::NotAsked, None);
    };
    if let Some(standing) = open
        && standing.renew().await
    {
        return (standing.mapping(), None);
    }
    let asked: Asked = mapping::ask(port, &private).await;
    *open = asked.open;
    (asked.mapping, asked.uplink_kbit)
}

/// The outer addresses that peers are told.
fn externals(mapping: Mapping, outside: Outside, own: &[IpAddr]) -> Vec<External> {
    match (mapping, outside) {
        (Mapping::Open { external, tcp, udp, .. }, _) => vec![External { ip: external, tcp: Some(tcp), udp }],
        // Somebody may have opened the port by hand, or the router lets everybody in where something went out.
        (_, Outside::Seen { media, steady }) if steady != Some(false) && !own.contains(&media.ip()) => {
            vec![External { ip: media.ip(), tcp: None, udp: Some(media.port()) }]
        }
        _ => Vec::new(),
    }
}

/// Whether the relay answers at this address.
async fn leads_back(address: SocketAddr) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(2048).read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"\r\n\r\nok\n"))
    };
    matches!(tokio::time::timeout(ROUND, asked).await, Ok(Ok(true)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use footlight_protocol::reach::Opener;

    #[test]
    fn peers_are_told_the_outer_addresses_that_may_lead_here() {
        let own = ["192.168.1.7".parse().unwrap()];
        let outer: IpAddr = "5.6.7.8".parse().unwrap();
        let open = Mapping::Open { external: outer, tcp: 1, udp: Some(2), by: Opener::Upnp };
        let seen = |steady| Outside::Seen { media: SocketAddr::new(outer, 3), steady };
        let direct = Outside::Seen { media: SocketAddr::new(own[0], 3), steady: Some(true) };
        for (mapping, outside, told) in [
            (open, Outside::NotAsked, Some((Some(1), Some(2)))),
            (open, seen(Some(false)), Some((Some(1), Some(2)))),
            (Mapping::Silent, seen(Some(true)), Some((None, Some(3)))),
            (Mapping::NotAsked, seen(None), Some((None, Some(3)))),
            (Mapping::Silent, seen(Some(false)), None),
            (Mapping::NotAsked, direct, None),
            (Mapping::Refused, Outside::Silent, None),
        ] {
            let told: Vec<_> = told.into_iter().map(|(tcp, udp)| External { ip: outer, tcp, udp }).collect();
            assert_eq!(externals(mapping, outside, &own), told, "{mapping:?} {outside:?}");
        }
    }
}
