//! The layer that was removed last, for a moment in which it can be put back.

use leptos::prelude::*;

use crate::acting::Acting;
use crate::composing::Composing;
use crate::part::layers::layer_name;
use crate::words::use_words;

#[component]
pub fn RemovedLayer() -> impl IntoView {
    let (composing, acting, words) = (Composing::get(), Acting::get(), use_words());
    let removed = composing.removed();
    let said = move || {
        let source = removed.with(|removed| removed.as_ref().map(|removed| removed.layer.source.clone()))?;
        Some(words.fill("layers.removed", &[("name", &layer_name(words, &source))]))
    };
    view! {
        <div role="status" aria-live="polite">
            <Show when=move || removed.with(Option::is_some)>
                <p class="layer-removed">
                    <span>{said}</span>
                    <button
                        id="layer-undo"
                        type="button"
                        class="quiet"
                        title=move || acting.titled(words.get("layers.undo"), "undo")
                        on:click=move |_| {
                            composing.put_back();
                        }
                    >
                        {words.say("undo.undo")}
                    </button>
                </p>
            </Show>
        </div>
    }
}
