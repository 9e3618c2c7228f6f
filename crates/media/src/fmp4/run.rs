//! The packets of one track in one format, on their way into fragments.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::Format;
use crate::{Codec, Packet, Time, aac, av1, h264, hevc};

/// How far a packet of sound may be from where the one before it ends and still be joined to it. Capture times
/// are rounded on their way (RTMP has milliseconds) and drift against the sampling clock; players click on
/// every gap or overlap. 15 ms cannot be seen as a step between sound and picture.
const JOIN: Duration = Duration::from_millis(15);
/// Frames a second that are assumed of a single frame.
const FRAME_RATE: u32 = 30;

/// One access unit as it goes into a fragment. Times are in ticks of the track.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) decoding: u64,
    /// Presentation minus decoding.
    pub(super) composition: i32,
    pub(super) duration: u32,
    pub(super) keyframe: bool,
    captured: Time,
    pub(super) data: Bytes,
}

/// Packets of one track in one format that wait for the next fragment. How long one is shown is known when the
/// next one comes, so the newest is held back until then.
#[derive(Debug)]
pub struct Run {
    format: Format,
    origin: Time,
    pub(super) ready: VecDeque<Sample>,
    open: Option<Sample>,
    /// Where the next sample may begin at the earliest, and how long the last one was.
    end: u64,
    last: u32,
}

impl Run {
    /// An empty run. `origin` is zero on the time line of the fragments; packets from before it are shown at zero.
    pub fn new(format: Format, origin: Time) -> Self {
        let last = match format.codec {
            Codec::Aac => aac::SAMPLES,
            _ => format.timescale / FRAME_RATE,
        };
        Self { format, origin, ready: VecDeque::new(), open: None, end: 0, last }
    }

    pub fn format(&self) -> &Format {
        &self.format
    }

    /// Takes the next packet in decoding order, which must be of this format. One that holds nothing is left out.
    pub fn push(&mut self, packet: &Packet) {
        let data = payload(packet);
        if data.is_empty() {
            return;
        }
        let mut decoding = self.ticks(packet.decoded());
        if let Some(open) = &self.open {
            let joined = open.decoding + u64::from(self.last);
            let tolerance = JOIN.as_micros() as u64 * u64::from(self.format.timescale) / 1_000_000;
            if self.format.codec == Codec::Aac && decoding.abs_diff(joined) <= tolerance {
                decoding = joined;
            }
        }
        // Time neither stands still nor goes back.
        decoding = decoding.max(self.open.as_ref().map_or(self.end, |open| open.decoding + 1));
        self.close(decoding);
        let shown = self.ticks(packet.captured);
        let composition = if packet.composition.is_zero() { 0 } else { shown as i64 - decoding as i64 };
        self.open = Some(Sample {
            decoding,
            composition: i32::try_from(composition).unwrap_or(0),
            duration: 0,
            keyframe: packet.keyframe,
            captured: packet.captured,
            data,
        });
    }

    /// Completes the newest packet: nothing follows it without a break. It is shown as long as the one before it.
    pub fn finish(&mut self) {
        if let Some(open) = &self.open {
            self.close(open.decoding + u64::from(self.last));
        }
    }

    /// How many packets wait that are complete.
    pub fn len(&self) -> usize {
        self.ready.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Bytes of the complete packets.
    pub fn bytes(&self) -> usize {
        self.ready.iter().map(|sample| sample.data.len()).sum()
    }

    /// How long the complete packets are shown together.
    pub fn duration(&self) -> Duration {
        let (Some(first), Some(last)) = (self.ready.front(), self.ready.back()) else {
            return Duration::ZERO;
        };
        self.span(last.decoding + u64::from(last.duration) - first.decoding)
    }

    /// When the first complete packet was captured.
    pub fn begins(&self) -> Option<Time> {
        self.ready.front().map(|sample| sample.captured)
    }

    /// Whether the first complete packet can be decoded without an earlier one.
    pub fn starts_with_keyframe(&self) -> bool {
        self.ready.front().is_some_and(|sample| sample.keyframe)
    }

    /// Gives the newest packet its duration.
    fn close(&mut self, next: u64) {
        if let Some(mut open) = self.open.take() {
            open.duration = u32::try_from(next - open.decoding).unwrap_or(u32::MAX);
            // A pause is not how long frames are.
            let second = self.format.timescale;
            if self.format.codec != Codec::Aac {
                self.last = open.duration.clamp(1, second);
            }
            self.end = open.decoding + u64::from(open.duration);
            self.ready.push_back(open);
        }
    }

    fn ticks(&self, time: Time) -> u64 {
        let micros = time.as_micros().saturating_sub(self.origin.as_micros());
        ((u128::from(micros) * u128::from(self.format.timescale) + 500_000) / 1_000_000) as u64
    }

    fn span(&self, ticks: u64) -> Duration {
        Duration::from_micros((u128::from(ticks) * 1_000_000 / u128::from(self.format.timescale)) as u64)
    }
}

/// What of a packet goes into a container that tells its format apart from the samples: not the parameter sets, delimiters and headers that the format already
/// tells. They stand in front, so the rest is shared, not copied, unless a publisher mixes them.
pub fn payload(packet: &Packet) -> Bytes {
    let data = &packet.data;
    match packet.codec {
        Codec::H264 => without(data, |nal| {
            use h264::nal_type::{AUD, FILLER, PPS, SPS};
            matches!(h264::kind(nal), SPS | PPS | AUD | FILLER)
        }),
        Codec::Hevc => without(data, |nal| {
            use hevc::nal_type::{AUD, FILLER, PPS, SPS, VPS};
            matches!(hevc::kind(nal), VPS | SPS | PPS | AUD | FILLER)
        }),
        Codec::Av1 => {
            let delimiter =
                av1::obus(data).next().filter(|obu| obu.kind == av1::obu_type::TEMPORAL_DELIMITER);
            data.slice(delimiter.map_or(0, |obu| obu.whole.len())..)
        }
        Codec::Aac => aac::split(data).map_or_else(Bytes::new, |(_, raw)| data.slice_ref(raw)),
        Codec::Opus => data.clone(),
    }
}

/// The NAL units that `left_out` does not name.
fn without(data: &Bytes, left_out: impl Fn(&[u8]) -> bool) -> Bytes {
    let unwanted = |nal: &&[u8]| nal.is_empty() || left_out(nal);
    let front: usize = h264::nal_units(data).take_while(unwanted).map(|nal| h264::LENGTH + nal.len()).sum();
    let rest = data.slice(front..);
    if !h264::nal_units(&rest).any(|nal| unwanted(&nal)) {
        return rest;
    }
    let mut kept = Vec::with_capacity(rest.len());
    h264::nal_units(&rest).filter(|nal| !unwanted(nal)).for_each(|nal| h264::push_nal(&mut kept, nal));
    kept.into()
}
