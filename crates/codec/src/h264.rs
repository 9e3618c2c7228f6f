//! The video encoder: one picture in, one packet out, at once.
//!
//! Constrained baseline without B-frames (what every browser decodes as `profile-level-id=42e01f`), constant
//! bitrate within a small buffer, parameter sets in front of every IDR.

use std::ffi::CStr;

use footlight_media::h264::Colours;
use footlight_media::{Codec, Packet, Picture, Time};

use crate::{Error, Preset, x264};

/// A keyframe at least this often, for outputs that cannot ask for one.
const KEYFRAME_SECONDS: u32 = 2;
/// Slices are encoded side by side: above four they cost more bits than they save time.
const MAX_THREADS: usize = 4;
/// Below this many pixels a second thread waits more than it works.
const SMALL: u32 = 640 * 360;

#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Pixels; even, at least 16 and at most 8192.
    pub width: u32,
    pub height: u32,
    /// Nominal frames a second, 1 to 240; the bitrate is shared out by it.
    pub fps: u32,
    pub bitrate_kbps: u32,
    pub preset: Preset,
    /// What the pictures' numbers mean. Only said in the stream: nothing is converted.
    pub colours: Colours,
}

impl Config {
    fn check(&self) -> Result<(), Error> {
        let sizes = 16..=8192;
        if !sizes.contains(&self.width)
            || !sizes.contains(&self.height)
            || self.width % 2 + self.height % 2 > 0
        {
            return Err(Error::Setting("The size has to be even, from 16x16 to 8192x8192"));
        }
        if !(1..=240).contains(&self.fps) {
            return Err(Error::Setting("Frames a second are 1 to 240"));
        }
        if !(MIN_KBPS..=MAX_KBPS).contains(&self.bitrate_kbps) {
            return Err(Error::Setting("The bitrate is 50 to 100000 kbit/s"));
        }
        Ok(())
    }
}

const MIN_KBPS: u32 = 50;
const MAX_KBPS: u32 = 100_000;

/// Encodes pictures of one size. Dropping it frees libx264's threads.
pub struct Encoder {
    codec: x264::Codec,
}

impl Encoder {
    /// # Errors
    /// [`Error::Setting`] for a size, rate or bitrate out of range, [`Error::Encoder`] if libx264 refuses.
    pub fn new(config: &Config) -> Result<Self, Error> {
        config.check()?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if config.width * config.height <= SMALL { 1 } else { cores.min(MAX_THREADS) };
        let codec = x264::Codec::open(&x264::Parameters {
            width: config.width,
            height: config.height,
            fps: config.fps,
            preset: preset(config.preset),
            threads: threads as u32,
            bitrate_kbps: config.bitrate_kbps,
            keyframe_interval: config.fps * KEYFRAME_SECONDS,
            colours: config.colours,
        })?;
        Ok(Self { codec })
    }

    /// Encodes one picture; with `idr` as a keyframe. The bytes are copied once, out of libx264's buffer.
    ///
    /// # Errors
    /// [`Error::Encoder`] if the picture has another size or libx264 fails.
    pub fn encode(&mut self, picture: &Picture, captured: Time, idr: bool) -> Result<Option<Packet>, Error> {
        let pts = (u128::from(captured.as_micros()) * 9 / 100) as i64;
        let unit = self.codec.encode(picture, pts, idr)?;
        Ok(unit.map(|(data, keyframe)| Packet {
            codec: Codec::H264,
            captured,
            composition: std::time::Duration::ZERO,
            keyframe,
            data,
        }))
    }

    /// From the next picture on, without a keyframe. Clamped to what libx264 can do.
    ///
    /// # Errors
    /// [`Error::Encoder`] if libx264 refuses; the old bitrate stays.
    pub fn set_bitrate(&mut self, kbps: u32) -> Result<(), Error> {
        self.codec.set_bitrate(kbps.clamp(MIN_KBPS, MAX_KBPS))
    }
}

fn preset(preset: Preset) -> &'static CStr {
    match preset {
        Preset::Ultrafast => c"ultrafast",
        Preset::Superfast => c"superfast",
        Preset::Veryfast => c"veryfast",
        Preset::Faster => c"faster",
        Preset::Fast => c"fast",
        Preset::Medium => c"medium",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footlight_media::h264::Sps;
    use std::time::Duration;

    const CONFIG: Config = Config {
        width: 320,
        height: 180,
        fps: 30,
        bitrate_kbps: 600,
        preset: Preset::Superfast,
        colours: Colours::BT709,
    };

    /// Noise that moves: as hard for the encoder as a camera in the dark.
    fn picture(n: u32, config: &Config) -> Picture {
        let mut picture = Picture::black(config.width, config.height);
        let mut seed = n.wrapping_mul(2_654_435_761) | 1;
        for (i, y) in picture.planes_mut().0.iter_mut().enumerate() {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *y = 60 + ((i as u32 / 7 + n * 3) % 90) as u8 + (seed >> 27) as u8;
        }
        picture
    }

    fn nal_types(data: &[u8]) -> Vec<u8> {
        let (mut types, mut rest) = (Vec::new(), data);
        while rest.len() > 4 {
            let length = u32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            types.push(rest[4] & 31);
            rest = &rest[4 + length..];
        }
        assert!(rest.is_empty(), "length prefixes do not cover the packet");
        types
    }

    fn encode(encoder: &mut Encoder, n: u32, idr: bool, config: &Config) -> Packet {
        let captured = Time::from_micros(u64::from(n) * 33_333);
        let packet = encoder.encode(&picture(n, config), captured, idr).expect("encodes");
        let packet = packet.expect("one packet for every picture");
        assert_eq!(packet.captured, captured, "packets leave in capture order");
        packet
    }

    #[test]
    fn a_keyframe_comes_when_asked_for_with_its_parameter_sets_in_front() {
        let mut encoder = Encoder::new(&CONFIG).expect("opens");
        for n in 0..40 {
            let packet = encode(&mut encoder, n, n == 17, &CONFIG);
            let types = nal_types(&packet.data);
            assert_eq!(packet.keyframe, n == 0 || n == 17, "frame {n}: {types:?}");
            if packet.keyframe {
                assert_eq!(types[..2], [7, 8], "SPS and PPS come first");
                assert!(types.contains(&5));
                // constrained baseline: profile_idc 66 with constraint_set1
                assert_eq!(packet.data[5], 66);
                assert_ne!(packet.data[6] & 0x40, 0);
            } else {
                assert!(types.iter().all(|t| *t == 1), "frame {n}: {types:?}");
            }
        }
    }

    #[test]
    fn a_keyframe_comes_every_two_seconds_unasked() {
        let mut encoder = Encoder::new(&CONFIG).expect("opens");
        let keys: Vec<u32> = (0..130).filter(|n| encode(&mut encoder, *n, false, &CONFIG).keyframe).collect();
        assert_eq!(keys, [0, 60, 120]);
    }

    #[test]
    fn the_bitrate_changes_while_running_without_a_keyframe() {
        let mut encoder = Encoder::new(&CONFIG).expect("opens");
        let mut n = 0;
        for kbps in [600, 200, 1200] {
            encoder.set_bitrate(kbps).expect("changes");
            // The first second drains the rate buffer of the bitrate before.
            let mut bits = 0;
            for i in 0..120 {
                let packet = encode(&mut encoder, n, false, &CONFIG);
                assert!(!packet.keyframe || n % 60 == 0);
                bits += if i < 30 { 0 } else { packet.data.len() * 8 };
                n += 1;
            }
            let measured = bits as f64 / 3.0 / 1000.0;
            assert!(
                (measured / f64::from(kbps) - 1.0).abs() < 0.25,
                "{kbps} asked for, {measured:.0} measured"
            );
        }
    }

    #[test]
    fn the_stream_says_what_its_colours_mean() {
        let other = Colours { full_range: true, primaries: 5, transfer: 6, matrix: 6 };
        for colours in [Colours::BT709, other] {
            let config = Config { colours, ..CONFIG };
            let mut encoder = Encoder::new(&config).expect("opens");
            let packet = encode(&mut encoder, 0, true, &config);
            let sps = footlight_media::h264::nal_units(&packet.data).find_map(Sps::parse);
            assert_eq!(sps.and_then(|sps| sps.colours), Some(colours));
        }
    }

    #[test]
    fn impossible_settings_are_refused() {
        for config in [
            Config { width: 0, ..CONFIG },
            Config { height: 181, ..CONFIG },
            Config { width: 9000, ..CONFIG },
            Config { fps: 0, ..CONFIG },
            Config { bitrate_kbps: 0, ..CONFIG },
        ] {
            assert!(matches!(Encoder::new(&config), Err(Error::Setting(_))), "{config:?}");
        }
        let mut encoder = Encoder::new(&CONFIG).expect("opens");
        let other = Picture::black(64, 64);
        assert!(encoder.encode(&other, Time::default() + Duration::from_secs(1), false).is_err());
    }
}
