//! How many are watching.

use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::seat::Seat;
use crate::words::use_words;

#[component]
pub fn Viewers() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let viewers = Memo::new(move |_| seat.room().with(|room| room.presence.viewers));
    let said = move || words.count("viewers.one", "viewers.many", viewers.get());
    view! {
        <span class="viewers" title=said>
            {Icon::Eye.view()} <span id="viewers">{viewers}</span> <span class="hidden">{said}</span>
        </span>
    }
}
