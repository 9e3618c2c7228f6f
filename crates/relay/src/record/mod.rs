//! Recordings: what is broadcast is kept as crash-proof files, listed, cut into clips, and given up again when the
//! space is wanted.
//!
//! `sink` makes fragments on the muxing thread, `writer` writes them on a thread of its own, `archive` keeps the
//! store's books about them, watches the space and says in the room how it stands; `finish` makes a replay of what has
//! ended; `shelf` is what HTTP sees; `upload` copies replays into a bucket. The
//! events of a replay are the room's own in the store, so what is deleted or banned later is gone there too.
//!
//! One broadcast is one recording. Parameter sets stand at the head of a file, before they can change, so another
//! codec, size or set of tracks begins another file of the same recording; so does space that comes back on a disk
//! that was full. A publisher that comes back begins none: the file has a gap in its time, with silence in it.

mod archive;
mod clip;
mod finish;
mod part;
mod settle;
mod shelf;
mod silence;
mod sink;
mod space;
mod upload;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use footlight_media::Time;
use footlight_protocol::room::{Pause, RoomState};
use footlight_protocol::{ReplayId, RoomId};
use tokio::sync::{Notify, mpsc, watch};

use crate::config::Recording as Config;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::mux::Sink;
use crate::room::Ask;
use crate::rtc::Command;
use crate::store::Store;

pub(crate) use archive::Archive;
pub(crate) use shelf::{Media, Shelf};
pub use upload::Upload;
pub(crate) use upload::Uploader;

/// What the writers have to say. Full ⇒ a writer waits, and its own queue with it.
const NEWS: usize = 256;

/// The folder of all recordings.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

/// What a room's writer tells the archive.
#[derive(Debug)]
enum News {
    Began {
        id: ReplayId,
        room: RoomId,
        epoch: Time,
    },
    PartBegan {
        id: ReplayId,
        number: u32,
        begins: Duration,
    },
    /// How far it is: the capture time of its newest sample, and bytes on disk.
    Wrote {
        id: ReplayId,
        written: Time,
        bytes: u64,
    },
    PartEnded {
        id: ReplayId,
        number: u32,
        bytes: u64,
        duration: Duration,
    },
    Paused {
        room: RoomId,
        why: Pause,
    },
    /// The broadcast is over; without an id, nothing of it could be kept.
    Ended {
        room: RoomId,
        id: Option<ReplayId>,
    },
}

/// What recording needs of the relay.
pub(crate) struct Setup {
    pub(crate) config: Config,
    /// The relay's data folder.
    pub(crate) data: PathBuf,
    pub(crate) store: Store,
    pub(crate) engine: mpsc::Sender<Command>,
    pub(crate) metrics: Arc<Metrics>,
    /// Where the rooms hear how their recordings stand.
    pub(crate) rooms: Vec<(RoomId, mpsc::Sender<Ask>)>,
    /// Where finished recordings are copied to.
    pub(crate) upload: Option<Upload>,
    /// The room whose broadcasts an upload waits for.
    pub(crate) room: watch::Receiver<RoomState>,
}

/// What comes of it: a sink for each room in the same order, none where recording is off.
pub(crate) struct Started {
    pub(crate) sinks: Vec<Option<Box<dyn Sink>>>,
    pub(crate) archive: Archive,
    pub(crate) shelf: Shelf,
    pub(crate) uploader: Option<Uploader>,
}

pub(crate) fn start(setup: Setup) -> Result<Started, Error> {
    let Setup { config, data, store, engine, metrics, rooms, upload, room } = setup;
    let folder = Folder(data.join("recordings"));
    let (sender, news) = mpsc::channel(NEWS);
    let leave = writer::Leave::default();
    let mut sinks: Vec<Option<Box<dyn Sink>>> = Vec::new();
    for (room, _) in &rooms {
        if !config.enabled {
            sinks.push(None);
            continue;
        }
        let writer = writer::Writer::start(writer::Setup {
            room: room.clone(),
            folder: folder.clone(),
            leave: leave.clone(),
            news: sender.clone(),
            metrics: metrics.clone(),
        })?;
        sinks.push(Some(Box::new(sink::Recorder::new(
            writer,
            room.clone(),
            engine.clone(),
            metrics.clone(),
        ))));
    }
    let (live, now) = watch::channel(Default::default());
    let finished = Arc::new(Notify::new());
    let copying = upload.map(|upload| {
        let (folder, store, metrics) = (folder.clone(), store.clone(), metrics.clone());
        upload::new(upload::Setup { upload, folder, store, metrics, finished: finished.clone(), room })
    });
    let (uploader, copies) = copying.transpose()?.unzip();
    let shelf = Shelf::new(folder.clone(), store.clone(), now, copies);
    let setup = archive::Setup { config, folder, store, news, leave, live, rooms, metrics, finished };
    Ok(Started { sinks, archive: Archive::new(setup), shelf, uploader })
}
