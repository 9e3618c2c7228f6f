//! Who has given how much in a room: the most by day, and one person in all.

use footlight_protocol::room::UnixMillis;
use footlight_protocol::spend::Terms;
use footlight_protocol::{RoomId, UserId};

use super::Store;
use super::ledger::{DAY, unreadable};
use super::sql::{Database, Outcome, values};
use crate::error::Error;
use crate::gift::ledger::{Account, Purse};
use crate::gift::membership::Term;

/// The setting that has what holds for those who spend, as JSON.
pub(crate) const TERMS: &str = "terms";

/// One of those who gave most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Giver {
    pub(crate) user: UserId,
    pub(crate) name: String,
    pub(crate) coins: u64,
}

/// What a person has earned by what they gave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Earned {
    /// Coins in all, without what was given back.
    pub(crate) given: u64,
    /// The membership that they have paid for, over or not.
    pub(crate) term: Option<Term>,
}

impl Database<'_> {
    /// Whether amounts are for the owner alone.
    pub(super) fn amounts_are_hidden(&mut self, room: &RoomId) -> Outcome<bool> {
        let terms = self.setting(room, TERMS)?.and_then(|terms| serde_json::from_str::<Terms>(&terms).ok());
        Ok(terms.unwrap_or_default().hidden)
    }

    fn earned(&mut self, room: &RoomId, purse: &Purse) -> Outcome<Earned> {
        let sum = self.first(
            "SELECT CAST(coalesce(sum(coins), 0) AS BIGINT) FROM given WHERE room = ?1 AND purse = ?2",
            values![room.as_str(), purse.as_str()],
        )?;
        let given: i64 = sum.map_or(Ok(0), |row| row.get(0))?;
        Ok(Earned { given: u64::try_from(given).unwrap_or(0), term: self.term(room, purse)? })
    }
}

impl Store {
    pub(crate) async fn earned(&self, room: RoomId, purse: Purse) -> Result<Earned, Error> {
        self.ask(move |database| database.earned(&room, &purse)).await
    }

    /// How many coins somebody has, and what they have earned.
    pub(crate) async fn wallet(&self, room: RoomId, purse: Purse) -> Result<(u64, Earned), Error> {
        self.ask(move |database| {
            let name = Account::Person(purse.clone()).to_string();
            let found = database.first(
                "SELECT balance FROM account WHERE room = ?1 AND name = ?2",
                values![room.as_str(), &name],
            )?;
            let coins: i64 = found.map_or(Ok(0), |row| row.get(0))?;
            Ok((u64::try_from(coins).unwrap_or(0), database.earned(&room, &purse)?))
        })
        .await
    }

    /// Who gave most from the day of `since` on, most first.
    pub(crate) async fn givers(
        &self,
        room: RoomId,
        since: UnixMillis,
        most: usize,
    ) -> Result<Vec<Giver>, Error> {
        self.ask(move |database| {
            // Summed up first: names are needed of few.
            let rows = database.query(
                "WITH top AS (SELECT purse, CAST(sum(coins) AS BIGINT) AS coins FROM given
                              WHERE room = ?1 AND day >= ?2 GROUP BY purse HAVING sum(coins) > 0
                              ORDER BY sum(coins) DESC, purse LIMIT ?3)
                 SELECT purse.person, person.name, top.coins FROM top
                 JOIN purse ON purse.purse = top.purse JOIN person ON person.id = purse.person
                 ORDER BY top.coins DESC, purse.person",
                values![room.as_str(), since / DAY, most],
            )?;
            rows.iter()
                .map(|row| {
                    let user = UserId::try_from(row.get::<String>(0)?).map_err(|_| unreadable("person"))?;
                    Ok(Giver { user, name: row.get(1)?, coins: row.get(2)? })
                })
                .collect()
        })
        .await
    }
}
