//! AAC's two ways to say what it is: the AudioSpecificConfig of FLV and MP4 (ISO/IEC 14496-3 section 1.6.2.1)
//! and the ADTS header in front of every frame (section 1.A.2.2), which Footlight carries inside.

use crate::bits::Bits;

/// Samples of each channel in a frame.
pub const SAMPLES: u32 = 1024;
/// Bytes of an ADTS header without its checksum.
pub const ADTS: usize = 7;
/// Largest ADTS frame, header included: its length has 13 bits.
pub const MAX_FRAME: usize = 8191;

/// Sampling frequencies by index, table 1.18.
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
/// Audio object types of table 1.17.
const LOW_COMPLEXITY: u8 = 2;
const SBR: u8 = 5;
const PARAMETRIC_STEREO: u8 = 29;

/// What a decoder has to know. Only what ADTS can say too: object types 1 to 4 (SBR is found by the decoder
/// itself), the rates of the table, one to eight channels in their usual places, 1024 samples a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Audio object type: 2 is low complexity.
    object: u8,
    /// Index into [`RATES`].
    rate: u8,
    /// Channel configuration, 1 to 7; 7 means eight channels.
    channels: u8,
}

impl Config {
    /// Low complexity at a rate of the table, in Hz. `None` for another rate or another number of channels.
    pub fn low_complexity(rate: u32, channels: u8) -> Option<Self> {
        let rate = RATES.iter().position(|known| *known == rate)? as u8;
        let channels = match channels {
            1..=6 => channels,
            8 => 7,
            _ => return None,
        };
        Some(Self { object: LOW_COMPLEXITY, rate, channels })
    }

    /// In Hz. With SBR this is the core's rate, half of what is heard.
    pub fn rate(&self) -> u32 {
        RATES[usize::from(self.rate)]
    }

    pub fn channels(&self) -> u8 {
        if self.channels == 7 { 8 } else { self.channels }
    }

    /// Reads an AudioSpecificConfig. `None` where it is damaged or says what ADTS cannot.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(data);
        let mut object = object_type(&mut bits)?;
        let rate = rate_index(&mut bits)?;
        let channels = bits.take(4)? as u8;
        if matches!(object, SBR | PARAMETRIC_STEREO) {
            rate_index(&mut bits)?;
            object = object_type(&mut bits)?;
        }
        // GASpecificConfig, table 4.1: frames of 960 samples cannot be said in ADTS.
        let short_frames = bits.take(1)? == 1;
        let fits = (1..=4).contains(&object) && (1..=7).contains(&channels) && !short_frames;
        fits.then_some(Self { object, rate, channels })
    }

    /// As AudioSpecificConfig.
    pub fn write(&self) -> [u8; 2] {
        let bits = u16::from(self.object) << 11 | u16::from(self.rate) << 7 | u16::from(self.channels) << 3;
        bits.to_be_bytes()
    }

    /// The ADTS header of a raw block of `length` bytes. `None` for a block that is too long for it.
    pub fn adts(&self, length: usize) -> Option<[u8; ADTS]> {
        let length = length.checked_add(ADTS).filter(|whole| *whole <= MAX_FRAME)?;
        Some([
            0xff,
            0xf1, // MPEG-4, no checksum
            (self.object - 1) << 6 | self.rate << 2 | self.channels >> 2,
            (self.channels & 3) << 6 | (length >> 11) as u8,
            (length >> 3) as u8,
            (length as u8 & 7) << 5 | 0x1f, // the buffer's fullness: variable rate
            0xfc,
        ])
    }

    /// One ADTS frame of a raw block, as [`Packet::data`] carries AAC.
    pub fn frame(&self, raw: &[u8]) -> Option<Vec<u8>> {
        let header = self.adts(raw.len())?;
        let mut frame = Vec::with_capacity(ADTS + raw.len());
        frame.extend_from_slice(&header);
        frame.extend_from_slice(raw);
        Some(frame)
    }
}

/// An ADTS frame taken apart: its configuration and its raw block. `None` where the data is not one frame of
/// one block.
pub fn split(data: &[u8]) -> Option<(Config, &[u8])> {
    let header = data.first_chunk::<ADTS>()?;
    if header[0] != 0xff || header[1] & 0xf6 != 0xf0 || header[6] & 3 != 0 {
        return None;
    }
    let checksum = header[1] & 1 == 0;
    let config = Config {
        object: (header[2] >> 6) + 1,
        rate: header[2] >> 2 & 15,
        channels: (header[2] & 1) << 2 | header[3] >> 6,
    };
    let length = usize::from(header[3] & 3) << 11 | usize::from(header[4]) << 3 | usize::from(header[5]) >> 5;
    let known = usize::from(config.rate) < RATES.len() && config.channels != 0;
    let raw = data.get(ADTS + if checksum { 2 } else { 0 }..)?;
    (known && length == data.len()).then_some((config, raw))
}

fn object_type(bits: &mut Bits<'_>) -> Option<u8> {
    Some(match bits.take(5)? {
        31 => 32 + bits.take(6)? as u8,
        object => object as u8,
    })
}

/// The index, also of a rate that is written out though the table has it.
fn rate_index(bits: &mut Bits<'_>) -> Option<u8> {
    let index = match bits.take(4)? {
        15 => {
            let rate = bits.take(24)?;
            RATES.iter().position(|known| *known == rate)? as u8
        }
        index => index as u8,
    };
    (usize::from(index) < RATES.len()).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::Noise;

    #[test]
    fn encoders_say_it_in_many_ways() {
        for (bytes, object, rate, channels) in [
            (&[0x11, 0x90][..], 2, 48_000, 2),
            (&[0x12, 0x10], 2, 44_100, 2),
            (&[0x12, 0x10, 0x56, 0xe5, 0x00], 2, 44_100, 2), // as some encoders write it, with "no SBR" behind
            (&[0x15, 0x88], 2, 8_000, 1),
            (&[0x11, 0xb8], 2, 48_000, 8),
            (&[0x2b, 0x11, 0x88, 0x00], 2, 24_000, 2), // HE-AAC: core at half the rate
            (&[0x17, 0x80, 0x5d, 0xc0, 0x10], 2, 48_000, 2), // the rate written out
        ] {
            let config = Config::parse(bytes).unwrap_or_else(|| panic!("{bytes:x?}"));
            assert_eq!((config.object, config.rate(), config.channels()), (object, rate, channels));
        }
        assert_eq!(Config::low_complexity(48_000, 2).unwrap().write(), [0x11, 0x90]);
    }

    #[test]
    fn what_adts_cannot_say_is_refused() {
        for bytes in [
            &[][..],
            &[0x11],
            &[0x11, 0x80],                        // channels in the stream itself
            &[0x11, 0x94],                        // 960 samples
            &[0x16, 0x90],                        // rate 13
            &[0xf9, 0x48, 0x90],                  // object type 42, USAC
            &[0x17, 0x80, 0x5d, 0xc1 + 16, 0x10], // a rate that no table has
        ] {
            assert_eq!(Config::parse(bytes), None, "{bytes:x?}");
        }
        assert_eq!(Config::low_complexity(48_001, 2), None);
        assert_eq!(Config::low_complexity(48_000, 7), None);
    }

    #[test]
    fn a_frame_describes_itself() {
        for channels in [1, 2, 3, 4, 5, 6, 8] {
            for rate in RATES {
                for length in [0, 1, 371, MAX_FRAME - ADTS] {
                    let config = Config::low_complexity(rate, channels).unwrap();
                    let frame = config.frame(&vec![7; length]).unwrap();
                    assert_eq!(split(&frame), Some((config, &vec![7; length][..])));
                    assert_eq!(Config::parse(&config.write()), Some(config));
                }
            }
        }
        assert_eq!(Config::low_complexity(48_000, 2).unwrap().adts(MAX_FRAME), None);
    }

    #[test]
    fn noise_is_not_believed() {
        let mut noise = Noise(3);
        let frame = Config::low_complexity(48_000, 2).unwrap().frame(&[1, 2, 3, 4]).unwrap();
        for _ in 0..100_000 {
            if let Some((config, raw)) = split(&noise.spoil(&frame)) {
                assert!(config.frame(raw).is_some());
            }
            if let Some(config) = Config::parse(&noise.spoil(&[0x2b, 0x11, 0x88, 0x00])) {
                assert_eq!(Config::parse(&config.write()), Some(config));
            }
        }
    }
}
