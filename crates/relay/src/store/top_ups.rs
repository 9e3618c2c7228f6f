//! People's word that they have paid, what the creator decided of it, and the picture that a payer scans.
//!
//! A request is approved in the transaction that writes its row into the books, under its own id as the nonce: the coins
//! are there exactly if it says so, and at most once whatever comes between.

use footlight_protocol::coin::{Outcome as Decided, Pack, TopUp};
use footlight_protocol::room::{Member, Role, UnixMillis};
use footlight_protocol::{Nonce, RoomId, TopUpId, UserId};

use super::Store;
use super::ledger::Booked;
use super::sql::{Database, Fault, Outcome, Row, values};
use crate::error::Error;
use crate::gift::ledger::{Answer, Kind, Purse, Refusal, Request, What};
use crate::gift::watching::Kept;

/// The setting that has what is offered, as JSON.
pub(crate) const OFFER: &str = "coin_offer";
/// Of one person's requests, those that they are told of at most, the newest.
const TOLD: usize = 20;

const COLUMNS: &str =
    "top_up.id, top_up.at, top_up.person, top_up.pack, top_up.reference, top_up.state, top_up.reason,
     (SELECT name FROM person WHERE person.id = top_up.person)";

/// How coins were to be had when the relay last stopped, and who waits for some.
#[derive(Debug, Default)]
pub(crate) struct Tills {
    /// As JSON.
    pub(crate) offer: Option<String>,
    /// The name of the picture.
    pub(crate) picture: Option<String>,
    /// Oldest first.
    pub(crate) waiting: Vec<TopUp>,
    /// Whether anybody has ever asked.
    pub(crate) used: bool,
    pub(crate) watched: Vec<Kept>,
}

/// What became of a request that was to be kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Asked {
    New,
    /// It was asked before, under the same nonce.
    Before,
}

/// What became of an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Approval {
    Approved,
    /// There is no such request, or it does not wait any more.
    TooLate,
    Refused(Refusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waits = 0,
    Approved = 1,
    Declined = 2,
}

/// The row that gives the coins of a request.
pub(super) fn payment(top_up: &TopUp, purse: Purse, at: UnixMillis) -> Result<Booked, Fault> {
    let nonce = format!("topup-{}", top_up.id);
    let nonce = Nonce::try_from(nonce).map_err(|_| Fault("no nonce for a top-up".to_owned()))?;
    let what = What::issued(Kind::TopUp, purse.clone(), top_up.pack.coins);
    let request = Request { by: Purse::of_relay(), nonce, at, seq: None, what };
    Ok(Booked { request, person: Some((purse, top_up.by.id.clone())), event: None })
}

impl Store {
    /// Keeps a request that is new.
    pub(crate) async fn ask_top_up(&self, room: RoomId, top_up: TopUp, nonce: Nonce) -> Result<Asked, Error> {
        self.ask(move |database| database.ask_top_up(&room, &top_up, &nonce)).await
    }

    /// Whether the person asked under that nonce before.
    pub(crate) async fn has_top_up(&self, room: RoomId, person: UserId, nonce: Nonce) -> Result<bool, Error> {
        self.ask(move |database| {
            let found = database.first(
                "SELECT 1 FROM top_up WHERE room = ?1 AND person = ?2 AND nonce = ?3",
                values![room.as_str(), person.as_str(), nonce.as_str()],
            )?;
            Ok(found.is_some())
        })
        .await
    }

    /// Gives the coins of a request that waits.
    pub(crate) async fn approve_top_up(
        &self,
        room: RoomId,
        top_up: TopUp,
        purse: Purse,
        at: UnixMillis,
    ) -> Result<Approval, Error> {
        self.ask(move |database| database.approve_top_up(&room, &top_up, purse, at)).await
    }

    /// Declines a request that waits; says whether one did.
    pub(crate) async fn decline_top_up(
        &self,
        room: RoomId,
        id: TopUpId,
        reason: String,
    ) -> Result<bool, Error> {
        self.ask(move |database| database.decide(&room, &id, State::Declined, &reason)).await
    }

    /// The person has seen what became of it.
    pub(crate) async fn see_top_up(&self, room: RoomId, id: TopUpId, person: UserId) -> Result<(), Error> {
        self.ask(move |database| {
            database
                .execute(
                    "UPDATE top_up SET seen = 1 WHERE room = ?1 AND id = ?2 AND person = ?3 AND state <> 0",
                    values![room.as_str(), id.as_str(), person.as_str()],
                )
                .map(drop)
        })
        .await
    }

    /// A person's requests that wait or whose outcome they have not seen, oldest first.
    pub(crate) async fn top_ups_of(&self, room: RoomId, person: UserId) -> Result<Vec<TopUp>, Error> {
        self.ask(move |database| {
            let rows = database.query(
                &format!(
                    "SELECT {COLUMNS} FROM top_up WHERE room = ?1 AND person = ?2 AND seen = 0
                     ORDER BY at DESC, id LIMIT ?3"
                ),
                values![room.as_str(), person.as_str(), TOLD],
            )?;
            rows.iter().rev().map(top_up).collect()
        })
        .await
    }

    /// The picture that a payer scans, as it is served.
    pub(crate) async fn payment_picture(&self, room: RoomId) -> Result<Option<(String, Vec<u8>)>, Error> {
        self.ask(move |database| {
            let found = database
                .first("SELECT name, image FROM payment_picture WHERE room = ?1", values![room.as_str()])?;
            found.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
        })
        .await
    }

    /// Sets the picture, or takes it away.
    pub(crate) async fn set_payment_picture(
        &self,
        room: RoomId,
        picture: Option<(String, Vec<u8>)>,
    ) -> Result<(), Error> {
        self.ask(move |database| {
            let Some((name, image)) = &picture else {
                let gone = "DELETE FROM payment_picture WHERE room = ?1";
                return database.execute(gone, values![room.as_str()]).map(drop);
            };
            database
                .execute(
                    "INSERT INTO payment_picture (room, name, image) VALUES (?1, ?2, ?3)
                     ON CONFLICT (room) DO UPDATE SET name = ?2, image = ?3",
                    values![room.as_str(), name, image.as_slice()],
                )
                .map(drop)
        })
        .await
    }
}

impl Database<'_> {
    pub(super) fn tills(&mut self, room: &RoomId) -> Outcome<Tills> {
        let picture =
            self.first("SELECT name FROM payment_picture WHERE room = ?1", values![room.as_str()])?;
        let rows = self.query(
            &format!("SELECT {COLUMNS} FROM top_up WHERE room = ?1 AND state = 0 ORDER BY at, id"),
            values![room.as_str()],
        )?;
        let used = self.first(
            "SELECT 1 FROM top_up WHERE room = ?1 UNION SELECT 1 FROM card_order WHERE room = ?1 LIMIT 1",
            values![room.as_str()],
        )?;
        Ok(Tills {
            offer: self.setting(room, OFFER)?,
            picture: picture.map(|row| row.get(0)).transpose()?,
            waiting: rows.iter().map(top_up).collect::<Outcome<_>>()?,
            used: used.is_some(),
            watched: self.watched(room)?,
        })
    }

    fn ask_top_up(&mut self, room: &RoomId, top_up: &TopUp, nonce: &Nonce) -> Outcome<Asked> {
        let pack = serde_json::to_string(&top_up.pack).map_err(|error| Fault(error.to_string()))?;
        let added = self.execute(
            "INSERT INTO top_up (room, id, person, nonce, at, pack, reference, state, reason, seen)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, '', 0)
             ON CONFLICT (room, person, nonce) DO NOTHING",
            values![
                room.as_str(),
                top_up.id.as_str(),
                top_up.by.id.as_str(),
                nonce.as_str(),
                top_up.at,
                &pack,
                &top_up.reference,
            ],
        )?;
        Ok(if added > 0 { Asked::New } else { Asked::Before })
    }

    fn approve_top_up(
        &mut self,
        room: &RoomId,
        top_up: &TopUp,
        purse: Purse,
        at: UnixMillis,
    ) -> Outcome<Approval> {
        let waits = self.first(
            "SELECT state FROM top_up WHERE room = ?1 AND id = ?2",
            values![room.as_str(), top_up.id.as_str()],
        )?;
        if waits.map(|row| row.get::<u64>(0)).transpose()? != Some(State::Waits as u64) {
            return Ok(Approval::TooLate);
        }
        // The books come first: they may begin the job anew.
        let mut booked = payment(top_up, purse, at)?;
        let settled = self.settle(room, &mut [&mut booked])?;
        if let Some(Answer::Refused(refusal)) = settled.first().map(|settled| &settled.answer) {
            return Ok(Approval::Refused(*refusal));
        }
        if !self.decide(room, &top_up.id, State::Approved, "")? {
            // Another relay on the same database was faster. Nothing of this is kept.
            return Err(Fault("a top-up was decided by somebody else".to_owned()));
        }
        Ok(Approval::Approved)
    }

    fn decide(&mut self, room: &RoomId, id: &TopUpId, state: State, reason: &str) -> Outcome<bool> {
        let decided = self.execute(
            "UPDATE top_up SET state = ?3, reason = ?4 WHERE room = ?1 AND id = ?2 AND state = 0",
            values![room.as_str(), id.as_str(), state as u64, reason],
        )?;
        Ok(decided > 0)
    }
}

/// [`COLUMNS`].
fn top_up(row: &Row) -> Outcome<TopUp> {
    let unreadable = |what: &str| Fault(format!("a top-up's {what} cannot be read"));
    let person = UserId::try_from(row.get::<String>(2)?).map_err(|_| unreadable("person"))?;
    let pack: Pack = serde_json::from_str(&row.get::<String>(3)?).map_err(|_| unreadable("pack"))?;
    let outcome = match row.get::<u64>(5)? {
        0 => Decided::Waits,
        1 => Decided::Approved,
        2 => Decided::Declined { reason: row.get(6)? },
        _ => return Err(unreadable("state")),
    };
    Ok(TopUp {
        id: row.get::<String>(0)?.try_into().map_err(|_| unreadable("id"))?,
        at: row.get(1)?,
        by: Member::new(person, row.get::<Option<String>>(7)?.unwrap_or_default(), Role::Guest),
        pack,
        reference: row.get(4)?,
        card: false,
        outcome,
    })
}
