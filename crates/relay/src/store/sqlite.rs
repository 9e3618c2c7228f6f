//! SQLite: the thread, the schema, one function a question.

use std::path::Path;
use std::time::Duration;

use footlight_protocol::room::{Event, EventKind, UnixMillis};
use footlight_protocol::{KeyId, MessageId, Nonce, RoomId, Seq, UserId};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};

use super::{Answer, Job, Kept, KeptKey, Message, Past, Sanction};

/// Steps from an empty file to today's schema; `user_version` counts those that were taken.
const STEPS: [&str; 5] = [
    include_str!("schema.sql"),
    include_str!("recordings.sql"),
    include_str!("card.sql"),
    include_str!("keys.sql"),
    include_str!("uploads.sql"),
];
/// Jobs in one transaction. A disk flush takes some milliseconds, and this many jobs hardly longer.
const GROUP: usize = 256;
/// How long a relay that is being replaced may take to let go of the database.
const PREDECESSOR: Duration = Duration::from_secs(2);

/// Opens the database, says so, and works until every [`super::Store`] is gone.
pub(super) fn run(path: &Path, mut jobs: mpsc::Receiver<Job>, opened: oneshot::Sender<Result<(), String>>) {
    let mut connection = match open(path) {
        Ok(connection) => {
            let _ = opened.send(Ok(()));
            connection
        }
        Err(message) => {
            let _ = opened.send(Err(message));
            return;
        }
    };
    while let Some(first) = jobs.blocking_recv() {
        let mut answers: Vec<Answer> = Vec::new();
        let committed = group(&mut connection, first, &mut jobs, &mut answers);
        if let Err(error) = &committed {
            tracing::error!(%error, "a transaction failed");
        }
        for answer in answers {
            answer(committed.is_ok());
        }
    }
}

fn group(
    connection: &mut Connection,
    first: Job,
    jobs: &mut mpsc::Receiver<Job>,
    answers: &mut Vec<Answer>,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut database = Database(&transaction);
    answers.push(first(&mut database));
    while answers.len() < GROUP
        && let Ok(job) = jobs.try_recv()
    {
        answers.push(job(&mut database));
    }
    transaction.commit()
}

fn open(path: &Path) -> Result<Connection, String> {
    let mut connection = Connection::open(path).map_err(|error| error.to_string())?;
    match migrate(&mut connection) {
        Ok(true) => Ok(connection),
        Ok(false) => Err("it was written by a newer version of this program".to_owned()),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            Err("another relay is using it".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Brings the schema up to date; false where it is newer than this program.
fn migrate(connection: &mut Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(PREDECESSOR)?;
    // One relay a database: two would give the same seq twice.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What was acknowledged survives a power cut; one flush a transaction is what that costs.
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: usize =
        transaction.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))? as usize;
    let Some(steps) = STEPS.get(version..) else {
        return Ok(false);
    };
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", STEPS.len() as i64)?;
    transaction.commit()?;
    Ok(true)
}

/// The open transaction.
pub(super) struct Database<'a>(pub(super) &'a Connection);

impl Database<'_> {
    pub(super) fn secret(&self, name: &str) -> rusqlite::Result<Option<Vec<u8>>> {
        self.0
            .prepare_cached("SELECT value FROM secret WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()
    }

    pub(super) fn set_secret(&self, name: &str, value: &[u8]) -> rusqlite::Result<()> {
        self.0
            .prepare_cached(
                "INSERT INTO secret (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2",
            )?
            .execute(params![name, value])
            .map(drop)
    }

    pub(super) fn keys(&self) -> rusqlite::Result<Vec<KeptKey>> {
        let mut all =
            self.0.prepare_cached("SELECT id, room, name, hash, made FROM stream_key ORDER BY id")?;
        let rows = all.query_map([], |row| {
            let room: String = row.get(1)?;
            let id = KeyId(row.get::<_, i64>(0)? as u64);
            let made_at = row.get::<_, i64>(4)? as u64;
            Ok(room.parse().ok().map(|room| (id, room, row.get(2), row.get(3), made_at)))
        })?;
        // A key of a room whose name this version does not allow opens nothing.
        rows.filter_map(Result::transpose)
            .map(|row| {
                let (id, room, name, hash, made_at) = row?;
                Ok(KeptKey { id, room, name: name?, hash: hash?, made_at })
            })
            .collect()
    }

    /// `None` where the room has a key of that name.
    pub(super) fn add_key(
        &self,
        room: &RoomId,
        name: &str,
        hash: &[u8],
        at: UnixMillis,
    ) -> rusqlite::Result<Option<KeyId>> {
        let id: Option<i64> = self
            .0
            .prepare_cached(
                "INSERT INTO stream_key (room, name, hash, made) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING RETURNING id",
            )?
            .query_row(params![room.as_str(), name, hash, at as i64], |row| row.get(0))
            .optional()?;
        Ok(id.map(|id| KeyId(id as u64)))
    }

    /// Says whether there was such a key.
    pub(super) fn drop_key(&self, id: KeyId) -> rusqlite::Result<bool> {
        let dropped =
            self.0.prepare_cached("DELETE FROM stream_key WHERE id = ?1")?.execute([id.0 as i64])?;
        Ok(dropped > 0)
    }

    pub(super) fn drop_secret(&self, name: &str) -> rusqlite::Result<()> {
        self.0.prepare_cached("DELETE FROM secret WHERE name = ?1")?.execute([name]).map(drop)
    }

    pub(super) fn name(&self, user: &UserId) -> rusqlite::Result<String> {
        let name = self
            .0
            .prepare_cached("SELECT name FROM person WHERE id = ?1")?
            .query_row([user.as_str()], |row| row.get(0))
            .optional()?;
        Ok(name.unwrap_or_default())
    }

    pub(super) fn set_name(&self, user: &UserId, name: &str, at: UnixMillis) -> rusqlite::Result<()> {
        self.0
            .prepare_cached(
                "INSERT INTO person (id, name, at) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET name = ?2, at = ?3",
            )?
            .execute(params![user.as_str(), name, at as i64])
            .map(drop)
    }

    pub(super) fn past(&self, room: &RoomId, tail: usize) -> rusqlite::Result<Past> {
        let mut past = Past::default();
        let mut newest = self.0.prepare_cached(
            "SELECT seq, at, body, by, nonce, deleted FROM event WHERE room = ?1 ORDER BY seq DESC LIMIT ?2",
        )?;
        let rows =
            newest.query_map(params![room.as_str(), tail as i64], |row| Ok((kept(row)?, row.get(5)?)))?;
        for row in rows {
            let (kept, deleted): (Option<Kept>, bool) = row?;
            // An event that this version cannot read is left out, not a reason to lose the room.
            let Some(kept) = kept else { continue };
            if deleted {
                past.deleted.push(MessageId(kept.event.seq.0));
            }
            past.events.push(kept);
        }
        past.events.reverse();
        let seq: Option<i64> = self
            .0
            .prepare_cached("SELECT max(seq) FROM event WHERE room = ?1")?
            .query_row([room.as_str()], |r| r.get(0))?;
        past.seq = Seq(seq.unwrap_or(0) as u64);
        let mut sanctions = self.0.prepare_cached("SELECT person, until FROM sanction WHERE room = ?1")?;
        let rows = sanctions.query_map([room.as_str()], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
        for row in rows {
            let (user, until): (String, Option<i64>) = row?;
            let Ok(user) = UserId::try_from(user) else {
                continue;
            };
            let sanction = until.map_or(Sanction::Banned, |until| Sanction::MutedUntil(until as u64));
            past.sanctions.push((user, sanction));
        }
        past.card = self
            .0
            .prepare_cached("SELECT text FROM card WHERE room = ?1")?
            .query_row([room.as_str()], |row| row.get(0))
            .optional()?;
        Ok(past)
    }

    pub(super) fn set_card(&self, room: &RoomId, card: Option<&str>) -> rusqlite::Result<()> {
        let Some(text) = card else {
            let mut delete = self.0.prepare_cached("DELETE FROM card WHERE room = ?1")?;
            return delete.execute([room.as_str()]).map(drop);
        };
        self.0
            .prepare_cached(
                "INSERT INTO card (room, text) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET text = ?2",
            )?
            .execute(params![room.as_str(), text])
            .map(drop)
    }

    pub(super) fn keep(&self, room: &RoomId, kept: &Kept) -> rusqlite::Result<()> {
        // Several statements, one meaning: where one fails, none counts.
        self.0.execute_batch("SAVEPOINT keep")?;
        let done = self.insert(room, kept).and_then(|()| self.apply(room, &kept.event.kind));
        self.0.execute_batch(if done.is_ok() { "RELEASE keep" } else { "ROLLBACK TO keep; RELEASE keep" })?;
        done
    }

    fn insert(&self, room: &RoomId, kept: &Kept) -> rusqlite::Result<()> {
        let body = serde_json::to_string(&kept.event.kind)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        self.0
            .prepare_cached(
                "INSERT INTO event (room, seq, at, body, by, nonce) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                room.as_str(),
                kept.event.seq.0 as i64,
                kept.event.at as i64,
                body,
                kept.by.as_ref().map(UserId::as_str),
                kept.nonce.as_ref().map(Nonce::as_str),
            ])
            .map(drop)
    }

    fn apply(&self, room: &RoomId, kind: &EventKind) -> rusqlite::Result<()> {
        match kind {
            EventKind::Said { .. } => Ok(()),
            EventKind::Deleted { message } => self.mark(room, *message, true),
            EventKind::Restored { message, .. } => self.mark(room, *message, false),
            EventKind::TimedOut { user, until } => self.sanction(room, &user.id, Some(*until as i64)),
            EventKind::Banned { user } => self.sanction(room, &user.id, None),
            EventKind::Pardoned { user } => self
                .0
                .prepare_cached("DELETE FROM sanction WHERE room = ?1 AND person = ?2")?
                .execute(params![room.as_str(), user.id.as_str()])
                .map(drop),
        }
    }

    fn mark(&self, room: &RoomId, message: MessageId, deleted: bool) -> rusqlite::Result<()> {
        self.0
            .prepare_cached("UPDATE event SET deleted = ?3 WHERE room = ?1 AND seq = ?2")?
            .execute(params![room.as_str(), message.0 as i64, deleted])
            .map(drop)
    }

    fn sanction(&self, room: &RoomId, user: &UserId, until: Option<i64>) -> rusqlite::Result<()> {
        self.0
            .prepare_cached(
                "INSERT INTO sanction (room, person, until) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET until = ?3",
            )?
            .execute(params![room.as_str(), user.as_str(), until])
            .map(drop)
    }

    pub(super) fn message(&self, room: &RoomId, id: MessageId) -> rusqlite::Result<Option<Message>> {
        let found = self
            .0
            .prepare_cached(
                "SELECT seq, at, body, by, nonce, deleted FROM event WHERE room = ?1 AND seq = ?2",
            )?
            .query_row(params![room.as_str(), id.0 as i64], |row| Ok((kept(row)?, row.get(5)?)))
            .optional()?;
        Ok(match found {
            Some((
                Some(Kept { event: Event { at, kind: EventKind::Said { by, text, .. }, .. }, .. }),
                deleted,
            )) => Some(Message { said_at: at, by, text, deleted }),
            _ => None,
        })
    }
}

pub(super) fn kept(row: &Row<'_>) -> rusqlite::Result<Option<Kept>> {
    let body: String = row.get(2)?;
    let Ok(kind) = serde_json::from_str(&body) else {
        return Ok(None);
    };
    let event = Event { seq: Seq(row.get::<_, i64>(0)? as u64), at: row.get::<_, i64>(1)? as u64, kind };
    let by = row.get::<_, Option<String>>(3)?.and_then(|by| UserId::try_from(by).ok());
    let nonce = row.get::<_, Option<String>>(4)?.and_then(|nonce| Nonce::try_from(nonce).ok());
    Ok(Some(Kept { event, by, nonce }))
}
