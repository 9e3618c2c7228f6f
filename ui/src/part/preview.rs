//! The picture that is worked on, drawn when it comes; viewers get it too, unless studio mode keeps them apart.

use footlight_protocol::studio::Preferences;
use leptos::prelude::*;

use crate::acting::Acting;
use crate::bridge::Shown;
use crate::composing::Composing;
use crate::desk::Desk;
use crate::part::gift_cards::GiftCards;
use crate::part::icon::Icon;
use crate::part::launch::Count;
use crate::part::picture_of::{PictureOf, SHAPE};
use crate::part::placing::Placing;
use crate::store::burned::shows_gifts;
use crate::store::scenes;
use crate::words::use_words;

#[component]
pub fn Preview() -> impl IntoView {
    let (acting, desk, composing, words) = (Acting::get(), Desk::get(), Composing::get(), use_words());
    let (drawn, shape) = (RwSignal::new(false), RwSignal::new(SHAPE));
    let camera = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.camera.clone()));
    let on_air = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.phase.on_air()));
    let apart = move || composing.scenes().with(scenes::in_studio_mode);
    // The picture has the gifts in it: the page's own would hide them.
    let burned = Memo::new(move |_| composing.scenes().with(shows_gifts));
    let shown = Memo::new(move |_| desk.preferences().with(|preferences| preferences.preview));
    let show = move |preview| desk.prefer(Preferences { preview, ..desk.preferences().get_untracked() });
    view! {
        <div class="preview-place">
        <figure
            class="preview"
            class:on-air=move || on_air.get() && !apart()
            class:burned=move || burned.get()
        >
            <Show when=move || shown.get() fallback=move || view! { <Off on_show=move || show(true) /> }>
                <PictureOf
                    which=Shown::Preview
                    id="preview"
                    label=Signal::derive(words.say("preview.label"))
                    drawn
                    shape
                />
                <button
                    id="hide-preview"
                    type="button"
                    class="on-picture"
                    aria-label=words.say("preview.hide")
                    title=move || acting.titled(words.get("preview.hide"), "preview")
                    on:click=move |_| show(false)
                >
                    {Icon::EyeOff.view()}
                </button>
            </Show>
            <Show when=move || composing.open().get() && shown.get()>
                <Placing shape />
            </Show>
            <Count />
            <Show when=move || !apart()>
                <GiftCards />
            </Show>
            <Show when=move || apart()>
                <figcaption class="picture-label">{words.say("program.preview")}</figcaption>
            </Show>
            <Show when=move || shown.get() && !drawn.get()>
                <figcaption class="preview-wait">
                    <span class="spinner" aria-hidden="true"></span>
                    {words.say("preview.waiting")}
                </figcaption>
            </Show>
            <Show when=move || shown.get() && drawn.get() && camera.get() == "none">
                <figcaption class="preview-note">{Icon::Camera.view()} {words.say("preview.no_camera")}</figcaption>
            </Show>
        </figure>
        </div>
    }
}

/// What stands in for the picture where it is not wanted.
#[component]
fn Off(on_show: impl Fn() + Copy + Send + 'static) -> impl IntoView {
    let words = use_words();
    view! {
        <figcaption class="preview-off">
            {Icon::EyeOff.view()}
            <strong>{words.say("preview.off")}</strong>
            <span>{words.say("preview.off_text")}</span>
            <button id="show-preview" type="button" class="secondary" on:click=move |_| on_show()>
                {words.say("preview.show")}
            </button>
        </figcaption>
    }
}
