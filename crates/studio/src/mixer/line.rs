//! A channel's line: sound as it comes in, with jitter, gaps and drift, laid out on the mixer's count of samples.
//!
//! Pure. What does not arrive in time becomes silence, what arrives late or twice is dropped. How far the source's
//! clock runs from ours is reported as [`Line::drift`], for the resampler to correct.

use std::collections::VecDeque;
use std::time::Duration;

use footlight_media::{Pcm, Time};

use super::{BLOCK, RING, count, length};

/// A step of a device's timeline above this is a gap; below it is jitter or drift.
const SNAP_MICROS: i64 = 40_000;
/// As above where there is no jitter: a source on the broadcast's own clock, or the first sound after silence of
/// ours, which would otherwise stay late for long.
const EXACT_MICROS: i64 = 1_000;
/// How fast the measured drift follows, per delivery of sound.
const DRIFT_GAIN: f64 = 0.02;
/// Nothing for so many blocks, and nobody waits for it any more: nothing is picked, or it was pulled out.
const DRY_BLOCKS: u32 = 10;

#[derive(Debug)]
pub(super) struct Line {
    /// When the mixer's count of samples began.
    origin: Time,
    /// The first of what waits, counted from there.
    head: u64,
    /// Interleaved stereo from `head` on.
    waiting: VecDeque<f32>,
    /// Smoothed lead of the source's timeline over ours, microseconds.
    drift: f64,
    /// Silence stood in for sound that may still come.
    patched: bool,
    /// Blocks since the last sound came in.
    dry: u32,
    lost: u64,
}

impl Line {
    pub(super) fn new(origin: Time) -> Self {
        Self {
            origin,
            head: 0,
            waiting: VecDeque::with_capacity(2 * count(RING) as usize * Pcm::CHANNELS),
            drift: 0.0,
            patched: false,
            dry: DRY_BLOCKS,
            lost: 0,
        }
    }

    /// Takes interleaved stereo in, in the order of its capture; `exact` if the broadcast's own clock made it.
    pub(super) fn push(&mut self, captured: Time, mut samples: &[f32], exact: bool) {
        self.dry = 0;
        let expected = self.origin + length(self.end());
        let error = captured.as_micros() as i64 - expected.as_micros() as i64;
        let snap = if exact || self.patched { EXACT_MICROS } else { SNAP_MICROS };
        self.patched = false;
        if error > snap {
            let gap = Duration::from_micros(error.unsigned_abs());
            if gap > RING {
                // Nothing of ours is left to wait for in between: go on where the source is.
                self.lost += self.frames();
                self.waiting.clear();
                self.head = count(captured.since(self.origin));
            } else {
                let end = self.waiting.len() + count(gap) as usize * Pcm::CHANNELS;
                self.waiting.resize(end, 0.0);
            }
            self.drift = 0.0;
        } else if error < -snap {
            let late = count(Duration::from_micros(error.unsigned_abs())) as usize * Pcm::CHANNELS;
            let late = late.min(samples.len());
            self.lost += (late / Pcm::CHANNELS) as u64;
            // All of it: what comes next may be late too.
            self.patched = late == samples.len();
            samples = &samples[late..];
            self.drift = 0.0;
        } else {
            self.drift += (error as f64 - self.drift) * DRIFT_GAIN;
        }
        self.waiting.extend(samples);
        let excess = self.frames().saturating_sub(count(RING));
        self.lost += excess;
        self.drop_first(excess);
    }

    /// Gives the samples from `from` on, silence where there are none.
    pub(super) fn fill(&mut self, from: u64, block: &mut [f32]) {
        let stale = from.saturating_sub(self.head).min(self.frames());
        self.lost += stale;
        self.drop_first(stale);
        let ahead = (self.head.saturating_sub(from) as usize * Pcm::CHANNELS).min(block.len());
        let ahead = if self.waiting.is_empty() { 0 } else { ahead };
        let have = (block.len() - ahead).min(self.waiting.len());
        block[..ahead].fill(0.0);
        for (to, from) in block[ahead..].iter_mut().zip(self.waiting.drain(..have)) {
            *to = from;
        }
        block[ahead + have..].fill(0.0);
        self.patched |= ahead + have < block.len();
        self.dry = self.dry.saturating_add(1);
        self.head = self.head.max(from) + (have / Pcm::CHANNELS) as u64;
        if self.waiting.is_empty() {
            self.head = self.head.max(from + (block.len() / Pcm::CHANNELS) as u64);
        }
    }

    /// Whether a block from `from` on is complete.
    pub(super) fn has(&self, from: u64) -> bool {
        self.end() >= from + BLOCK as u64
    }

    /// Whether it makes sense to wait for more.
    pub(super) fn is_awaited(&self) -> bool {
        self.dry < DRY_BLOCKS
    }

    /// Forgets what waits.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// How much longer a second of the source is than one of ours, as a correction for the resampler: positive
    /// asks for more samples.
    pub(super) fn drift(&self) -> f64 {
        /// Corrected within this time, so gently that no ear hears the pitch move.
        const OVER_SECONDS: f64 = 5.0;
        (self.drift / 1e6 / OVER_SECONDS).clamp(-0.003, 0.003)
    }

    /// Samples a channel that were dropped.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    fn frames(&self) -> u64 {
        (self.waiting.len() / Pcm::CHANNELS) as u64
    }

    fn end(&self) -> u64 {
        self.head + self.frames()
    }

    fn drop_first(&mut self, frames: u64) {
        self.waiting.drain(..frames as usize * Pcm::CHANNELS);
        self.head += frames;
    }
}

#[cfg(test)]
mod tests {
    use super::super::STEP;
    use super::*;
    use crate::resample::Resampler;

    const SIZE: usize = BLOCK * Pcm::CHANNELS;

    fn at(ms: u64) -> Time {
        Time::from_micros(1_000_000_000 + ms * 1000)
    }

    fn sound(length_ms: u64, value: f32) -> Vec<f32> {
        vec![value; length_ms as usize * 96]
    }

    fn next(line: &mut Line, block: u64) -> Vec<f32> {
        let mut out = vec![9.0; SIZE];
        line.fill(block * BLOCK as u64, &mut out);
        out
    }

    #[test]
    fn blocks_follow_each_other_whatever_the_size_of_what_comes_in() {
        let mut line = Line::new(at(0));
        let mut made = 0;
        for n in 0..60 {
            line.push(at(n * 7), &sound(7, 0.5), false);
            while line.has(made * BLOCK as u64) {
                assert!(next(&mut line, made).iter().all(|s| *s == 0.5), "block {made}");
                made += 1;
            }
        }
        assert_eq!((made, line.lost()), (21, 0));
    }

    #[test]
    fn a_gap_becomes_silence_of_the_same_length() {
        let mut line = Line::new(at(0));
        line.push(at(0), &sound(20, 0.5), false);
        assert_eq!(next(&mut line, 0)[0], 0.5);
        assert!(!line.has(BLOCK as u64), "sound may still come");
        assert_eq!(next(&mut line, 1)[0], 0.0, "too late now");
        // What belonged into the silent block is dropped, what follows is where it belongs.
        line.push(at(20), &sound(20, 0.7), false);
        line.push(at(40), &sound(20, 0.8), false);
        assert_eq!(next(&mut line, 2)[0], 0.8);
        // 100 ms are missing inside the stream: silence first, then the sound at its time.
        line.push(at(160), &sound(20, 0.9), false);
        let loud: Vec<f32> = (3..9).map(|block| next(&mut line, block)[960]).collect();
        assert_eq!(loud, [0.0, 0.0, 0.0, 0.0, 0.0, 0.9]);
    }

    #[test]
    fn sound_plays_at_the_instant_it_carries() {
        let mut line = Line::new(at(7));
        let mut heard = Vec::new();
        for n in 1..20 {
            line.push(at(n * 20), &sound(20, 0.5), true);
            heard.extend(next(&mut line, n - 1));
        }
        let first = heard.iter().position(|s| *s > 0.0).expect("sound");
        assert_eq!(at(7) + length((first / 2) as u64), at(20));
    }

    #[test]
    fn too_much_waiting_sound_loses_the_oldest() {
        let mut line = Line::new(at(0));
        for n in 0..15 {
            line.push(at(n * 20), &sound(20, n as f32 + 1.0), false);
        }
        assert_eq!(line.lost(), 100 * 48);
        let heard: Vec<f32> = (0..15).map(|block| next(&mut line, block)[0]).collect();
        assert_eq!(heard[..6], [0.0, 0.0, 0.0, 0.0, 0.0, 6.0], "what is left is where it belongs");
        assert_eq!(heard[14], 15.0);
    }

    #[test]
    fn a_source_that_comes_back_after_long_is_placed_where_it_is() {
        let mut line = Line::new(at(0));
        line.push(at(10_000), &sound(20, 0.5), false);
        assert_eq!(next(&mut line, 499)[SIZE - 1], 0.0);
        assert!(next(&mut line, 500).iter().all(|s| *s == 0.5));
        assert_eq!(next(&mut line, 501)[0], 0.0);
    }

    #[test]
    fn blocks_that_were_leapt_over_are_dropped() {
        let mut line = Line::new(at(0));
        for n in 0..5 {
            line.push(at(n * 20), &sound(20, n as f32 + 1.0), false);
        }
        assert_eq!(next(&mut line, 0)[0], 1.0);
        assert_eq!(next(&mut line, 4)[0], 5.0);
        assert_eq!(line.lost(), 60 * 48);
    }

    /// A device's crystal runs `ppm` faster or slower than the broadcast's clock, and its stamps jitter; a click is
    /// captured each second. How far from its capture each is heard, in milliseconds, over ten minutes.
    fn held(ppm: f64) -> Vec<f64> {
        const RATE: u32 = 48_000;
        const CHUNK: usize = 480;
        const MINUTES: usize = 10;
        let seconds = 60 * MINUTES;
        let true_micros = |sample: usize| sample as f64 * 1e6 / (f64::from(RATE) * (1.0 + ppm / 1e6));
        let mut line = Line::new(at(0));
        let mut resampler = Resampler::new(RATE).expect("a rate of a device");
        let (mut made, mut apart) = (0u64, Vec::new());
        let mut noise = 1u32;
        let mut block = vec![0.0; SIZE];
        for chunk in 0..seconds * RATE as usize / CHUNK {
            let first = chunk * CHUNK;
            let mut samples = vec![0.0; CHUNK * 2];
            // Before the middle of a chunk, so that stamps are not read off its edges.
            if chunk % 100 == 50 {
                samples[400..404].fill(1.0);
            }
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let jitter = f64::from(noise >> 16) / 65_536.0 * 6_000.0 - 3_000.0;
            let captured = at(0).as_micros() as f64 + 1_000_000.0 + true_micros(first) + jitter;
            resampler.correct(line.drift());
            if let Some(pcm) = resampler.push(Time::from_micros(captured as u64), &samples) {
                line.push(pcm.captured, &pcm.samples, false);
            }
            // Now: the end of the chunk, and what a device takes to deliver it.
            let now = captured + 10_000.0 + 5_000.0;
            while line.has(made * BLOCK as u64)
                || at(0).as_micros() as f64 + (made + 4) as f64 * 20_000.0 < now
            {
                line.fill(made * BLOCK as u64, &mut block);
                if let Some(top) = block.iter().position(|s| s.abs() > 0.5) {
                    let heard = (made as f64) * 20_000.0 + (top / 2) as f64 * 1e6 / 48_000.0;
                    let click = (chunk / 100 * 100 + 50) * CHUNK + 200;
                    apart.push((heard - 1_000_000.0 - true_micros(click)) / 1e3);
                }
                made += 1;
            }
        }
        assert!(apart.len() >= seconds - 2, "every click is heard: {}", apart.len());
        assert_eq!(line.lost(), 0, "{ppm} ppm: nothing is dropped");
        apart
    }

    #[test]
    fn a_clock_that_runs_200_ppm_off_is_held_over_ten_minutes() {
        for ppm in [200.0, -200.0] {
            let apart = held(ppm);
            let worst = apart.iter().fold(0.0f64, |worst, ms| worst.max(ms.abs()));
            println!(
                "{ppm:+} ppm: {worst:.2} ms at most over ten minutes, {:.2} ms at their end",
                apart[apart.len() - 1]
            );
            // Left alone it would be 120 ms.
            assert!(worst < 20.0, "{ppm} ppm: {worst} ms");
        }
    }

    #[test]
    fn a_fast_or_slow_device_shows_as_drift() {
        for (ppm, positive) in [(200i64, true), (-200, false)] {
            let mut line = Line::new(at(0));
            let mut made = 0;
            for n in 0..1000i64 {
                let captured = at(0).as_micros() as i64 + n * 10_000 * (1_000_000 + ppm) / 1_000_000;
                line.push(Time::from_micros(captured as u64), &[0.0; 960], false);
                while line.has(made * BLOCK as u64) {
                    next(&mut line, made);
                    made += 1;
                }
            }
            assert_eq!(line.drift() > 0.0, positive, "{ppm} ppm: {}", line.drift());
            assert!(line.drift().abs() > 1e-4);
            assert_eq!(STEP.as_micros() as usize, BLOCK * 1_000_000 / Pcm::RATE as usize);
        }
    }
}
