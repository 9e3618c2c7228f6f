//! Text painted in the fonts of the system, with what the first one lacks taken from others: Chinese, emoji.

use cosmic_text::{Attrs, Buffer, Color, Family, FontSystem, Metrics, Shaping, SwashCache, Wrap};
use footlight_protocol::scene::Colour;

use super::sprite::Canvas;

/// Measured at this size, and then made to fit.
const TRIAL: f32 = 64.0;
/// Between two lines, as a share of the size.
const LINE: f32 = 1.25;
/// Around the text where there is a ground, as a share of the size.
const MARGIN: f32 = 0.35;
/// Pixels.
const SIZES: (f32, f32) = (4.0, 1024.0);

pub(super) struct Letters {
    pub(super) fonts: FontSystem,
    pub(super) shapes: SwashCache,
    /// Texts of overlays since the shapes were forgotten.
    pub(super) printed: u32,
}

impl Letters {
    /// Reads which fonts there are, which takes a moment.
    pub(super) fn new() -> Self {
        Self { fonts: FontSystem::new(), shapes: SwashCache::new(), printed: 0 }
    }

    /// The text as large as it fits, from the left, in the middle of the height.
    pub(super) fn paint(
        &mut self,
        text: &str,
        colour: Colour,
        ground: Option<Colour>,
        (width, height): (usize, usize),
    ) -> Canvas {
        let mut canvas = Canvas::clear(width, height);
        let Some((wide, high)) = self.measure(text, TRIAL) else { return canvas };
        let margin = if ground.is_some() { 2.0 * MARGIN } else { 0.0 };
        let fits = (width as f32 / (wide / TRIAL + margin)).min(height as f32 / (high / TRIAL + margin));
        // A whole number: letters are sharp, and those of a slightly smaller place are the same.
        let size = fits.floor().clamp(SIZES.0, SIZES.1);
        let Some((wide, high)) = self.measure(text, size) else { return canvas };
        let margin = margin / 2.0 * size;
        let top = (height as f32 - high) / 2.0;
        if let Some(Colour([r, g, b])) = ground {
            let (right, bottom) = ((wide + 2.0 * margin).ceil() as i32, (top + high + margin).ceil() as i32);
            for y in (top - margin).floor() as i32..bottom {
                (0..right).for_each(|x| canvas.lay(x, y, [r, g, b, 255]));
            }
        }
        let Colour([r, g, b]) = colour;
        let (left, top) = (margin.round() as i32, top.round() as i32);
        let mut laid = self.laid(text, size);
        laid.draw(&mut self.fonts, &mut self.shapes, Color::rgb(r, g, b), |x, y, width, height, colour| {
            for (dx, dy) in (0..height as i32).flat_map(|dy| (0..width as i32).map(move |dx| (dx, dy))) {
                canvas.lay(left + x + dx, top + y + dy, colour.as_rgba());
            }
        });
        canvas
    }

    fn laid(&mut self, text: &str, size: f32) -> Buffer {
        let mut buffer = Buffer::new(&mut self.fonts, Metrics::new(size, size * LINE));
        buffer.set_wrap(Wrap::None);
        buffer.set_size(None, None);
        buffer.set_text(text, &Attrs::new().family(Family::SansSerif), Shaping::Advanced, None);
        buffer.shape_until_scroll(&mut self.fonts, false);
        buffer
    }

    /// Width and height in pixels; `None` where there is nothing to see.
    fn measure(&mut self, text: &str, size: f32) -> Option<(f32, f32)> {
        let laid = self.laid(text.trim_end(), size);
        let (wide, lines) =
            laid.layout_runs().fold((0.0_f32, 0), |(wide, lines), run| (wide.max(run.line_w), lines + 1));
        (wide > 0.0).then_some((wide, lines as f32 * size * LINE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Left, right, top and bottom of what is seen.
    fn extent(canvas: &Canvas) -> Option<(usize, usize, usize, usize)> {
        let seen = (0..canvas.width * canvas.height).filter(|at| canvas.pixels[*at][3] > 40);
        seen.map(|at| (at % canvas.width, at / canvas.width)).fold(None, |found, (x, y)| {
            let (left, right, top, bottom) = found.unwrap_or((x, x, y, y));
            Some((left.min(x), right.max(x), top.min(y), bottom.max(y)))
        })
    }

    #[test]
    fn text_is_as_large_as_it_fits_whatever_its_script() {
        let mut letters = Letters::new();
        for text in ["Welcome to the show", "欢迎来到直播间", "Hello 你好\nsecond line 🎉"] {
            for size in [(640, 80), (200, 200), (60, 20)] {
                let canvas = letters.paint(text, Colour([255; 3]), None, size);
                let (left, right, top, bottom) = extent(&canvas).expect(text);
                // One of both sides is full, or nearly.
                let (wide, high) =
                    ((right - left) as f32 / size.0 as f32, (bottom - top) as f32 / size.1 as f32);
                assert!(wide > 0.75 || high > 0.5, "{text} in {size:?}: {wide} {high}");
            }
        }
        assert!(extent(&letters.paint("  ", Colour([255; 3]), None, (64, 64))).is_none());
        assert!(extent(&letters.paint("", Colour([255; 3]), Some(Colour([9; 3])), (64, 64))).is_none());
    }

    #[test]
    fn a_ground_lies_behind_the_text_and_around_it() {
        let canvas = Letters::new().paint("Hi", Colour([255; 3]), Some(Colour([200, 0, 0])), (300, 60));
        let (left, right, ..) = extent(&canvas).unwrap();
        assert!(left == 0 && right < 200);
        let colours = |wanted: fn(&[u8; 4]) -> bool| canvas.pixels.iter().filter(|p| wanted(p)).count();
        assert!(colours(|p| p[1] > 200) > 50 && colours(|p| *p == [200, 0, 0, 255]) > 500);
    }
}
