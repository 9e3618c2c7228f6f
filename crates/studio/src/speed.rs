//! How fast this computer encodes, tried out before a broadcast.

use std::time::{Duration, Instant};

use footlight_media::{Picture, PicturePool, Time};
use footlight_protocol::studio::Speed;

use crate::Error;
use crate::encode::h264::{self, Encoder};

/// Pictures that are timed, after some that are not: the first is a keyframe, and rate control has to settle.
const TIMED: u32 = 24;
const WARMING: u32 = 6;
/// Pixels by which the picture moves from one to the next, which is more than most cameras have to show.
const STEP: usize = 6;

/// Encodes the picture in motion. It may have any size; what is encoded has that of `video`.
pub(crate) fn measure(video: &h264::Config, picture: &Picture) -> Result<Speed, Error> {
    let mut encoder = Encoder::new(video)?;
    let pool = PicturePool::new(video.width, video.height);
    let interval = Duration::from_secs(1) / video.fps.max(1);
    let mut busy = Duration::ZERO;
    for n in 0..WARMING + TIMED {
        let mut moved = pool.take();
        pan(picture, &mut moved, n as usize * STEP);
        let begun = Instant::now();
        encoder.encode(&moved, Time::default() + interval * n, n == 0)?;
        if n >= WARMING {
            busy += begun.elapsed();
        }
    }
    Ok(Speed { load: busy.as_secs_f32() / (interval * TIMED).as_secs_f32() })
}

/// Draws the picture moved to the left by so many pixels, going round.
fn pan(from: &Picture, to: &mut Picture, by: usize) {
    let (width, wide) = (from.width() as usize, to.width() as usize);
    let (from, to) = (from.planes(), to.planes_mut());
    for (from, to, half) in [(from.0, to.0, 1), (from.1, to.1, 2), (from.2, to.2, 2)] {
        let (width, wide) = (width / half, wide / half);
        let shift = by / half % width;
        for (to, from) in to.chunks_exact_mut(wide).zip(from.chunks_exact(width).cycle()) {
            for (to, from) in to.iter_mut().zip(from[shift..].iter().chain(from).cycle()) {
                *to = *from;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::Preset;
    use footlight_media::h264::Colours;

    #[test]
    fn a_picture_of_any_size_is_moved_and_timed() {
        let mut small = Picture::black(64, 36);
        small.planes_mut().0.iter_mut().enumerate().for_each(|(n, luma)| *luma = (n * 7 % 220) as u8);
        let mut moved = Picture::black(64, 36);
        pan(&small, &mut moved, 70);
        assert_eq!(moved.planes().0[0], small.planes().0[6], "it goes round");
        let load = |width, height| {
            let (fps, bitrate_kbps, preset) = (30, 1000, Preset::default());
            let video = h264::Config { width, height, fps, bitrate_kbps, preset, colours: Colours::BT709 };
            measure(&video, &small).unwrap().load
        };
        let (little, much) = (load(64, 36), load(640, 360));
        assert!(little > 0.0 && much > little, "{little} {much}");
    }
}
