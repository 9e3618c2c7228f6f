//! One ordered run of packets of a room, cut into RTP payloads once, and the ring of those that a viewer may
//! still need: for video everything since the last keyframe and a bit more, for audio the last second.
//!
//! The ring is the only queue between a publisher and its viewers. A viewer is a position in it, so a slow
//! one costs nothing but its own lag, and what a keyframe pushes out of the ring it skips.

use std::collections::VecDeque;
use std::time::Duration;

use footlight_media::rtp::{self, Payload};
use footlight_media::{Codec, Packet, Time};

/// Longest run without a keyframe that is kept: 20 s at 60 fps. Beyond it late joiners wait for a keyframe.
const VIDEO_FRAMES: usize = 1200;
/// Bytes of video that are kept: 20 s at 12 Mbit/s. Beyond it late joiners wait for a keyframe.
const VIDEO_BYTES: usize = 30 << 20;
/// Frames kept from before the keyframe, for viewers that have not been sent them: a repaired gap completes all
/// that waited behind it, and a keyframe among that, in one turn.
const BEFORE_KEYFRAME: usize = 32;
/// One second of 20 ms Opus packets. A viewer that lags more than this jumps to the newest.
const AUDIO_FRAMES: usize = 50;
/// One tick of the 48 and 90 kHz clocks, rounded up: what two packets of a track are at least apart.
const TICK: Duration = Duration::from_micros(21);

/// A packet as it goes on the wire.
#[derive(Debug)]
pub(crate) struct Cut {
    /// When it was captured, strictly later than the one before it.
    pub(crate) captured: Time,
    pub(crate) payloads: Vec<Payload>,
    /// Payloads of the track before this packet, since the room opened.
    before: u64,
}

/// The ring. Packets are counted from zero over the life of the room.
#[derive(Debug)]
pub(crate) struct Track {
    codec: Codec,
    ring: VecDeque<Cut>,
    /// Count of the packet at the ring's front.
    first: u64,
    payloads: u64,
    bytes: usize,
    newest: Option<Time>,
    /// Count of the newest keyframe.
    keyframe: Option<u64>,
}

impl Track {
    pub(crate) fn new(codec: Codec) -> Self {
        Self { codec, ring: VecDeque::new(), first: 0, payloads: 0, bytes: 0, newest: None, keyframe: None }
    }

    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    /// Cuts the packet and keeps it. Time never stands still or goes back in a track: a packet that says
    /// otherwise (a new publisher with another clock) is moved to just after its predecessor.
    pub(crate) fn push(&mut self, packet: &Packet) {
        let mut payloads = Vec::new();
        rtp::packetize(packet, rtp::MAX_PAYLOAD, &mut payloads);
        if payloads.is_empty() {
            return;
        }
        let captured = self.newest.map_or(packet.captured, |newest| packet.captured.max(newest + TICK));
        self.newest = Some(captured);
        if self.codec.is_video() && packet.keyframe {
            self.keep(BEFORE_KEYFRAME);
            self.keyframe = Some(self.end());
        }
        let before = self.payloads;
        self.payloads += payloads.len() as u64;
        self.bytes += size(&payloads);
        self.ring.push_back(Cut { captured, payloads, before });
        let frames = if self.codec.is_video() { VIDEO_FRAMES } else { AUDIO_FRAMES };
        self.keep(frames);
    }

    /// Drops the oldest until there are at most so many, and not too many bytes.
    fn keep(&mut self, frames: usize) {
        while self.ring.len() > frames || self.bytes > VIDEO_BYTES {
            let Some(cut) = self.ring.pop_front() else { break };
            self.bytes -= size(&cut.payloads);
            self.first += 1;
        }
    }

    /// Forgets what is kept: nobody may start from it any more.
    pub(crate) fn clear(&mut self) {
        self.first = self.end();
        self.ring.clear();
        self.bytes = 0;
    }

    /// Count of the next packet to come.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.ring.len() as u64
    }

    pub(crate) fn get(&self, count: u64) -> Option<&Cut> {
        self.ring.get(usize::try_from(count.checked_sub(self.first)?).ok()?)
    }

    /// Count of the newest keyframe, where it and all behind it is kept.
    pub(crate) fn keyframe(&self) -> Option<u64> {
        self.keyframe.filter(|keyframe| *keyframe >= self.first)
    }

    /// When the newest packet was captured.
    pub(crate) fn newest(&self) -> Option<Time> {
        self.newest
    }

    /// How many payloads there are from `part` of packet `count` to the end.
    pub(crate) fn payloads_from(&self, count: u64, part: usize) -> u64 {
        self.get(count).map_or(0, |cut| self.payloads - cut.before - part as u64)
    }
}

fn size(payloads: &[Payload]) -> usize {
    payloads.iter().map(|p| p.bytes.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_just_before_a_keyframe_can_still_be_sent() {
        let mut track = Track::new(Codec::H264);
        for n in 0..100 {
            let keyframe = n % 50 == 0;
            track.push(&Packet {
                codec: Codec::H264,
                captured: Time::from_micros(n * 33_333),
                composition: Duration::ZERO,
                keyframe,
                data: [0, 0, 0, 2, if keyframe { 0x65 } else { 0x41 }, 0x88].to_vec().into(),
            });
            assert_eq!(track.keyframe(), Some(n / 50 * 50));
            assert!(track.get(n.saturating_sub(1)).is_some());
        }
        assert!(track.get(50 - BEFORE_KEYFRAME as u64).is_some());
        assert!(track.get(10).is_none(), "no more than that");
        track.clear();
        assert_eq!(track.keyframe(), None);
    }
}
