//! What stands for longer: how far a goal is, and who gave most.

use footlight_overlay::words::{Word, word};
use footlight_protocol::Language;
use footlight_protocol::gift::Giver;
use footlight_protocol::spend::Goal;

use super::super::brush::Shape;
use super::super::lettering::Ink;
use super::super::sprite::Canvas;
use super::super::text::Letters;
use super::theme::{Look, MARGIN};
use super::{Painted, even};

const PADDING: f32 = 14.0;
/// Height of a bar, and of a row of a board, in units.
const BAR: f32 = 14.0;
const ROW: f32 = 34.0;
const DISC: f32 = 24.0;
/// Of the first three: gold, silver, bronze.
const MEDALS: [[u8; 3]; 3] = [[232, 176, 32], [168, 176, 186], [190, 122, 68]];

/// An empty box so high, in pixels of its own.
fn plate(look: &Look, unit: f32, width: f32, height: f32) -> (Canvas, Shape, usize) {
    let margin = even(MARGIN * unit);
    let (width, height) = (even(width), even(height));
    let mut canvas = Canvas::clear(width + 2 * margin, height + 2 * margin);
    let edge = margin as f32;
    let radius = look.radius * unit;
    let shape = Shape { x: edge, y: edge, width: width as f32, height: height as f32, radius };
    look.plate(&mut canvas, shape, unit, false);
    (canvas, shape, margin)
}

/// `width` pixels wide.
pub(super) fn goal(
    letters: &mut Letters,
    look: &Look,
    unit: f32,
    width: f32,
    goal: &Goal,
    language: Language,
) -> Painted {
    let inner = width - 2.0 * PADDING * unit;
    let far = match goal.coins {
        _ if goal.reached => format!("{} ✓", word(language, Word::Reached)),
        Some(coins) => format!("{} / {}", coins.given, coins.target),
        None => format!("{} %", goal.percent),
    };
    let mut far = letters.set(&[Ink::bold(&far, look.accent)], 18.0 * unit, inner * 0.6, 1);
    let room = inner - far.width - 12.0 * unit;
    let mut title = letters.set(&[Ink::bold(&goal.title, look.ink)], 20.0 * unit, room, 1);
    let high = title.height.max(far.height);
    let height = high + (BAR + 8.0 + 2.0 * PADDING * 0.8) * unit;
    let (mut canvas, shape, margin) = plate(look, unit, width, height);
    let (left, top) = (shape.x + PADDING * unit, shape.y + PADDING * 0.8 * unit);
    letters.print(&mut canvas, (left, top), &mut title);
    let right = shape.x + shape.width - PADDING * unit - far.width;
    letters.print(&mut canvas, (right, top + (high - far.height) / 2.0), &mut far);
    let bar = Shape {
        x: left,
        y: top + high + 8.0 * unit,
        width: shape.width - 2.0 * PADDING * unit,
        height: BAR * unit,
        radius: BAR / 2.0 * unit,
    };
    canvas.fill(bar, look.trough, look.trough);
    let percent = if goal.reached { 100 } else { goal.percent.min(100) };
    if percent > 0 {
        // At least round.
        let full = (bar.width * f32::from(percent) / 100.0).max(bar.height);
        let [r, g, b] = look.accent;
        canvas.fill(Shape { width: full, ..bar }, [r, g, b, 255], [r, g, b, 255]);
    }
    Painted { canvas, margin: margin as i32 }
}

/// Of those that fit into `height`, at least one; `width` pixels wide.
pub(super) fn leaders(
    letters: &mut Letters,
    look: &Look,
    unit: f32,
    (width, height): (f32, f32),
    givers: &[Giver],
    language: Language,
) -> Painted {
    let inner = width - 2.0 * PADDING * unit;
    let head = word(language, Word::Leaders);
    let mut head = letters.set(&[Ink::bold(head, look.accent)], 18.0 * unit, inner, 1);
    let above = head.height + 6.0 * unit;
    let fit = ((height - above - 2.0 * PADDING * unit) / (ROW * unit)).floor().max(1.0) as usize;
    let givers = &givers[..givers.len().min(fit)];
    let all = above + (givers.len() as f32 * ROW + 2.0 * PADDING * 0.8) * unit;
    let (mut canvas, shape, margin) = plate(look, unit, width, all);
    let (left, mut top) = (shape.x + PADDING * unit, shape.y + PADDING * 0.8 * unit);
    let right = shape.x + shape.width - PADDING * unit;
    letters.print(&mut canvas, (left, top), &mut head);
    top += above;
    for (place, giver) in givers.iter().enumerate() {
        let middle = |high: f32| top + (ROW * unit - high) / 2.0;
        let disc = Shape::disc(left, middle(DISC * unit), DISC * unit);
        let colour = MEDALS.get(place).copied();
        let [r, g, b] = colour.unwrap_or(look.soft);
        let paint = [r, g, b, if colour.is_some() { 255 } else { 60 }];
        canvas.fill(disc, paint, paint);
        let number = (place + 1).to_string();
        let ink = if colour.is_some() { [30, 22, 8] } else { look.ink };
        let mut number = letters.set(&[Ink::bold(&number, ink)], 14.0 * unit, DISC * unit, 1);
        let x = left + (DISC * unit - number.width) / 2.0;
        letters.print(&mut canvas, (x, middle(number.height)), &mut number);
        let coins = giver.coins.to_string();
        let mut coins = letters.set(&[Ink::bold(&coins, look.accent)], 17.0 * unit, inner * 0.5, 1);
        letters.print(&mut canvas, (right - coins.width, middle(coins.height)), &mut coins);
        let begin = left + (DISC + 10.0) * unit;
        let room = right - coins.width - 10.0 * unit - begin;
        let mut name = letters.set(&[Ink::plain(&giver.name, look.ink)], 19.0 * unit, room, 1);
        letters.print(&mut canvas, (begin, middle(name.height)), &mut name);
        top += ROW * unit;
    }
    Painted { canvas, margin: margin as i32 }
}
