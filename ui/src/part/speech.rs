//! A message's text on the page: text nodes, links that are made of nothing else, and the room's own emotes.

use leptos::prelude::*;

use crate::part::emote_view::emote_view;
use crate::store::speech::Piece;

/// The pieces behind each other. Only what [`crate::store::speech`] took for an address becomes one.
pub fn speech_view(pieces: &[Piece]) -> AnyView {
    // By far the most texts are one piece, and there are hundreds of them.
    if let [Piece::Text(text)] = pieces {
        return text.clone().into_any();
    }
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.clone().into_any(),
            Piece::Emote(emote) => emote_view(emote),
            Piece::Me(name) => view! { <span class="named">{name.clone()}</span> }.into_any(),
            Piece::Link(address) => view! {
                <a class="link" href=address.clone() rel="noopener noreferrer nofollow ugc" target="_blank">
                    {address.clone()}
                </a>
            }
            .into_any(),
        })
        .collect_view()
        .into_any()
}
