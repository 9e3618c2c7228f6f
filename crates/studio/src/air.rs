//! On air: the tee between the encoders and the outputs, and what the outputs ask of the encoders.
//!
//! One [`Lane`] an output. A lane takes packets only while its output is connected; while none is, nothing is
//! encoded. The phase of the broadcast follows from its lanes, here and nowhere else.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use footlight_media::Packet;
use footlight_protocol::studio::{Phase, StudioEvent};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::Clock;
use crate::desk::Desk;
use crate::worker::lock;

/// ~1.5 s of 30 frames and 50 blocks of sound a second. Longer only adds delay: a viewer would rather skip than lag.
const OUTPUT_QUEUE: usize = 120;

/// Qualities of the picture: the picture itself, and lower ones made of it.
pub(crate) const LAYERS: usize = 3;
/// Names of the layers, best first, by how many there are. One alone needs none.
pub(crate) const NAMES: [&[&str]; LAYERS] = [&[""], &["h", "l"], &["h", "m", "l"]];
/// Share of an output's queue that may be taken when something of a lower layer comes: the picture itself goes first.
const LOWER_SHARE: usize = 4;

/// A packet on its way to an output. Sound is of layer 0, as the picture itself.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) layer: usize,
    pub(crate) packet: Packet,
}

pub(crate) struct Air {
    desk: Arc<Desk>,
    clock: Clock,
    lanes: Mutex<Vec<Arc<Lane>>>,
    /// Lanes that take packets, so that the encoders need not look at each.
    open: AtomicU32,
    /// One a layer.
    keyframes: [AtomicBool; LAYERS],
    since: Mutex<Option<u64>>,
    pub(crate) tally: Tally,
}

/// Counted since Go Live.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) encoded: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) sent_bytes: AtomicU64,
}

/// One output's queue, and what its network says.
pub(crate) struct Lane {
    packets: mpsc::Sender<Parcel>,
    open: AtomicBool,
    /// One a layer.
    skipping: [AtomicBool; LAYERS],
    /// How many layers the other side takes; known once it has answered.
    pub(crate) layers: AtomicUsize,
    /// Told to rate control: this lane's queue overflowed.
    pub(crate) overflowed: AtomicBool,
    pub(crate) target_kbps: AtomicU32,
    pub(crate) loss_percent: AtomicU8,
    /// Whether packets are lost though the path is not full.
    pub(crate) lossy: AtomicBool,
    /// Microseconds; 0 is unknown.
    pub(crate) rtt_micros: AtomicU32,
}

impl Air {
    pub(crate) fn new(desk: Arc<Desk>, clock: Clock) -> Self {
        Self {
            desk,
            clock,
            lanes: Mutex::default(),
            open: AtomicU32::new(0),
            keyframes: Default::default(),
            since: Mutex::default(),
            tally: Tally::default(),
        }
    }

    /// Adds an output with its first bitrate. Its packets come out of the receiver.
    pub(crate) fn add_lane(&self, kbps: u32) -> (Arc<Lane>, mpsc::Receiver<Parcel>) {
        let (packets, receiver) = mpsc::channel(OUTPUT_QUEUE);
        let lane = Arc::new(Lane {
            packets,
            open: AtomicBool::new(false),
            skipping: std::array::from_fn(|_| AtomicBool::new(true)),
            layers: AtomicUsize::new(1),
            overflowed: AtomicBool::new(false),
            target_kbps: AtomicU32::new(kbps),
            loss_percent: AtomicU8::new(0),
            lossy: AtomicBool::new(false),
            rtt_micros: AtomicU32::new(0),
        });
        lock(&self.lanes).push(Arc::clone(&lane));
        (lane, receiver)
    }

    /// Forgets the outputs and the counts.
    pub(crate) fn clear(&self) {
        lock(&self.lanes).clear();
        self.open.store(0, Ordering::SeqCst);
        *lock(&self.since) = None;
        for count in [&self.tally.encoded, &self.tally.dropped, &self.tally.sent_bytes] {
            count.store(0, Ordering::Relaxed);
        }
    }

    /// Whether anybody takes packets.
    pub(crate) fn is_wanted(&self) -> bool {
        self.open.load(Ordering::SeqCst) > 0
    }

    /// Of a layer; one that is not made has none to give.
    pub(crate) fn want_keyframe(&self, layer: usize) {
        self.keyframes[layer].store(true, Ordering::SeqCst);
    }

    pub(crate) fn keyframe_wanted(&self, layer: usize) -> bool {
        self.keyframes[layer].load(Ordering::SeqCst)
    }

    pub(crate) fn keyframe_made(&self, layer: usize) {
        self.keyframes[layer].store(false, Ordering::SeqCst);
    }

    /// How many layers any connected output takes.
    pub(crate) fn layers(&self) -> usize {
        let lanes = lock(&self.lanes);
        let open = lanes.iter().filter(|lane| lane.is_open());
        open.map(|lane| lane.layers.load(Ordering::Relaxed)).max().unwrap_or(1)
    }

    /// What the slowest connected output can take.
    pub(crate) fn target_kbps(&self) -> Option<u32> {
        let lanes = lock(&self.lanes);
        let open = lanes.iter().filter(|lane| lane.is_open());
        open.map(|lane| lane.target_kbps.load(Ordering::Relaxed)).min()
    }

    /// The worst loss of any connected output, in percent.
    pub(crate) fn loss_percent(&self) -> u8 {
        let lanes = lock(&self.lanes);
        let open = lanes.iter().filter(|lane| lane.is_open());
        open.map(|lane| lane.loss_percent.load(Ordering::Relaxed)).max().unwrap_or(0)
    }

    /// The longest known round trip, in milliseconds.
    pub(crate) fn rtt_ms(&self) -> Option<f32> {
        let lanes = lock(&self.lanes);
        let open = lanes.iter().filter(|lane| lane.is_open());
        let longest = open.map(|lane| lane.rtt_micros.load(Ordering::Relaxed)).max()?;
        (longest > 0).then_some(longest as f32 / 1000.0)
    }

    /// Hands a packet to every connected output.
    pub(crate) fn send(&self, packet: &Packet) {
        if packet.codec.is_video() {
            self.tally.encoded.fetch_add(1, Ordering::Relaxed);
        }
        for lane in lock(&self.lanes).iter().filter(|lane| lane.is_open()) {
            match lane.offer(0, packet) {
                Offered::Taken => {
                    self.tally.sent_bytes.fetch_add(packet.data.len() as u64, Ordering::Relaxed);
                }
                Offered::Dropped if packet.codec.is_video() => {
                    self.tally.dropped.fetch_add(1, Ordering::Relaxed);
                }
                Offered::Overflowed => {
                    self.tally.dropped.fetch_add(1, Ordering::Relaxed);
                    self.want_keyframe(0);
                }
                Offered::Dropped => {}
            }
        }
    }

    /// Hands a packet of a lower layer to the outputs that take it. What is lost of it is lost without a word: it is
    /// the first thing to give up.
    pub(crate) fn send_lower(&self, layer: usize, packet: &Packet) {
        for lane in lock(&self.lanes).iter().filter(|lane| lane.is_open()) {
            if layer < lane.layers.load(Ordering::Relaxed)
                && matches!(lane.offer(layer, packet), Offered::Taken)
            {
                self.tally.sent_bytes.fetch_add(packet.data.len() as u64, Ordering::Relaxed);
            }
        }
    }

    /// An output is connected: it gets packets from the next keyframe on.
    pub(crate) fn connected(&self, lane: &Lane) {
        lane.skipping.iter().for_each(|skipping| skipping.store(true, Ordering::SeqCst));
        if !lane.open.swap(true, Ordering::SeqCst) {
            self.open.fetch_add(1, Ordering::SeqCst);
        }
        (0..LAYERS).for_each(|layer| self.want_keyframe(layer));
        let now = self.clock.now().as_micros() / 1000;
        let since = *lock(&self.since).get_or_insert(now);
        self.desk.update(|snapshot| match snapshot.phase {
            Phase::Starting | Phase::Reconnecting { .. } => {
                Some(StudioEvent::Phase { phase: Phase::Live { since } })
            }
            _ => None,
        });
    }

    /// An output is not connected; `attempt` counts its tries from 1.
    pub(crate) fn disconnected(&self, lane: &Lane, attempt: u32) {
        if lane.open.swap(false, Ordering::SeqCst) {
            self.open.fetch_sub(1, Ordering::SeqCst);
        }
        if self.is_wanted() {
            return;
        }
        self.desk.update(|snapshot| {
            let since = snapshot.phase.since()?;
            Some(StudioEvent::Phase { phase: Phase::Reconnecting { since, attempt } })
        });
    }
}

enum Offered {
    Taken,
    Dropped,
    /// The queue is full: everything up to the next keyframe is dropped, because half a picture is worse than none.
    Overflowed,
}

impl Lane {
    fn is_open(&self) -> bool {
        self.open.load(Ordering::SeqCst)
    }

    fn offer(&self, layer: usize, packet: &Packet) -> Offered {
        let video = packet.codec.is_video();
        let skipping = &self.skipping[layer];
        if video && !packet.keyframe && skipping.load(Ordering::Relaxed) {
            return Offered::Dropped;
        }
        if layer > 0 && self.packets.capacity() < OUTPUT_QUEUE - OUTPUT_QUEUE / LOWER_SHARE {
            skipping.store(true, Ordering::Relaxed);
            return Offered::Dropped;
        }
        match self.packets.try_send(Parcel { layer, packet: packet.clone() }) {
            Ok(()) => {
                if video {
                    skipping.store(false, Ordering::Relaxed);
                }
                Offered::Taken
            }
            Err(TrySendError::Full(_)) if video => {
                skipping.store(true, Ordering::Relaxed);
                self.overflowed.store(true, Ordering::Relaxed);
                Offered::Overflowed
            }
            Err(_) => Offered::Dropped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use footlight_media::{Codec, Time};
    use footlight_protocol::studio::Snapshot;

    fn air() -> Air {
        Air::new(Arc::new(Desk::new(Snapshot::default())), Clock::start())
    }

    fn video(n: u64, keyframe: bool) -> Packet {
        let captured = Time::from_micros(n);
        Packet {
            codec: Codec::H264,
            captured,
            composition: std::time::Duration::ZERO,
            keyframe,
            data: Bytes::from_static(b"picture"),
        }
    }

    #[test]
    fn a_full_queue_skips_to_the_next_keyframe() {
        let air = air();
        let (lane, mut packets) = air.add_lane(2500);
        air.send(&video(0, true));
        assert!(packets.try_recv().is_err(), "not connected yet");
        air.connected(&lane);
        assert!(air.keyframe_wanted(0));
        air.keyframe_made(0);
        air.send(&video(1, false));
        assert!(packets.try_recv().is_err(), "nobody can decode before the first keyframe");
        air.send(&video(2, true));
        for n in 3..3 + OUTPUT_QUEUE as u64 + 20 {
            air.send(&video(n, false));
        }
        assert!(air.keyframe_wanted(0) && lane.overflowed.load(Ordering::Relaxed));
        let held: Vec<u64> =
            std::iter::from_fn(|| packets.try_recv().ok()).map(|p| p.packet.captured.as_micros()).collect();
        assert_eq!(held, (2..2 + OUTPUT_QUEUE as u64).collect::<Vec<_>>());
        air.send(&video(900, false));
        air.send(&video(901, true));
        air.send(&video(902, false));
        let after: Vec<u64> =
            std::iter::from_fn(|| packets.try_recv().ok()).map(|p| p.packet.captured.as_micros()).collect();
        assert_eq!(after, [901, 902]);
        // 1 before the first keyframe, 21 past the bound, 1 before the second keyframe
        assert_eq!(air.tally.dropped.load(Ordering::Relaxed), 23);
    }

    #[test]
    fn the_phase_follows_the_lanes() {
        let air = air();
        let phase = || air.desk.snapshot().phase;
        let (a, _packets_a) = air.add_lane(2500);
        let (b, _packets_b) = air.add_lane(800);
        air.desk.tell(StudioEvent::Phase { phase: Phase::Starting });
        air.disconnected(&a, 1);
        assert_eq!(phase(), Phase::Starting);
        air.connected(&a);
        let Phase::Live { since } = phase() else { panic!("{:?}", phase()) };
        assert_eq!(air.target_kbps(), Some(2500));
        air.connected(&b);
        assert_eq!(air.target_kbps(), Some(800));
        air.disconnected(&a, 1);
        assert_eq!(phase(), Phase::Live { since });
        air.disconnected(&b, 3);
        assert_eq!(phase(), Phase::Reconnecting { since, attempt: 3 });
        assert!(!air.is_wanted());
        air.connected(&b);
        assert_eq!(phase(), Phase::Live { since }, "the clock does not start again");
    }
}
