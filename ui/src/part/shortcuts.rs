//! The keys, for those who ask: of the window, as the creator set them, and of a message in the chat.

use leptos::prelude::*;

use crate::acting::Acting;
use crate::part::modal::modal;
use crate::part::palette::caps_view;
use crate::store::actions::{self, ACTIONS};
use crate::words::use_words;

/// Keys that are always the same, as they stand on the keyboard, and what they do.
const FIXED: [(&[&str], &str); 7] = [
    (&["↑", "↓"], "keys.move"),
    (&["R"], "keys.reply"),
    (&["D"], "keys.delete"),
    (&["T", "1–4"], "keys.timeout"),
    (&["B"], "keys.ban"),
    (&["⇧", "B"], "keys.ban_range"),
    (&["Alt"], "keys.crop"),
];

#[component]
pub fn Shortcuts(open: RwSignal<bool>) -> impl IntoView {
    let (acting, words) = (Acting::get(), use_words());
    let dialog = modal(move || open.get());
    let line = move |caps: Vec<String>, says: String| {
        view! {
            <div>
                <dt>{caps_view(caps)}</dt>
                <dd>{says}</dd>
            </div>
        }
    };
    let own = move || {
        acting.keymap.with(|keymap| {
            // Nine scenes on nine numbers are one line.
            let scenes = ACTIONS.iter().filter(|action| actions::scene(action.id).is_some());
            let numbered = scenes.clone().all(|action| {
                keymap.chord(action.id).is_some_and(|chord| chord.to_string() == action.default)
            });
            let folds = |id: &str| numbered && actions::scene(id).is_some();
            let lines = ACTIONS.iter().filter(|action| !folds(action.id) || action.id == "scene-1");
            lines
                .filter_map(|action| {
                    let caps = keymap.chord(action.id)?.caps();
                    Some(if folds(action.id) {
                        line(vec!["1–9".to_owned()], words.get("keys.scene").to_owned())
                    } else {
                        line(caps, actions::name(action, words.language()))
                    })
                })
                .collect_view()
        })
    };
    let change = move |_| {
        open.set(false);
        acting.open_page("keys");
    };
    view! {
        <dialog
            id="shortcuts"
            class="dialog shortcuts"
            node_ref=dialog
            autofocus
            aria-labelledby="keys-title"
            on:close=move |_| open.set(false)
        >
            <h2 id="keys-title">{words.say("keys.title")}</h2>
            <Show when=move || open.get()>
                <dl class="keys">{own}</dl>
                <h3>{words.say("keys.fixed")}</h3>
                <dl class="keys">
                    {move || {
                        FIXED
                            .map(|(caps, says)| {
                                line(caps.iter().map(|cap| (*cap).to_owned()).collect(), words.get(says).to_owned())
                            })
                            .collect_view()
                    }}
                </dl>
            </Show>
            <div class="dialog-buttons">
                <button id="shortcuts-change" type="button" class="secondary" on:click=change>
                    {words.say("keys.change")}
                </button>
                <button type="button" class="secondary" on:click=move |_| open.set(false)>
                    {words.say("common.close")}
                </button>
            </div>
        </dialog>
    }
}
