//! One button against a raid, with the time that it stays up.

use footlight_protocol::room::Action;
use leptos::prelude::*;

use crate::acting::titled;
use crate::part::icon::Icon;
use crate::seat::Seat;
use crate::store::actions::Keymap;
use crate::store::i18n;
use crate::words::use_words;

#[component]
pub fn ShieldButton() -> impl IntoView {
    let (seat, keymap, words) = (Seat::get(), use_context::<Memo<Keymap>>(), use_words());
    let until = Memo::new(move |_| seat.room().with(|room| room.guard.shield));
    let left = Memo::new(move |_| {
        // Only while it is up does the button follow the clock.
        let left = until.get()? as f64 - seat.relay_now(seat.now().get());
        Some((left.max(0.0) / 1_000.0).ceil() as u64)
    });
    let says = move || words.get(if until.get().is_some() { "shield.lower" } else { "shield.raise" });
    view! {
        <button
            id="shield"
            type="button"
            class="quiet shield"
            class:up=move || until.get().is_some()
            aria-pressed=move || until.get().is_some().to_string()
            aria-label=says
            title=move || titled(keymap, says(), "shield")
            on:click=move |_| toggle(seat)
        >
            {Icon::Shield.view()} {move || left.get().map(i18n::clock)}
        </button>
    }
}

/// Raises it, or lowers it.
pub fn toggle(seat: Seat) {
    let up = seat.room().with_untracked(|room| room.guard.shield.is_some());
    seat.act(Action::Shield { on: !up });
}
