//! Overlays in the picture: what a layer of them shows, painted when it changes, as pieces that move by themselves.
//!
//! Each layer of the scene that is shown has [`Actor`](actor::Actor)s, one for each card, line or board in it. They are matched with what
//! the [`Content`] says now: new ones come, the others give way, and what the content does not have any more is gone with
//! the next picture, unless it had said that it goes.

mod actor;
mod alerts;
mod bands;
mod boards;
mod chat;
mod stage;
#[cfg(test)]
mod tests;
mod theme;

use std::sync::Arc;

use footlight_media::Time;
use footlight_overlay::Content;
use footlight_overlay::words::{Word, word};
use footlight_protocol::Language;
use footlight_protocol::room::Member;
use footlight_protocol::scene::Overlay;

use super::album::Album;
use super::piece::Piece;
use super::scale::Area;
use super::sprite::{Canvas, Sprite};
use super::text::Letters;
use stage::Stage;

/// What was painted, with room around it for its shadow.
struct Painted {
    canvas: Canvas,
    /// Pixels on each side, even.
    margin: i32,
}

impl Painted {
    /// Width and height without the room around it.
    fn inside(&self) -> (i32, i32) {
        let inner = |side: usize| side as i32 - 2 * self.margin;
        (inner(self.canvas.width), inner(self.canvas.height))
    }

    /// All of it, wherever it will be drawn.
    fn uncut(&self) -> Arc<Sprite> {
        let size = (self.canvas.width as u32, self.canvas.height as u32);
        let sprite = Sprite::of(&self.canvas, Area::whole(size.0, size.1), size, 255);
        Arc::new(sprite.expect("paintings are at least two pixels wide and high"))
    }
}

/// A whole number of chroma samples, at least one.
fn even(pixels: f32) -> usize {
    ((pixels / 2.0).ceil() as usize * 2).max(2)
}

fn shown_name(by: &Member, language: Language) -> &str {
    if by.name.trim().is_empty() { word(language, Word::Guest) } else { &by.name }
}

/// What painting needs.
pub(super) struct Tools<'a> {
    pub(super) letters: &'a mut Letters,
    pub(super) album: &'a Album,
    pub(super) size: (u32, u32),
    pub(super) now: Time,
}

/// The overlay layers of the scene that is shown.
#[derive(Debug, Default)]
pub(super) struct Overlays {
    content: Content,
    stages: Vec<Stage>,
    /// Those that are of the scene that is being made.
    met: usize,
}

impl Overlays {
    /// What the room looks like now; says whether that is something else than before.
    pub(super) fn hear(&mut self, content: Content) -> bool {
        let other = content != self.content;
        self.content = content;
        other
    }

    /// Whether something changes now without anybody having said so.
    pub(super) fn are_due(&self, now: Time) -> bool {
        self.stages.iter().any(|stage| stage.due.is_some_and(|due| due <= now))
    }

    /// A scene is being made ready.
    pub(super) fn begin(&mut self) {
        self.met = 0;
    }

    /// All of its layers have been seen to. Says whether something was taken away that may be seen nowhere any more.
    pub(super) fn end(&mut self) -> bool {
        self.stages.truncate(self.met);
        self.stages.iter().any(|stage| stage.cut)
    }

    /// The pieces of a layer.
    pub(super) fn pieces(
        &mut self,
        scene: usize,
        overlay: &Overlay,
        area: Area,
        opacity: u8,
        tools: &mut Tools<'_>,
    ) -> Vec<Piece> {
        let which = (scene, self.met);
        if self.stages.get(self.met).is_none_or(|stage| stage.which != which) {
            self.stages.truncate(self.met);
            let overlay = overlay.clone();
            let actors = Vec::new();
            self.stages.push(Stage { which, overlay, area, actors, new: true, due: None, cut: false });
        }
        let stage = &mut self.stages[self.met];
        self.met += 1;
        if stage.overlay != *overlay || stage.area != area {
            let same = std::mem::discriminant(&stage.overlay.shows) == std::mem::discriminant(&overlay.shows);
            if !same {
                stage.actors.clear();
            }
            // Painted and placed anew, without moving there.
            for actor in &mut stage.actors {
                actor.says = "\0".to_owned();
                actor.placed = false;
                actor.count = None;
            }
            (stage.overlay, stage.area) = (overlay.clone(), area);
        }
        let pieces = stage.play(&self.content, opacity, tools);
        stage.new = false;
        pieces
    }
}
