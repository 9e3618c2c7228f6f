//! Puts a publisher's capture times on the relay's clock.
//!
//! A publisher whose clock agrees (everything arrives 0 to 5 s after it was captured) is believed. Another
//! one's times are shifted by the smallest difference between arrival and capture of late, so that the
//! fastest packet counts as just captured. Sound and picture share the shift, so they stay together.

use std::time::Duration;

use footlight_media::Time;

/// Older than this on arrival means a wrong clock, not a slow network.
const OLDEST: i64 = 5_000_000;
/// The same for a clock that is known by sender reports alone. An encoder may hold seconds back in a queue of its own,
/// and its reports come after its first pictures: believed, they would set back all times by what the queue holds.
const OLDEST_REPORTED: i64 = 300_000;
/// Earlier than this before arrival means a wrong clock, not two reads of the same one.
const EARLIEST: i64 = -1_000;
/// The smallest difference is that of the last one to two of these, so that a drifting clock is followed.
const WINDOW: Duration = Duration::from_secs(10);

/// What is known of a publisher's clock; its streams share it, so that they stay together.
#[derive(Debug)]
pub(crate) struct Clocks {
    /// By capture times in the packets.
    told: Align,
    /// By sender reports, for a publisher that does not say when it captured.
    reported: Align,
}

impl Default for Clocks {
    fn default() -> Self {
        Self { told: Align::default(), reported: Align::reported() }
    }
}

/// When the packets of one stream were captured.
#[derive(Debug)]
pub(crate) struct Timing {
    stamps: Stamps,
    /// The newest sender report: RTP timestamp and the publisher's time, unshifted.
    report: Option<(u32, Time)>,
    onward: Onward,
}

impl Timing {
    /// Of a stream whose timestamps count `rate` ticks a second.
    pub(crate) fn new(rate: u32) -> Self {
        Self { stamps: Stamps::new(rate), report: None, onward: Onward::new(rate) }
    }

    /// A sender report, where one came with the packet.
    pub(crate) fn hear(&mut self, report: Option<(u32, Time)>) {
        self.report = report.or(self.report);
    }

    /// When what has this timestamp was captured, on the relay's clock.
    pub(crate) fn place(
        &mut self,
        clocks: &mut Clocks,
        timestamp: u32,
        captured: Option<Time>,
        arrived: Time,
    ) -> Time {
        let placed = match (captured, self.report) {
            (Some(captured), _) => clocks.told.place(captured, arrived),
            (None, Some((at, reported))) => {
                clocks.reported.place(self.stamps.by_report(timestamp, at, reported), arrived)
            }
            (None, None) => self.stamps.by_arrival(timestamp, arrived),
        };
        self.onward.keep(timestamp, placed, arrived)
    }
}

/// State of one publisher, or of one stream of a publisher that does not say when it captured.
#[derive(Debug)]
struct Align {
    oldest: i64,
    shifted: bool,
    /// Smallest arrival minus capture, in microseconds, of this window and of the one before.
    smallest: Option<i64>,
    previous: Option<i64>,
    window: Option<Time>,
}

impl Default for Align {
    fn default() -> Self {
        Self { oldest: OLDEST, shifted: false, smallest: None, previous: None, window: None }
    }
}

impl Align {
    /// A clock that is known to have nothing to do with ours.
    fn foreign() -> Self {
        Self { shifted: true, ..Self::default() }
    }

    /// A clock that is known by sender reports alone.
    fn reported() -> Self {
        Self { oldest: OLDEST_REPORTED, ..Self::default() }
    }

    /// The capture time on the relay's clock; never later than `arrived`.
    fn place(&mut self, captured: Time, arrived: Time) -> Time {
        let delta = arrived.as_micros() as i64 - captured.as_micros() as i64;
        self.learn(delta, arrived);
        self.shifted |= !(EARLIEST..=self.oldest).contains(&delta);
        if !self.shifted {
            return captured.min(arrived);
        }
        let shift = self.smallest.into_iter().chain(self.previous).min().unwrap_or(delta);
        Time::from_micros(captured.as_micros().saturating_add_signed(shift)).min(arrived)
    }

    fn learn(&mut self, delta: i64, arrived: Time) {
        let started = *self.window.get_or_insert(arrived);
        // A clock that was set makes every difference so far worthless.
        let jumped = self.smallest.is_some_and(|smallest| (delta - smallest).abs() > OLDEST);
        if jumped {
            self.previous = None;
            self.smallest = None;
            self.window = Some(arrived);
        } else if arrived.since(started) > WINDOW {
            self.previous = self.smallest.take();
            self.window = Some(arrived);
        }
        self.smallest = Some(self.smallest.map_or(delta, |smallest| smallest.min(delta)));
    }
}

/// Capture times from RTP timestamps alone, for a publisher that sends no abs-capture-time: by its sender
/// reports where it sends some, else by arrival.
#[derive(Debug)]
pub(crate) struct Stamps {
    rate: u32,
    /// The newest timestamp and the ticks since the first.
    newest: Option<(u32, i64)>,
    align: Align,
}

impl Stamps {
    pub(crate) fn new(rate: u32) -> Self {
        Self { rate, newest: None, align: Align::foreign() }
    }

    /// By arrival: the stream's own pace, shifted so that its fastest packet counts as just captured.
    pub(crate) fn by_arrival(&mut self, timestamp: u32, arrived: Time) -> Time {
        let ticks = match self.newest {
            None => 0,
            Some((newest, ticks)) => ticks + i64::from(timestamp.wrapping_sub(newest) as i32),
        };
        self.newest = Some((timestamp, ticks));
        /// Far enough from zero that a timestamp which goes back stays positive.
        const BASE: i64 = 1 << 50;
        let micros = BASE + (ticks as i128 * 1_000_000 / i128::from(self.rate)) as i64;
        self.align.place(Time::from_micros(micros.unsigned_abs()), arrived)
    }

    /// By a sender report that says `timestamp` `at` was captured `reported`, on the publisher's clock.
    fn by_report(&self, timestamp: u32, at: u32, reported: Time) -> Time {
        let ticks = i64::from(timestamp.wrapping_sub(at) as i32);
        let micros = ticks * 1_000_000 / i64::from(self.rate);
        Time::from_micros(reported.as_micros().saturating_add_signed(micros))
    }
}

/// How far a timestamp may go back as that of a picture which is shown before one that came earlier. What goes back
/// further has begun its timestamps anew, as a player does that begins its file again.
const REORDERED: Duration = Duration::from_secs(1);
/// And how far it may go on. What goes on further has begun anew as well.
const ONWARD: Duration = Duration::from_secs(10);

/// Keeps the capture times of one stream in the order of its timestamps. A clock that is learned better, a sender report
/// that comes late, or the first one at all, set back what comes after it; taken for the order of the pictures, that
/// would be B-frames. Times that are to go back go at half their pace instead, until they are where they belong: a
/// picture that stands still for so long would be worse.
#[derive(Debug)]
struct Onward {
    rate: u32,
    newest: Option<(u32, Time)>,
}

impl Onward {
    fn new(rate: u32) -> Self {
        Self { rate, newest: None }
    }

    /// The time, or one after that of the newest timestamp before this one; never later than `arrived`, but by a
    /// microsecond a call. Where the timestamp itself goes back the stream says so, and it stays.
    fn keep(&mut self, timestamp: u32, captured: Time, arrived: Time) -> Time {
        let Some((newest, at)) = self.newest else {
            self.newest = Some((timestamp, captured));
            return captured;
        };
        let ticks = i64::from(timestamp.wrapping_sub(newest) as i32);
        let passed = Duration::from_micros(ticks.unsigned_abs() * 1_000_000 / u64::from(self.rate));
        if ticks <= 0 && passed <= REORDERED {
            return captured;
        }
        let paced = if ticks > 0 && passed <= ONWARD { at + passed / 2 } else { at };
        let captured = captured.max(paced.min(arrived)).max(at + Duration::from_micros(1));
        self.newest = Some((timestamp, captured));
        captured
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_375_970_000_000;

    fn at(micros: u64) -> Time {
        Time::from_micros(NOW + micros)
    }

    #[test]
    fn a_right_clock_is_believed() {
        let mut align = Align::default();
        for delay in [20_000, 300_000, 5_000, 4_000_000] {
            assert_eq!(align.place(at(10_000_000 - delay), at(10_000_000)), at(10_000_000 - delay));
        }
    }

    #[test]
    fn a_clock_that_is_ahead_is_shifted_so_that_nothing_is_captured_after_it_arrived() {
        let mut align = Align::default();
        let ahead = 40_000;
        for n in 0..100u64 {
            let arrived = at(n * 33_000 + [5_000, 9_000, 7_000][n as usize % 3]);
            let placed = align.place(at(n * 33_000 + ahead), arrived);
            assert!(placed <= arrived);
            assert!(arrived.since(placed) <= Duration::from_millis(4), "{:?}", arrived.since(placed));
        }
    }

    #[test]
    fn a_clock_that_is_hours_off_is_shifted_and_one_that_is_set_is_followed() {
        let mut align = Align::default();
        for n in 0..50u64 {
            let arrived = at(3_600_000_000 + n * 33_000);
            assert!(arrived.since(align.place(at(n * 33_000), arrived)) < Duration::from_millis(1));
        }
        for n in 50..60u64 {
            let arrived = at(3_600_000_000 + n * 33_000);
            let captured = at(7_200_000_000 + n * 33_000);
            assert!(arrived.since(align.place(captured, arrived)) < Duration::from_millis(1));
        }
    }

    #[test]
    fn timestamps_alone_keep_the_pace_over_the_wrap() {
        let mut stamps = Stamps::new(90_000);
        let first = u32::MAX - 4500;
        let a = stamps.by_arrival(first, at(0));
        let b = stamps.by_arrival(first.wrapping_add(9000), at(130_000));
        assert_eq!(b.since(a), Duration::from_millis(100));
        let earlier = stamps.by_report(first, first.wrapping_add(9000), at(500_000));
        assert_eq!(earlier, at(400_000));
    }

    #[test]
    fn a_better_known_clock_does_not_change_the_order_of_the_pictures() {
        let mut onward = Onward::new(90_000);
        let first = u32::MAX - 3000;
        let mut keep = |ticks: u32, micros: u64| {
            onward.keep(first.wrapping_add(ticks), at(micros), at(micros + 100_000)).since(at(0)).as_micros()
        };
        assert_eq!(keep(0, 100_000), 100_000);
        assert_eq!(keep(3000, 133_000), 133_000);
        // Learned to be 50 ms less: at half the pace until it is there.
        assert_eq!(keep(6000, 116_000), 149_666);
        assert_eq!(keep(9000, 149_000), 166_332);
        assert_eq!(keep(12_000, 183_000), 183_000);
        // A B-frame is one.
        assert_eq!(keep(9000, 150_000), 150_000);
        assert_eq!(keep(15_000, 216_000), 216_000);
        // Timestamps that begin anew are not.
        assert_eq!(keep(0_u32.wrapping_sub(1_800_000), 210_000), 216_001);
        assert_eq!(keep(0_u32.wrapping_sub(1_797_000), 250_000), 250_000);
    }

    #[test]
    fn what_comes_all_at_once_is_not_captured_after_it_came() {
        let mut onward = Onward::new(90_000);
        for n in 0..25u32 {
            let kept = onward.keep(n * 3600, at(0), at(0));
            assert!(kept.since(at(0)) <= Duration::from_micros(n.into()), "{kept:?}");
        }
    }

    /// An encoder holds `held` µs of its pictures back and none of its sound, and reports from the 20th picture on.
    /// Gives where pictures and sound of the same instant are placed, in µs before they arrived.
    fn holding(held: u64) -> Vec<(u64, u64)> {
        let (mut by_arrival, mut onward) = (Stamps::new(90_000), Onward::new(90_000));
        let mut align = Align::reported();
        let mut placed = Vec::new();
        for n in 0..1000u32 {
            let captured = at(10_000_000 + u64::from(n) * 40_000);
            let arrived = captured + Duration::from_micros(held + 20_000);
            let sound = align.place(captured, captured + Duration::from_micros(20_000));
            let time = match n {
                0..20 => by_arrival.by_arrival(n * 3600, arrived),
                _ => align.place(by_arrival.by_report(n * 3600, 0, at(10_000_000)), arrived),
            };
            let time = onward.keep(n * 3600, time, arrived);
            let sound_arrived = captured + Duration::from_micros(20_000);
            placed.push((
                arrived.since(time).as_micros() as u64,
                sound_arrived.since(sound).as_micros() as u64,
            ));
        }
        placed
    }

    #[test]
    fn pictures_that_an_encoder_holds_back_meet_their_sound_without_ever_standing_still() {
        for held in [0, 100_000, 3_000_000] {
            let placed = holding(held);
            for pair in placed.windows(2) {
                // Later by 40 ms each, and set back by half of that at most.
                assert!(pair[1].0 <= pair[0].0 + 20_001, "{held}: {pair:?}");
            }
            let (picture, sound) = placed[999];
            assert_eq!(picture, held + sound, "{held}: in the end they belong together");
            assert!(placed.iter().all(|(_, sound)| *sound <= 20_000), "{held}: sound is not held back");
        }
    }
}
