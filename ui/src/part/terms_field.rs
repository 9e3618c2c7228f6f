//! What holds for those who spend coins, for the creator to set.

use footlight_protocol::gift::MAX_PRICE;
use footlight_protocol::spend::{Arrange, Terms};
use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::seat::Seat;
use crate::words::use_words;

#[component]
pub fn TermsField() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let terms = Memo::new(move |_| seat.room().with(|room| room.spend.terms));
    let typed = RwSignal::new(None::<String>);
    let price = move || typed.get().unwrap_or_else(|| terms.get().membership.to_string());
    let wanted = move || price().trim().parse::<u32>().ok().filter(|price| *price <= MAX_PRICE);
    let changed = move || wanted().is_some_and(|price| price != terms.get().membership);
    // What holds now is what was typed: nothing is left to save.
    Effect::new(move |_| {
        if wanted() == Some(terms.get().membership) && typed.with_untracked(Option::is_some) {
            typed.set(None);
        }
    });
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let (true, Some(membership)) = (changed(), wanted()) {
            seat.arrange(Arrange::Terms { terms: Terms { membership, ..terms.get_untracked() } });
        }
    };
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
            <form class="goal-row" on:submit=save>
                <label class="terms-price">
                    <span>{words.say("terms.membership")}</span>
                    <span class="gift-row-price">
                        {Icon::Coin.view()}
                        <input
                            id="terms-membership"
                            type="number"
                            min="0"
                            max=MAX_PRICE.to_string()
                            prop:value=price
                            on:input=move |event| typed.set(Some(event_target_value(&event)))
                        />
                    </span>
                </label>
                <button id="terms-save" type="submit" class="secondary" disabled=move || !changed()>
                    {words.say("name.save_only")}
                </button>
            </form>
            <p>{words.say("terms.membership_text")}</p>
        </section>
    }
}
