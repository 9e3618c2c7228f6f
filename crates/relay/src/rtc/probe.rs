//! Questions that the media socket itself asks of STUN servers: only its own port's mapping tells where viewers'
//! packets have to go.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::sync::oneshot;

use super::udp::Outbound;
use crate::reach::Transaction;

/// A question and who waits for its answer. Sent again, it is the same question.
pub(crate) struct Probe {
    pub(crate) server: SocketAddr,
    pub(crate) transaction: Transaction,
    /// Hears how the server sees the socket.
    pub(crate) reply: oneshot::Sender<SocketAddr>,
}

/// Questions under way at once. Full ⇒ the oldest is given up, which its asker takes for silence.
const UNDER_WAY: usize = 16;

#[derive(Default)]
pub(super) struct Probes(Vec<Probe>);

impl Probes {
    pub(super) fn ask(&mut self, probe: Probe, udp: &mut Outbound) {
        self.0.retain(|waiting| !waiting.reply.is_closed() && waiting.transaction != probe.transaction);
        if self.0.len() >= UNDER_WAY {
            self.0.remove(0);
        }
        let from: IpAddr = match probe.server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        udp.push(SocketAddr::new(from, 0), probe.server, &probe.transaction.request());
        self.0.push(probe);
    }

    /// Whether the datagram was an answer to one of them.
    pub(super) fn take(&mut self, from: SocketAddr, bytes: &[u8]) -> bool {
        let answered = self.0.iter().enumerate().find_map(|(place, probe)| {
            (probe.server == from).then(|| Some((place, probe.transaction.answer(bytes)?))).flatten()
        });
        let Some((place, seen)) = answered else { return false };
        let _ = self.0.swap_remove(place).reply.send(seen);
        true
    }
}
