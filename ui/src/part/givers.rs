//! Who gave most: the first three in a line, all of them behind it.

use footlight_protocol::gift::Giver;
use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::seat::Seat;
use crate::words::use_words;

/// Those that stand in the line.
const FIRST: usize = 3;

#[component]
pub fn Givers() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let board = Memo::new(move |_| seat.room().with(|room| room.board.clone()));
    let open = RwSignal::new(false);
    let week = RwSignal::new(true);
    let any = move || board.with(|board| !board.week.is_empty());
    let listed = move || board.with(|board| if week.get() { board.week.clone() } else { board.day.clone() });
    view! {
        <Show when=any>
            <section class="givers" aria-label=words.say("givers.title")>
                <button
                    id="givers-open"
                    type="button"
                    class="givers-line"
                    aria-expanded=move || open.get().to_string()
                    on:click=move |_| open.update(|open| *open = !*open)
                >
                    {Icon::Trophy.view()}
                    <span class="hidden">{words.say("givers.title")}</span>
                    {move || {
                        board
                            .with(|board| board.week.clone())
                            .into_iter()
                            .take(FIRST)
                            .map(|giver| {
                                view! {
                                    <span class="giver-first">
                                        <strong>{giver.name}</strong> <span class="coins">{Icon::Coin.view()} {giver.coins}</span>
                                    </span>
                                }
                            })
                            .collect_view()
                    }}
                </button>
                <Show when=move || open.get()>
                    <div class="givers-board">
                        <div class="givers-tabs" role="tablist">
                            {[(false, "givers.day"), (true, "givers.week")]
                                .map(|(of_week, key)| {
                                    view! {
                                        <button
                                            type="button"
                                            role="tab"
                                            aria-selected=move || (week.get() == of_week).to_string()
                                            on:click=move |_| week.set(of_week)
                                        >
                                            {words.say(key)}
                                        </button>
                                    }
                                })
                                .collect_view()}
                        </div>
                        <ol>
                            {move || listed().into_iter().map(row).collect_view()}
                        </ol>
                        <Show when=move || listed().is_empty()>
                            <p class="givers-none">{words.say("givers.none")}</p>
                        </Show>
                    </div>
                </Show>
            </section>
        </Show>
    }
}

fn row(giver: Giver) -> impl IntoView {
    view! {
        <li>
            <span class="giver-name">{giver.name}</span>
            <span class="coins">{Icon::Coin.view()} {giver.coins}</span>
        </li>
    }
}
