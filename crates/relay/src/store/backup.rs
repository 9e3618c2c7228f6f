//! Copies of the database as it is at one moment, while the relay runs.
//!
//! SQLite's file does not change between two moments at which its log is written into it. So the log is written, the next
//! such moment is put off, and the file is copied beside the store's thread: nobody in a room waits for it. PostgreSQL has
//! its own program for this.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::sql::{Fault, Outcome};
use super::{Place, Store};
use crate::error::Error;

/// Bytes that are copied at once.
const PIECE: usize = 1 << 20;

/// What copies the database into a new file; on any thread. Gives its bytes.
pub(super) type Snapshot = Box<dyn FnOnce(&mut File) -> Outcome<u64> + Send>;

impl Store {
    /// Whether the database is a file, which [`Store::backup`] copies.
    pub(crate) fn is_file(&self) -> bool {
        matches!(*self.place, Place::File(_))
    }

    /// Copies the database into a file that is not there yet; gives its bytes. Goes on to its end whoever waits for it.
    pub(crate) async fn backup(&self, path: PathBuf) -> Result<u64, Error> {
        let store = self.clone();
        let whole = tokio::spawn(async move {
            let snapshot = store.apart(|sql| sql.snapshot()).await?;
            let at = path.clone();
            let copied = tokio::task::spawn_blocking(move || into_new(&at, snapshot)).await;
            store.apart(|sql| sql.end_snapshot()).await?;
            copied.map_err(|_| Error::System { what: "a thread" })?
        });
        whole.await.map_err(|_| Error::System { what: "a task" })?
    }
}

impl Place {
    /// The same for a database that no relay uses. Not to be called inside an async runtime.
    pub(crate) fn backup(&self, path: &Path) -> Result<u64, Error> {
        let fault = |message| Error::Store { place: self.to_string(), message };
        let mut sql = self.open(None).map_err(fault)?;
        let snapshot = sql.snapshot().map_err(|Fault(message)| fault(message))?;
        into_new(path, snapshot)
    }
}

/// The file has its name once it is whole and on disk, and never takes another's place.
fn into_new(path: &Path, snapshot: Snapshot) -> Result<u64, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    if path.exists() {
        return Err(failed(std::io::ErrorKind::AlreadyExists.into()));
    }
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // The keys of the relay are in it, if only as hashes.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part).map_err(failed)?;
    let copied = snapshot(&mut file)
        .map_err(|Fault(message)| Error::Store { place: path.display().to_string(), message })
        .and_then(|bytes| file.sync_all().map(|()| bytes).map_err(failed))
        .and_then(|bytes| check(&part).map(|()| bytes))
        // A link to it is refused where there is a file meanwhile.
        .and_then(|bytes| std::fs::hard_link(&part, path).map(|()| bytes).map_err(failed));
    let _ = std::fs::remove_file(&part);
    copied
}

/// Whether it is a database that is whole.
fn check(path: &Path) -> Result<(), Error> {
    let fault = |message| Error::Store { place: path.display().to_string(), message };
    super::sqlite::check(path).map_err(fault)
}

/// Copies all of a file, of which others may change the position.
pub(super) fn copy(from: &File, to: &mut File) -> std::io::Result<u64> {
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    loop {
        let read = read_at(from, &mut piece, at)?;
        if read == 0 {
            return Ok(at);
        }
        to.write_all(&piece[..read])?;
        at += read as u64;
    }
}

#[cfg(unix)]
fn read_at(file: &File, piece: &mut [u8], at: u64) -> std::io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, piece, at)
}

#[cfg(windows)]
fn read_at(file: &File, piece: &mut [u8], at: u64) -> std::io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, piece, at)
}
