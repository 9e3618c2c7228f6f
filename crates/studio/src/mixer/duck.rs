//! Ducking: the computer becomes quieter while its creator speaks.

use super::gain::factor;

/// A voice is louder than this.
const SPEAKS: f32 = 0.01;
/// So many blocks after the last word it still counts as speaking: between two sentences nothing swells.
const HOLD: u32 = 25;
/// Blocks to go down in, and to come up again.
const DOWN: f32 = 5.0;
const UP: f32 = 40.0;

#[derive(Debug, Default)]
pub(super) struct Duck {
    held: u32,
    /// How far it is down, 0 to 1.
    depth: f32,
}

impl Duck {
    /// The gain of what is to be quieter by `db`, at the end of a block in which the voice was as loud as `voice`.
    pub(super) fn gain(&mut self, db: f32, voice: &[f32]) -> f32 {
        if db == 0.0 && self.depth == 0.0 {
            return 1.0;
        }
        let speaks = voice.iter().any(|sample| sample.abs() > SPEAKS);
        self.held = if speaks { HOLD } else { self.held.saturating_sub(1) };
        self.depth = if self.held > 0 && db > 0.0 {
            (self.depth + 1.0 / DOWN).min(1.0)
        } else {
            (self.depth - 1.0 / UP).max(0.0)
        };
        factor(-db * self.depth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_down_with_the_first_word_and_up_after_the_last() {
        let mut duck = Duck::default();
        let (word, pause) = ([0.1; 1920], [0.0; 1920]);
        assert_eq!(duck.gain(12.0, &pause), 1.0);
        let down: Vec<f32> = (0..5).map(|_| duck.gain(12.0, &word)).collect();
        assert!(down.windows(2).all(|pair| pair[1] < pair[0]) && (down[4] - 0.2512).abs() < 1e-3, "{down:?}");
        for _ in 0..HOLD - 1 {
            assert_eq!(duck.gain(12.0, &pause), down[4], "a pause between two words");
        }
        let up: Vec<f32> = (0..60).map(|_| duck.gain(12.0, &pause)).collect();
        assert!(up.windows(2).all(|pair| pair[1] >= pair[0]) && up[59] == 1.0, "{up:?}");
        assert_eq!(duck.gain(0.0, &word), 1.0);
    }
}
