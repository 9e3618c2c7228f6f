//! The room's own emotes, as the parts of a page find them: which there are, and where their pictures come from.

use std::sync::Arc;

use footlight_protocol::emote::Emote;
use leptos::prelude::*;

/// Cheap to copy; everything inside lives as long as the page.
#[derive(Clone, Copy)]
pub struct Emotes {
    known: Signal<Arc<Vec<Emote>>>,
    /// Of the relay; empty for the one that the page is from.
    origin: RwSignal<String>,
}

impl Emotes {
    /// Given to the components below.
    pub fn provide(known: Signal<Arc<Vec<Emote>>>) -> Self {
        let emotes = Self { known, origin: RwSignal::new(String::new()) };
        provide_context(emotes);
        emotes
    }

    /// None where a page has none to show, as the overlay.
    pub fn get() -> Option<Self> {
        use_context()
    }

    /// Which there are now.
    pub fn known(self) -> Signal<Arc<Vec<Emote>>> {
        self.known
    }

    /// They come from the relay of this origin (`http://HOST:PORT`).
    pub fn set_origin(self, origin: String) {
        self.origin.set(origin);
    }

    /// Where the relay serves a picture of that name.
    pub fn source(self, picture: &str) -> String {
        format!("{}/api/v1/pictures/{picture}", self.origin.get_untracked())
    }
}

/// Those that a text made now may have.
pub fn known_now() -> Arc<Vec<Emote>> {
    Emotes::get().map(|emotes| emotes.known.get_untracked()).unwrap_or_default()
}
