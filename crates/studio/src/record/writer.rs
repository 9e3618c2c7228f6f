//! The thread that writes a recording. Whatever the disk does, it does to this thread.
//!
//! What is on disk is flushed once in [`SYNC`], so a power cut loses that much and the fragment that was being made; the
//! end of the process alone loses the fragment. When the disk refuses, or is about to be full, the file is completed with
//! what is whole of it, and the recording is over.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use footlight_protocol::{Code, Failure};

use super::cutter::Piece;
use super::file::Movie;
use super::name;
use crate::platform;
use crate::worker::lock;

/// Fragments that wait for the disk: 16 s. Full ⇒ fragments are left out up to the next keyframe, counted and told.
const FRAGMENTS: usize = 32;
/// What was written is on the disk after this, and it is looked how much space is left.
const SYNC: Duration = Duration::from_secs(1);

/// Where and how it is written.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    /// What its files are called, without their ending.
    pub(super) stem: String,
    /// Bytes of the disk that are left free.
    pub(super) floor: u64,
}

/// What a recording has become.
#[derive(Debug, Default, Clone)]
pub(super) struct Outcome {
    /// Its newest file.
    pub(super) file: Option<PathBuf>,
    /// Of all its files.
    pub(super) bytes: u64,
    pub(super) length: Duration,
    /// Why it ended by itself.
    pub(super) failure: Option<Failure>,
}

#[derive(Debug, Default)]
struct Shared {
    bytes: AtomicU64,
    outcome: Mutex<Outcome>,
}

/// The thread's other end. Dropped, it completes the file and is joined.
pub(super) struct Writer {
    fragments: Option<SyncSender<Piece>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

impl Writer {
    pub(super) fn start(place: Place) -> io::Result<Self> {
        let (fragments, receiver) = sync_channel(FRAGMENTS);
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || Pen::new(place, theirs).run(&receiver))?;
        Ok(Self { fragments: Some(fragments), thread: Some(thread), shared })
    }

    /// Whether there was room for it.
    pub(super) fn offer(&self, piece: Piece) -> bool {
        self.fragments.as_ref().is_some_and(|fragments| fragments.try_send(piece).is_ok())
    }

    /// Waits until there is room for it.
    pub(super) fn press(&self, piece: Piece) {
        if let Some(fragments) = &self.fragments {
            // Over by itself: then there is nothing to wait for.
            let _ = fragments.send(piece);
        }
    }

    /// Of all files so far.
    pub(super) fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// The newest file's name.
    pub(super) fn file(&self) -> Option<String> {
        lock(&self.shared.outcome).file.as_deref().map(name::last)
    }

    /// Whether it has ended by itself.
    pub(super) fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Completes the file. Blocks for as long as the disk takes.
    pub(super) fn finish(mut self) -> Outcome {
        self.join();
        lock(&self.shared.outcome).clone()
    }

    fn join(&mut self) {
        self.fragments = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            lock(&self.shared.outcome).failure =
                Some(Failure::new(Code::Internal, "The recording failed; see the log"));
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.join();
    }
}

/// Writes all of these into files of their own. Blocks for as long as the disk takes.
pub(super) fn write_all(place: Place, pieces: impl IntoIterator<Item = Piece>) -> Outcome {
    let shared = Arc::new(Shared::default());
    let mut pen = Pen::new(place, Arc::clone(&shared));
    let begun = pen.look();
    let written = begun.and_then(|()| pieces.into_iter().try_for_each(|piece| pen.write(&piece)));
    pen.end(written);
    let outcome = lock(&shared.outcome);
    outcome.clone()
}

/// The thread's state.
struct Pen {
    place: Place,
    shared: Arc<Shared>,
    movie: Option<Movie<File>>,
    /// Bytes and length of the files that are complete.
    before: u64,
    past: Duration,
    length: Duration,
    synced: Instant,
}

impl Pen {
    fn new(place: Place, shared: Arc<Shared>) -> Self {
        let (movie, before, past, length) = (None, 0, Duration::ZERO, Duration::ZERO);
        Self { place, shared, movie, before, past, length, synced: Instant::now() }
    }

    fn run(mut self, fragments: &Receiver<Piece>) {
        let mut done = self.look();
        while done.is_ok() {
            done = match fragments.recv_timeout(SYNC) {
                Ok(piece) => self.write(&piece),
                Err(RecvTimeoutError::Timeout) => Ok(()),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if done.is_ok() && self.synced.elapsed() >= SYNC {
                self.synced = Instant::now();
                done = self.movie.as_mut().map_or(Ok(()), Movie::sync).and_then(|()| self.look());
            }
        }
        self.end(done);
    }

    /// Whether there is space to go on.
    fn look(&self) -> io::Result<()> {
        match free(&self.place.folder) {
            Some(free) if free < self.place.floor => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn write(&mut self, piece: &Piece) -> io::Result<()> {
        if let Some(init) = &piece.init {
            self.close()?;
            let (file, path) = name::make(&self.place.folder, &self.place.stem)?;
            let begun =
                Movie::begin(file, init).and_then(|mut movie| movie.append(&piece.bytes).map(|()| movie));
            match begun {
                Ok(movie) => self.movie = Some(movie),
                Err(error) => {
                    // Nothing is in it.
                    let _ = std::fs::remove_file(path);
                    return Err(error);
                }
            }
            tracing::info!(file = %path.display(), "recording");
            lock(&self.shared.outcome).file = Some(path);
        } else if let Some(movie) = &mut self.movie {
            movie.append(&piece.bytes)?;
        }
        self.length = piece.ends;
        let bytes = self.before + self.movie.as_ref().map_or(0, Movie::bytes);
        self.shared.bytes.store(bytes, Ordering::Relaxed);
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        if let Some(movie) = self.movie.take() {
            let bytes = movie.bytes();
            let finished = movie.finish();
            self.before += *finished.as_ref().unwrap_or(&bytes);
            self.past += std::mem::take(&mut self.length);
            finished?;
        }
        Ok(())
    }

    fn end(mut self, done: io::Result<()>) {
        let closed = self.close();
        let mut outcome = lock(&self.shared.outcome);
        (outcome.bytes, outcome.length) = (self.before, self.past);
        if let Err(error) = done.and(closed) {
            tracing::warn!(%error, folder = %self.place.folder.display(), "a recording ended by itself");
            outcome.failure = Some(failure(&error));
        }
    }
}

/// How much this person may still write there; `None` where the system does not tell. The folder need not be there yet.
pub(super) fn free(folder: &Path) -> Option<u64> {
    folder.ancestors().find(|folder| folder.is_dir()).and_then(platform::free_space)
}

fn failure(error: &io::Error) -> Failure {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
        Failure::new(Code::DiskFull, "There is too little space left on the disk")
    } else {
        Failure::new(Code::DiskFailed, "The recording cannot be written to its folder")
    }
}
