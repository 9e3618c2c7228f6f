//! Sound files: whatever symphonia reads, as 48 kHz stereo without an end.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use footlight_media::{Pcm, Time};
use footlight_protocol::studio::SourceState;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::formats::{FormatReader, TrackType};
use symphonia::core::units::TimeBase;

use super::{joined, lost, mp4, next_packet, probe, unharmed, unreadable};
use crate::encode::opus::BLOCK;
use crate::mixer::STEP;
use crate::resample::Resampler;
use crate::voice::Voice;
use crate::worker::Worker;
use crate::{Clock, Error};

/// Whether `path` can be played as sound.
pub(crate) fn check(path: &Path) -> Result<(), Error> {
    let mut song = Song::open(path)?;
    let mut samples = VecDeque::new();
    if song.read(&mut samples) { Ok(()) } else { Err(unreadable(path, "no sound in it")) }
}

pub(in super::super) fn start(path: &Path, voice: Voice, clock: Clock) -> Result<Worker, Error> {
    check(path)?;
    let mut song = Song::open(path)?;
    Ok(Worker::spawn("sound file", move |stop| {
        let (pass, from) = joined(song.length, &clock);
        song.seek(from);
        let mut next = pass + from;
        let mut samples = VecDeque::new();
        voice.state(SourceState::Running);
        loop {
            while samples.len() < BLOCK * Pcm::CHANNELS {
                if stop.is_set() {
                    return;
                }
                if song.fill(&mut samples).is_err() {
                    return voice.state(lost());
                }
            }
            if stop.wait(clock.until(next + STEP)) {
                return;
            }
            let block: Vec<f32> = samples.drain(..BLOCK * Pcm::CHANNELS).collect();
            if !voice.speak(&Pcm { captured: next, samples: block }) {
                return;
            }
            next = next + STEP;
            let late = (clock.now() - STEP * 2).since(next);
            if song.length.is_some() {
                song.skip += frames(late);
            }
            next = next + late;
        }
    })?)
}

/// Stereo samples at 48 kHz in `time`.
fn frames(time: Duration) -> u64 {
    (time.as_micros() * u128::from(Pcm::RATE) / 1_000_000) as u64
}

struct Song {
    path: PathBuf,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    base: Option<TimeBase>,
    /// How long a pass lasts, where there are pictures to stay with.
    length: Option<Duration>,
    /// Where in the pass to start reading.
    from: Duration,
    /// Stereo samples of this pass that were read.
    given: u64,
    /// Stereo samples to leave out, to be where the pictures are.
    skip: u64,
    resampler: Option<Resampler>,
    decoded: Vec<f32>,
}

impl Song {
    fn open(path: &Path) -> Result<Self, Error> {
        let format = probe(path)?;
        let none = || unreadable(path, "no sound in it");
        let track = format.default_track(TrackType::Audio).ok_or_else(none)?;
        let parameters = track.codec_params.as_ref().and_then(|p| p.audio()).ok_or_else(none)?;
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map_err(|error| unreadable(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            decoder,
            track: track.id,
            base: track.time_base,
            length: mp4::length(&*format),
            from: Duration::ZERO,
            given: 0,
            skip: 0,
            format,
            resampler: None,
            decoded: Vec::new(),
        })
    }

    /// Goes to `to` in this pass.
    fn seek(&mut self, to: Duration) {
        if !mp4::seek(&mut *self.format, self.track, to)
            && let Ok(again) = Self::open(&self.path)
        {
            *self = again;
        }
        self.decoder.reset();
        self.from = to;
    }

    /// Appends some 48 kHz stereo, from the beginning again after the end.
    fn fill(&mut self, samples: &mut VecDeque<f32>) -> Result<(), Error> {
        let before = samples.len();
        let mut more = self.read(samples);
        self.given += ((samples.len() - before) / Pcm::CHANNELS) as u64;
        if let Some(length) = self.length.map(frames) {
            if !more {
                // The pictures go on: silence, a block at a time.
                self.given = self.given.max(frames(std::mem::take(&mut self.from)));
                let silence = length.saturating_sub(self.given).min(BLOCK as u64);
                samples.resize(samples.len() + silence as usize * Pcm::CHANNELS, 0.0);
                self.given += silence;
            }
            let surplus = self.given.saturating_sub(length) as usize * Pcm::CHANNELS;
            samples.truncate(samples.len().saturating_sub(surplus));
            more = self.given < length;
        }
        let skipped = self.skip.min((samples.len() / Pcm::CHANNELS) as u64);
        samples.drain(..skipped as usize * Pcm::CHANNELS);
        self.skip -= skipped;
        if !more {
            if self.given == 0 {
                return Err(unreadable(&self.path, "no sound in it any more"));
            }
            let mut again = Self::open(&self.path)?;
            again.skip = self.skip;
            *self = again;
        }
        Ok(())
    }

    /// Appends some 48 kHz stereo; false at the end.
    fn read(&mut self, samples: &mut VecDeque<f32>) -> bool {
        loop {
            let Some(packet) = next_packet(&mut *self.format) else {
                return false;
            };
            if packet.track_id != self.track {
                continue;
            }
            if !self.from.is_zero() {
                let end = packet.pts.checked_add(packet.dur).unwrap_or(packet.pts);
                if mp4::instant(self.base, end) <= self.from {
                    continue;
                }
                self.given = frames(mp4::instant(self.base, packet.pts).min(self.from));
                self.skip = frames(self.from) - self.given;
                self.from = Duration::ZERO;
            }
            // A damaged packet is a click; the file goes on.
            let Some(Ok(sound)) = unharmed(|| self.decoder.decode(&packet)) else {
                continue;
            };
            let (rate, channels) = (sound.spec().rate(), sound.spec().channels().count());
            self.decoded.resize(sound.samples_interleaved(), 0.0);
            sound.copy_to_slice_interleaved(&mut self.decoded);
            if channels == 0 || self.decoded.is_empty() {
                continue;
            }
            let frames = self.decoded.chunks_exact(channels);
            let stereo = frames.flat_map(|frame| [frame[0], *frame.get(1).unwrap_or(&frame[0])]);
            if rate == Pcm::RATE {
                samples.extend(stereo);
                return true;
            }
            if self.resampler.as_ref().is_none_or(|r| r.rate() != rate) {
                self.resampler = Resampler::new(rate).ok();
            }
            let Some(resampler) = &mut self.resampler else {
                return false;
            };
            let stereo: Vec<f32> = stereo.collect();
            if let Some(pcm) = resampler.push(Time::default() + Duration::from_secs(1), &stereo) {
                samples.extend(pcm.samples);
                return true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::temporary;
    use super::*;

    #[test]
    fn a_song_is_read_at_48_khz_stereo() {
        let rate = 44_100u32;
        let mut bytes = Vec::from(*b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0");
        bytes.extend(rate.to_le_bytes());
        bytes.extend((rate * 2).to_le_bytes());
        bytes.extend(b"\x02\0\x10\0data");
        bytes.extend((rate * 2).to_le_bytes());
        bytes.extend((0..rate).flat_map(|i| {
            let s = (i as f32 / rate as f32 * 440.0 * std::f32::consts::TAU).sin() * 16_000.0;
            (s as i16).to_le_bytes()
        }));
        let riff = (bytes.len() as u32 - 8).to_le_bytes();
        bytes[4..8].copy_from_slice(&riff);
        let path = temporary("mono.wav", &bytes);
        check(&path).expect("it is fine");
        let mut song = Song::open(&path).expect("opens");
        let mut samples = VecDeque::new();
        while song.read(&mut samples) {}
        let seconds = samples.len() as f64 / 96_000.0;
        assert!((seconds - 1.0).abs() < 0.02, "{seconds} s");
        assert!(samples.iter().step_by(2).zip(samples.iter().skip(1).step_by(2)).all(|(l, r)| l == r));
        std::fs::remove_file(path).expect("cleans up");
    }
}
