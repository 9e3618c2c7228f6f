//! The thread that writes a room's recordings. Whatever the disk does, it does to this thread: muxing only ever offers
//! it orders, and goes on.
//!
//! What is on disk is flushed once in [`SYNC`], so a power cut loses that much and the fragment that was being made;
//! the end of the process alone loses the fragment. When the disk refuses, the file is cut back to its last whole
//! fragment and finished, and the recording goes on in another file when there is space again.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use footlight_media::Time;
use footlight_protocol::room::Pause;
use footlight_protocol::{ReplayId, RoomId};
use tokio::sync::mpsc;

use super::part::Part;
use super::{Folder, News};
use crate::error::Error;
use crate::metrics::Metrics;
use crate::secret::random_id;

/// Orders that wait for the disk: 16 s of fragments. Full ⇒ fragments are left out up to the next keyframe, so that
/// the recording has a gap, which is counted.
const ORDERS: usize = 32;
/// What was written is on the disk after this. Each flush may take a spinning disk tens of milliseconds.
const SYNC: Duration = Duration::from_secs(1);
/// When a disk that refused is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// A longer recording goes on in another file, so that no file, and no tables of one in memory, grow without bound.
const LONGEST: Duration = Duration::from_secs(6 * 3600);
/// Files of one broadcast. A publisher that changes its format all the time is not worth more.
const MOST_PARTS: u32 = 999;
/// Letters and digits of a replay's id: 60 bits, so that one which is not listed is not found by trying.
const ID: usize = 12;

/// What the thread is told.
pub(super) enum Order {
    /// Fragments of these tracks follow. Times count from `origin`. Begins a broadcast where none is open.
    Tracks { origin: Time, init: Bytes },
    /// One whole fragment.
    Fragment {
        bytes: Bytes,
        /// Decodable without those before it.
        keyframe: bool,
        /// When its last sample ends.
        ends: Time,
    },
    /// A file of one picture that stands for the broadcast.
    Poster(Bytes),
    /// The broadcast is over.
    Ended,
}

/// Whether there is room on the disk; decided outside, once a second, for all recordings.
#[derive(Clone, Default)]
pub(super) struct Leave(Arc<AtomicU8>);

impl Leave {
    pub(super) fn set(&self, pause: Option<Pause>) {
        let code = match pause {
            None => 0,
            Some(Pause::DiskFull) => 1,
            Some(Pause::BudgetSpent) => 2,
            Some(Pause::DiskFailed) => 3,
        };
        self.0.store(code, Ordering::Relaxed);
    }

    pub(super) fn paused(&self) -> Option<Pause> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Pause::DiskFull),
            2 => Some(Pause::BudgetSpent),
            _ => Some(Pause::DiskFailed),
        }
    }
}

/// What a room's thread starts with.
pub(super) struct Setup {
    pub(super) room: RoomId,
    pub(super) folder: Folder,
    pub(super) leave: Leave,
    /// Full ⇒ the thread waits, except for how far it is, which is told again.
    pub(super) news: mpsc::Sender<News>,
    pub(super) metrics: Arc<Metrics>,
}

/// The thread. Dropped, it finishes what is open and is joined.
pub(super) struct Writer {
    orders: Option<SyncSender<Order>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(setup: Setup) -> Result<Self, Error> {
        let (orders, receiver) = sync_channel(ORDERS);
        let thread = std::thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || Desk { setup, open: None, held: None }.run(&receiver))
            .map_err(|_| Error::System { what: "a thread" })?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    /// Hands an order over; gives it back where the thread is behind.
    pub(super) fn offer(&self, order: Order) -> Result<(), Order> {
        let Some(orders) = &self.orders else { return Ok(()) };
        orders.try_send(order).map_err(|refused| match refused {
            std::sync::mpsc::TrySendError::Full(order)
            | std::sync::mpsc::TrySendError::Disconnected(order) => order,
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A broadcast that is being recorded.
struct Open {
    id: ReplayId,
    origin: Time,
    init: Bytes,
    /// Media time zero: the beginning of the first file.
    epoch: Option<Time>,
    parts: u32,
    part: Option<Part>,
    /// Bytes of the files before `part`.
    bytes: u64,
    poster: Option<Bytes>,
    synced: Instant,
}

/// The thread's state.
struct Desk {
    setup: Setup,
    open: Option<Open>,
    /// Not before then; and why.
    held: Option<(Instant, Pause)>,
}

impl Desk {
    fn run(mut self, orders: &Receiver<Order>) {
        loop {
            match orders.recv_timeout(SYNC) {
                Ok(order) => self.carry_out(order),
                Err(RecvTimeoutError::Timeout) => self.sync(),
                Err(RecvTimeoutError::Disconnected) => return self.end(),
            }
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Tracks { origin, init } => self.tracks(origin, init),
            Order::Fragment { bytes, keyframe, ends } => {
                self.fragment(bytes, keyframe, ends);
                if self.open.as_ref().is_some_and(|open| open.synced.elapsed() >= SYNC) {
                    self.sync();
                }
            }
            Order::Poster(poster) => {
                if let Some(open) = &mut self.open {
                    open.poster = Some(poster);
                }
                self.poster();
            }
            Order::Ended => self.end(),
        }
    }

    fn tracks(&mut self, origin: Time, init: Bytes) {
        if self.open.is_some() {
            self.close_part();
        }
        match &mut self.open {
            Some(open) => open.init = init,
            None => match random_id(ID).map(ReplayId::try_from) {
                Ok(Ok(id)) => {
                    let (part, poster, synced) = (None, None, Instant::now());
                    self.open = Some(Open {
                        id,
                        origin,
                        init,
                        epoch: None,
                        parts: 0,
                        part,
                        bytes: 0,
                        poster,
                        synced,
                    });
                }
                _ => tracing::error!("no recording without random numbers"),
            },
        }
    }

    fn fragment(&mut self, bytes: Bytes, keyframe: bool, ends: Time) {
        let Some(open) = &mut self.open else { return };
        if let Some(why) = self.setup.leave.paused() {
            return self.hold(why, Duration::ZERO);
        }
        if self.held.is_some_and(|(until, _)| Instant::now() < until) {
            return;
        }
        let full_grown = open.part.as_ref().is_some_and(|part| part.duration() >= LONGEST);
        if full_grown && keyframe {
            self.close_part();
        }
        let Some(open) = &mut self.open else { return };
        let written = match &mut open.part {
            Some(part) => part.append(bytes.into()),
            None if !keyframe || open.parts >= MOST_PARTS => return,
            None => self.begin_part(bytes.into()),
        };
        if let Err(error) = written {
            self.setup.metrics.recording_errors.one();
            tracing::warn!(room = %self.setup.room, %error, "the recording pauses");
            let full = matches!(
                error.kind(),
                std::io::ErrorKind::StorageFull
                    | std::io::ErrorKind::QuotaExceeded
                    | std::io::ErrorKind::FileTooLarge
            );
            return self.hold(if full { Pause::DiskFull } else { Pause::DiskFailed }, RETRY);
        }
        self.held = None;
        if let Some(open) = &self.open {
            let bytes = open.bytes + open.part.as_ref().map_or(0, Part::bytes);
            // How far it is will be told again.
            let _ = self.setup.news.try_send(News::Wrote { id: open.id.clone(), written: ends, bytes });
        }
    }

    /// Opens the broadcast's next file.
    fn begin_part(&mut self, fragment: Vec<u8>) -> std::io::Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let number = open.parts + 1;
        let path = self.setup.folder.part(&self.setup.room, &open.id, number);
        std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
        let part = Part::create(&path, &open.init, fragment)?;
        let began = open.origin + part.base;
        let epoch = *open.epoch.get_or_insert(began);
        let begins = began.since(epoch);
        open.part = Some(part);
        open.parts = number;
        let (id, room) = (open.id.clone(), self.setup.room.clone());
        if number == 1 {
            tracing::info!(%room, %id, "recording");
            self.tell(News::Began { id: id.clone(), room, epoch });
        }
        self.tell(News::PartBegan { id, number, begins });
        self.poster();
        Ok(())
    }

    fn close_part(&mut self) {
        let Some(open) = &mut self.open else { return };
        if let Some(part) = open.part.take() {
            let (bytes, duration) = (part.bytes(), part.duration());
            if let Err(error) = part.finish() {
                tracing::warn!(room = %self.setup.room, %error, "a recording may not be on the disk");
            }
            open.bytes += bytes;
            let ended = News::PartEnded { id: open.id.clone(), number: open.parts, bytes, duration };
            self.tell(ended);
        }
    }

    /// Writes nothing for a while.
    fn hold(&mut self, why: Pause, pause: Duration) {
        self.close_part();
        let known = self.held.is_some_and(|(_, before)| before == why);
        self.held = Some((Instant::now() + pause, why));
        if !known {
            self.tell(News::Paused { room: self.setup.room.clone(), why });
        }
    }

    fn sync(&mut self) {
        let Some(open) = &mut self.open else { return };
        open.synced = Instant::now();
        if let Some(part) = &mut open.part
            && let Err(error) = part.sync()
        {
            self.setup.metrics.recording_errors.one();
            tracing::warn!(room = %self.setup.room, %error, "the recording pauses");
            self.hold(Pause::DiskFailed, RETRY);
        }
    }

    /// Keeps the poster beside the first file, once both are there. A broadcast does well without.
    fn poster(&mut self) {
        let Some(open) = &mut self.open else { return };
        if open.parts > 0
            && let Some(poster) = open.poster.take()
        {
            let path = self.setup.folder.poster(&self.setup.room, &open.id);
            if let Err(error) = std::fs::write(&path, &poster) {
                tracing::debug!(%error, "no poster");
                let _ = std::fs::remove_file(path);
            }
        }
    }

    fn end(&mut self) {
        self.close_part();
        self.held = None;
        let Some(open) = self.open.take() else { return };
        let room = self.setup.room.clone();
        // Nothing was written where there was no space from the beginning.
        let id = (open.parts > 0).then_some(open.id);
        self.tell(News::Ended { room, id });
    }

    fn tell(&self, news: News) {
        // Nobody listens any more: the next start finds the files as they are.
        let _ = self.setup.news.blocking_send(news);
    }
}

/// Where recordings are: `DIR/ROOM/ID.mp4`, `ID.2.mp4` and so on, `ID.poster.mp4`, and `DIR/ROOM/clips/ID.mp4`.
impl Folder {
    pub(super) fn part(&self, room: &RoomId, id: &ReplayId, number: u32) -> PathBuf {
        let name = if number == 1 { format!("{id}.mp4") } else { format!("{id}.{number}.mp4") };
        self.0.join(room.as_str()).join(name)
    }

    pub(super) fn poster(&self, room: &RoomId, id: &ReplayId) -> PathBuf {
        self.0.join(room.as_str()).join(format!("{id}.poster.mp4"))
    }

    pub(super) fn clip(&self, room: &RoomId, id: &footlight_protocol::ClipId) -> PathBuf {
        self.0.join(room.as_str()).join("clips").join(format!("{id}.mp4"))
    }
}
