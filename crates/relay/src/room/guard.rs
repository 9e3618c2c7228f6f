//! What stands between a message and the room: its rules, marks on people, and raids. Decided before a message is kept;
//! what is held is kept like any other and shown when a moderator approves it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use footlight_protocol::danmaku::Fly;
use footlight_protocol::emote::Emote;
use footlight_protocol::moderation::{Former, MAX_UNSWEPT, Raid, Reason, Rules};
use footlight_protocol::room::{Desk, Event, EventKind, Member, Role as Rank, ServerMessage, UnixMillis};
use footlight_protocol::spend::Paid;
use footlight_protocol::talk::Quote;
use footlight_protocol::{Code, Failure, MessageId, Nonce, Seq, UserId};

use super::SeatId;
use super::actor::Actor;
use crate::moderation::cluster::ClusterId;
use crate::moderation::judge::{Judge, Message, Sweep, Verdict};
use crate::moderation::learner::Learner;
use crate::moderation::reports::Reports;
use crate::moderation::rules::{Recent, Ruling, follows_too_little, shielded};
use crate::store::Past;
use crate::store::moderation::Mark;

/// Messages that wait for a moderator and are told to those who come. Full ⇒ the oldest is in the record only.
const WAITING: usize = 200;
/// Raids that moderators are told of. Full ⇒ the oldest is in the record only.
const RAIDS: usize = 20;
/// How long a shield stays up …
const SHIELD: UnixMillis = 10 * 60_000;
/// … and how long after a raid's last message.
const CALM: UnixMillis = 5 * 60_000;

struct Known {
    raid: Raid,
    cluster: ClusterId,
    people: HashSet<UserId>,
}

/// The room's own eyes.
#[derive(Default)]
pub(super) struct Guard {
    /// As the creator set them.
    pub(super) rules: Rules,
    pub(super) shield: Option<UnixMillis>,
    judge: Judge,
    recent: Recent,
    pub(super) learner: Learner,
    marks: HashMap<UserId, Mark>,
    held: BTreeMap<Seq, Event>,
    raids: VecDeque<Known>,
    pub(super) reports: Reports,
    /// Moderators have not been told of the newest of a raid.
    stale: bool,
}

impl Guard {
    pub(super) fn new(past: &mut Past) -> Self {
        let rules = past.rules.take().and_then(|rules| serde_json::from_str(&rules).ok());
        let mut guard = Self { rules: rules.unwrap_or_default(), ..Self::default() };
        for (user, mark) in std::mem::take(&mut past.standings) {
            guard.mark(&user, Some(mark));
        }
        for kept in &past.events {
            let deleted = past.deleted.contains(&MessageId(kept.event.seq.0));
            if let EventKind::Said { text, .. } = &kept.event.kind
                && !deleted
            {
                guard.learner.ordinary(text);
            }
        }
        for (text, may_stay) in std::mem::take(&mut past.lessons) {
            if may_stay { guard.learner.allowed(&text) } else { guard.learner.removed(&text) }
        }
        guard.know_emotes(&past.emotes);
        guard.reports = Reports::new(std::mem::take(&mut past.reports));
        guard.held = std::mem::take(&mut past.held).into_iter().map(|event| (event.seq, event)).collect();
        guard
    }

    /// The room's own emotes, which may be sent where only emotes may.
    pub(super) fn know_emotes(&mut self, emotes: &[Emote]) {
        self.recent.emotes = emotes.iter().map(|emote| emote.name.clone()).collect();
    }

    /// What it takes of guests now.
    pub(super) fn in_force(&self) -> Rules {
        if self.shield.is_some() { shielded(&self.rules) } else { self.rules.clone() }
    }

    pub(super) fn desk(&self) -> Desk {
        Desk {
            held: self.held.values().cloned().collect(),
            raids: self.raids(),
            rules: self.rules.clone(),
            reports: self.reports.cases(),
        }
    }

    fn raids(&self) -> Vec<Raid> {
        self.raids.iter().map(|known| known.raid.clone()).collect()
    }

    pub(super) fn mark(&mut self, user: &UserId, mark: Option<Mark>) {
        match mark {
            Some(mark) => drop(self.marks.insert(user.clone(), mark)),
            None => drop(self.marks.remove(user)),
        }
        let trusted = mark.is_some_and(|mark| mark != Mark::Restricted);
        if trusted { self.judge.trust(user) } else { self.judge.forget(user) }
    }

    /// The role that the owner gave somebody.
    pub(super) fn role(&self, user: &UserId) -> Rank {
        self.marks.get(user).map(|mark| mark.role()).unwrap_or_default()
    }

    /// What moderators said of somebody for good.
    pub(super) fn marked(&self, user: &UserId) -> Option<Mark> {
        self.marks.get(user).copied()
    }

    /// Whether the owner gave them a role, or a moderator trusts them.
    pub(super) fn vouches_for(&self, user: &UserId) -> bool {
        self.marks.get(user).is_some_and(|mark| *mark != Mark::Restricted)
    }

    /// Whether they are of the room: who pays for it. Those whom somebody vouches for are asked for before.
    fn is_member(me: &Member) -> bool {
        me.badges.months > 0
    }

    /// Somebody gave a gift: they are no stranger.
    pub(super) fn knows(&mut self, user: &UserId) {
        self.judge.trust(user);
    }

    /// `first` is when the person first took a name, `follows` since when they follow the room.
    fn rule(
        &mut self,
        me: &Member,
        (first, follows): (UnixMillis, Option<UnixMillis>),
        text: &str,
        now: UnixMillis,
    ) -> Ruling {
        match self.marks.get(&me.id) {
            _ if me.role >= Rank::Vip => Ruling::Take,
            Some(Mark::Trusted) => Ruling::Take,
            _ if self.rules.members_only && !Self::is_member(me) => {
                let failure = Failure::new(Code::MembersOnly, "Only members may write at the moment");
                Ruling::Refuse(failure, None)
            }
            _ if let Some((failure, after)) = follows_too_little(&self.rules, follows, now) => {
                Ruling::Refuse(failure, after)
            }
            mark => match self.recent.decide(&self.in_force(), &me.id, first, text, now) {
                Ruling::Take if mark == Some(&Mark::Restricted) => Ruling::Hold(Reason::Restricted),
                Ruling::Take => self.learner.suspects(text).map_or(Ruling::Take, Ruling::Hold),
                ruling => ruling,
            },
        }
    }

    /// Messages are one of a raid that is known: how many there are by now.
    fn count(&mut self, raid: Seq, by: &UserId, now: UnixMillis) {
        if let Some(known) = self.raids.iter_mut().find(|known| known.raid.act == raid) {
            known.people.insert(by.clone());
            known.raid.messages += 1;
            known.raid.people = known.people.len() as u32;
            known.raid.at = now;
            self.stale = true;
        }
        if let Some(until) = &mut self.shield {
            *until = (*until).max(now + CALM);
        }
    }

    fn raid_of(&self, cluster: ClusterId) -> Option<Seq> {
        self.raids.iter().rev().find(|known| known.cluster == cluster).map(|known| known.raid.act)
    }

    /// A message waits for a moderator.
    fn wait(&mut self, event: Event) {
        self.held.insert(event.seq, event);
        while self.held.len() > WAITING {
            self.held.pop_first();
        }
    }

    /// Somebody is erased.
    pub(super) fn erase(&mut self, user: &UserId) {
        self.marks.remove(user);
        self.judge.forget(user);
        self.reports.erase(user);
        self.held.retain(|_, event| !matches!(&event.kind, EventKind::Held { by, .. } if by.id == *user));
        for quote in self.held.values_mut().flat_map(|event| event.kind.quotes_mut()) {
            quote.of.take_if(|of| of.by.id == *user);
        }
        for known in &mut self.raids {
            known.people.remove(user);
        }
    }

    /// It does not wait any more.
    pub(super) fn settle(&mut self, message: MessageId) {
        self.held.remove(&Seq(message.0));
    }

    pub(super) fn undone(&mut self, sweep: Seq) {
        if let Some(known) = self.raids.iter_mut().find(|known| known.raid.act == sweep && !known.raid.undone)
        {
            known.raid.undone = true;
            self.judge.pardon(known.cluster);
            self.stale = true;
        }
    }

    /// Raids that were found since then and stand.
    pub(super) fn raids_since(&self, since: Seq) -> Vec<Seq> {
        let found = self.raids.iter().map(|known| &known.raid);
        found.filter(|raid| raid.act > since && !raid.undone).map(|raid| raid.act).collect()
    }
}

/// A message on its way.
pub(super) struct Coming {
    pub(super) seat: SeatId,
    pub(super) me: Member,
    pub(super) nonce: Nonce,
    pub(super) text: String,
    pub(super) fly: Option<Fly>,
    pub(super) reply: Option<Box<Quote>>,
}

impl Actor {
    /// Lets a message into the room, holds it, or says why not.
    pub(super) fn weigh(&mut self, coming: Coming, now: UnixMillis) {
        let first = self.seats.get(coming.seat).and_then(|seat| seat.first).unwrap_or(now);
        let known = (first, self.follows.since(&coming.me.id));
        let hold = match self.guard.rule(&coming.me, known, &coming.text, now) {
            Ruling::Take => None,
            Ruling::Hold(why) => Some(why),
            Ruling::Refuse(failure, after) => {
                return self.refuse(coming.seat, Some(coming.nonce), failure, after);
            }
        };
        let id = MessageId(self.history.upcoming().0);
        let message = Message { id, by: &coming.me.id, role: coming.me.role, text: &coming.text };
        match self.guard.judge.judge(message, self.guard.shield.is_some(), now) {
            Verdict::Deliver => match hold {
                Some(why) => drop(self.hold(coming, why, None, now)),
                None => {
                    let Coming { seat, me, nonce, text, fly, reply } = coming;
                    self.guard.learner.ordinary(&text);
                    let by = me.id.clone();
                    let fly = fly.map(|fly| fly.accepted(me.role, now * 1_000));
                    let said = EventKind::Said { by: me, text, nonce: Some(nonce.clone()), fly, reply };
                    self.keep(seat, by, nonce, said, now);
                }
            },
            Verdict::Hold(cluster, why) => {
                let raid = self.guard.raid_of(cluster);
                self.hold(coming, why, raid, now);
            }
            Verdict::Raid(sweep) => {
                // The next event is the sweep.
                let (raid, sample) = (Seq(id.0 + 1), coming.text.clone());
                if self.hold(coming, sweep.reason.clone(), Some(raid), now) {
                    self.sweep(sweep, sample, None, now);
                } else {
                    self.guard.judge.acquit(sweep.cluster);
                }
            }
        }
    }

    /// Whether a message that is paid for may be said. What waited for a moderator could be paid and never seen.
    pub(super) fn passes(
        &mut self,
        seat: SeatId,
        me: &Member,
        text: &str,
        now: UnixMillis,
    ) -> Result<(), (Failure, Option<u32>)> {
        let first = self.seats.get(seat).and_then(|seat| seat.first).unwrap_or(now);
        let known = (first, self.follows.since(&me.id));
        match self.guard.rule(me, known, text, now) {
            Ruling::Take => {}
            Ruling::Hold(_) => return Err(self.not_for_coins(me, text, now)),
            Ruling::Refuse(failure, after) => return Err((failure, after)),
        }
        let id = MessageId(self.history.upcoming().0);
        let message = Message { id, by: &me.id, role: me.role, text };
        match self.guard.judge.judge(message, self.guard.shield.is_some(), now) {
            Verdict::Deliver => {
                self.guard.learner.ordinary(text);
                Ok(())
            }
            Verdict::Hold(..) => Err(self.not_for_coins(me, text, now)),
            // The next message like it finds the raid.
            Verdict::Raid(sweep) => {
                self.guard.judge.acquit(sweep.cluster);
                Err(self.not_for_coins(me, text, now))
            }
        }
    }

    /// Nobody says it, so it takes nobody's turn.
    fn not_for_coins(&mut self, me: &Member, text: &str, now: UnixMillis) -> (Failure, Option<u32>) {
        self.guard.recent.give_back(&me.id, text, now);
        let text = "A moderator would have to look at this first, so it cannot be paid for";
        (Failure::new(Code::AgainstRules, text), None)
    }

    /// A message passed and was not paid for: its sender has their turn in slow mode again. How often somebody may try is
    /// counted all the same, so that nobody has the books asked without end.
    pub(super) fn was_not_paid(&mut self, paid: &Paid, at: UnixMillis) {
        self.guard.recent.give_back(&paid.by.id, &paid.text, at);
    }

    fn hold(&mut self, coming: Coming, why: Reason, raid: Option<Seq>, now: UnixMillis) -> bool {
        let Coming { seat, me, nonce, text, reply, .. } = coming;
        let by = me.id.clone();
        let held = EventKind::Held { by: me, text, nonce: Some(nonce.clone()), why, raid, reply };
        self.keep(seat, by, nonce, held, now)
    }

    /// Takes away what was said of a raid until now.
    fn sweep(&mut self, sweep: Sweep, sample: String, by: Option<UserId>, now: UnixMillis) {
        let Sweep { cluster, mut messages, reason } = sweep;
        messages.retain(|(message, _)| !self.history.is_gone(*message));
        let people: HashSet<UserId> = messages.iter().map(|(_, by)| by.clone()).collect();
        let count = messages.len() as u32;
        let messages = messages.into_iter().map(|(message, _)| message).collect();
        let swept = EventKind::Swept { messages, why: reason.clone() };
        let act = self.keep_own(by, swept, now);
        tracing::info!(room = %self.id, messages = count, people = people.len(), "a raid");
        let raid = Raid {
            act,
            at: now,
            messages: count,
            people: people.len() as u32,
            sample,
            why: reason,
            undone: false,
        };
        self.guard.raids.push_back(Known { raid, cluster, people });
        if self.guard.raids.len() > RAIDS {
            self.guard.raids.pop_front();
        }
        self.guard.stale = true;
    }

    /// Looks at the last half minute with a stricter eye.
    pub(super) fn sweep_back(&mut self, by: &UserId, now: UnixMillis) {
        for sweep in self.guard.judge.look_back(now) {
            let newest = sweep.messages.last().and_then(|(message, _)| self.history.text_of(*message));
            self.sweep(sweep, newest.unwrap_or_default(), Some(by.clone()), now);
        }
    }

    /// What brings swept messages back.
    pub(super) fn unsweep(sweep: Seq, former: Vec<Former>) -> Vec<EventKind> {
        let pieces = former.chunks(MAX_UNSWEPT);
        let mut events: Vec<EventKind> =
            pieces.map(|some| EventKind::Unswept { sweep, messages: some.to_vec() }).collect();
        if events.is_empty() {
            events.push(EventKind::Unswept { sweep, messages: Vec::new() });
        }
        events
    }

    /// A message was kept but not shown.
    pub(super) fn announce_held(&mut self, event: &Event, seats: &[SeatId]) {
        let EventKind::Held { by, nonce, raid, .. } = &event.kind else { return };
        match raid {
            Some(raid) => self.guard.count(*raid, &by.id, event.at),
            None => {
                self.guard.wait(event.clone());
                self.tell_event(event);
            }
        }
        for seat in seats {
            self.refuse(*seat, nonce.clone(), held_back(), None);
        }
    }

    pub(super) fn raise_shield(&mut self, now: UnixMillis) -> EventKind {
        let until = now + SHIELD;
        self.guard.shield = Some(until);
        EventKind::Shielded { until: Some(until) }
    }

    /// Once a second: tells moderators of raids, and lowers the shield when it is calm again.
    pub(super) fn tick_guard(&mut self, now: UnixMillis) {
        let rules = self.guard.in_force();
        self.guard.recent.forget(&rules, now);
        if self.guard.shield.is_some_and(|until| until <= now) {
            self.guard.shield = None;
            self.keep_own(None, EventKind::Shielded { until: None }, now);
        }
        if std::mem::take(&mut self.guard.stale) {
            let raids = self.guard.raids();
            self.seats.tell_moderators(&ServerMessage::Raids { raids });
        }
        if let Some(cases) = self.guard.reports.tick(now) {
            self.seats.tell_moderators(&ServerMessage::Reports { cases });
        }
    }
}

/// What the author of a held message hears.
pub(super) fn held_back() -> Failure {
    Failure::new(Code::Held, "Your message waits for a moderator")
}
