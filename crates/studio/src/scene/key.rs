//! A colour that is made clear (chroma key), by how far the chroma of each sample is from it. Luma does not count: a cloth has
//! folds and shadows.

use footlight_media::Picture;
use footlight_protocol::scene::Colour;
use footlight_protocol::scene::effects::Key;

use crate::draw::bt709;

/// Colours less far from each other than this, as a share of all chroma there is, look alike to no key.
const FINEST: f32 = 0.02;

/// How much is seen of each colour: by Cb, then by Cr.
pub(super) struct Veil(Box<[u8; 65_536]>);

impl std::fmt::Debug for Veil {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Veil")
    }
}

impl Veil {
    pub(super) fn of(key: &Key) -> Self {
        let Colour(rgb) = key.colour;
        let [_, cb, cr] = bt709(rgb.map(|part| f32::from(part) / 255.0));
        let mut seen = Box::new([0; 65_536]);
        for (at, seen) in seen.iter_mut().enumerate() {
            let far = |at: usize, key: u8| (at as f32 - f32::from(key)) / 255.0;
            let far = far(at >> 8, cb).hypot(far(at & 255, cr));
            // The colour itself is clear however alike it has to be.
            let over = (far - key.similarity.max(FINEST)) / key.smoothness.max(FINEST);
            let share = over.clamp(0.0, 1.0);
            // Gently at both ends.
            *seen = (share * share * (3.0 - 2.0 * share) * 255.0).round() as u8;
        }
        Self(seen)
    }

    /// Of each sample of luma, then of chroma, how much is seen.
    pub(super) fn seen(&self, picture: &Picture) -> [Vec<u8>; 2] {
        let (_, cb, cr) = picture.planes();
        let chroma: Vec<u8> =
            cb.iter().zip(cr).map(|(cb, cr)| self.0[usize::from(*cb) << 8 | usize::from(*cr)]).collect();
        let (width, half) = (picture.width() as usize, picture.width() as usize / 2);
        let mut luma = vec![0; width * picture.height() as usize];
        for (y, row) in luma.chunks_exact_mut(width).enumerate() {
            // Between the two nearest rows of chroma, and then columns: edges are not made of squares.
            let near = |y: usize| &chroma[(y / 2).min(chroma.len() / half - 1) * half..][..half];
            let other = if y % 2 == 0 { y.saturating_sub(2) } else { y + 2 };
            let (near, far) = (near(y), near(other));
            let at = |x: usize| (u16::from(near[x]) * 3 + u16::from(far[x])) / 4;
            for (x, pair) in row.chunks_exact_mut(2).enumerate() {
                let (own, left, right) = (at(x), at(x.saturating_sub(1)), at((x + 1).min(half - 1)));
                pair[0] = ((own * 3 + left) / 4) as u8;
                pair[1] = ((own * 3 + right) / 4) as u8;
            }
        }
        [luma, chroma]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(key: Key, rgb: [f32; 3]) -> u8 {
        let [_, cb, cr] = bt709(rgb);
        Veil::of(&key).0[usize::from(cb) << 8 | usize::from(cr)]
    }

    #[test]
    fn shades_of_the_cloth_are_clear_and_people_are_seen() {
        let green = Key::default();
        for cloth in [[0.0, 0.7, 0.25], [0.05, 0.62, 0.2], [0.0, 0.8, 0.3]] {
            assert_eq!(seen(green, cloth), 0, "{cloth:?}");
        }
        for person in [[0.8, 0.6, 0.5], [0.3, 0.2, 0.15], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [0.9, 0.1, 0.1]] {
            assert!(seen(green, person) > 200, "{person:?}: {}", seen(green, person));
        }
        let narrow = Key { similarity: 0.0, smoothness: 0.0, ..green };
        let Colour(own) = green.colour;
        assert_eq!(seen(narrow, own.map(|part| f32::from(part) / 255.0)), 0);
        assert_eq!(seen(narrow, [0.1, 0.5, 0.4]), 255);
        let blue = Key { colour: Colour([0, 0, 255]), ..green };
        assert!(seen(blue, [0.0, 0.0, 1.0]) == 0 && seen(blue, [0.0, 0.7, 0.25]) == 255);
    }

    #[test]
    fn an_edge_goes_over_from_one_sample_to_the_next() {
        let mut picture = Picture::black(16, 8);
        let [_, cb, cr] = bt709([0.0, 0.7, 0.25]);
        let (_, to_cb, to_cr) = picture.planes_mut();
        for row in 0..4 {
            to_cb[row * 8..row * 8 + 4].fill(cb);
            to_cr[row * 8..row * 8 + 4].fill(cr);
        }
        let [luma, chroma] = Veil::of(&Key::default()).seen(&picture);
        assert_eq!((chroma[3], chroma[4]), (0, 255));
        assert_eq!(luma[..16], [0, 0, 0, 0, 0, 0, 0, 63, 191, 255, 255, 255, 255, 255, 255, 255]);
    }
}
