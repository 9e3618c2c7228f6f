//! A question before something that people would notice.

use leptos::prelude::*;

use crate::part::modal::modal;
use crate::words::use_words;

/// Opens while `open`; the browser keeps the focus inside and gives it back.
#[component]
pub fn Confirm(
    open: RwSignal<bool>,
    title: Signal<String>,
    text: Signal<String>,
    yes: &'static str,
    no: &'static str,
    on_yes: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let words = use_words();
    let dialog = modal(move || open.get());
    view! {
        <dialog class="dialog" node_ref=dialog aria-labelledby="confirm-title" on:close=move |_| open.set(false)>
            <h2 id="confirm-title">{title}</h2>
            <p>{text}</p>
            <div class="dialog-buttons">
                <button id="confirm-no" type="button" class="secondary" on:click=move |_| open.set(false)>
                    {words.say(no)}
                </button>
                <button
                    id="confirm-yes"
                    type="button"
                    class="danger"
                    on:click=move |_| {
                        open.set(false);
                        on_yes();
                    }
                >
                    {words.say(yes)}
                </button>
            </div>
        </dialog>
    }
}
