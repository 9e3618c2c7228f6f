//! The newest frame, as a JPEG for the window. Frames are made into JPEGs only when the window asks, and the window asks
//! again only when it has drawn, so nothing can queue.

use std::time::Duration;

use footlight_media::Picture;
use footlight_studio::Finder;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use tokio::sync::Mutex;
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix, yuv420_to_rgb};

/// How long an answer waits for a newer frame.
const PATIENCE: Duration = Duration::from_secs(1);
/// The window draws the preview about this wide.
const WIDTH: u32 = 640;
/// Clean enough for a preview; a tenth of the size of the best.
const QUALITY: u8 = 80;

pub(crate) struct Preview {
    finder: Mutex<Finder>,
}

/// The same of what viewers get.
pub(crate) struct Program(pub(crate) Preview);

impl Preview {
    pub(crate) fn new(finder: Finder) -> Self {
        Self { finder: Mutex::new(finder) }
    }

    /// The newest frame that was not asked for yet; empty where none came in time.
    pub(crate) async fn next(&self) -> Vec<u8> {
        let Some(frame) = self.finder.lock().await.next(PATIENCE).await else { return Vec::new() };
        tokio::task::spawn_blocking(move || jpeg(&frame.picture)).await.unwrap_or_default()
    }
}

/// A JPEG of about [`WIDTH`]; empty where the picture cannot be encoded.
fn jpeg(picture: &Picture) -> Vec<u8> {
    let step = (picture.width() / WIDTH).max(1);
    let small = Small::of(picture, step);
    let mut rgb = vec![0; small.width as usize * small.height as usize * 3];
    let image = YuvPlanarImage {
        y_plane: &small.luma,
        y_stride: small.width,
        u_plane: &small.cb,
        u_stride: small.width / 2,
        v_plane: &small.cr,
        v_stride: small.width / 2,
        width: small.width,
        height: small.height,
    };
    let mut out = Vec::new();
    if yuv420_to_rgb(&image, &mut rgb, small.width * 3, YuvRange::Limited, YuvStandardMatrix::Bt709).is_err()
    {
        return out;
    }
    let mut encoder = Encoder::new(&mut out, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    match encoder.encode(&rgb, small.width as u16, small.height as u16, ColorType::Rgb) {
        Ok(()) => out,
        Err(_) => Vec::new(),
    }
}

/// A picture made smaller by a whole factor, each pixel the mean of those that it stands for.
struct Small {
    width: u32,
    height: u32,
    luma: Vec<u8>,
    cb: Vec<u8>,
    cr: Vec<u8>,
}

impl Small {
    fn of(picture: &Picture, step: u32) -> Self {
        let (width, height) = ((picture.width() / step) & !1, (picture.height() / step) & !1);
        let (luma, cb, cr) = picture.planes();
        let full = picture.width() as usize;
        let (w, h, step) = (width as usize, height as usize, step as usize);
        Self {
            width,
            height,
            luma: shrink(luma, full, w, h, step),
            cb: shrink(cb, full / 2, w / 2, h / 2, step),
            cr: shrink(cr, full / 2, w / 2, h / 2, step),
        }
    }
}

fn shrink(plane: &[u8], stride: usize, width: usize, height: usize, step: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(width * height);
    let mut sums = vec![0u32; width];
    for block in plane.chunks(stride * step).take(height) {
        sums.fill(0);
        for row in block.chunks_exact(stride) {
            for (sum, pixels) in sums.iter_mut().zip(row.chunks_exact(step)) {
                *sum += pixels.iter().map(|pixel| u32::from(*pixel)).sum::<u32>();
            }
        }
        let count = (step * step) as u32;
        out.extend(sums.iter().map(|sum| (sum / count) as u8));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jpeg_is_made_of_any_size() {
        for (width, height) in [(1280, 720), (1918, 1080), (320, 240), (64, 64)] {
            let jpeg = jpeg(&Picture::black(width, height));
            assert_eq!(jpeg[..2], [0xff, 0xd8], "{width}x{height}");
        }
    }

    #[test]
    fn small_pixels_are_means() {
        let plane = [0, 10, 20, 30, 10, 20, 30, 40];
        assert_eq!(shrink(&plane, 4, 2, 1, 2), [10, 30]);
    }
}
