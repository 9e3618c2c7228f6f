//! One card, line or board of an overlay: what was painted of it, and how it moves.

use std::sync::Arc;

use footlight_media::Time;

use super::super::piece::{Motion, Piece};
use super::super::scale::Area;
use super::super::sprite::Sprite;
use super::{Painted, even};

#[derive(Debug)]
pub(super) struct Actor {
    pub(super) id: u64,
    /// What it was painted from.
    pub(super) says: String,
    pub(super) sprite: Arc<Sprite>,
    pub(super) margin: i32,
    /// Where it rests, without its margin.
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) height: i32,
    pub(super) motion: Motion,
    pub(super) count: Option<Count>,
    pub(super) placed: bool,
}

/// How many, beside a card.
#[derive(Debug)]
pub(super) struct Count {
    pub(super) many: u64,
    pub(super) sprite: Arc<Sprite>,
    pub(super) margin: i32,
    pub(super) width: i32,
    pub(super) height: i32,
    pub(super) jumped: Option<Time>,
}

/// Where a layer is in the picture, which is where its cards come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

impl Actor {
    pub(super) fn new(id: u64, says: &str, painted: &Painted) -> Self {
        let (width, height) = painted.inside();
        Self {
            id,
            says: says.to_owned(),
            sprite: painted.uncut(),
            margin: painted.margin,
            x: 0,
            y: 0,
            width,
            height,
            motion: Motion::default(),
            count: None,
            placed: false,
        }
    }

    /// It rests there from now on, and goes there from where it is.
    pub(super) fn put(&mut self, x: i32, y: i32, now: Time) {
        if self.placed && y != self.y {
            let lower = self.y as f32 + self.motion.lower(now) - y as f32;
            self.motion.shifts = Some((now, lower.round() as i32));
        }
        (self.x, self.y, self.placed) = (x, y, true);
    }

    pub(super) fn pieces(
        &self,
        within: Area,
        opacity: u8,
        side: Side,
        unit: f32,
    ) -> impl Iterator<Item = Piece> {
        let (x, y) = (self.x - self.margin, self.y - self.margin);
        let sprite = Arc::clone(&self.sprite);
        let own = Piece { sprite, x, y, within, opacity, motion: self.motion };
        let count = self.count.as_ref().map(|count| {
            let gap = even(8.0 * unit) as i32;
            let x = match side {
                Side::Left => self.x + self.width + gap,
                Side::Right => self.x - gap - count.width,
            };
            let y = self.y + (self.height - count.height) / 2;
            let jumps = count.jumped.map(|at| (at, (14.0 * unit) as i32));
            let motion = Motion { jumps, ..self.motion };
            let (x, y) = ((x - count.margin) & !1, (y - count.margin) & !1);
            Piece { sprite: Arc::clone(&count.sprite), x, y, within, opacity, motion }
        });
        std::iter::once(own).chain(count)
    }
}

impl Count {
    pub(super) fn new(many: u64, painted: &Painted, jumped: Option<Time>) -> Self {
        let (width, height) = painted.inside();
        Self { many, sprite: painted.uncut(), margin: painted.margin, width, height, jumped }
    }
}
