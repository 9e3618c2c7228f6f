//! Studio mode: what viewers get beside what is worked on, and the way from one to the other.

use leptos::prelude::*;

use crate::acting::Acting;
use crate::bridge::Shown;
use crate::composing::Composing;
use crate::desk::Desk;
use crate::part::gift_cards::GiftCards;
use crate::part::icon::Icon;
use crate::part::picture_of::PictureOf;
use crate::store::scenes;
use crate::words::use_words;

/// Takes what is worked on to viewers.
pub fn transition(composing: Composing) {
    composing.edit(scenes::take);
}

/// The switch.
#[component]
pub fn StudioMode() -> impl IntoView {
    let (composing, acting, words) = (Composing::get(), Acting::get(), use_words());
    let on = Memo::new(move |_| composing.scenes().with(scenes::in_studio_mode));
    view! {
        <button
            id="studio-mode"
            type="button"
            class="secondary studio-mode"
            role="switch"
            aria-checked=move || on.get().to_string()
            title=move || acting.titled(words.get("program.mode_text"), "studio-mode")
            on:click=move |_| composing.edit(|scenes| scenes::set_studio_mode(scenes, !on.get_untracked()))
        >
            {Icon::Program.view()}
            <span>{words.say("program.mode")}</span>
        </button>
    }
}

/// What viewers get, in studio mode; nothing otherwise.
#[component]
pub fn ProgramView() -> impl IntoView {
    let composing = Composing::get();
    let on = Memo::new(move |_| composing.scenes().with(scenes::in_studio_mode));
    view! {
        <Show when=move || on.get()>
            <Program />
        </Show>
    }
}

#[component]
fn Program() -> impl IntoView {
    let (composing, desk, words) = (Composing::get(), Desk::get(), use_words());
    let acting = Acting::get();
    let on_air = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.phase.on_air()));
    let differs = Memo::new(move |_| composing.scenes().with(scenes::differs));
    let label = move || words.get(if on_air.get() { "program.on_air" } else { "program.viewers" });
    view! {
        <div class="transition">
            <button
                id="transition"
                type="button"
                class="primary"
                title=move || acting.titled(words.get("program.transition_text"), "transition")
                disabled=move || !differs.get()
                on:click=move |_| transition(composing)
            >
                <span>{words.say("program.transition")}</span>
                {Icon::Right.view()}
            </button>
        </div>
        <div class="preview-place">
            <figure class="preview" class:on-air=move || on_air.get()>
                <PictureOf which=Shown::Program id="program" label=Signal::derive(label) />
                <GiftCards />
                <figcaption class="picture-label" class:live=move || on_air.get()>{label}</figcaption>
            </figure>
        </div>
    }
}
