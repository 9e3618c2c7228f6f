//! Copies finished recordings into an S3-compatible bucket: the files, the poster, and what happened in the room.
//!
//! One file at a time, in pieces of [`PIECE`], and only while nobody is on air, since a broadcast needs the same
//! line. What a bucket has said of each piece is in the store, so a relay that is started again goes on where it
//! was. Whatever fails is tried again, for ever and ever more rarely, and shown to the owner.

mod bucket;
mod sign;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use footlight_protocol::Seq;
use footlight_protocol::replay::Timed;
use footlight_protocol::room::{RoomState, StreamState};
use footlight_protocol::status::Uploads;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::Folder;
use crate::clock;
use crate::error::Error;
use crate::hook::Pace;
use crate::metrics::Metrics;
use crate::secret::{Secret, random};
use crate::store::Store;
use crate::store::recordings::Recording;
use crate::store::uploads::Progress;
use bucket::{Bucket, Refusal};

/// Sent at once and held in memory meanwhile. S3 takes pieces of at least 5 MB, and 10 000 of them: 160 GB, more than
/// six hours of any broadcast have.
const PIECE: u64 = 16 << 20;
const MOST_PIECES: u64 = 10_000;
/// How long a link to an object is good: whoever pauses a replay for longer loads it again.
const LINK_S: u32 = 6 * 3600;
/// Waits between failures, which never end.
const RETRY: Pace =
    Pace { first: Duration::from_secs(5), longest: Duration::from_secs(600), attempts: u32::MAX };
/// What is to be sent is looked for so often even if nobody says that there is something.
const LOOK: Duration = Duration::from_secs(60);
/// Events that are read at once.
const EVENTS: usize = 1000;

/// Where finished recordings are copied to.
#[derive(Debug, Clone)]
pub struct Upload {
    /// `https://HOST[:PORT]`; the bucket's name goes into the path.
    pub endpoint: String,
    pub region: String,
    pub bucket: String,
    /// In front of every key; where it is to be a folder it ends in a slash.
    pub prefix: String,
    pub access_key: Secret,
    pub secret_key: Secret,
    /// Deletes the local files once the copy is whole. Replays are then played from the bucket.
    pub delete_local: bool,
    /// Uploads also while somebody is on air.
    pub while_live: bool,
}

/// What HTTP sees of it; cheap to clone.
#[derive(Clone)]
pub(crate) struct Copies {
    bucket: Arc<Bucket>,
    status: watch::Receiver<Uploads>,
    place: String,
}

impl Copies {
    pub(crate) fn status(&self) -> Uploads {
        self.status.borrow().clone()
    }

    /// Where a recording's copy is, in the words of S3's tools.
    pub(super) fn place(&self, row: &Recording) -> String {
        format!("{}{}/{}/", self.place, row.room, row.id)
    }

    /// A link to a file of it, good for some hours.
    pub(super) fn link(&self, row: &Recording, name: &str, head: bool) -> String {
        self.bucket.link(if head { "HEAD" } else { "GET" }, &key(row, name), LINK_S)
    }
}

/// What the task needs of the relay.
pub(super) struct Setup {
    pub(super) upload: Upload,
    pub(super) folder: Folder,
    pub(super) store: Store,
    pub(super) metrics: Arc<Metrics>,
    /// Somebody has finished a recording.
    pub(super) finished: Arc<Notify>,
    pub(super) room: watch::Receiver<RoomState>,
}

/// The task that uploads.
pub(crate) struct Uploader {
    setup: Setup,
    bucket: Arc<Bucket>,
    status: watch::Sender<Uploads>,
}

pub(super) fn new(setup: Setup) -> Result<(Uploader, Copies), Error> {
    let bucket = Arc::new(Bucket::new(&setup.upload)?);
    let (status, reader) = watch::channel(Uploads::default());
    let place = format!("s3://{}/{}", setup.upload.bucket, setup.upload.prefix);
    let copies = Copies { bucket: bucket.clone(), status: reader, place };
    Ok((Uploader { setup, bucket, status }, copies))
}

/// A file of a recording on its way.
struct Object<'a> {
    row: &'a Recording,
    /// Its name in the bucket, below the recording's.
    name: String,
    path: PathBuf,
    kind: &'static str,
}

fn key(row: &Recording, name: &str) -> String {
    format!("{}/{}/{name}", row.room, row.id)
}

impl Uploader {
    /// Uploads until cancelled.
    pub(crate) async fn run(self, cancel: CancellationToken) {
        let mut failures = 0u32;
        loop {
            let done = tokio::select! {
                () = cancel.cancelled() => return,
                done = self.next() => done,
            };
            let wait = match done {
                Ok(true) => {
                    failures = 0;
                    self.status.send_modify(|status| status.failing = None);
                    continue;
                }
                Ok(false) => LOOK,
                Err(refusal) => {
                    failures = failures.saturating_add(1);
                    self.setup.metrics.upload_failures.one();
                    let failing = refusal.to_string();
                    tracing::warn!(%failing, attempt = failures, "a recording was not uploaded");
                    self.status.send_modify(|status| {
                        status.failed_attempts += 1;
                        status.failing = Some(failing);
                    });
                    RETRY.wait(failures, random::<4>().map_or(0, u32::from_le_bytes))
                }
            };
            tokio::select! {
                () = cancel.cancelled() => return,
                () = self.setup.finished.notified(), if failures == 0 => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Uploads the oldest recording that is not in the bucket; false where there is none.
    async fn next(&self) -> Result<bool, Refusal> {
        let rows = self.setup.store.not_uploaded().await?;
        self.status.send_modify(|status| status.waiting = rows.len() as u64);
        self.setup.metrics.uploads_waiting.set(rows.len() as u64);
        let Some(row) = rows.into_iter().next() else { return Ok(false) };
        match self.copy(&row).await {
            // It was deleted meanwhile: there is nothing to copy any more.
            Err(_) if self.setup.store.recording(row.room.clone(), row.id.clone()).await?.is_none() => {
                Ok(true)
            }
            Err(refusal) => Err(refusal),
            Ok(()) => {
                self.setup.store.uploaded(row.id.clone(), clock::now_millis()).await?;
                tracing::info!(room = %row.room, id = %row.id, "uploaded");
                self.status.send_modify(|status| status.done += 1);
                if self.setup.upload.delete_local {
                    self.forget(&row).await?;
                }
                Ok(true)
            }
        }
    }

    async fn copy(&self, row: &Recording) -> Result<(), Refusal> {
        let folder = &self.setup.folder;
        for part in &row.parts {
            let (name, path) = (format!("{}.mp4", part.number), folder.part(&row.room, &row.id, part.number));
            self.object(&Object { row, name, path, kind: "video/mp4" }).await?;
        }
        if row.poster {
            let (name, path) = ("poster.mp4".to_owned(), folder.poster(&row.room, &row.id));
            self.object(&Object { row, name, path, kind: "video/mp4" }).await?;
        }
        let (name, path) =
            ("events.jsonl".to_owned(), folder.part(&row.room, &row.id, 1).with_extension("events"));
        self.write_events(row, &path).await?;
        let sent = self.object(&Object { row, name, path: path.clone(), kind: "application/x-ndjson" }).await;
        let _ = tokio::fs::remove_file(path).await;
        sent
    }

    /// What the replay's page would play now, an event a line.
    async fn write_events(&self, row: &Recording, path: &Path) -> Result<(), Refusal> {
        let mut file = tokio::fs::File::create(path).await?;
        let epoch = row.epoch.as_micros() / 1000;
        let span = (epoch, row.ended.unwrap_or(epoch));
        let mut after = Some(Seq(0));
        while let Some(from) = after {
            let (events, next) =
                self.setup.store.events_between(row.room.clone(), span, from, EVENTS).await?;
            let mut lines = String::new();
            for event in events {
                let timed = Timed { at_ms: event.at.saturating_sub(epoch), event };
                lines += &serde_json::to_string(&timed).expect("events are plain data");
                lines.push('\n');
            }
            file.write_all(lines.as_bytes()).await?;
            after = next;
        }
        Ok(file.flush().await?)
    }

    /// Sends one file and looks whether it arrived. One that did before is not sent again.
    async fn object(&self, object: &Object<'_>) -> Result<(), Refusal> {
        let (store, id) = (&self.setup.store, &object.row.id);
        let known = store.upload(id.clone(), object.name.clone()).await?;
        if known.as_ref().is_some_and(|known| known.session.is_none()) {
            return Ok(());
        }
        let mut file = tokio::fs::File::open(&object.path).await?;
        let length = file.metadata().await?.len();
        let key = key(object.row, &object.name);
        let tag = if length <= PIECE {
            let body = piece(&mut file, 0, length).await?;
            self.quiet().await;
            self.bucket.put(&key, object.kind, body).await?
        } else {
            match self.pieces(object, &key, &mut file, length, known).await {
                Err(refusal) if refusal.is_forgotten() => {
                    store.drop_upload(id.clone(), object.name.clone()).await?;
                    return Err(refusal);
                }
                sent => sent?,
            }
        };
        let bare = |tag: &str| tag.trim_matches('"').to_owned();
        let (there, its_tag) = self.bucket.look(&key).await?;
        if (there, bare(&its_tag)) != (length, bare(&tag)) {
            store.drop_upload(id.clone(), object.name.clone()).await?;
            return Err(Refusal::NotTheSame);
        }
        self.status.send_modify(|status| status.bytes += length);
        self.setup.metrics.upload_bytes.add(length);
        let whole = Progress { session: None, tags: vec![tag] };
        Ok(store.put_upload(id.clone(), object.name.clone(), whole).await?)
    }

    async fn pieces(
        &self,
        object: &Object<'_>,
        key: &str,
        file: &mut tokio::fs::File,
        length: u64,
        known: Option<Progress>,
    ) -> Result<String, Refusal> {
        let count = length.div_ceil(PIECE);
        if count > MOST_PIECES {
            return Err(Refusal::Odd("a file of more than 160 GB does not go into a bucket"));
        }
        let keep = |progress: Progress| {
            self.setup.store.put_upload(object.row.id.clone(), object.name.clone(), progress)
        };
        let mut progress = match known {
            Some(progress) => progress,
            None => {
                let session = self.bucket.begin(key, object.kind).await?;
                let progress = Progress { session: Some(session), tags: Vec::new() };
                keep(progress.clone()).await?;
                progress
            }
        };
        let session = progress.session.clone().unwrap_or_default();
        for number in progress.tags.len() as u64..count {
            let at = number * PIECE;
            let body = piece(file, at, PIECE.min(length - at)).await?;
            self.quiet().await;
            let tag = self.bucket.put_piece(key, &session, number as usize + 1, body).await?;
            progress.tags.push(tag);
            keep(progress.clone()).await?;
        }
        self.bucket.complete(key, &session, &progress.tags).await
    }

    /// Waits until the line is nobody's.
    async fn quiet(&self) {
        if !self.setup.upload.while_live {
            // The relay ends where the room is gone.
            let _ = self.setup.room.clone().wait_for(|room| room.stream == StreamState::Offline).await;
        }
    }

    /// Deletes the files that the bucket has. Poster and row stay.
    async fn forget(&self, row: &Recording) -> Result<(), Refusal> {
        self.setup.store.not_local(row.id.clone()).await?;
        for part in &row.parts {
            tokio::fs::remove_file(self.setup.folder.part(&row.room, &row.id, part.number)).await?;
        }
        Ok(())
    }
}

async fn piece(file: &mut tokio::fs::File, at: u64, length: u64) -> std::io::Result<Bytes> {
    let mut bytes = vec![0; length as usize];
    file.seek(std::io::SeekFrom::Start(at)).await?;
    file.read_exact(&mut bytes).await?;
    Ok(bytes.into())
}
