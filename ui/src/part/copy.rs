//! A button that copies a field's text, and a field that can only be copied.

use std::time::Duration;

use leptos::html::Input;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::browser;
use crate::part::icon::Icon;
use crate::words::use_words;

/// How long the button says that it copied.
const COPIED: Duration = Duration::from_secs(2);

#[component]
pub fn CopyButton(id: &'static str, text: Signal<String>, field: NodeRef<Input>) -> impl IntoView {
    let words = use_words();
    let copied = RwSignal::new(false);
    let copy = move |_| {
        let text = text.get_untracked();
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
    view! {
        <button id=id type="button" class="quiet copy" class:done=move || copied.get() on:click=copy>
            {move || if copied.get() { Icon::Check.view() } else { Icon::Copy.view() }}
            <span aria-live="polite">
                {move || words.get(if copied.get() { "share.copied" } else { "share.copy" })}
            </span>
        </button>
    }
}

/// A text to take elsewhere, under its name.
#[component]
pub fn CopyField(
    id: &'static str,
    button: &'static str,
    label: &'static str,
    text: Signal<String>,
) -> impl IntoView {
    let words = use_words();
    let field = NodeRef::<Input>::new();
    view! {
        <div class="copy-field">
            <label for=id>{words.say(label)}</label>
            <input
                id=id
                type="text"
                readonly
                node_ref=field
                prop:value=move || text.get()
                on:focus=move |_| {
                    if let Some(field) = field.get_untracked() {
                        field.select();
                    }
                }
            />
            <CopyButton id=button text field />
        </div>
    }
}
