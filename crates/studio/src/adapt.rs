//! How much of the picture goes out where the line or this computer cannot carry all of it, decided by what is measured.
//!
//! Pure: it is told what each picture took. Bitrate follows the line by itself and lower layers go first; what is given
//! up after that is half of the frame rate, and then size, one [`Rung`] after the other. Down takes about two seconds
//! of strain, up ten of room for what the rung above needs, and longer for a rung that was too high before. Sound is
//! never given up.

use std::time::{Duration, Instant};

use footlight_protocol::studio::Strain;

/// What was measured is judged in pieces of this length.
const WINDOW: Duration = Duration::from_millis(500);
/// Of the newest pieces so many, three of which make a strain: two seconds, in which one piece may be a lucky one.
const JUDGED: usize = 4;
const STRAINED: usize = 3;
/// Room for the rung above has to last for so long, the first time; doubles each time that it was too high.
const WAIT: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(300);
/// A rung that was left within this after it was tried again was too high; held for longer, it belongs.
const SETTLED: Duration = Duration::from_secs(60);
/// Of the pieces that a wait is made of, one in so many may be without room.
const LUCK: u32 = 10;

/// Share of the time between two pictures that encoding may take before the next hiccup costs one.
const BUSY: f32 = 0.8;
/// And the share that it would take on the rung above for that to be tried.
const IDLE: f32 = 0.55;
/// Pictures that came too late for the encoder, as a share of all, that are more than a hiccup.
const LOST: f32 = 0.1;
/// A picture that leaves so many of its intervals after its capture has stood in line for a core.
const LATE: u32 = 2;

/// Bits a pixel below which motion is a smear, for the fast presets that live video has.
const DECENT: f64 = 0.03;
/// But who asks for less than that has it: a line is narrow only below this share of what was asked for.
const NARROW: f64 = 0.6;
/// A line has room for a rung that needs this much less than it carries.
const ROOM: f64 = 1.25;
/// Pictures that take less than this share of their bits are as good as they get, whatever the line carries.
const EASY: f64 = 0.6;

/// Fewer pictures a second are a slide show.
const LEAST_FPS: u32 = 12;
/// Fewer lines are nothing to look at.
const LEAST_LINES: u32 = 180;
/// Sizes to give up to, as parts of the sides.
const SIZES: [(u32, u32); 3] = [(2, 3), (1, 2), (1, 3)];

/// What of the picture goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rung {
    /// Pixels, even.
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) fps: u32,
}

impl Rung {
    fn interval(self) -> Duration {
        Duration::from_secs(1) / self.fps.max(1)
    }

    fn pixels(self) -> f64 {
        f64::from(self.width) * f64::from(self.height)
    }
}

/// All of it, and what is left of it step by step.
pub(crate) fn ladder(all: Rung) -> Vec<Rung> {
    let fps = if all.fps / 2 >= LEAST_FPS { all.fps / 2 } else { all.fps };
    let sizes = SIZES.map(|(part, of)| {
        let side = |side: u32| (side * part / of) & !1;
        Rung { width: side(all.width), height: side(all.height), fps }
    });
    let mut rungs = vec![all];
    rungs.extend(Some(Rung { fps, ..all }).filter(|half| *half != all));
    rungs.extend(sizes.into_iter().filter(|size| size.width.min(size.height) >= LEAST_LINES));
    rungs
}

/// What is known after a picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glance {
    pub(crate) now: Instant,
    /// What encoding it took, with all that is done for that.
    pub(crate) busy: Duration,
    /// From its capture to its packet.
    pub(crate) late: Duration,
    /// Pictures so far that were replaced before anybody took them.
    pub(crate) lost: u64,
    /// What it became.
    pub(crate) bytes: usize,
    /// What rate control allows.
    pub(crate) target_kbps: u32,
    /// Lower layers are made beside it: they go first.
    pub(crate) layered: bool,
}

/// How the broadcast does on its rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Strained(Strain),
    Room,
    Enough,
}

/// A piece of what was measured.
#[derive(Debug)]
struct Piece {
    begun: Instant,
    lost: u64,
    pictures: u32,
    busy: Duration,
    late: Duration,
    bytes: usize,
    target_kbps: u32,
    layered: bool,
}

/// A rung that may have been too high.
#[derive(Debug, Clone, Copy)]
struct Tried {
    wait: Duration,
    risen: Option<Instant>,
}

#[derive(Debug)]
pub(crate) struct Adapt {
    rungs: Vec<Rung>,
    asked_kbps: u32,
    /// Of each rung, how it went to come back to it.
    tried: Vec<Tried>,
    at: usize,
    strain: Option<Strain>,
    piece: Option<Piece>,
    /// Newest last.
    verdicts: Vec<Verdict>,
    /// Pieces since there was no room for the rung above, and those among them that had none.
    waited: (u32, u32),
}

impl Adapt {
    /// Starts with all of it. `fixed`: and stays there.
    pub(crate) fn new(all: Rung, asked_kbps: u32, fixed: bool) -> Self {
        let rungs = if fixed { vec![all] } else { ladder(all) };
        let tried = vec![Tried { wait: WAIT, risen: None }; rungs.len()];
        let verdicts = Vec::with_capacity(JUDGED + 1);
        Self { rungs, asked_kbps, tried, at: 0, strain: None, piece: None, verdicts, waited: (0, 0) }
    }

    /// The broadcast is over.
    pub(crate) fn reset(&mut self) {
        (self.at, self.strain) = (0, None);
        self.tried.fill(Tried { wait: WAIT, risen: None });
        self.settle();
    }

    /// What goes out now.
    pub(crate) fn rung(&self) -> Rung {
        self.rungs[self.at]
    }

    /// Why that is not all of it.
    pub(crate) fn strain(&self) -> Option<Strain> {
        self.strain
    }

    /// Takes what is known after a picture. True if from now on another rung goes out.
    pub(crate) fn look(&mut self, glance: &Glance) -> bool {
        let piece = self.piece.get_or_insert(Piece {
            begun: glance.now,
            lost: glance.lost,
            pictures: 0,
            busy: Duration::ZERO,
            late: Duration::ZERO,
            bytes: 0,
            target_kbps: u32::MAX,
            layered: false,
        });
        piece.pictures += 1;
        piece.busy += glance.busy;
        piece.late += glance.late;
        piece.bytes += glance.bytes;
        piece.target_kbps = piece.target_kbps.min(glance.target_kbps);
        piece.layered |= glance.layered;
        if glance.now.duration_since(piece.begun) < WINDOW {
            return false;
        }
        let Some(piece) = self.piece.take() else { return false };
        let passed = glance.now.duration_since(piece.begun);
        let verdict = self.judge(&piece, passed, glance.lost);
        self.verdicts.push(verdict);
        if self.verdicts.len() > JUDGED {
            self.verdicts.remove(0);
        }
        if let Some(risen) = self.tried[self.at].risen
            && glance.now.duration_since(risen) >= SETTLED
        {
            self.tried[self.at] = Tried { wait: WAIT, risen: None };
        }
        let before = self.at;
        let strained = self.verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Strained(_)));
        if strained.count() >= STRAINED {
            self.lower(verdict, piece.target_kbps);
        } else {
            self.wait(verdict, glance.now);
        }
        self.at != before
    }

    fn judge(&self, piece: &Piece, passed: Duration, lost: u64) -> Verdict {
        let rung = self.rung();
        let above = self.rungs[self.at.saturating_sub(1)];
        let each = |sum: Duration| sum.as_secs_f32() / piece.pictures.max(1) as f32;
        let (busy, late) = (each(piece.busy), each(piece.late));
        // A camera that sends more than goes out may lose what nobody misses, and a slow one loses nothing.
        let wanted = rung.fps as f32 * passed.as_secs_f32();
        let lost = (lost.saturating_sub(piece.lost) as f32).min(wanted - piece.pictures as f32);
        let hiccup = (LOST * wanted).max(1.0);
        let interval = rung.interval().as_secs_f32();
        // At the full rate, whatever goes out: a rung that halves it must not look as if it had helped for that.
        let behind = late > self.rungs[0].interval().as_secs_f32() * LATE as f32;
        let target = f64::from(piece.target_kbps);
        let made = piece.bytes as f64 * 8.0 / 1000.0 / passed.as_secs_f64().max(0.001);
        let easy = made < target * EASY;
        if piece.layered {
            Verdict::Enough
        } else if busy > interval * BUSY || lost > hiccup || behind {
            Verdict::Strained(Strain::Computer)
        } else if target < self.needs(rung) && !easy {
            Verdict::Strained(Strain::Line)
        } else {
            let grown = busy * (above.pixels() / rung.pixels()) as f32;
            let idle = grown < above.interval().as_secs_f32() * IDLE && lost <= 1.0;
            let carries = target >= self.needs(above) * ROOM || easy;
            if idle && carries { Verdict::Room } else { Verdict::Enough }
        }
    }

    /// What a rung needs of the line, kbit/s.
    fn needs(&self, rung: Rung) -> f64 {
        let all = self.rungs[0];
        let asked = f64::from(self.asked_kbps) * 1000.0 / (all.pixels() * f64::from(all.fps));
        DECENT.min(asked * NARROW) * rung.pixels() * f64::from(rung.fps) / 1000.0
    }

    fn lower(&mut self, verdict: Verdict, target_kbps: u32) {
        let Verdict::Strained(strain) = verdict else { return };
        let below = self.at + 1;
        if below >= self.rungs.len() {
            return;
        }
        let left = &mut self.tried[self.at];
        if left.risen.take().is_some() {
            left.wait = (left.wait * 2).min(LONGEST);
        }
        // What a line carries is known; what helps a busy computer is found out.
        let fits = |rung: &Rung| self.needs(*rung) <= f64::from(target_kbps);
        self.at = match strain {
            Strain::Line => {
                let found = self.rungs[below..].iter().position(fits);
                found.map_or(self.rungs.len() - 1, |n| below + n)
            }
            Strain::Computer => below,
        };
        self.strain = Some(strain);
        self.settle();
    }

    fn wait(&mut self, verdict: Verdict, now: Instant) {
        if self.at == 0 {
            return;
        }
        let (all, without) = &mut self.waited;
        *all += 1;
        *without += u32::from(verdict != Verdict::Room);
        if *without > *all / LUCK + 1 || matches!(verdict, Verdict::Strained(_)) {
            self.waited = (0, 0);
        } else if WINDOW * *all >= self.tried[self.at - 1].wait {
            self.at -= 1;
            self.tried[self.at].risen = Some(now);
            if self.at == 0 {
                self.strain = None;
            }
            self.settle();
        }
    }

    /// What was measured before says nothing of the rung that goes out now.
    fn settle(&mut self) {
        self.piece = None;
        self.verdicts.clear();
        self.waited = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Rung = Rung { width: 1280, height: 720, fps: 30 };

    /// A computer of which encoding a picture of full size takes a part, and a line.
    struct Studio {
        adapt: Adapt,
        now: f64,
        /// The newest picture of the camera that was taken, and when the next one may go out.
        taken: u64,
        next: f64,
        lost: u64,
        seed: u64,
        begun: Instant,
        /// Changes: seconds since the begin, and the rung from then on.
        course: Vec<(u64, usize)>,
    }

    struct World {
        /// Of the time between two pictures at the full rate.
        load: f32,
        line_kbps: u32,
        /// Bits that the picture can use, of those that it may have.
        detail: f64,
        /// Share of the pictures that take three times as long.
        noise: f64,
    }

    const CALM: World = World { load: 0.3, line_kbps: 2500, detail: 1.0, noise: 0.05 };

    impl Studio {
        fn new() -> Self {
            let adapt = Adapt::new(ALL, 2500, false);
            let begun = Instant::now();
            Self { adapt, now: 0.0, taken: 0, next: 0.0, lost: 0, seed: 1, begun, course: Vec::new() }
        }

        fn random(&mut self) -> f64 {
            self.seed =
                self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.seed >> 33) as f64 / (1u64 << 31) as f64
        }

        /// So many seconds of it; gives the rung at the end.
        fn run(&mut self, seconds: u64, world: &World) -> usize {
            const CAMERA: f64 = 30.0;
            let end = self.now + seconds as f64;
            while self.now < end {
                // The newest that the camera has, or the next that it will have.
                let newest = (self.now * CAMERA) as u64;
                self.lost += newest.saturating_sub(self.taken + 1);
                self.taken = newest.max(self.taken + 1);
                let captured = self.taken as f64 / CAMERA;
                self.now = self.now.max(captured);
                let rung = self.adapt.rung();
                let interval = 1.0 / f64::from(rung.fps);
                if captured + interval / 4.0 < self.next {
                    continue;
                }
                self.next = captured + interval;
                let part = (rung.pixels() / ALL.pixels()) as f32;
                let hiccup = if self.random() < world.noise { 3.0 } else { 1.0 };
                let busy = world.load * part * hiccup / ALL.fps as f32;
                self.now += f64::from(busy);
                let target_kbps = world.line_kbps.min(2500);
                let bits = f64::from(target_kbps) * world.detail * 1000.0 * interval;
                let glance = Glance {
                    now: self.begun + Duration::from_secs_f64(self.now),
                    busy: Duration::from_secs_f32(busy),
                    late: Duration::from_secs_f64(self.now - captured),
                    lost: self.lost,
                    bytes: (bits / 8.0) as usize,
                    target_kbps,
                    layered: false,
                };
                if self.adapt.look(&glance) {
                    self.course.push((self.now as u64, self.adapt.at));
                }
            }
            self.adapt.at
        }
    }

    #[test]
    fn the_rate_is_halved_first_and_then_the_sides_shrink() {
        let rung = |width, height, fps| Rung { width, height, fps };
        assert_eq!(
            ladder(ALL),
            [ALL, rung(1280, 720, 15), rung(852, 480, 15), rung(640, 360, 15), rung(426, 240, 15)]
        );
        assert_eq!(ladder(rung(320, 180, 15)), [rung(320, 180, 15)], "there is nothing to give up");
        assert_eq!(
            ladder(rung(640, 360, 60)),
            [rung(640, 360, 60), rung(640, 360, 30), rung(426, 240, 30), rung(320, 180, 30)]
        );
        assert_eq!(
            ladder(rung(720, 1280, 20))[1],
            rung(480, 852, 20),
            "ten pictures a second are a slide show"
        );
    }

    #[test]
    fn a_calm_broadcast_keeps_all_of_it() {
        let mut studio = Studio::new();
        assert_eq!(studio.run(600, &CALM), 0);
        assert!(studio.course.is_empty(), "{:?}", studio.course);
    }

    #[test]
    fn a_busy_computer_sends_less_within_three_seconds_and_all_of_it_again_soon_after() {
        let mut studio = Studio::new();
        studio.run(20, &CALM);
        assert_eq!(studio.run(3, &World { load: 1.2, ..CALM }), 1);
        assert_eq!(studio.adapt.strain(), Some(Strain::Computer));
        assert_eq!(studio.run(60, &World { load: 1.2, ..CALM }), 1, "half of the rate is enough");
        assert_eq!(studio.run(8, &CALM), 1, "not at once");
        assert_eq!(studio.run(5, &CALM), 0);
        assert_eq!(studio.adapt.strain(), None);
    }

    #[test]
    fn a_very_busy_computer_gives_up_size_too() {
        let mut studio = Studio::new();
        assert!(studio.run(12, &World { load: 3.0, ..CALM }) >= 2);
        assert_eq!(studio.run(120, &CALM), 0);
    }

    #[test]
    fn a_rung_that_is_too_high_is_tried_more_and_more_rarely() {
        // Encoding seems cheap as long as few pictures are encoded, and never is at the full rate.
        let mut studio = Studio::new();
        for _ in 0..1200 {
            let load = if studio.adapt.at == 0 { 1.1 } else { 0.4 };
            studio.run(1, &World { load, ..CALM });
        }
        let rises: Vec<u64> =
            studio.course.iter().filter(|(_, at)| *at == 0).map(|(when, _)| *when).collect();
        assert!((4..=8).contains(&rises.len()), "{:?}", studio.course);
        let gaps: Vec<u64> = rises.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.windows(2).all(|pair| pair[1] > pair[0] || pair[1] >= 300), "{gaps:?}");
        assert!(gaps.last() > Some(&100), "{gaps:?}");
        // And is there for good once it works.
        let settled = studio.run(700, &CALM);
        assert_eq!((settled, studio.adapt.tried[0].wait), (0, WAIT));
    }

    #[test]
    fn noise_for_minutes_does_not_make_it_flap() {
        for noise in [0.0, 0.1, 0.2] {
            for load in [0.3, 0.5, 0.7, 0.9, 1.1] {
                let mut studio = Studio::new();
                studio.run(600, &World { load, noise, ..CALM });
                let changes = studio.course.len();
                assert!(changes <= 8, "load {load}, noise {noise}: {:?}", studio.course);
            }
        }
    }

    #[test]
    fn a_narrow_line_gets_what_looks_decent_on_it() {
        for (line_kbps, expected) in [(2500, 0), (900, 0), (700, 1), (300, 2), (170, 3), (90, 4)] {
            let mut studio = Studio::new();
            studio.run(20, &CALM);
            assert_eq!(studio.run(5, &World { line_kbps, ..CALM }), expected, "{line_kbps} kbit/s");
            let strain = (expected > 0).then_some(Strain::Line);
            assert_eq!(studio.adapt.strain(), strain);
            assert_eq!(studio.run(120, &World { line_kbps, ..CALM }), expected, "it stays there");
            assert_eq!(studio.run(60, &CALM), 0, "and comes back from {line_kbps} kbit/s");
        }
    }

    #[test]
    fn a_picture_that_needs_few_bits_is_not_made_smaller_for_a_line() {
        let mut studio = Studio::new();
        assert_eq!(studio.run(60, &World { line_kbps: 500, detail: 0.3, ..CALM }), 0);
        assert_eq!(studio.run(10, &World { line_kbps: 300, ..CALM }), 2);
        // What the path is proven for is no more than twice what is sent over it.
        assert_eq!(studio.run(60, &World { line_kbps: 340, detail: 0.5, ..CALM }), 0);
    }

    #[test]
    fn who_asks_for_few_bits_has_all_of_the_picture() {
        let mut adapt = Adapt::new(ALL, 600, false);
        assert!(adapt.needs(ALL) < 400.0, "{}", adapt.needs(ALL));
        adapt = Adapt::new(ALL, 2500, true);
        assert_eq!(adapt.rungs, [ALL]);
        let mut fixed = Studio { adapt, ..Studio::new() };
        assert_eq!(fixed.run(60, &World { load: 3.0, line_kbps: 100, ..CALM }), 0);
    }

    #[test]
    fn lower_layers_go_before_the_picture_does() {
        let mut adapt = Adapt::new(ALL, 2500, false);
        let mut now = Instant::now();
        for n in 0..300 {
            now += ALL.interval();
            let busy = ALL.interval() * 2;
            let bytes = 10_000;
            let layered = n < 150;
            adapt.look(&Glance { now, busy, late: busy, lost: 0, bytes, target_kbps: 2500, layered });
            assert!(!layered || adapt.at == 0);
        }
        assert!(adapt.at > 0);
        adapt.reset();
        assert_eq!((adapt.rung(), adapt.strain()), (ALL, None));
    }
}
