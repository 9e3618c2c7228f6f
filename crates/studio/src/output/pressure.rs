//! How much a TCP connection takes, by what waits in front of it. Only where an RTMP server is the broadcast's only
//! place does anybody act on it.

use std::time::{Duration, Instant};

/// Packets in the queue, of 120, from which the line is too narrow: more than half a second.
const MANY: usize = 45;
/// As few as wait when nothing is wrong.
const FEW: usize = 8;
/// What a decrease leads to, and what a second of calm adds.
const DECREASE: f64 = 0.75;
const INCREASE: f64 = 1.04;
/// The first decrease has to empty the queue before the second is judged.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// Below this no video is worth watching, kbit/s.
const FLOOR: f64 = 150.0;

#[derive(Debug)]
pub(super) struct Pressure {
    ceiling: f64,
    target: f64,
    changed: Instant,
}

impl Pressure {
    pub(super) fn new(ceiling_kbps: u32, now: Instant) -> Self {
        let ceiling = f64::from(ceiling_kbps);
        Self { ceiling, target: ceiling, changed: now }
    }

    /// A look at the queue; gives what the line is taken to carry, in kbit/s.
    pub(super) fn look(&mut self, waiting: usize, overflowed: bool, now: Instant) -> u32 {
        let since = now.duration_since(self.changed);
        if (overflowed || waiting > MANY) && since > PATIENCE {
            self.target = (self.target * DECREASE).max(FLOOR.min(self.ceiling));
            self.changed = now;
        } else if waiting <= FEW && since > PATIENCE + Duration::from_secs(1) {
            self.target = (self.target * INCREASE).min(self.ceiling);
            // Another step in a second, a decrease at any time.
            self.changed = now.checked_sub(PATIENCE).unwrap_or(now);
        }
        self.target as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_line_lowers_it_and_a_wide_one_brings_it_back() {
        let begin = Instant::now();
        let mut pressure = Pressure::new(2_500, begin);
        let mut step = 0;
        let mut run = |pressure: &mut Pressure, waiting, overflowed, seconds: u64| {
            let mut last = 0;
            for _ in 0..seconds * 5 {
                step += 1;
                last = pressure.look(waiting, overflowed, begin + Duration::from_millis(200) * step);
            }
            last
        };
        assert_eq!(run(&mut pressure, 4, false, 20), 2_500);
        let low = run(&mut pressure, 100, false, 8);
        assert!((500..1_100).contains(&low), "{low}");
        assert_eq!(run(&mut pressure, 119, true, 120), 150);
        assert_eq!(run(&mut pressure, 20, false, 20), 150, "in between it waits");
        assert_eq!(run(&mut pressure, 2, false, 120), 2_500);
    }
}
