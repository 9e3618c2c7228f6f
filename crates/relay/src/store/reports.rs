//! What people report, what became of it, and the steps of the ladder.

use footlight_protocol::report::{Ground, Step};
use footlight_protocol::room::{EventKind, Member, UnixMillis};
use footlight_protocol::{MessageId, RoomId, Seq, UserId};

use super::sql::{Database, Fault, Outcome, values};
use super::{Message, Store};
use crate::error::Error;
use crate::moderation::reports::{Filed, OPEN, may_report, weight};

/// Open reports that a room comes back with, the newest.
const COMES_BACK: usize = 1_000;

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Waits = 0,
    Upheld = 1,
    Dismissed = 2,
    Neither = 3,
}

/// A report as it is made.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) by: UserId,
    /// Whether the reporter came a moment ago.
    pub(crate) newcomer: bool,
    pub(crate) message: MessageId,
    pub(crate) at: UnixMillis,
    /// Who said what, where the room has it in memory; else it is looked up.
    pub(crate) said: Option<(Member, String)>,
    pub(crate) ground: Ground,
    pub(crate) words: String,
}

/// What a report comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Moderators see it, as far as it weighs anything.
    Open(Box<Filed>),
    /// It is kept: the same person said so before, or a moderator has decided about the message.
    Kept,
    /// Too many of theirs wait.
    TooMany,
    /// Nobody sees the message any more.
    Gone,
    /// It is the reporter's own, or the owner's.
    NotTheirs,
}

impl Database<'_> {
    fn report(&mut self, room: &RoomId, made: Made) -> Outcome<Taken> {
        let Made { by, newcomer, message, at, said, ground, words } = made;
        let said = said.map_or_else(|| self.shown(room, message), |said| Ok(Some(said)))?;
        let Some((about, text)) = said else { return Ok(Taken::Gone) };
        if !may_report(&by, &about) {
            return Ok(Taken::NotTheirs);
        }
        let mut filed = Filed { message, at, about, text, ground, words, weight: 0, earlier: 0 };
        let again = self.first(
            "SELECT 1 FROM report WHERE room = ?1 AND message = ?2 AND person = ?3",
            values![room.as_str(), filed.message.0, by.as_str()],
        )?;
        if again.is_some() {
            return Ok(Taken::Kept);
        }
        let rows = self.query(
            "SELECT state, count(*) FROM report WHERE person = ?1 AND at > ?2 GROUP BY state",
            values![by.as_str(), filed.at.saturating_sub(Step::COUNTS)],
        )?;
        let mut counts = [0_u64; 4];
        for row in rows {
            if let Some(count) = counts.get_mut(row.get::<u64>(0)? as usize) {
                *count = row.get(1)?;
            }
        }
        if counts[State::Waits as usize] >= OPEN {
            return Ok(Taken::TooMany);
        }
        let decided = self.first(
            "SELECT 1 FROM report WHERE room = ?1 AND message = ?2 AND state <> 0",
            values![room.as_str(), filed.message.0],
        )?;
        let state = if decided.is_some() { State::Neither } else { State::Waits };
        filed.weight = weight(counts[State::Dismissed as usize], counts[State::Upheld as usize], newcomer);
        self.execute(
            "INSERT INTO report (room, message, person, at, ground, words, weight, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            values![
                room.as_str(),
                filed.message.0,
                by.as_str(),
                filed.at,
                &word(filed.ground)?,
                &filed.words,
                filed.weight,
                state as u64
            ],
        )?;
        if state == State::Neither {
            return Ok(Taken::Kept);
        }
        filed.earlier = self.steps(room, &filed.about.id, filed.at)?;
        Ok(Taken::Open(Box::new(filed)))
    }

    /// What waits, oldest first.
    pub(super) fn open_reports(&mut self, room: &RoomId) -> Outcome<Vec<Filed>> {
        let rows = self.query(
            "SELECT message, at, ground, words, weight FROM report
             WHERE room = ?1 AND state = 0 ORDER BY at DESC LIMIT ?2",
            values![room.as_str(), COMES_BACK],
        )?;
        let mut all = Vec::new();
        for row in rows.iter().rev() {
            let (message, at) = (MessageId(row.get(0)?), row.get(1)?);
            let ground = serde_json::from_value(row.get::<String>(2)?.into()).unwrap_or(Ground::Other);
            let found = self.message(room, message)?.filter(|found| !found.deleted);
            let Some(Message { by: about, text, .. }) = found else { continue };
            let earlier = self.steps(room, &about.id, at)?;
            let (words, weight) = (row.get(3)?, row.get(4)?);
            all.push(Filed { message, at, about, text, ground, words, weight, earlier });
        }
        Ok(all)
    }

    /// Steps that somebody has behind them and that count.
    fn steps(&mut self, room: &RoomId, user: &UserId, now: UnixMillis) -> Outcome<usize> {
        let found = self.first(
            "SELECT count(*) FROM penalty WHERE room = ?1 AND person = ?2 AND at > ?3",
            values![room.as_str(), user.as_str(), now.saturating_sub(Step::COUNTS)],
        )?;
        found.map_or(Ok(0), |row| row.get::<u64>(0)).map(|steps| steps as usize)
    }

    /// Does to reports and steps what the event says.
    pub(super) fn decide_reports(
        &mut self,
        room: &RoomId,
        (seq, at): (Seq, UnixMillis),
        kind: &EventKind,
    ) -> Outcome<()> {
        match kind {
            EventKind::Deleted { message } => self.settle_report(room, *message, State::Waits, State::Upheld),
            EventKind::Swept { messages, .. } => messages
                .iter()
                .try_for_each(|message| self.settle_report(room, *message, State::Waits, State::Upheld)),
            // It was taken away, and should not have been.
            EventKind::Restored { message, .. } => {
                self.settle_report(room, *message, State::Upheld, State::Neither)
            }
            EventKind::Unswept { messages, .. } => messages.iter().try_for_each(|former| {
                self.settle_report(room, former.message, State::Upheld, State::Neither)
            }),
            EventKind::Dismissed(dismissed) => {
                self.settle_report(room, dismissed.message, State::Waits, State::Dismissed)
            }
            EventKind::Banned { user, .. } => self
                .execute(
                    "UPDATE report SET state = ?3 WHERE room = ?1 AND state = 0 AND EXISTS
                     (SELECT 1 FROM event WHERE event.room = report.room AND event.seq = report.message
                      AND event.by = ?2)",
                    values![room.as_str(), user.id.as_str(), State::Upheld as u64],
                )
                .map(drop),
            EventKind::Upheld(upheld) => {
                self.settle_report(room, upheld.message, State::Waits, State::Upheld)?;
                self.execute(
                    "INSERT INTO penalty (room, seq, person, at, message) VALUES (?1, ?2, ?3, ?4, ?5)",
                    values![room.as_str(), seq.0, upheld.user.id.as_str(), at, upheld.message.0],
                )
                .map(drop)
            }
            EventKind::Lifted(lifted) => self
                .execute(
                    "DELETE FROM penalty WHERE room = ?1 AND seq = ?2",
                    values![room.as_str(), lifted.act.0],
                )
                .map(drop),
            _ => Ok(()),
        }
    }

    /// Somebody is to be erased: what is reported of theirs waits for nobody's look any more, and keeps nobody from reporting
    /// something else; networks that were banned with them stay banned, under their other name.
    pub(super) fn settle_erased(&mut self, user: &str, alias: &str) -> Outcome<()> {
        self.execute(
            "UPDATE report SET state = 3 WHERE state = 0 AND EXISTS
             (SELECT 1 FROM event WHERE event.room = report.room AND event.seq = report.message
              AND event.by = ?1)",
            values![user],
        )?;
        self.execute("UPDATE network SET person = ?2 WHERE person = ?1", values![user, alias]).map(drop)
    }

    fn settle_report(&mut self, room: &RoomId, message: MessageId, from: State, to: State) -> Outcome<()> {
        self.execute(
            "UPDATE report SET state = ?4 WHERE room = ?1 AND message = ?2 AND state = ?3",
            values![room.as_str(), message.0, from as u64, to as u64],
        )
        .map(drop)
    }
}

fn word(ground: Ground) -> Outcome<String> {
    let word = serde_json::to_value(ground).ok().and_then(|word| word.as_str().map(str::to_owned));
    word.ok_or_else(|| Fault("a ground has no word".to_owned()))
}

impl Store {
    /// Keeps a report, once for each person and message.
    pub(crate) async fn report(&self, room: RoomId, made: Made) -> Result<Taken, Error> {
        self.ask(move |database| database.report(&room, made)).await
    }

    pub(crate) async fn steps(&self, room: RoomId, user: UserId, now: UnixMillis) -> Result<usize, Error> {
        self.ask(move |database| database.steps(&room, &user, now)).await
    }

    /// The event that last took a step for this message, where it stands.
    pub(crate) async fn step_for(&self, room: RoomId, message: MessageId) -> Result<Option<Seq>, Error> {
        self.ask(move |database| {
            let found = database.first(
                "SELECT seq FROM penalty WHERE room = ?1 AND message = ?2 ORDER BY seq DESC LIMIT 1",
                values![room.as_str(), message.0],
            )?;
            found.map(|row| row.get(0).map(Seq)).transpose()
        })
        .await
    }
}
