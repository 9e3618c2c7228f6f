//! What the creator wishes for: how far it is, and the moment in which it is reached.

use footlight_protocol::spend::Goal;
use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::seat::Seat;
use crate::words::use_words;

/// A bar with its title; nothing where there is no goal.
#[component]
pub fn GoalBar() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let goal = Memo::new(move |_| seat.room().with(|room| room.spend.goal.clone()));
    let there = Memo::new(move |_| goal.with(Option::is_some));
    let percent = Memo::new(move |_| goal.with(|goal| goal.as_ref().map_or(0, |goal| goal.percent)));
    let reached = Memo::new(move |_| goal.with(|goal| goal.as_ref().is_some_and(|goal| goal.reached)));
    let title = move || goal.with(|goal| goal.as_ref().map(|goal| goal.title.clone()));
    let far = move || goal.with(|goal| goal.as_ref().map(how_far));
    view! {
        <Show when=move || there.get()>
            <section id="goal" class="goal" class:reached=move || reached.get() aria-label=words.say("goal.title")>
                <p class="goal-words">
                    {move || if reached.get() { Icon::Check.view() } else { Icon::Flag.view() }}
                    <strong class="goal-title">{title}</strong>
                    <span class="goal-far">{far}</span>
                </p>
                <div
                    class="goal-bar"
                    role="progressbar"
                    aria-label=words.say("goal.title")
                    aria-valuemin="0"
                    aria-valuemax="100"
                    aria-valuenow=move || percent.get().to_string()
                >
                    <span class="goal-fill" style:width=move || format!("{}%", percent.get())></span>
                </div>
            </section>
        </Show>
    }
}

fn how_far(goal: &Goal) -> String {
    goal.coins
        .map_or_else(|| format!("{} %", goal.percent), |coins| format!("{} / {}", coins.given, coins.target))
}

/// Over the picture, for a moment: the goal is reached.
#[component]
pub fn Cheer() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    move || {
        seat.cheer().get().map(|title| {
            view! {
                <div class="cheer" role="status">
                    <span class="cheer-icon" aria-hidden="true">"🎉"</span>
                    <strong>{words.say("goal.reached")}</strong>
                    <span>{title}</span>
                </div>
            }
        })
    }
}
