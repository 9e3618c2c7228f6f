//! The form of a destination: which platform, which server, and the stream key, which goes in and never comes back.

use footlight_protocol::destination::{
    Address, Destination, Draft, Key, MAX_KEY, MAX_NAME, MAX_URL, Misfit, Platform,
};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::bridge;
use crate::browser;
use crate::part::icon::Icon;
use crate::part::modal::modal;
use crate::store::destinations as store;
use crate::words::use_words;

/// What the form is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    New,
    Change(Destination),
}

/// A dialog while `form` holds something.
#[component]
pub fn DestinationForm(form: RwSignal<Option<Form>>) -> impl IntoView {
    let words = use_words();
    let dialog = modal(move || form.with(Option::is_some));
    let title = move || {
        words.get(if matches!(form.get(), Some(Form::Change(_))) {
            "dest.edit_title"
        } else {
            "dest.add_title"
        })
    };
    view! {
        <dialog
            id="destination-form"
            class="dialog dest-form"
            node_ref=dialog
            aria-labelledby="destination-form-title"
            on:close=move |_| form.set(None)
        >
            <h2 id="destination-form-title">{title}</h2>
            {move || form.get().map(|which| view! { <Fields which form /> })}
        </dialog>
    }
}

#[component]
fn Fields(which: Form, form: RwSignal<Option<Form>>) -> impl IntoView {
    let words = use_words();
    let before = match which {
        Form::Change(destination) => Some(destination),
        Form::New => None,
    };
    let begin = before.clone().map_or((Platform::Twitch, None, None), |destination| {
        (destination.platform, Some(destination.name), Some(destination.url))
    });
    let platform = RwSignal::new(begin.0);
    // None: as the platform has it, also when another one is chosen.
    let (name, url) = (RwSignal::new(begin.1), RwSignal::new(begin.2));
    let key = RwSignal::new(String::new());
    let (wrong, busy) = (RwSignal::new(None::<String>), RwSignal::new(false));

    let name_now = Memo::new(move |_| {
        let own = match platform.get() {
            Platform::Other => "",
            platform => words.get(store::platform(platform)),
        };
        name.get().unwrap_or_else(|| own.to_owned())
    });
    let url_now = Memo::new(move |_| {
        url.get().unwrap_or_else(|| platform.get().server().unwrap_or_default().to_owned())
    });
    let before = StoredValue::new(before);
    // A key goes to the address that it was given for, and nowhere else.
    let keeps_key = move || {
        before.with_value(|before| before.as_ref().is_some_and(|before| before.url == url_now.get().trim()))
    };

    let check = move || -> Result<(Draft, Option<Key>), Misfit> {
        let (named, url) = (name_now.get_untracked(), url_now.get_untracked());
        Address::parse(&url)?;
        if named.trim().is_empty() || named.trim().chars().count() > MAX_NAME {
            return Err(Misfit::Name);
        }
        let typed = key.get_untracked();
        let key = if typed.trim().is_empty() && keeps_key() { None } else { Some(Key::new(&typed)?) };
        let id = before.with_value(|before| before.as_ref().map(|before| before.id.clone()));
        Ok((Draft { id, platform: platform.get_untracked(), name: named, url }, key))
    };
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let (draft, key) = match check() {
            Ok(checked) => checked,
            Err(misfit) => {
                wrong.set(Some(words.get(store::misfit(misfit)).to_owned()));
                return browser::focus(match misfit {
                    Misfit::Name => "destination-name",
                    Misfit::Key => "destination-key",
                    _ => "destination-url",
                });
            }
        };
        busy.set(true);
        spawn_local(async move {
            let saved = bridge::put_destination(&draft, key.as_ref()).await;
            busy.try_set(false);
            match saved {
                Ok(()) => form.set(None),
                Err(failure) => drop(wrong.try_set(Some(words.failure(&failure)))),
            }
        });
    };
    let key_hint = move || if keeps_key() { words.get("dest.key_kept") } else { words.get("dest.key_paste") };
    view! {
        <form class="dest-fields" on:submit=save novalidate>
            <label for="destination-platform">{words.say("dest.platform")}</label>
            <select
                id="destination-platform"
                on:change=move |event| {
                    if let Some(chosen) = Platform::of(&event_target_value(&event)) {
                        platform.set(chosen);
                        wrong.set(None);
                    }
                }
            >
                {Platform::ALL
                    .map(|each| {
                        view! {
                            <option value=each.tag() selected=move || platform.get_untracked() == each>
                                {words.say(store::platform(each))}
                            </option>
                        }
                    })
                    .collect_view()}
            </select>
            <label for="destination-name">{words.say("dest.name")}</label>
            <input
                id="destination-name"
                type="text"
                maxlength=MAX_NAME.to_string()
                autocomplete="off"
                prop:value=move || name_now.get()
                on:input=move |event| name.set(Some(event_target_value(&event)))
            />
            <label for="destination-url">{words.say("dest.server")}</label>
            <input
                id="destination-url"
                type="text"
                inputmode="url"
                spellcheck="false"
                autocomplete="off"
                maxlength=MAX_URL.to_string()
                placeholder="rtmps://…"
                prop:value=move || url_now.get()
                on:input=move |event| url.set(Some(event_target_value(&event)))
            />
            <Show when=move || store::is_readable(&url_now.get())>
                <p class="dest-note">{Icon::Unlock.view()} <span>{words.say("dest.readable")}</span></p>
            </Show>
            <label for="destination-key">{words.say("dest.key")}</label>
            <input
                id="destination-key"
                type="password"
                spellcheck="false"
                autocomplete="off"
                maxlength=MAX_KEY.to_string()
                placeholder=key_hint
                aria-describedby="destination-finding"
                prop:value=move || key.get()
                on:input=move |event| key.set(event_target_value(&event))
            />
            <p id="destination-finding" class="dest-hint">
                {move || words.get(store::finding(platform.get()))}
            </p>
            <p class="dest-wrong" role="alert">
                {move || wrong.get()}
            </p>
            <div class="dialog-buttons">
                <button type="button" class="secondary" on:click=move |_| form.set(None)>
                    {words.say("dest.cancel")}
                </button>
                <button id="destination-save" type="submit" class="primary" disabled=move || busy.get()>
                    {words.say("dest.save")}
                </button>
            </div>
        </form>
    }
}
