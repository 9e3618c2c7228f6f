//! What the store knows of copies in a bucket.

use footlight_protocol::ReplayId;
use footlight_protocol::room::UnixMillis;

use super::Store;
use super::recordings::Recording;
use super::sql::{Database, Outcome, values};
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
    fn upload(&mut self, id: &ReplayId, name: &str) -> Outcome<Option<Progress>> {
        let found = self.first(
            "SELECT session, tags FROM upload WHERE recording = ?1 AND name = ?2",
            values![id.as_str(), name],
        )?;
        let Some(row) = found else { return Ok(None) };
        let tags: String = row.get(1)?;
        Ok(Some(Progress { session: row.get(0)?, tags: tags.lines().map(str::to_owned).collect() }))
    }

    fn put_upload(&mut self, id: &ReplayId, name: &str, progress: &Progress) -> Outcome<()> {
        let tags = progress.tags.join("\n");
        self.execute(
            "INSERT INTO upload (recording, name, session, tags) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (recording, name) DO UPDATE SET session = ?3, tags = ?4",
            values![id.as_str(), name, progress.session.as_deref(), &tags],
        )
        .map(drop)
    }

    fn drop_upload(&mut self, id: &ReplayId, name: &str) -> Outcome<()> {
        self.execute("DELETE FROM upload WHERE recording = ?1 AND name = ?2", values![id.as_str(), name])
            .map(drop)
    }

    fn uploaded(&mut self, id: &ReplayId, at: UnixMillis) -> Outcome<()> {
        self.execute("UPDATE recording SET uploaded = ?2 WHERE id = ?1", values![id.as_str(), at])?;
        self.execute("DELETE FROM upload WHERE recording = ?1", values![id.as_str()]).map(drop)
    }

    fn not_local(&mut self, id: &ReplayId) -> Outcome<()> {
        self.execute("UPDATE recording SET local = 0 WHERE id = ?1", values![id.as_str()]).map(drop)
    }
}
