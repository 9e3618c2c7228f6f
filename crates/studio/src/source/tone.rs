//! The tone that goes with the test pattern: a 1 kHz beep for the first 100 ms of every second.
//!
//! Sound is computed from the clock, sample by sample, so a beep starts at the whole second exactly.

use std::f64::consts::TAU;
use std::time::Duration;

use footlight_media::{Pcm, Time};
use footlight_protocol::studio::SourceState;

use super::pattern::FLASH;
use crate::encode::opus::BLOCK;
use crate::voice::Voice;
use crate::worker::Worker;
use crate::{Clock, Error};

const HERTZ: f64 = 1000.0;
/// -12 dB of full scale: clear, and not unpleasant.
const AMPLITUDE: f64 = 0.25;
/// Rise and fall, so that the beep does not click.
const RAMP: f64 = 0.002;
const STEP: Duration = Duration::from_millis(20);

pub(crate) fn start(voice: Voice, clock: Clock) -> Result<Worker, Error> {
    Ok(Worker::spawn("tone", move |stop| {
        voice.state(SourceState::Running);
        let step = STEP.as_micros() as u64;
        let mut n = clock.now().as_micros() / step;
        // A block is complete when its last sample has been "captured".
        while !stop.wait(clock.until(Time::from_micros((n + 1) * step))) {
            let block = block(Time::from_micros(n * step));
            if !voice.speak(&block) {
                return;
            }
            n = (n + 1).max(clock.now().as_micros() / step - 1);
        }
    })?)
}

fn block(captured: Time) -> Pcm {
    let length = FLASH.as_secs_f64();
    let samples = (0..BLOCK).flat_map(|i| {
        let t = (captured.as_micros() % 1_000_000) as f64 / 1e6 + i as f64 / f64::from(Pcm::RATE);
        let envelope = (t / RAMP).min((length - t) / RAMP).clamp(0.0, 1.0);
        let sample = (AMPLITUDE * envelope * (t * HERTZ * TAU).sin()) as f32;
        [sample, sample]
    });
    Pcm { captured, samples: samples.collect() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use footlight_protocol::studio::Snapshot;

    use super::*;
    use crate::desk::Desk;
    use crate::source::pattern::on_beat;
    use crate::voice::Voices;

    #[test]
    fn the_tone_says_that_it_runs() {
        let desk = Arc::new(Desk::new(Snapshot::default()));
        let (voices, ear) = Voices::new(Arc::clone(&desk));
        let tone = start(voices.open("tone".into()), Clock::start()).expect("threads can be started");
        while ear.hear(STEP).is_none() {}
        assert_eq!(desk.snapshot().microphone_state, SourceState::Running);
        drop(tone);
    }

    #[test]
    fn the_beep_is_on_exactly_while_the_flash_is() {
        for n in 0..100 {
            let block = block(Time::from_micros(1_795_375_970_000_000 + n * 20_000));
            let loud = block.samples.iter().any(|s| s.abs() > 0.2);
            assert_eq!(loud, on_beat(block.captured), "block {n}");
        }
    }
}
