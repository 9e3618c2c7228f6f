//! Makes a replay of a broadcast that has ended, also of one whose end was cut off: what is on disk is counted, rewritten
//! so that players open it at once, and listed. One at a time, in the order in which they ended.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use footlight_protocol::room::UnixMillis;
use footlight_protocol::{ReplayId, RoomId};
use tokio::sync::{Notify, Semaphore};

use super::Folder;
use super::archive::{Setup, remove};
use super::part::{self, Finished};
use super::settle::{self, Pace};
use crate::error::Error;
use crate::store::Store;
use crate::store::recordings::{Part, Recording};

/// A handle; cheap to clone.
#[derive(Clone)]
pub(super) struct Finisher {
    store: Store,
    folder: Folder,
    pace: Pace,
    turn: Arc<Semaphore>,
    finished: Arc<Notify>,
}

impl Finisher {
    pub(super) fn new(setup: &Setup) -> Self {
        let (stop, lives) = (Arc::new(AtomicBool::new(false)), setup.live.subscribe());
        Self {
            store: setup.store.clone(),
            folder: setup.folder.clone(),
            pace: Pace { min_free: setup.config.min_free_bytes, lives, stop },
            turn: Arc::new(Semaphore::new(1)),
            finished: setup.finished.clone(),
        }
    }

    /// What is not done yet is left to the next start.
    pub(super) fn stop(&self) {
        self.pace.stop.store(true, Relaxed);
    }

    /// Makes a replay of a recording whose files are whole.
    pub(super) async fn finish(self, room: RoomId, id: ReplayId, ended: UnixMillis) -> Result<(), Error> {
        let Some(row) = self.store.recording(room, id).await? else { return Ok(()) };
        self.settle(row, ended).await
    }

    /// The same of one that was cut off.
    pub(super) async fn recover(self, mut row: Recording) -> Result<(), Error> {
        for part in std::mem::take(&mut row.parts) {
            let path = self.folder.part(&row.room, &row.id, part.number);
            let _ = tokio::fs::remove_file(settle::beside(&path)).await;
            let at = path.clone();
            let scanned = tokio::task::spawn_blocking(move || part::recover(&at)).await;
            match scanned.unwrap_or_else(|_| Err(part::damaged("it cannot be read"))) {
                Ok(Some(Finished { bytes, duration })) => {
                    let part = Part { duration, bytes, ..part };
                    self.store.put_part(row.id.clone(), part).await?;
                    row.parts.push(part);
                }
                Ok(None) => {
                    let _ = tokio::fs::remove_file(&path).await;
                    self.store.drop_part(row.id.clone(), part.number).await?;
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.store.drop_part(row.id.clone(), part.number).await?;
                }
                // It may be readable the next time.
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "a recording is left as it is");
                    return Ok(());
                }
            }
        }
        if row.parts.is_empty() {
            self.store.drop_recording(row.id.clone()).await?;
            remove(&self.folder, &row).await;
            return Ok(());
        }
        tracing::info!(room = %row.room, id = %row.id, "finished what was cut off");
        let ended = (row.epoch + row.duration()).as_micros() / 1000;
        self.settle(row, ended).await
    }

    async fn settle(&self, row: Recording, ended: UnixMillis) -> Result<(), Error> {
        // Never closed, so it is always had.
        let _turn = self.turn.acquire().await;
        for part in &row.parts {
            let path = self.folder.part(&row.room, &row.id, part.number);
            match settle::aside(path.clone(), self.pace.clone()).await? {
                Ok(Some(bytes)) => self.store.put_part(row.id.clone(), Part { bytes, ..*part }).await?,
                Ok(None) if self.pace.stop.load(Relaxed) => return Ok(()),
                Ok(None) => {
                    tracing::warn!(path = %path.display(), "no space to rewrite a recording, which opens slowly so");
                }
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "a recording could not be rewritten, and opens slowly");
                }
            }
        }
        let poster = self.folder.poster(&row.room, &row.id).is_file();
        self.store.end_recording(row.id, ended, poster).await?;
        self.finished.notify_one();
        Ok(())
    }
}
