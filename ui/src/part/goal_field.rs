//! What the creator wishes for, to set and to take away.

use footlight_protocol::spend::{Arrange, MAX_GOAL, MAX_GOAL_TITLE, NewGoal};
use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::seat::Seat;
use crate::words::use_words;

#[component]
pub fn GoalField() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let goal = Memo::new(move |_| seat.room().with(|room| room.spend.goal.clone()));
    let (title, target) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let wish = move || {
        let title = title.with(|title| title.trim().to_owned());
        let target = target.with(|target| target.trim().parse::<u64>().ok())?;
        let fits = (1..=MAX_GOAL_TITLE).contains(&title.chars().count()) && (1..=MAX_GOAL).contains(&target);
        fits.then_some(NewGoal { title, target })
    };
    // It is up: nothing is left to set.
    Effect::new(move |before: Option<Option<String>>| {
        let now = goal.with(|goal| goal.as_ref().map(|goal| goal.title.clone()));
        if before.is_some_and(|before| before != now)
            && now.as_deref() == Some(title.with_untracked(|title| title.trim().to_owned()).as_str())
        {
            title.set(String::new());
            target.set(String::new());
        }
        now
    });
    let set = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let Some(goal) = wish() {
            seat.arrange(Arrange::Goal { goal: Some(goal) });
        }
    };
    let now = move || {
        goal.get().map(|goal| {
            let far = goal.coins.map(|coins| format!("{} / {}", coins.given, coins.target));
            view! {
                <p class="goal-now">
                    {Icon::Flag.view()} <strong>{goal.title}</strong> <span class="goal-far">{far}</span>
                    <button
                        id="goal-remove"
                        type="button"
                        class="quiet square"
                        title=words.say("goal.remove")
                        aria-label=words.say("goal.remove")
                        on:click=move |_| seat.arrange(Arrange::Goal { goal: None })
                    >
                        {Icon::Trash.view()}
                    </button>
                </p>
            }
        })
    };
    view! {
        <form class="goal-field" on:submit=set>
            <h3>{words.say("goal.title")}</h3>
            <p>{words.say("goal.text")}</p>
            {now}
            <div class="goal-row">
                <input
                    id="goal-name"
                    type="text"
                    maxlength=MAX_GOAL_TITLE.to_string()
                    aria-label=words.say("goal.name")
                    placeholder=words.say("goal.name")
                    prop:value=move || title.get()
                    on:input=move |event| title.set(event_target_value(&event))
                />
                <label class="gift-row-price">
                    {Icon::Coin.view()}
                    <input
                        id="goal-target"
                        type="number"
                        min="1"
                        max=MAX_GOAL.to_string()
                        aria-label=words.say("goal.target")
                        placeholder="1000"
                        prop:value=move || target.get()
                        on:input=move |event| target.set(event_target_value(&event))
                    />
                </label>
                <button id="goal-set" type="submit" class="secondary" disabled=move || wish().is_none()>
                    {words.say("goal.set")}
                </button>
            </div>
        </form>
    }
}
