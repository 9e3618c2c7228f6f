//! The thread that makes a scene ready to be drawn, so that the stage never waits for letters or files.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use footlight_media::{Picture, Time};
use footlight_overlay::{Content, Wanted};
use footlight_protocol::scene::effects::Effects;
use footlight_protocol::scene::{Colour, Layer, Place, Scene, Scenes, Source};
use image::RgbaImage;
use image::imageops::{self, FilterType};
use tokio::sync::watch;

use super::album::Album;
use super::live::{self, Live, Origin};
use super::overlay::{Overlays, Tools};
use super::piece::Piece;
use super::scale::Area;
use super::sprite::{Canvas, Sprite, share};
use super::text::Letters;
use crate::Clock;
use crate::newest::Newest;
use crate::source::cast::Cast;
use crate::worker::{Stop, Worker, lock};

/// A scene that is ready: what stands still behind the camera, and what is drawn over it for each picture.
#[derive(Debug)]
pub(crate) struct Program {
    pub(super) ground: Arc<Picture>,
    /// From the rearmost live one on; empty where there is none.
    pub(super) layers: Vec<Drawn>,
    /// Which of the scenes it is and which take of it, and how long going over to it takes.
    pub(super) scene: usize,
    pub(super) take: u32,
    pub(super) fade: Duration,
    /// Something is not in it that may not be seen any more, also not in what goes over into it.
    pub(super) cut: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Drawn {
    /// The picked camera, all of it and as it is.
    Camera {
        area: Area,
        opacity: u8,
    },
    Live(Arc<Live>),
    Sprite(Arc<Sprite>),
    Overlay(Vec<Piece>),
}

/// Canvases of more pixels are not kept: they would take too much memory for what is seldom moved.
const KEPT_PIXELS: usize = 4 << 20;
/// Pictures that are kept as they were read.
const KEPT_PICTURES: usize = 4;

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
    /// What is worked on, where viewers do not get it.
    staged: Mutex<Option<Arc<Program>>>,
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
        scenes: &Scenes,
        cast: Cast,
        (width, height): (u32, u32),
        clock: Clock,
    ) -> std::io::Result<Self> {
        let size = (width & !1, height & !1);
        let begins = *scenes == Scenes::default();
        let program = if begins { Program::camera(size) } else { Program::black(size) };
        let (next, program) = (Newest::default(), Mutex::new(Arc::new(program)));
        let shared = Arc::new(Shared { next, program, staged: Mutex::default() });
        if !begins {
            shared.next.put(Order { scenes: Some(scenes.clone()), room: None });
        }
        let (theirs, kept) = (Arc::clone(&shared), album.clone());
        let known = scenes.clone();
        let easel = move |stop: &Stop| Easel::new(kept, size, cast).run(known, &theirs, clock, stop);
        let worker = Worker::spawn("painter", easel)?;
        let wanted = watch::Sender::new(Wanted::of(scenes));
        Ok(Self { shared, album, wanted, _worker: worker })
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

    /// What is worked on unseen, in studio mode.
    pub(crate) fn staged(&self) -> Option<Arc<Program>> {
        lock(&self.0.staged).clone()
    }
}

impl Program {
    /// Of the first scene, without a way over to it.
    pub(super) fn of(ground: Arc<Picture>, layers: Vec<Drawn>) -> Self {
        Self { ground, layers, scene: 0, take: 0, fade: Duration::ZERO, cut: false }
    }

    /// Whether it changes by itself, but not with the camera.
    pub(crate) fn runs_alone(&self) -> bool {
        let camera = |one: &Drawn| match one {
            Drawn::Camera { .. } => true,
            Drawn::Live(live) => live.is_camera(),
            Drawn::Sprite(_) | Drawn::Overlay(_) => false,
        };
        let live = |one: &Drawn| !matches!(one, Drawn::Sprite(_));
        self.layers.iter().any(live) && !self.layers.iter().any(camera)
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
    cast: Cast,
    /// Made when a text is first seen: reading which fonts there are takes a moment.
    letters: Option<Letters>,
    /// What was painted for the programs that are shown, and for those before: most of it is wanted again.
    painted: Vec<Painted>,
    before: Vec<Painted>,
    /// Live layers of programs that are still shown.
    lives: Vec<Weak<Live>>,
    /// The pictures that were wanted last: one that is sized by hand is read once.
    pictures: Vec<(String, Arc<RgbaImage>)>,
    sheets: [Sheet; 2],
}

/// Which of the [`Easel::sheets`]: what viewers get, and what is worked on where they do not get it.
pub(super) const ON_AIR: usize = 0;
pub(super) const STAGED: usize = 1;

/// What is kept from one program to the next of the same kind.
#[derive(Default)]
struct Sheet {
    /// What stands still behind the first layer that does not, and what it was painted from.
    ground: Option<(Vec<Arc<Sprite>>, Arc<Picture>)>,
    overlays: Overlays,
}

impl Sheet {
    /// Nothing is painted on it.
    fn wipe(&mut self) {
        self.ground = None;
        self.overlays.begin();
        self.overlays.end();
    }

    /// What stands still, painted where it is not what it was.
    fn ground(&mut self, sprites: Vec<Arc<Sprite>>, (width, height): (u32, u32)) -> Arc<Picture> {
        let same = |before: &Vec<Arc<Sprite>>| {
            before.len() == sprites.len() && before.iter().zip(&sprites).all(|(a, b)| Arc::ptr_eq(a, b))
        };
        if let Some((_, ground)) = self.ground.as_ref().filter(|(before, _)| same(before)) {
            return Arc::clone(ground);
        }
        let mut ground = Picture::black(width, height);
        sprites.iter().for_each(|sprite| sprite.draw(&mut ground));
        let ground = Arc::new(ground);
        self.ground = Some((sprites, Arc::clone(&ground)));
        ground
    }
}

/// A layer that was painted.
struct Painted {
    layer: Layer,
    area: Area,
    /// Kept apart from where it is, and where it begins seen from there.
    canvas: Option<Arc<Canvas>>,
    inset: (i32, i32),
    opacity: u8,
    sprite: Option<Arc<Sprite>>,
}

impl Easel {
    pub(super) fn new(album: Album, size: (u32, u32), cast: Cast) -> Self {
        let (painted, before, lives, pictures, sheets) = Default::default();
        Self { album, size, cast, letters: None, painted, before, lives, pictures, sheets }
    }

    #[cfg(test)]
    pub(super) fn overlays(&mut self) -> &mut Overlays {
        &mut self.sheets[ON_AIR].overlays
    }

    /// `kept` is in the album already.
    fn run(mut self, mut kept: Scenes, shared: &Shared, clock: Clock, stop: &Stop) {
        // What is shown; until there is something else the program is what it was started with.
        let mut shown: Option<Scenes> = None;
        let mut picked = self.cast.picked();
        while !stop.is_set() {
            let order = shared.next.take();
            self.cast.tidy();
            let Order { scenes, room } = order.unwrap_or_default();
            let changed = scenes.is_some();
            shown = scenes.or(shown);
            let heard = room.is_some_and(|room| self.hear(room));
            let now = clock.now();
            let due = self.sheets.iter().any(|sheet| sheet.overlays.are_due(now));
            let repicked = others(&kept) && picked != self.cast.picked();
            if !changed && !heard && !due && !repicked {
                continue;
            }
            let Some(scenes) = &shown else { continue };
            picked = self.cast.picked();
            self.before = std::mem::take(&mut self.painted);
            if let Some((scene, which, take)) = scenes.on_air() {
                let fade = Duration::from_millis(scenes.fade_ms.into());
                let program = Program { take, fade, ..self.program(ON_AIR, scene, which, now) };
                *lock(&shared.program) = Arc::new(program);
            }
            let staged = scenes.program.as_ref().and(scenes.shown());
            let staged = staged.map(|scene| Arc::new(self.program(STAGED, scene, scenes.current, now)));
            if staged.is_none() {
                self.sheets[STAGED].wipe();
            }
            *lock(&shared.staged) = staged;
            self.before.clear();
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

    pub(super) fn program(&mut self, sheet: usize, scene: &Scene, number: usize, now: Time) -> Program {
        let mut drawn = Vec::new();
        self.sheets[sheet].overlays.begin();
        for layer in scene.layers.iter().filter(|layer| !layer.hidden) {
            drawn.extend(self.drawn(sheet, number, layer, now));
        }
        let sheet = &mut self.sheets[sheet];
        let cut = sheet.overlays.end();
        let moves = drawn.iter().position(|one| !matches!(one, Drawn::Sprite(_)));
        let layers = drawn.split_off(moves.unwrap_or(drawn.len()));
        let still = drawn.into_iter().filter_map(|one| match one {
            Drawn::Sprite(sprite) => Some(sprite),
            _ => None,
        });
        let ground = sheet.ground(still.collect(), self.size);
        Program { scene: number, cut, ..Program::of(ground, layers) }
    }

    fn drawn(&mut self, sheet: usize, number: usize, layer: &Layer, now: Time) -> Option<Drawn> {
        let (area, opacity) = (self.area(layer.place), (layer.opacity * 255.0).round() as u8);
        let origin = match &layer.source {
            Source::Camera if layer.effects.is_none() => return Some(Drawn::Camera { area, opacity }),
            Source::Camera => Origin::Camera,
            Source::OtherCamera { id } if self.cast.is_picked(id) => Origin::Camera,
            source if source.is_live() => Origin::Player(self.cast.player(source)?),
            Source::Overlay { overlay } => {
                let letters = self.letters.get_or_insert_with(Letters::new);
                let mut tools = Tools { letters, album: &self.album, size: self.size, now };
                let overlays = &mut self.sheets[sheet].overlays;
                let pieces = overlays.pieces(number, overlay, area, opacity, &mut tools);
                // Where nothing is to be seen, there is nothing to do for each picture.
                return (!pieces.is_empty()).then_some(Drawn::Overlay(pieces));
            }
            _ => return self.sprite(layer, area, opacity).map(Drawn::Sprite),
        };
        let live = Live::new(origin, area, opacity, layer.effects);
        Some(Drawn::Live(self.kept(live)))
    }

    /// The one that is shown already where it is the same, with what it has made of its picture.
    fn kept(&mut self, live: Live) -> Arc<Live> {
        self.lives.retain(|one| one.strong_count() > 0);
        let same = self.lives.iter().filter_map(Weak::upgrade).find(|one| one.is_same(&live));
        same.unwrap_or_else(|| {
            let live = Arc::new(live);
            self.lives.push(Arc::downgrade(&live));
            live
        })
    }

    /// What the room looks like now; says whether that is something else than before.
    pub(super) fn hear(&mut self, room: Content) -> bool {
        let [on_air, staged] = &mut self.sheets;
        let heard = on_air.overlays.hear(room.clone());
        staged.overlays.hear(room) || heard
    }

    /// As it was painted, if it was; moved, where it is only that.
    fn sprite(&mut self, layer: &Layer, area: Area, opacity: u8) -> Option<Arc<Sprite>> {
        let alike = |one: &&Painted| {
            one.layer.source == layer.source
                && one.layer.effects == layer.effects
                && (one.area.width, one.area.height) == (area.width, area.height)
        };
        let found = || self.before.iter().chain(&self.painted).filter(alike);
        let at = |inset: (i32, i32)| Area { x: area.x + inset.0, y: area.y + inset.1, ..area };
        let same = found().find(|one| one.area == area && one.opacity == opacity);
        let (canvas, inset, sprite) = if let Some(same) = same {
            (same.canvas.clone(), same.inset, same.sprite.clone())
        } else if let Some((canvas, inset, sprite)) = found().find_map(|one| {
            let canvas = one.canvas.as_ref()?;
            let place = Area { width: canvas.width, height: canvas.height, ..at(one.inset) };
            let moved = one.sprite.as_ref().filter(|_| one.opacity == opacity);
            let moved = moved.and_then(|sprite| sprite.moved(place, self.size));
            let sprite = moved.or_else(|| Sprite::of(canvas, place, self.size, opacity));
            Some((Arc::clone(canvas), one.inset, sprite))
        }) {
            (Some(canvas), inset, sprite.map(Arc::new))
        } else {
            let painted = self.paint(&layer.source, &layer.effects, area);
            let inset = painted.as_ref().map_or((0, 0), |(_, at)| (at.x - area.x, at.y - area.y));
            let sprite =
                painted.as_ref().and_then(|(canvas, at)| Sprite::of(canvas, *at, self.size, opacity));
            let canvas = painted.map(|(canvas, _)| Arc::new(canvas));
            // A colour is painted faster than it is remembered.
            let kept = |canvas: &Arc<Canvas>| {
                canvas.pixels.len() <= KEPT_PIXELS && !matches!(layer.source, Source::Colour { .. })
            };
            (canvas.filter(kept), inset, sprite.map(Arc::new))
        };
        let painted = Painted { layer: layer.clone(), area, canvas, inset, opacity, sprite: sprite.clone() };
        self.painted.push(painted);
        sprite
    }

    /// In pixels, from and to whole chroma samples.
    fn area(&self, place: Place) -> Area {
        let even = |share: f32, side: u32| (share * side as f32 / 2.0).round() as i32 * 2;
        let (x, y) = (even(place.x, self.size.0), even(place.y, self.size.1));
        let (width, height) = (even(place.width, self.size.0), even(place.height, self.size.1));
        Area { x, y, width: width.max(2) as usize, height: height.max(2) as usize }
    }

    fn paint(&mut self, source: &Source, effects: &Effects, area: Area) -> Option<(Canvas, Area)> {
        match source {
            Source::Camera
            | Source::Screen { .. }
            | Source::Window { .. }
            | Source::Media { .. }
            | Source::OtherCamera { .. }
            | Source::Overlay { .. } => None,
            Source::Colour { colour: Colour([r, g, b]) } => {
                let pixels = vec![[*r, *g, *b, 255]; area.width * area.height];
                Some((Canvas { width: area.width, height: area.height, pixels }, area))
            }
            Source::Text { text, colour, ground } => {
                let letters = self.letters.get_or_insert_with(Letters::new);
                Some((letters.paint(text, *colour, *ground, (area.width, area.height)), area))
            }
            Source::Image { picture } => {
                let Some(image) = self.picture(picture) else {
                    tracing::warn!(picture, "a picture of a scene is not there");
                    return None;
                };
                let Effects { crop, fit, mirrored, upended, .. } = effects;
                let (part, area) = live::frame(image.dimensions(), crop, *fit, area);
                let part = imageops::crop_imm(
                    &*image,
                    part.x as u32,
                    part.y as u32,
                    part.width as u32,
                    part.height as u32,
                );
                let (width, height) = (area.width, area.height);
                let mut image = imageops::resize(&*part, width as u32, height as u32, FilterType::Triangle);
                if *mirrored {
                    imageops::flip_horizontal_in_place(&mut image);
                }
                if *upended {
                    imageops::flip_vertical_in_place(&mut image);
                }
                let pixels = image.pixels().map(|pixel| pixel.0).collect();
                Some((Canvas { width, height, pixels }, area))
            }
        }
    }

    /// One of the album's, its colours multiplied by alpha: scaled as they are, the colour of what is clear would be seen at
    /// the edges.
    fn picture(&mut self, name: &str) -> Option<Arc<RgbaImage>> {
        let known = self.pictures.iter().position(|(known, _)| known == name);
        let (name, image) = match known {
            Some(known) => self.pictures.remove(known),
            None => {
                let mut image = self.album.picture(name)?;
                for pixel in image.pixels_mut() {
                    let alpha = pixel.0[3];
                    pixel.0[..3].iter_mut().for_each(|colour| *colour = share(*colour, alpha));
                }
                (name.to_owned(), Arc::new(image))
            }
        };
        self.pictures.push((name, Arc::clone(&image)));
        if self.pictures.len() > KEPT_PICTURES {
            self.pictures.remove(0);
        }
        Some(image)
    }
}

/// Whether cameras beside the picked one are shown.
fn others(scenes: &Scenes) -> bool {
    let shown = scenes.on_air().map(|(scene, ..)| scene).into_iter().chain(scenes.shown());
    shown.flat_map(|scene| &scene.layers).any(|layer| matches!(layer.source, Source::OtherCamera { .. }))
}

#[cfg(test)]
mod tests {
    use footlight_protocol::studio::Snapshot;

    use super::*;
    use crate::desk::Desk;
    use crate::source::Wanted;

    fn easel() -> Easel {
        let desk = Arc::new(Desk::new(Snapshot { camera: "pattern".into(), ..Snapshot::default() }));
        let wanted = Wanted { width: 64, height: 36, fps: 30 };
        Easel::new(Album::new(None), (64, 36), Cast::new(desk, Clock::start(), wanted))
    }

    #[test]
    fn what_is_moved_is_not_painted_again() {
        let text = Source::Text { text: "Hi".to_owned(), colour: Colour([255; 3]), ground: None };
        let at = |x: f32| Layer::new(text.clone(), Place { x, y: 0.25, width: 0.5, height: 0.5 });
        let mut easel = easel();
        let shown = |easel: &mut Easel, layer: Layer| {
            easel
                .program(ON_AIR, &Scene { layers: vec![layer], ..Scene::default() }, 0, Time::default())
                .ground
        };
        let first = shown(&mut easel, at(0.0));
        let canvas =
            |easel: &Easel| easel.painted.last().and_then(|one| one.canvas.as_ref().map(Arc::as_ptr));
        let painted = canvas(&easel);
        assert!(painted.is_some());
        let moved = shown(&mut easel, at(0.25));
        assert_eq!(canvas(&easel), painted);
        let rows = |picture: &Picture, from: usize| -> Vec<u8> {
            picture.planes().0.chunks_exact(64).flat_map(|row| row[from..from + 32].to_vec()).collect()
        };
        assert_eq!(rows(&first, 0), rows(&moved, 16), "it is the same elsewhere");
        drop(shown(&mut easel, Layer { opacity: 0.5, ..at(0.25) }));
        assert_eq!(canvas(&easel), painted, "nor when less of it is seen");
    }

    #[test]
    fn live_layers_share_what_they_show() {
        let pattern = Source::OtherCamera { id: "pattern".to_owned() };
        let clip = Source::Media { file: "/nowhere.mp4".to_owned(), repeats: true };
        let small = Place { width: 0.25, height: 0.25, ..Place::WHOLE };
        let layers = [&clip, &pattern, &clip].map(|source| Layer::new(source.clone(), small)).to_vec();
        let mut easel = easel();
        let program =
            easel.program(ON_AIR, &Scene { layers: layers.clone(), ..Scene::default() }, 0, Time::default());
        assert!(matches!(&program.layers[..], [Drawn::Live(_), Drawn::Live(one), _] if one.is_camera()));
        assert!(!program.runs_alone());
        assert_eq!(easel.cast.len(), 1, "the picked camera is not opened twice, nor the clip");
        let again =
            easel.program(STAGED, &Scene { layers: layers.clone(), ..Scene::default() }, 1, Time::default());
        let shown = |program: &Program| match &program.layers[0] {
            Drawn::Live(live) => Arc::as_ptr(live),
            _ => panic!(),
        };
        assert_eq!(shown(&program), shown(&again), "what it has made of its picture is kept");
        let alone = Scene { layers: vec![Layer::new(clip, small)], ..Scene::default() };
        assert!(
            easel.program(ON_AIR, &alone, 0, Time::default()).runs_alone()
                && !Program::camera((64, 36)).runs_alone()
        );
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
        let program = easel.program(ON_AIR, &scene, 0, Time::default());
        assert_eq!(program.ground.planes().0[40], 235);
        assert!(
            matches!(program.layers[..], [Drawn::Camera { area, .. }, Drawn::Sprite(_)] if area.width == 32)
        );
        // The same again is the same sprite.
        let again = easel.program(ON_AIR, &scene, 0, Time::default());
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
        let program = easel().program(ON_AIR, &scene, 0, Time::default());
        assert!(program.layers.is_empty() && program.ground.planes().0.iter().all(|luma| *luma == 16));
    }
}
