//! Messages that were paid for, above the chat for as long as they were paid for.

use footlight_protocol::room::Action;
use footlight_protocol::spend::{Standing, tier};
use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::part::message::name_view;
use crate::part::refund::Refund;
use crate::seat::Seat;
use crate::words::use_words;

#[component]
pub fn Strip() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let strip = Memo::new(move |_| seat.room().with(|room| room.spend.strip.clone()));
    // The newest is the first that is seen.
    let rows = move || strip.get().into_iter().rev().collect::<Vec<_>>();
    view! {
        <Show when=move || strip.with(|strip| !strip.is_empty())>
            <ul class="paid-strip" aria-label=words.say("paid.title")>
                <For each=rows key=|one| (one.id, one.paid.coins) let:one>
                    <PaidMessage one />
                </For>
            </ul>
        </Show>
    }
}

#[component]
fn PaidMessage(one: Standing) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let Standing { id, paid } = one;
    let (by, entry, coins) = (paid.by.clone(), paid.entry, paid.coins);
    let take_down = move |_| seat.moderate(Action::Delete { message: id }, &by);
    view! {
        <li class=format!("paid tier-{}", tier(coins)) data-entry=entry.to_string()>
            <p class="message-line">
                {name_view(words, &paid.by)}
                {(coins > 0).then(|| view! { <span class="coins">{Icon::Coin.view()} {coins}</span> })}
                <span class="paid-text">{paid.text}</span>
            </p>
            <Show when=move || seat.moderates().get()>
                <button
                    type="button"
                    class="tool"
                    title=words.say("pin.take_down")
                    aria-label=words.say("pin.take_down")
                    on:click=take_down.clone()
                >
                    {Icon::Close.view()}
                </button>
            </Show>
            <Refund entry says="paid.refund" />
        </li>
    }
}
