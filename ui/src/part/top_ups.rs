//! Who says to have paid, for the creator to look at: the keyboard decides, as with messages that wait.

use footlight_protocol::TopUpId;
use footlight_protocol::coin::{CoinAsk, MAX_REASON, Outcome, TopUp};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::browser;
use crate::part::get_coins::price_text;
use crate::part::icon::Icon;
use crate::part::message::name_view;
use crate::seat::Seat;
use crate::words::use_words;

#[component]
pub fn TopUpList() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let till = seat.till();
    let waiting = Memo::new(move |_| till.with(|till| till.waiting().cloned().collect::<Vec<_>>()));
    let odd = Memo::new(move |_| till.with(|till| till.odd().cloned().collect::<Vec<_>>()));
    // The one that is about to be declined, with the reason as far as it is typed.
    let declining = RwSignal::new(None::<(TopUpId, String)>);
    let failure = move || till.with(|till| till.failure.clone()).map(|failure| words.failure(&failure));
    view! {
        <section id="top-ups" class="held-frame" aria-label=words.say("topup.title")>
            <p class="top-up-failure" role="alert">{failure}</p>
            <div class="held" on:keydown=move |event| keyboard(seat, waiting, declining, &event)>
                <ul class="held-list">
                    <For each=move || odd.get() key=|top_up| top_up.id.clone() let:top_up>
                        <Odd top_up />
                    </For>
                    <For each=move || waiting.get() key=|top_up| top_up.id.clone() let:top_up>
                        <Row top_up waiting declining />
                    </For>
                </ul>
            </div>
            <Show when=move || waiting.with(Vec::is_empty) && odd.with(Vec::is_empty)>
                <div class="log-empty">
                    {Icon::Coin.view()} <strong>{words.say("topup.empty")}</strong>
                    <span>{words.say("topup.empty_text")}</span>
                </div>
            </Show>
            <Show when=move || !waiting.with(Vec::is_empty)>
                <p class="held-keys" aria-hidden="true">
                    <kbd>"A"</kbd>
                    {words.say("topup.approve")}
                    <kbd>"X"</kbd>
                    {words.say("topup.decline")}
                </p>
            </Show>
        </section>
    }
}

#[component]
fn Row(
    top_up: TopUp,
    waiting: Memo<Vec<TopUp>>,
    declining: RwSignal<Option<(TopUpId, String)>>,
) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let TopUp { id, at, by, pack, reference, .. } = top_up;
    let price = pack.clone();
    let (of_busy, of_open, of_approve, of_decline) = (id.clone(), id.clone(), id.clone(), id.clone());
    let busy = Memo::new(move |_| seat.till().with(|till| till.is_deciding(&of_busy)));
    let open = Memo::new(move |_| {
        declining.with(|declining| declining.as_ref().is_some_and(|(id, _)| *id == of_open))
    });
    let decline = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let Some((top_up, reason)) = declining.get_untracked() {
            waiting.with_untracked(|rows| {
                let at = rows.iter().position(|row| row.id == top_up).unwrap_or(0);
                if let Some(next) = neighbour(rows, at) {
                    focus(&next.id);
                }
            });
            seat.ask_coins(CoinAsk::Decline { top_up, reason: reason.trim().to_owned() });
            declining.set(None);
        }
    };
    let moment = move || {
        let parts = [("hour", "numeric"), ("minute", "2-digit"), ("month", "short"), ("day", "numeric")];
        browser::moment(at as f64, words.language().tag(), &parts)
    };
    view! {
        <li class="held-row top-up" tabindex="0" data-top-up=id.to_string() aria-busy=move || busy.get().to_string()>
            <p class="top-up-line">
                {name_view(words, &by)} <span class="gap"></span> <time class="top-up-time">{moment}</time>
            </p>
            <p class="top-up-line">
                <span class="coins">{Icon::Coin.view()} {pack.coins}</span> <span class="gap"></span>
                <strong>{move || price_text(words, &price)}</strong>
            </p>
            {(!reference.is_empty())
                .then(|| {
                    view! {
                        <p class="top-up-reference">
                            <span>{words.say("topup.reference")}</span> <code>{reference}</code>
                        </p>
                    }
                })}
            <Show
                when=move || open.get()
                fallback=move || {
                    let (approve, decline) = (of_approve.clone(), of_decline.clone());
                    view! {
                        <div class="held-buttons">
                            <button
                                type="button"
                                class="held-approve"
                                disabled=move || busy.get()
                                on:click=move |_| {
                                    seat.ask_coins(CoinAsk::Approve { top_up: approve.clone() });
                                }
                            >
                                {Icon::Check.view()} {words.say("topup.approve")}
                            </button>
                            <button
                                type="button"
                                class="held-deny"
                                disabled=move || busy.get()
                                on:click=move |_| ask_why(declining, decline.clone())
                            >
                                {Icon::Close.view()} {words.say("topup.decline")}
                            </button>
                        </div>
                    }
                }
            >
                <form class="top-up-why" on:submit=decline>
                    <input
                        id="top-up-why"
                        type="text"
                        maxlength=(2 * MAX_REASON).to_string()
                        aria-label=words.say("topup.reason")
                        placeholder=words.say("topup.reason")
                        prop:value=move || declining.get().map(|(_, reason)| reason)
                        on:input=move |event| {
                            let text = event_target_value(&event);
                            declining.update(|declining| {
                                if let Some((_, reason)) = declining {
                                    *reason = text;
                                }
                            });
                        }
                    />
                    <div class="held-buttons">
                        <button type="submit" class="held-deny">{Icon::Close.view()} {words.say("topup.decline")}</button>
                        <button type="button" class="quiet" on:click=move |_| declining.set(None)>
                            {words.say("topup.back")}
                        </button>
                    </div>
                </form>
            </Show>
        </li>
    }
}

/// Money that went back while the coins did not.
#[component]
fn Odd(top_up: TopUp) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let TopUp { id, by, pack, outcome, .. } = top_up;
    let (price, coins) = (pack.clone(), pack.coins.to_string());
    let key = if outcome == Outcome::Owed { "topup.owed" } else { "topup.partly" };
    view! {
        <li class="held-row top-up odd">
            <p class="top-up-line">
                {name_view(words, &by)} <span class="gap"></span> <strong>{move || price_text(words, &price)}</strong>
            </p>
            <p class="held-why">{move || words.fill(key, &[("n", &coins)])}</p>
            <div class="held-buttons">
                <button
                    type="button"
                    class="held-approve"
                    on:click=move |_| seat.ask_coins(CoinAsk::Read { top_up: id.clone() })
                >
                    {Icon::Check.view()} {words.say("topup.noted")}
                </button>
            </div>
        </li>
    }
}

/// Opens the field for the reason.
fn ask_why(declining: RwSignal<Option<(TopUpId, String)>>, id: TopUpId) {
    declining.set(Some((id, String::new())));
    request_animation_frame(|| browser::focus("top-up-why"));
}

/// The keys decide about the row that has the focus, else about the oldest.
fn keyboard(
    seat: Seat,
    waiting: Memo<Vec<TopUp>>,
    declining: RwSignal<Option<(TopUpId, String)>>,
    event: &KeyboardEvent,
) {
    let target = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let typing = target.as_ref().is_some_and(|target| target.tag_name() == "INPUT");
    if event.key() == "Escape" && declining.with_untracked(Option::is_some) {
        event.prevent_default();
        let row = declining.with_untracked(|declining| declining.as_ref().map(|(id, _)| id.clone()));
        declining.set(None);
        if let Some(id) = row {
            focus(&id);
        }
        return;
    }
    if typing || event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    let rows = waiting.get_untracked();
    let focused = target
        .and_then(|target| target.closest("[data-top-up]").ok().flatten())
        .and_then(|row| row.get_attribute("data-top-up"))
        .and_then(|id| rows.iter().position(|top_up| top_up.id.as_str() == id));
    let at = focused.unwrap_or(0);
    let Some(row) = rows.get(at) else { return };
    let to = match event.key().as_str() {
        "a" | "A" => {
            seat.ask_coins(CoinAsk::Approve { top_up: row.id.clone() });
            neighbour(&rows, at)
        }
        "x" | "X" | "Delete" => {
            event.prevent_default();
            return ask_why(declining, row.id.clone());
        }
        "ArrowDown" => rows.get(at + usize::from(focused.is_some())),
        "ArrowUp" => at.checked_sub(1).and_then(|at| rows.get(at)),
        _ => return,
    };
    event.prevent_default();
    if let Some(top_up) = to {
        focus(&top_up.id);
    }
}

/// The one that gets the focus before the one at `at` goes and takes it along.
fn neighbour(rows: &[TopUp], at: usize) -> Option<&TopUp> {
    rows.get(at + 1).or_else(|| at.checked_sub(1).and_then(|at| rows.get(at)))
}

fn focus(id: &TopUpId) {
    browser::focus_in(&format!("[data-top-up=\"{id}\"]"));
}
