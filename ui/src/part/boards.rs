//! What stands over the picture while there is none: not live yet, interrupted, cannot play, banned.

use std::time::Duration;

use leptos::prelude::*;

use crate::part::icon::{Icon, Mark};
use crate::part::replays::Replays;
use crate::seat::Seat;
use crate::store::playback::{Status, Why};
use crate::viewing::Viewing;
use crate::words::{Words, use_words};

/// How long the button says that it tries: long enough to be read.
const ASKED: Duration = Duration::from_secs(1);

#[component]
pub fn Boards() -> impl IntoView {
    let (viewing, seat, words) = (Viewing::get(), Seat::get(), use_words());
    let retry_s = Memo::new(move |_| {
        let left = viewing.retry_at().get() - seat.now().get();
        (left > 0.0).then(|| (left / 1_000.0).ceil() as u64)
    });
    let back = Memo::new(move |_| seat.room().with(|room| room.expected_back(seat.now().get())));
    let card = Memo::new(move |_| seat.room().with(|room| room.card.clone()));
    move || {
        match viewing.status().get() {
        Status::Playing => view! { <Leaving /> }.into_any(),
        Status::Interrupted | Status::Connecting if back.get() => view! {
            <div class="strip" role="status">
                <span class="spinner" aria-hidden="true"></span>
                {words.say("leaving.gone")}
            </div>
        }
        .into_any(),
        Status::Failed(Why::Unreachable) if back.get() => view! {
            <div class="board leaving" role="status">
                <Mark />
                <h1>{words.say("leaving.title")}</h1>
                <p>{words.say("leaving.text")}</p>
            </div>
        }
        .into_any(),
        Status::Connecting => view! {
            <div class="board connecting" role="status">
                <span class="spinner big" aria-hidden="true"></span>
                <p>{words.say("watch.connecting")}</p>
            </div>
        }
        .into_any(),
        Status::Interrupted => view! {
            <div class="strip" role="status">
                <span class="spinner" aria-hidden="true"></span>
                {words.say("watch.interrupted")}
            </div>
        }
        .into_any(),
        Status::Offline => view! {
            <div class="board offline" role="status">
                <Mark />
                <h1>{words.say("watch.offline")}</h1>
                {move || card.get().map(|said| view! { <p class="board-said">{said}</p> })}
                <p>{words.say("watch.offline_text")}</p>
                <Replays />
            </div>
        }
        .into_any(),
        Status::Banned => view! {
            <div class="board banned" role="alert">
                {Icon::Ban.view()} <h1>{words.say("watch.banned")}</h1> <p>{words.say("watch.banned_text")}</p>
                <Knock />
            </div>
        }
        .into_any(),
        Status::Failed(why) => failed(words, why, retry_s),
    }
    }
}

/// The relay is about to restart, and everything still goes on: a line that says so, with the time that is left.
#[component]
fn Leaving() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let minutes = Memo::new(move |_| {
        let at = seat.room().with(|room| room.leaving)?;
        let left = at as f64 - seat.relay_now(seat.now().get());
        Some((left / 60_000.0).round().max(0.0) as u32)
    });
    let says = move |minutes: u32| match minutes {
        0 => words.get("leaving.soon").to_owned(),
        minutes => words.count("leaving.in_one", "leaving.in_many", minutes),
    };
    move || {
        minutes.get().map(|minutes| view! { <div class="strip" role="status">{move || says(minutes)}</div> })
    }
}

/// Asks at the door again. It says so for a moment, because the answer usually changes nothing.
#[component]
fn Knock() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let asked = RwSignal::new(false);
    let knock = move |_| {
        asked.set(true);
        seat.knock();
        set_timeout(
            move || {
                asked.try_set(false);
            },
            ASKED,
        );
    };
    view! {
        <button id="try-again" type="button" class="secondary" disabled=move || asked.get() on:click=knock>
            {move || words.get(if asked.get() { "watch.retry_now" } else { "watch.try_again" })}
        </button>
    }
}

fn failed(words: Words, why: Why, retry_s: Memo<Option<u64>>) -> AnyView {
    // What is missing in the browser does not come back by waiting.
    let waits = matches!(why, Why::Blocked | Why::Unreachable | Why::Refused(_));
    let text = move || match &why {
        Why::NoPlayer => words.get("why.no_player").to_owned(),
        Why::NoH264 => words.get("why.no_h264").to_owned(),
        Why::Blocked => words.get("why.blocked").to_owned(),
        Why::Unreachable => words.get("why.unreachable").to_owned(),
        Why::Refused(failure) => words.failure(failure),
    };
    let again = move || match retry_s.get() {
        Some(left) => words.fill("watch.retry_in", &[("n", &left.to_string())]),
        None => words.get("watch.retry_now").to_owned(),
    };
    view! {
        <div class="board failed" role="alert">
            {Icon::Warning.view()} <h1>{words.say("watch.failed")}</h1> <p>{text}</p>
            {waits.then(|| view! { <p class="retry">{again}</p> })}
        </div>
    }
    .into_any()
}
