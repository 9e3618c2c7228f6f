//! Adds an overlay to the scene: a button, and behind it one for each kind.

use footlight_protocol::scene::Source;
use leptos::prelude::*;

use crate::browser;
use crate::composing::Composing;
use crate::part::icon::Icon;
use crate::store::burned::KINDS;
use crate::words::use_words;

/// What stands for a kind in lists.
pub fn kind_icon(id: &str) -> Icon {
    match id {
        "alerts" => Icon::Gift,
        "chat" => Icon::Chat,
        "goal" => Icon::Flag,
        "leaders" => Icon::Trophy,
        "ticker" => Icon::Text,
        "countdown" => Icon::Clock,
        _ => Icon::Picture,
    }
}

#[component]
pub fn AddOverlay(#[prop(into)] disabled: Signal<bool>) -> impl IntoView {
    let (composing, words) = (Composing::get(), use_words());
    let open = RwSignal::new(false);
    let kinds = KINDS
        .iter()
        .map(|kind| {
            let add = move |_| {
                open.set(false);
                let overlay = kind.new_overlay(untrack(|| words.language()), browser::now_ms() as u64);
                composing.add(Source::Overlay { overlay });
                // What it says is still to be written.
                if matches!(kind.id, "ticker" | "countdown" | "card") {
                    request_animation_frame(|| browser::focus("overlay-text"));
                }
            };
            view! {
                <button
                    id=format!("add-overlay-{}", kind.id)
                    type="button"
                    class="secondary"
                    disabled=disabled
                    on:click=add
                >
                    {kind_icon(kind.id).view()}
                    <span>{words.say(kind.says)}</span>
                </button>
            }
        })
        .collect_view();
    view! {
        <div class="overlay-add" class:open=move || open.get()>
            <button
                id="add-overlay"
                type="button"
                class="secondary"
                title=words.say("burned.add_text")
                aria-expanded=move || open.get().to_string()
                aria-controls="overlay-kinds"
                disabled=disabled
                on:click=move |_| open.update(|open| *open = !*open)
            >
                {Icon::Gift.view()}
                <span>{words.say("burned.add")}</span>
                <span class="overlay-turn" aria-hidden="true">{Icon::Down.view()}</span>
            </button>
            <div
                id="overlay-kinds"
                class="overlay-kinds"
                role="group"
                aria-label=words.say("burned.add")
                hidden=move || !open.get()
            >
                {kinds}
            </div>
        </div>
    }
}
