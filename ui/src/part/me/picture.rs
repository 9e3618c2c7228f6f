//! The picture that the visitor shows of themselves.

use footlight_protocol::{Failure, UserId};
use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::File;

use super::asked;
use crate::api::Relay;
use crate::part::upload::Upload;
use crate::seat::Seat;
use crate::words::use_words;

/// Not there for whoever has no name yet: nobody would know whose picture it is.
#[component]
pub fn PicturePart() -> impl IntoView {
    let (seat, words, relay) = (Seat::get(), use_words(), expect_context::<Relay>());
    let relay = StoredValue::new(relay);
    let (busy, failure) = (RwSignal::new(false), RwSignal::new(None::<Failure>));
    let named = Memo::new(move |_| seat.room().with(|room| !room.name().is_empty()));
    let has =
        Memo::new(move |_| seat.room().with(|room| room.me.as_ref().is_some_and(|me| me.avatar.is_some())));
    let me = move || -> Option<(Relay, UserId)> {
        let user = seat.room().with_untracked(|room| room.me.as_ref().map(|me| me.id.clone()))?;
        Some((relay.with_value(|relay| asked(seat, relay))?, user))
    };
    let done = move |outcome: Result<(), Failure>| {
        busy.try_set(false);
        failure.try_set(outcome.err());
    };
    let upload = move |files: Vec<File>| {
        let Some((relay, user)) = me() else { return };
        busy.set(true);
        spawn_local(async move { done(relay.set_avatar(&user, &files[0]).await) });
    };
    let remove = move |_| {
        let Some((relay, user)) = me() else { return };
        busy.set(true);
        spawn_local(async move { done(relay.remove_avatar(&user).await) });
    };
    view! {
        <Show when=move || named.get()>
            <section class="me-part" aria-labelledby="picture-heading">
                <h3 id="picture-heading">{words.say("picture.title")}</h3>
                <div class="me-buttons">
                    <Upload id="picture-file" disabled=busy chosen=upload>
                        {move || words.get(if has.get() { "picture.other" } else { "picture.choose" })}
                    </Upload>
                    <Show when=move || has.get()>
                        <button
                            id="picture-remove"
                            type="button"
                            class="quiet"
                            disabled=move || busy.get()
                            on:click=remove
                        >
                            {words.say("picture.remove")}
                        </button>
                    </Show>
                </div>
                <p class="person-failure" role="alert">
                    {move || failure.get().map(|failure| words.failure(&failure))}
                </p>
            </section>
        </Show>
    }
}
