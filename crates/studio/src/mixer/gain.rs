//! Gains, and how to go from one to the next without a click.

use footlight_media::Pcm;

/// As a factor; `floor` dB and less is silence.
pub(super) fn factor_above(floor: f32, db: f32) -> f32 {
    if db <= floor { 0.0 } else { factor(db) }
}

pub(super) fn factor(db: f32) -> f32 {
    10f32.powf(db / 20.0)
}

/// Of an amplitude, in dB of full scale.
pub(super) fn db(amplitude: f32) -> f32 {
    20.0 * amplitude.log10()
}

/// Share of the way that is left after `steps` samples, where a time constant is `ms`.
pub(super) fn left_after(steps: usize, ms: f32) -> f32 {
    (-(steps as f32) / (ms.max(0.01) * Pcm::RATE as f32 / 1_000.0)).exp()
}

/// A gain that changes over a block.
#[derive(Debug)]
pub(super) struct Ramp {
    now: f32,
}

impl Ramp {
    pub(super) fn at(gain: f32) -> Self {
        Self { now: gain }
    }

    pub(super) fn now(&self) -> f32 {
        self.now
    }

    /// Multiplies a block, going evenly to `gain`.
    pub(super) fn apply(&mut self, gain: f32, block: &mut [f32]) {
        if self.now == gain {
            match gain {
                0.0 => block.fill(0.0),
                1.0 => {}
                gain => block.iter_mut().for_each(|sample| *sample *= gain),
            }
            return;
        }
        let frames = (block.len() / Pcm::CHANNELS).max(1) as f32;
        let step = (gain - self.now) / frames;
        for (n, frame) in block.chunks_exact_mut(Pcm::CHANNELS).enumerate() {
            let gain = self.now + step * (n + 1) as f32;
            frame.iter_mut().for_each(|sample| *sample *= gain);
        }
        self.now = gain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decibels_and_factors_agree() {
        assert!((factor(-6.0206) - 0.5).abs() < 1e-5 && (db(0.5) + 6.0206).abs() < 1e-4);
        assert_eq!(factor_above(-60.0, -60.0), 0.0);
        assert!(factor_above(-60.0, -59.0) > 0.001);
    }

    #[test]
    fn no_step_between_two_samples_is_heard() {
        let mut ramp = Ramp::at(1.0);
        let mut heard = Vec::new();
        for gain in [0.0, 0.0, 2.0, 0.5] {
            let mut block = [0.5; 1920];
            ramp.apply(gain, &mut block);
            assert_eq!(block[1919], 0.5 * gain);
            heard.extend(block.iter().step_by(2).copied());
        }
        let steepest = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(steepest < 0.0015, "{steepest}");
    }
}
