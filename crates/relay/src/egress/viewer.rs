//! One viewer: which layer of the picture it gets, and what of it goes out next.
//!
//! A viewer that joins gets everything since the last keyframe at once, its timestamps squeezed to just
//! before the newest frame, so that a player shows it as a quick catch-up instead of a delay that stays.
//! A viewer that cannot take packets as fast as they come stays behind and then skips to the next keyframe.
//!
//! The layer is the viewer's own choice, or the best that its link carries. It changes at a keyframe of the other
//! layer, inside the same RTP stream, so nothing is negotiated. Going down, that keyframe is asked for at once: it is a
//! small one, and only those get it who are down there. Going up there is time to wait for one that comes anyway.

use std::time::{Duration, Instant};

use footlight_protocol::LayerId;
use str0m::Rtc;
use str0m::media::{Mid, Pt};
use str0m::rtp::RawPacket;
use str0m::rtp::rtcp::Rtcp;

use super::asking::Asking;
use super::choose::Chooser;
use super::line::Line;
use super::reports::Reports;
use crate::clock::Moment;
use crate::layers::Layers;
use crate::track::Track;

/// How long after it joined a viewer gets the last picture again where nothing is published. A page is ready in a
/// fraction of the first; the second is for slow phones.
const REPEATS: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1500)];
/// A new publisher's first picture was captured at most this long before it can be sent on.
const ON_ITS_WAY: Duration = Duration::from_millis(150);
/// A request for a keyframe within this of the join is answered by the keyframe that the join brought: players ask as
/// soon as they are connected, and go on asking where it did not arrive.
const BROUGHT: Duration = Duration::from_millis(500);
/// Packets that may leave at once: more would overrun a home router's queue.
const BURST: u32 = 160;
/// And how many more may follow every millisecond: 150 Mbit/s of full packets.
const PER_MILLISECOND: u32 = 16;
/// How long a viewer that may go up waits for a keyframe that nobody asked for: encoders send one every two seconds.
const COMES_ANYWAY: Duration = Duration::from_millis(2500);
/// The layer is thought over this often.
const THINK: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Viewer {
    video: Option<Line>,
    audio: Option<Line>,
    joined: Option<Instant>,
    /// How often the last picture was repeated since.
    repeated: usize,
    tokens: u32,
    filled: Instant,
    asking: Asking,
    /// The layer that it gets, and the one it is to get, since when.
    place: usize,
    aim: Option<(usize, Instant)>,
    /// What it chose by hand.
    picked: Option<LayerId>,
    chooser: Chooser,
    reports: Reports,
    /// There is a choice of layers.
    choice: bool,
    thought: Option<Instant>,
    /// Its requests for keyframes to go over at.
    turning: Asking,
}

/// What a pump did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pumped {
    pub(crate) wrote: bool,
    /// There is more, but it may not leave yet.
    pub(crate) behind: bool,
    /// It fell too far behind and waits for a keyframe now.
    pub(crate) skipped: bool,
    /// It went over to another layer.
    pub(crate) turned: bool,
    /// The layer of which it needs a keyframe to go over to it.
    pub(crate) wanted: Option<usize>,
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
            place: 0,
            aim: None,
            picked: None,
            chooser: Chooser::new(),
            reports: Reports::new(now),
            choice: false,
            thought: None,
            turning: Asking::default(),
        }
    }

    /// The viewer takes this track as payload type `pt` in media section `mid`.
    pub(crate) fn add(&mut self, rtc: &mut Rtc, video: bool, mid: Mid, pt: Pt) {
        let line = Line::new(rtc, mid, pt);
        if video {
            self.video = line;
        } else {
            self.audio = line;
        }
    }

    /// The layer that it gets.
    pub(crate) fn place(&self) -> usize {
        self.place
    }

    /// Chooses a layer by hand; none: by the link.
    pub(crate) fn pick(&mut self, layer: Option<LayerId>) {
        self.picked = layer;
        (self.thought, self.aim) = (None, None);
        self.turning = Asking::default();
    }

    /// Takes note of what went to the player, and of what it says of that.
    pub(crate) fn hear(&mut self, packet: RawPacket, now: Moment) {
        if !self.choice {
            return;
        }
        let micros = now.time.as_micros() as i64;
        match packet {
            RawPacket::RtpTx(header, bytes) => {
                if let Some(number) = header.ext_vals.transport_cc {
                    self.reports.sent(number, bytes.len(), micros);
                }
            }
            RawPacket::RtcpRx(Rtcp::Twcc(feedback)) => {
                let reports = self.reports.read(feedback);
                if !reports.is_empty() {
                    self.chooser.feedback(micros, reports);
                }
            }
            RawPacket::RtcpRx(Rtcp::ReceiverReport(report)) => {
                let worst = report.reports.iter().map(|block| block.fraction_lost).max();
                if let Some(lost) = worst {
                    self.chooser.lost(micros, f64::from(lost) / 256.0);
                }
            }
            _ => {}
        }
    }

    /// The connection stands: from now on packets are written. Says whether a keyframe is missing.
    pub(crate) fn join(&mut self, layers: &Layers, audio: &Track, now: Instant) -> bool {
        self.joined = Some(now);
        self.place = layers.best();
        let video = layers.track(self.place);
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

    /// Whether the viewer's request for a keyframe is passed on.
    pub(crate) fn may_ask(&mut self, now: Instant) -> bool {
        let fresh = self.joined.is_some_and(|joined| now.duration_since(joined) < BROUGHT);
        let brought = fresh && self.video.as_ref().is_some_and(|line| !line.waiting);
        !brought && self.asking.grant(now)
    }

    /// While nothing is published, gets everything since the last keyframe ready once more, some time after the
    /// viewer joined: a browser shows nothing of what it decodes before its page is ready, and no later frame would
    /// make up for it. Says whether there is something to write.
    pub(crate) fn repeat(&mut self, layers: &Layers, now: Moment) -> bool {
        let video = layers.track(self.place);
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

    /// Thinks over which layer it should get. Says whether that is another one than it gets.
    pub(crate) fn steer(&mut self, layers: &Layers, now: Moment) -> bool {
        let ladder = layers.ladder();
        self.choice = ladder.len() > 1;
        self.thought = Some(now.instant);
        // What a publisher that has just come sends is not known before all of its layers had time to arrive.
        let here = ladder.iter().any(|rung| rung.place == self.place);
        if ladder.is_empty() || self.joined.is_none() || !here && !layers.settled(now.instant) {
            self.aim = None;
            return false;
        }
        let by_hand = self.picked.as_ref().and_then(|name| layers.named(name.as_str()));
        let micros = now.time.as_micros() as i64;
        let wanted = by_hand.unwrap_or_else(|| self.chooser.choose(micros, self.place, ladder));
        self.aim = match self.aim {
            Some((aim, since)) if aim == wanted => Some((aim, since)),
            _ => Some((wanted, now.instant)),
        };
        self.aim = self.aim.filter(|(aim, _)| *aim != self.place);
        self.aim.is_some()
    }

    /// Writes what the viewer may have now, at most `room` packets.
    pub(crate) fn pump(
        &mut self,
        rtc: &mut Rtc,
        layers: &Layers,
        audio: &Track,
        now: Moment,
        room: usize,
    ) -> Pumped {
        let mut pumped = Pumped::default();
        if self.joined.is_none() {
            return pumped;
        }
        if self.thought.is_none_or(|thought| now.instant.duration_since(thought) >= THINK) {
            self.steer(layers, now);
        }
        self.refill(now.instant);
        let mut budget = (self.tokens as usize).min(room);
        let before = budget;
        // Sound first: it is small, and a gap in it is heard.
        if let Some(line) = &mut self.audio {
            line.pump(rtc, audio, now, &mut budget, 0, &mut pumped);
        }
        self.turn(layers, now, &mut pumped);
        if let Some(line) = &mut self.video {
            let micros = now.time.as_micros() as i64;
            let track = layers.track(self.place);
            let filler = if line.next.0 < track.end() { self.chooser.filler(micros) } else { 0 };
            line.pump(rtc, track, now, &mut budget, filler, &mut pumped);
            if pumped.skipped {
                self.chooser.overflowed(micros);
            }
        }
        self.tokens -= (before - budget) as u32;
        pumped
    }

    /// Goes over to the layer that it is to get, where that has a keyframe for it.
    fn turn(&mut self, layers: &Layers, now: Moment, pumped: &mut Pumped) {
        let (Some((aim, since)), Some(line)) = (self.aim, &mut self.video) else { return };
        let place_of = |place| layers.ladder().iter().position(|rung| rung.place == place);
        let up = place_of(self.place).is_some_and(|here| place_of(aim) < Some(here));
        if line.turn(layers.track(self.place), layers.track(aim)) {
            (self.place, self.aim) = (aim, None);
            self.turning = Asking::default();
            self.chooser.moved(now.time.as_micros() as i64, !up);
            pumped.turned = true;
            return;
        }
        let tried = self.picked.is_none() && self.chooser.has_heard_objections();
        let patient = up && tried && now.instant.duration_since(since) < COMES_ANYWAY;
        if !patient && self.turning.grant(now.instant) {
            pumped.wanted = Some(aim);
        }
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
