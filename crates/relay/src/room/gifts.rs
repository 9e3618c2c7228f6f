//! Gifts in the room: asked for here, decided by the books, announced once they are on disk.

use footlight_protocol::gift::{Board, Gift, Giver, MAX_GRANT};
use footlight_protocol::overlay::Control;
use footlight_protocol::room::{Event, EventKind, Member, Role as Rank, ServerMessage, UnixMillis};
use footlight_protocol::{Code, Failure, GiftId, Nonce, UserId};

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

impl Actor {
    pub(super) fn send_gift(&mut self, seat: SeatId, me: Member, nonce: Nonce, gift: &GiftId, count: u32) {
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
        let kind = EventKind::Gifted { by: me, gift, count, coins, entry: 0, nonce: Some(nonce.clone()) };
        self.book(seat, by.clone(), by, nonce, what, kind, now);
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
                self.book(seat, by, person, nonce, what, kind, clock::now_millis());
            }
            Err(failure) => self.refuse(seat, Some(nonce), failure, None),
        }
    }

    /// The event that showed the entry, and whose coins it took.
    async fn gift_of(&mut self, number: u64) -> Result<(footlight_protocol::Seq, Member, u64), Failure> {
        let none = || Failure::new(Code::NotFound, "There is no such gift");
        let fault = |error: Error| internal(&error);
        let before = number.checked_sub(1).ok_or_else(none)?;
        let found = self.store.entries(self.id.clone(), before, 1).await.map_err(fault)?;
        let seq = found.first().and_then(|entry| entry.seq).ok_or_else(none)?;
        let event = self.store.event(self.id.clone(), seq).await.map_err(fault)?;
        match event.map(|kept| kept.event.kind) {
            Some(EventKind::Gifted { by, coins, entry, .. }) if entry == number => Ok((seq, by, coins)),
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
        let what = What::Move {
            kind: Kind::Grant,
            from: Account::Treasury,
            to: Account::Person(purse.clone()),
            amount: coins,
            item: None,
            count: 1,
            cap: None,
        };
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
    #[allow(clippy::too_many_arguments, reason = "they are one request, taken apart here")]
    fn book(
        &mut self,
        seat: SeatId,
        (purse, by): (Purse, UserId),
        person: (Purse, UserId),
        nonce: Nonce,
        what: What,
        kind: EventKind,
        at: UnixMillis,
    ) {
        let Some(kept) = self.plan(seat, &by, &nonce, kind, at) else {
            return;
        };
        let seq = kept.event.seq;
        // Of what waits nothing is asked but which request it is; the event itself comes back with its number.
        let waits = Kept {
            event: Event { seq, at, kind: EventKind::Erased {} },
            by: Some(by),
            nonce: Some(nonce.clone()),
        };
        let request = Request { by: purse, nonce, at, seq: Some(seq), what };
        let booked = Booked { request, person: Some(person), event: Some(Box::new(kept)) };
        let settling = self.store.book(self.id.clone(), booked);
        self.writes.push_back(Box::pin(async move { Written::Settled(Box::new(settling.await)) }));
        self.waiting.push_back((waits, vec![seat]));
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
            (Answer::Made(_), Some(kept)) => {
                let person = match &kept.event.kind {
                    EventKind::Gifted { by, .. } => Some(&by.id),
                    EventKind::Refunded { to, .. } => Some(&to.id),
                    _ => None,
                };
                let wallet = person.cloned().zip(settled.coins);
                self.announce(*kept, &seats);
                self.boards.stale = true;
                if let Some((person, coins)) = wallet {
                    self.tell_wallet(&person, coins);
                }
            }
            // It was carried out in an earlier life of the room.
            (Answer::Made(entry) | Answer::Again(entry), _) => {
                let seq = entry.seq.unwrap_or(planned.event.seq);
                self.history.forget(&planned);
                if let Some(nonce) = &planned.nonce {
                    for seat in seats {
                        self.seats.tell(seat, &ServerMessage::Done { nonce: nonce.clone(), seq });
                    }
                }
            }
            (Answer::Refused(refusal), _) => {
                let (failure, after) = said(refusal);
                self.not_kept(&planned, &seats, &failure, after);
            }
        }
    }

    /// Reads how many coins somebody has, behind what is being written, and tells them.
    pub(super) fn count_coins(&mut self, user: UserId) {
        let (store, room) = (self.store.clone(), self.id.clone());
        let account = Account::Person(self.auth.purse(&user));
        self.writes.push_back(Box::pin(async move {
            match store.balance(room, account).await {
                Ok(coins) => Written::Wallet { user, coins: u64::try_from(coins).unwrap_or(0) },
                Err(error) => {
                    tracing::error!(%error, "a balance could not be read");
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

    pub(super) fn tell_board(&mut self, board: Board) {
        if board != self.boards.newest {
            self.seats.tell_all(&ServerMessage::Board { board: board.clone() }, Weight::Light);
            self.boards.newest = board;
        }
    }

    fn gift_pace(&mut self, user: &UserId, now: UnixMillis) -> Result<(), (Failure, Option<u32>)> {
        let rate = Rate { most: self.limits.gifts_per_second, window: 1_000 };
        let pace = self.gift_paces.entry(user.clone()).or_insert_with(|| Pace::new(rate));
        let too_fast =
            |after| (Failure::new(Code::TooFast, "Not so fast; try again in a moment"), Some(after));
        pace.take(now).map_err(too_fast)
    }
}

async fn board(store: &Store, room: footlight_protocol::RoomId, now: UnixMillis) -> Result<Board, Error> {
    Ok(Board {
        day: givers(store.givers(room.clone(), now, Board::MOST).await?),
        week: givers(store.givers(room, now.saturating_sub(WEEK), Board::MOST).await?),
    })
}

fn givers(kept: Vec<crate::store::ledger::Giver>) -> Vec<Giver> {
    kept.into_iter().map(|one| Giver { user: one.user, name: one.name, coins: one.coins }).collect()
}

pub(super) fn owner_only() -> Failure {
    Failure::new(Code::Forbidden, "Only the owner can do this")
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
        Refusal::ReversedBefore => {
            (Failure::new(Code::WrongPhase, "This gift has been given back already"), None)
        }
    }
}
