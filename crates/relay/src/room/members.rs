//! Memberships, and what else somebody asks for with coins.

use footlight_protocol::room::{EventKind, Member, Role as Rank, ServerMessage, UnixMillis};
use footlight_protocol::spend::{BecameMember, Spend};
use footlight_protocol::{Code, Failure, Nonce, UserId};

use super::SeatId;
use super::actor::Actor;
use super::gifts::Order;
use super::talk::named;
use crate::clock;
use crate::gift::ledger::{Kind, What};
use crate::gift::membership::Term;
use crate::moderation::may_talk;

impl Actor {
    pub(super) fn spend(&mut self, seat: SeatId, me: Member, nonce: Nonce, what: Spend) {
        if self.repeated(seat, &me.id, &nonce) {
            return;
        }
        match what {
            Spend::Packet { coins, takers, seconds } => {
                self.put_packet(seat, me, nonce, (coins, takers, seconds));
            }
            Spend::Draw { packet } => self.draw(seat, me, nonce, packet),
            Spend::Say { text, coins } => self.say_paid(seat, me, nonce, &text, coins),
            Spend::Member {} => self.become_member(seat, me, nonce),
        }
    }

    fn become_member(&mut self, seat: SeatId, me: Member, nonce: Nonce) {
        let now = clock::now_millis();
        let price = self.terms.membership;
        let no = |code, why: &str| Err((Failure::new(code, why), None));
        let offered = match (me.role, price) {
            (Rank::Owner, _) => no(Code::Forbidden, "The owner needs no membership"),
            (_, 0) => no(Code::NotFound, "The room has no memberships"),
            _ => Ok(()),
        };
        let allowed = may_talk(&self.sanctions, &me.id, now)
            .and(named(&me))
            .and(offered)
            .and_then(|()| self.gift_pace(&me.id, now));
        if let Err((failure, after)) = allowed {
            return self.refuse(seat, Some(nonce), failure, after);
        }
        let coins = u64::from(price);
        let person = (self.auth.purse(&me.id), me.id.clone());
        let what = What::paid(Kind::Membership, person.0.clone(), coins);
        let by = Member { badges: self.badges_after(&me.id, coins, now), ..me };
        let kind = EventKind::BecameMember(BecameMember { by, coins, months: 0, entry: 0 });
        let by = person.clone();
        self.book(Order { seat, by, person, nonce, known_as: None, what, kind, at: now });
    }

    /// The books have decided about somebody's membership.
    pub(super) fn has_term(&mut self, user: &UserId, term: Term, now: UnixMillis) {
        if let Some(earned) = self.earned.get_mut(user) {
            earned.term = Some(term);
            self.show_badges(user, now);
            self.seats.tell_user(user, &ServerMessage::Membership { until: self.member_until(user, now) });
        }
    }

    /// Whether somebody who is here is a paying member of the room.
    pub(super) fn is_member(&self, user: &UserId, now: UnixMillis) -> bool {
        self.member_until(user, now).is_some()
    }

    /// Until when somebody who is here has paid, where they are a member now.
    pub(super) fn member_until(&self, user: &UserId, now: UnixMillis) -> Option<UnixMillis> {
        let term = self.earned.get(user)?.term.filter(|term| term.holds(now))?;
        Some(term.until)
    }

    /// Once a second: memberships end, and their next month begins.
    pub(super) fn tick_members(&mut self, now: UnixMillis) {
        let changed = |(user, earned): (&UserId, &crate::store::given::Earned)| {
            let term = earned.term?;
            let shown = self.seats.of(user).next().map(|(_, seat)| seat.member.badges.months)?;
            (shown != term.months(now)).then(|| user.clone())
        };
        let changed: Vec<UserId> = self.earned.iter().filter_map(changed).collect();
        for user in changed {
            self.show_badges(&user, now);
            if !self.is_member(&user, now) {
                self.seats.tell_user(&user, &ServerMessage::Membership { until: None });
            }
        }
    }
}
