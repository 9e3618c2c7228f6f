//! Layers whose picture changes by itself: cut, fitted, turned over, keyed and coloured when there is a new one, and drawn
//! over each picture until then.

use std::sync::{Arc, Mutex};

use footlight_media::{Picture, PicturePool};
use footlight_protocol::scene::effects::{Crop, Effects, Fit};
use footlight_protocol::studio::SourceState;

use super::card::draw_screen_card;
use super::grade::Curves;
use super::key::Veil;
use super::scale::{self, Area};
use super::sprite::share;
use crate::source::cast::Player;
use crate::worker::lock;

/// Where a live layer's pictures come from.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// The camera that is picked.
    Camera,
    Player(Arc<Player>),
}

/// A live layer, ready to be drawn.
#[derive(Debug)]
pub(crate) struct Live {
    origin: Origin,
    area: Area,
    opacity: u8,
    effects: Effects,
    curves: Option<Curves>,
    veil: Option<Veil>,
    /// The last picture, and what became of it: most sources are drawn more often than they change.
    made: Mutex<Option<(Arc<Picture>, Arc<Cutout>)>>,
    card: Mutex<Option<Arc<Cutout>>>,
    pool: Mutex<PicturePool>,
}

/// A picture as it is drawn: scaled, and how much is seen of each sample of luma and of chroma, where not all is.
#[derive(Debug)]
struct Cutout {
    picture: Picture,
    seen: Option<[Vec<u8>; 2]>,
    area: Area,
}

impl Live {
    pub(super) fn new(origin: Origin, area: Area, opacity: u8, effects: Effects) -> Self {
        let curves = Curves::of(&effects.grade);
        let veil = effects.key.map(|key| Veil::of(&key));
        let (made, card, pool) = (Mutex::default(), Mutex::default(), Mutex::new(PicturePool::new(0, 0)));
        Self { origin, area, opacity, effects, curves, veil, made, card, pool }
    }

    /// Whether it draws the same at the same place.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let origin = match (&self.origin, &other.origin) {
            (Origin::Camera, Origin::Camera) => true,
            (Origin::Player(ours), Origin::Player(theirs)) => Arc::ptr_eq(ours, theirs),
            _ => false,
        };
        origin && (self.area, self.opacity, self.effects) == (other.area, other.opacity, other.effects)
    }

    pub(super) fn is_camera(&self) -> bool {
        matches!(self.origin, Origin::Camera)
    }

    /// Draws it over `to`; `camera` is what the picked one shows.
    pub(super) fn draw(&self, camera: &Arc<Picture>, to: &mut Picture) {
        let picture = match &self.origin {
            Origin::Camera => Some(Arc::clone(camera)),
            Origin::Player(player) => match player.slot().newest() {
                (_, SourceState::Lost { .. }) => None,
                (Some(frame), _) => Some(frame.picture),
                // What is only just opened is not there yet.
                (None, _) => return,
            },
        };
        let cutout = match picture {
            Some(picture) => self.cutout(picture),
            None => self.card(),
        };
        cutout.draw(self.opacity, to);
    }

    fn cutout(&self, picture: Arc<Picture>) -> Arc<Cutout> {
        let mut made = lock(&self.made);
        if let Some((of, cutout)) = &*made
            && Arc::ptr_eq(of, &picture)
        {
            return Arc::clone(cutout);
        }
        let cutout = Arc::new(self.make(&picture));
        *made = Some((picture, Arc::clone(&cutout)));
        cutout
    }

    fn make(&self, from: &Picture) -> Cutout {
        let size = (from.width(), from.height());
        let (part, area) = frame(size, &self.effects.crop, self.effects.fit, self.area);
        let mut picture = {
            let (mut pool, size) = (lock(&self.pool), (area.width as u32, area.height as u32));
            if (pool.width(), pool.height()) != size {
                *pool = PicturePool::new(size.0, size.1);
            }
            pool.take()
        };
        scale::draw_part(from, part, &mut picture, Area { x: 0, y: 0, ..area });
        turn(&mut picture, self.effects.mirrored, self.effects.upended);
        // By the colours that the source has, not by those that it is given.
        let seen = self.veil.as_ref().map(|veil| veil.seen(&picture));
        if let Some(curves) = &self.curves {
            curves.apply(&mut picture);
        }
        Cutout { picture, seen, area }
    }

    fn card(&self) -> Arc<Cutout> {
        let card = || {
            let Area { width, height, .. } = self.area;
            let picture = draw_screen_card(width as u32, height as u32);
            Arc::new(Cutout { picture, seen: None, area: self.area })
        };
        Arc::clone(lock(&self.card).get_or_insert_with(card))
    }
}

/// Which part of a picture of that size is shown where.
pub(super) fn frame((wide, high): (u32, u32), crop: &Crop, fit: Fit, area: Area) -> (Area, Area) {
    // Two pixels are left at least, whatever is cut away.
    let even =
        |share: f32, side: u32| ((share * side as f32 / 2.0).round() as u32 * 2).min(side.saturating_sub(2));
    let (left, top) = (even(crop.left, wide), even(crop.top, high));
    let width = wide.saturating_sub(left + even(crop.right, wide)).max(2).min(wide);
    let height = high.saturating_sub(top + even(crop.bottom, high)).max(2).min(high);
    let part = Area { x: left as i32, y: top as i32, width: width as usize, height: height as usize };
    match fit {
        Fit::Contain => (part, area.fit(part.width, part.height)),
        Fit::Cover => (part.fit(area.width, area.height), area),
        Fit::Stretch => (part, area),
    }
}

fn turn(picture: &mut Picture, mirrored: bool, upended: bool) {
    if !mirrored && !upended {
        return;
    }
    let width = picture.width() as usize;
    let planes = picture.planes_mut();
    for (plane, width) in [(planes.0, width), (planes.1, width / 2), (planes.2, width / 2)] {
        if mirrored && upended {
            plane.reverse();
        } else if mirrored {
            plane.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        } else {
            let rows = plane.len() / width;
            let (upper, lower) = plane.split_at_mut(rows.div_ceil(2) * width);
            for (above, below) in upper.chunks_exact_mut(width).zip(lower.chunks_exact_mut(width).rev()) {
                above.swap_with_slice(below);
            }
        }
    }
}

impl Cutout {
    /// What of it lies inside of the picture.
    fn draw(&self, opacity: u8, to: &mut Picture) {
        let (width, height) = (to.width() as usize, to.height() as usize);
        let (over, under) = (self.picture.planes(), to.planes_mut());
        let seen = self.seen.as_ref();
        for (under, over, seen, half) in [
            (under.0, over.0, seen.map(|seen| &seen[0]), 1),
            (under.1, over.1, seen.map(|seen| &seen[1]), 2),
            (under.2, over.2, seen.map(|seen| &seen[1]), 2),
        ] {
            let (own, stride) = (self.area.width / half, width / half);
            let (x, y) = (self.area.x / half as i32, self.area.y / half as i32);
            let cut = |at: i32| usize::try_from(-at).unwrap_or(0);
            let (left, top) = (cut(x), cut(y));
            let (x, y) = (x.max(0) as usize, y.max(0) as usize);
            let length = own.saturating_sub(left).min(stride.saturating_sub(x));
            let rows = (self.area.height / half).saturating_sub(top).min((height / half).saturating_sub(y));
            if length == 0 {
                continue;
            }
            for row in 0..rows {
                let from = (top + row) * own + left;
                let (over, to) = (&over[from..][..length], &mut under[(y + row) * stride + x..][..length]);
                match seen.map(|seen| &seen[from..][..length]) {
                    Some(seen) => {
                        for ((under, over), seen) in to.iter_mut().zip(over).zip(seen) {
                            let seen = share(*seen, opacity);
                            *under = share(*over, seen).saturating_add(share(*under, 255 - seen));
                        }
                    }
                    None if opacity == 255 => to.copy_from_slice(over),
                    None => {
                        for (under, over) in to.iter_mut().zip(over) {
                            *under = share(*over, opacity).saturating_add(share(*under, 255 - opacity));
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use footlight_media::{Frame, Time};
    use footlight_protocol::scene::Colour;
    use footlight_protocol::scene::effects::{Grade, Key};
    use footlight_protocol::{Code, Failure};

    use super::*;
    use crate::draw::{bt709, fill};

    const SIZE: (u32, u32) = (64, 36);

    /// Left half dark, right half light, and the top light row by row brighter than the bottom.
    fn halves(width: u32, height: u32) -> Arc<Picture> {
        let mut picture = Picture::black(width, height);
        let (w, h) = (width as usize, height as usize);
        fill(&mut picture, 0, 0, w / 2, h, [60, 128, 128]);
        fill(&mut picture, w / 2, 0, w / 2, h / 2, [220, 128, 128]);
        fill(&mut picture, w / 2, h / 2, w / 2, h / 2, [180, 128, 128]);
        Arc::new(picture)
    }

    fn drawn(live: &Live, camera: &Arc<Picture>) -> Picture {
        let mut picture = Picture::black(SIZE.0, SIZE.1);
        live.draw(camera, &mut picture);
        picture
    }

    fn luma(picture: &Picture, x: usize, y: usize) -> u8 {
        picture.planes().0[y * picture.width() as usize + x]
    }

    fn camera(effects: Effects) -> Live {
        Live::new(Origin::Camera, Area::whole(SIZE.0, SIZE.1), 255, effects)
    }

    #[test]
    fn a_crop_shows_what_is_left_as_large_as_it_fits() {
        let from = halves(64, 36);
        let crop = Crop { left: 0.5, ..Crop::default() };
        for (fit, at_left, at_middle) in
            [(Fit::Contain, 16, 220), (Fit::Cover, 220, 220), (Fit::Stretch, 220, 220)]
        {
            let picture = drawn(&camera(Effects { crop, fit, ..Effects::default() }), &from);
            assert_eq!((luma(&picture, 2, 10), luma(&picture, 32, 10)), (at_left, at_middle), "{fit:?}");
        }
        let crop = Crop { left: 0.5, top: 0.5, ..Crop::default() };
        let picture = drawn(&camera(Effects { crop, ..Effects::default() }), &from);
        assert_eq!((luma(&picture, 2, 2), luma(&picture, 60, 33)), (180, 180));
    }

    #[test]
    fn it_is_turned_over() {
        let from = halves(64, 36);
        for (mirrored, upended, corners) in [
            (false, false, [60, 220, 60, 180]),
            (true, false, [220, 60, 180, 60]),
            (false, true, [60, 180, 60, 220]),
            (true, true, [180, 60, 220, 60]),
        ] {
            let picture = drawn(&camera(Effects { mirrored, upended, ..Effects::default() }), &from);
            let got = [(5, 3), (58, 3), (5, 32), (58, 32)].map(|(x, y)| luma(&picture, x, y));
            assert_eq!(got, corners, "{mirrored} {upended}");
        }
    }

    #[test]
    fn the_key_s_colour_is_clear_and_others_are_not() {
        let mut from = Picture::black(64, 36);
        fill(&mut from, 0, 0, 32, 36, bt709([0.0, 0.7, 0.25]));
        fill(&mut from, 32, 0, 32, 36, bt709([0.8, 0.6, 0.5]));
        let from = Arc::new(from);
        let key = Key { colour: Colour([0, 177, 64]), ..Key::default() };
        let live = camera(Effects { key: Some(key), ..Effects::default() });
        let mut picture = Picture::black(SIZE.0, SIZE.1);
        picture.planes_mut().0.fill(99);
        live.draw(&from, &mut picture);
        assert_eq!(luma(&picture, 10, 10), 99, "the cloth is gone");
        let skin = bt709([0.8, 0.6, 0.5])[0];
        assert!(luma(&picture, 50, 10).abs_diff(skin) <= 1, "{} is not {skin}", luma(&picture, 50, 10));
    }

    #[test]
    fn colours_are_graded_and_a_picture_is_made_once() {
        let from = halves(64, 36);
        let grade = Grade { brightness: 0.2, ..Grade::default() };
        let live = camera(Effects { grade, ..Effects::default() });
        let picture = drawn(&live, &from);
        assert!(luma(&picture, 5, 5) > 90 && luma(&picture, 50, 5) > 220);
        let made = |live: &Live| lock(&live.made).as_ref().map(|(_, cutout)| Arc::as_ptr(cutout));
        let first = made(&live);
        drop(drawn(&live, &from));
        assert_eq!(made(&live), first);
        drop(drawn(&live, &halves(64, 36)));
        assert_ne!(made(&live), first);
    }

    #[test]
    fn a_source_that_is_lost_has_a_card_and_comes_back() {
        let frame = Frame { captured: Time::default(), picture: halves(64, 36) };
        let player = Arc::new(Player::still(frame.clone()));
        let area = Area { x: 32, y: -8, width: 32, height: 36 };
        let live = Live::new(
            Origin::Player(Arc::clone(&player)),
            area,
            255,
            Effects { fit: Fit::Stretch, ..Effects::default() },
        );
        let black = Arc::new(Picture::black(2, 2));
        let picture = drawn(&live, &black);
        assert_eq!((luma(&picture, 10, 10), luma(&picture, 34, 2), luma(&picture, 60, 2)), (16, 60, 220));
        let feed = player.feed();
        assert_eq!(luma(&drawn(&live, &black), 60, 2), 16, "it is opened anew");
        feed.state(SourceState::Lost { failure: Failure::new(Code::WindowClosed, "") });
        let card = luma(&drawn(&live, &black), 60, 2);
        assert!(![16, 60, 180, 220].contains(&card), "{card}");
        assert!(feed.frame(frame));
        assert_eq!(luma(&drawn(&live, &black), 60, 2), 220);
    }
}
