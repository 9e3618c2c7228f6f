//! The test pattern: colour bars, a moving ball, the burned-in number, and a white panel that flashes for the
//! first 100 ms of every second, exactly when the [tone](super::tone) beeps.
//!
//! Behaves like an ideal sensor: frames are due at whole multiples of the frame time of the clock and carry that
//! instant, so pattern and tone agree to the microsecond and lateness of the thread shows up as latency.

use std::sync::Arc;
use std::time::Duration;

use footlight_media::burn::Burned;
use footlight_media::{Frame, Picture, PicturePool, Time};

use super::{Feed, Wanted};
use crate::draw::{bt709, disc, fill};
use crate::worker::Worker;
use crate::{Clock, Error};

/// Flash and beep last this long from each whole second on.
pub(super) const FLASH: Duration = Duration::from_millis(100);

pub(crate) fn start(feed: Feed, clock: Clock, wanted: Wanted) -> Result<Worker, Error> {
    let painter = Painter::new(wanted.width, wanted.height);
    let fps = u64::from(wanted.fps.max(1));
    Ok(Worker::spawn("pattern", move |stop| {
        let mut n = slot_after(clock.now(), fps);
        loop {
            if stop.wait(clock.until(due(n, fps))) {
                return;
            }
            let current = match feed.is_seen() {
                true => feed.frame(painter.paint(n as u32, due(n, fps))),
                false => feed.pass(),
            };
            if !current {
                return;
            }
            // After a pause (a suspended machine) go on from now instead of catching up.
            n = (n + 1).max(slot_after(clock.now(), fps) - 1);
        }
    })?)
}

/// The instant of frame `n`, counted from the Unix epoch, so that every whole second has a frame.
fn due(n: u64, fps: u64) -> Time {
    Time::from_micros((n * 1_000_000).div_ceil(fps))
}

fn slot_after(now: Time, fps: u64) -> u64 {
    (u128::from(now.as_micros()) * u128::from(fps) / 1_000_000) as u64 + 1
}

/// Whether flash and beep are on.
pub(super) fn on_beat(time: Time) -> bool {
    u128::from(time.as_micros() % 1_000_000) < FLASH.as_micros()
}

struct Painter {
    pool: PicturePool,
    /// What does not move, without and with the flash.
    still: [Picture; 2],
}

impl Painter {
    fn new(width: u32, height: u32) -> Self {
        let plain = background(width, height);
        let mut flash = background(width, height);
        let (w, h) = (flash.width() as usize, flash.height() as usize);
        fill(&mut flash, w / 3, h / 3, w / 3, h / 4, [235, 128, 128]);
        Self { pool: PicturePool::new(width, height), still: [plain, flash] }
    }

    fn paint(&self, counter: u32, captured: Time) -> Frame {
        let mut picture = self.pool.take();
        let (y, cb, cr) = self.still[usize::from(on_beat(captured))].planes();
        let (to_y, to_cb, to_cr) = picture.planes_mut();
        to_y.copy_from_slice(y);
        to_cb.copy_from_slice(cb);
        to_cr.copy_from_slice(cr);
        let (w, h) = (picture.width() as usize, picture.height() as usize);
        let seconds = (captured.as_micros() % 1_000_000_000) as f32 / 1e6;
        let fraction = (captured.as_micros() % 1_000_000) as f32 / 1e6;
        fill(&mut picture, 0, h - h / 24, (w as f32 * fraction) as usize, h / 24, [180, 90, 180]);
        let x = 0.5 + 0.42 * (seconds * 1.9).sin();
        let y = 0.42 + 0.16 * (seconds * 2.7).cos();
        disc(&mut picture, (x * w as f32) as usize, (y * h as f32) as usize, h / 14, [205, 60, 170]);
        Burned::new(counter, captured).draw(&mut picture);
        Frame { captured, picture: Arc::new(picture) }
    }
}

/// A dusk sky over SMPTE-like bars and a grey ramp.
fn background(width: u32, height: u32) -> Picture {
    let mut picture = Picture::black(width, height);
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    for y in (0..h).step_by(2) {
        let t = y as f32 / h as f32;
        let sky = bt709([0.05 + 0.35 * t, 0.08 + 0.22 * t, 0.25 + 0.25 * t]);
        fill(&mut picture, 0, y, w, 2, sky);
    }
    const BARS: [[f32; 3]; 7] = [
        [0.75, 0.75, 0.75],
        [0.75, 0.75, 0.0],
        [0.0, 0.75, 0.75],
        [0.0, 0.75, 0.0],
        [0.75, 0.0, 0.75],
        [0.75, 0.0, 0.0],
        [0.0, 0.0, 0.75],
    ];
    let (top, bottom) = (h * 64 / 100, h * 84 / 100);
    for (i, bar) in BARS.into_iter().enumerate() {
        let (left, right) = (w * i / 7, w * (i + 1) / 7);
        fill(&mut picture, left, top, right - left, bottom - top, bt709(bar));
    }
    for i in 0..16 {
        let grey = i as f32 / 15.0;
        let (left, right) = (w * i / 16, w * (i + 1) / 16);
        fill(&mut picture, left, bottom, right - left, h * 94 / 100 - bottom, bt709([grey; 3]));
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn every_second_has_a_frame_that_starts_the_flash() {
        for fps in [15, 24, 30, 50, 60] {
            let first = slot_after(Time::from_micros(1_795_375_970_300_000), fps);
            let frames: Vec<Time> = (first..first + 3 * fps).map(|n| due(n, fps)).collect();
            let starts: Vec<_> =
                frames.windows(2).filter(|w| !on_beat(w[0]) && on_beat(w[1])).map(|w| w[1]).collect();
            assert_eq!(starts.len(), 3, "{fps} fps");
            assert!(starts.iter().all(|t| t.as_micros() % 1_000_000 == 0), "{fps} fps: {starts:?}");
        }
    }

    #[test]
    fn the_picture_says_what_it_is_and_when() {
        let painter = Painter::new(1280, 720);
        let at = Time::from_micros(1_795_375_970_033_334);
        let flash = painter.paint(7, at);
        assert_eq!(Burned::read(&flash.picture), Some(Burned::new(7, at)));
        let dark = painter.paint(8, at + Duration::from_millis(500));
        let panel = |frame: &Frame| frame.picture.planes().0[260 * 1280 + 640];
        assert_eq!(panel(&flash), 235);
        assert!(panel(&dark) < 120);
    }

    #[test]
    fn painting_is_cheap_and_takes_no_memory_of_its_own() {
        let painter = Painter::new(1280, 720);
        let at = Time::from_micros(1_795_375_970_133_334);
        let first = painter.paint(0, at).picture.planes().0.as_ptr();
        let mut times: Vec<Duration> = (1..40)
            .map(|n| {
                let start = Instant::now();
                let frame = painter.paint(n, at + Duration::from_millis(33) * n);
                let time = start.elapsed();
                assert_eq!(frame.picture.planes().0.as_ptr(), first);
                time
            })
            .collect();
        times.sort();
        // A quarter of a frame time even in a debug build on a busy machine; well under 1 ms otherwise.
        assert!(times[20] < Duration::from_millis(8), "{:?}", times[20]);
    }
}
