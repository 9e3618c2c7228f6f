//! What moderators see of a person: earlier names, visits, gifts, what was done to them, and notes.

use footlight_protocol::person::{FormerName, MAX_ACTS, MAX_FORMER_NAMES, MAX_NOTES, PastAct, PersonNote};
use footlight_protocol::room::{Event, Member, Role, UnixMillis};
use footlight_protocol::{RoomId, UserId};

use super::events::kept;
use super::sql::{Database, Outcome, Row, values};
use super::{Person, Store};
use crate::error::Error;
use crate::gift::ledger::Purse;

/// What somebody did in a room since it was last written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Visit {
    pub(crate) user: UserId,
    /// In milliseconds.
    pub(crate) watched: u64,
    pub(crate) messages: u64,
}

/// What the database knows of a person in a room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// A moderator took their picture away.
    pub(crate) avatar_hidden: bool,
    pub(crate) person: Option<Person>,
    pub(crate) names: Vec<FormerName>,
    /// In milliseconds.
    pub(crate) watched: u64,
    pub(crate) messages: u64,
    /// Pieces, and what they cost.
    pub(crate) gifts: (u64, u64),
    pub(crate) acts: Vec<PastAct>,
    /// Without the roles of those who wrote them.
    pub(crate) notes: Vec<PersonNote>,
}

/// What became of a change to somebody's notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noted {
    Done,
    /// There are as many as there may be.
    Full,
    /// There is none of that number, or it is somebody else's.
    NotTheirs,
    /// There is no such person.
    Nobody,
}

impl Database<'_> {
    /// An act of moderation over a person stands on their card.
    pub(super) fn keep_act(&mut self, room: &RoomId, event: &Event) -> Outcome<()> {
        let Some(user) = event.kind.over() else { return Ok(()) };
        self.execute(
            "INSERT INTO act (room, person, seq) VALUES (?1, ?2, ?3)",
            values![room.as_str(), user.as_str(), event.seq.0],
        )
        .map(drop)
    }

    /// The person had this name until now.
    pub(super) fn keep_former_name(&mut self, user: &UserId, name: &str, until: UnixMillis) -> Outcome<()> {
        self.execute(
            "INSERT INTO former_name (person, name, until) VALUES (?1, ?2, ?3)
             ON CONFLICT (person, name) DO UPDATE SET until = ?3",
            values![user.as_str(), name, until],
        )?;
        self.execute(
            "DELETE FROM former_name WHERE person = ?1 AND name NOT IN
             (SELECT name FROM former_name WHERE person = ?1 ORDER BY until DESC, name LIMIT ?2)",
            values![user.as_str(), MAX_FORMER_NAMES],
        )
        .map(drop)
    }

    fn known_of(&mut self, room: &RoomId, user: &UserId, purse: &Purse) -> Outcome<Known> {
        let of_person = values![user.as_str(), MAX_FORMER_NAMES];
        let mut known = Known { person: self.person(user)?, ..Known::default() };
        for row in self.query(
            "SELECT name, until FROM former_name WHERE person = ?1 ORDER BY until DESC, name LIMIT ?2",
            of_person,
        )? {
            known.names.push(FormerName { name: row.get(0)?, until: row.get(1)? });
        }
        if let Some(row) = self.first(
            "SELECT watched, messages FROM visit WHERE room = ?1 AND person = ?2",
            values![room.as_str(), user.as_str()],
        )? {
            (known.watched, known.messages) = (row.get(0)?, row.get(1)?);
        }
        let count = |row: Option<Row>| row.map_or(Ok(0), |row| row.get(0));
        let pieces = self.first(
            "SELECT CAST(coalesce(sum(count), 0) AS BIGINT) FROM entry
             WHERE room = ?1 AND by = ?2 AND item > '' AND kind = 'gift' AND NOT EXISTS
             (SELECT 1 FROM entry AS back WHERE back.room = entry.room AND back.reverses = entry.number)",
            values![room.as_str(), purse.as_str()],
        )?;
        // By the index of purses, and not through all days of the room.
        let coins = self.first(
            "SELECT CAST(coalesce(sum(coins), 0) AS BIGINT) FROM given WHERE purse = ?1 AND room || '' = ?2",
            values![purse.as_str(), room.as_str()],
        )?;
        known.gifts = (count(pieces)?, count(coins)?);
        known.avatar_hidden = self.avatar_is_hidden(user)?;
        known.acts = self.acts_over(room, user)?;
        known.notes = self.notes(room, user)?;
        Ok(known)
    }

    fn acts_over(&mut self, room: &RoomId, user: &UserId) -> Outcome<Vec<PastAct>> {
        let rows = self.query(
            "SELECT event.seq, event.at, event.body, event.by, event.nonce, person.name FROM act
             JOIN event ON event.room = act.room AND event.seq = act.seq
             LEFT JOIN person ON person.id = event.by
             WHERE act.room = ?1 AND act.person = ?2 ORDER BY act.seq DESC LIMIT ?3",
            values![room.as_str(), user.as_str(), MAX_ACTS],
        )?;
        let mut acts = Vec::new();
        for row in &rows {
            let by: Option<String> = row.get(5)?;
            // Those of a moderator who is erased say nothing any more.
            let said = kept(row)?.filter(|kept| kept.event.kind.over().is_some());
            acts.extend(said.map(|kept| PastAct { event: kept.event, by }));
        }
        Ok(acts)
    }

    fn notes(&mut self, room: &RoomId, user: &UserId) -> Outcome<Vec<PersonNote>> {
        let rows = self.query(
            "SELECT note.id, note.at, note.by, person.name, note.text FROM note
             LEFT JOIN person ON person.id = note.by
             WHERE note.person = ?1 AND note.room = ?2 ORDER BY note.id DESC LIMIT ?3",
            values![user.as_str(), room.as_str(), MAX_NOTES],
        )?;
        let mut notes = Vec::new();
        for row in rows {
            let Ok(by) = UserId::try_from(row.get::<String>(2)?) else { continue };
            let name: Option<String> = row.get(3)?;
            let by = Member::new(by, name.unwrap_or_default(), Role::Guest);
            notes.push(PersonNote { id: row.get(0)?, at: row.get(1)?, by, text: row.get(4)? });
        }
        Ok(notes)
    }
}

impl Store {
    /// What there is to know of a person.
    pub(crate) async fn known(&self, room: RoomId, user: UserId, purse: Purse) -> Result<Known, Error> {
        self.ask(move |database| database.known_of(&room, &user, &purse)).await
    }

    /// Adds to what people did in a room.
    pub(crate) async fn add_visits(&self, room: RoomId, visits: Vec<Visit>) -> Result<(), Error> {
        self.ask(move |database| {
            for Visit { user, watched, messages } in &visits {
                database.execute(
                    "INSERT INTO visit (room, person, watched, messages) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (room, person) DO UPDATE
                     SET watched = visit.watched + ?3, messages = visit.messages + ?4",
                    values![room.as_str(), user.as_str(), *watched, *messages],
                )?;
            }
            Ok(())
        })
        .await
    }

    pub(crate) async fn add_note(
        &self,
        room: RoomId,
        about: UserId,
        by: UserId,
        text: String,
        at: UnixMillis,
    ) -> Result<Noted, Error> {
        self.ask(move |database| {
            let about = [room.as_str(), about.as_str()];
            let there = database.first(
                "SELECT count(*) FROM note WHERE room = ?1 AND person = ?2",
                values![about[0], about[1]],
            )?;
            if there.map_or(Ok(0), |row| row.get::<u64>(0))? >= MAX_NOTES as u64 {
                return Ok(Noted::Full);
            }
            database.execute(
                "INSERT INTO note (room, person, by, at, text) VALUES (?1, ?2, ?3, ?4, ?5)",
                values![about[0], about[1], by.as_str(), at, &text],
            )?;
            Ok(Noted::Done)
        })
        .await
    }

    /// Takes a note away: one that `by` wrote, anybody's where none is given.
    pub(crate) async fn drop_note(
        &self,
        room: RoomId,
        about: UserId,
        by: Option<UserId>,
        note: u64,
    ) -> Result<Noted, Error> {
        self.ask(move |database| {
            let by = by.as_ref().map(UserId::as_str);
            let dropped = database.execute(
                "DELETE FROM note WHERE id = ?1 AND room = ?2 AND person = ?3 AND by = coalesce(?4, by)",
                values![note, room.as_str(), about.as_str(), by],
            )?;
            Ok(if dropped > 0 { Noted::Done } else { Noted::NotTheirs })
        })
        .await
    }
}
