//! What somebody shows of themselves: their picture, or the first letter of their name.

use footlight_protocol::UserId;
use footlight_protocol::room::Member;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::emotes::Emotes;
use crate::part::message::{colour, shown_name};

/// At the head of a card.
pub fn face_view(user: &Member) -> AnyView {
    let initial: String = shown_name(user).chars().next().into_iter().flat_map(char::to_uppercase).collect();
    view! {
        <span class=format!("person-face nick-{}", colour(&user.id)) aria-hidden="true">
            {initial} {picture_view(user)}
        </span>
    }
    .into_any()
}

/// The picture alone, in a line; nothing for those who show none. One that is not served any more is not seen.
pub fn picture_view(user: &Member) -> Option<AnyView> {
    let picture = Emotes::get()?.source(user.avatar.as_deref()?);
    let hide = |event: web_sys::ErrorEvent| event_target::<HtmlElement>(&event).set_hidden(true);
    Some(
        view! {
            <img class="avatar" src=picture alt="" data-of=user.id.to_string() decoding="async" on:error=hide />
        }
        .into_any(),
    )
}

/// A moderator took it away: it goes from all that is on the page.
pub fn forget_pictures_of(user: &UserId) {
    let Ok(all) = document().query_selector_all(&format!("img.avatar[data-of=\"{user}\"]")) else { return };
    for at in 0..all.length() {
        if let Some(Ok(image)) = all.item(at).map(JsCast::dyn_into::<HtmlElement>) {
            image.set_hidden(true);
        }
    }
}
