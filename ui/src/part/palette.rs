//! The palette: everything that can be done now, found by a few letters in either language.

use leptos::html::Input;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::acting::Acting;
use crate::browser;
use crate::composing::Composing;
use crate::part::icon::Icon;
use crate::part::modal::modal;
use crate::part::settings::PAGES;
use crate::store::actions::{self, ACTIONS};
use crate::store::i18n::{self, Language};
use crate::store::palette::{self, Entry};
use crate::words::{Words, use_words};

#[component]
pub fn Palette() -> impl IntoView {
    let (acting, words) = (Acting::get(), use_words());
    let open = acting.palette;
    let dialog = modal(move || open.get());
    view! {
        <dialog
            id="palette"
            class="dialog palette"
            node_ref=dialog
            aria-label=words.say("palette.title")
            on:close=move |_| open.set(false)
            on:click=move |event| {
                // Beside it.
                let on_it = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
                if on_it.is_some_and(|target| target.id() == "palette") {
                    open.set(false);
                }
            }
        >
            <Show when=move || open.get()>
                <Search />
            </Show>
        </dialog>
    }
}

#[component]
fn Search() -> impl IntoView {
    let (acting, composing, words) = (Acting::get(), Composing::get(), use_words());
    let query = RwSignal::new(String::new());
    let at = RwSignal::new(0_usize);
    let entries = Memo::new(move |_| entries(acting, composing, words));
    let found = Memo::new(move |_| {
        entries.with(|entries| acting.recent().with(|recent| palette::find(entries, &query.get(), recent)))
    });
    let field = NodeRef::<Input>::new();
    field.on_load(|field| {
        request_animation_frame(move || drop(field.focus()));
    });
    let go = move |to: usize| {
        at.set(to);
        request_animation_frame(move || browser::scroll_near(&option_id(to)));
    };
    let keys = move |event: KeyboardEvent| {
        if event.is_composing() || event.key_code() == 229 {
            return;
        }
        let (count, now) = (found.with_untracked(Vec::len), at.get_untracked());
        match event.key().as_str() {
            "ArrowDown" if count > 0 => go((now + 1) % count),
            "ArrowUp" if count > 0 => go((now + count - 1) % count),
            "PageDown" if count > 0 => go((now + 8).min(count - 1)),
            "PageUp" if count > 0 => go(now.saturating_sub(8)),
            "Enter" => {
                let id = found.with_untracked(|found| found.get(now).map(|entry| entry.id.clone()));
                if let Some(id) = id {
                    acting.choose(&id);
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    let active = move || found.with(|found| (!found.is_empty()).then(|| option_id(at.get())));
    view! {
        <div class="palette-field">
            {Icon::Search.view()}
            <input
                id="palette-query"
                type="text"
                role="combobox"
                node_ref=field
                aria-expanded="true"
                aria-controls="palette-list"
                aria-autocomplete="list"
                aria-activedescendant=active
                aria-label=words.say("palette.title")
                placeholder=words.say("palette.hint")
                autocomplete="off"
                spellcheck="false"
                on:input=move |event| {
                    query.set(event_target_value(&event));
                    go(0);
                }
                on:keydown=keys
            />
        </div>
        <ul id="palette-list" class="palette-list" role="listbox" aria-label=words.say("palette.title")>
            {move || {
                found
                    .get()
                    .into_iter()
                    .enumerate()
                    .map(|(place, Entry { id, name, .. })| {
                        let caps = acting.keymap.with(|keymap| keymap.chord(&id).map(|chord| chord.caps()));
                        let chosen = id.clone();
                        view! {
                            <li
                                id=option_id(place)
                                role="option"
                                data-entry=id
                                aria-selected=move || (at.get() == place).to_string()
                                on:mousemove=move |_| {
                                    if at.get_untracked() != place {
                                        at.set(place);
                                    }
                                }
                                on:click=move |_| acting.choose(&chosen)
                            >
                                <span>{name}</span>
                                {caps.map(caps_view)}
                            </li>
                        }
                    })
                    .collect_view()
            }}
        </ul>
        <p class="palette-none" role="status">
            {move || found.with(Vec::is_empty).then(|| words.fill("palette.none", &[("q", query.get().trim())]))}
        </p>
    }
}

/// What is pressed, key by key.
pub fn caps_view(caps: Vec<String>) -> impl IntoView {
    view! { <span class="caps">{caps.into_iter().map(|cap| view! { <kbd>{cap}</kbd> }).collect_view()}</span> }
}

fn option_id(place: usize) -> String {
    format!("palette-{place}")
}

/// What can be done now, and the parts of the settings.
fn entries(acting: Acting, composing: Composing, words: Words) -> Vec<Entry> {
    let language = words.language();
    let other = if language == Language::English { Language::Chinese } else { Language::English };
    let able = acting.able().get();
    let acts = ACTIONS.iter().filter(|action| !action.held && action.id != "palette" && able.to(action.id));
    let acts = acts.map(|action| {
        let scene = actions::scene(action.id);
        let own = scene.and_then(|at| {
            composing.scenes().with(|scenes| scenes.scenes.get(at).map(|scene| scene.name.clone()))
        });
        let own = own.filter(|own| !own.is_empty()).map(|own| format!(" · {own}")).unwrap_or_default();
        let name = |language| format!("{}{own}", actions::name(action, language));
        Entry { id: action.id.to_owned(), name: name(language), other: name(other) }
    });
    let pages = PAGES.iter().map(|(page, says)| {
        let name =
            |language| format!("{} · {}", i18n::text(language, "settings.title"), i18n::text(language, says));
        Entry { id: format!("page:{page}"), name: name(language), other: name(other) }
    });
    acts.chain(pages).collect()
}
