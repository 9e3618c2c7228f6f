//! Where one viewer stands in one track, and the RTP stream that carries it there.
//!
//! Sequence numbers and timestamps are the line's own and go on whatever feeds it: another publisher, another layer.

use std::sync::Arc;
use std::time::Duration;

use footlight_media::Time;
use footlight_media::h264::nal_type;
use footlight_media::rtp::MAX_PAYLOAD;
use str0m::Rtc;
use str0m::media::{MediaTime, Mid, Pt};
use str0m::rtp::{AbsCaptureTime, ExtensionValues, RtpWrite, Ssrc};

use super::viewer::Pumped;
use crate::clock::Moment;
use crate::track::{Cut, Track};

/// Payloads that a viewer may be behind. More ⇒ it skips to the next keyframe.
const BEHIND: u64 = 512;
/// Distance of the frames that a late joiner catches up on.
const CATCH_UP: Duration = Duration::from_millis(1);
/// Resends kept for this long: a NACK that comes later asks for a frame whose time has passed.
const RESEND: Duration = Duration::from_secs(1);
/// Packets that may be asked for again.
const RESENDS: usize = 1024;
/// Share of resent bytes beyond which resending stops: the path is full, not lossy.
const RESEND_SHARE: f32 = 0.4;
/// How much older than the last picture shown a keyframe may be that a viewer goes over to: what a keyframe takes from
/// a publisher on a narrow link. All that lies between follows at once, so no older picture stays.
const OLDER: Duration = Duration::from_millis(250);
/// Filler packets behind one picture: 10 Mbit/s at 30 pictures a second.
const FILLER: usize = 36;
/// Told times of one stream are at least this far apart: one tick of its clock.
const TICK: Duration = Duration::from_micros(21);

#[derive(Debug)]
pub(super) struct Line {
    pub(super) mid: Mid,
    pt: Pt,
    ssrc: Ssrc,
    rtx: Option<Ssrc>,
    /// str0m has the stream: from its first packet on.
    pub(super) declared: bool,
    seq: u64,
    /// Next packet of the track and payload within it.
    pub(super) next: (u64, usize),
    /// Nothing goes out until a keyframe that is not before `next`.
    pub(super) waiting: bool,
    /// Packets before this one are catch-up, told as captured just before `squeezed_to`.
    pub(super) live_from: u64,
    pub(super) squeezed_to: Time,
    /// When the newest packet that was sent was captured, and when the player was told that it was.
    shown: Option<Time>,
    told: Option<Time>,
    /// Filler packets of the picture that is being sent.
    filling: usize,
}

impl Line {
    /// The viewer takes this track as payload type `pt` in media section `mid`.
    pub(super) fn new(rtc: &mut Rtc, mid: Mid, pt: Pt) -> Option<Self> {
        let mut api = rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, None)?;
        let (ssrc, rtx) = (stream.ssrc(), stream.rtx());
        // A stream that has sent nothing reports timestamp 0 as now, and for sound that stands for five seconds:
        // a player would synchronise by it. Declared again with its first packet, it reports right behind that.
        api.remove_stream_tx(ssrc);
        Some(Self {
            mid,
            pt,
            ssrc,
            rtx,
            declared: false,
            seq: 1,
            next: (0, 0),
            waiting: true,
            live_from: 0,
            squeezed_to: Time::default(),
            shown: None,
            told: None,
            filling: 0,
        })
    }

    /// Goes over from the track it is in to the newest keyframe of another one, where that is possible now: between
    /// two pictures, and to none that is older than what was shown. Says whether it did.
    pub(super) fn turn(&mut self, from: &Track, to: &Track) -> bool {
        let within = self.next.1 > 0 && from.get(self.next.0).is_some();
        let Some((keyframe, newest)) = to.keyframe().zip(to.newest()) else { return false };
        let Some(cut) = to.get(keyframe) else { return false };
        let stale = self.shown.is_some_and(|shown| shown.since(cut.captured) > OLDER || newest < shown);
        if within || stale {
            return false;
        }
        self.next = (keyframe, 0);
        self.waiting = false;
        self.live_from = to.end();
        self.squeezed_to = newest;
        true
    }

    /// Writes what may be sent of `track`, at most `budget` packets, with `filler` bytes behind the newest picture.
    pub(super) fn pump(
        &mut self,
        rtc: &mut Rtc,
        track: &Track,
        now: Moment,
        budget: &mut usize,
        filler: usize,
        pumped: &mut Pumped,
    ) {
        let video = track.codec().is_video();
        let end = track.end();
        let (mut count, mut part) = self.next;
        // What was next is no longer kept.
        self.waiting |= count < end && track.get(count).is_none();
        if self.waiting {
            let restart =
                if video { track.keyframe().filter(|keyframe| *keyframe >= count) } else { Some(end) };
            let Some(restart) = restart else { return };
            (count, part) = (restart, 0);
            self.waiting = false;
        } else if part == 0 && count >= self.live_from && track.payloads_from(count, part) > BEHIND {
            let near = |keyframe: &u64| *keyframe > count && track.payloads_from(*keyframe, 0) <= BEHIND;
            let Some(keyframe) = track.keyframe().filter(near) else {
                self.next = (end, 0);
                self.waiting = video;
                pumped.skipped = true;
                return;
            };
            count = keyframe;
        }
        if count == end {
            self.next = (count, part);
            return;
        }
        let mut api = rtc.direct_api();
        if !self.declared {
            let stream = api.declare_stream_tx(self.ssrc, self.rtx, self.mid, None);
            if video {
                stream.set_rtx_cache(RESENDS, RESEND, Some(RESEND_SHARE));
            }
            self.declared = true;
        }
        let Some(stream) = api.stream_tx(&self.ssrc) else {
            return;
        };
        while let Some(cut) = track.get(count) {
            let told = self.tell(cut, count, part);
            let rtp = told.to_rtp(track.codec().clock_rate());
            let instant = now.instant_of(told);
            // Filler ends the picture it rides on, so its last real packet does not.
            if part == 0 {
                self.filling = if count + 1 == end { filler.div_ceil(MAX_PAYLOAD).min(FILLER) } else { 0 };
            }
            let more = self.filling;
            let fillers = std::iter::repeat_with(fill).take(more);
            let last = cut.payloads.len() + more - 1;
            let payloads = cut.payloads.iter().map(|payload| (payload.bytes.clone(), payload.marker));
            let all = payloads.chain(fillers.map(|bytes| (bytes, true))).enumerate();
            for (place, (bytes, marker)) in all.skip(part) {
                if *budget == 0 {
                    self.next = (count, part);
                    pumped.behind = true;
                    return;
                }
                *budget -= 1;
                let write = RtpWrite::new(self.pt, self.seq.into(), rtp, instant, bytes)
                    .marker(marker && (place == last || more == 0))
                    .nackable(video)
                    .ext_vals(extensions(cut, video));
                stream.write_rtp(write);
                self.seq += 1;
                part += 1;
                pumped.wrote = true;
            }
            count += 1;
            part = 0;
        }
        self.next = (count, 0);
    }

    /// When the player is told that the packet was captured: later than all that it was told before.
    fn tell(&mut self, cut: &Cut, count: u64, part: usize) -> Time {
        if let Some(told) = self.told.filter(|_| part > 0) {
            return told;
        }
        let squeezed = count.checked_add(1).filter(|_| count < self.live_from).map(|next| {
            let steps = u32::try_from(self.live_from - next).unwrap_or(u32::MAX);
            self.squeezed_to - CATCH_UP.saturating_mul(steps)
        });
        let told = squeezed.map_or(cut.captured, |squeezed| squeezed.max(cut.captured));
        let told = self.told.map_or(told, |before| told.max(before + TICK));
        self.told = Some(told);
        self.shown = self.shown.max(Some(cut.captured));
        told
    }
}

/// A filler data NAL unit (ITU-T H.264 section 7.3.2.7), which decoders skip.
fn fill() -> Arc<[u8]> {
    let mut nal = [0xff; MAX_PAYLOAD];
    (nal[0], nal[MAX_PAYLOAD - 1]) = (nal_type::FILLER, 0x80);
    Arc::from(&nal[..])
}

fn extensions(cut: &Cut, video: bool) -> ExtensionValues {
    let captured = std::time::UNIX_EPOCH + Duration::from_micros(cut.captured.as_micros());
    let mut values = ExtensionValues {
        abs_capture_time: Some(AbsCaptureTime { capture_time: captured, clock_offset: None }),
        ..ExtensionValues::default()
    };
    if video {
        // Show each frame as soon as it is decoded.
        values.play_delay_min = Some(MediaTime::ZERO);
        values.play_delay_max = Some(MediaTime::ZERO);
    }
    values
}
