//! The way from the sound sources to the sound thread: chunks by value through one bounded queue for all channels.
//!
//! Speaking never blocks and never allocates, so a device's callback may do it. A full queue (the sound thread
//! hangs) loses the newest chunk, counted; the mixer fills the gap with silence.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use footlight_media::{Pcm, Time};
use footlight_protocol::mixer::ChannelId;
use footlight_protocol::studio::{MicrophoneId, SourceState, StudioEvent};

use crate::desk::Desk;

/// Stereo samples in a chunk: 10 ms at 48 kHz, so that one callback is a few chunks at most.
const CHUNK: usize = 480;
/// Chunks that may wait: 200 ms of the smallest callbacks (5 ms) in use, of each channel.
const QUEUE: usize = 40 * CHANNELS;
const CHANNELS: usize = ChannelId::ALL.len();

/// A piece of sound on its way.
pub(crate) struct Chunk {
    epoch: u64,
    pub(crate) channel: ChannelId,
    pub(crate) captured: Time,
    pub(crate) rate: Rate,
    length: usize,
    samples: [f32; CHUNK * Pcm::CHANNELS],
}

/// Whose clock the samples follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rate {
    /// 48 kHz of the broadcast's clock.
    Exact,
    /// So many Hz of a device's own clock.
    Device(u32),
}

impl Chunk {
    pub(crate) fn samples(&self) -> &[f32] {
        &self.samples[..self.length]
    }
}

/// Opens a channel's voices; the newest is heard.
pub(crate) struct Voices {
    desk: Arc<Desk>,
    channel: ChannelId,
    sender: SyncSender<Chunk>,
    epoch: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
}

/// The sound thread's end.
pub(crate) struct Ear {
    receiver: Receiver<Chunk>,
    epochs: [Arc<AtomicU64>; CHANNELS],
    lost: Arc<AtomicU64>,
}

impl Voices {
    /// Those of every channel, in the order of [`ChannelId::ALL`].
    pub(crate) fn all(desk: &Arc<Desk>) -> ([Self; CHANNELS], Ear) {
        let (sender, receiver) = sync_channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let voices = ChannelId::ALL.map(|channel| Self {
            desk: Arc::clone(desk),
            channel,
            sender: sender.clone(),
            epoch: Arc::new(AtomicU64::new(0)),
            lost: Arc::clone(&lost),
        });
        let epochs = std::array::from_fn(|n| Arc::clone(&voices[n].epoch));
        (voices, Ear { receiver, epochs, lost })
    }

    /// The microphone's alone.
    #[cfg(test)]
    pub(crate) fn new(desk: Arc<Desk>) -> (Self, Ear) {
        let ([microphone, _], ear) = Self::all(&desk);
        (microphone, ear)
    }

    /// A voice for the source that has this id. Every earlier voice of the channel is dumb from here on.
    pub(crate) fn open(&self, source: MicrophoneId) -> Voice {
        let epoch = self.epoch.fetch_add(1, Ordering::SeqCst) + 1;
        let voice = Voice {
            desk: Arc::clone(&self.desk),
            channel: self.channel,
            sender: self.sender.clone(),
            source,
            epoch,
            current: Arc::clone(&self.epoch),
            lost: Arc::clone(&self.lost),
        };
        voice.state(SourceState::Opening);
        voice
    }
}

impl Ear {
    /// The next chunk of a current voice, waiting until `wait` has passed.
    pub(crate) fn hear(&self, wait: std::time::Duration) -> Option<Chunk> {
        let chunk = self.receiver.recv_timeout(wait).ok()?;
        let epoch = ChannelId::ALL.iter().position(|channel| *channel == chunk.channel)?;
        (chunk.epoch == self.epochs[epoch].load(Ordering::Relaxed)).then_some(chunk)
    }

    /// Chunks that found the queue full.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// A sound source's way to the sound thread.
#[derive(Clone)]
pub(crate) struct Voice {
    desk: Arc<Desk>,
    channel: ChannelId,
    sender: SyncSender<Chunk>,
    source: MicrophoneId,
    epoch: u64,
    current: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
}

impl Voice {
    /// Speaks 48 kHz stereo of the broadcast's clock. False if this source has been replaced and should end.
    pub(crate) fn speak(&self, pcm: &Pcm) -> bool {
        let frames = pcm.samples.chunks_exact(Pcm::CHANNELS).map(|s| [s[0], s[1]]);
        self.speak_frames(Rate::Exact, pcm.captured, frames)
    }

    /// Speaks stereo frames; never blocks. False if this source has been replaced and should end.
    pub(crate) fn speak_frames(
        &self,
        rate: Rate,
        captured: Time,
        mut frames: impl Iterator<Item = [f32; 2]>,
    ) -> bool {
        let hertz = match rate {
            Rate::Exact => Pcm::RATE,
            Rate::Device(hertz) => hertz.max(1),
        };
        let mut spoken = 0u64;
        loop {
            let at = captured + std::time::Duration::from_micros(spoken * 1_000_000 / u64::from(hertz));
            let mut chunk = Chunk {
                epoch: self.epoch,
                channel: self.channel,
                captured: at,
                rate,
                length: 0,
                samples: [0.0; CHUNK * Pcm::CHANNELS],
            };
            for (to, frame) in chunk.samples.chunks_exact_mut(Pcm::CHANNELS).zip(frames.by_ref()) {
                to.copy_from_slice(&frame);
                chunk.length += Pcm::CHANNELS;
            }
            if chunk.length == 0 {
                break;
            }
            spoken += (chunk.length / Pcm::CHANNELS) as u64;
            match self.sender.try_send(chunk) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                }
                Err(TrySendError::Disconnected(_)) => return false,
            }
        }
        self.is_current()
    }

    pub(crate) fn is_current(&self) -> bool {
        self.current.load(Ordering::SeqCst) == self.epoch
    }

    /// Says how the source does, if that is news.
    pub(crate) fn state(&self, state: SourceState) {
        self.desk.update(|snapshot| {
            let (news, event) = match self.channel {
                ChannelId::Microphone => (
                    snapshot.microphone_state != state || snapshot.microphone != self.source,
                    StudioEvent::Microphone { microphone: self.source.clone(), state },
                ),
                ChannelId::Desktop => (snapshot.desktop_state != state, StudioEvent::Desktop { state }),
            };
            (news && self.is_current()).then_some(event)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footlight_protocol::studio::Snapshot;
    use std::time::Duration;

    #[test]
    fn long_sound_is_cut_and_a_replaced_voice_is_not_heard() {
        let (voices, ear) = Voices::new(Arc::new(Desk::new(Snapshot::default())));
        let old = voices.open("old".into());
        let pcm = Pcm { captured: Time::from_micros(1_000_000), samples: vec![0.5; 1920] };
        assert!(old.speak(&pcm));
        let first = ear.hear(Duration::from_secs(5)).expect("sound");
        let second = ear.hear(Duration::from_secs(5)).expect("sound");
        assert_eq!((first.samples().len(), second.samples().len()), (960, 960));
        assert_eq!(second.captured, Time::from_micros(1_010_000));
        let new = voices.open("new".into());
        assert!(!old.speak(&pcm));
        while ear.hear(Duration::ZERO).is_some() {}
        for _ in 0..QUEUE {
            new.speak(&pcm);
        }
        assert!(ear.lost() > 0, "a full queue drops and counts");
    }
}
