//! Loudness as it is shown: peak and root mean square of so many blocks.

use footlight_protocol::studio::Level;

use super::gain;

#[derive(Debug, Default)]
pub(super) struct Meter {
    peak: f32,
    power: f64,
    samples: usize,
}

impl Meter {
    pub(super) fn add(&mut self, samples: &[f32]) {
        let mut power = 0.0f32;
        for sample in samples {
            self.peak = self.peak.max(sample.abs());
            power += sample * sample;
        }
        self.power += f64::from(power);
        self.samples += samples.len();
    }

    /// What was added since it was last asked.
    pub(super) fn take(&mut self) -> Level {
        let Self { peak, power, samples } = std::mem::take(self);
        if samples == 0 {
            return Level::default();
        }
        let floor = Level::default().peak_db;
        let db = |amplitude: f32| gain::db(amplitude).max(floor);
        Level { peak_db: db(peak), rms_db: db((power / samples as f64).sqrt() as f32) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meter_reads_what_was_played() {
        let mut meter = Meter::default();
        for _ in 0..5 {
            meter.add(&[0.5; 1920]);
        }
        let level = meter.take();
        assert!((level.peak_db + 6.02).abs() < 0.01 && (level.rms_db + 6.02).abs() < 0.01);
        meter.add(&[0.0; 1920]);
        assert_eq!(meter.take(), Level::default());
        assert_eq!(meter.take(), Level::default());
    }
}
