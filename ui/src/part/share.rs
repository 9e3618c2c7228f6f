//! How people come to watch: the link, its QR code, and who can open it.

use std::time::Duration;

use leptos::html::Input;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::browser;
use crate::desk::Desk;
use crate::part::icon::Icon;
use crate::part::qr::Qr;
use crate::words::use_words;

/// How long the button says that it copied.
const COPIED: Duration = Duration::from_secs(2);

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
    let locked = move || on_air.get() || desk.switching().get();
    let copied = RwSignal::new(false);
    let field = NodeRef::<Input>::new();
    let switch = NodeRef::<Input>::new();
    // Shows what is, also after a switch that was refused.
    Effect::new(move |_| {
        desk.access().track();
        let shared = shared.get();
        if let Some(switch) = switch.get() {
            switch.set_checked(shared);
        }
    });
    let copy = move |_| {
        let text = link.get_untracked();
        spawn_local(async move {
            let mut done = browser::copy(&text).await;
            if !done && let Some(field) = field.get_untracked() {
                // The old way needs the text selected; if that fails too, it is selected for Ctrl+C.
                let _ = field.focus();
                field.select();
                done = browser::copy_selection();
            }
            copied.set(done);
            browser::sleep(COPIED).await;
            copied.try_set(false);
        });
    };
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
                    <button id="copy" type="button" class="quiet" class:done=move || copied.get() on:click=copy>
                        {move || if copied.get() { Icon::Check.view() } else { Icon::Copy.view() }}
                        <span aria-live="polite">
                            {move || words.get(if copied.get() { "share.copied" } else { "share.copy" })}
                        </span>
                    </button>
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
                <label class="switch" class:locked=locked>
                    <input
                        id="sharing"
                        type="checkbox"
                        role="switch"
                        node_ref=switch
                        disabled=locked
                        on:change=move |event| desk.set_sharing(event_target_checked(&event))
                    />
                    <span class="switch-track" aria-hidden="true"></span>
                    <span class="switch-text">
                        {words.say("share.network")} <small>{hint}</small>
                    </span>
                </label>
            </div>
            <Qr link=link.into() />
        </section>
    }
}
