//! A lane: one output's queue of packets, what its network says, and what is left out where it cannot keep up.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use footlight_media::{Codec, Packet, Time};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::air::LAYERS;
use crate::worker::lock;

/// ~1.5 s of 30 frames and 50 blocks of sound a second. Longer only adds delay: a viewer would rather skip than lag.
pub(crate) const OUTPUT_QUEUE: usize = 120;
/// Share of an output's queue that may be taken when something of a lower layer comes: the picture itself goes first.
const LOWER_SHARE: usize = 4;
/// A follower that lost something is heard this often at most, in microseconds: its line must not cost the others bits.
const FOLLOWER_ASKS: u64 = 1_000_000;
/// A second's worth of what a follower's line takes may go at once: keyframes are large.
const BURST_MICROS: i64 = 1_000_000;

/// What an output is to the broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It decides the bitrate.
    Steers,
    Follows,
    /// It is no part of the broadcast, and takes what the encoders make whether one runs or not.
    Records,
}

/// What an output is to the encoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wants {
    pub(crate) role: Role,
    /// Opus for WebRTC, AAC for RTMP, whose servers also want keyframes at a rhythm.
    pub(crate) sound: Codec,
}

/// A packet on its way to an output. Sound is of layer 0, as the picture itself.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) layer: usize,
    pub(crate) packet: Packet,
}

pub(crate) struct Lane {
    wants: Wants,
    ceiling_kbps: u32,
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
    /// How often pictures had to be left out up to the next keyframe.
    pub(crate) overflows: AtomicU64,
    /// What its output has sent.
    pub(crate) left_bytes: AtomicU64,
    /// When it asked for a keyframe, as a follower; microseconds of the clock.
    asked: AtomicU64,
    thinner: Mutex<Thinner>,
}

pub(crate) enum Offered {
    Taken,
    Dropped,
    /// The queue is full: everything up to the next keyframe is dropped, because half a picture is worse than none.
    Overflowed,
}

impl Lane {
    pub(crate) fn new(kbps: u32, wants: Wants) -> (Arc<Self>, mpsc::Receiver<Parcel>) {
        let (packets, receiver) = mpsc::channel(OUTPUT_QUEUE);
        let lane = Self {
            wants,
            ceiling_kbps: kbps,
            packets,
            open: AtomicBool::new(false),
            skipping: std::array::from_fn(|_| AtomicBool::new(true)),
            layers: AtomicUsize::new(1),
            overflowed: AtomicBool::new(false),
            target_kbps: AtomicU32::new(kbps),
            loss_percent: AtomicU8::new(0),
            lossy: AtomicBool::new(false),
            rtt_micros: AtomicU32::new(0),
            overflows: AtomicU64::new(0),
            left_bytes: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            thinner: Mutex::default(),
        };
        (Arc::new(lane), receiver)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::SeqCst)
    }

    /// Packets are taken from the next keyframe on.
    pub(crate) fn begin(&self) {
        self.skipping.iter().for_each(|skipping| skipping.store(true, Ordering::SeqCst));
        *lock(&self.thinner) = Thinner::default();
        self.open.store(true, Ordering::SeqCst);
    }

    pub(crate) fn stop(&self) {
        self.open.store(false, Ordering::SeqCst);
    }

    /// Whether it decides the bitrate.
    pub(crate) fn steers(&self) -> bool {
        self.wants.role == Role::Steers
    }

    /// Whether it is part of the broadcast.
    pub(crate) fn airs(&self) -> bool {
        self.wants.role != Role::Records
    }

    pub(crate) fn sound(&self) -> Codec {
        self.wants.sound
    }

    pub(crate) fn ceiling_kbps(&self) -> u32 {
        self.ceiling_kbps
    }

    /// Its output has sent so much.
    pub(crate) fn sent(&self, bytes: usize) {
        self.left_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Whether a keyframe is made for it now.
    pub(crate) fn may_ask(&self, now: Time) -> bool {
        let now = now.as_micros();
        if self.steers() {
            return true;
        }
        let may = now.saturating_sub(self.asked.load(Ordering::Relaxed)) >= FOLLOWER_ASKS;
        if may {
            self.asked.store(now, Ordering::Relaxed);
        }
        may
    }

    pub(crate) fn offer(&self, layer: usize, packet: &Packet) -> Offered {
        let video = packet.codec.is_video();
        let skipping = &self.skipping[layer];
        if video && !packet.keyframe && skipping.load(Ordering::Relaxed) {
            return Offered::Dropped;
        }
        if layer > 0 && self.packets.capacity() < OUTPUT_QUEUE - OUTPUT_QUEUE / LOWER_SHARE {
            skipping.store(true, Ordering::Relaxed);
            return Offered::Dropped;
        }
        if video && !self.fits(packet) {
            return self.overflow(skipping);
        }
        match self.packets.try_send(Parcel { layer, packet: packet.clone() }) {
            Ok(()) => {
                if video {
                    skipping.store(false, Ordering::Relaxed);
                }
                Offered::Taken
            }
            Err(TrySendError::Full(_)) if video => self.overflow(skipping),
            Err(_) => Offered::Dropped,
        }
    }

    fn overflow(&self, skipping: &AtomicBool) -> Offered {
        skipping.store(true, Ordering::Relaxed);
        self.overflowed.store(true, Ordering::Relaxed);
        self.overflows.fetch_add(1, Ordering::Relaxed);
        Offered::Overflowed
    }

    /// Over TCP a line that is too narrow fills the queue. Over UDP it would lose at random, so a follower is given no
    /// more than its rate control says.
    fn fits(&self, packet: &Packet) -> bool {
        let narrow = self.target_kbps.load(Ordering::Relaxed);
        if self.steers() || self.sound() != Codec::Opus || narrow >= self.ceiling_kbps {
            return true;
        }
        lock(&self.thinner).takes(packet, narrow)
    }
}

/// Lets through as many bits as a line takes.
#[derive(Debug, Default)]
struct Thinner {
    newest: Option<Time>,
    /// What may still go, in bits times a thousand.
    credit: i64,
}

impl Thinner {
    fn takes(&mut self, packet: &Packet, kbps: u32) -> bool {
        let kbps = i64::from(kbps);
        let passed = match self.newest.replace(packet.captured) {
            Some(newest) => packet.captured.since(newest).as_micros().min(BURST_MICROS as u128) as i64,
            None => BURST_MICROS,
        };
        // kbit/s are bits a millisecond.
        self.credit = (self.credit + passed * kbps).min(BURST_MICROS * kbps);
        let size = packet.data.len() as i64 * 8_000;
        // A keyframe may go into debt: one that is larger than a second's worth would else never go.
        let takes = if packet.keyframe { self.credit > 0 } else { self.credit >= size };
        if takes {
            self.credit -= size;
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;

    fn picture(n: u64, bytes: usize) -> Packet {
        Packet {
            codec: Codec::H264,
            captured: Time::from_micros(n * 33_333),
            composition: Duration::ZERO,
            keyframe: n.is_multiple_of(60),
            data: Bytes::from(vec![0; bytes]),
        }
    }

    #[test]
    fn a_follower_over_udp_gets_what_its_line_takes() {
        // 2 Mbit/s in 30 pictures a second; the last column is the least and the most that goes, in kbit/s.
        for (target, least, most) in [(2_500, 1_999, 2_001), (1_000, 500, 1_150), (300, 100, 420)] {
            let (lane, mut packets) = Lane::new(2_500, Wants { role: Role::Follows, sound: Codec::Opus });
            lane.target_kbps.store(target, Ordering::Relaxed);
            lane.begin();
            let (mut bits, mut broken, mut expected) = (0, 0, 0);
            for n in 0..900 {
                lane.offer(0, &picture(n, 8_333));
                while let Ok(parcel) = packets.try_recv() {
                    bits += parcel.packet.data.len() * 8;
                    let this = parcel.packet.captured.as_micros() / 33_333;
                    broken += usize::from(!parcel.packet.keyframe && this != expected);
                    expected = this + 1;
                }
            }
            let kbps = bits / 30 / 1_000;
            assert!((least..=most).contains(&kbps), "{kbps} of {target}");
            assert_eq!(broken, 0, "a picture goes only after the one that it was made of");
            assert_eq!(lane.overflows.load(Ordering::Relaxed) > 0, target < 2_500);
        }
    }
}
