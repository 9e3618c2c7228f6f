//! The mixer: sound as it comes in, with jitter, gaps and drift, to an unbroken run of 20 ms blocks.
//!
//! Pure: it is told the time. Blocks follow each other exactly; what does not arrive in time becomes silence, what
//! arrives late or twice is dropped. How far the source's clock runs from ours is reported as [`Mixer::drift`], for
//! the resampler to correct.

use std::collections::VecDeque;
use std::time::Duration;

use footlight_media::{Pcm, Time};
use footlight_protocol::studio::Level;

use crate::encode::opus::BLOCK;

/// Length of a block.
pub(crate) const STEP: Duration = Duration::from_millis(20);
/// How long a block may be late before silence stands in: above the largest callback of common drivers.
pub(crate) const PATIENCE: Duration = Duration::from_millis(60);
/// More than this of waiting sound is delay that viewers would carry for ever: the oldest is dropped.
const RING: Duration = Duration::from_millis(200);
/// A step of a device's timeline above this is a gap; below it is jitter or drift.
const SNAP_MICROS: i64 = 40_000;
/// As above where there is no jitter: a source on the broadcast's own clock, or the first sound after silence of
/// ours, which would otherwise stay late for long.
const EXACT_MICROS: i64 = 1_000;
/// How fast the measured drift follows, per delivery of sound.
const DRIFT_GAIN: f64 = 0.02;

#[derive(Debug)]
pub(crate) struct Mixer {
    /// Capture instant of the next block.
    next: Time,
    /// Interleaved stereo from `next` on.
    waiting: VecDeque<f32>,
    /// Smoothed lead of the source's timeline over ours, microseconds.
    drift: f64,
    /// Silence stood in for sound that may still come.
    patched: bool,
    lost: u64,
}

impl Mixer {
    pub(crate) fn new(now: Time) -> Self {
        Self { next: now, waiting: VecDeque::new(), drift: 0.0, patched: false, lost: 0 }
    }

    /// Takes sound in, in the order of its capture; `exact` if the broadcast's own clock made it.
    pub(crate) fn push(&mut self, pcm: &Pcm, exact: bool) {
        let mut samples = pcm.samples.as_slice();
        let expected = self.next + length(self.waiting.len());
        let error = pcm.captured.as_micros() as i64 - expected.as_micros() as i64;
        let snap = if exact || self.patched { EXACT_MICROS } else { SNAP_MICROS };
        self.patched = false;
        if error > snap {
            let gap = Duration::from_micros(error as u64).min(RING);
            let end = self.waiting.len() + count(gap);
            self.waiting.resize(end, 0.0);
            if Duration::from_micros(error as u64) > RING {
                // Nothing of ours is left to wait for in between: go on where the source is.
                self.next = pcm.captured - length(end);
            }
            self.drift = 0.0;
        } else if error < -snap {
            let late = count(Duration::from_micros(error.unsigned_abs())).min(samples.len());
            self.lost += late as u64 / 2;
            // All of it: what comes next may be late too.
            self.patched = late == samples.len();
            samples = &samples[late..];
            self.drift = 0.0;
        } else {
            self.drift += (error as f64 - self.drift) * DRIFT_GAIN;
        }
        self.waiting.extend(samples);
        let excess = self.waiting.len().saturating_sub(count(RING));
        if excess > 0 {
            self.waiting.drain(..excess);
            self.next = self.next + length(excess);
            self.lost += excess as u64 / 2;
        }
    }

    /// The next block if it is complete, or if it is so late that silence has to fill it.
    pub(crate) fn pull(&mut self, now: Time) -> Option<Pcm> {
        let size = BLOCK * Pcm::CHANNELS;
        if self.waiting.len() < size && now < self.due() {
            return None;
        }
        let have = size.min(self.waiting.len());
        self.patched |= have < size;
        let mut samples: Vec<f32> = self.waiting.drain(..have).collect();
        samples.resize(size, 0.0);
        let captured = self.next;
        self.next = captured + STEP;
        if now.since(self.next) > RING + PATIENCE {
            // The machine slept: seconds of silence would only be delay.
            self.next = now - PATIENCE;
            self.waiting.clear();
        }
        Some(Pcm { captured, samples })
    }

    /// When the next block has to leave, complete or not.
    pub(crate) fn due(&self) -> Time {
        self.next + STEP + PATIENCE
    }

    /// How much longer a second of the source is than one of ours, as a correction for the resampler: positive
    /// asks for more samples.
    pub(crate) fn drift(&self) -> f64 {
        /// Corrected within this time, so gently that no ear hears the pitch move.
        const OVER_SECONDS: f64 = 5.0;
        (self.drift / 1e6 / OVER_SECONDS).clamp(-0.003, 0.003)
    }

    /// Samples a channel that were dropped.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }
}

fn length(samples: usize) -> Duration {
    Duration::from_micros((samples / Pcm::CHANNELS) as u64 * 1_000_000 / u64::from(Pcm::RATE))
}

fn count(length: Duration) -> usize {
    (length.as_micros() as usize * Pcm::RATE as usize / 1_000_000) * Pcm::CHANNELS
}

/// Measures loudness over 100 ms.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    peak: f32,
    power: f64,
    samples: usize,
}

impl Meter {
    /// Takes a block; every 100 ms gives what was measured.
    pub(crate) fn measure(&mut self, samples: &[f32]) -> Option<Level> {
        for sample in samples {
            self.peak = self.peak.max(sample.abs());
            self.power += f64::from(sample * sample);
        }
        self.samples += samples.len();
        if self.samples < Pcm::RATE as usize / 10 * Pcm::CHANNELS {
            return None;
        }
        let rms = (self.power / self.samples as f64).sqrt() as f32;
        let level = Level { peak_db: db(self.peak), rms_db: db(rms) };
        *self = Self::default();
        Some(level)
    }
}

fn db(amplitude: f32) -> f32 {
    (20.0 * amplitude.log10()).max(Level::default().peak_db)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_micros(1_000_000_000 + ms * 1000)
    }

    fn sound(ms: u64, length_ms: u64, value: f32) -> Pcm {
        Pcm { captured: at(ms), samples: vec![value; length_ms as usize * 96] }
    }

    #[test]
    fn blocks_follow_each_other_whatever_the_size_of_what_comes_in() {
        let mut mixer = Mixer::new(at(0));
        let mut out = Vec::new();
        for n in 0..60 {
            mixer.push(&sound(n * 7, 7, 0.5), false);
            while let Some(block) = mixer.pull(at(n * 7 + 7)) {
                out.push(block);
            }
        }
        assert_eq!(out.len(), 21);
        for (i, block) in out.iter().enumerate() {
            assert_eq!(block.captured, at(i as u64 * 20));
            assert!(block.samples.len() == 1920 && block.samples.iter().all(|s| *s == 0.5));
        }
    }

    #[test]
    fn a_gap_becomes_silence_of_the_same_length() {
        let mut mixer = Mixer::new(at(0));
        mixer.push(&sound(0, 20, 0.5), false);
        assert!(mixer.pull(at(20)).is_some());
        assert!(mixer.pull(at(90)).is_none(), "sound may still come");
        let silent = mixer.pull(at(100)).expect("too late now");
        assert_eq!((silent.captured, silent.samples[0]), (at(20), 0.0));
        // What belonged into the silent block is dropped, what follows is where it belongs.
        mixer.push(&sound(20, 20, 0.7), false);
        mixer.push(&sound(40, 20, 0.8), false);
        let block = mixer.pull(at(101)).expect("complete");
        assert_eq!((block.captured, block.samples[0]), (at(40), 0.8));
        // 100 ms are missing inside the stream: silence first, then the sound at its time.
        mixer.push(&sound(160, 20, 0.9), false);
        let blocks: Vec<_> = std::iter::from_fn(|| mixer.pull(at(180))).collect();
        let loud: Vec<_> = blocks.iter().map(|b| (b.captured, b.samples[960])).collect();
        assert_eq!(loud[0], (at(60), 0.0));
        assert_eq!(loud[5], (at(160), 0.9));
    }

    #[test]
    fn an_exact_source_stays_exact() {
        let mut mixer = Mixer::new(at(7));
        let mut first = None;
        for n in 1..20 {
            mixer.push(&sound(n * 20, 20, 0.5), true);
            while let Some(block) = mixer.pull(at(n * 20 + 20)) {
                let loud = block.samples.iter().position(|s| *s > 0.0);
                let at = loud.map(|i| block.captured + length(i));
                first = first.or(at);
            }
        }
        assert_eq!(first, Some(at(20)), "sound plays at the instant it carries");
    }

    #[test]
    fn too_much_waiting_sound_loses_the_oldest() {
        let mut mixer = Mixer::new(at(0));
        for n in 0..15 {
            mixer.push(&sound(n * 20, 20, n as f32), false);
        }
        let block = mixer.pull(at(300)).expect("complete");
        assert_eq!((block.captured, block.samples[0]), (at(100), 5.0));
        assert_eq!(mixer.lost(), 100 * 48);
    }

    #[test]
    fn a_source_that_comes_back_after_long_is_placed_where_it_is() {
        let mut mixer = Mixer::new(at(0));
        mixer.push(&sound(10_000, 20, 0.5), false);
        let blocks: Vec<_> = std::iter::from_fn(|| mixer.pull(at(10_020))).collect();
        let loud = blocks.iter().find(|b| b.samples[0] == 0.5).expect("the sound");
        assert_eq!(loud.captured, at(10_000));
    }

    #[test]
    fn a_fast_or_slow_device_shows_as_drift() {
        for (ppm, positive) in [(200i64, true), (-200, false)] {
            let mut mixer = Mixer::new(at(0));
            for n in 0..1000i64 {
                let captured = at(0).as_micros() as i64 + n * 10_000 * (1_000_000 + ppm) / 1_000_000;
                mixer.push(
                    &Pcm { captured: Time::from_micros(captured as u64), samples: vec![0.0; 960] },
                    false,
                );
                while mixer.pull(at(n as u64 * 10)).is_some() {}
            }
            assert_eq!(mixer.drift() > 0.0, positive, "{ppm} ppm: {}", mixer.drift());
            assert!(mixer.drift().abs() > 1e-4);
        }
    }

    #[test]
    fn the_meter_reads_what_was_played() {
        let mut meter = Meter::default();
        let half = vec![0.5; 1920];
        let levels: Vec<_> = (0..10).filter_map(|_| meter.measure(&half)).collect();
        assert_eq!(levels.len(), 2);
        assert!((levels[0].peak_db + 6.02).abs() < 0.01 && (levels[0].rms_db + 6.02).abs() < 0.01);
        let silent: Vec<_> = (0..5).filter_map(|_| meter.measure(&vec![0.0; 1920])).collect();
        assert_eq!(silent[0], Level::default());
    }
}
