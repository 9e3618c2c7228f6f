//! Lower layers: the same picture at half its sides, and half again, each through an encoder of its own.

use std::time::Duration;

use footlight_media::{Packet, Picture, PicturePool, Time};

use crate::Error;
use crate::h264::{Config, Encoder};

/// Requested keyframes of a layer are at least this far apart.
const KEYFRAME_GAP: Duration = Duration::from_millis(200);

/// A layer of half the sides has a quarter of the pixels, and gets a quarter of the bits.
const SHARE: u32 = 4;
/// Below this a picture of any size is mush, kbit/s.
const FLOOR_KBPS: u32 = 100;

/// The rate of a layer, where the picture itself has `kbps`.
pub fn kbps_of(layer: usize, kbps: u32) -> u32 {
    let share = kbps / SHARE.pow(u32::try_from(layer).unwrap_or(u32::MAX));
    share.max(FLOOR_KBPS.min(kbps))
}

/// The size of a layer: half the sides each time, even.
pub fn size_of(layer: usize, size: (u32, u32)) -> (u32, u32) {
    (0..layer).fold(size, |(width, height), _| ((width / 2) & !1, (height / 2) & !1))
}

/// The lower layers of one picture, the largest first.
pub struct Layers(Vec<Layer>);

impl Layers {
    /// At most so many, below the picture that `video` describes.
    pub fn new(most: usize, video: Config) -> Self {
        Self((1..=most).map(|place| Layer::new(place, video)).collect())
    }

    /// Gives the encoders up until the next picture.
    pub fn rest(&mut self) {
        self.0.iter_mut().for_each(Layer::rest);
    }

    /// Makes the first `on` layers of a picture that itself has `kbps`; the others rest. Layers are named by their place,
    /// the steps below the picture. Those for which a keyframe is `wanted` have one, unless their last is too recent;
    /// `made` takes what came of each. After an error the next picture tries anew.
    pub fn make(
        &mut self,
        picture: &Picture,
        captured: Time,
        kbps: u32,
        on: usize,
        wanted: impl Fn(usize) -> bool,
        mut made: impl FnMut(usize, Result<Packet, Error>),
    ) {
        let mut above: Option<Picture> = None;
        for layer in &mut self.0 {
            let place = layer.place;
            if place > on {
                layer.rest();
                continue;
            }
            let mut smaller = layer.pool.take();
            halve(above.as_ref().unwrap_or(picture), &mut smaller);
            if let Some(encoded) = layer.encode(&smaller, captured, kbps, wanted(place)).transpose() {
                made(place, encoded);
            }
            above = Some(smaller);
        }
    }
}

/// One lower layer. Its encoder is opened by the first picture.
struct Layer {
    place: usize,
    pool: PicturePool,
    config: Config,
    encoder: Option<(Encoder, u32)>,
    last_key: Option<Time>,
}

impl Layer {
    fn new(place: usize, video: Config) -> Self {
        let (width, height) = size_of(place, (video.width, video.height));
        let config = Config { width, height, ..video };
        Self { place, pool: PicturePool::new(width, height), config, encoder: None, last_key: None }
    }

    fn rest(&mut self) {
        self.encoder = None;
    }

    fn encode(
        &mut self,
        picture: &Picture,
        captured: Time,
        kbps: u32,
        wanted: bool,
    ) -> Result<Option<Packet>, Error> {
        let idr = wanted && self.last_key.is_none_or(|last| captured.since(last) >= KEYFRAME_GAP);
        let encoded = self.encode_at(picture, captured, kbps_of(self.place, kbps), idr);
        match &encoded {
            Ok(Some(packet)) if packet.keyframe => self.last_key = Some(captured),
            Ok(_) => {}
            Err(_) => self.rest(),
        }
        encoded
    }

    fn encode_at(
        &mut self,
        picture: &Picture,
        captured: Time,
        target: u32,
        idr: bool,
    ) -> Result<Option<Packet>, Error> {
        let (encoder, kbps) = match &mut self.encoder {
            Some(open) => open,
            none => {
                let config = Config { bitrate_kbps: target, ..self.config };
                none.insert((Encoder::new(&config)?, target))
            }
        };
        // Small steps are noise to the rate buffer.
        if target.abs_diff(*kbps) * 50 > *kbps {
            encoder.set_bitrate(target)?;
            *kbps = target;
        }
        encoder.encode(picture, captured, idr)
    }
}

/// Each pixel is the mean of four.
fn halve(from: &Picture, to: &mut Picture) {
    let (stride, width) = (from.width() as usize, to.width() as usize);
    let (luma, cb, cr) = from.planes();
    let (to_luma, to_cb, to_cr) = to.planes_mut();
    halve_plane(luma, stride, to_luma, width);
    halve_plane(cb, stride / 2, to_cb, width / 2);
    halve_plane(cr, stride / 2, to_cr, width / 2);
}

fn halve_plane(from: &[u8], stride: usize, to: &mut [u8], width: usize) {
    for (row, pair) in to.chunks_exact_mut(width).zip(from.chunks_exact(stride * 2)) {
        let (top, bottom) = pair.split_at(stride);
        let fours = top.chunks_exact(2).zip(bottom.chunks_exact(2));
        for (pixel, (a, b)) in row.iter_mut().zip(fours) {
            let sum: u16 = a.iter().chain(b).map(|pixel| u16::from(*pixel)).sum();
            *pixel = ((sum + 2) / 4) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_have_half_the_sides_and_a_quarter_of_the_bits() {
        assert_eq!(size_of(1, (1280, 720)), (640, 360));
        assert_eq!(size_of(2, (1920, 1080)), (480, 270));
        assert_eq!(size_of(1, (854, 480)), (426, 240));
        assert_eq!((kbps_of(1, 2500), kbps_of(2, 6000), kbps_of(2, 1200)), (625, 375, 100));
        assert_eq!(kbps_of(1, 60), 60);
    }

    #[test]
    fn a_pixel_is_the_mean_of_four() {
        let mut from = Picture::black(8, 4);
        let (luma, cb, _) = from.planes_mut();
        luma.fill(100);
        luma[0] = 20;
        cb.fill(64);
        let mut to = Picture::black(4, 2);
        halve(&from, &mut to);
        let (luma, cb, cr) = to.planes();
        assert_eq!((luma[0], luma[1], luma[7]), (80, 100, 100));
        assert_eq!((cb[0], cr[0]), (64, 128));
    }
}
