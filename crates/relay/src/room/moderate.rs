//! What moderators do: to messages, people, raids, and the room's rules. Each act is an event of the room with who did it,
//! so the events are the record, and each can be undone by what the event says.

use std::net::IpAddr;

use footlight_protocol::room::{Action, EventKind, Member, Pinned, Role as Rank, ServerMessage};
use footlight_protocol::{CloseCode, Code, Failure, MessageId, Nonce, Seq, UserId};
use futures_util::StreamExt as _;

use super::SeatId;
use super::actor::Actor;
use super::talk::internal;
use crate::chat::outbox::Weight;
use crate::clock;
use crate::moderation::may_moderate;
use crate::moderation::rules::checked;
use crate::store::moderation::Mark;
use crate::store::{Message, Sanction};

impl Actor {
    pub(super) async fn moderate(&mut self, seat: SeatId, me: Member, nonce: Nonce, action: Action) {
        if self.repeated(seat, &me.id, &nonce) {
            return;
        }
        match self.rule(&me, action).await {
            Ok(events) => {
                let now = clock::now_millis();
                events.iter().for_each(|kind| self.take_effect(kind));
                let shields =
                    events.iter().any(|kind| matches!(kind, EventKind::Shielded { until: Some(_) }));
                // The last one answers the request.
                let mut events = events.into_iter().peekable();
                if events.peek().is_none() {
                    return self.seats.tell(seat, &ServerMessage::Done { nonce, seq: self.history.seq() });
                }
                while let Some(kind) = events.next() {
                    if events.peek().is_some() {
                        self.keep_own(Some(me.id.clone()), kind, now);
                    } else {
                        self.keep(seat, me.id.clone(), nonce.clone(), kind, now);
                    }
                }
                if shields {
                    self.sweep_back(&me.id, now);
                }
            }
            Err(failure) => self.refuse(seat, Some(nonce), failure, None),
        }
    }

    /// What holds before it is on disk: nothing more may be said in between.
    pub(super) fn take_effect(&mut self, kind: &EventKind) {
        match kind {
            EventKind::Banned { user, .. } => self.sanctions.set(user.id.clone(), Sanction::Banned),
            EventKind::TimedOut { user, until } => {
                self.sanctions.set(user.id.clone(), Sanction::MutedUntil(*until));
            }
            EventKind::Pardoned { user } => self.sanctions.pardon(&user.id),
            EventKind::Trusted { user } => self.guard.mark(&user.id, Some(Mark::Trusted)),
            EventKind::Restricted { user } => self.guard.mark(&user.id, Some(Mark::Restricted)),
            EventKind::Unmarked { user } => self.guard.mark(&user.id, None),
            EventKind::Appointed { user } => self.guard.mark(&user.id, Mark::of(user.role)),
            EventKind::Ruled { rules } => self.guard.rules = rules.clone(),
            EventKind::Shielded { until } => self.guard.shield = *until,
            EventKind::Unswept { sweep, .. } => self.guard.undone(*sweep),
            _ => {}
        }
    }

    /// The events that the action comes to, if it is allowed; none where it is so already.
    async fn rule(&mut self, me: &Member, action: Action) -> Result<Vec<EventKind>, Failure> {
        let target = match &action {
            Action::Timeout { user, .. }
            | Action::Ban { user, .. }
            | Action::Pardon { user }
            | Action::Trust { user }
            | Action::Restrict { user }
            | Action::Unmark { user }
            | Action::HideAvatar { user, .. }
            | Action::Appoint { user, .. } => Some(user.clone()),
            _ => None,
        };
        let rank = target.as_ref().map(|user| {
            let here = self.seats.of(user).map(|(_, seat)| seat.member.role).max();
            (user, here.unwrap_or_default().max(self.guard.role(user)))
        });
        may_moderate(me.role, &me.id, rank, &action)?;
        if let Some(user) = target {
            let user = self.member(user).await?;
            if matches!(action, Action::Ban { range: true, .. }) {
                self.ban_networks(&user).await?;
            }
            if let Action::HideAvatar { hidden, .. } = action {
                return self.hide_avatar(user, hidden).await;
            }
            return Ok(over_person(&action, user).into_iter().collect());
        }
        Ok(match action {
            Action::Delete { message } => {
                let gone = self.message(message).await?.deleted;
                if gone { Vec::new() } else { vec![EventKind::Deleted { message }] }
            }
            Action::Restore { message } | Action::Approve { message } => self.shown_again(message).await?,
            Action::Deny { message } => {
                let held = self.message(message).await?.deleted;
                if held { vec![EventKind::Denied { message }] } else { Vec::new() }
            }
            Action::Undo { act, and_later } => {
                let mut events = self.undo(act).await?;
                if and_later {
                    events.extend(self.undo_raids(act).await?);
                }
                events
            }
            Action::Shield { on: true } => vec![self.raise_shield(clock::now_millis())],
            Action::Shield { on: false } if self.guard.shield.is_some() => {
                vec![EventKind::Shielded { until: None }]
            }
            Action::SetRules { rules } => {
                let rules = checked(rules)?;
                if rules == self.guard.rules { Vec::new() } else { vec![EventKind::Ruled { rules }] }
            }
            Action::Pin { message } => self.pin(message).await?,
            Action::Uphold { message } => self.uphold(me, message).await?,
            Action::Dismiss { message } => self.dismiss(message),
            Action::Lift { message } => self.lift(message).await?,
            Action::Unpin {} if self.pinned.is_some() => vec![EventKind::Unpinned {}],
            _ => Vec::new(),
        })
    }

    async fn pin(&mut self, message: MessageId) -> Result<Vec<EventKind>, Failure> {
        if self.pinned.as_ref().is_some_and(|pinned| pinned.message == message) {
            return Ok(Vec::new());
        }
        let found = self.message(message).await?;
        if found.deleted || self.sanctions.is_banned(&found.by.id) {
            return Err(Failure::new(Code::NotFound, "This message is not shown"));
        }
        Ok(vec![EventKind::Pinned { message, by: found.by, text: found.text }])
    }

    /// What stands above the chat does not any more, where it was taken away.
    fn unpin_where(&mut self, gone: impl Fn(&Pinned) -> bool) {
        if self.pinned.as_ref().is_some_and(gone) {
            self.keep_own(None, EventKind::Unpinned {}, clock::now_millis());
        }
    }

    pub(super) async fn shown_again(&mut self, message: MessageId) -> Result<Vec<EventKind>, Failure> {
        let found = self.message(message).await?;
        if !found.deleted {
            return Ok(Vec::new());
        }
        let Message { said_at, by, text, reply, .. } = found;
        Ok(vec![EventKind::Restored { message, said_at, by, text, reply }])
    }

    /// What puts an act right.
    async fn undo(&mut self, act: Seq) -> Result<Vec<EventKind>, Failure> {
        let found = self.store.event(self.id.clone(), act).await.map_err(|error| internal(&error))?;
        match found.map(|kept| kept.event.kind) {
            Some(EventKind::Swept { .. }) => self.undo_sweep(act).await,
            Some(EventKind::Deleted { message } | EventKind::Denied { message }) => {
                self.shown_again(message).await
            }
            Some(EventKind::TimedOut { user, .. } | EventKind::Banned { user, .. }) => {
                Ok(vec![EventKind::Pardoned { user }])
            }
            Some(EventKind::Restricted { user } | EventKind::Trusted { user }) => {
                Ok(vec![EventKind::Unmarked { user }])
            }
            Some(EventKind::Avatar { user, hidden: true }) => self.hide_avatar(user, false).await,
            Some(EventKind::Upheld(upheld)) => self.lifted(act, upheld).await,
            Some(EventKind::Pinned { message, .. }) => {
                let is_up = self.pinned.as_ref().is_some_and(|pinned| pinned.message == message);
                Ok(if is_up { vec![EventKind::Unpinned {}] } else { Vec::new() })
            }
            Some(EventKind::Shielded { until: Some(_) }) => {
                let mut events = self.undo_raids(act).await?;
                if self.guard.shield.is_some() {
                    events.push(EventKind::Shielded { until: None });
                }
                Ok(events)
            }
            _ => Err(Failure::new(Code::NotFound, "There is nothing of that number to undo")),
        }
    }

    /// All raids that were found since.
    async fn undo_raids(&mut self, since: Seq) -> Result<Vec<EventKind>, Failure> {
        let mut events = Vec::new();
        for sweep in self.guard.raids_since(since) {
            events.extend(self.undo_sweep(sweep).await?);
        }
        Ok(events)
    }

    async fn undo_sweep(&mut self, sweep: Seq) -> Result<Vec<EventKind>, Failure> {
        let swept = self.store.swept(self.id.clone(), sweep).await.map_err(|error| internal(&error))?;
        Ok(Self::unsweep(sweep, swept))
    }

    /// Takes away all that leads to the person, here and in the database. What is underway is waited for, so that nothing of
    /// theirs is written behind it.
    pub(super) async fn erase(&mut self, user: UserId) -> Result<(), Failure> {
        self.seats.close(&user, CloseCode::GoingAway);
        self.close_packets_of(&user, clock::now_millis());
        while let Some(written) = self.writes.next().await {
            self.committed(written);
        }
        let purse = self.auth.purse(&user);
        self.store.erase(user.clone(), purse).await.map_err(|error| internal(&error))?;
        self.auth.retire(&user);
        self.history.erase(&user);
        self.unpin_where(|pinned| pinned.by.id == user);
        self.guard.erase(&user);
        self.sanctions.erase(&user, &self.auth.alias(&user));
        self.paces.remove(&user);
        self.gift_paces.remove(&user);
        self.earned.remove(&user);
        self.packets.erase(&user);
        self.erase_from_strip(&user, clock::now_millis());
        self.tally.erase(&user);
        self.people.erase(&user);
        self.till.erase(&user);
        self.recount_followers(&user).await;
        self.boards.recount();
        self.seats.tell_all(&ServerMessage::Erased { user }, Weight::Full);
        tracing::info!(room = %self.id, "somebody was erased");
        Ok(())
    }

    /// What an event that everybody was told of means for those whom it is about.
    pub(super) fn follow(&mut self, kind: EventKind) {
        match kind {
            EventKind::TimedOut { user, until } => {
                self.seats.tell_user(&user.id, &ServerMessage::Muted { until: Some(until) });
            }
            EventKind::Pardoned { user } => {
                self.seats.tell_user(&user.id, &ServerMessage::Muted { until: None })
            }
            EventKind::Banned { user, range } => {
                let addresses: Vec<IpAddr> = self.seats.of(&user.id).map(|(_, seat)| seat.address).collect();
                self.seats.close(&user.id, CloseCode::Banned);
                self.sanctions.was_at(&user.id, &addresses);
                self.cut_off(&user.id, &addresses);
                if range {
                    self.cut_off_networks();
                }
                self.unpin_where(|pinned| pinned.by.id == user.id);
            }
            EventKind::Deleted { message } => {
                if let Some(text) = self.history.text_of(message) {
                    self.guard.learner.removed(&text);
                }
                self.unpin_where(|pinned| pinned.message == message);
            }
            EventKind::Swept { messages, .. } => {
                self.unpin_where(|pinned| messages.contains(&pinned.message));
            }
            EventKind::Appointed { user } => self.appointed(&user),
            EventKind::Avatar { user, hidden } => {
                self.pictured(&user.id, user.avatar.as_deref().filter(|_| !hidden));
            }
            EventKind::Pinned { message, by, text } => {
                self.pinned = Some(Pinned { message, by, text });
                self.tell_room();
            }
            EventKind::Unpinned {} => {
                self.pinned = None;
                self.tell_room();
            }
            EventKind::Denied { message } => {
                if let Some(text) = self.history.text_of(message) {
                    self.guard.learner.removed(&text);
                }
                self.guard.settle(message);
            }
            EventKind::Restored { message, text, .. } => {
                self.guard.learner.allowed(&text);
                self.guard.settle(message);
            }
            EventKind::Ruled { rules } => {
                self.seats.tell_moderators(&ServerMessage::Rules { rules });
                self.tell_room();
            }
            EventKind::Shielded { .. } => self.tell_room(),
            EventKind::Gifted { by, .. } => self.guard.knows(&by.id),
            _ => {}
        }
    }

    /// Somebody has another role: their pages learn of it, and what moderators know where they are one now.
    fn appointed(&mut self, user: &Member) {
        self.seats.appoint(&user.id, user.role);
        let sessions: Vec<(SeatId, Member)> =
            self.seats.of(&user.id).map(|(seat, taken)| (seat, taken.member.clone())).collect();
        for (seat, you) in sessions {
            let moderates = you.role == Rank::Moderator;
            self.seats.tell(seat, &ServerMessage::You { you });
            if moderates {
                let desk = self.desk_for(user);
                self.seats.tell(seat, &ServerMessage::Desk { desk });
            }
        }
    }

    pub(super) async fn message(&mut self, id: MessageId) -> Result<Message, Failure> {
        let found = self.store.message(self.id.clone(), id).await.map_err(|error| internal(&error))?;
        found.ok_or_else(|| Failure::new(Code::NotFound, "There is no such message"))
    }

    /// The person, here or not.
    pub(super) async fn member(&mut self, user: UserId) -> Result<Member, Failure> {
        if let Some((_, seat)) = self.seats.of(&user).next() {
            return Ok(seat.member.clone());
        }
        let person = self.store.person(user.clone()).await.map_err(|error| internal(&error))?;
        let (name, avatar) = person.map(|person| (person.name, person.avatar)).unwrap_or_default();
        let role = self.guard.role(&user);
        let read = self.store.earned(self.id.clone(), self.auth.purse(&user)).await;
        let badges = read.map_err(|error| internal(&error))?.badges(clock::now_millis());
        Ok(Member { badges, avatar, ..Member::new(user, name, role) })
    }
}

/// What the action does to somebody.
fn over_person(action: &Action, user: Member) -> Option<EventKind> {
    Some(match action {
        Action::Timeout { seconds, .. } => {
            EventKind::TimedOut { user, until: clock::now_millis() + u64::from(*seconds) * 1000 }
        }
        Action::Ban { range, .. } => EventKind::Banned { user, range: *range },
        Action::Pardon { .. } => EventKind::Pardoned { user },
        Action::Trust { .. } => EventKind::Trusted { user },
        Action::Restrict { .. } => EventKind::Restricted { user },
        Action::Unmark { .. } => EventKind::Unmarked { user },
        Action::Appoint { role, .. } => EventKind::Appointed { user: Member { role: *role, ..user } },
        _ => return None,
    })
}
