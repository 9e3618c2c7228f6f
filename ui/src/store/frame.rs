//! A layer's place under the hand: moved, scaled, snapped to the picture's lines and kept within reach.
//!
//! All lengths are shares of the picture's width or height. A drag is always reckoned from the place that it began at, so
//! what a snap held back is not lost.

use footlight_protocol::scene::effects::{Crop, LEAST_SEEN};
use footlight_protocol::scene::{Layer, Place};

/// So much of a layer stays in the picture: enough to take hold of it.
const KEPT: f32 = 0.02;
/// Smaller ones could not be taken hold of.
const SMALLEST: f32 = 0.02;
/// What comes so close to a line lies on it.
const SNAP: f32 = 0.012;
/// The picture's edges, its centre and its thirds.
const LINES: [f32; 5] = [0.0, 1.0 / 3.0, 0.5, 2.0 / 3.0, 1.0];

/// A step of the arrow keys, and a large one.
pub const STEP: f32 = 0.005;
pub const STRIDE: f32 = 0.05;

/// What is taken hold of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grip {
    Whole,
    Corner { right: bool, lower: bool },
}

/// How a drag is meant, by the keys that are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    pub snaps: bool,
    /// A corner moves freely, and the shape with it.
    pub free: bool,
}

/// The lines that a place lies on now: an upright one's x, a level one's y.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Lines {
    pub x: Option<f32>,
    pub y: Option<f32>,
}

/// Where a place comes to when what is held of it goes so far.
pub fn dragged(from: Place, grip: Grip, (dx, dy): (f32, f32), manner: Manner) -> (Place, Lines) {
    match grip {
        Grip::Whole => moved(from, dx, dy, manner.snaps),
        Grip::Corner { right, lower } => scaled(from, (right, lower), (dx, dy), manner),
    }
}

fn moved(from: Place, dx: f32, dy: f32, snaps: bool) -> (Place, Lines) {
    let mut place = Place { x: from.x + dx, y: from.y + dy, ..from };
    let mut lines = Lines::default();
    if snaps {
        let ends = |start: f32, size: f32| [start, start + size / 2.0, start + size];
        if let Some((by, line)) = snap(&ends(place.x, place.width)) {
            (place.x, lines.x) = (place.x + by, Some(line));
        }
        if let Some((by, line)) = snap(&ends(place.y, place.height)) {
            (place.y, lines.y) = (place.y + by, Some(line));
        }
    }
    (kept(place), lines)
}

/// The corner across stays where it is.
fn scaled(from: Place, (right, lower): (bool, bool), (dx, dy): (f32, f32), manner: Manner) -> (Place, Lines) {
    let mut width = from.width + if right { dx } else { -dx };
    let mut height = from.height + if lower { dy } else { -dy };
    if !manner.free {
        // Where the hand is, seen from the side of the diagonal.
        let (wide, high) = (from.width, from.height);
        let factor = (width * wide + height * high) / (wide * wide + high * high);
        (width, height) = (wide * factor, high * factor);
    }
    let mut lines = Lines::default();
    if manner.snaps {
        let moving = |start: f32, old: f32, new: f32, far: bool| {
            if far { start + new } else { start + old - new }
        };
        let x = snap(&[moving(from.x, from.width, width, right)]);
        let y = snap(&[moving(from.y, from.height, height, lower)]);
        let wider = x.map(|(by, _)| if right { by } else { -by });
        let higher = y.map(|(by, _)| if lower { by } else { -by });
        if manner.free {
            width += wider.unwrap_or(0.0);
            height += higher.unwrap_or(0.0);
            lines = Lines { x: x.map(|(_, line)| line), y: y.map(|(_, line)| line) };
        } else {
            // In its own shape it can follow one line only: the nearer.
            let reach = |by: Option<f32>| by.map_or(f32::INFINITY, f32::abs);
            let factor = if reach(wider) <= reach(higher) {
                lines.x = x.map(|(_, line)| line);
                wider.map(|by| (width + by) / from.width)
            } else {
                lines.y = y.map(|(_, line)| line);
                higher.map(|by| (height + by) / from.height)
            };
            if let Some(factor) = factor {
                (width, height) = (from.width * factor, from.height * factor);
            }
        }
    }
    (width, height) = sized(from, width, height, manner.free);
    let x = if right { from.x } else { from.x + from.width - width };
    let y = if lower { from.y } else { from.y + from.height - height };
    (kept(Place { x, y, width, height }), lines)
}

/// What is left of a layer when a corner of it goes so far and cuts instead of scaling: what stays does not move.
pub fn cut(from: Place, crop: Crop, (right, lower): (bool, bool), (dx, dy): (f32, f32)) -> (Place, Crop) {
    // One side: how long it is, what is cut at its near and its far end; how far the hand pulled one of them inwards.
    let side = |length: f32, near: f32, far: f32, by: f32, at_far: bool| {
        let seen = (1.0 - near - far).max(LEAST_SEEN);
        let whole = length / seen;
        let pulled = if at_far { -by } else { by };
        let own = if at_far { far } else { near };
        let other = if at_far { near } else { far };
        let least = LEAST_SEEN.max(SMALLEST / whole);
        let cut = (own + pulled / whole).clamp(0.0, (1.0 - other - least).max(0.0));
        (cut, (cut - own) * whole)
    };
    let (mut place, mut left) = (from, crop);
    let (x, by) = side(from.width, crop.left, crop.right, dx, right);
    place.width -= by;
    if right {
        left.right = x;
    } else {
        left.left = x;
        place.x += by;
    }
    let (y, by) = side(from.height, crop.top, crop.bottom, dy, lower);
    place.height -= by;
    if lower {
        left.bottom = y;
    } else {
        left.top = y;
        place.y += by;
    }
    (kept(place), left.kept())
}

/// Neither too small nor too large, in its own shape unless it is free.
fn sized(from: Place, width: f32, height: f32, free: bool) -> (f32, f32) {
    if free {
        return (width.clamp(SMALLEST, Place::FARTHEST), height.clamp(SMALLEST, Place::FARTHEST));
    }
    let least = SMALLEST / from.width.min(from.height);
    let most = Place::FARTHEST / from.width.max(from.height);
    let factor = (width / from.width).max(least).min(most);
    (from.width * factor, from.height * factor)
}

/// How far it is to the nearest line from one of these, and that line.
fn snap(ends: &[f32]) -> Option<(f32, f32)> {
    let near = ends.iter().flat_map(|end| LINES.map(|line| (line - end, line)));
    near.filter(|(by, _)| by.abs() <= SNAP).min_by(|(a, _), (b, _)| a.abs().total_cmp(&b.abs()))
}

/// The place with a size that makes sense, and so that a bit of it stays in the picture.
pub fn kept(place: Place) -> Place {
    let size = |size: f32| size.clamp(Place::SMALLEST, Place::FARTHEST);
    let (width, height) = (size(place.width), size(place.height));
    let at = |at: f32, size: f32| at.clamp(KEPT - size, 1.0 - KEPT);
    Place { x: at(place.x, width), y: at(place.y, height), width, height }
}

/// At the picture's left, centre or right (0, 1, 2) and at its top, middle or bottom, as large as it is.
pub fn at_cell(place: Place, column: u8, row: u8) -> Place {
    let at = |cell: u8, size: f32| (1.0 - size) * f32::from(cell) / 2.0;
    Place { x: at(column, place.width), y: at(row, place.height), ..place }
}

/// The front layer that is seen there and can be moved.
pub fn hit(layers: &[Layer], at: (f32, f32)) -> Option<usize> {
    layers.iter().rposition(|layer| !layer.hidden && !layer.locked && holds(&layer.place, at))
}

/// Whether a point is on it.
pub fn holds(place: &Place, (x, y): (f32, f32)) -> bool {
    let within = |at: f32, start: f32, size: f32| (start..=start + size).contains(&at);
    within(x, place.x, place.width) && within(y, place.y, place.height)
}

#[cfg(test)]
mod tests {
    use footlight_protocol::scene::Source;

    use super::*;

    const FROM: Place = Place { x: 0.2, y: 0.4, width: 0.4, height: 0.2 };
    const PLAIN: Manner = Manner { snaps: false, free: false };
    const SNAPS: Manner = Manner { snaps: true, free: false };
    const FREE: Manner = Manner { snaps: false, free: true };
    const UPPER_LEFT: Grip = Grip::Corner { right: false, lower: false };
    const LOWER_RIGHT: Grip = Grip::Corner { right: true, lower: true };

    fn near(place: Place, [x, y, width, height]: [f32; 4]) -> bool {
        let pairs = [(place.x, x), (place.y, y), (place.width, width), (place.height, height)];
        pairs.iter().all(|(is, should)| (is - should).abs() < 1e-4)
    }

    #[test]
    fn a_drag_moves_or_scales() {
        for (grip, by, manner, becomes) in [
            (Grip::Whole, (0.1, -0.1), PLAIN, [0.3, 0.3, 0.4, 0.2]),
            // In its own shape, wherever the hand goes.
            (LOWER_RIGHT, (0.2, 0.1), PLAIN, [0.2, 0.4, 0.6, 0.3]),
            (LOWER_RIGHT, (0.25, 0.0), PLAIN, [0.2, 0.4, 0.6, 0.3]),
            (LOWER_RIGHT, (-0.25, 0.0), PLAIN, [0.2, 0.4, 0.2, 0.1]),
            (UPPER_LEFT, (-0.2, -0.1), PLAIN, [0.0, 0.3, 0.6, 0.3]),
            (LOWER_RIGHT, (0.2, 0.0), FREE, [0.2, 0.4, 0.6, 0.2]),
            (UPPER_LEFT, (0.1, 0.1), FREE, [0.3, 0.5, 0.3, 0.1]),
            // Never smaller than what can be taken hold of, and the other corner stays.
            (LOWER_RIGHT, (-3.0, -3.0), PLAIN, [0.2, 0.4, 0.04, 0.02]),
            (UPPER_LEFT, (3.0, 3.0), PLAIN, [0.56, 0.58, 0.04, 0.02]),
            (UPPER_LEFT, (3.0, 3.0), FREE, [0.58, 0.58, 0.02, 0.02]),
        ] {
            let (place, lines) = dragged(FROM, grip, by, manner);
            assert!(near(place, becomes), "{grip:?} {by:?}: {place:?}");
            assert_eq!(lines, Lines::default());
        }
    }

    #[test]
    fn what_comes_close_to_a_line_lies_on_it() {
        for (grip, by, becomes, (x, y)) in [
            // The left edge on the picture's own, the middle on its centre.
            (Grip::Whole, (-0.195, 0.008), [0.0, 0.4, 0.4, 0.2], (Some(0.0), Some(0.5))),
            (Grip::Whole, (0.41, 0.05), [0.6, 0.45, 0.4, 0.2], (Some(1.0), None)),
            (Grip::Whole, (0.06, 0.06), [0.266_667, 0.466_667, 0.4, 0.2], (Some(2.0 / 3.0), Some(2.0 / 3.0))),
            (Grip::Whole, (0.03, 0.06), [0.23, 0.466_667, 0.4, 0.2], (None, Some(2.0 / 3.0))),
            (LOWER_RIGHT, (0.395, 0.1975), [0.2, 0.4, 0.8, 0.4], (Some(1.0), None)),
        ] {
            let (place, lines) = dragged(FROM, grip, by, SNAPS);
            assert!(near(place, becomes), "{grip:?} {by:?}: {place:?}");
            assert_eq!(lines, Lines { x, y }, "{grip:?} {by:?}");
        }
        let both = Manner { snaps: true, free: true };
        let (place, lines) = dragged(FROM, LOWER_RIGHT, (0.395, 0.395), both);
        assert!(near(place, [0.2, 0.4, 0.8, 0.6]), "{place:?}");
        assert_eq!(lines, Lines { x: Some(1.0), y: Some(1.0) });
    }

    #[test]
    fn a_corner_cuts_and_what_stays_does_not_move() {
        let half = Crop { left: 0.5, ..Crop::default() };
        for (crop, corner, by, becomes, cuts) in [
            (Crop::default(), (false, false), (0.1, 0.05), [0.3, 0.45, 0.3, 0.15], [0.25, 0.25, 0.0, 0.0]),
            (Crop::default(), (true, true), (-0.1, -0.05), [0.2, 0.4, 0.3, 0.15], [0.0, 0.0, 0.25, 0.25]),
            // Back over what is cut, and no farther than to the source's edge.
            (half, (false, true), (-9.0, 0.0), [-0.2, 0.4, 0.8, 0.2], [0.0, 0.0, 0.0, 0.0]),
            (half, (true, true), (9.0, 9.0), [0.2, 0.4, 0.4, 0.2], [0.5, 0.0, 0.0, 0.0]),
        ] {
            let (place, crop) = cut(FROM, crop, corner, by);
            assert!(near(place, becomes), "{corner:?} {by:?}: {place:?}");
            let got = [crop.left, crop.top, crop.right, crop.bottom];
            assert!(got.iter().zip(cuts).all(|(is, should)| (is - should).abs() < 1e-4), "{got:?}");
        }
        let (place, crop) = cut(FROM, Crop::default(), (false, false), (9.0, 9.0));
        assert!(
            place.width >= Place::SMALLEST && crop.left < 1.0 && crop.kept() == crop,
            "{place:?} {crop:?}"
        );
    }

    #[test]
    fn a_bit_of_it_stays_in_the_picture() {
        for by in [(9.0, 9.0), (-9.0, -9.0), (9.0, -9.0), (-0.59, 0.0)] {
            for grip in [Grip::Whole, UPPER_LEFT, LOWER_RIGHT] {
                let (place, _) = dragged(FROM, grip, by, SNAPS);
                let seen = |at: f32, size: f32| (at + size).min(1.0) - at.max(0.0);
                assert!(seen(place.x, place.width) >= KEPT - 1e-4, "{grip:?} {by:?}: {place:?}");
                assert!(seen(place.y, place.height) >= KEPT - 1e-4, "{grip:?} {by:?}: {place:?}");
                let layer = Layer::new(Source::Camera, place);
                let mut scenes = footlight_protocol::scene::Scenes::default();
                scenes.scenes[0].layers = vec![layer];
                assert_eq!(scenes.check(), Ok(()), "{grip:?} {by:?}: {place:?}");
            }
        }
    }

    #[test]
    fn nine_cells_are_in_the_picture() {
        for (column, row, at) in
            [(0, 0, (0.0, 0.0)), (1, 1, (0.3, 0.4)), (2, 0, (0.6, 0.0)), (2, 2, (0.6, 0.8))]
        {
            assert!(near(at_cell(FROM, column, row), [at.0, at.1, 0.4, 0.2]), "{column} {row}");
        }
    }

    #[test]
    fn the_front_is_hit_first() {
        let mut layers = vec![Layer::new(Source::Camera, Place::WHOLE), Layer::new(Source::Camera, FROM)];
        assert_eq!(hit(&layers, (0.3, 0.5)), Some(1));
        assert_eq!(hit(&layers, (0.9, 0.9)), Some(0));
        layers[1].hidden = true;
        assert_eq!(hit(&layers, (0.3, 0.5)), Some(0));
        layers[0].locked = true;
        assert_eq!(hit(&layers, (0.3, 0.5)), None);
        assert_eq!(hit(&layers, (1.1, 0.5)), None);
    }
}
