//! Shapes on a canvas: boxes with round corners, discs, lines, soft shadows; all with smooth edges.

use super::sprite::Canvas;

/// A colour with how much of it is seen.
pub(super) type Paint = [u8; 4];

/// A box, in pixels of its canvas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) width: f32,
    pub(super) height: f32,
    /// Of its corners.
    pub(super) radius: f32,
}

impl Shape {
    pub(super) fn disc(x: f32, y: f32, size: f32) -> Self {
        Self { x, y, width: size, height: size, radius: size / 2.0 }
    }

    /// How far a point is outside of it, in pixels; negative inside.
    fn outside(&self, x: f32, y: f32) -> f32 {
        let radius = self.radius.min(self.width / 2.0).min(self.height / 2.0);
        let (half_x, half_y) = (self.width / 2.0, self.height / 2.0);
        let dx = (x - self.x - half_x).abs() - half_x + radius;
        let dy = (y - self.y - half_y).abs() - half_y + radius;
        dx.max(dy).min(0.0) + dx.max(0.0).hypot(dy.max(0.0)) - radius
    }
}

impl Canvas {
    /// Fills a shape with a colour that goes over into another from its left edge to its right one.
    pub(super) fn fill(&mut self, shape: Shape, from: Paint, to: Paint) {
        self.shade(shape, 1.0, |outside, along| (mixed(from, to, along), (0.5 - outside).clamp(0.0, 1.0)));
    }

    /// A line along its edge, inside of it.
    pub(super) fn line(&mut self, shape: Shape, width: f32, paint: Paint) {
        self.shade(shape, 1.0, |outside, _| {
            let inside = (0.5 - outside).clamp(0.0, 1.0) * (width + outside + 0.5).clamp(0.0, 1.0);
            (paint, inside)
        });
    }

    /// What lies around it and fades over so many pixels: a shadow, or a light.
    pub(super) fn glow(&mut self, shape: Shape, far: f32, paint: Paint) {
        self.shade(shape, far, |outside, _| {
            let near = (1.0 - outside.max(0.0) / far).clamp(0.0, 1.0);
            (paint, near * near)
        });
    }

    /// Lays on each pixel at most `far` outside of a shape what `paint` says: by how far it is outside, and how far along
    /// the shape's width.
    fn shade(&mut self, shape: Shape, far: f32, paint: impl Fn(f32, f32) -> (Paint, f32)) {
        let side = |at: f32, length: f32, most: usize| {
            let begin = (at - far).floor().clamp(0.0, most as f32) as i32;
            let end = (at + length + far).ceil().clamp(0.0, most as f32) as i32;
            begin..end
        };
        for y in side(shape.y, shape.height, self.height) {
            for x in side(shape.x, shape.width, self.width) {
                let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                let along = ((px - shape.x) / shape.width.max(1.0)).clamp(0.0, 1.0);
                let ([r, g, b, alpha], seen) = paint(shape.outside(px, py), along);
                let alpha = (f32::from(alpha) * seen).round() as u8;
                if alpha > 0 {
                    self.lay(x, y, [r, g, b, alpha]);
                }
            }
        }
    }

    /// Nothing is left of it outside of that shape.
    pub(super) fn keep(&mut self, shape: Shape) {
        let width = self.width;
        for (at, pixel) in self.pixels.iter_mut().enumerate() {
            let (x, y) = ((at % width) as f32 + 0.5, (at / width) as f32 + 0.5);
            let seen = (0.5 - shape.outside(x, y)).clamp(0.0, 1.0);
            pixel.iter_mut().for_each(|part| *part = (f32::from(*part) * seen).round() as u8);
        }
    }

    /// Lays another painting over it.
    pub(super) fn lay_canvas(&mut self, other: &Self, x: i32, y: i32) {
        for (at, pixel) in other.pixels.iter().enumerate() {
            let [r, g, b, alpha] = *pixel;
            if alpha == 0 {
                continue;
            }
            // Its colours are multiplied already.
            let whole = |part: u8| (u16::from(part) * 255 / u16::from(alpha)).min(255) as u8;
            let (dx, dy) = ((at % other.width) as i32, (at / other.width) as i32);
            self.lay(x + dx, y + dy, [whole(r), whole(g), whole(b), alpha]);
        }
    }
}

fn mixed(from: Paint, to: Paint, part: f32) -> Paint {
    std::array::from_fn(|at| (f32::from(from[at]) * (1.0 - part) + f32::from(to[at]) * part).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_have_round_corners_and_colours_that_go_over() {
        let mut canvas = Canvas::clear(40, 20);
        let shape = Shape { x: 0.0, y: 0.0, width: 40.0, height: 20.0, radius: 10.0 };
        canvas.fill(shape, [200, 0, 0, 255], [0, 0, 200, 255]);
        let at = |x: usize, y: usize| canvas.pixels[y * 40 + x];
        assert_eq!((at(0, 0)[3], at(39, 19)[3], at(20, 0)[3]), (0, 0, 255));
        assert!(at(1, 10)[0] > 180 && at(38, 10)[2] > 180);
        canvas.keep(Shape::disc(0.0, 0.0, 20.0));
        assert!(canvas.pixels[10 * 40 + 10][3] == 255 && canvas.pixels[10 * 40 + 30] == [0; 4]);
    }

    #[test]
    fn a_line_is_only_at_the_edge_and_a_glow_outside_too() {
        let mut canvas = Canvas::clear(30, 30);
        let shape = Shape { x: 5.0, y: 5.0, width: 20.0, height: 20.0, radius: 4.0 };
        canvas.line(shape, 2.0, [9, 9, 9, 255]);
        let alpha = |canvas: &Canvas, x: usize, y: usize| canvas.pixels[y * 30 + x][3];
        assert_eq!((alpha(&canvas, 15, 5), alpha(&canvas, 15, 15), alpha(&canvas, 15, 3)), (255, 0, 0));
        canvas.glow(shape, 5.0, [9, 9, 9, 200]);
        assert!(alpha(&canvas, 15, 3) > 20 && alpha(&canvas, 15, 0) < 20);
    }
}
