//! The stage: the thread that turns frames into the scene, the scene into the preview and, on air, into packets.
//!
//! A frame that arrives is composed and encoded at once, without waiting for a tick. Only when the source stalls
//! for more than 1.5 frame times does a deadline repeat the last picture or show a card. Where no camera is shown but
//! other live sources are, the broadcast's own pace makes the frames.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use footlight_codec::lower;
use footlight_codec::spare::{Glance, Spare};
use footlight_media::{Frame, Picture, PicturePool, Time};
use footlight_protocol::room::Layer;
use footlight_protocol::studio::{Eased, Held, LayerLimit, Layers, SourceState, Strain, StudioEvent};
use tokio::sync::watch;

use crate::Clock;
use crate::adapt::{self, Adapt, Rung};
use crate::air::{self, Air};
use crate::desk::Desk;
use crate::encode::h264::{self, Config};
use crate::finder::Looks;
use crate::health::Gauge;
use crate::lower::Lower;
use crate::scene::{self, Card, Composer, Fader, Gallery};
use crate::source::Slot;
use crate::source::slot::Taken;
use crate::worker::Stop;

/// Requested keyframes are at least this far apart: viewers who join together share one.
const KEYFRAME_GAP: Duration = Duration::from_millis(200);
/// Share of the bitrate that was asked for below which the line is too narrow for lower layers beside the picture.
const NARROW: (u32, u32) = (9, 10);
/// The thread looks whether it shall stop at least this often.
const GLANCE: Duration = Duration::from_millis(100);

pub(crate) struct Stage {
    pub(crate) slot: Arc<Slot>,
    pub(crate) air: Arc<Air>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) clock: Clock,
    pub(crate) gauge: Arc<Gauge>,
    /// What is worked on, and what viewers get.
    pub(crate) preview: watch::Sender<Option<Frame>>,
    pub(crate) program: watch::Sender<Option<Frame>>,
    /// At either of them.
    pub(crate) looks: Arc<Looks>,
    pub(crate) video: h264::Config,
    pub(crate) lower: Lower,
    pub(crate) gallery: Gallery,
    pub(crate) layers: LayerLimit,
    /// Size and frame rate stay as they are set.
    pub(crate) fixed: bool,
}

/// A picture of the scene, and what is known of how it came about.
struct Composed {
    frame: Frame,
    /// When the stage began with it.
    begun: Instant,
    /// It stands in for one that the camera did not send, so its instant says nothing of how late it is.
    stands_in: bool,
}

impl Stage {
    pub(crate) fn run(self, stop: &Stop) {
        let composer = Composer::new(self.video.width, self.video.height);
        let mut pace = Pace::new(self.video.fps);
        let mut encoder = Encoder::new(&self);
        let mut fader = Fader::new(self.gallery.program());
        let mut last: Option<Arc<Picture>> = None;
        let mut due = Instant::now();
        while !stop.is_set() {
            if !self.looks.is_anybody_there() && self.air.target_kbps().is_none() {
                // Nobody sees what would be made here.
                self.slot.set_unseen(true);
                stop.wait(GLANCE);
                due = Instant::now();
                continue;
            }
            let program = self.gallery.program();
            let alone = program.runs_alone();
            self.slot.set_unseen(alone);
            if alone {
                // A camera that nobody sees does not say when.
                due = due.min(Instant::now() + pace.interval);
                if stop.wait(due.saturating_duration_since(Instant::now())) {
                    return;
                }
            }
            let deadline = if alone { Instant::now() } else { due.min(Instant::now() + GLANCE) };
            let mut stands_in = false;
            let camera = match self.slot.take(deadline) {
                taken if alone => {
                    due = (due + pace.interval).max(Instant::now());
                    let captured = pace.tick(self.clock.now());
                    let picture = match taken {
                        Taken::Frame(frame) => Arc::clone(last.insert(frame.picture)),
                        Taken::Nothing(state) => stand_in(&state, last.as_ref(), &composer),
                    };
                    Frame { captured, picture }
                }
                Taken::Frame(frame) => {
                    // Taken or not, the source lives.
                    due = Instant::now() + pace.patience();
                    if !pace.accept(frame.captured) {
                        continue;
                    }
                    last = Some(Arc::clone(&frame.picture));
                    frame
                }
                Taken::Nothing(_) if Instant::now() < due => continue,
                Taken::Nothing(state) => {
                    due = (due + pace.interval).max(Instant::now());
                    stands_in = true;
                    let picture = stand_in(&state, last.as_ref(), &composer);
                    Frame { captured: pace.stand_in(self.clock.now()), picture }
                }
            };
            let begun = Instant::now();
            let frame = fader.compose(&composer, program, &camera);
            let left_out = encoder.leaves_out(&frame);
            if !left_out {
                self.gauge.shown();
            }
            let worked_on = self.gallery.staged().map(|staged| composer.compose(&staged, &camera));
            self.preview.send_replace(Some(worked_on.unwrap_or_else(|| frame.clone())));
            self.program.send_replace(Some(frame.clone()));
            if !left_out {
                encoder.take(Composed { frame, begun, stands_in }, &self);
                pace.set_rate(encoder.pace());
            }
        }
    }
}

/// What is shown of a camera that sends nothing.
fn stand_in(state: &SourceState, last: Option<&Arc<Picture>>, composer: &Composer) -> Arc<Picture> {
    match (state, last) {
        (SourceState::Running, Some(last)) => Arc::clone(last),
        (SourceState::Running | SourceState::Opening, _) => composer.card(Card::Opening),
        (SourceState::Lost { .. }, _) => composer.card(Card::Lost),
        (SourceState::Off, _) => composer.card(Card::Off),
    }
}

/// The encoder while it is needed, and when it owes a keyframe.
struct Encoder {
    config: h264::Config,
    codec: Option<(h264::Encoder, u32)>,
    last_key: Option<Instant>,
    /// Failed, and said so; tried again with the next broadcast.
    broken: bool,
    spare: Spare,
    /// Lower layers that are made.
    lower: usize,
    adapt: Adapt,
    /// Which pictures go out where the line does not carry all that are shown.
    thin: Pace,
    /// Where what goes out is smaller than what is shown.
    smaller: Option<PicturePool>,
    /// What goes out and why no more, as it was told.
    told: Option<(usize, Option<Held>, Option<Eased>)>,
}

impl Encoder {
    fn new(stage: &Stage) -> Self {
        let config = stage.video;
        let Config { width, height, fps, bitrate_kbps, .. } = config;
        Self {
            config,
            codec: None,
            last_key: None,
            broken: false,
            spare: Spare::new(width, height, fps, stage.layers),
            lower: 0,
            adapt: Adapt::new(Rung { width, height, fps }, bitrate_kbps, stage.fixed),
            thin: Pace::new(fps),
            smaller: None,
            told: None,
        }
    }

    /// How many pictures a second are worth making.
    fn pace(&self) -> u32 {
        // What is left out for a line is shown in the preview all the same.
        match self.adapt.strain() {
            Some(Strain::Computer) => self.adapt.rung().fps,
            Some(Strain::Line) | None => self.config.fps,
        }
    }

    /// Whether the picture is not for those who watch, because the line does not carry so many.
    fn leaves_out(&mut self, frame: &Frame) -> bool {
        self.adapt.strain() == Some(Strain::Line) && !self.thin.accept(frame.captured)
    }

    fn take(&mut self, composed: Composed, stage: &Stage) {
        let Composed { frame, begun, stands_in } = composed;
        let Some(target) = stage.air.target_kbps() else {
            self.codec = None;
            self.broken = false;
            self.adapt.reset();
            self.follow_rung();
            return self.rest(stage);
        };
        if self.broken {
            return;
        }
        let start = Instant::now();
        let target = target.min(self.config.bitrate_kbps);
        let bytes = self.encode(&frame, target, stage).unwrap_or_else(|error| {
            tracing::error!(%error, "video encoder");
            stage.desk.fail(error.failure());
            self.broken = true;
            0
        });
        let busy = start.elapsed();
        let late = stage.clock.now().since(frame.captured);
        stage.gauge.encoded(busy, late);
        let adapted = self.adapt.look(&adapt::Glance {
            now: Instant::now(),
            busy: begun.elapsed(),
            late: if stands_in { Duration::ZERO } else { late },
            lost: stage.slot.skipped(),
            bytes,
            target_kbps: target,
            layered: self.lower > 0,
        });
        if adapted {
            self.follow_rung();
            let (rung, strain) = (self.adapt.rung(), self.adapt.strain());
            tracing::info!(rung.width, rung.height, rung.fps, ?strain, "what goes out of the picture");
        }
        if !stage.air.is_connected() {
            return self.rest(stage);
        }
        let lower = self.spare.look(&Glance {
            now: Instant::now(),
            busy,
            lost: stage.slot.skipped() + stage.air.tally.dropped.load(Ordering::Relaxed),
            missed: stage.lower.missed(),
            narrow: target * NARROW.1 < self.config.bitrate_kbps * NARROW.0,
            taken: stage.air.layers() - 1,
            eased: self.adapt.strain().map(|strain| match strain {
                Strain::Computer => Held::Busy,
                Strain::Line => Held::Line,
            }),
        });
        self.make_lower(lower, stage);
        if lower > 0 {
            stage.lower.offer(frame, lower, target);
        }
        self.tell(target, stage);
    }

    /// Nobody is there for lower layers.
    fn rest(&mut self, stage: &Stage) {
        self.spare.reset();
        self.make_lower(0, stage);
        if self.told.take().is_some() {
            stage.desk.tell(StudioEvent::Layers { layers: Layers::default() });
        }
    }

    /// The next picture is the first of another size or rate: a keyframe of another encoder.
    fn follow_rung(&mut self) {
        let Rung { width, height, fps } = self.adapt.rung();
        self.codec = None;
        self.thin.set_rate(fps);
        let whole = (width, height) == (self.config.width, self.config.height);
        self.smaller = (!whole).then(|| PicturePool::new(width, height));
    }

    /// So many lower layers from now on.
    fn make_lower(&mut self, lower: usize, stage: &Stage) {
        if self.lower > 0 && lower == 0 {
            stage.lower.rest();
        }
        self.lower = lower;
    }

    /// Says what goes out and why no more, where that has changed.
    fn tell(&mut self, target: u32, stage: &Stage) {
        let Rung { width, height, fps } = self.adapt.rung();
        let eased = self.adapt.strain().map(|strain| Eased { strain, width, height, fps });
        let now = (self.lower, self.spare.held(), eased);
        if self.told.replace(now) == Some(now) {
            return;
        }
        let layer = |(layer, name): (usize, &&str)| {
            let (width, height) = lower::size_of(layer, (width, height));
            Some(Layer { id: name.parse().ok()?, width, height, kbps: lower::kbps_of(layer, target) })
        };
        // The names that the output gives them.
        let names = air::NAMES[stage.air.layers().clamp(2, air::LAYERS) - 1];
        let sent: Vec<Layer> = names.iter().enumerate().take(self.lower + 1).filter_map(layer).collect();
        tracing::info!(layers = sent.len(), held = ?now.1, "layers");
        stage.desk.tell(StudioEvent::Layers { layers: Layers { sent, held: now.1, eased } });
    }

    /// Gives how many bytes it became.
    fn encode(&mut self, frame: &Frame, target: u32, stage: &Stage) -> Result<usize, crate::Error> {
        let Rung { width, height, fps } = self.adapt.rung();
        let smaller = self.smaller.as_ref().map(|pool| {
            let mut smaller = pool.take();
            scene::resize(&frame.picture, &mut smaller);
            smaller
        });
        let picture = smaller.as_ref().unwrap_or(&frame.picture);
        let (codec, kbps) = match &mut self.codec {
            Some(codec) => codec,
            none => {
                let config = h264::Config { width, height, fps, bitrate_kbps: target, ..self.config };
                none.insert((h264::Encoder::new(&config)?, target))
            }
        };
        // Small steps are noise to the rate buffer.
        if target.abs_diff(*kbps) * 50 > *kbps {
            codec.set_bitrate(target)?;
            *kbps = target;
        }
        let may = self.last_key.is_none_or(|last| last.elapsed() >= KEYFRAME_GAP);
        let due = self.last_key.is_some_and(|last| stage.air.keyframe_due(last.elapsed()));
        let idr = may && (due || stage.air.keyframe_wanted(0));
        let Some(packet) = codec.encode(picture, frame.captured, idr)? else { return Ok(0) };
        if packet.keyframe {
            self.last_key = Some(Instant::now());
            stage.air.keyframe_made(0);
        }
        stage.air.send(&packet);
        Ok(packet.data.len())
    }
}

/// Decides which frames are shown: at most the wanted rate, strictly onwards in time.
struct Pace {
    interval: Duration,
    /// Smoothed time between the source's frames.
    rhythm: Duration,
    last: Option<Time>,
    next: Time,
}

impl Pace {
    /// Past this the source has stalled whatever its rhythm was.
    const LONGEST: Duration = Duration::from_millis(300);
    /// Between two frames, whatever the clock says.
    const LEAST: Duration = Duration::from_millis(1);

    fn new(fps: u32) -> Self {
        let interval = Duration::from_secs(1) / fps.max(1);
        Self { interval, rhythm: interval, last: None, next: Time::default() }
    }

    /// At most so many from now on.
    fn set_rate(&mut self, fps: u32) {
        self.interval = Duration::from_secs(1) / fps.max(1);
    }

    fn accept(&mut self, captured: Time) -> bool {
        if let Some(last) = self.last {
            if captured <= last || captured + self.interval / 4 < self.next {
                return false;
            }
            let step = captured.since(last).min(Self::LONGEST);
            self.rhythm = (self.rhythm * 7 + step) / 8;
        }
        let onward = self.next + self.interval;
        self.next = if captured > onward { captured + self.interval } else { onward.max(captured) };
        self.last = Some(captured);
        true
    }

    /// The capture instant of a picture that no camera is seen in: now.
    fn tick(&mut self, now: Time) -> Time {
        let onward = self.last.map_or(now, |last| last + Self::LEAST);
        let captured = onward.max(now);
        (self.last, self.next) = (Some(captured), captured);
        captured
    }

    /// How long to wait for the next frame before standing in for it.
    fn patience(&self) -> Duration {
        (self.rhythm.max(self.interval) * 3 / 2).min(Self::LONGEST)
    }

    /// The capture instant of a picture that stands in for a missing frame: one frame time on, so that the missing
    /// one still has its place if it comes late, but never far behind the clock and never ahead of it.
    fn stand_in(&mut self, now: Time) -> Time {
        let onward = self.last.map_or(now, |last| last + self.interval);
        let captured = onward.max(now - Self::LONGEST).min(now);
        self.last = Some(captured);
        // A real frame is better than any stand-in, however soon it follows.
        self.next = captured;
        captured
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(fps: u32, times: impl Iterator<Item = u64>) -> Vec<u64> {
        let mut pace = Pace::new(fps);
        times.filter(|t| pace.accept(Time::from_micros(1_000_000_000 + t))).collect()
    }

    #[test]
    fn the_rate_is_capped_and_time_goes_onwards() {
        let second = |fps: u64| (0..fps * 10).map(move |n| n * 1_000_000 / fps);
        for (source, wanted, expected) in
            [(60, 30, 300), (30, 30, 300), (15, 30, 150), (50, 30, 300), (31, 30, 305)]
        {
            let count = accepted(wanted, second(source)).len();
            assert!(count.abs_diff(expected) <= 6, "{source} to {wanted}: {count}");
        }
        assert_eq!(accepted(30, [0, 33_000, 33_000, 10_000, 66_000].into_iter()), [0, 33_000, 66_000]);
        // A camera's jitter must not cost frames.
        let jittered = (0..300u64).map(|n| n * 33_333 + [0, 7000, 2000, 5000][n as usize % 4]);
        assert_eq!(accepted(30, jittered).len(), 300);
    }

    #[test]
    fn a_late_frame_after_a_stand_in_is_still_shown() {
        let at = |us: u64| Time::from_micros(1_000_000_000 + us);
        let mut pace = Pace::new(30);
        assert!(pace.accept(at(0)));
        assert_eq!(pace.stand_in(at(50_000)), at(33_333));
        assert!(!pace.accept(at(33_333)), "its place is taken");
        assert!(pace.stand_in(at(51_000)) <= at(51_000), "never ahead of the clock");
        assert!(pace.accept(at(66_666)));
        assert!(pace.stand_in(at(9_000_000)) >= at(8_600_000), "stand-ins follow the clock");
    }

    #[test]
    fn a_source_that_comes_back_is_shown_at_once_whatever_its_phase() {
        let at = |ms: u64| Time::from_micros(1_000_000_000 + ms * 1000);
        for phase in 1..33 {
            let mut pace = Pace::new(30);
            for card in 0..30 {
                pace.stand_in(at(card * 33));
            }
            assert!(pace.accept(at(29 * 33 + phase)), "{phase} ms after a card");
            assert!(pace.accept(at(30 * 33 + phase)));
        }
    }

    #[test]
    fn a_tick_is_now_and_a_camera_takes_over_from_it() {
        let at = |ms: u64| Time::from_micros(1_000_000_000 + ms * 1000);
        let mut pace = Pace::new(30);
        assert_eq!((pace.tick(at(0)), pace.tick(at(33)), pace.tick(at(33))), (at(0), at(33), at(34)));
        assert!(!pace.accept(at(20)), "it goes onwards");
        assert!(pace.accept(at(40)) && pace.accept(at(74)));
    }

    #[test]
    fn patience_follows_a_slow_source() {
        let mut pace = Pace::new(30);
        for n in 0..60 {
            pace.accept(Time::from_micros(1_000_000_000 + n * 100_000));
        }
        assert!(pace.patience() > Duration::from_millis(120));
        assert!(
            Pace::new(30).patience() == Duration::from_millis(50)
                || Pace::new(30).patience() < Duration::from_millis(51)
        );
    }
}
