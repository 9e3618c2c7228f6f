//! When sound was captured, from when it arrives.
//!
//! A sound server hands on what it has when it comes to it: several deliveries at once, then none for a while. The
//! samples themselves are even, so of all deliveries the one that came soonest tells best how they lie in time.

use std::time::Duration;

use footlight_media::Time;

/// The soonest is looked for over the last one to two of these: long enough that one delivery was prompt, short enough
/// that after a loss the sound is soon where it belongs.
const SPAN: Duration = Duration::from_millis(500);

/// Pure, and for one unbroken run of samples.
#[derive(Debug)]
pub(super) struct Arrivals {
    rate: u32,
    /// When the first delivery arrived.
    first: Option<Time>,
    /// Samples a channel so far.
    count: u64,
    /// By how much the promptest delivery was behind the count, in microseconds: of this span and the one before.
    least: [i64; 2],
    began: Time,
}

impl Arrivals {
    /// Of a source of `rate` samples a second.
    pub(super) fn new(rate: u32) -> Self {
        Self { rate: rate.max(1), first: None, count: 0, least: [i64::MAX; 2], began: Time::default() }
    }

    /// When the first of the samples was captured that arrive now, so many a channel: before `now` by their length at
    /// least.
    pub(super) fn captured(&mut self, now: Time, samples: usize) -> Time {
        let first = *self.first.get_or_insert(now);
        let begin = self.micros();
        self.count += samples as u64;
        let behind = now.as_micros() as i64 - first.as_micros() as i64 - self.micros();
        if now.since(self.began) > SPAN {
            self.least = [i64::MAX, self.least[0]];
            self.began = now;
        }
        self.least[0] = self.least[0].min(behind);
        let least = self.least[0].min(self.least[1]);
        Time::from_micros((first.as_micros() as i64 + least + begin).max(0) as u64)
    }

    /// The length of all samples so far.
    fn micros(&self) -> i64 {
        (u128::from(self.count) * 1_000_000 / u128::from(self.rate)) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_000_000_000;

    fn at(micros: u64) -> Time {
        Time::from_micros(START + micros)
    }

    /// How far each stamp is from the truth, in microseconds, of deliveries of 10 ms that arrive so late.
    fn apart(rate: u32, clock: f64, late: impl Fn(u64) -> u64) -> Vec<i64> {
        let mut arrivals = Arrivals::new(rate);
        let length = rate as usize / 100;
        (0..3_000u64)
            .map(|n| {
                let truth = |n: u64| (n as f64 * 10_000.0 / clock) as u64;
                let captured = arrivals.captured(at(truth(n + 1) + late(n)), length);
                captured.as_micros() as i64 - (START + truth(n)) as i64
            })
            .collect()
    }

    #[test]
    fn deliveries_at_once_are_laid_out_evenly() {
        // Every fifth comes in time, and brings the four before with it.
        let apart = apart(44_100, 1.0, |n| (4 - n % 5) * 10_000);
        // The first five are not known better.
        assert!(apart[5..].iter().all(|micros| micros.abs() < 100), "{:?}", &apart[..20]);
    }

    #[test]
    fn a_clock_that_runs_off_is_followed() {
        for clock in [1.0 + 500e-6, 1.0 - 500e-6] {
            let apart = apart(48_000, clock, |n| n * 7_919 % 9_000);
            assert!(apart[50..].iter().all(|micros| micros.abs() < 1_500), "{:?}", apart.iter().max());
        }
    }

    #[test]
    fn after_a_loss_the_sound_is_soon_where_it_belongs() {
        let mut arrivals = Arrivals::new(48_000);
        for n in 0..100 {
            arrivals.captured(at((n + 1) * 10_000), 480);
        }
        // 300 ms are lost.
        let late: Vec<_> = (130..250u64)
            .map(|n| {
                (START + n * 10_000) as i64 - arrivals.captured(at((n + 1) * 10_000), 480).as_micros() as i64
            })
            .collect();
        assert_eq!((late[0], late[119]), (300_000, 0));
        assert!(late.iter().position(|late| *late == 0).is_some_and(|n| n <= 100), "{late:?}");
    }

    #[test]
    fn nothing_is_captured_after_it_arrived() {
        let mut arrivals = Arrivals::new(48_000);
        for (now, samples) in [(0, 4_800), (1_000, 480), (50_000, 4_800), (50_001, 4_800), (900_000, 480)] {
            let length = Duration::from_micros(samples as u64 * 1_000_000 / 48_000);
            assert!(arrivals.captured(at(now), samples) + length <= at(now));
        }
    }
}
