//! From Go Live to the air: what is checked, in what words, and the count down to the start.
//!
//! Nothing here forbids a broadcast. What is wrong is said once, with what to do about it, and the creator decides.

use footlight_protocol::reach::Forecast;
use footlight_protocol::scene::{Scenes, Source};
use footlight_protocol::studio::{Snapshot, SourceState, Speed};

use super::reach;

/// What is not known after so many milliseconds is not waited for.
const PATIENCE_MS: f64 = 8_000.0;
/// Louder than this is somebody who speaks; quieter, in dB of full scale, is a room.
const SPEAKS_DB: f32 = -50.0;
/// Share of its time that the encoder may take, tried out: below it all is well …
const EASY: f32 = 0.6;
/// … and above it pictures will be skipped.
const TOO_SLOW: f32 = 0.95;

/// What is looked at, in the order in which it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Item {
    Camera,
    Microphone,
    Speed,
    Reach,
}

/// How one of them is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Not known yet.
    Asking,
    Good,
    /// As it is, it can be wanted.
    Fair,
    /// Viewers would notice.
    Bad,
}

impl Grade {
    /// As `data-grade`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Asking => "asking",
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Bad => "bad",
        }
    }
}

/// What can be done about it, by one button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fix {
    PickCamera,
    PickMicrophone,
    Unmute,
    Share,
}

impl Fix {
    /// Key of the button's words.
    pub fn key(self) -> &'static str {
        match self {
            Self::PickCamera => "launch.fix_camera",
            Self::PickMicrophone => "launch.fix_microphone",
            Self::Unmute => "launch.fix_unmute",
            Self::Share => "launch.fix_share",
        }
    }
}

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    pub item: Item,
    pub grade: Grade,
    /// Key of its sentence.
    pub says: &'static str,
    pub fix: Option<Fix>,
}

/// What the checks look at, beside the studio's snapshot.
#[derive(Debug, Clone, Copy, Default)]
pub struct Findings<'a> {
    /// The loudest that was heard since Go Live was pressed, in dB of full scale.
    pub loudest_db: Option<f32>,
    /// None while it is measured; an error is a reason to look.
    pub speed: Option<Result<Speed, ()>>,
    /// None where the relay has not said.
    pub forecast: Option<&'a Forecast>,
    pub shared: bool,
    /// Sharing is being switched.
    pub switching: bool,
}

/// All lines.
pub fn checks(snapshot: &Snapshot, findings: Findings<'_>) -> [Check; 4] {
    let line = |item, (grade, says, fix)| Check { item, grade, says, fix };
    [
        line(Item::Camera, camera(snapshot)),
        line(Item::Microphone, microphone(snapshot, findings.loudest_db)),
        line(Item::Speed, speed(findings.speed)),
        line(Item::Reach, reached(findings)),
    ]
}

type Told = (Grade, &'static str, Option<Fix>);

fn camera(snapshot: &Snapshot) -> Told {
    let fix = Some(Fix::PickCamera);
    match &snapshot.camera_state {
        _ if !shows_camera(&snapshot.scenes) => (Grade::Good, "launch.camera_unseen", None),
        SourceState::Running => (Grade::Good, "launch.camera_good", None),
        SourceState::Opening => (Grade::Asking, "launch.camera_asking", None),
        SourceState::Off => (Grade::Fair, "launch.camera_off", fix),
        SourceState::Lost { .. } => (Grade::Bad, "launch.camera_lost", fix),
    }
}

fn shows_camera(scenes: &Scenes) -> bool {
    let seen = |scene: &footlight_protocol::scene::Scene| {
        scene.layers.iter().any(|layer| !layer.hidden && layer.source == Source::Camera)
    };
    scenes.on_air().is_none_or(|(scene, ..)| seen(scene))
}

fn microphone(snapshot: &Snapshot, loudest: Option<f32>) -> Told {
    let fix = Some(Fix::PickMicrophone);
    match &snapshot.microphone_state {
        SourceState::Off => (Grade::Fair, "launch.microphone_off", fix),
        SourceState::Lost { .. } => (Grade::Bad, "launch.microphone_lost", fix),
        _ if snapshot.muted => (Grade::Fair, "launch.microphone_muted", Some(Fix::Unmute)),
        SourceState::Opening => (Grade::Asking, "launch.microphone_asking", None),
        SourceState::Running => match loudest {
            Some(db) if db > SPEAKS_DB => (Grade::Good, "launch.microphone_good", None),
            _ => (Grade::Fair, "launch.microphone_silent", fix),
        },
    }
}

fn speed(speed: Option<Result<Speed, ()>>) -> Told {
    match speed {
        None => (Grade::Asking, "launch.speed_asking", None),
        Some(Ok(Speed { load })) if load < EASY => (Grade::Good, "launch.speed_good", None),
        Some(Ok(Speed { load })) if load < TOO_SLOW => (Grade::Fair, "launch.speed_tight", None),
        Some(Ok(_)) => (Grade::Bad, "launch.speed_slow", None),
        Some(Err(())) => (Grade::Bad, "launch.speed_failed", None),
    }
}

fn reached(findings: Findings<'_>) -> Told {
    if findings.switching {
        return (Grade::Asking, "launch.reach_asking", None);
    }
    if !findings.shared {
        return (Grade::Fair, "launch.reach_alone", Some(Fix::Share));
    }
    let Some(forecast) = findings.forecast else { return (Grade::Asking, "launch.reach_asking", None) };
    match reach::verdict(forecast) {
        (says, reach::Tone::Good) => (Grade::Good, says, None),
        (says, reach::Tone::Fair | reach::Tone::Idle) => (Grade::Fair, says, None),
    }
}

/// Where the start stands.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Step {
    /// Nobody has asked for it.
    #[default]
    Off,
    /// Since when it is looked at.
    Checking { since: f64 },
    /// Something is bad: it waits for a word of the creator.
    Held,
    /// When it begins.
    Counting { until: f64 },
    /// The studio has been told.
    Gone,
}

/// The way from the button to the air. `now` is in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Launch {
    pub step: Step,
}

impl Launch {
    /// Go Live was pressed. Who wants no countdown is not held up by checks either.
    pub fn press(&mut self, countdown_s: u8, now: f64) {
        self.step = if countdown_s == 0 { Step::Gone } else { Step::Checking { since: now } };
    }

    /// Something is being mended: it is looked at once more.
    pub fn again(&mut self, now: f64) {
        if self.is_shown() {
            self.step = Step::Checking { since: now };
        }
    }

    pub fn cancel(&mut self) {
        *self = Self::default();
    }

    /// The creator starts it as it is, and without waiting any longer.
    pub fn go_anyway(&mut self) {
        if matches!(self.step, Step::Checking { .. } | Step::Held | Step::Counting { .. }) {
            self.step = Step::Gone;
        }
    }

    /// What is known now. After it, [`Step::Gone`] says that the studio is to be told.
    pub fn look(&mut self, checks: &[Check], countdown_s: u8, now: f64) {
        let worst = checks.iter().map(|check| check.grade).max().unwrap_or(Grade::Good);
        let asking = checks.iter().any(|check| check.grade == Grade::Asking);
        self.step = match self.step {
            // What was right when the count began may break before its end.
            Step::Counting { .. } | Step::Checking { .. } if worst == Grade::Bad => Step::Held,
            Step::Checking { since } if asking && now - since < PATIENCE_MS => self.step,
            Step::Checking { .. } | Step::Held if worst != Grade::Bad => {
                Step::Counting { until: now + f64::from(countdown_s) * 1_000.0 }
            }
            Step::Counting { until } if now >= until => Step::Gone,
            step => step,
        };
    }

    /// Whether the creator is shown how it goes.
    pub fn is_shown(&self) -> bool {
        matches!(self.step, Step::Checking { .. } | Step::Held | Step::Counting { .. })
    }

    /// Seconds that are left of the count, rounded up.
    pub fn left(&self, now: f64) -> Option<u8> {
        match self.step {
            Step::Counting { until } => Some(((until - now) / 1_000.0).ceil().clamp(1.0, 99.0) as u8),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footlight_protocol::reach::{Internet, Reason};
    use footlight_protocol::{Code, Failure};

    fn running() -> Snapshot {
        let (camera_state, microphone_state) = (SourceState::Running, SourceState::Running);
        Snapshot { camera_state, microphone_state, ..Snapshot::default() }
    }

    fn grades(snapshot: &Snapshot, findings: Findings<'_>) -> [Grade; 4] {
        checks(snapshot, findings).map(|check| check.grade)
    }

    #[test]
    fn each_thing_that_can_be_wrong_has_its_words_and_most_a_button() {
        let forecast = Forecast {
            lan: true,
            internet: Internet::Yes,
            reasons: vec![Reason::PublicAddress],
            words: String::new(),
            links: Vec::new(),
            opened_by: None,
            confirmed: false,
            uplink_kbit: None,
            seats: None,
        };
        let fine = Findings {
            loudest_db: Some(-12.0),
            speed: Some(Ok(Speed { load: 0.2 })),
            forecast: Some(&forecast),
            shared: true,
            switching: false,
        };
        assert_eq!(grades(&running(), fine), [Grade::Good; 4]);
        assert_eq!(
            grades(&running(), Findings::default()),
            [Grade::Good, Grade::Fair, Grade::Asking, Grade::Fair]
        );
        let lost = SourceState::Lost { failure: Failure::new(Code::Internal, "gone") };
        let broken = Snapshot { camera_state: lost.clone(), microphone_state: lost, ..Snapshot::default() };
        let slow = Findings { speed: Some(Ok(Speed { load: 1.4 })), shared: true, ..Findings::default() };
        assert_eq!(grades(&broken, slow), [Grade::Bad, Grade::Bad, Grade::Bad, Grade::Asking]);
        let fixes = checks(&broken, Findings::default()).map(|check| check.fix);
        assert_eq!(fixes, [Some(Fix::PickCamera), Some(Fix::PickMicrophone), None, Some(Fix::Share)]);
        let muted = Snapshot { muted: true, ..running() };
        assert_eq!(checks(&muted, fine)[1].fix, Some(Fix::Unmute));
        // Who shows no camera needs none.
        let mut unseen = broken;
        unseen.scenes.scenes[0].layers.clear();
        assert_eq!(checks(&unseen, fine)[0].grade, Grade::Good);
    }

    fn of(grade: Grade) -> [Check; 1] {
        [Check { item: Item::Speed, grade, says: "launch.speed_good", fix: None }]
    }

    #[test]
    fn what_is_fine_counts_down_and_goes() {
        let mut launch = Launch::default();
        launch.look(&of(Grade::Good), 3, 0.0);
        assert_eq!(launch.step, Step::Off, "nobody has pressed");
        launch.press(3, 1_000.0);
        launch.look(&of(Grade::Asking), 3, 2_000.0);
        assert_eq!(launch.step, Step::Checking { since: 1_000.0 });
        launch.look(&of(Grade::Good), 3, 2_500.0);
        assert_eq!(
            (launch.left(2_500.0), launch.left(2_501.0), launch.left(5_499.0)),
            (Some(3), Some(3), Some(1))
        );
        launch.look(&of(Grade::Fair), 3, 5_499.0);
        assert!(launch.is_shown());
        launch.look(&of(Grade::Good), 3, 5_500.0);
        assert_eq!((launch.step, launch.is_shown()), (Step::Gone, false));
    }

    #[test]
    fn without_a_countdown_it_goes_at_once_and_what_does_not_answer_is_not_waited_for() {
        let mut launch = Launch::default();
        launch.press(0, 0.0);
        assert_eq!(launch.step, Step::Gone);
        launch.press(3, 0.0);
        launch.look(&of(Grade::Asking), 3, PATIENCE_MS);
        assert_eq!(launch.step, Step::Counting { until: PATIENCE_MS + 3_000.0 });
        launch.again(20_000.0);
        assert_eq!(launch.step, Step::Checking { since: 20_000.0 });
    }

    #[test]
    fn what_is_bad_waits_for_a_word_or_for_its_mending() {
        let mut launch = Launch::default();
        launch.press(3, 0.0);
        launch.look(&of(Grade::Bad), 3, 1.0);
        assert_eq!(launch.step, Step::Held);
        launch.look(&of(Grade::Bad), 3, 99_000.0);
        assert_eq!(launch.step, Step::Held);
        launch.look(&of(Grade::Good), 3, 100_000.0);
        assert_eq!(launch.step, Step::Counting { until: 103_000.0 }, "it was mended");
        launch.look(&of(Grade::Bad), 3, 101_000.0);
        assert_eq!(launch.step, Step::Held, "it broke again");
        launch.go_anyway();
        assert_eq!(launch.step, Step::Gone);
        launch.cancel();
        launch.go_anyway();
        launch.again(0.0);
        assert_eq!(launch.step, Step::Off, "there is nothing to go on with");
    }
}
