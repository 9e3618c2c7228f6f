//! On air: the tee between the encoders and the outputs, and what the outputs ask of the encoders.
//!
//! One [`Lane`] an output. A lane takes packets only while its output is connected; while none is, nothing is
//! encoded. The phase of the broadcast follows from its lanes, here and nowhere else.
//!
//! There is one encoder for all lanes. Those that steer (the creator's own page, or what the command line says in its
//! stead) decide its bitrate, and their keyframes are made when they are asked for. The others follow: what does not
//! fit their line is left out of theirs alone, up to one of the keyframes that come by themselves while anybody
//! follows. A recording is a lane too, but no part of the broadcast: it follows, keeps the encoders at work while nobody
//! is on air, and the phase does not know of it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use footlight_media::{Codec, Packet};
use footlight_protocol::studio::{Phase, StudioEvent};
use tokio::sync::mpsc;

use crate::Clock;
use crate::desk::Desk;
use crate::lane::{Lane, Offered, Parcel, Wants};
use crate::worker::lock;

/// Qualities of the picture: the picture itself, and lower ones made of it.
pub(crate) const LAYERS: usize = 3;
/// Names of the layers, best first, by how many there are. One alone needs none.
pub(crate) const NAMES: [&[&str]; LAYERS] = [&[""], &["h", "l"], &["h", "m", "l"]];
/// A keyframe comes at least this often while anybody needs it to: platforms ask for one every two seconds. A little
/// less, so that a camera's jitter does not make it a frame too late.
const RHYTHM: Duration = Duration::from_millis(1_980);

pub(crate) struct Air {
    desk: Arc<Desk>,
    clock: Clock,
    lanes: Mutex<Vec<Arc<Lane>>>,
    /// One a layer.
    keyframes: [AtomicBool; LAYERS],
    since: Mutex<Option<u64>>,
    pub(crate) tally: Tally,
}

/// Counted since Go Live, over the lanes that steer.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) encoded: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) sent_bytes: AtomicU64,
}

impl Air {
    pub(crate) fn new(desk: Arc<Desk>, clock: Clock) -> Self {
        Self {
            desk,
            clock,
            lanes: Mutex::default(),
            keyframes: Default::default(),
            since: Mutex::default(),
            tally: Tally::default(),
        }
    }

    /// Adds an output with its first bitrate, which is also the highest. Its packets come out of the receiver.
    pub(crate) fn add_lane(&self, kbps: u32, wants: Wants) -> (Arc<Lane>, mpsc::Receiver<Parcel>) {
        let (lane, receiver) = Lane::new(kbps, wants);
        lock(&self.lanes).push(Arc::clone(&lane));
        (lane, receiver)
    }

    /// Forgets an output that is over.
    pub(crate) fn remove_lane(&self, lane: &Arc<Lane>) {
        lock(&self.lanes).retain(|known| !Arc::ptr_eq(known, lane));
    }

    /// Forgets the broadcast's outputs and the counts.
    pub(crate) fn clear(&self) {
        lock(&self.lanes).retain(|lane| !lane.airs());
        *lock(&self.since) = None;
        for count in [&self.tally.encoded, &self.tally.dropped, &self.tally.sent_bytes] {
            count.store(0, Ordering::Relaxed);
        }
    }

    /// Whether the broadcast goes anywhere.
    pub(crate) fn is_connected(&self) -> bool {
        self.any(Lane::airs)
    }

    /// Whether anybody takes sound in this form.
    pub(crate) fn is_sound_wanted(&self, sound: Codec) -> bool {
        self.any(|lane| lane.sound() == sound)
    }

    /// Whether a keyframe is due that nobody asked for, so long after the last.
    pub(crate) fn keyframe_due(&self, since: Duration) -> bool {
        since >= RHYTHM && self.any(|lane| !lane.steers() || lane.sound() == Codec::Aac)
    }

    fn any(&self, holds: impl Fn(&Lane) -> bool) -> bool {
        lock(&self.lanes).iter().any(|lane| lane.is_open() && holds(lane))
    }

    /// Of a layer; one that is not made has none to give.
    pub(crate) fn want_keyframe(&self, layer: usize) {
        self.keyframes[layer].store(true, Ordering::SeqCst);
    }

    /// An output's other side cannot go on without one.
    pub(crate) fn lane_wants_keyframe(&self, lane: &Lane, layer: usize) {
        if lane.may_ask(self.clock.now()) {
            self.want_keyframe(layer);
        }
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

    /// What the slowest of the connected outputs that steer can take; where only followers are, the most that may be.
    pub(crate) fn target_kbps(&self) -> Option<u32> {
        let lanes = lock(&self.lanes);
        let open = lanes.iter().filter(|lane| lane.is_open());
        open.map(
            |lane| {
                if lane.steers() { lane.target_kbps.load(Ordering::Relaxed) } else { lane.ceiling_kbps() }
            },
        )
        .min()
    }

    /// The worst loss of any connected output that steers, in percent.
    pub(crate) fn loss_percent(&self) -> u8 {
        let lanes = lock(&self.lanes);
        let open = lanes.iter().filter(|lane| lane.is_open() && lane.steers());
        open.map(|lane| lane.loss_percent.load(Ordering::Relaxed)).max().unwrap_or(0)
    }

    /// The longest known round trip of those that steer, in milliseconds.
    pub(crate) fn rtt_ms(&self) -> Option<f32> {
        let lanes = lock(&self.lanes);
        let open = lanes.iter().filter(|lane| lane.is_open() && lane.steers());
        let longest = open.map(|lane| lane.rtt_micros.load(Ordering::Relaxed)).max()?;
        (longest > 0).then_some(longest as f32 / 1000.0)
    }

    /// Hands a packet to every connected output.
    pub(crate) fn send(&self, packet: &Packet) {
        let video = packet.codec.is_video();
        let lanes = lock(&self.lanes);
        if video && lanes.iter().any(|lane| lane.is_open() && lane.airs()) {
            self.tally.encoded.fetch_add(1, Ordering::Relaxed);
        }
        let takers = lanes.iter().filter(|lane| lane.is_open() && (video || lane.sound() == packet.codec));
        for lane in takers {
            let offered = lane.offer(0, packet);
            if !lane.steers() {
                continue;
            }
            match offered {
                Offered::Taken => {
                    self.tally.sent_bytes.fetch_add(packet.data.len() as u64, Ordering::Relaxed);
                }
                Offered::Dropped if video => {
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
        lane.begin();
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

    /// A recording takes packets, from a keyframe on that is made for it.
    pub(crate) fn roll(&self, lane: &Lane) {
        lane.begin();
        self.want_keyframe(0);
    }

    /// An output is not connected; `attempt` counts its tries from 1.
    pub(crate) fn disconnected(&self, lane: &Lane, attempt: u32) {
        lane.stop();
        if self.is_connected() {
            return;
        }
        self.desk.update(|snapshot| {
            let since = snapshot.phase.since()?;
            Some(StudioEvent::Phase { phase: Phase::Reconnecting { since, attempt } })
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::{OUTPUT_QUEUE, Role};
    use bytes::Bytes;
    use footlight_media::Time;
    use footlight_protocol::studio::Snapshot;

    fn air() -> Air {
        Air::new(Arc::new(Desk::new(Snapshot::default())), Clock::start())
    }

    const STEERS: Wants = Wants { role: Role::Steers, sound: Codec::Opus };
    const FOLLOWS: Wants = Wants { role: Role::Follows, sound: Codec::Aac };
    const RECORDS: Wants = Wants { role: Role::Records, sound: Codec::Aac };

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
        let (lane, mut packets) = air.add_lane(2500, STEERS);
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
        let (a, _packets_a) = air.add_lane(2500, STEERS);
        let (b, _packets_b) = air.add_lane(800, STEERS);
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
        assert!(!air.is_connected());
        air.connected(&b);
        assert_eq!(phase(), Phase::Live { since }, "the clock does not start again");
    }

    #[test]
    fn a_recording_is_no_part_of_the_broadcast() {
        let air = air();
        let phase = || air.desk.snapshot().phase;
        let counted = || air.tally.encoded.load(Ordering::Relaxed);
        let (recording, mut kept) = air.add_lane(2500, RECORDS);
        air.roll(&recording);
        assert_eq!((phase(), air.is_connected()), (Phase::Idle, false));
        assert!(air.keyframe_wanted(0) && air.is_sound_wanted(Codec::Aac));
        assert_eq!(air.target_kbps(), Some(2500), "off air it is the most that may be");
        air.send(&video(0, true));
        assert_eq!(counted(), 0, "nothing of a broadcast was encoded");

        air.clear();
        air.desk.tell(StudioEvent::Phase { phase: Phase::Starting });
        let (home, _at_home) = air.add_lane(2500, STEERS);
        air.send(&video(1, false));
        assert_eq!(phase(), Phase::Starting);
        air.connected(&home);
        let Phase::Live { since } = phase() else { panic!("{:?}", phase()) };
        home.target_kbps.store(700, Ordering::Relaxed);
        assert_eq!(air.target_kbps(), Some(700), "it takes what the encoder makes");
        air.send(&video(2, false));
        assert_eq!(counted(), 1);
        air.disconnected(&home, 1);
        assert_eq!(phase(), Phase::Reconnecting { since, attempt: 1 }, "it is no connection");
        air.send(&video(3, false));
        air.remove_lane(&home);
        air.clear();
        air.send(&video(4, false));
        let kept: Vec<u64> =
            std::iter::from_fn(|| kept.try_recv().ok()).map(|p| p.packet.captured.as_micros()).collect();
        assert_eq!(kept, [0, 1, 2, 3, 4], "without a gap");
    }

    #[test]
    fn a_follower_that_stalls_costs_the_others_nothing() {
        let air = air();
        let (home, mut at_home) = air.add_lane(2500, STEERS);
        let (slow, mut at_slow) = air.add_lane(2500, FOLLOWS);
        air.connected(&home);
        air.connected(&slow);
        air.keyframe_made(0);
        slow.target_kbps.store(200, Ordering::Relaxed);
        assert_eq!(air.target_kbps(), Some(2500), "who follows does not steer");
        let many = 3 * OUTPUT_QUEUE as u64;
        let mut came = Vec::new();
        for n in 0..many {
            air.send(&video(n, n % 60 == 0));
            came.extend(
                std::iter::from_fn(|| at_home.try_recv().ok()).map(|p| p.packet.captured.as_micros()),
            );
        }
        assert_eq!(came, (0..many).collect::<Vec<_>>(), "the lane at home loses nothing");
        assert!(slow.overflows.load(Ordering::Relaxed) > 0);
        assert!(!air.keyframe_wanted(0), "nobody pays for its keyframe");
        assert_eq!(air.tally.dropped.load(Ordering::Relaxed), 0);
        let held = std::iter::from_fn(|| at_slow.try_recv().ok()).count();
        assert_eq!(held, OUTPUT_QUEUE);
        air.send(&video(many, false));
        assert!(at_slow.try_recv().is_err(), "half a picture is worse than none");
        air.send(&video(many + 1, true));
        assert!(at_slow.try_recv().is_ok());
    }

    #[test]
    fn keyframes_come_by_themselves_only_where_somebody_needs_it() {
        let air = air();
        let (home, _at_home) = air.add_lane(2500, STEERS);
        let (other, _at_other) = air.add_lane(2500, FOLLOWS);
        air.connected(&home);
        assert!(!air.keyframe_due(Duration::from_secs(60)));
        assert!(air.is_sound_wanted(Codec::Opus) && !air.is_sound_wanted(Codec::Aac));
        air.connected(&other);
        assert!(!air.keyframe_due(Duration::from_secs(1)) && air.keyframe_due(Duration::from_secs(2)));
        assert!(air.is_sound_wanted(Codec::Aac));
        air.keyframe_made(0);
        air.lane_wants_keyframe(&other, 0);
        assert!(air.keyframe_wanted(0));
        air.keyframe_made(0);
        air.lane_wants_keyframe(&other, 0);
        assert!(!air.keyframe_wanted(0), "not again within a second");
        air.lane_wants_keyframe(&home, 0);
        assert!(air.keyframe_wanted(0));
    }
}
