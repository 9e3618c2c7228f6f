//! What the creator wants to be read: a text that passes by, a countdown, a card with a picture.

use image::RgbaImage;
use image::imageops::FilterType;

use super::super::brush::Shape;
use super::super::lettering::Ink;
use super::super::scale::Area;
use super::super::sprite::{Canvas, share};
use super::super::text::Letters;
use super::theme::{Look, MARGIN};
use super::{Painted, even};

/// The longest text that passes by, in pixels: a painting of it is kept.
const LONGEST: f32 = 16_000.0;
const PADDING: f32 = 16.0;

/// An empty box that fills an area.
fn plate(look: &Look, unit: f32, width: f32, height: f32) -> (Canvas, Shape, usize) {
    let margin = even(MARGIN * unit);
    let (width, height) = (even(width), even(height));
    let mut canvas = Canvas::clear(width + 2 * margin, height + 2 * margin);
    let radius = (look.radius * unit).min(height as f32 / 2.0);
    let edge = margin as f32;
    let shape = Shape { x: edge, y: edge, width: width as f32, height: height as f32, radius };
    look.plate(&mut canvas, shape, unit, false);
    (canvas, shape, margin)
}

/// The ground that a text passes over.
pub(super) fn band(look: &Look, unit: f32, (width, height): (f32, f32)) -> Painted {
    let (canvas, _, margin) = plate(look, unit, width, height);
    Painted { canvas, margin: margin as i32 }
}

/// The text itself, as high as it is; none where it says nothing.
pub(super) fn passing(letters: &mut Letters, look: &Look, size: f32, text: &str) -> Option<Painted> {
    let mut set = letters.set(&[Ink::bold(text.trim(), look.ink)], size, LONGEST, 1);
    (set.width >= 1.0).then(|| {
        let mut canvas = Canvas::clear(even(set.width + 2.0), even(set.height));
        letters.print(&mut canvas, (0.0, 0.0), &mut set);
        Painted { canvas, margin: 0 }
    })
}

/// Seconds that are left, and what for; as wide as they are.
pub(super) fn countdown(
    letters: &mut Letters,
    look: &Look,
    unit: f32,
    room: f32,
    (text, seconds): (&str, u64),
) -> Painted {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let left =
        if hours > 0 { format!("{hours}:{minutes:02}:{rest:02}") } else { format!("{minutes}:{rest:02}") };
    let inner = room - 2.0 * PADDING * unit;
    let mut digits = letters.set(&[Ink::bold(&left, look.ink)], 58.0 * unit, inner, 1);
    // As wide whatever it shows, lest the box tremble with each second.
    let wide: String = left.chars().map(|letter| if letter == ':' { ':' } else { '0' }).collect();
    let steady = letters.set(&[Ink::bold(&wide, look.ink)], 58.0 * unit, inner, 1).width;
    let mut above = letters.set(&[Ink::plain(text.trim(), look.soft)], 22.0 * unit, inner, 1);
    let high = if above.width > 0.0 { above.height } else { 0.0 };
    let width = steady.max(above.width) + 2.0 * PADDING * 1.5 * unit;
    let height = high + digits.height + PADDING * unit;
    let (mut canvas, shape, margin) = plate(look, unit, width, height);
    let middle = |wide: f32| shape.x + (shape.width - wide) / 2.0;
    let top = shape.y + PADDING / 2.0 * unit;
    if high > 0.0 {
        letters.print(&mut canvas, (middle(above.width), top), &mut above);
    }
    letters.print(&mut canvas, (middle(digits.width), top + high), &mut digits);
    Painted { canvas, margin: margin as i32 }
}

/// A title, a text, and a picture at the left where there is one.
pub(super) fn card(
    letters: &mut Letters,
    look: &Look,
    unit: f32,
    (width, height): (f32, f32),
    (title, text): (&str, &str),
    picture: Option<RgbaImage>,
) -> Painted {
    let (mut canvas, shape, margin) = plate(look, unit, width, height);
    let padding = (PADDING * 0.75 * unit).min(height / 6.0);
    let mut left = shape.x + PADDING * unit;
    if let Some(picture) = picture {
        let side = even(shape.height - 2.0 * padding).min(even(shape.width / 2.0));
        let square = cut_square(&picture, side);
        let (x, y) = (shape.x + padding, shape.y + (shape.height - side as f32) / 2.0);
        let mut painted = Canvas { width: side, height: side, pixels: square };
        let radius = (look.radius * unit - padding).max(6.0 * unit);
        painted.keep(Shape { x: 0.0, y: 0.0, width: side as f32, height: side as f32, radius });
        canvas.lay_canvas(&painted, x as i32, y as i32);
        left = x + side as f32 + PADDING * 0.8 * unit;
    }
    let room = shape.x + shape.width - PADDING * unit - left;
    // The letters shrink with a flat card.
    let size = unit.min(height / 84.0);
    let mut title = letters.set(&[Ink::bold(title.trim(), look.ink)], 23.0 * size, room, 2);
    let fit =
        ((height - 2.0 * padding - title.height) / (20.0 * 1.3 * size)).floor().clamp(1.0, 3.0) as usize;
    let mut text = letters.set(&[Ink::bold(text.trim(), look.accent)], 20.0 * size, room, fit);
    let high = title.height + if text.width > 0.0 { text.height } else { 0.0 };
    let top = shape.y + ((shape.height - high) / 2.0).max(0.0);
    letters.print(&mut canvas, (left, top), &mut title);
    if text.width > 0.0 {
        letters.print(&mut canvas, (left, top + title.height), &mut text);
    }
    Painted { canvas, margin: margin as i32 }
}

/// The middle of a picture, with its colours multiplied by alpha.
fn cut_square(picture: &RgbaImage, side: usize) -> Vec<[u8; 4]> {
    let least = picture.width().min(picture.height()).max(1);
    let (x, y) = ((picture.width() - least) / 2, (picture.height() - least) / 2);
    let mut square = image::imageops::crop_imm(picture, x, y, least, least).to_image();
    for pixel in square.pixels_mut() {
        let alpha = pixel.0[3];
        pixel.0[..3].iter_mut().for_each(|colour| *colour = share(*colour, alpha));
    }
    let square = image::imageops::resize(&square, side as u32, side as u32, FilterType::Triangle);
    square.pixels().map(|pixel| pixel.0).collect()
}

/// Where a text that passes by is seen: inside the band, away from its round ends.
pub(super) fn gap(area: Area, unit: f32) -> Area {
    let by = (even(PADDING * unit) as i32).min((area.width as i32 / 4) & !1);
    Area { x: area.x + by, width: area.width - 2 * by as usize, ..area }
}
