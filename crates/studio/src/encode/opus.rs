//! The sound encoder: 20 ms of 48 kHz stereo in, one Opus packet out (RFC 6716).
//!
//! In-band FEC is on, and as strong as the loss that the receiver reports: a lost packet is then rebuilt from
//! the next one.

use bytes::Bytes;
use footlight_media::{Codec, Packet, Pcm};
use opus::{Application, Bitrate, Channels};
use std::time::Duration;

use crate::Error;

/// Samples a channel in one block.
pub const BLOCK: usize = Pcm::RATE as usize / 50;
/// Transparent for music in stereo.
const BITRATE: i32 = 96_000;
/// Largest Opus packet of one frame, RFC 6716 section 3.2.1.
const MAX_PACKET: usize = 1275;
/// FEC is prepared for at least this much loss, in percent: the first lost packet comes before the first report.
const MIN_LOSS: u8 = 2;

pub struct Encoder {
    encoder: opus::Encoder,
    lookahead: Duration,
    loss: u8,
}

impl Encoder {
    /// # Errors
    /// [`Error::Sound`] if libopus refuses.
    pub fn new() -> Result<Self, Error> {
        let fail = |_| Error::Sound("open opus");
        let mut encoder =
            opus::Encoder::new(Pcm::RATE, Channels::Stereo, Application::Audio).map_err(fail)?;
        encoder.set_bitrate(Bitrate::Bits(BITRATE)).map_err(fail)?;
        encoder.set_inband_fec(true).map_err(fail)?;
        encoder.set_packet_loss_perc(i32::from(MIN_LOSS)).map_err(fail)?;
        let lookahead = encoder.get_lookahead().map_err(fail)?.max(0) as u64;
        let lookahead = Duration::from_micros(lookahead * 1_000_000 / u64::from(Pcm::RATE));
        Ok(Self { encoder, lookahead, loss: MIN_LOSS })
    }

    /// Encodes one block of [`BLOCK`] stereo samples. The packet's capture instant allows for the encoder's
    /// look-ahead, so that what a decoder plays for it is what was captured then.
    ///
    /// # Errors
    /// [`Error::Sound`] for a block of another length or if libopus fails.
    pub fn encode(&mut self, pcm: &Pcm) -> Result<Packet, Error> {
        if pcm.samples.len() != BLOCK * Pcm::CHANNELS {
            return Err(Error::Sound("a block of another length"));
        }
        let mut out = [0; MAX_PACKET];
        let length =
            self.encoder.encode_float(&pcm.samples, &mut out).map_err(|_| Error::Sound("encode opus"))?;
        let data = Bytes::copy_from_slice(&out[..length]);
        Ok(Packet {
            codec: Codec::Opus,
            captured: pcm.captured - self.lookahead,
            composition: Duration::ZERO,
            keyframe: true,
            data,
        })
    }

    /// How much loss, in percent, FEC shall stand.
    pub fn set_loss(&mut self, percent: u8) {
        let percent = percent.clamp(MIN_LOSS, 30);
        if percent != self.loss && self.encoder.set_packet_loss_perc(i32::from(percent)).is_ok() {
            self.loss = percent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footlight_media::Time;

    fn tone(block: usize) -> Pcm {
        let samples = (0..BLOCK * 2).map(|i| {
            let t = (block * BLOCK + i / 2) as f32 / Pcm::RATE as f32;
            0.5 * (t * 440.0 * std::f32::consts::TAU).sin()
        });
        let captured = Time::from_micros(1_000_000 + block as u64 * 20_000);
        Pcm { captured, samples: samples.collect() }
    }

    #[test]
    fn what_is_decoded_is_what_was_captured_then() {
        let mut encoder = Encoder::new().expect("opens");
        let mut decoder = opus::Decoder::new(Pcm::RATE, Channels::Stereo).expect("opens");
        let (mut played, mut first) = (Vec::new(), None);
        let mut bytes = 0;
        for block in 0..50 {
            let packet = encoder.encode(&tone(block)).expect("encodes");
            first.get_or_insert(packet.captured);
            bytes += packet.data.len();
            let mut out = [0f32; BLOCK * 2];
            assert_eq!(decoder.decode_float(&packet.data, &mut out, false).expect("decodes"), BLOCK);
            played.extend(out.chunks(2).map(|s| s[0]));
        }
        assert!((60_000..130_000).contains(&(bytes * 8)), "{} bit/s", bytes * 8);
        let lead = Time::from_micros(1_000_000).since(first.expect("a packet")).as_micros() as usize;
        let delay = lead * Pcm::RATE as usize / 1_000_000;
        let (mut same, mut power) = (0.0, 0.0);
        for n in 10 * BLOCK..40 * BLOCK {
            let captured =
                tone(0).samples[0] + 0.5 * ((n as f32 / 48_000.0) * 440.0 * std::f32::consts::TAU).sin();
            same += captured * played[n + delay];
            power += captured * captured;
        }
        assert!(same / power > 0.95, "correlation {}", same / power);
    }

    #[test]
    fn a_lost_packet_is_rebuilt_from_the_next() {
        let mut encoder = Encoder::new().expect("opens");
        encoder.set_loss(30);
        let packets: Vec<_> = (0..30).map(|b| encoder.encode(&tone(b)).expect("encodes")).collect();
        let mut decoder = opus::Decoder::new(Pcm::RATE, Channels::Stereo).expect("opens");
        let mut out = [0f32; BLOCK * 2];
        for packet in &packets[..20] {
            decoder.decode_float(&packet.data, &mut out, false).expect("decodes");
        }
        decoder.decode_float(&packets[21].data, &mut out, true).expect("decodes the FEC");
        let power: f32 = out.iter().map(|s| s * s).sum::<f32>() / out.len() as f32;
        assert!(power > 0.02, "power {power}");
        assert!(encoder.encode(&Pcm { captured: Time::default(), samples: vec![0.0; 7] }).is_err());
    }
}
