//! The room's own emotes, for whoever does not know their names.

use leptos::html::Textarea;
use leptos::prelude::*;
use web_sys::KeyboardEvent;

use crate::browser;
use crate::emotes::Emotes;
use crate::part::emote_view::emote_view;
use crate::part::icon::Icon;
use crate::part::mentions::put;
use crate::store::speech::before_caret;
use crate::words::use_words;

/// Not there in a room that has none. What is picked goes into the draft where the caret is.
#[component]
pub fn EmotePicker(draft: RwSignal<String>, field: NodeRef<Textarea>) -> impl IntoView {
    let words = use_words();
    let known = Emotes::get().map(Emotes::known);
    let open = RwSignal::new(false);
    let any = Memo::new(move |_| known.is_some_and(|known| known.with(|known| !known.is_empty())));
    let close = move || {
        open.set(false);
        browser::focus("emotes-open");
    };
    let pick = move |name: &str| {
        let Some(textarea) = field.get_untracked() else { return };
        let caret = textarea.selection_start().ok().flatten().unwrap_or(u32::MAX);
        let before = draft.with_untracked(|draft| before_caret(draft, caret).to_owned());
        put(draft, field, &format!("{before}:{name}:"), before.len());
        open.set(false);
    };
    let key = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            event.stop_propagation();
            close();
        }
    };
    view! {
        <Show when=move || any.get()>
            <div class="emotes" on:keydown=key>
                <button
                    id="emotes-open"
                    type="button"
                    class="quiet square"
                    aria-expanded=move || open.get().to_string()
                    aria-label=words.say("emotes.pick")
                    title=words.say("emotes.pick")
                    on:click=move |_| open.update(|open| *open = !*open)
                >
                    {Icon::Smile.view()}
                </button>
                <Show when=move || open.get()>
                    <ul id="emotes" class="emote-grid" aria-label=words.say("emotes.title")>
                        {move || {
                            let known = known.map(|known| known.get()).unwrap_or_default();
                            known
                                .iter()
                                .map(|emote| {
                                    let name = emote.name.clone();
                                    view! {
                                        <li>
                                            <button
                                                type="button"
                                                class="quiet"
                                                aria-label=emote.name.clone()
                                                on:click=move |_| pick(&name)
                                            >
                                                {emote_view(emote)}
                                            </button>
                                        </li>
                                    }
                                })
                                .collect_view()
                        }}
                    </ul>
                </Show>
            </div>
        </Show>
    }
}
