//! The thread that makes a scene ready to be drawn, so that the stage never waits for letters or files.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use footlight_media::{Picture, Time};
use footlight_overlay::{Content, Wanted};
use footlight_protocol::scene::{Colour, Layer, Place, Scene, Scenes, Source};
use image::imageops::FilterType;
use tokio::sync::watch;

use super::album::Album;
use super::overlay::{Overlays, Tools};
use super::piece::Piece;
use super::scale::Area;
use super::sprite::{Canvas, Sprite, share};
use super::text::Letters;
use crate::Clock;
use crate::newest::Newest;
use crate::worker::{Stop, Worker, lock};

/// A scene that is ready: what stands still behind the camera, and what is drawn over it for each picture.
#[derive(Debug)]
pub(crate) struct Program {
    pub(super) ground: Arc<Picture>,
    /// From the rearmost camera on; empty where there is none.
    pub(super) layers: Vec<Drawn>,
    /// Which of the scenes it is, and how long going over to it takes.
    pub(super) scene: usize,
    pub(super) fade: Duration,
    /// Something is not in it that may not be seen any more, also not in what goes over into it.
    pub(super) cut: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Drawn {
    Camera { area: Area, opacity: u8 },
    Sprite(Arc<Sprite>),
    Overlay(Vec<Piece>),
}

/// The way to the thread.
pub(crate) struct Painter {
    shared: Arc<Shared>,
    album: Album,
    wanted: watch::Sender<Wanted>,
    _worker: Worker,
}

struct Shared {
    next: Newest<Order>,
    program: Mutex<Arc<Program>>,
}

/// What is to be painted from now on, where it is something else than before.
#[derive(Default)]
struct Order {
    scenes: Option<Scenes>,
    room: Option<Content>,
}

/// Where somebody who is in the room says what overlays show of it.
#[derive(Clone)]
pub struct RoomView {
    shared: Arc<Shared>,
    wanted: watch::Receiver<Wanted>,
}

impl RoomView {
    /// What the scenes want to know of the room.
    pub fn wanted(&self) -> watch::Receiver<Wanted> {
        self.wanted.clone()
    }

    /// Shows this from now on, and nothing of what was before.
    pub fn show(&self, content: Content) {
        self.shared.next.change(|order| order.room = Some(content));
    }
}

impl Painter {
    /// With the scenes that were kept. Until they are ready there is nothing to be seen, unless they are no others than
    /// everybody begins with: somebody may have left them so that the camera is not seen.
    pub(crate) fn start(
        album: Album,
        width: u32,
        height: u32,
        clock: Clock,
    ) -> std::io::Result<(Self, Scenes)> {
        let scenes = album.scenes();
        let size = (width & !1, height & !1);
        let begins = scenes == Scenes::default();
        let program = if begins { Program::camera(size) } else { Program::black(size) };
        let shared = Arc::new(Shared { next: Newest::default(), program: Mutex::new(Arc::new(program)) });
        if !begins {
            shared.next.put(Order { scenes: Some(scenes.clone()), room: None });
        }
        let (theirs, kept) = (Arc::clone(&shared), album.clone());
        let known = scenes.clone();
        let easel = move |stop: &Stop| Easel::new(kept, size).run(known, &theirs, clock, stop);
        let worker = Worker::spawn("painter", easel)?;
        let wanted = watch::Sender::new(Wanted::of(&scenes));
        Ok((Self { shared, album, wanted, _worker: worker }, scenes))
    }

    /// Shows these, and keeps them.
    pub(crate) fn show(&self, scenes: Scenes) {
        let wanted = Wanted::of(&scenes);
        self.wanted.send_if_modified(|before| {
            let other = *before != wanted;
            *before = wanted;
            other
        });
        self.shared.next.change(|order| order.scenes = Some(scenes));
    }

    /// For somebody who is in the room.
    pub(crate) fn room(&self) -> RoomView {
        RoomView { shared: Arc::clone(&self.shared), wanted: self.wanted.subscribe() }
    }

    pub(crate) fn album(&self) -> &Album {
        &self.album
    }

    /// Where the stage finds what it has to draw.
    pub(crate) fn gallery(&self) -> Gallery {
        Gallery(Arc::clone(&self.shared))
    }
}

/// The stage's end.
pub(crate) struct Gallery(Arc<Shared>);

impl Gallery {
    pub(crate) fn program(&self) -> Arc<Program> {
        Arc::clone(&lock(&self.0.program))
    }
}

impl Program {
    /// Of the first scene, without a way over to it.
    pub(super) fn of(ground: Arc<Picture>, layers: Vec<Drawn>) -> Self {
        Self { ground, layers, scene: 0, fade: Duration::ZERO, cut: false }
    }

    /// The camera alone, as large as the picture.
    pub(super) fn camera((width, height): (u32, u32)) -> Self {
        let camera = Drawn::Camera { area: Area::whole(width, height), opacity: 255 };
        Self::of(Arc::new(Picture::black(width, height)), vec![camera])
    }

    pub(super) fn black((width, height): (u32, u32)) -> Self {
        Self::of(Arc::new(Picture::black(width, height)), Vec::new())
    }
}

/// The thread's end.
pub(super) struct Easel {
    album: Album,
    size: (u32, u32),
    /// Made when a text is first seen: reading which fonts there are takes a moment.
    letters: Option<Letters>,
    /// What was painted for the program that is shown; most of it is wanted again.
    painted: Vec<(Layer, Option<Arc<Sprite>>)>,
    /// What stands still behind the first layer that does not, and what it was painted from.
    ground: Option<(Vec<Arc<Sprite>>, Arc<Picture>)>,
    overlays: Overlays,
}

impl Easel {
    pub(super) fn new(album: Album, size: (u32, u32)) -> Self {
        Self { album, size, letters: None, painted: Vec::new(), ground: None, overlays: Overlays::default() }
    }

    #[cfg(test)]
    pub(super) fn overlays(&mut self) -> &mut Overlays {
        &mut self.overlays
    }

    /// `kept` is in the album already.
    fn run(mut self, mut kept: Scenes, shared: &Shared, clock: Clock, stop: &Stop) {
        // What is shown; until there is something else the program is what it was started with.
        let mut shown: Option<Scenes> = None;
        while !stop.is_set() {
            let order = shared.next.take();
            let Order { scenes, room } = order.unwrap_or_default();
            let changed = scenes.is_some();
            shown = scenes.or(shown);
            let heard = room.is_some_and(|room| self.overlays.hear(room));
            let now = clock.now();
            if !changed && !heard && !self.overlays.are_due(now) {
                continue;
            }
            let Some(scenes) = &shown else { continue };
            if let Some(scene) = scenes.shown() {
                let fade = Duration::from_millis(scenes.fade_ms.into());
                let program = Program { fade, ..self.program(scene, scenes.current, now) };
                *lock(&shared.program) = Arc::new(program);
            }
            if changed && *scenes != kept {
                self.album.keep(scenes);
                kept.clone_from(scenes);
            }
        }
        // What was asked for last is there the next time.
        if let Some(scenes) = shared.next.left().and_then(|order| order.scenes) {
            self.album.keep(&scenes);
        }
    }

    pub(super) fn program(&mut self, scene: &Scene, number: usize, now: Time) -> Program {
        let (width, height) = self.size;
        let before = std::mem::take(&mut self.painted);
        let mut drawn = Vec::new();
        self.overlays.begin();
        for layer in scene.layers.iter().filter(|layer| !layer.hidden) {
            let (area, opacity) = (self.area(layer.place), (layer.opacity * 255.0).round() as u8);
            if layer.source == Source::Camera {
                drawn.push(Drawn::Camera { area, opacity });
                continue;
            }
            if let Source::Overlay { overlay } = &layer.source {
                let letters = self.letters.get_or_insert_with(Letters::new);
                let mut tools = Tools { letters, album: &self.album, size: self.size, now };
                let pieces = self.overlays.pieces(number, overlay, area, opacity, &mut tools);
                // Where nothing is to be seen, there is nothing to do for each picture.
                drawn.extend((!pieces.is_empty()).then_some(Drawn::Overlay(pieces)));
                continue;
            }
            let as_painted = Layer { locked: false, ..layer.clone() };
            let sprite = match before.iter().chain(&self.painted).find(|(painted, _)| *painted == as_painted)
            {
                Some((_, sprite)) => sprite.clone(),
                None => self.paint(&layer.source, area).and_then(|(canvas, area)| {
                    Sprite::of(&canvas, area, (width, height), opacity).map(Arc::new)
                }),
            };
            drawn.extend(sprite.clone().map(Drawn::Sprite));
            self.painted.push((as_painted, sprite));
        }
        let cut = self.overlays.end();
        let moves = drawn.iter().position(|one| !matches!(one, Drawn::Sprite(_)));
        let layers = drawn.split_off(moves.unwrap_or(drawn.len()));
        let still = drawn.into_iter().filter_map(|one| match one {
            Drawn::Sprite(sprite) => Some(sprite),
            _ => None,
        });
        Program { scene: number, cut, ..Program::of(self.ground(still.collect()), layers) }
    }

    /// What stands still, painted where it is not what it was.
    fn ground(&mut self, sprites: Vec<Arc<Sprite>>) -> Arc<Picture> {
        let same = |before: &Vec<Arc<Sprite>>| {
            before.len() == sprites.len() && before.iter().zip(&sprites).all(|(a, b)| Arc::ptr_eq(a, b))
        };
        if let Some((_, ground)) = self.ground.as_ref().filter(|(before, _)| same(before)) {
            return Arc::clone(ground);
        }
        let mut ground = Picture::black(self.size.0, self.size.1);
        sprites.iter().for_each(|sprite| sprite.draw(&mut ground));
        let ground = Arc::new(ground);
        self.ground = Some((sprites, Arc::clone(&ground)));
        ground
    }

    /// In pixels, from and to whole chroma samples.
    fn area(&self, place: Place) -> Area {
        let even = |share: f32, side: u32| (share * side as f32 / 2.0).round() as i32 * 2;
        let (x, y) = (even(place.x, self.size.0), even(place.y, self.size.1));
        let (width, height) = (even(place.width, self.size.0), even(place.height, self.size.1));
        Area { x, y, width: width.max(2) as usize, height: height.max(2) as usize }
    }

    fn paint(&mut self, source: &Source, area: Area) -> Option<(Canvas, Area)> {
        match source {
            Source::Camera | Source::Overlay { .. } => None,
            Source::Colour { colour: Colour([r, g, b]) } => {
                let pixels = vec![[*r, *g, *b, 255]; area.width * area.height];
                Some((Canvas { width: area.width, height: area.height, pixels }, area))
            }
            Source::Text { text, colour, ground } => {
                let letters = self.letters.get_or_insert_with(Letters::new);
                Some((letters.paint(text, *colour, *ground, (area.width, area.height)), area))
            }
            Source::Image { picture } => {
                let Some(mut image) = self.album.picture(picture) else {
                    tracing::warn!(picture, "a picture of a scene is not there");
                    return None;
                };
                // Multiplied before it is scaled, lest the colour of what is clear be seen at the edges.
                for pixel in image.pixels_mut() {
                    let alpha = pixel.0[3];
                    pixel.0[..3].iter_mut().for_each(|colour| *colour = share(*colour, alpha));
                }
                let area = area.fit(image.width() as usize, image.height() as usize);
                let (width, height) = (area.width, area.height);
                let image =
                    image::imageops::resize(&image, width as u32, height as u32, FilterType::Triangle);
                let pixels = image.pixels().map(|pixel| pixel.0).collect();
                Some((Canvas { width, height, pixels }, area))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn easel() -> Easel {
        Easel::new(Album::new(None), (64, 36))
    }

    fn colour(rgb: [u8; 3], place: Place) -> Layer {
        Layer::new(Source::Colour { colour: Colour(rgb) }, place)
    }

    #[test]
    fn what_is_behind_the_camera_is_painted_once() {
        let half = Place { width: 0.5, ..Place::WHOLE };
        let camera = Layer::new(Source::Camera, half);
        let white = colour([255; 3], Place::WHOLE);
        let scene = Scene { layers: vec![white.clone(), camera, white], ..Scene::default() };
        let mut easel = easel();
        let program = easel.program(&scene, 0, Time::default());
        assert_eq!(program.ground.planes().0[40], 235);
        assert!(
            matches!(program.layers[..], [Drawn::Camera { area, .. }, Drawn::Sprite(_)] if area.width == 32)
        );
        // The same again is the same sprite.
        let again = easel.program(&scene, 0, Time::default());
        let (Drawn::Sprite(first), Drawn::Sprite(second)) = (&program.layers[1], &again.layers[1]) else {
            panic!()
        };
        assert!(Arc::ptr_eq(first, second));
    }

    #[test]
    fn what_is_hidden_or_lost_is_not_drawn() {
        let hidden = Layer { hidden: true, ..colour([255; 3], Place::WHOLE) };
        let lost = Layer::new(Source::Image { picture: "0123456789abcdef.png".to_owned() }, Place::WHOLE);
        let outside = colour([255; 3], Place { x: 2.0, ..Place::WHOLE });
        let scene = Scene { layers: vec![hidden, lost, outside], ..Scene::default() };
        let program = easel().program(&scene, 0, Time::default());
        assert!(program.layers.is_empty() && program.ground.planes().0.iter().all(|luma| *luma == 16));
    }
}
