//! What a room's creator wishes for, and how far it is by the books.

use footlight_protocol::RoomId;
use serde::{Deserialize, Serialize};

use super::Store;
use super::sql::{Database, Fault, Outcome, values};
use crate::error::Error;

/// The setting that has it, as JSON; `null` is none.
const GOAL: &str = "goal";

/// As it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wish {
    pub(crate) title: String,
    pub(crate) target: u64,
    /// The books' newest row when it was set: what is behind it counts.
    pub(crate) after: u64,
    pub(crate) reached: bool,
}

impl Database<'_> {
    fn wish(&mut self, room: &RoomId) -> Outcome<Option<Wish>> {
        // One that this version cannot read is none.
        Ok(self.setting(room, GOAL)?.and_then(|wish| serde_json::from_str(&wish).ok()).flatten())
    }

    fn set_wish(&mut self, room: &RoomId, wish: Option<&Wish>) -> Outcome<()> {
        let wish = serde_json::to_string(&wish).map_err(|error| Fault(error.to_string()))?;
        self.set_setting(room, GOAL, &wish)
    }

    /// With the coins that were given towards it and not given back. Of reversals those count that give back what counted.
    pub(super) fn goal(&mut self, room: &RoomId) -> Outcome<Option<(Wish, i64)>> {
        let Some(wish) = self.wish(room)? else { return Ok(None) };
        let sum = self.first(
            "SELECT CAST(coalesce(sum(CASE WHEN kind = 'reversal' THEN -amount ELSE amount END), 0) AS BIGINT)
             FROM entry WHERE room = ?1 AND number > ?2
             AND (kind IN ('gift', 'pinned', 'membership')
                  OR (kind = 'reversal' AND payer = 'creator' AND reverses > ?2))",
            values![room.as_str(), wish.after],
        )?;
        let given = sum.map_or(Ok(0), |row| row.get(0))?;
        Ok(Some((wish, given)))
    }

    /// With the event that says so.
    pub(super) fn goal_is_reached(&mut self, room: &RoomId) -> Outcome<()> {
        match self.wish(room)? {
            Some(wish) => self.set_wish(room, Some(&Wish { reached: true, ..wish })),
            None => Ok(()),
        }
    }
}

impl Store {
    /// Sets what the creator wishes for, or that it is nothing. What is in the books until then does not count.
    pub(crate) async fn set_goal(
        &self,
        room: RoomId,
        goal: Option<(String, u64)>,
    ) -> Result<Option<Wish>, Error> {
        self.ask(move |database| {
            let wish = match goal {
                None => None,
                Some((title, target)) => {
                    let head =
                        database.first("SELECT number FROM chain WHERE room = ?1", values![room.as_str()])?;
                    let after = head.map_or(Ok(0), |row| row.get(0))?;
                    Some(Wish { title, target, after, reached: false })
                }
            };
            database.set_wish(&room, wish.as_ref())?;
            Ok(wish)
        })
        .await
    }
}
