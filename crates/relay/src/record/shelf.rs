//! Recordings as HTTP sees them: lists, files, clips.

use std::path::PathBuf;
use std::time::Duration;

use footlight_protocol::replay::{
    self, ClipRequest, Events, Line, MAX_CLIP_S, MAX_TITLE, Progress, Replay, Timed,
};
use footlight_protocol::status::Uploads;
use footlight_protocol::{ClipId, Code, Failure, ReplayId, RoomId, Seq};
use tokio::sync::watch;

use super::archive::{Lives, remove};
use super::upload::Copies;
use super::{Folder, clip};
use crate::chat::text::clean;
use crate::clock;
use crate::error::Error;
use crate::secret::random_id;
use crate::store::Store;
use crate::store::recordings::{Clip, Recording};

/// Replays and clips in a list.
const MOST_LINES: usize = 500;
/// Events in one answer: some hundred kilobytes.
const MOST_EVENTS: usize = 5000;
/// Letters and digits of a clip's id.
const ID: usize = 12;
/// How long a clip waits for its last second to be written.
const WRITTEN: Duration = Duration::from_secs(3);

/// A handle; cheap to clone.
#[derive(Clone)]
pub(crate) struct Shelf {
    folder: Folder,
    store: Store,
    lives: watch::Receiver<Lives>,
    copies: Option<Copies>,
}

/// Where a file is.
pub(crate) enum Media {
    Here(PathBuf),
    /// Only in the bucket, at this address for some hours.
    There(String),
}

impl Shelf {
    pub(super) fn new(
        folder: Folder,
        store: Store,
        lives: watch::Receiver<Lives>,
        copies: Option<Copies>,
    ) -> Self {
        Self { folder, store, lives, copies }
    }

    /// How the copies in the bucket stand, where there is one.
    pub(crate) fn uploads(&self) -> Option<Uploads> {
        self.copies.as_ref().map(Copies::status)
    }

    /// The room's finished broadcasts, newest first; to the owner also those that are not listed.
    pub(crate) async fn list(&self, room: &RoomId, owner: bool) -> Result<Vec<Line>, Failure> {
        let rows = self.store.replays(room.clone(), MOST_LINES).await.map_err(internal)?;
        Ok(rows.into_iter().filter(|row| row.public || owner).map(|row| self.line(&row, owner)).collect())
    }

    /// A finished broadcast in a list. Where its copy is concerns its owner alone.
    fn line(&self, row: &Recording, owner: bool) -> Line {
        let copies = self.copies.as_ref().filter(|_| owner && row.uploaded.is_some());
        Line { copy: copies.map(|copies| copies.place(row)), ..line(row) }
    }

    pub(crate) async fn replay(&self, room: &RoomId, id: &str, owner: bool) -> Result<Replay, Failure> {
        let row = self.finished(room, id).await?;
        let clips =
            self.store.clips(room.clone(), Some(row.id.clone()), MOST_LINES).await.map_err(internal)?;
        let Events { events, events_after } = self.events_of(&row, Seq(0)).await?;
        let part = |part: &crate::store::recordings::Part| replay::Part {
            media: format!("/{room}/replay/{}/{}.mp4", row.id, part.number),
            begins_ms: part.begins.as_millis() as u64,
            duration_ms: part.duration.as_millis() as u64,
        };
        Ok(Replay {
            parts: row.parts.iter().map(part).collect(),
            line: self.line(&row, owner),
            clips: clips.into_iter().map(told).collect(),
            events,
            events_after,
        })
    }

    /// An error where there is no such replay.
    pub(crate) async fn has(&self, room: &RoomId, id: &str) -> Result<(), Failure> {
        self.finished(room, id).await.map(drop)
    }

    /// The replay's events after `after`.
    pub(crate) async fn events(&self, room: &RoomId, id: &str, after: Seq) -> Result<Events, Failure> {
        let row = self.finished(room, id).await?;
        self.events_of(&row, after).await
    }

    async fn events_of(&self, row: &Recording, after: Seq) -> Result<Events, Failure> {
        let epoch = row.epoch.as_micros() / 1000;
        let span = (epoch, row.ended.unwrap_or(epoch));
        let found = self.store.events_between(row.room.clone(), span, after, MOST_EVENTS).await;
        let (events, events_after) = found.map_err(internal)?;
        let timed =
            |event: footlight_protocol::room::Event| Timed { at_ms: event.at.saturating_sub(epoch), event };
        Ok(Events { events: events.into_iter().map(timed).collect(), events_after })
    }

    /// The file behind a name such as `1.mp4` or `poster.mp4`.
    pub(crate) async fn media(
        &self,
        room: &RoomId,
        id: &str,
        name: &str,
        head: bool,
    ) -> Result<Media, Failure> {
        let row = self.finished(room, id).await?;
        let stem = name.strip_suffix(".mp4");
        if stem == Some("poster") && row.poster {
            return Ok(Media::Here(self.folder.poster(room, &row.id)));
        }
        let number = stem.and_then(|stem| stem.parse::<u32>().ok());
        let part = row.parts.iter().find(|part| Some(part.number) == number).ok_or_else(nothing)?;
        if row.local {
            return Ok(Media::Here(self.folder.part(room, &row.id, part.number)));
        }
        let copies = self.copies.as_ref().ok_or_else(elsewhere)?;
        Ok(Media::There(copies.link(&row, &format!("{}.mp4", part.number), head)))
    }

    pub(crate) async fn edit(&self, room: &RoomId, id: &str, edit: replay::Edit) -> Result<Line, Failure> {
        let row = self.finished(room, id).await?;
        let title = match edit.title.as_deref() {
            None => None,
            Some("") => Some(String::new()),
            Some(title) => Some(
                clean(title, MAX_TITLE)
                    .map_err(|code| Failure::new(code, format!("A title has 1 to {MAX_TITLE} characters")))?,
            ),
        };
        self.store.edit_recording(row.id.clone(), title, edit.public).await.map_err(internal)?;
        Ok(self.line(&self.finished(room, id).await?, true))
    }

    /// Deletes a finished broadcast. Who is being sent a file of it gets that to the end.
    pub(crate) async fn delete(&self, room: &RoomId, id: &str) -> Result<(), Failure> {
        let row = self.finished(room, id).await?;
        self.store.drop_recording(row.id.clone()).await.map_err(internal)?;
        remove(&self.folder, &row).await;
        Ok(())
    }

    /// How the recording of what is live goes.
    pub(crate) fn progress(&self, room: &RoomId) -> Option<Progress> {
        let lives = self.lives.borrow();
        let live = lives.get(room)?;
        Some(Progress {
            id: live.id.clone()?,
            since: live.epoch.as_micros() / 1000,
            bytes: live.bytes,
            bits_per_second: live.rate,
            full_in_s: live.full_in.map(|left| left.as_secs()),
            paused: live.paused.map(|(_, why)| why),
        })
    }

    pub(crate) async fn clips(&self, room: &RoomId) -> Result<Vec<replay::Clip>, Failure> {
        let clips = self.store.clips(room.clone(), None, MOST_LINES).await.map_err(internal)?;
        Ok(clips.into_iter().map(told).collect())
    }

    /// The file of a name such as `ID.mp4`.
    pub(crate) fn clip_media(&self, room: &RoomId, name: &str) -> Result<PathBuf, Failure> {
        let id = name.strip_suffix(".mp4").and_then(|id| id.parse::<ClipId>().ok());
        Ok(self.folder.clip(room, &id.ok_or_else(nothing)?))
    }

    pub(crate) async fn delete_clip(&self, room: &RoomId, id: &str) -> Result<(), Failure> {
        let id: ClipId = id.parse().map_err(|_| nothing())?;
        if !self.store.drop_clip(room.clone(), id.clone()).await.map_err(internal)? {
            return Err(nothing());
        }
        let _ = tokio::fs::remove_file(self.folder.clip(room, &id)).await;
        Ok(())
    }

    /// Cuts a clip. It stays within one file: of what changes in its middle, the later side is taken when it is of
    /// what is live, and the earlier one of a replay.
    pub(crate) async fn clip(&self, room: &RoomId, request: ClipRequest) -> Result<replay::Clip, Failure> {
        let span = match request {
            ClipRequest::Live { seconds } => self.live_span(room, seconds).await?,
            ClipRequest::Range { replay, from_ms, to_ms } => {
                let row = self.finished(room, replay.as_str()).await?;
                if !row.local {
                    return Err(elsewhere());
                }
                replay_span(&row, from_ms, to_ms)?
            }
        };
        let id = random_id(ID).map_err(internal)?;
        let id = ClipId::try_from(id).expect("letters and digits of a valid length");
        let source = self.folder.part(room, &span.recording, span.number);
        let target = self.folder.clip(room, &id);
        let cut = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(target.parent().unwrap_or(&target))?;
            clip::cut(&source, span.from, span.to, &target)
        });
        let cut = match cut.await {
            Ok(Ok(Some(cut))) => cut,
            Ok(Ok(None)) => return Err(Failure::new(Code::NotFound, "Nothing was recorded there")),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::StorageFull => {
                return Err(Failure::new(Code::Full, "The relay's disk has no space for a clip"));
            }
            Ok(Err(error)) => return Err(internal(error)),
            Err(error) => return Err(internal(error)),
        };
        let clip = Clip {
            id,
            room: room.clone(),
            recording: span.recording,
            made: clock::now_millis(),
            begins: span.begins + cut.begins,
            duration: cut.duration,
            bytes: cut.bytes,
        };
        self.store.put_clip(clip.clone()).await.map_err(internal)?;
        Ok(told(clip))
    }

    async fn live_span(&self, room: &RoomId, seconds: u32) -> Result<Span, Failure> {
        let length = length(u64::from(seconds) * 1000)?;
        let now = clock::now();
        let mut lives = self.lives.clone();
        // A publisher that is interrupted writes no further; then what there is has to do.
        let up_to_date = lives.wait_for(|lives| lives.get(room).is_none_or(|live| live.written >= now));
        let _ = tokio::time::timeout(WRITTEN, up_to_date).await;
        let live = lives.borrow().get(room).cloned();
        let not_recorded = || Failure::new(Code::WrongPhase, "The room is not being recorded now");
        let live = live.filter(|live| live.paused.is_none()).ok_or_else(not_recorded)?;
        let (number, begins) = live.part;
        let to = live.written.min(now).since(live.epoch);
        Ok(Span {
            recording: live.id.ok_or_else(not_recorded)?,
            number,
            begins,
            from: to.saturating_sub(length).saturating_sub(begins),
            to: to.saturating_sub(begins),
        })
    }

    async fn finished(&self, room: &RoomId, id: &str) -> Result<Recording, Failure> {
        let id: ReplayId = id.parse().map_err(|_| nothing())?;
        let row = self.store.recording(room.clone(), id).await.map_err(internal)?;
        let row = row.ok_or_else(nothing)?;
        if row.ended.is_none() {
            return Err(Failure::new(Code::WrongPhase, "This broadcast is still on air"));
        }
        Ok(row)
    }
}

/// What of which file a clip is to have.
struct Span {
    recording: ReplayId,
    number: u32,
    /// Media time at the file's beginning; the rest counts from there.
    begins: Duration,
    from: Duration,
    to: Duration,
}

fn replay_span(row: &Recording, from_ms: u64, to_ms: u64) -> Result<Span, Failure> {
    length(to_ms.saturating_sub(from_ms))?;
    let (from, to) = (Duration::from_millis(from_ms), Duration::from_millis(to_ms));
    let part = row.parts.iter().find(|part| part.begins + part.duration > from && part.begins < to);
    let part = part.ok_or_else(|| Failure::new(Code::NotFound, "Nothing was recorded there"))?;
    Ok(Span {
        recording: row.id.clone(),
        number: part.number,
        begins: part.begins,
        from: from.saturating_sub(part.begins),
        to: to - part.begins,
    })
}

fn length(millis: u64) -> Result<Duration, Failure> {
    let most = u64::from(MAX_CLIP_S) * 1000;
    if (1..=most).contains(&millis) {
        return Ok(Duration::from_millis(millis));
    }
    Err(Failure::new(Code::BadSetting, format!("A clip is 1 to {MAX_CLIP_S} seconds long")))
}

fn line(row: &Recording) -> Line {
    let began_ms = row.epoch.as_micros() / 1000;
    Line {
        id: row.id.clone(),
        room: row.room.clone(),
        title: row.title.clone(),
        public: row.public,
        began_ms,
        ended_ms: row.ended.unwrap_or(began_ms),
        duration_ms: row.duration().as_millis() as u64,
        bytes: row.bytes(),
        uploaded_ms: row.uploaded,
        copy: None,
        poster: row.poster.then(|| format!("/{}/replay/{}/poster.mp4", row.room, row.id)),
    }
}

fn told(clip: Clip) -> replay::Clip {
    replay::Clip {
        media: format!("/{}/clip/{}.mp4", clip.room, clip.id),
        id: clip.id,
        room: clip.room,
        replay: clip.recording,
        made_ms: clip.made,
        begins_ms: clip.begins.as_millis() as u64,
        duration_ms: clip.duration.as_millis() as u64,
        bytes: clip.bytes,
    }
}

fn elsewhere() -> Failure {
    Failure::new(Code::NotFound, "The recording is in the bucket only")
}

fn nothing() -> Failure {
    Failure::new(Code::NotFound, "There is no such replay or clip")
}

fn internal(error: impl Into<Cause>) -> Failure {
    let Cause(cause) = error.into();
    tracing::error!(cause, "a request about recordings failed");
    Failure::new(Code::Internal, "The relay could not do this")
}

/// What the log says.
struct Cause(String);

impl From<Error> for Cause {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl From<std::io::Error> for Cause {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<tokio::task::JoinError> for Cause {
    fn from(error: tokio::task::JoinError) -> Self {
        Self(error.to_string())
    }
}
