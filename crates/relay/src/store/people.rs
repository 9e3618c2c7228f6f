//! Secrets, stream keys, and the names that people set.

use footlight_protocol::room::UnixMillis;
use footlight_protocol::{KeyId, RoomId, UserId};

use super::sql::{Database, Outcome, values};
use super::{KeptKey, Person};

impl Database<'_> {
    pub(super) fn secret(&mut self, name: &str) -> Outcome<Option<Vec<u8>>> {
        let found = self.first("SELECT value FROM secret WHERE name = ?1", values![name])?;
        found.map(|row| row.get(0)).transpose()
    }

    pub(super) fn set_secret(&mut self, name: &str, value: &[u8]) -> Outcome<()> {
        self.execute(
            "INSERT INTO secret (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
            values![name, value],
        )
        .map(drop)
    }

    pub(super) fn drop_secret(&mut self, name: &str) -> Outcome<()> {
        self.execute("DELETE FROM secret WHERE name = ?1", values![name]).map(drop)
    }

    pub(super) fn keys(&mut self) -> Outcome<Vec<KeptKey>> {
        let rows = self.query("SELECT id, room, name, hash, made FROM stream_key ORDER BY id", &[])?;
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            // A key of a room whose name this version does not allow opens nothing.
            let Ok(room) = RoomId::try_from(row.get::<String>(1)?) else { continue };
            let (id, name, hash, made_at) = (KeyId(row.get(0)?), row.get(2)?, row.get(3)?, row.get(4)?);
            keys.push(KeptKey { id, room, name, hash, made_at });
        }
        Ok(keys)
    }

    /// `None` where the room has a key of that name.
    pub(super) fn add_key(
        &mut self,
        room: &RoomId,
        name: &str,
        hash: &[u8],
        at: UnixMillis,
    ) -> Outcome<Option<KeyId>> {
        let added = self.first(
            "INSERT INTO stream_key (room, name, hash, made) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (room, name) DO NOTHING RETURNING id",
            values![room.as_str(), name, hash, at],
        )?;
        added.map(|row| row.get(0).map(KeyId)).transpose()
    }

    /// Says whether there was such a key.
    pub(super) fn drop_key(&mut self, id: KeyId) -> Outcome<bool> {
        self.execute("DELETE FROM stream_key WHERE id = ?1", values![id.0]).map(|dropped| dropped > 0)
    }

    pub(super) fn name(&mut self, user: &UserId) -> Outcome<String> {
        Ok(self.person(user)?.map(|person| person.name).unwrap_or_default())
    }

    pub(super) fn person(&mut self, user: &UserId) -> Outcome<Option<Person>> {
        let found = self.first(
            "SELECT person.name, person.first, avatar.picture FROM person
             LEFT JOIN avatar ON avatar.person = person.id AND avatar.hidden = 0 AND avatar.picture > ''
             WHERE person.id = ?1",
            values![user.as_str()],
        )?;
        let Some(row) = found else { return Ok(None) };
        let mut person = Person { name: row.get(0)?, first: row.get(1)?, avatar: row.get(2)? };
        // Somebody has made it the name of their account since.
        if self.is_claimed(user, &person.name)? {
            person.name.clear();
        }
        Ok(Some(person))
    }

    pub(super) fn set_name(&mut self, user: &UserId, name: &str, at: UnixMillis) -> Outcome<()> {
        let before = self.name(user)?;
        if !before.is_empty() && before != name {
            self.keep_former_name(user, &before, at)?;
        }
        self.execute(
            "INSERT INTO person (id, name, at, first) VALUES (?1, ?2, ?3, ?3)
             ON CONFLICT (id) DO UPDATE SET name = ?2, at = ?3",
            values![user.as_str(), name, at],
        )
        .map(drop)
    }
}
