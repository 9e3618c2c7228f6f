//! One viewer's place in the room's tracks, and what goes to it next.
//!
//! A viewer that joins gets everything since the last keyframe at once, its timestamps squeezed to just
//! before the newest frame, so that a player shows it as a quick catch-up instead of a delay that stays.
//! A viewer that cannot take packets as fast as they come stays behind and then skips to the next keyframe.

use std::time::{Duration, Instant};

use footlight_media::Time;
use str0m::Rtc;
use str0m::media::{MediaTime, Mid, Pt};
use str0m::rtp::{AbsCaptureTime, ExtensionValues, RtpWrite, Ssrc};

use super::asking::Asking;
use crate::clock::Moment;
use crate::track::{Cut, Track};

/// Payloads that a viewer may be behind. More ⇒ it skips to the next keyframe.
const BEHIND: u64 = 512;
/// Distance of the frames that a late joiner catches up on.
const CATCH_UP: Duration = Duration::from_millis(1);
/// How long after it joined a viewer gets the last picture again where nothing is published. A page is ready in a
/// fraction of the first; the second is for slow phones.
const REPEATS: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1500)];
/// A new publisher's first picture was captured at most this long before it can be sent on.
const ON_ITS_WAY: Duration = Duration::from_millis(150);
/// Packets that may leave at once: more would overrun a home router's queue.
const BURST: u32 = 160;
/// And how many more may follow every millisecond: 150 Mbit/s of full packets.
const PER_MILLISECOND: u32 = 16;
/// Resends kept for this long: a NACK that comes later asks for a frame whose time has passed.
const RESEND: Duration = Duration::from_secs(1);
/// Packets that may be asked for again.
const RESENDS: usize = 1024;
/// Share of resent bytes beyond which resending stops: the path is full, not lossy.
const RESEND_SHARE: f32 = 0.4;

/// Where the viewer stands in one track, and the RTP stream that carries it there.
#[derive(Debug)]
struct Line {
    mid: Mid,
    pt: Pt,
    ssrc: Ssrc,
    rtx: Option<Ssrc>,
    /// str0m has the stream: from its first packet on.
    declared: bool,
    seq: u64,
    /// Next packet of the track and payload within it.
    next: (u64, usize),
    /// Nothing goes out until a keyframe that is not before `next`.
    waiting: bool,
    /// Packets before this one are catch-up, told as captured just before `squeezed_to`.
    live_from: u64,
    squeezed_to: Time,
}

#[derive(Debug)]
pub(crate) struct Viewer {
    video: Option<Line>,
    audio: Option<Line>,
    joined: Option<Instant>,
    /// How often the last picture was repeated since.
    repeated: usize,
    tokens: u32,
    filled: Instant,
    pub(crate) asking: Asking,
}

/// What a pump did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pumped {
    pub(crate) wrote: bool,
    /// There is more, but it may not leave yet.
    pub(crate) behind: bool,
    /// It fell too far behind and waits for a keyframe now.
    pub(crate) skipped: bool,
}

impl Viewer {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            video: None,
            audio: None,
            joined: None,
            repeated: 0,
            tokens: BURST,
            filled: now,
            asking: Asking::default(),
        }
    }

    /// The viewer takes this track as payload type `pt` in media section `mid`.
    pub(crate) fn add(&mut self, rtc: &mut Rtc, video: bool, mid: Mid, pt: Pt) {
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else {
            return;
        };
        let (ssrc, rtx) = (stream.ssrc(), stream.rtx());
        // A stream that has sent nothing reports timestamp 0 as now, and for sound that stands for five seconds:
        // a player would synchronise by it. Declared again with its first packet, it reports right behind that.
        api.remove_stream_tx(ssrc);
        let line = Line {
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
        };
        if video {
            self.video = Some(line);
        } else {
            self.audio = Some(line);
        }
    }

    /// The connection stands: from now on packets are written. Says whether a keyframe is missing.
    pub(crate) fn join(&mut self, video: &Track, audio: &Track, now: Instant) -> bool {
        self.joined = Some(now);
        if let Some(line) = &mut self.audio {
            // Sound that is over is never sent: nothing to catch up on, and nothing twice.
            line.next = (audio.end(), 0);
            line.waiting = false;
            line.live_from = audio.end();
        }
        let Some(line) = &mut self.video else { return false };
        line.live_from = video.end();
        line.squeezed_to = video.newest().unwrap_or_default();
        line.waiting = video.keyframe().is_none();
        line.next = (video.keyframe().unwrap_or(video.end()), 0);
        line.waiting
    }

    /// While nothing is published, gets everything since the last keyframe ready once more, some time after the
    /// viewer joined: a browser shows nothing of what it decodes before its page is ready, and no later frame would
    /// make up for it. Says whether there is something to write.
    pub(crate) fn repeat(&mut self, video: &Track, now: Moment) -> bool {
        let (Some(joined), Some(line)) = (self.joined, &mut self.video) else { return false };
        let Some(after) = REPEATS.get(self.repeated) else { return false };
        if video.end() != line.live_from {
            self.repeated = REPEATS.len();
            return false;
        }
        let sent = !line.waiting && line.next == (video.end(), 0);
        let (Some(keyframe), Some(newest)) = (video.keyframe(), video.newest()) else { return false };
        if !sent || now.instant.duration_since(joined) < *after {
            return false;
        }
        self.repeated += 1;
        line.next = (keyframe, 0);
        // Later than what was told before, and earlier than what may come at any moment.
        line.squeezed_to = (now.time - ON_ITS_WAY).max(newest);
        true
    }

    /// Writes what the viewer may have now, at most `room` packets.
    pub(crate) fn pump(
        &mut self,
        rtc: &mut Rtc,
        video: &Track,
        audio: &Track,
        now: Moment,
        room: usize,
    ) -> Pumped {
        let mut pumped = Pumped::default();
        if self.joined.is_none() {
            return pumped;
        }
        self.refill(now.instant);
        let mut budget = (self.tokens as usize).min(room);
        let before = budget;
        // Sound first: it is small, and a gap in it is heard.
        if let Some(line) = &mut self.audio {
            line.pump(rtc, audio, now, &mut budget, &mut pumped);
        }
        if let Some(line) = &mut self.video {
            line.pump(rtc, video, now, &mut budget, &mut pumped);
        }
        self.tokens -= (before - budget) as u32;
        pumped
    }

    /// str0m declares a stream for every sending section when it takes an offer, a restart of ICE included. Those
    /// that have sent nothing wait for their first packet, as from the beginning.
    pub(crate) fn restarted(&self, rtc: &mut Rtc) {
        let mut api = rtc.direct_api();
        let silent = [&self.video, &self.audio].into_iter().flatten().filter(|line| !line.declared);
        for line in silent {
            if let Some(ssrc) = api.stream_tx_by_mid(line.mid, None).map(|stream| stream.ssrc()) {
                api.remove_stream_tx(ssrc);
            }
        }
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.duration_since(self.filled).as_millis();
        if passed > 0 {
            let more = u32::try_from(passed).unwrap_or(u32::MAX).saturating_mul(PER_MILLISECOND);
            self.tokens = self.tokens.saturating_add(more).min(BURST);
            self.filled = now;
        }
    }
}

impl Line {
    fn pump(&mut self, rtc: &mut Rtc, track: &Track, now: Moment, budget: &mut usize, pumped: &mut Pumped) {
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
            let told = self.told(cut, count);
            for payload in &cut.payloads[part.min(cut.payloads.len())..] {
                if *budget == 0 {
                    self.next = (count, part);
                    pumped.behind = true;
                    return;
                }
                *budget -= 1;
                let rtp = told.to_rtp(track.codec().clock_rate());
                let write =
                    RtpWrite::new(self.pt, self.seq.into(), rtp, now.instant_of(told), payload.bytes.clone())
                        .marker(payload.marker)
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

    /// When the player is told that the packet was captured.
    fn told(&self, cut: &Cut, count: u64) -> Time {
        if count >= self.live_from {
            return cut.captured;
        }
        let steps = u32::try_from(self.live_from - 1 - count).unwrap_or(u32::MAX);
        cut.captured.max(self.squeezed_to - CATCH_UP.saturating_mul(steps))
    }
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
