//! What the store knows of recordings and clips, and the events that a replay plays.

use std::time::Duration;

use footlight_media::Time;
use footlight_protocol::room::{Event, EventKind, UnixMillis};
use footlight_protocol::{ClipId, ReplayId, RoomId, Seq, UserId};
use rusqlite::{Row, params};

use super::Store;
use super::sqlite::{Database, kept};
use crate::error::Error;

/// A broadcast on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recording {
    pub(crate) id: ReplayId,
    pub(crate) room: RoomId,
    /// Wall clock at media time zero.
    pub(crate) epoch: Time,
    /// `None` while it is being written, or when that was cut off.
    pub(crate) ended: Option<UnixMillis>,
    pub(crate) title: Option<String>,
    /// In the public list.
    pub(crate) public: bool,
    pub(crate) poster: bool,
    /// When all of it was in the bucket.
    pub(crate) uploaded: Option<UnixMillis>,
    /// Whether its files are on this disk.
    pub(crate) local: bool,
    pub(crate) parts: Vec<Part>,
}

impl Recording {
    pub(crate) fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    /// Of those, what this disk has.
    pub(crate) fn local_bytes(&self) -> u64 {
        if self.local { self.bytes() } else { 0 }
    }

    /// Media time at the end of the last file.
    pub(crate) fn duration(&self) -> Duration {
        self.parts.last().map_or(Duration::ZERO, |part| part.begins + part.duration)
    }
}

/// One file of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) number: u32,
    pub(crate) begins: Duration,
    pub(crate) duration: Duration,
    pub(crate) bytes: u64,
}

/// A piece cut out of a broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clip {
    pub(crate) id: ClipId,
    pub(crate) room: RoomId,
    pub(crate) recording: ReplayId,
    pub(crate) made: UnixMillis,
    pub(crate) begins: Duration,
    pub(crate) duration: Duration,
    pub(crate) bytes: u64,
}

/// Events of a span of time, and the seq after which there are more.
pub(crate) type Span = (Vec<Event>, Option<Seq>);

impl Store {
    pub(crate) async fn begin_recording(&self, recording: Recording) -> Result<(), Error> {
        self.ask(move |database| database.begin_recording(&recording)).await
    }

    /// Keeps what is known of a file.
    pub(crate) async fn put_part(&self, id: ReplayId, part: Part) -> Result<(), Error> {
        self.ask(move |database| database.put_part(&id, &part)).await
    }

    pub(crate) async fn drop_part(&self, id: ReplayId, number: u32) -> Result<(), Error> {
        self.ask(move |database| database.drop_part(&id, number)).await
    }

    pub(crate) async fn end_recording(
        &self,
        id: ReplayId,
        ended: UnixMillis,
        poster: bool,
    ) -> Result<(), Error> {
        self.ask(move |database| database.end_recording(&id, ended, poster)).await
    }

    /// Changes what is given.
    pub(crate) async fn edit_recording(
        &self,
        id: ReplayId,
        title: Option<String>,
        public: Option<bool>,
    ) -> Result<(), Error> {
        self.ask(move |database| database.edit_recording(&id, title.as_deref(), public)).await
    }

    /// All recordings, oldest first.
    pub(crate) async fn recordings(&self) -> Result<Vec<Recording>, Error> {
        self.ask(|database| database.recordings("1", &[])).await
    }

    /// The room's finished ones, newest first.
    pub(crate) async fn replays(&self, room: RoomId, most: usize) -> Result<Vec<Recording>, Error> {
        self.ask(move |database| {
            let mut found = database.recordings(
                "id IN (SELECT id FROM recording WHERE room = ?1 AND ended IS NOT NULL ORDER BY epoch DESC LIMIT ?2)",
                &[&room.as_str(), &(most as i64)],
            )?;
            found.reverse();
            Ok(found)
        })
        .await
    }

    pub(crate) async fn recording(&self, room: RoomId, id: ReplayId) -> Result<Option<Recording>, Error> {
        self.ask(move |database| {
            let mut found = database.recordings("room = ?1 AND id = ?2", &[&room.as_str(), &id.as_str()])?;
            Ok(found.pop())
        })
        .await
    }

    pub(crate) async fn drop_recording(&self, id: ReplayId) -> Result<(), Error> {
        self.ask(move |database| database.drop_recording(&id)).await
    }

    pub(crate) async fn put_clip(&self, clip: Clip) -> Result<(), Error> {
        self.ask(move |database| database.put_clip(&clip)).await
    }

    /// The room's clips, newest first; those of one recording where it is given.
    pub(crate) async fn clips(
        &self,
        room: RoomId,
        of: Option<ReplayId>,
        most: usize,
    ) -> Result<Vec<Clip>, Error> {
        self.ask(move |database| database.clips(&room, of.as_ref(), most)).await
    }

    /// Whether it was there.
    pub(crate) async fn drop_clip(&self, room: RoomId, id: ClipId) -> Result<bool, Error> {
        self.ask(move |database| database.drop_clip(&room, &id)).await
    }

    /// Bytes of all clips.
    pub(crate) async fn clip_bytes(&self) -> Result<u64, Error> {
        self.ask(|database| database.clip_bytes()).await
    }

    /// What happened in the room between two instants, after `after`, as it is to be seen now: without what was
    /// deleted since and what people said who are banned now.
    pub(crate) async fn events_between(
        &self,
        room: RoomId,
        (from, to): (UnixMillis, UnixMillis),
        after: Seq,
        most: usize,
    ) -> Result<Span, Error> {
        self.ask(move |database| database.events_between(&room, from, to, after, most)).await
    }
}

impl Database<'_> {
    fn begin_recording(&self, recording: &Recording) -> rusqlite::Result<()> {
        self.0
            .prepare_cached("INSERT INTO recording (id, room, epoch, public) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![
                recording.id.as_str(),
                recording.room.as_str(),
                recording.epoch.as_micros() as i64,
                recording.public
            ])
            .map(drop)
    }

    fn put_part(&self, id: &ReplayId, part: &Part) -> rusqlite::Result<()> {
        self.0
            .prepare_cached(
                "INSERT INTO recording_part (recording, number, begins, duration, bytes) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET duration = ?4, bytes = ?5",
            )?
            .execute(params![
                id.as_str(),
                part.number,
                part.begins.as_millis() as i64,
                part.duration.as_millis() as i64,
                part.bytes as i64
            ])
            .map(drop)
    }

    fn drop_part(&self, id: &ReplayId, number: u32) -> rusqlite::Result<()> {
        self.0
            .prepare_cached("DELETE FROM recording_part WHERE recording = ?1 AND number = ?2")?
            .execute(params![id.as_str(), number])
            .map(drop)
    }

    fn end_recording(&self, id: &ReplayId, ended: UnixMillis, poster: bool) -> rusqlite::Result<()> {
        self.0
            .prepare_cached("UPDATE recording SET ended = ?2, poster = ?3 WHERE id = ?1")?
            .execute(params![id.as_str(), ended as i64, poster])
            .map(drop)
    }

    fn edit_recording(
        &self,
        id: &ReplayId,
        title: Option<&str>,
        public: Option<bool>,
    ) -> rusqlite::Result<()> {
        self.0
            .prepare_cached(
                "UPDATE recording SET title = CASE WHEN ?2 IS NULL THEN title ELSE nullif(?2, '') END,
                 public = coalesce(?3, public) WHERE id = ?1",
            )?
            .execute(params![id.as_str(), title, public])
            .map(drop)
    }

    /// Those for which the condition holds, oldest first. `condition` is one of this file.
    pub(super) fn recordings(
        &self,
        condition: &'static str,
        values: &[&dyn rusqlite::ToSql],
    ) -> rusqlite::Result<Vec<Recording>> {
        let mut parts = self.0.prepare_cached(
            "SELECT number, begins, duration, bytes FROM recording_part WHERE recording = ?1 ORDER BY number",
        )?;
        let mut found = self.0.prepare_cached(&format!(
            "SELECT id, room, epoch, ended, title, public, poster, uploaded, local FROM recording WHERE {condition} ORDER BY epoch"
        ))?;
        let rows = found.query_map(values, recording)?;
        let mut all = Vec::new();
        for row in rows {
            let Some(mut recording) = row? else { continue };
            let rows = parts.query_map([recording.id.as_str()], |row| {
                Ok(Part {
                    number: row.get(0)?,
                    begins: millis(row, 1)?,
                    duration: millis(row, 2)?,
                    bytes: row.get::<_, i64>(3)? as u64,
                })
            })?;
            recording.parts = rows.collect::<rusqlite::Result<_>>()?;
            all.push(recording);
        }
        Ok(all)
    }

    fn drop_recording(&self, id: &ReplayId) -> rusqlite::Result<()> {
        self.0.prepare_cached("DELETE FROM recording_part WHERE recording = ?1")?.execute([id.as_str()])?;
        self.0.prepare_cached("DELETE FROM upload WHERE recording = ?1")?.execute([id.as_str()])?;
        self.0.prepare_cached("DELETE FROM recording WHERE id = ?1")?.execute([id.as_str()]).map(drop)
    }

    fn put_clip(&self, clip: &Clip) -> rusqlite::Result<()> {
        self.0
            .prepare_cached(
                "INSERT INTO clip (id, room, recording, made, begins, duration, bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                clip.id.as_str(),
                clip.room.as_str(),
                clip.recording.as_str(),
                clip.made as i64,
                clip.begins.as_millis() as i64,
                clip.duration.as_millis() as i64,
                clip.bytes as i64
            ])
            .map(drop)
    }

    fn clips(&self, room: &RoomId, of: Option<&ReplayId>, most: usize) -> rusqlite::Result<Vec<Clip>> {
        let mut found = self.0.prepare_cached(
            "SELECT id, room, recording, made, begins, duration, bytes FROM clip
             WHERE room = ?1 AND recording = coalesce(?2, recording) ORDER BY made DESC LIMIT ?3",
        )?;
        let rows = found.query_map(params![room.as_str(), of.map(ReplayId::as_str), most as i64], clip)?;
        rows.filter_map(Result::transpose).collect()
    }

    fn drop_clip(&self, room: &RoomId, id: &ClipId) -> rusqlite::Result<bool> {
        self.0
            .prepare_cached("DELETE FROM clip WHERE room = ?1 AND id = ?2")?
            .execute([room.as_str(), id.as_str()])
            .map(|gone| gone > 0)
    }

    fn clip_bytes(&self) -> rusqlite::Result<u64> {
        let sum: Option<i64> =
            self.0.prepare_cached("SELECT sum(bytes) FROM clip")?.query_row([], |row| row.get(0))?;
        Ok(sum.unwrap_or(0) as u64)
    }

    fn events_between(
        &self,
        room: &RoomId,
        from: UnixMillis,
        to: UnixMillis,
        after: Seq,
        most: usize,
    ) -> rusqlite::Result<Span> {
        let mut found = self.0.prepare_cached(
            "SELECT seq, at, body, by, nonce FROM event
             WHERE room = ?1 AND at BETWEEN ?2 AND ?3 AND seq > ?4 AND deleted = 0 ORDER BY seq LIMIT ?5",
        )?;
        let rows = found.query_map(
            params![room.as_str(), from as i64, to as i64, after.0 as i64, most as i64 + 1],
            |row| Ok((row.get::<_, i64>(0)?, kept(row)?)),
        )?;
        let (mut events, mut newest, mut more) = (Vec::new(), after, None);
        for (n, row) in rows.enumerate() {
            let (seq, kept) = row?;
            if n == most {
                more = Some(newest);
                break;
            }
            newest = Seq(seq as u64);
            let Some(kept) = kept else { continue };
            let shown = match &kept.event.kind {
                EventKind::Said { by, .. } => !self.is_banned(room, &by.id)?,
                // It takes the person's messages away, which only holds while the ban does.
                EventKind::Banned { user } => self.is_banned(room, &user.id)?,
                EventKind::TimedOut { .. } => true,
                // What they did is done to the messages above.
                EventKind::Deleted { .. } | EventKind::Restored { .. } | EventKind::Pardoned { .. } => false,
            };
            if shown {
                events.push(kept.event);
            }
        }
        Ok((events, more))
    }

    fn is_banned(&self, room: &RoomId, user: &UserId) -> rusqlite::Result<bool> {
        self.0
            .prepare_cached("SELECT 1 FROM sanction WHERE room = ?1 AND person = ?2 AND until IS NULL")?
            .exists([room.as_str(), user.as_str()])
    }
}

fn millis(row: &Row<'_>, column: usize) -> rusqlite::Result<Duration> {
    Ok(Duration::from_millis(row.get::<_, i64>(column)? as u64))
}

/// `None` for a row that this version cannot read.
fn recording(row: &Row<'_>) -> rusqlite::Result<Option<Recording>> {
    let (id, room) =
        (ReplayId::try_from(row.get::<_, String>(0)?), RoomId::try_from(row.get::<_, String>(1)?));
    let (Ok(id), Ok(room)) = (id, room) else { return Ok(None) };
    Ok(Some(Recording {
        id,
        room,
        epoch: Time::from_micros(row.get::<_, i64>(2)? as u64),
        ended: row.get::<_, Option<i64>>(3)?.map(|ended| ended as u64),
        title: row.get(4)?,
        public: row.get(5)?,
        poster: row.get(6)?,
        uploaded: row.get::<_, Option<i64>>(7)?.map(|at| at as u64),
        local: row.get(8)?,
        parts: Vec::new(),
    }))
}

fn clip(row: &Row<'_>) -> rusqlite::Result<Option<Clip>> {
    let (id, room) = (ClipId::try_from(row.get::<_, String>(0)?), RoomId::try_from(row.get::<_, String>(1)?));
    let (Ok(id), Ok(room)) = (id, room) else { return Ok(None) };
    let Ok(recording) = ReplayId::try_from(row.get::<_, String>(2)?) else { return Ok(None) };
    Ok(Some(Clip {
        id,
        room,
        recording,
        made: row.get::<_, i64>(3)? as u64,
        begins: millis(row, 4)?,
        duration: millis(row, 5)?,
        bytes: row.get::<_, i64>(6)? as u64,
    }))
}
