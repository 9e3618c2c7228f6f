//! Pictures that people and rooms set, as they are served: a room's emotes, and what people show of themselves.

use footlight_protocol::emote::Emote;
use footlight_protocol::{RoomId, UserId};

use super::Store;
use super::sql::{Database, Outcome, Row, values};
use crate::error::Error;

/// What became of a picture that somebody wants to show of themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Done,
    /// They have no name.
    Nobody,
    /// A moderator took theirs away.
    Hidden,
}

impl Store {
    /// Keeps an emote of a room in place of the one of that name.
    pub(crate) async fn set_emote(&self, room: RoomId, emote: Emote, image: Vec<u8>) -> Result<(), Error> {
        self.ask(move |database| {
            database
                .execute(
                    "INSERT INTO emote (room, name, picture, width, height, image) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (room, name) DO UPDATE SET picture = ?3, width = ?4, height = ?5, image = ?6",
                    values![
                        room.as_str(),
                        &emote.name,
                        &emote.picture,
                        emote.width,
                        emote.height,
                        image.as_slice()
                    ],
                )
                .map(drop)
        })
        .await
    }

    pub(crate) async fn drop_emote(&self, room: RoomId, name: String) -> Result<(), Error> {
        self.ask(move |database| {
            let gone = "DELETE FROM emote WHERE room = ?1 AND name = ?2";
            database.execute(gone, values![room.as_str(), &name]).map(drop)
        })
        .await
    }

    /// Keeps the picture that somebody shows of themselves, in place of the one before.
    pub(crate) async fn set_avatar(
        &self,
        user: UserId,
        picture: String,
        image: Vec<u8>,
    ) -> Result<Shown, Error> {
        self.ask(move |database| {
            // Nothing is kept of somebody who is not there, or is erased.
            if database.person(&user)?.is_none() {
                return Ok(Shown::Nobody);
            }
            if database.avatar_is_hidden(&user)? {
                return Ok(Shown::Hidden);
            }
            database.execute(
                "INSERT INTO avatar (person, picture, image, hidden) VALUES (?1, ?2, ?3, 0)
                 ON CONFLICT (person) DO UPDATE SET picture = ?2, image = ?3",
                values![user.as_str(), &picture, image.as_slice()],
            )?;
            Ok(Shown::Done)
        })
        .await
    }

    /// They show none any more. What a moderator took away stays taken away: there is no other until it is given back.
    pub(crate) async fn drop_avatar(&self, user: UserId) -> Result<(), Error> {
        self.ask(move |database| {
            database
                .execute("DELETE FROM avatar WHERE person = ?1 AND hidden = 0", values![user.as_str()])?;
            database
                .execute(
                    "UPDATE avatar SET picture = '', image = ?2 WHERE person = ?1",
                    values![user.as_str(), &[] as &[u8]],
                )
                .map(drop)
        })
        .await
    }

    /// The name of the picture that somebody shows, or would where nobody had taken it away.
    pub(crate) async fn avatar(&self, user: UserId) -> Result<Option<String>, Error> {
        self.ask(move |database| {
            let found = database.first(
                "SELECT picture FROM avatar WHERE person = ?1 AND picture > ''",
                values![user.as_str()],
            )?;
            found.map(|row| row.get(0)).transpose()
        })
        .await
    }

    /// The PNG of that name, whoever's it is.
    pub(crate) async fn picture(&self, name: String) -> Result<Option<Vec<u8>>, Error> {
        self.ask(move |database| {
            let found = database.first(
                "SELECT image FROM emote WHERE picture = ?1 UNION ALL
                 SELECT image FROM avatar WHERE picture = ?1 AND hidden = 0 LIMIT 1",
                values![&name],
            )?;
            found.map(|row| row.get(0)).transpose()
        })
        .await
    }
}

impl Database<'_> {
    pub(super) fn avatar_is_hidden(&mut self, user: &UserId) -> Outcome<bool> {
        let hidden = "SELECT 1 FROM avatar WHERE person = ?1 AND hidden = 1";
        Ok(self.first(hidden, values![user.as_str()])?.is_some())
    }

    pub(super) fn hide_avatar(&mut self, user: &UserId, hidden: bool) -> Outcome<()> {
        self.execute(
            "UPDATE avatar SET hidden = ?2 WHERE person = ?1",
            values![user.as_str(), u64::from(hidden)],
        )
        .map(drop)
    }

    pub(super) fn emotes(&mut self, room: &RoomId) -> Outcome<Vec<Emote>> {
        let rows = self.query(
            "SELECT name, picture, width, height FROM emote WHERE room = ?1",
            values![room.as_str()],
        )?;
        let mut emotes: Vec<Emote> = rows.iter().map(emote).collect::<Outcome<_>>()?;
        // Databases sort letters of many writings each in their way.
        emotes.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(emotes)
    }
}

fn emote(row: &Row) -> Outcome<Emote> {
    Ok(Emote { name: row.get(0)?, picture: row.get(1)?, width: row.get(2)?, height: row.get(3)? })
}
