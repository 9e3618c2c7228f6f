//! What arrives on a publisher's connection, turned into the room's packets.
//!
//! RTP becomes access units, access units get their capture time on the relay's clock and become packets. Each layer of
//! the picture (simulcast, RFC 8853) is a stream of its own, known by its RTP stream id (RFC 8852); they share the clock
//! that is learned, so that a picture has the same time in all of them. Keyframe requests of all viewers of a layer become
//! at most one to the publisher per [`ASK_EVERY`].

use std::time::{Duration, Instant};

use bytes::Bytes;
use footlight_media::rtp::{Assembler, Incoming};
use footlight_media::{Codec, Packet, Time};
use str0m::media::{KeyframeRequestKind, Rid};
use str0m::rtp::{RtpPacket, Ssrc};

use super::align::{Clocks, Timing};
use crate::clock::Moment;
use crate::layers::MOST;

/// A keyframe costs the publisher ten ordinary frames; those who ask within this share one.
const ASK_EVERY: Duration = Duration::from_millis(300);
/// A publisher that is connected but sends nothing for this long is interrupted. Sound comes fifty times a
/// second, so it is no hiccup; and a page whose picture stands for a second asks whose fault it is.
const SILENCE: Duration = Duration::from_millis(700);

/// A packet of a room's source.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// Which layer of the picture it is of, where there are several.
    pub(crate) layer: Option<Rid>,
    pub(crate) packet: Packet,
}

/// One publisher's media.
pub(crate) struct Publisher {
    /// One a layer.
    pictures: Vec<Pictures>,
    clocks: Clocks,
    audio: Timing,
    audio_seq: Option<u64>,
    pulse: Pulse,
}

/// One layer of the picture.
struct Pictures {
    rid: Option<Rid>,
    ssrc: Ssrc,
    assembler: Assembler,
    timing: Timing,
    wanted: bool,
    asked: Option<Instant>,
}

impl Pictures {
    fn new(rid: Option<Rid>, ssrc: Ssrc) -> Self {
        Self {
            rid,
            ssrc,
            assembler: Assembler::new(),
            timing: Timing::new(Codec::H264.clock_rate()),
            wanted: false,
            asked: None,
        }
    }
}

/// How the publisher's flow changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Began,
    Ceased,
}

/// Tells a publisher that sends from one that is only connected.
#[derive(Debug)]
pub(crate) struct Pulse {
    pub(crate) heard: Instant,
    flowing: bool,
}

impl Pulse {
    pub(crate) fn new(now: Instant) -> Self {
        Self { heard: now, flowing: false }
    }

    /// Whether packets began or ceased to flow since the last call.
    pub(crate) fn flow(&mut self, now: Instant, delivered: bool) -> Option<Flow> {
        let silent = now.duration_since(self.heard) > SILENCE;
        match (self.flowing, delivered, silent) {
            (false, true, _) => {
                self.flowing = true;
                Some(Flow::Began)
            }
            (true, false, true) => {
                self.flowing = false;
                Some(Flow::Ceased)
            }
            _ => None,
        }
    }
}

impl Publisher {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            pictures: Vec::new(),
            clocks: Clocks::default(),
            audio: Timing::new(Codec::Opus.clock_rate()),
            audio_seq: None,
            pulse: Pulse::new(now),
        }
    }

    /// Takes one RTP packet, of the layer `rid` where it is of one; what it completes is appended to `out`.
    pub(crate) fn receive(
        &mut self,
        packet: &RtpPacket,
        codec: Codec,
        rid: Option<Rid>,
        now: Moment,
        out: &mut Vec<Delivery>,
    ) {
        self.pulse.heard = now.instant;
        let captured = packet.header.ext_vals.abs_capture_time.and_then(|stamp| {
            let since = stamp.capture_time.duration_since(std::time::UNIX_EPOCH).ok()?;
            // Rounded: the fraction of an NTP stamp hits no microsecond exactly.
            Some(Time::from_micros(((since.as_nanos() + 500) / 1000) as u64))
        });
        let report = packet.last_sender_info.as_ref().and_then(|info| {
            let at = info.ntp_time.duration_since(std::time::UNIX_EPOCH).ok()?;
            Some((info.rtp_time.numer() as u32, Time::from_micros(at.as_micros() as u64)))
        });
        match codec {
            Codec::H264 => {
                let Some(pictures) = pictures(&mut self.pictures, rid, packet.header.ssrc) else {
                    return;
                };
                pictures.timing.hear(report);
                let incoming = Incoming {
                    seq: *packet.seq_no,
                    timestamp: packet.header.timestamp,
                    marker: packet.header.marker,
                    payload: &packet.payload,
                    captured,
                };
                pictures.assembler.push(incoming, now.time);
                while let Some(unit) = pictures.assembler.pop() {
                    let timing = &mut pictures.timing;
                    let captured = timing.place(&mut self.clocks, unit.timestamp, unit.captured, now.time);
                    pictures.wanted &= !unit.keyframe;
                    let (keyframe, data) = (unit.keyframe, unit.data);
                    let packet = Packet { codec, captured, composition: Duration::ZERO, keyframe, data };
                    out.push(Delivery { layer: rid, packet });
                }
                pictures.wanted |= pictures.assembler.take_keyframe_wanted();
            }
            Codec::Opus => {
                self.audio.hear(report);
                // Opus hides a lost packet better than a late one.
                let late = self.audio_seq.is_some_and(|newest| *packet.seq_no <= newest);
                if late || packet.payload.is_empty() {
                    return;
                }
                self.audio_seq = Some(*packet.seq_no);
                let timestamp = packet.header.timestamp;
                let captured = self.audio.place(&mut self.clocks, timestamp, captured, now.time);
                let packet = Packet {
                    codec,
                    captured,
                    composition: Duration::ZERO,
                    keyframe: true,
                    data: Bytes::copy_from_slice(&packet.payload),
                };
                out.push(Delivery { layer: None, packet });
            }
            // Not offered to publishers over RTP.
            Codec::Hevc | Codec::Av1 | Codec::Aac => {}
        }
    }

    /// Whether packets began or ceased to flow since the last call.
    pub(crate) fn flow(&mut self, now: Instant, delivered: bool) -> Option<Flow> {
        self.pulse.flow(now, delivered)
    }

    /// Somebody cannot go on without a keyframe of the layer, or go over to it.
    pub(crate) fn want_keyframe(&mut self, layer: Option<Rid>) {
        let its = self.pictures.iter_mut().find(|pictures| pictures.rid == layer);
        if let Some(pictures) = its {
            pictures.wanted = true;
        }
    }

    /// Asks the publisher for the keyframes that are wanted and whose last request is long enough ago; says for how
    /// many.
    pub(crate) fn ask(&mut self, rtc: &mut str0m::Rtc, now: Instant) -> u64 {
        let mut asked = 0;
        for pictures in &mut self.pictures {
            let recently = pictures.asked.is_some_and(|asked| now.duration_since(asked) < ASK_EVERY);
            if !pictures.wanted || recently {
                continue;
            }
            let mut api = rtc.direct_api();
            let Some(stream) = api.stream_rx(&pictures.ssrc) else { continue };
            stream.request_keyframe(KeyframeRequestKind::Pli);
            // Stays wanted until a keyframe comes: the request, or the keyframe, may be lost.
            pictures.asked = Some(now);
            asked += 1;
        }
        asked
    }
}

/// The layer's pictures; none where the publisher has more layers than are carried.
fn pictures(all: &mut Vec<Pictures>, rid: Option<Rid>, ssrc: Ssrc) -> Option<&mut Pictures> {
    let place = match all.iter().position(|pictures| pictures.rid == rid) {
        Some(place) => place,
        None if all.len() < MOST => {
            all.push(Pictures::new(rid, ssrc));
            all.len() - 1
        }
        None => return None,
    };
    let pictures = all.get_mut(place)?;
    pictures.ssrc = ssrc;
    Some(pictures)
}
