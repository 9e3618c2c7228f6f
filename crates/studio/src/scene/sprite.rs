//! Sprites: what is painted once and then drawn over each picture.

use std::sync::Arc;

use footlight_media::Picture;

use super::scale::Area;

/// A painting: rows of red, green, blue and alpha, the colours multiplied by alpha, as sums of them need it.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<[u8; 4]>,
}

impl Canvas {
    pub(super) fn clear(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![[0; 4]; width * height] }
    }

    /// Lays a colour over a pixel; outside of the canvas nothing happens.
    pub(super) fn lay(&mut self, x: i32, y: i32, [r, g, b, alpha]: [u8; 4]) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x >= self.width || y >= self.height {
            return;
        }
        let under = &mut self.pixels[y * self.width + x];
        let colours = [r, g, b, 255].map(|colour| share(colour, alpha));
        for (under, over) in under.iter_mut().zip(colours) {
            *under = over.saturating_add(share(*under, 255 - alpha));
        }
    }
}

/// `value` × `part` / 255, rounded.
pub(super) fn share(value: u8, part: u8) -> u8 {
    let product = u16::from(value) * u16::from(part) + 128;
    ((product + (product >> 8)) >> 8) as u8
}

/// A part of a picture with how much of it is seen: I420 in BT.709 limited range, already multiplied by that.
#[derive(Debug)]
pub(crate) struct Sprite {
    x: usize,
    y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    /// Nothing of the canvas lies outside.
    whole: bool,
    pub(super) planes: Arc<[Plane; 3]>,
}

#[derive(Debug, Default)]
pub(super) struct Plane {
    /// Multiplied by what is seen.
    pub(super) values: Vec<u8>,
    /// What is left of the picture behind: 255 − alpha.
    pub(super) left: Vec<u8>,
}

impl Sprite {
    /// What of a canvas at that place lies inside a picture of that size; `None` where nothing of it does.
    pub(super) fn of(canvas: &Canvas, area: Area, size: (u32, u32), opacity: u8) -> Option<Self> {
        let side = |at: i32, length: usize, most: u32| {
            let from = at.clamp(0, most as i32);
            let to = (at + length as i32).clamp(0, most as i32);
            ((to > from).then_some(from as usize), (to - from) as usize)
        };
        let ((x, width), (y, height)) =
            (side(area.x, canvas.width, size.0), side(area.y, canvas.height, size.1));
        let (x, y) = (x?, y?);
        let (skip_x, skip_y) = ((x as i32 - area.x) as usize, (y as i32 - area.y) as usize);
        let mut planes: [Plane; 3] = Default::default();
        let row = |row: usize| &canvas.pixels[(skip_y + row) * canvas.width + skip_x..][..width];
        for pixel in (0..height).flat_map(row) {
            planes[0].put(weigh(*pixel, opacity), LUMA, 1.0);
        }
        for pair in (0..height / 2).map(|half| (row(half * 2), row(half * 2 + 1))) {
            for (above, below) in pair.0.chunks_exact(2).zip(pair.1.chunks_exact(2)) {
                let mut sum = [0.0; 4];
                for pixel in above.iter().chain(below) {
                    sum.iter_mut().zip(weigh(*pixel, opacity)).for_each(|(sum, part)| *sum += part);
                }
                planes[1].put(sum, CB, 0.25);
                planes[2].put(sum, CR, 0.25);
            }
        }
        let whole = (width, height) == (canvas.width, canvas.height);
        Some(Self { x, y, width, height, whole, planes: Arc::new(planes) })
    }

    /// The same at another place of a picture of that size; `None` where that cuts something off, or it is cut already.
    pub(super) fn moved(&self, area: Area, size: (u32, u32)) -> Option<Self> {
        let fits = self.whole && (area.width, area.height) == (self.width, self.height);
        let (x, y) = (usize::try_from(area.x).ok()?, usize::try_from(area.y).ok()?);
        let planes = Arc::clone(&self.planes);
        (fits && area.is_inside(size.0, size.1)).then_some(Self { x, y, planes, ..*self })
    }

    /// Draws it over a picture of the size that it was made for.
    pub(super) fn draw(&self, picture: &mut Picture) {
        let stride = picture.width() as usize;
        let planes = picture.planes_mut();
        for ((plane, ours), half) in
            [planes.0, planes.1, planes.2].into_iter().zip(self.planes.iter()).zip([1, 2, 2])
        {
            let (width, stride) = (self.width / half, stride / half);
            let rows = plane.chunks_exact_mut(stride).skip(self.y / half).take(self.height / half);
            let ours = ours.values.chunks_exact(width).zip(ours.left.chunks_exact(width));
            for (row, (values, left)) in rows.zip(ours) {
                let row = &mut row[self.x / half..][..width];
                for ((under, over), left) in row.iter_mut().zip(values).zip(left) {
                    *under = over.wrapping_add(share(*under, *left));
                }
            }
        }
    }
}

/// Limited-range BT.709 of red, green, blue in 0..255, and what is added to it for black (ITU-R BT.709 item 3).
const LUMA: ([f32; 3], f32) = ([0.182_586, 0.614_231, 0.062_007], 16.0);
const CB: ([f32; 3], f32) = ([-0.100_644, -0.338_572, 0.439_216], 128.0);
const CR: ([f32; 3], f32) = ([0.439_216, -0.398_942, -0.040_274], 128.0);

fn weigh(pixel: [u8; 4], opacity: u8) -> [f32; 4] {
    pixel.map(|part| f32::from(part) * f32::from(opacity) / 255.0)
}

impl Plane {
    /// Adds the value of `pixel` (colours times alpha, and alpha), of which `part` counts.
    fn put(&mut self, [r, g, b, alpha]: [f32; 4], ([kr, kg, kb], black): ([f32; 3], f32), part: f32) {
        let alpha = alpha * part;
        let value = (kr * r + kg * g + kb * b) * part + black * alpha / 255.0;
        let seen = alpha.round();
        // Never more than what is seen of it: sums with what is behind stay below 256.
        self.values.push(value.round().clamp(0.0, seen) as u8);
        self.left.push(255 - seen as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::bt709;

    fn filled(width: usize, height: usize, pixel: [u8; 4]) -> Canvas {
        Canvas { width, height, pixels: vec![pixel; width * height] }
    }

    fn at(picture: &Picture, x: usize, y: usize) -> [u8; 3] {
        let (luma, cb, cr) = picture.planes();
        let (width, half) = (picture.width() as usize, picture.width() as usize / 2);
        [luma[y * width + x], cb[y / 2 * half + x / 2], cr[y / 2 * half + x / 2]]
    }

    #[test]
    fn what_is_opaque_has_its_colour_and_what_is_clear_changes_nothing() {
        let area = Area { x: 4, y: 2, width: 8, height: 4 };
        for colour in [[255, 255, 255], [255, 0, 0], [0, 0, 255], [12, 200, 90], [0, 0, 0]] {
            let mut picture = Picture::black(32, 16);
            picture.planes_mut().0.fill(77);
            let [r, g, b] = colour;
            let canvas = filled(8, 4, [r, g, b, 255]);
            Sprite::of(&canvas, area, (32, 16), 255).unwrap().draw(&mut picture);
            let wanted = bt709(colour.map(|part| f32::from(part) / 255.0));
            let got = at(&picture, 5, 3);
            assert!(wanted.iter().zip(got).all(|(a, b)| a.abs_diff(b) <= 1), "{colour:?}: {got:?}");
            assert_eq!((at(&picture, 3, 3)[0], at(&picture, 12, 3)[0], at(&picture, 5, 6)[0]), (77, 77, 77));
            let before = at(&picture, 5, 3);
            Sprite::of(&filled(8, 4, [0; 4]), area, (32, 16), 255).unwrap().draw(&mut picture);
            assert_eq!(at(&picture, 5, 3), before);
        }
    }

    #[test]
    fn half_of_white_over_black_is_grey() {
        let mut picture = Picture::black(16, 16);
        let white = filled(16, 16, [255; 4]);
        Sprite::of(&white, Area::whole(16, 16), (16, 16), 128).unwrap().draw(&mut picture);
        let [luma, cb, cr] = at(&picture, 8, 8);
        assert!(
            luma.abs_diff(126) <= 1 && cb.abs_diff(128) <= 1 && cr.abs_diff(128) <= 1,
            "{luma} {cb} {cr}"
        );
    }

    #[test]
    fn what_lies_outside_is_cut() {
        let mut picture = Picture::black(16, 16);
        let white = filled(8, 8, [255; 4]);
        for (x, y) in [(-4, -4), (12, 12), (12, -6)] {
            let area = Area { x, y, width: 8, height: 8 };
            Sprite::of(&white, area, (16, 16), 255).unwrap().draw(&mut picture);
        }
        assert_eq!(at(&picture, 0, 0)[0], 235);
        assert_eq!((at(&picture, 15, 15)[0], at(&picture, 15, 0)[0], at(&picture, 8, 8)[0]), (235, 235, 16));
        for (x, y) in [(-8, 0), (16, 0), (0, 40)] {
            assert!(Sprite::of(&white, Area { x, y, width: 8, height: 8 }, (16, 16), 255).is_none());
        }
    }

    #[test]
    fn what_is_moved_is_not_made_anew() {
        let white = filled(8, 8, [255; 4]);
        let area = |x, y| Area { x, y, width: 8, height: 8 };
        let sprite = Sprite::of(&white, area(0, 0), (16, 16), 255).unwrap();
        let moved = sprite.moved(area(8, 4), (16, 16)).unwrap();
        assert!(Arc::ptr_eq(&sprite.planes, &moved.planes));
        let mut picture = Picture::black(16, 16);
        moved.draw(&mut picture);
        assert_eq!((at(&picture, 2, 2)[0], at(&picture, 9, 5)[0]), (16, 235));
        assert!(sprite.moved(area(10, 0), (16, 16)).is_none(), "a part of it is outside");
        let cut = Sprite::of(&white, area(-4, 0), (16, 16), 255).unwrap();
        assert!(cut.moved(area(0, 0), (16, 16)).is_none(), "a part of it is not there");
    }

    #[test]
    fn colours_lie_over_each_other_on_a_canvas() {
        let mut canvas = Canvas::clear(2, 1);
        canvas.lay(0, 0, [255, 0, 0, 255]);
        canvas.lay(0, 0, [0, 0, 255, 128]);
        canvas.lay(9, -1, [255; 4]);
        let [r, g, b, alpha] = canvas.pixels[0];
        assert!(r.abs_diff(127) <= 1 && g == 0 && b.abs_diff(128) <= 1 && alpha == 255);
        assert_eq!(canvas.pixels[1], [0; 4]);
    }
}
