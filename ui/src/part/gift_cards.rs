//! Gifts over the picture: each run a card that grows, grand ones across it.

use std::time::Duration;

use footlight_protocol::gift::Show as Much;
use leptos::prelude::*;

use crate::browser;
use crate::part::badge::badges_view;
use crate::part::goal::Cheer;
use crate::part::message::shown_name;
use crate::seat::Seat;
use crate::store::gifts::{Card, Parade};
use crate::words::use_words;

/// How often cards are looked at. A quarter of the shortest time that anybody notices between two cards.
const LOOK: Duration = Duration::from_millis(100);

#[component]
pub fn GiftCards() -> impl IntoView {
    let parade = Seat::get().parade();
    set_interval(
        move || {
            if !parade.with_untracked(Parade::is_idle) {
                parade.update(|parade| parade.tick(browser::now_ms()));
            }
        },
        LOOK,
    );
    let cards = Memo::new(move |_| parade.with(|parade| parade.up().to_vec()));
    let keys = move || cards.with(|cards| cards.iter().map(|card| card.id).collect::<Vec<_>>());
    view! {
        <div class="gift-cards" aria-hidden="true">
            <For each=keys key=|id| *id let:id>
                {
                    let card = Memo::new(move |_| {
                        cards.with(|cards| cards.iter().find(|card| card.id == id).cloned())
                    });
                    view! { <GiftCard card /> }
                }
            </For>
        </div>
        <Cheer />
    }
}

#[component]
fn GiftCard(card: Memo<Option<Card>>) -> impl IntoView {
    let words = use_words();
    let Some(first) = card.get_untracked() else { return ().into_any() };
    let (gift, by) = (first.run.gift.clone(), first.run.by.clone());
    let count = Memo::new(move |_| card.with(|card| card.as_ref().map_or(0, |card| card.run.count())));
    let class = match gift.show {
        Much::Small => "gift-card small",
        Much::Medium => "gift-card medium",
        Much::Grand => "gift-card grand",
    };
    let (icon, id) = (gift.icon.clone(), gift.id.to_string());
    view! {
        <div class=class data-gift=id>
            <span class="gift-icon">{icon}</span>
            <span class="gift-words">
                <strong>{shown_name(&by)} {badges_view(words, by.badges)}</strong>
                <span>{move || words.gift(&gift)}</span>
            </span>
            // Each number is an element of its own, so that it jumps when it changes.
            {move || {
                let n = count.get();
                (n > 1).then(|| view! { <span class="gift-times">{format!("×{n}")}</span> })
            }}
        </div>
    }
    .into_any()
}
