//! One's passkeys: each with its name and when it was used, and a way to add one or take one away. Where the browser has
//! none for this page, it says why.

use footlight_protocol::account::{MAX_PASSKEY_NAME, Passkey, PasskeyWish};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::asked;
use crate::api::Relay;
use crate::browser;
use crate::passkey::{self, NoPasskey};
use crate::seat::Seat;
use crate::store::account::{Mine, MineEvent};
use crate::words::use_words;

/// What went wrong on the way to a passkey, as the page's account hears it.
pub(super) fn hear(mine: RwSignal<Mine>, event: MineEvent) {
    mine.try_update(|mine| mine.apply(event));
}

/// Signs in by a passkey; gives the token.
pub(super) async fn sign_in(relay: &Relay) -> Result<String, MineEvent> {
    let challenge = relay.passkey_challenge().await.map_err(MineEvent::Failed)?;
    let proof = passkey::prove(&challenge).await.map_err(|NoPasskey(why)| MineEvent::Without(why))?;
    relay.sign_in_by_passkey(&proof).await.map_err(MineEvent::Failed)
}

/// Makes a passkey: of an account that is made with it, whose token is given, or of one's own.
pub(super) async fn add(relay: &Relay, wish: PasskeyWish, name: String) -> Result<Option<String>, MineEvent> {
    let offer = relay.passkey_offer(&wish).await.map_err(MineEvent::Failed)?;
    let made = passkey::make(&offer, name).await.map_err(|NoPasskey(why)| MineEvent::Without(why))?;
    relay.add_passkey(&made).await.map_err(MineEvent::Failed)
}

/// Says why there are no passkeys here, if so.
#[component]
pub fn WhyNone() -> impl IntoView {
    let words = use_words();
    let why = passkey::possible().err();
    why.map(|NoPasskey(why)| view! { <p class="me-text" id="passkey-none">{words.say(why)}</p> })
}

#[component]
pub fn Passkeys(mine: RwSignal<Mine>, has_password: bool) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let relay = StoredValue::new(expect_context::<Relay>());
    let passkeys = RwSignal::new(Vec::<Passkey>::new());
    let by_me = move || relay.with_value(|relay| asked(seat, relay));
    let look = move || {
        let Some(relay) = by_me() else { return };
        spawn_local(async move {
            match relay.passkeys().await {
                Ok(found) => drop(passkeys.try_set(found)),
                Err(failure) => hear(mine, MineEvent::Failed(failure)),
            }
        });
    };
    look();
    let name = RwSignal::new(words.get("passkey.this_device").to_owned());
    let password = RwSignal::new(String::new());
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some(relay) = by_me() else { return };
        let name = name.get_untracked().trim().to_owned();
        mine.update(|mine| mine.apply(MineEvent::Asked));
        let typed = has_password.then(|| password.get_untracked());
        spawn_local(async move {
            match add(&relay, PasskeyWish { account: None, password: typed }, name).await {
                Ok(_) => {
                    password.try_set(String::new());
                    hear(mine, MineEvent::Said("passkey.added"));
                    look();
                }
                Err(event) => hear(mine, event),
            }
        });
    };
    let remove = move |id: String| {
        let Some(relay) = by_me() else { return };
        mine.update(|mine| mine.apply(MineEvent::Asked));
        spawn_local(async move {
            match relay.remove_passkey(&id).await {
                Ok(()) => {
                    hear(mine, MineEvent::Said("passkey.removed"));
                    look();
                }
                Err(failure) => hear(mine, MineEvent::Failed(failure)),
            }
        });
    };
    let busy = move || mine.with(|mine| mine.busy);
    let day = move |at: u64| browser::moment(at as f64, words.language().tag(), &[("dateStyle", "medium")]);
    let row = move |passkey: Passkey| {
        let Passkey { id, name, made_at, used_at } = passkey;
        let label = words.fill("passkey.remove_named", &[("name", &name)]);
        let when = match used_at {
            Some(used) => words.fill("passkey.used", &[("made", &day(made_at)), ("used", &day(used))]),
            None => words.fill("passkey.made", &[("made", &day(made_at))]),
        };
        view! {
            <li class="passkey">
                <div>
                    <strong>{name}</strong>
                    <p class="me-text">{when}</p>
                </div>
                <button
                    type="button"
                    class="quiet"
                    aria-label=label
                    disabled=busy
                    on:click=move |_| remove(id.clone())
                >
                    {words.say("passkey.remove")}
                </button>
            </li>
        }
    };
    view! {
        <h4>{words.say("passkey.title")}</h4>
        <ul id="passkeys">{move || passkeys.get().into_iter().map(row).collect_view()}</ul>
        <WhyNone/>
        {passkey::possible()
            .is_ok()
            .then(|| {
                view! {
                    <form class="me-form" on:submit=send>
                        <label for="passkey-name">{words.say("passkey.name")}</label>
                        <input
                            id="passkey-name"
                            type="text"
                            maxlength=MAX_PASSKEY_NAME.to_string()
                            prop:value=move || name.get()
                            on:input=move |event| name.set(event_target_value(&event))
                        />
                        {has_password.then(|| view! {
                            <label for="passkey-password">{words.say("account.password")}</label>
                            <input
                                id="passkey-password"
                                type="password"
                                autocomplete="current-password"
                                prop:value=move || password.get()
                                on:input=move |event| password.set(event_target_value(&event))
                            />
                        })}
                        <div class="me-buttons">
                            <button
                                id="passkey-add"
                                type="submit"
                                class="secondary"
                                disabled=move || {
                                    busy()
                                        || name.with(|name| name.trim().is_empty())
                                        || (has_password && password.with(String::is_empty))
                                }
                            >
                                {words.say("passkey.add")}
                            </button>
                        </div>
                    </form>
                }
            })}
    }
}
