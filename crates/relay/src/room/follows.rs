//! Who follows the room: how many in all, and of those who are here, since when. The store has the rest.

use std::collections::HashMap;
use std::net::IpAddr;

use footlight_protocol::room::{Member, ServerMessage, UnixMillis};
use footlight_protocol::{Code, Failure, Nonce, UserId};

use super::SeatId;
use super::actor::{Actor, Written};
use super::talk::internal;
use crate::chat::pace::{Pace, Rate};
use crate::clock;
use crate::error::Error;
use crate::moderation::banned;
use crate::moderation::network::Network;

/// Of changes by one network: who makes themselves new again and again does not fill the table.
const BY_NETWORK: Rate = Rate { most: 60, window: 60_000 };
/// New followers that moderators are told of within a second. More ⇒ they are in the number only.
const NEWS: u32 = 5;

/// One of those who are here.
#[derive(Debug)]
struct Known {
    /// As it was asked for last, written or not.
    since: Option<UnixMillis>,
    /// Changes that are on their way into the store.
    writing: usize,
    pace: Pace,
    /// Moderators have heard of it: who goes back and forth is news once.
    told: bool,
}

/// Since when somebody followed before, and does from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    before: Option<UnixMillis>,
    since: Option<UnixMillis>,
}

/// A change on its way into the store.
#[derive(Debug)]
pub(super) struct Asked {
    seat: SeatId,
    nonce: Nonce,
    me: Member,
    change: Change,
}

/// The room's followers.
#[derive(Debug)]
pub(super) struct Follows {
    count: u64,
    told: u64,
    /// Those who are here, and those who went a moment ago: what they asked for last may not be in the store yet.
    known: HashMap<UserId, Known>,
    networks: HashMap<Network, Pace>,
    /// How many moderators have been told of within this second.
    news: u32,
}

impl Follows {
    pub(super) fn new(count: u64) -> Self {
        Self { count, told: count, known: HashMap::new(), networks: HashMap::new(), news: 0 }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The number to tell; it counts as told.
    pub(super) fn tell(&mut self) -> u64 {
        self.told = self.count;
        self.count
    }

    /// Since when somebody who is here follows the room.
    pub(super) fn since(&self, user: &UserId) -> Option<UnixMillis> {
        self.known.get(user).and_then(|known| known.since)
    }

    /// Somebody comes. What the room knows already is newer than what was read for them.
    pub(super) fn come(&mut self, user: &UserId, since: Option<UnixMillis>) {
        let known = || Known { since, writing: 0, pace: Pace::new(Rate::FOLLOWS), told: since.is_some() };
        self.known.entry(user.clone()).or_insert_with(known);
    }

    /// Somebody wants to follow, or not to. Gives what is to be written, none where it is so already.
    fn ask(
        &mut self,
        user: &UserId,
        address: IpAddr,
        on: bool,
        now: UnixMillis,
    ) -> Result<Option<Change>, (Failure, Option<u32>)> {
        // Their pages are closed, they only do not know it yet.
        let gone = || (Failure::new(Code::NotFound, "You are gone"), None);
        let known = self.known.get_mut(user).ok_or_else(gone)?;
        if known.since.is_some() == on && known.writing == 0 {
            return Ok(None);
        }
        let too_fast =
            |after| (Failure::new(Code::TooFast, "Not so fast; try again in a moment"), Some(after));
        known.pace.take(now).map_err(too_fast)?;
        // On the loopback interface everybody has the same address.
        if !address.is_loopback() {
            let pace = self.networks.entry(Network::of(address)).or_insert_with(|| Pace::new(BY_NETWORK));
            pace.take(now).map_err(too_fast)?;
        }
        let before = known.since;
        known.since = on.then(|| before.unwrap_or(now));
        known.writing += 1;
        Ok(Some(Change { before, since: known.since }))
    }

    /// It is written, or is not.
    fn written(&mut self, asked: &Asked, changed: &Result<bool, Error>) {
        if let Some(known) = self.known.get_mut(&asked.me.id) {
            known.writing = known.writing.saturating_sub(1);
            if changed.is_err() {
                known.since = asked.change.before;
            }
        }
        if matches!(changed, Ok(true)) {
            let count =
                if asked.change.since.is_some() { self.count + 1 } else { self.count.saturating_sub(1) };
            self.count = count;
        }
    }

    /// Whether moderators are to hear of a new follower; it counts as told.
    fn is_news(&mut self, user: &UserId) -> bool {
        let fresh = self.known.get_mut(user).filter(|known| !known.told);
        match fresh {
            Some(known) if self.news < NEWS => {
                self.news += 1;
                known.told = true;
                true
            }
            _ => false,
        }
    }

    /// Somebody is erased; so many follow the room without them.
    fn erase(&mut self, user: &UserId, left: u64) {
        self.known.remove(user);
        self.count = left;
    }

    /// Another second: forgets those who are gone and what nobody has to wait for any more.
    fn tick(&mut self, is_here: impl Fn(&UserId) -> bool, now: UnixMillis) {
        self.news = 0;
        self.known.retain(|user, known| is_here(user) || known.writing > 0 || !known.pace.idle(now));
        self.networks.retain(|_, pace| !pace.idle(now));
    }
}

impl Actor {
    /// A member follows the room, or does not any more.
    pub(super) fn ask_to_follow(&mut self, seat: SeatId, me: Member, nonce: Nonce, on: bool) {
        let Some(address) = self.seats.get(seat).map(|seat| seat.address) else { return };
        if self.sanctions.is_banned(&me.id) {
            return self.refuse(seat, Some(nonce), banned(), None);
        }
        match self.follows.ask(&me.id, address, on, clock::now_millis()) {
            Ok(Some(change)) => {
                let (store, room, user) = (self.store.clone(), self.id.clone(), me.id.clone());
                let asked = Box::new(Asked { seat, nonce, me, change });
                self.writes.push_back(Box::pin(async move {
                    Written::Follow(asked, store.follow(room, user, change.since).await)
                }));
            }
            Ok(None) => self.seats.tell(seat, &ServerMessage::Done { nonce, seq: self.history.seq() }),
            Err((failure, after)) => self.refuse(seat, Some(nonce), failure, after),
        }
    }

    /// A change is written, or is not. Everybody hears the number with the room's state, at the next tick.
    pub(super) fn followed(&mut self, asked: Asked, changed: Result<bool, Error>) {
        self.follows.written(&asked, &changed);
        let Asked { seat, nonce, me, change: Change { since, .. } } = asked;
        let changed = match changed {
            Ok(changed) => changed,
            Err(error) => return self.refuse(seat, Some(nonce), internal(&error), None),
        };
        self.seats.tell_user(&me.id, &ServerMessage::Following { on: since.is_some() });
        self.seats.tell(seat, &ServerMessage::Done { nonce, seq: self.history.seq() });
        if changed && since.is_some() && !me.name.is_empty() && self.follows.is_news(&me.id) {
            let mut by = me;
            if self.terms.hidden {
                by.badges.given = 0;
            }
            let followers = self.follows.count();
            self.seats.tell_moderators(&ServerMessage::Followed { by, followers });
        }
    }

    pub(super) fn tick_follows(&mut self, now: UnixMillis) {
        let seats = &self.seats;
        self.follows.tick(|user| seats.of(user).next().is_some(), now);
        if self.follows.count != self.follows.told {
            self.tell_room();
        }
    }

    /// Somebody was erased in the database, whether they were here or not.
    pub(super) async fn recount_followers(&mut self, user: &UserId) {
        match self.store.followers(self.id.clone()).await {
            Ok(left) => self.follows.erase(user, left),
            Err(error) => {
                self.follows.erase(user, self.follows.count);
                tracing::error!(%error, "followers could not be counted");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn user(id: &str) -> UserId {
        id.parse().unwrap()
    }

    fn asked(id: &str, change: Change) -> Asked {
        let me = Member::new(user(id), id.to_owned(), Default::default());
        let seat = serde_json::from_str("1").unwrap();
        Asked { seat, nonce: "nonce".parse().unwrap(), me, change }
    }

    #[test]
    fn what_is_so_already_is_not_written_and_a_change_of_mind_is() {
        let mut follows = Follows::new(7);
        let ann = user("ann");
        follows.come(&ann, None);
        assert_eq!(follows.ask(&ann, HERE, false, 1_000).unwrap(), None);
        let first = follows.ask(&ann, HERE, true, 1_000).unwrap().unwrap();
        assert_eq!(first, Change { before: None, since: Some(1_000) });
        // Nobody knows yet whether it will be written, so it is asked for again.
        let again = Change { before: Some(1_000), since: Some(1_000) };
        assert_eq!(follows.ask(&ann, HERE, true, 2_000).unwrap(), Some(again));
        follows.written(&asked("ann", first), &Ok(true));
        follows.written(&asked("ann", again), &Ok(false));
        assert_eq!((follows.count(), follows.since(&ann)), (8, Some(1_000)));
        assert_eq!(follows.ask(&ann, HERE, true, 3_000).unwrap(), None);
        // A second page of hers, read before that was written.
        follows.come(&ann, None);
        assert_eq!(follows.since(&ann), Some(1_000));
        let back = follows.ask(&ann, HERE, false, 3_000).unwrap().unwrap();
        let failed = Err(Error::System { what: "a disk" });
        follows.written(&asked("ann", back), &failed);
        assert_eq!((follows.count(), follows.since(&ann)), (8, Some(1_000)), "it was not written");
    }

    #[test]
    fn changes_are_paced_by_person_and_network_and_told_a_few_a_second() {
        let mut follows = Follows::new(0);
        for n in 0..70 {
            follows.come(&user(&format!("u{n}")), None);
        }
        let ann = user("u0");
        for n in 0..Rate::FOLLOWS.most {
            assert!(follows.ask(&ann, HERE, n % 2 == 0, 1_000).is_ok());
        }
        let (failure, after) = follows.ask(&ann, HERE, true, 2_000).unwrap_err();
        assert_eq!((failure.code, after), (Code::TooFast, Some(59_000)));
        let mut taken = 0;
        for n in 1..70 {
            taken += usize::from(follows.ask(&user(&format!("u{n}")), HERE, true, 2_000).is_ok());
        }
        assert_eq!(taken, BY_NETWORK.most - Rate::FOLLOWS.most);
        let mut told = || (1..=8).filter(|n| follows.is_news(&user(&format!("u{n}")))).count();
        assert_eq!((told(), told()), (5, 0));
        follows.tick(|_| true, 2_500);
        let mut told = || (1..=8).filter(|n| follows.is_news(&user(&format!("u{n}")))).count();
        assert_eq!(told(), 3, "nobody is told of twice");
        follows.tick(|_| false, 100_000);
        assert!(follows.networks.is_empty() && follows.known.values().all(|known| known.writing > 0));
    }
}
