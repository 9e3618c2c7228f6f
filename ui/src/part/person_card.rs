//! The card behind a name: beside it, or a sheet from below on a narrow screen. The browser keeps the focus inside and
//! gives it back.

use footlight_protocol::room::{Member, Role};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Node;

use crate::part::face::face_view;
use crate::part::icon::Icon;
use crate::part::message::{role_key, shown_name};
use crate::part::modal::modal;
use crate::part::person_record::PersonRecord;
use crate::seat::Seat;
use crate::words::use_words;

/// Where the card stands, in pixels: it opens to the side of the name that has more room.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spot {
    left: f64,
    top: Option<f64>,
    bottom: Option<f64>,
    room: f64,
}

/// As wide as `person.css` makes it, and its distance from what is around it.
const WIDTH: f64 = 340.0;
const AWAY: f64 = 8.0;

#[component]
pub fn PersonCard() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let cards = seat.cards();
    let user = Memo::new(move |_| cards.with(|cards| cards.open.as_ref().map(|open| open.card.user.clone())));
    let at = Memo::new(move |_| cards.with(|cards| cards.open.as_ref().map(|open| open.at)));
    let moderates = Memo::new(move |_| {
        cards.with(|cards| cards.open.as_ref().is_some_and(|open| open.card.record.is_some()))
    });
    let failure =
        Memo::new(move |_| cards.with(|cards| cards.open.as_ref().and_then(|open| open.failure.clone())));
    let dialog = modal(move || at.get().is_some());
    let spot = move || at.get().map(spot);
    let px = |value: f64| format!("{value:.0}px");
    let outside = move |event: web_sys::MouseEvent| {
        // The dialog itself is only what is around its content.
        let target = event.target().and_then(|target| target.dyn_into::<Node>().ok());
        let on_dialog = dialog.get_untracked().is_some_and(|dialog| dialog.is_same_node(target.as_ref()));
        if on_dialog {
            seat.close_card();
        }
    };
    view! {
        <dialog
            id="person-card"
            class="person-card"
            node_ref=dialog
            aria-labelledby="person-name"
            style:--left=move || spot().map(|spot| px(spot.left))
            style:--top=move || spot().map(|spot| spot.top.map_or_else(|| "auto".to_owned(), px))
            style:--bottom=move || spot().map(|spot| spot.bottom.map_or_else(|| "auto".to_owned(), px))
            style:--room=move || spot().map(|spot| px(spot.room))
            on:close=move |_| seat.close_card()
            on:click=outside
        >
            <div class="person">
                <header class="person-head">
                    {move || user.get().map(|user| view! { <Head user /> })}
                    <button
                        id="person-close"
                        type="button"
                        class="quiet square"
                        aria-label=words.say("common.close")
                        on:click=move |_| seat.close_card()
                    >
                        {Icon::Close.view()}
                    </button>
                </header>
                <p class="person-failure" role="alert">
                    {move || failure.get().map(|failure| words.failure(&failure))}
                </p>
                <Show when=move || moderates.get()>
                    <PersonRecord />
                </Show>
            </div>
        </dialog>
    }
}

/// Who it is.
#[component]
fn Head(user: Member) -> impl IntoView {
    let words = use_words();
    let name = shown_name(&user);
    let role = match user.role {
        Role::Guest => "person.guest",
        role => role_key(role).unwrap_or("person.guest"),
    };
    view! {
        {face_view(&user)}
        <div class="person-title">
            <h2 id="person-name">{name}</h2>
            <p>{words.say(role)}</p>
        </div>
    }
}

fn spot(at: crate::store::person::Place) -> Spot {
    let side = |value: Result<wasm_bindgen::JsValue, wasm_bindgen::JsValue>| {
        value.ok().and_then(|value| value.as_f64()).unwrap_or(800.0)
    };
    let (width, height) = (side(window().inner_width()), side(window().inner_height()));
    let left = at.left.min(width - WIDTH - AWAY).max(AWAY);
    let (above, below) = (at.top - 2.0 * AWAY, height - at.bottom - 2.0 * AWAY);
    if below >= above {
        Spot { left, top: Some(at.bottom + AWAY / 2.0), bottom: None, room: below }
    } else {
        Spot { left, top: None, bottom: Some(height - at.top + AWAY / 2.0), room: above }
    }
}
