//! A channel's strip: what is done to its sound between its line and the sum.

use footlight_protocol::mixer::{Channel, FADER_MIN_DB};
use footlight_protocol::studio::Level;

use super::compressor::Compressor;
use super::delay::Delay;
use super::denoise::{self, Denoise};
use super::gain::{Ramp, factor_above};
use super::gate::Gate;
use super::meter::Meter;

/// Frames by which its sound is later than it came, beside the delay that is asked for.
pub(super) const LATENCY: usize = denoise::LATENCY;

pub(super) struct Strip {
    denoise: Denoise,
    gate: Gate,
    compressor: Compressor,
    delay: Delay,
    fader: Ramp,
    heard: Ramp,
    meter: Meter,
}

impl Strip {
    pub(super) fn new() -> Self {
        Self {
            denoise: Denoise::new(),
            gate: Gate::new(),
            compressor: Compressor::new(),
            delay: Delay::new(),
            fader: Ramp::at(1.0),
            heard: Ramp::at(0.0),
            meter: Meter::default(),
        }
    }

    /// Filters and fader. What comes out is what the creator may listen to.
    pub(super) fn filter(&mut self, set: &Channel, block: &mut [f32]) {
        for sample in block.iter_mut() {
            // A driver's nonsense must not stay in a filter for ever.
            if !sample.is_finite() {
                *sample = 0.0;
            }
        }
        self.denoise.apply(set.denoise, block);
        self.gate.apply(&set.gate, block);
        self.compressor.apply(&set.compressor, block);
        self.delay.apply(set.delay_ms, block);
        self.fader.apply(factor_above(FADER_MIN_DB, set.fader_db), block);
        self.meter.add(block);
    }

    /// What of it goes to the viewers: all of it at a `gain` of 1, nothing at 0.
    pub(super) fn send(&mut self, gain: f32, block: &mut [f32]) {
        self.heard.apply(gain, block);
    }

    /// Whether nothing of it is on its way to viewers.
    pub(super) fn is_closed(&self) -> bool {
        self.heard.now() == 0.0
    }

    /// How loud it was since it was last asked.
    pub(super) fn level(&mut self) -> Level {
        self.meter.take()
    }
}
