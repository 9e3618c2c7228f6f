//! What stands beside the names of those who are here: what they have earned by giving. Read when somebody comes, and
//! kept up to date by what the books answer, so that no message asks the database.

use footlight_protocol::UserId;
use footlight_protocol::room::{Badges, Member, ServerMessage, UnixMillis};

use super::SeatId;
use super::actor::Actor;
use crate::clock;
use crate::store::given::Earned;

impl Earned {
    pub(super) fn badges(&self, now: UnixMillis) -> Badges {
        let months = self.term.map_or(0, |term| term.months(now));
        Badges { given: Badges::level(self.given), months }
    }
}

impl Actor {
    /// Somebody comes, of whom the store says this. It may be older than what is known of their other sessions.
    pub(super) fn comes(&mut self, member: Member, read: Earned) -> Member {
        let earned = self.earned.entry(member.id.clone()).or_insert(read);
        Member { badges: earned.badges(clock::now_millis()), ..member }
    }

    /// The person's last session is over.
    pub(super) fn goes(&mut self, user: &UserId) {
        if self.seats.of(user).next().is_none() {
            self.earned.remove(user);
        }
    }

    /// So it stands in the books, behind all that was answered before.
    pub(super) fn has_earned(&mut self, user: &UserId, read: Earned) {
        if let Some(earned) = self.earned.get_mut(user) {
            *earned = read;
            self.show_badges(user, clock::now_millis());
        }
    }

    /// The books took so many coins of the person for the creator, or gave them back.
    pub(super) fn gave(&mut self, user: &UserId, coins: i64, now: UnixMillis) {
        if let Some(earned) = self.earned.get_mut(user) {
            earned.given = earned.given.saturating_add_signed(coins);
            self.show_badges(user, now);
        }
    }

    /// As they are once the person has given so many coins more.
    pub(super) fn badges_after(&self, user: &UserId, coins: u64, now: UnixMillis) -> Badges {
        let earned = self.earned.get(user).copied().unwrap_or_default();
        Earned { given: earned.given.saturating_add(coins), ..earned }.badges(now)
    }

    pub(super) fn show_badges(&mut self, user: &UserId, now: UnixMillis) {
        let Some(badges) = self.earned.get(user).map(|earned| earned.badges(now)) else { return };
        if !self.seats.badge(user, badges) {
            return;
        }
        let sessions: Vec<(SeatId, Member)> =
            self.seats.of(user).map(|(id, seat)| (id, seat.member.clone())).collect();
        for (seat, you) in sessions {
            self.seats.tell(seat, &ServerMessage::You { you });
        }
    }
}
