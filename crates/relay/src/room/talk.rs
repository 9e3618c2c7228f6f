//! What members do in the chat: join and talk. Decided here, kept in the store, announced after the commit.

use footlight_protocol::coin::CoinNews;
use footlight_protocol::danmaku::Fly;
use footlight_protocol::room::{
    ClientMessage, Event, EventKind, MAX_CARD, MAX_NAME, MAX_TEXT, Member, Role as Rank, ServerMessage,
    UnixMillis,
};
use footlight_protocol::{Code, Failure, Nonce, Seq, UserId, VERSION};

use super::actor::{Actor, Written};
use super::guard::{Coming, held_back};
use super::seats::Seat;
use super::{Join, SeatId, draining};
use crate::chat::outbox::Weight;
use crate::chat::pace::{Pace, Rate};
use crate::chat::text::clean;
use crate::clock;
use crate::error::Error;
use crate::hook::Happening;
use crate::moderation::{banned, may_talk};
use crate::store::Kept;

/// Events whose commit is awaited at most. More ⇒ refused: the disk does not keep up.
const UNCOMMITTED: usize = 1024;

impl Actor {
    pub(super) fn join(&mut self, join: Join) -> Result<SeatId, Failure> {
        let Join { user, person, rank, address, since, token, way } = join;
        let (name, first) = person.map(|person| (person.name, person.first)).unzip();
        let name = name.unwrap_or_default();
        if self.sanctions.is_banned(&user) || self.sanctions.is_banned(&self.auth.alias(&user)) {
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
        let rank = rank.max(self.guard.role(&user));
        let member = Member::new(user, name, rank);
        let moderates = rank >= Rank::Moderator;
        let missed = since.and_then(|since| self.history.after(since, moderates));
        let welcome = ServerMessage::Welcome {
            version: VERSION,
            you: member.clone(),
            token,
            room: self.room_state(),
            resumed: missed.is_some(),
            history: missed.unwrap_or_else(|| self.history.fresh(&self.sanctions)),
            desk: moderates.then(|| self.guard.desk()),
            seq: self.history.seq(),
            muted_until: self.sanctions.muted_until(&member.id, clock::now_millis()),
            gifts: self.catalogue.gifts().to_vec(),
            shop: self.till.shop.clone(),
            board: self.boards.newest.clone(),
        };
        let seat = self.seats.add(Seat::new(member.clone(), first, address), way, welcome);
        self.count_coins(member.id.clone());
        self.catch_up(seat, &member);
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
            ClientMessage::Coins { nonce, ask } => self.coins(seat, me, nonce, ask).await,
            ClientMessage::SetGifts { nonce, gifts } => self.set_gifts(seat, me, nonce, gifts).await,
            ClientMessage::Overlay { nonce, control } => self.overlay(seat, me, nonce, control),
            ClientMessage::Playing { latency_ms } => {
                if let Some(seat) = self.seats.get_mut(seat) {
                    seat.playing = latency_ms.map(|latency| (latency, std::time::Instant::now()));
                }
                self.watches(seat, &me);
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
        self.seats.rename(&me.id, &name, now);
        let sessions: Vec<(SeatId, Member)> =
            self.seats.of(&me.id).map(|(id, seat)| (id, seat.member.clone())).collect();
        for (seat, you) in sessions {
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
            Ok(text) => self.weigh(Coming { seat, me, nonce, text, fly }, now),
            Err((failure, after)) => self.refuse(seat, Some(nonce), failure, after),
        }
    }

    /// Answers a request that was made before.
    pub(super) fn repeated(&mut self, seat: SeatId, user: &UserId, nonce: &Nonce) -> bool {
        let Some(seq) = self.history.known(user, nonce) else {
            return false;
        };
        if self.history.is_held(seq) {
            self.refuse(seat, Some(nonce.clone()), held_back(), None);
            return true;
        }
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

    /// Gives the event its place and sends it to the store; says whether there was room for it.
    pub(super) fn keep(
        &mut self,
        seat: SeatId,
        by: UserId,
        nonce: Nonce,
        kind: EventKind,
        at: UnixMillis,
    ) -> bool {
        let planned = self.plan(seat, &by, &nonce, kind, at);
        let is_planned = planned.is_some();
        if let Some(kept) = planned {
            self.write(kept, vec![seat]);
        }
        is_planned
    }

    /// The same for what nobody waits for: what the room does itself, and all but the last event of a request. There are
    /// at most a few for each event that somebody waits for.
    pub(super) fn keep_own(&mut self, by: Option<UserId>, kind: EventKind, at: UnixMillis) -> Seq {
        let seq = self.history.next_seq();
        self.write(Kept { event: Event { seq, at, kind }, by, nonce: None }, Vec::new());
        seq
    }

    fn write(&mut self, kept: Kept, seats: Vec<SeatId>) {
        let (store, room, copy) = (self.store.clone(), self.id.clone(), kept.clone());
        self.writes.push_back(Box::pin(async move { Written::Event(store.keep(room, copy).await) }));
        self.waiting.push_back((kept, seats));
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
            Written::Watched { due, settled } => self.watcher_paid(&due, *settled),
            Written::TopUps { seat, list } => {
                self.seats.tell(seat, &ServerMessage::Coins { news: CoinNews::TopUps { list } });
            }
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
        if matches!(event.kind, EventKind::Held { .. }) {
            self.announce_held(&event, seats);
            return self.history.announce(kept);
        }
        match &event.kind {
            EventKind::Said { .. } => {}
            EventKind::Gifted { .. } | EventKind::Refunded { .. } => {
                self.tell(Happening::Gifted { event: event.clone() });
            }
            _ => self.tell(Happening::Moderated { by: kept.by.clone(), event: event.clone() }),
        }
        let told = ServerMessage::Event { event: event.clone() };
        if event.kind.is_private() {
            self.seats.tell_moderators(&told);
        } else {
            self.seats.tell_all(&told, Weight::Full);
        }
        if let Some(nonce) = &kept.nonce {
            for seat in seats {
                self.seats.tell(*seat, &ServerMessage::Done { nonce: nonce.clone(), seq: event.seq });
            }
        }
        self.history.announce(kept);
        self.follow(event.kind);
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
