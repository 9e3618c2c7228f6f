//! The scene: what viewers see, composed from layers.
//!
//! What stands still is painted when it changes, by a thread of its own ([`Painter`]): all that is behind the camera into
//! one picture, and each layer in front of it into a [`Sprite`](sprite::Sprite), or, where it shows what happens in the room,
//! into [`Piece`](piece::Piece)s that move by themselves. For each picture of the camera there is left to do: to place it,
//! and to draw these and the other [live layers](live::Live) over it. A camera alone that has the picture's size passes
//! through untouched.

mod album;
mod brush;
mod card;
mod grade;
mod key;
mod lettering;
mod live;
mod overlay;
mod painter;
mod piece;
mod scale;
mod sprite;
mod text;

use std::sync::Arc;

use footlight_media::{Frame, Picture, PicturePool, Time};

pub(crate) use album::Album;
pub(crate) use card::Card;
pub use painter::RoomView;
pub(crate) use painter::{Gallery, Painter};
pub(crate) use scale::resize;

use painter::{Drawn, Program};
use scale::Area;
use sprite::share;

/// Composes pictures of one size.
pub(crate) struct Composer {
    pool: PicturePool,
    cards: [Arc<Picture>; 3],
}

impl Composer {
    pub(crate) fn new(width: u32, height: u32) -> Self {
        let cards =
            [Card::Opening, Card::Lost, Card::Off].map(|card| Arc::new(card::draw_card(card, width, height)));
        Self { pool: PicturePool::new(width, height), cards }
    }

    /// The picture that viewers get when the camera shows this.
    pub(crate) fn compose(&self, program: &Program, camera: &Frame) -> Frame {
        let captured = camera.captured;
        let (width, height) = (self.pool.width(), self.pool.height());
        let shown = &*camera.picture;
        let mut layers = &program.layers[..];
        let covers = match layers {
            [] => return Frame { captured, picture: Arc::clone(&program.ground) },
            [Drawn::Camera { area, opacity: 255 }, ..] => {
                let fit = area.fit(shown.width() as usize, shown.height() as usize);
                fit == Area::whole(width, height)
            }
            _ => false,
        };
        if covers && layers.len() == 1 && (shown.width(), shown.height()) == (width, height) {
            return camera.clone();
        }
        let mut picture = self.pool.take();
        if covers {
            scale::draw(shown, &mut picture, Area::whole(width, height));
            layers = &layers[1..];
        } else {
            scale::draw(&program.ground, &mut picture, Area::whole(width, height));
        }
        for layer in layers {
            match layer {
                Drawn::Camera { area, opacity } => place(shown, &mut picture, *area, *opacity),
                Drawn::Live(live) => live.draw(&camera.picture, &mut picture),
                Drawn::Sprite(sprite) => sprite.draw(&mut picture),
                Drawn::Overlay(pieces) => pieces.iter().for_each(|piece| piece.draw(&mut picture, captured)),
            }
        }
        Frame { captured, picture: Arc::new(picture) }
    }

    /// So much of 256 of `next`, and the rest of `before`.
    fn mix(&self, before: &Frame, next: &Frame, weight: u16) -> Frame {
        let mut picture = self.pool.take();
        let (to, from, over) = (picture.planes_mut(), before.picture.planes(), next.picture.planes());
        for (to, from, over) in [(to.0, from.0, over.0), (to.1, from.1, over.1), (to.2, from.2, over.2)] {
            for ((to, from), over) in to.iter_mut().zip(from).zip(over) {
                *to = ((u16::from(*from) * (256 - weight) + u16::from(*over) * weight) >> 8) as u8;
            }
        }
        Frame { captured: next.captured, picture: Arc::new(picture) }
    }

    pub(crate) fn card(&self, card: Card) -> Arc<Picture> {
        Arc::clone(&self.cards[card as usize])
    }
}

/// Goes over from one scene to the next.
pub(crate) struct Fader {
    shown: Arc<Program>,
    /// What was shown before, and since when it goes.
    before: Option<(Arc<Program>, Time)>,
}

impl Fader {
    pub(crate) fn new(shown: Arc<Program>) -> Self {
        Self { shown, before: None }
    }

    /// As [`Composer::compose`], with what is left of the scene before.
    pub(crate) fn compose(&mut self, composer: &Composer, program: Arc<Program>, camera: &Frame) -> Frame {
        if !Arc::ptr_eq(&program, &self.shown) {
            let was = std::mem::replace(&mut self.shown, program);
            let other = (self.shown.scene, self.shown.take) != (was.scene, was.take);
            let goes = other && !self.shown.fade.is_zero() && !self.shown.cut;
            // One that was changed while it comes goes on coming.
            let comes = self.before.take().filter(|_| !other && !self.shown.cut);
            self.before = if goes { Some((was, camera.captured)) } else { comes };
        }
        let frame = composer.compose(&self.shown, camera);
        let Some((before, since)) = &self.before else { return frame };
        let gone = camera.captured.since(*since);
        if gone >= self.shown.fade {
            self.before = None;
            return frame;
        }
        let weight = (gone.as_secs_f32() / self.shown.fade.as_secs_f32() * 256.0) as u16;
        composer.mix(&composer.compose(before, camera), &frame, weight)
    }
}

/// Draws the camera's picture into the middle of an area, in its own shape.
fn place(shown: &Picture, picture: &mut Picture, area: Area, opacity: u8) {
    let area = area.fit(shown.width() as usize, shown.height() as usize);
    if opacity == 255 && area.is_inside(picture.width(), picture.height()) {
        return scale::draw(shown, picture, area);
    }
    let mut scaled = Picture::black(area.width as u32, area.height as u32);
    scale::draw(shown, &mut scaled, Area { x: 0, y: 0, ..area });
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let (over, under) = (scaled.planes(), picture.planes_mut());
    for (under, over, half) in [(under.0, over.0, 1), (under.1, over.1, 2), (under.2, over.2, 2)] {
        let (x, y) = (area.x / half, area.y / half);
        let half = half as usize;
        // Cut at both ends.
        let from = usize::try_from(-x).unwrap_or(0);
        let at = usize::try_from(x).unwrap_or(0);
        let length = (area.width / half).saturating_sub(from).min((width / half).saturating_sub(at));
        for (row, over) in (y..).zip(over.chunks_exact(area.width / half)) {
            let Ok(row) = usize::try_from(row) else { continue };
            if row >= height / half || length == 0 {
                continue;
            }
            let under = &mut under[row * (width / half) + at..][..length];
            for (under, over) in under.iter_mut().zip(&over[from..]) {
                *under = share(*over, opacity).saturating_add(share(*under, 255 - opacity));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::draw::fill;
    use footlight_media::burn::Burned;

    fn frame(width: u32, height: u32, luma: u8) -> Frame {
        let mut picture = Picture::black(width, height);
        picture.planes_mut().0.fill(luma);
        Frame { captured: Time::from_micros(77), picture: Arc::new(picture) }
    }

    #[test]
    fn a_picture_of_the_right_size_is_not_copied() {
        let scene = Composer::new(640, 360);
        let mut picture = Picture::black(640, 360);
        let burned = Burned::new(5, Time::from_micros(1_000_000));
        burned.draw(&mut picture);
        let frame = Frame { captured: Time::default(), picture: Arc::new(picture) };
        let composed = scene.compose(&Program::camera((640, 360)), &frame);
        assert!(Arc::ptr_eq(&frame.picture, &composed.picture));
        assert_eq!(Burned::read(&composed.picture), Some(burned));
    }

    #[test]
    fn another_shape_gets_black_bars() {
        let scene = Composer::new(640, 360);
        // (source, a point inside the picture, a point on a bar)
        for ((w, h), inside, bar) in [
            ((640, 480), (320, 180), Some((40, 180))),
            ((1280, 540), (320, 180), Some((320, 20))),
            ((1920, 1080), (0, 0), None),
            ((320, 180), (639, 359), None),
            ((2560, 1440), (320, 180), None),
        ] {
            let composed = scene.compose(&Program::camera((640, 360)), &frame(w, h, 200));
            assert_eq!(composed.captured, Time::from_micros(77));
            let luma = composed.picture.planes().0;
            let at = |(x, y): (usize, usize)| luma[y * 640 + x];
            assert_eq!(at(inside), 200, "{w}x{h}");
            if let Some(bar) = bar {
                assert_eq!(at(bar), 16, "{w}x{h}");
            }
        }
    }

    #[test]
    fn scaling_keeps_things_where_they_are() {
        let mut picture = Picture::black(1920, 1080);
        fill(&mut picture, 960, 0, 960, 1080, [200, 60, 190]);
        let scene = Composer::new(1280, 720);
        let frame = Frame { captured: Time::default(), picture: Arc::new(picture) };
        let composed = scene.compose(&Program::camera((1280, 720)), &frame);
        let (luma, cb, cr) = composed.picture.planes();
        let row = 300 * 1280;
        assert_eq!((luma[row + 630], luma[row + 650]), (16, 200));
        let row = 150 * 640;
        assert_eq!((cb[row + 310], cb[row + 330], cr[row + 330]), (128, 60, 190));
    }

    #[test]
    fn a_camera_may_be_anywhere_and_half_seen() {
        let scene = Composer::new(64, 36);
        let camera = |x, y, opacity| {
            let area = Area { x, y, width: 32, height: 18 };
            let ground = Arc::clone(&frame(64, 36, 100).picture);
            Program::of(ground, vec![Drawn::Camera { area, opacity }])
        };
        // (place, opacity, what is seen at four points)
        let points = [(4, 4), (60, 4), (4, 32), (60, 32)];
        for (x, y, opacity, wanted) in [
            (0, 0, 255, [200, 100, 100, 100]),
            (-20, -10, 255, [200, 100, 100, 100]),
            (44, 26, 255, [100, 100, 100, 200]),
            (40, -12, 128, [100, 150, 100, 100]),
            (200, 0, 255, [100; 4]),
            (-64, 90, 255, [100; 4]),
        ] {
            let composed = scene.compose(&camera(x, y, opacity), &frame(320, 180, 200));
            let luma = composed.picture.planes().0;
            let got = points.map(|(x, y): (usize, usize)| luma[y * 64 + x]);
            assert!(got.iter().zip(wanted).all(|(a, b): (&u8, u8)| a.abs_diff(b) <= 1), "{x},{y}: {got:?}");
        }
    }

    #[test]
    fn one_scene_goes_over_into_the_next() {
        let composer = Composer::new(64, 36);
        let still = |luma, scene| {
            let fade = Duration::from_millis(200);
            let ground = frame(64, 36, luma).picture;
            Arc::new(Program { scene, fade, ..Program::of(ground, Vec::new()) })
        };
        let (first, second) = (still(50, 0), still(150, 1));
        let mut fader = Fader::new(first.clone());
        let mut luma = |program: &Arc<Program>, ms: u64| {
            let camera = Frame { captured: Time::from_micros(1_000_000 + ms * 1000), ..frame(64, 36, 9) };
            fader.compose(&composer, program.clone(), &camera).picture.planes().0[0]
        };
        assert_eq!((luma(&first, 0), luma(&second, 40), luma(&second, 140)), (50, 50, 100));
        // Changed meanwhile; then there.
        let changed = still(170, 1);
        assert_eq!((luma(&changed, 190), luma(&changed, 240), luma(&changed, 260)), (140, 170, 170));
        assert_eq!((luma(&second, 300), luma(&first, 340)), (150, 150), "the same scene is a cut");
    }

    #[test]
    fn every_size_has_its_cards() {
        for (width, height) in [(16, 16), (320, 180), (1280, 720), (720, 1280)] {
            let scene = Composer::new(width, height);
            let [opening, lost, off] = [Card::Opening, Card::Lost, Card::Off].map(|c| scene.card(c));
            assert_eq!((lost.width(), lost.height()), (width, height));
            assert_eq!(Burned::read(&lost).or(Burned::read(&off)).or(Burned::read(&opening)), None);
            if width >= 320 {
                assert!(opening.planes().0 != lost.planes().0 && lost.planes().0 != off.planes().0);
            }
        }
    }
}
