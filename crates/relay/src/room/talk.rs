//! What members do in the chat: join and talk. Decided here, kept in the store, announced after the commit.

use footlight_protocol::coin::CoinNews;
use footlight_protocol::danmaku::Fly;
use footlight_protocol::room::{
    ClientMessage, Event, EventKind, MAX_CARD, MAX_NAME, MAX_TEXT, Member, Role as Rank, ServerMessage,
    UnixMillis,
};
use footlight_protocol::talk::Quote;
use footlight_protocol::{Code, Failure, MessageId, Nonce, Seq, UserId, VERSION};

use super::actor::{Actor, Written};
use super::claims::name_taken;
use super::guard::{Coming, held_back};
use super::older::{Sought, gone};
use super::people::Before;
use super::seats::Seat;
use super::{Join, SeatId, draining};
use crate::chat::pace::{Pace, Rate};
use crate::chat::text::clean;
use crate::clock;
use crate::error::Error;
use crate::hook::Happening;
use crate::moderation::{banned, may_talk};
use crate::store::Kept;
use crate::store::logins::Named;

/// Events whose commit is awaited at most. More ⇒ refused: the disk does not keep up.
const UNCOMMITTED: usize = 1024;

/// What a message answers.
enum Quoted {
    /// Something that is in memory, or nothing.
    Here(Option<Box<Quote>>),
    /// What only the store knows of.
    Older(MessageId),
}

impl Actor {
    pub(super) fn join(&mut self, join: Join) -> Result<SeatId, Failure> {
        let Join { user, person, earned, follows, rank, address, since, token, way } = join;
        let first = person.as_ref().map(|person| person.first);
        let (name, avatar) = person.map(|person| (person.name, person.avatar)).unwrap_or_default();
        let network_is_banned = rank < Rank::Owner && self.bars_network(Some(&user), address);
        if self.sanctions.is_banned(&user)
            || self.sanctions.is_banned(&self.auth.alias(&user))
            || network_is_banned
        {
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
        let member = self.comes(Member { avatar, ..Member::new(user, name, rank) }, earned);
        let moderates = rank >= Rank::Moderator;
        let missed = since.and_then(|since| self.history.after(since, moderates, &self.sanctions));
        self.follows.come(&member.id, follows);
        let welcome = ServerMessage::Welcome {
            version: VERSION,
            you: member.clone(),
            token,
            room: self.room_state(),
            resumed: missed.is_some(),
            following: self.follows.since(&member.id).is_some(),
            history: self.as_told(missed.unwrap_or_else(|| self.history.fresh(&self.sanctions)), &member),
            desk: moderates.then(|| self.desk_for(&member)),
            seq: self.history.seq(),
            muted_until: self.sanctions.muted_until(&member.id, clock::now_millis()),
            gifts: self.catalogue.gifts().to_vec(),
            emotes: self.emotes.clone(),
            board: self.board_for(&member),
            shop: self.till.shop.clone(),
            shows: self.shows_for(&member),
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
            ClientMessage::Say { nonce, text, fly, reply } => {
                self.talk(seat, me, nonce, &text, (fly, reply));
            }
            ClientMessage::Report(report) => self.report(seat, me, report),
            ClientMessage::Follow { nonce, on } => self.ask_to_follow(seat, me, nonce, on),
            ClientMessage::Like { count } => self.like(seat, &me, count),
            ClientMessage::Moderate { nonce, action } => self.moderate(seat, me, nonce, action).await,
            ClientMessage::SetCard { nonce, text } => self.set_card(seat, me, nonce, &text).await,
            ClientMessage::SendGift { nonce, gift, count } => self.send_gift(seat, me, nonce, &gift, count),
            ClientMessage::Grant { nonce, user, coins } => self.grant(seat, me, nonce, user, coins),
            ClientMessage::Refund { nonce, entry } => self.refund(seat, me, nonce, entry).await,
            ClientMessage::Coins { nonce, ask } => self.coins(seat, me, nonce, ask).await,
            ClientMessage::SetGifts { nonce, gifts } => self.set_gifts(seat, me, nonce, gifts).await,
            ClientMessage::Spend { nonce, what } => self.spend(seat, me, nonce, what),
            ClientMessage::Arrange { nonce, what } => self.arrange(seat, me, nonce, what).await,
            ClientMessage::Overlay { nonce, control } => self.overlay(seat, me, nonce, control),
            ClientMessage::Playing { latency_ms } => {
                self.plays(seat, latency_ms);
                self.watches(seat, &me);
            }
            ClientMessage::Card { nonce, user } => self.card(seat, &me, nonce, user, Before::Nothing),
            ClientMessage::AddNote { nonce, user, text } => {
                self.card(seat, &me, nonce, user, Before::Note(text));
            }
            ClientMessage::DropNote { nonce, user, note } => {
                self.card(seat, &me, nonce, user, Before::Unnote(note));
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
        match self.store.set_name(me.id.clone(), name.clone(), now).await {
            Ok(Named::Done) => self.rename(&me.id, &name, now),
            Ok(Named::Taken | Named::Again) => self.refuse(seat, None, name_taken(), None),
            Err(error) => self.refuse(seat, None, internal(&error), None),
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

    fn talk(
        &mut self,
        seat: SeatId,
        me: Member,
        nonce: Nonce,
        text: &str,
        (fly, reply): (Option<Fly>, Option<MessageId>),
    ) {
        if self.repeated(seat, &me.id, &nonce) {
            return;
        }
        let now = clock::now_millis();
        let text = may_talk(&self.sanctions, &me.id, now)
            .and(named(&me))
            .and_then(|()| clean(text, MAX_TEXT).map_err(|code| (text_failure(code), None)))
            .and_then(|text| Ok((self.quoted(reply)?, text)))
            .and_then(|said| self.pace(&me.id, now).map(|()| said));
        match text {
            Ok((Quoted::Older(message), text)) => self.seek(Sought { seat, nonce, text, fly }, message),
            Ok((Quoted::Here(reply), text)) => self.weigh(Coming { seat, me, nonce, text, fly, reply }, now),
            Err((failure, after)) => self.refuse(seat, Some(nonce), failure, after),
        }
    }

    /// What is answered, as far as memory says.
    fn quoted(&self, reply: Option<MessageId>) -> Result<Quoted, (Failure, Option<u32>)> {
        let Some(message) = reply else { return Ok(Quoted::Here(None)) };
        match self.history.quote(message, &self.sanctions) {
            Some(quote) => Ok(Quoted::Here(Some(Box::new(quote)))),
            None if self.history.knows(message) => Err(gone()),
            None => Ok(Quoted::Older(message)),
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

    pub(super) fn pace(&mut self, user: &UserId, now: UnixMillis) -> Result<(), (Failure, Option<u32>)> {
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
            Written::Wallet { user, coins, earned } => {
                self.tell_wallet(&user, coins);
                self.has_earned(&user, earned);
            }
            Written::Sought(sought, quote) => self.found(*sought, quote),
            Written::Reported(seat, nonce, taken) => self.reported(seat, nonce, *taken),
            Written::Follow(asked, changed) => self.followed(*asked, changed),
            Written::Watched { due, settled } => self.watcher_paid(&due, *settled),
            Written::TopUps { seat, list } => {
                self.seats.tell(seat, &ServerMessage::Coins { news: CoinNews::TopUps { list } });
            }
            Written::Board(board) => self.tell_board(board),
            Written::Card(asked) => self.tell_card(*asked),
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
        if matches!(kept.event.kind, EventKind::GoalReached { .. }) {
            self.not_celebrated();
        }
        if let EventKind::Paid(paid) = &kept.event.kind {
            self.was_not_paid(paid, kept.event.at);
        }
        self.packets.not_closed(kept.event.seq, None);
        for seat in seats {
            self.refuse(*seat, kept.nonce.clone(), why.clone(), after);
        }
    }

    /// Everybody hears of what has happened, and those who asked for it get their answer.
    pub(super) fn announce(&mut self, mut kept: Kept, seats: &[SeatId]) {
        // What it answers may have been taken away while it was written.
        self.history.unquote(&mut kept.event.kind, &self.sanctions);
        let event = kept.event.clone();
        self.metrics.events.one();
        if matches!(event.kind, EventKind::Held { .. }) {
            self.announce_held(&event, seats);
            return self.history.announce(kept);
        }
        match &event.kind {
            EventKind::Deleted { message } => self.unquote_waiting(&[*message]),
            EventKind::Swept { messages, .. } => self.unquote_waiting(messages),
            EventKind::Refunded { gift, .. } => self.unquote_waiting(&[MessageId(gift.0)]),
            _ => {}
        }
        match &event.kind {
            EventKind::GoalReached { .. } => {}
            EventKind::Said { by, .. } => self.people.said(&by.id),
            EventKind::Gifted { .. }
            | EventKind::Refunded { .. }
            | EventKind::Packet(_)
            | EventKind::Drawn(_)
            | EventKind::PacketOver(_)
            | EventKind::Paid(_)
            | EventKind::BecameMember(_) => {
                self.tell(Happening::Gifted { event: event.clone() });
            }
            _ => self.tell(Happening::Moderated { by: kept.by.clone(), event: event.clone() }),
        }
        self.tell_event(&event);
        if let Some(nonce) = &kept.nonce {
            for seat in seats {
                self.seats.tell(*seat, &ServerMessage::Done { nonce: nonce.clone(), seq: event.seq });
            }
        }
        self.history.announce(kept);
        self.follow_report(&event.kind);
        self.packets.follow(&event);
        self.strip_follows(&event);
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

pub(super) fn text_failure(code: Code) -> Failure {
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
