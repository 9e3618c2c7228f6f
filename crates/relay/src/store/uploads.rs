//! What the store knows of copies in a bucket.

use footlight_protocol::ReplayId;
use footlight_protocol::room::UnixMillis;
use rusqlite::{OptionalExtension as _, params};

use super::Store;
use super::recordings::Recording;
use super::sqlite::Database;
use crate::error::Error;

/// How far an object of a recording is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The bucket's name for the upload in pieces; `None` once the object is whole.
    pub(crate) session: Option<String>,
    /// What the bucket said of each piece so far.
    pub(crate) tags: Vec<String>,
}

impl Store {
    /// Finished recordings that are not in the bucket, oldest first.
    pub(crate) async fn not_uploaded(&self) -> Result<Vec<Recording>, Error> {
        self.ask(|database| database.recordings("ended IS NOT NULL AND uploaded IS NULL", &[])).await
    }

    pub(crate) async fn upload(&self, id: ReplayId, name: String) -> Result<Option<Progress>, Error> {
        self.ask(move |database| database.upload(&id, &name)).await
    }

    pub(crate) async fn put_upload(
        &self,
        id: ReplayId,
        name: String,
        progress: Progress,
    ) -> Result<(), Error> {
        self.ask(move |database| database.put_upload(&id, &name, &progress)).await
    }

    /// Forgets how far an object was: it begins again.
    pub(crate) async fn drop_upload(&self, id: ReplayId, name: String) -> Result<(), Error> {
        self.ask(move |database| database.drop_upload(&id, &name)).await
    }

    /// All of the recording is in the bucket.
    pub(crate) async fn uploaded(&self, id: ReplayId, at: UnixMillis) -> Result<(), Error> {
        self.ask(move |database| database.uploaded(&id, at)).await
    }

    /// The recording's files are no longer on this disk.
    pub(crate) async fn not_local(&self, id: ReplayId) -> Result<(), Error> {
        self.ask(move |database| database.not_local(&id)).await
    }
}

impl Database<'_> {
    fn upload(&self, id: &ReplayId, name: &str) -> rusqlite::Result<Option<Progress>> {
        self.0
            .prepare_cached("SELECT session, tags FROM upload WHERE recording = ?1 AND name = ?2")?
            .query_row([id.as_str(), name], |row| {
                let tags: String = row.get(1)?;
                Ok(Progress { session: row.get(0)?, tags: tags.lines().map(str::to_owned).collect() })
            })
            .optional()
    }

    fn put_upload(&self, id: &ReplayId, name: &str, progress: &Progress) -> rusqlite::Result<()> {
        self.0
            .prepare_cached(
                "INSERT INTO upload (recording, name, session, tags) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET session = ?3, tags = ?4",
            )?
            .execute(params![id.as_str(), name, progress.session, progress.tags.join("\n")])
            .map(drop)
    }

    fn drop_upload(&self, id: &ReplayId, name: &str) -> rusqlite::Result<()> {
        self.0
            .prepare_cached("DELETE FROM upload WHERE recording = ?1 AND name = ?2")?
            .execute([id.as_str(), name])
            .map(drop)
    }

    fn uploaded(&self, id: &ReplayId, at: UnixMillis) -> rusqlite::Result<()> {
        self.0
            .prepare_cached("UPDATE recording SET uploaded = ?2 WHERE id = ?1")?
            .execute(params![id.as_str(), at as i64])?;
        self.0.prepare_cached("DELETE FROM upload WHERE recording = ?1")?.execute([id.as_str()]).map(drop)
    }

    fn not_local(&self, id: &ReplayId) -> rusqlite::Result<()> {
        self.0
            .prepare_cached("UPDATE recording SET local = 0 WHERE id = ?1")?
            .execute([id.as_str()])
            .map(drop)
    }
}
