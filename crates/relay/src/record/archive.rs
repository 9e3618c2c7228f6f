//! Keeps the books about recordings: rows in the store, what is left of the space, what has to go, and what the rooms
//! hear of it. Has finished what ended, and at the start what an earlier end cut off.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use footlight_media::Time;
use footlight_protocol::room::{Pause, Recording as Told, UnixMillis};
use footlight_protocol::{ReplayId, RoomId};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::MissedTickBehavior;

use super::finish::Finisher;
use super::space::{self, Left};
use super::writer::Leave;
use super::{Folder, News};
use crate::clock;
use crate::config::Recording as Config;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::room::Ask;
use crate::store::Store;
use crate::store::recordings::{Part, Recording};

/// How often the space is looked at.
const TICK: Duration = Duration::from_secs(1);
/// What the bitrate is measured over.
const WINDOW: Duration = Duration::from_secs(30);
/// The room hears of the end of the space when it is so near.
const WARNING: Duration = Duration::from_secs(3600);
/// What recordings that are too old are looked for in.
const EXPIRY: Duration = Duration::from_secs(60);
/// What finishing may take when the relay ends, of its second.
const LAST: Duration = Duration::from_millis(600);
const DAY_MS: u64 = 24 * 3600 * 1000;

/// The recording of a room that is live.
#[derive(Debug, Clone, Default)]
pub(super) struct Live {
    /// `None` as long as nothing of it could be kept.
    pub(super) id: Option<ReplayId>,
    pub(super) epoch: Time,
    /// Its newest file and where that begins in media time.
    pub(super) part: (u32, Duration),
    /// The capture time of the newest sample on disk.
    pub(super) written: Time,
    pub(super) bytes: u64,
    /// Bits a second.
    pub(super) rate: u64,
    pub(super) full_in: Option<Duration>,
    pub(super) paused: Option<(UnixMillis, Pause)>,
    /// Bytes at instants of the window.
    history: VecDeque<(Instant, u64)>,
}

impl Live {
    fn measure(&mut self, now: Instant) {
        self.history.push_back((now, self.bytes));
        while self.history.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.history.pop_front();
        }
        if let Some((at, bytes)) = self.history.front()
            && now > *at
            && self.paused.is_none()
        {
            let seconds = now.duration_since(*at).as_secs_f64();
            self.rate = ((self.bytes - bytes) as f64 * 8.0 / seconds) as u64;
        }
    }

    fn told(&self) -> Option<Told> {
        if let Some((since, why)) = self.paused {
            return Some(Told::Paused { since, why });
        }
        self.id.as_ref()?;
        let near = self.full_in.filter(|left| *left < WARNING);
        let full_in_s = near.map(|left| (left.as_secs() / 60 * 60) as u32);
        Some(Told::On { since: self.epoch.as_micros() / 1000, full_in_s })
    }
}

/// What is live, by room.
pub(super) type Lives = BTreeMap<RoomId, Live>;

pub(super) struct Setup {
    pub(super) config: Config,
    pub(super) folder: Folder,
    pub(super) store: Store,
    pub(super) news: mpsc::Receiver<News>,
    pub(super) leave: Leave,
    pub(super) live: watch::Sender<Lives>,
    pub(super) rooms: Vec<(RoomId, mpsc::Sender<Ask>)>,
    pub(super) metrics: Arc<Metrics>,
    /// Told of each recording that is finished.
    pub(super) finished: Arc<Notify>,
}

/// The books, and the task that keeps them.
pub(crate) struct Archive {
    setup: Setup,
    lives: Lives,
    told: BTreeMap<RoomId, Option<Told>>,
    /// When recordings that are too old were last looked for.
    expired: Option<Instant>,
    finisher: Finisher,
    /// Broadcasts that have ended and are not listed yet; one at a time is worked at.
    finishing: JoinSet<Result<(), Error>>,
}

impl Archive {
    pub(super) fn new(setup: Setup) -> Self {
        let finisher = Finisher::new(&setup);
        let (lives, told, finishing) = (Lives::new(), BTreeMap::new(), JoinSet::new());
        Self { setup, lives, told, expired: None, finisher, finishing }
    }

    /// Works until the last writer is gone. Without writers it only puts in order what is there.
    pub(crate) async fn run(mut self) {
        if let Err(error) = self.recover().await {
            tracing::error!(%error, "recordings were not put in order");
        }
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                biased;
                news = self.setup.news.recv() => match news {
                    Some(news) => self.hear(news).await,
                    None => break,
                },
                Some(finished) = self.finishing.join_next(), if !self.finishing.is_empty() => told(finished),
                _ = tick.tick() => self.tick().await,
            };
            if let Err(error) = done {
                tracing::error!(%error, "the books about recordings are not complete");
            }
        }
        // A short broadcast that the end of the relay ended is done in time; what is left is the next start's.
        let all = async { while self.finishing.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST, all).await.is_err() {
            self.finisher.stop();
            while self.finishing.join_next().await.is_some() {}
        }
    }

    async fn hear(&mut self, news: News) -> Result<(), Error> {
        match news {
            News::Began { id, room, epoch } => {
                let public = self.setup.config.public;
                let live = self.lives.entry(room.clone()).or_default();
                *live = Live { id: Some(id.clone()), epoch, written: epoch, ..Live::default() };
                let row = Recording {
                    id,
                    room,
                    epoch,
                    public,
                    ended: None,
                    title: None,
                    poster: false,
                    uploaded: None,
                    local: true,
                    parts: Vec::new(),
                };
                self.setup.store.begin_recording(row).await?;
            }
            News::PartBegan { id, number, begins } => {
                if let Some(live) = self.live(&id) {
                    live.part = (number, begins);
                    live.paused = None;
                }
                let row = Part { number, begins, duration: Duration::ZERO, bytes: 0 };
                self.setup.store.put_part(id, row).await?;
            }
            News::Wrote { id, written, bytes } => {
                if let Some(live) = self.live(&id) {
                    (live.written, live.bytes) = (written, bytes);
                }
            }
            News::PartEnded { id, number, bytes, duration } => {
                self.setup
                    .store
                    .put_part(id, Part { number, begins: Duration::ZERO, duration, bytes })
                    .await?;
            }
            News::Paused { room, why } => {
                let live = self.lives.entry(room).or_default();
                live.paused = Some((clock::now_millis(), why));
                live.history.clear();
            }
            News::Ended { room, id } => {
                self.lives.remove(&room);
                if let Some(id) = id {
                    tracing::info!(%room, %id, "recorded");
                    let (finisher, ended) = (self.finisher.clone(), clock::now_millis());
                    self.finishing.spawn(async move { finisher.finish(room, id, ended).await });
                }
            }
        }
        self.say().await;
        Ok(())
    }

    fn live(&mut self, id: &ReplayId) -> Option<&mut Live> {
        self.lives.values_mut().find(|live| live.id.as_ref() == Some(id))
    }

    /// Tells those who look, and the rooms where something changed for them.
    async fn say(&mut self) {
        self.setup.live.send_replace(self.lives.clone());
        for (room, inbox) in &self.setup.rooms {
            let told = self.lives.get(room).and_then(Live::told);
            let before = self.told.entry(room.clone()).or_default();
            if *before != told {
                *before = told;
                // A room that is gone has nobody to tell.
                let _ = inbox.send(Ask::Recording(told)).await;
            }
        }
    }

    async fn tick(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        self.lives.values_mut().for_each(|live| live.measure(now));
        if self.expired.is_none_or(|at| now.duration_since(at) >= EXPIRY) {
            self.expired = Some(now);
            self.expire().await?;
        }
        self.look_at_space().await?;
        self.say().await;
        Ok(())
    }

    /// Gives up the oldest recordings for the budget; where that does not help, recording pauses.
    async fn look_at_space(&mut self) -> Result<(), Error> {
        let folder = self.setup.folder.0.clone();
        let asked = tokio::task::spawn_blocking(move || {
            // Before the first recording the folder is not there, but the disk is.
            space::disk(&folder).or_else(|| folder.parent().and_then(space::disk))
        });
        let disk = asked.await.unwrap_or_default();
        let rate: u64 = self.lives.values().map(|live| live.rate).sum();
        let mut rows = self.setup.store.recordings().await?;
        rows.retain(|row| self.lives.values().all(|live| live.id.as_ref() != Some(&row.id)));
        let mut kept: u64 = rows.iter().map(Recording::local_bytes).sum();
        let fixed =
            self.setup.store.clip_bytes().await? + self.lives.values().map(|live| live.bytes).sum::<u64>();
        let mut left = Left::of(&self.setup.config, disk, kept + fixed);
        let mut oldest = rows.into_iter().filter(|row| row.ended.is_some() && row.local);
        let paused = self.setup.leave.paused().is_some();
        while left.pause(paused) == Some(Pause::BudgetSpent)
            && let Some(row) = oldest.next()
        {
            tracing::info!(room = %row.room, id = %row.id, "given up for newer recordings");
            kept -= row.local_bytes();
            self.setup.store.drop_recording(row.id.clone()).await?;
            remove(&self.setup.folder, &row).await;
            left = Left::of(&self.setup.config, disk, kept + fixed);
        }
        self.setup.leave.set(left.pause(paused));
        let full_in = left.full_in(rate, kept);
        self.lives.values_mut().for_each(|live| live.full_in = full_in);
        let metrics = &self.setup.metrics;
        metrics.recordings.set(self.lives.values().filter(|live| live.paused.is_none()).count() as u64);
        metrics.recording_bytes.set(kept + fixed);
        metrics.recording_rate.set(rate);
        // Without a recording, or a limit, there is no such time: none is told as zero but the one that has come.
        metrics.recording_full_in.set(full_in.map_or(u64::from(u32::MAX), |left| left.as_secs()));
        Ok(())
    }

    /// Gives up what is older than it may be.
    async fn expire(&mut self) -> Result<(), Error> {
        let days = self.setup.config.keep_days;
        if days == 0 {
            return Ok(());
        }
        let oldest = clock::now_millis().saturating_sub(u64::from(days) * DAY_MS);
        for row in self.setup.store.recordings().await? {
            if row.ended.is_some_and(|ended| ended < oldest) {
                tracing::info!(room = %row.room, id = %row.id, "older than {days} days");
                self.setup.store.drop_recording(row.id.clone()).await?;
                remove(&self.setup.folder, &row).await;
            }
        }
        Ok(())
    }

    /// Finishes the recordings that have no end.
    async fn recover(&mut self) -> Result<(), Error> {
        for row in self.setup.store.recordings().await? {
            if row.ended.is_none() {
                let finisher = self.finisher.clone();
                self.finishing.spawn(async move { finisher.recover(row).await });
            }
        }
        Ok(())
    }
}

fn told(finished: Result<Result<(), Error>, JoinError>) -> Result<(), Error> {
    finished.unwrap_or_else(|error| {
        tracing::error!(%error, "finishing a recording failed");
        Ok(())
    })
}

/// Deletes a recording's files.
pub(super) async fn remove(folder: &Folder, row: &Recording) {
    let mut paths: Vec<_> =
        row.parts.iter().map(|part| folder.part(&row.room, &row.id, part.number)).collect();
    paths.push(folder.poster(&row.room, &row.id));
    for path in paths {
        if let Err(error) = tokio::fs::remove_file(&path).await
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %path.display(), %error, "a recording's file stays");
        }
    }
}
