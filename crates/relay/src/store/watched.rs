//! How long people have watched a room. Kept every minute and at an ordered end, so that a crash costs a minute of somebody's
//! time and never a coin: what was paid stands in the books.

use footlight_protocol::{RoomId, UserId};

use super::Store;
use super::list::List;
use super::sql::{Database, Outcome, values};
use crate::error::Error;
use crate::gift::watching::Kept;

/// People that a room comes back with, those of the newest days.
const MOST: usize = 50_000;
/// Who has not watched for so many days begins anew.
const DAYS: u64 = 7;

impl Store {
    pub(crate) async fn keep_watched(&self, room: RoomId, kept: Vec<Kept>) -> Result<(), Error> {
        self.ask(move |database| {
            let mut rows = List::with_room_for(5, kept.len());
            for one in &kept {
                let (day, count, coins) = (one.day.into(), one.count.into(), one.coins.into());
                rows.add(&[one.user.as_str().into(), day, count, coins, one.millis.into()]);
            }
            rows.write(
                database,
                &room,
                "INSERT INTO watched (room, person, day, count, coins, millis) VALUES",
                "ON CONFLICT (room, person) DO UPDATE
                 SET day = excluded.day, count = excluded.count, coins = excluded.coins, millis = excluded.millis",
            )
            .map(drop)
        })
        .await
    }
}

impl Database<'_> {
    pub(super) fn watched(&mut self, room: &RoomId) -> Outcome<Vec<Kept>> {
        let newest = self.first("SELECT max(day) FROM watched WHERE room = ?1", values![room.as_str()])?;
        let newest = newest.map(|row| row.get::<Option<u64>>(0)).transpose()?.flatten().unwrap_or(0);
        self.execute(
            "DELETE FROM watched WHERE room = ?1 AND day < ?2",
            values![room.as_str(), newest.saturating_sub(DAYS)],
        )?;
        let rows = self.query(
            "SELECT person, day, count, coins, millis FROM watched WHERE room = ?1 ORDER BY day DESC, person LIMIT ?2",
            values![room.as_str(), MOST],
        )?;
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            let Ok(user) = UserId::try_from(row.get::<String>(0)?) else { continue };
            let (day, count, coins, millis) = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
            kept.push(Kept { user, day, count, coins, millis });
        }
        Ok(kept)
    }
}
