//! An account: made of the guest that somebody is, or signed in to. Optional; nothing on the page asks for one.

use footlight_protocol::account::{
    Account, Credentials, MAX_PASSWORD, MIN_PASSWORD, NewPassword, PasskeyWish,
};
use footlight_protocol::room::MAX_NAME;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::passkeys::{self, Passkeys, WhyNone, hear};
use super::{TOKEN, asked, be_guest_again, become_another};
use crate::api::Relay;
use crate::browser;
use crate::passkey;
use crate::seat::Seat;
use crate::store::account::{Form, Mine, MineEvent};
use crate::words::use_words;

#[component]
pub fn AccountPart() -> impl IntoView {
    let (seat, words, relay) = (Seat::get(), use_words(), expect_context::<Relay>());
    let mine = RwSignal::new(Mine::default());
    let relay = StoredValue::new(relay);
    let look = move || {
        let Some(relay) = relay.with_value(|relay| asked(seat, relay)) else { return };
        mine.update(|mine| mine.apply(MineEvent::Asked));
        spawn_local(async move {
            let found = relay.account().await.map_or_else(MineEvent::Failed, MineEvent::Found);
            mine.try_update(|mine| mine.apply(found));
        });
    };
    // The room welcomes this page sooner or later.
    let here = Memo::new(move |_| seat.room().with(|room| room.token.is_some()));
    Effect::new(move |_| {
        if here.get() {
            look();
        }
    });
    let (name, password, new) =
        (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let open = move |form: Form| {
        password.set(String::new());
        new.set(String::new());
        if name.with_untracked(String::is_empty) {
            name.set(seat.room().with_untracked(|room| room.name().to_owned()));
        }
        mine.update(|mine| mine.apply(MineEvent::Opened(form)));
        request_animation_frame(|| browser::focus_in("#me form input"));
    };
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some(relay) = relay.with_value(|relay| asked(seat, relay)) else { return };
        let form = mine.with_untracked(|mine| mine.form);
        let (name, password, new) = (name.get_untracked(), password.get_untracked(), new.get_untracked());
        mine.update(|mine| mine.apply(MineEvent::Asked));
        spawn_local(async move {
            let credentials = Credentials { name: name.trim().to_owned(), password: password.clone() };
            let token = match form {
                Form::Make => relay.make_account(&credentials).await,
                Form::SignIn => relay.sign_in(&credentials).await,
                _ => relay.change_password(&NewPassword { old: password, new }).await,
            };
            match (token, form) {
                (Ok(token), Form::SignIn) => become_another(&token),
                (Ok(token), _) => {
                    // The same person, by another token than before.
                    browser::store(TOKEN, &token);
                    seat.renew(token);
                    if form == Form::Change {
                        mine.try_update(|mine| mine.apply(MineEvent::Changed));
                    } else {
                        look();
                    }
                }
                (Err(failure), _) => drop(mine.try_update(|mine| mine.apply(MineEvent::Failed(failure)))),
            }
        });
    };
    let sign_in_by_passkey = move |_| {
        let Some(relay) = relay.with_value(|relay| asked(seat, relay)) else { return };
        mine.update(|mine| mine.apply(MineEvent::Asked));
        spawn_local(async move {
            match passkeys::sign_in(&relay).await {
                Ok(token) => become_another(&token),
                Err(event) => hear(mine, event),
            }
        });
    };
    let make_by_passkey = move |_| {
        let Some(relay) = relay.with_value(|relay| asked(seat, relay)) else { return };
        let (account, label) = (name.get_untracked().trim().to_owned(), words.get("passkey.this_device"));
        let wish = PasskeyWish { account: Some(account), password: None };
        mine.update(|mine| mine.apply(MineEvent::Asked));
        spawn_local(async move {
            match passkeys::add(&relay, wish, label.to_owned()).await {
                Ok(token) => {
                    if let Some(token) = token {
                        browser::store(TOKEN, &token);
                        seat.renew(token);
                    }
                    look();
                }
                Err(event) => hear(mine, event),
            }
        });
    };
    let sign_out_all = move |_| {
        let Some(relay) = relay.with_value(|relay| asked(seat, relay)) else { return };
        mine.update(|mine| mine.apply(MineEvent::Asked));
        spawn_local(async move {
            match relay.sign_out_everywhere().await {
                Ok(()) => be_guest_again(),
                Err(failure) => drop(mine.try_update(|mine| mine.apply(MineEvent::Failed(failure)))),
            }
        });
    };
    let form = Memo::new(move |_| mine.with(|mine| mine.form));
    let account = Memo::new(move |_| mine.with(|mine| mine.account.clone()));
    let busy = move || mine.with(|mine| mine.busy);
    let is_long = move |text: RwSignal<String>| text.with(|text| text.chars().count() >= MIN_PASSWORD);
    let ready = move || match form.get() {
        Form::Make => !name.with(|name| name.trim().is_empty()) && is_long(password),
        Form::SignIn => !name.with(|name| name.trim().is_empty()) && !password.with(String::is_empty),
        _ => !password.with(String::is_empty) && is_long(new),
    };
    let button = move |id: &'static str, key: &'static str, form: Form| {
        view! {
            <button id=id type="button" class="secondary" on:click=move |_| open(form)>
                {words.say(key)}
            </button>
        }
    };
    let offers = move || {
        match account.get() {
            None => ().into_any(),
            Some(None) => view! {
                <p class="me-text">{words.say("account.text")}</p>
                <div class="me-buttons">
                    {button("account-make", "account.make", Form::Make)}
                    {button("account-sign-in", "account.sign_in", Form::SignIn)}
                    {passkey::possible()
                        .is_ok()
                        .then(|| {
                            view! {
                                <button
                                    id="passkey-sign-in"
                                    type="button"
                                    class="secondary"
                                    disabled=busy
                                    on:click=sign_in_by_passkey
                                >
                                    {words.say("passkey.sign_in")}
                                </button>
                            }
                        })}
                </div>
                <WhyNone/>
            }
            .into_any(),
            Some(Some(Account { name, has_password, .. })) => view! {
                <p class="me-text" id="account-name">{move || words.fill("account.is", &[("name", &name)])}</p>
                <div class="me-buttons">
                    {has_password.then(|| button("account-change", "account.change", Form::Change))}
                    <button id="account-sign-out" type="button" class="secondary" on:click=move |_| be_guest_again()>
                        {words.say("account.sign_out")}
                    </button>
                    <button id="account-sign-out-all" type="button" class="secondary" disabled=busy on:click=sign_out_all>
                        {words.say("account.sign_out_all")}
                    </button>
                </div>
                <Passkeys mine=mine has_password=has_password/>
            }
            .into_any(),
        }
    };
    let fields = move || {
        let form = form.get();
        let named = matches!(form, Form::Make | Form::SignIn);
        let (hint, go) = match form {
            Form::Make => ("account.make_text", "account.make"),
            Form::SignIn => ("account.sign_in_text", "account.sign_in"),
            _ => ("account.change_text", "account.change"),
        };
        let first = if form == Form::Change { "account.old" } else { "account.password" };
        let hints = if form == Form::Make { "new-password" } else { "current-password" };
        view! {
            <form class="me-form" on:submit=send>
                {named
                    .then(|| {
                        view! {
                            <label for="account-name-input">{words.say("account.name")}</label>
                            <input
                                id="account-name-input"
                                type="text"
                                autocomplete="username"
                                maxlength=MAX_NAME.to_string()
                                prop:value=move || name.get()
                                on:input=move |event| name.set(event_target_value(&event))
                            />
                        }
                    })}
                <label for="account-password">{words.say(first)}</label>
                <input
                    id="account-password"
                    type="password"
                    autocomplete=hints
                    maxlength=MAX_PASSWORD.to_string()
                    prop:value=move || password.get()
                    on:input=move |event| password.set(event_target_value(&event))
                />
                {(form == Form::Change)
                    .then(|| {
                        view! {
                            <label for="account-new">{words.say("account.new")}</label>
                            <input
                                id="account-new"
                                type="password"
                                autocomplete="new-password"
                                maxlength=MAX_PASSWORD.to_string()
                                prop:value=move || new.get()
                                on:input=move |event| new.set(event_target_value(&event))
                            />
                        }
                    })}
                <p class="me-text">{words.say(hint)}</p>
                <div class="me-buttons">
                    <button id="account-send" type="submit" class="primary" disabled=move || busy() || !ready()>
                        {words.say(go)}
                    </button>
                    {(form == Form::Make && passkey::possible().is_ok())
                        .then(|| {
                            view! {
                                <button
                                    id="passkey-make"
                                    type="button"
                                    class="secondary"
                                    disabled=move || busy() || name.with(|name| name.trim().is_empty())
                                    on:click=make_by_passkey
                                >
                                    {words.say("passkey.make")}
                                </button>
                            }
                        })}
                    <button type="button" class="quiet" on:click=move |_| open(Form::Closed)>
                        {words.say("account.cancel")}
                    </button>
                </div>
            </form>
        }
    };
    view! {
        <section class="me-part" aria-labelledby="account-heading">
            <h3 id="account-heading">{words.say("account.title")}</h3>
            {move || if form.get() == Form::Closed { offers().into_any() } else { fields().into_any() }}
            <p class="person-failure" role="alert">
                {move || {
                    let (failure, without) = mine.with(|mine| (mine.failure.clone(), mine.without));
                    failure.map(|failure| words.failure(&failure)).or(without.map(|why| words.get(why).to_owned()))
                }}
            </p>
            <p class="me-done" role="status">
                {move || {
                    let (changed, said) = mine.with(|mine| (mine.changed, mine.said));
                    changed.then_some("account.changed").or(said).map(|said| words.get(said))
                }}
            </p>
        </section>
    }
}
