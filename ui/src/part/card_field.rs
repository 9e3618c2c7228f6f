//! The creator's words for viewers while there is no picture.

use footlight_protocol::room::MAX_CARD;
use leptos::prelude::*;

use crate::seat::Seat;
use crate::words::use_words;

#[component]
pub fn CardField() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let kept = Memo::new(move |_| seat.room().with(|room| room.card.clone().unwrap_or_default()));
    let typed = RwSignal::new(None::<String>);
    let text = move || typed.get().unwrap_or_else(|| kept.get());
    let left = move || MAX_CARD as i64 - text().trim().chars().count() as i64;
    let changed = move || text().trim() != kept.get();
    // What the room says now is what was typed: nothing is left to save.
    Effect::new(move |_| {
        if typed.with(|typed| typed.as_deref().is_some_and(|text| text.trim() == kept.get())) {
            typed.set(None);
        }
    });
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if left() >= 0 && changed() {
            seat.set_card(text().trim());
        }
    };
    view! {
        <form class="card-field" on:submit=save>
            <h3 id="card-title">{words.say("card.settings")}</h3>
            <p>{words.say("card.settings_text")}</p>
            <div class="card-row">
                <input
                    id="card-text"
                    type="text"
                    aria-labelledby="card-title"
                    placeholder=words.say("card.title")
                    prop:value=text
                    on:input=move |event| typed.set(Some(event_target_value(&event)))
                />
                <button id="card-save" type="submit" class="secondary" disabled=move || !changed() || left() < 0>
                    {words.say("name.save_only")}
                </button>
            </div>
            <p class="counter" class:over=move || left() < 0 aria-live="polite">
                {move || (left() <= 40).then(|| left().to_string())}
            </p>
        </form>
    }
}
