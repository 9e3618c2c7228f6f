//! How overlays look: calm on any picture, and readable on it.

use footlight_protocol::UserId;
use footlight_protocol::scene::Theme;

use super::super::brush::{Paint, Shape};
use super::super::sprite::Canvas;

/// The colours and shapes of a theme.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Of boxes, from left to right.
    pub(super) ground: [Paint; 2],
    /// Of boxes that are to be noticed.
    pub(super) strong: [Paint; 2],
    /// Along the edge of a box.
    line: Option<Paint>,
    /// Around a box: a shadow, or a light.
    around: Paint,
    pub(super) ink: [u8; 3],
    pub(super) soft: [u8; 3],
    pub(super) accent: [u8; 3],
    /// On a strong ground.
    pub(super) on_strong: [u8; 3],
    /// Behind the part of a bar that is not full yet.
    pub(super) trough: Paint,
    /// Of corners, in units.
    pub(super) radius: f32,
}

impl Look {
    pub(super) fn of(theme: Theme) -> Self {
        match theme {
            Theme::Stage => Self {
                ground: [[24, 20, 16, 214], [24, 20, 16, 184]],
                strong: [[150, 84, 0, 240], [92, 44, 0, 214]],
                line: None,
                around: [0, 0, 0, 70],
                ink: [255, 250, 240],
                soft: [224, 212, 192],
                accent: [255, 199, 92],
                on_strong: [255, 232, 184],
                trough: [255, 255, 255, 46],
                radius: 14.0,
            },
            Theme::Paper => Self {
                ground: [[255, 253, 248, 245]; 2],
                strong: [[255, 244, 214, 250]; 2],
                line: Some([60, 44, 20, 30]),
                around: [40, 30, 10, 64],
                ink: [32, 27, 20],
                soft: [98, 87, 72],
                accent: [168, 84, 0],
                on_strong: [120, 62, 0],
                trough: [60, 44, 20, 34],
                radius: 10.0,
            },
            Theme::Neon => Self {
                ground: [[10, 8, 26, 222]; 2],
                strong: [[46, 4, 54, 230]; 2],
                line: Some([72, 232, 255, 235]),
                around: [40, 200, 255, 110],
                ink: [242, 252, 255],
                soft: [166, 218, 236],
                accent: [255, 122, 222],
                on_strong: [255, 190, 240],
                trough: [72, 232, 255, 48],
                radius: 8.0,
            },
        }
    }

    /// A box with what lies around it.
    pub(super) fn plate(&self, canvas: &mut Canvas, shape: Shape, unit: f32, strong: bool) {
        canvas.glow(Shape { y: shape.y + unit, ..shape }, MARGIN * unit, self.around);
        let [from, to] = if strong { self.strong } else { self.ground };
        // The shadow is for what is around the box: a box that lets things through is not darkened by it.
        clear(canvas, shape);
        canvas.fill(shape, from, to);
        if let Some(line) = self.line {
            canvas.line(shape, (1.5 * unit).max(1.0), line);
        }
    }
}

/// Around what is painted, in units: room for its shadow.
pub(super) const MARGIN: f32 = 9.0;

/// Takes away what is inside of a shape.
fn clear(canvas: &mut Canvas, shape: Shape) {
    let mut inside = Canvas::clear(canvas.width, canvas.height);
    inside.fill(shape, [255; 4], [255; 4]);
    for (pixel, inside) in canvas.pixels.iter_mut().zip(&inside.pixels) {
        let left = 255 - u16::from(inside[3]);
        pixel.iter_mut().for_each(|part| *part = (u16::from(*part) * left / 255) as u8);
    }
}

/// Of discs with the first letter of a name: white can be read on each.
const FACES: [[u8; 3]; 8] = [
    [196, 60, 26],
    [158, 51, 109],
    [41, 98, 163],
    [15, 117, 105],
    [117, 73, 181],
    [176, 42, 55],
    [74, 107, 24],
    [72, 88, 116],
];

/// The same for a person whenever they come.
pub(super) fn face_of(user: &UserId) -> [u8; 3] {
    let sum =
        user.as_str().bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    FACES[sum as usize % FACES.len()]
}
