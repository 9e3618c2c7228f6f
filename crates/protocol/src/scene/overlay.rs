//! Overlays: layers that show what happens in the room, or what the creator wants to be read, drawn into the picture.

use serde::{Deserialize, Serialize};

use super::{MAX_NAME, MAX_TEXT, Scenes, Source};
use crate::Language;
use crate::room::UnixMillis;

/// Lines of chat in one layer at most.
pub const MAX_LINES: u8 = 12;
/// Places on a board of those who gave most, at most.
pub const MAX_LEADERS: u8 = 10;
/// Percent by which an overlay may be smaller or larger than usual.
pub const SCALES: (u16, u16) = (50, 250);
/// Letters of a title at most, also of what a countdown is for.
pub const MAX_TITLE: usize = 60;

/// What is shown, and how it looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    pub shows: Part,
    #[serde(default)]
    pub theme: Theme,
    /// Percent of the usual size of letters and boxes; one of [`SCALES`].
    #[serde(default = "usual")]
    pub scale: u16,
    /// Of the words that are not the viewers' own.
    #[serde(default)]
    pub language: Language,
}

fn usual() -> u16 {
    100
}

/// What an overlay shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case", deny_unknown_fields)]
pub enum Part {
    /// Gifts as they come.
    Alerts {
        /// Those below this many coins are not shown.
        #[serde(default)]
        least: u64,
    },
    /// The newest lines of the chat, 1 to [`MAX_LINES`].
    Chat { lines: u8 },
    /// What the creator wishes for, and how far it is.
    Goal {},
    /// Who gave most, 1 to [`MAX_LEADERS`] of them.
    Leaders { many: u8 },
    /// A text that passes by, at most [`MAX_TEXT`] letters.
    Ticker { text: String },
    /// How long it takes until then.
    Countdown {
        until: UnixMillis,
        /// What for, at most [`MAX_TITLE`] letters.
        #[serde(default)]
        text: String,
    },
    /// Something that is shown to viewers: a product, a book, a guest.
    Card {
        title: String,
        #[serde(default)]
        text: String,
        /// A picture that the studio keeps, by its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        picture: Option<String>,
    },
}

/// How an overlay looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// White on dark glass.
    #[default]
    Stage,
    /// Dark on white paper.
    Paper,
    /// Bright lines on black.
    Neon,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::Stage, Self::Paper, Self::Neon];
}

impl Overlay {
    /// As usual.
    pub fn new(shows: Part, language: Language) -> Self {
        Self { shows, theme: Theme::default(), scale: usual(), language }
    }

    /// Whether a text of it is too long.
    pub(super) fn is_long(&self) -> bool {
        let long = |text: &str, most: usize| text.chars().count() > most;
        match &self.shows {
            Part::Ticker { text } => long(text, MAX_TEXT),
            Part::Countdown { text, .. } => long(text, MAX_TITLE),
            Part::Card { title, text, picture } => {
                long(title, MAX_TITLE)
                    || long(text, MAX_TEXT)
                    || picture.as_ref().is_some_and(|name| long(name, MAX_NAME))
            }
            Part::Alerts { .. } | Part::Chat { .. } | Part::Goal {} | Part::Leaders { .. } => false,
        }
    }

    /// Whether its numbers make sense.
    pub(super) fn is_sane(&self) -> bool {
        let counts = match self.shows {
            Part::Chat { lines } => (1..=MAX_LINES).contains(&lines),
            Part::Leaders { many } => (1..=MAX_LEADERS).contains(&many),
            _ => true,
        };
        counts && (SCALES.0..=SCALES.1).contains(&self.scale)
    }

    /// A picture that it shows, by its name.
    pub fn picture(&self) -> Option<&str> {
        match &self.shows {
            Part::Card { picture, .. } => picture.as_deref(),
            _ => None,
        }
    }
}

impl Scenes {
    /// Of all scenes, and of what viewers get.
    pub fn overlays(&self) -> impl Iterator<Item = &Overlay> {
        let on_air = self.program.iter().map(|program| &program.scene);
        let layers = self.scenes.iter().chain(on_air).flat_map(|scene| &scene.layers);
        layers.filter_map(|layer| match &layer.source {
            Source::Overlay { overlay } => Some(overlay),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Layer, Misfit, Place};
    use super::*;

    fn with(overlay: Overlay) -> Scenes {
        let mut scenes = Scenes::default();
        scenes.scenes[0].layers.push(Layer::new(Source::Overlay { overlay }, Place::WHOLE));
        scenes
    }

    #[test]
    fn overlays_come_back_as_they_were_sent() {
        for shows in [
            Part::Alerts { least: 20 },
            Part::Chat { lines: 5 },
            Part::Goal {},
            Part::Leaders { many: 3 },
            Part::Ticker { text: "欢迎".to_owned() },
            Part::Countdown { until: 1_000, text: "Starting soon".to_owned() },
            Part::Card { title: "Book".to_owned(), text: String::new(), picture: Some("a.png".to_owned()) },
        ] {
            let scenes = with(Overlay::new(shows, Language::Chinese));
            let written = serde_json::to_string(&scenes).unwrap();
            assert_eq!(serde_json::from_str::<Scenes>(&written).unwrap(), scenes, "{written}");
            assert_eq!(scenes.check(), Ok(()));
            assert_eq!(scenes.overlays().count(), 1);
        }
        let short = r#"{"source":"overlay","overlay":{"shows":{"part":"alerts"}}}"#;
        let Source::Overlay { overlay } = serde_json::from_str(short).unwrap() else { panic!("an overlay") };
        assert_eq!(overlay, Overlay::new(Part::Alerts { least: 0 }, Language::English));
        assert!(serde_json::from_str::<Source>(&short.replace("alerts", "fireworks")).is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let of = |shows: Part| with(Overlay::new(shows, Language::English)).check();
        let text = |many: usize| "字".repeat(many);
        for lines in [0, MAX_LINES + 1] {
            assert_eq!(of(Part::Chat { lines }), Err(Misfit::Overlay));
            assert_eq!(of(Part::Leaders { many: lines }), Err(Misfit::Overlay));
        }
        assert_eq!(of(Part::Ticker { text: text(MAX_TEXT + 1) }), Err(Misfit::Long));
        assert_eq!(of(Part::Countdown { until: 0, text: text(MAX_TITLE + 1) }), Err(Misfit::Long));
        let card = |title, text, picture| of(Part::Card { title, text, picture });
        assert_eq!(card(text(MAX_TITLE + 1), String::new(), None), Err(Misfit::Long));
        assert_eq!(card(String::new(), String::new(), Some(text(MAX_NAME + 1))), Err(Misfit::Long));
        for scale in [0, SCALES.0 - 1, SCALES.1 + 1] {
            let overlay = Overlay { scale, ..Overlay::new(Part::Goal {}, Language::English) };
            assert_eq!(with(overlay).check(), Err(Misfit::Overlay));
        }
    }
}
