//! The health line in words: one verdict out of what the broadcaster and the room measure.
//!
//! The worst cause is named first and only one is named: a creator on air can act on one thing at a time.

use std::collections::VecDeque;

use footlight_protocol::room::Presence;
use footlight_protocol::studio::{Health, Phase, SourceState, Strain};

/// Judged over this many measurements, one a second: shorter flickers, longer is old news.
const WINDOW: usize = 5;
/// Share of frame time spent encoding from which pictures are about to be skipped.
const BUSY: f32 = 0.9;
/// Pictures skipped over the window from which viewers see it as stutter rather than as one hiccup.
const STUTTER: u64 = 5;
/// Pictures a second below this share of the best seen are visibly jerky.
const JERKY: f32 = 0.75;
/// A target below this share of the best seen is visibly softer.
const SOFT: f32 = 0.6;
/// Viewers this far behind, in milliseconds, notice it in conversation.
const LATE_MS: u32 = 1_000;
/// A round trip to the relay, in milliseconds, that makes repairs come too late.
const FAR_MS: f32 = 300.0;

/// How the broadcast does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not on air, nothing to judge.
    Idle,
    Good,
    /// Viewers may notice.
    Fair(Cause),
    /// Viewers notice.
    Bad(Cause),
}

/// Why it is not good, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Reconnecting,
    CameraLost,
    EncoderBusy,
    /// Pictures were skipped because the encoder had no time for them.
    PicturesSkipped,
    UploadSlow,
    MicrophoneLost,
    /// Less of the picture goes out than was asked for, so that the rest arrives.
    Eased(Strain),
    CameraSlow,
    PictureSofter,
    RelayFar,
    ViewersLate,
}

impl Cause {
    /// Key of its sentence in the locales.
    pub fn key(self) -> &'static str {
        match self {
            Self::Reconnecting => "health.reconnecting",
            Self::CameraLost => "health.camera_lost",
            Self::EncoderBusy => "health.encoder_busy",
            Self::PicturesSkipped => "health.pictures_skipped",
            Self::UploadSlow => "health.upload_slow",
            Self::MicrophoneLost => "health.microphone_lost",
            Self::Eased(Strain::Computer) => "health.eased_computer",
            Self::Eased(Strain::Line) => "health.eased_line",
            Self::CameraSlow => "health.camera_slow",
            Self::PictureSofter => "health.picture_softer",
            Self::RelayFar => "health.relay_far",
            Self::ViewersLate => "health.viewers_late",
        }
    }
}

/// Pictures that no viewer saw, and which of the two ways they were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Losses {
    /// The computer was too busy to encode them.
    pub skipped: u64,
    /// The upload was too slow to send them.
    pub dropped: u64,
}

impl Losses {
    /// Of the whole broadcast.
    pub fn of(health: &Health) -> Self {
        Self { skipped: health.skipped_frames, dropped: health.dropped_frames }
    }

    pub fn total(self) -> u64 {
        self.skipped + self.dropped
    }

    fn since(self, before: Self) -> Self {
        Self {
            skipped: self.skipped.saturating_sub(before.skipped),
            dropped: self.dropped.saturating_sub(before.dropped),
        }
    }
}

/// The last measurements and the best ones of this broadcast.
#[derive(Debug, Clone, Default)]
pub struct Doctor {
    recent: VecDeque<Health>,
    /// What was lost before the recent measurements; a window that opens on air does not count the past.
    before: Losses,
    best_fps: f32,
    best_target: u32,
}

impl Doctor {
    /// A new measurement.
    pub fn apply(&mut self, health: Health) {
        match self.recent.back() {
            None => self.before = Losses::of(&health),
            // The counters went back: another broadcast began.
            Some(last) if health.encoded_frames < last.encoded_frames => *self = Self::default(),
            Some(_) => {}
        }
        if self.recent.len() == WINDOW
            && let Some(old) = self.recent.pop_front()
        {
            self.before = Losses::of(&old);
        }
        self.recent.push_back(health);
        self.best_fps = self.best_fps.max(health.fps);
        self.best_target = self.best_target.max(health.target_kbps);
    }

    /// What was lost over the last seconds.
    pub fn losses(&self) -> Losses {
        let all = self.recent.back().map(Losses::of).unwrap_or_default();
        all.since(self.before)
    }

    pub fn verdict(
        &self,
        phase: &Phase,
        camera: &SourceState,
        microphone: &SourceState,
        eased: Option<Strain>,
        presence: &Presence,
    ) -> Verdict {
        match phase {
            Phase::Idle | Phase::Ending => return Verdict::Idle,
            Phase::Starting => return Verdict::Good,
            Phase::Reconnecting { .. } => return Verdict::Bad(Cause::Reconnecting),
            Phase::Live { .. } => {}
        }
        if matches!(camera, SourceState::Lost { .. }) {
            return Verdict::Bad(Cause::CameraLost);
        }
        let Some(last) = self.recent.back() else {
            return Verdict::Good;
        };
        let Losses { skipped, dropped } = self.losses();
        if skipped >= STUTTER || (skipped > 0 && last.encoder_load >= BUSY) {
            return Verdict::Bad(Cause::PicturesSkipped);
        }
        if last.encoder_load >= 1.0 {
            return Verdict::Bad(Cause::EncoderBusy);
        }
        if dropped > 0 {
            return Verdict::Bad(Cause::UploadSlow);
        }
        if matches!(microphone, SourceState::Lost { .. }) {
            return Verdict::Bad(Cause::MicrophoneLost);
        }
        if let Some(strain) = eased {
            return Verdict::Fair(Cause::Eased(strain));
        }
        if skipped > 0 {
            return Verdict::Fair(Cause::PicturesSkipped);
        }
        if last.encoder_load >= BUSY {
            return Verdict::Fair(Cause::EncoderBusy);
        }
        if self.recent.len() == WINDOW && self.recent.iter().all(|h| h.fps < self.best_fps * JERKY) {
            return Verdict::Fair(Cause::CameraSlow);
        }
        if (last.target_kbps as f32) < self.best_target as f32 * SOFT {
            return Verdict::Fair(Cause::PictureSofter);
        }
        if last.rtt_ms.is_some_and(|ms| ms > FAR_MS) {
            return Verdict::Fair(Cause::RelayFar);
        }
        if presence.latency_p50_ms.is_some_and(|ms| ms > LATE_MS) {
            return Verdict::Fair(Cause::ViewersLate);
        }
        Verdict::Good
    }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::{Code, Failure};

    use super::*;

    fn healthy(encoded_frames: u64) -> Health {
        Health {
            fps: 30.0,
            encoder_load: 0.3,
            bitrate_kbps: 2_400,
            target_kbps: 2_500,
            encoded_frames,
            ..Health::default()
        }
    }

    fn judge(healths: &[Health]) -> Verdict {
        let mut doctor = Doctor::default();
        healths.iter().for_each(|health| doctor.apply(*health));
        let on = SourceState::Running;
        doctor.verdict(&Phase::Live { since: 0 }, &on, &on, None, &Presence::default())
    }

    #[test]
    fn each_trouble_has_its_cause() {
        let good = healthy(30);
        let next = healthy(60);
        assert_eq!(judge(&[good, next]), Verdict::Good);
        for (health, verdict) in [
            (Health { encoder_load: 1.1, ..next }, Verdict::Bad(Cause::EncoderBusy)),
            (Health { encoder_load: 0.95, ..next }, Verdict::Fair(Cause::EncoderBusy)),
            (Health { dropped_frames: 3, ..next }, Verdict::Bad(Cause::UploadSlow)),
            (Health { target_kbps: 900, ..next }, Verdict::Fair(Cause::PictureSofter)),
            (Health { rtt_ms: Some(500.0), ..next }, Verdict::Fair(Cause::RelayFar)),
        ] {
            assert_eq!(judge(&[good, health]), verdict);
        }
    }

    #[test]
    fn lost_pictures_say_why_until_they_are_old() {
        let lost = |skipped_frames, dropped_frames| Health { skipped_frames, dropped_frames, ..healthy(60) };
        let none = healthy(30);
        let good = Verdict::Good;
        let hiccup = Verdict::Fair(Cause::PicturesSkipped);
        let stutter = Verdict::Bad(Cause::PicturesSkipped);
        let upload = Verdict::Bad(Cause::UploadSlow);
        for (seconds, verdict) in [
            (vec![none, lost(1, 0)], hiccup),
            (vec![none, lost(4, 0), lost(4, 0), lost(4, 0), lost(4, 0), lost(4, 0)], hiccup),
            (vec![none, lost(4, 0), lost(4, 0), lost(4, 0), lost(4, 0), lost(4, 0), lost(4, 0)], good),
            (vec![none, lost(9, 0)], stutter),
            (vec![none, lost(0, 1)], upload),
            (vec![none, lost(1, 1)], upload),
            (vec![none, lost(9, 1)], stutter),
            // A window that opens on air knows nothing of the past.
            (vec![lost(50, 50)], good),
            (vec![lost(50, 50), lost(51, 50)], hiccup),
            // A broadcast that loses pictures from its first second on.
            (vec![healthy(900), Health { skipped_frames: 2, ..healthy(5) }], hiccup),
            (vec![Health { skipped_frames: 7, ..healthy(900) }, healthy(5)], good),
        ] {
            assert_eq!(judge(&seconds), verdict, "{seconds:?}");
        }
        let mut doctor = Doctor::default();
        doctor.apply(none);
        doctor.apply(lost(3, 2));
        assert_eq!(doctor.losses(), Losses { skipped: 3, dropped: 2 });
        assert_eq!(doctor.losses().total(), 5);
    }

    #[test]
    fn a_slow_camera_needs_more_than_one_slow_second() {
        let slow = Health { fps: 15.0, ..healthy(60) };
        assert_eq!(judge(&[healthy(30), slow]), Verdict::Good);
        assert_eq!(judge(&[healthy(30), slow, slow, slow, slow, slow]), Verdict::Fair(Cause::CameraSlow));
    }

    #[test]
    fn what_is_done_about_it_is_said_where_nothing_is_lost_any_more() {
        let live = Phase::Live { since: 0 };
        let on = SourceState::Running;
        let nobody = Presence::default();
        let mut doctor = Doctor::default();
        doctor.apply(healthy(30));
        // Half of the rate that was best, as after a slow camera.
        (0..WINDOW).for_each(|_| doctor.apply(Health { fps: 15.0, target_kbps: 900, ..healthy(60) }));
        for strain in [Strain::Computer, Strain::Line] {
            let verdict = doctor.verdict(&live, &on, &on, Some(strain), &nobody);
            assert_eq!(verdict, Verdict::Fair(Cause::Eased(strain)));
        }
        doctor.apply(Health { skipped_frames: 9, ..healthy(90) });
        let verdict = doctor.verdict(&live, &on, &on, Some(Strain::Computer), &nobody);
        assert_eq!(verdict, Verdict::Bad(Cause::PicturesSkipped), "it is not enough yet");
    }

    #[test]
    fn old_drops_are_forgiven_and_a_new_broadcast_starts_clean() {
        let dropped = Health { dropped_frames: 9, ..healthy(60) };
        assert_eq!(
            judge(&[healthy(30), dropped, dropped, dropped, dropped, dropped, dropped]),
            Verdict::Good
        );
        let low = Health { target_kbps: 800, ..healthy(5) };
        assert_eq!(judge(&[healthy(900), low]), Verdict::Good);
    }

    #[test]
    fn a_lost_camera_comes_before_everything_but_the_connection() {
        let lost = SourceState::Lost { failure: Failure::new(Code::CameraMissing, "gone") };
        let doctor = Doctor::default();
        let live = Phase::Live { since: 0 };
        let away = Phase::Reconnecting { since: 0, attempt: 1 };
        let nobody = Presence::default();
        assert_eq!(doctor.verdict(&live, &lost, &lost, None, &nobody), Verdict::Bad(Cause::CameraLost));
        assert_eq!(doctor.verdict(&away, &lost, &lost, None, &nobody), Verdict::Bad(Cause::Reconnecting));
        assert_eq!(doctor.verdict(&Phase::Idle, &lost, &lost, None, &nobody), Verdict::Idle);
    }
}
