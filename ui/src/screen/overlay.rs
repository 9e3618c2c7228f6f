//! The overlay page (`GET /overlay/{room}`): gifts, and chat where it is asked for, over a transparent ground, for the
//! browser source of another broadcasting program. It only listens.

use std::collections::HashSet;

use footlight_protocol::room::ServerMessage;
use footlight_protocol::spend::Paid;
use leptos::prelude::*;

use crate::browser;
use crate::part::badge::badges_view;
use crate::part::gift_cards::GiftCards;
use crate::part::goal::GoalBar;
use crate::part::message::shown_name;
use crate::part::strip::Strip;
use crate::seat::Seat;
use crate::socket::Address;
use crate::store::gifts::Parade;
use crate::store::i18n::Language;
use crate::store::overlay::Choices;
use crate::store::place;
use crate::store::room::{LineKind, RoomEvent};
use crate::words;

#[component]
pub fn Overlay() -> impl IntoView {
    let location = window().location();
    let choices = Choices::of(&location.search().unwrap_or_default());
    let language = choices.language.clone().unwrap_or_else(browser::language);
    let words = words::provide(Language::of(&language));
    let room = place::overlay(&location.pathname().unwrap_or_default());
    let seat = Seat::provide();
    let parade = seat.parade();
    parade.update(|parade| parade.least = choices.least);
    let socket = browser::socket_url(&format!("/ws/{room}"));
    // A seat of its own each time: the page is nobody.
    let address = Address { socket, probe: Some("/healthz".to_owned()), token: None, owner: None };
    seat.connect(address, move |event| {
        if let RoomEvent::Server(ServerMessage::Overlay { control }) = event {
            parade.update(|parade| parade.obey(*control, browser::now_ms()));
        }
    });
    if let Some(least) = choices.say {
        // Each card is read out once, when it comes up; what it grows to is to be seen.
        let said = StoredValue::new(HashSet::<u64>::new());
        Effect::new(move |_| {
            let up: Vec<_> = parade.with(Parade::up_now);
            said.update_value(|said| {
                for card in up.iter().filter(|card| card.run.coins() >= least && !said.contains(&card.id)) {
                    let gift = words.gift(&card.run.gift);
                    let sent =
                        words.fill("gift.sent", &[("gift", &gift), ("n", &card.run.count().to_string())]);
                    browser::say(&format!("{} {sent}", shown_name(&card.run.by)), words.language().tag());
                }
                *said = up.iter().map(|card| card.id).collect();
            });
        });
    }
    let lines = move || {
        let room = seat.room();
        room.with(|room| {
            let said = room.lines().rev().filter_map(|line| match &line.kind {
                LineKind::Said { by, text, .. } | LineKind::Paid(Paid { by, text, .. }) => {
                    Some((line.id, by.clone(), text.clone()))
                }
                _ => None,
            });
            let mut newest: Vec<_> = said.take(choices.chat).collect();
            newest.reverse();
            newest
        })
    };
    view! {
        <main class="overlay">
            <GoalBar />
            <Strip />
            <GiftCards />
            <ul class="overlay-chat">
                <For each=lines key=|(id, ..)| *id let((_, by, text))>
                    <li>
                        <strong>{shown_name(&by)} {badges_view(words, by.badges)}</strong>
                        {text}
                    </li>
                </For>
            </ul>
        </main>
    }
}
