//! Bans of a whole network: whom they meet, and whom they must not.

use std::collections::HashSet;
use std::net::IpAddr;

use footlight_protocol::room::{Member, Role as Rank};
use footlight_protocol::{CloseCode, Code, Failure, UserId};

use super::SeatId;
use super::actor::Actor;
use super::talk::internal;
use crate::moderation::network::{Network, is_shared};

impl Actor {
    /// Whether nobody may come in from the address but those whom somebody here knows.
    pub(super) fn bars_network(&self, user: Option<&UserId>, address: IpAddr) -> bool {
        self.sanctions.bans_networks()
            && !user.is_some_and(|user| self.guard.vouches_for(user))
            && self.sanctions.is_network_banned(&self.auth.network(Network::of(address)))
    }

    /// Bans the networks that somebody is in, or was last; on disk before anything is said of it.
    pub(super) async fn ban_networks(&mut self, user: &Member) -> Result<(), Failure> {
        let mut addresses: HashSet<IpAddr> = self.seats.of(&user.id).map(|(_, seat)| seat.address).collect();
        addresses.extend(self.watched_from(&user.id));
        if addresses.is_empty() {
            addresses.extend(self.sanctions.last_seen(&user.id));
        }
        let networks: HashSet<Network> = addresses.into_iter().map(Network::of).collect();
        if networks.is_empty() {
            return Err(Failure::new(Code::NotFound, "Where this person was is not known any more"));
        }
        let others = || self.seats.all().filter(|(_, seat)| seat.member.id != user.id);
        let moderate = others().filter(|(_, seat)| seat.member.role >= Rank::Moderator);
        let moderators: Vec<IpAddr> = moderate.map(|(_, seat)| seat.address).collect();
        let here: Vec<IpAddr> = others().map(|(_, seat)| seat.address).collect();
        if networks.iter().any(|network| is_shared(*network, &moderators, &here)) {
            let text = "Others who are here share this network, or everybody does; ban the person alone";
            return Err(Failure::new(Code::NetworkShared, text));
        }
        let names: Vec<String> = networks.into_iter().map(|network| self.auth.network(network)).collect();
        let kept = self.store.ban_networks(self.id.clone(), user.id.clone(), names.clone()).await;
        kept.map_err(|error| internal(&error))?;
        names.into_iter().for_each(|name| self.sanctions.ban_network(name, user.id.clone()));
        Ok(())
    }

    /// Where the person's media goes to.
    fn watched_from(&self, user: &UserId) -> Vec<IpAddr> {
        let theirs = self.watching(|owner, _| owner == Some(user));
        let media = theirs.iter().filter_map(|session| self.media.get(session)).map(|media| media.address);
        media
            .chain(self.places.addresses().filter(|(owner, _)| *owner == Some(user)).map(|(_, at)| at))
            .collect()
    }

    /// Ends what is open from banned networks, on every protocol.
    pub(super) fn cut_off_networks(&mut self) {
        let theirs = |user: Option<&UserId>, address: IpAddr| self.bars_network(user, address);
        let seats: Vec<SeatId> = self
            .seats
            .all()
            .filter(|(_, seat)| seat.member.role < Rank::Owner && theirs(Some(&seat.member.id), seat.address))
            .map(|(id, _)| id)
            .collect();
        self.places.cut_off(theirs);
        let media = self.watching(theirs);
        self.seats.close_some(&seats, CloseCode::Banned);
        self.close_media(media);
    }
}
