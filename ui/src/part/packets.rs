//! Red packets that can be opened, above the chat.

use footlight_protocol::Seq;
use footlight_protocol::spend::Spend;
use leptos::prelude::*;

use crate::part::message::shown_name;
use crate::seat::Seat;
use crate::store::i18n;
use crate::store::spend::Shown;
use crate::words::use_words;

#[component]
pub fn Packets() -> impl IntoView {
    let seat = Seat::get();
    let packets = Memo::new(move |_| seat.room().with(|room| room.spend.packets.clone()));
    let ids = Memo::new(move |_| {
        let any = packets.with(|packets| !packets.is_empty());
        // Only while there are some does this follow the clock.
        let now = if any { seat.relay_now(seat.now().get()) } else { 0.0 };
        packets.with(|packets| {
            let there = packets.iter().filter(|shown| shown.goes as f64 > now);
            there.map(|shown| shown.open.id).collect::<Vec<_>>()
        })
    });
    view! {
        <Show when=move || ids.with(|ids| !ids.is_empty())>
            <ul class="packets">
                <For each=move || ids.get() key=|id| *id let:id>
                    <PacketCard id packets />
                </For>
            </ul>
        </Show>
    }
}

#[component]
fn PacketCard(id: Seq, packets: Memo<Vec<Shown>>) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let shown =
        Memo::new(move |_| packets.with(|packets| packets.iter().find(|shown| shown.open.id == id).cloned()));
    let title = move || {
        let by = shown.with(|shown| shown.as_ref().map(|shown| shown_name(&shown.open.packet.by)));
        words.fill("packet.of", &[("name", &by.unwrap_or_default())])
    };
    let state = move || {
        let Some(Shown { open, over, .. }) = shown.get() else { return String::new() };
        match open.mine {
            Some(coins) if coins > 0 => words.fill("packet.got", &[("n", &coins.to_string())]),
            Some(_) => words.get("packet.got_one").to_owned(),
            None if over => words.get("packet.over").to_owned(),
            None => {
                let left = (open.packet.until as f64 - seat.relay_now(seat.now().get())).max(0.0);
                let shares = open.packet.takers.saturating_sub(open.drawn);
                let clock = i18n::clock((left / 1_000.0).ceil() as u64);
                words.fill(
                    "packet.left",
                    &[("n", &shares.to_string()), ("of", &open.packet.takers.to_string()), ("time", &clock)],
                )
            }
        }
    };
    let can_open = Memo::new(move |_| {
        let there =
            shown.with(|shown| shown.as_ref().is_some_and(|one| !one.over && one.open.mine.is_none()));
        let waits = seat
            .room()
            .with(|room| room.spend.asked().iter().any(|(_, what)| *what == Spend::Draw { packet: id }));
        there && !waits && !seat.owns().get()
    });
    let won = move || shown.with(|shown| shown.as_ref().is_some_and(|shown| shown.open.mine.is_some()));
    view! {
        <li class="packet" class:won=won data-packet=id.0.to_string()>
            <span class="packet-icon" aria-hidden="true">"🧧"</span>
            <p class="packet-words">
                <strong>{title}</strong>
                <span role="status">{state}</span>
            </p>
            <Show when=move || can_open.get()>
                <button
                    type="button"
                    class="packet-open"
                    on:click=move |_| drop(seat.spend(Spend::Draw { packet: id }))
                >
                    {words.say("packet.open")}
                </button>
            </Show>
        </li>
    }
}
