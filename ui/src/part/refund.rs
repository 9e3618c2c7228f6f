//! For the owner: gives the coins of a row of the books back.

use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::seat::Seat;
use crate::words::use_words;

/// `says`: the key of what the button does.
#[component]
pub fn Refund(entry: u64, says: &'static str) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    view! {
        <Show when=move || seat.owns().get()>
            <button
                type="button"
                class="tool refund"
                title=words.say(says)
                aria-label=words.say(says)
                on:click=move |_| seat.refund(entry)
            >
                {Icon::Back.view()}
            </button>
        </Show>
    }
}
