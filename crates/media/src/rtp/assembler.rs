//! RTP payloads → H.264 access units, in order, within bounds (RFC 6184 section 7).
//!
//! Packets may come late, twice or never. The assembler waits a bounded time for what is missing and then
//! gives up on the damaged access unit and on all that follow it up to the next keyframe: a decoder that is fed
//! with a hole shows smears, and the relay would hand them to every viewer.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use super::structure::{FU_A, FU_END, FU_START, STAP_A};
use crate::Time;
use crate::h264::{self, nal_type};

/// Packets held while one before them is missing: about half a second at 6 Mbit/s.
const MAX_HELD: usize = 400;
/// How long a missing packet is waited for: a few retransmission round trips. A viewer would rather skip.
const MAX_WAIT: Duration = Duration::from_millis(400);
/// Largest access unit, in bytes: a 4K intra frame at the highest quality stays below.
const MAX_UNIT: usize = 8 << 20;
/// A jump of the sequence beyond this is a new stream, not a gap.
const MAX_JUMP: u64 = 3_000;

/// One received RTP packet.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// Sequence number, extended past its 16 bits.
    pub seq: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: &'a [u8],
    /// From abs-capture-time, where the packet carries it.
    pub captured: Option<Time>,
}

/// One whole access unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessUnit {
    pub timestamp: u32,
    pub captured: Option<Time>,
    pub keyframe: bool,
    /// NAL units behind their lengths, as in [`Packet::data`](crate::Packet::data).
    pub data: Bytes,
}

struct Held {
    timestamp: u32,
    marker: bool,
    captured: Option<Time>,
    arrived: Time,
    payload: Vec<u8>,
}

/// Puts access units together.
#[derive(Default)]
pub struct Assembler {
    next: Option<u64>,
    held: BTreeMap<u64, Held>,
    unit: Unit,
    ready: VecDeque<AccessUnit>,
    /// Until a keyframe: nothing of use can be made of what comes.
    broken: bool,
    keyframe_wanted: bool,
}

/// The access unit that is being put together.
#[derive(Default)]
struct Unit {
    timestamp: Option<u32>,
    captured: Option<Time>,
    data: Vec<u8>,
    /// Where the length of the NAL unit that arrives in pieces stands.
    open: Option<usize>,
    damaged: bool,
}

impl Assembler {
    pub fn new() -> Self {
        Self { broken: true, ..Self::default() }
    }

    /// Takes one packet that arrived at `now`. Whole access units come out of [`pop`](Self::pop).
    pub fn push(&mut self, packet: Incoming<'_>, now: Time) {
        let next = *self.next.get_or_insert(packet.seq);
        if packet.seq.abs_diff(next) > MAX_JUMP {
            self.restart(packet.seq);
        } else if packet.seq < next {
            return;
        } else if packet.seq == next && self.held.is_empty() {
            // The ordinary case: nothing is missing, so nothing is copied but into the unit itself.
            self.next = Some(next + 1);
            self.take(packet.timestamp, packet.marker, packet.captured, packet.payload);
            return;
        }
        self.held.entry(packet.seq).or_insert_with(|| Held {
            timestamp: packet.timestamp,
            marker: packet.marker,
            captured: packet.captured,
            arrived: now,
            payload: packet.payload.to_vec(),
        });
        self.drain(now);
    }

    /// The next whole access unit.
    pub fn pop(&mut self) -> Option<AccessUnit> {
        self.ready.pop_front()
    }

    /// Whether a keyframe has to be asked for; asking is once for each loss.
    pub fn take_keyframe_wanted(&mut self) -> bool {
        std::mem::take(&mut self.keyframe_wanted)
    }

    fn restart(&mut self, seq: u64) {
        self.held.clear();
        self.unit = Unit::default();
        self.next = Some(seq);
        self.lose();
    }

    fn lose(&mut self) {
        self.unit.damaged = true;
        self.broken = true;
        self.keyframe_wanted = true;
    }

    fn drain(&mut self, now: Time) {
        while let Some(next) = self.next
            && let Some((&first, held)) = self.held.first_key_value()
        {
            if first != next {
                let waited = now.since(held.arrived) >= MAX_WAIT || self.held.len() > MAX_HELD;
                if !waited {
                    return;
                }
                self.lose();
            }
            if let Some(held) = self.held.remove(&first) {
                self.next = Some(first + 1);
                self.take(held.timestamp, held.marker, held.captured, &held.payload);
            }
        }
    }

    /// Takes the next packet in order.
    fn take(&mut self, timestamp: u32, marker: bool, captured: Option<Time>, payload: &[u8]) {
        if self.unit.timestamp.is_some_and(|open| open != timestamp) {
            // The marker was lost or never set: the new timestamp says that the old unit is over.
            self.finish();
        }
        self.unit.timestamp = Some(timestamp);
        self.unit.captured = self.unit.captured.or(captured);
        if !self.unit.add(payload) {
            self.lose();
        }
        if marker {
            self.finish();
        }
    }

    fn finish(&mut self) {
        let unit = std::mem::take(&mut self.unit);
        let Some(timestamp) = unit.timestamp else { return };
        let whole = !unit.damaged && unit.open.is_none() && !unit.data.is_empty();
        if !whole {
            if !unit.data.is_empty() || unit.damaged {
                self.broken = true;
                self.keyframe_wanted = true;
            }
            return;
        }
        let keyframe = h264::is_keyframe(&unit.data);
        if self.broken && !keyframe {
            // Of use only behind the keyframe that was asked for.
            self.keyframe_wanted = true;
            return;
        }
        self.broken = false;
        self.ready.push_back(AccessUnit {
            timestamp,
            captured: unit.captured,
            keyframe,
            data: unit.data.into(),
        });
    }
}

impl Unit {
    /// Adds a payload; false where it is not what RFC 6184 allows here.
    fn add(&mut self, payload: &[u8]) -> bool {
        if self.data.len() + payload.len() > MAX_UNIT {
            return false;
        }
        match h264::kind(payload) {
            // A packet without payload is padding.
            0 if payload.is_empty() => true,
            1..=23 => {
                self.open.is_none() && {
                    h264::push_nal(&mut self.data, payload);
                    true
                }
            }
            STAP_A => self.open.is_none() && self.aggregate(&payload[1..]),
            FU_A => self.fragment(payload),
            _ => false,
        }
    }

    fn aggregate(&mut self, mut rest: &[u8]) -> bool {
        while let Some((size, after)) = rest.split_first_chunk::<2>() {
            let size = usize::from(u16::from_be_bytes(*size));
            if size == 0 || size > after.len() {
                return false;
            }
            h264::push_nal(&mut self.data, &after[..size]);
            rest = &after[size..];
        }
        rest.is_empty()
    }

    fn fragment(&mut self, payload: &[u8]) -> bool {
        let [indicator, header, piece @ ..] = payload else {
            return false;
        };
        match (header & FU_START != 0, self.open) {
            (true, None) => {
                self.open = Some(self.data.len());
                self.data.extend_from_slice(&[0; h264::LENGTH]);
                self.data.push((indicator & 0xe0) | (header & 0x1f));
            }
            (false, Some(_)) => {}
            _ => return false,
        }
        self.data.extend_from_slice(piece);
        if header & FU_END != 0
            && let Some(at) = self.open.take()
        {
            let length = (self.data.len() - at - h264::LENGTH) as u32;
            self.data[at..at + h264::LENGTH].copy_from_slice(&length.to_be_bytes());
        }
        true
    }
}

impl AccessUnit {
    /// Whether the parameter sets are in it, as they must be in front of every IDR.
    pub fn has_parameter_sets(&self) -> bool {
        let has = |wanted| h264::nal_units(&self.data).any(|nal| h264::kind(nal) == wanted);
        has(nal_type::SPS) && has(nal_type::PPS)
    }
}
