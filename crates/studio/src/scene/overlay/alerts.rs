//! Gifts: who sent what, and how many of it.

use footlight_overlay::Alert;
use footlight_overlay::words::{self, Word, word};
use footlight_protocol::Language;
use footlight_protocol::gift::Show;

use super::super::brush::Shape;
use super::super::lettering::Ink;
use super::super::sprite::Canvas;
use super::super::text::Letters;
use super::theme::{Look, MARGIN, face_of};
use super::{Painted, even, shown_name};

/// Sides of a card in units, before its kind makes it larger.
pub(super) const HEIGHT: f32 = 68.0;
const PADDING: f32 = 7.0;
const GAP: f32 = 11.0;
const ICON: f32 = 42.0;
/// No text makes it wider, in units.
const TEXT: f32 = 250.0;
/// What a count takes beside it, in units.
pub(super) const COUNT: f32 = 120.0;

/// How much larger a card of that kind is.
pub(super) fn growth(show: Show) -> f32 {
    match show {
        Show::Small => 1.0,
        Show::Medium => 1.15,
        Show::Grand => 1.55,
    }
}

/// The card of a run, at most `room` pixels wide, without its count.
pub(super) fn card(
    letters: &mut Letters,
    look: &Look,
    unit: f32,
    room: f32,
    alert: &Alert,
    language: Language,
) -> Painted {
    let strong = alert.gift.show > Show::Small;
    let unit = unit * growth(alert.gift.show);
    let height = (HEIGHT * unit).round();
    let disc = height - 2.0 * PADDING * unit;
    let around = disc + (2.0 * PADDING + 2.0 * GAP + ICON + 8.0) * unit;
    let text = (room - around).min(TEXT * unit).max(30.0 * unit);
    let name = shown_name(&alert.by, language);
    let gift = words::gift(language, &alert.gift);
    let sent = format!("{} ", word(language, Word::Sent));
    let (ink, soft) = if strong { (look.ink, look.on_strong) } else { (look.ink, look.soft) };
    let accent = if strong { look.on_strong } else { look.accent };
    let mut name_set = letters.set(&[Ink::bold(name, ink)], 21.0 * unit, text, 1);
    let sent = [Ink::plain(&sent, soft), Ink::bold(&gift, accent)];
    let mut sent_set = letters.set(&sent, 17.0 * unit, text, 1);
    let wide = name_set.width.max(sent_set.width);
    let (margin, width) = (even(MARGIN * unit), even(around + wide));
    let mut canvas = Canvas::clear(width + 2 * margin, even(height) + 2 * margin);
    let edge = margin as f32;
    let plate = Shape { x: edge, y: edge, width: width as f32, height, radius: height / 2.0 };
    look.plate(&mut canvas, plate, unit, strong);
    let at = edge + PADDING * unit;
    face(letters, &mut canvas, alert, (at, at), disc, name);
    let left = at + disc + GAP * unit;
    let high = name_set.height + sent_set.height;
    let top = edge + (height - high) / 2.0;
    letters.print(&mut canvas, (left, top), &mut name_set);
    letters.print(&mut canvas, (left, top + name_set.height), &mut sent_set);
    let mut icon =
        letters.set(&[Ink::plain(&alert.gift.icon, ink)], ICON * 0.86 * unit, ICON * 1.3 * unit, 1);
    let x = left + wide + GAP * unit + (ICON * unit - icon.width) / 2.0;
    let y = edge + (height - icon.height) / 2.0;
    letters.print(&mut canvas, (x, y), &mut icon);
    Painted { canvas, margin: margin as i32 }
}

/// The first letter of a name on a disc.
fn face(
    letters: &mut Letters,
    canvas: &mut Canvas,
    alert: &Alert,
    (x, y): (f32, f32),
    size: f32,
    name: &str,
) {
    let [r, g, b] = face_of(&alert.by.id);
    canvas.fill(Shape::disc(x, y, size), [r, g, b, 255], [r, g, b, 255]);
    // It stands on grounds of its own colour, too.
    canvas.line(Shape::disc(x, y, size), size / 32.0, [255, 255, 255, 90]);
    let first: String = name.chars().take(1).flat_map(char::to_uppercase).collect();
    let mut letter = letters.set(&[Ink::bold(&first, [255; 3])], size * 0.5, size, 1);
    let at = (x + (size - letter.width) / 2.0, y + (size - letter.height) / 2.0);
    letters.print(canvas, at, &mut letter);
}

/// So many of it: in large digits, readable on any picture.
pub(super) fn count(letters: &mut Letters, look: &Look, unit: f32, alert: &Alert) -> Painted {
    let unit = unit * growth(alert.gift.show);
    let text = format!("×{}", alert.count);
    // On the picture itself, whatever the theme has for its boxes.
    let [bright, dark] = [[255, 214, 120], [30, 18, 0]];
    let colour = if look.ink[0] < 128 { [255, 196, 80] } else { bright };
    let ink = |colour| [Ink { italic: true, ..Ink::bold(&text, colour) }];
    let mut set = letters.set(&ink(colour), 36.0 * unit, COUNT * 2.0 * unit, 1);
    let mut shade = letters.set(&ink(dark), 36.0 * unit, COUNT * 2.0 * unit, 1);
    let margin = even(4.0 * unit);
    let (width, height) = (even(set.width + 4.0 * unit), even(set.height));
    let mut canvas = Canvas::clear(width + 2 * margin, height + 2 * margin);
    let edge = margin as f32;
    let thick = (2.0 * unit).max(1.0);
    for step in 0..12 {
        let (sin, cos) = (step as f32 / 12.0 * std::f32::consts::TAU).sin_cos();
        letters.print(&mut canvas, (edge + cos * thick, edge + sin * thick), &mut shade);
    }
    letters.print(&mut canvas, (edge, edge), &mut set);
    Painted { canvas, margin: margin as i32 }
}
