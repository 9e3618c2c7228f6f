//! The sound thread: hears the sources, mixes, measures, plays what is listened to, and on air encodes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use footlight_media::{Codec, Pcm};
use footlight_protocol::mixer::Levels;
use footlight_protocol::studio::{Level, StudioEvent};

use crate::air::Air;
use crate::desk::Desk;
use crate::encode::{aac, opus};
use crate::mixer::monitor::Speaker;
use crate::mixer::{Console, Settings};
use crate::newest::Newest;
use crate::voice::Ear;
use crate::worker::Stop;
use crate::{Clock, Error};

/// The thread looks whether it shall stop at least this often.
const GLANCE: Duration = Duration::from_millis(100);

/// Losses are told at most this often.
const SECOND: Duration = Duration::from_secs(1);

/// Meters that have stood still for so many measurements are not told again: by then they have fallen in the window, too.
const STILL: u32 = 100;

pub(crate) struct Sound {
    pub(crate) ear: Ear,
    pub(crate) air: Arc<Air>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) clock: Clock,
    pub(crate) settings: Arc<Newest<Settings>>,
    pub(crate) speaker: Speaker,
}

impl Sound {
    pub(crate) fn run(self, stop: &Stop) {
        let mut console = Console::new(self.clock.now());
        let mut encoders = Encoders::default();
        let (mut counted, mut told) = (0, Instant::now());
        let (mut shown, mut still) = ((Level::default(), Levels::default()), 0);
        while !stop.is_set() {
            let lost = self.ear.lost() + console.lost();
            if lost > counted && told.elapsed() > SECOND {
                tracing::warn!(lost = lost - counted, "sound came too late or too fast");
                (counted, told) = (lost, Instant::now());
            }
            if let Some(chunk) = self.ear.hear(self.clock.until(console.due()).min(GLANCE)) {
                console.hear(&chunk);
            }
            if let Some(settings) = self.settings.left() {
                console.set(settings);
            }
            while let Some(mixed) = console.pull(self.clock.now()) {
                if let Some(measured) = mixed.levels {
                    still = if measured == shown { still + 1 } else { 0 };
                    shown = measured;
                    let (level, levels) = measured;
                    if still < STILL {
                        self.desk.tell(StudioEvent::Level { level, levels });
                    }
                }
                if let Some(block) = mixed.monitor {
                    self.speaker.play(block);
                }
                if let Err(error) = self.encode(mixed.pcm, &mut encoders) {
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
