//! A run of gifts in the log. The owner can give the newest of it back.

use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::part::message::name_view;
use crate::part::refund::Refund;
use crate::store::gifts::Run;
use crate::words::use_words;

#[component]
pub fn GiftLine(run: Run) -> impl IntoView {
    let words = use_words();
    let entry = run.newest().entry;
    let (count, coins) = (run.count(), run.coins());
    let gift = run.gift.clone();
    let text = move || words.fill("gift.sent", &[("gift", &words.gift(&gift)), ("n", &count.to_string())]);
    view! {
        <div class="message gift" data-entry=entry.to_string() data-user=run.by.id.to_string()>
            <span class="gift-icon" aria-hidden="true">{run.gift.icon.clone()}</span>
            <p class="message-line">
                {name_view(words, &run.by)} <span class="message-text">{text}</span>
                {(coins > 0).then(|| view! { <span class="coins">{Icon::Coin.view()} {coins}</span> })}
            </p>
            <Refund entry says="gift.refund" />
        </div>
    }
}
