//! What arrives on a publisher's connection, turned into the room's packets.
//!
//! RTP becomes access units, access units get their capture time on the relay's clock and become packets.
//! Keyframe requests of all viewers become at most one to the publisher per [`ASK_EVERY`].

use std::time::{Duration, Instant};

use bytes::Bytes;
use footlight_media::rtp::{Assembler, Incoming};
use footlight_media::{Codec, Packet, Time};
use str0m::media::KeyframeRequestKind;
use str0m::rtp::{RtpPacket, Ssrc};

use super::align::{Align, Onward, Stamps};
use crate::clock::Moment;

/// A keyframe costs the publisher ten ordinary frames; those who ask within this share one.
const ASK_EVERY: Duration = Duration::from_millis(300);
/// A publisher that is connected but sends nothing for this long is interrupted. Sound comes fifty times a
/// second, so it is no hiccup; and a page whose picture stands for a second asks whose fault it is.
const SILENCE: Duration = Duration::from_millis(700);

/// One publisher's media.
pub(crate) struct Publisher {
    video: Assembler,
    align: Align,
    onward: Onward,
    video_stamps: Stamps,
    audio_stamps: Stamps,
    audio_seq: Option<u64>,
    /// The newest sender report of each stream: RTP timestamp and the publisher's time, unshifted.
    video_report: Option<(u32, Time)>,
    audio_report: Option<(u32, Time)>,
    video_ssrc: Option<Ssrc>,
    pulse: Pulse,
    wanted: bool,
    asked: Option<Instant>,
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
            video: Assembler::new(),
            align: Align::default(),
            onward: Onward::default(),
            video_stamps: Stamps::new(Codec::H264.clock_rate()),
            audio_stamps: Stamps::new(Codec::Opus.clock_rate()),
            audio_seq: None,
            video_report: None,
            audio_report: None,
            video_ssrc: None,
            pulse: Pulse::new(now),
            wanted: false,
            asked: None,
        }
    }

    /// Takes one RTP packet; what it completes is appended to `out`.
    pub(crate) fn receive(&mut self, packet: &RtpPacket, codec: Codec, now: Moment, out: &mut Vec<Packet>) {
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
                self.video_ssrc = Some(packet.header.ssrc);
                self.video_report = report.or(self.video_report);
                let incoming = Incoming {
                    seq: *packet.seq_no,
                    timestamp: packet.header.timestamp,
                    marker: packet.header.marker,
                    payload: &packet.payload,
                    captured,
                };
                self.video.push(incoming, now.time);
                while let Some(unit) = self.video.pop() {
                    let captured = self.place(codec, unit.timestamp, unit.captured, now.time);
                    let captured = self.onward.keep(unit.timestamp, captured);
                    self.wanted &= !unit.keyframe;
                    let (keyframe, data) = (unit.keyframe, unit.data);
                    out.push(Packet { codec, captured, composition: Duration::ZERO, keyframe, data });
                }
                self.wanted |= self.video.take_keyframe_wanted();
            }
            Codec::Opus => {
                self.audio_report = report.or(self.audio_report);
                // Opus hides a lost packet better than a late one.
                let late = self.audio_seq.is_some_and(|newest| *packet.seq_no <= newest);
                if late || packet.payload.is_empty() {
                    return;
                }
                self.audio_seq = Some(*packet.seq_no);
                let captured = self.place(codec, packet.header.timestamp, captured, now.time);
                out.push(Packet {
                    codec,
                    captured,
                    composition: Duration::ZERO,
                    keyframe: true,
                    data: Bytes::copy_from_slice(&packet.payload),
                });
            }
            // Not offered to publishers over RTP.
            Codec::Hevc | Codec::Av1 | Codec::Aac => {}
        }
    }

    fn place(&mut self, codec: Codec, timestamp: u32, captured: Option<Time>, arrived: Time) -> Time {
        if let Some(captured) = captured {
            return self.align.place(captured, arrived);
        }
        let (stamps, report) = if codec.is_video() {
            (&mut self.video_stamps, self.video_report)
        } else {
            (&mut self.audio_stamps, self.audio_report)
        };
        match report {
            Some((at, reported)) => self.align.place(stamps.by_report(timestamp, at, reported), arrived),
            None => stamps.by_arrival(timestamp, arrived),
        }
    }

    /// Whether packets began or ceased to flow since the last call.
    pub(crate) fn flow(&mut self, now: Instant, delivered: bool) -> Option<Flow> {
        self.pulse.flow(now, delivered)
    }

    /// A viewer cannot go on without a keyframe.
    pub(crate) fn want_keyframe(&mut self) {
        self.wanted = true;
    }

    /// Asks the publisher for a keyframe if one is wanted and the last request is long enough ago.
    pub(crate) fn ask(&mut self, rtc: &mut str0m::Rtc, now: Instant) -> bool {
        let recently = self.asked.is_some_and(|asked| now.duration_since(asked) < ASK_EVERY);
        if !self.wanted || recently {
            return false;
        }
        let Some(ssrc) = self.video_ssrc else { return false };
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_rx(&ssrc) else {
            return false;
        };
        stream.request_keyframe(KeyframeRequestKind::Pli);
        // Stays wanted until a keyframe comes: the request, or the keyframe, may be lost.
        self.asked = Some(now);
        true
    }
}
