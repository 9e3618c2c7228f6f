//! Which layer fits one viewer's link.
//!
//! Pure: it is told the time and what the viewer's player reports. A link that objects to a layer loses it within about
//! a second: one objection may be a hiccup of the radio, a second one behind it is the link. The way up is never tried
//! with the viewer's picture: a climb first fills the link up to what the next layer takes, with filler that decoders
//! skip, and only where all of it arrives in time the picture follows. Each climb that fails is tried again later.

use footlight_media::congestion::{Controller, Report};

use crate::layers::{MOST, Rung};

/// No link objects before it is heard of, kbit/s.
const UNBOUNDED: u32 = 1_000_000;
/// Two objections within this are the link's own, µs.
const CONFIRMED: i64 = 2_500_000;
/// A viewer that went down is not judged for this long, µs.
const DRAIN: i64 = 1_000_000;
/// Share of what a link carries that a layer may take: keyframes come in bursts.
const SPARE: f64 = 0.9;
/// What the next layer takes has to arrive with this to spare, for the same reason.
const MARGIN: f64 = 1.15;
/// Quiet this long, the way up may be tried, µs; half as much longer with each failure.
const WAIT: i64 = 2_500_000;
const LONGEST: i64 = 30_000_000;
/// A layer that was kept this long after the climb has proved itself, µs.
const PROVEN: i64 = 20_000_000;
/// A climb grows to its full rate in this time, so that a narrow link objects before much waits in it, µs.
const RAMP: i64 = 2_000_000;
/// Full for this long, it is judged, µs: what was sent at the full rate has been reported by then.
const HELD: i64 = 900_000;
/// And given up here, µs.
const OVER: i64 = 4_500_000;
/// Share of a climb that has to arrive. The rest is what is still under way when it is judged.
const ARRIVED: f64 = 0.85;
/// A player that has not reported for this long is not heard, µs: the way up is tried blindly then.
const UNHEARD: i64 = 3_000_000;
/// Quiet this long before that, µs.
const BLIND: i64 = 10_000_000;
/// Smoothed loss that a player reports of a link that is too narrow. Random loss of radio links stays below.
const HEAVY_LOSS: f64 = 0.10;
/// Filler that is caught up on at once, µs: a picture later than this leaves a hole rather than a burst.
const GAP: i64 = 100_000;

#[derive(Debug)]
pub(crate) struct Chooser {
    controller: Controller,
    /// When the player last reported, µs.
    heard: Option<i64>,
    /// Times of the last two objections of the link, µs.
    objected: [Option<i64>; 2],
    /// What arrived when the link last objected, kbit/s: that is what it carries.
    carried: f64,
    /// When the viewer last went to a lower layer, µs.
    sunk: Option<i64>,
    /// Smoothed loss of a player that reports nothing else, and whether it was too much.
    loss: f64,
    lossy: bool,
    /// Since when nothing spoke against the way up, µs.
    quiet: Option<i64>,
    /// How quiet it has to be before the way up to each place is tried, µs.
    waits: [i64; MOST],
    climb: Option<Climb>,
    /// Where and when the last climb ended well.
    climbed: Option<(usize, i64)>,
}

/// An attempt to fill the link up to the next layer.
#[derive(Debug, Clone, Copy)]
struct Climb {
    to: usize,
    need: f64,
    /// Filler at the full rate, kbit/s.
    extra: f64,
    begun: i64,
    filled: i64,
}

impl Chooser {
    pub(crate) fn new() -> Self {
        Self {
            controller: Controller::new(UNBOUNDED),
            heard: None,
            objected: [None; 2],
            carried: f64::INFINITY,
            sunk: None,
            loss: 0.0,
            lossy: false,
            quiet: None,
            waits: [WAIT; MOST],
            climb: None,
            climbed: None,
        }
    }

    /// The player's transport-wide feedback, in the order in which packets were sent.
    pub(crate) fn feedback(&mut self, now: i64, reports: &[Report]) {
        self.heard = Some(now);
        self.steer(now, |controller| controller.feedback(now, reports));
        // Long before the link would lose something of the picture.
        if let Some(climb) = self.climb.take_if(|_| self.controller.is_filling()) {
            self.quiet = Some(now);
            self.failed(climb.to);
        }
    }

    /// A receiver report of a player without such feedback.
    pub(crate) fn lost(&mut self, now: i64, share: f64) {
        if self.unheard(now) {
            self.loss += (share - self.loss) / 2.0;
            if self.loss > HEAVY_LOSS {
                self.lossy = true;
                self.objects(now);
            }
        }
    }

    /// The viewer did not take what it was to be sent.
    pub(crate) fn overflowed(&mut self, now: i64) {
        if self.unheard(now) {
            self.lossy = true;
            self.objects(now);
        } else {
            self.steer(now, |controller| controller.overflowed(now));
        }
    }

    fn unheard(&self, now: i64) -> bool {
        self.heard.is_none_or(|heard| now - heard > UNHEARD)
    }

    fn steer(&mut self, now: i64, report: impl FnOnce(&mut Controller)) {
        let before = self.controller.lowered();
        report(&mut self.controller);
        if self.controller.lowered() != before {
            self.objects(now);
        }
    }

    fn objects(&mut self, now: i64) {
        // What the layer before has left in the link has to drain first.
        if self.sunk.is_none_or(|at| now - at > DRAIN) {
            self.objected = [self.objected[1], Some(now)];
            self.carried = self.controller.acked_kbps().unwrap_or(self.carried);
        }
        self.quiet = Some(now);
        let soon = self.climbed.take_if(|(_, at)| now - *at < PROVEN).map(|(to, _)| to);
        if let Some(to) = self.climb.take().map(|climb| climb.to).or(soon) {
            self.failed(to);
        }
    }

    fn failed(&mut self, to: usize) {
        self.waits[to] = (self.waits[to] * 3 / 2).min(LONGEST);
    }

    /// The place to be at, for a viewer that is at `place`. `ladder` is not empty, best first.
    pub(crate) fn choose(&mut self, now: i64, place: usize, ladder: &[Rung]) -> usize {
        // What a layer takes is not known in its first second.
        let known = |rung: &Rung| rung.kbps > 0 || !self.has_heard_objections();
        let carries = self.carried * SPARE;
        let fits = |rung: &&Rung| known(rung) && f64::from(rung.kbps) <= carries;
        let best_of = |rungs: &[Rung]| {
            let best = rungs.iter().find(fits).or(rungs.last());
            best.map_or(place, |rung| rung.place)
        };
        let Some(at) = ladder.iter().position(|rung| rung.place == place) else {
            let best = best_of(ladder);
            self.climb = None;
            return best;
        };
        let (here_fits, below) = (fits(&&ladder[at]), best_of(&ladder[at..]));
        if let Some((to, _)) = self.climbed.take_if(|(_, at)| now - *at >= PROVEN) {
            self.waits[to] = WAIT;
        }
        let confirmed = matches!(self.objected, [Some(first), Some(_)] if now - first < CONFIRMED);
        if confirmed && !here_fits {
            self.climb = None;
            return below;
        }
        if std::mem::take(&mut self.lossy) && at + 1 < ladder.len() {
            return ladder[at + 1].place;
        }
        match at.checked_sub(1).map(|above| (ladder[above], ladder[at])) {
            Some((next, here)) => self.rise(now, next, here),
            None => {
                self.climb = None;
                place
            }
        }
    }

    fn rise(&mut self, now: i64, next: Rung, here: Rung) -> usize {
        let need = f64::from(next.kbps) * MARGIN;
        let calm = now - *self.quiet.get_or_insert(now);
        let unheard = self.unheard(now);
        let never = !self.has_heard_objections();
        if next.kbps == 0 && !never {
            return here.place;
        }
        let wait = self.waits[next.place];
        if never || unheard && calm >= wait.max(BLIND) {
            return self.up(now, next);
        }
        if unheard || calm < wait {
            self.climb = None;
            return here.place;
        }
        let fresh =
            Climb { to: next.place, need, extra: need - f64::from(here.kbps), begun: now, filled: now };
        let climb = *self.climb.get_or_insert(fresh);
        if climb.to != next.place {
            self.climb = None;
            return here.place;
        }
        let passed = now - climb.begun;
        let arrives = self.controller.acked_kbps().is_some_and(|acked| acked >= climb.need * ARRIVED);
        if passed >= RAMP + HELD && arrives {
            return self.up(now, next);
        }
        if passed > OVER {
            self.climb = None;
            self.quiet = Some(now);
            self.failed(next.place);
        }
        here.place
    }

    fn up(&mut self, now: i64, next: Rung) -> usize {
        // Where it was never objected to, nothing has to be proved.
        if self.has_heard_objections() && self.climbed.is_none_or(|(to, _)| to != next.place) {
            self.climbed = Some((next.place, now));
        }
        self.carried = f64::INFINITY;
        next.place
    }

    /// Whether the link ever took less than it was given.
    pub(crate) fn has_heard_objections(&self) -> bool {
        self.objected[1].is_some()
    }

    /// The viewer is at another layer now.
    pub(crate) fn moved(&mut self, now: i64, down: bool) {
        self.climb = None;
        self.quiet = Some(now);
        self.objected[0] = None;
        self.sunk = down.then_some(now);
        (self.loss, self.lossy) = (0.0, false);
    }

    /// Bytes of filler that are due.
    pub(crate) fn filler(&mut self, now: i64) -> usize {
        let Some(climb) = &mut self.climb else { return 0 };
        let passed = (now - climb.filled).clamp(0, GAP);
        climb.filled = now;
        let grown = ((now - climb.begun) as f64 / RAMP as f64).min(1.0);
        (climb.extra * grown * passed as f64 / 8000.0).max(0.0) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LADDER: [Rung; 3] =
        [Rung { place: 0, kbps: 2500 }, Rung { place: 1, kbps: 900 }, Rung { place: 2, kbps: 300 }];

    /// A link with one queue of 600 ms, and a viewer behind it who starts at the best layer. Returns the place every
    /// 100 ms, and the bytes of filler.
    fn watch(seconds: i64, ladder: &[Rung], capacity: impl Fn(f64) -> f64) -> (Vec<usize>, usize) {
        let mut chooser = Chooser::new();
        let (mut place, mut places, mut filler) = (ladder[0].place, Vec::new(), 0);
        let (mut free_at, mut sent): (f64, Vec<Report>) = (0.0, Vec::new());
        for frame in 0..seconds * 30 {
            let now = frame * 33_333;
            let kbps = f64::from(ladder.iter().find(|rung| rung.place == place).unwrap().kbps);
            // Every two seconds a keyframe of six times the size.
            let share = if frame % 60 == 0 { 6.0 } else { 54.0 / 59.0 };
            let due = chooser.filler(now);
            filler += due;
            let bytes = kbps * 125.0 / 30.0 * share + due as f64;
            for n in 0..(bytes / 1150.0).ceil() as i64 {
                let at = now + n * 20;
                let start = free_at.max(at as f64);
                let dropped = start - at as f64 > 600_000.0;
                if !dropped {
                    free_at = start + 1150.0 * 8000.0 / capacity(at as f64 / 1e6);
                }
                let arrived = (!dropped).then_some(free_at as i64 + 20_000);
                sent.push(Report { sent: at, arrived, size: 1150 });
            }
            if frame % 3 == 0 {
                let known = |report: &Report| report.arrived.unwrap_or(report.sent + 100_000) <= now - 40_000;
                let count = sent.iter().take_while(|report| known(report)).count();
                let reports: Vec<Report> = sent.drain(..count).collect();
                chooser.feedback(now, &reports);
                let wanted = chooser.choose(now, place, ladder);
                if wanted != place {
                    chooser.moved(now, wanted > place);
                    place = wanted;
                }
                places.push(place);
            }
        }
        (places, filler)
    }

    fn at(places: &[usize], second: f64) -> usize {
        places[(second * 10.0) as usize]
    }

    #[test]
    fn a_wide_link_keeps_the_best_layer_and_is_never_filled() {
        let (places, filler) = watch(60, &LADDER, |_| 20_000.0);
        assert!(places.iter().all(|place| *place == 0));
        assert_eq!(filler, 0);
    }

    #[test]
    fn a_link_that_narrows_loses_layers_within_two_seconds_and_gets_them_back() {
        let narrow = |t: f64| if (10.0..25.0).contains(&t) { 600.0 } else { 6_000.0 };
        let (places, _) = watch(60, &LADDER, narrow);
        assert_eq!(at(&places, 9.5), 0);
        assert_ne!(at(&places, 12.0), 0, "{places:?}");
        assert!((14..25).all(|second| at(&places, f64::from(second)) == 2), "{places:?}");
        assert_eq!(at(&places, 40.0), 0, "{places:?}");
        assert!(places[400..].iter().all(|place| *place == 0), "{places:?}");
    }

    #[test]
    fn a_link_that_stays_narrow_is_tried_less_and_less_and_never_with_the_picture() {
        for (capacity, stays) in [(1_500.0, 1), (500.0, 2)] {
            let (places, filler) = watch(120, &LADDER, |_| capacity);
            let settled = &places[50..];
            assert!(settled.iter().all(|place| *place == stays), "{capacity}: {places:?}");
            // Seldom enough that it is a small share of what the link carries.
            let share = filler as f64 / (capacity * 125.0 * 120.0);
            assert!(share < 0.05, "{capacity}: {share}");
        }
    }

    #[test]
    fn a_hiccup_of_the_radio_costs_no_layer() {
        let (places, _) = watch(60, &LADDER, |t| if (20.0..20.3).contains(&t) { 50.0 } else { 8_000.0 });
        assert!(places.iter().all(|place| *place == 0), "{places:?}");
    }

    #[test]
    fn a_player_that_reports_only_losses_goes_down_by_them_and_up_after_a_while() {
        let mut chooser = Chooser::new();
        let (mut place, mut history) = (0, Vec::new());
        for second in 0..60 {
            let now = second * 1_000_000;
            chooser.lost(now, if (10..12).contains(&second) { 0.4 } else { 0.02 });
            let wanted = chooser.choose(now, place, &LADDER[..2]);
            if wanted != place {
                chooser.moved(now, wanted > place);
                place = wanted;
            }
            history.push(place);
        }
        assert_eq!((history[9], history[12], history[18], history[40]), (0, 1, 1, 0), "{history:?}");
    }

    #[test]
    fn who_is_at_a_layer_that_is_gone_gets_one_that_fits() {
        let mut chooser = Chooser::new();
        assert_eq!(chooser.choose(0, 9, &LADDER), 0);
        assert_eq!(chooser.choose(1, 0, &LADDER[1..]), 1);
    }
}
