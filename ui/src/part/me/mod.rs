//! The visitor's own corner: who they are here, their account, and what the relay knows of them.

pub mod account;
pub mod data;
pub mod passkeys;
pub mod picture;

use leptos::prelude::*;

use crate::api::Relay;
use crate::browser;
use crate::part::face::face_view;
use crate::part::icon::Icon;
use crate::part::message::shown_name;
use crate::part::modal::modal;
use crate::seat::Seat;
use crate::words::use_words;
use account::AccountPart;
use data::DataPart;
use picture::PicturePart;

/// Where the device token is kept. One per relay: storage is per origin.
pub const TOKEN: &str = "footlight.token";
/// Where a guest's is kept while somebody is signed in: who signs out is that guest again.
const GUEST: &str = "footlight.token.guest";

/// The relay, asked as the one who sits here; none before the room has welcomed them.
fn asked(seat: Seat, relay: &Relay) -> Option<Relay> {
    let token = seat.room().with_untracked(|room| room.token.clone())?;
    Some(relay.clone().by(token))
}

/// Somebody else sits here from now on. The page begins anew as them: its picture was a session of the other.
fn become_another(token: &str) {
    if browser::stored(GUEST).is_none()
        && let Some(guest) = browser::stored(TOKEN)
    {
        browser::store(GUEST, &guest);
    }
    browser::store(TOKEN, token);
    browser::reload();
}

/// Whoever was signed in here is not any more.
fn be_guest_again() {
    match browser::stored(GUEST) {
        Some(guest) => browser::store(TOKEN, &guest),
        None => browser::forget(TOKEN),
    }
    browser::forget(GUEST);
    browser::reload();
}

/// Nobody is known here any more.
fn be_nobody() {
    browser::forget(TOKEN);
    browser::forget(GUEST);
    browser::reload();
}

#[component]
pub fn Me() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let open = RwSignal::new(false);
    let dialog = modal(move || open.get());
    let me = Memo::new(move |_| seat.room().with(|room| room.me.clone()));
    let head = move || {
        me.get().map(|me| {
            let name = shown_name(&me);
            view! {
                {face_view(&me)}
                <div class="person-title">
                    <h2 id="me-title">{name}</h2>
                </div>
            }
        })
    };
    view! {
        <button
            id="me-open"
            type="button"
            class="quiet square"
            aria-label=words.say("me.title")
            title=words.say("me.title")
            on:click=move |_| open.set(true)
        >
            {Icon::Person.view()}
        </button>
        <dialog
            id="me"
            class="dialog me"
            node_ref=dialog
            aria-labelledby="me-title"
            on:close=move |_| open.set(false)
        >
            <header class="person-head">
                {head}
                <button
                    id="me-close"
                    type="button"
                    class="quiet square"
                    aria-label=words.say("common.close")
                    on:click=move |_| open.set(false)
                >
                    {Icon::Close.view()}
                </button>
            </header>
            <Show when=move || open.get()>
                <PicturePart />
                <AccountPart />
                <DataPart />
            </Show>
        </dialog>
    }
}
