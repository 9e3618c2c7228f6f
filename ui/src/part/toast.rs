//! The acts of moderation that can still be undone.

use footlight_protocol::room::Action;
use leptos::prelude::*;

use crate::acting::titled;
use crate::part::moderate::TIMEOUTS;
use crate::seat::Seat;
use crate::store::actions::Keymap;
use crate::store::undo::Offer;
use crate::words::{Words, use_words};

#[component]
pub fn Toasts() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let undo = seat.undo();
    // On a moderator's page the key is always the same.
    let keymap = use_context::<Memo<Keymap>>();
    let title = move || match keymap {
        Some(_) => titled(keymap, words.get("undo.undo"), "take-back"),
        None => words.get("undo.key").to_owned(),
    };
    let newest = Memo::new(move |_| undo.with(|undo| undo.newest().map(|offer| offer.id)));
    view! {
        <div class="toasts" role="status" aria-live="polite">
            <For each=move || undo.with(|undo| undo.offers().cloned().collect::<Vec<_>>()) key=|offer| offer.id let:offer>
                {
                    let id = offer.id;
                    view! {
                        <div class="toast">
                            <span class="toast-text">{move || sentence(words, &offer)}</span>
                            <button
                                type="button"
                                class="toast-undo"
                                id=move || (newest.get() == Some(id)).then_some("toast-undo")
                                title=title
                                on:click=move |_| seat.take_back(Some(id))
                            >
                                {words.say("undo.undo")}
                            </button>
                            <span class="toast-time" aria-hidden="true"></span>
                        </div>
                    }
                }
            </For>
        </div>
    }
}

fn sentence(words: Words, offer: &Offer) -> String {
    let name = ("name", offer.name.as_str());
    match &offer.action {
        Action::Delete { .. } => words.fill("undo.deleted", &[name]),
        Action::Timeout { seconds, .. } => {
            let time =
                TIMEOUTS.iter().find(|(length, _)| length == seconds).map_or("", |(_, key)| words.get(key));
            words.fill("undo.timed_out", &[name, ("time", time)])
        }
        Action::Ban { range: true, .. } => words.fill("undo.banned_range", &[name]),
        Action::Ban { .. } => words.fill("undo.banned", &[name]),
        Action::HideAvatar { .. } => words.fill("undo.picture_away", &[name]),
        Action::Trust { .. } => words.fill("undo.trusted", &[name]),
        Action::Restrict { .. } => words.fill("undo.restricted", &[name]),
        Action::Uphold { .. } => words.fill("undo.upheld", &[name]),
        Action::Pin { .. } => words.fill("undo.pinned", &[name]),
        _ => String::new(),
    }
}
