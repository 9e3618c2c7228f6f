//! The heart on the stage, and how many there were.

use leptos::prelude::*;

use crate::liking::Liking;
use crate::part::icon::Icon;
use crate::store::i18n::Language;
use crate::store::sky::short;
use crate::words::{Words, use_words};

#[component]
pub fn LikeControl() -> impl IntoView {
    let (liking, words) = (Liking::get(), use_words());
    let shown = liking.shown();
    view! {
        <button
            id="like"
            type="button"
            class="control like"
            class:liked=move || { shown.get() > 0 }
            aria-label=move || words.fill("like.button", &[("n", &shown.get().to_string())])
            title=words.say("like.title")
            on:click=move |_| liking.like(None)
        >
            {Icon::Heart.view()}
            <span id="likes" class="like-count">{move || number(words, shown.get())}</span>
        </button>
    }
}

/// In the short form of the page's language; nothing before the first.
pub fn number(words: Words, count: u64) -> String {
    if count == 0 { String::new() } else { short(count, words.language() == Language::Chinese) }
}
