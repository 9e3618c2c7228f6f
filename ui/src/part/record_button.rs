//! Hands the creator the room's record of moderation, as a table that any spreadsheet opens.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::Relay;
use crate::browser;
use crate::desk::Desk;
use crate::part::icon::Icon;
use crate::words::use_words;

#[component]
pub fn RecordButton() -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    let busy = RwSignal::new(false);
    let wrong = RwSignal::new(None::<String>);
    let fetch = move |_| {
        let Some(access) = desk.access().get_untracked() else { return };
        busy.set(true);
        wrong.set(None);
        spawn_local(async move {
            let relay = Relay::owned(&access);
            let name = format!("footlight-{}-audit.csv", relay.room());
            let record = relay.record(words.language().tag()).await;
            match record {
                Ok(text) => browser::save(&name, "text/csv;charset=utf-8", &text),
                Err(failure) => drop(wrong.try_set(Some(words.failure(&failure)))),
            }
            busy.try_set(false);
        });
    };
    view! {
        <div class="record">
            <button
                id="record-download"
                type="button"
                class="quiet"
                title=words.say("record.title")
                disabled=move || busy.get()
                on:click=fetch
            >
                {Icon::Download.view()}
                {words.say("record.download")}
            </button>
            {move || wrong.get().map(|wrong| view! { <p class="field-wrong" role="alert">{wrong}</p> })}
        </div>
    }
}
