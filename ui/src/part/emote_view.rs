//! An emote in a line of text.

use footlight_protocol::emote::Emote;
use leptos::prelude::*;

use crate::emotes::Emotes;

/// Its picture, as high as the line has room for. Who copies the text, or has no picture, has the name.
pub fn emote_view(emote: &Emote) -> AnyView {
    let name = format!(":{}:", emote.name);
    let Some(emotes) = Emotes::get() else { return name.into_any() };
    view! {
        <img
            class="emote"
            src=emotes.source(&emote.picture)
            alt=name.clone()
            title=name
            width=emote.width.to_string()
            height=emote.height.to_string()
            decoding="async"
        />
    }
    .into_any()
}
