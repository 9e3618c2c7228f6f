//! Everything that leaves as a byte format of its own: one thread a room takes each packet once, brings the sound into
//! AAC, and hands it to the sinks, which write it once for all who read.
//!
//! WebRTC does not pass through here, so a slow disk or an odd stream costs its viewers nothing. What comes of AAC
//! input for them, Opus, goes back to the media thread.

pub(crate) mod flv;
pub(crate) mod hls;
#[cfg(test)]
mod sample;

use std::sync::Arc;
use std::time::Duration;

use footlight_media::{Codec, Packet, Time};
use footlight_protocol::RoomId;
use footlight_protocol::room::{RoomState, StreamState};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::rtc::Command;
use crate::sound::Sound;

/// Packets between the media thread and a room's muxing: about 6 s at 30 fps with 50 packets of sound a second. Full ⇒
/// video is dropped up to the next keyframe, and counted.
pub(crate) const PACKETS: usize = 512;
/// How often sinks are told the time.
const TICK: Duration = Duration::from_millis(250);
/// What two packets of a codec are at least apart in decoding order.
const STEP: Duration = Duration::from_micros(12);

/// What a sink is told.
pub(crate) enum Input<'a> {
    /// Video of any codec, or AAC. The decoding instants of each of the two rise strictly, over publishers too.
    Packet(&'a Packet),
    /// The publisher is gone without goodbye; it, or another one, may go on.
    Interrupted,
    /// The broadcast is over. The next packet begins another one.
    Ended,
    /// Time has passed.
    Tick,
}

/// Something that writes packets in a byte format.
pub(crate) trait Sink: Send {
    fn take(&mut self, input: &Input<'_>, now: Time);
}

/// What a room's muxing has ready for the HTTP side; cheap to clone.
#[derive(Clone)]
pub(crate) struct Outlets {
    pub(crate) flv: flv::Ring,
    pub(crate) hls: hls::Shelf,
}

/// A room's outlets and the sinks that fill them. HLS keeps the last `window` of a broadcast.
pub(crate) fn outlets(
    room: &RoomId,
    engine: &mpsc::Sender<Command>,
    window: Duration,
) -> (Outlets, Vec<Box<dyn Sink>>) {
    // Segments take two seconds or more, so numbers that start with the clock are never used twice, also not after a
    // restart: caches and players remember them.
    let sequence = clock::now_millis() / 1000;
    let outlets = Outlets { flv: flv::Ring::new(), hls: hls::Shelf::new(window, sequence) };
    let (room, engine) = (room.clone(), engine.clone());
    // Full ⇒ the media thread is busy; the wish is repeated with the next segment.
    let want_keyframe = move || drop(engine.try_send(Command::WantKeyframe { room: room.clone() }));
    let sinks: Vec<Box<dyn Sink>> = vec![
        Box::new(flv::Flv::new(outlets.flv.clone())),
        Box::new(hls::Hls::new(outlets.hls.clone(), Box::new(want_keyframe))),
    ];
    (outlets, sinks)
}

/// The media thread's end of a room's muxing.
pub(crate) struct Intake {
    packets: mpsc::Sender<Packet>,
    /// Video is left out until a keyframe.
    skipping: bool,
    metrics: Arc<Metrics>,
}

impl Intake {
    pub(crate) fn new(packets: mpsc::Sender<Packet>, metrics: Arc<Metrics>) -> Self {
        Self { packets, skipping: false, metrics }
    }

    pub(crate) fn offer(&mut self, packet: &Packet) {
        let video = packet.codec.is_video();
        if video && self.skipping && !packet.keyframe {
            self.metrics.mux_drops.one();
            return;
        }
        let full = self.packets.try_send(packet.clone()).is_err();
        if full {
            self.metrics.mux_drops.one();
        }
        if video {
            self.skipping = full;
        }
    }
}

/// What a room's thread starts with.
pub(crate) struct Setup {
    pub(crate) room: RoomId,
    pub(crate) packets: mpsc::Receiver<Packet>,
    pub(crate) state: watch::Receiver<RoomState>,
    pub(crate) engine: mpsc::Sender<Command>,
    pub(crate) sinks: Vec<Box<dyn Sink>>,
}

/// A room's muxing thread. Dropped, it lets the sinks finish and is joined.
pub(crate) struct Mux {
    cancel: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
    done: Option<oneshot::Receiver<()>>,
}

impl Mux {
    pub(crate) fn start(setup: Setup) -> Result<Self, Error> {
        let refused = |_| Error::System { what: "a thread" };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(refused)?;
        let cancel = CancellationToken::new();
        let (done, ended) = oneshot::channel();
        let stop = cancel.clone();
        let thread = std::thread::Builder::new()
            .name("mux".to_owned())
            .spawn(move || {
                runtime.block_on(Desk::new(setup).run(stop));
                let _ = done.send(());
            })
            .map_err(refused)?;
        Ok(Self { cancel, thread: Some(thread), done: Some(ended) })
    }

    /// Asks it to finish.
    pub(crate) fn stop(&self) {
        self.cancel.cancel();
    }

    /// Resolves when the thread has ended, whether asked to or not.
    pub(crate) async fn ended(&mut self) {
        if let Some(done) = self.done.as_mut() {
            let _ = done.await;
            self.done = None;
        }
    }
}

impl Drop for Mux {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's state.
struct Desk {
    setup: Setup,
    sound: Sound,
    stream: StreamState,
    video: Order,
    audio: Order,
    /// When the last broadcast ended. What was captured before and comes late belongs to none.
    over: Time,
    /// What the sound of one packet became; kept for its memory.
    made: Vec<Packet>,
}

impl Desk {
    fn new(setup: Setup) -> Self {
        Self {
            setup,
            sound: Sound::default(),
            stream: StreamState::Offline,
            video: Order::default(),
            audio: Order::default(),
            over: Time::default(),
            made: Vec::new(),
        }
    }

    async fn run(mut self, cancel: CancellationToken) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                // The state first: what ended before a packet came must not take that packet with it.
                Ok(()) = self.setup.state.changed() => self.turn(),
                Some(packet) = self.setup.packets.recv() => self.packet(packet),
                _ = tick.tick() => self.tell(&Input::Tick),
            }
        }
        while let Ok(packet) = self.setup.packets.try_recv() {
            self.packet(packet);
        }
        self.tell(&Input::Ended);
    }

    /// The room says how its stream stands.
    fn turn(&mut self) {
        let stream = self.setup.state.borrow_and_update().stream.clone();
        let before = std::mem::replace(&mut self.stream, stream);
        let began = |state: &StreamState| match state {
            StreamState::Live { since, .. } => Some(*since),
            StreamState::Offline | StreamState::Interrupted { .. } => None,
        };
        // What is queued was published before this.
        while let Ok(packet) = self.setup.packets.try_recv() {
            self.packet(packet);
        }
        match (&before, &self.stream) {
            (StreamState::Live { .. }, StreamState::Interrupted { .. }) => self.tell(&Input::Interrupted),
            (StreamState::Live { .. } | StreamState::Interrupted { .. }, StreamState::Offline) => {
                self.over = clock::now();
                self.tell(&Input::Ended);
            }
            // Over and begun again between two looks.
            (StreamState::Live { .. }, StreamState::Live { .. }) if began(&before) != began(&self.stream) => {
                self.tell(&Input::Ended);
            }
            _ => {}
        }
    }

    fn packet(&mut self, packet: Packet) {
        if packet.captured <= self.over {
            return;
        }
        if packet.codec.is_video() {
            let packet = self.video.put(packet);
            return self.tell(&Input::Packet(&packet));
        }
        let mut made = std::mem::take(&mut self.made);
        self.sound.transcode(&packet, &mut made);
        if packet.codec == Codec::Aac {
            let packet = self.audio.put(packet);
            self.tell(&Input::Packet(&packet));
            let sound = Command::Sound { room: self.setup.room.clone(), packets: std::mem::take(&mut made) };
            // Full ⇒ a gap that Opus hides: sound is worth nothing late.
            let _ = self.setup.engine.try_send(sound);
        } else {
            for packet in made.drain(..) {
                let packet = self.audio.put(packet);
                self.tell(&Input::Packet(&packet));
            }
        }
        self.made = made;
    }

    fn tell(&mut self, input: &Input<'_>) {
        let now = clock::now();
        for sink in &mut self.setup.sinks {
            sink.take(input, now);
        }
    }
}

/// Keeps decoding instants rising: a publisher that takes over may have a clock of its own.
#[derive(Debug, Default)]
struct Order {
    newest: Option<Time>,
}

impl Order {
    fn put(&mut self, mut packet: Packet) -> Packet {
        let decoded = self.newest.map_or(packet.decoded(), |newest| packet.decoded().max(newest + STEP));
        self.newest = Some(decoded);
        packet.captured = packet.captured.max(decoded);
        packet.composition = packet.captured.since(decoded);
        packet
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn picture(captured: u64, composition: u64) -> Packet {
        Packet {
            codec: Codec::H264,
            captured: Time::from_micros(captured),
            composition: Duration::from_micros(composition),
            keyframe: false,
            data: Bytes::new(),
        }
    }

    #[test]
    fn decoding_instants_rise_whatever_the_publishers_say() {
        let mut order = Order::default();
        let told: Vec<_> = [(100, 40), (220, 100), (140, 0), (50, 0), (1000, 2)]
            .into_iter()
            .map(|(captured, composition)| {
                let packet = order.put(picture(captured, composition));
                (packet.decoded().as_micros(), packet.captured.as_micros())
            })
            .collect();
        assert_eq!(told, [(60, 100), (120, 220), (140, 140), (152, 152), (998, 1000)]);
    }

    #[test]
    fn a_full_queue_leaves_out_video_up_to_a_keyframe() {
        let (sender, mut receiver) = mpsc::channel(2);
        let metrics = Arc::new(Metrics::default());
        let mut intake = Intake::new(sender, metrics.clone());
        for n in 0..3 {
            intake.offer(&picture(n, 0));
        }
        receiver.try_recv().unwrap();
        intake.offer(&picture(3, 0));
        intake.offer(&Packet { keyframe: true, ..picture(4, 0) });
        let left: Vec<_> =
            std::iter::from_fn(|| receiver.try_recv().ok()).map(|p| p.captured.as_micros()).collect();
        assert_eq!(left, [1, 4]);
        assert_eq!(metrics.mux_drops.get(), 2);
    }
}
