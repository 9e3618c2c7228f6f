//! On air: the tee between the encoders and the outputs, and what the outputs ask of the encoders.
//!
//! One [`Lane`] an output. A lane takes packets only while its output is connected; while none is, nothing is
//! encoded. The phase of the broadcast follows from its lanes, here and nowhere else.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
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

pub(crate) struct Air {
    desk: Arc<Desk>,
    clock: Clock,
    lanes: Mutex<Vec<Arc<Lane>>>,
    /// Lanes that take packets, so that the encoders need not look at each.
    open: AtomicU32,
    keyframe: AtomicBool,
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
    packets: mpsc::Sender<Packet>,
    open: AtomicBool,
    skipping: AtomicBool,
    /// Told to rate control: this lane's queue overflowed.
    pub(crate) overflowed: AtomicBool,
    pub(crate) target_kbps: AtomicU32,
    pub(crate) loss_percent: AtomicU8,
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
            keyframe: AtomicBool::new(false),
            since: Mutex::default(),
            tally: Tally::default(),
        }
    }

    /// Adds an output with its first bitrate. Its packets come out of the receiver.
    pub(crate) fn add_lane(&self, kbps: u32) -> (Arc<Lane>, mpsc::Receiver<Packet>) {
        let (packets, receiver) = mpsc::channel(OUTPUT_QUEUE);
        let lane = Arc::new(Lane {
            packets,
            open: AtomicBool::new(false),
            skipping: AtomicBool::new(true),
            overflowed: AtomicBool::new(false),
            target_kbps: AtomicU32::new(kbps),
            loss_percent: AtomicU8::new(0),
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

    pub(crate) fn want_keyframe(&self) {
        self.keyframe.store(true, Ordering::SeqCst);
    }

    pub(crate) fn keyframe_wanted(&self) -> bool {
        self.keyframe.load(Ordering::SeqCst)
    }

    pub(crate) fn keyframe_made(&self) {
        self.keyframe.store(false, Ordering::SeqCst);
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
            match lane.offer(packet) {
                Offered::Taken => {
                    self.tally.sent_bytes.fetch_add(packet.data.len() as u64, Ordering::Relaxed);
                }
                Offered::Dropped if packet.codec.is_video() => {
                    self.tally.dropped.fetch_add(1, Ordering::Relaxed);
                }
                Offered::Overflowed => {
                    self.tally.dropped.fetch_add(1, Ordering::Relaxed);
                    self.want_keyframe();
                }
                Offered::Dropped => {}
            }
        }
    }

    /// An output is connected: it gets packets from the next keyframe on.
    pub(crate) fn connected(&self, lane: &Lane) {
        lane.skipping.store(true, Ordering::SeqCst);
        if !lane.open.swap(true, Ordering::SeqCst) {
            self.open.fetch_add(1, Ordering::SeqCst);
        }
        self.want_keyframe();
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

    fn offer(&self, packet: &Packet) -> Offered {
        let video = packet.codec.is_video();
        if video && !packet.keyframe && self.skipping.load(Ordering::Relaxed) {
            return Offered::Dropped;
        }
        match self.packets.try_send(packet.clone()) {
            Ok(()) => {
                if video {
                    self.skipping.store(false, Ordering::Relaxed);
                }
                Offered::Taken
            }
            Err(TrySendError::Full(_)) if video => {
                self.skipping.store(true, Ordering::Relaxed);
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
        assert!(air.keyframe_wanted());
        air.keyframe_made();
        air.send(&video(1, false));
        assert!(packets.try_recv().is_err(), "nobody can decode before the first keyframe");
        air.send(&video(2, true));
        for n in 3..3 + OUTPUT_QUEUE as u64 + 20 {
            air.send(&video(n, false));
        }
        assert!(air.keyframe_wanted() && lane.overflowed.load(Ordering::Relaxed));
        let held: Vec<u64> =
            std::iter::from_fn(|| packets.try_recv().ok()).map(|p| p.captured.as_micros()).collect();
        assert_eq!(held, (2..2 + OUTPUT_QUEUE as u64).collect::<Vec<_>>());
        air.send(&video(900, false));
        air.send(&video(901, true));
        air.send(&video(902, false));
        let after: Vec<u64> =
            std::iter::from_fn(|| packets.try_recv().ok()).map(|p| p.captured.as_micros()).collect();
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
