//! The room's own emotes, for its creator to set: each is called like the file that it is made of, and there at once.

use footlight_protocol::emote::{Emote, MAX_EMOTE_NAME, MAX_EMOTES, is_name};
use footlight_protocol::{Code, Failure};
use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::File;

use crate::api::Relay;
use crate::desk::Desk;
use crate::part::emote_view::emote_view;
use crate::part::icon::Icon;
use crate::part::upload::Upload;
use crate::seat::Seat;
use crate::words::use_words;

#[component]
pub fn EmoteField() -> impl IntoView {
    let (desk, seat, words) = (Desk::get(), Seat::get(), use_words());
    let emotes = Memo::new(move |_| seat.room().with(|room| room.emotes.clone()));
    let failure = RwSignal::new(None::<(String, Failure)>);
    let busy = RwSignal::new(false);
    let full = Signal::derive(move || busy.get() || emotes.with(Vec::len) >= MAX_EMOTES);
    let relay = move || desk.access().with_untracked(|access| access.as_ref().map(Relay::owned));
    let upload = move |files: Vec<File>| {
        let Some(relay) = relay() else { return };
        busy.set(true);
        failure.set(None);
        spawn_local(async move {
            for file in files {
                let name = called(&file.name());
                let done = if is_name(&name) {
                    relay.set_emote(&name, &file).await
                } else {
                    Err(Failure::new(Code::Malformed, "This is no name for an emote"))
                };
                // The others may be good.
                if let Err(refused) = done {
                    failure.try_set(Some((file.name(), refused)));
                }
            }
            busy.try_set(false);
        });
    };
    let remove = move |name: String| {
        let Some(relay) = relay() else { return };
        failure.set(None);
        spawn_local(async move {
            if let Err(refused) = relay.remove_emote(&name).await {
                failure.try_set(Some((name, refused)));
            }
        });
    };
    view! {
        <section class="gift-list emote-field">
            <h3>{words.say("emotes.title")}</h3>
            <p>{words.say("emotes.text")}</p>
            <ul>
                <For each=move || emotes.get() key=|emote| (emote.name.clone(), emote.picture.clone()) let:emote>
                    <EmoteRow emote remove />
                </For>
            </ul>
            <p class="key-failure" role="alert">
                {move || {
                    failure
                        .get()
                        .map(|(file, failure)| {
                            let said = match failure.code {
                                Code::Malformed => words.get("emotes.name_hint").to_owned(),
                                _ => words.failure(&failure),
                            };
                            format!("{file}: {said}")
                        })
                }}
            </p>
            <Upload id="emote-files" multiple=true disabled=full chosen=upload>
                {words.say("emotes.add")}
            </Upload>
        </section>
    }
}

#[component]
fn EmoteRow(emote: Emote, remove: impl Fn(String) + Copy + Send + 'static) -> impl IntoView {
    let words = use_words();
    let name = emote.name.clone();
    view! {
        <li class="emote-row">
            <span class="emote-shown">{emote_view(&emote)}</span>
            <code>{format!(":{name}:")}</code>
            <button
                type="button"
                class="quiet square"
                title=words.say("emotes.remove")
                aria-label=words.say("emotes.remove")
                on:click=move |_| remove(name.clone())
            >
                {Icon::Trash.view()}
            </button>
        </li>
    }
}

/// What the emote of a file is called: its name without the ending, `_` for what no emote may be called by.
fn called(file: &str) -> String {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let allowed = stem.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' });
    let name: String = allowed.take(MAX_EMOTE_NAME).collect();
    name.trim_matches('_').to_owned()
}
