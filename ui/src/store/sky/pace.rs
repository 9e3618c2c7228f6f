//! The media time of what a live page shows, between its frames and while they come unevenly: what flies must move
//! evenly all the same.

/// What flies may go by so much faster or slower than it should, to come to where the picture is.
const BEND: f64 = 0.08;
/// Farther apart than this, in milliseconds, it jumps: bending would take a minute.
const JUMP_MS: f64 = 4_000.0;
/// How much a single frame says: some are late by chance.
const WEIGHT: f64 = 0.1;

/// The offset of media time to the page's clock.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    /// Where frames say it is.
    aim_ms: Option<f64>,
    /// Where it is.
    offset_ms: f64,
    asked_ms: f64,
}

impl Pace {
    /// A frame that was captured at `captured_ms`, on the relay's clock, is shown at `shown_ms`, on ours.
    pub fn frame(&mut self, shown_ms: f64, captured_ms: f64) {
        let offset = captured_ms - shown_ms;
        if !offset.is_finite() {
            return;
        }
        match &mut self.aim_ms {
            Some(aim) if (*aim - offset).abs() < JUMP_MS => *aim += (offset - *aim) * WEIGHT,
            _ => {
                self.aim_ms = Some(offset);
                self.offset_ms = offset;
            }
        }
    }

    /// The media time at `now_ms` of our clock; none before the first frame. It never goes back by bending.
    pub fn at(&mut self, now_ms: f64) -> Option<f64> {
        let aim = self.aim_ms?;
        let most = (now_ms - self.asked_ms).max(0.0) * BEND;
        self.asked_ms = self.asked_ms.max(now_ms);
        self.offset_ms += (aim - self.offset_ms).clamp(-most, most);
        Some(now_ms + self.offset_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_time_flows_evenly_over_uneven_frames() {
        let mut pace = Pace::default();
        assert_eq!(pace.at(0.0), None);
        let mut before = None;
        for step in 0..300_u32 {
            let now = f64::from(step) * 16.0;
            // 200 ms behind, every fifth frame 60 ms late.
            let late = if step % 5 == 0 { 60.0 } else { 0.0 };
            pace.frame(now, now - 200.0 - late);
            let at = pace.at(now).unwrap();
            if let Some(before) = before {
                let moved: f64 = at - before;
                assert!((moved - 16.0).abs() <= 16.0 * BEND + 1e-6, "{moved} at {now}");
            }
            before = Some(at);
        }
        assert!((before.unwrap() - (299.0 * 16.0 - 212.0)).abs() < 30.0);
    }

    #[test]
    fn a_new_delay_is_come_to_and_a_far_one_jumped_to() {
        let mut pace = Pace::default();
        pace.frame(0.0, -200.0);
        let at = |pace: &mut Pace, now: f64, delay: f64| {
            pace.frame(now, now - delay);
            now - pace.at(now).unwrap()
        };
        let mut delay = 0.0;
        for step in 0..3_000 {
            delay = at(&mut pace, f64::from(step) * 10.0, 1_200.0);
        }
        assert!((delay - 1_200.0).abs() < 5.0, "{delay}");
        assert_eq!(at(&mut pace, 40_000.0, 9_000.0), 9_000.0);
        pace.frame(40_000.0, f64::NAN);
        assert!(pace.at(40_010.0).unwrap().is_finite());
    }
}
