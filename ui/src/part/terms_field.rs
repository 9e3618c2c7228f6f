//! What holds for those who spend coins, for the creator to set.

use footlight_protocol::spend::{Arrange, Terms};
use leptos::prelude::*;

use crate::seat::Seat;
use crate::words::use_words;

#[component]
pub fn TermsField() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let terms = Memo::new(move |_| seat.room().with(|room| room.spend.terms));
    let hide = move |event| {
        let hidden = event_target_checked(&event);
        seat.arrange(Arrange::Terms { terms: Terms { hidden, ..terms.get_untracked() } });
    };
    view! {
        <section class="terms-field">
            <h3>{words.say("terms.title")}</h3>
            <label class="rules-check">
                <input
                    id="terms-hidden"
                    type="checkbox"
                    prop:checked=move || terms.get().hidden
                    on:change=hide
                />
                <span>{words.say("terms.hidden")}</span>
            </label>
            <p>{words.say("terms.hidden_text")}</p>
        </section>
    }
}
