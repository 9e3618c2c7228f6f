//! The keys, for those who ask.

use leptos::prelude::*;

use crate::part::modal::modal;
use crate::words::use_words;

/// Keys as they stand on the keyboard, and what they do.
const KEYS: [(&[&str], &str); 19] = [
    (&["↑", "↓"], "keys.move"),
    (&["R"], "keys.reply"),
    (&["D"], "keys.delete"),
    (&["T", "1–4"], "keys.timeout"),
    (&["B"], "keys.ban"),
    (&["⇧ B"], "keys.ban_range"),
    (&["U", "Ctrl Z"], "keys.undo"),
    (&["⇧ S"], "keys.shield"),
    (&["H"], "keys.held"),
    (&["P"], "keys.top_ups"),
    (&["C"], "keys.chat"),
    (&["L"], "keys.log"),
    (&["R"], "keys.record"),
    (&["M"], "keys.mute"),
    (&["␣"], "keys.talk"),
    (&["1–9"], "keys.scene"),
    (&["Enter"], "keys.transition"),
    (&["Alt"], "keys.crop"),
    (&["?"], "keys.help"),
];

#[component]
pub fn Shortcuts(open: RwSignal<bool>) -> impl IntoView {
    let words = use_words();
    let dialog = modal(move || open.get());
    view! {
        <dialog class="dialog" node_ref=dialog aria-labelledby="keys-title" on:close=move |_| open.set(false)>
            <h2 id="keys-title">{words.say("keys.title")}</h2>
            <dl class="keys">
                {KEYS
                    .map(|(keys, says)| {
                        view! {
                            <div>
                                <dt>{keys.iter().map(|key| view! { <kbd>{*key}</kbd> }).collect_view()}</dt>
                                <dd>{words.say(says)}</dd>
                            </div>
                        }
                    })
                    .collect_view()}
            </dl>
            <div class="dialog-buttons">
                <button type="button" class="secondary" on:click=move |_| open.set(false)>
                    {words.say("common.close")}
                </button>
            </div>
        </dialog>
    }
}
