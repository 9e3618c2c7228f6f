//! For the owner: all that is known of a person as a file, and the end of it.

use footlight_protocol::room::Member;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::Relay;
use crate::browser;
use crate::desk::Desk;
use crate::part::confirm::Confirm;
use crate::part::message::shown_name;
use crate::words::use_words;

/// Nothing where nobody owns the room: the owner sits at a desk.
#[component]
pub fn PersonData(user: Member) -> impl IntoView {
    use_context::<Desk>().map(|desk| view! { <Ends desk user /> })
}

#[component]
fn Ends(desk: Desk, user: Member) -> impl IntoView {
    let words = use_words();
    let (sure, busy, failure) = (RwSignal::new(false), RwSignal::new(false), RwSignal::new(None));
    let name = shown_name(&user);
    let id = StoredValue::new(user.id);
    let relay = move || desk.access().with_untracked(|access| access.as_ref().map(Relay::owned));
    let export = move |_| {
        let Some(relay) = relay() else { return };
        busy.set(true);
        spawn_local(async move {
            let user = id.get_value();
            let found = relay.export(&user).await;
            busy.try_set(false);
            match found {
                Ok(text) => browser::save(&format!("footlight-{user}.json"), "application/json", &text),
                Err(why) => drop(failure.try_set(Some(why))),
            }
        });
    };
    // The room tells all pages, and the card closes.
    let erase = move || {
        let Some(relay) = relay() else { return };
        busy.set(true);
        spawn_local(async move {
            let ended = relay.erase(&id.get_value()).await;
            busy.try_set(false);
            if let Err(why) = ended {
                failure.try_set(Some(why));
            }
        });
    };
    view! {
        <section class="person-ends">
            <button
                id="person-export"
                type="button"
                class="deed"
                title=words.say("data.text_owner")
                disabled=move || busy.get()
                on:click=export
            >
                {words.say("data.export_owner")}
            </button>
            <button
                id="person-erase"
                type="button"
                class="deed"
                data-deed="ban"
                disabled=move || busy.get()
                on:click=move |_| sure.set(true)
            >
                {words.say("data.erase_owner")}
            </button>
            <p class="person-failure" role="alert">
                {move || failure.get().map(|failure| words.failure(&failure))}
            </p>
            <Confirm
                open=sure
                title=Signal::derive(move || words.fill("data.erase_owner_title", &[("name", &name)]))
                text=Signal::derive(move || words.get("data.erase_owner_text").to_owned())
                yes="data.erase_owner_yes"
                no="data.erase_no"
                on_yes=erase
            />
        </section>
    }
}
