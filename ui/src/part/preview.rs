//! The picture that is worked on, drawn when it comes; viewers get it too, unless studio mode keeps them apart.

use leptos::prelude::*;

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
    let (desk, composing, words) = (Desk::get(), Composing::get(), use_words());
    let (drawn, shape) = (RwSignal::new(false), RwSignal::new(SHAPE));
    let camera = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.camera.clone()));
    let on_air = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.phase.on_air()));
    let apart = move || composing.scenes().with(scenes::in_studio_mode);
    // The picture has the gifts in it: the page's own would hide them.
    let burned = Memo::new(move |_| composing.scenes().with(shows_gifts));
    view! {
        <div class="preview-place">
        <figure
            class="preview"
            class:on-air=move || on_air.get() && !apart()
            class:burned=move || burned.get()
        >
            <PictureOf
                which=Shown::Preview
                id="preview"
                label=Signal::derive(words.say("preview.label"))
                drawn
                shape
            />
            <Show when=move || composing.open().get()>
                <Placing shape />
            </Show>
            <Count />
            <Show when=move || !apart()>
                <GiftCards />
            </Show>
            <Show when=move || apart()>
                <figcaption class="picture-label">{words.say("program.preview")}</figcaption>
            </Show>
            <Show when=move || !drawn.get()>
                <figcaption class="preview-wait">
                    <span class="spinner" aria-hidden="true"></span>
                    {words.say("preview.waiting")}
                </figcaption>
            </Show>
            <Show when=move || drawn.get() && camera.get() == "none">
                <figcaption class="preview-note">{Icon::Camera.view()} {words.say("preview.no_camera")}</figcaption>
            </Show>
        </figure>
        </div>
    }
}
