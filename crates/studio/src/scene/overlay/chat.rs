//! A line of the chat.

use footlight_overlay::Said;
use footlight_protocol::Language;

use super::super::brush::Shape;
use super::super::lettering::Ink;
use super::super::sprite::Canvas;
use super::super::text::Letters;
use super::theme::{Look, MARGIN};
use super::{Painted, even, shown_name};

/// Of letters, in units.
const SIZE: f32 = 20.0;
const PADDING: (f32, f32) = (14.0, 6.0);
/// So much of a long message is shown.
const LINES: usize = 3;

/// At most `room` pixels wide.
pub(super) fn line(
    letters: &mut Letters,
    look: &Look,
    unit: f32,
    room: f32,
    said: &Said,
    language: Language,
) -> Painted {
    let accent = if said.paid { look.on_strong } else { look.accent };
    let name = shown_name(&said.by, language);
    let text = [Ink::bold(name, accent), Ink::plain("  ", look.ink), Ink::plain(&said.text, look.ink)];
    let (side, above) = (PADDING.0 * unit, PADDING.1 * unit);
    let mut set = letters.set(&text, SIZE * unit, room - 2.0 * side, LINES);
    let margin = even(MARGIN * unit);
    let (width, height) = (even(set.width + 2.0 * side), even(set.height + 2.0 * above));
    let mut canvas = Canvas::clear(width + 2 * margin, height + 2 * margin);
    let edge = margin as f32;
    let radius = look.radius * unit;
    let plate = Shape { x: edge, y: edge, width: width as f32, height: height as f32, radius };
    look.plate(&mut canvas, plate, unit, said.paid);
    letters.print(&mut canvas, (edge + side, edge + above), &mut set);
    Painted { canvas, margin: margin as i32 }
}
