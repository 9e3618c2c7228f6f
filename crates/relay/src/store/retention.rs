//! Chat that is older than a room keeps it. What has to do with coins stays, and so do bans, roles, what waits for a
//! moderator, what stands above the chat, and steps of the ladder that still count.

use footlight_protocol::report::Step;
use footlight_protocol::room::{EventKind, UnixMillis};
use footlight_protocol::{MessageId, RoomId, Seq};

use super::Store;
use super::events::kept;
use super::moderation::PINNED;
use super::sql::{Database, Outcome, Value, values};
use crate::error::Error;

/// Events that are looked at in one transaction, which a room may wait for.
const BATCH: usize = 200;

/// Where in a room's past to go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Position {
    at: UnixMillis,
    seq: Seq,
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forgotten {
    pub(crate) events: usize,
    pub(crate) next: Position,
    /// There is more that is as old.
    pub(crate) more: bool,
}

impl Database<'_> {
    fn forget_chat(&mut self, room: &RoomId, from: Position, before: UnixMillis) -> Outcome<Forgotten> {
        let rows = self.query(
            "SELECT seq, at, body, by, nonce FROM event
             WHERE room = ?1 AND at < ?2 AND at >= ?3 AND (at > ?3 OR seq > ?4) ORDER BY at, seq LIMIT ?5",
            values![room.as_str(), before, from.at, from.seq.0, BATCH],
        )?;
        // The order goes on behind it: a number is given once.
        let newest = self.first("SELECT max(seq) FROM event WHERE room = ?1", values![room.as_str()])?;
        let newest = newest.map(|row| row.get::<Option<u64>>(0)).transpose()?.flatten();
        let pinned: Option<u64> = self.setting(room, PINNED)?.and_then(|number| number.parse().ok());
        let (mut goes, mut next) = (Vec::new(), from);
        for row in &rows {
            let (seq, at): (u64, u64) = (row.get(0)?, row.get(1)?);
            next = Position { at, seq: Seq(seq) };
            let kind = kept(row)?.map(|kept| kept.event.kind);
            let counts = at + Step::COUNTS > before;
            if Some(seq) != newest
                && Some(seq) != pinned
                && let Some(kind) = kind.filter(|kind| may_go(kind, counts))
                && !self.waits(room, MessageId(seq))?
            {
                goes.push(Value::from(seq));
                if let Some(user) = kind.over() {
                    self.execute(
                        "DELETE FROM act WHERE room = ?1 AND person = ?2 AND seq = ?3",
                        values![room.as_str(), user.as_str(), seq],
                    )?;
                }
            }
        }
        for statement in [
            "DELETE FROM event WHERE room = ?1 AND seq = ?2",
            "DELETE FROM held WHERE room = ?1 AND seq = ?2",
        ] {
            self.execute_each(statement, room.as_str().into(), &goes, 1)?;
        }
        let more = rows.len() == BATCH;
        if !more {
            // What stood on cards of it.
            self.execute(
                "DELETE FROM act WHERE room = ?1 AND NOT EXISTS
                 (SELECT 1 FROM event WHERE event.room = act.room AND event.seq = act.seq)",
                values![room.as_str()],
            )?;
            self.execute(
                "DELETE FROM report WHERE room = ?1 AND state <> 0 AND at < ?2 AND at < ?3",
                values![room.as_str(), before, before.saturating_sub(Step::COUNTS)],
            )?;
        }
        Ok(Forgotten { events: goes.len(), next, more })
    }

    fn waits(&mut self, room: &RoomId, message: MessageId) -> Outcome<bool> {
        let held = self.first(
            "SELECT 1 FROM held WHERE room = ?1 AND seq = ?2 AND raid IS NULL AND state = 0",
            values![room.as_str(), message.0],
        )?;
        if held.is_some() {
            return Ok(true);
        }
        let reported = self.first(
            "SELECT 1 FROM report WHERE room = ?1 AND message = ?2 AND state = 0",
            values![room.as_str(), message.0],
        )?;
        Ok(reported.is_some())
    }
}

/// Whether it is chat, or what was done about it. `counts`: it is of the last thirty days of those that are kept.
fn may_go(kind: &EventKind, counts: bool) -> bool {
    match kind {
        EventKind::Said { .. }
        | EventKind::Held { .. }
        | EventKind::Deleted { .. }
        | EventKind::Restored { .. }
        | EventKind::TimedOut { .. }
        | EventKind::Banned { .. }
        | EventKind::Pardoned { .. }
        | EventKind::Denied { .. }
        | EventKind::Swept { .. }
        | EventKind::Unswept { .. }
        | EventKind::Shielded { .. }
        | EventKind::Ruled { .. }
        | EventKind::Trusted { .. }
        | EventKind::Restricted { .. }
        | EventKind::Unmarked { .. }
        | EventKind::Appointed { .. }
        | EventKind::Avatar { .. }
        | EventKind::Pinned { .. }
        | EventKind::Unpinned {}
        | EventKind::Dismissed(_)
        | EventKind::Lifted(_)
        | EventKind::Erased {} => true,
        EventKind::Upheld(_) => !counts,
        _ => false,
    }
}

impl Store {
    /// Takes away chat from before then, from a position on: a bounded piece of it.
    pub(crate) async fn forget_chat(
        &self,
        room: RoomId,
        from: Position,
        before: UnixMillis,
    ) -> Result<Forgotten, Error> {
        self.ask(move |database| database.forget_chat(&room, from, before)).await
    }
}
