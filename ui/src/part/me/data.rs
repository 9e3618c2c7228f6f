//! What the relay knows of the visitor: theirs to have, and theirs to end.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::{asked, be_nobody};
use crate::api::Relay;
use crate::browser;
use crate::part::confirm::Confirm;
use crate::seat::Seat;
use crate::words::use_words;

#[component]
pub fn DataPart() -> impl IntoView {
    let (seat, words, relay) = (Seat::get(), use_words(), expect_context::<Relay>());
    let relay = StoredValue::new(relay);
    let (sure, busy, failure) = (RwSignal::new(false), RwSignal::new(false), RwSignal::new(None));
    let me = move || {
        let user = seat.room().with_untracked(|room| room.me.as_ref().map(|me| me.id.clone()))?;
        Some((relay.with_value(|relay| asked(seat, relay))?, user))
    };
    let export = move |_| {
        let Some((relay, user)) = me() else { return };
        busy.set(true);
        spawn_local(async move {
            let found = relay.export(&user).await;
            busy.try_set(false);
            match found {
                Ok(text) => browser::save(&format!("footlight-{user}.json"), "application/json", &text),
                Err(why) => drop(failure.try_set(Some(why))),
            }
        });
    };
    let erase = move || {
        let Some((relay, user)) = me() else { return };
        busy.set(true);
        spawn_local(async move {
            match relay.erase(&user).await {
                Ok(()) => be_nobody(),
                Err(why) => {
                    busy.try_set(false);
                    failure.try_set(Some(why));
                }
            }
        });
    };
    view! {
        <section class="me-part" aria-labelledby="data-heading">
            <h3 id="data-heading">{words.say("data.title")}</h3>
            <p class="me-text">{words.say("data.text")}</p>
            <div class="me-buttons">
                <button id="data-export" type="button" class="secondary" disabled=move || busy.get() on:click=export>
                    {words.say("data.export")}
                </button>
                <button
                    id="data-erase"
                    type="button"
                    class="secondary"
                    disabled=move || busy.get()
                    on:click=move |_| sure.set(true)
                >
                    {words.say("data.erase")}
                </button>
            </div>
            <p class="person-failure" role="alert">
                {move || failure.get().map(|failure| words.failure(&failure))}
            </p>
            <Confirm
                open=sure
                title=Signal::derive(move || words.get("data.erase_title").to_owned())
                text=Signal::derive(move || words.get("data.erase_text").to_owned())
                yes="data.erase_yes"
                no="data.erase_no"
                on_yes=erase
            />
        </section>
    }
}
