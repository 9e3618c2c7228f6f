//! The file for somebody who helps when something is wrong: what is in it, the button that writes it, and where it is.

use footlight_protocol::Failure;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::bridge;
use crate::part::copy::CopyField;
use crate::words::use_words;

#[component]
pub fn DiagnosticsField() -> impl IntoView {
    let words = use_words();
    let busy = RwSignal::new(false);
    let path = RwSignal::new(String::new());
    let wrong = RwSignal::new(None::<Failure>);
    let export = move |_| {
        busy.set(true);
        wrong.set(None);
        spawn_local(async move {
            match bridge::export_diagnostics().await {
                Ok(written) => drop(path.try_set(written)),
                Err(failure) => drop(wrong.try_set(Some(failure))),
            }
            busy.try_set(false);
        });
    };
    let show = move |_| {
        wrong.set(None);
        spawn_local(async move {
            if let Err(failure) = bridge::show_diagnostics().await {
                wrong.try_set(Some(failure));
            }
        });
    };
    let written = Memo::new(move |_| path.with(|path| !path.is_empty()));
    view! {
        <section class="diagnostics-field" aria-labelledby="diagnostics-title">
            <h3 id="diagnostics-title">{words.say("diagnostics.title")}</h3>
            <p>{words.say("diagnostics.text")}</p>
            <div class="overlay-buttons">
                <button
                    id="diagnostics-export"
                    type="button"
                    class="secondary"
                    disabled=move || busy.get()
                    on:click=export
                >
                    {words.say("diagnostics.export")}
                </button>
                <Show when=move || written.get()>
                    <button id="diagnostics-show" type="button" class="secondary" on:click=show>
                        {words.say("diagnostics.show")}
                    </button>
                </Show>
            </div>
            <div role="status">
                <Show when=move || written.get()>
                    <CopyField
                        id="diagnostics-path"
                        button="diagnostics-copy"
                        label="diagnostics.path"
                        text=path.into()
                    />
                </Show>
            </div>
            <p class="key-failure" role="alert">
                {move || wrong.with(|wrong| wrong.as_ref().map(|failure| words.failure(failure)))}
            </p>
        </section>
    }
}
