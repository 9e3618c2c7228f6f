//! The thread that makes the lower layers: the picture at half its sides, and half again, each through its own encoder.
//!
//! It takes the newest picture and nothing else, after the picture itself is encoded: one that comes while it works
//! replaces the one that waits, and is counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use footlight_media::{Frame, Picture, PicturePool};

use crate::air::{Air, LAYERS};
use crate::encode::h264;
use crate::worker::{Stop, Worker, lock};

/// The thread looks whether it shall stop at least this often.
const GLANCE: Duration = Duration::from_millis(100);
/// Requested keyframes of a layer are at least this far apart.
const KEYFRAME_GAP: Duration = Duration::from_millis(200);
/// A layer of half the sides has a quarter of the pixels, and gets a quarter of the bits.
const SHARE: u32 = 4;
/// Below this a picture of any size is mush, kbit/s.
const FLOOR_KBPS: u32 = 100;

/// The rate of a layer, where the picture itself has `kbps`.
pub(crate) fn kbps_of(layer: usize, kbps: u32) -> u32 {
    let share = kbps / SHARE.pow(u32::try_from(layer).unwrap_or(u32::MAX));
    share.max(FLOOR_KBPS.min(kbps))
}

/// The size of a layer: half the sides each time, even.
pub(crate) fn size_of(layer: usize, size: (u32, u32)) -> (u32, u32) {
    (0..layer).fold(size, |(width, height), _| ((width / 2) & !1, (height / 2) & !1))
}

/// What is to be made.
struct Order {
    frame: Frame,
    layers: usize,
    kbps: u32,
}

#[derive(Default)]
struct Shared {
    /// Full ⇒ the newer one takes the place.
    next: Mutex<Next>,
    ready: Condvar,
    missed: AtomicU64,
}

#[derive(Default)]
enum Next {
    #[default]
    Nothing,
    /// No lower layers for now: the encoders are given up.
    Rest,
    Order(Order),
}

/// The stage's end.
pub(crate) struct Lower {
    shared: Arc<Shared>,
    _worker: Worker,
}

impl Lower {
    pub(crate) fn start(air: Arc<Air>, video: h264::Config) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let worker = Worker::spawn("layers", move |stop| Maker::new(air, video).run(&theirs, stop))?;
        Ok(Self { shared, _worker: worker })
    }

    /// The picture, for so many lower layers; `kbps` is the rate of the picture itself.
    pub(crate) fn offer(&self, frame: Frame, layers: usize, kbps: u32) {
        self.put(Next::Order(Order { frame, layers, kbps }));
    }

    pub(crate) fn rest(&self) {
        self.put(Next::Rest);
    }

    /// Pictures that were replaced before they were taken.
    pub(crate) fn missed(&self) -> u64 {
        self.shared.missed.load(Ordering::Relaxed)
    }

    fn put(&self, next: Next) {
        if let Next::Order(_) = std::mem::replace(&mut *lock(&self.shared.next), next) {
            self.shared.missed.fetch_add(1, Ordering::Relaxed);
        }
        self.shared.ready.notify_one();
    }
}

impl Shared {
    /// Waits for what comes next, a moment at most.
    fn take(&self) -> Next {
        let next = lock(&self.next);
        let waited = self.ready.wait_timeout_while(next, GLANCE, |next| matches!(next, Next::Nothing));
        let (mut next, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *next)
    }
}

/// The thread's end.
struct Maker {
    air: Arc<Air>,
    layers: Vec<Layer>,
}

/// One lower layer.
struct Layer {
    pool: PicturePool,
    config: h264::Config,
    codec: Option<(h264::Encoder, u32)>,
    last_key: Option<Instant>,
}

impl Maker {
    fn new(air: Arc<Air>, video: h264::Config) -> Self {
        let layer = |layer| {
            let (width, height) = size_of(layer, (video.width, video.height));
            let config = h264::Config { width, height, ..video };
            Layer { pool: PicturePool::new(width, height), config, codec: None, last_key: None }
        };
        Self { air, layers: (1..LAYERS).map(layer).collect() }
    }

    fn run(mut self, shared: &Shared, stop: &Stop) {
        while !stop.is_set() {
            match shared.take() {
                Next::Nothing => {}
                Next::Rest => self.layers.iter_mut().for_each(|layer| layer.codec = None),
                Next::Order(order) => self.make(&order),
            }
        }
    }

    fn make(&mut self, order: &Order) {
        let mut above = Arc::clone(&order.frame.picture);
        for (below, layer) in self.layers.iter_mut().enumerate() {
            if below >= order.layers {
                layer.codec = None;
                continue;
            }
            let mut picture = layer.pool.take();
            halve(&above, &mut picture);
            above = Arc::new(picture);
            let frame = Frame { captured: order.frame.captured, picture: Arc::clone(&above) };
            let place = below + 1;
            if let Err(error) = layer.encode(&frame, place, kbps_of(place, order.kbps), &self.air) {
                // The picture itself goes on, and the next one tries anew.
                tracing::error!(%error, place, "a lower layer's encoder");
                layer.codec = None;
            }
        }
    }
}

impl Layer {
    fn encode(&mut self, frame: &Frame, place: usize, target: u32, air: &Air) -> Result<(), crate::Error> {
        let (codec, kbps) = match &mut self.codec {
            Some(codec) => codec,
            none => {
                let config = h264::Config { bitrate_kbps: target, ..self.config };
                none.insert((h264::Encoder::new(&config)?, target))
            }
        };
        // Small steps are noise to the rate buffer.
        if target.abs_diff(*kbps) * 50 > *kbps {
            codec.set_bitrate(target)?;
            *kbps = target;
        }
        let may = self.last_key.is_none_or(|last| last.elapsed() >= KEYFRAME_GAP);
        let idr = may && air.keyframe_wanted(place);
        if let Some(packet) = codec.encode(&frame.picture, frame.captured, idr)? {
            if packet.keyframe {
                self.last_key = Some(Instant::now());
                air.keyframe_made(place);
            }
            air.send_lower(place, &packet);
        }
        Ok(())
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
