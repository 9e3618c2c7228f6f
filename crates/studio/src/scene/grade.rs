//! Colours changed by tables: brightness, contrast and gamma of luma, saturation of chroma.

use footlight_media::Picture;
use footlight_protocol::scene::effects::Grade;

/// Black and white of luma, and grey of chroma, in limited range.
const BLACK: f32 = 16.0;
const SPAN: f32 = 219.0;
const GREY: f32 = 128.0;
const CHROMA: (f32, f32) = (16.0, 240.0);

/// What becomes of each value.
#[derive(Debug)]
pub(super) struct Curves {
    luma: [u8; 256],
    chroma: [u8; 256],
}

impl Curves {
    /// `None` where nothing is changed.
    pub(super) fn of(grade: &Grade) -> Option<Self> {
        (*grade != Grade::default()).then(|| Self {
            luma: std::array::from_fn(|value| {
                let light = ((value as f32 - BLACK) / SPAN).clamp(0.0, 1.0).powf(1.0 / grade.gamma);
                let light = (light - 0.5) * grade.contrast + 0.5 + grade.brightness;
                (BLACK + light.clamp(0.0, 1.0) * SPAN).round() as u8
            }),
            chroma: std::array::from_fn(|value| {
                let value = GREY + (value as f32 - GREY) * grade.saturation;
                value.clamp(CHROMA.0, CHROMA.1).round() as u8
            }),
        })
    }

    pub(super) fn apply(&self, picture: &mut Picture) {
        let (luma, cb, cr) = picture.planes_mut();
        luma.iter_mut().for_each(|value| *value = self.luma[usize::from(*value)]);
        cb.iter_mut().chain(cr).for_each(|value| *value = self.chroma[usize::from(*value)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_changes_what_it_says() {
        assert!(Curves::of(&Grade::default()).is_none());
        let curves = |grade: Grade| Curves::of(&grade).unwrap();
        let plain = Grade::default();
        for (grade, luma) in [
            // What becomes of black, a dark, the middle, a light, and white.
            (Grade { brightness: 0.5, ..plain }, [126, 171, 235, 235, 235]),
            (Grade { brightness: -1.0, ..plain }, [16, 16, 16, 16, 16]),
            (Grade { contrast: 0.0, ..plain }, [126, 126, 126, 126, 126]),
            (Grade { contrast: 2.0, ..plain }, [16, 16, 126, 235, 235]),
            (Grade { gamma: 2.0, ..plain }, [16, 115, 171, 207, 235]),
            (Grade { saturation: 0.0, ..plain }, [16, 61, 126, 183, 235]),
        ] {
            let got = [16, 61, 126, 183, 235].map(|value: usize| curves(grade).luma[value]);
            assert!(got.iter().zip(luma).all(|(a, b)| a.abs_diff(b) <= 1), "{grade:?}: {got:?}");
        }
        let grey = curves(Grade { saturation: 0.0, ..plain });
        assert!(grey.chroma.iter().all(|value| *value == 128));
        let strong = curves(Grade { saturation: 2.0, ..plain });
        assert_eq!((strong.chroma[128], strong.chroma[100], strong.chroma[255]), (128, 72, 240));
        let mut picture = Picture::black(4, 4);
        curves(Grade { brightness: 0.5, saturation: 0.0, ..plain }).apply(&mut picture);
        assert_eq!((picture.planes().0[0], picture.planes().1[0]), (126, 128));
    }
}
