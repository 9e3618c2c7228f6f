//! Messages that are paid for, and stand above the chat for a while. They pass what any message passes, and before a coin
//! moves: what a moderator would have to look at first is not said.

use footlight_protocol::room::{Event, EventKind, MAX_TEXT, Member, ServerMessage, UnixMillis};
use footlight_protocol::spend::{MAX_PAID, Paid, Standing, TIERS, tier};
use footlight_protocol::{Code, Failure, MessageId, Nonce, Seq, UserId};

use super::SeatId;
use super::actor::Actor;
use super::gifts::Order;
use super::talk::{named, text_failure};
use crate::chat::outbox::Weight;
use crate::chat::text::clean;
use crate::clock;
use crate::gift::ledger::{Kind, What};
use crate::moderation::{Sanctions, may_talk};

/// Messages that stand above the chat at once. Full ⇒ the next one has to wait.
const MOST: usize = 30;

struct Up {
    standing: Standing,
    /// It was taken down, and may be put up again.
    down: bool,
}

/// What stands above the chat, oldest first.
#[derive(Default)]
pub(super) struct Strip(Vec<Up>);

impl Strip {
    /// As it was when the relay last stopped.
    pub(super) fn new(past: Vec<(Event, bool)>) -> Self {
        let up = past.into_iter().filter_map(|(event, down)| match event.kind {
            EventKind::Paid(paid) => {
                Some(Up { standing: Standing { id: MessageId(event.seq.0), paid }, down })
            }
            _ => None,
        });
        Self(up.collect())
    }

    /// What an event does to it; says whether it did anything.
    fn follow(&mut self, event: &Event) -> bool {
        let mut set = |message: MessageId, down: bool| {
            let found = self.0.iter_mut().find(|up| up.standing.id == message);
            found.is_some_and(|up| std::mem::replace(&mut up.down, down) != down)
        };
        match &event.kind {
            EventKind::Paid(paid) => {
                let standing = Standing { id: MessageId(event.seq.0), paid: paid.clone() };
                self.0.push(Up { standing, down: false });
                true
            }
            EventKind::Deleted { message } => set(*message, true),
            EventKind::Restored { message, .. } => set(*message, false),
            EventKind::Swept { messages, .. } => {
                messages.iter().filter(|message| set(**message, true)).count() > 0
            }
            EventKind::Unswept { messages, .. } => {
                messages.iter().filter(|former| set(former.message, false)).count() > 0
            }
            EventKind::Refunded { gift, .. } => self.drop_where(|up| up.standing.id.0 == gift.0),
            EventKind::Banned { user, .. } | EventKind::Pardoned { user } => {
                self.0.iter().any(|up| up.standing.paid.by.id == user.id)
            }
            _ => false,
        }
    }

    fn drop_where(&mut self, gone: impl Fn(&Up) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|up| !gone(up));
        self.0.len() != before
    }

    fn shown(&self, sanctions: &Sanctions, now: UnixMillis) -> Vec<Standing> {
        let is_shown = |up: &&Up| {
            !up.down && up.standing.paid.until > now && !sanctions.is_banned(&up.standing.paid.by.id)
        };
        self.0.iter().filter(is_shown).map(|up| up.standing.clone()).collect()
    }
}

impl Actor {
    pub(super) fn say_paid(&mut self, seat: SeatId, me: Member, nonce: Nonce, text: &str, coins: u64) {
        let now = clock::now_millis();
        let text = may_talk(&self.sanctions, &me.id, now)
            .and(named(&me))
            .and_then(|()| clean(text, MAX_TEXT).map_err(|code| (text_failure(code), None)))
            .and_then(|text| self.has_room(coins, now).map(|()| text))
            .and_then(|text| self.pace(&me.id, now).map(|()| text))
            .and_then(|text| self.passes(seat, &me, &text, now).map(|()| text));
        let text = match text {
            Ok(text) => text,
            Err((failure, after)) => return self.refuse(seat, Some(nonce), failure, after),
        };
        let person = (self.auth.purse(&me.id), me.id.clone());
        let what = What::paid(Kind::Pinned, person.0.clone(), coins);
        let until = now + u64::from(TIERS[tier(coins) - 1].1) * 1_000;
        let by = Member { badges: self.badges_after(&me.id, coins, now), ..me };
        let paid = Paid { by, text, coins, until, entry: 0, nonce: Some(nonce.clone()) };
        let (by, kind) = (person.clone(), EventKind::Paid(paid));
        self.book(Order { seat, by, person, nonce, known_as: None, what, kind, at: now });
    }

    fn has_room(&self, coins: u64, now: UnixMillis) -> Result<(), (Failure, Option<u32>)> {
        if tier(coins) == 0 || coins > MAX_PAID {
            let text = format!("A paid message costs {} to {MAX_PAID} coins", TIERS[0].0);
            return Err((Failure::new(Code::Malformed, text), None));
        }
        let standing = self.strip.shown(&self.sanctions, now);
        if standing.len() < MOST {
            return Ok(());
        }
        let first = standing.iter().map(|one| one.paid.until).min().unwrap_or(now);
        let failure = Failure::new(Code::TooMany, "There are as many paid messages as there is room for");
        Err((failure, Some(u32::try_from(first.saturating_sub(now)).unwrap_or(u32::MAX))))
    }

    /// What an event means for what stands above the chat.
    pub(super) fn strip_follows(&mut self, event: &Event) {
        if self.strip.follow(event) {
            self.show_strip(event.at);
        }
    }

    /// Once a second: what had its time goes.
    pub(super) fn tick_strip(&mut self, now: UnixMillis) {
        if self.strip.drop_where(|up| up.standing.paid.until <= now) {
            self.show_strip(now);
        }
    }

    pub(super) fn erase_from_strip(&mut self, user: &UserId, now: UnixMillis) {
        if self.strip.drop_where(|up| up.standing.paid.by.id == *user) {
            self.show_strip(now);
        }
    }

    pub(super) fn show_strip(&mut self, now: UnixMillis) {
        let strip = self.strip.shown(&self.sanctions, now);
        if !self.terms.hidden {
            return self.seats.tell_all(&ServerMessage::Strip { strip }, Weight::Full);
        }
        let veiled = strip.iter().cloned().map(|one| veiled(one, None)).collect();
        self.seats.tell_all(&ServerMessage::Strip { strip: veiled }, Weight::Full);
        self.seats.tell_owners(&ServerMessage::Strip { strip });
    }

    /// What stands there for somebody who comes.
    pub(super) fn strip_for(&self, member: &Member, now: UnixMillis) -> Vec<Standing> {
        let strip = self.strip.shown(&self.sanctions, now);
        if !self.is_kept_from(member) {
            return strip;
        }
        strip.into_iter().map(|one| veiled(one, Some(&member.id))).collect()
    }
}

/// As it is told where amounts are hidden.
fn veiled(one: Standing, whose: Option<&UserId>) -> Standing {
    let event = Event { seq: Seq(one.id.0), at: 0, kind: EventKind::Paid(one.paid) };
    match event.without_amounts(whose).kind {
        EventKind::Paid(paid) => Standing { id: one.id, paid },
        _ => unreachable!("an event stays of its kind"),
    }
}
