//! Shapes drawn into pictures: what the test pattern and the cards are made of. Everything is cut to the picture.

use footlight_media::Picture;

/// Limited-range BT.709: luma, Cb, Cr.
pub(crate) type Colour = [u8; 3];

/// From non-linear red, green, blue in 0..1, ITU-R BT.709 item 3.
pub(crate) fn bt709([r, g, b]: [f32; 3]) -> Colour {
    let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    [
        (16.0 + 219.0 * y).round() as u8,
        (128.0 + 224.0 * (b - y) / 1.8556).round() as u8,
        (128.0 + 224.0 * (r - y) / 1.5748).round() as u8,
    ]
}

/// Fills a rectangle, cut to the picture; chroma is rounded to whole samples.
pub(crate) fn fill(picture: &mut Picture, x: usize, y: usize, width: usize, height: usize, colour: Colour) {
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    let (right, bottom) = ((x + width).min(w), (y + height).min(h));
    if x >= right || y >= bottom {
        return;
    }
    let (luma, cb, cr) = picture.planes_mut();
    for row in luma.chunks_exact_mut(w).take(bottom).skip(y) {
        row[x..right].fill(colour[0]);
    }
    for (plane, value) in [(cb, colour[1]), (cr, colour[2])] {
        for row in plane.chunks_exact_mut(w / 2).take(bottom.div_ceil(2)).skip(y / 2) {
            row[x / 2..(right / 2).max(x / 2)].fill(value);
        }
    }
}

/// Fills a disc around a centre.
pub(crate) fn disc(picture: &mut Picture, x: usize, y: usize, radius: usize, colour: Colour) {
    for dy in (0..radius).step_by(2) {
        let half = ((radius * radius - dy * dy) as f32).sqrt() as usize;
        for row in [y.checked_sub(dy), Some(y + dy)].into_iter().flatten() {
            fill(picture, x.saturating_sub(half) & !1, row & !1, half * 2, 2, colour);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_bt709() {
        assert_eq!(bt709([1.0, 1.0, 1.0]), [235, 128, 128]);
        assert_eq!(bt709([0.0, 0.0, 0.0]), [16, 128, 128]);
        assert_eq!(bt709([1.0, 0.0, 0.0]), [63, 102, 240]);
        assert_eq!(bt709([0.0, 0.0, 1.0]), [32, 240, 118]);
    }

    #[test]
    fn shapes_are_cut_to_the_picture() {
        let mut picture = Picture::black(32, 16);
        fill(&mut picture, 30, 14, 100, 100, [200, 1, 2]);
        fill(&mut picture, 50, 50, 1, 1, [9, 9, 9]);
        disc(&mut picture, 0, 0, 4, [100, 3, 4]);
        let (luma, cb, _) = picture.planes();
        assert_eq!((luma[15 * 32 + 31], cb[7 * 16 + 15], luma[0], luma[8 * 32 + 16]), (200, 1, 100, 16));
    }
}
