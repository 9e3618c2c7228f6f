//! A delay of up to two seconds, for sound that comes earlier than the picture it belongs to.

use footlight_media::Pcm;
use footlight_protocol::mixer::MAX_DELAY_MS;

use super::BLOCK;

/// Samples that are kept: the longest delay, and the block that it is given into.
const KEPT: usize = (MAX_DELAY_MS as usize * Pcm::RATE as usize / 1_000 + BLOCK) * Pcm::CHANNELS;

#[derive(Debug)]
pub(super) struct Delay {
    /// Made when there is something to delay.
    kept: Vec<f32>,
    /// Where the next sample goes.
    at: usize,
    /// Samples by which it is late.
    by: usize,
}

impl Delay {
    pub(super) fn new() -> Self {
        Self { kept: Vec::new(), at: 0, by: 0 }
    }

    /// Gives what came `ms` ago; where that was changed, one goes over into the other.
    pub(super) fn apply(&mut self, ms: u16, block: &mut [f32]) {
        let by = usize::from(ms.min(MAX_DELAY_MS)) * Pcm::RATE as usize / 1_000 * Pcm::CHANNELS;
        if by == 0 && self.by == 0 {
            self.kept = Vec::new();
            return;
        }
        if self.kept.is_empty() {
            (self.kept, self.at) = (vec![0.0; KEPT], 0);
        }
        for (n, sample) in block.iter().enumerate() {
            self.kept[(self.at + n) % KEPT] = *sample;
        }
        let ago = |by: usize, n: usize| self.kept[(self.at + n + KEPT - by) % KEPT];
        let length = block.len() as f32;
        for (n, sample) in block.iter_mut().enumerate() {
            let new = ago(by, n);
            *sample = if by == self.by {
                new
            } else {
                let old = ago(self.by, n);
                old + (new - old) * (n + 1) as f32 / length
            };
        }
        self.at = (self.at + block.len()) % KEPT;
        self.by = by;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::tone;
    use super::*;

    #[test]
    fn sound_comes_so_much_later_and_is_the_same() {
        for ms in [1u16, 20, 333, MAX_DELAY_MS] {
            let mut delay = Delay::new();
            // The first block goes over into what is delayed.
            delay.apply(ms, &mut [0.0; 1920]);
            let came = tone(440.0, -6.0, 150);
            let mut heard = came.clone();
            heard.chunks_mut(1920).for_each(|block| delay.apply(ms, block));
            let by = usize::from(ms) * 96;
            assert!(heard[..by].iter().all(|sample| *sample == 0.0), "{ms} ms");
            assert_eq!(heard[by..], came[..came.len() - by], "{ms} ms");
        }
    }

    #[test]
    fn changing_it_does_not_click_and_none_costs_nothing() {
        let mut delay = Delay::new();
        let mut heard = tone(50.0, -6.0, 60);
        for (n, block) in heard.chunks_mut(1920).enumerate() {
            delay.apply([0, 100, 40, 0][n / 15], block);
        }
        // A 50 Hz wave of this loudness moves by 0.0033 a sample at most; two of them, going over, by twice that.
        let steepest = heard.windows(3).map(|w| (w[2] - w[0]).abs()).fold(0.0, f32::max);
        assert!(steepest < 0.008, "{steepest}");
        assert!(delay.kept.is_empty());
    }
}
