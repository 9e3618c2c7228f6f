//! What moderation leaves: held messages, marks on people, and the record of what was done.

use footlight_protocol::moderation::Former;
use footlight_protocol::room::{Event, EventKind, Pinned, Role};
use footlight_protocol::{MessageId, RoomId, Seq, UserId};

use super::events::kept;
use super::sql::{Database, Outcome, values};
use super::{Kept, Message, Store};
use crate::error::Error;

/// The setting that has the room's rules, as JSON.
pub(super) const RULES: &str = "rules";
/// The setting that has the number of the message above the chat; 0 is none.
pub(super) const PINNED: &str = "pinned";
/// Held messages that a room comes back with. Older ones are in the record.
const WAITING: usize = 200;
/// Decisions that a room learns from when it starts.
const LESSONS: usize = 400;
/// Messages that one undo brings back.
const UNDONE: usize = 10_000;

/// What became of a held message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Waits = 0,
    Shown = 1,
    Denied = 2,
}

/// What moderators said of a person for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Trusted,
    Restricted,
    Vip,
    Moderator,
}

impl Mark {
    const ALL: [Self; 4] = [Self::Trusted, Self::Restricted, Self::Vip, Self::Moderator];

    /// What somebody of that role is marked with, where it is not given by a token.
    pub(crate) fn of(role: Role) -> Option<Self> {
        match role {
            Role::Vip => Some(Self::Vip),
            Role::Moderator => Some(Self::Moderator),
            Role::Guest | Role::Owner => None,
        }
    }

    pub(crate) fn role(self) -> Role {
        match self {
            Self::Vip => Role::Vip,
            Self::Moderator => Role::Moderator,
            Self::Trusted | Self::Restricted => Role::Guest,
        }
    }

    pub(super) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mark| mark.word() == word)
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Restricted => "restricted",
            Self::Vip => "vip",
            Self::Moderator => "moderator",
        }
    }
}

impl Database<'_> {
    /// A message that waits is as if it were deleted until it is approved.
    pub(super) fn hold(&mut self, room: &RoomId, seq: Seq, raid: Option<Seq>) -> Outcome<()> {
        self.mark(room, MessageId(seq.0), true)?;
        self.execute(
            "INSERT INTO held (room, seq, raid, state) VALUES (?1, ?2, ?3, ?4)",
            values![room.as_str(), seq.0, raid.map(|raid| raid.0), State::Waits as u64],
        )
        .map(drop)
    }

    pub(super) fn mark(&mut self, room: &RoomId, message: MessageId, deleted: bool) -> Outcome<()> {
        self.execute(
            "UPDATE event SET deleted = ?3 WHERE room = ?1 AND seq = ?2",
            values![room.as_str(), message.0, deleted],
        )
        .map(drop)
    }

    /// Everybody sees it again, or at last.
    pub(super) fn show(&mut self, room: &RoomId, message: MessageId) -> Outcome<()> {
        self.mark(room, message, false)?;
        self.set_held(room, message, State::Shown)
    }

    pub(super) fn set_held(&mut self, room: &RoomId, message: MessageId, state: State) -> Outcome<()> {
        self.execute(
            "UPDATE held SET state = ?3 WHERE room = ?1 AND seq = ?2",
            values![room.as_str(), message.0, state as u64],
        )
        .map(drop)
    }

    pub(super) fn stand(&mut self, room: &RoomId, user: &UserId, mark: Option<Mark>) -> Outcome<()> {
        let Some(mark) = mark else {
            return self
                .execute(
                    "DELETE FROM standing WHERE room = ?1 AND person = ?2",
                    values![room.as_str(), user.as_str()],
                )
                .map(drop);
        };
        self.execute(
            "INSERT INTO standing (room, person, mark) VALUES (?1, ?2, ?3)
             ON CONFLICT (room, person) DO UPDATE SET mark = ?3",
            values![room.as_str(), user.as_str(), mark.word()],
        )
        .map(drop)
    }

    pub(super) fn standings(&mut self, room: &RoomId) -> Outcome<Vec<(UserId, Mark)>> {
        let rows = self.query("SELECT person, mark FROM standing WHERE room = ?1", values![room.as_str()])?;
        let mut standings = Vec::new();
        for row in rows {
            let mark: String = row.get(1)?;
            let mark = Mark::named(&mark);
            if let (Ok(user), Some(mark)) = (UserId::try_from(row.get::<String>(0)?), mark) {
                standings.push((user, mark));
            }
        }
        Ok(standings)
    }

    /// Takes timeout and ban back, and that of the networks that were banned with it.
    pub(super) fn pardon(&mut self, room: &RoomId, user: &UserId) -> Outcome<()> {
        for statement in [
            "DELETE FROM sanction WHERE room = ?1 AND person = ?2",
            "DELETE FROM network WHERE room = ?1 AND person = ?2",
        ] {
            self.execute(statement, values![room.as_str(), user.as_str()])?;
        }
        Ok(())
    }

    pub(super) fn banned_networks(&mut self, room: &RoomId) -> Outcome<Vec<(String, UserId)>> {
        let rows = self.query("SELECT name, person FROM network WHERE room = ?1", values![room.as_str()])?;
        let mut networks = Vec::new();
        for row in rows {
            if let Ok(user) = UserId::try_from(row.get::<String>(1)?) {
                networks.push((row.get(0)?, user));
            }
        }
        Ok(networks)
    }

    pub(super) fn pin(&mut self, room: &RoomId, message: MessageId) -> Outcome<()> {
        self.set_setting(room, PINNED, &message.0.to_string())
    }

    /// What stands above the chat, where it can still be seen.
    pub(super) fn pinned(&mut self, room: &RoomId) -> Outcome<Option<Pinned>> {
        let set = self.setting(room, PINNED)?.and_then(|number| number.parse().ok());
        let Some(message) = set.map(MessageId).filter(|message| message.0 > 0) else { return Ok(None) };
        let found = self.message(room, message)?.filter(|found| !found.deleted);
        let Some(Message { by, text, .. }) = found else { return Ok(None) };
        Ok((!self.is_banned(room, &by.id)?).then_some(Pinned { message, by, text }))
    }

    /// Those that wait and are of no raid, oldest first.
    pub(super) fn waiting(&mut self, room: &RoomId) -> Outcome<Vec<Event>> {
        let rows = self.query(
            "SELECT event.seq, event.at, event.body, event.by, event.nonce FROM held
             JOIN event ON event.room = held.room AND event.seq = held.seq
             WHERE held.room = ?1 AND held.raid IS NULL AND held.state = ?2 ORDER BY held.seq DESC LIMIT ?3",
            values![room.as_str(), State::Waits as u64, WAITING],
        )?;
        let mut events = Vec::new();
        for row in &rows {
            events.extend(kept(row)?.map(|kept| kept.event));
        }
        events.reverse();
        Ok(events)
    }

    /// What a sweep took away and what was held of its raid, and is not shown now; oldest first.
    fn swept(&mut self, room: &RoomId, sweep: Seq) -> Outcome<Vec<Former>> {
        let mut seqs = match self.event(room, sweep)?.map(|kept| kept.event.kind) {
            Some(EventKind::Swept { messages, .. }) => messages,
            _ => return Ok(Vec::new()),
        };
        let held = self.query(
            "SELECT seq FROM held WHERE room = ?1 AND raid = ?2 AND state = ?3 ORDER BY seq LIMIT ?4",
            values![room.as_str(), sweep.0, State::Waits as u64, UNDONE],
        )?;
        for row in held {
            seqs.push(MessageId(row.get(0)?));
        }
        seqs.sort_unstable_by_key(|message| message.0);
        let mut swept = Vec::new();
        for message in seqs {
            if let Some(found) = self.message(room, message)?.filter(|found| found.deleted) {
                swept.push(found.former(message));
            }
        }
        Ok(swept)
    }

    /// The newest decisions of moderators about single messages, oldest first.
    pub(super) fn lessons(&mut self, room: &RoomId) -> Outcome<Vec<(String, bool)>> {
        // The first condition is the index's.
        let rows = self.query(
            r#"SELECT seq, at, body, by, nonce FROM event WHERE room = ?1
             AND substr(body, 1, 15) NOT IN ('{"event":"said"', '{"event":"gifte', '{"event":"refun')
             AND substr(body, 1, 15) IN ('{"event":"delet', '{"event":"denie', '{"event":"resto')
             ORDER BY seq DESC LIMIT ?2"#,
            values![room.as_str(), LESSONS],
        )?;
        let mut lessons = Vec::new();
        for row in rows.iter().rev() {
            match kept(row)?.map(|kept| kept.event.kind) {
                Some(EventKind::Deleted { message } | EventKind::Denied { message }) => {
                    lessons.extend(self.message(room, message)?.map(|found| (found.text, false)));
                }
                Some(EventKind::Restored { text, .. }) => lessons.push((text, true)),
                _ => {}
            }
        }
        Ok(lessons)
    }

    /// The acts of moderation after that seq, with what they are about.
    fn acts(&mut self, room: &RoomId, after: Seq, most: usize) -> Outcome<Vec<(Kept, Vec<Former>)>> {
        // What is said and given is by far the most, and no act: an index has the rest.
        let rows = self.query(
            r#"SELECT seq, at, body, by, nonce FROM event WHERE room = ?1 AND seq > ?2
             AND substr(body, 1, 15) NOT IN ('{"event":"said"', '{"event":"gifte', '{"event":"refun')
             AND substr(body, 1, 15) NOT IN ('{"event":"goal_', '{"event":"packe', '{"event":"drawn', '{"event":"paid"',
                                            '{"event":"becam')
             ORDER BY seq LIMIT ?3"#,
            values![room.as_str(), after.0, most],
        )?;
        let mut acts = Vec::new();
        for row in &rows {
            let Some(kept) = kept(row)? else { continue };
            let about = match &kept.event.kind {
                EventKind::Deleted { message } | EventKind::Denied { message } => vec![*message],
                EventKind::Swept { messages, .. } => messages.clone(),
                EventKind::Upheld(upheld) => vec![upheld.message],
                EventKind::Dismissed(dismissed) => vec![dismissed.message],
                _ => Vec::new(),
            };
            let mut facts = Vec::new();
            for message in about {
                if let Some(found) = self.message(room, message)? {
                    facts.push(found.former(message));
                }
            }
            acts.push((kept, facts));
        }
        Ok(acts)
    }
}

impl Store {
    /// Bans networks, under their names, with somebody.
    pub(crate) async fn ban_networks(
        &self,
        room: RoomId,
        user: UserId,
        names: Vec<String>,
    ) -> Result<(), Error> {
        self.ask(move |database| {
            names.iter().try_for_each(|name| {
                database
                    .execute(
                        "INSERT INTO network (room, name, person) VALUES (?1, ?2, ?3)
                         ON CONFLICT (room, name, person) DO NOTHING",
                        values![room.as_str(), name, user.as_str()],
                    )
                    .map(drop)
            })
        })
        .await
    }

    pub(crate) async fn swept(&self, room: RoomId, sweep: Seq) -> Result<Vec<Former>, Error> {
        self.ask(move |database| database.swept(&room, sweep)).await
    }

    pub(crate) async fn acts(
        &self,
        room: RoomId,
        after: Seq,
        most: usize,
    ) -> Result<Vec<(Kept, Vec<Former>)>, Error> {
        self.ask(move |database| database.acts(&room, after, most)).await
    }
}
