//! Gifts in the room: asked for here, decided by the books, announced once they are on disk.

use footlight_protocol::gift::{Board, Gift, Giver, MAX_GRANT};
use footlight_protocol::overlay::Control;
use footlight_protocol::room::{Event, EventKind, Member, Role as Rank, ServerMessage, UnixMillis};
use footlight_protocol::spend::{BecameMember, Drawn, Packet, PacketOver, Paid};
use footlight_protocol::{Code, Failure, GiftId, Nonce, Seq, UserId};

use super::SeatId;
use super::actor::{Actor, Written};
use super::talk::{internal, named};
use crate::chat::outbox::Weight;
use crate::chat::pace::{Pace, Rate};
use crate::clock;
use crate::error::Error;
use crate::gift::catalogue::{self, Catalogue};
use crate::gift::ledger::{Account, Answer, HOUR, Kind, Purse, Refusal, Request, What};
use crate::moderation::may_talk;
use crate::store::ledger::{Booked, Settled};
use crate::store::{Kept, Store};

/// Who gave most is told at most this often, in milliseconds.
const BOARD_EVERY: UnixMillis = 2_000;
/// The board of the week reaches back to the day this many milliseconds ago.
const WEEK: UnixMillis = 6 * 24 * HOUR;

/// The room's board, and whether it has to be counted again.
pub(super) struct Boards {
    pub(super) newest: Board,
    stale: bool,
    counted_at: UnixMillis,
}

impl Boards {
    /// It is counted again with the next tick.
    pub(super) fn recount(&mut self) {
        self.stale = true;
    }
}

impl Default for Boards {
    fn default() -> Self {
        Self { newest: Board::default(), stale: true, counted_at: 0 }
    }
}

/// A request to the books that somebody waits for.
pub(super) struct Order {
    pub(super) seat: SeatId,
    /// Who asks.
    pub(super) by: (Purse, UserId),
    /// Whose coins it concerns.
    pub(super) person: (Purse, UserId),
    pub(super) nonce: Nonce,
    /// What the books call it, where that is not the sender's nonce.
    pub(super) known_as: Option<Nonce>,
    pub(super) what: What,
    /// What will show it.
    pub(super) kind: EventKind,
    pub(super) at: UnixMillis,
}

impl Actor {
    pub(super) fn send_gift(
        &mut self,
        seat: SeatId,
        mut me: Member,
        nonce: Nonce,
        gift: &GiftId,
        count: u32,
    ) {
        if self.repeated(seat, &me.id, &nonce) {
            return;
        }
        let now = clock::now_millis();
        let priced = may_talk(&self.sanctions, &me.id, now)
            .and(named(&me))
            .and_then(|()| self.catalogue.price(gift, count).map_err(|failure| (failure, None)))
            .and_then(|priced| self.gift_pace(&me.id, now).map(|()| priced));
        let (gift, coins) = match priced {
            Ok(priced) => priced,
            Err((failure, after)) => return self.refuse(seat, Some(nonce), failure, after),
        };
        let purse = self.auth.purse(&me.id);
        let what = What::Move {
            kind: Kind::Gift,
            from: Account::Person(purse.clone()),
            to: Account::Creator,
            amount: coins,
            item: Some(gift.id.to_string()),
            count,
            cap: gift.per_hour,
        };
        let by = (purse, me.id.clone());
        me.badges = self.badges_after(&me.id, coins, now);
        let kind = EventKind::Gifted { by: me, gift, count, coins, entry: 0, nonce: Some(nonce.clone()) };
        let person = by.clone();
        self.book(Order { seat, by, person, nonce, known_as: None, what, kind, at: now });
    }

    /// Gives a gift's coins back, and takes it off the screens.
    pub(super) async fn refund(&mut self, seat: SeatId, me: Member, nonce: Nonce, number: u64) {
        if self.repeated(seat, &me.id, &nonce) {
            return;
        }
        if me.role != Rank::Owner {
            return self.refuse(seat, Some(nonce), owner_only(), None);
        }
        match self.gift_of(number).await {
            Ok((gift, to, coins)) => {
                let kind = EventKind::Refunded { gift, to: to.clone(), coins, entry: 0 };
                let what = What::Reverse { number };
                let by = (self.auth.purse(&me.id), me.id);
                let person = (self.auth.purse(&to.id), to.id);
                let at = clock::now_millis();
                self.book(Order { seat, by, person, nonce, known_as: None, what, kind, at });
            }
            Err(failure) => self.refuse(seat, Some(nonce), failure, None),
        }
    }

    /// The event that showed the entry, and whose coins it took.
    async fn gift_of(&mut self, number: u64) -> Result<(Seq, Member, u64), Failure> {
        let none = || Failure::new(Code::NotFound, "There is no such gift");
        let fault = |error: Error| internal(&error);
        let before = number.checked_sub(1).ok_or_else(none)?;
        let found = self.store.entries(self.id.clone(), before, 1).await.map_err(fault)?;
        let seq = found.first().and_then(|entry| entry.seq).ok_or_else(none)?;
        let event = self.store.event(self.id.clone(), seq).await.map_err(fault)?;
        match event.map(|kept| kept.event.kind) {
            Some(
                EventKind::Gifted { by, coins, entry, .. }
                | EventKind::Paid(Paid { by, coins, entry, .. })
                | EventKind::BecameMember(BecameMember { by, coins, entry, .. }),
            ) if entry == number => Ok((seq, by, coins)),
            _ => Err(none()),
        }
    }

    /// Gives coins to a person. The room does not hear of it.
    pub(super) fn grant(&mut self, seat: SeatId, me: Member, nonce: Nonce, user: UserId, coins: u64) {
        if me.role != Rank::Owner {
            return self.refuse(seat, Some(nonce), owner_only(), None);
        }
        if !(1..=MAX_GRANT).contains(&coins) {
            let failure =
                Failure::new(Code::Malformed, format!("1 to {MAX_GRANT} coins are granted at once"));
            return self.refuse(seat, Some(nonce), failure, None);
        }
        let purse = self.auth.purse(&user);
        let what = What::issued(Kind::Grant, purse.clone(), coins);
        let by = self.auth.purse(&me.id);
        let request = Request { by, nonce: nonce.clone(), at: clock::now_millis(), seq: None, what };
        let booked = Booked { request, person: Some((purse, user.clone())), event: None };
        let settling = self.store.book(self.id.clone(), booked);
        self.writes.push_back(Box::pin(async move {
            Written::Granted { seat, nonce, user, settled: Box::new(settling.await) }
        }));
    }

    /// A grant is on disk, or was refused.
    pub(super) fn granted(
        &mut self,
        seat: SeatId,
        nonce: Nonce,
        user: &UserId,
        settled: Result<Settled, Error>,
    ) {
        match settled {
            Ok(Settled { answer: Answer::Made(_) | Answer::Again(_), coins, .. }) => {
                if let Some(coins) = coins {
                    self.tell_wallet(user, coins);
                }
                self.seats.tell(seat, &ServerMessage::Done { nonce, seq: self.history.seq() });
            }
            Ok(Settled { answer: Answer::Refused(refusal), .. }) => {
                let (failure, after) = said(refusal);
                self.refuse(seat, Some(nonce), failure, after);
            }
            Err(error) => self.refuse(seat, Some(nonce), internal(&error), None),
        }
    }

    /// Sets what the room offers. It is the room's state and not one of its events.
    pub(super) async fn set_gifts(&mut self, seat: SeatId, me: Member, nonce: Nonce, gifts: Vec<Gift>) {
        if me.role != Rank::Owner {
            return self.refuse(seat, Some(nonce), owner_only(), None);
        }
        let catalogue = match Catalogue::new(gifts) {
            Ok(catalogue) => catalogue,
            Err(failure) => return self.refuse(seat, Some(nonce), failure, None),
        };
        if catalogue != self.catalogue {
            let kept = self.store.set_setting(self.id.clone(), catalogue::SETTING, catalogue.kept()).await;
            if let Err(error) = kept {
                return self.refuse(seat, Some(nonce), internal(&error), None);
            }
            self.catalogue = catalogue;
            let gifts = self.catalogue.gifts().to_vec();
            self.seats.tell_all(&ServerMessage::Gifts { gifts }, Weight::Full);
        }
        self.seats.tell(seat, &ServerMessage::Done { nonce, seq: self.history.seq() });
    }

    /// Passes on what the owner wants of the overlay pages, which are members like others.
    pub(super) fn overlay(&mut self, seat: SeatId, me: Member, nonce: Nonce, control: Control) {
        if me.role != Rank::Owner {
            return self.refuse(seat, Some(nonce), owner_only(), None);
        }
        self.seats.tell_all(&ServerMessage::Overlay { control }, Weight::Full);
        self.seats.tell(seat, &ServerMessage::Done { nonce, seq: self.history.seq() });
    }

    /// Sends a request to the books, and with it the event that shows it.
    pub(super) fn book(&mut self, order: Order) {
        let Order { seat, by: (purse, by), person, nonce, known_as, what, kind, at } = order;
        let Some(kept) = self.plan(seat, &by, &nonce, kind, at) else {
            return;
        };
        let request = Request {
            by: purse,
            nonce: known_as.unwrap_or_else(|| nonce.clone()),
            at,
            seq: Some(kept.event.seq),
            what,
        };
        self.settle(kept, request, person, vec![seat]);
    }

    /// The same for what the room does itself; gives the place of the event.
    pub(super) fn book_own(
        &mut self,
        person: (Purse, UserId),
        nonce: Nonce,
        what: What,
        kind: EventKind,
        at: UnixMillis,
    ) -> Seq {
        let seq = self.history.next_seq();
        let kept = Kept { event: Event { seq, at, kind }, by: None, nonce: None };
        let request = Request { by: Purse::of_relay(), nonce, at, seq: Some(seq), what };
        self.settle(kept, request, person, Vec::new());
        seq
    }

    fn settle(&mut self, kept: Kept, request: Request, person: (Purse, UserId), seats: Vec<SeatId>) {
        // Of what waits nothing is asked but which request it is, and whose turn a message took that is not paid for; the
        // event itself comes back with its number.
        let kind = match &kept.event.kind {
            EventKind::Paid(paid) => EventKind::Paid(paid.clone()),
            _ => EventKind::Erased {},
        };
        let waits = Kept {
            event: Event { seq: kept.event.seq, at: kept.event.at, kind },
            by: kept.by.clone(),
            nonce: kept.nonce.clone(),
        };
        let booked = Booked { request, person: Some(person), event: Some(Box::new(kept)) };
        let settling = self.store.book(self.id.clone(), booked);
        self.writes.push_back(Box::pin(async move { Written::Settled(Box::new(settling.await)) }));
        self.waiting.push_back((waits, seats));
    }

    /// The oldest waiting event was decided by the books.
    pub(super) fn settled(&mut self, settled: Result<Settled, Error>) {
        let Some((planned, seats)) = self.waiting.pop_front() else {
            return;
        };
        let settled = match settled {
            Ok(settled) => settled,
            Err(error) => return self.not_kept(&planned, &seats, &internal(&error), None),
        };
        match (settled.answer, settled.event) {
            (Answer::Made(entry), Some(kept)) => {
                let moved = moved(&kept.event);
                let at = kept.event.at;
                self.announce(*kept, &seats);
                self.boards.stale = true;
                self.count_towards_goal(&entry, at);
                if let Some((person, gift, given)) = moved {
                    if let Some(coins) = settled.coins {
                        self.tell_wallet(&person.id, coins);
                    }
                    self.tally.add(&person, gift, given);
                    self.gave(&person.id, given, at);
                    if let Some(term) = settled.term {
                        self.has_term(&person.id, term, at);
                    }
                }
            }
            // It was carried out in an earlier life of the room.
            (Answer::Made(entry) | Answer::Again(entry), _) => {
                let seq = entry.seq.unwrap_or(planned.event.seq);
                self.history.forget(&planned);
                self.packets.not_closed(planned.event.seq, Some(Refusal::PacketOver));
                if let Some(nonce) = &planned.nonce {
                    for seat in seats {
                        self.seats.tell(seat, &ServerMessage::Done { nonce: nonce.clone(), seq });
                    }
                }
            }
            (Answer::Refused(refusal), _) => {
                self.packets.not_closed(planned.event.seq, Some(refusal));
                let (failure, after) = said(refusal);
                self.not_kept(&planned, &seats, &failure, after);
            }
        }
    }

    /// Reads how many coins somebody has, behind what is being written, and tells them.
    pub(super) fn count_coins(&mut self, user: UserId) {
        let (store, room) = (self.store.clone(), self.id.clone());
        let purse = self.auth.purse(&user);
        self.writes.push_back(Box::pin(async move {
            match store.wallet(room, purse).await {
                Ok((coins, earned)) => Written::Wallet { user, coins, earned },
                Err(error) => {
                    tracing::error!(%error, "a wallet could not be read");
                    Written::Nothing
                }
            }
        }));
    }

    pub(super) fn tell_wallet(&mut self, user: &UserId, coins: u64) {
        self.seats.tell_user(user, &ServerMessage::Wallet { coins });
    }

    /// Counts anew who gave most, where it may have changed and was not counted just now.
    pub(super) fn count_board(&mut self, now: UnixMillis) {
        if !self.boards.stale || now < self.boards.counted_at + BOARD_EVERY {
            return;
        }
        (self.boards.stale, self.boards.counted_at) = (false, now);
        let (store, room) = (self.store.clone(), self.id.clone());
        self.writes.push_back(Box::pin(async move {
            match board(&store, room, now).await {
                Ok(board) => Written::Board(board),
                Err(error) => {
                    tracing::error!(%error, "the board could not be counted");
                    Written::Nothing
                }
            }
        }));
    }

    pub(super) fn tell_board(&mut self, mut board: Board) {
        board.session = self.tally.most(Board::MOST);
        if board != self.boards.newest {
            self.boards.newest = board;
            self.show_board();
        }
    }

    pub(super) fn gift_pace(&mut self, user: &UserId, now: UnixMillis) -> Result<(), (Failure, Option<u32>)> {
        let rate = Rate { most: self.limits.gifts_per_second, window: 1_000 };
        let pace = self.gift_paces.entry(user.clone()).or_insert_with(|| Pace::new(rate));
        let too_fast =
            |after| (Failure::new(Code::TooFast, "Not so fast; try again in a moment"), Some(after));
        pace.take(now).map_err(too_fast)
    }
}

async fn board(store: &Store, room: footlight_protocol::RoomId, now: UnixMillis) -> Result<Board, Error> {
    Ok(Board {
        session: Vec::new(),
        day: givers(store.givers(room.clone(), now, Board::MOST).await?),
        week: givers(store.givers(room, now.saturating_sub(WEEK), Board::MOST).await?),
    })
}

fn givers(kept: Vec<crate::store::given::Giver>) -> Vec<Giver> {
    kept.into_iter().map(|one| Giver { user: one.user, name: one.name, coins: one.coins }).collect()
}

pub(super) fn owner_only() -> Failure {
    Failure::new(Code::Forbidden, "Only the owner can do this")
}

/// Whose coins an event is about, the event by which they were given, and how many they have given more by it.
fn moved(event: &Event) -> Option<(Member, Seq, i64)> {
    let (person, given_by, given) = match &event.kind {
        EventKind::Gifted { by, coins, .. }
        | EventKind::Paid(Paid { by, coins, .. })
        | EventKind::BecameMember(BecameMember { by, coins, .. }) => (by, event.seq, *coins as i64),
        EventKind::Refunded { gift, to, coins, .. } => (to, *gift, -(*coins as i64)),
        // They come from people and go to people.
        EventKind::Packet(Packet { by, .. })
        | EventKind::Drawn(Drawn { by, .. })
        | EventKind::PacketOver(PacketOver { to: by, .. }) => (by, event.seq, 0),
        _ => return None,
    };
    Some((person.clone(), given_by, given))
}

/// What a person hears of it, and after how many milliseconds it may be tried again.
pub(super) fn said(refusal: Refusal) -> (Failure, Option<u32>) {
    match refusal {
        Refusal::Short { has } => {
            (Failure::new(Code::TooFewCoins, format!("This costs more than the {has} coins there are")), None)
        }
        Refusal::Capped { left } => {
            let text = format!("{left} more of this gift may be sent within the hour");
            // When the first of them is an hour old is not looked up; in ten minutes it is worth another try.
            (Failure::new(Code::GiftCap, text), Some(600_000))
        }
        Refusal::NonceTaken => {
            (Failure::new(Code::Malformed, "A request of this nonce asked for something else"), None)
        }
        Refusal::Senseless => (Failure::new(Code::Malformed, "This cannot be paid"), None),
        Refusal::NoSuchEntry => (Failure::new(Code::NotFound, "There is no such gift"), None),
        Refusal::PacketOver => (Failure::new(Code::PacketOver, "Nothing is left in this red packet"), None),
        Refusal::FarAhead => {
            (Failure::new(Code::PaidAhead, "The membership is paid for a year ahead already"), None)
        }
        Refusal::ReversedBefore => {
            (Failure::new(Code::WrongPhase, "This gift has been given back already"), None)
        }
    }
}
