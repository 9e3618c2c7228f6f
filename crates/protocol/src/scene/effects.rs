//! What is done to what a layer shows before it is drawn: cut, fitted, turned over, its colours changed, one of them made
//! clear. Numbers are shares, so that they hold whatever size a source has.

use serde::{Deserialize, Serialize};

use super::Colour;

/// Of a source's width or height, so much at least is left of it.
pub const LEAST_SEEN: f32 = 0.05;
/// How bright or strong colours can be made, as a factor.
pub const MOST_FACTOR: f32 = 2.0;
/// The exponents that the middle of the greys can be bent by.
pub const GAMMA: (f32, f32) = (0.25, 4.0);

/// Nothing, unless something is set.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Effects {
    pub crop: Crop,
    pub fit: Fit,
    /// Left and right change places.
    pub mirrored: bool,
    /// Top and bottom change places.
    pub upended: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    pub grade: Grade,
}

impl Effects {
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether all numbers make sense.
    pub fn is_sane(&self) -> bool {
        self.crop.is_sane() && self.grade.is_sane() && self.key.is_none_or(|key| key.is_sane())
    }
}

/// What is cut away at each edge, as a share of the source's width or height.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Crop {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

impl Crop {
    fn is_sane(&self) -> bool {
        let side = |from: f32, to: f32| from >= 0.0 && to >= 0.0 && from + to <= 1.0 - LEAST_SEEN + 1e-4;
        side(self.left, self.right) && side(self.top, self.bottom)
    }

    /// The nearest that makes sense: both sides give way alike.
    pub fn kept(self) -> Self {
        let pair = |from: f32, to: f32| {
            let most = 1.0 - LEAST_SEEN;
            let from = if from.is_finite() { from.clamp(0.0, most) } else { 0.0 };
            let to = if to.is_finite() { to.clamp(0.0, most) } else { 0.0 };
            let over = (from + to - most).max(0.0) / 2.0;
            // What one side cannot give, the other does.
            let (less_from, less_to) = (over.min(from), over.min(to));
            (from - less_from - (over - less_to), to - less_to - (over - less_from))
        };
        let ((left, right), (top, bottom)) = (pair(self.left, self.right), pair(self.top, self.bottom));
        Self { left, top, right, bottom }
    }
}

/// How what is shown comes to fill its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// All of it is seen, in its own shape.
    #[default]
    Contain,
    /// The place is filled, and what stands over is cut.
    Cover,
    /// The place is filled, whatever becomes of the shape.
    Stretch,
}

/// A colour that is not seen: a green cloth behind a person.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    pub colour: Colour,
    /// 0.0 to 1.0: how unlike it a colour may be and still be clear.
    pub similarity: f32,
    /// 0.0 to 1.0: how gradually it becomes so.
    pub smoothness: f32,
}

impl Default for Key {
    /// The green of a studio's cloth.
    fn default() -> Self {
        Self { colour: Colour([0, 177, 64]), similarity: 0.2, smoothness: 0.1 }
    }
}

impl Key {
    fn is_sane(self) -> bool {
        let share = 0.0..=1.0;
        share.contains(&self.similarity) && share.contains(&self.smoothness)
    }
}

/// How colours are changed. The default changes none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grade {
    /// -1.0 to 1.0, added: 0.0 changes nothing.
    pub brightness: f32,
    /// A factor from the middle grey, up to [`MOST_FACTOR`].
    pub contrast: f32,
    /// A factor, up to [`MOST_FACTOR`]; 0.0 is grey.
    pub saturation: f32,
    /// Within [`GAMMA`]: larger makes the middle greys brighter.
    pub gamma: f32,
}

impl Default for Grade {
    fn default() -> Self {
        Self { brightness: 0.0, contrast: 1.0, saturation: 1.0, gamma: 1.0 }
    }
}

impl Grade {
    fn is_sane(self) -> bool {
        let factor = 0.0..=MOST_FACTOR;
        (-1.0..=1.0).contains(&self.brightness)
            && factor.contains(&self.contrast)
            && factor.contains(&self.saturation)
            && (GAMMA.0..=GAMMA.1).contains(&self.gamma)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crop_leaves_something() {
        for (left, right) in [(0.0, 0.0), (0.9, 0.9), (2.0, 0.0), (0.0, 2.0), (0.96, 0.02), (-1.0, f32::NAN)]
        {
            let crop = Crop { left, right, ..Crop::default() }.kept();
            assert!(crop.is_sane(), "{left} {right}: {crop:?}");
            assert!(Effects { crop, ..Effects::default() }.is_sane());
        }
        let plain = Crop { left: 0.2, right: 0.3, top: 0.1, bottom: 0.0 };
        assert_eq!(plain.kept(), plain);
        assert!(!Effects { crop: Crop { top: 0.6, bottom: 0.5, ..plain }, ..Effects::default() }.is_sane());
    }

    #[test]
    fn what_is_not_set_is_not_changed() {
        let key = serde_json::json!({ "colour": "#00ff00", "similarity": 0.3, "smoothness": 0 });
        let read: Effects =
            serde_json::from_value(serde_json::json!({ "fit": "cover", "key": key })).unwrap();
        assert_eq!(read.grade, Grade::default());
        assert!(read.is_sane() && !read.is_none() && Effects::default().is_none());
        for grade in
            [Grade { gamma: 0.0, ..Grade::default() }, Grade { contrast: f32::NAN, ..Grade::default() }]
        {
            assert!(!Effects { grade, ..Effects::default() }.is_sane());
        }
    }
}
