//! How people come to watch: the link, its QR code, and who can open it.

use leptos::html::Input;
use leptos::prelude::*;

use crate::desk::Desk;
use crate::part::copy::CopyButton;
use crate::part::icon::Icon;
use crate::part::qr::Qr;
use crate::part::reach::ReachLine;
use crate::words::use_words;

#[component]
pub fn Share() -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    let link = Memo::new(move |_| {
        desk.access()
            .with(|access| access.as_ref().and_then(|access| access.links.first().cloned()))
            .unwrap_or_default()
    });
    let shared =
        Memo::new(move |_| desk.access().with(|access| access.as_ref().is_some_and(|access| access.shared)));
    let on_air = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.phase.on_air()));
    let locked = Memo::new(move |_| on_air.get() || desk.switching().get());
    let internet = Memo::new(move |_| {
        desk.access().with(|access| access.as_ref().is_some_and(|access| access.internet))
    });
    let field = NodeRef::<Input>::new();
    let hint = move || {
        words.get(match (shared.get(), on_air.get()) {
            (true, false) => "share.on",
            (false, false) => "share.off",
            (true, true) => "share.on_air_on",
            (false, true) => "share.on_air_off",
        })
    };
    view! {
        <section class="card share">
            <div class="share-main">
                <div class="share-row">
                    <label class="picker-label" for="link">
                        {Icon::Network.view()} <span>{words.say("share.title")}</span>
                    </label>
                    <CopyButton id="copy" text=link.into() field />
                </div>
                <input
                    id="link"
                    type="text"
                    readonly
                    node_ref=field
                    prop:value=move || link.get()
                    on:focus=move |_| {
                        if let Some(field) = field.get_untracked() {
                            field.select();
                        }
                    }
                />
                <Switch
                    id="sharing"
                    on=shared
                    locked=locked.into()
                    set=move |on| desk.set_sharing(on)
                    label="share.network"
                    hint=hint
                />
                <Show when=move || shared.get()>
                    <Switch
                        id="internet"
                        on=internet
                        locked=locked.into()
                        set=move |on| desk.set_internet(on)
                        label="share.internet"
                        hint=move || {
                            words.get(if internet.get() { "share.internet_on" } else { "share.internet_off" })
                        }
                    />
                </Show>
                <ReachLine />
            </div>
            <Qr link=link.into() />
        </section>
    }
}

/// A switch that restarts the relay.
#[component]
fn Switch(
    id: &'static str,
    on: Memo<bool>,
    locked: Signal<bool>,
    set: impl Fn(bool) + 'static,
    label: &'static str,
    hint: impl Fn() -> &'static str + Send + 'static,
) -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    let switch = NodeRef::<Input>::new();
    // Shows what is, also after a switch that was refused.
    Effect::new(move |_| {
        desk.access().track();
        let on = on.get();
        if let Some(switch) = switch.get() {
            switch.set_checked(on);
        }
    });
    view! {
        <label class="switch" class:locked=move || locked.get()>
            <input
                id=id
                type="checkbox"
                role="switch"
                node_ref=switch
                disabled=move || locked.get()
                on:change=move |event| set(event_target_checked(&event))
            />
            <span class="switch-track" aria-hidden="true"></span>
            <span class="switch-text">
                {words.say(label)} <small>{hint}</small>
            </span>
        </label>
    }
}
