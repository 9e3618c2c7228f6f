//! The one place where sound changes its codec: Opus becomes AAC for everything that is muxed, AAC becomes Opus for
//! WebRTC viewers.
//!
//! Capture instants pass through: what a decoder plays for a packet made here is what was captured then. A stream
//! that cannot be decoded makes silence of that moment, never an error for anybody else.

use std::time::Duration;

use bytes::Bytes;
use footlight_media::{Codec, Packet, Time};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _};

/// Samples a second and channel of Opus and of the AAC made here.
const RATE: u32 = 48_000;
const CHANNELS: usize = 2;
/// Samples a channel in an AAC frame, ISO/IEC 14496-3.
const AAC_FRAME: usize = 1024;
/// Samples a channel in an Opus packet made here: 20 ms.
const OPUS_FRAME: usize = 960;
/// Longest Opus packet, RFC 6716 section 2: 120 ms.
const OPUS_LONGEST: usize = 5760;
/// Largest Opus packet of one frame, RFC 6716 section 3.2.1.
const OPUS_BYTES: usize = 1275;
/// Transparent for music in stereo.
const OPUS_BITRATE: i32 = 96_000;
const AAC_BITRATE: u32 = 128_000;
/// Bytes of an ADTS header without checksum, ISO/IEC 13818-7 section 6.2.
const ADTS: usize = 7;
/// A hole up to this long is filled by the decoder's concealment; after a longer one the sound begins anew.
const CONCEALED: Duration = Duration::from_millis(120);

/// The transcoders of one room; each exists once its input has come.
#[derive(Default)]
pub(crate) struct Sound {
    to_aac: Option<ToAac>,
    to_opus: Option<ToOpus>,
}

impl Sound {
    /// Appends what the packet becomes in the other codec.
    pub(crate) fn transcode(&mut self, packet: &Packet, out: &mut Vec<Packet>) {
        match packet.codec {
            Codec::Opus => {
                if self.to_aac.is_none() {
                    self.to_aac = ToAac::new();
                }
                if let Some(to_aac) = &mut self.to_aac {
                    to_aac.push(packet, out);
                }
            }
            Codec::Aac => {
                if !self.to_opus.as_ref().is_some_and(|to_opus| to_opus.takes(packet)) {
                    self.to_opus = ToOpus::new(packet);
                }
                if let Some(to_opus) = &mut self.to_opus {
                    to_opus.push(packet, out);
                }
            }
            Codec::H264 | Codec::Hevc | Codec::Av1 => {}
        }
    }
}

/// How long so many samples a channel at `rate` are.
fn length(samples: usize, rate: u32) -> Duration {
    Duration::from_nanos(samples as u64 * 1_000_000_000 / u64::from(rate))
}

struct ToAac {
    decoder: opus::Decoder,
    encoder: syom::Encoder,
    pcm: Vec<f32>,
    planes: [Vec<f32>; CHANNELS],
    /// When the next sample to come is due, where the sound goes on without a hole.
    due: Option<Time>,
}

impl ToAac {
    fn new() -> Option<Self> {
        let decoder = opus::Decoder::new(RATE, opus::Channels::Stereo).ok()?;
        Some(Self {
            decoder,
            encoder: encoder()?,
            pcm: vec![0.0; OPUS_LONGEST * CHANNELS],
            planes: Default::default(),
            due: None,
        })
    }

    fn push(&mut self, packet: &Packet, out: &mut Vec<Packet>) {
        let hole = self.due.map(|due| packet.captured.since(due));
        match hole {
            Some(hole) if hole >= length(OPUS_FRAME, RATE) / 2 && hole <= CONCEALED => {
                let missing = (hole.as_secs_f64() * f64::from(RATE) / OPUS_FRAME as f64).round() as usize;
                for _ in 0..missing {
                    self.decode(&[], OPUS_FRAME);
                }
            }
            Some(hole) if hole > CONCEALED => self.planes.iter_mut().for_each(Vec::clear),
            _ => {}
        }
        let samples = self.decode(&packet.data, OPUS_LONGEST);
        let end = packet.captured + length(samples, RATE);
        self.due = Some(end);
        self.drain(end, out);
    }

    /// Appends the decoded packet (an empty one is concealed) to the planes; says how many samples a channel it was.
    fn decode(&mut self, packet: &[u8], most: usize) -> usize {
        let pcm = &mut self.pcm[..most * CHANNELS];
        // What cannot be decoded is concealed like what is lost.
        let samples = match self.decoder.decode_float(packet, pcm, false) {
            Ok(samples) => samples,
            Err(_) => self.decoder.decode_float(&[], &mut pcm[..OPUS_FRAME * CHANNELS], false).unwrap_or(0),
        };
        for frame in self.pcm[..samples * CHANNELS].chunks_exact(CHANNELS) {
            for (plane, sample) in self.planes.iter_mut().zip(frame) {
                plane.push(sample.clamp(-1.0, 1.0));
            }
        }
        samples
    }

    /// Encodes whole frames. The planes end at `end`.
    fn drain(&mut self, end: Time, out: &mut Vec<Packet>) {
        let mut used = 0;
        while self.planes[0].len() - used >= AAC_FRAME {
            let left = self.planes[0].len() - used;
            // The encoder is one frame behind: the frame that it makes now plays what came before this one.
            let captured = end - length(left + AAC_FRAME, RATE);
            let frame = self.planes.each_ref().map(|plane| &plane[used..used + AAC_FRAME]);
            let fed = self.encoder.feed(&frame, |made| {
                out.push(Packet {
                    codec: Codec::Aac,
                    captured,
                    composition: Duration::ZERO,
                    keyframe: true,
                    data: Bytes::copy_from_slice(made.au),
                });
                Ok(())
            });
            if fed.is_err()
                && let Some(fresh) = encoder()
            {
                self.encoder = fresh;
            }
            used += AAC_FRAME;
        }
        for plane in &mut self.planes {
            plane.drain(..used);
        }
    }
}

fn encoder() -> Option<syom::Encoder> {
    let mut options = syom::EncodeOptions::default();
    options.container = syom::EncodeContainer::Adts;
    options.bitrate_bps = AAC_BITRATE;
    syom::Encoder::new(RATE, CHANNELS, &options).ok()
}

struct ToOpus {
    /// Profile, rate and channels of the ADTS header: another stream needs another decoder.
    form: [u8; 2],
    decoder: syom::Decoder,
    resampler: Option<Resampler>,
    encoder: opus::Encoder,
    lookahead: Duration,
    /// Interleaved stereo at [`RATE`] that is not a whole block yet.
    pending: Vec<f32>,
    due: Option<Time>,
}

impl ToOpus {
    fn new(packet: &Packet) -> Option<Self> {
        let form = form(packet)?;
        let mut encoder = opus::Encoder::new(RATE, opus::Channels::Stereo, opus::Application::Audio).ok()?;
        encoder.set_bitrate(opus::Bitrate::Bits(OPUS_BITRATE)).ok()?;
        encoder.set_inband_fec(true).ok()?;
        let lookahead = encoder.get_lookahead().ok()?;
        Some(Self {
            form,
            decoder: decoder(form)?,
            resampler: None,
            encoder,
            lookahead: length(usize::try_from(lookahead).unwrap_or(0), RATE),
            pending: Vec::new(),
            due: None,
        })
    }

    fn takes(&self, packet: &Packet) -> bool {
        form(packet) == Some(self.form)
    }

    fn push(&mut self, packet: &Packet, out: &mut Vec<Packet>) {
        let mut stereo = Vec::with_capacity(2 * AAC_FRAME * CHANNELS);
        let mut rate = RATE;
        let decoded = self.decoder.decode_au(&packet.data[ADTS..], |frame| {
            rate = frame.sample_rate;
            interleave(frame.planar, frame.samples, &mut stereo);
            Ok(())
        });
        if decoded.is_err() {
            // Its state is lost with the frame; the next one starts afresh.
            if let Some(fresh) = decoder(self.form) {
                self.decoder = fresh;
            }
            return;
        }
        if self.due.is_some_and(|due| packet.captured.since(due) > CONCEALED) {
            self.pending.clear();
        }
        let mut end = packet.captured + length(stereo.len() / CHANNELS, rate);
        self.due = Some(end);
        if rate != RATE {
            if self.resampler.as_ref().is_none_or(|resampler| resampler.rate != rate) {
                self.resampler = Resampler::new(rate);
            }
            let Some(resampler) = &mut self.resampler else { return };
            resampler.push(&stereo, &mut self.pending);
            end = end - resampler.behind();
        } else {
            self.pending.append(&mut stereo);
        }
        self.drain(end, out);
    }

    fn drain(&mut self, end: Time, out: &mut Vec<Packet>) {
        const BLOCK: usize = OPUS_FRAME * CHANNELS;
        let mut used = 0;
        while self.pending.len() - used >= BLOCK {
            let captured = end - length((self.pending.len() - used) / CHANNELS, RATE) - self.lookahead;
            let mut packet = [0; OPUS_BYTES];
            if let Ok(size) = self.encoder.encode_float(&self.pending[used..used + BLOCK], &mut packet) {
                let data = Bytes::copy_from_slice(&packet[..size]);
                let (codec, composition) = (Codec::Opus, Duration::ZERO);
                out.push(Packet { codec, captured, composition, keyframe: true, data });
            }
            used += BLOCK;
        }
        self.pending.drain(..used);
    }
}

/// What an ADTS header says of the decoder that its frames need: profile, rate, channels.
fn form(packet: &Packet) -> Option<[u8; 2]> {
    match packet.data[..] {
        [0xff, sync, a, b, _, _, _, ..] if sync & 0xf6 == 0xf0 => Some([a & 0xfd, b & 0xc0]),
        _ => None,
    }
}

/// A decoder for the AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1) that the ADTS header amounts to.
fn decoder([a, b]: [u8; 2]) -> Option<syom::Decoder> {
    let (object, rate, channels) = ((a >> 6) + 1, a >> 2 & 0xf, (a & 1) << 2 | b >> 6);
    let config = [object << 3 | rate >> 1, rate << 7 | channels << 3];
    syom::Decoder::from_asc(&config, syom::DecodeOptions::unbounded()).ok()
}

/// Mono to both sides, more than two channels mixed down to the front pair with the centre in both.
fn interleave(planes: &[&[f32]], samples: usize, out: &mut Vec<f32>) {
    /// −3 dB: a centre in two loudspeakers is as loud as in one.
    const CENTRE: f32 = std::f32::consts::FRAC_1_SQRT_2;
    for n in 0..samples {
        let sample = |plane: usize| planes.get(plane).and_then(|plane| plane.get(n)).copied().unwrap_or(0.0);
        let (left, right) = match planes.len() {
            0 | 1 => (sample(0), sample(0)),
            2 => (sample(0), sample(1)),
            // Centre first, then the front pair: the order of channel configurations 3 to 7.
            _ => (sample(1) + CENTRE * sample(0), sample(2) + CENTRE * sample(0)),
        };
        out.extend([left.clamp(-1.0, 1.0), right.clamp(-1.0, 1.0)]);
    }
}

/// Another rate to [`RATE`], stereo interleaved.
struct Resampler {
    inner: Fft<f32>,
    rate: u32,
    pending: Vec<f32>,
    out: Vec<f32>,
}

impl Resampler {
    /// Input frames a step: small against a block of Opus.
    const CHUNK: usize = 256;

    fn new(rate: u32) -> Option<Self> {
        let inner = Fft::new(rate as usize, RATE as usize, Self::CHUNK, CHANNELS, FixedSync::Input).ok()?;
        let out = vec![0.0; inner.output_frames_max() * CHANNELS];
        Some(Self { inner, rate, pending: Vec::new(), out })
    }

    fn push(&mut self, samples: &[f32], made: &mut Vec<f32>) {
        self.pending.extend_from_slice(samples);
        let mut used = 0;
        loop {
            let frames = self.inner.input_frames_next();
            let rest = &self.pending[used * CHANNELS..];
            if rest.len() < frames * CHANNELS {
                break;
            }
            let room = self.out.len() / CHANNELS;
            let Ok(input) = InterleavedSlice::new(&rest[..frames * CHANNELS], CHANNELS, frames) else {
                break;
            };
            let Ok(mut output) = InterleavedSlice::new_mut(&mut self.out, CHANNELS, room) else { break };
            let Ok((taken, given)) = self.inner.process_into_buffer(&input, &mut output, None::<&Indexing>)
            else {
                break;
            };
            used += taken;
            made.extend_from_slice(&self.out[..given * CHANNELS]);
        }
        self.pending.drain(..used * CHANNELS);
    }

    /// How much of what was pushed has not come out yet.
    fn behind(&self) -> Duration {
        length(self.pending.len() / CHANNELS, self.rate) + length(self.inner.output_delay(), RATE)
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    const BEGIN: u64 = 1_795_375_970_000_000;
    const PITCH: f64 = 440.0;

    /// A beep whose start can be found again: silence for half a second, then a tone.
    fn beep(instant: f64) -> f32 {
        if instant < 0.5 { 0.0 } else { (0.5 * (instant * PITCH * TAU).sin()) as f32 }
    }

    fn opus_packets(seconds: f64) -> Vec<Packet> {
        let mut encoder = opus::Encoder::new(RATE, opus::Channels::Stereo, opus::Application::Audio).unwrap();
        let lookahead = length(encoder.get_lookahead().unwrap() as usize, RATE);
        let blocks = (seconds * 50.0) as usize;
        (0..blocks)
            .map(|block| {
                let at = |n: usize| (block * OPUS_FRAME + n) as f64 / f64::from(RATE);
                let pcm: Vec<f32> = (0..OPUS_FRAME).flat_map(|n| [beep(at(n)), beep(at(n))]).collect();
                let data = encoder.encode_vec_float(&pcm, OPUS_BYTES).unwrap().into();
                let captured = Time::from_micros(BEGIN) + length(block * OPUS_FRAME, RATE) - lookahead;
                Packet { codec: Codec::Opus, captured, composition: Duration::ZERO, keyframe: true, data }
            })
            .collect()
    }

    fn aac_packets(seconds: f64, rate: u32) -> Vec<Packet> {
        let mut encoder = syom::Encoder::new(rate, 2, &syom::EncodeOptions::default()).unwrap();
        let frames = (seconds * f64::from(rate) / AAC_FRAME as f64) as usize;
        let mut packets = Vec::new();
        for frame in 0..frames {
            let at = |n: usize| (frame * AAC_FRAME + n) as f64 / f64::from(rate);
            let pcm: Vec<f32> = (0..AAC_FRAME).map(|n| beep(at(n))).collect();
            let captured =
                Time::from_micros(BEGIN) + length(frame * AAC_FRAME, rate) - length(AAC_FRAME, rate);
            encoder
                .feed(&[&pcm, &pcm], |made| {
                    let (data, composition) = (Bytes::copy_from_slice(made.au), Duration::ZERO);
                    packets.push(Packet { codec: Codec::Aac, captured, composition, keyframe: true, data });
                    Ok(())
                })
                .unwrap();
        }
        packets
    }

    /// When the beep is heard, by decoding packet for packet and believing their capture instants.
    fn heard(packets: &[Packet]) -> f64 {
        let mut opus = opus::Decoder::new(RATE, opus::Channels::Stereo).unwrap();
        let mut aac = None;
        for packet in packets {
            let mut left = Vec::new();
            let mut rate = RATE;
            if packet.codec == Codec::Opus {
                let mut pcm = vec![0.0; OPUS_LONGEST * 2];
                let samples = opus.decode_float(&packet.data, &mut pcm, false).unwrap();
                left.extend(pcm[..samples * 2].iter().step_by(2));
            } else {
                let decoder = aac.get_or_insert_with(|| decoder(form(packet).unwrap()).unwrap());
                decoder
                    .decode_au(&packet.data[ADTS..], |frame| {
                        rate = frame.sample_rate;
                        left.extend_from_slice(frame.planar[0]);
                        Ok(())
                    })
                    .unwrap();
            }
            if let Some(first) = left.iter().position(|sample| sample.abs() > 0.1) {
                let begun = packet.captured + length(first, rate);
                return (begun.as_micros() as f64 - BEGIN as f64) / 1e6;
            }
        }
        panic!("the beep was lost");
    }

    fn turned(packets: &[Packet]) -> Vec<Packet> {
        let (mut sound, mut out) = (Sound::default(), Vec::new());
        for packet in packets {
            sound.transcode(packet, &mut out);
        }
        out
    }

    #[test]
    fn a_beep_is_heard_when_it_was_captured_in_either_codec() {
        let opus = opus_packets(2.0);
        assert!((heard(&opus) - 0.5).abs() < 0.003, "the test's own ear: {}", heard(&opus));
        let aac = turned(&opus);
        assert!(aac.len() > 85 && aac.iter().all(|packet| packet.codec == Codec::Aac));
        assert!((heard(&aac) - 0.5).abs() < 0.005, "Opus to AAC: {}", heard(&aac));
        for rate in [44_100, 48_000, 22_050] {
            let aac = aac_packets(2.0, rate);
            assert!((heard(&aac) - 0.5).abs() < 0.005, "the test's own ear: {}", heard(&aac));
            let opus = turned(&aac);
            assert!(opus.len() > 90, "{rate} Hz: {} packets", opus.len());
            assert!((heard(&opus) - 0.5).abs() < 0.005, "AAC at {rate} Hz to Opus: {}", heard(&opus));
        }
    }

    #[test]
    fn a_lost_packet_is_concealed_and_a_long_hole_is_left_a_hole() {
        let mut packets = opus_packets(2.0);
        packets.remove(40);
        packets.drain(60..80);
        let aac = turned(&packets);
        let holes: Vec<u64> = aac
            .windows(2)
            .map(|pair| pair[1].captured.since(pair[0].captured).as_millis() as u64)
            .filter(|apart| !(20..=23).contains(apart))
            .collect();
        assert_eq!(holes.len(), 1, "{holes:?}");
        assert!((380..=460).contains(&holes[0]), "{holes:?}");
    }

    #[test]
    fn noise_makes_no_error() {
        let mut sound = Sound::default();
        let mut out = Vec::new();
        let mut state = 1u32;
        for codec in [Codec::Opus, Codec::Aac] {
            for n in 0..400u64 {
                let mut data: Vec<u8> = (0..n % 90)
                    .map(|_| {
                        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        (state >> 24) as u8
                    })
                    .collect();
                if codec == Codec::Aac && n % 2 == 0 && data.len() > ADTS {
                    data[..4].copy_from_slice(&[0xff, 0xf1, 0x4c, 0x80]);
                }
                let captured = Time::from_micros(BEGIN + n * 20_000);
                let data = data.into();
                let packet = Packet { codec, captured, composition: Duration::ZERO, keyframe: true, data };
                sound.transcode(&packet, &mut out);
            }
        }
    }
}
