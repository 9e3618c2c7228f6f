//! Any sample rate to 48 kHz, following the device's clock.
//!
//! A small correction of the ratio keeps a device whose crystal runs fast or slow on the broadcast's timeline
//! without dropping or repeating a sample.

use std::time::Duration;

use footlight_media::{Pcm, Time};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Adjustable, Async, FixedAsync, Indexing, Resampler as _, SincInterpolationParameters,
    SincInterpolationType, WindowFunction,
};

use crate::Error;

const CHANNELS: usize = Pcm::CHANNELS;
/// The correction may change the ratio by this much; drift of real crystals is a tenth of it.
const MAX_CORRECTION: f64 = 1.01;

pub(crate) struct Resampler {
    inner: Async<f32>,
    rate: u32,
    /// Interleaved input that is not a whole chunk yet.
    pending: Vec<f32>,
    out: Vec<f32>,
    delay: Duration,
}

impl Resampler {
    /// From `rate` Hz stereo.
    pub(crate) fn new(rate: u32) -> Result<Self, Error> {
        if !(8_000..=384_000).contains(&rate) {
            return Err(Error::Device(format!("a sample rate of {rate} Hz")));
        }
        let sinc = SincInterpolationParameters {
            sinc_len: 128,
            f_cutoff: None,
            oversampling_factor: 128,
            interpolation: SincInterpolationType::Linear,
            window: WindowFunction::BlackmanHarris2,
        };
        // 5 ms: small against a block, large enough to be cheap.
        let chunk = rate as usize / 200;
        let ratio = f64::from(Pcm::RATE) / f64::from(rate);
        let inner = Async::new_sinc(ratio, MAX_CORRECTION, &sinc, chunk, CHANNELS, FixedAsync::Input)
            .map_err(|error| Error::Device(error.to_string()))?;
        let delay = Duration::from_secs_f64(inner.output_delay() as f64 / f64::from(Pcm::RATE));
        let out = vec![0.0; inner.output_frames_max() * CHANNELS];
        Ok(Self { inner, rate, pending: Vec::new(), out, delay })
    }

    pub(crate) fn rate(&self) -> u32 {
        self.rate
    }

    /// Makes this much more (positive) or less of each second.
    pub(crate) fn correct(&mut self, relative: f64) {
        // Out of bounds is impossible after the clamp, and a refused correction is tried again in 20 ms.
        let _ = self.inner.set_resample_ratio_relative((1.0 + relative).clamp(0.991, 1.009), true);
    }

    /// Takes interleaved stereo whose first sample was captured at `captured`; gives what is complete.
    pub(crate) fn push(&mut self, captured: Time, samples: &[f32]) -> Option<Pcm> {
        let before = self.pending.len() / CHANNELS;
        let head = captured - Duration::from_secs_f64(before as f64 / f64::from(self.rate));
        self.pending.extend_from_slice(samples);
        let (mut used, mut made) = (0, Vec::new());
        loop {
            let frames = self.inner.input_frames_next();
            let rest = &self.pending[used * CHANNELS..];
            if rest.len() < frames * CHANNELS {
                break;
            }
            let room = self.out.len() / CHANNELS;
            let input = InterleavedSlice::new(&rest[..frames * CHANNELS], CHANNELS, frames).ok()?;
            let mut output = InterleavedSlice::new_mut(&mut self.out, CHANNELS, room).ok()?;
            let done = self.inner.process_into_buffer(&input, &mut output, None::<&Indexing>);
            let (taken, given) = done.ok()?;
            used += taken;
            made.extend_from_slice(&self.out[..given * CHANNELS]);
        }
        self.pending.drain(..used * CHANNELS);
        (!made.is_empty()).then(|| Pcm { captured: head - self.delay, samples: made })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    /// Frequency by counting rising zero crossings.
    fn pitch(samples: &[f32]) -> f64 {
        let left: Vec<f32> = samples.iter().step_by(2).copied().collect();
        let rises = left.windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0).count();
        rises as f64 * f64::from(Pcm::RATE) / left.len() as f64
    }

    #[test]
    fn the_pitch_and_the_instant_survive_every_rate() {
        for rate in [8_000, 16_000, 44_100, 48_000, 96_000] {
            let mut resampler = Resampler::new(rate).expect("a rate of a device");
            let (mut out, mut first) = (Vec::new(), None);
            let mut n = 0u64;
            while n < u64::from(rate) * 2 {
                let captured = Time::from_micros(5_000_000 + n * 1_000_000 / u64::from(rate));
                let samples: Vec<f32> = (n..n + 441)
                    .flat_map(|i| {
                        let s = (i as f64 / f64::from(rate) * 440.0 * TAU).sin() as f32;
                        [s, s]
                    })
                    .collect();
                n += 441;
                if let Some(pcm) = resampler.push(captured, &samples) {
                    first.get_or_insert(pcm.captured);
                    out.extend(pcm.samples);
                }
            }
            let made = out.len() as f64 / 2.0 / f64::from(Pcm::RATE);
            assert!((made - 2.0).abs() < 0.05, "{rate} Hz: {made} s");
            assert!((pitch(&out[20_000..]) - 440.0).abs() < 2.0, "{rate} Hz: {} Hz", pitch(&out[20_000..]));
            // The sine that was captured at an instant is what carries that instant.
            let first = first.expect("sound").as_micros() as f64 / 1e6 - 5.0;
            let (mut same, mut power) = (0.0, 0.0);
            for (i, sample) in out.iter().step_by(2).enumerate().skip(2000).take(20_000) {
                let t = first + i as f64 / f64::from(Pcm::RATE);
                let wanted = (t * 440.0 * TAU).sin();
                same += wanted * f64::from(*sample);
                power += wanted * wanted;
            }
            assert!(same / power > 0.98, "{rate} Hz: {}", same / power);
        }
    }

    #[test]
    fn a_correction_makes_more_or_less() {
        let made = |relative: f64| {
            let mut resampler = Resampler::new(48_000).expect("opens");
            resampler.correct(relative);
            (0..200)
                .filter_map(|_| resampler.push(Time::default(), &[0.0; 960]))
                .map(|p| p.samples.len())
                .sum::<usize>()
        };
        let plain = made(0.0) as f64;
        assert!((made(0.003) as f64 / plain - 1.003).abs() < 0.001);
        assert!((made(-0.003) as f64 / plain - 0.997).abs() < 0.001);
        assert!(Resampler::new(0).is_err());
    }
}
