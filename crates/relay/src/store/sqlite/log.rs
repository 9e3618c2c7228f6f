//! SQLite's log (its WAL), kept short beside the store's thread.
//!
//! What was committed is in the log, and has to come into its place in the file. A second connection does that while the
//! next transactions are written. The log begins anew once all of it is in its place, which beside a writer that never
//! rests is at no time; where it has become long, the writer brings there what little is left, itself.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;

use crate::lock::lock;

/// So many new pages of the log are brought into the file at a time: 2 MB. More at once makes gifts wait for the disk.
const PAGES: usize = 500;
/// From so many pages on the writer helps: 24 MB. Shorter makes gifts wait oftener; longer, and more of what is written is
/// new to the disk, which costs more than what is written over.
const LONG: usize = 6_000;
const DATABASE: &str = "main";

pub(super) struct Log {
    /// How many pages are in it, as of the last commit.
    pages: Arc<AtomicUsize>,
    /// How many were when it was last brought into the file.
    asked_at: usize,
    /// Held by whoever changes the file; set while it must not change.
    still: Arc<Mutex<bool>>,
    ask: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Log {
    /// Of the database that is open there. `writer` does not look after its log any more.
    pub(super) fn of(writer: &mut Connection, path: &Path) -> Result<Self, String> {
        let pages = Arc::new(AtomicUsize::new(0));
        let counted = pages.clone();
        let count = move |_: &mut _, pages| {
            counted.store(usize::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        };
        // Takes the place of SQLite's own.
        writer.wal_hook(Some(count)).map_err(|error| error.to_string())?;
        let second = Connection::open(path).map_err(|error| error.to_string())?;
        second.pragma_update(None, "synchronous", "NORMAL").map_err(|error| error.to_string())?;
        let still = Arc::new(Mutex::new(false));
        // One that waits is enough: it brings all that is there by then.
        let (ask, asked) = sync_channel(1);
        let thread = std::thread::Builder::new().name("store-log".to_owned());
        let thread = thread.spawn({
            let still = still.clone();
            move || bring_when_asked(&second, &asked, &still)
        });
        let thread = Some(thread.map_err(|error| error.to_string())?);
        Ok(Self { pages, asked_at: 0, still, ask: Some(ask), thread })
    }

    /// After each commit.
    pub(super) fn committed(&mut self, writer: &Connection) {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.asked_at {
            // It has begun anew.
            self.asked_at = 0;
        }
        if pages < self.asked_at + PAGES {
            return;
        }
        let asked = if pages >= LONG {
            bring(writer, &self.still);
            true
        } else {
            self.ask.as_ref().is_some_and(|ask| ask.try_send(()).is_ok())
        };
        if asked {
            self.asked_at = pages;
        }
    }

    /// Empties it, in the file as in itself.
    pub(super) fn empty(&self, writer: &Connection) -> Result<(), String> {
        let _turn = lock(&self.still);
        let emptied = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
        match emptied {
            Ok(false) => Ok(()),
            Ok(true) => Err("another program reads it".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether what is committed stays in the log, as [`Log::keep`] said.
    pub(super) fn is_kept(&self) -> bool {
        *lock(&self.still)
    }

    /// From now on what is committed stays in the log, or does not any more.
    pub(super) fn keep(&self, still: bool) {
        *lock(&self.still) = still;
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.ask = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn bring_when_asked(connection: &Connection, asked: &Receiver<()>, still: &Mutex<bool>) {
    while asked.recv().is_ok() {
        bring(connection, still);
    }
}

/// Brings what is in the log into its place, unless the file must not change.
fn bring(connection: &Connection, still: &Mutex<bool>) {
    let still = lock(still);
    if *still {
        return;
    }
    if let Err(error) = connection.wal_checkpoint_v2(Some(DATABASE), CheckpointMode::PASSIVE) {
        // Nothing is lost: it is in the log, and tried again.
        tracing::warn!(%error, "the database's log could not be brought into its file");
    }
}
