//! The language in use, as a signal: what components ask for their texts.

use footlight_protocol::Failure;
use footlight_protocol::gift::Gift;
use leptos::prelude::*;

use crate::browser;
use crate::store::i18n::{self, Language};

/// The page's texts. Cheap to copy; reading inside a view follows a change of language.
#[derive(Clone, Copy)]
pub struct Words(RwSignal<Language>);

/// Where a viewer's language is kept.
const KEPT: &str = "footlight.language";

/// Gives a viewer's page its texts: in the language that was chosen the last time, or the browser's.
pub fn provide_kept() -> Words {
    provide(Language::of(&browser::stored(KEPT).unwrap_or_else(browser::language)))
}

/// Gives the page its texts, in `language`.
pub fn provide(language: Language) -> Words {
    let words = Words(RwSignal::new(language));
    provide_context(words);
    Effect::new(move |_| {
        browser::mark_root("lang", words.language().tag());
        document().set_title(words.get("app.title"));
    });
    words
}

pub fn use_words() -> Words {
    expect_context()
}

impl Words {
    pub fn language(self) -> Language {
        self.0.get()
    }

    pub fn choose(self, language: Language) {
        self.0.set(language);
    }

    /// Speaks it from now on, and on a viewer's next visit.
    pub fn keep(self, language: Language) {
        browser::store(KEPT, language.tag());
        self.choose(language);
    }

    pub fn get(self, key: &'static str) -> &'static str {
        i18n::text(self.language(), key)
    }

    /// A text that follows the language, for a view.
    pub fn say(self, key: &'static str) -> impl Fn() -> &'static str + Copy + Send + Sync + 'static {
        move || self.get(key)
    }

    pub fn fill(self, key: &'static str, values: &[(&str, &str)]) -> String {
        i18n::fill(self.get(key), values)
    }

    /// A text with a count, which English says in two ways.
    pub fn count(self, one: &'static str, many: &'static str, n: u32) -> String {
        self.fill(if n == 1 { one } else { many }, &[("n", &n.to_string())])
    }

    /// A gift's name: its creator's, or ours in the page's language.
    pub fn gift(self, gift: &Gift) -> String {
        footlight_overlay::words::gift(self.language(), gift)
    }

    /// A failure in the page's language, or in the words it came with.
    pub fn failure(self, failure: &Failure) -> String {
        let code = serde_json::to_value(failure.code).ok();
        let code = code.as_ref().and_then(|code| code.as_str()).unwrap_or_default();
        i18n::find(self.language(), &format!("failure.{code}")).map_or(failure.message.clone(), str::to_owned)
    }
}
