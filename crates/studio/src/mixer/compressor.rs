//! The compressor: what is loud becomes less loud, along a curve with a soft knee (Giannoulis, Massberg, Reiss,
//! "Digital dynamic range compressor design", JAES 60, 2012).
//!
//! The loudness that it goes by is the mean power over 10 ms; the gain is found 3000 times a second and slides between.

use footlight_media::Pcm;
use footlight_protocol::mixer;

use super::gain::{factor, left_after};

/// Frames for which one gain is found.
const STEP: usize = 16;
/// Loudness is the mean over this time: shorter and a deep voice's own wave would be evened out.
const MEASURED_MS: f32 = 10.0;
/// The curve bends over so many dB around the threshold.
const KNEE_DB: f32 = 6.0;
/// The make-up gain goes to where it is set within some of this.
const MAKE_UP_MS: f32 = 20.0;
/// Far below all that is heard; keeps numbers from becoming so small that they cost time.
const NOTHING: f32 = 1e-20;

#[derive(Debug)]
pub(super) struct Compressor {
    power: f32,
    /// What is taken away, in dB: zero or less.
    reduction_db: f32,
    make_up_db: f32,
    gain: f32,
}

/// What is taken away of a steady loudness, in dB.
pub(super) fn curve(set: &mixer::Compressor, level_db: f32) -> f32 {
    let over = level_db - set.threshold_db;
    let bent = if over <= -KNEE_DB / 2.0 {
        0.0
    } else if over < KNEE_DB / 2.0 {
        (over + KNEE_DB / 2.0).powi(2) / (2.0 * KNEE_DB)
    } else {
        over
    };
    bent * (1.0 / set.ratio.max(1.0) - 1.0)
}

impl Compressor {
    pub(super) fn new() -> Self {
        Self { power: 0.0, reduction_db: 0.0, make_up_db: 0.0, gain: 1.0 }
    }

    pub(super) fn apply(&mut self, set: &mixer::Compressor, block: &mut [f32]) {
        /// Less than this is no gain.
        const REST_DB: f32 = 0.01;
        if !set.on && self.reduction_db > -REST_DB && self.make_up_db < REST_DB {
            *self = Self::new();
            return;
        }
        let measured = left_after(1, MEASURED_MS);
        let (attack, release) = (left_after(STEP, set.attack_ms), left_after(STEP, set.release_ms));
        let slide = left_after(STEP, MAKE_UP_MS);
        let make_up_db = if set.on { set.make_up_db } else { 0.0 };
        for piece in block.chunks_mut(STEP * Pcm::CHANNELS) {
            for frame in piece.chunks_exact(Pcm::CHANNELS) {
                let power = frame.iter().map(|sample| sample * sample).sum::<f32>() / frame.len() as f32;
                self.power = power + (self.power - power) * measured + NOTHING;
            }
            let wanted = if set.on { curve(set, 10.0 * self.power.log10()) } else { 0.0 };
            let left = if wanted < self.reduction_db { attack } else { release };
            self.reduction_db = wanted + (self.reduction_db - wanted) * left;
            self.make_up_db = make_up_db + (self.make_up_db - make_up_db) * slide;
            let gain = factor(self.reduction_db + self.make_up_db);
            let step = (gain - self.gain) / (piece.len() / Pcm::CHANNELS).max(1) as f32;
            for frame in piece.chunks_exact_mut(Pcm::CHANNELS) {
                self.gain += step;
                frame.iter_mut().for_each(|sample| *sample *= self.gain);
            }
            self.gain = gain;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{db_of, tone};
    use super::*;

    #[test]
    fn a_steady_tone_lies_on_the_curve_within_half_a_decibel() {
        for set in [
            mixer::Compressor { on: true, ..mixer::Compressor::default() },
            mixer::Compressor {
                on: true,
                threshold_db: -30.0,
                ratio: 8.0,
                make_up_db: 0.0,
                ..Default::default()
            },
            mixer::Compressor {
                on: true,
                threshold_db: -12.0,
                ratio: 1.0,
                make_up_db: 3.0,
                ..Default::default()
            },
        ] {
            for hertz in [110.0, 440.0, 3_000.0] {
                for peak_db in [-60.0, -40.0, -30.0, -27.0, -24.0, -20.0, -10.0, -3.0] {
                    let mut compressor = Compressor::new();
                    let mut heard = tone(hertz, peak_db, 100);
                    heard.chunks_mut(1920).for_each(|block| compressor.apply(&set, block));
                    // A sine's mean power is 3 dB below its peak.
                    let level = peak_db - 3.01;
                    let wanted = level + curve(&set, level) + set.make_up_db;
                    let is = db_of(&heard[96_000..]);
                    assert!((is - wanted).abs() < 0.5, "{hertz} Hz at {peak_db} dB: {is} dB, not {wanted}");
                }
            }
        }
    }

    #[test]
    fn the_curve_is_the_ratio_above_the_knee_and_bends_evenly() {
        let set = mixer::Compressor { threshold_db: -20.0, ratio: 4.0, ..Default::default() };
        assert_eq!(curve(&set, -23.1), 0.0);
        assert!((curve(&set, -12.0) + 6.0).abs() < 1e-4);
        assert!((curve(&set, -20.0) + 0.5625).abs() < 1e-4);
        let steps = (-300..0).map(|tenth| curve(&set, tenth as f32 / 10.0)).collect::<Vec<_>>();
        assert!(steps.windows(2).all(|pair| pair[1] <= pair[0] && pair[0] - pair[1] < 0.08));
    }

    #[test]
    fn it_attacks_and_releases_in_its_time() {
        let set = mixer::Compressor {
            on: true,
            threshold_db: -40.0,
            ratio: 4.0,
            attack_ms: 20.0,
            release_ms: 200.0,
            make_up_db: 0.0,
        };
        let mut compressor = Compressor::new();
        let mut run = |db: f32, blocks: usize| {
            let mut heard = tone(1_000.0, db, blocks);
            heard.chunks_mut(1920).for_each(|block| compressor.apply(&set, block));
            heard
        };
        run(-60.0, 10);
        let loud = run(-10.0, 20);
        // -13.01 dB is 26.99 over: 20.24 dB less in the end.
        assert!(db_of(&loud[..480]) > -16.0, "the first 5 ms come through");
        assert!((db_of(&loud[19_200..]) + 33.25).abs() < 0.5, "after 200 ms it is there");
        let quiet = run(-60.0, 60);
        // The mean of the loudness takes some 50 ms to be as low; then 200 ms are 63 % of the way.
        let after = db_of(&quiet[96 * 245..96 * 255]);
        assert!((-73.5..-68.0).contains(&after), "{after}");
        assert!((db_of(&quiet[96 * 1100..]) + 63.01).abs() < 0.5);
    }

    #[test]
    fn switching_it_does_not_click() {
        let on = mixer::Compressor { on: true, threshold_db: -20.0, ratio: 4.0, ..Default::default() };
        let off = mixer::Compressor { on: false, ..on };
        let mut compressor = Compressor::new();
        let mut heard = vec![0.3; 1920 * 130];
        for (n, block) in heard.chunks_mut(1920).enumerate() {
            compressor.apply(if (10..30).contains(&n) { &on } else { &off }, block);
        }
        let steepest = heard.windows(3).map(|w| (w[2] - w[0]).abs()).fold(0.0, f32::max);
        assert!(steepest < 0.002, "{steepest}");
        assert!((heard[1920 * 10 - 1] - 0.3).abs() < 1e-6 && (heard[1920 * 130 - 1] - 0.3).abs() < 1e-3);
    }
}
