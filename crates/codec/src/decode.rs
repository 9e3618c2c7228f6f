//! H.264 to pictures, by OpenH264.

use footlight_media::h264::nal_units;
use footlight_media::{Picture, PicturePool};
use openh264::OpenH264API;
use openh264::decoder::{DecodedYUV, DecoderConfig};
use openh264::formats::YUVSource;

use crate::Error;

const START_CODE: [u8; 4] = [0, 0, 0, 1];
/// Larger ones are not made here, and hardly anywhere.
const MAX_SIDE: usize = 8192;

/// Decodes a stream without reordering: one access unit in, its picture out.
pub struct Decoder {
    decoder: openh264::decoder::Decoder,
    pool: PicturePool,
    /// The access unit as OpenH264 wants it; kept for its memory.
    unit: Vec<u8>,
}

impl Decoder {
    /// # Errors
    /// [`Error::Damaged`] if OpenH264 cannot be had.
    pub fn new() -> Result<Self, Error> {
        // Pictures leave at once: nothing is reordered, so nothing is worth waiting for.
        let decoder =
            openh264::decoder::Decoder::with_api_config(OpenH264API::from_source(), DecoderConfig::new());
        let decoder = decoder.map_err(|_| Error::Damaged)?;
        Ok(Self { decoder, pool: PicturePool::new(0, 0), unit: Vec::new() })
    }

    /// The picture of an access unit, whose NAL units stand behind their lengths. `None` where it holds none.
    ///
    /// # Errors
    /// [`Error::Damaged`]; go on with a keyframe, in a new decoder.
    pub fn decode(&mut self, unit: &[u8]) -> Result<Option<Picture>, Error> {
        self.unit.clear();
        for nal in nal_units(unit) {
            self.unit.extend(START_CODE);
            self.unit.extend(nal);
        }
        match self.decoder.decode(&self.unit) {
            Ok(decoded) => Ok(decoded.and_then(|decoded| picture(&decoded, &mut self.pool))),
            Err(_) => Err(Error::Damaged),
        }
    }
}

/// What was decoded, out of the decoder's memory into that of `pool`, which is remade where the size is another. An odd
/// last column or row is left out.
pub fn picture(decoded: &DecodedYUV<'_>, pool: &mut PicturePool) -> Option<Picture> {
    let (width, height) = decoded.dimensions();
    let side = |side: usize| (2..=MAX_SIDE).contains(&side).then_some(side as u32 & !1);
    let size = (side(width)?, side(height)?);
    if size != (pool.width(), pool.height()) {
        *pool = PicturePool::new(size.0, size.1);
    }
    let mut picture = pool.take();
    let (y, cb, cr) = picture.planes_mut();
    let strides = decoded.strides();
    let width = size.0 as usize;
    let planes = [
        (decoded.y(), strides.0, y, width),
        (decoded.u(), strides.1, cb, width / 2),
        (decoded.v(), strides.2, cr, width / 2),
    ];
    for (from, stride, to, width) in planes {
        for (from, to) in from.chunks(stride.max(width)).zip(to.chunks_exact_mut(width)) {
            to.copy_from_slice(from.get(..width)?);
        }
    }
    Some(picture)
}

#[cfg(test)]
mod tests {
    use footlight_media::Time;
    use footlight_media::h264::Colours;

    use super::*;
    use crate::Preset;
    use crate::h264::{Config, Encoder};

    #[test]
    fn every_picture_comes_back_at_once_and_damage_is_told() {
        let config = Config {
            width: 322,
            height: 178,
            fps: 30,
            bitrate_kbps: 2000,
            preset: Preset::Superfast,
            colours: Colours::BT709,
        };
        let mut encoder = Encoder::new(&config).expect("opens");
        let mut decoder = Decoder::new().expect("opens");
        let mut last = Vec::new();
        for n in 0..20u8 {
            let mut picture = Picture::black(config.width, config.height);
            picture.planes_mut().0.fill(40 + n * 8);
            let at = Time::from_micros(u64::from(n) * 33_333);
            let packet = encoder.encode(&picture, at, n == 0).expect("encodes").expect("a packet");
            let decoded = decoder.decode(&packet.data).expect("decodes").expect("its picture");
            assert_eq!((decoded.width(), decoded.height()), (322, 178));
            let luma = decoded.planes().0;
            let mean = luma.iter().map(|y| i32::from(*y)).sum::<i32>() / luma.len() as i32;
            assert!((mean - i32::from(40 + n * 8)).abs() <= 2, "{n}: {mean}");
            last = packet.data.to_vec();
        }
        for byte in last.iter_mut().skip(8) {
            *byte ^= 0x5a;
        }
        assert_eq!(decoder.decode(&last).err(), Some(Error::Damaged));
    }
}
