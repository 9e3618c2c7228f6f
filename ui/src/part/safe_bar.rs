//! Says that the studio was started in safe mode, what that means, and the way back.

use footlight_protocol::studio::Phase;
use leptos::prelude::*;

use crate::desk::Desk;
use crate::part::icon::Icon;
use crate::words::use_words;

#[component]
pub fn SafeBar() -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    let idle = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.phase == Phase::Idle));
    view! {
        <div class="notes" role="status">
            <Show when=move || desk.safe().get()>
                <section id="safe-mode" class="note safe">
                    {Icon::Shield.view()}
                    <div>
                        <h2>{words.say("safe.title")}</h2>
                        <p>{words.say("safe.text")}</p>
                    </div>
                    // Closing it would end a broadcast.
                    <button
                        id="start-normally"
                        type="button"
                        class="secondary"
                        disabled=move || !idle.get()
                        on:click=move |_| desk.start_normally()
                    >
                        {words.say("safe.again")}
                    </button>
                </section>
            </Show>
        </div>
    }
}
