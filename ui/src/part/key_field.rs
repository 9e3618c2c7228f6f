//! Which key does what, for the creator to change: a row an action, and the next key that is pressed is its own.

use leptos::html::Button;
use leptos::prelude::*;
use web_sys::KeyboardEvent;

use crate::acting::{self, Acting};
use crate::desk::Desk;
use crate::part::icon::Icon;
use crate::part::palette::caps_view;
use crate::store::actions::{self, ACTIONS, Action, Keymap};
use crate::store::chord::Chord;
use crate::words::use_words;

/// The row whose next key is waited for, and what was pressed if it cannot simply be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asking {
    id: &'static str,
    pressed: Option<Refused>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Refused {
    /// It does something else everywhere.
    Reserved(Chord),
    /// It is this action's.
    Taken(Chord, &'static Action),
}

#[component]
pub fn KeyField() -> impl IntoView {
    let (desk, acting, words) = (Desk::get(), Acting::get(), use_words());
    let asking = RwSignal::new(None::<Asking>);
    let changed = Memo::new(move |_| desk.preferences().with(|preferences| !preferences.keys.is_empty()));
    view! {
        <section class="key-field" aria-labelledby="key-field-title">
            <header class="key-field-head">
                <h3 id="key-field-title">{words.say("keyboard.title")}</h3>
                <button
                    id="keys-reset"
                    type="button"
                    class="quiet"
                    disabled=move || !changed.get()
                    on:click=move |_| {
                        asking.set(None);
                        acting.rebind(|own| own.clear());
                    }
                >
                    {words.say("keyboard.reset_all")}
                </button>
            </header>
            <p>{words.say("keyboard.text")}</p>
            <ul class="key-rows">
                {ACTIONS.iter().map(|action| view! { <Row action asking /> }).collect_view()}
            </ul>
        </section>
    }
}

#[component]
fn Row(action: &'static Action, asking: RwSignal<Option<Asking>>) -> impl IntoView {
    let (desk, acting, words) = (Desk::get(), Acting::get(), use_words());
    let id = action.id;
    let asked =
        Memo::new(move |_| asking.with(|asking| asking.as_ref().is_some_and(|asking| asking.id == id)));
    let refused = Memo::new(move |_| {
        asking.with(|asking| asking.as_ref().filter(|asking| asking.id == id)?.pressed.clone())
    });
    let chord = Memo::new(move |_| acting.keymap.with(|keymap| keymap.chord(id).cloned()));
    let changed =
        Memo::new(move |_| desk.preferences().with(|preferences| preferences.keys.contains_key(id)));
    let name = move || actions::name(action, words.language());
    let take = move |chord: &Chord| {
        asking.set(None);
        acting.rebind(|own| Keymap::bind(own, id, chord));
    };
    let hear = move |event: KeyboardEvent| {
        if !asked.get_untracked() {
            return;
        }
        // Whoever does not want it after all, or goes on, says so as everywhere.
        match event.key().as_str() {
            "Escape" => {
                event.prevent_default();
                event.stop_propagation();
                return asking.set(None);
            }
            "Tab" => return asking.set(None),
            _ => {}
        }
        event.prevent_default();
        event.stop_propagation();
        let Some(chord) = acting::chord(&event) else { return };
        if chord.is_reserved() {
            return asking.set(Some(Asking { id, pressed: Some(Refused::Reserved(chord)) }));
        }
        match acting.keymap.with_untracked(|keymap| keymap.owner(&chord)) {
            Some(owner) if owner.id != id => {
                asking.set(Some(Asking { id, pressed: Some(Refused::Taken(chord, owner)) }));
            }
            _ => take(&chord),
        }
    };
    let button = NodeRef::<Button>::new();
    let ask = move |_| {
        let on = asked.get_untracked();
        asking.set((!on).then_some(Asking { id, pressed: None }));
        // A click gives buttons no focus on some systems, and the key goes to what has it.
        if let Some(button) = button.get_untracked() {
            let _ = button.focus();
        }
    };
    let label = move || {
        let key = chord.with(|chord| {
            chord.as_ref().map_or_else(|| words.get("keyboard.no_key").to_owned(), Chord::line)
        });
        format!("{}: {key}", name())
    };
    view! {
        <li class="key-line" data-row="" data-key=id>
            <span class="key-line-name">{name}</span>
            <button
                type="button"
                class="secondary key-cap"
                node_ref=button
                class:asks=asked
                data-act="record"
                aria-label=label
                aria-pressed=move || asked.get().to_string()
                title=words.say("keyboard.record")
                on:click=ask
                on:keydown=hear
                on:blur=move |_| {
                    // A click on "use it here" takes the focus away first.
                    if asked.get_untracked() && refused.with_untracked(Option::is_none) {
                        asking.set(None);
                    }
                }
            >
                {move || match (asked.get(), chord.get()) {
                    (true, _) => view! { <span class="key-press">{words.say("keyboard.press")}</span> }.into_any(),
                    (false, Some(chord)) => caps_view(chord.caps()).into_any(),
                    (false, None) => view! { <span class="key-none">"–"</span> }.into_any(),
                }}
            </button>
            <button
                type="button"
                class="quiet square"
                class:unseen=move || chord.with(Option::is_none)
                data-act="clear"
                disabled=move || chord.with(Option::is_none)
                aria-label=move || format!("{}: {}", name(), words.get("keyboard.clear"))
                title=words.say("keyboard.clear")
                on:click=move |_| acting.rebind(|own| drop(own.insert(id.to_owned(), String::new())))
            >
                {Icon::Close.view()}
            </button>
            <button
                type="button"
                class="quiet square"
                class:unseen=move || !changed.get()
                data-act="reset"
                disabled=move || !changed.get()
                aria-label=move || format!("{}: {}", name(), words.get("keyboard.reset"))
                title=words.say("keyboard.reset")
                on:click=move |_| acting.rebind(|own| Keymap::reset(own, id))
            >
                {Icon::Back.view()}
            </button>
            <p class="key-refused" role="status">
                {move || {
                    refused.get().map(|refused| match refused {
                        Refused::Reserved(chord) => {
                            words.fill("keyboard.reserved", &[("key", &chord.line())]).into_any()
                        }
                        Refused::Taken(chord, owner) => {
                            let other = actions::name(owner, words.language());
                            let text = words.fill("keyboard.taken", &[("key", &chord.line()), ("other", &other)]);
                            view! {
                                <span>{text}</span>
                                <button type="button" class="secondary" data-act="take" on:click=move |_| take(&chord)>
                                    {words.say("keyboard.take")}
                                </button>
                            }
                                .into_any()
                        }
                    })
                }}
            </p>
        </li>
    }
}
