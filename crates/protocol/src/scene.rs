//! What the picture is made of: scenes, and the layers that are drawn over one another in each.
//!
//! The window sends all [`Scenes`] whenever something about them is changed, and the studio shows the current one. Places
//! are shares of the picture, so that scenes stay as they are when its size changes.

pub mod effects;
mod overlay;

use serde::{Deserialize, Serialize};

use crate::studio::CameraId;
use effects::Effects;

pub use overlay::{MAX_LEADERS, MAX_LINES, MAX_TITLE, Overlay, Part, SCALES, Theme};

/// Scenes at most: as many as there are keys for.
pub const MAX_SCENES: usize = 9;
/// Layers of one scene at most.
pub const MAX_LAYERS: usize = 32;
/// Letters of a name at most.
pub const MAX_NAME: usize = 40;
/// Letters of a text layer at most.
pub const MAX_TEXT: usize = 500;
/// Milliseconds that going over from one scene to the next may take at most.
pub const MAX_FADE_MS: u16 = 2_000;
/// Letters at most of what a window is called, or a file with its folders.
pub const MAX_ORIGIN: usize = 1_000;
/// Bytes of a picture file that can be placed.
pub const MAX_PICTURE: usize = 16 << 20;

/// All scenes, in the order of their keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenes {
    /// One at least.
    pub scenes: Vec<Scene>,
    /// Which is shown, counted from 0.
    pub current: usize,
    /// Milliseconds in which the picture goes over to another scene; 0 is a cut.
    #[serde(default)]
    pub fade_ms: u16,
    /// In studio mode: what viewers get, while [`Self::current`] is worked on unseen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<OnAir>,
}

impl Default for Scenes {
    fn default() -> Self {
        Self { scenes: vec![Scene::default()], current: 0, fade_ms: 0, program: None }
    }
}

/// A scene as it was when it was taken to viewers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnAir {
    pub scene: Scene,
    /// Which of the scenes it was, counted from 0; another may stand there by now.
    pub which: usize,
    /// Grows with each that is taken, so that the same scene taken again is known for a new one.
    pub take: u32,
}

/// What is composed into the picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// Empty: called by its number.
    #[serde(default)]
    pub name: String,
    /// From the back to the front.
    pub layers: Vec<Layer>,
}

impl Default for Scene {
    /// The camera, as large as the picture.
    fn default() -> Self {
        Self { name: String::new(), layers: vec![Layer::new(Source::Camera, Place::WHOLE)] }
    }
}

/// One source, placed in a scene.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    pub source: Source,
    pub place: Place,
    /// Not drawn.
    #[serde(default)]
    pub hidden: bool,
    /// Cannot be moved by hand.
    #[serde(default)]
    pub locked: bool,
    /// 0.0 to 1.0: how much of it is seen.
    #[serde(default = "whole")]
    pub opacity: f32,
    #[serde(default, skip_serializing_if = "Effects::is_none")]
    pub effects: Effects,
}

fn whole() -> f32 {
    1.0
}

impl Layer {
    pub fn new(source: Source, place: Place) -> Self {
        Self { source, place, hidden: false, locked: false, opacity: 1.0, effects: Effects::default() }
    }
}

/// What a layer shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// The camera that is picked, or its card.
    Camera,
    Text {
        text: String,
        colour: Colour,
        /// A ground behind it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ground: Option<Colour>,
    },
    /// A picture that the studio keeps, by its name.
    Image {
        picture: String,
    },
    Colour {
        colour: Colour,
    },
    /// All that a screen shows.
    Screen {
        /// As [`Captures`](crate::studio::Captures) calls it.
        id: String,
    },
    /// What one window shows. It is found again by what it was called, also after a restart.
    Window {
        id: u32,
        /// The program that it is of.
        app: String,
        title: String,
    },
    /// The pictures of a media file; its sound is not heard.
    Media {
        /// With its folders.
        file: String,
        /// Begins again at its end; otherwise the last picture stays.
        #[serde(rename = "loop", default = "yes")]
        repeats: bool,
    },
    /// A camera beside the one that is picked.
    OtherCamera {
        id: CameraId,
    },
    /// What happens in the room, or what the creator wants to be read.
    Overlay {
        overlay: Overlay,
    },
}

fn yes() -> bool {
    true
}

impl Source {
    /// Whether it makes pictures by itself, beside the camera.
    pub fn is_live(&self) -> bool {
        matches!(
            self,
            Self::Screen { .. } | Self::Window { .. } | Self::Media { .. } | Self::OtherCamera { .. }
        )
    }
}

/// Where a layer is, in shares of the picture's width and height. What is outside of the picture is not seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Of the left edge and the upper one.
    pub x: f32,
    pub y: f32,
    /// What it shows is made to fit into this, in its own shape.
    pub width: f32,
    pub height: f32,
}

impl Place {
    pub const WHOLE: Self = Self { x: 0.0, y: 0.0, width: 1.0, height: 1.0 };
    /// So small a layer may be; so large, and so far from the picture's corner. What is larger would be painted for nothing.
    pub const SMALLEST: f32 = 0.01;
    pub const FARTHEST: f32 = 2.0;

    fn is_sane(&self) -> bool {
        let at = |value: f32| value.abs() <= Self::FARTHEST;
        let size = |value: f32| (Self::SMALLEST..=Self::FARTHEST).contains(&value);
        at(self.x) && at(self.y) && size(self.width) && size(self.height)
    }
}

/// `#rrggbb`, sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Colour(pub [u8; 3]);

impl std::str::FromStr for Colour {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "not #rrggbb";
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6).ok_or(WRONG)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(WRONG);
        }
        let [_, r, g, b] = u32::from_str_radix(digits, 16).map_err(|_| WRONG)?.to_be_bytes();
        Ok(Self([r, g, b]))
    }
}

impl TryFrom<String> for Colour {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Colour> for String {
    fn from(Colour([r, g, b]): Colour) -> String {
        format!("#{r:02x}{g:02x}{b:02x}")
    }
}

/// Why scenes are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// No scene, more than [`MAX_SCENES`], or a current one that is none.
    Scenes,
    /// A scene has more than [`MAX_LAYERS`].
    Layers,
    /// A name or a text is too long.
    Long,
    /// A place or an opacity makes no sense.
    Place,
    /// Going over takes longer than [`MAX_FADE_MS`].
    Fade,
    /// A crop, a key or a change of colours makes no sense.
    Effects,
    /// An overlay's size or number of lines makes no sense.
    Overlay,
}

impl Scenes {
    /// # Errors
    /// What does not fit.
    pub fn check(&self) -> Result<(), Misfit> {
        if self.current >= self.scenes.len() || self.scenes.len() > MAX_SCENES {
            return Err(Misfit::Scenes);
        }
        if self.fade_ms > MAX_FADE_MS {
            return Err(Misfit::Fade);
        }
        if self.program.as_ref().is_some_and(|program| program.which >= MAX_SCENES) {
            return Err(Misfit::Scenes);
        }
        for scene in self.scenes.iter().chain(self.program.iter().map(|program| &program.scene)) {
            if scene.layers.len() > MAX_LAYERS {
                return Err(Misfit::Layers);
            }
            let long = |text: &str, most: usize| text.chars().count() > most;
            let talks = |layer: &Layer| match &layer.source {
                Source::Text { text, .. } => long(text, MAX_TEXT),
                Source::Image { picture } => long(picture, MAX_NAME),
                Source::Screen { id } | Source::OtherCamera { id } => long(id, MAX_ORIGIN),
                Source::Window { app, title, .. } => long(app, MAX_ORIGIN) || long(title, MAX_ORIGIN),
                Source::Media { file, .. } => long(file, MAX_ORIGIN),
                Source::Overlay { overlay } => overlay.is_long(),
                Source::Camera | Source::Colour { .. } => false,
            };
            if long(&scene.name, MAX_NAME) || scene.layers.iter().any(talks) {
                return Err(Misfit::Long);
            }
            let sane = |layer: &Layer| layer.place.is_sane() && (0.0..=1.0).contains(&layer.opacity);
            if !scene.layers.iter().all(sane) {
                return Err(Misfit::Place);
            }
            if !scene.layers.iter().all(|layer| layer.effects.is_sane()) {
                return Err(Misfit::Effects);
            }
        }
        if !self.overlays().all(Overlay::is_sane) {
            return Err(Misfit::Overlay);
        }
        Ok(())
    }

    /// The one that is worked on, and that viewers get unless there is a [`Self::program`].
    pub fn shown(&self) -> Option<&Scene> {
        self.scenes.get(self.current)
    }

    /// What viewers get: the scene, which it is, and which take of it.
    pub fn on_air(&self) -> Option<(&Scene, usize, u32)> {
        match &self.program {
            Some(program) => Some((&program.scene, program.which, program.take)),
            None => self.shown().map(|scene| (scene, self.current, 0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_studio_mode_viewers_get_what_was_taken() {
        let mut scenes = Scenes::default();
        assert_eq!(scenes.on_air(), Some((&Scene::default(), 0, 0)));
        scenes.program = Some(OnAir { scene: Scene::default(), which: 3, take: 7 });
        let screen = Source::Screen { id: "DP-1".to_owned() };
        scenes.scenes[0].layers = vec![Layer::new(screen, Place::WHOLE)];
        assert_eq!(scenes.on_air(), Some((&Scene::default(), 3, 7)));
        assert_eq!(scenes.shown().map(|scene| scene.layers[0].source.is_live()), Some(true));
        let written = serde_json::to_string(&scenes).unwrap();
        assert_eq!(serde_json::from_str::<Scenes>(&written).unwrap(), scenes);
        assert_eq!(scenes.check(), Ok(()));
        let long = Source::Media { file: "x".repeat(MAX_ORIGIN + 1), repeats: true };
        scenes.program.as_mut().unwrap().scene.layers = vec![Layer::new(long, Place::WHOLE)];
        assert_eq!(scenes.check(), Err(Misfit::Long));
    }

    #[test]
    fn scenes_come_back_as_they_were_sent() {
        let text = Source::Text { text: "你好".to_owned(), colour: Colour([255, 0, 16]), ground: None };
        let mut scenes = Scenes::default();
        scenes.scenes[0].layers.push(Layer::new(text, Place { x: 0.1, y: 0.8, width: 0.5, height: 0.1 }));
        let written = serde_json::to_string(&scenes).unwrap();
        assert!(written.contains("#ff0010"), "{written}");
        assert_eq!(serde_json::from_str::<Scenes>(&written).unwrap(), scenes);
        assert_eq!(scenes.check(), Ok(()));
        for bad in ["#ff001", "ff0010", "#ff00gg", "#+f0010", ""] {
            assert!(bad.parse::<Colour>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let with = |change: &dyn Fn(&mut Scenes)| {
            let mut scenes = Scenes::default();
            change(&mut scenes);
            scenes.check()
        };
        assert_eq!(with(&|scenes| scenes.scenes.clear()), Err(Misfit::Scenes));
        assert_eq!(with(&|scenes| scenes.current = 1), Err(Misfit::Scenes));
        assert_eq!(with(&|scenes| scenes.fade_ms = MAX_FADE_MS + 1), Err(Misfit::Fade));
        assert_eq!(
            with(&|scenes| scenes.scenes = vec![Scene::default(); MAX_SCENES + 1]),
            Err(Misfit::Scenes)
        );
        let many = vec![Layer::new(Source::Camera, Place::WHOLE); MAX_LAYERS + 1];
        assert_eq!(with(&|scenes| scenes.scenes[0].layers = many.clone()), Err(Misfit::Layers));
        assert_eq!(with(&|scenes| scenes.scenes[0].name = "x".repeat(MAX_NAME + 1)), Err(Misfit::Long));
        for wrong in [f32::NAN, f32::INFINITY, -0.1, 5.0] {
            assert_eq!(with(&|scenes| scenes.scenes[0].layers[0].place.width = wrong), Err(Misfit::Place));
            assert_eq!(with(&|scenes| scenes.scenes[0].layers[0].opacity = wrong), Err(Misfit::Place));
            let crop = |scenes: &mut Scenes| scenes.scenes[0].layers[0].effects.crop.left = wrong;
            assert_eq!(with(&crop), Err(Misfit::Effects));
        }
    }
}
