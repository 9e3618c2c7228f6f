//! What the store knows of recordings and clips, and the events that a replay plays.

use std::time::Duration;

use footlight_media::Time;
use footlight_protocol::room::{Event, EventKind, UnixMillis};
use footlight_protocol::spend::{BecameMember, Packet, Paid};
use footlight_protocol::{ClipId, ReplayId, RoomId, Seq};

use super::Store;
use super::events::kept;
use super::sql::{Database, Outcome, Row, Value, values};
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
        self.ask(|database| database.recordings("1 = 1", &[])).await
    }

    /// The room's finished ones, newest first.
    pub(crate) async fn replays(&self, room: RoomId, most: usize) -> Result<Vec<Recording>, Error> {
        self.ask(move |database| {
            let mut found = database.recordings(
                "id IN (SELECT id FROM recording WHERE room = ?1 AND ended IS NOT NULL ORDER BY epoch DESC LIMIT ?2)",
                values![room.as_str(), most],
            )?;
            found.reverse();
            Ok(found)
        })
        .await
    }

    pub(crate) async fn recording(&self, room: RoomId, id: ReplayId) -> Result<Option<Recording>, Error> {
        self.ask(move |database| {
            let mut found =
                database.recordings("room = ?1 AND id = ?2", values![room.as_str(), id.as_str()])?;
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
    fn begin_recording(&mut self, recording: &Recording) -> Outcome<()> {
        self.execute(
            "INSERT INTO recording (id, room, epoch, public) VALUES (?1, ?2, ?3, ?4)",
            values![
                recording.id.as_str(),
                recording.room.as_str(),
                recording.epoch.as_micros(),
                recording.public
            ],
        )
        .map(drop)
    }

    fn put_part(&mut self, id: &ReplayId, part: &Part) -> Outcome<()> {
        self.execute(
            "INSERT INTO recording_part (recording, number, begins, duration, bytes) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (recording, number) DO UPDATE SET duration = ?4, bytes = ?5",
            values![
                id.as_str(),
                part.number,
                part.begins.as_millis() as u64,
                part.duration.as_millis() as u64,
                part.bytes
            ],
        )
        .map(drop)
    }

    fn drop_part(&mut self, id: &ReplayId, number: u32) -> Outcome<()> {
        self.execute(
            "DELETE FROM recording_part WHERE recording = ?1 AND number = ?2",
            values![id.as_str(), number],
        )
        .map(drop)
    }

    fn end_recording(&mut self, id: &ReplayId, ended: UnixMillis, poster: bool) -> Outcome<()> {
        self.execute(
            "UPDATE recording SET ended = ?2, poster = ?3 WHERE id = ?1",
            values![id.as_str(), ended, poster],
        )
        .map(drop)
    }

    fn edit_recording(&mut self, id: &ReplayId, title: Option<&str>, public: Option<bool>) -> Outcome<()> {
        if let Some(title) = title {
            self.execute(
                "UPDATE recording SET title = nullif(?2, '') WHERE id = ?1",
                values![id.as_str(), title],
            )?;
        }
        if let Some(public) = public {
            self.execute("UPDATE recording SET public = ?2 WHERE id = ?1", values![id.as_str(), public])?;
        }
        Ok(())
    }

    /// Those for which the condition holds, oldest first. `condition` is one of the store's.
    pub(super) fn recordings(
        &mut self,
        condition: &'static str,
        values: &[Value<'_>],
    ) -> Outcome<Vec<Recording>> {
        let found = self.query(
            &format!(
                "SELECT id, room, epoch, ended, title, public, poster, uploaded, local FROM recording WHERE {condition} ORDER BY epoch"
            ),
            values,
        )?;
        let mut all = Vec::new();
        for row in found {
            let Some(mut recording) = recording(&row)? else { continue };
            let parts = self.query(
                "SELECT number, begins, duration, bytes FROM recording_part WHERE recording = ?1 ORDER BY number",
                values![recording.id.as_str()],
            )?;
            for row in parts {
                let (begins, duration) = (millis(&row, 1)?, millis(&row, 2)?);
                recording.parts.push(Part { number: row.get(0)?, begins, duration, bytes: row.get(3)? });
            }
            all.push(recording);
        }
        Ok(all)
    }

    fn drop_recording(&mut self, id: &ReplayId) -> Outcome<()> {
        for statement in [
            "DELETE FROM recording_part WHERE recording = ?1",
            "DELETE FROM upload WHERE recording = ?1",
            "DELETE FROM recording WHERE id = ?1",
        ] {
            self.execute(statement, values![id.as_str()])?;
        }
        Ok(())
    }

    fn put_clip(&mut self, clip: &Clip) -> Outcome<()> {
        self.execute(
            "INSERT INTO clip (id, room, recording, made, begins, duration, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            values![
                clip.id.as_str(),
                clip.room.as_str(),
                clip.recording.as_str(),
                clip.made,
                clip.begins.as_millis() as u64,
                clip.duration.as_millis() as u64,
                clip.bytes
            ],
        )
        .map(drop)
    }

    fn clips(&mut self, room: &RoomId, of: Option<&ReplayId>, most: usize) -> Outcome<Vec<Clip>> {
        let rows = self.query(
            "SELECT id, room, recording, made, begins, duration, bytes FROM clip
             WHERE room = ?1 AND recording = coalesce(?2, recording) ORDER BY made DESC LIMIT ?3",
            values![room.as_str(), of.map(ReplayId::as_str), most],
        )?;
        rows.iter().filter_map(|row| clip(row).transpose()).collect()
    }

    fn drop_clip(&mut self, room: &RoomId, id: &ClipId) -> Outcome<bool> {
        self.execute("DELETE FROM clip WHERE room = ?1 AND id = ?2", values![room.as_str(), id.as_str()])
            .map(|gone| gone > 0)
    }

    fn clip_bytes(&mut self) -> Outcome<u64> {
        // PostgreSQL's sum of integers is of a kind of its own.
        let sum = self.first("SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM clip", &[])?;
        sum.map_or(Ok(0), |row| row.get(0))
    }

    fn events_between(
        &mut self,
        room: &RoomId,
        from: UnixMillis,
        to: UnixMillis,
        after: Seq,
        most: usize,
    ) -> Outcome<Span> {
        let rows = self.query(
            "SELECT seq, at, body, by, nonce FROM event
             WHERE room = ?1 AND at BETWEEN ?2 AND ?3 AND seq > ?4 AND deleted = 0 ORDER BY seq LIMIT ?5",
            values![room.as_str(), from, to, after.0, most + 1],
        )?;
        let hidden = self.amounts_are_hidden(room)?;
        let (mut events, mut newest, mut more) = (Vec::new(), after, None);
        for (n, row) in rows.iter().enumerate() {
            if n == most {
                more = Some(newest);
                break;
            }
            newest = Seq(row.get(0)?);
            let Some(mut kept) = kept(row)? else { continue };
            let shown = match &kept.event.kind {
                EventKind::Said { by, .. } => !self.is_banned(room, &by.id)?,
                // It takes the person's messages away, which only holds while the ban does.
                EventKind::Banned { user, .. } => self.is_banned(room, &user.id)?,
                EventKind::TimedOut { .. } => true,
                // What they did is done to the messages above.
                EventKind::Deleted { .. }
                | EventKind::Restored { .. }
                | EventKind::Pardoned { .. }
                | EventKind::Swept { .. }
                | EventKind::Unswept { .. }
                | EventKind::Drawn(_)
                | EventKind::PacketOver(_)
                | EventKind::Shielded { .. } => false,
                EventKind::Gifted { by, .. }
                | EventKind::Packet(Packet { by, .. })
                | EventKind::Paid(Paid { by, .. })
                | EventKind::BecameMember(BecameMember { by, .. }) => !self.is_banned(room, &by.id)?,
                EventKind::Refunded { .. } | EventKind::GoalReached { .. } => true,
                // Approved, it is a message like the others.
                EventKind::Held { by, .. } => !self.is_banned(room, &by.id)?,
                EventKind::Erased {}
                | EventKind::Denied { .. }
                | EventKind::Ruled { .. }
                | EventKind::Trusted { .. }
                | EventKind::Restricted { .. }
                | EventKind::Unmarked { .. }
                | EventKind::Appointed { .. }
                | EventKind::Avatar { .. }
                | EventKind::Pinned { .. }
                | EventKind::Unpinned {}
                | EventKind::Upheld(_)
                | EventKind::Dismissed(_)
                | EventKind::Lifted(_) => false,
            };
            if shown {
                self.fill_quotes(room, &mut kept.event.kind)?;
                let event = kept.event.as_shown();
                events.push(if hidden { event.without_amounts(None) } else { event });
            }
        }
        Ok((events, more))
    }
}

fn millis(row: &Row, column: usize) -> Outcome<Duration> {
    row.get(column).map(Duration::from_millis)
}

/// `None` for a row that this version cannot read.
fn recording(row: &Row) -> Outcome<Option<Recording>> {
    let (id, room) = (ReplayId::try_from(row.get::<String>(0)?), RoomId::try_from(row.get::<String>(1)?));
    let (Ok(id), Ok(room)) = (id, room) else { return Ok(None) };
    Ok(Some(Recording {
        id,
        room,
        epoch: Time::from_micros(row.get(2)?),
        ended: row.get(3)?,
        title: row.get(4)?,
        public: row.get(5)?,
        poster: row.get(6)?,
        uploaded: row.get(7)?,
        local: row.get(8)?,
        parts: Vec::new(),
    }))
}

fn clip(row: &Row) -> Outcome<Option<Clip>> {
    let (id, room) = (ClipId::try_from(row.get::<String>(0)?), RoomId::try_from(row.get::<String>(1)?));
    let (Ok(id), Ok(room)) = (id, room) else { return Ok(None) };
    let Ok(recording) = ReplayId::try_from(row.get::<String>(2)?) else { return Ok(None) };
    let (begins, duration) = (millis(row, 4)?, millis(row, 5)?);
    Ok(Some(Clip { id, room, recording, made: row.get(3)?, begins, duration, bytes: row.get(6)? }))
}
