//! Stream keys: for OBS and other encoders that publish to this room.

use footlight_protocol::key::{MAX_KEY_NAME, StreamKey};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api;
use crate::desk::Desk;
use crate::part::copy::CopyField;
use crate::part::icon::Icon;
use crate::store::keys::{Keys, KeysEvent, Sure};
use crate::words::use_words;

/// Lists the keys while `open`.
#[component]
pub fn StreamKeys(open: RwSignal<bool>) -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    let keys = RwSignal::new(Keys::default());
    let ask = move |request: Request| {
        let Some(access) = desk.access().get_untracked() else { return };
        keys.update(|keys| keys.apply(KeysEvent::Asked));
        spawn_local(async move {
            let event = carry_out(api::Relay::owned(&access), request).await;
            keys.try_update(|keys| keys.apply(event));
        });
    };
    Effect::new(move |_| {
        if open.get() {
            ask(Request::List);
        } else {
            keys.update(|keys| keys.apply(KeysEvent::PutAway));
        }
    });
    let name = RwSignal::new(String::new());
    let make = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let wanted = name.get_untracked().trim().to_owned();
        if !wanted.is_empty() {
            name.set(String::new());
            ask(Request::Make(wanted));
        }
    };
    let server = Signal::derive(move || {
        desk.access()
            .with(|access| access.as_ref().and_then(|access| access.rtmp.clone()))
            .unwrap_or_default()
    });
    let new = Memo::new(move |_| keys.with(|keys| keys.new.as_ref().map(|new| new.key.clone())));
    let rows = move || keys.with(|keys| keys.list.clone()).unwrap_or_default();
    let busy = move || keys.with(|keys| keys.busy);
    view! {
        <section class="stream-keys" aria-labelledby="keys-heading">
            <h3 id="keys-heading">{words.say("key.title")}</h3>
            <p>{words.say("key.text")}</p>
            <Show when=move || !server.get().is_empty()>
                <CopyField id="key-server" button="key-server-copy" label="key.server" text=server />
            </Show>
            {move || {
                new.get()
                    .map(|key| {
                        view! {
                            <div class="key-new" role="status">
                                <CopyField
                                    id="key-text"
                                    button="key-copy"
                                    label="key.key"
                                    text=Signal::stored(key)
                                />
                                <p>{Icon::Warning.view()} <span>{words.say("key.once")}</span></p>
                            </div>
                        }
                    })
            }}
            <p class="key-failure" role="alert">
                {move || keys.with(|keys| keys.failure.clone()).map(|failure| words.failure(&failure))}
            </p>
            <ul class="key-list">
                <For
                    each=rows
                    key=|key| (key.id, key.publishing)
                    children=move |key| view! { <Row key keys do_it=Callback::new(move |sure| ask(Request::Do(sure))) /> }
                />
            </ul>
            <form class="key-make" on:submit=make>
                <input
                    id="key-name"
                    type="text"
                    maxlength=MAX_KEY_NAME.to_string()
                    placeholder=words.say("key.name")
                    aria-label=words.say("key.name")
                    prop:value=move || name.get()
                    on:input=move |event| name.set(event_target_value(&event))
                />
                <button
                    id="key-make"
                    type="submit"
                    class="secondary"
                    disabled=move || busy() || name.with(|name| name.trim().is_empty())
                >
                    {words.say("key.make")}
                </button>
            </form>
        </section>
    }
}

/// One key, with what can be done to it. Both cut off whoever publishes with it, so they ask once more.
#[component]
fn Row(key: StreamKey, keys: RwSignal<Keys>, do_it: Callback<Sure>) -> impl IntoView {
    let words = use_words();
    let id = key.id;
    let press = move |sure: Sure| {
        if keys.with_untracked(|keys| keys.sure == Some(sure)) {
            do_it.run(sure);
        } else {
            keys.update(|keys| keys.apply(KeysEvent::Considered(Some(sure))));
        }
    };
    let button = move |sure: Sure, says: &'static str, asks: &'static str| {
        let asked = move || keys.with(|keys| keys.sure == Some(sure));
        view! {
            <button
                type="button"
                class="quiet"
                class:sure=asked
                disabled=move || keys.with(|keys| keys.busy)
                on:click=move |_| press(sure)
            >
                {move || words.get(if asked() { asks } else { says })}
            </button>
        }
    };
    view! {
        <li class="key-row" data-key=id.0.to_string()>
            <span class="key-name">{key.name}</span>
            {key.publishing.then(|| view! { <span class="live-badge">{words.say("live.badge")}</span> })}
            <span class="gap"></span>
            {button(Sure::Rotate(id), "key.rotate", "key.rotate_sure")}
            {button(Sure::Revoke(id), "key.revoke", "key.revoke_sure")}
        </li>
    }
}

enum Request {
    List,
    Make(String),
    Do(Sure),
}

async fn carry_out(relay: api::Relay, request: Request) -> KeysEvent {
    let done = match request {
        Request::List => relay.keys().await.map(KeysEvent::Listed),
        Request::Make(name) => relay.make_key(name).await.map(|new| KeysEvent::Made { new, instead: None }),
        Request::Do(Sure::Rotate(id)) => {
            relay.rotate_key(id).await.map(|new| KeysEvent::Made { new, instead: Some(id) })
        }
        Request::Do(Sure::Revoke(id)) => relay.revoke_key(id).await.map(|()| KeysEvent::Revoked(id)),
    };
    done.unwrap_or_else(KeysEvent::Failed)
}
