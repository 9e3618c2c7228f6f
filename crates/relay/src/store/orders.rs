//! Packs that are paid by card: kept before anybody can pay them, and given once whatever comes in which order.
//!
//! An order is under the name that its person has in the books, so that a payment that is underway when they are erased
//! still comes to their purse. It is paid in the transaction that writes its row into the books, under its own id as the
//! nonce; a payment session pays one order.

use footlight_protocol::coin::{Outcome as Became, Pack, TopUp};
use footlight_protocol::room::{Member, Role, UnixMillis};
use footlight_protocol::{Nonce, RoomId, TopUpId, UserId};

use super::Store;
use super::ledger::Booked;
use super::sql::{Database, Fault, Outcome, Row, Value, values};
use crate::error::Error;
use crate::gift::ledger::{Answer, HOUR, Kind, Purse, Refusal, Request, What};
use crate::stripe::{Paid, Refunded};

/// An order that nobody has paid goes after so long: payments that take days are through by then.
const FORGOTTEN: UnixMillis = 30 * 24 * HOUR;
/// What somebody is told of at most, the newest.
const TOLD: usize = 20;
const COLUMNS: &str = "card_order.id, card_order.at, coalesce(purse.person, card_order.purse), card_order.pack, card_order.state,
     person.name";
const PEOPLE: &str = "card_order LEFT JOIN purse ON purse.purse = card_order.purse
     LEFT JOIN person ON person.id = purse.person";

/// What is to be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) id: TopUpId,
    pub(crate) by: UserId,
    pub(crate) purse: Purse,
    pub(crate) at: UnixMillis,
    pub(crate) pack: Pack,
}

/// What became of a word of the payment service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Settlement {
    /// As it is from now on. A person who was erased is under the name that the books have for them.
    Changed(Box<TopUp>),
    /// It was so already.
    Before,
    /// It is not what was ordered; the word says what.
    Unlike(&'static str),
    /// There is no such order.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open = 0,
    Paid = 1,
    GivenBack = 2,
    /// The money went back, and the coins are spent.
    Owed = 3,
    /// Some of the money went back.
    Partly = 4,
}

impl State {
    fn of(number: u64) -> Outcome<Self> {
        let all = [Self::Open, Self::Paid, Self::GivenBack, Self::Owed, Self::Partly];
        let found = all.into_iter().find(|state| *state as u64 == number);
        found.ok_or_else(|| Fault("an order's state cannot be read".to_owned()))
    }

    fn outcome(self) -> Became {
        match self {
            Self::Open => Became::Waits,
            Self::Paid => Became::Approved,
            Self::GivenBack => Became::GivenBack,
            Self::Owed => Became::Owed,
            Self::Partly => Became::PartlyRefunded,
        }
    }
}

impl Store {
    /// Keeps an order that is new; else gives the one of that nonce, or nothing where that one was paid.
    pub(crate) async fn order(
        &self,
        room: RoomId,
        order: Order,
        nonce: Nonce,
    ) -> Result<Option<(TopUpId, Pack)>, Error> {
        self.ask(move |database| database.order(&room, &order, &nonce)).await
    }

    /// In which page the order is paid.
    pub(crate) async fn set_session(
        &self,
        room: RoomId,
        order: TopUpId,
        session: String,
    ) -> Result<(), Error> {
        self.ask(move |database| {
            database
                .execute(
                    "UPDATE card_order SET session = ?3 WHERE room = ?1 AND id = ?2 AND session IS NULL",
                    values![room.as_str(), order.as_str(), &session],
                )
                .map(drop)
        })
        .await
    }

    /// Gives the coins of an order that was paid.
    pub(crate) async fn pay(&self, room: RoomId, paid: Paid, at: UnixMillis) -> Result<Settlement, Error> {
        self.ask(move |database| database.pay(&room, &paid, at)).await
    }

    /// Takes the coins of an order back whose money went back, as far as they are there.
    pub(crate) async fn take_back(
        &self,
        room: RoomId,
        refunded: Refunded,
        at: UnixMillis,
    ) -> Result<Settlement, Error> {
        self.ask(move |database| database.take_back(&room, &refunded, at)).await
    }

    /// What somebody has not read of their own orders, oldest first.
    pub(crate) async fn orders_of(&self, room: RoomId, purse: Purse) -> Result<Vec<TopUp>, Error> {
        self.ask(move |database| database.orders(&room, "card_order.state IN (1, 2)", Some(&purse))).await
    }

    /// What the creator has not read: whose money went back, and the coins did not.
    pub(crate) async fn odd_orders(&self, room: RoomId) -> Result<Vec<TopUp>, Error> {
        self.ask(move |database| database.orders(&room, "card_order.state IN (3, 4)", None)).await
    }

    /// Somebody has read it: the person whose it is, or the creator, for whom `purse` is none.
    pub(crate) async fn see_order(
        &self,
        room: RoomId,
        id: TopUpId,
        purse: Option<Purse>,
    ) -> Result<(), Error> {
        self.ask(move |database| {
            let (room, id) = (room.as_str(), id.as_str());
            let done = match &purse {
                Some(purse) => database.execute(
                    "UPDATE card_order SET seen = 1
                     WHERE room = ?1 AND id = ?2 AND purse = ?3 AND state IN (1, 2)",
                    values![room, id, purse.as_str()],
                ),
                None => database.execute(
                    "UPDATE card_order SET seen = 1 WHERE room = ?1 AND id = ?2 AND state IN (3, 4)",
                    values![room, id],
                ),
            };
            done.map(drop)
        })
        .await
    }
}

/// As much of an order as decides what becomes of it.
struct Known {
    purse: Purse,
    pack: Pack,
    session: Option<String>,
    state: State,
}

impl Database<'_> {
    fn order(&mut self, room: &RoomId, order: &Order, nonce: &Nonce) -> Outcome<Option<(TopUpId, Pack)>> {
        self.execute(
            "DELETE FROM card_order WHERE room = ?1 AND state = 0 AND at < ?2",
            values![room.as_str(), order.at.saturating_sub(FORGOTTEN)],
        )?;
        self.execute(
            "INSERT INTO purse (purse, person) VALUES (?1, ?2) ON CONFLICT (purse) DO NOTHING",
            values![order.purse.as_str(), order.by.as_str()],
        )?;
        let pack = serde_json::to_string(&order.pack).map_err(|error| Fault(error.to_string()))?;
        self.execute(
            "INSERT INTO card_order (room, id, purse, nonce, at, pack, state, seen)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0) ON CONFLICT (room, purse, nonce) DO NOTHING",
            values![room.as_str(), order.id.as_str(), order.purse.as_str(), nonce.as_str(), order.at, &pack,],
        )?;
        let found = self.first(
            "SELECT id, pack FROM card_order WHERE room = ?1 AND purse = ?2 AND nonce = ?3 AND state = 0",
            values![room.as_str(), order.purse.as_str(), nonce.as_str()],
        )?;
        found.map(|row| Ok((id_of(&row, 0)?, pack_of(&row, 1)?))).transpose()
    }

    fn known_order(&mut self, room: &RoomId, id: &TopUpId) -> Outcome<Option<Known>> {
        let found = self.first(
            "SELECT purse, pack, session, state FROM card_order WHERE room = ?1 AND id = ?2",
            values![room.as_str(), id.as_str()],
        )?;
        found
            .map(|row| {
                let purse = row.get::<String>(0)?.parse().map_err(|()| unreadable("purse"))?;
                let (pack, session) = (pack_of(&row, 1)?, row.get(2)?);
                Ok(Known { purse, pack, session, state: State::of(row.get(3)?)? })
            })
            .transpose()
    }

    fn pay(&mut self, room: &RoomId, paid: &Paid, at: UnixMillis) -> Outcome<Settlement> {
        let Some(known) = self.known_order(room, &paid.order)? else { return Ok(Settlement::Unknown) };
        if known.session.as_ref().is_some_and(|session| *session != paid.session) {
            return Ok(Settlement::Unlike("the session"));
        }
        if (known.pack.amount, &known.pack.currency) != (paid.amount, &paid.currency) {
            return Ok(Settlement::Unlike("the amount"));
        }
        if known.state != State::Open {
            return Ok(Settlement::Before);
        }
        // The books come first: they may begin the job anew.
        let what = What::issued(Kind::Bought, known.purse, known.pack.coins);
        match self.settle_order(room, nonce_of("card", &paid.order)?, what, at)? {
            Answer::Made(_) | Answer::Again(_) => {}
            Answer::Refused(refusal) => {
                return Err(Fault(format!("the books refuse a payment: {refusal:?}")));
            }
        }
        let changed = self.execute(
            "UPDATE card_order SET state = 1, session = ?3, payment = ?4 WHERE room = ?1 AND id = ?2 AND state = 0",
            values![room.as_str(), paid.order.as_str(), &paid.session, paid.payment.as_deref()],
        )?;
        self.changed(room, &paid.order, changed)
    }

    fn take_back(&mut self, room: &RoomId, refunded: &Refunded, at: UnixMillis) -> Outcome<Settlement> {
        let by_payment = self.first(
            "SELECT id FROM card_order WHERE room = ?1 AND payment = ?2",
            values![room.as_str(), &refunded.payment],
        )?;
        let by_payment = by_payment.map(|row| id_of(&row, 0)).transpose()?;
        let Some(id) = by_payment.or_else(|| refunded.order.clone()) else { return Ok(Settlement::Unknown) };
        let Some(known) = self.known_order(room, &id)? else { return Ok(Settlement::Unknown) };
        let becomes = match (known.state, refunded.whole) {
            (State::GivenBack | State::Owed, _) | (State::Partly, false) => return Ok(Settlement::Before),
            // Its payment is told after its refund, or never: then there is nothing to take back.
            (State::Open, true) => State::GivenBack,
            (State::Open, false) => return Ok(Settlement::Unknown),
            (State::Paid, false) => State::Partly,
            (State::Paid | State::Partly, true) => self.reverse(room, &id, at)?,
        };
        let changed = self.execute(
            "UPDATE card_order SET state = ?3, seen = 0 WHERE room = ?1 AND id = ?2 AND state = ?4",
            values![room.as_str(), id.as_str(), becomes as u64, known.state as u64],
        )?;
        self.changed(room, &id, changed)
    }

    fn reverse(&mut self, room: &RoomId, id: &TopUpId, at: UnixMillis) -> Outcome<State> {
        let row = self.first(
            "SELECT number FROM entry WHERE room = ?1 AND by = ?2 AND nonce = ?3",
            values![room.as_str(), Purse::of_relay().as_str(), nonce_of("card", id)?.as_str()],
        )?;
        let row = row.ok_or_else(|| Fault("an order that was paid is not in the books".to_owned()))?;
        let what = What::Reverse { number: row.get(0)? };
        match self.settle_order(room, nonce_of("refund", id)?, what, at)? {
            Answer::Made(_) | Answer::Again(_) | Answer::Refused(Refusal::ReversedBefore) => {
                Ok(State::GivenBack)
            }
            Answer::Refused(Refusal::Short { .. }) => Ok(State::Owed),
            Answer::Refused(refusal) => Err(Fault(format!("the books refuse a refund: {refusal:?}"))),
        }
    }

    fn settle_order(&mut self, room: &RoomId, nonce: Nonce, what: What, at: UnixMillis) -> Outcome<Answer> {
        let request = Request { by: Purse::of_relay(), nonce, at, seq: None, what };
        // Whose purse it is was kept with the order; who was erased since is not to be found by it again.
        let mut booked = Booked { request, person: None, event: None };
        let settled = self.settle(room, &mut [&mut booked])?;
        settled.into_iter().next().map(|settled| settled.answer).ok_or_else(|| Fault("no answer".to_owned()))
    }

    fn changed(&mut self, room: &RoomId, id: &TopUpId, changed: u64) -> Outcome<Settlement> {
        if changed == 0 {
            // Another relay on the same database was faster. Nothing of this is kept.
            return Err(Fault("an order was settled by somebody else".to_owned()));
        }
        let row = self.first(
            &format!("SELECT {COLUMNS} FROM {PEOPLE} WHERE card_order.room = ?1 AND card_order.id = ?2"),
            values![room.as_str(), id.as_str()],
        )?;
        row.map_or(Ok(Settlement::Unknown), |row| Ok(Settlement::Changed(Box::new(told(&row)?))))
    }

    fn orders(&mut self, room: &RoomId, which: &str, purse: Option<&Purse>) -> Outcome<Vec<TopUp>> {
        let theirs = if purse.is_some() { "AND card_order.purse = ?3" } else { "" };
        let mut values: Vec<Value<'_>> = vec![room.as_str().into(), TOLD.into()];
        values.extend(purse.map(|purse| Value::from(purse.as_str())));
        let rows = self.query(
            &format!(
                "SELECT {COLUMNS} FROM {PEOPLE} WHERE card_order.room = ?1 AND seen = 0 AND {which} {theirs}
                 ORDER BY card_order.at DESC, card_order.id LIMIT ?2"
            ),
            &values,
        )?;
        rows.iter().rev().map(told).collect()
    }
}

/// [`COLUMNS`].
fn told(row: &Row) -> Outcome<TopUp> {
    let person = UserId::try_from(row.get::<String>(2)?).map_err(|_| unreadable("person"))?;
    Ok(TopUp {
        id: id_of(row, 0)?,
        at: row.get(1)?,
        by: Member::new(person, row.get::<Option<String>>(5)?.unwrap_or_default(), Role::Guest),
        pack: pack_of(row, 3)?,
        reference: String::new(),
        card: true,
        outcome: State::of(row.get(4)?)?.outcome(),
    })
}

fn id_of(row: &Row, column: usize) -> Outcome<TopUpId> {
    row.get::<String>(column)?.try_into().map_err(|_| unreadable("id"))
}

fn pack_of(row: &Row, column: usize) -> Outcome<Pack> {
    serde_json::from_str(&row.get::<String>(column)?).map_err(|_| unreadable("pack"))
}

fn nonce_of(kind: &str, id: &TopUpId) -> Outcome<Nonce> {
    Nonce::try_from(format!("{kind}-{id}")).map_err(|_| unreadable("id"))
}

fn unreadable(what: &str) -> Fault {
    Fault(format!("an order's {what} cannot be read"))
}
