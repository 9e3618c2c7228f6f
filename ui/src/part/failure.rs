//! What went wrong with a command, until it is dismissed.

use leptos::prelude::*;

use crate::desk::Desk;
use crate::part::icon::Icon;
use crate::words::use_words;

#[component]
pub fn FailureBar() -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    view! {
        <div class="failure-place" role="alert">
            {move || {
                desk.failure()
                    .get()
                    .map(|failure| {
                        view! {
                            <div id="failure" class="failure">
                                {Icon::Warning.view()} <span>{words.failure(&failure)}</span>
                                <button
                                    type="button"
                                    class="quiet square"
                                    aria-label=words.say("common.dismiss")
                                    on:click=move |_| desk.dismiss_failure()
                                >
                                    {Icon::Close.view()}
                                </button>
                            </div>
                        }
                    })
            }}
        </div>
    }
}
