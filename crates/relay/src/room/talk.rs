//! What members do in the chat: join, talk, moderate. Decided here, kept in the store, announced after the
//! commit.

use std::net::IpAddr;

use footlight_protocol::danmaku::Fly;
use footlight_protocol::room::{
    Action, ClientMessage, Event, EventKind, MAX_CARD, MAX_NAME, MAX_TEXT, Member, Role as Rank,
    ServerMessage, UnixMillis,
};
use footlight_protocol::{CloseCode, Code, Failure, MessageId, Nonce, UserId, VERSION};

use super::actor::{Actor, Written};
use super::seats::Seat;
use super::{Join, SeatId, draining};
use crate::chat::outbox::Weight;
use crate::chat::pace::{Pace, Rate};
use crate::chat::text::clean;
use crate::clock;
use crate::error::Error;
use crate::hook::Happening;
use crate::moderation::{banned, may_moderate, may_talk};
use crate::store::{Kept, Sanction};

/// Events whose commit is awaited at most. More ⇒ refused: the disk does not keep up.
const UNCOMMITTED: usize = 1024;

impl Actor {
    pub(super) fn join(&mut self, join: Join) -> Result<SeatId, Failure> {
        let Join { user, name, rank, address, since, token, batches, outbox } = join;
        if self.sanctions.is_banned(&user) {
            return Err(banned());
        }
        if self.drain.is_begun() {
            return Err(draining());
        }
        let crowded =
            !address.is_loopback() && self.seats.at_address(address) >= self.limits.sessions_per_address;
        if crowded || self.seats.len() >= self.limits.members {
            return Err(Failure::new(Code::Full, "There is no seat left; try again later"));
        }
        // An owner who set no name speaks as the room.
        let name = if name.is_empty() && rank == Rank::Owner { self.id.to_string() } else { name };
        let member = Member { id: user, name, role: rank };
        let missed = since.and_then(|since| self.history.after(since));
        let welcome = ServerMessage::Welcome {
            version: VERSION,
            you: member.clone(),
            token,
            room: self.room_state(),
            resumed: missed.is_some(),
            history: missed.unwrap_or_else(|| self.history.fresh(&self.sanctions)),
            seq: self.history.seq(),
            muted_until: self.sanctions.muted_until(&member.id, clock::now_millis()),
            gifts: self.catalogue.gifts().to_vec(),
            board: self.boards.newest.clone(),
        };
        let seat = self.seats.add(Seat::new(member.clone(), address, batches, outbox));
        self.seats.tell(seat, &welcome);
        self.count_coins(member.id.clone());
        self.tell(Happening::MemberJoined { member, members: self.seats.guests() as u32 });
        Ok(seat)
    }

    pub(super) async fn say(&mut self, seat: SeatId, message: ClientMessage) {
        // A seat that was closed meanwhile.
        let Some(me) = self.seats.get(seat).map(|seat| seat.member.clone()) else {
            return;
        };
        match message {
            ClientMessage::Name { name } => self.name(seat, me, &name).await,
            ClientMessage::Say { nonce, text, fly } => self.talk(seat, me, nonce, &text, fly),
            ClientMessage::Like { count } => self.like(seat, &me, count),
            ClientMessage::Moderate { nonce, action } => self.moderate(seat, me, nonce, action).await,
            ClientMessage::SetCard { nonce, text } => self.set_card(seat, me, nonce, &text).await,
            ClientMessage::SendGift { nonce, gift, count } => self.send_gift(seat, me, nonce, &gift, count),
            ClientMessage::Grant { nonce, user, coins } => self.grant(seat, me, nonce, user, coins),
            ClientMessage::Refund { nonce, entry } => self.refund(seat, me, nonce, entry).await,
            ClientMessage::SetGifts { nonce, gifts } => self.set_gifts(seat, me, nonce, gifts).await,
            ClientMessage::Overlay { nonce, control } => self.overlay(seat, me, nonce, control),
            ClientMessage::Playing { latency_ms } => {
                if let Some(seat) = self.seats.get_mut(seat) {
                    seat.playing = latency_ms.map(|latency| (latency, std::time::Instant::now()));
                }
            }
            // Answered by the socket itself.
            ClientMessage::Hello { .. } | ClientMessage::Ping { .. } => {}
        }
    }

    async fn name(&mut self, seat: SeatId, me: Member, name: &str) {
        let now = clock::now_millis();
        let allowed = may_talk(&self.sanctions, &me.id, now)
            .and_then(|()| clean(name, MAX_NAME).map_err(|code| (name_failure(code), None)))
            .and_then(|name| self.pace(&me.id, now).map(|()| name));
        let name = match allowed {
            Ok(name) => name,
            Err((failure, after)) => return self.refuse(seat, None, failure, after),
        };
        if let Err(error) = self.store.set_name(me.id.clone(), name.clone(), now).await {
            return self.refuse(seat, None, internal(&error), None);
        }
        self.seats.rename(&me.id, &name);
        let ranks: Vec<(SeatId, Rank)> =
            self.seats.of(&me.id).map(|(id, seat)| (id, seat.member.role)).collect();
        for (seat, role) in ranks {
            let you = Member { id: me.id.clone(), name: name.clone(), role };
            self.seats.tell(seat, &ServerMessage::You { you });
        }
    }

    /// Sets what viewers read while nobody publishes. It is the room's state and not one of its events.
    async fn set_card(&mut self, seat: SeatId, me: Member, nonce: Nonce, text: &str) {
        if me.role != Rank::Owner {
            let failure = Failure::new(Code::Forbidden, "Only the owner sets the card");
            return self.refuse(seat, Some(nonce), failure, None);
        }
        let card = match clean(text, MAX_CARD) {
            Ok(card) => Some(card),
            Err(Code::Empty) => None,
            Err(code) => {
                let failure = Failure::new(code, format!("The card has at most {MAX_CARD} characters"));
                return self.refuse(seat, Some(nonce), failure, None);
            }
        };
        if card != self.card {
            if let Err(error) = self.store.set_card(self.id.clone(), card.clone()).await {
                return self.refuse(seat, Some(nonce), internal(&error), None);
            }
            self.card = card;
            self.tell_room();
        }
        self.seats.tell(seat, &ServerMessage::Done { nonce, seq: self.history.seq() });
    }

    fn talk(&mut self, seat: SeatId, me: Member, nonce: Nonce, text: &str, fly: Option<Fly>) {
        if self.repeated(seat, &me.id, &nonce) {
            return;
        }
        let now = clock::now_millis();
        let text = may_talk(&self.sanctions, &me.id, now)
            .and(named(&me))
            .and_then(|()| clean(text, MAX_TEXT).map_err(|code| (text_failure(code), None)))
            .and_then(|text| self.pace(&me.id, now).map(|()| text));
        match text {
            Ok(text) => {
                let by = me.id.clone();
                let fly = fly.map(|fly| fly.accepted(me.role, now * 1_000));
                let said = EventKind::Said { by: me, text, nonce: Some(nonce.clone()), fly };
                self.keep(seat, by, nonce, said, now);
            }
            Err((failure, after)) => self.refuse(seat, Some(nonce), failure, after),
        }
    }

    async fn moderate(&mut self, seat: SeatId, me: Member, nonce: Nonce, action: Action) {
        if self.repeated(seat, &me.id, &nonce) {
            return;
        }
        match self.rule(&me, action).await {
            Ok(Ruling::Event(kind)) => {
                let now = clock::now_millis();
                match &kind {
                    // Before the commit already: nothing more may be said in between.
                    EventKind::Banned { user } => self.sanctions.set(user.id.clone(), Sanction::Banned),
                    EventKind::TimedOut { user, until } => {
                        self.sanctions.set(user.id.clone(), Sanction::MutedUntil(*until));
                    }
                    EventKind::Pardoned { user } => self.sanctions.pardon(&user.id),
                    _ => {}
                }
                self.keep(seat, me.id, nonce, kind, now);
            }
            Ok(Ruling::AlreadySo) => {
                self.seats.tell(seat, &ServerMessage::Done { nonce, seq: self.history.seq() });
            }
            Err(failure) => self.refuse(seat, Some(nonce), failure, None),
        }
    }

    /// What the action comes to, if it is allowed.
    async fn rule(&mut self, me: &Member, action: Action) -> Result<Ruling, Failure> {
        let target = match &action {
            Action::Delete { .. } | Action::Restore { .. } => None,
            Action::Timeout { user, .. } | Action::Ban { user } | Action::Pardon { user } => {
                Some(user.clone())
            }
        };
        let rank = target.as_ref().map(|user| {
            (user, self.seats.of(user).map(|(_, seat)| seat.member.role).max().unwrap_or_default())
        });
        may_moderate(me.role, &me.id, rank, &action)?;
        let user = match target {
            Some(user) => Some(self.member(user).await?),
            None => None,
        };
        let event = match (action, user) {
            (Action::Delete { message }, _) => {
                if self.message(message).await?.deleted {
                    return Ok(Ruling::AlreadySo);
                }
                EventKind::Deleted { message }
            }
            (Action::Restore { message }, _) => {
                let found = self.message(message).await?;
                if !found.deleted {
                    return Ok(Ruling::AlreadySo);
                }
                EventKind::Restored { message, said_at: found.said_at, by: found.by, text: found.text }
            }
            (Action::Timeout { seconds, .. }, Some(user)) => {
                EventKind::TimedOut { user, until: clock::now_millis() + u64::from(seconds) * 1000 }
            }
            (Action::Ban { .. }, Some(user)) => EventKind::Banned { user },
            (Action::Pardon { .. }, Some(user)) => EventKind::Pardoned { user },
            (Action::Timeout { .. } | Action::Ban { .. } | Action::Pardon { .. }, None) => {
                return Ok(Ruling::AlreadySo);
            }
        };
        Ok(Ruling::Event(event))
    }

    async fn message(&mut self, id: MessageId) -> Result<crate::store::Message, Failure> {
        let found = self.store.message(self.id.clone(), id).await.map_err(|error| internal(&error))?;
        found.ok_or_else(|| Failure::new(Code::NotFound, "There is no such message"))
    }

    /// The person, here or not.
    async fn member(&mut self, user: UserId) -> Result<Member, Failure> {
        if let Some((_, seat)) = self.seats.of(&user).next() {
            return Ok(seat.member.clone());
        }
        let name = self.store.name(user.clone()).await.map_err(|error| internal(&error))?;
        Ok(Member { id: user, name, role: Rank::Guest })
    }

    /// Answers a request that was made before.
    pub(super) fn repeated(&mut self, seat: SeatId, user: &UserId, nonce: &Nonce) -> bool {
        let Some(seq) = self.history.known(user, nonce) else {
            return false;
        };
        match self.waiting.iter_mut().find(|(kept, _)| kept.event.seq == seq) {
            Some((_, seats)) => seats.push(seat),
            None => self.seats.tell(seat, &ServerMessage::Done { nonce: nonce.clone(), seq }),
        }
        true
    }

    fn pace(&mut self, user: &UserId, now: UnixMillis) -> Result<(), (Failure, Option<u32>)> {
        let too_fast =
            |after| (Failure::new(Code::TooFast, "Not so fast; try again in a moment"), Some(after));
        let pace = self.paces.entry(user.clone()).or_insert_with(|| Pace::new(Rate::CHAT));
        pace.take(now).map_err(too_fast)
    }

    /// Gives the event its place and sends it to the store.
    fn keep(&mut self, seat: SeatId, by: UserId, nonce: Nonce, kind: EventKind, at: UnixMillis) {
        let Some(kept) = self.plan(seat, &by, &nonce, kind, at) else {
            return;
        };
        let (store, room, copy) = (self.store.clone(), self.id.clone(), kept.clone());
        self.writes.push_back(Box::pin(async move { Written::Event(store.keep(room, copy).await) }));
        self.waiting.push_back((kept, vec![seat]));
    }

    /// Gives the event its place, where there is room for it.
    pub(super) fn plan(
        &mut self,
        seat: SeatId,
        by: &UserId,
        nonce: &Nonce,
        kind: EventKind,
        at: UnixMillis,
    ) -> Option<Kept> {
        if self.waiting.len() >= UNCOMMITTED {
            let failure = Failure::new(Code::TooFast, "The room is too busy; try again in a moment");
            self.refuse(seat, Some(nonce.clone()), failure, Some(1000));
            return None;
        }
        let event = Event { seq: self.history.next_seq(), at, kind };
        let kept = Kept { event, by: Some(by.clone()), nonce: Some(nonce.clone()) };
        self.history.remember(&kept);
        Some(kept)
    }

    /// The oldest work beside the loop is done.
    pub(super) fn committed(&mut self, written: Written) {
        match written {
            Written::Nothing => {}
            Written::Event(kept) => self.kept(kept),
            Written::Settled(settled) => self.settled(*settled),
            Written::Granted { seat, nonce, user, settled } => self.granted(seat, nonce, &user, *settled),
            Written::Wallet { user, coins } => self.tell_wallet(&user, coins),
            Written::Board(board) => self.tell_board(board),
        }
    }

    /// The oldest waiting event is on disk, or is not.
    fn kept(&mut self, written: Result<(), Error>) {
        let Some((kept, seats)) = self.waiting.pop_front() else {
            return;
        };
        match written {
            Ok(()) => self.announce(kept, &seats),
            Err(error) => self.not_kept(&kept, &seats, &internal(&error), None),
        }
    }

    /// The event did not come about, and those who asked for it hear why.
    pub(super) fn not_kept(&mut self, kept: &Kept, seats: &[SeatId], why: &Failure, after: Option<u32>) {
        self.history.forget(kept);
        for seat in seats {
            self.refuse(*seat, kept.nonce.clone(), why.clone(), after);
        }
    }

    /// Everybody hears of what has happened, and those who asked for it get their answer.
    pub(super) fn announce(&mut self, kept: Kept, seats: &[SeatId]) {
        let event = kept.event.clone();
        self.metrics.events.one();
        match &event.kind {
            EventKind::Said { .. } => {}
            EventKind::Gifted { .. } | EventKind::Refunded { .. } => {
                self.tell(Happening::Gifted { event: event.clone() });
            }
            _ => self.tell(Happening::Moderated { by: kept.by.clone(), event: event.clone() }),
        }
        self.seats.tell_all(&ServerMessage::Event { event: event.clone() }, Weight::Full);
        if let Some(nonce) = &kept.nonce {
            for seat in seats {
                self.seats.tell(*seat, &ServerMessage::Done { nonce: nonce.clone(), seq: event.seq });
            }
        }
        self.history.announce(kept);
        match event.kind {
            EventKind::TimedOut { user, until } => {
                self.seats.tell_user(&user.id, &ServerMessage::Muted { until: Some(until) });
            }
            EventKind::Pardoned { user } => {
                self.seats.tell_user(&user.id, &ServerMessage::Muted { until: None })
            }
            EventKind::Banned { user } => {
                let addresses: Vec<IpAddr> = self.seats.of(&user.id).map(|(_, seat)| seat.address).collect();
                self.seats.close(&user.id, CloseCode::Banned);
                self.sanctions.was_at(&user.id, &addresses);
                self.cut_off(&user.id, &addresses);
            }
            EventKind::Said { .. }
            | EventKind::Deleted { .. }
            | EventKind::Restored { .. }
            | EventKind::Gifted { .. }
            | EventKind::Refunded { .. } => {}
        }
    }

    pub(super) fn refuse(
        &mut self,
        seat: SeatId,
        nonce: Option<Nonce>,
        failure: Failure,
        retry_after_ms: Option<u32>,
    ) {
        self.seats.tell(seat, &ServerMessage::Refused { nonce, failure, retry_after_ms });
    }
}

enum Ruling {
    Event(EventKind),
    AlreadySo,
}

/// Whoever speaks has a name.
pub(super) fn named(me: &Member) -> Result<(), (Failure, Option<u32>)> {
    if me.name.is_empty() {
        return Err((Failure::new(Code::NameNeeded, "Choose a nickname first"), None));
    }
    Ok(())
}

pub(super) fn internal(error: &Error) -> Failure {
    tracing::error!(%error, "a request failed");
    Failure::new(Code::Internal, "The relay could not do this")
}

fn text_failure(code: Code) -> Failure {
    match code {
        Code::TooLong => Failure::new(code, format!("A message has at most {MAX_TEXT} characters")),
        _ => Failure::new(code, "The message is empty"),
    }
}

fn name_failure(code: Code) -> Failure {
    match code {
        Code::TooLong => Failure::new(code, format!("A nickname has at most {MAX_NAME} characters")),
        _ => Failure::new(code, "The nickname is empty"),
    }
}
