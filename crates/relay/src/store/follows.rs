//! Who follows a room, and since when.

use footlight_protocol::room::UnixMillis;
use footlight_protocol::{RoomId, UserId};

use super::Store;
use super::sql::{Database, Outcome, values};
use crate::error::Error;

impl Database<'_> {
    /// How many follow it.
    pub(super) fn followers(&mut self, room: &RoomId) -> Outcome<u64> {
        let counted = self.first("SELECT count(*) FROM follow WHERE room = ?1", values![room.as_str()])?;
        counted.map_or(Ok(0), |row| row.get(0))
    }
}

impl Store {
    /// Somebody follows the room since then, unless they did before, or does not any more; says whether it was otherwise.
    pub(crate) async fn follow(
        &self,
        room: RoomId,
        user: UserId,
        since: Option<UnixMillis>,
    ) -> Result<bool, Error> {
        self.ask(move |database| {
            let changed = match since {
                Some(since) => database.execute(
                    "INSERT INTO follow (room, person, since) VALUES (?1, ?2, ?3)
                     ON CONFLICT (room, person) DO NOTHING",
                    values![room.as_str(), user.as_str(), since],
                ),
                None => database.execute(
                    "DELETE FROM follow WHERE room = ?1 AND person = ?2",
                    values![room.as_str(), user.as_str()],
                ),
            };
            changed.map(|rows| rows > 0)
        })
        .await
    }

    /// Since when somebody follows the room.
    pub(crate) async fn follows(&self, room: RoomId, user: UserId) -> Result<Option<UnixMillis>, Error> {
        self.ask(move |database| {
            let found = database.first(
                "SELECT since FROM follow WHERE room = ?1 AND person = ?2",
                values![room.as_str(), user.as_str()],
            )?;
            found.map(|row| row.get(0)).transpose()
        })
        .await
    }

    /// How many follow the room.
    pub(crate) async fn followers(&self, room: RoomId) -> Result<u64, Error> {
        self.ask(move |database| database.followers(&room)).await
    }
}
