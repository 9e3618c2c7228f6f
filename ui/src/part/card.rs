//! The card between publishers: the last picture stays behind it, blurred, and the creator's words stand over
//! it. It comes after a moment and goes when the picture is back.

use leptos::prelude::*;

use crate::browser;
use crate::part::icon::Mark;
use crate::seat::Seat;
use crate::store::playback::Status;
use crate::viewing::Viewing;
use crate::words::use_words;

/// A publisher that is back within this, in milliseconds, was a hiccup: the last picture says enough.
const AFTER_MS: f64 = 2_000.0;

#[component]
pub fn Card() -> impl IntoView {
    let (viewing, seat, words) = (Viewing::get(), Seat::get(), use_words());
    let away = Memo::new(move |_| {
        let standing = matches!(viewing.status().get(), Status::Interrupted | Status::Connecting);
        standing && seat.room().with(|room| room.interrupted())
    });
    let since = RwSignal::new(None);
    Effect::new(move |_| since.set(away.get().then(browser::now_ms)));
    let up = Memo::new(move |_| since.get().is_some_and(|since| seat.now().get() - since >= AFTER_MS));
    let said = Memo::new(move |_| seat.room().with(|room| room.card.clone()));
    let title = move || said.get().unwrap_or_else(|| words.get("card.title").to_owned());
    view! {
        <div id="card" class="between" class:up=move || up.get() aria-hidden=move || (!up.get()).to_string()>
            <div class="between-card" role="status">
                <Mark />
                <h1>{move || up.get().then(title)}</h1>
                <p>{words.say("card.text")}</p>
            </div>
        </div>
    }
}
