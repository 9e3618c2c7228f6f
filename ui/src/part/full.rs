//! Full screen, and back.

use leptos::html::Div;
use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::words::use_words;

/// Shows `stage` on the whole screen, or no longer.
pub fn turn_full(stage: NodeRef<Div>) {
    if document().fullscreen_element().is_some() {
        document().exit_fullscreen();
    } else if let Some(stage) = stage.get_untracked() {
        let _ = stage.request_fullscreen();
    }
}

#[component]
pub fn FullControl(stage: NodeRef<Div>) -> impl IntoView {
    let words = use_words();
    view! {
        <button
            id="full"
            type="button"
            class="control"
            aria-label=words.say("stage.full")
            title=words.say("stage.full")
            on:click=move |_| turn_full(stage)
        >
            {Icon::Full.view()}
        </button>
    }
}
