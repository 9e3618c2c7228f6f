//! The microphone meter: where the bar stands, where the peak mark hangs, and whether it clipped.

use footlight_protocol::studio::Level;

/// What the left end of the meter means, in dB of full scale. Quieter than this is a silent room.
pub const FLOOR_DB: f32 = -60.0;
/// How long a peak hangs before it falls, in milliseconds: long enough to read.
const HOLD_MS: f64 = 1_500.0;
/// How fast it falls then.
const FALL_DB_PER_S: f32 = 24.0;
/// How fast the fill falls, in dB a second: what a peak programme meter does, so that a short word shows.
const FILL_FALL_DB_PER_S: f32 = 36.0;
/// Louder than this there is no room left before samples are cut.
const CLIP_DB: f32 = -1.0;

/// A meter with peak hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Meter {
    pub level: Level,
    /// What the bar is filled to: rises at once and falls slowly enough to be seen.
    pub fill: Level,
    /// The hanging peak, in dB of full scale.
    pub held_db: f32,
    held_at: f64,
    last_at: f64,
}

impl Default for Meter {
    fn default() -> Self {
        let level = Level::default();
        Self { level, fill: level, held_db: level.peak_db, held_at: 0.0, last_at: 0.0 }
    }
}

impl Meter {
    /// A new measurement at `now` (milliseconds).
    pub fn apply(&mut self, level: Level, now: f64) {
        let passed_s = ((now - self.last_at).max(0.0) / 1_000.0) as f32;
        if level.peak_db >= self.held_db {
            self.held_db = level.peak_db;
            self.held_at = now;
        } else if now - self.held_at > HOLD_MS {
            self.held_db = (self.held_db - FALL_DB_PER_S * passed_s).max(level.peak_db);
        }
        let fall = FILL_FALL_DB_PER_S * passed_s;
        self.fill = Level {
            peak_db: level.peak_db.max(self.fill.peak_db - fall),
            rms_db: level.rms_db.max(self.fill.rms_db - fall),
        };
        self.level = level;
        self.last_at = now;
    }

    /// Whether the held peak was too loud.
    pub fn clipped(&self) -> bool {
        self.held_db >= CLIP_DB
    }
}

/// Place of a loudness on the meter, 0.0 to 1.0.
pub fn place(db: f32) -> f32 {
    let db = if db.is_nan() { FLOOR_DB } else { db.clamp(FLOOR_DB, 0.0) };
    (db - FLOOR_DB) / -FLOOR_DB
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(peak_db: f32) -> Level {
        Level { peak_db, rms_db: peak_db - 6.0 }
    }

    #[test]
    fn a_peak_hangs_then_falls() {
        let mut meter = Meter::default();
        meter.apply(level(-6.0), 100.0);
        meter.apply(level(-40.0), 1_000.0);
        assert_eq!(meter.held_db, -6.0);
        meter.apply(level(-40.0), 1_700.0);
        assert!(meter.held_db < -6.0 && meter.held_db > -40.0);
        meter.apply(level(-40.0), 9_000.0);
        assert_eq!(meter.held_db, -40.0);
        assert!(!meter.clipped());
        meter.apply(level(0.0), 9_100.0);
        assert!(meter.clipped());
    }

    #[test]
    fn the_fill_rises_at_once_and_falls_so_that_it_is_seen() {
        let mut meter = Meter::default();
        meter.apply(level(-10.0), 1_000.0);
        assert_eq!(meter.fill, level(-10.0));
        meter.apply(level(-100.0), 1_500.0);
        assert_eq!(meter.fill, level(-28.0));
        assert_eq!(meter.level, level(-100.0));
        meter.apply(level(-20.0), 1_600.0);
        assert_eq!(meter.fill, level(-20.0));
        meter.apply(level(-100.0), 9_000.0);
        assert_eq!(meter.fill, level(-100.0));
    }

    #[test]
    fn loudness_has_a_place() {
        for (db, at) in [(0.0, 1.0), (6.0, 1.0), (-60.0, 0.0), (-100.0, 0.0), (-30.0, 0.5), (f32::NAN, 0.0)] {
            assert_eq!(place(db), at, "{db}");
        }
    }
}
