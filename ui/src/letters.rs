//! Letters on canvases: how long a text is, from the lengths of its letters, each measured once.

use std::collections::HashMap;
use std::sync::Arc;

use footlight_protocol::emote::{self, Emote, Part};
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

use crate::store::sky::{Frame, Look};

/// How heavy the letters are that fly.
pub const WEIGHT: u16 = 650;
/// In pixels; large, so that rounding does not add up.
const MEASURED_AT: f64 = 100.0;
/// Letters that are remembered: more than the writing of any room has. Full ⇒ it begins anew.
const MOST: usize = 20_000;
/// Of a letter that cannot be measured, in heights.
const UNKNOWN_EM: f64 = 1.05;

/// How high an emote is among letters, in heights of a letter.
pub const EMOTE_EM: f64 = 1.3;

pub fn named<'a>(emotes: &'a [Emote], name: &str) -> Option<&'a Emote> {
    emotes.iter().find(|emote| emote.name == name)
}

/// How wide it is then.
pub fn emote_em(emote: &Emote) -> f64 {
    EMOTE_EM * f64::from(emote.width.max(1)) / f64::from(emote.height.max(1))
}

#[derive(Default)]
pub struct Letters {
    measure: Option<CanvasRenderingContext2d>,
    known: HashMap<char, f64>,
    /// The room's own, which stand in texts.
    pub emotes: Arc<Vec<Emote>>,
}

impl Letters {
    /// Letters of the first font of this list (CSS `font-family`) that has them.
    pub fn of(font: &str) -> Self {
        let measure = context(&element()).inspect(|context| {
            context.set_font(&format!("{WEIGHT} {MEASURED_AT}px {font}"));
        });
        Self { measure, known: HashMap::new(), emotes: Arc::default() }
    }

    /// The length of what flies, in heights of a letter. A little more than it will be: letters that are set together
    /// come closer.
    pub fn em(&mut self, look: &Look) -> f64 {
        let emotes = Arc::clone(&self.emotes);
        let text: f64 = emote::parts(&look.text, |name| named(&emotes, name))
            .into_iter()
            .map(|part| match part {
                Part::Emote(_, emote) => emote_em(emote),
                Part::Text(text) => text.chars().map(|letter| self.letter(letter)).sum(),
            })
            .sum();
        text + match look.frame {
            Frame::None => 0.2,
            Frame::Line | Frame::Plate => 1.0,
        }
    }

    fn letter(&mut self, letter: char) -> f64 {
        if let Some(known) = self.known.get(&letter) {
            return *known;
        }
        let measured = self
            .measure
            .as_ref()
            .and_then(|measure| measure.measure_text(letter.encode_utf8(&mut [0; 4])).ok());
        let em = measured.map_or(UNKNOWN_EM, |metrics| metrics.width() / MEASURED_AT);
        if self.known.len() >= MOST {
            self.known.clear();
        }
        self.known.insert(letter, em);
        em
    }
}

pub fn element() -> HtmlCanvasElement {
    let canvas = leptos::prelude::document().create_element("canvas");
    canvas.expect("every page can make an element of that name").unchecked_into()
}

pub fn context(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    canvas.get_context("2d").ok().flatten()?.dyn_into().ok()
}
