//! How a viewer wants comments to fly, kept for the next visit, and the sky that comes of it.

use serde::{Deserialize, Serialize};

/// The choices. What is kept of an older page, or cannot be read, is filled with what everybody begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// None before the viewer has chosen: then comments fly unless the system asks for little motion.
    pub on: Option<bool>,
    /// Per cent, from [`Settings::FAINTEST`] to 100.
    pub opacity: u8,
    pub area: Area,
    pub density: Density,
    pub speed: Speed,
    pub size: Size,
}

/// How much of the picture's height.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    Quarter,
    #[default]
    Half,
    All,
}

/// How close one comment follows another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Density {
    Few,
    Some,
    #[default]
    Many,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speed {
    Slow,
    #[default]
    Normal,
    Fast,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    Small,
    #[default]
    Normal,
    Large,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            on: None,
            opacity: 100,
            area: Area::default(),
            density: Density::default(),
            speed: Speed::default(),
            size: Size::default(),
        }
    }
}

impl Settings {
    /// Fainter than this nobody can read it.
    pub const FAINTEST: u8 = 20;

    pub fn read(kept: &str) -> Self {
        let read: Self = serde_json::from_str(kept).unwrap_or_default();
        Self { opacity: read.opacity.clamp(Self::FAINTEST, 100), ..read }
    }

    pub fn write(&self) -> String {
        serde_json::to_string(self).expect("the choices are plain data")
    }
}

/// Where comments fly, in pixels of the page.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sky {
    pub width: f64,
    /// Height of a letter.
    pub letter: f64,
    pub lanes: usize,
    /// How long a comment takes across.
    pub flight_ms: f64,
    /// Between two comments of a lane, in heights of their letters.
    pub space_em: f64,
}

impl Sky {
    /// Height of a lane, in heights of a letter.
    pub const LANE: f64 = 1.5;
    /// Letters are so small a part of the picture's height, within bounds that can be read.
    const LETTER: f64 = 1.0 / 22.0;
    /// Nearly all pictures are of this shape; what a stage is higher stays dark.
    const SHAPE: f64 = 16.0 / 9.0;
    const LEAST: f64 = 14.0;
    const MOST: f64 = 30.0;
    /// Above the first lane, in heights of a lane.
    const ABOVE: f64 = 0.4;
    /// What the controls take of the whole, in pixels.
    const BELOW: f64 = 44.0;

    /// The upper part of a stage of this size: faces and what is shown are in the middle, the controls below.
    pub fn over(width: f64, height: f64, settings: &Settings) -> Self {
        let height = height.min(width / Self::SHAPE);
        let size = match settings.size {
            Size::Small => 0.75,
            Size::Normal => 1.0,
            Size::Large => 1.4,
        };
        let letter = (height * Self::LETTER).clamp(Self::LEAST, Self::MOST) * size;
        let letter = letter.round();
        let reach = match settings.area {
            Area::Quarter => height * 0.25,
            Area::Half => height * 0.5,
            Area::All => height - Self::BELOW,
        };
        let most = (height - Self::BELOW) / (letter * Self::LANE) - Self::ABOVE;
        // A quarter of a phone's picture still has room for somebody to say something.
        let lanes = (reach / (letter * Self::LANE)).max(1.0).min(most).max(0.0) as usize;
        Self {
            width,
            letter,
            lanes,
            flight_ms: match settings.speed {
                Speed::Slow => 12_000.0,
                Speed::Normal => 8_000.0,
                Speed::Fast => 5_500.0,
            },
            space_em: match settings.density {
                Density::Few => 20.0,
                Density::Some => 7.0,
                Density::Many => 1.5,
            },
        }
    }

    /// The upper edge of a lane.
    pub fn top(&self, lane: usize) -> f64 {
        (lane as f64 + Self::ABOVE) * self.letter * Self::LANE
    }

    /// The lower edge of the last lane.
    pub fn height(&self) -> f64 {
        self.top(self.lanes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_kept_and_what_cannot_be_read_is_as_at_first() {
        let chosen = Settings {
            on: Some(false),
            opacity: 60,
            area: Area::All,
            density: Density::Few,
            speed: Speed::Fast,
            size: Size::Large,
        };
        assert_eq!(Settings::read(&chosen.write()), chosen);
        for kept in ["", "on", "{}", r#"{"area":"everywhere"}"#, "[1]"] {
            assert_eq!(Settings::read(kept), Settings::default(), "{kept}");
        }
        let partly = Settings::read(r#"{"area":"quarter","opacity":3}"#);
        assert_eq!((partly.area, partly.opacity), (Area::Quarter, Settings::FAINTEST));
    }

    #[test]
    fn letters_fit_the_picture_they_fly_over() {
        let over = |width, height| Sky::over(width, height, &Settings::default());
        let (phone, screen) = (over(390.0, 219.0), over(1_920.0, 1_080.0));
        assert_eq!((phone.letter, phone.lanes, screen.letter, screen.lanes), (14.0, 5, 30.0, 12));
        let upright = over(900.0, 1_400.0);
        assert_eq!(upright.letter, over(900.0, 506.25).letter, "what is dark counts for nothing");
        assert!(phone.top(4) + phone.letter * Sky::LANE < 219.0 * 0.6);
    }

    #[test]
    fn every_choice_keeps_off_the_controls() {
        for (width, height) in [(320.0, 180.0), (390.0, 219.0), (844.0, 390.0), (1_920.0, 1_080.0)] {
            let mut before = 0;
            for area in [Area::Quarter, Area::Half, Area::All] {
                for size in [Size::Small, Size::Normal, Size::Large] {
                    let sky = Sky::over(width, height, &Settings { area, size, ..Settings::default() });
                    assert!(
                        sky.lanes > 0 && sky.height() <= height - Sky::BELOW,
                        "{width} {area:?} {size:?}: {sky:?}"
                    );
                }
                let lanes = Sky::over(width, height, &Settings { area, ..Settings::default() }).lanes;
                assert!(lanes > before, "{width} {area:?}");
                before = lanes;
            }
        }
        assert_eq!(Sky::over(0.0, 0.0, &Settings::default()).lanes, 0);
    }
}
