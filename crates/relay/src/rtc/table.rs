//! Whose packet it is.

use std::collections::HashMap;
use std::net::SocketAddr;

use str0m::Input;
use str0m::ice::StunMessage;
use str0m::net::{Protocol, Receive};

use super::peer::{Outcome, Peer, Wires};
use crate::clock::Moment;
use crate::ingest::publisher::Delivery;

/// One packet with where it came from and went to.
pub(super) struct Arrived<'a> {
    pub(super) proto: Protocol,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: &'a [u8],
}

/// The parts of the engine that say whose a packet is.
pub(super) struct Table<'a> {
    pub(super) peers: &'a mut Vec<Option<Peer>>,
    pub(super) by_ufrag: &'a HashMap<String, usize>,
    pub(super) by_address: &'a mut HashMap<SocketAddr, usize>,
}

impl Table<'_> {
    /// Gives the packet to its peer. STUN finds it by user name and proves itself by its password, everything
    /// else by the address that STUN has proved.
    pub(super) fn deliver(
        &mut self,
        arrived: &Arrived<'_>,
        now: Moment,
        wires: &mut Wires<'_>,
        packets: &mut Vec<Delivery>,
    ) -> Option<(usize, Outcome)> {
        let contents = arrived.bytes.try_into().ok()?;
        let receive =
            Receive { proto: arrived.proto, source: arrived.from, destination: arrived.to, contents };
        let input = Input::Receive(now.instant, receive);
        let place = if arrived.bytes.first().is_some_and(|first| *first < 2) {
            let message = StunMessage::parse(arrived.bytes).ok()?;
            let (local, _) = message.split_username()?;
            let place = *self.by_ufrag.get(local)?;
            let peer = self.peers.get_mut(place)?.as_mut()?;
            if !peer.rtc.accepts(&input) {
                return None;
            }
            if self.by_address.get(&arrived.from) != Some(&place) {
                let left = peer.admit(arrived.from);
                if let Some(left) = left.filter(|left| self.by_address.get(left) == Some(&place)) {
                    self.by_address.remove(&left);
                }
                self.by_address.insert(arrived.from, place);
            }
            place
        } else {
            *self.by_address.get(&arrived.from)?
        };
        let peer = self.peers.get_mut(place)?.as_mut()?;
        Some((place, peer.drive(input, now, wires, packets)))
    }
}
