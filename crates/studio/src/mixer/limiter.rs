//! The limiter at the end: nothing that is sent is louder than -1 dB of full scale, whatever came in.
//!
//! It looks 5 ms ahead. A sample's gain is the mean, over these 5 ms, of the least gain that any sample in them needs;
//! so it is there in time, it slides, and no sample gets more than it may have.

use std::collections::VecDeque;

use footlight_media::Pcm;

use super::gain::left_after;

/// -1 dB of full scale: what a codec makes of it stays below full scale, too.
pub(super) const CEILING: f32 = 0.891_250_9;
/// Frames by which everything is later: 5 ms.
pub(super) const LATENCY: usize = 240;
/// How slowly it lets go: faster is heard as pumping.
const RELEASE_MS: f32 = 120.0;

#[derive(Debug)]
pub(super) struct Limiter {
    /// What was heard and not given: interleaved, `at` is the oldest.
    waiting: Box<[f32]>,
    at: usize,
    /// Frames heard.
    heard: u64,
    /// Gains that are needed, rising, with the frame that needs each: at most one a frame of the window.
    needed: VecDeque<(u64, f32)>,
    released: f32,
    /// The last gains after release, and their sum.
    recent: Box<[f32]>,
    sum: f64,
}

impl Limiter {
    pub(super) fn new() -> Self {
        Self {
            waiting: vec![0.0; LATENCY * Pcm::CHANNELS].into(),
            at: 0,
            heard: 0,
            needed: VecDeque::with_capacity(LATENCY + 2),
            released: 1.0,
            recent: vec![1.0; LATENCY + 1].into(),
            sum: (LATENCY + 1) as f64,
        }
    }

    /// Gives the block of [`LATENCY`] frames ago.
    pub(super) fn apply(&mut self, block: &mut [f32]) {
        let left = left_after(1, RELEASE_MS);
        for frame in block.chunks_exact_mut(Pcm::CHANNELS) {
            let peak = frame.iter().fold(0.0f32, |most, sample| most.max(sample.abs()));
            let gain = self.slide(if peak > CEILING { CEILING / peak } else { 1.0 }, left);
            for (sample, held) in frame.iter_mut().zip(&mut self.waiting[self.at..]) {
                let out = std::mem::replace(held, *sample);
                // Rounding is all that is left to cut.
                *sample = (out * gain).clamp(-CEILING, CEILING);
            }
            self.at = (self.at + Pcm::CHANNELS) % self.waiting.len();
        }
        // What rounding adds up to, in hours.
        self.sum = self.recent.iter().map(|gain| f64::from(*gain)).sum();
    }

    /// The gain for the frame that is given now, where the one that came needs `need`.
    fn slide(&mut self, need: f32, left: f32) -> f32 {
        let window = LATENCY as u64;
        while self.needed.back().is_some_and(|(_, gain)| *gain >= need) {
            self.needed.pop_back();
        }
        self.needed.push_back((self.heard, need));
        while self.needed.front().is_some_and(|(frame, _)| frame + window < self.heard) {
            self.needed.pop_front();
        }
        let least = self.needed.front().map_or(1.0, |(_, gain)| *gain);
        // Down at once, up slowly, and all the way: a gain of almost one would cost a multiplication for ever.
        let up = 1.0 - (1.0 - self.released) * left;
        self.released = least.min(if up > 0.999_99 { 1.0 } else { up });
        let place = (self.heard % (window + 1)) as usize;
        let old = std::mem::replace(&mut self.recent[place], self.released);
        self.sum += f64::from(self.released) - f64::from(old);
        self.heard += 1;
        let mean = (self.sum / (LATENCY + 1) as f64) as f32;
        if self.released == 1.0 && mean > 0.999_99 { 1.0 } else { mean }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Noise, db_of, tone};
    use super::*;

    fn limited(mut samples: Vec<f32>) -> Vec<f32> {
        let mut limiter = Limiter::new();
        samples.chunks_mut(1920).for_each(|block| limiter.apply(block));
        samples
    }

    fn peak(samples: &[f32]) -> f32 {
        samples.iter().fold(0.0, |most: f32, sample| most.max(sample.abs()))
    }

    #[test]
    fn nothing_is_over_the_ceiling_whatever_comes() {
        let mut noise = Noise::new(7);
        let mut bursts = vec![0.0f32; 96_000];
        for n in 0..200 {
            let at = n * 480 + (noise.next().abs() * 400.0) as usize;
            bursts[at] = noise.next() * 50.0;
        }
        let square = (0..96_000).map(|n| if n / 218 % 2 == 0 { 4.0 } else { -4.0 }).collect::<Vec<f32>>();
        let cases: [(&str, Vec<f32>); 6] = [
            ("a sine at 24 dB", tone(997.0, 24.0, 50)),
            ("a square", square),
            ("noise", (0..96_000).map(|_| noise.next() * 8.0).collect()),
            ("bursts", bursts),
            ("a step", [vec![0.0; 48_000], vec![1000.0; 48_000]].concat()),
            (
                "rising",
                (0..96_000).map(|n| n as f32 / 9_600.0 * if n % 2 == 0 { 1.0 } else { -1.0 }).collect(),
            ),
        ];
        for (name, samples) in cases {
            let heard = limited(samples);
            assert!(peak(&heard) <= CEILING, "{name}: {}", peak(&heard));
            assert!(peak(&heard) > CEILING * 0.6, "{name}: not silenced either: {}", peak(&heard));
        }
    }

    #[test]
    fn what_is_below_the_ceiling_is_as_it_was_and_5_ms_later() {
        let came = tone(440.0, -1.1, 20);
        let heard = limited(came.clone());
        assert_eq!(heard[LATENCY * 2..], came[..came.len() - LATENCY * 2]);
    }

    #[test]
    fn after_a_shout_it_lets_go() {
        let mut limiter = Limiter::new();
        let mut run = |db: f32, blocks: usize| {
            let mut samples = tone(440.0, db, blocks);
            samples.chunks_mut(1920).for_each(|block| limiter.apply(block));
            samples
        };
        let loud = run(12.0, 20);
        assert!(
            (db_of(&loud[9_600..]) + 4.01).abs() < 0.3,
            "a limited sine is still one: {}",
            db_of(&loud[9_600..])
        );
        run(-20.0, 50);
        assert!((db_of(&run(-20.0, 10)) + 23.01).abs() < 0.05);
    }
}
