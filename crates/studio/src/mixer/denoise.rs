//! Noise suppression by the recurrent network of RNNoise (Valin, "A hybrid DSP/deep learning approach to real-time
//! full-band speech enhancement", MMSP 2018).
//!
//! It gives a frame of 10 ms when the next one is there. The sound is as late where it is off, so that switching it
//! moves nothing: one goes over into the other. It hears both sides as one, as a voice is.

use footlight_media::Pcm;
use nnnoiseless::DenoiseState;

/// Frames by which everything is later: 10 ms.
pub(super) const LATENCY: usize = DenoiseState::FRAME_SIZE;
/// It counts in steps of 16 bit.
const SCALE: f32 = 32_768.0;
/// Network frames until it has heard enough to be given: the first holds nothing.
const WARM_UP: u32 = 2;
/// How much of it is given more with each sample: all after 20 ms.
const SLIDE: f32 = 1.0 / 960.0;

pub(super) struct Denoise {
    /// Made when it is switched on, and forgotten when nothing of it is heard any more.
    network: Option<(Box<DenoiseState<'static>>, u32)>,
    /// What came, to be given 10 ms later.
    kept: [f32; LATENCY * Pcm::CHANNELS],
    /// How much of what is given is the network's.
    share: f32,
}

impl Denoise {
    pub(super) fn new() -> Self {
        Self { network: None, kept: [0.0; LATENCY * Pcm::CHANNELS], share: 0.0 }
    }

    /// Gives what came [`LATENCY`] frames ago.
    pub(super) fn apply(&mut self, on: bool, block: &mut [f32]) {
        if on && self.network.is_none() {
            self.network = Some((DenoiseState::new(), 0));
        } else if !on && self.share == 0.0 {
            self.network = None;
        }
        for piece in block.chunks_exact_mut(LATENCY * Pcm::CHANNELS) {
            let Some((network, heard)) = &mut self.network else {
                piece.swap_with_slice(&mut self.kept);
                continue;
            };
            let (mut voice, mut clean) = ([0.0; LATENCY], [0.0; LATENCY]);
            for (voice, frame) in voice.iter_mut().zip(piece.chunks_exact(Pcm::CHANNELS)) {
                *voice = (frame[0] + frame[1]) * (0.5 * SCALE);
            }
            network.process_frame(&mut clean, &voice);
            *heard = heard.saturating_add(1);
            let step = if on && *heard > WARM_UP { SLIDE } else { -SLIDE };
            piece.swap_with_slice(&mut self.kept);
            for (frame, clean) in piece.chunks_exact_mut(Pcm::CHANNELS).zip(clean) {
                self.share = (self.share + step).clamp(0.0, 1.0);
                let clean = clean / SCALE;
                frame.iter_mut().for_each(|sample| *sample += (clean - *sample) * self.share);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Noise, db_of, speech};
    use super::*;

    fn cleaned(came: &[f32]) -> Vec<f32> {
        let mut denoise = Denoise::new();
        let mut heard = came.to_vec();
        heard.chunks_mut(1920).for_each(|block| denoise.apply(true, block));
        heard
    }

    /// As loud as `db`: white, or dull as a fan is.
    fn noise(db: f32, dull: f32, blocks: usize) -> Vec<f32> {
        let mut noise = Noise::new(3);
        // A uniform spread's mean square is a third; what the filter takes of it is given back.
        let amplitude = super::super::gain::factor(db) * (3.0 * (2.0 - dull) / dull).sqrt();
        let mut sample = 0.0;
        let hiss = (0..blocks * 960).flat_map(|_| {
            sample += (noise.next() - sample) * dull;
            [sample * amplitude; 2]
        });
        hiss.collect()
    }

    #[test]
    fn noise_goes_and_speech_stays() {
        // It takes the network some seconds to be sure that white noise is no breath.
        for (name, came, after) in
            [("white", noise(-30.0, 1.0, 400), 300), ("a fan's", noise(-40.0, 0.1, 100), 50)]
        {
            let less = db_of(&came[after * 1920..]) - db_of(&cleaned(&came)[after * 1920..]);
            println!("{name} noise: {less:.1} dB less");
            assert!(less > 10.0, "{name} noise is {less:.1} dB less");
        }
        let voice = speech(200);
        let kept = db_of(&cleaned(&voice)[96_000..]) - db_of(&voice[96_000..]);
        println!("speech: {kept:+.1} dB");
        assert!(kept.abs() < 3.0, "speech is {kept:+.1} dB");
    }

    #[test]
    fn it_is_10_ms_late_whether_on_or_off() {
        let voice = speech(150);
        let mut denoise = Denoise::new();
        let mut heard = voice.clone();
        heard.chunks_mut(1920).for_each(|block| denoise.apply(false, block));
        assert_eq!(heard[LATENCY * 2..], voice[..voice.len() - LATENCY * 2]);
        // Where the two are most alike is how late it is.
        let heard = cleaned(&voice);
        let left = |samples: &[f32], at: usize| samples[2 * at];
        let alike = |late: usize| {
            (48_000..96_000).map(|n| f64::from(left(&heard, n + late) * left(&voice, n))).sum::<f64>()
        };
        let most = (0..960).max_by(|a, b| alike(*a).total_cmp(&alike(*b))).expect("there are some");
        assert!(most.abs_diff(LATENCY) <= 12, "{most} frames late");
    }

    #[test]
    fn switching_it_does_not_click() {
        let mut denoise = Denoise::new();
        let mut heard = super::super::tests::tone(200.0, -20.0, 60);
        for (n, block) in heard.chunks_mut(1920).enumerate() {
            denoise.apply((10..40).contains(&n), block);
        }
        // A 200 Hz wave of this loudness moves by 0.0026 a sample.
        let steepest = heard.windows(3).map(|w| (w[2] - w[0]).abs()).fold(0.0, f32::max);
        assert!(steepest < 0.008, "{steepest}");
        assert!(denoise.network.is_none(), "nothing runs that nobody hears");
    }
}
