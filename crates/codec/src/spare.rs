//! How many lower layers of the picture this computer can afford, decided by what is measured and nothing else.
//!
//! Pure: it is told what each picture took. Lower layers are made of what the picture itself leaves over: they come one
//! by one, each after a time in which the encoder was idle for half of what it has, and all go at once when the encoder
//! falls behind, pictures are lost, or rate control is below what was asked for. Each time they had to go they stay
//! away for longer.

use std::time::{Duration, Instant};

use footlight_protocol::studio::{Held, LayerLimit};

/// Share of the time between two pictures that encoding the picture itself may take where there is a core to spare.
const IDLE: f32 = 0.5;
/// Above this it falls behind at the next hiccup.
const BUSY: f32 = 0.8;
/// Weight of one picture in the smoothed load.
const SMOOTH: f32 = 0.125;
/// Pictures lost in a second that are more than a hiccup, as a share of the frame rate.
const LOST: f32 = 0.1;
/// Measured for this long before the first lower layer, and between two.
const MEASURE: Duration = Duration::from_secs(3);
/// How long lower layers stay away after they had to go, the first time. Doubles.
const AWAY: Duration = Duration::from_secs(20);
const LONGEST: Duration = Duration::from_secs(300);
/// Kept for this long, they belong.
const SETTLED: Duration = Duration::from_secs(60);

/// Lines of a picture from which it goes in three layers, and in two. Of less, half is nothing to look at.
const LARGE: u32 = 1080;
const MEDIUM: u32 = 360;

/// How many lower layers a picture of that size may have at all, and what keeps it from more.
pub fn sensible(width: u32, height: u32, limit: LayerLimit) -> (usize, Option<Held>) {
    let sense = match width.min(height) {
        LARGE.. => 2,
        MEDIUM.. => 1,
        _ => 0,
    };
    match limit {
        LayerLimit::Most(most) if usize::from(most) <= sense => {
            (usize::from(most).saturating_sub(1), Some(Held::Chosen))
        }
        _ if sense == 0 => (0, Some(Held::Small)),
        _ => (sense, None),
    }
}

/// What is known after a picture.
#[derive(Debug, Clone, Copy)]
pub struct Glance {
    pub now: Instant,
    /// What encoding the picture itself took.
    pub busy: Duration,
    /// Pictures that were skipped or dropped so far.
    pub lost: u64,
    /// Pictures that a lower layer missed so far.
    pub missed: u64,
    /// Rate control is below what was asked for.
    pub narrow: bool,
    /// Lower layers that an output takes.
    pub taken: usize,
    /// The picture itself goes out with less than was asked for, and that is why.
    pub eased: Option<Held>,
}

#[derive(Debug)]
pub struct Spare {
    most: usize,
    /// What keeps it from more than `most`.
    beyond: Option<Held>,
    interval: Duration,
    on: usize,
    held: Option<Held>,
    load: f32,
    /// Nothing has spoken against one more since.
    calm: Option<Instant>,
    wait: Duration,
    first_wait: Duration,
    /// The last change for the better.
    risen: Option<Instant>,
    /// The second that is being counted: its begin, and what was lost and missed before it.
    second: Option<(Instant, u64, u64)>,
}

impl Spare {
    pub fn new(width: u32, height: u32, fps: u32, limit: LayerLimit) -> Self {
        let (most, beyond) = sensible(width, height, limit);
        // Who says how many gets them from the start.
        let first_wait = if limit == LayerLimit::Auto { MEASURE } else { Duration::ZERO };
        Self {
            most,
            beyond,
            interval: Duration::from_secs(1) / fps.max(1),
            on: 0,
            held: Some(Held::Measuring),
            load: 0.0,
            calm: None,
            wait: first_wait,
            first_wait,
            risen: None,
            second: None,
        }
    }

    /// The broadcast is over, or nobody takes it now.
    pub fn reset(&mut self) {
        (self.on, self.held, self.load) = (0, Some(Held::Measuring), 0.0);
        (self.calm, self.risen, self.second, self.wait) = (None, None, None, self.first_wait);
    }

    /// What keeps lower layers from going out now.
    pub fn held(&self) -> Option<Held> {
        if self.most == self.on { self.beyond } else { self.held }
    }

    /// How many lower layers are to be made from now on.
    pub fn look(&mut self, glance: &Glance) -> usize {
        let Glance { now, lost, missed, .. } = *glance;
        self.load += (glance.busy.as_secs_f32() / self.interval.as_secs_f32() - self.load) * SMOOTH;
        let (since, lost_before, missed_before) = *self.second.get_or_insert((now, lost, missed));
        let hiccup = LOST / self.interval.as_secs_f32();
        let (lost, missed) = (lost.saturating_sub(lost_before), missed.saturating_sub(missed_before));
        let behind = self.load > BUSY || lost as f32 > hiccup || missed as f32 > hiccup * 2.0;
        if now.duration_since(since) >= Duration::from_secs(1) {
            self.second = None;
        }
        let limit = self.most.min(glance.taken);
        let calm = *self.calm.get_or_insert(now);
        let narrow = glance.narrow.then_some(Held::Line);
        if let Some(held) = behind.then_some(Held::Busy).or(glance.eased).or(narrow) {
            self.held = Some(held);
            self.calm = Some(now);
            if self.on > 0 {
                self.wait = (self.wait * 2).clamp(AWAY, LONGEST);
                self.second = None;
            }
            (self.on, self.risen) = (0, None);
        } else if self.on > limit || limit == 0 {
            (self.on, self.held) = (limit, Some(Held::Output));
        } else if self.on < limit && self.load < IDLE && now.duration_since(calm) >= self.wait {
            self.on += 1;
            (self.calm, self.risen) = (Some(now), Some(now));
            self.wait = self.wait.max(MEASURE);
        } else if self.on < limit && self.load >= IDLE {
            (self.held, self.calm) = (Some(Held::Busy), Some(now));
        }
        if self.risen.take_if(|at| now.duration_since(*at) >= SETTLED).is_some() {
            self.wait = MEASURE;
        }
        self.on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells of 30 pictures a second; `busy` is a share of what there is.
    struct Studio {
        spare: Spare,
        glance: Glance,
    }

    impl Studio {
        fn new(limit: LayerLimit) -> Self {
            let spare = Spare::new(1920, 1080, 30, limit);
            let glance = Glance {
                now: Instant::now(),
                busy: Duration::ZERO,
                lost: 0,
                missed: 0,
                narrow: false,
                taken: 2,
                eased: None,
            };
            Self { spare, glance }
        }

        fn run(&mut self, seconds: u32, load: f32) -> usize {
            let mut on = 0;
            for _ in 0..seconds * 30 {
                self.glance.now += Duration::from_micros(33_333);
                self.glance.busy = Duration::from_secs_f32(load / 30.0);
                on = self.spare.look(&self.glance);
            }
            on
        }
    }

    #[test]
    fn a_picture_gets_as_many_layers_as_make_sense() {
        for (width, height, limit, expected) in [
            (1920, 1080, LayerLimit::Auto, (2, None)),
            (1280, 720, LayerLimit::Auto, (1, None)),
            (720, 1280, LayerLimit::Auto, (1, None)),
            (320, 240, LayerLimit::Auto, (0, Some(Held::Small))),
            (1920, 1080, LayerLimit::Most(1), (0, Some(Held::Chosen))),
            (1920, 1080, LayerLimit::Most(2), (1, Some(Held::Chosen))),
            (1280, 720, LayerLimit::Most(3), (1, None)),
            (320, 240, LayerLimit::Most(2), (0, Some(Held::Small))),
        ] {
            assert_eq!(sensible(width, height, limit), expected, "{width}x{height} {limit:?}");
        }
    }

    #[test]
    fn layers_come_one_by_one_where_the_encoder_is_idle() {
        let mut studio = Studio::new(LayerLimit::Auto);
        assert_eq!(studio.run(2, 0.3), 0);
        assert_eq!(studio.spare.held(), Some(Held::Measuring));
        assert_eq!(studio.run(2, 0.3), 1);
        assert_eq!(studio.run(4, 0.3), 2);
        assert_eq!(studio.spare.held(), None);
        let mut chosen = Studio::new(LayerLimit::Most(2));
        assert_eq!(chosen.run(1, 0.3), 1, "at once");
        assert_eq!((chosen.run(60, 0.3), chosen.spare.held()), (1, Some(Held::Chosen)));
    }

    #[test]
    fn a_computer_without_a_core_to_spare_makes_none() {
        let mut studio = Studio::new(LayerLimit::Auto);
        assert_eq!(studio.run(120, 0.7), 0);
        assert_eq!(studio.spare.held(), Some(Held::Busy));
    }

    #[test]
    fn layers_go_within_half_a_second_when_the_encoder_falls_behind_and_come_back_later_each_time() {
        let mut studio = Studio::new(LayerLimit::Most(2));
        let mut away = Vec::new();
        for _ in 0..3 {
            assert_eq!(studio.run(2, 0.3), 1);
            for _ in 0..15 {
                studio.glance.now += Duration::from_micros(33_333);
                studio.glance.busy = Duration::from_secs_f32(1.5 / 30.0);
                studio.spare.look(&studio.glance);
            }
            assert_eq!((studio.spare.on, studio.spare.held()), (0, Some(Held::Busy)));
            let mut seconds = 0;
            while studio.run(1, 0.3) == 0 {
                seconds += 1;
            }
            away.push(seconds);
        }
        assert!((18..24).contains(&away[0]) && away[1] > 35 && away[2] > 70, "{away:?}");
    }

    #[test]
    fn lost_pictures_and_a_narrow_line_end_them_too() {
        let mut studio = Studio::new(LayerLimit::Most(3));
        assert_eq!(studio.run(5, 0.2), 2);
        studio.glance.lost += 4;
        assert_eq!((studio.run(1, 0.2), studio.spare.held()), (0, Some(Held::Busy)));
        assert_eq!(studio.run(40, 0.2), 2);
        studio.glance.narrow = true;
        assert_eq!((studio.run(1, 0.2), studio.spare.held()), (0, Some(Held::Line)));
        studio.glance.narrow = false;
        assert_eq!(studio.run(100, 0.2), 2);
        studio.glance.eased = Some(Held::Busy);
        assert_eq!(
            (studio.run(100, 0.2), studio.spare.held()),
            (0, Some(Held::Busy)),
            "the picture comes first"
        );
        studio.glance.eased = None;
        studio.glance.taken = 0;
        assert_eq!((studio.run(100, 0.2), studio.spare.held()), (0, Some(Held::Output)));
    }
}
