//! The sound encoder for RTMP: 20 ms of 48 kHz stereo in, AAC-LC frames of 1024 samples out, each an ADTS frame.
//!
//! The only file of this crate that knows the library, which has one author and is young.

use std::time::Duration;

use bytes::Bytes;
use footlight_media::aac::SAMPLES;
use footlight_media::{Codec, Packet, Pcm, Time};

use crate::Error;

/// Transparent for music in stereo, and the most that every platform takes.
pub const BITRATE: u32 = 128_000;
const FRAME: usize = SAMPLES as usize;
/// Blocks that are further apart than this do not belong together: the sound begins anew.
const APART: Duration = Duration::from_millis(10);

pub struct Encoder {
    encoder: syom::Encoder,
    /// What has not filled a frame yet, a channel each.
    planes: [Vec<f32>; Pcm::CHANNELS],
    /// When the next sample to come was captured, where the sound goes on.
    due: Option<Time>,
}

impl Encoder {
    /// # Errors
    /// [`Error::Sound`] if the library refuses.
    pub fn new() -> Result<Self, Error> {
        Ok(Self { encoder: open()?, planes: Default::default(), due: None })
    }

    /// Takes one block of any length, and gives the frames that it fills, none to several. A frame's capture instant
    /// allows for the encoder's delay, so that what a decoder plays for it is what was captured then.
    ///
    /// # Errors
    /// [`Error::Sound`] if encoding fails; the sound begins anew with the next block.
    pub fn encode(&mut self, pcm: &Pcm, mut made: impl FnMut(Packet)) -> Result<(), Error> {
        if self.due.is_some_and(|due| pcm.captured.since(due) > APART || due.since(pcm.captured) > APART) {
            self.planes.iter_mut().for_each(Vec::clear);
            self.encoder = open()?;
        }
        for frame in pcm.samples.chunks_exact(Pcm::CHANNELS) {
            for (plane, sample) in self.planes.iter_mut().zip(frame) {
                plane.push(sample.clamp(-1.0, 1.0));
            }
        }
        let end = pcm.captured + length(pcm.samples.len() / Pcm::CHANNELS);
        self.due = Some(end);
        let mut used = 0;
        while self.planes[0].len() - used >= FRAME {
            // The encoder is one frame behind: what it makes now plays what came before this frame.
            let captured = end - length(self.planes[0].len() - used + FRAME);
            let frame = self.planes.each_ref().map(|plane| &plane[used..used + FRAME]);
            let fed = self.encoder.feed(&frame, |unit| {
                made(Packet {
                    codec: Codec::Aac,
                    captured,
                    composition: Duration::ZERO,
                    keyframe: true,
                    data: Bytes::copy_from_slice(unit.au),
                });
                Ok(())
            });
            if fed.is_err() {
                self.planes.iter_mut().for_each(Vec::clear);
                self.encoder = open()?;
                return Err(Error::Sound("encode AAC"));
            }
            used += FRAME;
        }
        for plane in &mut self.planes {
            plane.drain(..used);
        }
        Ok(())
    }
}

/// How long so many samples a channel are.
fn length(samples: usize) -> Duration {
    Duration::from_nanos(samples as u64 * 1_000_000_000 / u64::from(Pcm::RATE))
}

fn open() -> Result<syom::Encoder, Error> {
    let mut options = syom::EncodeOptions::default();
    options.container = syom::EncodeContainer::Adts;
    options.bitrate_bps = BITRATE;
    syom::Encoder::new(Pcm::RATE, Pcm::CHANNELS, &options).map_err(|_| Error::Sound("open AAC"))
}

#[cfg(test)]
mod tests {
    use footlight_media::aac;

    use super::*;

    const BEGIN: u64 = 1_795_375_970_000_000;
    const BLOCK: usize = Pcm::RATE as usize / 50;
    /// A tone begins here, in samples.
    const BEEP: usize = 24_000;

    fn block(n: usize) -> Pcm {
        let sample = |i: usize| {
            let at = n * BLOCK + i;
            if at < BEEP { 0.0 } else { 0.5 * (at as f32 / 48_000.0 * 440.0 * std::f32::consts::TAU).sin() }
        };
        let samples = (0..BLOCK).flat_map(|i| [sample(i), sample(i)]).collect();
        Pcm { captured: Time::from_micros(BEGIN + n as u64 * 20_000), samples }
    }

    fn encoded(blocks: impl Iterator<Item = usize>) -> Vec<Packet> {
        let mut encoder = Encoder::new().expect("opens");
        let mut packets = Vec::new();
        for n in blocks {
            encoder.encode(&block(n), |packet| packets.push(packet)).expect("encodes");
        }
        packets
    }

    #[test]
    fn timestamps_are_exact_over_a_minute() {
        let packets = encoded(0..3_000);
        // 60 s are 2812.5 frames, and the encoder keeps one.
        assert!((2_811..=2_812).contains(&packets.len()), "{}", packets.len());
        let first = packets[0].captured;
        for (n, packet) in packets.iter().enumerate() {
            let exact = n as u64 * 1024 * 1_000_000 / 48_000;
            let off = packet.captured.since(first).as_micros() as i64 - exact as i64;
            assert!(off.abs() <= 1, "frame {n} is {off} µs off");
            let (config, _) = aac::split(&packet.data).expect("an ADTS frame");
            assert_eq!((config.rate(), config.channels()), (48_000, 2));
        }
        let bits = packets.iter().map(|packet| packet.data.len() * 8).sum::<usize>() / 60;
        assert!((60_000..150_000).contains(&bits), "{bits} bit/s");
    }

    #[test]
    fn what_is_decoded_is_what_was_captured_then() {
        let packets = encoded(0..100);
        let (config, _) = aac::split(&packets[0].data).expect("an ADTS frame");
        let mut decoder = syom::Decoder::from_asc(&config.write(), syom::DecodeOptions::unbounded()).unwrap();
        let mut heard = None;
        for packet in &packets {
            let (_, raw) = aac::split(&packet.data).expect("an ADTS frame");
            let start = packet.captured.as_micros() as i64 - BEGIN as i64;
            decoder
                .decode_au(raw, |frame| {
                    let loud = frame.planar[0].iter().take(frame.samples).position(|s| s.abs() > 0.1);
                    if let Some(at) = loud {
                        heard.get_or_insert(start + at as i64 * 1_000_000 / 48_000);
                    }
                    Ok(())
                })
                .unwrap();
        }
        let off = heard.expect("the tone is heard") - 500_000;
        assert!(off.abs() < 3_000, "the tone begins {off} µs off");
    }

    #[test]
    fn after_a_hole_the_sound_begins_anew_at_its_own_time() {
        let mut encoder = Encoder::new().expect("opens");
        let mut packets = Vec::new();
        for n in (0..50).chain(200..250) {
            encoder.encode(&block(n), |packet| packets.push(packet)).expect("encodes");
        }
        let begin = Time::from_micros(BEGIN + 200 * 20_000);
        let after = packets.iter().filter(|packet| packet.captured + length(2 * FRAME) > begin).count();
        assert!((45..=48).contains(&after), "{after}");
        assert!(packets.iter().all(
            |p| p.captured < Time::from_micros(BEGIN + 1_000_000) || p.captured + length(FRAME) >= begin
        ));
    }
}
