//! Pieces of overlays: painted once, and moved and faded with each picture.
//!
//! Where a piece is follows from the capture time of the picture that it is drawn over, so that it moves as evenly as
//! what the camera shows, and nobody has to say anything while it does.

use std::sync::Arc;
use std::time::Duration;

use footlight_media::{Picture, Time};

use super::scale::Area;
use super::sprite::{Sprite, share};

/// How long coming takes; going is a little faster, as it should not be looked at.
pub(super) const COMES: Duration = Duration::from_millis(250);
pub(super) const GOES: Duration = Duration::from_millis(200);
/// How long a place is changed, and how long a count jumps.
const SHIFTS: Duration = Duration::from_millis(180);
const JUMPS: Duration = Duration::from_millis(260);

/// What somebody wants to see of it, at a place in the picture.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) sprite: Arc<Sprite>,
    /// Where it rests, in pixels.
    pub(super) x: i32,
    pub(super) y: i32,
    /// It is not drawn outside of this.
    pub(super) within: Area,
    pub(super) opacity: u8,
    pub(super) motion: Motion,
}

/// How a piece comes to where it rests, and goes from there.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Motion {
    /// When, and by how many pixels it is away from there when it begins.
    pub(super) comes: Option<(Time, (i32, i32))>,
    /// It was so many pixels lower until then.
    pub(super) shifts: Option<(Time, i32)>,
    pub(super) goes: Option<Time>,
    /// It jumps, so many pixels high.
    pub(super) jumps: Option<(Time, i32)>,
    /// It passes by since then: pixels a second to the left, and after how many it begins anew.
    pub(super) runs: Option<(Time, u32, u32)>,
}

/// How much of `whole` is over at `now`, 0.0 to 1.0.
fn part(since: Time, now: Time, whole: Duration) -> f32 {
    (now.since(since).as_secs_f32() / whole.as_secs_f32()).min(1.0)
}

/// Fast, then slow: as things come to rest.
fn eased(part: f32) -> f32 {
    1.0 - (1.0 - part).powi(3)
}

impl Motion {
    /// By how much it is away from where it rests, and how much of it is seen.
    fn at(&self, now: Time) -> ((i32, i32), f32) {
        let (mut x, mut y, mut seen) = (0.0, 0.0, 1.0);
        if let Some((since, (dx, dy))) = self.comes {
            let far = 1.0 - eased(part(since, now, COMES));
            (x, y) = (dx as f32 * far, dy as f32 * far);
            seen = part(since, now, COMES);
        }
        y += self.lower(now);
        if let Some(since) = self.goes {
            seen *= 1.0 - part(since, now, GOES);
        }
        if let Some((since, high)) = self.jumps {
            y -= high as f32 * (part(since, now, JUMPS) * std::f32::consts::PI).sin();
        }
        if let Some((since, speed, length)) = self.runs {
            let way = now.since(since).as_micros() * u128::from(speed) / 1_000_000;
            x -= (way % u128::from(length.max(1))) as f32;
        }
        ((x.round() as i32, y.round() as i32), seen)
    }

    /// How much lower it is now than where it rests, in pixels.
    pub(super) fn lower(&self, now: Time) -> f32 {
        let left = |(since, by): (Time, i32)| by as f32 * (1.0 - eased(part(since, now, SHIFTS)));
        self.shifts.map_or(0.0, left)
    }
}

impl Piece {
    /// Draws it as it is at that time.
    pub(super) fn draw(&self, picture: &mut Picture, now: Time) {
        let ((dx, dy), seen) = self.motion.at(now);
        let opacity = (f32::from(self.opacity) * seen).round() as u8;
        if opacity > 0 {
            let at = ((self.x + dx) & !1, (self.y + dy) & !1);
            self.sprite.draw_at(picture, at, self.within, opacity);
        }
    }
}

impl Sprite {
    /// Draws it elsewhere than it was made for, as far as it is inside of that part of the picture. All even.
    fn draw_at(&self, picture: &mut Picture, (x, y): (i32, i32), within: Area, opacity: u8) {
        let cut = |at: i32, length: usize, from: i32, room: usize, most: u32| {
            let begin = at.max(from).max(0);
            let end = (at + length as i32).min(from + room as i32).min(most as i32 & !1);
            (end > begin).then(|| ((begin - at) as usize, begin as usize, (end - begin) as usize))
        };
        let (Some((skip_x, to_x, width)), Some((skip_y, to_y, height))) = (
            cut(x, self.width, within.x, within.width, picture.width()),
            cut(y, self.height, within.y, within.height, picture.height()),
        ) else {
            return;
        };
        let stride = picture.width() as usize;
        let planes = picture.planes_mut();
        for ((plane, ours), half) in
            [planes.0, planes.1, planes.2].into_iter().zip(self.planes.iter()).zip([1, 2, 2])
        {
            let (own, stride, width) = (self.width / half, stride / half, width / half);
            let rows = plane.chunks_exact_mut(stride).skip(to_y / half).take(height / half);
            let values = ours.values.chunks_exact(own).skip(skip_y / half);
            let left = ours.left.chunks_exact(own).skip(skip_y / half);
            for ((row, values), left) in rows.zip(values).zip(left) {
                let row = &mut row[to_x / half..][..width];
                let (values, left) = (&values[skip_x / half..][..width], &left[skip_x / half..][..width]);
                let pixels = row.iter_mut().zip(values).zip(left);
                if opacity == 255 {
                    pixels.for_each(|((under, over), left)| *under = over.wrapping_add(share(*under, *left)));
                } else {
                    pixels.for_each(|((under, over), left)| {
                        let left = 255 - share(255 - left, opacity);
                        *under = share(*over, opacity).saturating_add(share(*under, left));
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sprite::Canvas;
    use super::*;

    fn white(width: usize, height: usize) -> Arc<Sprite> {
        let canvas = Canvas { width, height, pixels: vec![[255; 4]; width * height] };
        let size = (width as u32, height as u32);
        Arc::new(Sprite::of(&canvas, Area::whole(size.0, size.1), size, 255).unwrap())
    }

    fn at(ms: u64) -> Time {
        Time::from_micros(5_000_000 + ms * 1_000)
    }

    fn drawn(piece: &Piece, ms: u64) -> Vec<(usize, u8)> {
        let mut picture = Picture::black(64, 32);
        piece.draw(&mut picture, at(ms));
        let row = picture.planes().0[16 * 64..17 * 64].to_vec();
        row.into_iter().enumerate().filter(|(_, luma)| *luma > 20).collect()
    }

    fn piece(motion: Motion) -> Piece {
        let within = Area::whole(64, 32);
        Piece { sprite: white(8, 8), x: 20, y: 12, within, opacity: 255, motion }
    }

    #[test]
    fn a_piece_comes_rests_and_goes() {
        let motion = Motion { comes: Some((at(0), (-40, 0))), goes: Some(at(1_000)), ..Motion::default() };
        let piece = piece(motion);
        assert!(drawn(&piece, 0).is_empty());
        let coming = drawn(&piece, 100);
        assert!(coming[0].0 < 20 && coming[0].1 < 235, "{coming:?}");
        let rests = drawn(&piece, 600);
        assert_eq!((rests.len(), rests[0]), (8, (20, 235)));
        let going = drawn(&piece, 1_100);
        assert!(going[0].0 == 20 && going[0].1.abs_diff(126) < 4, "{going:?}");
        assert!(drawn(&piece, 1_300).is_empty());
    }

    #[test]
    fn a_piece_is_drawn_where_it_may_be_and_nowhere_else() {
        let mut piece = piece(Motion::default());
        piece.within = Area { x: 22, y: 0, width: 4, height: 32 };
        assert_eq!(drawn(&piece, 0).iter().map(|(x, _)| *x).collect::<Vec<_>>(), [22, 23, 24, 25]);
        piece.within = Area { x: 40, y: 0, width: 4, height: 32 };
        assert!(drawn(&piece, 0).is_empty());
        for (x, y) in [(-4, 12), (60, 12), (-100, 12), (20, 200)] {
            piece.within = Area { x: -20, y: -20, width: 200, height: 200 };
            (piece.x, piece.y) = (x, y);
            assert!(drawn(&piece, 0).len() <= 4, "{x},{y}");
        }
    }

    #[test]
    fn what_runs_comes_again() {
        let motion = Motion { runs: Some((at(0), 10, 40)), ..Motion::default() };
        let piece = piece(motion);
        let left = |ms| drawn(&piece, ms)[0].0;
        assert_eq!((left(0), left(1_000), left(4_000), left(5_000)), (20, 10, 20, 10));
    }
}
