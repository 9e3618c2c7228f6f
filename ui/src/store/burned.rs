//! Overlays that a scene can have: each kind as it is when it is added, where it usually is, and what it is called.

use footlight_protocol::Language;
use footlight_protocol::room::UnixMillis;
use footlight_protocol::scene::{Overlay, Part, Place, Scenes, Source, Theme};

/// A kind of overlay: how the page marks it, its words, what it begins with, and where.
pub struct Kind {
    pub id: &'static str,
    pub says: &'static str,
    part: fn(UnixMillis) -> Part,
    pub place: Place,
}

const fn place(x: f32, y: f32, width: f32, height: f32) -> Place {
    Place { x, y, width, height }
}

/// How long a countdown takes that nobody has set, in minutes.
pub const MINUTES: u64 = 5;
const MINUTE_MS: u64 = 60_000;

/// In the order in which they are offered.
pub const KINDS: [Kind; 7] = [
    Kind {
        id: "alerts",
        says: "burned.alerts",
        part: |_| Part::Alerts { least: 0 },
        place: place(0.03, 0.28, 0.44, 0.48),
    },
    Kind {
        id: "chat",
        says: "burned.chat",
        part: |_| Part::Chat { lines: 5 },
        place: place(0.67, 0.38, 0.3, 0.54),
    },
    Kind { id: "goal", says: "burned.goal", part: |_| Part::Goal {}, place: place(0.03, 0.04, 0.36, 0.13) },
    Kind {
        id: "leaders",
        says: "burned.leaders",
        part: |_| Part::Leaders { many: 5 },
        place: place(0.75, 0.05, 0.22, 0.34),
    },
    Kind {
        id: "ticker",
        says: "burned.ticker",
        part: |_| Part::Ticker { text: String::new() },
        place: place(0.0, 0.925, 1.0, 0.075),
    },
    Kind {
        id: "countdown",
        says: "burned.countdown",
        part: |now| Part::Countdown { until: until(now, MINUTES), text: String::new() },
        place: place(0.32, 0.36, 0.36, 0.26),
    },
    Kind {
        id: "card",
        says: "burned.card",
        part: |_| Part::Card { title: String::new(), text: String::new(), picture: None },
        place: place(0.03, 0.72, 0.34, 0.18),
    },
];

impl Kind {
    /// One that is added now.
    pub fn new_overlay(&self, language: Language, now: UnixMillis) -> Overlay {
        Overlay::new((self.part)(now), language)
    }
}

/// Which kind a part is.
pub fn kind_of(part: &Part) -> &'static Kind {
    let at = match part {
        Part::Alerts { .. } => 0,
        Part::Chat { .. } => 1,
        Part::Goal {} => 2,
        Part::Leaders { .. } => 3,
        Part::Ticker { .. } => 4,
        Part::Countdown { .. } => 5,
        Part::Card { .. } => 6,
    };
    &KINDS[at]
}

/// Whether the shown scene has gifts in it.
pub fn shows_gifts(scenes: &Scenes) -> bool {
    let layers = scenes.shown().map_or(&[][..], |scene| &scene.layers);
    let alerts = |source: &Source| matches!(source, Source::Overlay { overlay } if matches!(overlay.shows, Part::Alerts { .. }));
    layers.iter().any(|layer| !layer.hidden && alerts(&layer.source))
}

/// When so many minutes from now are over.
pub fn until(now: UnixMillis, minutes: u64) -> UnixMillis {
    now + minutes * MINUTE_MS
}

/// A theme, as a choice has it, and its words.
pub const THEMES: [(Theme, &str, &str); 3] = [
    (Theme::Stage, "stage", "burned.theme_stage"),
    (Theme::Paper, "paper", "burned.theme_paper"),
    (Theme::Neon, "neon", "burned.theme_neon"),
];

#[cfg(test)]
mod tests {
    use footlight_protocol::scene::Layer;

    use super::*;

    #[test]
    fn every_kind_can_be_placed_and_knows_itself() {
        let mut scenes = Scenes::default();
        for kind in &KINDS {
            let overlay = kind.new_overlay(Language::English, 1_000);
            assert_eq!(kind_of(&overlay.shows).id, kind.id);
            scenes.scenes[0].layers.push(Layer::new(Source::Overlay { overlay }, kind.place));
        }
        assert_eq!(scenes.check(), Ok(()));
        assert!(shows_gifts(&scenes) && !shows_gifts(&Scenes::default()));
        assert_eq!(until(1_000, 5), 301_000);
    }
}
