//! The sound thread: hears the microphone, mixes, mutes, measures, and on air encodes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use footlight_media::{Codec, Pcm};
use footlight_protocol::studio::StudioEvent;

use crate::air::Air;
use crate::desk::Desk;
use crate::encode::{aac, opus};
use crate::mix::{Meter, Mixer};
use crate::resample::Resampler;
use crate::voice::{Chunk, Ear, Rate};
use crate::worker::Stop;
use crate::{Clock, Error};

/// The thread looks whether it shall stop at least this often.
const GLANCE: Duration = Duration::from_millis(100);

/// Losses are told at most this often.
const SECOND: Duration = Duration::from_secs(1);

pub(crate) struct Sound {
    pub(crate) ear: Ear,
    pub(crate) air: Arc<Air>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) clock: Clock,
    pub(crate) muted: Arc<AtomicBool>,
}

impl Sound {
    pub(crate) fn run(self, stop: &Stop) {
        let mut mixer = Mixer::new(self.clock.now());
        let mut meter = Meter::default();
        let mut resampler: Option<Resampler> = None;
        let mut encoders = Encoders::default();
        let (mut counted, mut told) = (0, Instant::now());
        while !stop.is_set() {
            let lost = self.ear.lost() + mixer.lost();
            if lost > counted && told.elapsed() > SECOND {
                tracing::warn!(lost = lost - counted, "sound came too late or too fast");
                (counted, told) = (lost, Instant::now());
            }
            if let Some(chunk) = self.ear.hear(self.clock.until(mixer.due()).min(GLANCE)) {
                take(&chunk, &mut mixer, &mut resampler);
            }
            while let Some(mut block) = mixer.pull(self.clock.now()) {
                if self.muted.load(Ordering::Relaxed) {
                    block.samples.fill(0.0);
                }
                if let Some(level) = meter.measure(&block.samples) {
                    self.desk.tell(StudioEvent::Level { level });
                }
                if let Err(error) = self.encode(&block, &mut encoders) {
                    tracing::error!(%error, "sound encoder");
                    encoders = Encoders::default();
                }
            }
        }
    }

    /// Each form of sound is made while an output takes it.
    fn encode(&self, block: &Pcm, encoders: &mut Encoders) -> Result<(), Error> {
        if self.air.is_sound_wanted(Codec::Opus) {
            let encoder = match &mut encoders.opus {
                Some(encoder) => encoder,
                none => none.insert(opus::Encoder::new()?),
            };
            encoder.set_loss(self.air.loss_percent());
            self.air.send(&encoder.encode(block)?);
        } else {
            encoders.opus = None;
        }
        if self.air.is_sound_wanted(Codec::Aac) {
            let encoder = match &mut encoders.aac {
                Some(encoder) => encoder,
                none => none.insert(aac::Encoder::new()?),
            };
            encoder.encode(block, |packet| self.air.send(&packet))?;
        } else {
            encoders.aac = None;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Encoders {
    opus: Option<opus::Encoder>,
    aac: Option<aac::Encoder>,
}

fn take(chunk: &Chunk, mixer: &mut Mixer, resampler: &mut Option<Resampler>) {
    let Rate::Device(rate) = chunk.rate else {
        mixer.push(&Pcm { captured: chunk.captured, samples: chunk.samples().to_vec() }, true);
        return;
    };
    if resampler.as_ref().is_none_or(|r| r.rate() != rate) {
        *resampler = Resampler::new(rate).inspect_err(|error| tracing::warn!(%error, "microphone")).ok();
    }
    if let Some(resampler) = resampler {
        resampler.correct(mixer.drift());
        if let Some(pcm) = resampler.push(chunk.captured, chunk.samples()) {
            mixer.push(&pcm, false);
        }
    }
}
