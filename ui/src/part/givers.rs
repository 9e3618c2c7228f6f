//! Who gave most: the first three in a line, all of them behind it.

use footlight_protocol::gift::{Board, Giver};
use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::seat::Seat;
use crate::words::use_words;

/// Those that stand in the line.
const FIRST: usize = 3;

/// Since when it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Broadcast,
    Day,
    Week,
}

impl Since {
    const ALL: [(Self, &str); 3] =
        [(Self::Broadcast, "givers.session"), (Self::Day, "givers.day"), (Self::Week, "givers.week")];

    fn of(self, board: &Board) -> Vec<Giver> {
        match self {
            Self::Broadcast => board.session.clone(),
            Self::Day => board.day.clone(),
            Self::Week => board.week.clone(),
        }
    }
}

#[component]
pub fn Givers() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let board = Memo::new(move |_| seat.room().with(|room| room.board.clone()));
    let open = RwSignal::new(false);
    let chosen = RwSignal::new(None::<Since>);
    // What this broadcast brought, as soon as it has.
    let first = Memo::new(move |_| {
        board.with(|board| if board.session.is_empty() { Since::Week } else { Since::Broadcast })
    });
    let since = move || chosen.get().unwrap_or_else(|| first.get());
    let any = move || board.with(|board| !board.week.is_empty());
    let listed = move || board.with(|board| since().of(board));
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
                            .with(|board| first.get().of(board))
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
                            {Since::ALL
                                .map(|(one, key)| {
                                    view! {
                                        <button
                                            type="button"
                                            role="tab"
                                            aria-selected=move || (since() == one).to_string()
                                            on:click=move |_| chosen.set(Some(one))
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
