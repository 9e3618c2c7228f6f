//! The address of the overlay page for other broadcasting programs, and what its gifts shall do.

use footlight_protocol::overlay::Control;
use leptos::prelude::*;

use crate::api;
use crate::desk::Desk;
use crate::part::copy::CopyField;
use crate::seat::Seat;
use crate::words::use_words;

#[component]
pub fn OverlayField() -> impl IntoView {
    let (desk, seat, words) = (Desk::get(), Seat::get(), use_words());
    let paused = RwSignal::new(false);
    let link = Signal::derive(move || {
        desk.access()
            .with(|access| access.as_ref().map(api::Relay::owned))
            .map(|relay| relay.link(&format!("/overlay/{}", relay.room())))
            .unwrap_or_default()
    });
    let button = move |id: &'static str, key: &'static str, control: Control| {
        view! {
            <button id=id type="button" class="secondary" on:click=move |_| seat.control_overlay(control)>
                {words.say(key)}
            </button>
        }
    };
    view! {
        <section class="overlay-field" aria-labelledby="overlay-heading">
            <h3 id="overlay-heading">{words.say("overlay.title")}</h3>
            <p>{words.say("overlay.text")}</p>
            <CopyField id="overlay-link" button="overlay-copy" label="overlay.link" text=link />
            <div class="overlay-buttons" role="group" aria-label=words.say("overlay.title")>
                {button("overlay-test", "overlay.test", Control::Test)}
                <button
                    id="overlay-pause"
                    type="button"
                    class="secondary"
                    aria-pressed=move || paused.get().to_string()
                    on:click=move |_| {
                        paused.update(|paused| *paused = !*paused);
                        let control = if paused.get_untracked() { Control::Pause } else { Control::Resume };
                        seat.control_overlay(control);
                    }
                >
                    {move || words.get(if paused.get() { "overlay.resume" } else { "overlay.pause" })}
                </button>
                {button("overlay-skip", "overlay.skip", Control::Skip)}
                {button("overlay-again", "overlay.again", Control::Again)}
            </div>
        </section>
    }
}
