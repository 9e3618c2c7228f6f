//! What is kept on this computer: a recording of the program, on air or not, and a replay buffer of its last seconds.
//!
//! A recording is an output that is no part of the broadcast: its lane ([`Role::Records`]) stays where it is when one
//! begins or ends. Both take what the one encoder makes: off air that is the configured bitrate, on air what the line
//! home allows. A task takes the packets; `cutter` makes fragments of them, `writer` writes them on a thread of its
//! own, and `buffer` holds the last seconds for replays.

mod buffer;
mod cutter;
mod file;
mod name;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use footlight_media::{Codec, Packet};
use footlight_protocol::record::{self, Disk, Saved, Settings, State};
use footlight_protocol::studio::StudioEvent;
use footlight_protocol::{Code, Failure};
use jiff::tz::TimeZone;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

use self::buffer::Buffer;
use self::cutter::{Cutter, Gate};
use self::writer::{Outcome, Place, Writer};
use crate::Clock;
use crate::air::Air;
use crate::desk::Desk;
use crate::encode::aac;
use crate::lane::{Lane, Parcel, Role, Wants};

/// What the studio asks for, each waiting for its answer; nobody asks faster than a person presses keys.
const ORDERS: usize = 8;
/// Between two looks at how it does.
const LOOK: Duration = Duration::from_secs(1);
/// Between two looks at the disk while nothing is recorded, in looks.
const IDLE_LOOKS: u32 = 10;
/// A recording into which no picture came for so long, in looks, is none.
const BARREN: u32 = 10;

/// What recording needs of the studio.
pub(crate) struct Given {
    pub(crate) air: Arc<Air>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) clock: Clock,
    pub(crate) ceiling_kbps: u32,
    pub(crate) settings: Settings,
    /// Where files go if the settings name no folder.
    pub(crate) folder: PathBuf,
}

enum Order {
    Start(oneshot::Sender<Result<(), Failure>>),
    Stop(oneshot::Sender<()>),
    Save(oneshot::Sender<Result<(), Failure>>),
    Set(Settings),
}

/// The studio's end. Dropped, a recording is completed.
pub(crate) struct Recorder {
    orders: mpsc::Sender<Order>,
    _task: AbortOnDropHandle<()>,
}

impl Recorder {
    pub(crate) fn start(given: Given, runtime: &Handle) -> Self {
        let (orders, receiver) = mpsc::channel(ORDERS);
        let task = AbortOnDropHandle::new(runtime.spawn(Tape::new(given).run(receiver)));
        Self { orders, _task: task }
    }

    /// Begins a recording.
    pub(crate) async fn begin(&self) -> Result<(), Failure> {
        self.ask(Order::Start).await.unwrap_or_else(|| Err(gone()))
    }

    /// Ends the recording; its file is complete then. Without one it does nothing.
    pub(crate) async fn end(&self) {
        self.ask(Order::Stop).await;
    }

    /// Writes the last seconds into a file. How that went is told by an event.
    pub(crate) async fn save(&self) -> Result<(), Failure> {
        self.ask(Order::Save).await.unwrap_or_else(|| Err(gone()))
    }

    pub(crate) async fn set(&self, settings: Settings) {
        // Gone with the studio.
        let _ = self.orders.send(Order::Set(settings)).await;
    }

    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.orders.send(order(answer)).await.ok()?;
        answered.await.ok()
    }
}

fn gone() -> Failure {
    Failure::new(Code::Internal, "The studio is closing")
}

/// A recording that runs.
struct Take {
    since: u64,
    cutter: Cutter,
    gate: Gate,
    writer: Writer,
    /// Bytes at the last look, and how many came within a second, smoothed.
    bytes: u64,
    rate: Option<u64>,
    /// Pictures since the last look, and looks without any.
    pictures: u32,
    barren: u32,
    /// Gaps that the lane made, before this recording.
    overflows: u64,
}

/// The task.
struct Tape {
    given: Given,
    lane: Arc<Lane>,
    packets: mpsc::Receiver<Parcel>,
    take: Option<Take>,
    buffer: Option<Buffer>,
    /// Files that are being completed, on threads of their own.
    closing: Option<(JoinHandle<Outcome>, Vec<oneshot::Sender<()>>)>,
    saving: Option<JoinHandle<Outcome>>,
    measuring: Option<JoinHandle<Option<u64>>>,
    looks: u32,
    shown: record::Recorder,
}

impl Tape {
    fn new(given: Given) -> Self {
        let wants = Wants { role: Role::Records, sound: Codec::Aac };
        let (lane, packets) = given.air.add_lane(given.ceiling_kbps, wants);
        let shown = record::Recorder { settings: given.settings.clone(), ..record::Recorder::default() };
        let (take, buffer, closing, saving, measuring) = (None, None, None, None, None);
        Self { given, lane, packets, take, buffer, closing, saving, measuring, looks: 0, shown }
    }

    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut second = tokio::time::interval(LOOK);
        second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.set(self.given.settings.clone());
        loop {
            tokio::select! {
                parcel = self.packets.recv() => {
                    if let Some(parcel) = parcel {
                        self.packet(&parcel.packet);
                    }
                }
                order = orders.recv() => match order {
                    Some(order) => self.carry_out(order),
                    None => return,
                },
                _ = second.tick() => self.look(),
                outcome = ready(&mut self.closing, |(task, _)| task) => self.closed(outcome),
                outcome = ready(&mut self.saving, |task| task) => self.saved(outcome),
                free = ready(&mut self.measuring, |task| task) => self.measured(free),
            }
        }
    }

    fn packet(&mut self, packet: &Packet) {
        if let Some(buffer) = &mut self.buffer {
            buffer.push(packet);
        }
        if let Some(Take { cutter, gate, writer, pictures, .. }) = &mut self.take {
            *pictures += u32::from(packet.codec.is_video());
            cutter.push(packet, |piece| gate.pass(piece, |piece| writer.offer(piece)));
        }
    }

    fn carry_out(&mut self, order: Order) {
        // Nobody waits for an answer any more where the studio is closed.
        match order {
            Order::Start(answer) => drop(answer.send(self.begin())),
            Order::Stop(answer) => self.end(Some(answer)),
            Order::Save(answer) => drop(answer.send(self.save())),
            Order::Set(settings) => self.set(settings),
        }
    }

    fn begin(&mut self) -> Result<(), Failure> {
        if self.take.is_some() || self.closing.is_some() {
            return Err(Failure::new(Code::WrongPhase, "A recording is already running"));
        }
        let writer = Writer::start(self.place("")).map_err(|error| {
            tracing::error!(%error, "start a recording");
            Failure::new(Code::Internal, "The system has no resources left")
        })?;
        self.take = Some(Take {
            since: self.given.clock.now().as_micros() / 1000,
            cutter: Cutter::default(),
            gate: Gate::default(),
            writer,
            bytes: 0,
            rate: None,
            pictures: 0,
            barren: 0,
            overflows: self.lane.overflows.load(std::sync::atomic::Ordering::Relaxed),
        });
        self.roll();
        // It begins with a keyframe, and not only with the next that comes by itself.
        self.given.air.want_keyframe(0);
        self.shown.saved = None;
        self.tell();
        Ok(())
    }

    fn end(&mut self, answer: Option<oneshot::Sender<()>>) {
        let Some(take) = self.take.take() else {
            match (&mut self.closing, answer) {
                (Some((_, waiting)), Some(answer)) => waiting.push(answer),
                (_, answer) => drop(answer.map(|answer| answer.send(()))),
            }
            return;
        };
        self.roll();
        let closing = tokio::task::spawn_blocking(move || {
            let Take { mut cutter, mut gate, writer, .. } = take;
            cutter.finish(|piece| {
                gate.pass(piece, |piece| {
                    writer.press(piece);
                    true
                });
            });
            writer.finish()
        });
        self.closing = Some((closing, answer.into_iter().collect()));
    }

    fn closed(&mut self, outcome: Option<Outcome>) {
        let waiting = self.closing.take().map(|(_, waiting)| waiting).unwrap_or_default();
        let outcome = outcome.unwrap_or_else(broken);
        self.shown.state = match &outcome.failure {
            Some(failure) => State::Failed { failure: failure.clone() },
            None => State::Off,
        };
        self.shown.saved = saved(&outcome, false);
        self.tell();
        for answer in waiting {
            let _ = answer.send(());
        }
    }

    fn save(&mut self) -> Result<(), Failure> {
        let packets = self.buffer.as_ref().map(Buffer::packets).unwrap_or_default();
        if packets.is_empty() || self.saving.is_some() {
            return Err(Failure::new(Code::WrongPhase, "There is nothing to save yet"));
        }
        let place = self.place(" replay");
        self.saving = Some(tokio::task::spawn_blocking(move || {
            let (mut cutter, mut pieces) = (Cutter::default(), Vec::new());
            packets.iter().for_each(|packet| cutter.push(packet, |piece| pieces.push(piece)));
            drop(packets);
            cutter.finish(|piece| pieces.push(piece));
            writer::write_all(place, pieces)
        }));
        Ok(())
    }

    fn saved(&mut self, outcome: Option<Outcome>) {
        self.saving = None;
        let outcome = outcome.unwrap_or_else(broken);
        if let Some(failure) = &outcome.failure {
            self.given.desk.fail(failure.clone());
        }
        if let Some(saved) = saved(&outcome, true) {
            self.shown.saved = Some(saved);
        }
        self.tell();
    }

    /// Another folder counts from the next file on.
    fn set(&mut self, settings: Settings) {
        let settings = settings.bounded();
        let length = Duration::from_secs(settings.replay_seconds.into());
        match &mut self.buffer {
            _ if !settings.replay => self.buffer = None,
            Some(buffer) => buffer.set(length),
            None => self.buffer = Some(Buffer::new(length)),
        }
        self.shown.settings = settings;
        self.shown.folder = self.folder().display().to_string();
        self.looks = 0;
        self.roll();
        self.tell();
    }

    /// The lane is open while anything is kept.
    fn roll(&mut self) {
        match (self.take.is_some() || self.buffer.is_some(), self.lane.is_open()) {
            (true, false) => self.given.air.roll(&self.lane),
            (false, true) => {
                self.lane.stop();
                while self.packets.try_recv().is_ok() {}
            }
            _ => {}
        }
    }

    /// How it does, once a second.
    fn look(&mut self) {
        if self.looks.is_multiple_of(if self.take.is_some() { 1 } else { IDLE_LOOKS })
            && self.measuring.is_none()
        {
            let folder = self.folder();
            // A disk that is on a network may take its time.
            self.measuring = Some(tokio::task::spawn_blocking(move || writer::free(&folder)));
        }
        self.looks = self.looks.wrapping_add(1);
        let Some(take) = &mut self.take else { return self.tell() };
        let bytes = take.writer.bytes();
        let came = bytes - std::mem::replace(&mut take.bytes, bytes);
        if bytes > 0 {
            take.rate = Some(take.rate.map_or(came, |rate| (rate * 7 + came) / 8));
        }
        let barren = std::mem::take(&mut take.pictures) == 0;
        take.barren = if barren { take.barren + 1 } else { 0 };
        if take.writer.is_over() {
            self.end(None);
        } else if take.barren >= BARREN {
            // The encoder has said why.
            self.given.desk.fail(Failure::new(Code::EncoderFailed, "The encoder failed"));
            self.end(None);
        }
        self.tell();
    }

    fn measured(&mut self, free: Option<Option<u64>>) {
        self.measuring = None;
        let configured = u64::from(self.given.ceiling_kbps) * 1000 / 8 + u64::from(aac::BITRATE) / 8;
        let rate =
            self.take.as_ref().and_then(|take| take.rate).filter(|rate| *rate > 0).unwrap_or(configured);
        self.shown.disk = free.flatten().map(|free| disk(free, self.floor(), rate));
        self.tell();
    }

    /// Says how it stands, where that is news.
    fn tell(&mut self) {
        if let Some(take) = &self.take {
            let lost = self.lane.overflows.load(std::sync::atomic::Ordering::Relaxed) - take.overflows;
            self.shown.state = State::Recording {
                since: take.since,
                bytes: take.writer.bytes(),
                name: take.writer.file().unwrap_or_default(),
                gaps: take.gate.gaps() + lost,
            };
        }
        let held = self.buffer.as_ref().map_or(Duration::ZERO, Buffer::held);
        let most = u64::from(self.shown.settings.replay_seconds);
        self.shown.held_s = u8::try_from(held.as_secs().min(most)).unwrap_or(u8::MAX);
        let recorder = &self.shown;
        self.given.desk.update(|snapshot| {
            (snapshot.recorder != *recorder).then(|| StudioEvent::Recorder { recorder: recorder.clone() })
        });
    }

    fn place(&self, kind: &str) -> Place {
        let stem = name::stem(self.given.clock.now(), TimeZone::system());
        Place { folder: self.folder(), stem: format!("{stem}{kind}"), floor: self.floor() }
    }

    fn folder(&self) -> PathBuf {
        let chosen = &self.shown.settings.folder;
        if chosen.is_empty() { self.given.folder.clone() } else { PathBuf::from(chosen) }
    }

    /// Bytes.
    fn floor(&self) -> u64 {
        u64::from(self.shown.settings.keep_free_mb) * 1_000_000
    }
}

/// Waits for a task, where there is one; `None` where it broke.
async fn ready<S, T>(slot: &mut Option<S>, task: impl Fn(&mut S) -> &mut JoinHandle<T>) -> Option<T> {
    match slot {
        Some(slot) => task(slot).await.ok(),
        None => std::future::pending().await,
    }
}

fn broken() -> Outcome {
    let failure = Some(Failure::new(Code::Internal, "The recording failed; see the log"));
    Outcome { failure, ..Outcome::default() }
}

fn saved(outcome: &Outcome, replay: bool) -> Option<Saved> {
    let name = name::last(outcome.file.as_deref()?);
    Some(Saved { name, bytes: outcome.bytes, seconds: outcome.length.as_secs(), replay })
}

/// What is left of a disk, at so many bytes a second.
fn disk(free: u64, floor: u64, rate: u64) -> Disk {
    let free = free.saturating_sub(floor);
    Disk { free, left_s: free / rate.max(1) }
}
