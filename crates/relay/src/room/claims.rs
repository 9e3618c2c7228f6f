//! Who somebody may be here: names that are somebody's, roles that come by a link, and persons whose tokens are over.

use footlight_protocol::room::{EventKind, Member, Role as Rank, ServerMessage, UnixMillis};
use footlight_protocol::{CloseCode, Code, Failure, UserId};

use super::SeatId;
use super::actor::Actor;
use super::talk::internal;
use crate::clock;
use crate::moderation::banned;
use crate::moderation::normal::skeleton;

impl Actor {
    /// Every session of the person has the name from now on.
    pub(super) fn rename(&mut self, user: &UserId, name: &str, now: UnixMillis) {
        self.seats.rename(user, name, now);
        self.tally.rename(user, name);
        let sessions: Vec<(SeatId, Member)> =
            self.seats.of(user).map(|(id, seat)| (id, seat.member.clone())).collect();
        for (seat, you) in sessions {
            self.seats.tell(seat, &ServerMessage::You { you });
        }
    }

    /// Whether somebody of rank is here who is called so, or nearly so, and would lose their name; the room itself is one.
    pub(super) fn may_claim(&self, user: &UserId, name: &str) -> Result<(), Failure> {
        let wanted = skeleton(name);
        let mut ranked = self.seats.members().filter(|member| member.role >= Rank::Vip && member.id != *user);
        let taken =
            skeleton(self.id.as_str()) == wanted || ranked.any(|member| skeleton(&member.name) == wanted);
        if taken { Err(name_taken()) } else { Ok(()) }
    }

    /// Somebody has an account of that name: guests who are called so have to choose another.
    pub(super) fn claimed(&mut self, user: &UserId, name: &str) {
        let now = clock::now_millis();
        self.rename(user, name, now);
        let wanted = skeleton(name);
        let others: Vec<UserId> = self
            .seats
            .members()
            .filter(|member| {
                member.id != *user && member.role < Rank::Vip && skeleton(&member.name) == wanted
            })
            .map(|member| member.id.clone())
            .collect();
        for other in others {
            self.rename(&other, "", now);
        }
    }

    /// All tokens of the person are no good any more: whoever is here by one has to come again.
    pub(super) fn sign_out(&mut self, user: &UserId) {
        self.seats.close(user, CloseCode::GoingAway);
    }

    /// Somebody becomes what a link offers. Whoever is as much already does not use it up.
    pub(super) async fn invited(&mut self, user: UserId, invite: u64, role: Rank) -> Result<Rank, Failure> {
        if self.sanctions.is_banned(&user) || self.sanctions.is_banned(&self.auth.alias(&user)) {
            return Err(banned());
        }
        let member = self.member(user.clone()).await?;
        if member.role >= role {
            return Ok(member.role);
        }
        let now = clock::now_millis();
        let used = self.store.use_invite(self.id.clone(), invite, user.clone(), now).await;
        if !used.map_err(|error| internal(&error))? {
            return Err(invite_is_over());
        }
        let kind = EventKind::Appointed { user: Member { role, ..member } };
        self.take_effect(&kind);
        // Their own doing: that the owner made the link is in the list of links.
        self.keep_own(Some(user), kind, now);
        Ok(role)
    }
}

/// What those hear whose link is over, and those who made one up.
pub(crate) fn invite_is_over() -> Failure {
    Failure::new(Code::NotFound, "This invitation is not good any more")
}

pub(super) fn name_taken() -> Failure {
    Failure::new(Code::NameTaken, "This name belongs to somebody else")
}
