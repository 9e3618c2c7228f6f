//! The gate: closed where it is quiet, so that nobody hears the room between two sentences.

use footlight_media::Pcm;
use footlight_protocol::mixer;

use super::gain::factor;

/// So far below its threshold it has to become before an open gate counts it as quiet: a voice that lingers at the
/// threshold does not flutter.
const HYSTERESIS_DB: f32 = 6.0;
/// It opens within this time: no click, and no consonant lost.
const ATTACK_MS: f32 = 2.0;

#[derive(Debug)]
pub(super) struct Gate {
    gain: f32,
    open: bool,
    /// Samples that it stays open for.
    held: u32,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self { gain: 1.0, open: true, held: 0 }
    }

    pub(super) fn apply(&mut self, set: &mixer::Gate, block: &mut [f32]) {
        if !set.on && self.gain == 1.0 {
            return;
        }
        let samples = |ms: f32| ms * Pcm::RATE as f32 / 1_000.0;
        let (opens, stays) = (factor(set.threshold_db), factor(set.threshold_db - HYSTERESIS_DB));
        let hold = samples(set.hold_ms) as u32;
        let rise = 1.0 / samples(ATTACK_MS);
        let fall = 1.0 / samples(set.release_ms).max(1.0);
        for frame in block.chunks_exact_mut(Pcm::CHANNELS) {
            let level = frame.iter().fold(0.0f32, |most, sample| most.max(sample.abs()));
            if level >= if self.open { stays } else { opens } {
                (self.open, self.held) = (true, hold);
            } else if self.held > 0 {
                self.held -= 1;
            } else {
                self.open = false;
            }
            self.gain =
                if self.open || !set.on { (self.gain + rise).min(1.0) } else { (self.gain - fall).max(0.0) };
            frame.iter_mut().for_each(|sample| *sample *= self.gain);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{db_of, tone};
    use super::*;

    const SET: mixer::Gate = mixer::Gate { on: true, threshold_db: -40.0, hold_ms: 100.0, release_ms: 100.0 };

    /// Milliseconds into `samples` (stereo) of the first and the last that is louder than -50 dB.
    fn loud(samples: &[f32]) -> Option<(f32, f32)> {
        let is = |sample: &f32| sample.abs() > 0.003;
        let (first, last) = (samples.iter().position(is)?, samples.iter().rposition(is)?);
        Some((first as f32 / 96.0, last as f32 / 96.0))
    }

    #[test]
    fn it_opens_for_what_is_loud_holds_and_closes() {
        let mut gate = Gate::new();
        let mut run = |db: f32, blocks: usize| {
            let mut heard = tone(440.0, db, blocks);
            heard.chunks_mut(1920).for_each(|block| gate.apply(&SET, block));
            heard
        };
        run(-50.0, 20);
        assert!(run(-50.0, 20).iter().all(|sample| *sample == 0.0), "below the threshold nothing is heard");
        let heard = run(-30.0, 10);
        let (first, _) = loud(&heard).expect("it opens");
        assert!(first < 3.0, "opened after {first} ms");
        assert!((db_of(&heard[9600..]) + 33.0).abs() < 0.1, "what is heard is not changed");
        // Between the two thresholds it stays open.
        assert!((db_of(&run(-43.0, 20)[9600..]) + 46.0).abs() < 0.1);
        let (_, last) = loud(&run(-47.0, 20)).expect("it is held");
        assert!((100.0..210.0).contains(&last), "closed after {last} ms");
    }

    #[test]
    fn switched_off_it_changes_nothing_and_does_not_click() {
        let off = mixer::Gate { on: false, ..SET };
        let mut gate = Gate::new();
        let quiet = tone(440.0, -60.0, 5);
        let mut heard = quiet.clone();
        heard.chunks_mut(1920).for_each(|block| gate.apply(&off, block));
        assert_eq!(heard, quiet);
        let mut constant = [0.005; 19_200];
        for (n, block) in constant.chunks_mut(1920).enumerate() {
            gate.apply(if n < 7 { &SET } else { &off }, block);
        }
        let steepest = constant.windows(3).map(|w| (w[2] - w[0]).abs()).fold(0.0, f32::max);
        assert!(steepest < 1e-4, "{steepest}");
        assert_eq!(constant[19_199], 0.005);
    }
}
